"""What is to be learned: labels, class weights, probabilities of classifiers, targets of regressors; no family."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets

from ..errors import in_plain_words
from .base import EdgeEstimator, Seen
from .params import Constraint
from .shared import CLASSIFIER_PARAMETERS, SHARED_PARAMETERS
from .validation import check_class_weight, check_labels, check_targets, outlying

MOST_CLASSES = 255  # an index is one byte on the device


class EdgeClassifier(ClassifierMixin, EdgeEstimator):
    """Labels, class weights and probabilities."""

    _declared: ClassVar[dict[str, tuple[Constraint, ...]]] = SHARED_PARAMETERS | CLASSIFIER_PARAMETERS
    class_weight: Any = None

    def _prepare_target(
        self, y: NDArray[Any], weight: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[np.float64], Seen]:
        check_labels(y)
        check_classification_targets(y)
        classes, indices = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least two classes; y holds one class only: "
                f"{classes.tolist()[0]!r}"
            )
        if len(classes) > MOST_CLASSES:
            raise ValueError(
                f"a class index is one byte on the device: at most {MOST_CLASSES} classes, got {len(classes)}"
            )
        check_class_weight(self.class_weight)
        weight = weight * compute_sample_weight(self.class_weight, y)
        if not weight.any():
            raise ValueError("class_weight leaves no row a weight above 0")
        return indices, weight, {"classes_": classes}

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Scores before the arg-max: (n_samples,) for two classes (positive: ``classes_[1]``), else a column a class.

        Parameters
        ----------
        X : array-like
            As in :meth:`fit`.
        """
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logistic or softmax of the scores, shape (n_samples, n_classes), columns in the order of ``classes_``."""
        scores = self._scores(X)
        if scores.shape[1] == 1:
            positive_share = expit(scores[:, 0])
            return np.stack([1 - positive_share, positive_share], axis=1)
        shares: NDArray[np.float64] = softmax(scores, axis=1)
        return shares

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Labels with the highest score, shape (n_samples,): what the float program answers."""
        scores = self._scores(X)
        indices = (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else np.argmax(scores, axis=1)
        labels: NDArray[Any] = self.classes_[indices]
        return labels


class EdgeRegressor(RegressorMixin, EdgeEstimator):
    """Real targets; training folds their mean and a power of two near their deviation into the last tensors."""

    _farthest: ClassVar[float] = 2.0**20  # from zero, in deviations, that the family's 32-bit sums can say

    @property
    def _target_checks(self) -> dict[str, bool]:
        return {"y_numeric": True}

    def _prepare_target(
        self, y: NDArray[Any], weight: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[np.float64], Seen]:
        with in_plain_words():
            targets = check_targets(np.asarray(y, dtype=np.float64), weight, self._farthest)
        if told := outlying(targets):
            warnings.warn(told, UserWarning, stacklevel=4)
        return targets, weight, {}

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predicted targets, shape (n_samples,): what the float program answers."""
        return self._scores(X)[:, 0]
