"""The loop: its rounded forward pass is the device's, budgets are kept, same seed gives same bytes."""

import dataclasses

import numpy as np
import pytest

pytestmark = pytest.mark.slow

tf = pytest.importorskip("tensorflow")

from edgealgos.codegen.program.qtype import QType  # noqa: E402
from edgealgos.progress import heard_by  # noqa: E402
from edgealgos.training.bonsai import Bonsai  # noqa: E402
from edgealgos.training.budget import stored_bytes  # noqa: E402
from edgealgos.training.loop import train, with_options  # noqa: E402
from edgealgos.training.protonn import TABLE, ProtoNN  # noqa: E402
from edgealgos.training.rounding import Rounding  # noqa: E402
from edgealgos.training.rows import Rows, split_rows, varied  # noqa: E402
from edgealgos.training.schedule import Recipe  # noqa: E402

X_FRAC = 5
QUICK = {"epochs": 12, "batch_size": 32}


def problem(kind, n=160, d=12, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(3, d)) * 1.5
    y = rng.integers(3, size=n)
    x = np.clip(np.rint((centres[y] + rng.normal(size=(n, d))) * 2**X_FRAC), -128, 127).astype(np.int8)
    if kind == "regression":
        return x, 1000.0 + 30.0 * np.tanh(x[:, 0] / 32.0) + x[:, 1] / 8.0
    return x, (y > 0).astype(int) if kind == "binary" else y


def family(name, kind, d=12):
    outputs = 3 if kind == "multiclass" else 1
    if name == "bonsai":
        return Bonsai(d, outputs, kind, projection_dim=7, depth=2)
    return ProtoNN(d, outputs, kind, projection_dim=5, n_prototypes=9)


def fit(name, kind, budget=None, **options):
    x, y = problem(kind)
    model = family(name, kind)
    recipe = with_options(model.recipe, **QUICK)
    return model, x, train(model, x, y, x_frac=X_FRAC, budget=budget, recipe=recipe, jit=False, **options)


def raw(result, name):
    return result.qtypes[name].quantize(result.weights[name])


def bonsai_on_the_device(model, result, x):
    """Integer arithmetic of docs/decisions/001, one row at a time."""
    q = result.qtypes
    out = np.zeros((len(x), model.n_outputs), np.int64)
    weights, gates = raw(result, "W"), raw(result, "V")
    for i, row in enumerate(x.astype(np.int64)):
        z = q["z"].rescale(raw(result, "Z") @ row + raw(result, "b"), q["Z"].frac + X_FRAC)
        node = 0
        while True:
            w = q["w"].rescale(weights[node] @ z, q["W"].frac + 7)
            t = QType(8, 7).rescale(gates[node] @ z, q["V"].frac + 7)
            out[i] += w * t
            if node >= model.n_internal:
                break
            node = 2 * node + 1 if raw(result, "T")[node] @ z > 0 else 2 * node + 2
    return out, q["w"].frac + 7


def protonn_on_the_device(model, result, x):
    """Integer arithmetic of docs/decisions/001: block floating point kernels."""
    q, square = result.qtypes, 2 * result.qtypes["z"].frac
    z = q["z"].rescale(x.astype(np.int64) @ raw(result, "W").T + raw(result, "b"), q["W"].frac + X_FRAC)
    d = np.minimum(((z[:, None] - raw(result, "B")[None]) ** 2).sum(-1), 65535)
    v = d >> (square - 6)
    far = d >= 16 << square
    n = np.where(far, 16, v >> 6).min(1, keepdims=True)
    k = np.minimum((v >> 6) - n, 8).clip(0)
    e = np.where(far | (k > 7), 0, (TABLE.astype(np.int64)[v & 63] + (1 << k >> 1)) >> k)
    return e @ raw(result, "L") * 2.0 ** (9 - n), q["L"].frac + 16


@pytest.mark.parametrize("kind", ["multiclass", "binary"])
@pytest.mark.parametrize(("name", "device"), [("bonsai", bonsai_on_the_device), ("protonn", protonn_on_the_device)])
def test_the_rounded_forward_pass_is_the_device(name, device, kind):
    model, x, result = fit(name, kind, budget=200)
    scales = {n: tf.constant(2.0**t.frac, tf.float64) for n, t in result.qtypes.items()}
    bits = {n: spec.bits for n, spec in model.specs.items()}
    rounding = Rounding(tf.constant(True), scales, bits, tf.constant(256.0, tf.float64))
    weights = {n: tf.constant(v, tf.float64) for n, v in result.weights.items()}
    scores = model.forward(weights, tf.constant(x * 2.0**-X_FRAC, tf.float64), rounding).numpy()
    expected, frac = device(model, result, x)
    assert np.array_equal(scores * 2.0**frac, expected)


@pytest.mark.parametrize("kind", ["multiclass", "binary", "regression"])
@pytest.mark.parametrize("name", ["bonsai", "protonn"])
def test_weights_are_on_their_grid_and_within_the_budget(name, kind):
    model, _, result = fit(name, kind, budget=210)
    for tensor in model.specs:
        qtype, value = result.qtypes[tensor], result.weights[tensor]
        assert np.array_equal(qtype.dequantize(qtype.quantize(value)), value), tensor
    counts = {n: int(np.count_nonzero(result.weights[n])) for n, s in model.specs.items() if s.sparse}
    assert result.model_bytes <= 210
    assert result.model_bytes <= stored_bytes(model.specs, counts, model.extra_bytes)
    assert len(result.history["loss"]) == result.n_iter == QUICK["epochs"]


@pytest.mark.parametrize("name", ["bonsai", "protonn"])
def test_it_learns_and_tells_of_every_epoch(name):
    x, y = problem("multiclass", n=400)
    model = family(name, "multiclass")
    recipe = with_options(model.recipe, epochs=40)
    told: list[dict] = []
    with heard_by(lambda _, facts: told.append(facts)):
        result = train(model, x[:300], y[:300], x_frac=X_FRAC, recipe=recipe, validation=(x[300:], y[300:]), jit=False)
    assert max(result.history["validation"]) > 0.9
    for column in ("loss", "score", "bytes"):
        assert [facts[column] for facts in told] == result.history[column]
    assert [facts["epoch"] for facts in told] == list(range(1, result.n_iter + 1))


@pytest.mark.parametrize("name", ["bonsai", "protonn"])
def test_regression_targets_come_back_in_their_units(name):
    model, x, result = fit(name, "regression")
    _, y = problem("regression")
    device = bonsai_on_the_device if name == "bonsai" else protonn_on_the_device
    scores, frac = device(model, result, x)
    predicted = (scores * 2.0**-frac + result.weights["c"])[:, 0]
    assert 1 - np.mean((predicted - y) ** 2) / y.var() > 0.5


@pytest.mark.parametrize("name", ["bonsai", "protonn"])
def test_the_same_seed_gives_the_same_bytes(name):
    first, second, other = (fit(name, "multiclass", budget=210, random_state=seed)[2] for seed in (3, 3, 4))
    assert all(np.array_equal(first.weights[n], second.weights[n]) for n in first.weights)
    assert not all(np.array_equal(first.weights[n], other.weights[n]) for n in first.weights)


def test_zero_weight_rows_do_not_count():
    x, y = problem("multiclass")
    weight = (y > 0).astype(float)
    model = family("bonsai", "multiclass")
    recipe = with_options(model.recipe, epochs=30)
    result = train(model, x, y, x_frac=X_FRAC, sample_weight=weight, recipe=recipe, jit=False)
    scores, _ = bonsai_on_the_device(model, result, x)
    assert (scores.argmax(1)[y > 0] == y[y > 0]).mean() > 0.9


@pytest.mark.parametrize("kind", ["multiclass", "binary"])
@pytest.mark.parametrize("name", ["bonsai", "protonn"])
def test_rows_far_from_zero_train_around_zero_and_the_bias_makes_up_for_it_exactly(name, kind):
    model, device = family(name, kind), {"bonsai": bonsai_on_the_device, "protonn": protonn_on_the_device}[name]
    x, y = problem(kind, 400)
    x = np.clip(x // 2 - 60, -128, 127).astype(np.int8)
    recipe = with_options(model.recipe, **QUICK)
    result = train(model, x[:250], y[:250], x_frac=X_FRAC, budget=200, recipe=recipe, jit=False,
                   validation=(x[250:], y[250:]))  # fmt: skip
    scores, _ = device(model, result, x[250:])
    answers = scores[:, 0] > 0 if kind == "binary" else scores.argmax(axis=1)
    assert np.mean(answers == y[250:]) == pytest.approx(max(result.history["validation"]), abs=1e-6)
    assert np.mean(answers == y[250:]) > 0.7


def test_validation_rows_are_stratified():
    y = np.repeat([0, 1, 2], [100, 50, 10])
    rows, held = split_rows(y, 0.2, "multiclass", np.random.default_rng(0))
    assert np.bincount(y[held]).tolist() == [20, 10, 2]
    assert np.array_equal(np.sort(np.r_[rows, held]), np.arange(160))


def test_versions_of_rows():
    rng = np.random.default_rng(0)
    rows = Rows(rng.integers(-128, 128, (50, 4)).astype(np.int8), np.eye(2, dtype=np.float32)[[0, 1] * 25], np.ones(50))
    plain = {"mixup": 0.0, "noise": 0.0, "augment": None, "answer": None, "rng": rng}
    assert varied(rows, **plain) is rows
    many = varied(rows, **plain | {"mixup": 0.3, "noise": 2.0})
    assert many.x_q.shape[0] % 50 == 0
    assert many.x_q.dtype == np.int8
    assert np.allclose(many.targets.sum(1), 1)
    shifted = varied(rows, **plain | {"augment": lambda rng: rows.x_q[:, ::-1]})
    assert np.array_equal(shifted.x_q[50:100], rows.x_q[:, ::-1])


@pytest.mark.parametrize(("augmented", "answered", "made"), [(True, False, 3), (True, True, 1), (False, False, 0)])
def test_augmented_versions_that_all_have_been_seen_are_made_anew(augmented, answered, made):
    x, y = problem("multiclass")
    seeds = []

    def augment(rng):
        seeds.append(int(rng.integers(2**31)))
        return x

    def answer(x_q):
        return np.full((len(x_q), 3), 1 / 3, np.float32)

    model = family("protonn", "multiclass")
    recipe = dataclasses.replace(with_options(model.recipe, epochs=6, batch_size=32), mixup=0.0, most_rows=2 * len(x))
    train(model, x, y, x_frac=X_FRAC, recipe=recipe, jit=False, augment=augment if augmented else None,
          teacher=answer if answered else None)  # fmt: skip
    assert len(set(seeds)) == len(seeds) == made  # of two versions of all rows, one after the other, in six epochs


def test_rows_as_they_are_stand_among_their_augmented_versions():
    """Interpolation blurs: nets that had seen moved pictures alone did worse on pictures that nobody had moved."""
    rows = Rows(np.arange(8, dtype=np.int8).reshape(4, 2), np.eye(2, dtype=np.float32)[[0, 1, 0, 1]], np.ones(4))
    many = varied(rows, mixup=0.0, noise=0.0, augment=lambda rng: rows.x_q + 1, answer=None,
                  rng=np.random.default_rng(0), most=12)  # fmt: skip
    assert np.array_equal(many.x_q, np.concatenate([rows.x_q, rows.x_q + 1, rows.x_q + 1]))
    assert np.array_equal(many.targets, np.tile(rows.targets, (3, 1)))


def test_stages_and_bytes_of_a_recipe():
    recipe = dataclasses.replace(Recipe(), epochs=100)
    assert [recipe.stage(e) for e in (0, 30, 99)] == ["dense", "thresholding", "fixed support"]
    allowed = [recipe.allowed_at(e, 4000, 1000) for e in range(20, 60)]
    assert allowed == sorted(allowed, reverse=True)
    assert allowed[-1] == 1000
    assert Recipe().for_rows(60000).epochs < Recipe().epochs
    assert with_options(Recipe(), epochs=77).for_rows(60000).epochs == 77
