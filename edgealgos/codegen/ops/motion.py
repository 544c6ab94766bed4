"""What the ops of a motion sensor's window mean: integers, bit for bit those of ``runtime/motion.h``.

Knows programs, nothing of C++ or boards. Called by :mod:`~.semantics`, in float programs too: raw samples are integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.ir import Decimate, Program, SlideWindow, WindowStatistics
from ..program.qtype import Ints, QType

NARROW = QType(8, 0)
Values = dict[str, NDArray[Any]]


def decimate(program: Program, op: Decimate, v: Values) -> Ints | None:
    """A frame of `op.count` samples: their sum, centred and shifted into a byte."""
    sums = integers(v, op.sums) + integers(v, op.vector)
    phase = integers(v, op.phase) + 1
    full = bool(phase.size) and int(phase[0, 0]) == op.count
    v[op.sums], v[op.phase] = (np.zeros_like(sums), np.zeros_like(phase)) if full else (sums, phase)
    if not full:
        return None
    return NARROW.saturate(np.right_shift(sums + integers(v, op.centre), integers(v, op.shift)))


def slide_window(program: Program, op: SlideWindow, v: Values) -> Ints:
    """The newest frame takes the place of the oldest; sums and counts follow."""
    window, position, come = integers(v, op.out), integers(v, op.position), integers(v, op.frame)
    if not len(come):
        return window
    oldest = int(position[0, 0])
    gone = window[:, oldest].copy()
    window[:, oldest] = come
    v[op.position] = (position + 1) % window.shape[1]
    if op.sums is not None:
        v[op.sums] = integers(v, op.sums) + come - gone
    if op.squares is not None:
        v[op.squares] = integers(v, op.squares) + come * come - gone * gone
    if op.counts is not None:
        v[op.counts] = _counted(integers(v, op.counts), come, gone)
    return window


def _counted(counts: Ints, come: Ints, gone: Ints) -> Ints:
    rows, axes = np.indices(come.shape)
    bins = counts.shape[2]
    counts[rows, axes, _bin(gone, bins)] -= 1
    counts[rows, axes, _bin(come, bins)] += 1
    return counts


def _bin(value: Ints, bins: int) -> Ints:
    return (value + 128) // (256 // bins)


def window_statistics(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """The statistics of the window, one kind after the other."""
    return np.concatenate([_STATISTICS[kind](program, op, v) for kind in op.statistics], axis=1)


def _histogram(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """How many frames fall into each bin; a window that is not full yet is full of zeros."""
    assert op.counts is not None
    counts = integers(v, op.counts)
    counts = counts + np.where(np.arange(counts.shape[2]) == counts.shape[2] // 2, program[op.window].shape[0], 0)
    return counts.reshape(len(counts), -1)


def _mean(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """Sums of equal parts of the window, the oldest first; what is left of the division are the oldest frames."""
    window = _in_order(op, v)
    length = window.shape[1] // op.segments
    parts = window[:, window.shape[1] - length * op.segments :].reshape(len(window), op.segments, length, -1)
    sums: Ints = parts.sum(axis=2)
    return sums.reshape(len(sums), -1)


def _spread(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """Standard deviation times the number of frames, rounded down."""
    assert op.sums is not None
    assert op.squares is not None
    sums = integers(v, op.sums)
    return _root(program[op.window].shape[0] * integers(v, op.squares) - sums * sums)


def _root(square: Ints) -> Ints:
    """Largest integer whose square is not above; float64 is exact enough to be off by one at most."""
    root = np.floor(np.sqrt(square.astype(np.float64))).astype(np.int64)
    root -= root * root > square
    root += (root + 1) * (root + 1) <= square
    return root


def _energy(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """Sum of squares, shifted into 16 bits."""
    assert op.squares is not None
    return integers(v, op.squares) >> energy_shift(program[op.window].shape[0])


def energy_shift(frames: int) -> int:
    """Least shift that brings a sum of so many squares of bytes into 16 bits."""
    return max(0, (frames << 14).bit_length() - 15)


def _crossings(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """How often the signal goes from one side of the band between the thresholds to the other."""
    window = _in_order(op, v)
    side: Ints = np.zeros((len(window), window.shape[2]), np.int64)
    crossings: Ints = side.copy()
    for frame in window.swapaxes(0, 1):
        new = np.where(frame >= op.threshold, 1, np.where(frame <= -op.threshold, -1, side))
        crossings += side * new < 0
        side = new
    return crossings


def _runs(program: Program, op: WindowStatistics, v: Values) -> Ints:
    """Length and first frame of the longest run above the threshold, and of that below: four values an axis."""
    window = _in_order(op, v)
    above, below = _longest(window >= op.threshold), _longest(window <= -op.threshold)
    return np.concatenate([*above, *below], axis=1)


def _longest(inside: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """Length and start of the first longest run along the second axis; 0 and 0 where there is none."""
    length = np.zeros((len(inside), inside.shape[2]), np.int64)
    longest, start = length.copy(), length.copy()
    for t, frame in enumerate(inside.swapaxes(0, 1)):
        length = np.where(frame, length + 1, 0)
        longer = length > longest
        longest, start = np.where(longer, length, longest), np.where(longer, t + 1 - length, start)
    return longest, start


def _in_order(op: WindowStatistics, v: Values) -> Ints:
    """Frames of the window, the oldest first."""
    position = integers(v, op.position)
    window: Ints = np.roll(integers(v, op.window), -int(position[0, 0]) if len(position) else 0, axis=1)
    return window


def integers(v: Values, name: str) -> Ints:
    """A value as integers; in a float program it may be held as real numbers."""
    return v[name].astype(np.int64, copy=False)


_STATISTICS = {
    "histogram": _histogram,
    "runs": _runs,
    "mean": _mean,
    "spread": _spread,
    "energy": _energy,
    "crossings": _crossings,
}
STATISTICS = tuple(_STATISTICS)


def sizes(axes: int, bins: int, segments: int) -> dict[str, int]:
    """How many features each kind of statistic makes."""
    each = {"histogram": bins, "runs": 4, "mean": segments, "spread": 1, "energy": 1, "crossings": 1}
    return {kind: axes * count for kind, count in each.items()}
