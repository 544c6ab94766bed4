"""Sums over trees whose nodes compare features with thresholds. Knows programs and storages, no boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import FREE, Constant, Counts, Cpp, Op, Pieces, Read, Shapes, Types, Values, counting
from ..program.qtype import Ints, QType
from ..program.tensor import Space, Tensor
from ..storage.bits import BITS, further_bytes, kind_of_number, typical_shift
from .products import SCORE_BITS, narrowest
from .walks import Walk, last_asked, leads_to_make_up_for, makes_trees, shares_of_range, shares_of_rows, summed

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["Forest"]

_ROWS_AT_ONCE = 1 << 20  # rows times trees of the interpreter


def _half(x: NDArray[Any], y: NDArray[Any], sign: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((x + sign * y) >> 1)


@dataclass(frozen=True)
class Forest(Op):
    """Scores to which every tree adds one of its leaves.

    A test compares a feature with a cut: what is below goes left. Tests are numbered feature by feature in the order
    of `features`, and nodes name them; trees share them. The nodes of a tree come level by level, the root first, and
    `inner` says of the two children of each whether they are nodes again: no pointers are stored. Children that are
    leaves take the leaves of the tree in the same order.

    Parameters
    ----------
    vector : str
        Where features come from.
    features, counts : str
        Shape (used,): an element of the vector, and how many tests compare it.
    partners : str or None
        Shape (used,). 0, or of a feature that is half the sum of two elements (halves rounded down) twice the other
        one's number, counted from 1; one less where that is subtracted.
    cuts : str
        Shape (tests,), of the vector's type.
    tests : str
        Shape (nodes,).
    inner : str
        Shape (nodes, 2), 0 or 1.
    sizes : str
        Shape (trees,): by how many inner nodes each tree is smaller than `most_nodes`. Every tree has one at least.
    leaves : str
        Shape (nodes + trees,): numbers to add; with `values` rows of those.
    values : str or None
        Shape (rows, outputs): what a leaf adds to every output.
    groups : str or None
        Shape (outputs,): how many trees, one after the other, add to each output; None: all add to one output, or to
        every one.
    bias, start : str or None
        Shape (outputs,): constants and scores that the trees are added to, the scores on the grid of the numbers.
    most_nodes : int
        Inner nodes of the largest tree.
    rests : str or None
        Shape (trees,): once a tree has added its leaf, by how much the largest score has to lead (of one score: how far
        it has to be from zero) for the trees that follow to be left out, less one; 0: they are asked in any case.
    asked : float
        Share of the trees that a prediction asks typically.
    went_left : tuple of float
        Share of the samples that came to each inner node and went left, where samples told; costs go by it.
    """

    vector: Read
    features: Constant
    partners: Constant | None
    counts: Constant
    cuts: Constant
    tests: Constant
    inner: Constant
    sizes: Constant
    leaves: Constant
    values: Constant | None
    groups: Constant | None
    bias: Constant | None
    start: Read | None
    most_nodes: int
    rests: Constant | None = None
    asked: float = 1.0
    acc_bits: int = 32
    went_left: tuple[float, ...] = ()

    in_place = True
    kernels = ("forest",)
    largest = counting(out=255, inner=1 << 32, tests=1 << 31, leaves=1 << 31)
    measured = MappingProxyType(
        {
            "avr/costs.json": {
                "cycles": {"Forest decision": 4.0, "Forest lead": 20.0},
                "flash": {"Forest stops": 57.0, "Forest stops of rows": 112.0},
            }
        }
    )

    # ------------------------------------------------------------------ meaning

    def shapes(self, program: Program) -> Shapes:
        (used,), (trees,), (nodes,) = (self.axes(program, name, 1) for name in (self.features, self.sizes, self.tests))
        outputs = program[self.out].shape
        self._check(program)
        return {
            "out": outputs, "vector": FREE, "features": (used,), "partners": (used,), "counts": (used,),
            "cuts": (int(program[self.counts].values.sum()),), "tests": (nodes,), "inner": (nodes, 2),
            "sizes": (trees,), "leaves": (nodes + trees,), "values": FREE, "groups": outputs, "bias": outputs,
            "start": outputs, "rests": (trees,),
        }  # fmt: skip

    def _check(self, program: Program) -> None:
        """Raise ValueError where numbers lead outside of what they index, or make no trees."""
        width, tests = program[self.vector].size, program[self.cuts].size
        limits = {self.features: width, self.tests: tests, self.inner: 2, self.sizes: self.most_nodes}
        if self.partners is not None:
            limits[self.partners] = 2 * width + 1
        if self.values is not None:
            limits[self.leaves] = program[self.values].shape[0]
        for name, end in limits.items():
            found = self._raw(program, name)
            if found.size and not (found.min() >= 0 and found.max() < end):
                raise ValueError(f"Forest: {name!r} has numbers outside of 0 to {end - 1}")
        sizes, inner = self.most_nodes - self._raw(program, self.sizes), self._raw(program, self.inner)
        if sizes.sum() != program[self.tests].size or not makes_trees(sizes, inner):
            raise ValueError(f"Forest: {self.inner!r} does not make trees of the sizes that {self.sizes!r} says")
        outputs = program[self.out].size
        groups = np.array([sizes.size]) if self.groups is None else self._raw(program, self.groups)
        shared_out = groups.min() >= 0 and groups.sum() == sizes.size and groups.size == outputs
        if not (self.values is not None or shared_out):
            raise ValueError(f"Forest: {sizes.size} trees are not shared out among {outputs} outputs")
        if self.rests is not None and not self.adds_to_all(program):
            raise ValueError("Forest: trees of an output each do not tell when the largest score is decided")

    def adds_to_all(self, program: Program) -> bool:
        """Whether every tree adds to every score."""
        return self.values is not None or program[self.out].size == 1

    def _raw(self, program: Program, name: str) -> Ints:
        return program[name].values.astype(np.int64)

    def walk(self, inner: NDArray[Any], sizes: NDArray[Any]) -> Walk:
        """Where each node leads, from the numbers that are stored."""
        sizes = self.most_nodes - sizes.astype(np.int64)
        roots = np.cumsum(sizes) - sizes
        flags = inner.astype(np.int64).ravel()
        before = np.cumsum(flags) - flags
        tree = np.repeat(np.arange(sizes.size), 2 * sizes)
        start = 2 * roots[tree]
        rank = before - (before[start] if flags.size else 0)
        node = roots[tree] + 1 + rank
        leaf = roots[tree] + tree + (np.arange(flags.size) - start - rank)
        return Walk(roots, np.where(flags > 0, node, ~leaf).reshape(-1, 2))

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        return self._scores(program, v, lambda x, y, sign: 0.5 * (x + sign * y))

    def integer(self, program: Program, v: Values) -> Ints:
        found: Ints = self._scores(program, v, _half)
        return found

    def _scores(self, program: Program, v: Values, half: Any) -> NDArray[Any]:
        groups = None if self.groups is None or self.values is not None else v[self.groups].astype(np.int64)
        found = [begun + summed(rows, last, groups) for begun, rows, last in self._blocks(program, v, half)]
        return np.concatenate(found)

    def _blocks(self, program: Program, v: Values, half: Any) -> Iterator[tuple[NDArray[Any], NDArray[Any], Ints]]:
        """For some rows at once: what scores begin with, what each tree adds, and the last tree that is asked."""
        walk, x = self.walk(v[self.inner], v[self.sizes]), v[self.vector]
        begun = np.zeros((len(x), program[self.out].size), x.dtype)
        for others in (self.bias, self.start):
            begun = begun if others is None else begun + v[others]
        step = max(1, _ROWS_AT_ONCE // max(walk.roots.size, v[self.cuts].size, 1))
        for first in range(0, max(len(x), 1), step):
            some = slice(first, first + step)
            leaves = self._leaves(walk, self._passed(x[some], v, half), v)
            rows = leaves[:, :, None] if self.values is None else v[self.values][leaves.astype(np.int64)]
            last = np.full(len(rows), walk.roots.size - 1)
            if self.rests is not None:
                last = last_asked(begun[some, None] + rows.cumsum(axis=1), v[self.rests])
            yield begun[some], rows, last

    def _passed(self, x: NDArray[Any], v: Values, half: Any) -> NDArray[np.bool_]:
        """Whether each row is below the cut of each test."""
        features = v[self.features].astype(np.int64)
        columns = x[:, features]
        if self.partners is not None:
            codes = v[self.partners].astype(np.int64)
            paired = codes > 0
            sign = np.where(codes % 2, -1, 1)[paired]
            columns[:, paired] = half(columns[:, paired], x[:, (codes[paired] + 1) // 2 - 1], sign)
        below: NDArray[np.bool_] = np.repeat(columns, v[self.counts].astype(np.int64), axis=1) < v[self.cuts]
        return below

    def visited(self, program: Program, v: Values) -> Forest:
        """The forest that knows how many of these samples went left at each node."""
        passed = self._passed(v[self.vector], v, lambda x, y, sign: 0.5 * (x + sign * y))
        shares = shares_of_rows(self.walk(v[self.inner], v[self.sizes]), v[self.tests].astype(np.int64), passed)
        return replace(self, went_left=tuple(shares.tolist()))

    def _leaves(self, walk: Walk, passed: NDArray[np.bool_], v: Values) -> NDArray[Any]:
        rows = np.arange(len(passed))[:, None]
        tests = v[self.tests].astype(np.int64)
        node = np.tile(walk.roots, (len(passed), 1))
        while (node >= 0).any():
            inner = np.maximum(node, 0)
            side = 1 - passed[rows, tests[inner]].astype(np.int64) if tests.size else inner
            node = np.where(node >= 0, walk.children[inner, side], node)
        leaves: NDArray[Any] = v[self.leaves][~node]
        return leaves

    # ------------------------------------------------------------------ types and bounds

    def types(self, program: Program) -> Types:
        value = program[self.leaves if self.values is None else self.values].type
        kinds = {self.out: QType(SCORE_BITS, value.frac), self.cuts: program[self.vector].type}
        kinds |= {name: QType(32, value.frac) for name in (self.bias, self.rests) if name is not None}
        indices = [self.features, self.partners, self.counts, self.tests, self.inner, self.sizes, self.groups]
        indices += [self.leaves] if self.values is not None else []
        for name in indices:
            if name is not None:
                kinds[name] = _index_type(program[name].values)
        return kinds

    def bound(self, program: Program) -> Forest:
        low, high = self.sums(program)
        return replace(
            self, acc_bits=narrowest(int(low.min(initial=0)), int(high.max(initial=0)), self.out, self.leaves)
        )

    def sums(self, program: Program, part: Callable[[Ints], Ints] = np.asarray) -> tuple[Ints, Ints]:
        """Least and greatest sum of each output, of all that is added or of a part of each number."""
        sizes = self.most_nodes - program[self.sizes].values
        starts = np.cumsum(sizes + 1) - (sizes + 1)
        leaves = program[self.leaves].values
        rows = part(program[self.values].values[leaves] if self.values is not None else leaves[:, None])
        least, most = np.minimum.reduceat(rows, starts), np.maximum.reduceat(rows, starts)
        if self.groups is not None:
            owner = np.repeat(np.arange(program[self.out].size), program[self.groups].values)
            member = (owner == np.arange(program[self.out].size)[:, None]).astype(np.int64)
            least, most = (member @ least)[:, 0], (member @ most)[:, 0]
        else:
            least, most = least.sum(axis=0), most.sum(axis=0)
        bias: Any = 0 if self.bias is None else part(program[self.bias].values)
        low, high = (0, 0) if self.start is None else program.value_range(self.start)
        return least + np.minimum(bias, 0) + min(low, 0), most + np.maximum(bias, 0) + max(high, 0)

    def storages(self, program: Program) -> Mapping[str, str]:
        """All numbers but those that are added as a row, or as they are to begin with."""
        dense = (self.vector, self.out, self.values, self.start)
        return {name: BITS.name for name in self.operands.values() if name not in dense}

    # ------------------------------------------------------------------ cost and code

    def cost(self, program: Program) -> Counts:
        trees, used, outputs = program[self.sizes].size, program[self.features].size, program[self.out].size
        tests = program[self.cuts].size
        trees = round(self.asked * trees)
        levels, passed = (round(self.asked * amount) for amount in self._typical_way(program))
        counts: Counts = Counter({"call Forest": 1, "Forest feature": used, "Forest test": tests, "Forest tree": trees})
        counts["Forest pair"] = 0 if self.partners is None else int(np.count_nonzero(program[self.partners].values))
        counts["Forest stump" if self._of_stumps(program) else "Forest level"] = levels
        counts["Forest byte passed"] = passed
        counts["Forest output"] = outputs
        counts["Forest vote"] = trees * outputs if self.values is not None else 0
        counts["Forest decision"] = trees if self.rests is not None else 0
        checks = 0 if self.rests is None else int(np.count_nonzero(program[self.rests].values))
        counts["Forest lead"] = round(self.asked * checks) * outputs
        times = {self.features: used, self.partners: used, self.counts: used, self.cuts: tests, self.tests: levels,
                 self.sizes: trees, self.leaves: trees, self.groups: outputs, self.bias: outputs,
                 self.rests: trees}  # fmt: skip
        for name, often in times.items():
            if name is not None and (kind := kind_of_number(program[name].values)) is not None:
                counts[f"Forest {kind}"] += often
                counts["Forest shift"] += round(often * typical_shift(program[name].values))
                counts["Forest further byte"] += round(often * further_bytes(program[name].values))
        return counts

    @property
    def stops_early(self) -> bool:
        return self.rests is not None

    def typically(self, program: Program, v: Values | None) -> Forest:
        if v is None:
            return replace(self, asked=1.0)
        asked = np.concatenate([last + 1 for _, _, last in self._blocks(program, v, _half)])
        return replace(self, asked=float(asked.mean()) / program[self.sizes].size)

    def stopping(self, program: Program) -> tuple[Op, Tensor] | None:
        """Behind some trees it is looked whether those to come can change the answer; that takes as long as a tree."""
        if self.rests is not None or not self.adds_to_all(program):
            return None
        sizes, leaves = self.most_nodes - self._raw(program, self.sizes), self._raw(program, self.leaves)
        spread = np.abs(leaves) if self.values is None else np.ptp(self._raw(program, self.values)[leaves], axis=1)
        begun = 0 if self.bias is None else int(np.abs(self._raw(program, self.bias)).max())
        begun += 0 if self.start is None else max(map(abs, program.value_range(self.start)))
        rests = leads_to_make_up_for(np.maximum.reduceat(spread, np.cumsum(sizes + 1) - (sizes + 1)), begun)
        if not rests.any() or 2 * (2 * begun + int(spread.max()) * sizes.size) >= 1 << (self.acc_bits - 1):
            return None
        qtype = QType(32, program[self.out].type.frac)
        doc = "leads that the trees to come cannot make up for"
        tensor = Tensor("rests", rests.shape, Space.FLASH, qtype, rests, storage=BITS.name, doc=doc)
        return replace(self, rests=tensor.name), tensor

    def lefts(self, program: Program) -> list[float]:
        """Share of what comes to each inner node that goes left, typically.

        Where no samples told, as if features lay evenly in the range of inputs: a cut far off parts few of them, and
        what a test on the way has said of a feature counts.
        """
        if self.went_left:
            return list(self.went_left)
        walk = self.walk(program[self.inner].values, program[self.sizes].values)
        compared = np.repeat(np.arange(program[self.features].size), program[self.counts].values)
        tests, cuts = program[self.tests].values, program[self.cuts].values
        return shares_of_range(walk, compared[tests], cuts[tests], *program.value_range(self.vector))

    def _typical_way(self, program: Program) -> tuple[int, int]:
        """Nodes on the way to the leaves, and bytes of `inner` between them."""
        sizes = self.most_nodes - program[self.sizes].values
        walk = self.walk(program[self.inner].values, program[self.sizes].values)
        share = np.zeros(len(walk.children))
        share[walk.roots] = 1.0
        left = np.array(self.lefts(program))
        ways = np.stack([left, 1.0 - left], axis=1)
        for node, children in enumerate(walk.children):  # parents come first
            share[children[children >= 0]] = share[node] * ways[node, children >= 0]
        place = np.arange(len(share)) - np.repeat(walk.roots, sizes)
        ends = share * (ways * (walk.children < 0)).sum(axis=1)
        return round(float(share.sum())), round(float((ends * place).sum() / 4))

    def _of_stumps(self, program: Program) -> bool:
        """Whether every tree has one node: the compiler leaves out the way to others."""
        return not program[self.inner].values.any()

    def pieces(self, program: Program) -> Pieces:
        """Code differs with what the forest has of all that it may have."""
        has = {
            "levels": not self._of_stumps(program),
            "of rows": self.values is not None,
            "pairs": self.partners is not None,
            "start": self.start is not None,
            "words": program[self.vector].type.container > 8,
            "long sums": self.acc_bits > 16,
            "stops of rows" if self.values is not None else "stops": self.rests is not None,
        }
        stored = [name for name in self.storages(program) if name != self.inner]
        kinds = Counter(f"Forest {kind}" for name in stored if (kind := kind_of_number(program[name].values)))
        options = [f"Forest {what}" for what, there in has.items() if there]
        return Pieces(
            "Forest",
            inline=kinds + Counter(options),
            frames=frozenset({"Forest"}),
            local_bytes=-(-program[self.cuts].size // 8),
        )

    def call(self, program: Program, cpp: Cpp) -> str:
        names = (self.features, self.partners, self.counts, self.cuts, self.tests, self.inner, self.sizes, self.leaves)
        trees = f"edgealgos::trees({', '.join(_numbers(cpp, name) for name in names)})"
        index = "uint16_t" if 2 * program[self.tests].size < 1 << 16 else "uint32_t"
        kinds = f"{index}, {cpp.constant('kCuts', program[self.cuts].size)}"
        used = cpp.constant("kFeatures", program[self.features].size)
        numbers = f"{trees}, {cpp.constant('kMostNodes', self.most_nodes)}, {used}"
        start = "edgealgos::Always{0}" if self.start is None else f"edgealgos::vector({self.start})"
        outputs = cpp.constant("kOutputs", program[self.out].size)
        stops = "" if self.rests is None else f", {cpp.rows(self.rests)}"
        tail = f"{_numbers(cpp, self.bias)}, {start}, {self.vector}, {cpp.ref(self.out)}, {outputs}{stops});"
        kernel = f"forest_of_rows<{kinds}>" if self.values is not None else f"forest<int{self.acc_bits}_t, {kinds}>"
        if self.groups is not None and self.values is None:
            return f"edgealgos::{kernel}({numbers}, {cpp.rows(self.groups)}, {tail}"
        count = cpp.constant("kTrees", program[self.sizes].size)
        groups = f"edgealgos::Always{{{count}}}" if self.values is None else f"{count}, {self.values}"
        return f"edgealgos::{kernel}({numbers}, {groups}, {tail}"


def _numbers(cpp: Cpp, name: str | None) -> str:
    """The reader of numbers, or of zero everywhere."""
    return "edgealgos::Always{0}" if name is None else cpp.rows(name)


def _index_type(values: NDArray[Any]) -> QType:
    """A type for indices and counts."""
    return QType(16 if int(values.max(initial=0)) < 1 << 15 else 32, 0)
