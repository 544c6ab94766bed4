"""From trained Keras models to programs: chains of layers over pictures, and additions around some of them.

Keras is never imported: a layer is known by the name of its class.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array

from edgealgos.errors import UnsupportedModelError

from ..ops import ArgMax, MatVec, Rectify, Rescale
from ..ops.chain import Chain
from ..program.encoding import InputEncoding
from ..program.geometry import Picture
from ..program.interpret import largest_magnitudes, run_float
from ..program.op import Op
from ..program.program import Program
from ..program.qtype import QType
from ..program.scores import decide
from ..program.tensor import Space, Tensor
from ..program.verify import verify
from .keras_layers import Layer, Reader, sources_of

Reals = NDArray[np.float64]
WEIGHT_BITS, ACTIVATION_BITS, SCORE_BITS = 8, 8, 16
CLIPPED = QType(ACTIVATION_BITS, ACTIVATION_BITS - 1)  # up to TOP


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
    model : keras.Sequential or a functional model
        Trained. A chain, but for `Add` layers that add what an earlier layer has made. Pictures (height, width,
        channels) or sequences (steps, features).
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
    reader, sources = Reader(picture), sources_of(model)
    for layer in model.layers:
        reader.take(layer, sources[layer.name])
    return KerasNet(_program(reader, picture, rows.reshape(len(rows), -1), labels))


# ---- the program -----------------------------------------------------------------------------------------------------


def _program(read: Reader, picture: Picture, rows: Reals, labels: Any) -> Program:
    """Program of the layers read, with types that hold what the rows make of them."""
    chain = _chain(read.scaled(), picture)
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


def _chain(layers: list[Layer], picture: Picture) -> Chain:
    """The layers over pictures; those that are clipped have a type that ends there."""
    chain = Chain(picture)
    for i, layer in enumerate(layers):
        for last, later in enumerate(layers):
            if later.added == i:
                chain.hold(f"layer{last + 1}", [inside.shape for inside in layers[i:last]])
        name = f"layer{i + 1}"
        if layer.added is not None:
            chain.add_held(name, name, None)
        elif layer.matrix is None:
            chain.add(name, layer.shape, None, None, None)
        else:
            out = None if layer.most is None else CLIPPED
            chain.add(name, layer.shape, _constant(f"{name}_weights", layer.matrix), _bias(name, layer.bias), out)
    return chain


def _vector_layers(chain: Chain, read: Reader) -> tuple[list[Tensor], list[Op]]:
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


def _bias(name: str, bias: Reals) -> Tensor:
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
