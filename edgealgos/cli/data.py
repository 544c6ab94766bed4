"""Data for a command: a table, arrays or a built-in set, split into what is learnt from and what is tested with."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import train_test_split

import edgealgos as ea

BUILT_IN = {
    "iris": datasets.load_iris, "digits": datasets.load_digits, "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
}  # fmt: skip
FEWEST = 10  # rows that something can be learnt from and tested with
FEW_CLASSES = 20
SPLIT_SEED = 0  # the same one in every command: what one tests with, no other has learnt from


def read_data(arguments: argparse.Namespace, model: Any = None) -> ea.datasets.Table:
    """The data that a command names, with its task; for a fitted model by the columns that it knows."""
    if arguments.data in BUILT_IN and not Path(arguments.data).exists():
        table = _built_in(arguments.data)
    else:
        task = "regression" if arguments.regression else "classification" if arguments.classification else None
        names = getattr(model, "feature_names_in_", None)
        table = ea.datasets.read_table(
            arguments.data, target=arguments.target, task=task, drop=arguments.drop or (), keep=arguments.keep or (),
            impute=arguments.impute, sep=arguments.sep, decimal=arguments.decimal, header=arguments.header,
            features=None if names is None else list(names),
        )  # fmt: skip
    for note in table.notes:
        print(f"{arguments.data}: {note}")
    return _with_task(table, arguments)


def _with_task(table: ea.datasets.Table, arguments: argparse.Namespace) -> ea.datasets.Table:
    """Arrays and built-in sets do not say whether numbers are classes."""
    if table.task is None and table.y is not None:
        y = table.y
        amounts = y.dtype.kind == "f" and ((y % 1 != 0).any() or len(np.unique(y)) > FEW_CLASSES)
        task = "regression" if arguments.regression or (amounts and not arguments.classification) else "classification"
        if amounts and task == "regression" and not arguments.regression:
            print(f"{arguments.data}: the targets are numbers with decimals: a number is predicted (regression)")
        table = replace(table, task=task)
    if table.task == "regression" and table.y is not None and table.y.dtype.kind not in "biuf":
        raise ea.DatasetError(f"{arguments.data} has labels such as {table.y[0]!r}, which no regression predicts")
    return table


def _built_in(name: str) -> ea.datasets.Table:
    pictures = name == "digits"
    data = BUILT_IN[name](as_frame=not pictures)
    labels = getattr(data, "target_names", None)
    y = np.asarray(data.target)
    y = y if labels is None or pictures else np.asarray(labels)[y]
    return ea.datasets.Table(data.data, y, "regression" if labels is None else "classification")


def split(table: ea.datasets.Table, test_size: float, seed: int = SPLIT_SEED) -> ea.datasets.Table:
    """The table with a test part, its own or a share of its rows; without one where the share is 0."""
    if table.y is None:
        raise ea.DatasetError("there is no column besides the features; nothing can be learnt without a target")
    if table.X_test is not None or test_size == 0:
        return table
    if len(table.y) < FEWEST:
        raise ea.DatasetError(
            f"there are {len(table.y)} rows, too few to learn from and to test with; gather at least {FEWEST}, better "
            "hundreds, or test with none of them (test_size=0)"
        )
    rows = np.arange(len(table.y))
    learnt, tested = train_test_split(rows, test_size=_count(table, test_size), random_state=seed,
                                      stratify=table.y if _can_stratify(table, test_size) else None)  # fmt: skip
    return replace(table, X=_rows(table.X, learnt), y=table.y[learnt], X_test=_rows(table.X, tested),
                   y_test=table.y[tested])  # fmt: skip


def _count(table: ea.datasets.Table, test_size: float) -> int:
    count = len(table.y) if table.y is not None else 0
    return min(max(round(test_size * count), 1), count - 1)


def _can_stratify(table: ea.datasets.Table, test_size: float) -> bool:
    """Whether every class can be in both parts."""
    if table.task != "classification" or table.y is None:
        return False
    counts = np.unique(table.y, return_counts=True)[1]
    tested = _count(table, test_size)
    return bool(counts.min() >= 2 and len(counts) <= min(tested, len(table.y) - tested))


def _rows(X: Any, rows: NDArray[np.integer]) -> Any:
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def rows_to_ask(arguments: argparse.Namespace, model: Any) -> tuple[Any, NDArray[Any] | None]:
    """Rows that a fitted model is asked about: the test part where there is one, else all."""
    table = read_data(arguments, model)
    if arguments.data in BUILT_IN and not Path(arguments.data).exists():
        table = split(table, arguments.test_size)
    X, y = (table.X, table.y) if table.X_test is None else (table.X_test, table.y_test)
    return X[: arguments.rows], y if y is None else y[: arguments.rows]
