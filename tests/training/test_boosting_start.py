"""Linear starts of boosting: weights are coarse for speed where that costs nothing, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import r2_score

from edgealgos import BoostedTreesClassifier, BoostedTreesRegressor
from edgealgos.codegen.program.qtype import QType
from edgealgos.estimators.linear import LinearClassifier
from edgealgos.training.boosting.linear import Linear
from edgealgos.training.boosting.losses import loss_of
from edgealgos.training.boosting.start import rounded

X_FRAC = 5
X_TYPE = QType(8, X_FRAC)


def start_of(weights, bias):
    """The start made of such a model, and how often it agrees with it."""
    rng = np.random.default_rng(0)
    x = rng.integers(-100, 100, size=(400, len(weights)))
    real, fitted = np.ldexp(x.astype(float), -X_FRAC), Linear(np.array([weights]), np.array([bias]))
    y = (fitted.scores(real)[:, 0] > 0).astype(float)
    loss = loss_of("binary", 1)
    start = rounded(fitted, X_TYPE, QType(12, 3), lambda linear: loss.loss(linear.scores(real), y, np.ones(len(y))))
    return start, np.mean((start.scores(x)[:, 0] > 0) == y)


@pytest.mark.parametrize("bias", [0.0, -2.0])
def test_equal_weights_are_coarse(bias):
    start, agrees = start_of(np.ones(20), bias)
    assert start.weight_type.bits < 8
    assert agrees > 0.95


def test_small_weights_keep_their_levels_beside_a_large_one():
    start, agrees = start_of(np.concatenate([[1.0], np.full(400, 0.03)]), -0.5)
    assert start.weight_type.bits == 8
    assert np.count_nonzero(start.weights) == 401
    assert agrees > 0.95


def test_what_a_line_leaves_of_real_targets_is_learned_however_little_it_is():
    X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    line, bend = X[:, 0], 0.1 * np.abs(X[:, 1])
    model = BoostedTreesRegressor(max_model_bytes=512, random_state=0).fit(X, line + bend)
    assert r2_score(bend, model.predict(X) - line) > 0.85


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", [LinearClassifier, BoostedTreesClassifier])
def test_few_weights_among_many_features_keep_the_bytes_at_either_width_of_inputs(kind, bits):
    X = np.random.default_rng(0).normal(size=(60, 54))
    y = np.argmax(X[:, :4], axis=1)
    for most in (48, 64, 96):
        assert 0 < kind(bits=bits, max_model_bytes=most, random_state=0).fit(X, y).model_bytes_ <= most
