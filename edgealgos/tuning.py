"""Scorers and pictures for choosing structures by accuracy per byte, for scikit-learn searches; trains nothing."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score, r2_score

from .codegen.compiled import compile_model
from .errors import MissingToolError
from .pages.axes import check_matplotlib, legend_below, new_axes, save_figure, scale_bytes

Floats = NDArray[np.float64]


def device_score(estimator: Any, X: ArrayLike, y: ArrayLike) -> float:
    """Accuracy (regressors: R²) of the device's answers; a scorer for ``GridSearchCV(scoring=...)``.

    Parameters
    ----------
    estimator : estimator or Pipeline
        Fitted.
    X : array-like, shape (n, n_features)
        Raw rows.
    y : array-like, shape (n,)
        Labels or targets.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from edgealgos import BoostedTreesClassifier
    >>> from edgealgos.tuning import device_score
    >>> trees = BoostedTreesClassifier(n_estimators=3, max_depth=2, learning_rate=0.5, random_state=0)
    >>> bool(min(cross_val_score(trees, *load_iris(return_X_y=True), scoring=device_score, cv=2)) > 0.85)
    True
    """
    compiled = compile_model(estimator)
    metric = accuracy_score if compiled.program.task == "classifier" else r2_score
    return float(metric(y, compiled.predict(X)))


def negative_bytes(estimator: Any, X: ArrayLike = (), y: ArrayLike = ()) -> float:
    """Minus the bytes that the export stores; a scorer (greater is better) beside :func:`device_score`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from edgealgos import BoostedTreesClassifier
    >>> from edgealgos.tuning import negative_bytes
    >>> model = BoostedTreesClassifier(n_estimators=3, max_depth=2, learning_rate=0.5, random_state=0)
    >>> negative_bytes(model.fit(*load_iris(return_X_y=True))) == -model.model_bytes_
    True
    """
    return -float(compile_model(estimator).report.model_bytes)


SCORING: Mapping[str, Any] = {"score": device_score, "bytes": negative_bytes}
"""For ``GridSearchCV(scoring=SCORING, refit="score")``, whose ``cv_results_`` :func:`pareto` reads."""


def pareto(results: Mapping[str, Any], path: str | Path | None = None) -> NDArray[np.intp]:
    """Candidates that no other one beats in both accuracy and bytes, smallest first, and their picture.

    Parameters
    ----------
    results : mapping
        ``cv_results_`` of a search with ``scoring=SCORING``.
    path : path, optional
        Picture to write (needs matplotlib); the ending chooses the format.

    Returns
    -------
    array of int
        Indices into ``results["params"]``.

    Examples
    --------
    >>> from edgealgos.tuning import pareto
    >>> pareto({"mean_test_score": [0.8, 0.9, 0.7], "mean_test_bytes": [-500, -900, -700]}).tolist()
    [0, 1]
    """
    scores = np.asarray(results["mean_test_score"], dtype=float)
    sizes = -np.asarray(results["mean_test_bytes"], dtype=float)
    order = np.lexsort((-scores, sizes))
    order = order[np.isfinite(scores[order])]
    best = np.concatenate([[-np.inf], np.maximum.accumulate(scores[order])[:-1]])
    front = order[scores[order] > best]
    if path is not None:
        _draw(sizes, scores, np.asarray(results["std_test_score"], dtype=float), front, path)
    return front


def _draw(sizes: Floats, scores: Floats, spread: Floats, front: NDArray[np.intp], path: str | Path) -> None:
    try:
        check_matplotlib("draw the front")
    except MissingToolError as error:  # the search took long: its answer is told in any case
        warnings.warn(f"{error}. The front is returned without its picture.", UserWarning, stacklevel=3)
        return
    figure, axes = new_axes()
    axes.errorbar(sizes, scores, spread, fmt="o", color="0.7", label="candidates (mean and spread over folds)")
    axes.plot(sizes[front], scores[front], "o-", color="tab:blue", label="not beaten in both")
    scale_bytes(axes, float(np.nanmin(sizes)), float(np.nanmax(sizes)))
    axes.set_ylabel("score of the device program")
    legend_below(figure, 2)
    save_figure(figure, path)
