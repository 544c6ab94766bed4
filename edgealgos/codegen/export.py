"""What a user calls to export a model: compiles it, checks that it fits, writes its files."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from ..errors import DoesNotFitError, ExportError
from .build.names import is_refused
from .compiled import CompiledModel, compile_model
from .cost.budget import Budget
from .cost.limits import check_fits, left_beside
from .cost.report import Report
from .emit.cpp.applications import Sketch, check_application
from .emit.cpp.documents import report_of
from .emit.cpp.files import cpp_files, library_files, sketch_files, write_export
from .emit.cpp.names import check_folder, checked_name
from .emit.cpp.registers import USUAL_RANGES, Choice
from .rejection import AutoReject
from .targets.boards import Board


def export_arduino(
    model: Any,
    path: str | os.PathLike[str],
    *,
    board: str = "uno",
    name: str | None = None,
    application: str = "serial",
    sensor: str | None = None,
    ranges: tuple[int, int] = USUAL_RANGES,
    layout: str = "sketch",
    optimize: str = "speed",
    X_calibration: ArrayLike | None = None,
    input_buffer: bool = True,
    self_test: ArrayLike | None = None,
    overwrite: bool = False,
    budget: Budget | None = None,
    probabilities: bool = True,
    reject_below: float | AutoReject | None = None,
    labels_when_rejected: Any = None,
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
    application : {"serial", "imu", "microphone", "analog", "timer", "empty"}
        What the sketch does: answers typed values and hosts over the serial port, or reads a motion sensor, a
        microphone amplifier, analogue pins, these from an interrupt; or nothing.
    sensor : {"mpu6050", "lsm6ds3", "lsm9ds1", "adxl345"}, optional
        Of ``application="imu"``; default: whichever of the first three is there.
    ranges : (int, int)
        What it measures up to, in g and degrees a second: those of the recordings that the model has learnt from.
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
        Replace an earlier export in the folder. Files that no export wrote are never touched. Of those that were edited
        since, the application, its build files and the README stay as they are while name and layout do; an edited
        model is a refusal.
    budget : Budget, optional
        Stricter limits than the board's.
    probabilities, reject_below, labels_when_rejected
        As in :func:`compile_model`: trees that vote may stop early; ``predict()`` answers ``kRejected`` where no class
        is likely enough.

    Returns
    -------
    Report
        Predicted flash, RAM and cycles.

    Raises
    ------
    DoesNotFitError
        If the sketch cannot fit the board; nothing is written.
    ExportError
        If the name cannot be used, or the folder is something else than absent, empty or an earlier export; nothing
        is changed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from edgealgos import export_arduino
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    >>> report = export_arduino(tree, "out/iris", X_calibration=X, self_test=X[:2])
    >>> sorted(path.name for path in Path("out/iris").iterdir())
    ['README.md', 'edgealgos_runtime.h', 'iris.ino', 'iris_model.cpp', 'iris_model.h', 'manifest.json']
    """
    check_application(application)
    if layout not in ("sketch", "library"):
        raise ExportError(f"layout must be 'sketch' or 'library', got {layout!r}")
    make = partial(
        _compiled, model, board, optimize, X_calibration, input_buffer, probabilities, reject_below,
        labels_when_rejected,
    )  # fmt: skip
    compiled = make(budget)
    if not compiled.board.framework.sketches:
        raise ExportError(f"export_arduino writes for Arduino boards such as 'uno'; for {board!r} use export_cpp")
    folder = _folder_name(path)
    name = _checked_name(name if name is not None else folder, compiled.board)
    if layout == "sketch":
        check_folder(folder, name)
    needs = partial(report_of, self_test=self_test, application=application)
    compiled, report = _fitting(compiled, needs, make, budget)
    write = sketch_files if layout == "sketch" else library_files
    files = write(compiled, name, folder, Sketch(application, self_test, Choice(sensor, ranges)))
    write_export(Path(path), files, overwrite)
    return report


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
    probabilities: bool = True,
    reject_below: float | AutoReject | None = None,
    labels_when_rejected: Any = None,
) -> Report:
    """Write plain C++11 that answers exactly what ``compile_model(model, target).predict`` answers.

    For Linux (``"host"``, ``"pizero"``) a small program that answers rows from standard input comes along, for a
    processor without an operating system (``"cortex-m0"``, ``"cortex-m4"``) an example of how to call the model.
    README.md says how to build; CMakeLists.txt does it, with a toolchain file for other computers than this one.

    Parameters are those of :func:`export_arduino`; `target` is ``"host"``, ``"pizero"``, ``"cortex-m0"`` or
    ``"cortex-m4"``. The report predicts tables and variables; code and time where the costs of the board
    have been measured.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from edgealgos import export_cpp
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    >>> report = export_cpp(tree, "out/iris", target="cortex-m4", X_calibration=X)
    >>> sorted(path.name for path in Path("out/iris").iterdir())[:5]
    ['CMakeLists.txt', 'README.md', 'cortex-m4.cmake', 'edgealgos_runtime.h', 'iris_model.cpp']
    """
    make = partial(
        _compiled, model, target, optimize, X_calibration, input_buffer, probabilities, reject_below,
        labels_when_rejected,
    )  # fmt: skip
    compiled = make(budget)
    if compiled.board.framework.sketches:
        raise ExportError(f"export_cpp writes plain C++ and {target!r} takes a sketch; use export_arduino")
    folder = _folder_name(path)
    name = _checked_name(name if name is not None else folder, compiled.board)
    compiled, report = _fitting(compiled, partial(report_of, self_test=self_test), make, budget)
    write_export(Path(path), cpp_files(compiled, name, self_test), overwrite)
    return report


def _folder_name(path: str | os.PathLike[str]) -> str:
    """Name of the folder that a path leads to."""
    try:
        return Path(os.path.realpath(path)).name
    except (OSError, ValueError) as error:  # a working folder that is gone, a path that none can be
        reason = getattr(error, "strerror", None) or error
        raise ExportError(f"cannot write {path!r}: {reason}. Nothing was changed.") from error


def _checked_name(name: str, board: Board) -> str:
    """A name that builds, as far as lists of names and the board's compiler, if it is here, can say."""
    language = "arduino" if board.framework.sketches else "plain"
    checked_name(name, language)
    if is_refused(name, board):
        raise ExportError(f"{name!r} means something else to the compiler; pass name={f'{name}_model'!r}, or another")
    return name


def _fitting(
    compiled: CompiledModel, needs: Callable[[CompiledModel], Report], make: Callable[[Budget], CompiledModel],
    budget: Budget | None,
) -> tuple[CompiledModel, Report]:  # fmt: skip
    """The model with less straight-line code where what a sketch has beside it would not fit; its needs, if they do."""
    report = needs(compiled)
    try:
        check_fits(report, budget, compiled.smaller)
    except DoesNotFitError:
        if not report.flash_of_speed:
            raise
        flash = report.flash_at_most - compiled.report.flash_at_most
        compiled = make(left_beside(compiled.board, budget, flash, report.ram_bytes - compiled.report.ram_bytes))
        report = needs(compiled)
        check_fits(report, budget, compiled.smaller)
    return compiled, report


def _compiled(
    model: Any, board: str, optimize: str, X_calibration: ArrayLike | None, input_buffer: bool, probabilities: bool,
    reject_below: float | AutoReject | None, labels_when_rejected: Any, budget: Budget | None,
) -> CompiledModel:  # fmt: skip
    if optimize not in ("speed", "size"):
        raise ExportError(f"optimize must be 'speed' or 'size', got {optimize!r}")
    return compile_model(
        model, board, optimize=optimize, X_calibration=X_calibration, input_buffer=input_buffer, budget=budget,
        probabilities=probabilities, reject_below=reject_below, labels_when_rejected=labels_when_rejected,
    )  # fmt: skip
