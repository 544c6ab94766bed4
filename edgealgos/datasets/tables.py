"""Tables from files as people have them: read_table; knows files and columns, nothing of models."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import DatasetError
from .arrays import is_archive_of_arrays, read_arrays
from .columns import Column, style_of
from .content import read_text
from .grid import Grid, make_grid
from .records import SEPARATORS, Records, read_records
from .roles import doubts, in_place, why_no_feature
from .targets import choose_target, find_column, make_target, unlabelled

LARGEST_VALUE = 1e30  # of a feature: a device computes in 32-bit floats
IMPUTE = ("mean", "median", "drop")


@dataclass(frozen=True)
class Table:
    """Samples with what is to be predicted of them.

    Attributes
    ----------
    X : DataFrame or ndarray, shape (n, n_features)
        Features; a DataFrame with their names where they come from text.
    y : ndarray, shape (n,), or None
        Labels or numbers; None where the file has none besides the features asked for.
    task : {"classification", "regression"} or None
        None: arrays do not say.
    target : str or None
        Name of the column that is predicted.
    X_test, y_test : like X and y, or None
        The test part, where the file has one.
    left_out : dict of str to str
        Columns that are no features, and why.
    notes : tuple of str
        What was understood or done that one may want to know.

    Examples
    --------
    >>> from pathlib import Path
    >>> from edgealgos.datasets import read_table
    >>> _ = Path("leaves.csv").write_text("width;length;kind\\n1,5;2;oak\\n3,5;4;elm\\n")
    >>> table = read_table("leaves.csv")
    >>> table.target, table.task, table.X.shape
    ('kind', 'classification', (2, 2))
    >>> table.notes[0]
    '2 rows of 3 columns, parted by semicolons, decimal comma'
    """

    X: Any
    y: NDArray[Any] | None
    task: str | None = None
    target: str | None = None
    X_test: Any = None
    y_test: NDArray[Any] | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_table(
    path: str | os.PathLike[str],
    *,
    target: str | int | None = None,
    task: str | None = None,
    drop: str | Sequence[str] = (),
    keep: str | Sequence[str] = (),
    impute: str | None = None,
    sep: str | None = None,
    decimal: str | None = None,
    header: bool | None = None,
    features: Sequence[str] | None = None,
) -> Table:
    """Read a table from a text file as spreadsheets, loggers and scripts write them, or from an ``.npz`` file.

    Separator, decimal mark, header, encoding, comments and packing are found out and said in ``notes``; so are columns
    that are no features (an index, identifiers, dates, constants), which are left out. What cannot be understood is
    refused with file, line, column and what to do: nothing is guessed in silence.

    Parameters
    ----------
    path : path
        Text (UTF-8, UTF-16, Windows-1252), plain or in gzip, bzip2, xz, zip; or ``.npz`` with ``X``, ``y`` or
        ``X_train``, ``y_train``, ``X_test``, ``y_test``.
    target : str or int, optional
        Name or number (from 0) of the column to predict. Default: the one that looks like it, else the last.
    task : {"classification", "regression"}, optional
        Default: numbers with decimals, or more than 20 different whole ones, are predicted as numbers.
    drop, keep : str or sequence of str
        Columns to leave out; columns to learn from although they look like no features.
    impute : {"mean", "median", "drop"}, optional
        What takes the place of missing values; ``"drop"`` leaves out their rows. Default: they are refused.
    sep, decimal : str, optional
        Separator (a character, or ``"tab"``, ``"space"`` ...) and decimal mark. Default: found out.
    header : bool, optional
        Whether the first row names the columns. Default: found out.
    features : sequence of str, optional
        Names of the columns to read, in this order, as a fitted model has them in ``feature_names_in_``; all others but
        the target are passed over.

    Returns
    -------
    Table

    Raises
    ------
    DatasetError
        For files, rows and cells that cannot be used.

    Examples
    --------
    >>> from pathlib import Path
    >>> from edgealgos.datasets import read_table
    >>> _ = Path("leaves.csv").write_text("width;length;kind\\n1,5;2;oak\\n3,5;4;elm\\n")
    >>> table = read_table("leaves.csv")
    >>> table.X["width"].tolist(), table.y.tolist()
    ([1.5, 3.5], ['oak', 'elm'])
    """
    if impute is not None and impute not in IMPUTE:
        raise DatasetError(f"impute={impute!r}: it is one of {', '.join(IMPUTE)}")
    name = os.fspath(path)
    if is_archive_of_arrays(name):
        return Table(**read_arrays(name))
    text, notes = read_text(path)
    records, more = read_records(name, text, sep)
    grid = make_grid(name, records, header, None if target is None else str(target))
    notes += more
    columns = _columns(name, grid, records, decimal, notes)
    notes += grid.notes
    columns = _without(name, columns, drop, notes)
    kept = [find_column(name, columns, each, "keep").number for each in _several(keep)]
    return _Reading(name, columns, grid.lines, notes).table(target, task, kept, impute, features)


def _several(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str | int) else list(names)


def _columns(name: str, grid: Grid, records: Records, decimal: str | None, notes: list[str]) -> list[Column]:
    """The columns with one style of numbers and a name each."""
    width = len(grid.rows[0])
    if width < 2:
        known = ", ".join(repr(s) for s in SEPARATORS)
        raise DatasetError(
            f"{name} has one column; a model needs features and a target. If columns are parted by something else than "
            f"{known}, pass sep=..."
        )
    cells = [list(column) for column in zip(*grid.rows, strict=True)]
    how = SEPARATORS.get(records.separator, repr(records.separator))
    style = style_of(cells)
    if decimal is None and style.doubt is not None:
        raise _doubt(name, grid, style.doubt)
    if decimal not in (None, ".", ","):
        raise DatasetError(f"decimal={decimal!r}: it is '.' or ','")
    mark = decimal or style.decimal
    notes.append(
        f"{len(grid.rows)} rows of {width} columns, parted by {how}" + (", decimal comma" if mark == "," else "")
        + (", thousands parted" if style.grouped else "") + (", text in single quotes" if records.quote == "'" else "")
    )  # fmt: skip
    names = grid.names or [f"column{i}" for i in range(width)]
    return [Column(title, i, c, mark) for i, (title, c) in enumerate(zip(_different(names, notes), cells, strict=True))]


def _doubt(name: str, grid: Grid, cells: tuple[str, str]) -> DatasetError:
    first, second = (
        next((line, cell) for row, line in zip(grid.rows, grid.lines, strict=True) if cell in row) for cell in cells
    )
    if first == second:
        what = f"{first[1]!r} has a decimal comma, or one between thousands"
        return DatasetError(f"{name}, line {first[0]}: {what}; pass decimal=',' or decimal='.'")
    return DatasetError(
        f"{name}, line {second[0]}: {second[1]!r} has a decimal comma, {first[1]!r} in line {first[0]} a point; write "
        "all numbers alike, or pass decimal=',' or decimal='.' to be told of the others one by one"
    )


def _different(names: list[str], notes: list[str]) -> list[str]:
    """Names of which each is there once."""
    found: list[str] = []
    for name in names:
        again, count = name, 1
        while again in found and name:
            count += 1
            again = f"{name}_{count}"
        if again != name:
            notes.append(f"there are several columns {name!r}; one of them is called {again!r}")
        found.append(again)
    return found


def _without(name: str, columns: list[Column], drop: str | Sequence[str], notes: list[str]) -> list[Column]:
    dropped = {find_column(name, columns, each, "drop").number for each in _several(drop)}
    if dropped:
        notes.append(f"left out as asked: {', '.join(c.title for c in columns if c.number in dropped)}")
    return [c for c in columns if c.number not in dropped]


class _Reading:
    """One file on its way from columns to a table."""

    def __init__(self, name: str, columns: list[Column], lines: list[int], notes: list[str]) -> None:
        self.name, self.columns, self.lines, self.notes = name, columns, lines, notes
        self.left_out: dict[str, str] = {}

    def table(
        self, target: str | int | None, task: str | None, kept: list[int], impute: str | None,
        features: Sequence[str] | None,
    ) -> Table:  # fmt: skip
        column = self._take_target(target, features)
        if features is None:
            self._leave_out(kept)
        else:
            self.columns = [self._wanted(each) for each in features]
        if impute == "drop":
            column = self._drop_rows(column)
        self._refuse_text()
        y, task = (None, task) if column is None else make_target(self.name, column, self.lines, task, self.notes)
        values = np.stack([self._numbers(each, impute) for each in self.columns], axis=1)
        if features is None and y is not None:
            self.notes += doubts(self.columns, y, task == "classification")
        X = pd.DataFrame(values, columns=[each.name for each in self.columns])
        return Table(X, y, task, None if column is None else column.name, None, None, self.left_out, tuple(self.notes))

    def _take_target(self, target: str | int | None, features: Sequence[str] | None) -> Column | None:
        """The target, which then is no feature; None where the features asked for are all that there is."""
        others = self.columns if features is None else [c for c in self.columns if c.name not in features]
        if not others:
            return None
        if target is not None:
            column = find_column(self.name, self.columns, target, "target")
        else:
            likely = [c for c in others if why_no_feature(c) is None or (c is others[-1] and c.kind == "number")]
            column = choose_target(self.name, likely or others, self.notes)
        self.columns = [c for c in self.columns if c is not column]
        if not self.columns:
            raise DatasetError(f"{self.name}: besides the target {column.title} there is no column to learn from")
        return column

    def _wanted(self, feature: str) -> Column:
        found = [c for c in self.columns if c.name == feature]
        if not found:
            listed = ", ".join(c.name for c in self.columns)
            raise DatasetError(
                f"{self.name} lacks the column {feature!r} that the model was trained with; it has {listed}; name the "
                "columns as in the file it was trained with"
            )
        return found[0]

    def _leave_out(self, kept: list[int]) -> None:
        """Columns that are no features go, unless none would stay."""
        placed = in_place(self.columns).union(kept)
        reasons = {c.number: why_no_feature(c) for c in self.columns if c.number not in placed}
        stay = [c for c in self.columns if reasons.get(c.number) is None]
        if not stay:
            self.notes.append(f"column {self.columns[0].title} is learnt from for want of others")
            return
        for column in self.columns:
            why = reasons.get(column.number)
            if why is not None:
                self.left_out[column.name] = why
                self.notes.append(f"column {column.title} is left out: {why} (keep={column.name!r} takes it in)")
        self.columns = stay

    def _drop_rows(self, target: Column | None) -> Column | None:
        missing = np.any([c.missing for c in self.columns], axis=0)
        if target is not None:
            missing |= unlabelled(target)
        if missing.all():
            raise DatasetError(
                f"{self.name}: every row has a missing value; pass impute='median', or drop=... a column"
            )
        if missing.any():
            self.notes.append(f"{missing.sum()} rows with missing values left out")
            self.columns = [c.only(~missing) for c in self.columns]
            self.lines = [line for line, gone in zip(self.lines, missing, strict=True) if not gone]
            return None if target is None else target.only(~missing)
        return target

    def _refuse_text(self) -> None:
        for column in self.columns:
            if column.kind not in ("number", "switch"):
                cell, line = column.cells[0], self.lines[0]
                if re.match(r"[-+]?[\d.,]*\d", cell) and not re.fullmatch(r"[\d:./ T-]+", cell):
                    what = "holds more than a number; leave the unit out, it may stand in the column's name"
                else:
                    what = f"is text, and a model learns from numbers; write numbers for its {column.distinct} texts"
                raise DatasetError(
                    f"{self.name}, {column.where(line)}: {cell!r} {what}, or leave the column out with "
                    f"drop={column.name!r}"
                )
            if column.kind == "switch":
                self.notes.append(f"column {column.title} is 1 for true or yes, 0 for false or no")

    def _numbers(self, column: Column, impute: str | None) -> NDArray[np.float64]:
        """Finite numbers of a column, missing ones replaced."""
        values, missing = column.values.copy(), column.missing
        wrong = np.flatnonzero(np.isnan(values) & ~missing)
        if len(wrong):
            cell = column.cells[wrong[0]]
            raise self._refusal(column, wrong[0], f"{cell!r} is no number; correct the cell or remove the line")
        large = np.flatnonzero(np.abs(values) > LARGEST_VALUE)
        if len(large):
            cell = column.cells[large[0]]
            what = "is infinite" if "inf" in cell.casefold() or "∞" in cell else "is too large for a 32-bit float"
            raise self._refusal(column, large[0], f"{cell!r} {what}; correct the cell or remove the line")
        if missing.any():
            first = int(np.argmax(missing))
            if impute is None:
                cell = column.cells[first]
                what = f"a value is missing ({cell!r}), {missing.sum()} in this column; pass impute='median' to fill "
                what += f"them, impute='drop' to leave out their lines, or drop={column.name!r}"
                raise self._refusal(column, first, what)
            if missing.all():
                raise self._refusal(column, first, f"all values are missing; leave it out with drop={column.name!r}")
            fill = np.mean if impute == "mean" else np.median
            values[missing] = fill(values[~missing])
            self.notes.append(
                f"column {column.title}: {missing.sum()} missing values are taken for the {impute}, "
                f"{values[missing][0]:g}"
            )
        return values

    def _refusal(self, column: Column, row: int, what: str) -> DatasetError:
        return DatasetError(f"{self.name}, {column.where(self.lines[row])}: {what}")
