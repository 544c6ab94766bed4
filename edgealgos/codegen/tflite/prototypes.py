"""ProtoNN's prototypes as products, squares and a softmax."""

from __future__ import annotations

import numpy as np

from ..ops import PrototypeScore
from .graph import Operator, Value
from .writer import WIDE, Writer, translate

_FARTHEST = 15.9  # in powers of e; beyond it a kernel counts for nothing, as on the other boards
_SHIFT = 1.0
_DEGREE = 4


@translate.register
def _(op: PrototypeScore, writer: Writer) -> Value:
    """Without a bias only the order of scores matters, and a softmax of the distances keeps it however far they are."""
    near = _nearness(op, writer)
    scale, labels = writer.scale_of(op.out), op.labels
    if op.bias is None and writer.program.task == "classifier":
        kernels = writer.graph.add(Operator.SOFTMAX, [near], "kernels", near.shape, "int16", WIDE, beta=1.0)
        return writer.product(op.out, kernels, labels, None, scale)
    bias = None if op.bias is None else writer.real(op.bias)
    return writer.product(op.out, _exponentials(writer, near), labels, bias, scale)


def _nearness(op: PrototypeScore, writer: Writer) -> Value:
    """``-|z - b_j|^2 ln 2``, not below -16: ``2 b_j z - |b_j|^2 - |z|^2``."""
    z = writer.wide(writer.values[op.vector])
    prototypes, unit = writer.real(op.prototypes), np.log(2.0)
    most = 32767 * z.step
    largest = 2 * unit * float(np.abs(prototypes).sum(axis=1).max()) * most
    scale = min(largest, 4 * _spread(prototypes) + 4 * _FARTHEST) / 32767
    step = 2 * unit * writer.program[op.prototypes].type.step
    towards = writer.product("towards", z, 2 * unit * prototypes, -unit * np.square(prototypes).sum(axis=1), scale,
                             step=step)  # fmt: skip
    squares = writer.times("squares", z, z, _square_scale(prototypes))
    length = writer.product("length", squares, np.full((1, prototypes.shape[1]), unit), None, scale)
    return writer.difference("nearness", towards, length, _FARTHEST / 32767)


def _spread(prototypes: np.ndarray) -> float:
    """Largest squared length."""
    return float(np.log(2.0) * np.square(prototypes).sum(axis=1).max())


def _square_scale(prototypes: np.ndarray) -> float:
    """Of squares of a vector that is near a prototype."""
    return float(np.square(np.abs(prototypes).max() + 4.0)) / 32767


def _exponentials(writer: Writer, near: Value) -> Value:
    """``exp`` of numbers that are not positive: with ``y = sigmoid(x - 1)`` it is ``e y / (1 - y)``, a polynomial."""
    shift = writer.words("shift", np.array([-_SHIFT]))
    y = writer.function(Operator.LOGISTIC, "logistic", writer.sum("shifted", near, shift, 2.0**-11))
    at = np.linspace(0.0, 1 / (1 + np.exp(_SHIFT)), 400)[1:]
    factors = np.exp(_SHIFT) / (1 - at)
    powers = np.vander(at, _DEGREE)
    coefficients = np.linalg.lstsq(powers * at[:, None], factors * at, rcond=None)[0]
    scale = float(np.exp(_SHIFT) * 1.5) / 32767
    value = writer.times("slope", y, writer.words("power", coefficients[:1]), scale)
    for c in coefficients[1:-1]:
        value = writer.times(
            "slope", writer.sum("horner", value, writer.words("power", np.array([c])), scale), y, scale
        )
    value = writer.sum("horner", value, writer.words("power", coefficients[-1:]), scale)
    return writer.times("kernels", value, y, WIDE)
