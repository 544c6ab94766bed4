"""What the leaves of trees that vote add, in integers: few levels, so that rows are told alike; knows no programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ...program import QType
from .stages import Reals

Ints = NDArray[np.int64]
VOTE_BITS = 8  # of a leaf that is a vote for each class
LEAST_VOTES = 12  # of a leaf, where a byte counts those of all trees
MOST_CODE = 12_500  # words of a forest's code that an Uno holds beside a sketch
REACH = 1960  # words that a leaf may jump back to the end of another one
WORDS = 10  # classes that registers count in words
TOLD_OTHERWISE = 5e-4  # of rows, at most, where leaves have few levels
PASSES = 2  # over all trees, in which each makes good what the others have lost of a row's votes
SHY = 2.0  # how much more a leaf's own error weighs than that of the sums of its rows: other rows come


def votes_of(
    leaves: Sequence[Reals], reached: Sequence[Ints], ends: Sequence[NDArray[np.bool_]], node: float
) -> tuple[QType, list[Reals], float]:
    """What leaves add, of few levels, so that code is short: as many as a byte counts, or as tell rows alike.

    Parameters
    ----------
    leaves : sequence of array, shape (nodes, n_classes)
        What those of each tree share out; of inner nodes ignored.
    reached : sequence of int array, shape (n,)
        Of each tree the leaf in which each row ends.
    ends : sequence of bool array, shape (nodes,)
        Of each tree which nodes are leaves.
    node : float
        Words that code of an inner node takes.

    Returns
    -------
    qtype : QType
    leaves : list of array
        On its grid.
    unit : float
        What they are multiples of, for what was one.
    """
    largest, in_a_byte = max(float(np.abs(leaf).max()) for leaf in leaves), _in_a_byte(leaves)
    found, negative = 0, min(leaf.min() for leaf in leaves) < 0
    for votes in [] if negative else _votes_tried(leaves[0].shape[1], in_a_byte):
        rounded = [np.rint(votes * leaf) for leaf in leaves]
        shown = [leaf[end].astype(int).tolist() for leaf, end in zip(rounded, ends, strict=True)]
        if votes * largest > 127 or (
            found and _code(shown, node, votes > in_a_byte, votes == 2 * in_a_byte) > MOST_CODE
        ):
            break
        enough = _otherwise(leaves, rounded, reached) <= TOLD_OTHERWISE
        found = votes if enough or votes >= LEAST_VOTES else found
        if enough:
            break
    if found:
        qtype = QType(VOTE_BITS, round(np.log2(found)))
        return qtype, [leaf * qtype.step for leaf in _rounded(leaves, reached, found)], found * qtype.step
    qtype = QType.covering(largest, VOTE_BITS)
    return qtype, [leaf * qtype.step for leaf in _rounded(leaves, reached, 1 / qtype.step)], 1.0


def leads_of(leaves: Sequence[Reals], reached: Sequence[Ints]) -> tuple[QType, list[Reals], float]:
    """As :func:`votes_of`, of two classes by what the second one leads: all that a byte holds."""
    votes = 127 / (max(float(np.abs(leaf).max()) for leaf in leaves) or 1.0)
    qtype = QType(VOTE_BITS, round(np.log2(votes)))
    return qtype, [leaf * qtype.step for leaf in _rounded(leaves, reached, votes)], votes * qtype.step


def _votes_tried(classes: int, in_a_byte: int) -> list[int]:
    """Votes of a leaf, from few to many, that are counted in bytes, by twos and by ones, in words."""
    more = (2 * in_a_byte, *(n * LEAST_VOTES for n in (1, 2, 4))) if classes <= WORDS else ()
    return [in_a_byte, *sorted({votes for votes in more if votes > in_a_byte})] if in_a_byte else []


def _code(trees: Sequence[Sequence[Sequence[int]]], node: float, wide: bool, by_twos: bool) -> float:
    """About how many words code of these leaves takes, where what ends alike is there once, as far as jumps reach."""
    often = Counter((k, v) for tree in trees for leaf in tree for k, v in enumerate(leaf) if v)
    place, known = 0.0, dict[tuple[tuple[int, int], ...], float]()
    for leaf in (leaf for tree in trees for leaf in tree):
        added, place = sorted(((k, v) for k, v in enumerate(leaf) if v), key=lambda e: (often[e], e)), place + node
        for i, (_, votes) in enumerate(added):
            rest = tuple(added[i:])
            if place - known.get(rest, -np.inf) < REACH:
                break
            known[rest] = place
            place += (votes > 1) + votes % 2 if by_twos else 1 + wide
        place += 1
    return place


def _rounded(leaves: Sequence[Reals], reached: Sequence[Ints], votes: float) -> list[Reals]:
    """Leaves as whole votes. What rounding takes from rows, or gives them, other trees make good."""
    exact = [votes * leaf for leaf in leaves]
    found = [np.rint(leaf) for leaf in exact]
    if len(leaves) == 1:
        return [_winning(exact[0], found[0])]
    owed = np.sum([(e - leaf)[at] for e, leaf, at in zip(exact, found, reached, strict=True)], axis=0)
    for i, at in list(enumerate(reached)) * PASSES:
        owed -= (exact[i] - found[i])[at]
        count = np.maximum(np.bincount(at, minlength=len(exact[i])), 1)
        mean = np.stack([np.bincount(at, column, len(count)) for column in owed.T], axis=1) / count[:, None]
        wanted = (exact[i] + mean / (1 + SHY)).clip(np.floor(exact[i]), np.ceil(exact[i]))
        found[i] = np.rint(wanted).clip(np.rint(exact[i].min(axis=0)), np.rint(exact[i].max(axis=0)))
        owed += (exact[i] - found[i])[at]
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
    if exact[0].shape[1] == 1:
        return 0.0
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
