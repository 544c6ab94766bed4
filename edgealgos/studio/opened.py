"""The data that the studio shows: read as `edgealgos train` reads them, labels edited in memory; knows no models."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

import edgealgos as ea

from ..cli.data import BUILT_IN, Data, data_of, is_built_in
from .words import understood

LONGEST_LABEL = 60  # characters
LONGEST_PATH = 200  # characters that are told of one


@dataclass(frozen=True)
class Item:
    """What has a label: a recording, which is a take or a file, or a row of a table.

    Parameters
    ----------
    number : int
        From 0, in the order of reading.
    name : str
        File, and line where it begins; of a table empty.
    row : int
        Its first row of the data.
    label : str
        As edited.
    kept : bool
        Whether it is learnt from.
    """

    number: int
    name: str
    row: int
    label: str
    kept: bool


class Opened:
    """Data with their edits; others are told apart by their number.

    Parameters
    ----------
    number : int
    place : str
        Path, or name of a built-in set.
    shown : str
        What the page calls it.
    data : Data
    """

    def __init__(self, number: int, place: str, shown: str, data: Data) -> None:
        self.number, self.place, self.shown, self._data = number, place, shown, data
        self._lock = threading.Lock()
        y: NDArray[Any] = np.empty(0, str) if data.y is None else data.y
        self._first = self._of = np.arange(len(y))  # the first row of each item, and the item of each row
        self._names: list[str] = []
        if data.recordings is not None:
            named, first, of = np.unique(data.recordings.sources, return_index=True, return_inverse=True)
            order = np.argsort(first)
            self._first, self._of = first[order], np.argsort(order)[of]
            self._names = [_within(str(named[i]), place) for i in order]
        self._labels = _texts(y[self._first])
        self._test_labels = None if data.y_test is None else _texts(data.y_test)
        self._kept = np.ones(len(self._labels), bool)
        self._edited = False

    @property
    def kind(self) -> str:
        """ "motion", "sound" or "table"."""
        return "table" if self._data.recordings is None else self._data.recordings.kind

    @property
    def classifies(self) -> bool:
        """Whether labels are classes, and no numbers."""
        return self._data.task == "classification"

    @property
    def notes(self) -> list[str]:
        """What was understood, with paths as the page shows them."""
        return [note.replace(f"{self.place}/", "").replace(self.place, self.shown) for note in self._data.notes]

    @property
    def as_read(self) -> Data:
        """The data without edits."""
        return self._data

    @cached_property
    def limits(self) -> Mapping[str, int]:
        """The largest reading of acceleration (``"a"``) and of rotation (``"g"``) in all recordings."""
        found, largest = self._data.recordings, Counter[str]()
        for i, axis in enumerate(found.axes if found is not None and found.kind == "motion" else ()):
            largest[axis[0]] = max(largest[axis[0]], int(np.abs(self._data.X[:, :, i].astype(int)).max()))
        return largest

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def dropped(self) -> int:
        """How many items are left out."""
        return int(np.count_nonzero(~self._kept))

    def __getitem__(self, number: int) -> Item:
        if not 0 <= number < len(self):
            raise IndexError(f"there is no {self._what} {number}")
        name = self._names[number] if self._names else ""
        return Item(number, name, int(self._first[number]), self._labels[number], bool(self._kept[number]))

    def of_label(self, label: str | None) -> NDArray[np.intp]:
        """Numbers of the items that have a label and are kept; None: of all."""
        with self._lock:
            return np.flatnonzero((self._labels == label) & self._kept) if label is not None else np.arange(len(self))

    def labels(self) -> list[tuple[str, int]]:
        """Labels and how many items have them, in the order of the alphabet."""
        with self._lock:
            return sorted(Counter(self._labels[self._kept].tolist()).items())

    def label(self, number: int, label: str) -> None:
        """Give an item a label; it is learnt from again, if it was not."""
        name = self._checked(label)
        with self._lock:
            self._check(number)
            self._labels[number], self._kept[number], self._edited = name, True, True

    def drop(self, number: int) -> None:
        """Leave an item out."""
        with self._lock:
            self._check(number)
            self._kept[number], self._edited = False, True

    def rename(self, old: str, new: str) -> None:
        """Call a label otherwise; one that there is takes the items in."""
        name = self._checked(new)
        with self._lock:
            self._edited = True
            self._labels[self._labels == old] = name
            if self._test_labels is not None:
                self._test_labels[self._test_labels == old] = name

    @property
    def _what(self) -> str:
        return "row" if self.kind == "table" else "recording"

    def _check(self, number: int) -> None:
        if not 0 <= number < len(self):
            raise ea.DatasetError(f"there is no {self._what} {number}; load the page again")

    def _checked(self, label: str) -> str:
        """A label as it is kept, or a number that can be predicted."""
        name = " ".join(label.split())
        if not self.classifies:
            try:
                return str(float(name)) if np.isfinite(float(name)) else _refused(name)
            except ValueError:
                return _refused(name)
        if not name or len(name) > LONGEST_LABEL or not name.isprintable():
            raise ea.DatasetError(f"a label has 1 to {LONGEST_LABEL} letters; {name[:LONGEST_LABEL]!r} was not taken")
        return name

    def data(self) -> Data:
        """What is to be learnt from.

        Raises
        ------
        DatasetError
            Where fewer than two classes, or no rows are left.
        """
        data, found = self._data, self._data.recordings
        if self.classifies and len(self.labels()) < 2:
            raise ea.DatasetError(
                f"{self._what}s of one label are left; a model tells at least two apart, so label others"
            )
        if data.y is None or not self._edited:
            return data
        with self._lock:
            y, kept = self._labels[self._of], self._kept[self._of]
        if not kept.any():
            raise ea.DatasetError("all rows are left out; take some in")
        X, (labels, tested) = data.X[kept], self._typed(y[kept])
        groups = None if data.groups is None else data.groups[kept]
        if found is not None:
            found = replace(found, X=X, y=labels, groups=found.groups[kept], sources=found.sources[kept])
        return replace(data, X=X, y=labels, y_test=tested, groups=groups, recordings=found)

    def _typed(self, labels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """Labels, those of the test part too, of the type that they had when they were read, if they can be."""
        like = np.empty(0, str) if self._data.y is None else self._data.y
        possible = ([like.dtype] if like.dtype.kind in "iuf" else []) + ([] if self.classifies else [np.dtype(float)])
        for kind in possible:
            with contextlib.suppress(ValueError):
                return labels.astype(kind), None if self._test_labels is None else self._test_labels.astype(kind)
        return labels.astype(str), None if self._test_labels is None else self._test_labels.astype(str)


def _refused(number: str) -> NoReturn:
    raise ea.DatasetError(f"a number is predicted; {number[:LONGEST_LABEL]!r} is none")


def _texts(labels: NDArray[Any]) -> NDArray[Any]:
    return np.array([str(label) for label in labels.tolist()], dtype=object)


def open_data(number: int, place: str, shown: str, flags: Sequence[str] = ()) -> Opened:
    """Read what lies at a path, or a built-in set; `flags` are those of `edgealgos train` that say how.

    Raises
    ------
    EdgeAlgosError
        In one sentence, where there is nothing that can be learnt from.
    """
    if not is_built_in(place):
        place = str(Path(place).expanduser().absolute())
    try:
        if not is_built_in(place) and not Path(place).exists():
            raise ea.DatasetError(f"{shown} does not exist on this computer; check the path")
        data = data_of(understood("train", *flags, place))
    except OSError as error:
        raise ea.DatasetError(f"{shown[:LONGEST_PATH]} cannot be read: {error.strerror or error}") from error
    except ea.EdgeAlgosError as error:
        raise ea.DatasetError(str(error).replace(place, shown)) from error
    if data.y is None:
        raise ea.DatasetError(f"{shown} has one column; a table needs features and what is to be predicted")
    return Opened(number, place, shown, data)


def built_in() -> list[str]:
    """Names of the sets that come along."""
    return list(BUILT_IN)


def _within(name: str, place: str) -> str:
    """A file without the folder that was opened."""
    rest = name.removeprefix(place)
    return rest.lstrip("/\\") if rest[:1] in ("/", "\\") else Path(place).name + rest
