"""Random forests for :mod:`.sample_programs`: trees of all shapes, pairs of features, leaves of numbers or rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from edgealgos.codegen.ops import ArgMax, Forest, MatVec
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.stop_votes import stop_votes
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.op import Op
from edgealgos.codegen.program.program import Program
from edgealgos.codegen.program.qtype import QType
from edgealgos.codegen.program.tensor import Space, Tensor
from edgealgos.codegen.program.verify import verify


def forest(
    seed: int = 0,
    features: int = 20,
    outputs: int = 3,
    trees: int = 12,
    largest: int = 7,
    tests: int = 40,
    pairs: int = 0,
    leaf_bits: int = 5,
    bits: int = 8,
    rows: int = 0,
    votes: int = 0,
    bias: bool = True,
    start: int = 0,
    task: str = "classifier",
) -> Program:
    """Random trees of at most `largest` nodes; with `rows` their leaves name rows of so many numbers.

    Rows with `votes` share out so many among the outputs. With `start` trees go on from a product of so many bits.
    """
    rng = np.random.default_rng(seed)
    encoding = choose_encoding(rng.normal(size=(60, features)) if bits == 16 else pixels(rng, 60, features), bits=bits)
    sizes = rng.integers(1, largest + 1, size=trees)
    used = np.sort(rng.permutation(features)[: max(1, min(features, tests) - pairs)])
    used = np.concatenate([used, rng.integers(features, size=pairs)])
    partners = np.concatenate([np.zeros(used.size - pairs), rng.integers(1, 2 * features + 1, size=pairs)])
    counts = 1 + _shares(rng, max(tests - used.size, 0), used.size)
    cuts = np.concatenate([np.sort(rng.integers(encoding.low, encoding.high + 1, size=n)) for n in counts])
    leaves = int(sizes.sum()) + trees
    kind = QType(leaf_bits, leaf_bits - 3)
    values = kind.dequantize(rng.integers(kind.low, kind.high + 1, size=(rows or leaves, outputs if rows else 1)))
    if votes:
        values = kind.dequantize(rng.multinomial(votes, np.full(outputs, 1 / outputs), size=rows))
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        _constant("features", used),
        *([_constant("partners", partners)] if pairs else []),
        _constant("counts", counts),
        _constant("cuts", np.ldexp(cuts.astype(float), -encoding.qtype.frac)),
        _constant("tests", rng.integers(cuts.size, size=sizes.sum())),
        _constant("inner", np.concatenate([_shape(rng, size) for size in sizes])),
        _constant("sizes", sizes.max() - sizes),
        _constant("leaves", rng.integers(rows, size=leaves)) if rows else _constant("leaves", values[:, 0], kind),
        *([_constant("rows", values, QType(8, kind.frac))] if rows else []),
        *([] if rows or outputs == 1 else [_constant("groups", _shares(rng, trees, outputs))]),
        *([_constant("bias", kind.dequantize(rng.integers(-99, 100, size=outputs)))] if bias else []),
        *([_constant("Z", rng.normal(size=(outputs, features)), QType(8, 5))] if start else []),
        *([Tensor("start", (outputs,), Space.SCRATCH, QType(start, kind.frac))] if start else []),
        Tensor("scores", (outputs,), Space.OUTPUT),
    ]
    op = Forest(
        "scores", "x", "features", "partners" if pairs else None, "counts", "cuts", "tests", "inner", "sizes", "leaves",
        "rows" if rows else None, None if rows or outputs == 1 else "groups", "bias" if bias else None,
        "start" if start else None, int(sizes.max()),
    )  # fmt: skip
    body: tuple[Op, ...] = (MatVec("start", "Z", "x"), op) if start else (op,)
    labels: tuple[int, ...] = ()
    if task == "classifier":
        tensors.append(Tensor("label", (1,), Space.SCRATCH))
        body, labels = (*body, ArgMax("label", "scores")), tuple(range(max(outputs, 2)))
    return verify(Program(tuple(tensors), {"predict": body}, encoding, task, labels, None, "BoostedTrees"))


def stopping(program: Program) -> Program:
    """The float program whose forest stops where its answer is decided."""
    integer = stop_votes(to_integer(program))
    rests = integer["rests"]
    op = next(op for op in program.ops() if isinstance(op, Forest))
    body = tuple(replace(op, rests="rests") if o is op else o for o in program.functions["predict"])
    real = replace(rests, data=rests.type.dequantize(rests.values), storage="dense")
    return verify(replace(program, tensors=(*program.tensors, real), functions={"predict": body}))


def random_forest(rng: Generator, seed: int, large: bool) -> Program:
    """A forest of random shape."""
    outputs = int(rng.integers(1, 11 if large else 6))
    features = int(rng.integers(1, 200 if large else 30))
    tests = int(rng.integers(1, 300 if large else 40))
    return forest(
        seed, features, outputs,
        trees=int(rng.integers(1, 60 if large else 12)),
        largest=int(rng.choice([1, 3, 7, 15, 60])),
        tests=tests,
        pairs=int(rng.integers(0, 9)) if min(features, tests) > 9 and rng.random() < 0.5 else 0,
        leaf_bits=int(rng.choice([3, 5, 8, 12])),
        bits=int(rng.choice([8, 8, 16])),
        rows=int(rng.integers(1, 40)) if rng.random() < 0.3 else 0,
        bias=bool(rng.random() < 0.7),
        start=int(rng.choice([0, 0, 8, 12, 16])),
        task="regressor" if outputs == 1 and rng.random() < 0.5 else "classifier",
    )  # fmt: skip


def pixels(rng: Generator, n: int, features: int) -> NDArray[np.float64]:
    """Small integers."""
    return rng.integers(0, 100, size=(n, features)).astype(float)


def _constant(name: str, data: ArrayLike, qtype: QType | None = None) -> Tensor:
    values = np.asarray(data, dtype=float)
    return Tensor(name, values.shape, Space.FLASH, qtype, values)


def _shape(rng: Generator, size: int) -> NDArray[np.float64]:
    """Which children of the nodes of one tree are nodes: every node is named before it comes."""
    flags = np.zeros(2 * size)
    open_places = 0
    left = size - 1
    for place in range(2 * size):
        node = place // 2
        needed = node + 1 - (1 + open_places)  # nodes that must be named before the next one is read
        last = place % 2 == 1
        if left and (rng.random() < 0.5 or (last and needed >= 0)):
            flags[place], open_places, left = 1, open_places + 1, left - 1
    return flags.reshape(-1, 2)


def _shares(rng: Generator, trees: int, outputs: int) -> NDArray[np.int64]:
    return rng.multinomial(trees, np.full(outputs, 1 / outputs))
