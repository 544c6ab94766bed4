"""Device inputs as columns with few candidates for thresholds, and columns made of pairs of features; no trees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_CUTS = 32  # candidates a column: more of them fit noise and are shared by fewer nodes
ROWS_FOR_CUTS = 1024  # of which quantiles are taken
Ints = NDArray[np.signedinteger[Any]]


class Feature(NamedTuple):
    """What a node compares: the input `first`, or half the sum or the difference of two.

    `partner` is 0, or the number of the other input counted from 1; negative where that is subtracted.
    """

    first: int
    partner: int = 0

    def of(self, x: Ints) -> Ints:
        """Its values, of the type of the inputs: halves are rounded down."""
        first = x[:, self.first]
        if self.partner == 0:
            return first
        other = x[:, abs(self.partner) - 1].astype(np.int32)
        halves: Ints = ((first + (other if self.partner > 0 else -other)) >> 1).astype(x.dtype)
        return halves


class Columns:
    """Columns of a table of device inputs, binned by their cuts: bin k holds the values that k cuts do not exceed.

    The first columns are the inputs themselves. A pool of pairs follows, drawn anew as often as wanted; those that a
    tree has come to use stay.

    Attributes
    ----------
    features : list of Feature
    cuts : list of int array
        Of each column; values below a cut go left.
    known : bool array, shape (columns, MOST_CUTS)
        Cuts that a tree uses already.
    """

    def __init__(self, x: Ints, rng: np.random.Generator) -> None:
        self.x = x
        self._rng = rng
        self._sample = np.sort(rng.permutation(len(x))[:ROWS_FOR_CUTS])
        self.features = [Feature(first) for first in range(x.shape[1])]
        self.cuts = [self._cuts(feature.of(x)) for feature in self.features]
        self.known = np.zeros((x.shape[1], MOST_CUTS), bool)
        self._binned = self._bins(self.features, self.cuts)
        self._varying = [f for f, cuts in enumerate(self.cuts) if cuts.size]

    @property
    def inputs(self) -> int:
        """How many columns are inputs themselves."""
        return int(self.x.shape[1])

    def bins(self) -> NDArray[np.int32]:
        """Bins of all columns, shape (n, columns)."""
        return self._binned

    def draw_pairs(self, count: int) -> None:
        """Replace the pairs that no tree uses by `count` new ones."""
        if len(self._varying) < 2:
            return
        kept = [i for i in range(len(self.features)) if i < self.inputs or self.known[i].any()]
        features, cuts = [self.features[i] for i in kept], [self.cuts[i] for i in kept]
        drawn = [self._pair() for _ in range(count)]
        new = [pair for pair in dict.fromkeys(drawn) if pair not in features]
        new_cuts = [self._cuts(pair.of(self.x[self._sample]), sampled=True) for pair in new]
        self.known = np.concatenate([self.known[kept], np.zeros((len(new), MOST_CUTS), bool)])
        self._binned = np.concatenate([self._binned[:, kept], self._bins(new, new_cuts)], axis=1)
        self.features, self.cuts = features + new, cuts + new_cuts

    def learn(self, tests: Iterable[tuple[Feature, int]]) -> None:
        """Note that trees use these tests."""
        place = {feature: column for column, feature in enumerate(self.features)}
        for feature, cut in tests:
            column = place[feature]
            self.known[column, min(int(np.searchsorted(self.cuts[column], cut)), MOST_CUTS - 1)] = True

    def _pair(self) -> Feature:
        first, second = (self._varying[i] for i in self._rng.integers(len(self._varying), size=2))
        if first == second:
            second = self._varying[self._varying.index(first) - 1]
        return Feature(first, (second + 1) * (1 if self._rng.random() < 0.5 else -1))

    def _cuts(self, values: Ints, sampled: bool = False) -> Ints:
        """Where a column may be cut: between all its values if they are few, else between quantiles."""
        ordered = np.sort(values if sampled else values[self._sample]).astype(np.int32)
        levels = _distinct(ordered)
        if levels.size > MOST_CUTS + 1:
            levels = _distinct(ordered[np.linspace(0, ordered.size - 1, MOST_CUTS + 1).astype(int)])
        return np.asarray(-((levels[:-1] + levels[1:]) // -2))  # the upper one of two middles: below it goes left

    def _bins(self, features: list[Feature], cuts: list[Ints]) -> NDArray[np.int32]:
        found = np.empty((len(self.x), len(features)), np.int32)
        for column, (feature, places) in enumerate(zip(features, cuts, strict=True)):
            found[:, column] = np.searchsorted(places, feature.of(self.x), side="right")
        return found


def _distinct(ordered: Ints) -> Ints:
    return np.asarray(ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])])
