"""From trained Keras models to programs: chains of layers over pictures; reads their configuration and weights.

Keras is never imported: a layer is known by the name of its class.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array

from edgealgos.errors import UnsupportedModelError

from ..ops import ArgMax, MatVec, Rectify, Rescale
from ..ops.chain import Chain
from ..program.encoding import InputEncoding
from ..program.geometry import LayerShape, Picture, halvings_of
from ..program.interpret import largest_magnitudes, run_float
from ..program.op import Op
from ..program.program import Program
from ..program.qtype import QType
from ..program.scores import decide
from ..program.tensor import Space, Tensor
from ..program.verify import verify

Reals = NDArray[np.float64]
Stage = tuple[LayerShape, Reals | None, Reals | None]
SUPPORTED = (
    "Conv1D, Conv2D, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D, BatchNormalization behind one "
    "of them, ReLU, MaxPooling1D, MaxPooling2D, GlobalAveragePooling1D, GlobalAveragePooling2D, Flatten, Dense, "
    "Dropout, and softmax or sigmoid at the end"
)
WEIGHT_BITS, ACTIVATION_BITS, SCORE_BITS = 8, 8, 16
SKIPPED = {"InputLayer", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise"}


class KerasNet:
    """A trained Keras model as this library compiles it: what :func:`from_keras` gives.

    Attributes
    ----------
    program : Program
        A float program with the types of all activations.
    """

    def __init__(self, program: Program) -> None:
        self.program = program

    def to_program(self) -> Program:
        """The model as a float program."""
        return self.program

    def decision_function(self, X: ArrayLike) -> Reals:
        """Scores before softmax or sigmoid, shape (n, n_outputs)."""
        rows = check_array(X, dtype=np.float64, ensure_2d=False, allow_nd=True)
        return run_float(self.program, rows.reshape(len(rows), -1))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Labels of a classifier, numbers of a regressor."""
        scores = self.decision_function(X)
        if self.program.task != "classifier":
            return scores[:, 0]
        labels: NDArray[Any] = np.asarray(self.program.labels)[decide(scores)]
        return labels


def from_keras(model: Any, X_calibration: ArrayLike, labels: Any = None) -> KerasNet:
    """A trained Keras model as one that can be compiled and exported: weights of 8 bits, values between layers too.

    Parameters
    ----------
    model : keras.Sequential or a functional model that is a chain
        Trained. Pictures (height, width, channels) or sequences (steps, features).
    X_calibration : array-like, shape (n, ...)
        Inputs as the model takes them; they decide the ranges of inputs and of what layers make.
    labels : sequence, optional
        Class labels in the order of the model's outputs; None: 0, 1, ... A single output without sigmoid is a
        regression.

    Returns
    -------
    KerasNet
        For `compile_model`, `export_arduino` and `export_cpp`.

    Raises
    ------
    UnsupportedModelError
        For a layer that has no counterpart, by name, with those that have.

    Examples
    --------
    >>> import keras
    >>> from sklearn.datasets import load_digits
    >>> from edgealgos import compile_model, from_keras
    >>> X = load_digits().images[..., None]
    >>> net = keras.Sequential([
    ...     keras.layers.Input((8, 8, 1)),
    ...     keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
    ...     keras.layers.GlobalAveragePooling2D(),
    ...     keras.layers.Dense(10),
    ... ])  # here it would be trained
    >>> compile_model(from_keras(net, X[:500])).predict(X[:3]).shape
    (3,)
    """
    rows = check_array(X_calibration, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name="X_calibration")
    shape = tuple(model.input_shape[1:])
    if len(shape) not in (2, 3) or None in shape:
        raise UnsupportedModelError(
            f"the model takes inputs of shape {shape}; what can be compiled takes (height, width, channels) or "
            "(steps, features), all of them fixed"
        )
    if math.prod(rows.shape[1:]) != math.prod(shape):
        raise ValueError(f"X_calibration has rows of shape {rows.shape[1:]}, the model takes {shape}")
    picture = shape if len(shape) == 3 else (shape[0], 1, shape[1])
    reader = _Reader(picture)
    for layer in model.layers:
        reader.take(layer)
    return KerasNet(_program(reader, picture, rows.reshape(len(rows), -1), labels))


class _Reader:
    """Reads layer by layer: first those over pictures, then those over one vector.

    Attributes
    ----------
    layers : list of (LayerShape, matrix or None, bias or None)
    dense : list of (matrix, bias, rectify)
    """

    def __init__(self, picture: Picture) -> None:
        self.picture, self.factor = picture, 1.0  # what the average of a picture lacks
        self.layers: list[Stage] = []
        self.dense: list[tuple[Reals, Reals, bool]] = []
        self.flattened = self.vector = False
        self.ends: str | None = None

    def take(self, layer: Any) -> None:
        """One more layer."""
        kind, settings = type(layer).__name__, layer.get_config()
        if kind in SKIPPED:
            return
        if self.ends is not None:
            raise refusal(layer, f"stands behind {self.ends}, which can only be the end")
        taker = getattr(self, f"_{kind.removesuffix('1D').removesuffix('2D').lower()}", None)
        if taker is None:
            raise refusal(layer, "has no counterpart")
        taker(layer, settings)
        if kind not in ("ReLU", "Softmax"):
            self._activate(layer, settings.get("activation") or "linear")

    def _add(self, shape: LayerShape, matrix: Reals | None, bias: list[Reals]) -> None:
        zeros = np.zeros(shape.channels)
        self.layers.append((shape, matrix, None if matrix is None else bias[0] if bias else zeros))
        self.picture = shape.after

    def _shape(self, layer: Any, settings: dict[str, Any], kind: str, channels: int, kernel: str) -> LayerShape:
        """The shape of a layer with a kernel; over time it has one column."""
        if self.vector or self.flattened:
            raise refusal(layer, "stands behind Flatten or an average")
        unusual = [name for name in ("dilation_rate", "groups", "depth_multiplier")
                   if max(np.atleast_1d(settings.get(name) or 1)) > 1]  # fmt: skip
        if settings.get("data_format", "channels_last") != "channels_last":
            unusual.append("data_format")
        if settings["padding"] != "valid" and (settings["padding"] != "same" or kind == "maxpool"):
            unusual.append("padding")
        if unusual:
            raise refusal(layer, f"has {unusual[0]}={settings[unusual[0]]!r}, which cannot be compiled")
        size, step = (tuple(int(n) for n in (*np.atleast_1d(settings[name]), 1)[:2]) for name in (kernel, "strides"))
        padded = settings["padding"] == "same"
        return LayerShape(kind, self.picture, channels, (size[0], size[1]), (step[0], step[1]), padded, rectify=False)

    # ------------------------------------------------------------------ one method a layer, by the name of its class

    def _conv(self, layer: Any, settings: dict[str, Any]) -> None:
        kernel, *bias = layer.get_weights()
        shape = self._shape(layer, settings, "conv", kernel.shape[-1], "kernel_size")
        self._add(shape, kernel.reshape(-1, kernel.shape[-1]).T, bias)

    def _depthwiseconv(self, layer: Any, settings: dict[str, Any]) -> None:
        kernel, *bias = layer.get_weights()
        shape = self._shape(layer, settings, "depthwise", kernel.shape[-2], "kernel_size")
        self._add(shape, kernel.reshape(-1, kernel.shape[-2]).T, bias)

    def _separableconv(self, layer: Any, settings: dict[str, Any]) -> None:
        alone, together, *bias = layer.get_weights()
        channels, outputs = together.shape[-2:]
        shape = self._shape(layer, settings, "depthwise", channels, "kernel_size")
        self._add(shape, alone.reshape(-1, channels).T, [])
        self._add(LayerShape("pointwise", self.picture, outputs, rectify=False), together.reshape(channels, -1).T, bias)

    def _maxpooling(self, layer: Any, settings: dict[str, Any]) -> None:
        self._add(self._shape(layer, settings, "maxpool", self.picture[2], "pool_size"), None, [])

    def _globalaveragepooling(self, layer: Any, settings: dict[str, Any]) -> None:
        positions = self.picture[0] * self.picture[1]
        self.vector, self.factor = True, 2.0 ** halvings_of(positions) / positions

    def _flatten(self, layer: Any, settings: dict[str, Any]) -> None:
        self.flattened, self.vector = True, self.vector or self.picture[0] * self.picture[1] == 1

    def _dense(self, layer: Any, settings: dict[str, Any]) -> None:
        kernel, *bias = layer.get_weights()
        outputs = kernel.shape[1]
        if self.vector:
            self.dense.append((kernel.T * self.factor, bias[0] if bias else np.zeros(outputs), False))
            self.factor = 1.0
        elif self.flattened:
            size = self.picture[:2]
            self._add(LayerShape("conv", self.picture, outputs, size, padded=False, rectify=False), kernel.T, bias)
            self.vector = True
        else:
            raise refusal(layer, "works on every row of a picture; put Flatten or an average in front of it")

    def _batchnormalization(self, layer: Any, settings: dict[str, Any]) -> None:
        (shape, matrix, bias), rest = (self.layers[-1], self.layers[:-1]) if self.layers else ((None, None, None), [])
        if self.dense or shape is None or matrix is None or bias is None or shape.rectify:
            raise refusal(layer, "does not stand right behind a convolution without an activation")
        weights = list(layer.get_weights())
        scale = weights.pop(0) if settings.get("scale", True) else 1.0
        centre = weights.pop(0) if settings.get("center", True) else 0.0
        mean, variance = weights
        gain = scale / np.sqrt(variance + settings["epsilon"])
        self.layers = [*rest, (shape, matrix * gain[:, None], (bias - mean) * gain + centre)]

    def _relu(self, layer: Any, settings: dict[str, Any]) -> None:
        if settings.get("max_value") is not None or settings.get("negative_slope") or settings.get("threshold"):
            raise refusal(layer, "is no plain rectifier")
        self._activate(layer, "relu")

    def _activation(self, layer: Any, settings: dict[str, Any]) -> None:
        """Nothing but its activation."""

    def _softmax(self, layer: Any, settings: dict[str, Any]) -> None:
        self._activate(layer, "softmax")

    def _activate(self, layer: Any, activation: str) -> None:
        if activation in ("softmax", "sigmoid"):
            self.ends = activation
        elif activation == "relu" and self.dense:
            self.dense[-1] = (*self.dense[-1][:2], True)
        elif activation == "relu" and self.layers and self.layers[-1][1] is not None:
            shape, matrix, bias = self.layers[-1]
            self.layers[-1] = replace(shape, rectify=True), matrix, bias
        elif activation != "linear":
            raise refusal(layer, f"has the activation {activation!r} where it stands")


def refusal(layer: Any, why: str) -> UnsupportedModelError:
    """The error for a layer, by its name."""
    return UnsupportedModelError(f"layer {layer.name!r} ({type(layer).__name__}) {why}; supported are {SUPPORTED}")


# ---- the program -----------------------------------------------------------------------------------------------------


def _program(read: _Reader, picture: Picture, rows: Reals, labels: Any) -> Program:
    """Program of the layers read, with types that hold what the rows make of them."""
    chain = Chain(picture)
    for i, (shape, matrix, bias) in enumerate(read.layers, 1):
        name = f"layer{i}"
        weights = None if matrix is None else _constant(f"{name}_weights", matrix)
        chain.add(name, shape, weights, None if bias is None else _bias(name, bias), None)
    last = f"layer{len(read.layers)}"
    ends_early = not read.dense  # in a layer over all of the picture: its results are the scores
    if ends_early and (not read.layers or chain.picture[:2] != (1, 1)):
        raise UnsupportedModelError("the model ends in a picture; what can be compiled ends in a Dense layer")
    tensors, predict = _vector_layers(chain, read)
    outputs = chain.picture[2] if ends_early else len(read.dense[-1][1])
    encoding = _encoding(rows)
    size = picture[1] * picture[2]
    tensors = [Tensor("x", (size,), Space.INPUT, encoding.qtype), *chain.tensors, *tensors]
    tensors.append(Tensor("scores", (outputs,), Space.OUTPUT, doc="scores"))
    facts: dict[str, Any] = {"task": "regressor"}
    if outputs > 1 or read.ends is not None:
        labels = tuple(range(max(outputs, 2))) if labels is None else tuple(np.asarray(labels).tolist())
        if len(labels) != max(outputs, 2):
            raise ValueError(f"there are {len(labels)} labels for {max(outputs, 2)} classes")
        tensors.append(Tensor("label", (1,), Space.SCRATCH, doc="index of the class"))
        predict, facts = [*predict, ArgMax("label", "scores")], {"task": "classifier", "labels": labels}
    functions = {"push": tuple(chain.push), "predict": tuple(predict)}
    program = verify(Program(tuple(tensors), functions, encoding, steps=picture[0], family="Keras net", **facts))
    if not ends_early:
        return _typed(program, rows, {})
    program = _typed(program, rows, {last: SCORE_BITS, "pooled": SCORE_BITS})
    return program.typed({"scores": QType(32, program["pooled"].type.frac)})


def _vector_layers(chain: Chain, read: _Reader) -> tuple[list[Tensor], list[Op]]:
    """What ``predict`` does with the average, or with the one vector that is left of the picture."""
    average = chain.average("pooled", None)
    if not read.dense:
        return [], [*average, Rescale("scores", "pooled")]
    tensors: list[Tensor] = []
    predict, source = list(average), "pooled"
    for i, (matrix, bias, rectify) in enumerate(read.dense, 1):
        name = f"dense{i}"
        out = "scores" if i == len(read.dense) else name
        tensors += [_constant(f"{name}_weights", matrix), _bias(name, bias)]
        predict.append(MatVec(out, f"{name}_weights", source, f"{name}_bias"))
        if out != "scores":
            tensors.append(Tensor(name, bias.shape, Space.SCRATCH))
            source = name
            if rectify:
                source = f"{name}_rectified"
                tensors.append(Tensor(source, bias.shape, Space.SCRATCH))
                predict.append(Rectify(source, name))
    return tensors, predict


def _constant(name: str, matrix: Reals) -> Tensor:
    values = np.asarray(matrix, dtype=np.float64)
    return Tensor(name, values.shape, Space.FLASH, QType.covering(float(np.abs(values).max()), WEIGHT_BITS), values)


def _bias(name: str, bias: Reals | None) -> Tensor:
    values = np.asarray(bias, dtype=np.float64)
    return Tensor(f"{name}_bias", values.shape, Space.FLASH, None, values)


def _encoding(rows: Reals) -> InputEncoding:
    """Inputs as they are, times a power of two."""
    frac = QType.covering(float(np.abs(rows).max()), ACTIVATION_BITS).frac
    low = -127 if rows.min() < 0 else 0
    return InputEncoding(np.zeros(1), np.array([2.0**frac], np.float32), low, 127, QType(ACTIVATION_BITS, frac))


def _typed(program: Program, rows: Reals, widths: dict[str, int]) -> Program:
    """The program with types that hold what rows make of its activations, of other widths where they are named."""
    largest = largest_magnitudes(program, rows)
    fixed = program.scores | {name for op in program.ops() for name in op.fixed}
    written = [op.out for op in program.ops() if op.is_stored and op.out not in fixed]
    types = {name: QType.covering(largest[name], widths.get(name, ACTIVATION_BITS)) for name in written}
    for op in program.ops():
        types |= {name: types[other] for name, other in op.reach_of.items()}
    return program.typed(types)
