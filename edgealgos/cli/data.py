"""Data for a command: a table, arrays, recordings or a built-in set, split into what is learnt and what is tested."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import StratifiedGroupKFold, train_test_split

import edgealgos as ea

from .families import in_flags

BUILT_IN = {
    "iris": datasets.load_iris, "digits": datasets.load_digits, "wine": datasets.load_wine,
    "diabetes": datasets.load_diabetes,
}  # fmt: skip
FEWEST = 10  # rows that something can be learnt from and tested with
FEWEST_TAKES = 3  # of a class: to learn from, to choose by, to test with
FEW_CLASSES = 20
SPLIT_SEED = 0  # the same one in every command: what one tests with, no other has learnt from


@dataclass(frozen=True)
class Data:
    """Samples for a command.

    Parameters
    ----------
    X, y : arrays, or a DataFrame
    task : {"classification", "regression"} or None
    X_test, y_test : like X and y, or None
    groups : ndarray or None
        What belongs on one side of a split.
    recordings : Recordings or None
        What the windows are, where they are some.
    notes : tuple of str
        What was understood or done that one may want to know.
    """

    X: Any
    y: NDArray[Any] | None
    task: str | None = None
    X_test: Any = None
    y_test: NDArray[Any] | None = None
    groups: NDArray[Any] | None = None
    recordings: ea.datasets.Recordings | None = None
    notes: tuple[str, ...] = ()


def read_data(arguments: argparse.Namespace, model: Any = None) -> Data:
    """The data that a command names, as :func:`data_of` gives them; prints what was understood."""
    data = data_of(arguments, model)
    _tell(arguments.data, data.notes)
    return data


def data_of(arguments: argparse.Namespace, model: Any = None) -> Data:
    """The data that a command names, with its task; for a fitted model by the columns or the windows that it knows."""
    if is_built_in(arguments.data):
        return _built_in(arguments.data)
    if _are_recordings(arguments):
        return _recordings(arguments, model)
    task = "regression" if arguments.regression else "classification" if arguments.classification else None
    names = getattr(model, "feature_names_in_", None)
    table = ea.datasets.read_table(
        arguments.data, target=arguments.target, task=task, drop=arguments.drop or (), keep=arguments.keep or (),
        impute=arguments.impute, sep=arguments.sep, decimal=arguments.decimal, header=arguments.header,
        features=None if names is None else list(names),
    )  # fmt: skip
    return _with_task(Data(table.X, table.y, table.task, table.X_test, table.y_test, notes=table.notes), arguments)


def is_built_in(name: str) -> bool:
    """Whether a name is that of a built-in set, and of no file."""
    return name in BUILT_IN and not Path(name).exists()


def _tell(name: str, notes: Sequence[str]) -> None:
    for note in notes:
        print(f"{name}: {in_flags(note)}")


def _are_recordings(arguments: argparse.Namespace) -> bool:
    if arguments.recordings is not None:
        return bool(arguments.recordings)
    return Path(arguments.data).is_dir() or ea.datasets.is_one_recording(arguments.data)


def _recordings(arguments: argparse.Namespace, model: Any) -> Data:
    known = windows_of(model)
    names = ("sensor", "rate", "device_rate", "window", "acceleration_range", "rotation_range")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    found = ea.datasets.read_recordings(
        arguments.data, units=arguments.units or (), drop=arguments.drop or (), **(known | given)
    )
    return Data(found.X, found.y, "classification", groups=found.groups, recordings=found, notes=found.notes)


def windows_of(model: Any) -> dict[str, float]:
    """Rate and length of the windows that a fitted model takes, where it says them."""
    first = model[0] if hasattr(model, "steps") else model
    rate = getattr(first, "rate", getattr(first, "sample_rate", None))
    if rate is None or not hasattr(first, "n_features_in_"):
        return {}
    return {"device_rate": float(rate), "window": first.n_features_in_ / float(rate)}


def _with_task(data: Data, arguments: argparse.Namespace) -> Data:
    """Arrays do not say whether numbers are classes."""
    if data.task is None and data.y is not None:
        y = data.y
        amounts = y.dtype.kind == "f" and ((y % 1 != 0).any() or len(np.unique(y)) > FEW_CLASSES)
        task = "regression" if arguments.regression or (amounts and not arguments.classification) else "classification"
        if amounts and task == "regression" and not arguments.regression:
            said = "the targets are numbers with decimals: a number is predicted (regression)"
            data = replace(data, notes=(*data.notes, said))
        data = replace(data, task=task)
    if data.task == "regression" and data.y is not None and data.y.dtype.kind not in "biuf":
        raise ea.DatasetError(f"{arguments.data} has labels such as {str(data.y[0])!r}, which no regression predicts")
    return data


def _built_in(name: str) -> Data:
    pictures = name == "digits"
    data = BUILT_IN[name](as_frame=not pictures)
    labels = getattr(data, "target_names", None)
    y = np.asarray(data.target)
    y = y if labels is None or pictures else np.asarray(labels)[y]
    return Data(data.data, y, "regression" if labels is None else "classification")


# ---- parts -----------------------------------------------------------------------------------------------------------


def split(data: Data, test_size: float, seed: int = SPLIT_SEED) -> Data:
    """The data with a test part, their own or a share of the rows; without one where the share is 0."""
    if data.y is None:
        raise ea.DatasetError("there is no column besides the features; nothing can be learnt without a target")
    if data.X_test is not None or test_size == 0:
        return data
    if data.groups is None and len(data.y) < FEWEST:
        raise ea.DatasetError(
            f"there are {len(data.y)} rows, too few to learn from and to test with; gather at least {FEWEST}, better "
            "hundreds, or test with none of them (test_size=0)"
        )
    if data.groups is not None:
        learnt, tested = split_groups(data.y, data.groups, test_size, seed)
    else:
        stratify = data.y if _can_stratify(data, test_size) else None
        rows = np.arange(len(data.y))
        learnt, tested = train_test_split(rows, test_size=_count(data, test_size), random_state=seed, stratify=stratify)
    groups = None if data.groups is None else data.groups[learnt]
    return replace(data, X=_rows(data.X, learnt), y=data.y[learnt], groups=groups, X_test=_rows(data.X, tested),
                   y_test=data.y[tested])  # fmt: skip


def split_groups(
    y: NDArray[Any], groups: NDArray[Any], share: float, seed: int = SPLIT_SEED
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows to learn from and rows held back: whole takes, or persons, with every class in both parts."""
    labels, counts = np.unique(y, return_inverse=True)
    takes = {label: len(np.unique(groups[counts == i])) for i, label in enumerate(labels)}
    few = [f"{label}: {count}" for label, count in takes.items() if count < FEWEST_TAKES]
    if few:
        raise ea.DatasetError(
            f"too few takes to learn from and to test with ({', '.join(few)}); record at least {FEWEST_TAKES} of each "
            "class, better 20 of several people"
        )
    folds = min(max(2, round(1 / share)), min(takes.values()))
    parts = list(StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(y, y, groups))
    whole = [(a, b) for a, b in parts if len(np.unique(y[a])) == len(np.unique(y[b])) == len(labels)]
    return min(whole or parts, key=lambda part: abs(len(part[1]) - share * len(y)))


def _count(data: Data, test_size: float) -> int:
    count = len(data.y) if data.y is not None else 0
    return min(max(round(test_size * count), 1), count - 1)


def _can_stratify(data: Data, test_size: float) -> bool:
    """Whether every class can be in both parts."""
    if data.task != "classification" or data.y is None:
        return False
    counts = np.unique(data.y, return_counts=True)[1]
    tested = _count(data, test_size)
    return bool(counts.min() >= 2 and len(counts) <= min(tested, len(data.y) - tested))


def _rows(X: Any, rows: NDArray[np.integer]) -> Any:
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def rows_to_ask(arguments: argparse.Namespace, model: Any) -> tuple[Any, NDArray[Any] | None]:
    """Rows that a model is asked about: those that train held back, of a table all unless these are asked for."""
    data = read_data(arguments, model)
    if is_built_in(arguments.data) or data.recordings is not None or arguments.held_out:
        data = split(data, arguments.test_size)
    elif data.X_test is None:
        _tell(arguments.data, ["all rows are asked about; --held-out leaves out those that train learns from"])
    X, y = (data.X, data.y) if data.X_test is None else (data.X_test, data.y_test)
    return X[: arguments.rows], y if y is None else y[: arguments.rows]
