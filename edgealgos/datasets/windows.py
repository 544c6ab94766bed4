"""Takes of any length and rate as windows of one length, with groups that splits keep together; knows arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from .sensors import MotionSensor

CONTINUOUS = 4.0  # seconds from which on a take is a stretch of time, not a movement
CONTINUOUS_WINDOW = 2.0
SLIDES = 1.5  # windows that a take must hold to give more than one
FEWEST_TAKES, BLOCKS = 4, 8  # a class of fewer takes has them cut into blocks of time


@dataclass(frozen=True)
class Recordings:
    """Windows of a sensor's raw integers, with what is to be learnt of them.

    Attributes
    ----------
    X : int16 ndarray, shape (n, n_steps, n_axes), or (n, n_samples) of sound
    y : ndarray of str, shape (n,)
    groups : ndarray of str, shape (n,)
        Persons, where they are known, else takes: windows of one group belong on one side of a split.
    kind : {"motion", "sound"}
    rate : float
        Samples a second, for the device as well.
    axes : tuple of str
        ``ax``, ``ay``, ``az`` (acceleration), ``gx``, ``gy``, ``gz`` (rotation); ``("wave",)`` of sound.
    sensor : MotionSensor or None
    ranges : dict of str to int
        Of the sensor, in g (``"a"``) and degrees a second (``"g"``).
    counts : dict of str to float
        Counts for 1 g and for a degree a second.
    left_out : dict of str to str
        Files that could not be read, and why.
    sources : ndarray of str, shape (n,)
        File, and line of the take, that each window comes from.
    notes : tuple of str
        What was understood or done that one may want to know.

    Examples
    --------
    >>> from pathlib import Path
    >>> from edgealgos.datasets import read_recordings
    >>> for label, height in (("punch", 2.0), ("rest", 0.1)):
    ...     for take in range(5):
    ...         rows = "".join(f"{height * (i % 9)},0,1\\n" for i in range(119))
    ...         _ = Path(f"{label}_{take}.csv").write_text("ax (g),ay (g),az (g)\\n" + rows)
    >>> found = read_recordings(".")
    >>> found.kind, found.axes, sorted(set(found.y.tolist()))
    ('motion', ('ax', 'ay', 'az'), ['punch', 'rest'])
    >>> found.counts["a"]  # of the sensor, for 1 g
    8192
    """

    X: NDArray[np.int16]
    y: NDArray[np.str_]
    groups: NDArray[np.str_]
    kind: str
    rate: float
    axes: tuple[str, ...]
    sensor: MotionSensor | None = None
    ranges: dict[str, int] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    sources: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """A take at the rate of the device.

    Parameters
    ----------
    values : ndarray, shape (n, n_channels)
    label, group, name : str
        `name` is that of the file, for messages.
    """

    values: NDArray[np.float64]
    label: str
    group: str
    name: str


def resample(values: NDArray[np.float64], seconds: NDArray[np.float64] | None, rate: float, wanted: float):
    """Readings at another rate; with times, which may be uneven, first at even ones."""
    if seconds is not None and len(values) > 1:
        even = seconds[0] + np.arange(int((seconds[-1] - seconds[0]) * rate) + 1) / rate
        values = np.stack([np.interp(even, seconds, column) for column in values.T], axis=1)
    if abs(wanted - rate) < 0.01 * rate:
        return values
    ratio = Fraction(wanted / rate).limit_denominator(1000)
    return resample_poly(values, ratio.numerator, ratio.denominator, axis=0, padtype="line")


def window_length(pieces: list[Piece], rate: float, seconds: float | None) -> int:
    """Samples of a window: as asked, or those of a usual take; of stretches of time two seconds."""
    if seconds is not None:
        return max(2, round(seconds * rate))
    lengths = np.array([len(piece.values) for piece in pieces])
    usual = float(np.median(lengths))
    if usual >= CONTINUOUS * rate:
        return max(2, round(CONTINUOUS_WINDOW * rate))
    alike = lengths[np.abs(lengths - usual) <= 0.1 * usual]
    return max(2, int(alike.min() if len(alike) >= 0.8 * len(lengths) else usual))


def cut(pieces: list[Piece], length: int) -> tuple[NDArray[np.float64], list[NDArray[np.str_]], list[str]]:
    """Windows; their labels, groups and sources; what was done to takes that are shorter or longer.

    A long take gives a window every half a window; one that is a little longer the window with most movement; a shorter
    one is held at both ends; one below half a window is left out.
    """
    counts = {label: sum(piece.label == label for piece in pieces) for label in {piece.label for piece in pieces}}
    X, of_each = [], []
    short, padded, slid = [], 0, 0
    for piece in pieces:
        size = len(piece.values)
        if size < length / 2:
            short.append(f"{piece.name} ({size} samples)")
            continue
        if size < SLIDES * length:
            starts = [_busiest(piece.values, length)]
            padded += size < length
            blocks = [0]
        else:
            starts = list(range(0, size - length + 1, max(1, length // 2)))
            slid += 1
            parts = BLOCKS if counts[piece.label] < FEWEST_TAKES and size >= BLOCKS * length else 1
            first, last = (np.array(starts) + shift for shift in (0, length - 1))
            blocks = np.where(first * parts // size == last * parts // size, first * parts // size, -1).tolist()
        for start, block in zip(starts, blocks, strict=True):
            if block >= 0:
                X.append(_window(piece.values, start, length))
                of_each.append((piece.label, f"{piece.group}#{block}" if block else piece.group, piece.name))
    notes = []
    if short:
        notes.append(f"{len(short)} takes are shorter than half a window and left out: {', '.join(short[:3])}"
                     + (" ..." if len(short) > 3 else ""))  # fmt: skip
    if padded:
        notes.append(f"{padded} takes are shorter than a window of {length} samples and held at their ends")
    if slid:
        notes.append(f"{slid} takes are longer and give a window every {max(1, length // 2)} samples")
    return np.array(X), [np.array(column, np.str_) for column in zip(*of_each, strict=True)], notes


def _busiest(values: NDArray[np.float64], length: int) -> int:
    """Where the window with most movement begins; negative for a take that is shorter."""
    if len(values) <= length:
        return -((length - len(values)) // 2)
    energy = np.square(values - np.median(values, axis=0)).sum(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(energy)])
    return int(np.argmax(sums[length:] - sums[:-length]))


def _window(values: NDArray[np.float64], start: int, length: int) -> NDArray[np.float64]:
    return values[np.clip(np.arange(start, start + length), 0, len(values) - 1)]
