"""Budgets are limits whatever the epochs, precision and structure: kept, or refused with the least that works."""

from __future__ import annotations

import re

import numpy as np
import pytest

import edgealgos as ea
from edgealgos.estimators.linear import LinearClassifier, LinearRegressor
from edgealgos.estimators.neighbours import NeighboursClassifier

pytestmark = pytest.mark.slow

ONE = {"epochs": 1, "random_state": 0}
FLAT = [ea.BonsaiClassifier, ea.ProtoNNClassifier, ea.BonsaiRegressor, ea.ProtoNNRegressor]
SEQUENCES = [ea.FastGRNNClassifier, ea.FastRNNClassifier, ea.FastGRNNRegressor]
BITS = [3, 4, 5, 6, 8, 16, "mixed", "kmeans16", "kmeans256", "log4", "posit8"]


def shaped(kind):
    """Options that make sequences of digits' rows."""
    return {"step_size": 8} if kind in SEQUENCES else {}


def fitted(kind, digits, **options):
    return kind(**ONE | shaped(kind) | options).fit(*digits)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("kind", [*FLAT, ea.FastGRNNClassifier, ea.FastGRNNRegressor], ids=lambda k: k.__name__)
def test_one_epoch_keeps_the_bytes_at_every_precision(kind, bits, digits):
    model = fitted(kind, digits, bits=bits, max_model_bytes=600)
    assert model.model_bytes_ == ea.compile_model(model).report.model_bytes <= 600


@pytest.mark.parametrize("options", [
    {"epochs": 2}, {"epochs": 3}, {"batch_size": 500}, {"depth": 2, "projection_dim": 6, "max_model_bytes": 1010},
    {"depth": 0}, {"restarts": 2}, {"class_weight": "balanced"}, {"teacher": None}, {"max_model_bytes": 2048},
    {"augment": ea.augment.ImageShift((8, 8))}, {"learning_rate": 1.0},
], ids=str)  # fmt: skip
def test_few_epochs_of_a_tree_keep_the_bytes_however_it_is_trained(options, digits):
    options = {"max_model_bytes": 400} | options
    assert fitted(ea.BonsaiClassifier, digits, **options).model_bytes_ <= options["max_model_bytes"]


@pytest.mark.parametrize("kind", [*FLAT, *SEQUENCES], ids=lambda k: k.__name__)
@pytest.mark.parametrize("bits", [4, 8])
def test_one_epoch_keeps_the_least_bytes_that_work(kind, bits, digits):
    with pytest.raises(ValueError, match="too small") as refusal:
        fitted(kind, digits, bits=bits, max_model_bytes=10)
    least = int(re.search(r"the least that works is max_model_bytes=(\d+)", str(refusal.value))[1])
    assert fitted(kind, digits, bits=bits, max_model_bytes=least).model_bytes_ <= least


@pytest.mark.parametrize("shift", [0.0, 1e3])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_one_epoch_keeps_the_bytes_where_biases_are_large(scale, shift, digits):
    X, y = digits
    model = ea.ProtoNNRegressor(**ONE, max_model_bytes=300).fit(X + shift, scale * (y + shift))
    assert model.model_bytes_ <= 300


def test_a_model_after_one_epoch_has_learned_something(digits):
    X, y = digits
    assert fitted(ea.BonsaiClassifier, digits, max_model_bytes=600).score(X, y) > 0.3


# ---- cycles ----------------------------------------------------------------------------------------------------------

CYCLES = [
    (ea.BonsaiClassifier, {}), (ea.BonsaiClassifier, {"bits": 4}), (ea.BonsaiClassifier, {"depth": 2}),
    (ea.BonsaiClassifier, {"epochs": 12}), (ea.ProtoNNClassifier, {}), (ea.BonsaiRegressor, {}),
    (ea.ProtoNNClassifier, {"n_prototypes": 30, "projection_dim": 8}), (ea.ProtoNNRegressor, {}),
    (ea.FastGRNNClassifier, {}), (ea.FastGRNNClassifier, {"hidden_size": 16, "max_model_bytes": None}),
    (ea.FastGRNNClassifier, {"hidden_size": 16, "rank_w": 3, "rank_u": 4}), (ea.FastGRNNRegressor, {"bits": 4}),
    (ea.FastRNNClassifier, {"nonlinearity": "tanh"}), (ea.FastRNNClassifier, {"epochs": 12}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "options"), CYCLES, ids=lambda v: v.__name__ if isinstance(v, type) else str(v))
def test_cycles_that_cannot_be_met_are_refused_with_the_least_that_works(kind, options, digits):
    """And those are met; one less is refused with the same answer."""
    with pytest.raises(ValueError, match="max_cycles=100 is too small") as refusal:
        fitted(kind, digits, max_cycles=100, **options)
    least = int(re.search(r"the least that works is max_cycles=(\d+)", str(refusal.value))[1])
    assert ea.compile_model(fitted(kind, digits, max_cycles=least, **options)).report.cycles <= least
    with pytest.raises(ValueError, match=f"the least that works is max_cycles={least}$"):
        fitted(kind, digits, max_cycles=least - 1, **options)


@pytest.mark.parametrize("kind", [
    ea.BonsaiClassifier, ea.BonsaiRegressor, ea.ProtoNNClassifier, ea.ProtoNNRegressor
], ids=lambda k: k.__name__)  # fmt: skip
@pytest.mark.parametrize(("features", "scale"), [(2, 1.0), (4, 1e-3), (13, 300.0), (30, 1.0)])
def test_the_least_cycles_of_a_few_hundred_work_too(kind, features, scale):
    rng = np.random.default_rng(features)
    X = rng.normal(size=(150, features))
    y = scale * (X[:, 0] + 5) if "Regressor" in kind.__name__ else np.digitize(X[:, 0], [-0.4, 0.4])
    with pytest.raises(ValueError, match="the least that works is max_cycles=") as refusal:
        kind(**ONE, max_cycles=1).fit(X, y)
    least = int(re.search(r"max_cycles=(\d+)$", str(refusal.value))[1])
    assert ea.compile_model(kind(**ONE, max_cycles=least).fit(X, y)).report.cycles <= least


@pytest.mark.parametrize("kind", [*FLAT, *SEQUENCES], ids=lambda k: k.__name__)
@pytest.mark.parametrize("more", [1.05, 1.5, 4.0])
def test_one_epoch_keeps_cycles_just_above_the_least(kind, more, digits):
    with pytest.raises(ValueError, match="least") as refusal:
        fitted(kind, digits, max_cycles=1)
    most = round(more * int(re.search(r"max_cycles=(\d+)$", str(refusal.value))[1]))
    assert ea.compile_model(fitted(kind, digits, max_cycles=most)).report.cycles <= most


@pytest.mark.parametrize("kind", [LinearClassifier, NeighboursClassifier, LinearRegressor], ids=lambda k: k.__name__)
@pytest.mark.parametrize("features", [1, 13, 64])
def test_families_without_epochs_refuse_cycles_with_the_least_that_works(kind, features, digits):
    X, y = digits[0][:200, 10 : 10 + features], digits[1][:200] % 3
    with pytest.raises(ValueError, match="the least that works is max_cycles=") as refusal:
        kind(max_cycles=1, random_state=0).fit(X, y)
    least = int(re.search(r"max_cycles=(\d+)$", str(refusal.value))[1])
    assert ea.compile_model(kind(max_cycles=least, random_state=0).fit(X, y)).report.cycles <= least


def test_nothing_is_trained_before_cycles_are_refused(digits, monkeypatch):
    monkeypatch.setattr("edgealgos.training.loop.train", lambda *args, **options: pytest.fail("it trains"))
    for kind in (*FLAT, *SEQUENCES):
        with pytest.raises(ValueError, match="the least that works is max_cycles="):
            fitted(kind, digits, max_cycles=50)


def test_both_budgets_at_once(digits):
    model = fitted(ea.ProtoNNClassifier, digits, max_cycles=4000, max_model_bytes=400)
    assert model.model_bytes_ <= 400
    assert ea.compile_model(model).report.cycles <= 4000


@pytest.mark.parametrize("representation", ["kmeans16", "kmeans256", "log4", "posit8", "mixed"])
@pytest.mark.parametrize("kind", [ea.FastGRNNRegressor, ea.BonsaiRegressor, ea.ProtoNNRegressor])
def test_tables_of_values_fit_sums_that_a_mean_far_from_zero_has_filled(kind, representation, digits):
    X, y = digits
    model = kind(**ONE | shaped(kind), bits=representation).fit(X, y + 5000.0)
    assert np.abs(ea.compile_model(model).predict(X) - 5000).max() < 100
