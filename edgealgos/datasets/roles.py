"""Columns that are no features: indices, identifiers, dates, constants; knows columns, nothing of models."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import Column

INDEX_NAMES = (
    "",
    "index",
    "level_0",
    "unnamed",
    "unnamed: 0",
    "rownames",
    "row.names",
    "row",
    "rowid",
    "row_id",
    "x.1",
)
_IDENTIFIER = re.compile(r"(?:.*[_\- .])?(?:id|ids|uid|uuid|guid|idx|nr|no|serial|key|sample(?:_?(?:no|nr|number))?)")
_TIME = re.compile(r".*(?:time|date|epoch|millis|micros).*|t|ms|us|ts|sec(?:onds?)?|t_?ms|t \(s\)")
ENOUGH = 5  # rows from which on an order is no accident
MANY = 20
NEARLY_ALL = 0.95
SERIES = 25  # columns of names that differ in numbers alone, as those of a picture's pixels do
SAMPLE = 2000


def in_place(columns: Sequence[Column]) -> set[int]:
    """Numbers of constant columns whose place says something: they belong to a long numbered series that mostly varies.

    Without the pixels of its border a picture is none.
    """
    series: dict[str, list[Column]] = defaultdict(list)
    for column in columns:
        if column.kind in ("number", "switch"):
            series[re.sub(r"\d+", "#", column.name)].append(column)
    long = [alike for alike in series.values() if len(alike) >= SERIES]
    mostly_vary = [alike for alike in long if 2 * sum(map(_varies, alike)) >= len(alike)]
    return {c.number for alike in mostly_vary for c in alike if not _varies(c)}


def why_no_feature(column: Column) -> str | None:
    """Why a column should not be learnt from, or None."""
    name = column.name.casefold()
    if column.kind == "nothing":
        return "it is empty"
    if column.kind == "date":
        return "it holds dates or times"
    if name in INDEX_NAMES and (column.kind == "number" or column.distinct == len(column.cells)):
        return "it is an index of the rows"
    if column.kind == "text":
        return "its texts name single rows" if _names_rows(column) else None
    if len(column.cells) > 1 and not _varies(column):
        return f"it is {column.cells[0]} in every row"
    if column.kind == "number" and not np.isnan(column.values).any():
        return _order(column, name)
    return None


def _varies(column: Column) -> bool:
    return bool(column.values.min() != column.values.max())


def _names_rows(column: Column) -> bool:
    return len(column.cells) >= ENOUGH and column.distinct >= NEARLY_ALL * len(column.cells)


def _order(column: Column, name: str) -> str | None:
    """What the order of a column's numbers tells."""
    values, count = column.values, len(column.cells)
    if count < ENOUGH:
        return None
    with np.errstate(invalid="ignore"):
        steps = np.diff(values)
        whole = bool((values % 1 == 0).all())
        even = bool(np.allclose(steps, steps[0], rtol=1e-6, atol=0)) and steps[0] != 0
        rises = bool((steps > 0).all() or (steps < 0).all())
    if even and (whole or count >= MANY):
        return "it counts the rows"
    if rises and count >= MANY and (whole or _TIME.fullmatch(name)):
        return "it rises from row to row, as time or a row's number does"
    distinct = len(np.unique(values))
    if whole and _IDENTIFIER.fullmatch(name) and distinct >= NEARLY_ALL * count:
        return "it is an identifier"
    return None


def doubts(columns: Sequence[Column], y: NDArray[Any], classes: bool) -> list[str]:
    """What may give the answer away without being certain to."""
    found = []
    for column in columns:
        values, count = column.values, len(column.cells)
        distinct = len(np.unique(values))
        if count >= 2 * MANY and (values % 1 == 0).all() and distinct >= NEARLY_ALL * count:
            found.append(
                f"column {column.title} holds {distinct} different whole numbers in {count} rows; if it is an "
                f"identifier, leave it out with drop={column.name!r}"
            )
        elif any(cell[:1] == "0" and cell.isdigit() and len(cell) > 1 for cell in column.cells[:SAMPLE]):
            found.append(
                f"column {column.title} has numbers with zeros in front, as codes have: they are taken for amounts "
                f"(drop={column.name!r} leaves it out)"
            )
        elif count >= MANY and _rises(values):
            found.append(
                f"column {column.title} rises from row to row; if it is a time, leave it out with drop={column.name!r}"
            )
        if classes and count >= MANY and 1 < distinct == len(np.unique(y)) and _one_to_one(values, y):
            found.append(
                f"column {column.title} tells the label by itself; if it was made from the label, leave it out with "
                f"drop={column.name!r}"
            )
    return found


def _rises(values: NDArray[np.float64]) -> bool:
    steps = np.diff(values)
    return bool((steps > 0).all() or (steps < 0).all())


def _one_to_one(values: NDArray[np.float64], y: NDArray[Any]) -> bool:
    return len({(a, b) for a, b in zip(values.tolist(), y.tolist(), strict=True)}) == len(np.unique(y))
