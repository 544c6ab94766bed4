"""What estimators take as rows, weights and sequences, and what they refuse; knows nothing of models."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_array, check_is_fitted

from ..errors import written

SMALLEST_VALUE = 1e-30  # of all targets the largest, in magnitude
NOISE = 2.0**-40  # what arithmetic leaves of a constant, relative to it
LARGEST_VALUE = 1e30  # leaves float32 room for offsets and scales
TAIL, FAR, ALMOST_ALL = 0.025, 3.0, 0.95  # targets beyond so many widths of the middle ones; of the variance


def check_magnitude(X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Refuse what ``quantize()`` on the device cannot compute in float32."""
    worst = np.abs(X).max(axis=0)
    if worst.max() > LARGEST_VALUE:
        column = int(np.argmax(worst))
        raise ValueError(
            f"feature {column} reaches {worst[column]:g}, beyond what a 32-bit float holds safely; "
            f"scale it below {LARGEST_VALUE:g}"
        )
    return X


def check_labels(y: NDArray[Any]) -> None:
    """Refuse labels that have no order, since they are of several kinds or hold none: what, where, what to do."""
    if y.dtype.kind == "S":
        raise ValueError(f"labels are bytes, such as {bytes(y.flat[0])!r}: make text of them, np.char.decode(y)")
    if y.dtype.kind != "O" or y.ndim != 1:
        return
    first: dict[str, int] = {}
    for row, label in enumerate(y):
        kind = "text" if isinstance(label, str) else "a number" if isinstance(label, Real) else type(label).__name__
        first.setdefault(kind, row)
    if len(first) > 1:
        told = ", ".join(f"{y[row]!r} (row {row}, {kind})" for kind, row in first.items())
        raise ValueError(
            f"labels are of several kinds: {told}; make one of them, such as y.astype(str), and leave rows without a "
            "label out"
        )


def check_targets(y: NDArray[np.float64], weight: NDArray[np.float64], farthest: float) -> NDArray[np.float64]:
    """Refuse targets that 32-bit numbers cannot say; those that rounding alone tells apart become their mean.

    Parameters
    ----------
    y, weight : array of shape (n,)
    farthest : float
        Distance from zero, in deviations, at which a model can still tell targets apart.
    """
    largest = float(np.abs(y).max())
    if largest > LARGEST_VALUE:
        raise ValueError(f"targets must stay below {LARGEST_VALUE:g} in magnitude; divide y by a power of ten")
    if 0 < largest < SMALLEST_VALUE:
        power = -math.floor(math.log10(largest))
        raise ValueError(
            f"targets of at most {largest:g} in magnitude are less than a 32-bit float holds; multiply y by 1e{power}"
        )
    mean = float(np.average(y, weights=weight))
    spread = largest * float(np.sqrt(np.average(((y - mean) / (largest or 1.0)) ** 2, weights=weight)))
    if spread <= largest * NOISE:
        return np.full_like(y, y[0] if np.ptp(y) == 0 else mean)
    if largest > farthest * spread:
        raise ValueError(
            f"targets vary by {spread:.2g} around {mean:.9g}, too little for the 32-bit sums of the device; subtract "
            f"{mean:.9g} from y, and add it to what is predicted"
        )
    return y


def outlying(y: NDArray[np.float64]) -> str | None:
    """A sentence where few targets, far from all others, make nearly all of the variance that errors are weighed by."""
    bottom, top = np.quantile(y, [TAIL, 1 - TAIL])
    reach = FAR * (top - bottom)
    kept = np.clip(y, bottom - reach, top + reach)
    if not reach or kept.var() >= (1 - ALMOST_ALL) * y.var():
        return None
    return (
        f"{np.count_nonzero(kept != y)} of {len(y)} targets lie so far from the others ({bottom:.4g} to {top:.4g}) "
        "that they alone decide the scale of the model: leave them out before fit where they are faults, else draw "
        "them in (by a logarithm, say)"
    )


def check_weight(sample_weight: ArrayLike | None, n_samples: int) -> NDArray[np.float64]:
    """Row weights: finite, not negative, not all zero."""
    if sample_weight is None:
        return np.ones(n_samples)
    weight = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weight.shape != (n_samples,):
        raise ValueError(f"sample_weight.shape == {weight.shape}, expected {(n_samples,)}!")
    if (weight < 0).any():
        raise ValueError(f"sample_weight must not be negative; row {int(np.argmax(weight < 0))} is")
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number: all are zero")
    return weight / weight[weight > 0].mean()


def check_class_weight(class_weight: Any) -> None:
    """Refuse weights of classes that no row can have."""
    if not isinstance(class_weight, dict):
        return
    for label, weight in class_weight.items():
        if not (isinstance(weight, Real) and 0 <= float(weight) < math.inf):
            raise ValueError(f"class_weight of {written(label)} must be a number of at least 0, got {written(weight)}")


def check_groups(groups: ArrayLike | None, n_samples: int) -> NDArray[Any] | None:
    """What each row belongs to, of any kind."""
    if groups is None:
        return None
    found = np.asarray(groups)
    if found.shape != (n_samples,):
        raise ValueError(f"groups.shape == {found.shape}, expected {(n_samples,)}!")
    return np.unique(found, return_inverse=True)[1]


class SequenceMixin:
    """Input of sequence estimators: 3-D, or 2-D with ``step_size`` columns a time step."""

    n_steps_: int
    n_step_features_: int
    _row_attributes: ClassVar[tuple[str, ...]] = ("n_steps_", "n_step_features_")

    def _check_rows_and_target(
        self, X: ArrayLike, y: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[Any], dict[str, Any]]:
        shape = _sequence_shape(X)
        flat, target, seen = super()._check_rows_and_target(_flat(X), y)  # type: ignore[misc]
        steps, width = shape if shape is not None else self._split(flat.shape[1])
        return flat.reshape(len(flat), steps, width), target, seen | {"n_steps_": steps, "n_step_features_": width}

    def _check_rows(self, X: ArrayLike) -> NDArray[np.float64]:
        check_is_fitted(self)
        shape, wanted = _sequence_shape(X), (self.n_steps_, self.n_step_features_)
        if shape is not None and shape != wanted:
            raise ValueError(
                f"X has {shape[0]} time steps of {shape[1]} features, but {type(self).__name__} was fitted on "
                f"{wanted[0]} time steps of {wanted[1]} features"
            )
        flat = super()._check_rows(_flat(X))  # type: ignore[misc]
        return flat.reshape(len(flat), *wanted)

    def _split(self, columns: int) -> tuple[int, int]:
        """Time steps and features of a step that 2-D columns make."""
        size: int = self.step_size  # type: ignore[attr-defined]
        if columns % size:
            divisors = [d for d in range(1, columns + 1) if columns % d == 0]
            raise ValueError(
                f"{columns} columns do not make whole time steps of step_size={size} columns; "
                f"step_size could be {', '.join(map(str, divisors))}"
            )
        return columns // size, size


def _sequence_shape(X: Any) -> tuple[int, int] | None:
    """Steps and features of 3-D input, None for what has fewer axes."""
    if not hasattr(X, "shape"):
        try:
            X = np.asarray(X)
        except ValueError:  # ragged: scikit-learn will say so
            return None
    if len(X.shape) > 3:
        raise ValueError(
            f"X has {len(X.shape)} axes, {tuple(X.shape)}, but sequences have three, (n, steps, features); pictures "
            f"are read row by row: X.reshape({len(X)}, {X.shape[1]}, -1)"
        )
    return (X.shape[1], X.shape[2]) if len(X.shape) == 3 else None


def _flat(X: Any) -> Any:
    """3-D input as rows; everything else untouched, for scikit-learn to judge."""
    if _sequence_shape(X) is None:
        return X
    X = check_array(X, allow_nd=True, dtype=np.float64, ensure_min_samples=0)
    return X.reshape(len(X), math.prod(X.shape[1:]))
