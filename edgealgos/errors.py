"""The errors a user of edgealgos can meet; knows nothing of models, boards or tools."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator


class EdgeAlgosError(Exception):
    """Base of all errors of this library; the message says what was wrong, where, and what to do.

    Examples
    --------
    >>> from edgealgos import EdgeAlgosError, load
    >>> try:
    ...     model = load("absent.edgealgos")
    ... except EdgeAlgosError as error:
    ...     print(error)
    cannot read absent.edgealgos: No such file or directory; check the path
    """


class BoardError(EdgeAlgosError):
    """A board lacks what it is asked for (a simulator, a cost model), or its record lacks a part.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from edgealgos import BoardError, Budget, export_cpp
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    >>> try:
    ...     export_cpp(tree, "out/iris", target="atmega328p", X_calibration=X, budget=Budget(cycles=1000))
    ... except BoardError as error:
    ...     print(error)
    ATmega328P without a boot loader has no cost model, and edgealgos cannot keep a limit of cycles; leave it out of \
the budget
    """


class DoesNotFitError(EdgeAlgosError):
    """A program needs more flash or RAM than its board has.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from edgealgos import Budget, DoesNotFitError, export_arduino
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    >>> try:
    ...     export_arduino(tree, "out/iris", X_calibration=X, budget=Budget(flash_bytes=4000))
    ... except DoesNotFitError as error:
    ...     print(error)  # doctest: +ELLIPSIS
    flash: the sketch needs up to ..., the budget allows 4,000. Largest items: ... To make it fit: ...
    """


class MissingToolError(EdgeAlgosError):
    """A compiler, simulator or other program is not installed on this computer.

    Parameters
    ----------
    tool : str
        Name of the program, library or package.
    purpose : str
        What it is needed for, to be read after "is needed to".
    how_to_get : str
        The command or step that installs it.

    Examples
    --------
    >>> from edgealgos import MissingToolError
    >>> error = MissingToolError("avr-g++", "compile for an AVR", "apt-get install gcc-avr")
    >>> print(error)
    avr-g++ was not found; it is needed to compile for an AVR. To get it: apt-get install gcc-avr
    >>> error.how_to_get
    'apt-get install gcc-avr'
    """

    def __init__(self, tool: str, purpose: str, how_to_get: str) -> None:
        super().__init__(tool, purpose, how_to_get)  # all three, so that pickling works
        self.tool = tool
        self.purpose = purpose
        self.how_to_get = how_to_get

    def __str__(self) -> str:
        return f"{self.tool} was not found; it is needed to {self.purpose}. To get it: {self.how_to_get}"


class BuildError(EdgeAlgosError):
    """A compiler or linker refused the sources; the message holds what it said.

    Examples
    --------
    >>> from pathlib import Path
    >>> from edgealgos import BuildError
    >>> from edgealgos.codegen.build.sketch import build_sketch
    >>> Path("blink").mkdir()
    >>> _ = Path("blink/blink.ino").write_text("void setup() {} void loop() { blink(13); }")
    >>> try:
    ...     build_sketch("blink")
    ... except BuildError as error:
    ...     print("'blink' was not declared" in str(error))
    True
    """


class SimulationError(EdgeAlgosError):
    """A firmware crashed, went silent or answered nonsense on a simulated board.

    Examples
    --------
    >>> from pathlib import Path
    >>> from edgealgos import SimulationError
    >>> from edgealgos.codegen.build.sketch import build_sketch
    >>> from edgealgos.codegen.simulate import run_sketch
    >>> Path("lost").mkdir()
    >>> _ = Path("lost/lost.ino").write_text("void setup() {} void loop() { while (true) *(char *)random() = 1; }")
    >>> try:
    ...     run_sketch(build_sketch("lost"), seconds=0.1)
    ... except SimulationError as error:
    ...     print(error)  # doctest: +ELLIPSIS
    the sketch crashed (...), after ... cycles, in main at ... The last line it printed is ''.
    """


class ModelFileError(EdgeAlgosError):
    """A saved model is truncated, altered, or of a version this library cannot read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from edgealgos import ModelFileError, load
    >>> _ = Path("notes.edgealgos").write_text("buy solder")
    >>> try:
    ...     load("notes.edgealgos")
    ... except ModelFileError as error:
    ...     print(error)  # doctest: +ELLIPSIS
    notes.edgealgos is not an intact edgealgos model (...); save it again
    """


class UnsupportedModelError(EdgeAlgosError, TypeError):
    """A model, or a step of a Pipeline, cannot be compiled; the message lists what can.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.gaussian_process import GaussianProcessClassifier
    >>> from edgealgos import UnsupportedModelError, compile_model
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GaussianProcessClassifier().fit(X, y)
    >>> try:
    ...     compile_model(model, X_calibration=X)
    ... except UnsupportedModelError as error:
    ...     print(error)  # doctest: +ELLIPSIS
    GaussianProcessClassifier cannot be compiled. What can: ... ProtoNNClassifier(teacher=model).fit(X, y).
    """


class ExportError(EdgeAlgosError, ValueError):
    """An export was refused: a bad name, a folder that has files, no permission. Nothing was changed.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from edgealgos import ExportError, export_arduino
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    >>> report = export_arduino(tree, "out/iris", X_calibration=X)
    >>> try:
    ...     export_arduino(tree, "out/iris", X_calibration=X)
    ... except ExportError as error:
    ...     print(error)
    out/iris already has an export; pass overwrite=True to replace its files
    """


class DatasetError(EdgeAlgosError, ValueError):
    """A data set is not here and cannot be fetched, or is not what it should be.

    Examples
    --------
    >>> from edgealgos import DatasetError
    >>> from edgealgos.datasets import read_table
    >>> try:
    ...     read_table("absent.csv")
    ... except DatasetError as error:
    ...     print(error)
    absent.csv does not exist; check the path
    """


class OpRecordError(EdgeAlgosError, TypeError):
    """A part of an op's record is missing or wrong; the message names the op, the part, and what to write."""


class UnmeasuredCostError(EdgeAlgosError):
    """A part of an op has no measured cost on a board.

    Parameters
    ----------
    what : str
        ``"cycles"``, ``"flash"`` or ``"ram"``.
    part : str
        Name of the part.
    owners : list of str
        Names of the ops that have it.
    file : str
        The table of costs in which they are missing.
    """

    def __init__(self, what: str, part: str, owners: list[str], file: str) -> None:
        super().__init__(what, part, owners, file)  # all four, so that pickling works
        self.what = what
        self.part = part
        self.owners = owners
        self.file = file

    def __str__(self) -> str:
        ops = " and ".join(self.owners) or "the program"
        how = " and ".join(f"`python -m tools.measure_costs --op {owner}`" for owner in self.owners)
        how = (
            f"{how}, or with --missing where it is a new kind of product" if how else "`python -m tools.measure_costs`"
        )
        return f"{ops}: no {self.what} measured for {self.part!r} in {self.file}; measure it with {how}"


@contextlib.contextmanager
def in_plain_words() -> Iterator[None]:
    """Let a ValueError of the block say 'apple' where NumPy says np.str_('apple')."""
    try:
        yield
    except ValueError as error:
        said = re.sub(r"""np\.(?:str|bytes)_\((b?(?:'[^']*'|"[^"]*"))\)""", r"\1", str(error))
        if said == str(error):
            raise
        raise ValueError(said) from None


def written(value: object) -> str:
    """A value as people write it: 0.5 where NumPy says np.float64(0.5)."""
    item = getattr(value, "item", None)
    return repr(item() if callable(item) and getattr(value, "ndim", None) == 0 else value)
