"""scikit-learn's trees and what is made of them: every row takes the same path, on the device as in Python."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

import edgealgos as ea

pytestmark = pytest.mark.slow

CLASSIFIERS = {
    "tree": DecisionTreeClassifier(random_state=0),
    "small tree": DecisionTreeClassifier(max_depth=3, random_state=0),
    "random tree": ExtraTreeClassifier(random_state=0),
    "random forest": RandomForestClassifier(8, random_state=0),
    "forest of wide leaves": RandomForestClassifier(8, min_samples_leaf=5, random_state=0),
    "extra trees": ExtraTreesClassifier(5, random_state=0),
    "bag": BaggingClassifier(n_estimators=5, max_features=0.7, random_state=0),
    "weighted stumps": AdaBoostClassifier(n_estimators=12, random_state=0),
    "gradient boosting": GradientBoostingClassifier(n_estimators=8, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=6, max_leaf_nodes=6, random_state=0),
    "behind a scaler": make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)),
    "behind a selection": make_pipeline(SelectKBest(k=4), DecisionTreeClassifier(random_state=0)),
    "outliers": IsolationForest(n_estimators=10, random_state=0),
}
REGRESSORS = {
    "tree": DecisionTreeRegressor(max_depth=6, random_state=0),
    "random forest": RandomForestRegressor(4, max_leaf_nodes=60, random_state=0),
    "extra trees": ExtraTreesRegressor(4, max_leaf_nodes=60, random_state=0),
    "bag": BaggingRegressor(DecisionTreeRegressor(max_leaf_nodes=40), n_estimators=4, random_state=0),
    "gradient boosting": GradientBoostingRegressor(n_estimators=15, random_state=0),
    "histograms": HistGradientBoostingRegressor(max_iter=15, random_state=0),
}
DATA = {name: getattr(datasets, f"load_{name}") for name in ("digits", "breast_cancer", "wine")}


def split(name):
    X, y = DATA[name](return_X_y=True)
    return train_test_split(X, y, random_state=0, stratify=y)


@pytest.mark.filterwarnings("ignore:Features .* are constant", "ignore:invalid value")
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_trees_answer_as_in_scikit_learn(kind, data):
    X, X_test, y, _ = split(data)
    model = CLASSIFIERS[kind].fit(X, y)
    compiled = ea.compile_model(model, X_calibration=X)
    assert (compiled.predict(X) == model.predict(X)).mean() >= 0.998
    differing = np.count_nonzero(compiled.predict(X_test) != model.predict(X_test))
    assert differing <= max(1, 0.004 * len(X_test))


@pytest.mark.parametrize("kind", REGRESSORS)
def test_trees_answer_numbers_as_in_scikit_learn(kind):
    X, y = datasets.load_diabetes(return_X_y=True)
    model = REGRESSORS[kind].fit(X, y)
    expected, device = model.predict(X), ea.compile_model(model, X_calibration=X).predict(X)
    assert 1 - np.square(device - expected).sum() / np.square(expected - expected.mean()).sum() > 0.999


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", ["tree", "random forest", "gradient boosting", "weighted stumps", "outliers"])
def test_trees_run_on_the_board_as_in_the_twin(kind):
    X, X_test, y, _ = split("wine")
    compiled = ea.compile_model(CLASSIFIERS[kind].fit(X, y), X_calibration=X)
    ran = compiled.simulate(X_test[:25])
    assert np.array_equal(ran.scores, compiled.scores(X_test[:25]))
    assert np.array_equal(ran.labels, compiled.predict(X_test[:25]))


def test_two_ways_to_one_leaf_are_one():
    X, y = datasets.load_breast_cancer(return_X_y=True)
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y)
    tree, winner = model.tree_, model.tree_.value[:, 0].argmax(axis=1)
    inner = np.flatnonzero(tree.children_left >= 0)
    left, right = tree.children_left[inner], tree.children_right[inner]
    leaves = (tree.children_left[left] < 0) & (tree.children_left[right] < 0)
    alike = np.count_nonzero(leaves & (winner[left] == winner[right]))
    assert alike > 0
    compiled = ea.compile_model(model, X_calibration=X)
    assert compiled.program["tests"].size <= inner.size - alike
    assert np.array_equal(compiled.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (BaggingClassifier(LogisticRegression(max_iter=500), n_estimators=2), "compiles with trees"),
        (GradientBoostingClassifier(n_estimators=2, init=LogisticRegression(max_iter=500)), "leave init out"),
        (HistGradientBoostingRegressor(loss="poisson", max_iter=2), "exponential"),
        (HistGradientBoostingClassifier(categorical_features=[0], max_iter=2), "categorical_features"),
    ],
    ids=["other models", "start from a model", "exponential", "categories"],
)
def test_what_trees_cannot_be_compiled_is_said(model, message):
    X, y = datasets.load_iris(return_X_y=True)
    X = np.abs(np.rint(X))
    with pytest.raises(ea.UnsupportedModelError, match=message):
        ea.compile_model(model.fit(X, y), X_calibration=X)


@pytest.mark.parametrize("model", [DecisionTreeRegressor(max_depth=4), GradientBoostingRegressor(n_estimators=9)])
def test_numbers_far_from_zero_are_told_apart(model):
    X, y = datasets.load_diabetes(return_X_y=True)
    model.fit(X, 1e6 + y)
    compiled = ea.compile_model(model, "host", X_calibration=X)
    assert np.abs(compiled.predict(X) - model.predict(X)).max() < 0.01 * y.std()


def test_trees_of_pictures_with_background_keep_bytes():
    rng = np.random.default_rng(0)
    X = np.maximum(0, rng.integers(-150, 256, (500, 12))).astype(float)
    model = RandomForestClassifier(10, max_leaf_nodes=60, random_state=0).fit(X, X[:, 0] + X[:, 1] > 150)
    compiled = ea.compile_model(model, board="uno", X_calibration=X)
    assert compiled.program.input.type.bits == 8
    np.testing.assert_array_equal(compiled.predict(X), model.predict(X))


def test_a_tree_that_answers_every_row_alike_is_refused():
    X, _ = datasets.load_iris(return_X_y=True)
    with pytest.raises(ea.UnsupportedModelError, match="alike"):
        ea.compile_model(DecisionTreeClassifier().fit(X, np.zeros(len(X))), X_calibration=X)


def test_a_forest_too_large_for_the_board_is_refused_with_its_largest_items(tmp_path):
    X, y = datasets.load_digits(return_X_y=True)
    model = RandomForestClassifier(200, random_state=0).fit(X, y)
    with pytest.raises(ea.DoesNotFitError, match=r"table tests.*about \d+ of its 200 would fit"):
        ea.export_arduino(model, tmp_path / "forest", X_calibration=X)
    assert not (tmp_path / "forest").exists()
