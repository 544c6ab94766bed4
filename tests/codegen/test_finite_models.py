"""Fitted models that hold NaN or infinity: refused by what holds it, where, and what to do."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import edgealgos as ea

X, y = load_iris(return_X_y=True)

HELD = {
    "LogisticRegression.coef_": (LogisticRegression(), lambda m: m.coef_),
    "Ridge.coef_": (Ridge(), lambda m: m.coef_),
    "MLPClassifier.coefs_[0]": (MLPClassifier(hidden_layer_sizes=(4,), max_iter=20), lambda m: m.coefs_[0]),
    "SVC.support_vectors_": (SVC(), lambda m: m.support_vectors_),
    "GaussianNB.var_": (GaussianNB(), lambda m: m.var_),
    "KNeighborsClassifier._fit_X": (KNeighborsClassifier(), lambda m: m._fit_X),
    "RandomForestClassifier.estimators_[1].tree_.value":
        (RandomForestClassifier(3), lambda m: m.estimators_[1].tree_.value),
    "GradientBoostingClassifier.estimators_[0].tree_.value":
        (GradientBoostingClassifier(n_estimators=2), lambda m: m.estimators_[0, 0].tree_.value),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("bad", [np.nan, -np.inf])
@pytest.mark.parametrize("name", HELD)
def test_a_number_that_is_none_is_named_with_its_place(name, bad):
    model, held = HELD[name]
    held(model.fit(X.copy(), y)).flat[0] = bad
    with pytest.raises(ea.UnsupportedModelError) as told:
        ea.compile_model(model, "host", X_calibration=X)
    assert f"{name}[0" in str(told.value)
    assert f"is {bad}" in str(told.value)


@pytest.mark.parametrize("last", [LogisticRegression(), ea.BoostedTreesClassifier(random_state=0)],
                         ids=lambda model: type(model).__name__)  # fmt: skip
def test_a_scaler_in_front_is_looked_at_too(last):
    model = make_pipeline(StandardScaler(), last).fit(X, y)
    model[0].scale_[2] = np.nan
    with pytest.raises(ea.UnsupportedModelError, match=r"StandardScaler.scale_\[2\] is nan"):
        ea.compile_model(model, "host", X_calibration=X)
