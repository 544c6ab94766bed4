"""What a user calls to write a model as a .tflite file, with what a microcontroller's program needs beside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgealgos.errors import ExportError
from edgealgos.files import Scratch, locked, what_is

from ..compiled import float_program
from ..emit.cpp.names import checked_name
from ..program.interpret import run_integer
from ..program.program import Program
from ..program.scores import decide
from . import check
from .arena import arena_bytes
from .binary import tflite_bytes
from .build import Built, build_graph, decide_bytes
from .prepare import prepared
from .texts import header, manifest, operators_of, source

ENOUGH = 0.995
"""Share of rows that a file should answer as the model does."""
_CHECKED = 500


@dataclass(frozen=True)
class TfliteReport:
    """What was written, and what it needs.

    Parameters
    ----------
    files : tuple of Path
        The .tflite file, the C array, its header, the manifest.
    model_bytes : int
        Of the file: flash.
    arena_bytes : int
        RAM of the tensor arena that is enough: activations planned as the interpreter plans them, and a bound of what
        it keeps besides.
    operators : tuple of str
        Builtin operators that the program has to register.
    agreement : float or None
        Share of the rows of `X_calibration` that LiteRT's interpreter answers as the model does (of numbers: of the
        variance of the model's answers); None without such rows, or where ``ai-edge-litert`` is not installed.
    warnings : tuple of str

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from edgealgos import export_tflite
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=500).fit(X, y)
    >>> report = export_tflite(model, "out/iris.tflite", X_calibration=X)
    >>> report.operators
    ('ADD', 'FULLY_CONNECTED', 'QUANTIZE', 'SOFTMAX')
    >>> report.arena_bytes < 8192
    True
    """

    files: tuple[Path, ...]
    model_bytes: int
    arena_bytes: int
    operators: tuple[str, ...]
    agreement: float | None
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.agreement is None:
            checked = f"not run: pass X_calibration=, and {check.INSTALL}"
        else:
            checked = f"{self.agreement:.2%} of the calibration rows as the model"
        lines = [
            f"{self.files[0]}: {self.model_bytes:,} bytes of flash, a tensor arena of {self.arena_bytes:,} bytes",
            f"operators: {', '.join(self.operators)}",
            f"LiteRT: {checked}",
        ]
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])


def export_tflite(
    model: Any,
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    X_calibration: ArrayLike | None = None,
    overwrite: bool = False,
) -> TfliteReport:
    """Write a model as a .tflite file of int8 inputs and outputs, for LiteRT and TensorFlow Lite for Microcontrollers.

    Beside ``digits.tflite`` lie ``digits.cc`` and ``digits.h``, the file as a C array with sizes, ``quantize()`` of raw
    features and the operators to register; and ``digits.json``, a manifest. All operators are builtin ones that the
    interpreter for microcontrollers has. Activations have 16 bits, weights 8 (those of scikit-learn's models 16, as two
    constants). Recurrent models are unrolled.

    Parameters
    ----------
    model : estimator or Pipeline
        Fitted: Bonsai, ProtoNN, FastGRNN, FastRNN, ConvNet, linear models and MLPs, of scikit-learn as well; scalers
        and other affine transformers in front are folded in.
    path : path
        The file to write, ``NAME.tflite``.
    name : str, optional
        C++ namespace; default: the file's name.
    X_calibration : array-like, optional
        Raw rows. Models of scikit-learn need them for their ranges; those of this library have ranges, and take from
        them how large scores become. Rows are run through LiteRT's interpreter where it is installed.
    overwrite : bool
        Replace such files.

    Returns
    -------
    TfliteReport

    Raises
    ------
    UnsupportedModelError
        If the model has no such operators (trees, kernels); the message names it and says what works.
    ExportError
        If a name cannot be used or a file is there already; nothing is changed.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from edgealgos import export_tflite
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=500).fit(X, y)
    >>> report = export_tflite(model, "out/iris.tflite", X_calibration=X)
    >>> [file.name for file in report.files]
    ['iris.tflite', 'iris.cc', 'iris.h', 'iris.json']
    """
    target = Path(path)
    if target.suffix != ".tflite":
        raise ExportError(f"{target} must end in .tflite: export_tflite(model, {str(target.with_suffix('.tflite'))!r})")
    name = checked_name(name if name is not None else target.stem, "plain")
    _check_free(_beside(target), overwrite)
    program, rows, margin = prepared(model, X_calibration, float_program)
    built = build_graph(program, rows, margin)
    content = tflite_bytes(built.graph, f"{program.family} by edgealgos")
    arena = arena_bytes(built.graph)
    agreement, warnings = _checked(model, program, built, content, X_calibration, rows)
    facts = (name, program, built, len(content), arena)
    files = _write(target, content, (source(name, target.stem, content), header(*facts), manifest(*facts)))
    operators = tuple(operator.name for operator in operators_of(built.graph))
    return TfliteReport(files, len(content), arena, operators, agreement, (*program.warnings, *warnings))


def _beside(target: Path) -> tuple[Path, ...]:
    return tuple(target.with_suffix(suffix) for suffix in (".tflite", ".cc", ".h", ".json"))


def _check_free(files: tuple[Path, ...], overwrite: bool) -> None:
    for file in files:
        found = what_is(file)
        if found is not None and (found != "a file" or not overwrite):
            what = "pass overwrite=True, or another path" if found == "a file" else "give another path"
            raise ExportError(f"{file} is {found} already; {what}. Nothing was changed.")


def _write(target: Path, content: bytes, texts: tuple[str, ...]) -> tuple[Path, ...]:
    """All four files, complete beside their places before the first takes its own."""
    files = _beside(target)
    contents = (content, *(text.encode("utf-8") for text in texts))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target.parent), Scratch(target.parent) as made:
            for file, data in zip(files, contents, strict=True):
                (made / file.name).write_bytes(data)
            for file in files:
                os.replace(made / file.name, file)
    except OSError as error:
        raise ExportError(
            f"cannot write {target}: {error.strerror or error}; choose a place you may write to"
        ) from error
    return files


def _checked(
    model: Any, program: Program, built: Built, content: bytes, X: ArrayLike | None, rows: NDArray[Any]
) -> tuple[float | None, tuple[str, ...]]:
    """How often the interpreter answers as the model; a file that it refuses is an error in any case."""
    if not check.is_here():
        return None, ()
    some = np.linspace(0, len(rows) - 1, min(len(rows), _CHECKED)).astype(int)
    raw = check.answers(content, rows[some])
    if X is None:
        return None, ()
    wanted = np.asarray(model.predict(X))[some]
    if program.task == "classifier":
        labels = np.array([*program.labels, None], dtype=object)[:-1]
        agreement = float(np.mean(labels[decide_bytes(raw)] == wanted.astype(object)))
    else:
        value = (raw[:, 0].astype(np.float64) - built.output.zero) * built.output.step
        agreement = 1.0 - float(np.var(value - np.ravel(wanted)) / max(np.var(wanted), 1e-300))
    if agreement >= ENOUGH:
        return agreement, ()
    twin = decide(run_integer(program, rows[some])) if program.task == "classifier" else None
    own = "" if twin is None else f"; the rounding of inputs to 8 bits alone: {np.mean(decide_bytes(raw) == twin):.2%}"
    return agreement, (f"{agreement:.2%} of {len(some)} calibration rows are answered as by the model{own}",)
