"""How well answers of a device agree with Python's and with the targets, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, r2_score

import edgealgos as ea


def compare(compiled: ea.CompiledModel, X: Any, y: NDArray[Any] | None, labels: NDArray[Any]) -> int:
    """Prints agreement and score; returns 1 when an answer differs from Python's, which should never be."""
    expected = compiled.predict(X)
    different = int(np.count_nonzero(np.asarray(expected) != np.asarray(labels)))
    print(f"answers that differ from Python's: {different} of {len(labels)}")
    if y is not None:
        print(f"{score_name(compiled)}: {score(compiled, y, labels):.4f}")
    return 1 if different else 0


def score_name(compiled: ea.CompiledModel) -> str:
    """What is measured."""
    return "accuracy" if compiled.program.task == "classifier" else "R2"


def score(compiled: ea.CompiledModel, y: NDArray[Any], labels: NDArray[Any]) -> float:
    """Accuracy, or R2 of a regressor."""
    if compiled.program.task == "classifier":
        return float(accuracy_score(np.asarray(y).astype(str), np.asarray(labels).astype(str)))
    return float(r2_score(y, labels))
