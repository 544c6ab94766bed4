"""FastGRNN, FastRNN and GRU train, round exactly as the device, and take no more bytes than allowed."""

import dataclasses
import itertools
import re

import numpy as np
import pytest
import tensorflow as tf

from edgealgos.codegen.program.qtype import QType
from edgealgos.training import cells, recurrence
from edgealgos.training.fastgrnn import FastGRNN, structure_for_budget
from edgealgos.training.loop import TrainingResult, train
from edgealgos.training.rounding import Rounding
from tests.training.reference import device_scores

pytestmark = pytest.mark.slow

X_FRAC = 6
STEPS, FEATURES = 5, 4
STRUCTURES = list(itertools.product(("FastGRNN", "FastRNN", "GRU"), ("hard_tanh", "tanh"), (None, 2)))


def family(cell="FastGRNN", nonlinearity="hard_tanh", rank=None, problem="multiclass", n_outputs=3, hidden_size=7):
    return FastGRNN(FEATURES, n_outputs, problem, n_steps=STEPS, hidden_size=hidden_size, cell=cell, rank_w=rank,
                    rank_u=rank, nonlinearity=nonlinearity)  # fmt: skip


def rows(n=300, seed=0):
    """Sequences whose class is the feature that is largest in the mean of the first steps."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-100, 101, (n, STEPS, FEATURES))
    return x.reshape(n, -1).astype(np.int8), x[:, :3, :3].mean(1).argmax(1)


def rounding_of(model, result, on=True):
    scales = {n: tf.constant(2.0 ** result.qtypes[n].frac, tf.float32) for n in (*model.specs, *model.profiled)}
    bits = {n: result.qtypes[n].bits for n in model.specs}
    return Rounding(tf.constant(on), scales, bits, tf.constant(1.0))


def untrained(model, seed, gain=1.0):
    """Random weights on their grids, as a result of training."""
    x, y = rows(50, seed)
    rng = np.random.default_rng(seed)
    params = {n: gain * v for n, v in model.initial(x * 2.0**-X_FRAC, y, rng).items()}
    params |= {n: rng.normal(size=params[n].shape) for n in params if "bias" in n}
    params |= {n: rng.uniform(0, 0.99, 1) for n in ("zeta", "nu", "alpha", "beta") if n in params}
    types = {n: QType.covering(np.abs(v).max(), 8) for n, v in params.items()}
    types |= {n: QType(8, min(types[n].frac, 12)) for n in types if "bias" in n}
    types |= {n: QType(s.bits, s.frac) for n, s in model.specs.items() if s.frac is not None}
    types |= {n: QType(8, 5) for n in model.profiled}
    types["FC_bias"] = QType(32, types["FC"].frac + 7)
    weights = {n: types[n].dequantize(types[n].quantize(v)) for n, v in params.items()}
    return TrainingResult(weights, types, 0, {}, 0)


def scores_of(model, result, x, on=True):
    params = {n: tf.constant(v, tf.float32) for n, v in result.weights.items()}
    return model.forward(params, tf.constant(x, tf.float32) * 2.0**-X_FRAC, rounding_of(model, result, on)).numpy()


@pytest.mark.parametrize("gain", [0.7, 4.0])
@pytest.mark.parametrize(("cell", "nonlinearity", "rank"), STRUCTURES)
def test_rounded_forward_equals_integers_of_the_device(cell, nonlinearity, rank, gain):
    """Also where pre-activations, inner products and states saturate (gain 4)."""
    model = family(cell, nonlinearity, rank)
    for seed in range(5):
        result = untrained(model, seed, gain)
        x = np.random.default_rng(seed).integers(-128, 128, (200, STEPS * FEATURES)).astype(np.int8)
        expected = device_scores(result, x.reshape(-1, STEPS, FEATURES), X_FRAC, nonlinearity, cell)
        frac = result.qtypes["FC"].frac + 7
        assert np.array_equal(np.ldexp(scores_of(model, result, x).astype(float), frac), expected)


@pytest.mark.parametrize(("cell", "nonlinearity", "rank"), STRUCTURES)
def test_training_ends_on_the_grid_and_on_the_device(cell, nonlinearity, rank):
    model = family(cell, nonlinearity, rank)
    x, y = rows()
    recipe = dataclasses.replace(model.recipe, epochs=8)
    result = train(model, x, y, x_frac=X_FRAC, budget=2048, recipe=recipe, random_state=0)
    for name, values in result.weights.items():
        assert np.array_equal(values, result.qtypes[name].dequantize(result.qtypes[name].quantize(values))), name
    expected = device_scores(result, x.reshape(-1, STEPS, FEATURES), X_FRAC, nonlinearity, cell)
    raw = np.ldexp(scores_of(model, result, x).astype(float), result.qtypes["FC"].frac + 7)
    assert np.array_equal(raw, expected)


@pytest.mark.parametrize("cell", ["FastGRNN", "FastRNN"])
def test_learns_an_easy_problem(cell):
    model = family(cell, hidden_size=12)
    x, y = rows(1200)
    result = train(model, x, y, x_frac=X_FRAC, budget=2048, random_state=0)
    fresh, truth = rows(3000, seed=1)  # of 300, chance alone makes two points
    assert (scores_of(model, result, fresh).argmax(1) == truth).mean() > 0.85


def test_same_seed_same_weights():
    x, y = rows()
    recipe = dataclasses.replace(family().recipe, epochs=4)
    first, second = (train(family(), x, y, x_frac=X_FRAC, recipe=recipe, random_state=3).weights for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_sparse_where_the_user_wants_a_large_state():
    x, y = rows()
    hidden, rank_w, rank_u = structure_for_budget(600, FEATURES, 3, n_steps=STEPS, hidden_size=24)
    model = FastGRNN(FEATURES, 3, "multiclass", n_steps=STEPS, hidden_size=hidden, rank_w=rank_w, rank_u=rank_u)
    result = train(model, x, y, x_frac=X_FRAC, budget=600, recipe=dataclasses.replace(model.recipe, epochs=10))
    assert result.model_bytes <= 600
    assert np.count_nonzero(result.weights["U"]) < 24 * 24


def test_regression_folds_mean_and_deviation_into_the_head():
    x, _ = rows(600)
    target = 500 + 40 * x.reshape(-1, STEPS, FEATURES)[:, :, 0].mean(1) / 64
    model = family(problem="regression", n_outputs=1, hidden_size=10)
    result = train(model, x, target, x_frac=X_FRAC, random_state=0)
    error = scores_of(model, result, x)[:, 0] - target
    assert np.std(error) < 0.4 * np.std(target)
    assert abs(error.mean()) < 0.2 * np.std(target)


# ---- structure ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nonlinearity", ["hard_tanh", "tanh"])
def test_structure_grows_with_the_budget_and_stays_within(nonlinearity):
    sizes = []
    for budget in (300, 500, 1000, 2048, 4096, 8192):
        size, rank_w, rank_u = structure_for_budget(budget, 8, 10, n_steps=8, nonlinearity=nonlinearity)
        model = FastGRNN(8, 10, "multiclass", n_steps=8, hidden_size=size, rank_w=rank_w, rank_u=rank_u,
                         nonlinearity=nonlinearity)  # fmt: skip
        stored = sum(spec.size * -(-spec.bits // 8) for spec in model.specs.values()) + model.extra_bytes
        assert stored <= budget
        sizes.append(size)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_impossible_budget_names_the_least_that_works():
    with pytest.raises(ValueError, match="the least that works") as refusal:
        structure_for_budget(40, 200, 10, n_steps=8)
    least = int(re.search(r"max_model_bytes=(\d+)$", str(refusal.value))[1])
    assert structure_for_budget(least, 200, 10, n_steps=8)[0] == 1


def test_what_the_user_fixed_is_kept():
    assert structure_for_budget(2048, 8, 10, n_steps=8, hidden_size=20, rank_w=3, rank_u=4) == (20, 3, 4)


# ---- gradient -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factors", [1, 2])
@pytest.mark.parametrize("name", ["FastGRNN", "FastRNN", "GRU"])
def test_gradient_by_hand_equals_the_automatic_one(name, factors):
    rng = np.random.default_rng(0)
    tensor = lambda *shape: tf.constant(0.5 * rng.normal(size=shape), tf.float32)  # noqa: E731
    rows = 18 if name == "GRU" else 6
    cell, wx = cells.CELLS[name]("tanh"), tensor(4, 3, rows)
    matrices = (tensor(rows, 6),) if factors == 1 else (tensor(rows, 2), tensor(2, 6))
    vectors = (tensor(6), tensor(6)) if name == "FastGRNN" else (tensor(rows),)
    scalars = () if name == "GRU" else (tf.constant(0.6), tf.constant(0.1))
    arguments = (wx, *matrices, *vectors, *scalars)

    def by_hand():
        states = recurrence.states(cell, wx, matrices, vectors, scalars, rounded=tf.constant(False))
        return tf.reduce_sum(states[1] * wx[0, :, :6]) + tf.reduce_sum(tf.square(states[-1]))

    def automatic():
        states = recurrence.real_path(cell, wx, matrices, vectors, scalars).states
        return tf.reduce_sum(states[2] * wx[0, :, :6]) + tf.reduce_sum(tf.square(states[-1]))

    for one, other in zip(gradients(by_hand, arguments), gradients(automatic, arguments), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def gradients(function, arguments):
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = function()
    return tape.gradient(value, arguments)


# ---- long sequences -----------------------------------------------------------------------------------------------


def of_steps(cell, rounded, steps, unrolled, monkeypatch):
    """A graph of the states of so many steps and of their gradients, and what to call it with."""
    monkeypatch.setattr(recurrence, "UNROLLED", unrolled)
    rng = np.random.default_rng(0)
    rows = 9 if cell == "GRU" else 3
    grid = lambda *shape: tf.constant(np.round(1024 * rng.normal(size=shape)) / 4096, tf.float32)  # noqa: E731
    vectors = (grid(3), grid(3)) if cell == "FastGRNN" else (grid(rows),)
    scalars = () if cell == "GRU" else (tf.constant(0.25), tf.constant(0.75))
    arguments = (grid(steps, 4, rows), grid(rows, 2), grid(2, 3), *vectors, *scalars)
    direct = grid(steps, 4, 3)

    @tf.function(autograph=False)
    def graph(wx, outer, inner, *rest):
        with tf.GradientTape() as tape:
            watched = (wx, outer, inner, *rest)
            tape.watch(watched)
            states = recurrence.states(
                cells.CELLS[cell]("hard_tanh"), wx, (outer, inner), rest[: len(vectors)], rest[len(vectors) :],
                rounded=tf.constant(rounded), inner_scale=tf.constant(16.0),
            )  # fmt: skip
            loss = tf.reduce_sum(states * direct)
        return states, *tape.gradient(loss, watched)

    return graph, arguments


@pytest.mark.parametrize("rounded", [True, False])
@pytest.mark.parametrize("cell", ["FastGRNN", "FastRNN", "GRU"])
def test_a_loop_over_blocks_of_steps_changes_no_bit(cell, rounded, monkeypatch):
    """Of steps that the blocks divide, and of others."""
    for steps in (2 * recurrence.BLOCK, 2 * recurrence.BLOCK + 3):
        found = []
        for unrolled in (steps, 0):
            graph, arguments = of_steps(cell, rounded, steps, unrolled, monkeypatch)
            found.append([value.numpy() for value in graph(*arguments)])
        for one, other in zip(*found, strict=True):
            assert np.array_equal(one, other)
        assert any(value.any() for value in found[0][1:])


def test_graphs_do_not_grow_with_long_sequences(monkeypatch):
    """A fit of 2,000 steps made graphs for minutes before it began."""

    def operations(steps):
        graph, arguments = of_steps("GRU", True, steps, recurrence.UNROLLED, monkeypatch)
        definition = graph.get_concrete_function(*arguments).graph.as_graph_def()
        return len(definition.node) + sum(len(function.node_def) for function in definition.library.function)

    assert operations(2000) == operations(100)
