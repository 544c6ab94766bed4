"""Committees: a model a class, or the mean of what several hold likely, as calibration by folds makes them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC, NuSVC

from edgealgos.errors import UnsupportedModelError

from ...ops import SumShares
from ...program import Link, Program, Space, Tensor
from ...program.link import LOGISTIC, SHARES, SOFTMAX
from ..wrappers import unwrap
from .instances import kernels_program
from .kinds import CLASSIFIERS, link_of
from .members import Affine, Grown, Machine, Member, answers, answers_of, coefficients_of
from .registry import Front, Rows, Widths, finished, program_of
from .trees import linear_program, sum_of_trees

KNOWN = "linear models, trees, forests, gradient boosting, AdaBoost of trees, support vector machines of two classes"
_ALONE = "fit it with ensemble=False, which keeps one model"


def module_of(model: Any) -> str:
    """Where a model, fitted or not, is lowered; of a committee where its members are."""
    if isinstance(model, CalibratedClassifierCV | OneVsRestClassifier):
        return module_of(unwrap(_first(model)).model)
    return program_of.dispatch(type(model)).__module__


def _first(model: Any) -> Any:
    """A member."""
    if isinstance(model, CalibratedClassifierCV):
        return model.calibrated_classifiers_[0].estimator if hasattr(model, "classes_") else model.estimator
    return getattr(model, "estimators_", [model.estimator])[0]


# ---- one against the rest --------------------------------------------------------------------------------------------


@program_of.register
def _(model: OneVsRestClassifier, front: Front, rows: Rows, widths: Widths) -> Program:
    """The class whose model says most."""
    kinds = ", ".join(sorted({type(e).__name__ for e in model.estimators_}))
    if model.multilabel_:
        raise UnsupportedModelError(
            "OneVsRestClassifier of several labels a sample cannot be compiled; fit one a label"
        )
    try:
        members = [answers_of(e) for e in model.estimators_]
    except NotImplementedError:
        raise UnsupportedModelError(
            f"OneVsRestClassifier of {kinds} cannot be compiled; of {KNOWN} it can. Networks, neighbours and naive "
            "Bayes tell several classes apart by themselves: leave OneVsRestClassifier out"
        ) from None
    likely = not hasattr(model.estimators_[0], "decision_function")
    if likely and len(members) == 1:
        members = [members[0].scaled(np.ones(1), np.full(1, -0.5))]
    program = scores_program(front, rows, members, widths, "OneVsRestClassifier", model.classes_.tolist())
    if likely:
        return replace(program, link=Link(SHARES, 1.0, 0.5 if len(members) == 1 else 0.0))
    return replace(program, link=_link(model.estimators_))


def _link(estimators: Sequence[Any]) -> Link:
    """What models of two classes make of their decision functions, each by itself."""
    inner = [unwrap(e).model for e in estimators]
    if not all(isinstance(e, CLASSIFIERS) for e in inner):
        return Link(LOGISTIC, calibrated=all(type(e).__name__.endswith("GradientBoostingClassifier") for e in inner))
    links = {link_of(e) for e in inner}
    same = links.pop() if len(links) == 1 else Link(calibrated=False)
    return replace(same, kind=LOGISTIC) if same.kind != SHARES else same


# ---- calibration -----------------------------------------------------------------------------------------------------


@program_of.register
def _(model: CalibratedClassifierCV, front: Front, rows: Rows, widths: Widths) -> Program:
    """One member a fold; that of a single one is compiled as what it calibrates, where that orders classes alike."""
    if model.method not in ("sigmoid", "temperature"):
        raise UnsupportedModelError(
            f"CalibratedClassifierCV(method={model.method!r}) of {len(model.calibrated_classifiers_)} models cannot be "
            f"compiled: method='sigmoid' can, around {KNOWN}. For two classes, {_ALONE}"
        )
    members = [_calibrated(member, model.classes_, model.method) for member in model.calibrated_classifiers_]
    kind = LOGISTIC if model.method == "sigmoid" or len(model.classes_) == 2 else SOFTMAX
    return _mean(front, rows, members, kind, widths, "CalibratedClassifierCV", model.classes_.tolist())


def _calibrated(member: Any, classes: Any, method: str) -> Member:
    """Scores of a member whose logistic functions, or softmax, are what it holds likely."""
    try:
        scores = answers_of(member.estimator)
    except NotImplementedError:
        raise UnsupportedModelError(
            f"CalibratedClassifierCV around {type(unwrap(member.estimator).model).__name__} cannot be compiled; around "
            f"{KNOWN} it can. For two classes, {_ALONE}"
        ) from None
    if not np.array_equal(member.estimator.classes_, classes):
        raise UnsupportedModelError(
            f"CalibratedClassifierCV: a member knows {len(member.estimator.classes_)} of {len(classes)} classes; take "
            f"fewer folds (cv=), or {_ALONE}"
        )
    if method == "temperature":
        if isinstance(scores, Grown) and not hasattr(member.estimator, "decision_function"):
            raise UnsupportedModelError(
                "CalibratedClassifierCV(method='temperature') takes logarithms of what trees hold likely, which no "
                "program does; method='sigmoid' compiles"
            )
        return scores.scaled(np.full(_count(classes), float(member.calibrators[0].beta_)), np.zeros(_count(classes)))
    slope = np.array([-c.a_ for c in member.calibrators])
    return scores.scaled(slope, np.array([-c.b_ for c in member.calibrators]))


def _count(classes: Any) -> int:
    return len(classes) if len(classes) > 2 else 1


def _mean(
    front: Front, rows: Rows, members: Sequence[Member], kind: str, widths: Widths, family: str, labels: list[Any]
) -> Program:
    """The sums of the shares of all members."""
    made = scores_program(front, rows, members, widths, family, labels)
    scores = replace(made.output, name="members", space=Space.SCRATCH)
    tensors = [t for t in made.tensors if t.name not in (made.output.name, "label")]
    tensors += [scores, Tensor("scores", (_count(labels),), Space.OUTPUT)]
    ops = [replace(op, out="members") if op.out == made.output.name else op for op in made.ops() if op.out != "label"]
    shared = SumShares("scores", "members", len(members), kind)
    program = finished(replace(front, encoding=made.encoding), tensors, [*ops, shared], family, labels)
    return replace(program, link=Link.of_votes(len(members), len(labels)))


# ---- scores of all members -------------------------------------------------------------------------------------------


@answers.register(SVC)
@answers.register(NuSVC)
def _(model: Any) -> Member:
    if len(model.classes_) > 2:
        raise NotImplementedError
    return coefficients_of(model) if model.kernel == "linear" else Machine(model)


def scores_program(
    front: Front, rows: Rows, members: Sequence[Member], widths: Widths, family: str, labels: Sequence[Any]
) -> Program:
    """The program of all scores of all members, one member's beside the other's."""
    affine = [member for member in members if isinstance(member, Affine)]
    grown = [member for member in members if isinstance(member, Grown)]
    machines = [member for member in members if isinstance(member, Machine)]
    if len(affine) == len(members):
        bias = np.concatenate([member.bias for member in affine])
        return linear_program(front, np.vstack([member.matrix for member in affine]), bias, widths, family, labels)
    if len(grown) == len(members):
        bias = np.concatenate([member.bias for member in grown])
        return sum_of_trees(front, rows, [trees for member in grown for trees in member.trees], bias, family, labels)
    if len(machines) == len(members):
        return kernels_program(_united(machines, family), front, rows, widths, family, labels)
    raise UnsupportedModelError(f"{family} compiles with members of one kind; these are of several")


def _united(machines: Sequence[Machine], family: str) -> Any:
    """A machine of all support vectors, each with a coefficient for every score."""
    first = machines[0].model
    told = [(m.model.kernel, m.model._gamma, m.model.coef0, m.model.degree) for m in machines]
    if first.kernel == "rbf":
        told = [(kernel, gamma, 0.0, 1) for kernel, gamma, *_ in told]
    if len(set(told)) > 1:
        raise UnsupportedModelError(
            f"{family} compiles with machines of one kernel; gamma={first.gamma!r} makes one of its own for each part "
            f"of the rows: fit it with a number, {type(first).__name__}(gamma={first._gamma:.3g})"
        )
    vectors, place = np.unique(np.vstack([m.model.support_vectors_ for m in machines]), axis=0, return_inverse=True)
    coefficients, at = np.zeros((len(machines), len(vectors))), 0
    for row, machine in zip(coefficients, machines, strict=True):
        own = machine.slope * np.ravel(machine.model.dual_coef_)
        np.add.at(row, np.ravel(place)[at : at + len(own)], own)
        at += len(own)
    whole = copy.copy(first)
    whole.support_vectors_, whole.support_ = vectors, np.arange(len(vectors))
    whole.dual_coef_ = coefficients
    whole.intercept_ = np.array([m.slope * float(np.ravel(m.model.intercept_)[0]) + m.shift for m in machines])
    return whole
