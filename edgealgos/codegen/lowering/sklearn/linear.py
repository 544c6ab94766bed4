"""Linear models: coefficients and intercepts, of classes or of a number; nearest centroids are such, too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn import linear_model as lm
from sklearn.cluster import AffinityPropagation, KMeans, MeanShift, MiniBatchKMeans
from sklearn.cross_decomposition import PLSRegression
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.neighbors import NearestCentroid
from sklearn.svm import LinearSVR

from edgealgos.errors import UnsupportedModelError

from ...program import Link, Program
from .kinds import CLASSIFIERS, known, link_of
from .members import answers, coefficients_of
from .registry import Front, Rows, Widths, program_of
from .stages import Reals
from .trees import linear_program

REGRESSORS = (
    lm.LinearRegression, lm.Ridge, lm.RidgeCV, lm.Lasso, lm.LassoCV, lm.LassoLars, lm.LassoLarsCV, lm.LassoLarsIC,
    lm.Lars, lm.LarsCV, lm.ElasticNet, lm.ElasticNetCV, lm.BayesianRidge, lm.ARDRegression, lm.HuberRegressor,
    lm.SGDRegressor, lm.TheilSenRegressor, lm.QuantileRegressor, lm.OrthogonalMatchingPursuit,
    lm.OrthogonalMatchingPursuitCV, LinearSVR, *known("PassiveAggressiveRegressor"),
)  # fmt: skip


def _classifier(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    matrix = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    bias = np.ravel(model.intercept_) * np.ones(len(matrix))
    program = linear_program(front, matrix, bias, widths, type(model).__name__, model.classes_.tolist())
    return replace(program, link=link_of(model))


def _regressor(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    return _number(model, front, np.asarray(model.coef_, dtype=np.float64), np.ravel(model.intercept_), widths)


def _number(model: Any, front: Front, coefficients: Reals, intercept: Reals, widths: Widths) -> Program:
    matrix = np.atleast_2d(coefficients)
    if len(matrix) != 1:
        raise UnsupportedModelError(f"{type(model).__name__} has {len(matrix)} outputs; compile one model for each")
    bias = front.answer(intercept * np.ones(1))
    return linear_program(front, front.slope * matrix, bias, widths, type(model).__name__)


for _kind in CLASSIFIERS:
    program_of.register(_kind, _classifier)
    answers.register(_kind, coefficients_of)
for _kind in REGRESSORS:
    program_of.register(_kind, _regressor)


@program_of.register
def _(model: lm.SGDOneClassSVM, front: Front, rows: Rows, widths: Widths) -> Program:
    matrix, bias = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64)), -np.ravel(model.offset_)
    program = linear_program(front, matrix, bias, widths, "SGDOneClassSVM", [-1, 1])
    return replace(program, link=Link(calibrated=False))


@program_of.register
def _(model: PLSRegression, front: Front, rows: Rows, widths: Widths) -> Program:
    coefficients = np.atleast_2d(model.coef_)
    return _number(model, front, coefficients, model.intercept_ - coefficients @ model._x_mean, widths)


@program_of.register(MultinomialNB)
@program_of.register(ComplementNB)
def _(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    prior = model.class_log_prior_ if isinstance(model, MultinomialNB) or len(model.classes_) == 1 else 0.0
    return _of_classes(model, front, model.feature_log_prob_, prior * np.ones(len(model.classes_)), widths)


@program_of.register
def _(model: BernoulliNB, front: Front, rows: Rows, widths: Widths) -> Program:
    if model.binarize is not None and not np.isin(rows.given, (0, 1)).all():
        raise UnsupportedModelError("BernoulliNB compiles for features that are 0 or 1; compare them before the model")
    absent = np.log1p(-np.exp(model.feature_log_prob_))
    bias = model.class_log_prior_ + absent.sum(axis=1)
    return _of_classes(model, front, model.feature_log_prob_ - absent, bias, widths)


@program_of.register
def _(model: NearestCentroid, front: Front, rows: Rows, widths: Widths) -> Program:
    if model.metric != "euclidean":
        raise UnsupportedModelError(f"NearestCentroid(metric={model.metric!r}) cannot be compiled; 'euclidean' can")
    prior = 2 * np.log(getattr(model, "class_prior_", np.ones(len(model.classes_))))
    scale = getattr(model, "within_class_std_dev_", None)
    weighted = np.any(prior != prior[0])
    spread = np.ones(model.n_features_in_) if scale is None or not weighted else 1.0 / np.square(scale)
    program = _nearest(model, front, model.centroids_, spread, prior, widths, model.classes_.tolist())
    # of equal priors labels go by distances, probabilities by distances in deviations
    return replace(program, link=Link(calibrated=bool(scale is None or weighted)))


@program_of.register(KMeans)
@program_of.register(MiniBatchKMeans)
@program_of.register(MeanShift)
@program_of.register(AffinityPropagation)
def _(model: Any, front: Front, rows: Rows, widths: Widths) -> Program:
    """The cluster whose centre is nearest."""
    centers = np.asarray(model.cluster_centers_, dtype=np.float64)
    zeros = np.zeros(len(centers))
    return _nearest(model, front, centers, np.ones(centers.shape[1]), zeros, widths, list(range(len(centers))))


def _nearest(
    model: Any, front: Front, centers: Reals, spread: Reals, prior: Reals, widths: Widths, labels: list[Any]
) -> Program:
    """Of ``-|x - c|^2`` what differs between centers is linear in x."""
    matrix = 2.0 * centers * spread
    return _of_classes(model, front, matrix, prior - (np.square(centers) * spread).sum(axis=1), widths, labels)


def _of_classes(
    model: Any, front: Front, matrix: Reals, bias: Reals, widths: Widths, labels: list[Any] | None = None
) -> Program:
    """One row a class; of two the difference says as much."""
    labels = model.classes_.tolist() if labels is None else labels
    matrix, bias = matrix - matrix.mean(axis=0), bias - bias.mean()
    if len(labels) == 2:
        matrix, bias = matrix[1:] - matrix[:1], bias[1:] - bias[:1]
    return linear_program(front, matrix, bias, widths, type(model).__name__, labels)
