"""Numbers far from zero, as targets in pascals or time stamps: what of scikit-learn answers them, or why it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge, Lasso, LinearRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

import edgealgos as ea

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 6)) * [1, 10, 100, 0.1, 5, 1]
y = X @ (RNG.normal(size=6) / X.std(axis=0)) + 0.1 * RNG.normal(size=300)
LINEAR = [Ridge(), LinearRegression(), Lasso(0.01), BayesianRidge()]


@pytest.mark.parametrize("model", LINEAR, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("far", [1e4, -1e5, 1e6, -1e6, 101_325.0])
def test_linear_models_answer_numbers_far_from_zero(model, far):
    fitted = make_pipeline(StandardScaler(), model).fit(X, y + far)
    compiled = ea.compile_model(fitted, "host", X_calibration=X)
    assert np.var(compiled.predict(X) - fitted.predict(X)) < 0.01 * y.var()
    assert compiled.report.warnings == ()


@pytest.mark.parametrize("model", [Ridge(), Lasso(0.01), SVR(), KNeighborsRegressor(3)],
                         ids=lambda model: type(model).__name__)  # fmt: skip
@pytest.mark.parametrize("far", [1e10, -3e11])
def test_numbers_that_32_bits_cannot_tell_apart_are_refused_with_what_to_subtract(model, far):
    fitted = make_pipeline(StandardScaler(), model).fit(X, y + far)
    with pytest.raises(ea.UnsupportedModelError, match=r"vary by .* Subtract a constant from the targets before fit"):
        ea.compile_model(fitted, "host", X_calibration=X)
