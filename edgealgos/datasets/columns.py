"""Columns of a table and what they hold: numbers, switches, dates, text or nothing; knows cells, no targets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .numbers import BOOLEANS, MISSING, find_style, looks_like_a_number, to_numbers
from .numbers import Style as Style

MOSTLY = 0.95
SAMPLE = 2000  # cells of a column that are looked at where all can be read
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"""(?:\w{{3,9}},?\ )?(?:\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}} | \d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}
    | \d{{1,2}}[-\ ]{_MONTH}[-\ ]\d{{2,4}} | {_MONTH}\ \d{{1,2}},?\ (?:.*\ )?\d{{4}})(?:[T\ ,].*)?
    | \d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d+)?)?(?:\ ?[ap]\.?m\.?)?""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    name : str
        From the header, else ``column0`` and so on.
    number : int
        From 0, of the file.
    cells : list of str
    decimal : str
        Mark in its numbers.
    """

    name: str
    number: int
    cells: list[str]
    decimal: str = "."

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Numbers, NaN where there is none; 1 and 0 of switches."""
        if self.kind == "switch":
            return np.array([BOOLEANS.get(cell.casefold(), np.nan) for cell in self.cells])
        return self._numbers

    @cached_property
    def _numbers(self) -> NDArray[np.float64]:
        return to_numbers(self.cells, self.decimal)

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """Where a cell is empty or says that there is nothing."""
        found = np.isnan(self._numbers)
        found[found] = [self.cells[i].casefold() in MISSING for i in np.flatnonzero(found)]
        return found

    @cached_property
    def kind(self) -> str:
        """``"number"``, ``"switch"``, ``"date"``, ``"text"`` or ``"nothing"``; a few odd cells do not change it."""
        there = np.flatnonzero(~self.missing)
        if not len(there):
            return "nothing"
        if (~np.isnan(self._numbers[there])).mean() >= 0.5:
            return "number"
        told = pd.unique(np.array([self.cells[i] for i in there], dtype=object))
        if all(cell.casefold() in BOOLEANS for cell in told):
            return "switch"
        return "date" if sum(map(_is_date, told)) >= MOSTLY * len(told) else "text"

    @cached_property
    def distinct(self) -> int:
        """Different cells."""
        return len(set(self.cells))

    def where(self, line: int) -> str:
        """Line and column, for a message."""
        return f"line {line}, column {self.title}"

    @property
    def title(self) -> str:
        """How messages name it."""
        return repr(self.name)

    def only(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Column:
        """The same column of some rows."""
        chosen = np.arange(len(self.cells))[rows]
        return Column(self.name, self.number, [self.cells[i] for i in chosen], self.decimal)


def style_of(columns: Iterable[list[str]]) -> Style:
    """The style of the numbers of a table, from those columns that are mostly numbers."""
    seen: dict[str, None] = {}
    for cells in columns:
        head = cells[:SAMPLE]
        if sum(map(looks_like_a_number, head)) < 0.5 * len(head):
            continue
        unread = np.isnan(np.asarray(pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce")))
        seen |= dict.fromkeys(head) | dict.fromkeys(cells[i] for i in np.flatnonzero(unread))
    return find_style(seen)


def _is_date(cell: str) -> bool:
    return bool(_DATE.fullmatch(cell))
