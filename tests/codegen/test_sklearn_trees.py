"""scikit-learn's trees and what is made of them: every row takes the same path, on the device as in Python."""

from __future__ import annotations

from dataclasses import replace

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
from sklearn.model_selection import FixedThresholdClassifier, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

import edgealgos as ea
from edgealgos.codegen.ops import Forest

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
    model = AdaBoostClassifier(DecisionTreeClassifier(max_depth=4, random_state=0), n_estimators=1).fit(X, y)
    tree = model.estimators_[0].tree_  # a vote is all that counts of its leaves
    winner = tree.value[:, 0].argmax(axis=1)
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


def pixels(count, seed=0):
    """Pictures with background, and which of two sums is larger."""
    X = np.maximum(0, np.random.default_rng(seed).integers(-150, 256, (count, 12)))
    return X, (X[:, 0] + X[:, 1] > X[:, 2] + X[:, 3]).astype(int)


SPACED = {
    "pixels from -1 to 1": lambda X: X / 127.5 - 1,
    "pixels from 0 to 1": lambda X: X / 255,
    "pixels as 32-bit floats": lambda X: (X / np.float32(255)).astype(np.float32),
    "readings in small units": lambda X: X * 3.3e-6,
    "columns of units of their own": lambda X: (X % 100) * np.logspace(-3, 2, 12) + np.arange(12),
    "a column of thousands of values, of which few thresholds matter": lambda X: np.hstack([X, X[:, :1] * 40]),
}


@pytest.mark.parametrize("kind", SPACED)
def test_trees_of_evenly_spaced_floats_keep_bytes_and_answer_as_in_scikit_learn(kind):
    (X, y), (X_test, _) = pixels(600), pixels(3000, seed=1)
    X, X_test = SPACED[kind](X), SPACED[kind](X_test)
    model = RandomForestClassifier(7, random_state=0).fit(X, y)
    compiled = ea.compile_model(model, board="uno", X_calibration=X)
    assert compiled.program.input.type.bits == 8
    assert (compiled.predict(X_test) != model.predict(X_test)).mean() <= 0.001


@pytest.mark.parametrize("data", ["iris", "wine", "breast_cancer"])
def test_a_tree_of_any_floats_takes_bytes_whose_levels_end_at_its_thresholds(data):
    X, y = getattr(datasets, f"load_{data}")(return_X_y=True)
    X_train, X_test, y_train, _ = train_test_split(X * np.pi, y, random_state=0, stratify=y)
    model = DecisionTreeClassifier(max_leaf_nodes=12, random_state=0).fit(X_train, y_train)
    compiled = ea.compile_model(model, board="uno", X_calibration=X_train)
    assert compiled.program.input.type.bits == 8
    assert compiled.saturated(X_train) == 0
    np.testing.assert_array_equal(compiled.predict(X_test), model.predict(X_test))


def test_trees_of_more_thresholds_than_bytes_tell_apart_take_words():
    X, _ = pixels(600)
    X = X + np.random.default_rng(2).normal(size=X.shape)
    model = RandomForestClassifier(8, random_state=0).fit(X, X[:, 0] * X[:, 1] > X[:, 2] * X[:, 3])
    compiled = ea.compile_model(model, board="uno", X_calibration=X)
    assert compiled.program.input.type.bits == 16
    np.testing.assert_array_equal(compiled.predict(X), model.predict(X))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", ["pixels from -1 to 1", "columns of units of their own"])
def test_floats_that_take_bytes_run_on_the_board_as_in_the_twin(kind):
    X, y = pixels(600)
    X = SPACED[kind](X)
    model = RandomForestClassifier(8, max_leaf_nodes=30, random_state=0).fit(X, y)
    compiled = ea.compile_model(model, board="uno", X_calibration=X)
    ran = compiled.simulate(X[:25])
    np.testing.assert_array_equal(ran.scores, compiled.scores(X[:25]))
    np.testing.assert_array_equal(ran.labels, compiled.predict(X[:25]))


def test_a_tree_that_answers_every_row_alike_is_refused():
    X, _ = datasets.load_iris(return_X_y=True)
    tiny, y = X * 1e-9, np.arange(len(X)) % 2  # scikit-learn splits nothing that differs by less than 1e-7
    forest = RandomForestClassifier(8, max_leaf_nodes=30, random_state=0).fit(tiny, y)
    for model, rows in ((DecisionTreeClassifier().fit(X, np.zeros(len(X))), X), (forest, tiny)):
        with pytest.raises(ea.UnsupportedModelError, match="alike"):
            ea.compile_model(model, X_calibration=rows)


def test_a_forest_too_large_for_the_board_is_refused_with_its_largest_items(tmp_path):
    X, y = datasets.load_digits(return_X_y=True)
    model = RandomForestClassifier(80, random_state=0).fit(X, y)
    with pytest.raises(ea.DoesNotFitError, match=r"table tests.*about \d+ of its 80 would fit"):
        ea.export_arduino(model, tmp_path / "forest", X_calibration=X)
    assert not (tmp_path / "forest").exists()


@pytest.mark.parametrize("load", [datasets.load_breast_cancer, datasets.load_diabetes, datasets.load_digits])
def test_costs_go_by_the_ways_that_samples_take(load):
    """Leaves lie unevenly: with half of all to either side a whole tree seemed to be a third faster than it is."""
    X, y = load(return_X_y=True)
    tree = DecisionTreeRegressor(max_leaf_nodes=60, random_state=0).fit(X, y)
    program = ea.compile_model(tree, X_calibration=X, optimize="size").program
    (forest,) = (op for op in program.ops() if isinstance(op, Forest))
    passed = tree.tree_.decision_path(X.astype(np.float32)).sum(axis=1).mean() - 1
    assert forest.cost(program)["Forest level"] == pytest.approx(passed, abs=0.6)
    untold = replace(forest, went_left=()).cost(program)["Forest level"]
    assert untold < passed


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_two_classes_over_more_features_than_pointers_reach_are_code():
    """They were a table of a hundred times the cycles."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 30, size=(600, 256)).astype(float)
    y = (X[:, :40].sum(axis=1) > X[:, 200:240].sum(axis=1)).astype(int)
    model = RandomForestClassifier(20, max_leaf_nodes=40, random_state=0).fit(X[:400], y[:400])
    compiled = ea.compile_model(model, X_calibration=X[:400])
    assert compiled.program["features"].size > 128
    found = compiled.simulate(X[400:440])
    assert np.array_equal(found.scores, compiled.scores(X[400:440]))
    assert np.array_equal(found.labels, compiled.predict(X[400:440]))
    assert np.mean(compiled.predict(X[400:]) == model.predict(X[400:])) > 0.99
    assert found.cycles.max() < 1500


def test_thresholds_around_two_classes_over_many_features():
    rng = np.random.default_rng(1)
    X = rng.integers(0, 30, size=(900, 256)).astype(float)
    y = (X[:, :40].sum(axis=1) > X[:, 200:240].sum(axis=1)).astype(int)
    model = RandomForestClassifier(20, max_leaf_nodes=40, random_state=0).fit(X[:400], y[:400])
    for threshold in (0.35, 0.6):
        careful = FixedThresholdClassifier(model, threshold=threshold, response_method="predict_proba").fit(X, y)
        compiled = ea.compile_model(careful, X_calibration=X[:400])
        assert compiled.program.output.size == 2
        assert np.mean(compiled.predict(X[400:]) == careful.predict(X[400:])) > 0.98


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_a_hundred_trees_of_ten_classes_are_code():
    """Of each a byte counts two votes only: words count them."""
    X, y = datasets.load_digits(return_X_y=True)
    model = RandomForestClassifier(100, max_leaf_nodes=16, random_state=0).fit(X[:1000], y[:1000])
    compiled = ea.compile_model(model, X_calibration=X[:1000])
    found = compiled.simulate(X[1000:1030])
    assert np.array_equal(found.scores, compiled.scores(X[1000:1030]))
    assert np.mean(compiled.predict(X[1000:]) == model.predict(X[1000:])) >= 0.99
    assert found.cycles.max() < 6000


def test_two_classes_that_tie_in_every_leaf_answer_every_row_alike():
    """Their leads were divided by, all zero."""
    X, y = np.zeros((20, 2)), np.arange(20) % 2
    with pytest.raises(ea.UnsupportedModelError, match="answers every row alike"):
        ea.compile_model(ExtraTreesClassifier(3, random_state=0).fit(X, y), X_calibration=X)


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_leaves_share_out_as_many_votes_as_code_holds(kind):
    """Finer votes of 1,200 leaves made code that no Uno holds; a table of 170,000 cycles stood there instead."""
    rng = np.random.default_rng(0)
    centers = rng.normal(0, 25, size=(40, 256))
    index = rng.integers(0, 40, size=3000)
    X = np.rint((centers[index] + rng.normal(0, 40, size=(3000, 256))).clip(-128, 127))
    model = kind(20, max_leaf_nodes=60, random_state=0).fit(X[:2000], index[:2000] % 10)
    report = ea.compile_model(model, X_calibration=X[:2000], board="uno").report
    assert report.cycles < 3000
    assert report.flash_bytes < 31_000
