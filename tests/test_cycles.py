"""Budgets of cycles and representations of weights, through the estimators."""

import numpy as np
import pytest

import edgealgos as ea

pytestmark = pytest.mark.slow

QUICK = {"epochs": 20, "random_state": 0, "teacher": None}


@pytest.mark.parametrize(("kind", "cycles"), [
    ("BonsaiClassifier", 4_000), ("ProtoNNClassifier", 6_000), ("FastGRNNClassifier", 60_000),
])  # fmt: skip
def test_the_cycles_are_kept_and_used(kind, cycles, digits):
    X, y = digits
    options = {"step_size": 8} if "GRNN" in kind else {}
    model = getattr(ea, kind)(max_cycles=cycles, max_model_bytes=None, **options, **QUICK).fit(X, y)
    compiled = ea.compile_model(model)
    assert 0.7 * cycles < compiled.report.cycles <= cycles
    assert model.score(X, y) > 0.6


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_the_board_agrees(digits):
    X, y = digits
    model = ea.BonsaiClassifier(max_cycles=3_000, bits=4, **QUICK).fit(X, y)
    compiled = ea.compile_model(model)
    found = compiled.simulate(X[:20])
    assert np.array_equal(found.scores, compiled.scores(X[:20]))
    assert found.cycles.mean() <= 1.05 * 3_000


def test_fewer_cycles_than_any_model_takes_are_refused(digits):
    with pytest.raises(ValueError, match="max_cycles=300 is too small"):
        ea.BonsaiClassifier(max_cycles=300, **QUICK).fit(*digits)


@pytest.mark.parametrize("bits", [16, "mixed", "posit8"])
def test_few_cycles_need_narrow_weights(bits, digits):
    with pytest.raises(ValueError, match="bits of at most 8"):
        ea.BonsaiClassifier(max_cycles=5_000, bits=bits, **QUICK).fit(*digits)


@pytest.mark.parametrize("bits", ["kmeans16", "kmeans256", "log4", "posit8"])
def test_tables_of_values(bits, digits):
    model = ea.ProtoNNClassifier(bits=bits, **QUICK).fit(*digits)
    assert np.unique(model.weights_["W"]).size <= (16 if bits in ("kmeans16", "log4") else 256)
    assert ea.compile_model(model).predict(digits[0]).shape == digits[1].shape


def test_mixed_precision_goes_on_training(digits):
    X, y = digits
    mixed = ea.ProtoNNClassifier(bits="mixed", max_accuracy_loss=1.0, **QUICK).fit(X, y)
    plain = ea.ProtoNNClassifier(**QUICK).fit(X, y)
    assert mixed.representations_ == {"W": "fixed4", "L": "fixed4"}
    assert mixed.qtypes_["W"].bits == 4
    assert mixed.model_bytes_ < 0.75 * plain.model_bytes_
