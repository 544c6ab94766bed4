"""Numbers of fitted models that are none: NaN and infinity, by what holds them; knows no programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from edgealgos.errors import UnsupportedModelError

_HELD = (
    "coef_", "intercept_", "coefs_", "intercepts_", "dual_coef_", "_dual_coef_", "support_vectors_", "_fit_X",
    "theta_", "var_", "mean_", "means_", "scale_", "center_", "max_abs_", "min_", "xbar_", "scalings_", "rotations_",
    "components_", "centroids_", "cluster_centers_", "feature_log_prob_", "class_log_prior_", "class_prior_",
    "location_", "precision_",
)  # fmt: skip


def check_finite(*steps: Any) -> None:
    """Refuse fitted steps and models that hold a number which is none, as an interrupted fit or a bad file leaves it.

    Raises
    ------
    UnsupportedModelError
        That names the model, what holds the number, and its place.
    """
    for step in steps:
        for what, values in _numbers(step):
            wrong = np.argwhere(~np.isfinite(values))
            if len(wrong):
                place = ", ".join(map(str, wrong[0].tolist()))
                raise UnsupportedModelError(
                    f"{type(step).__name__}.{what}[{place}] is {values[tuple(wrong[0])]}: a device computes with "
                    f"finite numbers alone ({len(wrong)} of {values.size} are none). Fit the model again on finite "
                    "rows and targets, or write finite numbers there"
                )


def _numbers(step: Any) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[Any]]]]:
    """Arrays of numbers that an answer is made of, by the name to write for them."""
    for name in _HELD:
        held = vars(step).get(name)
        several = isinstance(held, list)
        for i, values in enumerate(held if several else [held]):
            if isinstance(values, np.ndarray | float) and np.asarray(values).dtype.kind == "f":
                yield f"{name}[{i}]" if several else name, np.asarray(values)
    inner = getattr(step, "estimators_", None)
    for i, tree in enumerate(np.ravel(np.asarray([] if inner is None else inner, dtype=object))):
        for name, values in _of_tree(tree):
            yield f"estimators_[{i}].{name}", values
    yield from _of_tree(step)


def _of_tree(model: Any) -> Iterator[tuple[str, np.ndarray[Any, np.dtype[Any]]]]:
    tree = getattr(model, "tree_", None)
    if tree is not None and hasattr(tree, "threshold"):
        # infinity parts what is missing from all the rest
        yield "tree_.threshold", np.where(np.isinf(tree.threshold), 0.0, tree.threshold)
        yield "tree_.value", tree.value
