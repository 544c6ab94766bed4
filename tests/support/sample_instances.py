"""Random programs that compare inputs with stored samples or normal distributions, or have several models vote."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from edgealgos.codegen.ops import (
    ArgMax,
    KernelSums,
    MatVec,
    Neighbours,
    NormalScores,
    PairVotes,
    SquareSums,
    SumShares,
)
from edgealgos.codegen.program import Op, Program, QType, Space, Tensor
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.encoding import InputEncoding
from edgealgos.codegen.program.link import LOGISTIC, SOFTMAX
from edgealgos.codegen.program.verify import verify


def _constant(name: str, data: ArrayLike, qtype: QType | None = None) -> Tensor:
    values = np.asarray(data, dtype=float)
    return Tensor(name, values.shape, Space.FLASH, qtype, values)


def _encoding(features: int, bits: int) -> InputEncoding:
    limit = (1 << bits - 1) - 1
    return InputEncoding(np.zeros(1), np.ones(1, np.float32), -limit, limit, QType(8 if bits <= 8 else 16, 0))


def _finished(encoding: InputEncoding, tensors: list[Tensor], ops: list[Op], outputs: int, features: int) -> Program:
    x = Tensor("x", (features,), Space.INPUT, encoding.qtype)
    scores, label = Tensor("scores", (outputs,), Space.OUTPUT), Tensor("label", (1,), Space.SCRATCH)
    body = (*ops, ArgMax("label", "scores"))
    labels = tuple(range(max(outputs, 2)))
    return verify(Program((x, *tensors, scores, label), {"predict": body}, encoding, "classifier", labels))


def _plain(rng: np.random.Generator, encoding: InputEncoding, outputs: int, features: int) -> Program:
    """The same inputs and outputs with a product between them."""
    tensors = [_constant("weights", rng.normal(size=(outputs, features)))]
    return _finished(encoding, tensors, [MatVec("scores", "weights", "x")], outputs, features)


def machine(
    seed: int = 0, with_op: bool = True, kind: str = "rbf", classes: int = 0, bits: int = 8, coefficient_bits: int = 8
) -> Program:
    """A kernel machine: of two classes a sum, of more of them sums of pairs and votes."""
    rng = np.random.default_rng(seed)
    features, vectors = (int(rng.integers(4, most)) for most in (24, 120))
    classes = classes or int(rng.integers(2, 6))
    encoding, pairs = _encoding(features, bits), classes * (classes - 1) // 2
    outputs = 1 if classes == 2 else classes
    if not with_op:
        return _plain(rng, encoding, outputs, features)
    limit = encoding.high
    places = np.rint(rng.normal(size=(vectors, features)) * limit / 3).clip(-limit, limit)
    gamma = float(rng.uniform(0.5, 3)) / (np.square(places).sum(axis=1).mean())
    fields: dict[str, Any] = {"kernel": kind, "gamma": gamma}
    norms = np.square(places).sum(axis=1)
    if kind == "poly":
        norms = rng.integers(-1000, 1000, size=vectors)
        fields |= {"coef0": 0.5, "degree": int(rng.integers(1, 4)), "reach": float(rng.uniform(0.5, 2))}
    coefficients = rng.normal(size=(vectors, classes - 1)) * (rng.random((vectors, classes - 1)) < 0.6)
    tensors = [
        _constant("vectors", places, encoding.qtype),
        _constant("norms", norms),
        _constant("coefficients", np.rint(16 * coefficients) / 16, QType(coefficient_bits, coefficient_bits - 3)),
        _constant("sections", np.bincount(rng.integers(classes, size=vectors), minlength=classes)),
        _constant("bias", rng.normal(size=pairs)),
    ]
    names = {name: name for name in ("norms", "coefficients", "sections", "bias")}
    out = "scores" if classes == 2 else "pairs"
    ops: list[Op] = [KernelSums(out, "x", "vectors", **names, **fields)]
    if classes > 2:
        tensors.append(Tensor("pairs", (pairs,), Space.SCRATCH))
        ops.append(PairVotes("scores", "pairs"))
    return _finished(encoding, tensors, ops, outputs, features)


def votes_of_pairs(seed: int = 0, with_op: bool = True) -> Program:
    """A linear machine that votes."""
    rng = np.random.default_rng(seed)
    features, classes = (int(rng.integers(3, most)) for most in (20, 9))
    encoding, pairs = _encoding(features, 8), classes * (classes - 1) // 2
    if not with_op:
        return _plain(rng, encoding, pairs, features)
    tensors = [_constant("weights", rng.normal(size=(pairs, features))), Tensor("pairs", (pairs,), Space.SCRATCH)]
    ops: list[Op] = [MatVec("pairs", "weights", "x"), PairVotes("scores", "pairs")]
    return _finished(encoding, tensors, ops, classes, features)


def neighbours(seed: int = 0, with_op: bool = True, bits: int = 8, classes: int = 0, weigh: str = "alike") -> Program:
    """Stored samples that vote."""
    rng = np.random.default_rng(seed)
    features, samples = (int(rng.integers(4, most)) for most in (24, 90))
    classes, encoding = classes or int(rng.integers(2, 8)), _encoding(features, bits)
    if not with_op:
        return _plain(rng, encoding, classes, features)
    places = np.rint(rng.normal(size=(samples, features)) * encoding.high / 3).clip(encoding.low, encoding.high)
    said = rng.integers(classes, size=samples) if classes > 1 else rng.normal(size=samples)
    tensors = [
        _constant("samples", places, encoding.qtype),
        _constant("norms", np.square(places).sum(axis=1)),
        _constant("answers", said, None if classes > 1 else QType(16, 10)),
    ]
    op = Neighbours("scores", "x", "samples", "norms", "answers", int(rng.integers(1, 1 + min(samples, 9))), weigh)
    return _finished(encoding, tensors, [op], classes, features)


def normal(seed: int = 0, with_op: bool = True, bits: int = 8, outputs: int = 0) -> Program:
    """Densities of features one by one, with deviations of very different sizes."""
    rng = np.random.default_rng(seed)
    features, outputs = int(rng.integers(2, 24)), outputs or int(rng.integers(2, 7))
    encoding = choose_encoding(rng.normal(size=(60, features)), bits=bits)
    if not with_op:
        return _plain(rng, encoding, outputs, features)
    tensors = [
        _constant("means", rng.normal(size=(outputs, features))),
        _constant("factors", rng.integers(16384, 32768, size=(outputs, features))),
        _constant("shifts", rng.integers(-4, 22, size=(outputs, features))),
        _constant("bias", rng.normal(size=outputs)),
    ]
    op = NormalScores("scores", "x", "means", "factors", "shifts", "bias")
    return _finished(encoding, tensors, [op], outputs, features)


def lengths(seed: int = 0, with_op: bool = True, outputs: int = 0) -> Program:
    """Squared lengths of parts of a product."""
    rng = np.random.default_rng(seed)
    features, each, outputs = int(rng.integers(3, 16)), int(rng.integers(1, 12)), outputs or int(rng.integers(1, 6))
    encoding = choose_encoding(rng.normal(size=(60, features)))
    if not with_op:
        return _plain(rng, encoding, outputs * each, features)
    tensors = [
        _constant("axes", rng.normal(size=(outputs * each, features)) * 10, QType(16, 9)),
        Tensor("z", (outputs * each,), Space.SCRATCH, QType(16, 8)),
        _constant("bias", rng.normal(size=outputs)),
    ]
    ops: list[Op] = [MatVec("z", "axes", "x"), SquareSums("scores", "z", "bias")]
    return _finished(encoding, tensors, ops, outputs, features)


def any_machine(seed: int = 0, with_op: bool = True) -> Program:
    """Kernel machines of every kind: numbers of all widths."""
    rng = np.random.default_rng(seed)
    bits = (8, 4, 13)[seed % 3]
    kind = ("rbf", "poly")[seed // 3 % 2]
    return machine(seed, with_op, kind, 2 if seed % 4 == 0 else int(rng.integers(3, 7)), bits, (8, 16)[seed // 2 % 2])


def any_neighbours(seed: int = 0, with_op: bool = True) -> Program:
    """Neighbours in numbers of all widths that count alike or by their distances."""
    weigh = ("alike", "distance")[seed // 3 % 2]
    return neighbours(seed, with_op, (8, 4, 13)[seed % 3], 1 if seed % 4 == 0 else 0, weigh)


def committee(seed: int = 0, with_op: bool = True) -> Program:
    """Linear models that vote by what they hold likely, or the scores of the first one."""
    rng = np.random.default_rng(seed)
    kind, many = ("leads", LOGISTIC, SOFTMAX)[seed % 3], seed // 3 % 3
    members, classes = (1, 6, 3)[many], 1 if kind == "leads" else (9, 2, 5)[many]
    features, count = 3 + 5 * (seed % 4), members * classes if with_op else classes
    matrix, bias = rng.normal(size=(count, features)) / 2, rng.normal(size=count)
    encoding = InputEncoding(np.zeros(1), np.ones(1) * 16, -127, 127, QType(8, 5))
    tensors = [_constant("weights", matrix, QType.covering(np.abs(matrix).max(), 8)), _constant("bias", bias)]
    if not with_op:
        return _finished(encoding, tensors, [MatVec("scores", "weights", "x", "bias")], classes, features)
    tensors.append(Tensor("members", (count,), Space.SCRATCH))
    shares = SumShares("scores", "members", members, LOGISTIC if kind == "leads" else kind)
    return _finished(encoding, tensors, [MatVec("members", "weights", "x", "bias"), shares], classes, features)
