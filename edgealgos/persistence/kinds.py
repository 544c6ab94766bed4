"""The classes that a file may hold, and what is said of all others; knows no bytes."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..errors import EdgeAlgosError

_KINDS = {
    "edgealgos.estimators.bonsai": ("BonsaiClassifier", "BonsaiRegressor"),
    "edgealgos.estimators.boosted_trees": ("BoostedTreesClassifier", "BoostedTreesRegressor"),
    "edgealgos.estimators.convnet": ("ConvNetClassifier", "ConvNetRegressor"),
    "edgealgos.estimators.protonn": ("ProtoNNClassifier", "ProtoNNRegressor"),
    "edgealgos.estimators.fastgrnn": (
        "FastGRNNClassifier", "FastGRNNRegressor", "FastRNNClassifier", "GRUClassifier", "GRURegressor",
    ),
    "edgealgos.estimators.linear": ("LinearClassifier", "LinearRegressor"),
    "edgealgos.estimators.neighbours": ("NeighboursClassifier",),
    "edgealgos.auto.estimators": ("AutoClassifier", "AutoRegressor"),
    "edgealgos.features.logmel": ("LogMel",),
    "edgealgos.features.motion": ("MotionFeatures",),
    "sklearn.preprocessing": ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"),
}  # fmt: skip


@cache
def classes() -> dict[str, type[BaseEstimator]]:
    """Those that files may hold, by name."""
    return {name: getattr(import_module(module), name) for module, names in _KINDS.items() for name in names}


def is_kind(value: Any) -> bool:
    """Whether it is an object of exactly one of these classes."""
    return classes().get(type(value).__name__) is type(value)


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
        f"{named} cannot be saved{hint}. Can be saved, when fitted: {', '.join(sorted(classes()))}, and Pipelines of "
        "these. Nothing was written."
    )
