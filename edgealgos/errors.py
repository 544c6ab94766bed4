"""The errors a user of edgealgos can meet; knows nothing of models, boards or tools."""

from __future__ import annotations


class EdgeAlgosError(Exception):
    """Base of all errors of this library; the message says what was wrong, where, and what to do."""


class BoardError(EdgeAlgosError):
    """A board lacks what it is asked for (a simulator, a cost model), or its record lacks a part."""


class DoesNotFitError(EdgeAlgosError):
    """A program needs more flash or RAM than its board has."""


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
    """

    def __init__(self, tool: str, purpose: str, how_to_get: str) -> None:
        super().__init__(tool, purpose, how_to_get)  # all three, so that pickling works
        self.tool = tool
        self.purpose = purpose
        self.how_to_get = how_to_get

    def __str__(self) -> str:
        return f"{self.tool} was not found; it is needed to {self.purpose}. To get it: {self.how_to_get}"


class BuildError(EdgeAlgosError):
    """A compiler or linker refused the sources; the message holds what it said."""


class SimulationError(EdgeAlgosError):
    """A firmware crashed, went silent or answered nonsense on a simulated board."""


class ModelFileError(EdgeAlgosError):
    """A saved model is truncated, altered, or of a version this library cannot read."""


class UnsupportedModelError(EdgeAlgosError, TypeError):
    """A model, or a step of a Pipeline, cannot be compiled; the message lists what can."""


class ExportError(EdgeAlgosError, ValueError):
    """An export was refused: a bad name, a folder that has files, no permission. Nothing was changed."""


class DatasetError(EdgeAlgosError, ValueError):
    """A data set is not here and cannot be fetched, or is not what it should be."""


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
