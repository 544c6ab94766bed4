"""Random programs of every family: what tests and the measurement of costs run without training anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from edgealgos.codegen import passes
from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.ops import (
    Add,
    ArgMax,
    CountStep,
    GatedUpdate,
    GRUUpdate,
    KeepConfident,
    LeakyUpdate,
    MatVec,
    PrototypeScore,
    Rectify,
    Rescale,
    Squash,
    StartWindow,
    TreeWalk,
)
from edgealgos.codegen.passes.choose_forms import unroll
from edgealgos.codegen.passes.mixed import matrices, represent
from edgealgos.codegen.passes.represent import REPRESENTATIONS
from edgealgos.codegen.program import Op, Program, Space, Tensor
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.encoding import InputEncoding
from edgealgos.codegen.program.qtype import CANDIDATE, PREACTIVATION, SMALL_STATE, STATE, Ints, QType
from edgealgos.codegen.program.verify import verify
from edgealgos.codegen.targets.boards import get_board

from .sample_convnets import convnet, residual_convnet
from .sample_forests import forest, random_forest

Reals = NDArray[np.float64]


def constant(name: str, data: ArrayLike, qtype: QType | None = None) -> Tensor:
    """A constant of real values."""
    values = np.asarray(data, dtype=float)
    return Tensor(name, values.shape, Space.FLASH, qtype, values)


def with_encoding(program: Program, encoding: InputEncoding) -> Program:
    """The program for inputs of another encoding."""
    return replace(program, encoding=encoding).replacing(replace(program.input, qtype=encoding.qtype))


def scratch(name: str, size: int, qtype: QType | None = None) -> Tensor:
    """A vector that lives inside one function."""
    return Tensor(name, (size,), Space.SCRATCH, qtype)


def sparse(rng: Generator, shape: tuple[int, ...], density: float = 1.0, scale: float = 1.0) -> Reals:
    """Random weights, a share of them not zero."""
    return rng.normal(size=shape) * scale * (rng.random(shape) < density)


def samples(rng: Generator, n: int, features: int) -> Reals:
    """Small integers, as pixels are."""
    return rng.integers(0, 17, size=(n, features)).astype(float)


def bonsai(
    seed: int = 0,
    features: int = 20,
    width: int = 6,
    outputs: int = 4,
    depth: int = 1,
    density: float = 0.4,
    node_density: float = 1.0,
    task: str = "classifier",
    bits: int = 8,
    z_frac: int = 5,
    fast: bool = False,
) -> Program:
    """A random tree; a `fast` one has the types of those that are trained for few cycles, and no bias."""
    rng = np.random.default_rng(seed)
    encoding = choose_encoding(samples(rng, 50, features), bits=16 if bits == 16 else 8)
    nodes = 2 ** (depth + 1) - 1

    def weights(name: str, shape: tuple[int, ...], density: float, scale: float) -> Tensor:
        data = sparse(rng, shape, density, scale)
        qtype = QType.covering(float(np.abs(data).max()), bits)
        return constant(name, qtype.dequantize(qtype.quantize(data)), qtype)  # as trained ones lie on their grid

    node_weights = weights("W", (nodes, outputs, width), node_density, 1.0)
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        weights("Z", (width, features), density, 0.3),
        constant("z_bias", rng.normal(size=width)),
        scratch("z", width, QType(8, 7 if fast else z_frac)),
        node_weights,
        weights("V", (nodes, outputs, width), node_density, 0.4),
        *([weights("theta", (nodes // 2, width), 1.0, 1.0)] if depth else []),
        *([] if fast else [constant("score_bias", rng.normal(size=outputs))]),
        Tensor("scores", (outputs,), Space.OUTPUT),
    ]
    w_type = QType(16, node_weights.type.frac + 7 if fast else 8)
    walk = TreeWalk("scores", "z", "W", "V", "theta" if depth else None, None if fast else "score_bias", depth, w_type)
    return _program("Bonsai", tensors, {"predict": [MatVec("z", "Z", "x", "z_bias"), walk]}, encoding, task)


def protonn(
    seed: int = 0,
    features: int = 20,
    width: int = 6,
    outputs: int = 4,
    count: int = 9,
    density: float = 1.0,
    task: str = "classifier",
    frac: int = 5,
    scale: float = 0.15,
    label_density: float = 1.0,
) -> Program:
    """Random prototypes."""
    rng = np.random.default_rng(seed)
    encoding = choose_encoding(samples(rng, 50, features))
    W = sparse(rng, (width, features), density, scale)
    z_type = QType(7, frac)
    near = encoding.real(samples(rng, count, features)) @ W.T  # prototypes lie where samples are
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        constant("W", W),
        scratch("z", width, z_type),
        constant(
            "B",
            np.clip(near + rng.normal(size=(count, width)) * 0.6, z_type.low * z_type.step, z_type.high * z_type.step),
        ),
        constant("L", sparse(rng, (outputs, count), label_density)),
        Tensor("scores", (outputs,), Space.OUTPUT),
    ]
    ops = [MatVec("z", "W", "x"), PrototypeScore("scores", "z", "B", "L", None)]
    return _program("ProtoNN", tensors, {"predict": ops}, encoding, task)


def fastgrnn(
    seed: int = 0,
    features: int = 5,
    hidden: int = 7,
    outputs: int = 4,
    steps: int = 6,
    rank: int = 0,
    nonlinearity: str = "hard_tanh",
    gated: bool = True,
    task: str = "classifier",
) -> Program:
    """A random recurrent cell, gated or not, of full or low rank."""
    rng = np.random.default_rng(seed)
    encoding = choose_encoding(samples(rng, 50, features))
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        Tensor("h", (hidden,), Space.STATE, STATE),
        constant("W", rng.normal(size=(hidden, features)) * 0.5),
        scratch("p_w", hidden, PREACTIVATION),
        scratch("h8", hidden, SMALL_STATE),
    ]
    push: list[Op] = [Rescale("h8", "h"), MatVec("p_w", "W", "x")]
    if rank:
        tensors += [
            constant("U2", rng.normal(size=(rank, hidden)) * 0.5),
            constant("U1", rng.normal(size=(hidden, rank)) * 0.5),
            scratch("u", rank, QType(8, 5)),
        ]
        push += [MatVec("u", "U2", "h8"), MatVec("p_u", "U1", "u")]
    else:
        tensors += [constant("U", rng.normal(size=(hidden, hidden)) * 0.5)]
        push += [MatVec("p_u", "U", "h8")]
    tensors += [scratch("p_u", hidden, PREACTIVATION), scratch("p", hidden, PREACTIVATION)]
    tensors += [constant("b_h", rng.normal(size=hidden))]
    push += [Add("p", "p_w", "p_u")]
    if gated:
        tensors += [constant("b_z", rng.normal(size=hidden)), constant("zeta", 0.7), constant("nu", 0.05)]
        push += [GatedUpdate("h", "p", "b_z", "b_h", "zeta", "nu", nonlinearity)]
    else:
        tensors += [constant("alpha", 0.1), constant("beta", 0.93)]
        push += [LeakyUpdate("h", "p", "b_h", "alpha", "beta", nonlinearity)]
    tensors += [
        scratch("h8_last", hidden, SMALL_STATE),
        constant("FC", rng.normal(size=(outputs, hidden))),
        constant("FC_bias", rng.normal(size=outputs)),
        Tensor("scores", (outputs,), Space.OUTPUT),
    ]
    predict = [Rescale("h8_last", "h"), MatVec("scores", "FC", "h8_last", "FC_bias")]
    return _program("FastGRNN", tensors, {"push": push, "predict": predict}, encoding, task, steps)


def gru(seed: int = 0, with_op: bool = True) -> Program:
    """A GRU of random sizes, every other one with tables; without the op, its products are made and left alone."""
    rng = np.random.default_rng(seed)
    features, units, outputs, steps = (int(rng.integers(2, most)) for most in (12, 30, 6, 6))
    encoding = choose_encoding(samples(rng, 50, features))
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        Tensor("h", (units,), Space.STATE, STATE),
        Tensor("last", (units,), Space.STATE, SMALL_STATE),
        constant("W", rng.normal(size=(3 * units, features))),
        constant("U", rng.normal(size=(3 * units, units))),
        scratch("wx", 3 * units, PREACTIVATION),
        scratch("uh", 3 * units, PREACTIVATION),
        *([constant("bias", rng.normal(size=3 * units))] if with_op else []),
        scratch("h8", units, SMALL_STATE),
        constant("FC", rng.normal(size=(outputs, units))),
        Tensor("scores", (outputs,), Space.OUTPUT),
        scratch("label", 1),
    ]
    update = (GRUUpdate("h", "wx", "uh", "bias", ("hard_tanh", "tanh")[seed % 2]),) if with_op else ()
    push = (MatVec("wx", "W", "x"), MatVec("uh", "U", "last"), *update, Rescale("last", "h"))
    predict = (Rescale("h8", "h"), MatVec("scores", "FC", "h8"), ArgMax("label", "scores"))
    functions = {"push": push, "predict": predict}
    return verify(Program(tuple(tensors), functions, encoding, "classifier", tuple(range(outputs)), steps, "GRU"))


def linear(
    seed: int = 0, features: int = 4, outputs: int = 3, bits: int = 8, input_bits: int = 8, task: str = "classifier",
    density: float = 1.0,
) -> Program:  # fmt: skip
    """One product with a bias."""
    rng = np.random.default_rng(seed)
    encoding = choose_encoding(samples(rng, 50, features), bits=input_bits)
    W = sparse(rng, (outputs, features), density)
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        constant("W", W, QType.covering(max(float(np.abs(W).max()), 0.1), bits)),
        constant("bias", rng.normal(size=outputs)),
        Tensor("scores", (outputs,), Space.OUTPUT),
    ]
    return _program("Linear", tensors, {"predict": [MatVec("scores", "W", "x", "bias")]}, encoding, task)


def small_program(seed: int) -> Program:
    """As small as programs get: what compilers make of loops of one, two or three turns."""
    rng = np.random.default_rng(seed)
    features, outputs = int(rng.integers(1, 13)), int(rng.integers(1, 5))
    task = "regressor" if rng.random() < 0.3 else "classifier"
    outputs = 1 if task == "regressor" else outputs
    bits, input_bits = (int(rng.choice([8, 8, 16])) for _ in range(2))
    density, width = float(rng.choice([0.4, 1.0])), int(rng.integers(1, 6))
    family = rng.integers(6)
    if family == 0:
        depth = int(rng.integers(0, 3))
        return bonsai(seed, features, width, outputs, depth, density, task=task, bits=bits)
    if family == 1:
        return protonn(seed, features, width, outputs, int(rng.integers(1, 8)), density, task)
    if family == 2:
        largest = int(rng.choice([1, 3, 15]))
        trees = int(rng.integers(outputs, 9))
        return forest(
            seed, features, outputs, trees, largest, int(rng.integers(1, 12)), bits=input_bits, task=task,
            start=int(rng.choice([0, 0, 12])), bias=bool(rng.random() < 0.5),
        )  # fmt: skip
    return linear(seed, features, outputs, bits, input_bits, task, density)


def dense(seed: int = 0, with_op: bool = True, kind: str = "rectify") -> Program:
    """Two dense layers with a non-linearity between them, or with a change of type in its place."""
    rng = np.random.default_rng(seed)
    features, hidden, outputs = (int(rng.integers(2, most)) for most in (30, 40, 8))
    encoding = choose_encoding(samples(rng, 50, features))
    hidden_type = {"rectify": QType(8, 4), "rectify words": QType(16, 10)}.get(kind, PREACTIVATION)
    squashed = {"tanh": CANDIDATE, "logistic": QType(16, 8)}.get(kind, hidden_type)
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        constant("W1", rng.normal(size=(hidden, features))),
        constant("b1", rng.normal(size=hidden)),
        scratch("h", hidden, hidden_type),
        scratch("a", hidden, squashed),
        constant("W2", rng.normal(size=(outputs, hidden))),
        constant("b2", rng.normal(size=outputs)),
        Tensor("scores", (outputs,), Space.OUTPUT),
        scratch("label", 1),
    ]
    between = Rectify("a", "h") if "rectify" in kind else Squash("a", "h", kind)
    ops = (MatVec("h", "W1", "x", "b1"), between if with_op else Rescale("a", "h"), MatVec("scores", "W2", "a", "b2"),
           ArgMax("label", "scores"))  # fmt: skip
    return Program(tuple(tensors), {"predict": ops}, encoding, "classifier", tuple(range(max(outputs, 2))))


def without_feedback(program: Program) -> Program:
    """The recurrent cell without products with its state: tells what sums and gates cost, which else come together."""
    unread, push = {"h8", "U", "U1", "U2", "u", "p_u", "p"}, list(program.functions["push"])
    gate = replace(push[-1], preactivation="p_w")  # type: ignore[call-arg]
    kept = tuple(op for op in push[:-1] if op.out not in unread)
    functions = {**program.functions, "push": (*kept, gate)}
    tensors = tuple(t for t in program.tensors if t.name not in unread)
    return verify(replace(program, tensors=tensors, functions=functions))


def windowed(
    seed: int = 0,
    features: int = 5,
    hidden: int = 7,
    outputs: int = 4,
    steps: int = 19,
    period: int = 6,
    lanes: int = 2,
    threshold: float | None = None,
) -> Program:
    """A random recurrent cell over windows that overlap; the most confident scores answer."""
    rng = np.random.default_rng(seed)
    encoding = choose_encoding(samples(rng, 50, features))
    limits, stop = ([], None) if threshold is None else ([constant("threshold", threshold)], "threshold")
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        Tensor("count", (1,), Space.STATE, QType(16, 0)),
        Tensor("kept", (outputs,), Space.STATE),
        constant("W", rng.normal(size=(hidden, features)) * 0.5),
        constant("U", rng.normal(size=(hidden, hidden)) * 0.5),
        scratch("p_w", hidden, PREACTIVATION),
        *(constant(name, rng.normal(size=hidden)) for name in ("b_z", "b_h")),
        constant("zeta", 0.7),
        constant("nu", 0.05),
        constant("FC", rng.normal(size=(outputs, hidden))),
        constant("FC_bias", rng.normal(size=outputs) * 0.1),
        *limits,
        Tensor("scores", (outputs,), Space.OUTPUT),
    ]
    push: list[Op] = [CountStep("count", period, "kept" if stop else None, stop), MatVec("p_w", "W", "x")]
    for i in range(lanes):
        first = i * period // lanes
        h, h8, p_u, p, found = (f"{name}_{i}" for name in ("h", "h8", "p_u", "p", "scores"))
        tensors += [Tensor(h, (hidden,), Space.STATE, STATE), Tensor(h8, (hidden,), Space.STATE, SMALL_STATE)]
        tensors += [scratch(p_u, hidden, PREACTIVATION), scratch(p, hidden, PREACTIVATION), scratch(found, outputs)]
        push += [StartWindow(name, "count", first, period) for name in (h, h8)]
        push += [MatVec(p_u, "U", h8), Add(p, "p_w", p_u), GatedUpdate(h, p, "b_z", "b_h", "zeta", "nu", "hard_tanh")]
        push += [Rescale(h8, h), MatVec(found, "FC", h8, "FC_bias")]
        push += [KeepConfident("kept", found, "count", first, period, stop)]
    functions: dict[str, list[Op]] = {"push": push, "predict": [Rescale("scores", "kept")]}
    return _program("FastGRNN of windows", tensors, functions, encoding, "classifier", steps)


def random_windows(seed: int) -> Program:
    """Windows of random sizes over a sequence."""
    rng = np.random.default_rng(seed)
    sizes = {"features": 6, "hidden": 9, "outputs": 8, "steps": 30, "period": 9, "lanes": 3}
    chosen = {name: int(rng.integers(2, most)) for name, most in sizes.items()}
    return windowed(seed, **chosen, threshold=float(rng.choice([2.0, 4.0])) if seed % 3 == 0 else None)


def _program(
    family: str,
    tensors: list[Tensor],
    functions: Mapping[str, Sequence[Op]],
    encoding: InputEncoding,
    task: str,
    steps: int | None = None,
) -> Program:
    labels: tuple[int, ...] = ()
    outputs = tensors[-1].size if tensors[-1].name == "scores" else next(t.size for t in tensors if t.name == "scores")
    if task == "classifier":
        tensors = [*tensors, scratch("label", 1)]
        functions = {**functions, "predict": [*functions["predict"], ArgMax("label", "scores")]}
        labels = tuple(range(max(outputs, 2)))
    bodies = {name: tuple(ops) for name, ops in functions.items()}
    return verify(Program(tuple(tensors), bodies, encoding, task, labels, steps, family))


def compiled(program: Program, board: str = "uno", optimize: str = "size", input_buffer: bool = True) -> CompiledModel:
    """The program through all passes."""
    integer, target = passes.to_integer(program, input_buffer=input_buffer), get_board(board)
    return CompiledModel(unroll(integer, target) if optimize == "speed" else integer, target)


def any_inputs(rng: Generator, program: Program, n: int) -> Ints:
    """Device inputs over the whole calibrated range, the ends included."""
    encoding = program.encoding
    shape = (n, program.input.size) if program.steps is None else (n, program.steps, program.input.size)
    q = rng.integers(encoding.low, encoding.high + 1, size=shape)
    q[0], q[-1] = encoding.low, encoding.high
    return q


def typical_inputs(rng: Generator, program: Program, n: int) -> NDArray[np.signedinteger]:
    """Device inputs of the kind of data that the encoding was calibrated on."""
    width = program.input.size
    X = samples(rng, n * (program.steps or 1), width)
    return program.encoding.encode(X).reshape(n, -1)


def represented(program: Program, *representations: str) -> Program:
    """The program with its matrices rounded to representations, one after the other."""
    names = matrices(program)
    return represent(program, {n: representations[i % len(representations)] for i, n in enumerate(names)})


EVERY_KIND: dict[str, Callable[..., Program]] = {
    "dense layers, rectified": lambda seed=0: dense(seed),
    "dense layers of words, rectified": lambda seed=0: dense(seed, kind="rectify words"),
    "dense layers, tanh": lambda seed=0: dense(seed, kind="tanh"),
    "dense layers, logistic": lambda seed=0: dense(seed, kind="logistic"),
    "bonsai": lambda seed=0: bonsai(seed),
    "bonsai of one node": lambda seed=0: bonsai(seed, depth=0),
    "bonsai with sparse nodes": lambda seed=0: bonsai(seed, depth=2, density=0.3, node_density=0.3, width=11),
    "bonsai with few weights": lambda seed=0: bonsai(seed, features=90, density=0.06, width=30, node_density=0.05),
    "bonsai for few cycles": lambda seed=0: bonsai(seed, depth=0, bits=5, fast=True, width=12, outputs=10, density=0.2),
    "bonsai with 16 bits": lambda seed=0: bonsai(seed, bits=16),
    "bonsai with 4 bits": lambda seed=0: bonsai(seed, bits=4, density=1.0, features=21, width=7),
    "bonsai with many weights of 4 bits": lambda seed=0: represented(
        bonsai(seed, density=1.0, features=90, width=14), "fixed4"
    ),
    "bonsai with 4 sparse bits": lambda seed=0: bonsai(seed, bits=4, density=0.2, node_density=0.2, depth=2, width=9),
    "bonsai of codebooks": lambda seed=0: represented(bonsai(seed, density=1.0, width=11, depth=2), "kmeans16", "log4"),
    "bonsai of sparse codebooks": lambda seed=0: represented(
        bonsai(seed, density=0.3, width=18, depth=2, node_density=0.3), "log4", "kmeans16"
    ),
    "bonsai of posits": lambda seed=0: represented(bonsai(seed, features=300, width=9, density=1.0), "posit8"),
    "protonn of codebooks": lambda seed=0: represented(protonn(seed, count=40), "kmeans16", "log4"),
    "fastgrnn of codebooks": lambda seed=0: represented(fastgrnn(seed, hidden=13), "kmeans16", "fixed4", "kmeans256"),
    "bonsai with two classes": lambda seed=0: bonsai(seed, outputs=1),
    "bonsai regressor": lambda seed=0: bonsai(seed, outputs=1, task="regressor"),
    "protonn": lambda seed=0: protonn(seed),
    "protonn with a sparse projection": lambda seed=0: protonn(seed, density=0.3),
    "protonn with coarse distances": lambda seed=0: protonn(seed, frac=2, scale=0.6),
    "protonn with sparse labels": lambda seed=0: protonn(seed, count=40, label_density=0.2),
    "protonn with 16-bit labels": lambda seed=0: represented(protonn(seed, count=40), "kmeans256"),
    "protonn with two classes": lambda seed=0: protonn(seed, outputs=1),
    "protonn regressor": lambda seed=0: protonn(seed, outputs=1, task="regressor"),
    "forest": lambda seed=0: forest(seed),
    "forest of pairs": lambda seed=0: forest(seed, pairs=8, largest=20),
    "forest of stumps": lambda seed=0: forest(seed, largest=1, outputs=1, tests=4),
    "forest with two classes": lambda seed=0: forest(seed, outputs=1, bias=False, trees=40, largest=15, tests=120),
    "forest regressor": lambda seed=0: forest(seed, outputs=1, task="regressor", leaf_bits=12, largest=63),
    "forest that goes on from words": lambda seed=0: forest(seed, start=12),
    "forest that goes on from bytes": lambda seed=0: forest(seed, start=8, leaf_bits=5),
    "forest of rows": lambda seed=0: forest(seed, rows=30, largest=40, trees=4),
    "forest of votes": lambda seed=0: forest(seed, rows=30, votes=9, bias=False, largest=40, trees=20, outputs=10),
    "forest with 16-bit inputs": lambda seed=0: forest(seed, bits=16, pairs=5),
    "forest with many features": lambda seed=0: forest(seed, features=300, tests=150, pairs=10, trees=30),
    "fastgrnn": lambda seed=0: fastgrnn(seed),
    "fastgrnn of low rank": lambda seed=0: fastgrnn(seed, rank=3),
    "fastgrnn with tanh": lambda seed=0: fastgrnn(seed, nonlinearity="tanh"),
    "fastgrnn regressor": lambda seed=0: fastgrnn(seed, outputs=1, task="regressor"),
    "fastgrnn without feedback": lambda seed=0: without_feedback(fastgrnn(seed)),
    "fastgrnn of windows": lambda seed=0: windowed(seed),
    "fastgrnn of windows that stops early": lambda seed=0: windowed(seed, threshold=3.0, lanes=3),
    "fastgrnn of windows with two classes": lambda seed=0: windowed(seed, outputs=1, threshold=1.5, hidden=4),
    "gru": lambda seed=0: gru(2 * seed),
    "gru with tables": lambda seed=0: gru(2 * seed + 1),
    "convnet": lambda seed=0: convnet(seed + 2, (9, 7, 2)),
    "convnet with additions": lambda seed=0: residual_convnet(seed),
    "convnet over time": lambda seed=0: convnet(seed + 7, (12, 1, 3), bits=4, outputs=1),
    "fastrnn": lambda seed=0: fastgrnn(seed, gated=False),
    "fastrnn with tanh": lambda seed=0: fastgrnn(seed, gated=False, nonlinearity="tanh"),
}


def random_program(seed: int) -> Program:
    """A program of random family, shape, sparsity and width, with extreme weights now and then."""
    rng = np.random.default_rng(seed)
    large = rng.random() < 0.4  # as large as models for a small board are; else small, where the odd cases are

    def up_to(small: int, most: int) -> int:
        return int(rng.integers(most // 4, most)) if large else int(rng.integers(1, small))

    common: dict[str, Any] = {"seed": seed, "features": up_to(40, 257), "outputs": up_to(7, 11)}
    if rng.random() < 0.15:
        common |= {"task": "regressor", "outputs": 1}
    density = float(rng.choice([0.05, 0.3, 0.7, 1.0]))
    family = rng.integers(4)
    if family == 0:
        program = bonsai(
            **common,
            width=up_to(20, 24),
            depth=int(rng.integers(0, 4)),
            density=density,
            node_density=float(rng.choice([0.2, 0.6, 1.0])),
            bits=int(rng.choice([4, 6, 8, 8, 16])),
            z_frac=int(rng.integers(3, 8)),
            fast=bool(rng.random() < 0.3),
        )
    elif family == 1:
        program = protonn(
            **common,
            width=up_to(16, 24),
            count=up_to(30, 60),
            density=density,
            frac=int(rng.integers(1, 7)),
            label_density=float(rng.choice([0.2, 1.0])),
            scale=float(rng.choice([0.05, 0.2, 1.0])),
        )
    elif family == 2:
        return random_forest(rng, seed, large)
    else:
        common["features"] = min(common["features"], 64)
        program = fastgrnn(
            **common,
            hidden=up_to(20, 40),
            steps=int(rng.integers(1, 6)),
            rank=int(rng.integers(0, 9)),
            nonlinearity=str(rng.choice(["hard_tanh", "tanh"])),
            gated=bool(rng.random() < 0.8),
        )
    plain = program
    if rng.random() < 0.3:
        program = represented(program, *rng.choice(list(REPRESENTATIONS), size=3))
    if rng.random() < 0.3:
        program = _with_extreme_weights(rng, program)
    return program if _fits_accumulators(program) else plain


def _fits_accumulators(program: Program) -> bool:
    """Whether 32 bits hold every sum; words times words may not."""
    try:
        passes.to_integer(program)
    except passes.AccumulatorOverflow:
        return False
    return True


def _with_extreme_weights(rng: Generator, program: Program) -> Program:
    """Some matrices filled with the ends of their range."""
    extreme = []
    for tensor in program.tensors:
        if tensor.data is not None and tensor.data.ndim == 2 and rng.random() < 0.5:
            ends = np.abs(tensor.data).max() * rng.choice([-1.0, 1.0], size=tensor.shape)
            extreme.append(replace(tensor, data=ends))
    return program.replacing(*extreme)
