"""Models that keep samples: support vector machines and nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from edgealgos.errors import UnsupportedModelError

from ...ops import KernelSums, MatVec, Neighbours, PairVotes
from ...program import InputEncoding, Link, Op, Program, QType, Space, Tensor
from ...program.choose_encoding import full_range_encoding
from ...program.powers import KERNEL_FRAC
from .registry import Front, Rows, Widths, finished, linear_program, program_of, weights
from .stages import Reals

WIDE = 12  # bits of what a product with more than bytes makes and takes
NUMBER_BITS = 16  # of a stored answer that is a number


@dataclass(frozen=True)
class _Space:
    """Where the inputs of a model are compared with samples: one unit for all axes, so that distances are distances.

    Parameters
    ----------
    front : Front
        With the encoding that goes with it.
    tensors, ops : list
        What makes the vector that is compared.
    vector : str
    centre : array, shape (n_inputs,)
        The sample that the vector is zero for.
    unit : float
        Length of one in the vector's real numbers.
    qtype : QType
        The vector's type.
    """

    front: Front
    tensors: list[Tensor]
    ops: list[Op]
    vector: str
    centre: Reals
    unit: float
    qtype: QType

    def place(self, samples: Reals) -> Reals:
        """Samples in the vector's real numbers, on its grid."""
        raw = self.qtype.quantize((samples - self.centre) / self.unit)
        return self.qtype.dequantize(raw)


def _space(front: Front, rows: Rows, bits: int) -> _Space:
    """Device inputs themselves where each is one input of the model, else what a product makes of them."""
    owners = np.abs(front.matrix) > 0
    if front.matrix.shape[0] == front.matrix.shape[1] and (owners == np.eye(len(owners), dtype=bool)).all():
        return _of_inputs(front, rows, bits)
    if bits > 8:
        front = front.encoded(limited(rows.raw, WIDE))
    centre = (rows.given.min(axis=0) + rows.given.max(axis=0)) / 2
    qtype = QType.covering(float(np.abs(rows.given - centre).max()), WIDE)
    tensors = [
        weights("projection", front.matrix, bits if bits == 8 else WIDE + 1, "what stands in front of the model"),
        Tensor("origin", centre.shape, Space.FLASH, None, front.shift - centre, doc="where distances count from"),
        Tensor("z", centre.shape, Space.SCRATCH, qtype),
    ]
    return _Space(front, [front.input, *tensors], [MatVec("z", "projection", "x", "origin")], "z", centre, 1.0, qtype)


def limited(rows: Reals, bits: int) -> InputEncoding:
    """An encoding of words of which no more than so many bits are used, for sums that 32 bits hold."""
    encoding = full_range_encoding(rows, bits)
    return replace(encoding, qtype=QType(16, encoding.qtype.frac))


def _of_inputs(front: Front, rows: Rows, bits: int) -> _Space:
    """An encoding with one unit for all inputs of the model; small integers stay what they are."""
    raw, old = rows.raw, front.encoding
    slope = np.diag(front.matrix) * np.resize(old.scale.astype(np.float64), front.features) * old.qtype.step
    low, high = raw.min(axis=0), raw.max(axis=0)
    span, limit = float(high.max() - low.min()), (1 << bits - 1) - 1
    if np.allclose(slope, slope[0]) and span <= limit and np.array_equal(raw, np.rint(raw)):
        offset, unit, bounds = np.full(front.features, low.min()), abs(float(slope[0])), (0, int(span))
    else:
        offset, bounds = (low + high) / 2, (-limit, limit)
        unit = max(float((np.abs(slope) * (high - low)).max()) / 2 / limit, 1e-30)
    qtype = QType(8 if bits == 8 else 16, 0)
    moved = front.encoded(InputEncoding(offset, (slope / unit).astype(np.float32), *bounds, qtype))
    return _Space(moved, [moved.input], [], "x", moved.shift, unit, qtype)


def _most_bits(features: int) -> int:
    """Bits of inputs whose squared distances 32 bits hold."""
    return min(16, int((32 - np.log2(features)) / 2))


def _numbers(name: str, values: Reals, doc: str, qtype: QType | None = None) -> Tensor:
    return Tensor(name, values.shape, Space.FLASH, qtype, np.asarray(values, dtype=np.float64), doc=doc)


# ---- support vector machines -----------------------------------------------------------------------------------------


@program_of.register(SVC)
@program_of.register(NuSVC)
def _(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    labels = model.classes_.tolist()
    if model.break_ties and len(labels) > 2 and model.decision_function_shape == "ovr":
        raise UnsupportedModelError(f"{type(model).__name__}(break_ties=True) cannot be compiled; leave it out")
    program = _machine(model, front, rows, widths, labels, np.asarray(model.n_support_))
    slope, shift = (np.ravel(getattr(model, name, ())) for name in ("_probA", "_probB"))  # public ones warn
    if not len(slope) or not len(labels) or len(labels) > 2:
        return replace(program, link=Link(calibrated=False))
    return replace(program, link=Link(scale=-float(slope[0]), offset=float(shift[0])))


@program_of.register(SVR)
@program_of.register(NuSVR)
def _(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    return _machine(model, front, rows, widths, [], np.array([len(model.support_), 0]))


@program_of.register
def _(model: OneClassSVM, front: Front, rows: Rows, widths: Widths) -> Program:
    return _machine(model, front, rows, widths, [-1, 1], np.array([len(model.support_), 0]))


def _machine(
    model: Any, front: Front, rows: Rows, widths: Widths, labels: list[Any], sections: Any
) -> Program:  # fmt: skip
    """Sums of every pair of classes and, where there are more than two classes, votes.

    Where all support vectors are of one section, scores of every class instead.
    """
    voted = np.count_nonzero(sections) > 1 and len(labels) > 2
    name = type(model).__name__
    if not isinstance(model.kernel, str) or model.kernel not in ("linear", "rbf", "poly"):
        raise UnsupportedModelError(f"{name}(kernel={model.kernel!r}) cannot be compiled; 'linear', 'rbf', 'poly' can")
    if not len(model.support_):
        raise UnsupportedModelError(f"{name} answers every row alike: there is nothing to compile")
    if hasattr(model.dual_coef_, "toarray"):
        raise UnsupportedModelError(f"{name} was fitted on a sparse matrix; fit it on an array, X.toarray()")
    bias = np.ravel(model.intercept_).astype(np.float64)
    if not labels:
        bias = front.answer(bias)
    if model.kernel == "linear":
        matrix = np.asarray(model.coef_, dtype=np.float64) * (1.0 if labels else front.slope)
        if not voted:
            return linear_program(front, matrix, bias, widths, name, labels)
        tensors = [
            front.input,
            weights("weights", matrix @ front.matrix, widths.weights, "coefficients of pairs of classes"),
            _numbers("bias", matrix @ front.shift + bias, "intercepts"),
        ]
        return _voted(front, tensors, [MatVec("pairs", "weights", "x", "bias")], len(bias), name, labels)
    coefficients = model.dual_coef_.T * (1.0 if labels else front.slope)
    make = _rbf if model.kernel == "rbf" else _poly
    where, tensors, ops, op = make(model, front, rows, widths)
    coefficients = coefficients * op["reach"] ** op["degree"]
    tensors += [
        weights("coefficients", coefficients, widths.weights, "of support vectors, for every other class"),
        _numbers("sections", np.asarray(sections, dtype=np.float64), "support vectors of each class"),
        _numbers("bias", bias, "intercepts"),
    ]
    names: dict[str, Any] = {field: field for field in ("norms", "coefficients", "sections", "bias")}
    ops.append(KernelSums("pairs" if voted else "scores", matrix="vectors", **names, **op))
    if voted:
        return _voted(where, tensors, ops, len(bias), name, labels)
    return finished(where, [*tensors, Tensor("scores", (len(bias),), Space.OUTPUT)], ops, name, labels)


def kernels_program(
    model: Any, front: Front, rows: Rows, widths: Widths, family: str, labels: Sequence[Any]
) -> Program:
    """A score for every row of dual coefficients."""
    sections = np.eye(1, len(model.dual_coef_) + 1)[0] * len(model.support_)
    return replace(_machine(model, front, rows, widths, list(labels), sections), family=family)


def _voted(front: Front, tensors: list[Tensor], ops: list[Op], pairs: int, name: str, labels: list[Any]) -> Program:
    tensors = [*tensors, Tensor("pairs", (pairs,), Space.SCRATCH), Tensor("scores", (len(labels),), Space.OUTPUT)]
    return finished(front, tensors, [*ops, PairVotes("scores", "pairs")], name, labels)


Parts = tuple[Front, list[Tensor], list[Op], dict[str, Any]]


def _rbf(model: Any, front: Front, rows: Rows, widths: Widths) -> Parts:
    space = _space(front, rows, widths.inputs if widths.inputs == 8 else _most_bits(front.features))
    vectors = space.place(model.support_vectors_)
    tensors = [
        *space.tensors,
        _numbers("vectors", vectors, "support vectors"),
        _numbers("norms", np.square(vectors).sum(axis=1), "their squared lengths"),
    ]
    gamma = float(model._gamma) * space.unit**2
    return space.front, tensors, space.ops, {
        "vector": space.vector, "kernel": "rbf", "gamma": gamma, "degree": 1, "reach": 1.0,
    }  # fmt: skip


def _poly(model: Any, front: Front, rows: Rows, widths: Widths) -> Parts:
    vectors, gamma, coef0 = model.support_vectors_, float(model._gamma), float(model.coef0)
    if not 1 <= model.degree <= 15:
        raise UnsupportedModelError(f"{type(model).__name__}(degree={model.degree}) cannot be compiled; 1 to 15 can")
    reach = _reach(gamma * rows.given[:_ROWS] @ vectors.T + coef0, model.dual_coef_.T, int(model.degree))
    tensors = [
        front.input,
        weights("vectors", vectors @ front.matrix, widths.weights, "support vectors"),
        _numbers("norms", vectors @ front.shift, "what the middle of the inputs adds"),
    ]
    return front, tensors, [], {
        "vector": "x", "kernel": "poly", "gamma": gamma, "coef0": coef0, "degree": int(model.degree), "reach": reach,
    }  # fmt: skip


_ROWS = 500  # that tell which numbers powers are taken of


def _reach(bases: Reals, coefficients: Reals, degree: int) -> float:
    """The base that becomes one: larger ones saturate, powers of small ones vanish; the sums are to differ least."""
    exact = bases**degree @ coefficients
    bent: dict[float, float] = {}
    for reach in np.abs(bases).max() * np.exp2(-np.arange(0, 6, 0.5)):
        powers = np.floor(np.clip(bases / reach, -1, 1) ** degree * (1 << KERNEL_FRAC)) * 2.0**-KERNEL_FRAC
        bent[float(reach)] = float(np.abs(powers * reach**degree @ coefficients - exact).mean())
    return min(bent, key=bent.__getitem__)


# ---- nearest neighbours ----------------------------------------------------------------------------------------------


@program_of.register(KNeighborsClassifier)
@program_of.register(KNeighborsRegressor)
def _(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    name, labels = type(model).__name__, getattr(model, "classes_", np.zeros(0)).tolist()
    if model.effective_metric_ not in ("euclidean", "sqeuclidean"):
        raise UnsupportedModelError(f"{name}(metric={model.effective_metric_!r}) cannot be compiled; 'euclidean' can")
    if model.weights not in (None, "uniform", "distance"):
        raise UnsupportedModelError(
            f"{name}(weights={model.weights!r}) calls a function of Python, which no board has; 'uniform' and "
            "'distance' compile"
        )
    by_distance = model.weights == "distance"
    if hasattr(model._fit_X, "toarray"):
        raise UnsupportedModelError(f"{name} was fitted on a sparse matrix; fit it on an array, X.toarray()")
    answers = np.asarray(model._y, dtype=np.float64)
    if answers.ndim > 1 and answers.shape[1] != 1:
        raise UnsupportedModelError(f"{name} has {answers.shape[1]} outputs; compile one model for each")
    space = _space(front, rows, widths.inputs if widths.inputs == 8 else _neighbours_bits(model, front, rows))
    samples = space.place(np.asarray(model._fit_X, dtype=np.float64))
    answers, qtype = np.ravel(answers), None
    if not labels:
        answers = front.answer(answers) / (1 if by_distance else model.n_neighbors)
        qtype = QType.covering(float(np.abs(answers).max()), NUMBER_BITS)
    tensors = [
        *space.tensors,
        _numbers("samples", samples, "stored samples"),
        _numbers("norms", np.square(samples).sum(axis=1), "their squared lengths"),
        _numbers("answers", answers, "what they say", qtype),
        Tensor("scores", (max(len(labels), 1),), Space.OUTPUT),
    ]
    weigh = "distance" if by_distance else "alike"
    op = Neighbours("scores", space.vector, "samples", "norms", "answers", int(model.n_neighbors), weigh)
    program = finished(space.front, tensors, [*space.ops, op], name, labels)
    whole = 1.0 if by_distance else model.n_neighbors
    return replace(program, link=Link.of_votes(whole, len(labels))) if labels else program


def _neighbours_bits(model: Any, front: Front, rows: Rows) -> int:
    """The most bits of inputs with which no product of a stored sample, nor a distance, needs more than 32."""
    most = _most_bits(front.features) if model.weights == "distance" else 15
    for bits in range(min(most, 15), 8, -1):
        space = _space(front, rows, bits)
        samples = np.abs(space.place(np.asarray(model._fit_X, dtype=np.float64))) / space.qtype.step
        if (2 * samples.sum(axis=1) * 2.0 ** (bits - 1) + np.square(samples).sum(axis=1)).max() < 2**31:
            return bits
    return 9
