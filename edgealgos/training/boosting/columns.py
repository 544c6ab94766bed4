"""Device inputs as columns with few candidates for thresholds, and columns made of pairs of features; no trees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_CUTS = 32  # candidates a column: more of them fit noise and are shared by fewer nodes
ROWS_FOR_CUTS = 2048  # of which quantiles are taken
Ints = NDArray[np.signedinteger]


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
        return ((first + np.sign(self.partner) * other) >> 1).astype(x.dtype)


class Columns:
    """Columns of a table of device inputs, binned by their cuts: bin k holds the values that k cuts do not exceed.

    The first columns are the inputs themselves. A pool of pairs follows, drawn anew as often as wanted; those that a
    tree has come to use stay.
    """

    def __init__(self, x: Ints, rng: np.random.Generator, most_cuts: int = MOST_CUTS) -> None:
        self.x = x
        self.most_cuts = most_cuts
        self._rng = rng
        self._sample = np.sort(rng.permutation(len(x))[:ROWS_FOR_CUTS])
        self.features: list[Feature] = []
        self.cuts: list[Ints] = []
        self._binned: list[NDArray[np.uint8]] = []
        for feature in range(x.shape[1]):
            self._add(Feature(feature))
        self._varying = [f for f, cuts in enumerate(self.cuts) if cuts.size]

    def __len__(self) -> int:
        return len(self.features)

    @property
    def inputs(self) -> int:
        """How many columns are inputs themselves."""
        return self.x.shape[1]

    def bins(self) -> NDArray[np.uint8]:
        """Bins of all columns, shape (n, columns)."""
        return np.stack(self._binned, axis=1)

    def draw_pairs(self, count: int, used: set[Feature]) -> None:
        """Replace the pairs that no tree uses by `count` new ones."""
        kept = [i for i, feature in enumerate(self.features) if i < self.inputs or feature in used]
        for name in ("features", "cuts", "_binned"):
            setattr(self, name, [getattr(self, name)[i] for i in kept])
        if len(self._varying) < 2:
            return
        for _ in range(count):
            first, second = self._rng.choice(self._varying, 2, replace=False).tolist()
            pair = Feature(first, (second + 1) * int(self._rng.choice((-1, 1))))
            if pair not in self.features:
                self._add(pair)

    def _add(self, feature: Feature) -> None:
        values = feature.of(self.x)
        cuts = _cuts(values[self._sample], self.most_cuts)
        self.features.append(feature)
        self.cuts.append(cuts)
        self._binned.append(np.searchsorted(cuts, values, side="right").astype(np.uint8))


def _cuts(values: Ints, most: int) -> Ints:
    """Where a column may be cut: between all its values if they are few, else between quantiles."""
    levels = np.unique(values).astype(np.int32)
    if levels.size > most + 1:
        levels = np.unique(np.quantile(values, np.linspace(0, 1, most + 1), method="nearest")).astype(np.int32)
    return -((levels[:-1] + levels[1:]) // -2)  # the upper one of two middles: below it goes left
