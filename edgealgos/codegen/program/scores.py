"""What scores say: which class they choose, by how much, and how likely each is; knows arrays and tables alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .qtype import Ints
from .tables import EXP2

PROBABILITY_BITS = 8
REJECTED = 255
"""What stands for no class; `kRejected` of an export."""

_FRAC, _FAR = 12, 16  # fractional bits of a distance between scores; from there on a class is out of the question
_STEPS = 1477  # 64 / ln 2, in units of 2^(_FRAC - 16): steps of the table for a distance


def decide(scores: NDArray[Any]) -> NDArray[np.intp]:
    """Class indices of scores: the first largest; of one column: 1 where it is positive."""
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0).astype(np.intp)
    best: NDArray[np.intp] = np.argmax(scores, axis=1)
    return best


def decide_if_sure(scores: Ints, frac: int, below: int) -> Ints:
    """Class indices of raw scores; :data:`REJECTED` where the class is less than ``below / 256`` likely."""
    best = decide(scores)
    share = probabilities(scores, frac)[np.arange(len(best)), best]
    found: Ints = np.where(share < below, REJECTED, best).astype(np.int64)
    return found


def margin(scores: NDArray[Any]) -> NDArray[Any]:
    """How far the best score of each row is above the second best; of one column the magnitude."""
    if scores.shape[1] == 1:
        found: NDArray[Any] = np.abs(scores[:, 0])
    else:
        found = np.diff(np.partition(scores, (-2, -1), axis=1)[:, -2:], axis=1)[:, 0]
    return found


def probabilities(scores: Ints, frac: int) -> Ints:
    """How likely each class is, in 256ths (255 at most), as the device computes it by integers.

    Softmax, of one column the logistic function; powers of two come from a table of 64.

    Parameters
    ----------
    scores : int64 array, shape (n, n_outputs)
        Raw scores.
    frac : int
        Their fractional bits.
    """
    columns = scores if scores.shape[1] > 1 else np.concatenate([np.zeros_like(scores), scores], axis=1)
    below = columns.max(axis=1, keepdims=True) - columns
    far = below >= np.ldexp(_FAR, frac)
    fine = np.where(far, 0, below) >> max(frac - _FRAC, 0) << min(max(_FRAC - frac, 0), 31)
    steps = fine * _STEPS >> 16
    parts = np.where(far, 0, (EXP2[steps & 63] << 8) >> (steps >> 6))
    total = parts.sum(axis=1, keepdims=True)
    shares: Ints = np.minimum((parts * (1 << PROBABILITY_BITS) + total // 2) // total, (1 << PROBABILITY_BITS) - 1)
    return shares
