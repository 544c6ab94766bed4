"""What an export says of itself: README.md for people, manifest.json for programs. Knows twins and boards."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from edgealgos._version import VERSION
from edgealgos.codegen.program.program import Program
from edgealgos.codegen.targets.boards import Board
from edgealgos.codegen.targets.compilers import COMPILERS

from ..folder import MANIFEST, digests
from .literals import power_of_two
from .pieces import BAUD, facts, part
from .project import build_command
from .registers import measured
from .template import template

if TYPE_CHECKING:
    from edgealgos.codegen.cost.report import Report
    from edgealgos.codegen.twin import Twin

    from .applications import Sketch

LICENCE = "MIT"
RULE = "clip(floor((x - offset) * scale + 0.5), min, max) in float32"
WIDE_RULE = "clip(floor(((v - o) + (x - v - (offset - o))) * scale + 0.5), min, max) with v, o: x, offset as float32"
_NO_STARTUP = "Start-up code and the linker script come from your board's maker."
_OWN_STARTUP = "Linked with your `main()`, the compiler adds what starts the processor."


def report_of(twin: Twin, self_test: ArrayLike | None = None, application: str = "serial") -> Report:
    """What an export needs, with its self-test, and for what its sketch does."""
    report = twin.report
    if self_test is not None:
        rows = twin.quantize(self_test)
        report = report.with_self_test(len(rows), rows[:1].nbytes)
    return report.with_application(application, twin.program.input.size)


def with_documents(
    twin: Twin, name: str, layout: str, files: Mapping[str, str], report: Report, sketch: Sketch | None = None
) -> dict[str, str]:
    """Files with the README, and the manifest that lists them all; of a sketch also what it does."""
    files = {**files, "README.md": _readme(twin, name, report, sketch)}
    files = {file: _signed(file, text) for file, text in files.items()}
    own = _of_sketch(sketch) if sketch else {}
    contents = manifest(twin, name, report) | own | {"layout": layout, "files": digests(files)}
    return {**files, MANIFEST: json.dumps(contents, indent=2, ensure_ascii=True) + "\n"}


def _of_sketch(sketch: Sketch) -> dict[str, Any]:
    """What the manifest says of a sketch."""
    if sketch.application != "imu":
        return {"application": sketch.application}
    acceleration, rotation = sketch.sensor.ranges
    sensor = {"name": sketch.sensor.name, "acceleration_range": acceleration, "rotation_range": rotation}
    return {"application": "imu", "sensor": sensor}


def _signed(file: str, text: str) -> str:
    """Text of a file with its licence and the version that made it, where it has no field of its own for them."""
    lines = (f"Made by edgealgos {VERSION}.", f"SPDX-License-Identifier: {LICENCE}")
    if file.endswith(".md"):
        return text + "".join(f"\n<!-- {line} -->" for line in lines) + "\n"
    if file.endswith((".json", ".properties")):
        return text
    mark = "// " if file.endswith((".h", ".cpp", ".ino")) else "#\t" if file == "keywords.txt" else "# "
    return "".join(f"{mark}{line}\n" for line in lines) + text


def manifest(twin: Twin, name: str, report: Report) -> dict[str, Any]:
    """The facts of an export, for programs."""
    program = twin.program
    encoding = program.encoding
    return {
        "format": 2,
        "edgealgos": VERSION,
        "license": LICENCE,
        "name": name,
        "family": program.family,
        "task": program.task,
        "board": twin.board.name,
        "labels": [str(label) for label in program.labels],
        "features": program.input.size,
        "feature_names": list(program.feature_names),
        "steps": program.steps,
        "input": {
            "type": f"int{encoding.qtype.container}",
            "min": encoding.low,
            "max": encoding.high,
            "offset": [float(v) for v in encoding.offset],
            "scale": [float(v) for v in encoding.scale],
            "rule": WIDE_RULE if encoding.wide else RULE,
        },
        "output": {
            "count": program.output.size,
            "frac": program.output.type.frac,
            **({"probabilities": program.link.title} if program.task == "classifier" else {}),
        },
        "serial": {"baud": BAUD},
        "predicted": {
            "flash_bytes": report.flash_bytes,
            "ram_bytes": report.ram_bytes,
            "model_bytes": report.model_bytes,
            "cycles": None,
            **({report.unit: report.cycles} if report.cycle_items else {}),
        },
        "model_items": dict(report.model_items),
        **({"warnings": list(report.warnings)} if report.warnings else {}),
    }


def _readme(twin: Twin, name: str, report: Report, sketch: Sketch | None) -> str:
    program = twin.program
    encoding = program.encoding
    if program.task == "classifier":
        rows = [f"| {i} | {_markdown(str(label))} |" for i, label in enumerate(program.labels)]
        outputs = "\n".join(["| index | label |", "|---|---|", *rows])
    else:
        outputs = f"One number: `real = raw * {power_of_two(-program.output.type.frac)}`."
    if encoding.uniform:
        rule = f"`(x - {float(encoding.offset[0]):.10g}) * {float(encoding.scale[0]):g}`, rounded"
    else:
        rule = "`(x - offset) * scale`, rounded, with one offset and scale a feature (`manifest.json`)"
    if encoding.wide:
        rule += "; `quantize()` takes what a float leaves out of `x` as its last argument"
    values = facts(twin, name) | {
        "family": program.family,
        "board": twin.board.title if twin.board.title.startswith("this ") else f"the {twin.board.title}",
        "rule": rule,
        "names": _names(program),
        "outputs": outputs,
        "usage": part(twin, "usage", ".md", name),
        "flash": f"{report.flash_bytes:,}",
        "ram": f"{report.ram_bytes:,}",
        "model": f"{report.model_bytes:,}",
        "items": "\n".join(f"| {item} | {size:,} |" for item, size in report.model_items.items()),
    }
    if sketch is not None:
        kind = "sequence" if program.steps is not None else "sample"
        stem = f"sketch_serial_{kind}" if sketch.application == "serial" else f"sketch_{sketch.application}"
        values |= {"sketch": template(f"{stem}.md").substitute(values | measured(sketch.sensor)).rstrip("\n")}
        return template("README.md").substitute(values, time=report.time.strip())
    return template("README_cpp.md").substitute(
        values, build=_build_text(twin.board, values), stack=report.ram_items["stack"]
    )


def _names(program: Program) -> str:
    """The table of the names of inputs, or nothing."""
    rows = [f"| {i} | {_markdown(text)} |" for i, text in enumerate(program.input_names)]
    return "\n".join(["", "| index | input |", "|---|---|", *rows, ""]) if rows else ""


def _build_text(board: Board, values: Mapping[str, Any]) -> str:
    """How to build the files, for people."""
    stem = f"build_{board.architecture.name}" if board.framework.hosted else "build_bare"
    return (
        template(f"{stem}.md")
        .substitute(
            values,
            command=build_command(board, values["name"]),
            target=board.name,
            compiler=board.compiler,
            how_to_get=COMPILERS[board.compiler].how_to_get,
            startup=_OWN_STARTUP if board.architecture.starts_itself else _NO_STARTUP,
        )
        .rstrip("\n")
    )


def _markdown(text: str) -> str:
    """Text that cannot break out of a Markdown table cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text.replace("\r", "\\r").replace("\n", "\\n"))
