"""From which likelihood on a classifier answers: given, or chosen on rows for a wanted share of errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import UnsupportedModelError, written
from .ops import SureArgMax
from .program import Program, verify
from .program.scores import PROBABILITY_BITS, REJECTED, decide, probabilities


@dataclass(frozen=True)
class AutoReject:
    """The least threshold with which the answers that are given are wrong no more often than wanted.

    Parameters
    ----------
    X : array-like
        Rows that the model was not trained on.
    y : array-like
        Their labels.
    error_rate : float
        Share of wrong answers among those that are not rejected.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from edgealgos import AutoReject, compile_model
    >>> X, y = load_digits(return_X_y=True)
    >>> model = LogisticRegression(max_iter=1000).fit(X[:600], y[:600])
    >>> wanted = AutoReject(X[600:1200], y[600:1200], error_rate=0.01)
    >>> careful = compile_model(model, X_calibration=X[:600], reject_below=wanted)
    >>> told = careful.predict(X[1200:])
    >>> answered = [label is not None for label in told]  # elsewhere no class is likely enough
    >>> bool((told[answered] == y[1200:][answered]).mean() > (model.predict(X[1200:]) == y[1200:]).mean())
    True
    """

    X: ArrayLike
    y: ArrayLike
    error_rate: float = 0.01


def rejecting(program: Program, below: float, label: Any) -> Program:
    """The program that answers where its best class is at least so likely; else it says `label`.

    The threshold is rounded as shares are: seven votes of ten, 179 of 256, are not less than 0.7.

    Raises
    ------
    ValueError
        If `below` is not between 0 and 255/256.
    UnsupportedModelError
        Of a regressor, and where no index is left for what is no class.
    """
    if program.task != "classifier":
        raise UnsupportedModelError(f"{program.family} predicts numbers; reject_below= is for classifiers")
    if not isinstance(below, Real) or not 0.0 < below <= 255 / 256:
        raise ValueError(f"reject_below must be above 0 and at most 255/256, got {written(below)}")
    if len(program.labels) >= REJECTED:
        raise UnsupportedModelError(
            f"{program.family} has {len(program.labels)} classes; with reject_below= a device tells {REJECTED - 1} "
            "apart at most, since the last index stands for none. Put rare classes together before fit"
        )
    share = max(round(below * (1 << PROBABILITY_BITS)), 1)
    *others, last = program.functions["predict"]
    functions = {**program.functions, "predict": (*others, SureArgMax(last.out, last.scores[0], share))}
    return verify(replace(program, functions=functions, label_when_rejected=label))


def chosen_threshold(wanted: AutoReject, scores: Any, program: Program) -> float:
    """What :class:`AutoReject` stands for, given the raw scores of its rows.

    Raises
    ------
    ValueError
        If rows and labels are not as many, the error rate is none, or no threshold reaches it.
    """
    if np.shape(wanted.y) != (len(scores),):
        raise ValueError(f"AutoReject: y has shape {np.shape(wanted.y)} for {len(scores)} rows; give one label a row")
    if not 0.0 <= wanted.error_rate < 1.0:
        raise ValueError(f"AutoReject: error_rate is a share, at least 0 and below 1, got {written(wanted.error_rate)}")
    right = np.asarray(program.labels)[decide(scores)] == np.asarray(wanted.y)
    shares = probabilities(scores, program.link, program.output.type.frac).max(axis=1)
    for share in range(1, 256):
        told = shares >= share
        if told.any() and 1.0 - right[told].mean() <= wanted.error_rate:
            return share / (1 << PROBABILITY_BITS)
    raise ValueError(
        f"AutoReject: no threshold brings errors among the answers down to {wanted.error_rate:.2%} on these "
        f"{len(shares)} rows; ask for a higher error_rate, or train a better model"
    )
