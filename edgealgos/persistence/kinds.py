"""The classes that a file may hold, and what is said of all others; knows no bytes."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from ..errors import EdgeAlgosError
from ..estimators.bonsai import BonsaiClassifier, BonsaiRegressor
from ..estimators.fastgrnn import FastGRNNClassifier, FastGRNNRegressor, FastRNNClassifier
from ..estimators.protonn import ProtoNNClassifier, ProtoNNRegressor
from ..features import LogMel, MotionFeatures

CLASSES: dict[str, type[BaseEstimator]] = {
    kind.__name__: kind
    for kind in (
        BonsaiClassifier, BonsaiRegressor, ProtoNNClassifier, ProtoNNRegressor, FastGRNNClassifier, FastGRNNRegressor,
        FastRNNClassifier, StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler, LogMel, MotionFeatures,
    )
}  # fmt: skip


def is_kind(value: Any) -> bool:
    """Whether it is an object of exactly one of these classes."""
    return CLASSES.get(type(value).__name__) is type(value)


def check_kind(model: Any) -> None:
    """EdgeAlgosError for what cannot be saved, NotFittedError for what is not fitted."""
    steps = [model]
    if type(model) is Pipeline:
        steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    for step in steps:
        if not is_kind(step):
            raise EdgeAlgosError(_refusal(step))
    if not steps:
        raise EdgeAlgosError("a Pipeline without steps cannot be saved. Nothing was written.")
    for step in steps:
        check_is_fitted(step)


def _refusal(thing: Any) -> str:
    kind, room = type(thing), type(thing).__module__.partition(".")[0]
    named = f"the class {thing.__name__}" if isinstance(thing, type) else f"a {kind.__name__}"
    hint = {
        "keras": "; a Keras model has a method save() of its own",
        "tensorflow": "; TensorFlow saves its own",
        "sklearn": "; scikit-learn's own models are kept with joblib.dump, of a search its best_estimator_",
        "edgealgos": "; of a compiled model save the estimator that it was made from",
    }.get(room, "")
    return (
        f"{named} cannot be saved{hint}. Can be saved, when fitted: {', '.join(sorted(CLASSES))}, and Pipelines of "
        "these. Nothing was written."
    )
