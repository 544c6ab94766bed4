"""One file of a motion sensor as takes of readings with time and label; knows text and names, no units, no windows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import DatasetError
from .axes import find_roles
from .columns import Column, style_of
from .content import read_text
from .grid import Grid, make_grid
from .numbers import MISSING
from .records import Records, read_records
from .targets import find_column

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
SLOWEST, FASTEST = 2.0, 4000.0  # samples a second of a motion sensor
LONG = 10  # rows with one label that make a recording
GAP = 5.0  # sample periods without a sample: another take
_REMARK = re.compile(r"(rate|person|label|sampling rate|hz|fs)\s*[:= ]\s*(.+)", re.IGNORECASE)


@dataclass(frozen=True)
class Take:
    """Readings without a gap, of one movement or one stretch of time.

    Parameters
    ----------
    file : Path
    line : int
        Where it begins.
    values : ndarray, shape (n, n_axes)
        As written, in some unit.
    seconds : ndarray, shape (n,), or None
        Times of the readings.
    label, person : str or None
        As the file says.
    """

    file: Path
    line: int
    values: NDArray[np.float64]
    seconds: NDArray[np.float64] | None
    label: str | None
    person: str | None


@dataclass(frozen=True)
class MotionFile:
    """What a file holds.

    Parameters
    ----------
    takes : tuple of Take
    axes : tuple of str
    units : dict of str to str
        Units that names of columns say.
    rate : float or None
        Samples a second that a remark says.
    named : bool
        Whether columns are called axes of a certain sensor, as ax is and x is not.
    notes : tuple of str
    """

    takes: tuple[Take, ...]
    axes: tuple[str, ...]
    units: dict[str, str]
    rate: float | None
    named: bool
    notes: tuple[str, ...]


def read_motion(path: Path, drop: Sequence[str] = ()) -> MotionFile:
    """Takes of one text file: they are parted by blank lines, gaps in time, and changes of label, person or take.

    Raises
    ------
    DatasetError
        Naming file, line and column of what cannot be read.
    """
    name = str(path)
    text, notes = read_text(path)
    records, breaks = _without_breaks(read_records(name, text)[0], text)
    records, torn = _without_torn_end(records)
    if torn:
        notes.append(f"line {torn} is incomplete and left out")
    grid = make_grid(name, records)
    columns = _columns(name, grid)
    dropped = {find_column(name, columns, each, "drop").number for each in drop}
    kept = [c for c in columns if c.number not in dropped]
    roles = find_roles(name, [c.name for c in kept] if grid.names else None, len(kept))
    if grid.names is None:
        notes.append(f"no header: columns are taken for {', '.join(roles.axes)}")
    if roles.others:
        notes.append(f"not used: {', '.join(roles.others)}")
    values = np.stack([_numbers(name, kept[i], grid.lines) for i in roles.axes.values()], axis=1)
    named = grid.names is not None and all(len(kept[i].name) > 1 for i in roles.axes.values())
    remarks = dict(_remarks(records.comments))
    seconds = None if roles.time is None else _seconds(kept[roles.time], roles.time_unit, notes)
    marks = {r: kept[i].cells for r in ("label", "person", "take") if (i := getattr(roles, r)) is not None}
    takes = []
    for a, b in pairwise([*_starts(grid.lines, breaks, seconds, list(marks.values())), len(values)]):
        told = {r: marks[r][a] if r in marks else remarks.get(r) for r in ("label", "person")}
        takes.append(Take(path, grid.lines[a], values[a:b], None if seconds is None else seconds[a:b], **told))
    return MotionFile(tuple(takes), tuple(roles.axes), roles.units, _rate(remarks), named, tuple(notes))


def _without_breaks(records: Records, text: str) -> tuple[Records, list[int]]:
    """Records without rows of dashes, and the lines that part takes: those, and blank ones unless most are."""
    dashes = [bool(row) and all(cell.casefold() in MISSING for cell in row) for row in records.rows]
    breaks = [line for line, is_break in zip(records.lines, dashes, strict=True) if is_break]
    blank = [i for i, line in enumerate(text.split("\n"), start=1) if not line.strip()]
    inside = [line for line in blank if records.lines and records.lines[0] < line < records.lines[-1]]
    if 2 * len(inside) < len(records.rows):
        breaks += inside
    rows = [row for row, is_break in zip(records.rows, dashes, strict=True) if not is_break]
    lines = [line for line, is_break in zip(records.lines, dashes, strict=True) if not is_break]
    return replace(records, rows=rows, lines=lines), sorted(breaks)


def _without_torn_end(records: Records) -> tuple[Records, int | None]:
    """Records without a last line that an interruption left."""
    rows = records.rows
    if len(rows) > 2 and len(rows[-1]) < len(rows[-2]) == len(rows[-3]):
        return replace(records, rows=rows[:-1], lines=records.lines[:-1]), records.lines[-1]
    return records, None


def _columns(name: str, grid: Grid) -> list[Column]:
    cells = [list(column) for column in zip(*grid.rows, strict=True)]
    style = style_of(cells)
    if style.doubt is not None:
        first, second = style.doubt
        raise DatasetError(f"{name}: {first!r} and {second!r} leave open what the comma is; write decimal points")
    titles = grid.names or [f"column{i}" for i in range(len(cells))]
    return [Column(titles[i], i, column, style.decimal) for i, column in enumerate(cells)]


def _remarks(comments: list[str]) -> list[tuple[str, str]]:
    found = [_REMARK.match(comment) for comment in comments]
    return [(match[1].casefold(), match[2].strip()) for match in found if match]


def _rate(remarks: dict[str, str]) -> float | None:
    text = next((remarks[key] for key in ("rate", "sampling rate", "fs", "hz") if key in remarks), "")
    number = re.match(r"[\d.]+", text)
    return float(number[0]) if number else None


def _numbers(name: str, column: Column, lines: list[int]) -> NDArray[np.float64]:
    wrong = np.flatnonzero(~np.isfinite(column.values) | (np.abs(column.values) > 1e9))
    if len(wrong):
        cell = column.cells[wrong[0]]
        what = "a reading is missing" if column.missing[wrong[0]] else f"{cell!r} is no reading"
        raise DatasetError(f"{name}, {column.where(lines[wrong[0]])}: {what}; remove the line, or the file")
    return column.values


def _seconds(column: Column, unit: str | None, notes: list[str]) -> NDArray[np.float64] | None:
    """Times in seconds; None where they are none, such as the number of a row."""
    if column.kind == "date":
        stamps = pd.to_datetime(pd.Series(column.cells), errors="coerce", format="mixed", utc=True)
        times = (stamps - stamps.iloc[0]).dt.total_seconds().to_numpy()
    else:
        times = column.values
    if not np.isfinite(times).all():
        notes.append(f"column {column.title} is not used: it holds what is no time")
        return None
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    if column.kind == "date":
        unit = "s"
    if unit is None:  # the one in which the readings come as from a motion sensor
        fits = [u for u, size in SECONDS.items() if step > 0 and SLOWEST <= 1 / (step * size) <= FASTEST]
        unit = fits[0] if fits and step != 1 else None
    if unit is None or not (step > 0 and SLOWEST <= 1 / (step * SECONDS[unit]) <= FASTEST):
        notes.append(f"column {column.title} is not used: its steps of {step:g} are no time between readings")
        return None
    return times * SECONDS[unit]


def _starts(
    lines: list[int], breaks: list[int], seconds: NDArray[np.float64] | None, marks: list[list[str]]
) -> list[int]:
    """Rows at which a take begins."""
    starts = np.zeros(len(lines), dtype=bool)
    starts[0] = True
    starts[1:] = np.diff(np.searchsorted(np.asarray(breaks), lines)) > 0
    if seconds is not None and len(seconds) > 2:
        steps = np.diff(seconds)
        starts[1:] |= (steps <= -np.median(steps)) | (steps > GAP * np.median(steps))
    for cells in marks:
        starts[1:] |= np.array([a != b for a, b in pairwise(cells)], dtype=bool)
    found: list[int] = np.flatnonzero(starts).tolist()
    return found


def is_one_recording(path: str | Path) -> bool:
    """Whether a file is a long recording of a motion sensor with labels, instead of a table with a row a sample.

    It has axes that are called so, and labels that stay the same for many rows, or times.

    Examples
    --------
    >>> from pathlib import Path
    >>> from edgealgos.datasets import is_one_recording
    >>> labels = ["rest"] * 20 + ["shake"] * 20
    >>> _ = Path("day.csv").write_text("ax,ay,az,label\\n" + "".join(f"0,{i},1,{x}\\n" for i, x in enumerate(labels)))
    >>> _ = Path("leaves.csv").write_text("width,length,kind\\n1.5,2,oak\\n3.5,4,elm\\n")
    >>> is_one_recording("day.csv"), is_one_recording("leaves.csv")
    (True, False)
    """
    try:
        found = read_motion(Path(path))
    except DatasetError:
        return False
    labelled = [take for take in found.takes if take.label]
    rows = sum(len(take.values) for take in labelled)
    return found.named and bool(labelled) and rows >= LONG * len(labelled)
