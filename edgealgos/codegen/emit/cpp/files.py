"""The files of an export, and the folder they go to: all or nothing. Knows twins, templates and folders."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from edgealgos._version import VERSION
from edgealgos.codegen.targets.architectures import NATIVE
from edgealgos.codegen.targets.boards import Board
from edgealgos.codegen.twin import Twin
from edgealgos.errors import ExportError

from . import model_header, model_source, number_lines, runtime_header, template

BAUD = 250_000
_LINUX_START = (
    '  fprintf(stderr, "# self-test: %d of %d rows as in Python\\n", selfTest(),\n'
    "          static_cast<int>(sizeof kTestAnswers / sizeof kTestAnswers[0]));\n"
)
_BARE_START = "  tell(selfTest());\n"


def model_files(twin: Twin, name: str) -> dict[str, str]:
    """The model and its kernels."""
    return {
        f"{name}_model.h": model_header(twin.program, name),
        f"{name}_model.cpp": model_source(twin.program, name),
        "edgealgos_runtime.h": runtime_header(),
    }


def sketch_files(twin: Twin, name: str, folder: str, self_test: ArrayLike | None = None) -> dict[str, str]:
    """A flat sketch folder."""
    return {
        f"{folder}.ino": sketch_source(twin, name, self_test),
        **model_files(twin, name),
        **_documents(twin, name),
    }


def library_files(twin: Twin, name: str, folder: str, self_test: ArrayLike | None = None) -> dict[str, str]:
    """An Arduino library."""
    facts = {"name": name, "family": twin.program.family, "version": VERSION}
    return {
        "library.properties": template("library.properties").substitute(facts),
        "keywords.txt": template("keywords.txt").substitute(facts),
        **{f"src/{file}": text for file, text in model_files(twin, name).items()},
        f"examples/{name}_serial/{name}_serial.ino": sketch_source(twin, name, self_test),
        **_documents(twin, name),
    }


def cpp_files(twin: Twin, name: str, self_test: ArrayLike | None = None) -> dict[str, str]:
    """Plain C++ with a main program: on Linux it answers rows, without an operating system it is an example."""
    main = "main" if twin.board.framework.hosted else "main_bare"
    answer, start = _part(twin, f"{main}_answer", ".cpp", name), ""
    if self_test is not None:
        answer += "\n\n" + _self_test(twin, name, self_test).rstrip("\n")
        start = _LINUX_START if twin.board.framework.hosted else _BARE_START
    facts = _facts(twin, name) | {"answer": answer, "start": start}
    return {
        "main.cpp": template(f"{main}.cpp").substitute(facts),
        **model_files(twin, name),
        **build_files(twin.board, name),
        **_documents(twin, name),
    }


def build_files(board: Board, name: str) -> dict[str, str]:
    """For CMake: how to build, and for another computer than this one the compiler that does."""
    use = "cmake -S . -B build"
    files = {}
    if board.architecture is not NATIVE:
        use += f" -DCMAKE_TOOLCHAIN_FILE={board.name}.cmake"
        system = "Linux" if board.framework.hosted else "Generic"
        facts = {"board": board.title, "system": system, "compiler": board.compiler, "flags": " ".join(board.flags)}
        files[f"{board.name}.cmake"] = template("toolchain.cmake").substitute(facts)
    program = template("program.cmake").substitute(name=name) if board.framework.hosted else ""
    text = template("CMakeLists.txt").substitute(name=name, use=f"{use} && cmake --build build", program=program)
    return {"CMakeLists.txt": text.rstrip("\n") + "\n", **files}


def build_command(board: Board, name: str) -> str:
    """The compiler's command line; without an operating system it makes an object file."""
    compiler = [board.compiler, "-std=c++11", *board.flags]
    files = ["main.cpp", f"{name}_model.cpp", "-o", name] if board.framework.hosted else ["-c", f"{name}_model.cpp"]
    return " ".join([*compiler, *files])


def answer_source(twin: Twin, name: str) -> str:
    """The function that answers a row as the main.cpp for Linux does."""
    return _part(twin, "main_answer", ".cpp", name)


def write_sketch(twin: Twin, folder: Path, name: str) -> None:
    """Write the sketch of a compiled model into a new folder."""
    write_folder(folder, sketch_files(twin, name, folder.name), overwrite=False)


def write_cpp(twin: Twin, folder: Path, name: str) -> None:
    """Write the plain C++ of a compiled model into a new folder."""
    write_folder(folder, cpp_files(twin, name), overwrite=False)


def sketch_source(twin: Twin, name: str, self_test: ArrayLike | None) -> str:
    """Text of the .ino."""
    body = _part(twin, "answer", ".ino", name)
    start = ""
    if self_test is not None:
        body += "\n" + _self_test(twin, name, self_test)
        start = "  selfTest();\n"
    return template("sketch.ino").substitute(_facts(twin, name) | {"body": body.rstrip("\n"), "start": start})


def _part(twin: Twin, stem: str, suffix: str, name: str) -> str:
    kind = "sequence" if twin.program.steps is not None else "sample"
    text = template(f"{stem}_{kind}_{twin.program.task}{suffix}")
    label = f"{name}::label(index);"
    tell_label = f"Serial.println({label[:-1]});" if twin.board.framework.sketches else f"const char *label = {label}"
    return text.substitute(name=name, tell_label=tell_label).rstrip("\n")


def _facts(twin: Twin, name: str) -> dict[str, Any]:
    program = twin.program
    example = program.encoding.low, 0, program.encoding.high
    return {
        "name": name,
        "features": program.input.size,
        "low": program.encoding.low,
        "high": program.encoding.high,
        "baud": BAUD,
        "example": ",".join(map(str, example[: program.input.size])) + (",..." if program.input.size > 3 else ""),
        "answer": "class index and scores, separated by commas" if program.task == "classifier" else "the raw output",
        "entry": "predict" if program.steps is None else "push",
    }


def _self_test(twin: Twin, name: str, X: ArrayLike) -> str:
    rows, scores = twin.quantize(X), twin.scores(X)
    answers = np.argmax(scores, axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(int)
    if twin.program.task == "regressor":
        answers = scores[:, 0]
    entry = "predict" if twin.program.task == "classifier" else "predict_raw"
    kind = "sequence" if twin.program.steps is not None else "sample"
    steps = rows[0].size // twin.program.input.size
    suffix = ".ino" if twin.board.framework.sketches else ".cpp"
    facts = {"name": name, "entry": entry, "steps": steps, "count": len(rows)}
    run = template(f"self_test_{kind}{suffix}").substitute(facts).rstrip("\n")
    return template(f"self_test{suffix}").substitute(
        facts, rows=number_lines(rows), answers=number_lines(answers), run=run
    )


def manifest(twin: Twin, name: str) -> dict[str, Any]:
    """The facts of an export, for programs."""
    program, report = twin.program, twin.report
    encoding = program.encoding
    return {
        "format": 1,
        "name": name,
        "family": program.family,
        "task": program.task,
        "board": twin.board.name,
        "labels": [str(label) for label in program.labels],
        "features": program.input.size,
        "steps": program.steps,
        "input": {
            "type": f"int{encoding.qtype.container}",
            "min": encoding.low,
            "max": encoding.high,
            "offset": [float(v) for v in encoding.offset],
            "scale": [float(v) for v in encoding.scale],
            "rule": "clip(floor((x - offset) * scale + 0.5), min, max) in float32",
        },
        "output": {"count": program.output.size, "frac": program.output.type.frac},
        "serial": {"baud": BAUD},
        "predicted": {
            "flash_bytes": report.flash_bytes,
            "ram_bytes": report.ram_bytes,
            "model_bytes": report.model_bytes,
            "cycles": report.cycles if report.cycle_items else None,
        },
        "model_items": dict(report.model_items),
    }


def _documents(twin: Twin, name: str) -> dict[str, str]:
    facts: Mapping[str, Any] = manifest(twin, name)
    text = json.dumps(facts, indent=2, ensure_ascii=True) + "\n"
    return {"README.md": _readme(twin, name), "manifest.json": text}


def _readme(twin: Twin, name: str) -> str:
    program, report = twin.program, twin.report
    encoding = program.encoding
    if program.task == "classifier":
        rows = [f"| {i} | {_markdown(str(label))} |" for i, label in enumerate(program.labels)]
        outputs = "\n".join(["| index | label |", "|---|---|", *rows])
    else:
        outputs = f"One number: `real = raw * 2^-{program.output.type.frac}`."
    if encoding.uniform:
        rule = f"`(x - {float(encoding.offset[0]):g}) * {float(encoding.scale[0]):g}`, rounded"
    else:
        rule = "`(x - offset) * scale`, rounded, with one offset and scale a feature (`manifest.json`)"
    facts = _facts(twin, name) | {
        "family": program.family,
        "board": twin.board.title,
        "rule": rule,
        "outputs": outputs,
        "usage": _part(twin, "usage", ".md", name),
        "flash": f"{report.flash_bytes:,}",
        "ram": f"{report.ram_bytes:,}",
        "model": f"{report.model_bytes:,}",
        "items": "\n".join(f"| {item} | {size:,} |" for item, size in report.model_items.items()),
    }
    if twin.board.framework.sketches:
        return template("README.md").substitute(
            facts, cycles=f"{report.cycles:,}", milliseconds=f"{report.milliseconds:.2f}"
        )
    return template("README_cpp.md").substitute(
        facts, build=_build_text(twin.board, facts), stack=report.ram_items["stack"]
    )


def _build_text(board: Board, facts: Mapping[str, Any]) -> str:
    """How to build the files, for people."""
    stem = f"build_{board.name}" if board.framework.hosted else "build_bare"
    command = build_command(board, facts["name"])
    return template(f"{stem}.md").substitute(facts, command=command, target=board.name).rstrip("\n")


def _markdown(text: str) -> str:
    """Text that cannot break out of a Markdown table cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text.replace("\r", "\\r").replace("\n", "\\n"))


# ---- folders -------------------------------------------------------------------------------------------------------


def write_folder(target: Path, files: dict[str, str], overwrite: bool) -> None:
    """Write all files or none: the new folder is complete before it takes the place of the old one."""
    if target.is_file():
        raise ExportError(f"{target} is a file; give a folder")
    occupied = target.is_dir() and any(target.iterdir())
    if occupied and not overwrite:
        raise ExportError(f"{target} already has files; pass overwrite=True to replace the exported ones")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise ExportError(f"cannot write beside {target}: {error.strerror}. Nothing was changed.") from error
    try:
        _fill(staging, target if occupied else None, files)
        _swap(staging, target)
    except OSError as error:
        raise ExportError(f"cannot write {target}: {error.strerror}. The old files are as they were.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fill(staging: Path, old: Path | None, files: dict[str, str]) -> None:
    """Copy what the user keeps in the folder, then write the new files over it."""
    if old is not None:
        shutil.copytree(old, staging, dirs_exist_ok=True, symlinks=True)
    else:
        staging.chmod(0o777 & ~_umask())
    for file, text in files.items():
        place = staging / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="\n")


def _swap(staging: Path, target: Path) -> None:
    if not target.exists():
        staging.rename(target)
        return
    backup = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
    target.rename(backup / target.name)
    try:
        staging.rename(target)
    except OSError:
        (backup / target.name).rename(target)
        raise
    finally:
        shutil.rmtree(backup, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
