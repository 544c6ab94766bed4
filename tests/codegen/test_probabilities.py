"""Probabilities: those of scikit-learn's predict_proba, and on every board those of the twin."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
import sklearn
from scipy.special import expit, softmax
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.fixes import parse_version

import edgealgos as ea
from edgealgos.codegen.build.sketch import build_host
from edgealgos.codegen.emit.cpp import runtime_header
from edgealgos.codegen.program import Link
from edgealgos.codegen.program.link import LOGISTIC, SHARES, SOFTMAX
from edgealgos.codegen.program.scores import probabilities
from tools.probability_table import KINDS, compared

FRAC = 12
LINKS = [
    Link(), Link(scale=0.37), Link(scale=11.0, offset=-2.5), Link(LOGISTIC), Link(LOGISTIC, 2.9, 0.7),
    Link(SHARES, 1 / 20), Link(SHARES, 0.5, 0.5), Link(SHARES, 1e-5, 0.5), Link(SHARES, 1.0, -30.0),
]  # fmt: skip
COLUMNS = (1, 2, 3, 10)
TWO = datasets.load_breast_cancer(return_X_y=True)
THREE = datasets.load_wine(return_X_y=True)
TEN = datasets.load_digits(return_X_y=True)
PROGRAM = """#include <stdio.h>
#include "edgealgos_runtime.h"
static const int32_t kScores[] = {%s};
int main() {
%s
}
"""
LOOP = """  for (unsigned r = 0; r < 60; ++r) {
    for (unsigned c = 0; c < %d; ++c) printf("%%d ", edgealgos::probability<%s, %d>(kScores + 10 * r, c));
    printf("\\n");
  }"""


def real_shares(link, scores):
    """Shares of the classes, shape (n, n_classes), of scores that are real numbers: what a link stands for."""
    z = link.scale * (scores[:, 1:] - scores[:, :1] if scores.shape[1] == 2 else scores) + link.offset
    if scores.shape[1] <= 2:
        second = np.clip(z, 0, 1) if link.kind == SHARES else expit(z)
        return np.concatenate([1 - second, second], axis=1)
    if link.kind == SOFTMAX:
        return softmax(z, axis=1)
    parts = np.clip(z, 0, 1) if link.kind == SHARES else expit(z)
    total = parts.sum(axis=1, keepdims=True)
    return np.where(total > 0, parts / np.where(total > 0, total, 1), 1 / scores.shape[1])


def any_scores():
    """Near and far ones, ties, all below zero, and the ends of 32 bits."""
    rng = np.random.default_rng(0)
    scores = (rng.normal(size=(60, 10)) * rng.choice([1, 300, 4096, 40000], (60, 1))).astype(np.int64)
    scores[0] = 0
    scores[1] = np.resize([2**31 - 1, -(2**31)], 10)
    scores[2] = -(2**31)
    scores[3] -= 200_000
    return scores


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A program that prints what every link makes of any scores."""
    folder = tmp_path_factory.mktemp("probability")
    calls = [LOOP % (max(n, 2), link.kernel(FRAC), n) for link in LINKS for n in COLUMNS]
    numbers = ", ".join(f"INT32_C({v})" if v > -(2**31) else "INT32_MIN" for v in any_scores().ravel().tolist())
    (folder / "main.cpp").write_text(PROGRAM % (numbers, "\n".join(calls)))
    (folder / "edgealgos_runtime.h").write_text(runtime_header())
    return folder


def check(text):
    lines = iter(text.splitlines())
    for link in LINKS:
        for n in COLUMNS:
            expected = probabilities(any_scores()[:, :n], link, FRAC)
            found = np.array([[int(v) for v in next(lines).split()] for _ in range(60)])
            assert np.array_equal(found, expected), (link, n)


@pytest.mark.needs("g++")
def test_every_link_is_the_twin_s_on_this_computer(source):
    program = build_host([source / "main.cpp"], source / "program", include=[source])
    assert program.warnings == ()
    check(program.run(stdin=""))


@pytest.mark.needs("arm-linux-gnueabi-g++", "qemu-arm")
def test_every_link_is_the_twin_s_on_arm(source):
    command = ["arm-linux-gnueabi-g++", "-march=armv6", "-mfpu=vfp", "-mfloat-abi=softfp", "-Os", "-Wall", "-Wextra"]
    subprocess.run([*command, "-Werror", "-static", "-std=c++11", "main.cpp", "-o", "arm"], cwd=source, check=True)
    check(subprocess.run(["qemu-arm", source / "arm"], capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("link", LINKS, ids=str)
def test_shares_are_near_those_of_real_numbers(link, columns):
    """To two steps, of which one is that 255 stands for all."""
    scores = any_scores()[4:, :columns]
    total, found = link.parts(scores, FRAC).sum(axis=1), probabilities(scores, link, FRAC)
    counted, none = total > 256, total == 0  # of votes there are some
    assert counted.any() or none.any()
    assert (found[none] == (256 + columns // 2) // columns).all()  # who got none, got as many as the others
    exact = real_shares(link, np.ldexp(scores.astype(float), -FRAC))
    assert np.abs(found / 256 - exact)[counted].max(initial=0) <= 2 / 256


def test_scores_that_are_scaled_or_moved_mean_the_same():
    scores = np.random.default_rng(0).normal(size=(50, 1))
    for link in LINKS:
        np.testing.assert_allclose(real_shares(link.behind(3.0, 0.5), 3.0 * scores + 0.5), real_shares(link, scores))
        assert real_shares(link, np.array([[link.score_at(0.3)]]))[0, 1] == pytest.approx(0.3)


# ---- models of scikit-learn ------------------------------------------------------------------------------------------

MEAN, MOST, DEVIANT = 1.5, 4.0, 0.05
"""Steps in the mean; steps that rows may differ by, but for such a share of them: rounding turns them elsewhere."""
BY_PRODUCTS = 12.0
"""Steps where scores are sums of products with rounded weights."""
PRODUCTS = ("Logistic", "SGD", "Calibrated", "Discriminant", "NB", "MLP")


@pytest.mark.parametrize("data", ["digits", "wine", "breast_cancer"])
@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_those_of_scikit_learn(kind, data):
    found = compared(kind, data)
    assert found.steps.mean() <= MEAN
    most = BY_PRODUCTS if any(part in kind for part in PRODUCTS) else MOST
    assert (found.steps.max(axis=1) > most).mean() <= DEVIANT
    assert found.rejected_otherwise <= 0.02 * len(found.steps)


WRAPPED = {
    "threshold around a tree": FixedThresholdClassifier(
        DecisionTreeClassifier(max_depth=3, random_state=0), threshold=0.3
    ),
    "threshold around a forest": FixedThresholdClassifier(
        RandomForestClassifier(9, max_depth=4, random_state=0), threshold=0.7, response_method="predict_proba"
    ),
    "threshold around densities": FixedThresholdClassifier(GaussianNB(), threshold=0.9),
    "threshold around quadratic discriminants": FixedThresholdClassifier(
        make_pipeline(StandardScaler(), QuadraticDiscriminantAnalysis(reg_param=0.3)), threshold=0.8
    ),
    "threshold around adaboost": FixedThresholdClassifier(
        AdaBoostClassifier(n_estimators=9, random_state=0), threshold=0.55, response_method="predict_proba"
    ),
    "calibrated forest": CalibratedClassifierCV(
        RandomForestClassifier(9, max_depth=4, random_state=0), ensemble=False, cv=3
    ),
    "temperature": CalibratedClassifierCV(
        GradientBoostingClassifier(n_estimators=9), method="temperature", ensemble=False, cv=3
    ),
    "exponential loss": GradientBoostingClassifier(n_estimators=9, loss="exponential", random_state=0),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRAPPED)
def test_wrapped_models_keep_their_probabilities_and_labels(kind):
    X, y = TWO
    if kind == "temperature" and parse_version(sklearn.__version__) < parse_version("1.8"):
        pytest.skip("method='temperature' came with scikit-learn 1.8")
    model = WRAPPED[kind].fit(X[:400], y[:400])
    compiled = ea.compile_model(model, X_calibration=X[:400])
    steps = np.abs(compiled.predict_proba(X[400:]) - model.predict_proba(X[400:])) * 256
    assert np.quantile(steps.max(axis=1), 1 - DEVIANT) <= MOST
    assert (compiled.predict(X[400:]) == model.predict(X[400:])).mean() > 0.985


def test_models_without_probabilities_say_so():
    X, y = TEN
    for model in (LinearSVC(max_iter=50), SVC(kernel="linear"), SGDClassifier()):
        compiled = ea.compile_model(model.fit(X[:300], y[:300]), X_calibration=X[:300], reject_below=0.2)
        assert not compiled.program.link.calibrated
        assert "reject_below" in " ".join(compiled.report.warnings)
        assert (compiled.predict_proba(X[:300]).argmax(axis=1) == y[:300]).mean() > 0.9


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize(
    ("model", "data"),
    [
        (DecisionTreeClassifier(max_leaf_nodes=12, random_state=0), TEN),
        (RandomForestClassifier(5, max_depth=4, random_state=0), TWO),
        (SGDClassifier(loss="log_loss", random_state=0), TEN),
        (AdaBoostClassifier(n_estimators=10, random_state=0), THREE),
        (FixedThresholdClassifier(LogisticRegression(max_iter=5000), threshold=0.3), TWO),
    ],
    ids=["tree", "forest of two classes", "logistic", "adaboost", "threshold"],
)
def test_an_uno_rejects_what_the_twin_rejects(model, data):
    X, y = data
    model = model.fit(X, y)
    largest = model.predict_proba(X).max(axis=1)
    below = float(np.clip(np.quantile(largest, 0.4), 0.3, 0.99))
    rows = X[np.argsort(np.abs(largest - below))[:30]]
    compiled = ea.compile_model(model, X_calibration=X, reject_below=below)
    assert compiled.simulate(rows).labels.tolist() == compiled.predict(rows).tolist()
