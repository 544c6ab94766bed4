"""Writes into docs how near probabilities are to scikit-learn's: ``python -m tools.probability_table``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets, ensemble, linear_model, naive_bayes, neighbors, svm
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.model_selection import train_test_split
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from edgealgos import compile_model

PAGE = Path(__file__).parents[1] / "docs" / "scikit_learn.md"
DATA = ("digits", "wine", "breast_cancer")
STEPS = 256  # of a probability
REJECTED_BELOW = 0.6
_MARKS = "<!-- probabilities: begin -->\n", "<!-- probabilities: end -->\n"


def _scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


def _soft() -> Any:
    members = [("tree", DecisionTreeClassifier(max_depth=4, random_state=0)),
               ("forest", ensemble.RandomForestClassifier(10, max_depth=4, random_state=0))]  # fmt: skip
    return ensemble.VotingClassifier(members, voting="soft", weights=[1, 2])


KINDS: dict[str, Callable[[], Any]] = {
    "DecisionTree": lambda: DecisionTreeClassifier(max_leaf_nodes=16, random_state=0),
    "ExtraTree": lambda: ExtraTreeClassifier(max_leaf_nodes=16, random_state=0),
    "RandomForest": lambda: ensemble.RandomForestClassifier(20, max_leaf_nodes=16, random_state=0),
    "ExtraTrees": lambda: ensemble.ExtraTreesClassifier(20, max_leaf_nodes=16, random_state=0),
    "Bagging": lambda: ensemble.BaggingClassifier(DecisionTreeClassifier(max_depth=4), random_state=0),
    "Voting, soft": _soft,
    "AdaBoost": lambda: ensemble.AdaBoostClassifier(n_estimators=20, random_state=0),
    "GradientBoosting": lambda: ensemble.GradientBoostingClassifier(n_estimators=20, random_state=0),
    "HistGradientBoosting": lambda: ensemble.HistGradientBoostingClassifier(max_iter=15, random_state=0),
    "KNeighbors": lambda: neighbors.KNeighborsClassifier(),
    "LogisticRegression": lambda: _scaled(linear_model.LogisticRegression(max_iter=2000)),
    "SGD, log_loss": lambda: _scaled(linear_model.SGDClassifier(loss="log_loss", alpha=0.01, random_state=0)),
    "SGD, modified_huber": lambda: _scaled(
        linear_model.SGDClassifier(loss="modified_huber", alpha=0.1, random_state=0)
    ),
    "OneVsRest of LogisticRegression": lambda: _scaled(OneVsRestClassifier(linear_model.LogisticRegression())),
    "Calibrated LinearSVC": lambda: _scaled(CalibratedClassifierCV(svm.LinearSVC(random_state=0), ensemble=False)),
    "LinearDiscriminantAnalysis": LinearDiscriminantAnalysis,
    "QuadraticDiscriminantAnalysis": lambda: QuadraticDiscriminantAnalysis(reg_param=0.1),
    "GaussianNB": lambda: _scaled(naive_bayes.GaussianNB(var_smoothing=0.01)),
    "MultinomialNB": naive_bayes.MultinomialNB,
    "ComplementNB": naive_bayes.ComplementNB,
    "MLP": lambda: _scaled(MLPClassifier((32,), max_iter=400, random_state=0)),
}


class Compared(NamedTuple):
    """Differences from predict_proba in steps, and rows of the test part that one of both alone rejects."""

    steps: Any
    rejected_otherwise: int
    expected: Any


def compared(kind: str, data: str) -> Compared:
    """Of a model of this kind: fitted and compiled with one part, judged by the other."""
    X, y = getattr(datasets, f"load_{data}")(return_X_y=True)
    seen, others, y_seen, _ = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some have not converged, which is no matter here
        model = KINDS[kind]().fit(seen, y_seen)
    expected, found = model.predict_proba(others), compile_model(model, X_calibration=seen).predict_proba(others)
    rejected, wanted = (shares.max(axis=1) < REJECTED_BELOW for shares in (found, expected))
    return Compared(np.abs(found - expected) * STEPS, int(np.count_nonzero(rejected != wanted)), expected)


def table() -> str:
    """One line a kind."""
    rows = [f"| kind | {' | '.join(DATA)} |", "|---" * (len(DATA) + 1) + "|"]
    for kind in KINDS:
        found = [compared(kind, data) for data in DATA]
        cells = [f"{f.steps.max():.1f}, {f.steps.mean():.2f}, {f.rejected_otherwise}" for f in found]
        rows.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    begin, end = _MARKS
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text[: text.index(begin) + len(begin)] + table() + text[text.index(end) :], encoding="utf-8")
