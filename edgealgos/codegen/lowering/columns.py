"""Names of columns: those that a model was fitted on, and tables that have others or another order; no numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import validate_data


def names_of(model: Any) -> tuple[str, ...]:
    """Names of the raw columns that a model was fitted on; empty where they had none."""
    while isinstance(model, Pipeline) and model.steps:
        model = next((step for _, step in model.steps if step is not None and step != "passthrough"), None)
    return tuple(str(name) for name in getattr(model, "feature_names_in_", ()))


def check_columns(names: tuple[str, ...], X: Any) -> None:
    """Refuse a table of other columns, or of another order, as scikit-learn does; rows without names go as they are."""
    columns = getattr(X, "columns", None)
    if not names or columns is None or not all(isinstance(name, str) for name in columns):
        return
    fitted = BaseEstimator()
    fitted.feature_names_in_ = np.array(names, dtype=object)
    validate_data(fitted, X, reset=False, skip_check_array=True)
