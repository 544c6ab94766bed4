"""Classifiers of two classes that decide elsewhere than at zero: tuned and fixed thresholds, calibrated probabilities.

Knows what scikit-learn's wrappers compare, and what the scores of a program are beside that; no program.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logit
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.neural_network import MLPClassifier

from edgealgos.errors import UnsupportedModelError

_LOG_ODDS = (
    LogisticRegression, LogisticRegressionCV, LinearDiscriminantAnalysis, SGDClassifier, MLPClassifier,
    GradientBoostingClassifier, HistGradientBoostingClassifier, MultinomialNB, BernoulliNB, ComplementNB,
)  # fmt: skip
"""Models whose score of two classes is the logarithm of their odds."""

_SHARES = (RandomForestClassifier, ExtraTreesClassifier, BaggingClassifier)
"""Models whose score is what one class leads by, summed over the members."""


class Cut(NamedTuple):
    """What a wrapper asks a model, and from where on the answer is the second class."""

    method: str
    threshold: float


def cut_of(model: Any) -> Cut:
    """Of a fitted FixedThresholdClassifier or TunedThresholdClassifierCV.

    Raises
    ------
    UnsupportedModelError
        Where the first class is the one that is compared.
    """
    name, inner = type(model).__name__, model.estimator_
    method = model.response_method
    if method == "auto":
        method = "predict_proba" if hasattr(inner, "predict_proba") else "decision_function"
    threshold = getattr(model, "best_threshold_", None)
    if threshold is None:
        threshold = model.threshold
    if threshold == "auto":
        threshold = 0.5 if method == "predict_proba" else 0.0
    positive = getattr(model, "pos_label", None)
    if positive is not None and positive != model.classes_[1]:
        raise UnsupportedModelError(f"{name} compares the score of its first class; set pos_label to the second")
    return Cut(method, float(threshold))


def score_at(model: Any, cut: Cut) -> float:
    """The program's score at which the wrapper's decision changes."""
    if cut.method == "decision_function":
        if isinstance(model, AdaBoostClassifier):
            raise _refused(model)
        return cut.threshold
    if not 0.0 < cut.threshold < 1.0:
        raise UnsupportedModelError(f"a threshold of {cut.threshold} decides for one class whatever the row is")
    if isinstance(model, _SHARES):
        return len(model.estimators_) * (2 * cut.threshold - 1)
    if not isinstance(model, _LOG_ODDS) or (isinstance(model, SGDClassifier) and model.loss != "log_loss"):
        raise _refused(model)
    return float(logit(cut.threshold))


def _refused(model: Any) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"a threshold around {type(model).__name__} cannot be compiled: its program compares other numbers. Around "
        f"{', '.join(sorted(kind.__name__ for kind in (*_LOG_ODDS, *_SHARES)))} it can."
    )


def calibrated(model: CalibratedClassifierCV) -> tuple[Any, Cut | None]:
    """The model inside, and where it decides once calibrated; of several classes a linear model with other scores.

    Raises
    ------
    UnsupportedModelError
        Of several members, and where calibration does not keep an order that a program has.
    """
    if len(model.calibrated_classifiers_) != 1:
        raise UnsupportedModelError(
            f"CalibratedClassifierCV holds {len(model.calibrated_classifiers_)} models and averages what they say; "
            "fit it with ensemble=False, which keeps one"
        )
    (member,) = model.calibrated_classifiers_
    inner, calibrators = member.estimator, member.calibrators
    if model.method == "temperature":
        return inner, None
    method = "decision_function" if hasattr(inner, "decision_function") else "predict_proba"
    if len(model.classes_) == 2:
        return inner, Cut(method, _even(calibrators[0], model.method))
    if model.method != "sigmoid" or not hasattr(inner, "coef_"):
        raise UnsupportedModelError(
            "CalibratedClassifierCV of more than two classes compiles with method='sigmoid' around a linear model"
        )
    slope = np.array([-c.a_ for c in calibrators])
    scaled = copy.copy(inner)
    scaled.coef_ = slope[:, None] * inner.coef_
    scaled.intercept_ = slope * inner.intercept_ - np.array([c.b_ for c in calibrators])
    return scaled, None


def _even(calibrator: Any, method: str) -> float:
    """What the model answers where both classes are equally likely."""
    if method == "sigmoid":
        if calibrator.a_ >= 0:
            raise UnsupportedModelError("CalibratedClassifierCV turns the model's order round: it has learnt nothing")
        return float(-calibrator.b_ / calibrator.a_)
    likely, values = calibrator.y_thresholds_, calibrator.X_thresholds_
    if not likely[0] <= 0.5 <= likely[-1]:
        raise UnsupportedModelError("CalibratedClassifierCV decides for one class whatever the row is")
    return float(np.interp(0.5, likely, values))
