"""Steps that are not affine in front of linear models and trees: encoders of integers, bins, stated missing values.

What a linear model adds for each of them is a constant between two edges of one feature: a tree that only compares that
feature, its leaves rows of what is added to every score. A tree behind one compares the feature itself, once for each
place at which the curve crosses a threshold. Products of two features, and norms, stand in front of linear models.
Knows scikit-learn and programs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import KBinsDiscretizer, Normalizer, OneHotEncoder, OrdinalEncoder, PolynomialFeatures

from edgealgos.errors import UnsupportedModelError

from .registry import affine_map
from .stages import Curve, Norm, Reals, Stage
from .transformers import columns_kept, is_nan, places


@singledispatch
def stage_of(step: Any) -> Stage:
    """What a fitted transformer makes of its inputs."""
    return Stage(*affine_map(step))


def encoders_known() -> list[str]:
    """Names of the kinds of transformers that may stand in front of linear models and trees besides affine ones."""
    return sorted(kind.__name__ for kind in (KBinsDiscretizer, OneHotEncoder, OrdinalEncoder))


def products_known() -> list[str]:
    """Names of the kinds of transformers that may stand in front of linear models alone."""
    return [kind.__name__ for kind in (Normalizer, PolynomialFeatures)]


@stage_of.register
def _(step: Pipeline) -> Stage:
    stage = Stage.same(step.n_features_in_)
    for _, inner in step.steps:
        if inner is not None and inner != "passthrough":
            stage = stage.then(stage_of(inner))
    return stage


@stage_of.register
def _(step: ColumnTransformer) -> Stage:
    found = []
    factors = step.transformer_weights or {}
    for name, inner, columns in step.transformers_:
        chosen = np.arange(step.n_features_in_)[places(step, columns)]
        if (isinstance(inner, str) and inner == "drop") or not chosen.size:
            continue
        select = Stage(np.eye(step.n_features_in_)[chosen], np.zeros(len(chosen)))
        made = select if isinstance(inner, str) else select.then(stage_of(inner))
        factor = factors.get(name, 1.0) * np.eye(len(made.shift))
        found.append(made.then(Stage(factor, np.zeros(len(made.shift)))))
    return Stage.beside(found)


@stage_of.register
def _(step: SimpleImputer) -> Stage:
    """A stated number becomes the column's statistic; NaN never reaches a device."""
    missing = step.missing_values
    matrix, shift = columns_kept(step)
    if is_nan(missing):
        return Stage(matrix, shift)
    if not np.isreal(missing):
        raise UnsupportedModelError(f"SimpleImputer(missing_values={missing!r}): boards know numbers alone")
    curves = []
    for out, column in enumerate(matrix.argmax(axis=1).tolist()):
        added = np.zeros((3, len(matrix)))
        added[1, out] = float(step.statistics_[column]) - missing
        curves.append(Curve(column, np.array([missing - 0.5, missing + 0.5]), added, 0.5, float(missing)))
    return Stage(matrix, shift, tuple(curves))


@stage_of.register
def _(step: OneHotEncoder) -> Stage:
    if getattr(step, "_infrequent_enabled", False):
        raise UnsupportedModelError(
            "OneHotEncoder that groups infrequent categories cannot be compiled; leave min_frequency and "
            "max_categories out"
        )
    dropped = step.drop_idx_ if step.drop_idx_ is not None else [None] * len(step.categories_)
    rows = []
    for categories, drop in zip(step.categories_, dropped, strict=True):
        hot = np.eye(len(categories))
        rows.append(hot if drop is None else np.delete(hot, int(drop), axis=1))
    return _by_categories(step, rows)


@stage_of.register
def _(step: OrdinalEncoder) -> Stage:
    if getattr(step, "_infrequent_enabled", False):
        raise UnsupportedModelError("OrdinalEncoder that groups infrequent categories cannot be compiled")
    return _by_categories(step, [np.arange(len(c), dtype=np.float64)[:, None] for c in step.categories_])


def _by_categories(step: Any, rows: Sequence[Reals]) -> Stage:
    """Of every column the row of its category; zeros for what is none."""
    outputs, first, curves = sum(r.shape[1] for r in rows), 0, []
    for column, (categories, row) in enumerate(zip(step.categories_, rows, strict=True)):
        values = np.asarray(categories)
        if values.dtype.kind not in "iuf" or not np.array_equal(values, np.rint(values.astype(np.float64))):
            raise UnsupportedModelError(
                f"{type(step).__name__}: the categories of column {column} are no integers ({values.tolist()[:3]}...); "
                "number them before, boards get numbers alone"
            )
        edges: list[float] = []
        added = [np.zeros(outputs)]
        for value, one in zip(values.astype(np.float64), row, strict=True):
            told = np.zeros(outputs)
            told[first : first + row.shape[1]] = one
            if edges and edges[-1] == value - 0.5:
                added[-1] = told
            else:
                edges.append(value - 0.5)
                added.append(told)
            edges.append(value + 0.5)
            added.append(np.zeros(outputs))
        curves.append(Curve(column, np.array(edges), np.array(added), 0.5))
        first += row.shape[1]
    return Stage(np.zeros((outputs, len(rows))), np.zeros(outputs), tuple(curves))


@stage_of.register
def _(step: KBinsDiscretizer) -> Stage:
    ordinal = step.encode == "ordinal"
    counts = [1 if ordinal else int(n) for n in step.n_bins_]
    outputs, first, curves = sum(counts), 0, []
    for column, (edges, width) in enumerate(zip(step.bin_edges_, counts, strict=True)):
        added = np.zeros((int(step.n_bins_[column]), outputs))
        number = np.arange(len(added))
        added[number, first + (0 if ordinal else number)] = number if ordinal else 1.0
        curves.append(Curve(column, np.asarray(edges[1:-1], dtype=np.float64), added, 0.0))
        first += width
    return Stage(np.zeros((outputs, len(counts))), np.zeros(outputs), tuple(curves))


@stage_of.register
def _(step: PolynomialFeatures) -> Stage:
    """Products of two features at most; a constant is what each model adds anyway."""
    powers = step.powers_
    if powers.sum(axis=1).max(initial=0) > 2:
        raise UnsupportedModelError(f"PolynomialFeatures(degree={step.degree}) cannot be compiled; degree=2 can")
    width = step.n_features_in_
    factors = [np.repeat(np.arange(width), row).tolist() for row in powers]
    pairs = tuple((int(f[0]), int(f[1])) for f in factors if len(f) == 2)
    matrix, shift, made = np.zeros((len(powers), width + len(pairs))), np.zeros(len(powers)), 0
    for out, several in enumerate(factors):
        if len(several) == 2:
            matrix[out, width + made] = 1.0
            made += 1
        elif several:
            matrix[out, several[0]] = 1.0
        else:
            shift[out] = 1.0
    return Stage(matrix, shift, pairs=pairs)


@stage_of.register
def _(step: Normalizer) -> Stage:
    width = step.n_features_in_
    return replace(Stage.same(width), norm=Norm(step.norm, np.ones(width), np.zeros(width)))
