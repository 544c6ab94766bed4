"""The one training loop: dense, iterative hard thresholding, fixed support, rounding; knows no family and no device."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm.auto import tqdm

from ..deadline import check_time
from . import engine as eng
from .family import Array, Arrays, Family, Types
from .losses import row_hits, row_losses, targets_for, weighted
from .rows import Answer, Augment, Neighbours, Rows, split_rows, typical_deviation, varied
from .schedule import Recipe
from .stepwise import StepEngine
from .stored import COARSE, Stored
from .support import Limits, Predicted, Support
from .targets import TargetScale
from .teacher import taught, worth_teaching

UNBOUNDED = 1e9
LARGEST_SHIFT = 6  # of scores, in search of the confidence that fits best


@dataclass(frozen=True)
class TrainingResult:
    """What training gives.

    Attributes
    ----------
    weights : dict of str to float64 array
        Every stored tensor, exactly on its grid: raw * 2**-frac.
    qtypes : dict of str to QType
        Type of every stored tensor and of every named activation.
    n_iter : int
        Epochs run.
    history : dict of str to list
        Per epoch: ``loss``, ``score``, ``nonzeros``, ``bytes``, and ``validation`` where a validation split was made.
    model_bytes : int
        Flash bytes of everything stored, tables included.
    float_weights : dict of str to float64 array
        The same tensors before rounding (support applied).
    """

    weights: Arrays
    qtypes: Types
    n_iter: int
    history: dict[str, list[float]]
    model_bytes: int
    float_weights: Arrays = field(default_factory=dict)


def train(
    model: Family,
    x_q: Array,
    y: Array,
    *,
    x_frac: int,
    budget: int | None = None,
    max_cycles: int | None = None,
    predicted_cycles: Predicted | None = None,
    start: Mapping[str, Array] | None = None,
    sample_weight: Array | None = None,
    recipe: Recipe | None = None,
    soft_targets: Array | None = None,
    teacher: Answer | str | None = "auto",
    augment: Augment | None = None,
    validation: tuple[Array, ...] | None = None,
    random_state: int = 0,
    verbose: int = 0,
    jit: bool = True,
) -> TrainingResult:
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
    if soft_targets is not None and teacher == "auto":
        teacher = None
    same = {"x_frac": x_frac, "sample_weight": rows.weight, "augment": augment, "random_state": random_state}
    answer = _answer(model, recipe, rows.x_q, y, scale, teacher, jit=jit, verbose=verbose, options=same)
    recipe = recipe.for_rows(len(rows.x_q))
    if scale.constant:
        recipe = dataclasses.replace(recipe, epochs=1)
    around = Neighbours.of(rows.x_q, rng) if recipe.near else None
    noise = recipe.noise * (typical_deviation(rows.x_q) if around is None else around.distance)
    versions = varied(rows, mixup=recipe.mixup, noise=0.0 if model.stepwise else noise, augment=augment, answer=answer,
                      around=around, most=recipe.most_rows, epochs=recipe.epochs, rng=rng)  # fmt: skip
    stored = Stored(model, rows.x_q, x_frac)
    real = rows.x_q.astype(np.float32) * 2.0**-x_frac - stored.centre
    params = model.initial(real, scale.applied(y), rng) if start is None else start
    if start is not None:
        stored.masks = {name: start[name] != 0 for name in stored.masks}
    kind = StepEngine if model.stepwise else eng.Engine
    course = _Course(
        model, recipe, stored, Support(stored, Limits(budget, max_cycles, predicted_cycles), recipe, scale),
        kind(model, x_frac=x_frac, loss=recipe.loss, jit=jit), eng.data(*versions), rng, verbose,
        noise=noise * 2.0**-x_frac if model.stepwise else 0.0,
        validation=None if validation is None else _held_out(model, scale, *validation),
    )  # fmt: skip
    return course.run(eng.fresh_state(params))


def with_options(recipe: Recipe, **options: Any) -> Recipe:
    """The recipe with the options that are not None replaced; what is asked for is no longer adapted to the rows."""
    implied: dict[str, Any] = {"most_steps": None} if options.get("epochs") is not None else {}
    if options.get("learning_rate") is not None:
        implied["fastest_rate"] = 0.0
    return dataclasses.replace(recipe, **implied, **{n: v for n, v in options.items() if v is not None})


def _held_out(model: Family, scale: TargetScale, x_q: Array, y: Array, weight: Array | None = None) -> Rows:
    """Rows to choose the best epoch on."""
    targets = targets_for(scale.applied(y), model.n_outputs, model.problem)
    return Rows(x_q, targets, np.ones(len(y), np.float32) if weight is None else np.asarray(weight, np.float32))


# ---- preparation -----------------------------------------------------------------------------------------------------


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


# ---- epochs ----------------------------------------------------------------------------------------------------------


@dataclass
class _Course:
    """All epochs of one training."""

    model: Family
    recipe: Recipe
    stored: Stored
    support: Support
    engine: eng.Engine | StepEngine
    data: eng.Data
    rng: np.random.Generator
    verbose: int
    noise: float
    validation: Rows | None
    qtypes: Types = field(default_factory=dict)
    types_stand: bool = False
    history: dict[str, list[float]] = field(
        default_factory=lambda: {"loss": [], "score": [], "nonzeros": [], "bytes": []}
    )

    def run(self, state: eng.State) -> TrainingResult:
        """All epochs, then the rounded weights of the best (or the last)."""
        recipe, rows = self.recipe, len(self.stored.x_q)
        if self.validation is not None:
            self.history["validation"] = []
        steps = rows // recipe.rows_a_step
        batches = self.batches(steps, recipe.rows_a_step)
        best: tuple[float, int, eng.Tensors] | None = None
        bar = tqdm(range(recipe.epochs), disable=not self.verbose, desc=self.model.name, unit="epoch")
        for epoch in bar:
            check_time()
            control = self.control(epoch, state)
            order, seed = next(batches), int(self.rng.integers(2**31 - 1))
            state, loss, score = self.engine.epoch(state, control, self.data, order, recipe.rates(epoch, steps), seed)
            if recipe.stage(epoch) == "thresholding":
                self.support.threshold(epoch, eng.arrays(state.params), eng.arrays(state.second))
            self.note(bar, float(loss), float(score))
            if self.validation is not None and self.types_stand:
                value = self.validate(state, control, self.validation)
                if best is None or value > best[0]:
                    best = value, epoch, state.average
                elif epoch - best[1] > recipe.patience * recipe.epochs:
                    break
        bar.close()
        return self.result(eng.arrays(best[2] if best else state.average), eng.arrays(state.second), epoch + 1)

    def batches(self, steps: int, size: int) -> Iterator[NDArray[np.int64]]:
        """Row numbers of each epoch, (steps, size): every version of every row once before any comes again."""
        pool = len(self.data.x_q)
        order = np.empty(0, np.int64)
        while True:
            if len(order) < steps * size:
                order = self.rng.permutation(pool)
            now, order = order[: steps * size], order[steps * size :]
            yield now.reshape(steps, size)

    def control(self, epoch: int, state: eng.State) -> eng.Control:
        """What this epoch's steps do, as tensors; types follow the weights until the support is fixed."""
        recipe, specs = self.recipe, self.stored.specs
        frozen, on = recipe.stage(epoch) != "dense", recipe.quantized(epoch)
        if on and not self.types_stand:
            self.qtypes = self.stored.types(eng.arrays(state.params))
            self.types_stand = recipe.stage(epoch) == "fixed support" or epoch == recipe.epochs - 1
            if self.types_stand:
                state.average.update(state.params)
        high = {n: self.qtypes[n].high * self.qtypes[n].step if on else UNBOUNDED for n in specs}
        names = sorted({*specs, *self.model.profiled})
        scales = {n: 2.0 ** self.qtypes[n].frac if n in self.qtypes else COARSE for n in names}
        return eng.control(
            masks=self.stored.masks, scales=scales, high=high, on=on, frozen=frozen, sharpness=recipe.sharpness(epoch),
            ema=recipe.ema, weight_decay=recipe.weight_decay, noise=self.noise, centre=self.stored.centre,
            rates={n: self.model.rates.get(n, 1.0) for n in specs},
        )  # fmt: skip

    def validate(self, state: eng.State, control: eng.Control, rows: Rows) -> float:
        """Score of the averaged, rounded weights on the validation rows, as they weigh."""
        scores = self.engine.scores(state.average, control, rows.x_q)
        value = weighted(row_hits(scores, tf.constant(rows.targets), self.model.problem), rows.weight)
        self.history["validation"].append(value)
        return value

    def note(self, bar: Any, loss: float, score: float) -> None:
        """Write down and show how far things are."""
        nonzeros, size = self.stored.nonzeros, self.stored.bytes()
        for name, value in {"loss": loss, "score": score, "nonzeros": nonzeros, "bytes": size}.items():
            self.history[name].append(value)
        if self.verbose:
            bar.set_postfix(loss=f"{loss:.3f}", score=f"{score:.4f}", nonzeros=nonzeros, bytes=size)

    def result(self, params: Arrays, second: Arrays, epochs: int) -> TrainingResult:
        """Weights on their grid, their types, what they take."""
        model, stored, scale = self.model, self.stored, self.support.scale
        if scale.constant:  # nothing to learn: what remains is the mean
            params = params | {name: np.zeros_like(params[name]) for name in model.output}
            self.qtypes |= stored.weight_types(params)
        qtypes = self.support.settle(params, second, self.qtypes)
        factor = scale.factor if self.recipe.loss != "hinge" else self.confidence(params)
        weights, qtypes = model.finish(stored.on_grid(params, qtypes), qtypes, scale.mean, factor)
        size = stored.bytes({name: int(np.count_nonzero(weights[name])) for name in stored.masks})
        return TrainingResult(weights, qtypes, epochs, self.history, size, stored.kept(params))

    def confidence(self, params: Arrays) -> float:
        """Power of two on the scores that makes margins the best log-odds on training rows (costs nothing: a type)."""
        rows = slice(0, min(len(self.data.targets), 4 * len(self.stored.x_q)), 4)
        scores, targets = self.stored.forward(params, self.data.x_q[rows]), self.data.targets[rows]
        shifts, weight = 2.0 ** np.arange(LARGEST_SHIFT), self.data.weight[rows].numpy()
        losses = [weighted(row_losses(s * scores, targets, self.model.problem, "log"), weight) for s in shifts]
        return float(shifts[int(np.argmin(losses))])
