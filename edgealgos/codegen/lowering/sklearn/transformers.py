"""Transformers that are affine: scalers, projections, selections; each a matrix and a shift."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.cluster import FeatureAgglomeration
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, FactorAnalysis, FastICA, IncrementalPCA, SparsePCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.impute import SimpleImputer
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from edgealgos.errors import UnsupportedModelError

from ..scalers import affine
from .registry import affine_map
from .stages import Reals

LEAST_VARIANCE = 1e-12  # of a component, in that of the largest: less is rounding

_SELECTORS = (
    RFE, RFECV, GenericUnivariateSelect, SelectFdr, SelectFpr, SelectFromModel, SelectFwe, SelectKBest,
    SelectPercentile, SequentialFeatureSelector, VarianceThreshold,
)  # fmt: skip


def _scaler(step: Any) -> tuple[Reals, Reals]:
    slope, shift = affine(step)
    return np.diag(slope), np.asarray(shift, dtype=np.float64) * np.ones(len(slope))


for _kind in (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler):
    affine_map.register(_kind, _scaler)


def _selector(step: Any) -> tuple[Reals, Reals]:
    support = step.get_support()
    return np.eye(len(support))[support], np.zeros(int(support.sum()))


for _kind in _SELECTORS:
    affine_map.register(_kind, _selector)


def _seen(step: Any) -> tuple[Reals, Reals]:
    """What an affine transformer makes of zeros, and of ones that stand alone."""
    width = int(step.n_features_in_)
    shift = np.asarray(step.transform(np.zeros((1, width))), dtype=np.float64)
    return (np.asarray(step.transform(np.eye(width)), dtype=np.float64) - shift).T, shift[0]


for _kind in (
    FactorAnalysis, FastICA, IncrementalPCA, SparsePCA, NeighborhoodComponentsAnalysis, GaussianRandomProjection,
    SparseRandomProjection,
):  # fmt: skip
    affine_map.register(_kind, _seen)


@affine_map.register
def _(step: FeatureAgglomeration) -> tuple[Reals, Reals]:
    if step.pooling_func is not np.mean:
        raise UnsupportedModelError("FeatureAgglomeration compiles with pooling_func=np.mean")
    return _seen(step)


@affine_map.register
def _(step: FeatureUnion) -> tuple[Reals, Reals]:
    """What each transformer makes of all columns, one below the other."""
    maps = [
        (factor or 1.0, *(_same(step) if inner == "passthrough" else affine_map(inner)))
        for _, inner, factor in step._iter()
    ]
    return np.vstack([f * matrix for f, matrix, _ in maps]), np.concatenate([f * shift for f, _, shift in maps])


@affine_map.register
def _(step: PCA) -> tuple[Reals, Reals]:
    matrix = step.components_.astype(np.float64)
    if step.whiten:
        variance = step.explained_variance_
        if (variance <= LEAST_VARIANCE * variance.max()).any():
            raise UnsupportedModelError(
                f"PCA(whiten=True) divides component {int(np.argmin(variance))} by a spread of nothing: take fewer "
                "components, or leave out columns that say the same"
            )
        matrix = matrix / np.sqrt(variance)[:, None]
    return matrix, -matrix @ step.mean_


@affine_map.register
def _(step: TruncatedSVD) -> tuple[Reals, Reals]:
    return step.components_.astype(np.float64), np.zeros(len(step.components_))


@affine_map.register
def _(step: LinearDiscriminantAnalysis) -> tuple[Reals, Reals]:
    if step.solver == "lsqr":
        raise UnsupportedModelError(
            "LinearDiscriminantAnalysis(solver='lsqr') does not transform; 'svd' and 'eigen' do"
        )
    matrix = step.scalings_[:, : step._max_components].T.astype(np.float64)
    shift = -matrix @ step.xbar_ if step.solver == "svd" else np.zeros(len(matrix))
    return matrix, shift


@affine_map.register
def _(step: SimpleImputer) -> tuple[Reals, Reals]:
    """The device is given whole rows."""
    if not is_nan(step.missing_values):
        raise UnsupportedModelError(
            f"SimpleImputer(missing_values={step.missing_values!r}) compiles in front of linear models and trees of "
            "scikit-learn alone: in front of others, put its statistics_ into the rows before the Pipeline, and into "
            "the raw readings on the device"
        )
    return columns_kept(step)


def is_nan(missing: Any) -> bool:
    """Whether missing values are NaN, which never reaches a device."""
    return isinstance(missing, float) and np.isnan(missing)


def columns_kept(step: SimpleImputer) -> tuple[Reals, Reals]:
    """Columns as they are; those that were empty in training are gone."""
    if getattr(step, "indicator_", None) is not None:
        raise UnsupportedModelError("SimpleImputer(add_indicator=True) makes columns that whole rows do not have")
    kept = ~np.isnan(np.asarray(step.statistics_, dtype=np.float64))
    if step.keep_empty_features:
        kept[:] = True
    return np.eye(len(kept))[kept], np.zeros(int(kept.sum()))


@affine_map.register
def _(step: FunctionTransformer) -> tuple[Reals, Reals]:
    if step.func is not None:
        raise UnsupportedModelError(
            "FunctionTransformer calls a function of Python, which no board has: call it before"
        )
    return _same(step)


def _same(step: Any) -> tuple[Reals, Reals]:
    """All features as they are."""
    return np.eye(step.n_features_in_), np.zeros(step.n_features_in_)


@affine_map.register
def _(step: Pipeline) -> tuple[Reals, Reals]:
    """One map behind the other."""
    matrix, shift = np.eye(step.n_features_in_), np.zeros(step.n_features_in_)
    for _, inner in step.steps:
        if inner is not None and inner != "passthrough":
            further, moved = affine_map(inner)
            matrix, shift = further @ matrix, further @ shift + moved
    return matrix, shift


@affine_map.register
def _(step: ColumnTransformer) -> tuple[Reals, Reals]:
    """Of each transformer its columns, one below the other as they come out."""
    matrices, shifts = [], []
    weights = step.transformer_weights or {}
    for name, inner, columns in step.transformers_:
        chosen = np.arange(step.n_features_in_)[places(step, columns)]
        if (isinstance(inner, str) and inner == "drop") or not chosen.size:
            continue
        select = np.eye(step.n_features_in_)[chosen]
        matrix, shift = (np.eye(len(chosen)), np.zeros(len(chosen))) if isinstance(inner, str) else affine_map(inner)
        weight = weights.get(name, 1.0)
        matrices.append(weight * matrix @ select)
        shifts.append(weight * shift)
    return np.vstack(matrices), np.concatenate(shifts)


def imputed(rows: Reals, step: Any) -> Reals:
    """Rows whose missing values are those that a SimpleImputer in front puts there; others as they are."""
    if not isinstance(step, SimpleImputer) or not np.isnan(rows).any():
        return rows
    return np.asarray(np.where(np.isnan(rows), np.asarray(step.statistics_, dtype=np.float64), rows))


def places(step: ColumnTransformer, columns: Any) -> Any:
    """What numbers, names, slices and masks of columns say, as an index."""
    names = list(getattr(step, "feature_names_in_", ()))
    if isinstance(columns, str):
        return [names.index(columns)]
    if isinstance(columns, slice):
        return columns
    listed = np.atleast_1d(columns)
    if listed.dtype.kind in "OU":
        return [names.index(name) for name in listed]
    return listed if listed.size else []
