"""Writes the files of an export: all or nothing. Knows compiled models, templates and folders."""

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

from edgealgos._errors import ExportError
from edgealgos._version import VERSION

from .boards import Board
from .compile import CompiledModel, compile_model
from .emit import model_header, model_source, number_lines, runtime_header, template
from .report import Budget, Report, check_fits

BAUD = 250_000
_LINUX_START = (
    '  fprintf(stderr, "# self-test: %d of %d rows as in Python\\n", selfTest(),\n'
    "          static_cast<int>(sizeof kTestAnswers / sizeof kTestAnswers[0]));\n"
)
_BARE_START = "  tell(selfTest());\n"
_KEYWORDS = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl const
    constexpr const_cast continue decltype default delete do double dynamic_cast else enum explicit export extern false
    float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq
    private protected public register reinterpret_cast return short signed sizeof static static_assert static_cast
    struct switch template this thread_local throw true try typedef typeid typename union unsigned using virtual void
    volatile wchar_t while xor xor_eq std edgealgos Arduino Serial setup loop main min max abs round radians degrees sq
    constrain bit byte word boolean interrupts HIGH LOW INPUT OUTPUT PI F""".split()  # noqa: SIM905
)


def export_arduino(
    model: Any,
    path: str | os.PathLike[str],
    *,
    board: str = "uno",
    name: str | None = None,
    layout: str = "sketch",
    optimize: str = "speed",
    X_calibration: ArrayLike | None = None,
    input_buffer: bool = True,
    self_test: ArrayLike | None = None,
    overwrite: bool = False,
    budget: Budget | None = None,
) -> Report:
    """Write an Arduino sketch or library that answers exactly what ``compile_model(model).predict`` answers.

    Parameters
    ----------
    model : estimator or Pipeline
        Fitted.
    path : path
        Folder to write.
    board : str
        An Arduino board: ``"uno"``.
    name : str, optional
        C++ namespace and stem of the files; default: the folder's name.
    layout : {"sketch", "library"}
        A flat sketch folder, or an Arduino library that installs from a zip.
    optimize : {"speed", "size"}
        What to prefer where both cannot be had.
    X_calibration : array-like, optional
        Raw samples that the ranges shall cover; default: those seen by ``fit``.
    input_buffer : bool
        False: ``push()`` takes one feature at a time, so that no buffer holds a whole sample (Bonsai and ProtoNN).
    self_test : array-like, optional
        Raw samples baked into the sketch, which checks at start that the board answers as Python did.
    overwrite : bool
        Replace the exported files of a folder that has files already.
    budget : Budget, optional
        Stricter limits than the board's.

    Returns
    -------
    Report
        Predicted flash, RAM and cycles.

    Raises
    ------
    DoesNotFitError
        If the sketch cannot fit the board; nothing is written.
    ExportError
        If the name or the folder cannot be used; nothing is changed.
    """
    if layout not in ("sketch", "library"):
        raise ExportError(f"layout must be 'sketch' or 'library', got {layout!r}")
    compiled = _compiled(model, board, optimize, X_calibration, input_buffer)
    if not compiled.board.is_avr:
        raise ExportError(f"export_arduino writes for Arduino boards such as 'uno'; for {board!r} use export_cpp")
    target = Path(path).absolute()
    name = checked_name(name if name is not None else target.name)
    check_fits(compiled.report, budget)
    write = sketch_files if layout == "sketch" else library_files
    _write_folder(target, write(compiled, name, target.name, self_test), overwrite)
    return compiled.report


def export_cpp(
    model: Any,
    path: str | os.PathLike[str],
    *,
    target: str = "host",
    name: str | None = None,
    optimize: str = "speed",
    X_calibration: ArrayLike | None = None,
    input_buffer: bool = True,
    self_test: ArrayLike | None = None,
    overwrite: bool = False,
    budget: Budget | None = None,
) -> Report:
    """Write plain C++11 that answers exactly what ``compile_model(model, target).predict`` answers.

    For Linux (``"host"``, ``"pizero"``) a small program that answers rows from standard input comes along, for a
    processor without an operating system (``"cortex-m0"``, ``"cortex-m4"``) an example of how to call the model.
    README.md says how to build; CMakeLists.txt does it, with a toolchain file for other computers than this one.

    Parameters are those of :func:`export_arduino`; `target` is ``"host"``, ``"pizero"``, ``"cortex-m0"`` or
    ``"cortex-m4"``. The report predicts tables and variables; code and time have measured prices on the Uno alone.
    """
    compiled = _compiled(model, target, optimize, X_calibration, input_buffer)
    if compiled.board.is_avr:
        raise ExportError(f"export_cpp writes plain C++ and {target!r} takes a sketch; use export_arduino")
    folder = Path(path).absolute()
    name = checked_name(name if name is not None else folder.name)
    check_fits(compiled.report, budget)
    _write_folder(folder, cpp_files(compiled, name, self_test), overwrite)
    return compiled.report


def checked_name(name: str) -> str:
    """A name that can be a C++ namespace and a file name, or ExportError."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,50}", name) or "__" in name:
        raise ExportError(
            f"{name!r} cannot name a C++ namespace: use up to 51 letters, digits and single underscores, a letter "
            "first (pass name=... where the folder shall keep its name)"
        )
    if name in _KEYWORDS:
        raise ExportError(f"{name!r} means something else in C++ or Arduino; pass another name=")
    return name


def _compiled(
    model: Any, board: str, optimize: str, X_calibration: ArrayLike | None, input_buffer: bool
) -> CompiledModel:
    if optimize not in ("speed", "size"):
        raise ExportError(f"optimize must be 'speed' or 'size', got {optimize!r}")
    return compile_model(model, board, optimize=optimize, X_calibration=X_calibration, input_buffer=input_buffer)


# ---- files ---------------------------------------------------------------------------------------------------------


def model_files(compiled: CompiledModel, name: str) -> dict[str, str]:
    """The model and its kernels."""
    return {
        f"{name}_model.h": model_header(compiled.program, name),
        f"{name}_model.cpp": model_source(compiled.program, name),
        "edgealgos_runtime.h": runtime_header(),
    }


def sketch_files(compiled: CompiledModel, name: str, folder: str, self_test: ArrayLike | None = None) -> dict[str, str]:
    """A flat sketch folder."""
    return {
        f"{folder}.ino": sketch_source(compiled, name, self_test),
        **model_files(compiled, name),
        **_documents(compiled, name),
    }


def library_files(
    compiled: CompiledModel, name: str, folder: str, self_test: ArrayLike | None = None
) -> dict[str, str]:
    """An Arduino library."""
    facts = {"name": name, "family": compiled.program.family, "version": VERSION}
    return {
        "library.properties": template("library.properties").substitute(facts),
        "keywords.txt": template("keywords.txt").substitute(facts),
        **{f"src/{file}": text for file, text in model_files(compiled, name).items()},
        f"examples/{name}_serial/{name}_serial.ino": sketch_source(compiled, name, self_test),
        **_documents(compiled, name),
    }


def cpp_files(compiled: CompiledModel, name: str, self_test: ArrayLike | None = None) -> dict[str, str]:
    """Plain C++ with a main program: on Linux it answers rows, without an operating system it is an example."""
    main = "main_bare" if compiled.board.is_bare else "main"
    answer, start = _part(compiled, f"{main}_answer", ".cpp", name), ""
    if self_test is not None:
        answer += "\n\n" + _self_test(compiled, name, self_test).rstrip("\n")
        start = _BARE_START if compiled.board.is_bare else _LINUX_START
    facts = _facts(compiled, name) | {"answer": answer, "start": start}
    return {
        "main.cpp": template(f"{main}.cpp").substitute(facts),
        **model_files(compiled, name),
        **build_files(compiled.board, name),
        **_documents(compiled, name),
    }


def build_files(board: Board, name: str) -> dict[str, str]:
    """For CMake: how to build, and for another computer than this one the compiler that does."""
    use = "cmake -S . -B build"
    files = {}
    if board.name != "host":
        use += f" -DCMAKE_TOOLCHAIN_FILE={board.name}.cmake"
        system = "Generic" if board.is_bare else "Linux"
        facts = {"board": board.title, "system": system, "compiler": board.compiler, "flags": " ".join(board.flags)}
        files[f"{board.name}.cmake"] = template("toolchain.cmake").substitute(facts)
    program = "" if board.is_bare else template("program.cmake").substitute(name=name)
    text = template("CMakeLists.txt").substitute(name=name, use=f"{use} && cmake --build build", program=program)
    return {"CMakeLists.txt": text.rstrip("\n") + "\n", **files}


def build_command(board: Board, name: str) -> str:
    """The compiler's command line; without an operating system it makes an object file."""
    compiler = [board.compiler, "-std=c++11", *board.flags]
    files = ["-c", f"{name}_model.cpp"] if board.is_bare else ["main.cpp", f"{name}_model.cpp", "-o", name]
    return " ".join([*compiler, *files])


def semihosting_source(compiled: CompiledModel, name: str) -> str:
    """Main program that answers rows on a simulated Cortex-M; never part of an export."""
    answer = _part(compiled, "main_answer", ".cpp", name)
    return template("semihosting.cpp").substitute(name=name, answer=answer)


def write_sketch(compiled: CompiledModel, folder: Path, name: str) -> None:
    """Write the sketch of a compiled model into a new folder."""
    _write_folder(folder, sketch_files(compiled, name, folder.name), overwrite=False)


def write_cpp(compiled: CompiledModel, folder: Path, name: str) -> None:
    """Write the plain C++ of a compiled model into a new folder."""
    _write_folder(folder, cpp_files(compiled, name), overwrite=False)


def sketch_source(compiled: CompiledModel, name: str, self_test: ArrayLike | None) -> str:
    """Text of the .ino."""
    body = _part(compiled, "answer", ".ino", name)
    start = ""
    if self_test is not None:
        body += "\n" + _self_test(compiled, name, self_test)
        start = "  selfTest();\n"
    return template("sketch.ino").substitute(_facts(compiled, name) | {"body": body.rstrip("\n"), "start": start})


def _part(compiled: CompiledModel, stem: str, suffix: str, name: str) -> str:
    kind = "sequence" if compiled.program.steps is not None else "sample"
    text = template(f"{stem}_{kind}_{compiled.program.task}{suffix}")
    label = f"{name}::label(index);"
    tell_label = f"Serial.println({label[:-1]});" if compiled.board.is_avr else f"const char *label = {label}"
    return text.substitute(name=name, tell_label=tell_label).rstrip("\n")


def _facts(compiled: CompiledModel, name: str) -> dict[str, Any]:
    program = compiled.program
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


def _self_test(compiled: CompiledModel, name: str, X: ArrayLike) -> str:
    rows, scores = compiled.quantize(X), compiled.scores(X)
    answers = np.argmax(scores, axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(int)
    if compiled.program.task == "regressor":
        answers = scores[:, 0]
    entry = "predict" if compiled.program.task == "classifier" else "predict_raw"
    kind = "sequence" if compiled.program.steps is not None else "sample"
    steps = rows[0].size // compiled.program.input.size
    suffix = ".ino" if compiled.board.is_avr else ".cpp"
    facts = {"name": name, "entry": entry, "steps": steps, "count": len(rows)}
    run = template(f"self_test_{kind}{suffix}").substitute(facts).rstrip("\n")
    return template(f"self_test{suffix}").substitute(
        facts, rows=number_lines(rows), answers=number_lines(answers), run=run
    )


def manifest(compiled: CompiledModel, name: str) -> dict[str, Any]:
    """The facts of an export, for programs."""
    program, report = compiled.program, compiled.report
    encoding = program.encoding
    return {
        "format": 1,
        "name": name,
        "family": program.family,
        "task": program.task,
        "board": compiled.board.name,
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


def _documents(compiled: CompiledModel, name: str) -> dict[str, str]:
    facts: Mapping[str, Any] = manifest(compiled, name)
    text = json.dumps(facts, indent=2, ensure_ascii=True) + "\n"
    return {"README.md": _readme(compiled, name), "manifest.json": text}


def _readme(compiled: CompiledModel, name: str) -> str:
    program, report = compiled.program, compiled.report
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
    facts = _facts(compiled, name) | {
        "family": program.family,
        "board": compiled.board.title,
        "rule": rule,
        "outputs": outputs,
        "usage": _part(compiled, "usage", ".md", name),
        "flash": f"{report.flash_bytes:,}",
        "ram": f"{report.ram_bytes:,}",
        "model": f"{report.model_bytes:,}",
        "items": "\n".join(f"| {item} | {size:,} |" for item, size in report.model_items.items()),
    }
    if compiled.board.is_avr:
        return template("README.md").substitute(
            facts, cycles=f"{report.cycles:,}", milliseconds=f"{report.milliseconds:.2f}"
        )
    return template("README_cpp.md").substitute(
        facts, build=_build_text(compiled.board, facts), stack=report.ram_items["stack"]
    )


def _build_text(board: Board, facts: Mapping[str, Any]) -> str:
    """How to build the files, for people."""
    stem = "build_bare" if board.is_bare else f"build_{board.name}"
    command = build_command(board, facts["name"])
    return template(f"{stem}.md").substitute(facts, command=command, target=board.name).rstrip("\n")


def _markdown(text: str) -> str:
    """Text that cannot break out of a Markdown table cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text.replace("\r", "\\r").replace("\n", "\\n"))


# ---- folders -------------------------------------------------------------------------------------------------------


def _write_folder(target: Path, files: dict[str, str], overwrite: bool) -> None:
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
