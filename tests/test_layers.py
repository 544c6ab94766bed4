"""The Keras layers compute what training computes, train inside plain Keras models and survive saving."""

import inspect

import numpy as np
import pytest

pytestmark = pytest.mark.slow

keras = pytest.importorskip("keras")

import tensorflow as tf  # noqa: E402

from edgealgos import layers  # noqa: E402
from edgealgos.training import bonsai, fastgrnn, protonn  # noqa: E402
from edgealgos.training.rounding import Rounding  # noqa: E402

RNN = keras.layers.RNN
CELLS = {"FastGRNN": layers.FastGRNNCell, "FastRNN": layers.FastRNNCell, "GRU": layers.GRUCell}


def blobs(n=400, features=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(classes, features))
    y = rng.integers(0, classes, n)
    return (centres[y] + 0.5 * rng.normal(size=(n, features))).astype(np.float32), y


def sequences(n=400, steps=5, seed=0):
    x, y = blobs(n, steps * 4, seed=seed)
    return x.reshape(n, steps, 4), y


def real_rounding(model):
    """Rounding switched off."""
    scales = {n: tf.constant(2.0**-20) for n in (*model.specs, *model.profiled)}
    return Rounding(tf.constant(False), scales, {n: s.bits for n, s in model.specs.items()}, tf.constant(256.0))


def fill(layer, params):
    """Give a built layer the parameters of a family."""
    for variable in layer.trainable_variables:
        value = np.asarray(params[variable.name])
        variable.assign(value if value.shape == variable.shape else value.T)


def small(params):
    """Parameters that keep activations away from saturation."""
    return {n: tf.constant(0.3 * np.asarray(v), tf.float32) for n, v in params.items()}


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_bonsai_equals_the_family_while_training(depth):
    x, y = blobs()
    model = bonsai.Bonsai(6, 3, "multiclass", projection_dim=4, depth=depth)
    params = small(model.initial(x, y, np.random.default_rng(0)))
    layer = layers.Bonsai(3, projection_dim=4, depth=depth)
    layer.build(x.shape)
    fill(layer, params)
    if depth:
        layer.calls.assign(1e6)
    expected = model.forward(params, tf.constant(x), real_rounding(model))
    np.testing.assert_allclose(layer(x, training=True), expected, atol=1e-5)


def test_protonn_equals_the_family():
    x, y = blobs()
    model = protonn.ProtoNN(6, 3, "multiclass", projection_dim=4, n_prototypes=9)
    params = small(model.initial(x, y, np.random.default_rng(0)))
    layer = layers.ProtoNN(3, projection_dim=4, n_prototypes=9)
    layer.build(x.shape)
    fill(layer, params)
    expected = model.forward(params, tf.constant(x), real_rounding(model))
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("nonlinearity", ["hard_tanh", "tanh"])
@pytest.mark.parametrize("name", CELLS)
def test_cell_equals_the_family(name, nonlinearity, rank):
    x, y = sequences()
    model = fastgrnn.FastGRNN(4, 3, "multiclass", n_steps=5, hidden_size=7, cell=name, rank_w=rank, rank_u=rank,
                              nonlinearity=nonlinearity)  # fmt: skip
    params = small(model.initial(x, y, np.random.default_rng(0)))
    cell = CELLS[name](7, rank_w=rank, rank_u=rank, nonlinearity=nonlinearity)
    network = RNN(cell)
    network.build(x.shape)
    fill(cell, params)
    expected = model.states(params, tf.constant(x), real_rounding(model))[-1]
    np.testing.assert_allclose(network(x), expected, atol=1e-5)


def network(kind):
    """A plain Keras model around one layer, and its input shape."""
    if kind in CELLS:
        return keras.Sequential([keras.Input((5, 4)), RNN(CELLS[kind](12)), keras.layers.Dense(3)]), sequences
    layer = {"Bonsai": layers.Bonsai(3, projection_dim=5, depth=1, doubling=30), "ProtoNN": layers.ProtoNN(3)}[kind]
    return keras.Sequential([keras.Input((6,)), layer]), blobs


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2, while saving
@pytest.mark.parametrize("kind", ["Bonsai", "ProtoNN", *CELLS])
def test_trains_inside_a_plain_sequential_and_survives_saving(kind, tmp_path):
    keras.utils.set_random_seed(0)
    model, data = network(kind)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss, metrics=["accuracy"])
    model.fit(*data(), epochs=25, batch_size=32, verbose=0)
    x, y = data(seed=1)
    assert model.evaluate(x, y, verbose=0)[1] > 0.9
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("kind", [layers.Bonsai, layers.ProtoNN, *CELLS.values()])
def test_configuration_names_every_parameter(kind):
    layer = kind(4, name="mine")
    config = layer.get_config()
    parameters = [p for p in inspect.signature(kind.__init__).parameters if p not in ("self", "kwargs")]
    assert set(parameters) <= set(config)
    assert kind.from_config(config).get_config() == config


def test_unknown_nonlinearity_is_refused():
    with pytest.raises(ValueError, match="hard_tanh"):
        layers.FastGRNNCell(4, nonlinearity="relu")
