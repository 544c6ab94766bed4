"""Recordings on disk and as windows: one CSV file a recording, one label a row; knows no serial ports and no models."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from cane import DEGREE_PER_SECOND, GESTURES, NOISE, RATE, SILENCE, Event, Stream
from numpy.typing import NDArray

AXES = ("ax", "ay", "az", "gx", "gy", "gz")
HEADER = ("ms", *AXES, "label")
LABELS = (*GESTURES, NOISE, SILENCE)
WHOLE, HARDLY = 0.9, 0.35  # shares of a gesture inside a window: it is one; it is none
MOSTLY_QUIET = 0.95
SMALLEST_CLASS = 3  # events: one to learn from, one to choose by, one to test with


class RecordingError(Exception):
    """A recording that cannot be used; the message says which, why, and what to do."""


@dataclass(frozen=True)
class Recording:
    """Samples of one person, with one label each.

    Attributes
    ----------
    X : int16 ndarray, shape (n, 6)
        In units of the sensor's registers.
    labels : ndarray of str, shape (n,)
        A gesture, ``"silence"`` or ``"noise"``.
    person : str
        Who moved the cane.
    name : str
        For messages.
    """

    X: NDArray[np.int16]
    labels: NDArray[np.str_]
    person: str
    name: str = field(default="recording")

    @property
    def gestures(self) -> tuple[Event, ...]:
        """Stretches of rows that carry the same gesture."""
        found, start = [], 0
        for label, rows in groupby(self.labels.tolist()):
            stop = start + sum(1 for _ in rows)
            if label in GESTURES:
                found.append(Event(start, stop, label))
            start = stop
        return tuple(found)


def from_stream(stream: Stream) -> Recording:
    """A simulated stream as if it had been recorded."""
    labels = np.full(len(stream.X), NOISE, dtype="<U16")
    for event in stream.events:
        label = {"resting": SILENCE}.get(event.label, event.label if event.label in GESTURES else NOISE)
        labels[event.start : event.stop] = label
    return Recording(stream.X, labels, f"simulated {stream.user}", f"simulated {stream.user}")


def from_public(bunch: Any) -> list[Recording]:
    """GesturePod's published recordings: turns are in degrees a second there; each recording counts as a person."""
    found = []
    for part in bunch.recordings:
        X = part.X.astype(np.float64)
        X[:, 3:] *= DEGREE_PER_SECOND
        labels = np.array([bunch.label_names.get(int(v), NOISE) for v in part.label], dtype="<U16")
        found.append(Recording(np.clip(np.rint(X), -32768, 32767).astype(np.int16), labels, part.name, part.name))
    return found


# ---- files -----------------------------------------------------------------------------------------------------------


def write(path: Path, recording: Recording) -> None:
    """Write a recording as 1_record.py does."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        file.write(f"# person {recording.person}\n# rate {RATE}\n")
        writer.writerow(HEADER)
        for i, (row, label) in enumerate(zip(recording.X.tolist(), recording.labels.tolist(), strict=True)):
            writer.writerow([i * 1000 // RATE, *row, label])


def read(path: Path) -> Recording:
    """Read a recording; an incomplete last line, as an interruption leaves it, is left out.

    Raises
    ------
    RecordingError
        For another rate, other axes, or lines that are none.
    """
    with path.open(encoding="utf-8") as file:
        lines = file.read().split("\n")[:-1]  # what follows the last end of line is incomplete
    remarks = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# ") and " " in line[2:])
    rows = [row for row in csv.reader(line for line in lines if line and not line.startswith("#"))]
    if not rows or tuple(rows[0]) != HEADER:
        said = ",".join(rows[0]) if rows else "nothing"
        raise RecordingError(f"{path}: the columns are {said}, not {','.join(HEADER)}; record it with 1_record.py")
    if (rate := remarks.get("rate", str(RATE))) != str(RATE):
        raise RecordingError(f"{path} was recorded at {rate} Hz, the features take {RATE} Hz; record it anew")
    wrong = next((i for i, row in enumerate(rows) if len(row) != len(HEADER)), None)
    if wrong is not None:
        raise RecordingError(f"{path}: row {wrong} has {len(rows[wrong])} values, not {len(HEADER)}; remove it")
    try:
        X = np.array([[int(v) for v in row[1:7]] for row in rows[1:]], dtype=np.int16).reshape(-1, len(AXES))
    except (ValueError, OverflowError) as error:
        raise RecordingError(f"{path}: something is no reading of 16 bits ({error}); remove that line") from None
    labels = np.array([row[7] for row in rows[1:]], dtype="<U16")
    if unknown := set(labels.tolist()) - set(LABELS):
        raise RecordingError(f"{path}: unknown labels {', '.join(sorted(unknown))}; known are {', '.join(LABELS)}")
    check_rate(path, [int(row[0]) for row in rows[1:]])
    return Recording(X, labels, remarks.get("person", path.stem), path.stem)


def check_rate(path: Path, times: Sequence[int]) -> None:
    """Refuse times (ms) that are not those of 100 samples a second, give or take the clocks."""
    if len(times) > RATE:
        pace = float(np.median(np.diff(times)))
        if not 0.9 * 1000 / RATE <= pace <= 1.1 * 1000 / RATE:
            raise RecordingError(
                f"{path} has a sample every {pace:g} ms, the features take one every {1000 / RATE:g} ms; record it anew"
            )


def read_folder(folder: Path) -> list[Recording]:
    """All recordings of a folder."""
    recordings = [read(path) for path in sorted(folder.glob("*.csv"))]
    if not recordings:
        raise RecordingError(f"{folder} holds no recordings; make some with 1_record.py")
    return recordings


def check_enough(recordings: Iterable[Recording]) -> None:
    """Refuse a gesture of which there are too few examples to learn, choose and test."""
    counts: dict[str, int] = {}
    for recording in recordings:
        for event in recording.gestures:
            counts[event.label] = counts.get(event.label, 0) + 1
    few = {label: count for label, count in counts.items() if count < SMALLEST_CLASS}
    if few or not counts:
        said = ", ".join(f"{label}: {count}" for label, count in sorted(few.items())) or "no gestures at all"
        raise RecordingError(
            f"too few examples ({said}); record at least {SMALLEST_CLASS} of each gesture, better 20 of several people"
        )


# ---- windows ---------------------------------------------------------------------------------------------------------


def windows(recordings: Iterable[Recording], features: Any) -> Iterator[tuple[NDArray[np.int16], NDArray[np.str_]]]:
    """Windows of each recording, and what they hold: a gesture, ``"noise"``, ``"silence"``, or ``""`` for neither.

    A window with nearly all of a gesture is that gesture. One with a piece of it is neither fish nor fowl: it is named
    ``""`` and not learnt.
    """
    for recording in recordings:
        X = features.windows(recording.X)
        ends = features.window + features.hop * np.arange(len(X))
        quiet = np.concatenate([[0], np.cumsum(recording.labels == SILENCE)])
        still = quiet[ends] - quiet[ends - features.window] >= MOSTLY_QUIET * features.window
        y = np.where(still, SILENCE, NOISE).astype("<U16")
        for event in recording.gestures:
            inside = np.minimum(ends, event.stop) - np.maximum(ends - features.window, event.start)
            share = inside / (event.stop - event.start)
            y[(share > HARDLY) & (share < WHOLE) & ~np.isin(y, GESTURES)] = ""
            y[share >= WHOLE] = event.label
        yield X, y


def training_windows(
    recordings: Iterable[Recording], features: Any, negatives: float, seed: int = 0
) -> tuple[NDArray[np.int16], NDArray[np.str_]]:
    """Windows to learn from: all with a gesture, of the others a share."""
    rng = np.random.default_rng(seed)
    chosen = []
    for X, y in windows(recordings, features):
        keep = np.isin(y, GESTURES) | ((y != "") & (rng.random(len(y)) < negatives))
        chosen.append((X[keep], y[keep]))
    return np.concatenate([X for X, _ in chosen]), np.concatenate([y for _, y in chosen])


def split_people(recordings: Sequence[Recording], share: float = 0.3, seed: int = 0) -> tuple[list[Any], list[Any]]:
    """Recordings of most people, and those of the others; of a single person: of most recordings."""
    groups = sorted({r.person for r in recordings})
    by_person = len(groups) > 1
    if not by_person:
        groups = sorted({r.name for r in recordings})
    if len(groups) < 2:
        raise RecordingError("one recording cannot be split into one to learn from and one to test with; make another")
    order = np.random.default_rng(seed).permutation(len(groups))
    held = {groups[i] for i in order[: max(1, round(share * len(groups)))]}
    first = [r for r in recordings if (r.person if by_person else r.name) not in held]
    return first, [r for r in recordings if (r.person if by_person else r.name) in held]
