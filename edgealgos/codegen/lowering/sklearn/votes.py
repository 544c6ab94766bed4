"""What the leaves of trees that vote add, in integers: few levels, so that rows are told alike; knows no programs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ...program import QType
from .stages import Reals

Ints = NDArray[np.int64]
VOTE_BITS = 8  # of a leaf that is a vote for each class
LEAST_VOTES = 12  # of a leaf, where a byte counts those of all trees
FEW_LEAVES = 1200  # of a forest, whose code an Uno holds whatever they add
MOST_LEAVES = 1600  # that it holds where they share out few votes
WORDS = 10  # classes that registers count in words
TOLD_OTHERWISE = 5e-4  # of rows, at most, where leaves have few levels


def votes_of(leaves: Sequence[Reals], reached: Sequence[Ints], near: bool) -> tuple[QType, list[Reals], float]:
    """What leaves add, of few levels, so that code is short: as many as a byte counts, or as tell rows alike.

    Parameters
    ----------
    leaves : sequence of array, shape (nodes, n_classes)
        What those of each tree share out; of inner nodes ignored.
    reached : sequence of int array, shape (n,)
        Of each tree the leaf in which each row ends.
    near : bool
        Whether pointers of code reach all features without being moved.

    Returns
    -------
    qtype : QType
    leaves : list of array
        On its grid.
    unit : float
        What they are multiples of, for what was one.
    """
    largest, in_a_byte = max(float(np.abs(leaf).max()) for leaf in leaves), _in_a_byte(leaves)
    finer = [n * LEAST_VOTES for n in (1, 2, 4) if n * LEAST_VOTES > in_a_byte and leaves[0].shape[1] <= WORDS]
    count = sum((len(leaf) + 1) // 2 for leaf in leaves)
    large = count > FEW_LEAVES or not finer  # code of finer ones is long, or there is none
    for votes in [in_a_byte, *finer] if min(leaf.min() for leaf in leaves) >= 0 and in_a_byte else []:
        rounded = [np.rint(votes * leaf) for leaf in leaves]
        enough = large and votes >= LEAST_VOTES and (votes == in_a_byte or (near and count <= MOST_LEAVES))
        if votes * largest <= 127 and (enough or _otherwise(leaves, rounded, reached) <= TOLD_OTHERWISE):
            qtype = QType(VOTE_BITS, round(np.log2(votes)))
            return qtype, [leaf * qtype.step for leaf in _rounded(leaves, reached, votes)], votes * qtype.step
    qtype = QType.covering(largest, VOTE_BITS)
    return qtype, [leaf * qtype.step for leaf in _rounded(leaves, reached, 1 / qtype.step)], 1.0


def leads_of(leaves: Sequence[Reals], reached: Sequence[Ints]) -> tuple[QType, list[Reals], float]:
    """As :func:`votes_of`, of two classes by what the second one leads: all that a byte holds."""
    votes = 127 / max(float(np.abs(leaf).max()) for leaf in leaves)
    qtype = QType(VOTE_BITS, round(np.log2(votes)))
    return qtype, [leaf * qtype.step for leaf in _rounded(leaves, reached, votes)], votes * qtype.step


def _rounded(leaves: Sequence[Reals], reached: Sequence[Ints], votes: float) -> list[Reals]:
    """Leaves as whole votes. What rounding takes from rows, or gives them, the trees that follow make good."""
    owed, found = np.zeros((len(reached[0]), leaves[0].shape[1])), []
    for leaf, at in zip(leaves, reached, strict=True):
        exact = votes * leaf
        low, high = np.rint(exact.min(axis=0)), np.rint(exact.max(axis=0))
        count = np.maximum(np.bincount(at, minlength=len(leaf)), 1)
        mean = np.stack([np.bincount(at, column, len(leaf)) for column in owed.T], axis=1) / count[:, None]
        rounded = np.rint(exact + mean).clip(low, high)
        found.append(rounded if len(leaves) > 1 else _winning(exact, rounded))
        owed += exact[at] - rounded[at]
    return found


def _winning(exact: Reals, rounded: Reals) -> Reals:
    """Leaves of a single tree, in which the class that wins by less than a vote wins by one."""
    if exact.shape[1] == 1:
        return np.where((exact > 0) & (rounded <= 0), 1.0, rounded)
    at, best = np.arange(len(exact)), exact.argmax(axis=1)
    rounded[at, best] += rounded.argmax(axis=1) != best
    return rounded


def _otherwise(exact: Sequence[Reals], rounded: Sequence[Reals], reached: Sequence[Ints]) -> float:
    """Expected share of rows whose class is another one after rounding: what the two best lose, taken as normal."""
    before, after = (_counted(leaves, reached) for leaves in (exact, rounded))
    best, second = np.argsort(before, axis=1)[:, [-1, -2]].T
    at, scale = np.arange(len(before)), rounded[0].max() / exact[0].max()
    margin, left = before[at, best] - before[at, second], (after[at, best] - after[at, second]) / scale
    spread = float(np.std(left - margin))
    return float(norm.sf(margin / spread).mean()) if spread > 0 else 0.0


def _counted(leaves: Sequence[Reals], reached: Sequence[Ints]) -> Reals:
    counted: Reals = np.sum([leaf[at] for leaf, at in zip(leaves, reached, strict=True)], axis=0)
    return counted


def leaf_of(left: Ints, right: Ints, feature: Ints, threshold: Reals, given: Reals) -> Ints:
    """Where each row ends in a tree, as scikit-learn compares them."""
    values, node = given.astype(np.float32), np.zeros(len(given), np.int64)
    while (inner := left[node] >= 0).any():
        at = node[inner]
        goes = values[inner, feature[at]] <= threshold[at]
        node[inner] = np.where(goes, left[at], right[at])
    return node


def _in_a_byte(leaves: Sequence[Reals]) -> int:
    """The most votes that a leaf may share out so that a byte counts those of all trees for any class."""
    whole = float(sum(leaf.max(axis=0) for leaf in leaves).max())
    most = int(min(127 / max(float(leaf.max()) for leaf in leaves), (0xFF + len(leaves) / 2) / whole))
    while most and sum(np.rint(most * leaf.max(axis=0)) for leaf in leaves).max() > 0xFF:
        most -= 1
    return most
