"""Kinds of scikit-learn's linear classifiers, and what they make of their decision functions; knows no programs."""

from __future__ import annotations

from typing import Any

from sklearn import linear_model as lm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.svm import LinearSVC

from ...program.link import LOGISTIC, SHARES, Link


def known(name: str) -> tuple[type, ...]:
    """A kind that coming versions of scikit-learn no longer have."""
    return (getattr(lm, name),) if hasattr(lm, name) else ()


CLASSIFIERS = (
    lm.LogisticRegression, lm.LogisticRegressionCV, lm.RidgeClassifier, lm.RidgeClassifierCV, lm.SGDClassifier,
    lm.Perceptron, LinearSVC, LinearDiscriminantAnalysis, *known("PassiveAggressiveClassifier"),
)  # fmt: skip


def link_of(model: Any) -> Link:
    """What a linear classifier makes of its decision function."""
    if isinstance(model, lm.SGDClassifier):
        return {"log_loss": Link(LOGISTIC), "modified_huber": Link(SHARES, 0.5, 0.5)}.get(model.loss, Link())
    if getattr(model, "multi_class", "auto") == "multinomial" and len(model.classes_) == 2:
        return Link(scale=2.0)
    apart = getattr(model, "multi_class", "auto") == "ovr" or getattr(model, "solver", "") == "liblinear"
    return Link(LOGISTIC) if apart else Link()
