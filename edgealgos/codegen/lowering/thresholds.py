"""Classifiers of two classes that decide elsewhere than at zero: tuned and fixed thresholds, calibrated probabilities.

Knows what scikit-learn's wrappers compare, and what the scores of a program are beside that; no program.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.svm import SVC, NuSVC

from edgealgos.errors import UnsupportedModelError

from ..program.link import LOGISTIC, SHARES, SOFTMAX, Link


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


def score_at(link: Link, model: Any, cut: Cut) -> float:
    """The program's score at which the wrapper's decision changes, where its scores have this link."""
    if cut.method == "decision_function":
        if isinstance(model, AdaBoostClassifier):
            raise _refused(model)
        return cut.threshold
    if not 0.0 < cut.threshold < 1.0:
        raise UnsupportedModelError(f"a threshold of {cut.threshold} decides for one class whatever the row is")
    if not link.calibrated:
        raise _refused(model)
    return link.score_at(cut.threshold)


def _refused(model: Any) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"a threshold around {type(model).__name__} cannot be compiled: its program compares other numbers. Around "
        "linear models, trees, forests and boosting it can, by response_method='predict_proba'."
    )


class Calibrated(NamedTuple):
    """The model inside, where it decides once calibrated, and what becomes of the link of its scores."""

    model: Any
    cut: Cut | None
    link: Callable[[Link], Link]


def calibrated(model: CalibratedClassifierCV) -> Calibrated:
    """What is inside of one of a single member; of several classes a linear model with other scores.

    Raises
    ------
    UnsupportedModelError
        Where calibration does not keep an order that a program has.
    """
    (member,) = model.calibrated_classifiers_
    inner, calibrators = member.estimator, member.calibrators
    method = "decision_function" if hasattr(inner, "decision_function") else "predict_proba"
    two = len(model.classes_) == 2
    if model.method == "temperature":
        sharper = float(calibrators[0].beta_)
        return Calibrated(inner, None, lambda own: _tempered(own, inner, method, sharper, two))
    if two:
        cut = Cut(method, _even(calibrators[0], model.method))
        return Calibrated(inner, cut, lambda own: _bent(own, inner, method, calibrators[0]))
    if model.method != "sigmoid":
        raise UnsupportedModelError("CalibratedClassifierCV of more than two classes compiles with method='sigmoid'")
    slope = np.array([-c.a_ for c in calibrators])
    scaled = copy.copy(inner)
    scaled.coef_ = slope[:, None] * inner.coef_
    scaled.intercept_ = slope * inner.intercept_ - np.array([c.b_ for c in calibrators])
    return Calibrated(scaled, None, lambda _: Link(LOGISTIC))


def _tempered(own: Link, inner: Any, method: str, sharper: float, two: bool) -> Link:
    """Of logits that are multiplied; of two classes both count the only score."""
    if method == "decision_function":
        return Link(scale=2 * sharper if two else sharper, calibrated=_is_decision(inner))
    known = own.kind == SOFTMAX and own.calibrated
    return Link(SOFTMAX, own.scale * sharper, own.offset * sharper, known) if known else Link(calibrated=False)


def _bent(own: Link, inner: Any, method: str, calibrator: Any) -> Link:
    """Of the logistic function of a score, or of a share of votes; other curves order rows alone."""
    slope, shift = (-float(getattr(calibrator, name, -1.0)) for name in ("a_", "b_"))
    if not hasattr(calibrator, "a_") or not (_is_decision(inner) or own.kind == SHARES):
        return Link(calibrated=False)
    if method == "decision_function":
        return Link(SOFTMAX, slope, shift)
    return Link(SOFTMAX, slope * own.scale, slope * own.offset + shift)


def _is_decision(model: Any) -> bool:
    """Whether a program's scores are what the model's `decision_function` says."""
    boosted = (GradientBoostingClassifier, HistGradientBoostingClassifier, QuadraticDiscriminantAnalysis)
    machine = isinstance(model, (SVC, NuSVC)) and len(model.classes_) == 2
    return hasattr(model, "decision_function") and (
        machine or isinstance(model, boosted) or (hasattr(model, "coef_") and not isinstance(model, (SVC, NuSVC)))
    )


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
