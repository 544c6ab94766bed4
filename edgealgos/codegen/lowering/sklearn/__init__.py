"""Fitted scikit-learn models to float programs: one file a kind of model, one registry for all.

Knows scikit-learn and programs; chooses no widths and no ranges but those of the rows it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.impute import SimpleImputer
from sklearn.utils.validation import check_array, check_is_fitted

from edgealgos.errors import UnsupportedModelError

from ...program import InputEncoding, Op, Program, Space, Tensor, verify
from ...program.choose_encoding import (
    TooCoarse,
    choose_encoding,
    from_background,
    full_range_encoding,
    lossless,
    proportional_encoding,
)
from ..thresholds import score_at
from ..wrappers import Unwrapped, unwrap
from . import forests, instances, linear, neural, normal  # noqa: F401  (they register their kinds)
from .committees import module_of
from .curves import encoders_known, products_known, stage_of
from .finite import check_finite
from .kinds import CLASSIFIERS
from .registry import Front, Rows, Widths, models, program_of, transformers_known
from .stages import Stage
from .transformers import imputed

_BEHIND_CURVES = (linear.__name__, forests.__name__)
MOST_CLASSES = 255  # that a byte counts
EXACT = (*forests.EXACT, *normal.DENSE)
"""Models whose answers for the rows that they were trained on say little of their rounding."""

__all__ = [
    "EXACT",
    "Widths",
    "calibration_rows",
    "encoders_known",
    "is_of_trees",
    "lower_sklearn",
    "models",
    "rows_seen",
    "smaller_model",
    "stated_missing",
    "transformers_known",
    "worth_trying",
]


def lower_sklearn(unwrapped: Unwrapped, rows: NDArray[np.float64], widths: Widths) -> Program:
    """Float program of a fitted scikit-learn model, alone or behind transformers.

    Parameters
    ----------
    unwrapped : Unwrapped
        The model and what stands in front of it, out of all wrappers.
    rows : array, shape (n, n_features)
        Raw samples that the ranges of inputs and activations shall cover.
    widths : Widths
        Bits of inputs and weights.

    Raises
    ------
    UnsupportedModelError
        If the model, or a step in front of it, is of no kind that compiles; the message says what does.
    """
    stage = _in_front(unwrapped, rows.shape[1])
    kind = module_of(unwrapped.model)
    if (stage.pairs or stage.norm) and (kind != linear.__name__ or stage.curves):
        what = "Normalizer" if stage.norm else "PolynomialFeatures"
        raise UnsupportedModelError(
            f"{_kind(unwrapped.model)} behind {what}{' and encoders' if stage.curves else ''} cannot be compiled: "
            "linear models can, such as LogisticRegression."
        )
    stage, near = stage.near(rows)
    encoding = _encoding(unwrapped.model, stage, near, widths)
    front = Front.of(encoding, rows.shape[1], unwrapped.slope, unwrapped.shift).through(stage.encoded(encoding))
    if front.curves and kind not in _BEHIND_CURVES:
        raise UnsupportedModelError(
            f"{_kind(unwrapped.model)} behind an encoder, bins or a stated missing value cannot be compiled: linear "
            "models can, such as LogisticRegression, and trees."
        )
    try:
        program = program_of(unwrapped.model, front, Rows(rows, stage.of(rows)), widths)
    except NotImplementedError:
        raise unsupported(unwrapped.model) from None
    guessed = front.curves or not is_of_trees(unwrapped.model)  # trees alone look where levels end
    compared = widths.inputs == 8 and guessed and isinstance(unwrapped.model, EXACT)
    if compared and not lossless(program.encoding, rows_seen(unwrapped, program, rows)):
        raise TooCoarse(f"bytes, for {_kind(unwrapped.model)}: rows to come may lie where these round otherwise")
    if program.encoding.low == 0:
        program = replace(program, zeros=float(np.mean(program.encoding.encode(rows) == 0)))
    return _decided(program, unwrapped) if program.task == "classifier" else program


def _decided(program: Program, unwrapped: Unwrapped) -> Program:
    """The program with what stands around the model: what its scores say, and where they say the second class."""
    own = replace(program.link, calibrated=program.link.calibrated and hasattr(unwrapped.model, "predict_proba"))
    program = replace(program, link=own if unwrapped.link is None else unwrapped.link(own))
    return program if unwrapped.cut is None else _moved(program, -score_at(own, unwrapped.model, unwrapped.cut))


def _encoding(model: Any, stage: Stage, rows: NDArray[np.float64], widths: Widths) -> InputEncoding:
    """Device inputs for rows as a stage reaches them."""
    if stage.norm:
        return proportional_encoding(rows, stage.norm.slope, stage.norm.shift, stage.norm.bits(widths.inputs))
    multiplied = widths.inputs == 8 and not is_of_trees(model)  # trees compare, and need all levels
    encode = full_range_encoding if widths.apart else from_background if multiplied else choose_encoding
    return encode(stage.reached(rows), bits=widths.inputs)


def rows_seen(unwrapped: Unwrapped, program: Program, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows whose stated missing values are what the program's inputs hold of them: they lie beyond their range."""
    missing = stated_missing(unwrapped, rows)
    return np.where(missing, program.encoding.decode(program.encoding.encode(rows)), rows) if missing.any() else rows


def stated_missing(unwrapped: Unwrapped, rows: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where numbers stand for missing values."""
    missing = np.zeros(rows.shape, bool)
    for curve in _in_front(unwrapped, rows.shape[1]).curves:
        if curve.stated is not None:
            missing[:, curve.feature] |= rows[:, curve.feature] == curve.stated
    return missing


def _in_front(unwrapped: Unwrapped, features: int) -> Stage:
    """What stands in front of the model, as one stage."""
    stage = Stage.same(features)
    for name, step in unwrapped.front:
        try:
            stage = stage.then(stage_of(step))
        except NotImplementedError:
            known = (*transformers_known(), *encoders_known(), *products_known())
            raise UnsupportedModelError(
                f"step {name!r} ({type(step).__name__}) cannot be compiled in front of {_kind(unwrapped.model)}. What "
                f"can stand there: {', '.join(known)}. Apply it before the Pipeline, or leave it out."
            ) from None
    return stage


def _moved(program: Program, by: float) -> Program:
    """The program of two classes whose second one, or only, score is larger by so much."""
    out, program = program.output, replace(program, link=program.link.behind(1.0, by))
    op = next(op for op in program.ops() if op.out == out.name)
    if out.size > 2 or not hasattr(op, "bias"):
        raise UnsupportedModelError(f"a threshold around {program.family} cannot be compiled: it has no single score")
    added = np.array([by] if out.size == 1 else [max(-by, 0.0), max(by, 0.0)])
    if op.bias is not None:
        bias = program[op.bias]
        return program.replacing(replace(bias, data=bias.values + added))
    bias = Tensor("bias", (out.size,), Space.FLASH, None, added)
    changed: Op = replace(op, bias="bias")  # type: ignore[call-arg]
    functions = {name: tuple(changed if o is op else o for o in body) for name, body in program.functions.items()}
    return verify(replace(program, tensors=(*program.tensors, bias), functions=functions))


def calibration_rows(model: Any, unwrapped: Unwrapped, X: ArrayLike | None) -> NDArray[np.float64]:
    """Rows that give the ranges of a model; refuses a model that does not compile before it asks for them."""
    if program_of.dispatch(type(unwrapped.model)) is program_of.dispatch(object):
        raise unsupported(unwrapped.model)
    check_is_fitted(model)
    check_finite(*(step for _, step in unwrapped.front), unwrapped.model)
    known: Any = getattr(unwrapped.model, "classes_", ())
    if len(known) == 1 and not isinstance(known, list):
        raise UnsupportedModelError(
            f"{_kind(unwrapped.model)} answers every row alike, {known.tolist()[0]!r}: there is nothing to compile; "
            "fit it with rows of two classes at least"
        )
    if _of_several_labels(unwrapped.model):
        raise UnsupportedModelError(
            f"{_kind(unwrapped.model)} of several labels a sample cannot be compiled; train one for each"
        )
    classes = len(known)
    if classes > MOST_CLASSES:
        raise UnsupportedModelError(
            f"{_kind(unwrapped.model)} has {classes} classes; a device tells {MOST_CLASSES} apart at most. Put rare "
            "classes together before fit, or compile one model for each part of them"
        )
    if X is None:
        raise UnsupportedModelError(
            f"{_kind(unwrapped.model)} holds no ranges of its inputs: pass rows that it may meet, X_calibration=X_train"
        )
    first = unwrapped.front[0][1] if unwrapped.front else None
    if isinstance(first, SimpleImputer):  # the device is given whole rows
        X = imputed(check_array(X, dtype=np.float64, ensure_all_finite="allow-nan", input_name="X_calibration"), first)
    rows: NDArray[np.float64] = check_array(X, dtype=np.float64, input_name="X_calibration")
    return rows


def _of_several_labels(model: Any) -> bool:
    """Whether it has classes for each; a linear classifier has a row of coefficients, where two classes have one."""
    if not isinstance(model, CLASSIFIERS):
        return isinstance(getattr(model, "classes_", None), list) and not is_of_trees(model)
    return (len(np.atleast_2d(model.coef_)) == 1) != (len(model.classes_) == 2)


def is_of_trees(model: Any) -> bool:
    """Whether a model, fitted or not, becomes trees."""
    return module_of(model) == forests.__name__


def worth_trying(model: Any, widths: Sequence[Widths]) -> Sequence[Widths]:
    """Widths that make a difference: trees that vote have no weights, most models no layers."""
    if not isinstance(model, forests.EXACT):
        return [w for w in widths if not w.words_between or neural.has_free_layers(model)]
    return [w for i, w in enumerate(widths) if (w.inputs, w.apart) not in {(v.inputs, v.apart) for v in widths[:i]}]


def smaller_model(model: Any, share: float) -> str:
    """How a fitted model is made one that needs this share of its bytes."""
    unwrapped = unwrap(model)
    inner = unwrapped.model
    if unwrapped.is_ours:
        return "lower max_model_bytes"
    for attribute, what in (("estimators_", "trees"), ("support_vectors_", "support vectors"), ("_fit_X", "samples")):
        parts = len(getattr(inner, attribute, ()))
        if parts > 1:
            fewer = "n_estimators= or max_leaf_nodes=" if what == "trees" else "fewer rows in fit"
            return f"fit one of fewer {what}: about {int(parts * share):,} of its {parts:,} would fit ({fewer})"
    family = "ProtoNNRegressor" if not hasattr(inner, "classes_") else "ProtoNNClassifier"
    return f"fit a smaller model, of fewer features, or teach one: {family}(teacher=model).fit(X, y)"


def unsupported(model: Any) -> UnsupportedModelError:
    """What to say of a model that does not compile, and the way that works."""
    answer = "regressor" if hasattr(model, "predict") and not hasattr(model, "classes_") else "classifier"
    family = "ProtoNNRegressor" if answer == "regressor" else "ProtoNNClassifier"
    return UnsupportedModelError(
        f"{_kind(model)} cannot be compiled. What can: the estimators of edgealgos, and of scikit-learn "
        f"{', '.join(models())}. To put on a board what this one has learnt, teach a small model with it: "
        f"{family}(teacher=model).fit(X, y)."
    )


def _kind(model: Any) -> str:
    return type(model).__name__
