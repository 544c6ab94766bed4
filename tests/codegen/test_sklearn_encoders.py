"""Encoders, bins and stated missing values before linear models and trees: answers of scikit-learn and the board."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import edgealgos as ea

RNG = np.random.default_rng(0)
X = np.c_[RNG.integers(0, 6, 400), RNG.integers(10, 14, 400), RNG.normal(size=(400, 2)), RNG.integers(0, 9, 400)] * 1.0
SCORES = RNG.normal(size=(6, 3))[X[:, 0].astype(int)] + RNG.normal(size=(14, 3))[X[:, 1].astype(int)]
SCORES = SCORES + X[:, 2:4] @ RNG.normal(size=(2, 3)) + 0.3 * RNG.normal(size=(400, 3))
y = SCORES.argmax(axis=1)


def mixed(encoder):
    return ColumnTransformer([("encoded", encoder, [0, 1, 4]), ("scaled", StandardScaler(), [2, 3])])


ENCODERS = {
    "one hot": mixed(OneHotEncoder(sparse_output=False)),
    "one hot without the first": mixed(OneHotEncoder(drop="first", sparse_output=False)),
    "one hot, sparse": mixed(OneHotEncoder()),
    "ordinal": mixed(OrdinalEncoder()),
    "bins": make_pipeline(StandardScaler(), KBinsDiscretizer(5, encode="onehot-dense", strategy="uniform")),
    "numbers of bins": KBinsDiscretizer(5, encode="ordinal", strategy="uniform"),
}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ENCODERS)
def test_linear_models_behind_encoders_answer_as_in_scikit_learn(kind, classes):
    target = np.minimum(y, classes - 1)
    model = make_pipeline(ENCODERS[kind], LogisticRegression(max_iter=500)).fit(X, target)
    compiled = ea.compile_model(model, "host", X_calibration=X)
    assert (compiled.predict(X) == model.predict(X)).mean() >= 0.995
    assert compiled.report.warnings == ()


def test_a_number_behind_an_encoder_is_that_of_scikit_learn():
    model = make_pipeline(mixed(OneHotEncoder()), Ridge()).fit(X, SCORES[:, 0])
    device = ea.compile_model(model, "host", X_calibration=X).predict(X)
    assert np.abs(device - model.predict(X)).max() < 0.05 * SCORES[:, 0].std()


def test_a_category_that_was_not_known_adds_nothing():
    rows = X[X[:, 0] != 2]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    model = make_pipeline(mixed(encoder), LogisticRegression(max_iter=500)).fit(rows, y[X[:, 0] != 2])
    compiled = ea.compile_model(model, "host", X_calibration=rows)
    assert (compiled.predict(X) == model.predict(X)).mean() >= 0.99


@pytest.mark.parametrize("last", [LogisticRegression(), DecisionTreeClassifier(random_state=0)], ids=["linear", "tree"])
def test_no_category_is_too_far_from_the_others_to_be_told(last):
    few, many = np.array([3, 5, 1000, 1001, 4000])[RNG.integers(0, 5, (400, 2))], 100_000 * RNG.integers(0, 4, (400, 2))
    for rows in (few, many):
        target = (rows[:, 0] == rows.max()).astype(int) + (rows[:, -1] == rows[:, -1].min())
        model = make_pipeline(OneHotEncoder(), last).fit(rows, target)
        compiled = ea.compile_model(model, "host", X_calibration=rows)
        assert (compiled.predict(rows) == model.predict(rows)).all()


@pytest.mark.parametrize("last", [LogisticRegression(), DecisionTreeClassifier(random_state=0)], ids=["linear", "tree"])
def test_what_lies_beyond_all_categories_is_none_of_them(last):
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    model = make_pipeline(encoder, last).fit(X[:, :2], y)
    rows = np.r_[X[:, :2], RNG.integers(-9, 30, (200, 2))]
    compiled = ea.compile_model(model, "host", X_calibration=X[:, :2])
    assert (compiled.predict(rows) == model.predict(rows)).all()


def test_a_missing_number_may_be_far_from_the_others():
    rows = np.where(RNG.random(X.shape) < 0.1, -999.0, X)[:, [0, 1, 4]]
    model = make_pipeline(SimpleImputer(missing_values=-999.0), DecisionTreeClassifier(random_state=0)).fit(rows, y)
    compiled = ea.compile_model(model, "host", X_calibration=rows)
    assert (compiled.predict(rows) == model.predict(rows)).mean() >= 0.995


def test_a_stated_number_stands_for_what_is_missing():
    rows = np.where(RNG.random(X.shape) < 0.1, -5.0, X)
    model = make_pipeline(SimpleImputer(missing_values=-5.0), StandardScaler(), LogisticRegression()).fit(rows, y)
    compiled = ea.compile_model(model, "host", X_calibration=rows)
    assert (compiled.predict(rows) == model.predict(rows)).mean() >= 0.99


@pytest.mark.parametrize("last", [
    LogisticRegression(max_iter=500), Ridge(), RandomForestClassifier(5, max_depth=5, random_state=0)
], ids=["linear", "number", "forest"])  # fmt: skip
@pytest.mark.parametrize("missing", [-999.0, -99999.0, 0.0, -1.0, 1e6, 0.5])
def test_a_stated_missing_value_leaves_real_ones_their_levels_wherever_it_lies(missing, last):
    """Below all, above all, right beside them, among them: of whole numbers and of others."""
    whole = RNG.integers(2, 60, (400, 2))
    gone = RNG.random((400, 5)) < 0.1
    real = np.c_[RNG.uniform(900, 1100, 400), RNG.uniform(0.02, 0.9, (400, 2)), whole]
    rows = np.where(gone, missing, real)
    target = (real[:, 1] + real[:, 3] / 60 > 0.9).astype(int)
    model = make_pipeline(SimpleImputer(missing_values=missing), StandardScaler(), last).fit(rows, target)
    compiled = ea.compile_model(model, "host", X_calibration=rows)
    device, expected = compiled.predict(rows), model.predict(rows)
    if isinstance(last, Ridge):
        assert np.var(device - expected) < 0.002 * np.var(expected)
    else:
        assert (device == expected).mean() >= 0.99


def test_a_stated_missing_value_in_front_of_a_model_of_ours_is_refused():
    model = make_pipeline(SimpleImputer(missing_values=-999), ea.ProtoNNClassifier(epochs=1, random_state=0))
    model.fit(np.where(RNG.random(X.shape) < 0.1, -999.0, X), y)
    with pytest.raises(ea.UnsupportedModelError, match="statistics_ into the rows before the Pipeline"):
        ea.compile_model(model, "host", X_calibration=X)


def test_calibration_rows_may_lack_what_an_imputer_fills_in():
    rows = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
    model = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=500)).fit(rows, y)
    compiled = ea.compile_model(model, "host", X_calibration=rows)
    assert (compiled.predict(X) == model.predict(X)).mean() >= 0.99


TREES = {
    "tree": DecisionTreeClassifier(max_depth=6, random_state=0),
    "forest": RandomForestClassifier(5, max_depth=5, random_state=0),
    "boosted": GradientBoostingClassifier(n_estimators=5, random_state=0),
}


@pytest.mark.parametrize("trees", TREES)
@pytest.mark.parametrize("kind", ENCODERS)
def test_trees_behind_encoders_answer_as_in_scikit_learn(kind, trees):
    model = make_pipeline(ENCODERS[kind], TREES[trees]).fit(X[:300], y[:300])
    compiled = ea.compile_model(model, "host", X_calibration=X[:300])
    assert (compiled.predict(X) == model.predict(X)).mean() >= 0.99


def test_trees_know_a_stated_missing_value():
    rows = np.where(RNG.random(X.shape) < 0.1, 5.0, X)
    model = make_pipeline(SimpleImputer(missing_values=5.0), DecisionTreeClassifier(random_state=0)).fit(rows, y)
    compiled = ea.compile_model(model, "host", X_calibration=rows)
    assert (compiled.predict(rows) == model.predict(rows)).mean() >= 0.995


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", ["one hot", "ordinal"])
@pytest.mark.parametrize("last", [LogisticRegression(max_iter=500), TREES["tree"]], ids=["linear", "tree"])
def test_boards_answer_as_the_twin(kind, last):
    model = make_pipeline(ENCODERS[kind], last).fit(X, y)
    compiled = ea.compile_model(model, X_calibration=X)
    ran = compiled.simulate(X[:40])
    assert np.array_equal(ran.scores, compiled.scores(X[:40]))
    assert np.array_equal(ran.labels, compiled.predict(X[:40]))


def test_what_does_not_go_behind_an_encoder_is_said():
    nearest = make_pipeline(mixed(OneHotEncoder()), KNeighborsClassifier(3)).fit(X, y)
    with pytest.raises(ea.UnsupportedModelError, match="such as LogisticRegression, and trees"):
        ea.compile_model(nearest, "host", X_calibration=X)
    many = X[:, :1] + 6 * RNG.integers(0, 40, (400, 12))
    deep = make_pipeline(OneHotEncoder(), DecisionTreeClassifier(random_state=0)).fit(many, RNG.integers(0, 2, 400))
    with pytest.raises(ea.UnsupportedModelError, match="more than 4,096 nodes: an OrdinalEncoder"):
        ea.compile_model(deep, "host", X_calibration=many)
    halves = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(X[:, :1] / 2, y)
    with pytest.raises(ea.UnsupportedModelError, match="column 0 are no integers"):
        ea.compile_model(halves, "host", X_calibration=X[:, :1] / 2)


def test_more_classes_than_a_byte_counts_are_refused():
    rows = np.repeat(np.arange(300.0), 3)[:, None]
    model = RandomForestClassifier(1).fit(rows, rows[:, 0])
    with pytest.raises(ea.UnsupportedModelError, match="300 classes; a device tells"):
        ea.compile_model(model, "host", X_calibration=rows)
