"""Which column of a table is to be predicted, as classes or as a number; knows columns, nothing of models."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from .columns import Column

NAMES = ("target", "label", "labels", "class", "classes", "kind", "species", "category", "gesture", "activity", "y",
         "outcome", "output", "diagnosis", "type")  # fmt: skip
MOST_CLASSES = 255  # a class index is one byte on the device
FEW = 20  # whole numbers up to so many different ones are classes
_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_NO_LABEL = ("", "?", "nan")


def find_column(name: str, columns: Sequence[Column], wanted: str | int, purpose: str) -> Column:
    """A column by its name or number, from 0; negative ones count from the end."""
    by_name = [c for c in columns if c.name == wanted]
    if len(by_name) == 1:
        return by_name[0]
    if re.fullmatch(r"-?\d+", str(wanted)):
        last = max(c.number for c in columns)
        number = int(wanted) if int(wanted) >= 0 else last + 1 + int(wanted)
        for column in columns:
            if column.number == number:
                return column
    folded = [c for c in columns if c.name.casefold() == str(wanted).strip().casefold()]
    if len(folded) == 1:
        return folded[0]
    listed = ", ".join(c.name for c in columns[:12]) + (" ..." if len(columns) > 12 else "")
    raise DatasetError(
        f"{name} has no column {wanted!r}; it has the columns {listed} (numbers from 0 to "
        f"{columns[-1].number} do, too); name one with {purpose}=..."
    )


def choose_target(name: str, columns: Sequence[Column], notes: list[str]) -> Column:
    """The column that looks like a target: text of few values, a telling name, else the last one."""
    words = [c for c in columns if c.kind in ("text", "switch") and c.distinct <= max(2, 0.5 * len(c.cells))]
    named = [c for c in columns if c.name.casefold() in NAMES]
    texts = [c for c in words if c.kind == "text"]
    if len(named) == 1:
        chosen, why = named[0], "by its name"
    elif len(texts) == 1:
        chosen, why = texts[0], "the one of text"
    elif columns[-1] in words or not texts:
        chosen, why = columns[-1], "the last one"
    else:
        raise DatasetError(
            f"{name}: the columns {', '.join(c.title for c in texts)} hold text, and any of them could be what is to "
            "be predicted; name it with target=..."
        )
    notes.append(f"column {chosen.title} is to be predicted ({why}; target=... names another)")
    return chosen


def unlabelled(column: Column) -> NDArray[np.bool_]:
    """Rows without a label; a word such as "none" is one, unless the others are numbers."""
    if column.kind == "number":
        return column.missing
    return np.array([cell.casefold() in _NO_LABEL for cell in column.cells])


def make_target(
    name: str, column: Column, lines: Sequence[int], task: str | None, notes: list[str]
) -> tuple[NDArray[Any], str]:
    """Labels or numbers of the target, and ``"classification"`` or ``"regression"``.

    Labels that are whole numbers in their usual form are numbers; all others stay the text that they are.
    """
    if task is None:
        task = _task(column, notes)
    if task == "regression":
        return _numbers(name, column, lines), task
    if task != "classification":
        raise DatasetError(f"task={task!r}: it is 'classification' or 'regression'")
    return _labels(name, column, lines, notes), task


def _task(column: Column, notes: list[str]) -> str:
    if column.kind != "number" or (np.isnan(column.values) & ~column.missing).any():
        return "classification"
    there = column.values[np.isfinite(column.values)]
    if (there % 1 == 0).all() and len(np.unique(there)) <= FEW:
        return "classification"
    what = "whole numbers" if (there % 1 == 0).all() else "numbers with decimals"
    notes.append(
        f"column {column.title} holds {len(np.unique(there))} different {what}: a number is predicted (regression); "
        "task='classification' takes them for classes"
    )
    return "regression"


def _numbers(name: str, column: Column, lines: Sequence[int]) -> NDArray[np.float64]:
    values = column.values
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        raise DatasetError(
            f"{name}, {column.where(lines[wrong[0]])}: {column.cells[wrong[0]]!r} is no number to be predicted; "
            "correct the cell, remove the line, or pass task='classification'"
        )
    return values


def _labels(name: str, column: Column, lines: Sequence[int], notes: list[str]) -> NDArray[Any]:
    cells = column.cells
    none = np.flatnonzero(unlabelled(column))
    if len(none):
        raise DatasetError(
            f"{name}, {column.where(lines[none[0]])}: there is no label ({cells[none[0]]!r}); fill it in, remove the "
            "line, or pass impute='drop'"
        )
    labels = sorted(set(cells))
    if len(labels) < 2:
        raise DatasetError(
            f"{name}: every row has the label {labels[0]!r} in column {column.title}; a classifier needs two classes; "
            "target=... names another column"
        )
    if len(labels) > MOST_CLASSES or (len(labels) > FEW and 2 * len(labels) > len(cells)):
        raise DatasetError(
            f"{name}: column {column.title} holds {len(labels)} different labels in {len(cells)} rows, at most "
            f"{MOST_CLASSES} classes can be told apart and each needs several rows; target=... names another column"
            + (", task='regression' predicts a number" if column.kind == "number" else "")
        )
    _say_what_is_alike(labels, column, notes)
    if all(_WHOLE.fullmatch(label) and label != "-0" for label in labels):
        return np.array([int(cell) for cell in cells])
    return np.array(cells)


def _say_what_is_alike(labels: list[str], column: Column, notes: list[str]) -> None:
    """Labels that a person may have meant to be the same."""
    for how, key in (("in case alone", str.casefold), ("as text alone", _as_number)):
        seen: dict[str, str] = {}
        for label in labels:
            other = seen.setdefault(key(label), label)
            if other != label:
                notes.append(f"labels {other!r} and {label!r} differ {how}: they are two classes")
                break
    odd = [label for label in labels if label.casefold() in ("na", "n/a", "none", "null", "-", "missing")]
    if odd:
        notes.append(f"the label {odd[0]!r} is a class like any other (column {column.title})")


def _as_number(label: str) -> str:
    try:
        return repr(float(label.replace("_", "")))
    except ValueError:
        return label
