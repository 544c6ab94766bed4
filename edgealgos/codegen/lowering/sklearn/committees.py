"""Committees of linear models: the mean of what each of them holds likely, as calibration by folds makes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.calibration import CalibratedClassifierCV

from edgealgos.errors import UnsupportedModelError

from ...ops import MatVec, SumShares
from ...program import Link, Program, Space, Tensor
from ...program.link import LOGISTIC, SOFTMAX
from ..wrappers import unwrap
from .finite import check_finite
from .kinds import CLASSIFIERS
from .registry import Front, Rows, Widths, affine_map, finished, program_of, weights
from .stages import Reals

_ALONE = "fit it with ensemble=False, which keeps one model"


class _Scores(NamedTuple):
    """Scores ``matrix @ inputs + bias`` of one member, whose softmax or logistic functions are its shares."""

    matrix: Reals
    bias: Reals


@program_of.register
def _(model: CalibratedClassifierCV, front: Front, rows: Rows, widths: Widths) -> Program:
    """One member a fold; that of a single one is compiled as what it calibrates."""
    if model.method not in ("sigmoid", "temperature"):
        raise UnsupportedModelError(
            f"CalibratedClassifierCV(method={model.method!r}) of {len(model.calibrated_classifiers_)} models cannot be "
            "compiled: method='sigmoid' around linear models can, such as LogisticRegression or LinearSVC. For two "
            f"classes, {_ALONE}"
        )
    members = [_calibrated(member, model.classes_, model.method) for member in model.calibrated_classifiers_]
    kind = LOGISTIC if model.method == "sigmoid" or len(model.classes_) == 2 else SOFTMAX
    return _committee(front, members, kind, widths, "CalibratedClassifierCV", model.classes_.tolist())


def _calibrated(member: Any, classes: Any, method: str) -> _Scores:
    """Scores of a member whose logistic functions, or softmax, are what it holds likely."""
    scores = _linear(member.estimator)
    if not np.array_equal(member.estimator.classes_, classes):
        raise UnsupportedModelError(
            f"CalibratedClassifierCV: a member knows {len(member.estimator.classes_)} of {len(classes)} classes; take "
            f"fewer folds (cv=), or {_ALONE}"
        )
    if method == "temperature":
        sharper = float(member.calibrators[0].beta_)
        return _Scores(sharper * scores.matrix, sharper * scores.bias)
    slope = np.array([-c.a_ for c in member.calibrators])
    shift = np.array([-c.b_ for c in member.calibrators])
    return _Scores(slope[:, None] * scores.matrix, slope * scores.bias + shift)


def _linear(model: Any) -> _Scores:
    """The decision function of a linear model, alone or behind what is affine."""
    unwrapped = unwrap(model)
    inner = unwrapped.model
    if not isinstance(inner, CLASSIFIERS) or unwrapped.cut is not None or unwrapped.link is not None:
        raise UnsupportedModelError(
            f"CalibratedClassifierCV averages models of {type(inner).__name__}, of which linear ones compile, such as "
            f"LogisticRegression or LinearSVC; {_ALONE}"
        )
    check_finite(*(step for _, step in unwrapped.front), inner)
    matrix = np.atleast_2d(np.asarray(inner.coef_, dtype=np.float64))
    bias = np.ravel(inner.intercept_) * np.ones(len(matrix))
    for name, step in reversed(unwrapped.front):
        try:
            further, moved = affine_map(step)
        except NotImplementedError:
            raise UnsupportedModelError(
                f"CalibratedClassifierCV averages Pipelines of which step {name!r} ({type(step).__name__}) is not "
                f"affine; put it in front of CalibratedClassifierCV, or {_ALONE}"
            ) from None
        matrix, bias = matrix @ further, matrix @ moved + bias
    return _Scores(matrix, bias)


def _committee(
    front: Front, members: Sequence[_Scores], kind: str, widths: Widths, family: str, labels: list[Any]
) -> Program:
    """Scores of all members by one product, and the sums of their shares."""
    matrix = np.vstack([member.matrix for member in members])
    start = matrix @ front.shift + np.concatenate([member.bias for member in members])
    classes = len(members[0].bias)
    tensors = [
        front.input,
        weights("weights", matrix @ front.matrix, widths.weights, "coefficients of all members"),
        Tensor("bias", start.shape, Space.FLASH, None, start, doc="intercepts"),
        Tensor("members", start.shape, Space.SCRATCH, doc="scores of all members"),
        Tensor("scores", (classes,), Space.OUTPUT),
    ]
    ops = [MatVec("members", "weights", "x", "bias"), SumShares("scores", "members", len(members), kind)]
    program = finished(front, tensors, ops, family, labels)
    return replace(program, link=Link.of_votes(len(members), len(labels)))
