"""Small programs around one product of a wanted kind, for costs that random programs hardly ever show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from edgealgos.codegen.ops import ArgMax, MatVec
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.prove_accumulators import prove_accumulators
from edgealgos.codegen.passes.stream_input import stream_input
from edgealgos.codegen.program import InputEncoding, Program, QType, Space, Tensor
from edgealgos.codegen.program.qtype import Ints
from edgealgos.codegen.storage import BITMAP, BLOCKS, DENSE, STORAGES, TILES
from tests.support import sample_programs

WHERE = ("", " of a tree", " of labels", " pushed")


@dataclass(frozen=True)
class Kind:
    """A product: the storage of the matrix, widths of weights, inputs and sums, and where it stands."""

    storage: str
    weight_bits: int
    input_bits: int
    acc_bits: int
    where: str

    @property
    def possible(self) -> bool:
        """Whether a program can have it: projected inputs and kernels are bytes, and so are what some storages hold."""
        if self.input_bits == 16 and self.where:
            return False
        if self.where == " pushed" and self.storage not in (DENSE.name, BITMAP.name):
            return False
        storage = STORAGES[self.storage]
        if storage.by_code:
            return False
        matrix = Tensor("W", (8, 8), Space.FLASH, QType(self.weight_bits, 0), np.zeros((8, 8), np.int64))
        return storage.holds(matrix, Tensor("x", (8,), Space.INPUT, QType(self.input_bits, 0)))


def kinds(fastest: str = BLOCKS.name) -> Iterator[Kind]:
    """Every product there can be on a processor with this fastest storage."""
    for name in (name for name in STORAGES if name != TILES.name or name == fastest):
        for where in WHERE:
            for bits in ((8, 8), (8, 16), (16, 8), (16, 16)):
                yield from (kind for acc in (16, 32) if (kind := Kind(name, *bits, acc, where)).possible)


def program(kind: Kind, seed: int) -> Program:
    """An integer program with such a product, its size by the seed."""
    rng = np.random.default_rng(seed)
    if kind.where == "":
        return _matvec(kind, rng)
    if kind.where == " pushed":
        streamed = stream_input(_matvec(kind, rng))
        return streamed.replacing(replace(streamed["W"], storage=kind.storage))
    width, outputs = int(rng.integers(3, 24)), int(rng.integers(4, 10))
    if kind.where == " of a tree":
        depth = int(rng.integers(0, 3)) if kind.acc_bits == 32 else 0  # branches may need 32 bits
        base = to_integer(sample_programs.bonsai(seed, 16, width, outputs, depth, bits=kind.weight_bits))
        return _with(kind, base, ("W", "V"), rng)
    base = to_integer(sample_programs.protonn(seed, 16, 6, outputs, count=width + 8))
    if kind.weight_bits == 16:
        wide = replace(base["L"], qtype=QType(16, base["L"].type.frac))
        base = base.replacing(wide)
    return _with(kind, base, ("L",), rng)


def _matvec(kind: Kind, rng: Generator) -> Program:
    rows, columns = int(rng.integers(4, 24)), int(rng.integers(4, 90))
    weights = Tensor("W", (rows, columns), Space.FLASH, QType(kind.weight_bits, 0), np.ones((rows, columns)))
    return _with(kind, matvec(weights, 7 if kind.acc_bits == 16 else 100, kind.input_bits), ("W",), rng)


def matvec(weights: Tensor, reach: int, input_bits: int = 8) -> Program:
    """An integer program of one product, with inputs up to `reach`."""
    rows, columns = weights.shape
    x_type = QType(input_bits, 0)
    encoding = InputEncoding(np.zeros(1, np.float32), np.ones(1, np.float32), -reach, reach, x_type)
    tensors = (
        Tensor("x", (columns,), Space.INPUT, x_type),
        weights,
        Tensor("scores", (rows,), Space.OUTPUT),
        Tensor("label", (1,), Space.SCRATCH),
    )
    ops = (MatVec("scores", weights.name, "x"), ArgMax("label", "scores"))
    return to_integer(Program(tensors, {"predict": ops}, encoding, "classifier", tuple(range(rows))))


def _with(kind: Kind, program: Program, names: tuple[str, ...], rng: Generator) -> Program:
    """The program with such matrices under these names, and sums as wide as the kind has them."""
    matrices = (replace(program[n], data=_values(kind, program[n].shape, rng), storage=kind.storage) for n in names)
    proven = prove_accumulators(program.replacing(*matrices))
    body = tuple(
        replace(op, acc_bits=max(kind.acc_bits, op.acc_bits)) if set(names) & set(op.constants) else op  # type: ignore
        for op in proven.functions["predict"]
    )
    return replace(proven, functions={"predict": body})


def _values(kind: Kind, shape: tuple[int, ...], rng: Generator) -> Ints:
    """Few small values that every storage can hold, some of them zero."""
    density = rng.choice([0.15, 0.4, 0.8, 1.0])
    signs = rng.choice([-1, 1], size=shape) * (rng.random(shape) < density)
    return signs * rng.integers(1, 5, size=shape)
