"""Trees together as flash will hold them: shared tests, packed numbers, and the exact bytes; grows nothing."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .columns import Feature, Ints
from .trees import Tree


def width_of(largest: int) -> int:
    """Bits of the numbers from 0 to `largest`."""
    return int(largest).bit_length()


def packed_bytes(count: int, width: int) -> int:
    """Bytes of so many numbers, one bit behind the other."""
    return -(-count * width // 8)


@dataclass
class Forest:
    """Trees of each output, and the tests that they share.

    Parameters
    ----------
    n_outputs, n_inputs : int
    leaf_bits : int
        Width of a leaf's value.
    bias_bytes : int
        What the outputs begin with takes.
    """

    n_outputs: int
    n_inputs: int
    leaf_bits: int
    bias_bytes: int
    trees: list[list[Tree]] = field(default_factory=list)
    tests: dict[Feature, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.trees = self.trees or [[] for _ in range(self.n_outputs)]

    @property
    def nodes(self) -> int:
        """Inner nodes of all trees."""
        return sum(tree.cuts.size for trees in self.trees for tree in trees)

    @property
    def count(self) -> int:
        """Number of trees."""
        return sum(map(len, self.trees))

    def add(self, output: int, tree: Tree) -> None:
        """A tree more."""
        self.trees[output].append(tree)
        for feature, cut in zip(tree.features, tree.cuts.tolist(), strict=True):
            self._learn(feature, cut)

    def _learn(self, feature: Feature, cut: int) -> None:
        known = self.tests.setdefault(feature, [])
        place = bisect_left(known, cut)
        if place == len(known) or known[place] != cut:
            insort(known, cut)

    def without_last(self, output: int) -> Forest:
        """The forest before its last tree of an output was added."""
        trees = [list(of) for of in self.trees]
        trees[output].pop()
        return self.of(trees)

    def of(self, trees: list[list[Tree]]) -> Forest:
        """A forest of these trees with the same outputs."""
        found = Forest(self.n_outputs, self.n_inputs, self.leaf_bits, self.bias_bytes)
        for output, several in enumerate(trees):
            for tree in several:
                found.add(output, tree)
        return found

    def bytes(self) -> int:
        """What flash holds of it."""
        sizes = [tree.cuts.size for trees in self.trees for tree in trees]
        if not sizes:
            return self.bias_bytes
        parts = self.parts(sizes)
        return self.bias_bytes + sum(packed_bytes(count, width) for count, width in parts)

    def parts(self, sizes: list[int]) -> list[tuple[int, int]]:
        """Numbers of each kind and their width."""
        nodes, trees = sum(sizes), len(sizes)
        cuts = [cut for known in self.tests.values() for cut in known]
        partners = max(_partner_code(feature) for feature in self.tests)
        groups = max(map(len, self.trees)) if self.n_outputs > 1 else 0
        used = len(self.tests)
        return [
            (used, width_of(max(feature.first for feature in self.tests))),
            (used, width_of(partners)),
            (used, width_of(max(map(len, self.tests.values())))),
            (len(cuts), signed_width(min(cuts), max(cuts))),
            (self.n_outputs, width_of(groups)),
            (trees, width_of(max(sizes) - min(sizes))),
            (2 * nodes, 1),
            (nodes, width_of(len(cuts) - 1)),
            (nodes + trees, self.leaf_bits),
        ]


def _partner_code(feature: Feature) -> int:
    """0, or the number of the other input doubled, one less where it is subtracted."""
    return 2 * abs(feature.partner) - (feature.partner < 0)


def signed_width(low: int, high: int) -> int:
    """Bits of the numbers from `low` to `high`; no sign is stored where none is below zero."""
    return width_of(high) if low >= 0 else 1 + max(width_of(high if high > 0 else 0), width_of(~low))


@dataclass(frozen=True, eq=False)
class Tables:
    """A forest as arrays, in the order in which a program reads them.

    Parameters
    ----------
    features, partners, counts : int array, shape (used,)
        Of each feature used: the input, the code of its partner, how many cuts it has.
    cuts : int array, shape (tests,)
    groups : int array, shape (outputs,)
        Trees of each output.
    sizes : int array, shape (trees,)
        Inner nodes.
    inner : int array, shape (nodes, 2)
        Whether the children of a node are inner nodes, tree after tree, level by level.
    tests : int array, shape (nodes,)
        Which test a node makes.
    leaves : array, shape (nodes + trees,)
    """

    features: Ints
    partners: Ints
    counts: Ints
    cuts: Ints
    groups: Ints
    sizes: Ints
    inner: Ints
    tests: Ints
    leaves: NDArray[np.float64]


def tables_of(forest: Forest) -> Tables:
    """The arrays of a forest."""
    features = sorted(forest.tests)
    counts = [len(forest.tests[feature]) for feature in features]
    first = dict(zip(features, np.cumsum([0, *counts[:-1]]).tolist(), strict=True))
    trees = [tree for several in forest.trees for tree in several]
    tests = [
        first[feature] + bisect_left(forest.tests[feature], cut)
        for tree in trees
        for feature, cut in zip(tree.features, tree.cuts.tolist(), strict=True)
    ]
    return Tables(
        np.array([feature.first for feature in features]),
        np.array([_partner_code(feature) for feature in features]),
        np.array(counts),
        np.array([cut for feature in features for cut in forest.tests[feature]]),
        np.array([len(several) for several in forest.trees]),
        np.array([tree.cuts.size for tree in trees]),
        np.concatenate([tree.children >= 0 for tree in trees]).astype(np.int64),
        np.array(tests),
        np.concatenate([tree.leaves for tree in trees]),
    )
