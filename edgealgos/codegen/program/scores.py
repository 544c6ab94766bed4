"""What scores say: which class they choose, by how much, and how likely each is; knows arrays and links alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .link import Link
from .qtype import Ints

PROBABILITY_BITS = 8
REJECTED = 255
"""What stands for no class; `kRejected` of an export."""


def decide(scores: NDArray[Any]) -> NDArray[np.intp]:
    """Class indices of scores: the first largest; of one column: 1 where it is positive."""
    if scores.shape[1] == 1:
        return (scores[:, 0] > 0).astype(np.intp)
    best: NDArray[np.intp] = np.argmax(scores, axis=1)
    return best


def decide_if_sure(scores: Ints, link: Link, frac: int, below: int) -> Ints:
    """Class indices of raw scores; :data:`REJECTED` where the class is less than ``below / 256`` likely."""
    best = decide(scores)
    share = probabilities(scores, link, frac)[np.arange(len(best)), best]
    found: Ints = np.where(share < below, REJECTED, best).astype(np.int64)
    return found


def margin(scores: NDArray[Any]) -> NDArray[Any]:
    """How far the best score of each row is above the second best; of one column the magnitude."""
    if scores.shape[1] == 1:
        found: NDArray[Any] = np.abs(scores[:, 0])
    else:
        found = np.diff(np.partition(scores, (-2, -1), axis=1)[:, -2:], axis=1)[:, 0]
    return found


def probabilities(scores: Ints, link: Link, frac: int) -> Ints:
    """How likely each class is, in 256ths (255 at most), as the device computes it by integers.

    Parameters
    ----------
    scores : int64 array, shape (n, n_outputs)
        Raw scores.
    link : Link
        What they stand for.
    frac : int
        Their fractional bits.
    """
    parts = link.parts(scores, frac)
    total = parts.sum(axis=1, keepdims=True)
    parts, total = np.where(total > 0, parts, 1), np.where(total > 0, total, parts.shape[1])
    shares: Ints = np.minimum((parts * (1 << PROBABILITY_BITS) + total // 2) // total, (1 << PROBABILITY_BITS) - 1)
    return shares
