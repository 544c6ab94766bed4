"""Networks of dense layers: products, non-linearities by table, and a last layer of scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from edgealgos.errors import UnsupportedModelError

from ...ops import MatVec, Rectify, Squash
from ...program import Op, Program, QType, Space, Tensor
from ...program.qtype import PREACTIVATION
from .registry import Front, Rows, Widths, finished, held, program_of, weights
from .stages import Reals

_FUNCTIONS: dict[str, Callable[[Reals], Reals]] = {
    "relu": lambda a: np.maximum(a, 0.0),
    "tanh": lambda a: np.tanh(a),
    "logistic": lambda a: 0.5 + 0.5 * np.tanh(0.5 * a),
    "identity": lambda a: a,
}


def has_free_layers(model: Any) -> bool:
    """Whether it passes on what has no type of its own: tanh and the logistic function come from tables."""
    return isinstance(model, MLPClassifier | MLPRegressor) and model.activation in ("relu", "identity")


@program_of.register(MLPClassifier)
@program_of.register(MLPRegressor)
def _(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    labels = getattr(model, "classes_", np.zeros(0)).tolist()
    if getattr(model, "_label_binarizer", None) is not None and model._label_binarizer.y_type_.startswith("multilabel"):
        raise UnsupportedModelError("MLPClassifier of several labels a sample cannot be compiled; train one for each")
    if not labels and model.out_activation_ != "identity":
        raise UnsupportedModelError(f"MLPRegressor ends in {model.out_activation_!r}; it compiles with squared errors")
    if not labels and model.n_outputs_ != 1:
        raise UnsupportedModelError(f"MLPRegressor has {model.n_outputs_} outputs; compile one model for each")
    matrices = [np.asarray(w, dtype=np.float64).T for w in model.coefs_]
    biases = [np.asarray(b, dtype=np.float64) for b in model.intercepts_]
    if not labels:
        matrices[-1], biases[-1] = front.slope * matrices[-1], front.answer(biases[-1])
    return _layers(front, matrices, biases, rows, widths, model.activation, type(model).__name__, labels)


def _layers(
    front: Front, matrices: list[Reals], biases: list[Reals], rows: Rows, widths: Widths, activation: str, family: str,
    labels: list[Any],
) -> Program:  # fmt: skip
    tensors: list[Tensor] = [front.input]
    ops: list[Op] = []
    values = rows.given
    x, source = front.encoding, "x"
    largest, frac = max(-x.low, x.high) * x.qtype.step, x.qtype.frac
    for i, (matrix, bias) in enumerate(zip(matrices, biases, strict=True), 1):
        last = i == len(matrices)
        out = "scores" if last else f"layer{i}"
        values = values @ matrix.T + bias
        if i == 1:
            matrix, bias = matrix @ front.matrix, matrix @ front.shift + bias
        reach = float((np.abs(matrix).sum(axis=1) * largest + np.abs(bias)).max())
        tensors += [
            held(weights(f"weights{i}", matrix, widths.weights, f"layer {i}"), reach, frac),
            Tensor(f"bias{i}", bias.shape, Space.FLASH, None, bias, doc=f"intercepts of layer {i}"),
        ]
        ops.append(MatVec(out, f"weights{i}", source, f"bias{i}"))
        if last:
            tensors.append(Tensor(out, bias.shape, Space.OUTPUT))
        else:
            made, source = _activated(out, values, activation, widths)
            tensors += made[0]
            ops += made[1]
            values = _FUNCTIONS[activation](values)
            largest, frac = _passed_on(activation, made[0][-1])
    return finished(front, tensors, ops, family, labels)


def _passed_on(activation: str, layer: Tensor) -> tuple[float, int]:
    """The largest value that a layer's results can have, and their fractional bits."""
    if activation in ("tanh", "logistic"):
        return 1.0, 7 if activation == "tanh" else 8
    return layer.type.high * layer.type.step, layer.type.frac


def _activated(name: str, values: Reals, activation: str, widths: Widths) -> tuple[tuple[list[Tensor], list[Op]], str]:
    """The layer's sums in a type that covers them, and what its function makes of them."""
    shape, out = values.shape[1:], f"{name}_out"
    if activation in ("tanh", "logistic"):
        tensors = [Tensor(name, shape, Space.SCRATCH, PREACTIVATION), Tensor(out, shape, Space.SCRATCH)]
        return (tensors, [Squash(out, name, activation)]), out
    largest = float(np.abs(_FUNCTIONS[activation](values)).max(initial=0.0))
    qtype = QType.covering(largest, widths.between)
    sums = Tensor(name, shape, Space.SCRATCH, qtype)
    if activation == "identity":
        return ([sums], []), name
    return ([sums, Tensor(out, shape, Space.SCRATCH, qtype)], [Rectify(out, name)]), out
