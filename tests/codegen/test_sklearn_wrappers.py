"""What stands around models: thresholds, calibration, votes, samplers; labels stay those of the whole."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from sklearn import datasets
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import Lasso, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier
from sklearn.utils.fixes import parse_version

import edgealgos as ea

TWO = datasets.load_breast_cancer(return_X_y=True)
THREE = datasets.load_wine(return_X_y=True)
TEN = datasets.load_digits(return_X_y=True)


def scaled(model):
    return make_pipeline(StandardScaler(), model)


WRAPPED = {
    "fixed threshold": FixedThresholdClassifier(scaled(LogisticRegression()), threshold=0.1),
    "fixed threshold of a score": FixedThresholdClassifier(
        scaled(LinearSVC()), threshold=0.6, response_method="decision_function"
    ),
    "fixed threshold of a forest": FixedThresholdClassifier(
        RandomForestClassifier(7, max_depth=4, random_state=0), threshold=0.8
    ),
    "tuned threshold": TunedThresholdClassifierCV(scaled(LogisticRegression()), cv=3),
    "tuned boosting": TunedThresholdClassifierCV(GradientBoostingClassifier(n_estimators=8, random_state=0), cv=2),
    "sigmoid": CalibratedClassifierCV(scaled(LinearSVC()), ensemble=False, cv=3),
    "isotonic": CalibratedClassifierCV(scaled(LogisticRegression()), method="isotonic", ensemble=False, cv=3),
    "votes": VotingClassifier(
        [("a", RandomForestClassifier(5, max_depth=4, random_state=0)),
         ("b", ExtraTreesClassifier(9, max_depth=4, random_state=0))], voting="soft", weights=[2, 1],
    ),
    "hard votes": VotingClassifier(
        [("a", DecisionTreeClassifier(max_depth=3, random_state=0)),
         ("b", DecisionTreeClassifier(max_depth=2, max_features=9, random_state=1)),
         ("c", ExtraTreeClassifier(max_depth=5, random_state=0))], weights=[1, 2, 2],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRAPPED)
def test_a_wrapped_model_decides_as_the_whole(kind):
    X, y = TWO
    model = WRAPPED[kind].fit(X[::2], y[::2])
    device = ea.compile_model(model, X_calibration=X[::2]).predict(X[1::2])
    assert (device == model.predict(X[1::2])).mean() >= 0.99


def test_three_calibrated_classes_are_those_of_the_calibrated_model():
    X, y = THREE
    model = CalibratedClassifierCV(scaled(LinearSVC()), ensemble=False, cv=3).fit(X, y)
    assert (ea.compile_model(model, X_calibration=X).predict(X) == model.predict(X)).mean() >= 0.99


CALIBRATED = {
    "default, scaled inside": CalibratedClassifierCV(scaled(LinearSVC())),
    "default, scaled before": scaled(CalibratedClassifierCV(LogisticRegression())),
    "ten folds": scaled(CalibratedClassifierCV(SGDClassifier(random_state=0), cv=10)),
    "projected inside": CalibratedClassifierCV(make_pipeline(StandardScaler(), PCA(8), RidgeClassifier()), cv=3),
}


@pytest.mark.parametrize("data", [TWO, THREE, TEN], ids=["two", "three", "ten"])
@pytest.mark.parametrize("kind", CALIBRATED)
def test_the_mean_of_calibrated_members_is_scikit_learn_s(kind, data):
    X, y = data[0], data[1]
    seen = np.arange(len(X)) % 3 > 0
    model = CALIBRATED[kind].fit(X[seen], y[seen])
    compiled = ea.compile_model(model, "host", X_calibration=X[seen])
    assert (compiled.predict(X[~seen]) == model.predict(X[~seen])).mean() >= 0.99
    steps = np.abs(compiled.predict_proba(X[~seen]) - model.predict_proba(X[~seen])) * 256
    assert steps.mean() <= 1.5
    assert compiled.program.link.calibrated


def test_tempered_members_keep_the_softmax_of_each():
    if parse_version(sklearn.__version__) < parse_version("1.8"):
        pytest.skip("method='temperature' came with scikit-learn 1.8")
    X, y = THREE
    model = scaled(CalibratedClassifierCV(LogisticRegression(), method="temperature", cv=3)).fit(X, y)
    compiled = ea.compile_model(model, "host", X_calibration=X)
    assert (compiled.predict(X) == model.predict(X)).all()
    assert np.abs(compiled.predict_proba(X) - model.predict_proba(X)).max() * 256 < 6


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("data", [TWO, THREE], ids=["two", "three"])
def test_an_uno_calibrates_as_the_twin(data):
    X, y = data
    model = CalibratedClassifierCV(scaled(LinearSVC()), cv=3).fit(X, y)
    compiled = ea.compile_model(model, X_calibration=X, reject_below=0.8)
    ran = compiled.simulate(X[:40])
    assert np.array_equal(ran.scores, compiled.scores(X[:40]))
    assert ran.labels.tolist() == compiled.predict(X[:40]).tolist()
    assert compiled.report.cycles == pytest.approx(ran.cycles.mean(), rel=0.15)


MEMBERS = {
    "machines": scaled(OneVsRestClassifier(SVC(C=3))),
    "machines of powers": scaled(OneVsRestClassifier(SVC(kernel="poly", coef0=1.0))),
    "linear machines": scaled(OneVsRestClassifier(SVC(kernel="linear"))),
    "pipelines": OneVsRestClassifier(scaled(LogisticRegression())),
    "trees": OneVsRestClassifier(DecisionTreeClassifier(max_depth=4, random_state=0)),
    "forests": OneVsRestClassifier(RandomForestClassifier(4, max_depth=4, random_state=0)),
    "boosting": OneVsRestClassifier(GradientBoostingClassifier(n_estimators=5, random_state=0)),
    "stumps": OneVsRestClassifier(AdaBoostClassifier(n_estimators=5, random_state=0)),
    "calibrated tree": CalibratedClassifierCV(DecisionTreeClassifier(max_depth=4, random_state=0), cv=3),
    "calibrated forest": CalibratedClassifierCV(RandomForestClassifier(4, max_depth=4, random_state=0), cv=2),
    "calibrated boosting": CalibratedClassifierCV(GradientBoostingClassifier(n_estimators=4, random_state=0), cv=2),
    "calibrated histograms": CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=4), cv=2),
    "calibrated stumps": CalibratedClassifierCV(AdaBoostClassifier(n_estimators=4, random_state=0), cv=2),
    "calibrated alone": CalibratedClassifierCV(
        RandomForestClassifier(4, max_depth=4, random_state=0), cv=2, ensemble=False
    ),
    "calibrated machines": scaled(CalibratedClassifierCV(SVC(gamma=0.03), cv=3)),
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_members_that_are_no_linear_models_answer_together(kind):
    X, y = TWO if kind == "calibrated machines" else THREE
    seen = np.arange(len(X)) % 3 > 0
    model = MEMBERS[kind].fit(X[seen], y[seen])
    compiled = ea.compile_model(model, "host", X_calibration=X[seen])
    assert np.count_nonzero(compiled.predict(X[~seen]) != model.predict(X[~seen])) <= 0.005 * len(X)
    if compiled.program.link.calibrated and hasattr(model, "predict_proba"):
        likely = model.predict_proba(X[~seen])
        told = np.isfinite(likely).all(axis=1)  # trees that all say no are no shares
        assert np.abs(compiled.predict_proba(X[~seen]) - likely)[told].mean() * 256 <= 1.5


@pytest.mark.parametrize("classes", [2, 3])
def test_one_model_of_two_classes_is_enough(classes):
    X, y = TWO if classes == 2 else THREE
    model = OneVsRestClassifier(DecisionTreeClassifier(max_depth=3, random_state=0)).fit(X, y)
    assert ea.compile_model(model, "host", X_calibration=X).program.output.size == (1 if classes == 2 else 3)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", ["machines", "forests", "calibrated tree"])
def test_an_uno_answers_as_the_twin_of_members(kind):
    X, y = THREE
    compiled = ea.compile_model(MEMBERS[kind].fit(X, y), X_calibration=X)
    ran = compiled.simulate(X[::9])
    assert np.array_equal(ran.scores, compiled.scores(X[::9]))
    assert ran.labels.tolist() == compiled.predict(X[::9]).tolist()
    assert compiled.report.cycles == pytest.approx(ran.cycles.mean(), rel=0.25)


def test_the_mean_of_linear_regressors_is_one():
    X, y = datasets.load_diabetes(return_X_y=True)
    model = VotingRegressor([("a", Ridge()), ("b", Lasso(0.1))], weights=[1, 3]).fit(X, y)
    expected = model.predict(X)
    assert np.abs(ea.compile_model(model, X_calibration=X).predict(X) - expected).max() < 0.02 * np.ptp(expected)


class Sampler(BaseEstimator):
    """As imbalanced-learn's: it changes rows while fitting alone."""

    def fit_resample(self, X, y):
        return X, y

    def fit(self, X, y):
        return self


def test_samplers_drop_out():
    X, y = TWO
    scaler = StandardScaler().fit(X)
    model = LogisticRegression().fit(scaler.transform(X), y)
    with_sampler = Pipeline([("scale", scaler), ("sample", Sampler()), ("model", model)])
    plain = Pipeline([("scale", scaler), ("model", model)])
    with_sampler.predict = plain.predict  # imbalanced-learn's own skips samplers
    device = ea.compile_model(with_sampler, X_calibration=X).predict(X)
    assert (device == ea.compile_model(plain, X_calibration=X).predict(X)).all()


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (CalibratedClassifierCV(GaussianNB(), cv=3), "GaussianNB.*linear models.*ensemble=False"),
        (CalibratedClassifierCV(LinearSVC(), method="isotonic", cv=3), "sigmoid.*ensemble=False"),
        (
            CalibratedClassifierCV(make_pipeline(PCA(4, whiten=True), PolynomialFeatures(2), RidgeClassifier()), cv=3),
            "Polynomial.*in front of",
        ),
        (FixedThresholdClassifier(KNeighborsClassifier(), threshold=0.3), "KNeighborsClassifier.*no single score"),
        (FixedThresholdClassifier(LogisticRegression(max_iter=5000), pos_label=0, threshold=0.3), "pos_label"),
        (VotingClassifier([("a", GaussianNB())]), "voting='soft' of trees.*teacher=model"),
        (OneVsRestClassifier(GaussianNB()), "leave OneVsRestClassifier out"),
        (CalibratedClassifierCV(SVC(), cv=3), r"gamma='scale'.*SVC\(gamma="),
        (CalibratedClassifierCV(scaled(SVC(gamma=1.0)), cv=3), "'standardscaler' in front of all"),
    ],
    ids=[
        "members",
        "curves of members",
        "products of members",
        "no bias",
        "first class",
        "votes of other models",
        "densities apart",
        "machines of several kernels",
        "machines behind scalers of their own",
    ],
)
def test_what_cannot_be_is_refused_by_name(model, said):
    X, y = TWO
    with pytest.raises(ea.UnsupportedModelError, match=said):
        ea.compile_model(model.fit(X, y), X_calibration=X)
