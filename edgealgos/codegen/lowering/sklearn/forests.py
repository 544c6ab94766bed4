"""Which trees scikit-learn's models are made of, and what their leaves add."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from edgealgos.errors import UnsupportedModelError

from ...program import Link, Program
from .members import Grown, answers
from .registry import Front, Rows, Widths, program_of
from .stages import Reals
from .trees import Tree, linear_program, sum_of_trees, votes_of_trees

EXACT = (
    DecisionTreeClassifier, DecisionTreeRegressor, RandomForestClassifier, ExtraTreesClassifier, BaggingClassifier,
    AdaBoostClassifier, GradientBoostingClassifier, HistGradientBoostingClassifier, IsolationForest,
)  # fmt: skip
"""Models that compare inputs and count votes: of their rounding nothing is seen if rows keep to their paths."""


def tree_of(fitted: Any, leaf: Reals, columns: Any = None) -> Tree:
    """A tree of scikit-learn's Cython; `columns` are those that it was given of all."""
    feature = np.maximum(fitted.feature, 0).astype(np.int64)
    if columns is not None:
        feature = np.asarray(columns)[feature]
    return Tree(fitted.children_left, fitted.children_right, feature, fitted.threshold, leaf)


def shares_of(fitted: Any) -> Reals:
    """Of each node the shares of the classes."""
    counts = np.asarray(fitted.value[:, 0], dtype=np.float64)
    shares: Reals = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
    return shares


def _one_output(model: Any) -> None:
    if getattr(model, "n_outputs_", 1) != 1:
        raise UnsupportedModelError(
            f"{type(model).__name__} has {model.n_outputs_} outputs; compile one model for each"
        )


@program_of.register(DecisionTreeClassifier)
@program_of.register(ExtraTreeClassifier)
def _(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    _one_output(model)
    tree = tree_of(model.tree_, shares_of(model.tree_))
    return votes_of_trees(front, rows, [tree], type(model).__name__, model.classes_.tolist())


@program_of.register(RandomForestClassifier)
@program_of.register(ExtraTreesClassifier)
def _(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    _one_output(model)
    trees = [tree_of(e.tree_, shares_of(e.tree_)) for e in model.estimators_]
    return votes_of_trees(front, rows, trees, type(model).__name__, model.classes_.tolist())


@program_of.register
def _(model: BaggingClassifier, front: Front, rows: Rows, widths: Widths) -> Program:
    _are_trees(model, DecisionTreeClassifier)
    trees = []
    for estimator, columns in zip(model.estimators_, model.estimators_features_, strict=True):
        shares = np.zeros((estimator.tree_.node_count, len(model.classes_)))
        shares[:, np.asarray(estimator.classes_, dtype=int)] = shares_of(estimator.tree_)
        trees.append(tree_of(estimator.tree_, shares, columns))
    return votes_of_trees(front, rows, trees, type(model).__name__, model.classes_.tolist())


@program_of.register
def _(model: VotingClassifier, front: Front, rows: Rows, widths: Widths) -> Program:
    """The mean of what trees and forests hold likely is that of all their trees, each forest with one weight.

    Of hard votes each tree has one; what a forest votes for is no sum over its trees.
    """
    soft, single = model.voting == "soft", (DecisionTreeClassifier, ExtraTreeClassifier)
    kinds = (*single, RandomForestClassifier, ExtraTreesClassifier) if soft else single
    if not all(isinstance(e, kinds) for e in model.estimators_):
        raise UnsupportedModelError(
            f"VotingClassifier(voting={model.voting!r}) of {', '.join(type(e).__name__ for e in model.estimators_)} "
            "cannot be compiled; voting='soft' of trees and forests can, and 'hard' of trees. To put what this one has "
            "learnt on a board, teach a small model with it: ProtoNNClassifier(teacher=model).fit(X, y)"
        )
    weights = np.ones(len(model.estimators_)) if model.weights is None else np.array(model._weights_not_none)
    trees = []
    for estimator, weight in zip(model.estimators_, weights, strict=True):
        members = getattr(estimator, "estimators_", [estimator])
        for member in members:
            shares = shares_of(member.tree_)
            votes = shares if soft else np.eye(shares.shape[1])[shares.argmax(axis=1)]
            trees.append(tree_of(member.tree_, weight / len(members) * votes))
    return votes_of_trees(front, rows, trees, "VotingClassifier", model.classes_.tolist())


@program_of.register
def _(model: AdaBoostClassifier, front: Front, rows: Rows, widths: Widths) -> Program:
    """Each tree votes with its weight for one class: scikit-learn takes what is made of the votes for a logarithm."""
    _are_trees(model, DecisionTreeClassifier)
    trees = []
    for estimator, weight in zip(model.estimators_, model.estimator_weights_, strict=False):
        winners = estimator.classes_[shares_of(estimator.tree_).argmax(axis=1)]
        votes = (winners[:, None] == model.classes_).astype(np.float64)
        trees.append(tree_of(estimator.tree_, weight * votes))
    classes = len(model.classes_)
    link = Link(scale=classes / ((classes - 1) ** 2 * float(model.estimator_weights_[: len(trees)].sum())))
    return votes_of_trees(front, rows, trees, type(model).__name__, model.classes_.tolist(), link)


def _are_trees(model: Any, kind: type) -> None:
    if not all(isinstance(estimator, kind) for estimator in model.estimators_):
        family = "ProtoNNClassifier" if hasattr(model, "classes_") else "ProtoNNRegressor"
        raise UnsupportedModelError(
            f"{type(model).__name__} compiles with trees; this one is of other models. To put what it has learnt on a "
            f"board, teach a small model with it: {family}(teacher=model).fit(X, y)"
        )


@program_of.register(DecisionTreeRegressor)
@program_of.register(ExtraTreeRegressor)
def _(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    return _mean(model, front, rows, [(model, None)])


@program_of.register(RandomForestRegressor)
@program_of.register(ExtraTreesRegressor)
def _(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    return _mean(model, front, rows, [(estimator, None) for estimator in model.estimators_])


@program_of.register
def _(model: BaggingRegressor, front: Front, rows: Rows, widths: Widths) -> Program:
    _are_trees(model, DecisionTreeRegressor)
    return _mean(model, front, rows, list(zip(model.estimators_, model.estimators_features_, strict=True)))


@program_of.register
def _(model: VotingRegressor, front: Front, rows: Rows, widths: Widths) -> Program:
    """The mean of linear models is one."""
    weights = np.ones(len(model.estimators_)) if model.weights is None else np.array(model._weights_not_none)
    if not all(hasattr(e, "coef_") and np.size(e.coef_) == model.n_features_in_ for e in model.estimators_):
        raise UnsupportedModelError(
            "VotingRegressor compiles with linear regressors alone; of trees a RandomForestRegressor does. To put what "
            "this one has learnt on a board, teach a small model with it: "
            "ProtoNNRegressor(teacher=model).fit(X, y)"
        )
    shares = weights / weights.sum()
    matrix = sum(w * np.ravel(e.coef_) for w, e in zip(shares, model.estimators_, strict=True))
    bias = sum(w * np.ravel(e.intercept_) for w, e in zip(shares, model.estimators_, strict=True))
    whole = front.slope * np.asarray(matrix)[None]
    return linear_program(front, whole, front.answer(np.asarray(bias) * np.ones(1)), widths, "VotingRegressor")


def _mean(model: Any, front: Front, rows: Rows, several: list[tuple[Any, Any]]) -> Program:
    """What trees answer in the mean, around the middle of it: leaves are then small numbers."""
    _one_output(model)
    values = [np.asarray(estimator.tree_.value[:, 0, 0], dtype=np.float64) for estimator, _ in several]
    middle = float(np.mean([v[0] for v in values]))
    trees = [
        tree_of(e.tree_, front.slope * (v - middle) / len(several), columns)
        for (e, columns), v in zip(several, values, strict=True)
    ]
    bias = front.answer(np.array([middle]))
    return sum_of_trees(front, rows, [trees], bias, type(model).__name__)


@program_of.register
def _(model: GradientBoostingClassifier, front: Front, rows: Rows, widths: Widths) -> Program:
    program = sum_of_trees(front, rows, *boosted(model), type(model).__name__, model.classes_.tolist())
    return replace(program, link=Link(scale=2.0)) if model.loss == "exponential" else program


@singledispatch
def boosted(model: Any) -> tuple[list[list[Tree]], Reals]:
    """Of each score of a classifier its trees, and what they are added to."""
    raise NotImplementedError


@boosted.register
def _(model: GradientBoostingClassifier) -> tuple[list[list[Tree]], Reals]:
    """The start of the scores does not depend on the row, unless another model gives it."""
    trees = [
        [tree_of(e.tree_, model.learning_rate * e.tree_.value[:, 0, 0]) for e in model.estimators_[:, k]]
        for k in range(model.estimators_.shape[1])
    ]
    return trees, _constant_start(model)


@boosted.register
def _(model: HistGradientBoostingClassifier) -> tuple[list[list[Tree]], Reals]:
    trees = _histogram_trees(model, 1.0)
    return trees, np.ravel(np.asarray(model._baseline_prediction, dtype=np.float64)) * np.ones(len(trees))


@program_of.register
def _(model: GradientBoostingRegressor, front: Front, rows: Rows, widths: Widths) -> Program:
    scale = front.slope * model.learning_rate
    trees = [tree_of(e.tree_, scale * e.tree_.value[:, 0, 0]) for e in model.estimators_[:, 0]]
    return sum_of_trees(front, rows, [trees], front.answer(_constant_start(model)), type(model).__name__)


def _constant_start(model: Any) -> Reals:
    if model.init_ != "zero" and type(model.init_).__name__ not in ("DummyClassifier", "DummyRegressor"):
        raise UnsupportedModelError(f"{type(model).__name__}(init=...) starts from another model; leave init out")
    row = np.zeros((1, model.n_features_in_), dtype=np.float32)
    start: Reals = np.asarray(model._raw_predict_init(row), dtype=np.float64)[0]
    return start


@program_of.register
def _(model: HistGradientBoostingClassifier, front: Front, rows: Rows, widths: Widths) -> Program:
    return sum_of_trees(front, rows, *boosted(model), type(model).__name__, model.classes_.tolist())


@program_of.register
def _(model: HistGradientBoostingRegressor, front: Front, rows: Rows, widths: Widths) -> Program:
    if model.loss not in ("squared_error", "absolute_error", "quantile"):
        raise UnsupportedModelError(f"HistGradientBoostingRegressor(loss={model.loss!r}) ends in an exponential")
    bias = front.answer(np.ravel(np.asarray(model._baseline_prediction, dtype=np.float64)))
    return sum_of_trees(front, rows, _histogram_trees(model, front.slope), bias, type(model).__name__)


def _histogram_trees(model: Any, scale: float) -> list[list[Tree]]:
    """Of each score its trees."""
    if getattr(model, "is_categorical_", None) is not None and np.any(model.is_categorical_):
        raise UnsupportedModelError(f"{type(model).__name__} with categorical_features compares sets; encode them")
    per_score: list[list[Tree]] = [[] for _ in model._predictors[0]]
    for several in model._predictors:
        for k, predictor in enumerate(several):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
            per_score[k].append(
                Tree(left, right, nodes["feature_idx"].astype(np.int64), nodes["num_threshold"], scale * nodes["value"])
            )
    return per_score


@program_of.register
def _(model: IsolationForest, front: Front, rows: Rows, widths: Widths) -> Program:
    """A row is an inlier where the mean depth of its leaves is above that which the offset stands for."""
    trees = []
    for estimator, columns in zip(model.estimators_, model.estimators_features_, strict=True):
        tree = estimator.tree_
        depth = _depths(tree) + _mean_path(tree.n_node_samples)
        trees.append(tree_of(tree, depth / len(model.estimators_), columns))
    typical = float(_mean_path(np.array([model._max_samples]))[0])
    threshold = -typical * np.log2(-model.offset_)
    return sum_of_trees(front, rows, [trees], np.array([-threshold]), "IsolationForest", [-1, 1])


def _depths(tree: Any) -> Reals:
    depth = np.zeros(tree.node_count)
    for i in range(tree.node_count):  # parents come first
        for child in (tree.children_left[i], tree.children_right[i]):
            if child >= 0:
                depth[child] = depth[i] + 1
    return depth


def _mean_path(count: Any) -> Reals:
    """Mean depth of a leaf of a random tree over so many rows (Liu, Ting and Zhou, ICDM 2008, eq. 1)."""
    n = np.asarray(count, dtype=np.float64)
    more = np.maximum(n, 3.0)
    path: Reals = np.where(n <= 1, 0.0, np.where(n == 2, 1.0,
                    2.0 * (np.log(more - 1.0) + np.euler_gamma) - 2.0 * (more - 1.0) / more))  # fmt: skip
    return path


# ---- members of committees -------------------------------------------------------------------------------------------


@answers.register(DecisionTreeClassifier)
@answers.register(ExtraTreeClassifier)
@answers.register(RandomForestClassifier)
@answers.register(ExtraTreesClassifier)
def _(model: Any) -> Grown:
    """Shares of the classes in the mean of all trees."""
    fitted = [estimator.tree_ for estimator in getattr(model, "estimators_", [model])]
    told = range(len(model.classes_)) if len(model.classes_) > 2 else [1]
    trees = [[tree_of(tree, shares_of(tree)[:, k] / len(fitted)) for tree in fitted] for k in told]
    return Grown(trees, np.zeros(len(trees)))


@answers.register(GradientBoostingClassifier)
@answers.register(HistGradientBoostingClassifier)
def _(model: Any) -> Grown:
    return Grown(*boosted(model))


@answers.register
def _(model: AdaBoostClassifier) -> Grown:
    """Of each tree its weight for the class that it tells, and as much less for all others together."""
    if not all(isinstance(estimator, DecisionTreeClassifier) for estimator in model.estimators_):
        raise NotImplementedError
    classes, count = model.classes_, len(model.classes_)
    weights = model.estimator_weights_[: len(model.estimators_)]
    trees: list[list[Tree]] = [[] for _ in range(count if count > 2 else 1)]
    for estimator, weight in zip(model.estimators_, weights / weights.sum(), strict=True):
        told = estimator.classes_[shares_of(estimator.tree_).argmax(axis=1)]
        for k, several in enumerate(trees):
            own, other = (weight, -weight / (count - 1)) if count > 2 else (2 * weight, -2 * weight)
            several.append(tree_of(estimator.tree_, np.where(told == classes[k if count > 2 else 1], own, other)))
    return Grown(trees, np.zeros(len(trees)))
