"""Models of normal distributions: naive Bayes, quadratic discriminants, robust covariances."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.covariance import EllipticEnvelope
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB

from edgealgos.errors import UnsupportedModelError

from ...ops import MatVec, NormalScores, SquareSums
from ...program import Op, Program, QType, Space, Tensor
from .instances import WIDE, limited
from .registry import Front, Rows, Widths, finished, program_of, weights
from .stages import Reals

DEVIATIONS = QType(16, 8)  # from a mean, in standard deviations: what is farther is out of the question
FACTOR_BITS = 15
DENSE = (QuadraticDiscriminantAnalysis, EllipticEnvelope)
"""Models that fit the rows of training much closer than others."""


def _constant(name: str, values: Reals, doc: str) -> Tensor:
    return Tensor(name, values.shape, Space.FLASH, None, np.asarray(values, dtype=np.float64), doc=doc)


@program_of.register
def _(model: GaussianNB, front: Front, rows: Rows, widths: Widths) -> Program:
    """Each feature by itself; where another matrix than a scaler stands in front, it is applied first."""
    inputs, made, ops = front, [front.input], list[Op]()
    owners = np.abs(front.matrix) > 0
    if front.matrix.shape[0] == front.matrix.shape[1] and (owners == np.eye(len(owners), dtype=bool)).all():
        scale, shift, vector = np.diag(front.matrix), front.shift, "x"
    else:
        inputs = front if widths.inputs == 8 else front.encoded(limited(rows.raw, WIDE))
        low, high = rows.given.min(axis=0), rows.given.max(axis=0)
        shift, scale, vector = (low + high) / 2, np.where(high > low, high - low, 1.0) / 2, "z"
        made = [
            inputs.input,
            weights(
                "projection", inputs.matrix / scale[:, None], min(widths.weights, WIDE + 1), "what stands in front"
            ),
            _constant("origin", (inputs.shift - shift) / scale, "the middle of what it makes"),
            Tensor("z", scale.shape, Space.SCRATCH, QType(16, WIDE - 1)),
        ]
        ops.append(MatVec("z", "projection", "x", "origin"))
    if (still := np.argwhere(model.var_ <= 0)).size:
        raise UnsupportedModelError(
            f"GaussianNB: feature {int(still[0, 1])} does not vary, and densities are infinite there: leave it out"
        )
    weight = np.square(scale) / (2 * model.var_)
    exponent = np.frexp(weight)[1]
    bias = np.log(model.class_prior_) - 0.5 * np.log(2 * np.pi * model.var_).sum(axis=1)
    tensors = [
        *made,
        _constant("means", (model.theta_ - shift) / scale, "of features, class by class"),
        _constant("factors", np.rint(np.ldexp(weight, FACTOR_BITS - exponent)).clip(1, 32767), "of squared distances"),
        _constant("shifts", (FACTOR_BITS - exponent).clip(-100, 127).astype(np.float64), "powers of two of these"),
        _constant("bias", bias - bias.max(), "densities at the means"),
        Tensor("scores", bias.shape, Space.OUTPUT),
    ]
    ops.append(NormalScores("scores", vector, "means", "factors", "shifts", "bias"))
    return finished(inputs, tensors, ops, "GaussianNB", model.classes_.tolist())


@program_of.register
def _(model: QuadraticDiscriminantAnalysis, front: Front, rows: Rows, widths: Widths) -> Program:
    """Each class has axes of its own, scaled by its deviations."""
    if len({len(scaling) for scaling in model.scalings_}) != 1:
        raise UnsupportedModelError("QuadraticDiscriminantAnalysis found classes of different rank; reduce features")
    axes = [(r * np.asarray(s) ** -0.5).T / np.sqrt(2) for r, s in zip(model.rotations_, model.scalings_, strict=True)]
    bias = np.log(model.priors_) - 0.5 * np.log(np.asarray(model.scalings_)).sum(axis=1)
    shift = [-a @ mean for a, mean in zip(axes, model.means_, strict=True)]
    labels = model.classes_.tolist()
    return _lengths(model, front, rows, widths, np.vstack(axes), np.concatenate(shift), bias - bias.max(), labels)


@program_of.register
def _(model: EllipticEnvelope, front: Front, rows: Rows, widths: Widths) -> Program:
    values, vectors = np.linalg.eigh(model.precision_)
    axes = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    bias = np.array([-float(model.offset_)])
    return _lengths(model, front, rows, widths, axes, -axes @ model.location_, bias, [-1, 1])


def _lengths(
    model: Any, front: Front, rows: Rows, widths: Widths, axes: Reals, shift: Reals, bias: Reals, labels: list[Any]
) -> Program:
    """Scores ``bias - |axes @ x + shift|^2``, each of its part of the axes."""
    if widths.inputs > 8:
        front = front.encoded(limited(rows.raw, WIDE))
    matrix = axes @ front.matrix
    largest = (np.abs(matrix).sum(axis=1) / np.abs(matrix).max()).max() * front.encoding.high * 2
    bits = min(16, int(31 - np.log2(largest)))  # bytes would do on the rows of training alone, which densities fit
    tensors = [
        front.input,
        weights("axes", matrix, bits, "deviations along every axis"),
        _constant("origin", axes @ front.shift + shift, "of the middle of the inputs"),
        Tensor("deviations", shift.shape, Space.SCRATCH, DEVIATIONS),
        _constant("bias", bias, "densities at the means"),
        Tensor("scores", bias.shape, Space.OUTPUT),
    ]
    ops: list[Op] = [MatVec("deviations", "axes", "x", "origin"), SquareSums("scores", "deviations", "bias")]
    return finished(front, tensors, ops, type(model).__name__, labels)
