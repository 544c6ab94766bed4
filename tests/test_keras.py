"""Trained Keras models as programs: the same answers, folded normalisation, layers that are refused by name."""

from __future__ import annotations

import numpy as np
import pytest

import edgealgos as ea
from edgealgos.errors import UnsupportedModelError

from .support.equivalence import host_scores

keras = pytest.importorskip("keras")
L = keras.layers


def built(*layers, shape=(8, 8, 2)):
    """A model with random weights; of normalisations with means and deviations as after training."""
    keras.utils.set_random_seed(0)
    return perturbed(keras.Sequential([L.Input(shape), *layers]))


def perturbed(model):
    rng = np.random.default_rng(0)
    for layer in model.layers:
        weights = [w + 0.1 * rng.normal(size=w.shape) for w in layer.get_weights()]
        if type(layer).__name__ == "BatchNormalization":
            weights[-1] = np.abs(weights[-1]) + 0.5
        layer.set_weights(weights)
    return model


def bottlenecks(shape=(9, 8, 2), stride=1, rectify=None):
    """A functional model: inverted bottlenecks, one with an addition in its branch, then a rectifier clipped at 3."""
    keras.utils.set_random_seed(0)
    source = L.Input(shape)

    def convolved(x, layer, most=None):
        x = L.BatchNormalization()(layer(x))
        return x if most is None else L.ReLU(max_value=most)(x)

    x = start = convolved(source, L.Conv2D(4, 3, padding="same", use_bias=False))
    x = convolved(x, L.Conv2D(9, 1), 1.5)
    x = inner = convolved(x, L.DepthwiseConv2D(3, strides=stride, padding="same"), 1.0)
    x = L.Add(name="inner")([convolved(x, L.DepthwiseConv2D(4, padding="same")), inner])
    x = L.Add(name="outer")([start, convolved(x, L.Conv2D(4, 1))])
    x = convolved(x, L.Conv2D(6, 1, activation=rectify), 0.7)
    return perturbed(keras.Model(source, L.Dense(3)(L.GlobalAveragePooling2D()(x))))


NETS = {
    "inverted bottlenecks": bottlenecks,
    "separable, average": lambda: built(
        L.Conv2D(6, 3, strides=2, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(),
        L.SeparableConv2D(8, 3, padding="same", activation="relu"), L.DepthwiseConv2D(3), L.ReLU(),
        L.GlobalAveragePooling2D(), L.Dropout(0.1), L.Dense(6, activation="relu"), L.Dense(3, activation="softmax"),
    ),
    "pool, flatten": lambda: built(
        L.Conv2D(5, (3, 2), activation="relu"), L.MaxPooling2D(2), L.Flatten(),
        L.Dense(9, activation="relu"), L.Dense(3),
    ),
    "scores of a whole picture": lambda: built(L.Conv2D(4, 3, strides=2, activation="relu"), L.Flatten(), L.Dense(3)),
    "two classes over time": lambda: built(
        L.Conv1D(6, 5, strides=2, padding="same", activation="relu"), L.SeparableConv1D(5, 3), L.BatchNormalization(),
        L.Activation("relu"), L.GlobalAveragePooling1D(), L.Dense(1, activation="sigmoid"), shape=(20, 3),
    ),
}  # fmt: skip


def scores_before_the_end(model, X):
    """What Keras computes before softmax or sigmoid."""
    last = model.layers[-1]
    last.activation = keras.activations.linear
    return np.asarray(model(X.astype(np.float32)))


@pytest.mark.needs("g++")
@pytest.mark.parametrize("name", NETS)
def test_a_trained_net_answers_as_in_keras(name, tmp_path):
    model = NETS[name]()
    X = np.random.default_rng(1).random((60, *model.input_shape[1:]))
    net = ea.from_keras(model, X)
    compiled = ea.compile_model(net, board="host")
    wanted = scores_before_the_end(model, X)
    found = compiled.program.output.type.dequantize(compiled.scores(X))
    assert np.abs(found - wanted).max() < 0.06 * np.abs(wanted).max() + 0.02
    assert np.abs(net.decision_function(X) - wanted).max() < 0.02 * np.abs(wanted).max() + 0.01
    q = compiled.quantize(X[:5]).reshape(5, -1, compiled.program.input.size)
    assert np.array_equal(host_scores(compiled, q, tmp_path), compiled.scores(X[:5]))


def test_kernels_of_one_position_keep_no_rows():
    """Of the six layers of the bottlenecks three have kernels of several rows, one of them over the input."""
    model = NETS["inverted bottlenecks"]()
    program = ea.from_keras(model, np.random.default_rng(0).random((9, 9, 8, 2))).program
    kinds = [type(op).__name__ for op in program.functions["push"]]
    assert [kinds.count(kind) for kind in ("KeepRows", "AwaitRows", "Pointwise", "AddRow")] == [1, 2, 3, 2]


def test_labels_are_those_that_are_given():
    model = NETS["pool, flatten"]()
    X = np.random.default_rng(1).random((30, 8, 8, 2))
    compiled = ea.compile_model(ea.from_keras(model, X, labels=["a", "b", "c"]))
    assert set(compiled.predict(X)) <= {"a", "b", "c"}
    with pytest.raises(ValueError, match="2 labels for 3 classes"):
        ea.from_keras(model, X, labels=["a", "b"])


def branches():
    """Layers in both branches."""
    x = source = L.Input((6, 6, 2), name="begin")
    x = L.Add(name="meeting")([L.Conv2D(3, 1)(source), L.Conv2D(3, 3, padding="same")(x)])
    return keras.Model(source, L.Dense(2)(L.GlobalAveragePooling2D()(x)))


def refused():
    yield "LSTM", built(L.Conv1D(3, 3), L.LSTM(4, name="memory"), L.Dense(2), shape=(9, 2)), "'memory' .LSTM. has no"
    yield "dilation", built(L.Conv2D(3, 3, dilation_rate=2, name="wide"), L.Flatten(), L.Dense(2)), "'wide' .* dilation"
    yield "tanh", built(L.Conv2D(3, 3, activation="tanh", name="bent"), L.Flatten(), L.Dense(2)), "'bent' .* 'tanh'"
    yield "dense on rows", built(L.Dense(3, name="early"), L.Flatten(), L.Dense(2)), "'early' .* works on every row"
    late = built(L.Conv2D(3, 3, activation="relu"), L.BatchNormalization(name="late"), L.Flatten(), L.Dense(2))
    yield "normalisation behind a rectifier", late, "'late' .* right behind a convolution"
    yield "both branches", branches(), "takes what 'begin' made, not .*one of them without layers"
    yield "a stride", bottlenecks((2, 1, 2), stride=2), "'outer' .* around a stride"
    clipped = built(L.GlobalAveragePooling2D(), L.Dense(2), L.ReLU(max_value=6.0, name="top"), L.Dense(2))
    yield "a clipped dense layer", clipped, "'top' .* 'relu' where it stands"
    yield "no dense layer", built(L.Conv2D(3, 3, activation="relu")), "ends in a picture"


@pytest.mark.parametrize(("model", "what"), [pytest.param(*case[1:], id=case[0]) for case in refused()])
def test_what_has_no_counterpart_is_refused_by_name(model, what):
    with pytest.raises(UnsupportedModelError, match=what):
        ea.from_keras(model, np.ones((4, *model.input_shape[1:])))


def test_calibration_rows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"rows of shape \(7, 8, 2\), the model takes \(8, 8, 2\)"):
        ea.from_keras(NETS["pool, flatten"](), np.ones((4, 7, 8, 2)))
