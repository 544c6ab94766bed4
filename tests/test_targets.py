"""Targets at the edge of what numbers can say: a regressor gives the constant, or says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import edgealgos as ea
from edgealgos.estimators.linear import LinearRegressor
from edgealgos.estimators.validation import outlying

pytestmark = pytest.mark.slow

KINDS = [ea.BonsaiRegressor, ea.ProtoNNRegressor, ea.FastGRNNRegressor]
OPTIONS = [{"epochs": 2, "random_state": 0}, {"epochs": 2, "bits": 16}, {"epochs": 2, "bits": 4}]
WITHOUT_EPOCHS = [ea.BoostedTreesRegressor, LinearRegressor]
X = np.random.default_rng(0).normal(size=(60, 4))


def told(kind, options, y, rows=X, weight=None):
    """What Python and the device answer."""
    model = kind(**options).fit(rows, y, weight)
    return model.predict(rows), ea.compile_model(model).predict(rows)


@pytest.mark.parametrize("value", [41.5, 0.0, -3.0, 1e-30, -1e-20, 1e30, -1e30, 0.1, 255, 1e7 + 1, 2**31, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_is_answered_as_that_constant(kind, options, value):
    for answers in told(kind, options, np.full(60, value)):
        np.testing.assert_allclose(answers, float(value), rtol=2.0**-22)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 2])
def test_one_row_is_a_constant_with_the_defaults_too(kind, rows):
    for answers in told(kind, {}, np.full(rows, 3.25), X[:rows]):
        np.testing.assert_array_equal(answers, 3.25)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("y", [
    np.where(X[:, 0] > 0, 41.5, np.nextafter(41.5, 50)), np.full(60, 0.1) * 3 / 3 + 1e-17 * X[:, 0],
    1e15 + X[:, 0], np.where(X[:, 0] > 0, 1e30, np.nextafter(1e30, 0)), -7.0 + 1e-14 * X[:, 0],
])  # fmt: skip
def test_what_rounding_alone_tells_apart_is_a_constant(kind, y):
    for answers in told(kind, OPTIONS[0], y):
        np.testing.assert_allclose(answers, y.mean(), rtol=2.0**-22)


@pytest.mark.parametrize("bits", ["auto", 16])
@pytest.mark.parametrize("value", [3.7, 0.1, 1e-20, -7e25, 12345.678, 1e9 / 3, -1 / 3, 0.0])
@pytest.mark.parametrize("kind", WITHOUT_EPOCHS)
def test_a_constant_whose_mean_is_rounded_is_answered_as_that_constant(kind, value, bits):
    for answers in told(kind, {"bits": bits, "random_state": 0}, np.full(60, value)):
        np.testing.assert_allclose(answers, value, rtol=2.0**-22)


@pytest.mark.parametrize("y", [-7.0 + 1e-14 * X[:, 0], 1e15 + X[:, 0], np.full(60, 0.1) * 3 / 3 + 1e-17 * X[:, 0]])
@pytest.mark.parametrize("kind", WITHOUT_EPOCHS)
def test_what_rounding_alone_tells_apart_is_a_constant_of_trees_too(kind, y):
    for answers in told(kind, {"random_state": 0}, y):
        np.testing.assert_allclose(answers, y.mean(), rtol=2.0**-22)


def test_a_search_answers_a_constant_as_that_constant():
    for answers in told(ea.AutoRegressor, {"families": ["linear", "boosted_trees"], "time_limit": 5}, np.full(60, 3.7)):
        np.testing.assert_allclose(answers, 3.7, rtol=2.0**-22)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_no_weight_do_not_make_a_constant_vary(kind):
    y, weight = np.full(60, 5.5), np.ones(60)
    y[:10], weight[:10] = 1e9, 0.0
    for answers in told(kind, OPTIONS[0], y, weight=weight):
        np.testing.assert_allclose(answers, 5.5, rtol=2.0**-22)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("y", "message"), [
    (1e-300 * X[:, 0], "less than a 32-bit float holds"), (np.full(60, 1e-300), "less than a 32-bit float holds"),
    (5e-324 * np.sign(X[:, 0]), "less than a 32-bit float holds"), (1e-38 * X[:, 0], "less than a 32-bit float"),
    (1e31 * X[:, 0], "must stay below"), (np.full(60, 1e300), "must stay below"),
    (1e9 + X[:, 0], r"vary by 0\.9\d around 1e\+09, too little"), (1e12 + X[:, 0], "too little"),
    (41.5 + 1e-9 * X[:, 0], r"subtract 41\.5 from y"), (-1e20 + 1e11 * X[:, 0], "too little for the 32-bit sums"),
    (np.where(X[:, 0] > 0, np.inf, 1.0), "infinity"), (np.where(X[:, 0] > 0, np.nan, 1.0), "NaN"),
])  # fmt: skip
def test_targets_that_a_device_cannot_say_are_refused_with_what_to_do(kind, y, message):
    with pytest.raises(ValueError, match=message):
        kind(**OPTIONS[0]).fit(X, y)


def test_targets_of_which_a_few_outliers_take_all_of_the_scale_are_told():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 2)), rng.normal(10, 5, 200)
    y[[3, 70]] = 3000
    with pytest.warns(UserWarning, match=r"^2 of 200 targets lie so far from the others \(.* to .*\)") as told:
        ea.BoostedTreesRegressor(n_estimators=2, random_state=0).fit(X, y)
    assert told[0].filename == __file__


@pytest.mark.parametrize("y", [
    np.random.default_rng(0).lognormal(0, 1.5, 2000), np.random.default_rng(0).standard_t(3, 2000),
    np.where(np.arange(2000) % 50, 0.0, 9.0), np.full(2000, 3.0), np.r_[np.zeros(1500), np.arange(500.0)],
], ids=["lognormal", "t", "rare events", "constant", "mostly zero"])  # fmt: skip
def test_long_tails_alone_are_no_outliers(y):
    assert outlying(y) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("y", [1e-29 * X[:, 0], 1e29 * X[:, 0], 9e29 + 1e28 * np.clip(X[:, 0], -2, 2),
                               np.where(X[:, 0] > 0, 1e25, -1e25), 1e3 + X[:, 0], X[:, 0] > 0], ids=str)  # fmt: skip
def test_targets_at_the_edge_are_learned_in_their_units(kind, y):
    y = np.asarray(y, float)
    for answers in told(kind, {"epochs": 60, "random_state": 0}, y):
        assert np.corrcoef(answers, y)[0, 1] > 0.5
        assert abs(answers.mean() - y.mean()) < 0.5 * y.std()


@pytest.mark.parametrize(("kind", "farthest"), [
    (ea.BonsaiRegressor, 2**20), (ea.ProtoNNRegressor, 2**12), (ea.FastGRNNRegressor, 2**18),
])  # fmt: skip
def test_targets_just_near_enough_to_zero_are_still_told_apart(kind, farthest):
    y = X[:, 0] / X[:, 0].std()
    for answers in told(kind, {"epochs": 60, "random_state": 0}, y + 0.9 * farthest):
        assert np.corrcoef(answers, y)[0, 1] > 0.5
