"""The one training loop: dense, iterative hard thresholding, fixed support, rounding; knows no family and no device."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import engine as eng
from .course import Course, TrainingResult
from .family import Array, Family
from .losses import targets_for
from .rows import Answer, Augment, Neighbours, Rows, split_rows, typical_deviation, varied
from .schedule import Recipe
from .stepwise import StepEngine
from .stored import Stored
from .support import Limits, Predicted, Support
from .targets import TargetScale
from .teacher import taught, worth_teaching

__all__ = ["TrainingResult", "train", "with_options"]


def train(
    model: Family, x_q: Array, y: Array, *, x_frac: int, budget: int | None = None, max_cycles: int | None = None,
    predicted_cycles: Predicted | None = None, start: Mapping[str, Array] | None = None,
    sample_weight: Array | None = None, recipe: Recipe | None = None, soft_targets: Array | None = None,
    teacher: Answer | str | None = "auto", augment: Augment | None = None,
    validation: tuple[Array, ...] | None = None, random_state: int = 0, verbose: int = 0, jit: bool = True,
) -> TrainingResult:  # fmt: skip
    """Train `model` on device inputs within a byte budget.

    Parameters
    ----------
    model : Family
    x_q : int8 or int16 array of shape (n, d)
        Device inputs; the model sees ``x_q * 2**-x_frac``.
    y : array of shape (n,)
        Class indices 0..K-1, or real targets of shape (n,) or (n, n_outputs).
    budget : int or None
        Bytes for everything stored; None keeps every value.
    max_cycles : int or None
        Cycles of a prediction.
    predicted_cycles : callable, optional
        Cycles of a prediction with these weights and types; needed with `max_cycles`.
    start : dict of str to array, optional
        Parameters to go on from, zeros of sparse tensors staying zero; use a recipe of ``Recipe.further()``.
    sample_weight : array of shape (n,), optional
    recipe : Recipe, optional
        Default: the family's.
    soft_targets : array of shape (n, n_outputs), optional
        Class probabilities (regression: predictions) of somebody's teacher, mixed in with ``recipe.teacher_weight``.
    teacher : "auto", callable or None
        Gives target rows for the device inputs of every (mixed, jittered) row the student sees. "auto" trains one
        where the recipe asks for it, there are rows enough and no `soft_targets`, see training/teacher.py.
    augment : callable, optional
        ``augment(rng)`` gives a new version of all rows, like `x_q`.
    validation : (x_q, y) or (x_q, y, sample_weight), optional
        Rows to choose the best epoch on; otherwise split off by ``recipe.validation_fraction``.
    random_state : int
    verbose : int
        1 shows a progress bar.
    jit : bool
        Whether to compile with XLA (a few seconds, then several times faster).

    Returns
    -------
    TrainingResult
    """
    recipe, rng, y = recipe or model.recipe, np.random.default_rng(random_state), np.asarray(y)
    weight = np.ones(len(x_q)) if sample_weight is None else np.asarray(sample_weight, float)
    weight = weight / weight[weight > 0].mean()
    scale = TargetScale.of(y, weight, model.problem)
    rows = Rows(x_q, _targets(model, recipe, scale.applied(y), soft_targets, scale), weight.astype(np.float32))
    if validation is None and recipe.validation_fraction > 0:
        seen, held = split_rows(y, recipe.validation_fraction, model.problem, rng)
        validation, rows, y = (x_q[held], y[held], weight[held]), rows.chosen(seen), y[seen]
        augment = augment and _of_rows(augment, seen)
    same = {"x_frac": x_frac, "sample_weight": rows.weight, "augment": augment, "random_state": random_state}
    teacher = None if soft_targets is not None and teacher == "auto" else teacher
    answer = _answer(model, recipe, rows.x_q, y, scale, teacher, jit=jit, verbose=verbose, options=same)
    return _course(
        model, rows, scale, recipe, Limits(budget, max_cycles, predicted_cycles), answer, augment, validation, rng,
        x_frac=x_frac, verbose=verbose, jit=jit,
    ).run(y, start)  # fmt: skip


def with_options(recipe: Recipe, **options: Any) -> Recipe:
    """The recipe with the options that are not None replaced; what is asked for is no longer adapted to the rows."""
    implied: dict[str, Any] = {"most_steps": None} if options.get("epochs") is not None else {}
    if options.get("learning_rate") is not None:
        implied["fastest_rate"] = 0.0
    return dataclasses.replace(recipe, **implied, **{n: v for n, v in options.items() if v is not None})


# ---- preparation -----------------------------------------------------------------------------------------------------


def _course(
    model: Family, rows: Rows, scale: TargetScale, recipe: Recipe, limits: Limits, answer: Answer | None,
    augment: Augment | None, validation: tuple[Array, ...] | None, rng: np.random.Generator, *,
    x_frac: int, verbose: int, jit: bool,
) -> Course:  # fmt: skip
    """The epochs to run, on every version of the rows."""
    recipe = recipe.for_rows(len(rows.x_q))
    if scale.constant:
        recipe = dataclasses.replace(recipe, epochs=1)
    around = Neighbours.of(rows.x_q, rng) if recipe.near else None
    noise = recipe.noise * (typical_deviation(rows.x_q) if around is None else around.distance)

    def versions() -> Rows:
        return varied(rows, mixup=recipe.mixup, noise=0.0 if model.stepwise else noise, augment=augment, answer=answer,
                      around=around, most=recipe.most_rows, epochs=recipe.epochs, rng=rng)  # fmt: skip

    stored = Stored(model, rows.x_q, x_frac)
    engine = (StepEngine if model.stepwise else eng.Engine)(model, loss=recipe.loss, jit=jit)
    return Course(
        model, recipe, stored, Support(stored, limits, recipe, scale), engine, eng.data(*versions()), rng,
        verbose, noise=noise * 2.0**-x_frac if model.stepwise else 0.0,
        validation=None if validation is None else _held_out(model, scale, *validation),
        renewed=versions if augment is not None and answer is None else None,
    )  # fmt: skip


def _held_out(model: Family, scale: TargetScale, x_q: Array, y: Array, weight: Array | None = None) -> Rows:
    """Rows to choose the best epoch on."""
    targets = targets_for(scale.applied(y), model.n_outputs, model.problem)
    return Rows(x_q, targets, np.ones(len(y), np.float32) if weight is None else np.asarray(weight, np.float32))


def _targets(
    model: Family, recipe: Recipe, y: Array, soft_targets: Array | None, scale: TargetScale
) -> NDArray[np.float32]:
    """Target rows, mixed with the teacher's where there is one."""
    hard = targets_for(y, model.n_outputs, model.problem, recipe.label_smoothing)
    if soft_targets is None:
        return hard
    soft = targets_for(scale.applied(soft_targets), model.n_outputs, "regression")
    mixed: NDArray[np.float32] = (hard + recipe.teacher_weight * (soft - hard)).astype(np.float32)
    return mixed


def _of_rows(augment: Augment, rows: NDArray[np.int64]) -> Augment:
    """Augmentation of some of the rows."""
    return lambda rng: augment(rng)[rows]


def _answer(
    model: Family, recipe: Recipe, x_q: Array, y: Array, scale: TargetScale, teacher: Answer | str | None, *,
    jit: bool, verbose: int, options: dict[str, Any],
) -> Answer | None:  # fmt: skip
    """The teacher to ask about each row that the student will see."""
    if callable(teacher):
        ask = teacher
        return lambda x: scale.applied(ask(x)).astype(np.float32)
    if teacher is None or not worth_teaching(recipe, len(y), jit):
        return None
    return taught(train, model, recipe, x_q, scale.applied(y), verbose=verbose, **options)
