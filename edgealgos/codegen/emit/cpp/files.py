"""Which files an export has: sketch, Arduino library, plain C++. Knows twins and what its sisters print, no folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from edgealgos._version import VERSION

from ..folder import write_folder
from .applications import Sketch, sketch_sources
from .documents import report_of, with_documents
from .kernels import base_header, kernels_of
from .limits import check_countable
from .model import model_header, model_source
from .programs import main_source
from .project import build_files
from .template import template

if TYPE_CHECKING:
    from edgealgos.codegen.cost.report import Report
    from edgealgos.codegen.twin import Twin


SERIAL = Sketch()
_BASE = '#include "edgealgos_runtime.h"\n'


def model_files(twin: Twin, name: str) -> dict[str, str]:
    """The model and its kernels; ExportError where C++ cannot count what there is."""
    check_countable(twin.program, twin.board)
    return {
        f"{name}_model.h": model_header(twin.program, name),
        f"{name}_model.cpp": _with_kernels(model_source(twin.program, name)),
        "edgealgos_runtime.h": base_header(),
    }


def _with_kernels(source: str) -> str:
    """The source of a model with the kernels that it calls in front of it."""
    kernels = template("kernels.cpp").substitute(kernels=kernels_of(source))
    return source.replace(_BASE, f"{_BASE}\n{kernels}", 1)


def sketch_files(twin: Twin, name: str, folder: str, sketch: Sketch = SERIAL) -> dict[str, str]:
    """A flat sketch folder."""
    files = {**sketch_sources(sketch, twin, name, folder), **model_files(twin, name)}
    return with_documents(twin, name, "sketch", files, _report(twin, sketch), sketch)


def library_files(twin: Twin, name: str, folder: str, sketch: Sketch = SERIAL) -> dict[str, str]:
    """An Arduino library."""
    example = f"{name}_{sketch.application}"
    sources = sketch_sources(sketch, twin, name, example)
    facts = {"name": name, "family": twin.program.family, "version": VERSION}
    files = {
        "library.properties": template("library.properties").substitute(facts),
        "library.json": template("library.json").substitute(facts),
        "keywords.txt": template("keywords.txt").substitute(facts),
        **{f"src/{file}": text for file, text in model_files(twin, name).items()},
        **{f"examples/{example}/{file}": text for file, text in sources.items()},
    }
    return with_documents(twin, name, "library", files, _report(twin, sketch), sketch)


def _report(twin: Twin, sketch: Sketch) -> Report:
    return report_of(twin, sketch.self_test, sketch.application)


def cpp_files(twin: Twin, name: str, self_test: ArrayLike | None = None) -> dict[str, str]:
    """Plain C++ with a main program."""
    main = {"main.cpp": main_source(twin, name, self_test)}
    files = {**main, **model_files(twin, name), **build_files(twin.board, name)}
    return with_documents(twin, name, "cpp", files, report_of(twin, self_test))


def is_yours(file: str) -> bool:
    """Whether people are meant to edit a file of an export: all but the model and its kernels."""
    return not Path(file).name.startswith("edgealgos_") and not Path(file).stem.endswith("_model")


def write_export(target: Path, files: dict[str, str], overwrite: bool) -> None:
    """Write the files of an export, all or none."""
    write_folder(target, files, overwrite=overwrite, application=frozenset(filter(is_yours, files)))


def write_sketch(twin: Twin, folder: Path, name: str) -> None:
    """Write the sketch of a compiled model into a new folder."""
    write_export(folder, sketch_files(twin, name, folder.name), overwrite=False)


def write_cpp(twin: Twin, folder: Path, name: str) -> None:
    """Write the plain C++ of a compiled model into a new folder."""
    write_export(folder, cpp_files(twin, name), overwrite=False)
