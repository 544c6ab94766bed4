"""Kinds of scikit-learn's linear classifiers; knows no programs."""

from __future__ import annotations

from sklearn import linear_model as lm
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.svm import LinearSVC


def known(name: str) -> tuple[type, ...]:
    """A kind that coming versions of scikit-learn no longer have."""
    return (getattr(lm, name),) if hasattr(lm, name) else ()


CLASSIFIERS = (
    lm.LogisticRegression, lm.LogisticRegressionCV, lm.RidgeClassifier, lm.RidgeClassifierCV, lm.SGDClassifier,
    lm.Perceptron, LinearSVC, LinearDiscriminantAnalysis, *known("PassiveAggressiveClassifier"),
)  # fmt: skip
