"""Teachers: any classifier or regressor as a function from raw rows to target rows; no training loop.

Keras models are recognised by their manners (no ``classes_``, an ``input_shape``), so nothing here imports them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

Answer = Callable[[NDArray[Any]], NDArray[np.float32]]
ROWS_AT_ONCE = 4096


def answers_of(
    teacher: Any, rows: NDArray[Any], y: NDArray[Any], classes: NDArray[Any] | None, weight: NDArray[Any] | None = None
) -> Answer:
    """A function from raw rows to target rows: shares of `classes` (two classes: of the second), or values.

    Parameters
    ----------
    teacher : estimator or Keras model
        A scikit-learn one that is not fitted is fitted on a clone, on `rows` and `y`.
    rows : array of shape (n, ...)
        Raw training rows.
    y : array of shape (n,)
        Labels or targets.
    classes : array or None
        The student's labels; None for a regressor.
    weight : array of shape (n,), optional
        Of the rows; a teacher that takes none is fitted without.
    """
    ask = _keras(teacher, classes) if _is_keras(teacher) else _scikit_learn(_fitted(teacher, rows, y, weight), classes)

    def answer(raw: NDArray[Any]) -> NDArray[np.float32]:
        parts = [ask(raw[i : i + ROWS_AT_ONCE]) for i in range(0, len(raw), ROWS_AT_ONCE)]
        return np.concatenate(parts).astype(np.float32)

    return answer


def _is_keras(teacher: Any) -> bool:
    return hasattr(teacher, "input_shape") and not hasattr(teacher, "get_params")


# ---- Keras -----------------------------------------------------------------------------------------------------------


def _keras(model: Any, classes: NDArray[Any] | None) -> Answer:
    """Columns are the sorted labels; what is no probability is taken for logits."""
    shape = tuple(model.input_shape[1:])

    def ask(raw: NDArray[Any]) -> NDArray[Any]:
        found = np.asarray(model.predict(raw.reshape(len(raw), *shape), batch_size=ROWS_AT_ONCE, verbose=0))
        found = found.reshape(len(raw), -1)
        if classes is None:
            return found[:, :1]
        if found.shape[1] == 1 and len(classes) == 2:
            return found if found.min() >= 0 and found.max() <= 1 else expit(found)
        if found.shape[1] != len(classes):
            raise ValueError(f"teacher gives {found.shape[1]} columns for {len(classes)} classes; train it on them")
        shares = found if found.min() >= 0 and np.allclose(found.sum(axis=1), 1, atol=1e-3) else softmax(found, axis=1)
        return shares[:, 1:] if len(classes) == 2 else shares

    return ask


# ---- scikit-learn ----------------------------------------------------------------------------------------------------


def _fitted(teacher: Any, rows: NDArray[Any], y: NDArray[Any], weight: NDArray[Any] | None) -> Any:
    try:
        check_is_fitted(teacher)
    except NotFittedError:
        weighs = weight is not None and np.ptp(weight) > 0 and has_fit_parameter(teacher, "sample_weight")
        return clone(teacher).fit(_as_it_likes(teacher, rows), y, **({"sample_weight": weight} if weighs else {}))
    return teacher


def _as_it_likes(teacher: Any, rows: NDArray[Any]) -> NDArray[Any]:
    """Flat rows, unless it was fitted on sequences."""
    whole = getattr(teacher, "n_step_features_", None) is not None
    return rows if whole else rows.reshape(len(rows), -1)


def _scikit_learn(teacher: Any, classes: NDArray[Any] | None) -> Answer:
    """Probabilities where it has them, else its labels with certainty."""
    if classes is None:
        return lambda raw: np.asarray(teacher.predict(_as_it_likes(teacher, raw))).reshape(len(raw), -1)
    known = np.asarray(teacher.classes_)
    strangers = [label for label in classes.tolist() if label not in known.tolist()]
    if strangers:
        raise ValueError(f"teacher does not know these labels: {strangers}; fit it on labels {classes.tolist()}")
    order = [known.tolist().index(label) for label in classes.tolist()]

    def ask(raw: NDArray[Any]) -> NDArray[Any]:
        raw = _as_it_likes(teacher, raw)
        if hasattr(teacher, "predict_proba"):
            shares = teacher.predict_proba(raw)[:, order]
        else:
            shares = np.asarray(teacher.predict(raw))[:, None] == classes
        return shares[:, 1:] if len(classes) == 2 else shares

    return ask
