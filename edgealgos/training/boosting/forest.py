"""Trees together as flash will hold them: shared tests, packed numbers, and the exact bytes; grows nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...codegen.program.qtype import QType
from ...codegen.storage.bits import bits_for, packed_bytes
from .columns import Feature, Ints
from .trees import Tree


class Forest:
    """Trees of each output, and the tests that they share.

    Parameters
    ----------
    n_outputs : int
    leaf_type : QType
        Number type of the leaves.
    other_bytes : int
        What the model takes besides trees.
    """

    def __init__(self, n_outputs: int, leaf_type: QType, other_bytes: int) -> None:
        self.n_outputs, self.leaf_type, self.other_bytes = n_outputs, leaf_type, other_bytes
        self.trees: list[list[Tree]] = [[] for _ in range(n_outputs)]
        self.tests: dict[Feature, Counter[int]] = {}
        self._sizes: Counter[int] = Counter()

    @property
    def count(self) -> int:
        """Number of trees."""
        return self._sizes.total()

    def add(self, output: int, tree: Tree) -> None:
        """A tree more."""
        self.trees[output].append(tree)
        self._sizes[tree.cuts.size] += 1
        for feature, cut in tree.tests():
            self.tests.setdefault(feature, Counter())[cut] += 1

    def remove_last(self, output: int) -> None:
        """Undo the last :meth:`add` to an output."""
        tree = self.trees[output].pop()
        self._sizes -= Counter([tree.cuts.size])
        for feature, cut in tree.tests():
            self.tests[feature] -= Counter([cut])
            if not self.tests[feature]:
                del self.tests[feature]

    def bytes(self) -> int:
        """What flash holds of the model."""
        if not self.count:
            return self.other_bytes
        return self.other_bytes + sum(packed_bytes(count, width) for count, width in self._parts())

    def _parts(self) -> list[tuple[int, int]]:
        """Numbers of each kind, and their width."""
        nodes, trees = sum(size * count for size, count in self._sizes.items()), self.count
        used, tests = len(self.tests), sum(map(len, self.tests.values()))
        low, high = (end(end(cuts) for cuts in self.tests.values()) for end in (min, max))
        groups = max(map(len, self.trees)) if self.n_outputs > 1 else 0
        ends = [tree.ends for trees in self.trees for tree in trees]
        leaves = min(low for low, _ in ends), max(high for _, high in ends)
        return [
            (used, bits_for(0, max(feature.first for feature in self.tests))),
            (used, bits_for(0, max(map(_partner_code, self.tests)))),
            (used, bits_for(0, max(map(len, self.tests.values())))),
            (tests, bits_for(low, high)),
            (self.n_outputs, bits_for(0, groups)),
            (trees, bits_for(0, max(self._sizes) - min(self._sizes))),
            (2 * nodes, int(max(self._sizes) > 1)),
            (nodes, bits_for(0, tests - 1)),
            (nodes + trees, bits_for(*self.leaf_type.quantize(leaves).tolist())),
        ]


def _partner_code(feature: Feature) -> int:
    """0, or the number of the other input doubled, one less where it is subtracted."""
    return 2 * abs(feature.partner) - (feature.partner < 0)


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
    cuts = {feature: sorted(forest.tests[feature]) for feature in features}
    every = [(feature, cut) for feature in features for cut in cuts[feature]]
    number = {test: i for i, test in enumerate(every)}
    trees = [tree for several in forest.trees for tree in several]
    return Tables(
        np.array([feature.first for feature in features]),
        np.array([_partner_code(feature) for feature in features]),
        np.array([len(cuts[feature]) for feature in features]),
        np.array([cut for _, cut in every]),
        np.array([len(several) for several in forest.trees]),
        np.array([tree.cuts.size for tree in trees]),
        np.concatenate([tree.children >= 0 for tree in trees]).astype(np.int64),
        np.array([number[test] for tree in trees for test in tree.tests()]),
        np.concatenate([tree.leaves for tree in trees]),
    )
