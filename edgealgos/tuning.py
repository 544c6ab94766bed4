"""Scorers and pictures for choosing structures by accuracy per byte, for scikit-learn searches; trains nothing."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score, r2_score

from .codegen.compiled import compile_model
from .files import write_file

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
    """
    compiled = compile_model(estimator)
    metric = accuracy_score if compiled.program.task == "classifier" else r2_score
    return float(metric(y, compiled.predict(X)))


def negative_bytes(estimator: Any, X: ArrayLike = (), y: ArrayLike = ()) -> float:
    """Minus the bytes that the export stores; a scorer (greater is better) beside :func:`device_score`."""
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
        _draw(sizes, scores, np.asarray(results["std_test_score"], dtype=float), front, Path(path))
    return front


def _draw(sizes: Floats, scores: Floats, spread: Floats, front: NDArray[np.intp], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.errorbar(sizes, scores, spread, fmt="o", color="0.7", label="candidates (mean and spread over folds)")
    axes.plot(sizes[front], scores[front], "o-", color="tab:blue", label="not beaten in both")
    axes.set_xscale("log")
    axes.set_xlabel("bytes stored")
    axes.set_ylabel("score of the device program")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    picture = BytesIO()
    figure.savefig(picture, format=path.suffix[1:] or "png")
    write_file(path, picture.getvalue())
