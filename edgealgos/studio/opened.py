"""The data that the studio shows: read as `edgealgos train` reads them, labels edited in memory; knows no models."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edgealgos as ea

from ..cli.data import BUILT_IN, Data, data_of, is_built_in
from .words import understood

LONGEST_LABEL = 60  # characters
LONGEST_PATH = 200  # characters that are told of one


@dataclass(frozen=True)
class Recording:
    """A take or a file, as the page lists it.

    Parameters
    ----------
    number : int
        From 0, in the order of reading.
    name : str
        File, and line where it begins.
    rows : ndarray of int
        Its windows.
    label : str
        As edited.
    kept : bool
        Whether it is learnt from.
    """

    number: int
    name: str
    rows: NDArray[np.intp]
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
        self._recordings: list[Recording] = []
        if data.recordings is not None and data.y is not None:
            named, first, of = np.unique(data.recordings.sources, return_index=True, return_inverse=True)
            for new, old in enumerate(np.argsort(first)):
                rows = np.flatnonzero(of == old)
                name = _within(str(named[old]), place)
                self._recordings.append(Recording(new, name, rows, str(data.y[rows[0]]), True))

    @property
    def kind(self) -> str:
        """ "motion", "sound" or "table"."""
        return "table" if self._data.recordings is None else self._data.recordings.kind

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

    @property
    def recordings(self) -> list[Recording]:
        """All, in the order of reading; none of a table."""
        with self._lock:
            return list(self._recordings)

    def labels(self) -> list[tuple[str, int]]:
        """Labels and how many recordings have them, in the order of the alphabet; those of a table by rows."""
        if self._data.recordings is None:
            counts = Counter(map(str, () if self._data.y is None else self._data.y.tolist()))
        else:
            counts = Counter(each.label for each in self.recordings if each.kept)
        return sorted(counts.items())

    def label(self, number: int, label: str) -> None:
        """Give a recording a label; it is learnt from again, if it was not."""
        self._change(number, label=_checked(label), kept=True)

    def drop(self, number: int) -> None:
        """Leave a recording out."""
        self._change(number, kept=False)

    def _change(self, number: int, **to: Any) -> None:
        with self._lock:
            if not 0 <= number < len(self._recordings):
                raise ea.DatasetError(f"there is no recording {number}; load the page again")
            self._recordings[number] = replace(self._recordings[number], **to)

    def rename(self, old: str, new: str) -> None:
        """Call a label otherwise; one that there is takes the recordings in."""
        name = _checked(new)
        with self._lock:
            self._recordings = [replace(r, label=name) if r.label == old else r for r in self._recordings]

    def data(self) -> Data:
        """What is to be learnt from.

        Raises
        ------
        DatasetError
            Where fewer than two classes are left.
        """
        data, found = self._data, self._data.recordings
        if data.task == "classification" and len(self.labels()) < 2:
            raise ea.DatasetError("recordings of one label are left; a model tells at least two apart, so label others")
        if found is None or data.y is None:
            return data
        y, kept = data.y.astype(object), np.ones(len(data.y), bool)
        for each in self.recordings:
            y[each.rows], kept[each.rows] = each.label, each.kept
        X, labels, groups = data.X[kept], y[kept].astype(str), found.groups[kept]
        found = replace(found, X=X, y=labels, groups=groups, sources=found.sources[kept])
        return replace(data, X=X, y=labels, groups=groups, recordings=found)


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


def _checked(label: str) -> str:
    name = " ".join(label.split())
    if not name or len(name) > LONGEST_LABEL or not name.isprintable():
        raise ea.DatasetError(f"a label has 1 to {LONGEST_LABEL} letters; {name[:LONGEST_LABEL]!r} was not taken")
    return name
