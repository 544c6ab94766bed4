"""Takes a model out of what stands around it: Pipelines, searches, frozen and transformed-target estimators."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RANSACRegressor
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils.validation import check_is_fitted

from edgealgos.errors import UnsupportedModelError

from ..program import Link
from .scalers import affine
from .thresholds import Cut, calibrated, cut_of


@dataclass(frozen=True)
class Unwrapped:
    """A model and what stands around it.

    Parameters
    ----------
    model : estimator
        Fitted.
    front : tuple of (str, transformer)
        What its inputs go through, first to last.
    slope, shift : float
        What its answer, a real number, goes through.
    cut : Cut or None
        Where it decides between two classes, if not at zero.
    link : callable, optional
        What becomes of the link of its scores.
    """

    model: Any
    front: tuple[tuple[str, Any], ...] = field(default=())
    slope: float = 1.0
    shift: float = 0.0
    cut: Cut | None = None
    link: Callable[[Link], Link] | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the model, or what stands first, writes a program of its own."""
        return hasattr(self.model, "to_program")


def unwrap(model: Any) -> Unwrapped:
    """The model itself, out of every wrapper that changes nothing but its inputs or the scale of its answer.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    """
    return _unwrap(model)


def wrappers_known() -> list[type]:
    """Kinds of what may stand around a model; every search is a BaseSearchCV."""
    return [kind for kind in _unwrap.registry if kind is not object]


@singledispatch
def _unwrap(model: Any) -> Unwrapped:
    return Unwrapped(model)


@_unwrap.register
def _(model: Pipeline) -> Unwrapped:
    """Samplers of imbalanced-learn's Pipelines run while fitting alone."""
    steps = [(name, step) for name, step in model.steps if step is not None and step != "passthrough"]
    steps = [(name, step) for name, step in steps if not hasattr(step, "fit_resample")]
    if not steps:
        raise UnsupportedModelError("the Pipeline has no steps")
    front: list[tuple[str, Any]] = []
    for name, step in steps[:-1]:
        check_is_fitted(step)
        front += _flat(name, step)
    inner = unwrap(steps[-1][1])
    return replace(inner, front=(*front, *inner.front))


def _flat(name: str, step: Any) -> list[tuple[str, Any]]:
    """The steps of a Pipeline of transformers, one by one."""
    if not isinstance(step, Pipeline):
        return [(name, step)]
    inner = [(f"{name}__{n}", s) for n, s in step.steps if s is not None and s != "passthrough"]
    return [flat for n, s in inner for flat in _flat(n, s)]


@_unwrap.register
def _(model: BaseSearchCV) -> Unwrapped:
    check_is_fitted(model)
    if not hasattr(model, "best_estimator_"):
        raise UnsupportedModelError(f"{type(model).__name__}(refit=False) holds no fitted model; set refit=True")
    return unwrap(model.best_estimator_)


@_unwrap.register
def _(model: FrozenEstimator) -> Unwrapped:
    return unwrap(model.estimator)


@_unwrap.register(RANSACRegressor)
@_unwrap.register(SelfTrainingClassifier)
def _(model: Any) -> Unwrapped:
    """The model that was fitted on what they chose of the rows."""
    check_is_fitted(model)
    return unwrap(model.estimator_)


@_unwrap.register
def _(model: TransformedTargetRegressor) -> Unwrapped:
    check_is_fitted(model)
    try:
        slope, shift = (float(np.ravel(v * np.ones(1))[0]) for v in affine(model.transformer_))
    except NotImplementedError:
        identity = getattr(model.transformer_, "func", 0) is None
        if not identity:
            raise UnsupportedModelError(
                "TransformedTargetRegressor compiles with a scaler as transformer=; functions and other transformers "
                "bend the answer, which no program here does"
            ) from None
        slope, shift = 1.0, 0.0
    inner = unwrap(model.regressor_)
    return replace(inner, slope=inner.slope / slope, shift=(inner.shift - shift) / slope)


@_unwrap.register(FixedThresholdClassifier)
@_unwrap.register(TunedThresholdClassifierCV)
def _(model: Any) -> Unwrapped:
    check_is_fitted(model)
    return replace(_undecided(model, model.estimator_), cut=cut_of(model))


@_unwrap.register
def _(model: CalibratedClassifierCV) -> Unwrapped:
    """Of one member the model inside; several are one of their own, and scores that are calibrated class by class."""
    check_is_fitted(model)
    if len(model.calibrated_classifiers_) > 1:
        return Unwrapped(model)
    inner = _undecided(model, model.calibrated_classifiers_[0].estimator)
    if model.method == "sigmoid" and len(model.classes_) > 2 and not hasattr(inner.model, "coef_"):
        return Unwrapped(model)
    member = copy.copy(model.calibrated_classifiers_[0])
    member.estimator = inner.model
    single = copy.copy(model)
    single.calibrated_classifiers_ = [member, *model.calibrated_classifiers_[1:]]
    changed, cut, link = calibrated(single)
    return replace(inner, model=changed, cut=cut, link=link)


def _undecided(model: Any, inside: Any) -> Unwrapped:
    inner = unwrap(inside)
    if inner.cut is not None or inner.link is not None:
        raise UnsupportedModelError(
            f"{type(model).__name__} around another threshold or calibration cannot be compiled; leave one of them out"
        )
    if inner.is_ours:
        raise UnsupportedModelError(f"{type(model).__name__} compiles around scikit-learn's models, not around ours")
    return inner
