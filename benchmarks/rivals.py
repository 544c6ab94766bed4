"""What small models are compared with on tables: five unbounded ones, and emlearn's forest under a byte budget."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from sklearn import ensemble, linear_model, neighbors, svm
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

LINEAR = "linear"
NODE, ROOT = 7, 4  # bytes of emlearn's structs on an AVR
TREES = (1, 2, 3, 5, 8, 12, 20, 30)


def unbounded(kind: str) -> dict[str, Any]:
    """The five by name, for a "Classifier" or a "Regressor"."""
    if kind == "Regressor":
        return {
            LINEAR: make_pipeline(StandardScaler(), linear_model.LinearRegression()),
            "1-NN": make_pipeline(StandardScaler(), neighbors.KNeighborsRegressor(1)),
            "SVR": make_pipeline(StandardScaler(), svm.SVR(C=10)),
            "forest": ensemble.RandomForestRegressor(200, random_state=0),
            "boosting": ensemble.HistGradientBoostingRegressor(random_state=0),
        }
    return {
        LINEAR: make_pipeline(StandardScaler(), linear_model.LogisticRegression(max_iter=2000)),
        "1-NN": make_pipeline(StandardScaler(), neighbors.KNeighborsClassifier(1)),
        "SVC": make_pipeline(StandardScaler(), svm.SVC(C=10)),
        "forest": ensemble.RandomForestClassifier(200, random_state=0),
        "boosting": ensemble.HistGradientBoostingClassifier(random_state=0),
    }


class Forest(NamedTuple):
    """emlearn's forest: answers to raw rows, bytes of its nodes, roots and leaves."""

    predict: Callable[[Any], Any]
    bytes: int


def emlearn_forest(X: Any, y: Any, budget: int) -> Forest:
    """Of as many trees as do best on a quarter of the rows, each as large as the budget allows."""
    rows, held, labels, wanted = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    scores = {trees: np.mean(_forest(rows, labels, trees, budget).predict(held) == wanted) for trees in TREES
              if _leaves(trees, budget) >= 2}  # fmt: skip
    return _forest(X, y, max(scores, key=scores.__getitem__), budget)


def _leaves(trees: int, budget: int) -> int:
    """Leaves of a tree, one more than it has nodes; the leaves' own bytes are one a class."""
    return int((budget - 30 - ROOT * trees) // (NODE * trees)) + 1


def _forest(X: Any, y: Any, trees: int, budget: int) -> Forest:
    with np.errstate():  # it changes NumPy's manners for everybody when imported
        import emlearn

    low, high = X.min(0), X.max(0)
    scale = 65534 / np.where(high > low, high - low, 1.0)
    whole = lambda rows: np.clip(np.rint((rows - low) * scale) - 32767, -32768, 32767).astype(np.int16)  # noqa: E731
    fitted = ensemble.RandomForestClassifier(trees, max_leaf_nodes=_leaves(trees, budget), random_state=0)
    fitted.fit(whole(X), np.unique(y, return_inverse=True)[1])
    with somewhere_else():
        nodes, roots, leaves = emlearn.convert(fitted, dtype="int16_t").forest_

    def predict(rows: Any) -> Any:
        with somewhere_else():
            answers = emlearn.convert(fitted, dtype="int16_t").predict(whole(rows))
        return np.unique(y)[np.asarray(answers, int)]

    return Forest(predict, NODE * len(nodes) + ROOT * len(roots) + len(leaves))


@contextmanager
def somewhere_else() -> Iterator[None]:
    """A folder for what it builds wherever it is called."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)
