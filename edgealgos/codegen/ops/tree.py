"""Bonsai's tree: scores along one path from root to leaf. Knows programs and storages, no boards."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..program.op import Constant, Counts, Cpp, Op, Pieces, Product, Read, Shapes, Types, Values, counting
from ..program.qtype import CANDIDATE, Ints, QType
from ..storage.dense import DENSE
from .products import SCORE_BITS, accumulator_bits, exact_product, product_cost, product_pieces, wrap
from .rescaling import shifted_bits

if TYPE_CHECKING:
    from ..program.program import Program

__all__ = ["TreeWalk"]

_ROWS = 8  # of a node that are made before outputs are made of them


@dataclass(frozen=True)
class TreeWalk(Op):
    """Bonsai scores along one root-to-leaf path: ``sum_k (W_k z) * hard_tanh(V_k z) + bias``.

    ``weights`` and ``gates`` have shape (nodes, outputs, projection_dim), ``branches`` (inner nodes, projection_dim).
    Kumar, Goyal, Varma, ICML 2017, eq. 1; node k has the children 2k+1 (``branches[k] @ z > 0``) and 2k+2.
    """

    vector: Read
    weights: Constant
    gates: Constant
    branches: Constant | None
    bias: Constant | None
    depth: int
    w_type: QType | None = None
    acc_bits: int = 32

    kernels = ("runtime",)
    largest = counting(out=255, vector=255)

    def shapes(self, program: Program) -> Shapes:
        nodes, outputs, width = self.axes(program, self.weights, 3)
        if nodes != 2 ** (self.depth + 1) - 1:
            raise ValueError(f"TreeWalk: {nodes} nodes do not make a tree of depth {self.depth}")
        whole = (nodes, outputs, width)
        return {"out": (outputs,), "vector": (width,), "weights": whole, "gates": whole, "bias": (outputs,),
                "branches": (2**self.depth - 1, width)}  # fmt: skip

    def _type_of_w(self) -> QType:
        if self.w_type is None:
            raise ValueError(f"TreeWalk {self.out!r}: w_type is missing")
        return self.w_type

    def shifts(self, program: Program) -> tuple[int, int]:
        """Bits by which sums of weights and of gates are shifted down."""
        z = program[self.vector].type.frac
        weights, gates = program[self.weights].type.frac, program[self.gates].type.frac
        return weights + z - self._type_of_w().frac, gates + z - CANDIDATE.frac

    def real(self, program: Program, v: Values) -> NDArray[Any]:
        z = v[self.vector]
        scores = np.zeros((len(z), *program[self.out].shape)) + (0.0 if self.bias is None else v[self.bias])
        for node, rows in self._visits(z, v):
            gate = np.clip(z[rows] @ v[self.gates][node].T, -1.0, CANDIDATE.high * CANDIDATE.step)
            scores[rows] += (z[rows] @ v[self.weights][node].T) * gate
        return scores

    def integer(self, program: Program, v: Values) -> Ints:
        z = v[self.vector]
        f_z = program[self.vector].type.frac
        w_type = self._type_of_w()
        scores = np.zeros((len(z), *program[self.out].shape), np.int64) + (0 if self.bias is None else v[self.bias])
        for node, rows in self._visits(z, v):
            acc_w = wrap(exact_product(z[rows], v[self.weights][node]), self.acc_bits)
            acc_v = wrap(exact_product(z[rows], v[self.gates][node]), self.acc_bits)
            w = w_type.rescale(acc_w, program[self.weights].type.frac + f_z)
            scores[rows] += w * CANDIDATE.rescale(acc_v, program[self.gates].type.frac + f_z)
        return scores

    def _visits(self, z: NDArray[Any], v: Values) -> list[tuple[int, NDArray[np.intp]]]:
        """Which rows pass through which node."""
        node = np.zeros(len(z), dtype=np.intp)
        visits = []
        for level in range(self.depth + 1):
            for k in np.unique(node):
                visits.append((int(k), np.flatnonzero(node == k)))
            if level < self.depth:
                assert self.branches is not None
                left = np.einsum("nd,nd->n", z, v[self.branches][node]) > 0
                node = 2 * node + np.where(left, 1, 2)
        return visits

    def types(self, program: Program) -> Types:
        scores = QType(SCORE_BITS, self._type_of_w().frac + CANDIDATE.frac)
        return {name: scores for name in (self.out, self.bias) if name is not None}

    def bound(self, program: Program) -> TreeWalk:
        shift = max(self.shifts(program))
        widths = [accumulator_bits(program, self.vector, name, shift, self.out)
                  for name in (self.weights, self.gates, self.branches) if name is not None]  # fmt: skip
        return replace(self, acc_bits=max(widths))

    def products(self, program: Program) -> tuple[Product, ...]:
        vector = program[self.vector]
        found = [Product(program[name], vector, self.acc_bits) for name in (self.weights, self.gates)]
        if self.branches is not None:
            found.append(Product(program[self.branches], vector, self.acc_bits, (DENSE.name,)))
        return tuple(found)

    def cost(self, program: Program) -> Counts:
        outputs, visited = program[self.out].size, self.depth + 1
        made = visited * outputs
        bits = [shifted_bits(shift, width, self.acc_bits)
                for shift, width in zip(self.shifts(program), (16, 8), strict=True)]  # fmt: skip
        counts: Counts = Counter({"tree": 1, f"tree output of {self.acc_bits}": made, "tree node": visited})
        counts[f"shifted bit of {self.acc_bits}"] = made * sum(bits)
        weights, gates, *branches = self.products(program)
        for product in (weights, gates):
            for node, share in list(enumerate(self.node_shares(program)))[product.matrix.unrolled :]:
                counts += product_cost(_of_node(product, node), share, " of a tree")
        for product in branches:
            counts += product_cost(product, self.depth / len(product.matrix.values))
        return counts

    def node_shares(self, program: Program) -> list[float]:
        """How often a prediction visits each node, typically.

        One of each level; training keeps weights where rows go, so that the nodes of a level share the visits as their
        weights (node k lies on level log2(k + 1)).
        """
        nodes = len(program[self.weights].values)
        both = (program[self.weights].values, program[self.gates].values)
        kept = [1 + sum(np.count_nonzero(values[k]) for values in both) for k in range(nodes)]
        first = [2 ** ((k + 1).bit_length() - 1) - 1 for k in range(nodes)]
        return [kept[k] / sum(kept[first[k] : 2 * first[k] + 1]) for k in range(nodes)]

    def pieces(self, program: Program) -> Pieces:
        found = product_pieces(f"TreeWalk to {self.acc_bits}", "TreeWalk", self.products(program))
        return replace(found, local_bytes=2 * max(_ROWS * self.acc_bits // 8, found.local_bytes))

    def call(self, program: Program, cpp: Cpp) -> str:
        _, outputs, width = program[self.weights].shape
        names = ("kWeightShift", "kGateShift")
        shifts = ", ".join(cpp.constant(n, by) for n, by in zip(names, self.shifts(program), strict=True))
        call = f"edgealgos::tree_walk<int{self.acc_bits}_t, {shifts}, {cpp.constant('kDepth', self.depth)}>"
        branches = cpp.or_null(self.branches, cpp.type(self.weights))
        tables = f"{cpp.rows(self.weights)}, {cpp.rows(self.gates)}, {branches}, {cpp.or_null(self.bias)}"
        sizes = f"{cpp.constant('kOutputs', outputs)}, {cpp.constant('kWidth', width)}"
        return f"{call}({tables}, {self.vector}, {cpp.ref(self.out)}, {sizes});"


def _of_node(product: Product, node: int) -> Product:
    """The product with one node's matrix."""
    matrix = product.matrix
    values = matrix.values[node : node + 1]
    return replace(product, matrix=replace(matrix, shape=values.shape, data=values, unrolled=0))
