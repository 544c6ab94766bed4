"""Reads CSV, npz and scikit-learn's small data sets for the command line; knows tables, nothing of models."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import train_test_split

from .. import DatasetError

BUILT_IN = {
    "iris": datasets.load_iris, "digits": datasets.load_digits, "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Samples with their targets; a test part where the file has one."""

    X: NDArray[Any]
    y: NDArray[Any]
    X_test: NDArray[Any] | None = None
    y_test: NDArray[Any] | None = None

    @property
    def for_testing(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The test part, or everything where there is none."""
        return (self.X, self.y) if self.X_test is None or self.y_test is None else (self.X_test, self.y_test)


def read_table(path: str, target: str | None) -> Table:
    """The samples of a file.

    Raises
    ------
    DatasetError
        Naming file, line and column of what cannot be read.
    """
    if path in BUILT_IN and not Path(path).exists():
        return _built_in(path)
    if Path(path).suffix == ".npz":
        return _read_npz(path)
    return _read_csv(path, target)


def _built_in(name: str) -> Table:
    """A data set of scikit-learn, always split the same way, so that a later command tests on other rows."""
    data = BUILT_IN[name]()
    labels = getattr(data, "target_names", None)
    y = data.target if labels is None or name == "digits" else np.asarray(labels)[data.target]
    split = train_test_split(data.data, y, test_size=0.3, random_state=0, stratify=None if labels is None else y)
    return Table(split[0], split[2], split[1], split[3])


def _read_npz(path: str) -> Table:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f"{path} cannot be read as npz: {error}") from error
    for names in (("X_train", "y_train", "X_test", "y_test"), ("X_train", "y_train"), ("X", "y")):
        if all(name in arrays for name in names):
            return Table(*(arrays[name] for name in names))
    raise DatasetError(f"{path} has the arrays {', '.join(arrays) or 'none'}; needed are X, y or X_train, y_train")


def _read_csv(path: str, target: str | None) -> Table:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), start=1) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is no CSV text: {error}") from error
    if not rows:
        raise DatasetError(f"{path} is empty")
    names = None if all(_is_number(cell) for cell in rows[0][1]) else [cell.strip() for cell in rows[0][1]]
    body = rows if names is None else rows[1:]
    if not body:
        raise DatasetError(f"{path} has a header and no rows")
    width = len(rows[0][1])
    column = _target_column(path, target, names, width)
    X = np.empty((len(body), width - 1))
    for i, (number, row) in enumerate(body):
        if len(row) != width:
            raise DatasetError(f"{path}, line {number}: {len(row)} cells, the first line has {width}")
        cells = row[:column] + row[column + 1 :]
        for j, cell in enumerate(cells):
            if not _is_number(cell):
                original = j if j < column else j + 1
                title = str(original) if names is None else repr(names[original])
                raise DatasetError(f"{path}, line {number}, column {title}: {cell!r} is no number")
            X[i, j] = float(cell)
    return Table(X, _as_labels([row[column].strip() for _, row in body]))


def _target_column(path: str, target: str | None, names: list[str] | None, width: int) -> int:
    if width < 2:
        raise DatasetError(f"{path} has one column; a model needs features and a target")
    if target is None:
        return width - 1
    if names is not None and target in names:
        return names.index(target)
    if target.isdigit() and int(target) < width:
        return int(target)
    known = f"columns 0 to {width - 1}" if names is None else f"the columns {', '.join(names)}"
    raise DatasetError(f"{path} has no column {target!r}; it has {known}")


def _as_labels(cells: list[str]) -> NDArray[Any]:
    """Whole numbers, numbers, or text: the first that all cells are."""
    for kind in (int, float):
        try:
            return np.array([kind(cell) for cell in cells])
        except (ValueError, OverflowError):
            continue
    return np.array(cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
