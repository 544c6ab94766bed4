"""Encodings by bytes for models that compare: levels end where thresholds lie. Knows nothing of models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .choose_encoding import TooCoarse, lossless, spacing
from .encoding import Doubles, InputEncoding
from .qtype import QType

BITS = 8  # of a byte
MOST_STEPS = (1 << BITS) - 1  # from the least level to the greatest
NEAR = 1 / 16  # of the gap between rows, by which the end of a level may miss the threshold in it
BETWEEN = 0.1  # of a step of evenly spaced values, that the end of a level keeps from them
TRIED = np.array([0.5, 0.3, 0.7, 0.1, 0.9])  # places of the outermost ends within their limits

Range = tuple[float, float]


def levels_between(X: Doubles, given: Doubles, owners: Sequence[int], thresholds: Sequence[Doubles]) -> InputEncoding:
    """Device inputs of bytes which go to the side of every threshold that rows go to.

    Values that are spaced evenly keep a level each if there are no more than 256. Of others levels end at the
    thresholds, nearly: what is known of rows to come is that they seldom lie closer to them than rows do.

    Parameters
    ----------
    X : array, shape (n, n_features)
        Raw rows.
    given : array, shape (n, n_inputs)
        What the model is given for them, each input one of the features, scaled; it compares them as 32-bit floats.
    owners : sequence of int, shape (n_inputs,)
        Which feature.
    thresholds : sequence of arrays
        Of each input. Values up to one go to one side, larger ones to the other.

    Raises
    ------
    TooCoarse
        Where no scale and offset of a feature do that.
    """
    wanted: list[list[Range]] = [[] for _ in X.T]
    steps = [spacing(column) for column in X.T]
    for j, several, column in zip(owners, thresholds, given.astype(np.float32).T, strict=True):
        inside = np.unique(several[(several >= column.min()) & (several < column.max())])
        wanted[j] += [_limits(X[:, j], column, t, steps[j]) for t in inside]
    pairs = [_pair(column, step, limits) for column, step, limits in zip(X.T, steps, wanted, strict=True)]
    offset, scale = np.array(pairs).T
    used = np.array([bool(limits) for limits in wanted])
    if used.any() and np.ptp(scale[used]) <= 1e-6 * scale[used].max():
        shared = _shared(X[:, used], float(scale[used][0]))
        if shared is not None and lossless(shared, X[:, used]):
            return shared
    return _encoding(offset, scale)


def _shared(raw: Doubles, scale: float) -> InputEncoding | None:
    """One pair for all features, where their values lie on one grid of at most 256."""
    steps = (raw.max() - raw.min()) * scale
    if round(steps) > MOST_STEPS:
        return None
    return _encoding(np.array([raw.min() + (round(steps) // 2 + 1) / scale]), np.array([scale]))


def _encoding(offset: Doubles, scale: Doubles) -> InputEncoding:
    return InputEncoding(offset, scale.astype(np.float32), -(1 << BITS - 1), (1 << BITS - 1) - 1, QType(BITS, 0))


def _limits(raw: Doubles, given: NDArray[np.float32], threshold: np.float64, step: float) -> Range:
    """Between which raw values a level has to end."""
    left = given <= threshold
    below, above = float(raw[left].max()), float(raw[~left].min())
    slope = (float(given[~left].min()) - float(given[left].max())) / (above - below)
    place = below + (threshold - float(given[left].max())) / slope
    if step:
        below += step * np.clip(np.floor((place - below) / step + BETWEEN / 10), 0, round((above - below) / step) - 1)
        return below + BETWEEN * step, below + (1 - BETWEEN) * step
    near = NEAR * (above - below)
    return max(place - near, below + near / 2), min(place + near, above - near / 2)


def _pair(column: Doubles, step: float, limits: list[Range]) -> tuple[float, float]:
    """Offset and scale with which a level ends within all limits, and no row saturates."""
    low, high = float(column.min()), float(column.max())
    if step and round((high - low) / step) <= MOST_STEPS:
        return low + (round((high - low) / step) // 2 + 1) * step, 1 / step
    limits = _apart(limits)
    if low == high or not limits:
        return (low + high) / 2, (MOST_STEPS - 1) / (high - low) if low < high else 1.0 / max(1.0, abs(low))
    first, scale = _ends(np.array(limits), MOST_STEPS / (high - low))
    lowest = np.floor((low - first) * scale)  # the level of the least row, counted from the first threshold
    return first + (lowest + (1 << BITS - 1) + 0.5) / scale, scale


def _ends(limits: Doubles, finest: float) -> tuple[float, float]:
    """The end of a level, and how many there are in one unit, so that one ends between all limits."""
    below, above = limits.T
    if len(limits) == 1:
        return float(below[0] + above[0]) / 2, finest * (1 - 1 / MOST_STEPS)
    first = (below[0] + TRIED * (above[0] - below[0]))[:, None, None]
    last = (below[-1] + TRIED * (above[-1] - below[-1]))[:, None]
    scale = np.arange(1, MOST_STEPS) / (last - first)
    good = scale <= finest * (1 - 1 / MOST_STEPS)
    for low, high in zip(below[1:-1], above[1:-1], strict=True):
        good &= np.floor((high - first) * scale) > np.floor((low - first) * scale)
    if not good.any():
        raise TooCoarse(f"bytes, of {len(limits)} thresholds of one feature")
    i, j, n = np.argwhere(good)[0].tolist()
    return float(first[i, 0, 0]), float(scale[i, j, n])


def _apart(limits: list[Range]) -> list[Range]:
    """Limits in order; what several have in common stands for these."""
    found: list[Range] = []
    for low, high in sorted(limits):
        if found and low < found[-1][1]:
            found[-1] = (low, min(high, found[-1][1]))
        else:
            found.append((low, high))
    return found
