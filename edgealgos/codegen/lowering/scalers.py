"""Scalers of scikit-learn as a slope and a shift a feature: they are composed into the input encoding."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

Affine = tuple[NDArray[np.float64], NDArray[np.float64]]


@singledispatch
def affine(scaler: Any) -> Affine:
    """Slope and shift of a fitted scaler: what it makes of x is ``x * slope + shift``."""
    raise NotImplementedError


@affine.register
def _(scaler: StandardScaler) -> Affine:
    check_is_fitted(scaler)
    count = scaler.n_features_in_
    slope = 1.0 / scaler.scale_ if scaler.scale_ is not None else np.ones(count)
    return slope, -slope * (scaler.mean_ if scaler.with_mean else 0.0)


@affine.register
def _(scaler: MinMaxScaler) -> Affine:
    check_is_fitted(scaler)
    return scaler.scale_, scaler.min_


@affine.register
def _(scaler: MaxAbsScaler) -> Affine:
    check_is_fitted(scaler)
    return 1.0 / scaler.scale_, np.zeros(scaler.n_features_in_)


@affine.register
def _(scaler: RobustScaler) -> Affine:
    check_is_fitted(scaler)
    count = scaler.n_features_in_
    slope = 1.0 / scaler.scale_ if scaler.scale_ is not None else np.ones(count)
    return slope, -slope * (scaler.center_ if scaler.center_ is not None else 0.0)


def supported_scalers() -> list[str]:
    """Names of the scalers that compile along."""
    return [kind.__name__ for kind in affine.registry if kind is not object]
