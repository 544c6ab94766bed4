"""The one training loop: dense, iterative hard thresholding, fixed support, rounding; knows no family and no device."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm.auto import tqdm

from edgealgos.codegen.qtype import QType
from edgealgos.training import engine as eng
from edgealgos.training.budget import Masks, Specs, dense_bytes, joint_support, stored_bytes
from edgealgos.training.losses import targets_for
from edgealgos.training.rounding import Rounding
from edgealgos.training.schedule import Recipe, batch_size_for

Arrays = dict[str, NDArray[np.float64]]


class Family(Protocol):
    """What the loop asks of a model family; one small object a fit, see training/bonsai.py for an example.

    Attributes
    ----------
    problem : {"multiclass", "binary", "regression"}
    n_outputs : int
        Columns of scores: classes, 1 for a binary problem, targets of a regression.
    specs : mapping of str to TensorSpec
        Every stored tensor: shape, width, whether it may be sparse.
    extra_bytes : int
        Bytes stored besides the tensors: tables, scalars.
    profiled : tuple of str
        Activations whose scale is profiled: the names given to `Rounding.profiled`.
    recipe : Recipe
        The family's defaults.
    rates : mapping of str to float
        Learning rates relative to the recipe's.
    """

    problem: str
    n_outputs: int
    specs: Specs
    extra_bytes: int
    profiled: tuple[str, ...]
    recipe: Recipe
    rates: Mapping[str, float]

    def initial(self, x: NDArray, y: NDArray, rng: np.random.Generator) -> dict[str, NDArray]:
        """Initial parameters from real-valued rows (n, d) and targets; names as in `specs`."""

    def forward(self, params: Mapping[str, tf.Tensor], x: tf.Tensor, rounding: Rounding) -> tf.Tensor:
        """Scores (n, n_outputs) of rows (n, d), rounding as the device does."""

    def penalty(self, params: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Regularisation added to the loss, a scalar."""

    def activation_types(self, weights: Arrays, ranges: Callable[[], Mapping[str, float]]) -> dict[str, QType]:
        """Types of named activations for these weights.

        `ranges()` runs the forward pass on training rows and gives the largest magnitude of every activation that
        `forward` passes to `Rounding.profiled`; a family whose ranges follow from the weights need not call it.
        """

    def finish(self, weights: Arrays, qtypes: dict[str, QType], y_mean, y_scale) -> tuple[Arrays, dict[str, QType]]:
        """Fold the mean and the (power of two) scale of regression targets into the last tensors."""


@dataclass
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
    qtypes: dict[str, QType]
    n_iter: int
    history: dict[str, list[float]]
    model_bytes: int
    float_weights: Arrays = field(default_factory=dict)


def train(
    model: Family,
    x_q: NDArray,
    y: NDArray,
    *,
    x_frac: int,
    budget: int | None = None,
    sample_weight: NDArray | None = None,
    recipe: Recipe | None = None,
    soft_targets: NDArray | None = None,
    teacher: tuple[Any, Mapping[str, tf.Tensor]] | None = None,
    augment: Callable[[np.random.Generator], NDArray] | None = None,
    validation: tuple[NDArray, NDArray] | None = None,
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
    sample_weight : array of shape (n,), optional
    recipe : Recipe, optional
        Default: the family's.
    soft_targets : array of shape (n, n_outputs), optional
        A teacher's class probabilities (regression: predictions), mixed in with ``recipe.teacher_weight``.
    augment : callable, optional
        ``augment(rng)`` gives a new version of all rows, like `x_q`; called before every epoch.
    validation : (x_q, y), optional
        Rows to choose the best epoch on; otherwise split off by ``recipe.validation_fraction``.
    teacher : (Teacher, parameters), optional
        A float model that gives targets for every row the student sees, see training/teacher.py.

    Returns
    -------
    TrainingResult
    """
    return _Run(model, recipe or model.recipe, budget, x_frac, random_state, verbose, jit).fit(
        x_q, y, sample_weight, soft_targets, augment, validation, teacher
    )


class _Run:
    """One call of :func:`train`: the state that its stages share."""

    def __init__(self, model, recipe, budget, x_frac, random_state, verbose, jit):
        self.model, self.recipe, self.budget, self.x_frac = model, recipe, budget, x_frac
        self.rng = np.random.default_rng(random_state)
        self.verbose, self.jit = verbose, jit
        self.masks: Masks = {n: np.ones(s.shape, bool) for n, s in model.specs.items() if s.sparse}
        self.y_mean, self.y_scale = 0.0, 1.0
        self.history: dict[str, list[float]] = {"loss": [], "score": [], "nonzeros": [], "bytes": []}
        self.qtypes: dict[str, QType] = {}
        self.frozen_scales = False

    # -- preparation ---------------------------------------------------------------------------------------------

    def fit(self, x_q, y, sample_weight, soft_targets, augment, validation, teacher=None) -> TrainingResult:
        """Run all stages."""
        weight = np.ones(len(x_q)) if sample_weight is None else np.asarray(sample_weight, float)
        keep = weight > 0
        weight = np.where(keep, weight, 0) / weight[keep].mean()
        self.standardise_targets(y, weight)
        targets = self.targets(y, soft_targets)
        if validation is None and self.recipe.validation_fraction > 0:
            rows, held = split_rows(y, self.recipe.validation_fraction, self.model.problem, self.rng)
            validation = x_q[held], np.asarray(y)[held]
            x_q, y, targets, weight = x_q[rows], np.asarray(y)[rows], targets[rows], weight[rows]
            augment = None if augment is None else (lambda rng, inner=augment: inner(rng)[rows])
        if validation is not None:
            self.history["validation"] = []
            validation = validation[0], targets_for(self.scaled(validation[1]), self.model.n_outputs, self.model.problem)
        real = x_q.astype(np.float32) * 2.0**-self.x_frac
        params = self.model.initial(real, self.scaled(y), self.rng)
        self.engine = eng.Engine(
            self.model, x_frac=self.x_frac, loss=self.recipe.loss, teacher=teacher and teacher[0], jit=self.jit
        )
        self.data = eng.Data(tf.constant(x_q), tf.constant(targets, tf.float32), tf.constant(weight, tf.float32),
                             teacher[1] if teacher else {})
        return self.run(eng.fresh_state(params), x_q, augment, validation)

    def standardise_targets(self, y, weight) -> None:
        """Mean and power-of-two scale of regression targets, so that folding them back costs no rounding."""
        if self.model.problem == "regression":
            y = np.asarray(y, float)
            self.y_mean = float(np.average(y, weights=weight, axis=0)) if y.ndim == 1 else np.average(y, 0, weight)
            spread = float(np.std(y)) if np.std(y) > 0 else 1.0
            self.y_scale = 2.0 ** np.round(np.log2(spread))

    def scaled(self, y) -> NDArray:
        """Targets as the model learns them."""
        return (np.asarray(y, float) - self.y_mean) / self.y_scale if self.model.problem == "regression" else np.asarray(y)

    def targets(self, y, soft_targets) -> NDArray[np.float32]:
        """Target rows, mixed with the teacher's where there is one."""
        model, recipe = self.model, self.recipe
        hard = targets_for(self.scaled(y), model.n_outputs, model.problem, recipe.label_smoothing)
        if soft_targets is None:
            return hard
        soft = targets_for(self.scaled(soft_targets), model.n_outputs, "regression")
        return (hard + recipe.teacher_weight * (soft - hard)).astype(np.float32)

    # -- stages --------------------------------------------------------------------------------------------------

    def run(self, state, x_q, augment, validation) -> TrainingResult:
        """All epochs, then the rounded weights of the best (or the last)."""
        recipe = self.recipe
        size = min(recipe.batch_size or batch_size_for(len(x_q)), len(x_q))
        best: tuple[float, int, dict] | None = None
        for epoch in (bar := tqdm(range(recipe.epochs), disable=not self.verbose, desc="training", unit="epoch")):
            control = self.control(epoch, state, x_q)
            if augment is not None:
                self.data = self.data._replace(x_q=tf.constant(augment(self.rng)))
            steps = *self.batches(len(x_q), size), *self.timing(epoch, len(x_q), size)
            state, loss, score = self.engine.epoch(state, control, self.data, *steps)
            if recipe.stage(epoch) == "thresholding":
                self.threshold(epoch, state)
            self.note(bar, float(loss), float(score))
            if validation is not None and recipe.stage(epoch) == "fixed support" and recipe.quantized(epoch):
                value = self.validate(state, control, validation)
                if best is None or value > best[0]:
                    best = value, epoch, {n: v.numpy() for n, v in state.average.items()}
                elif epoch - best[1] > recipe.patience * recipe.epochs:
                    break
        average = best[2] if best else {n: v.numpy() for n, v in state.average.items()}
        return self.result(average, epoch + 1, x_q)

    def timing(self, epoch, rows, size):
        """Learning rates of the steps of an epoch and the seed of its random numbers."""
        return self.recipe.rates(epoch, rows // size), int(self.rng.integers(2**31 - 1))

    def batches(self, rows, size):
        """Random row numbers (steps, 2, size) and mixture shares (steps, size)."""
        steps = rows // size
        index = np.stack([self.rng.permutation(rows)[: steps * size].reshape(steps, size) for _ in range(2)], 1)
        mixup = self.recipe.mixup
        share = self.rng.beta(mixup, mixup, (steps, size)) if mixup > 0 else np.ones((steps, size))
        return index, np.maximum(share, 1 - share)

    def control(self, epoch, state, x_q) -> eng.Control:
        """What this epoch's steps do, as tensors."""
        recipe, model = self.recipe, self.model
        frozen, on = recipe.stage(epoch) == "fixed support", recipe.quantized(epoch)
        if on and not self.frozen_scales:
            source = {n: v.numpy() for n, v in state.params.items()}
            self.qtypes = self.weight_types(source)
            self.qtypes |= model.activation_types(self.on_grid(source), lambda: self.ranges(source, x_q))
            self.frozen_scales = epoch / recipe.epochs >= max(recipe.frozen_from, recipe.quantized_from)
            if self.frozen_scales:
                state.average.update(state.params)
        high = {n: self.qtypes[n].high * self.qtypes[n].step if on else 1e9 for n in model.specs}
        return self.as_control(on, frozen, high, epoch / recipe.epochs)

    def as_control(self, on, frozen, high, progress) -> eng.Control:
        """Control of given switches with the present masks and scales."""
        recipe = self.recipe
        scalar = lambda value: tf.constant(value, tf.float32)  # noqa: E731
        names = set(self.model.specs) | set(self.qtypes) | set(self.model.profiled)
        scales = {n: scalar(2.0 ** self.qtypes[n].frac if n in self.qtypes else 2.0**-20) for n in sorted(names)}
        return eng.Control(
            {n: scalar(m) for n, m in self.masks.items()}, scales, {n: scalar(h) for n, h in high.items()},
            tf.constant(bool(on)), tf.constant(bool(frozen)), scalar(4.0 ** (4 * min(1.0, progress / 0.5))),
            scalar(recipe.ema), scalar(recipe.noise), scalar(recipe.teacher_weight),
            {n: scalar(self.model.rates.get(n, 1.0)) for n in self.model.specs},
        )

    def threshold(self, epoch, state) -> None:
        """Keep the values whose removal would harm most: w^2 E[g^2], within this epoch's bytes."""
        model = self.model
        if self.budget is None:
            return
        dense = dense_bytes(model.specs, model.extra_bytes)
        allowed = self.recipe.bytes_at(epoch, dense, self.budget)
        saliency = {n: state.params[n].numpy().astype(float) ** 2 * (state.second[n].numpy() + 1e-12) for n in self.masks}
        self.masks = joint_support(model.specs, saliency, allowed, model.extra_bytes)

    # -- types and results ---------------------------------------------------------------------------------------

    def weight_types(self, params) -> dict[str, QType]:
        """Finest type of each stored tensor that holds its values."""
        types: dict[str, QType] = {"x": QType(8, self.x_frac)}
        for name, spec in self.model.specs.items():
            if not spec.scale_of:
                value = params[name] * self.masks[name] if name in self.masks else params[name]
                covering = QType.covering(float(np.abs(value).max()), spec.bits)
                types[name] = covering if spec.frac is None else QType(spec.bits, spec.frac)
        for name, spec in self.model.specs.items():
            if spec.scale_of:
                types[name] = QType(spec.bits, sum(types[other].frac for other in spec.scale_of))
        return types

    def on_grid(self, params) -> Arrays:
        """Parameters rounded to their types, removed values at zero."""
        out = {}
        for name in self.model.specs:
            value = np.asarray(params[name], float)
            value = value * self.masks[name] if name in self.masks else value
            out[name] = self.qtypes[name].dequantize(self.qtypes[name].quantize(value))
        return out

    def ranges(self, params, x_q) -> dict[str, float]:
        """Largest magnitude of every profiled activation on (a sample of) the training rows, without rounding."""
        rows = x_q[:: max(1, len(x_q) // 2000)]
        scales = {n: tf.constant(2.0**-20) for n in self.model.profiled}
        rounding = Rounding(tf.constant(False), scales | {n: tf.constant(1.0) for n in self.model.specs},
                            self.engine.bits, tf.constant(256.0), observed={})
        used = {n: tf.constant(v * self.masks[n] if n in self.masks else v, tf.float32) for n, v in params.items()}
        self.model.forward(used, tf.constant(rows, tf.float32) * 2.0**-self.x_frac, rounding)
        return {n: float(v) for n, v in rounding.observed.items()}

    def validate(self, state, control, validation) -> float:
        """Score of the averaged, rounded weights on the validation rows."""
        from edgealgos.training.losses import row_hits

        scores = self.engine.scores(state.average, control, validation[0])
        value = float(tf.reduce_mean(row_hits(scores, tf.constant(validation[1]), self.model.problem)))
        self.history["validation"].append(value)
        return value

    def note(self, bar, loss, score) -> None:
        """Write down and show how far things are."""
        counts = {n: int(m.sum()) for n, m in self.masks.items()}
        nonzeros = sum(counts.get(n, s.size) for n, s in self.model.specs.items())
        size = stored_bytes(self.model.specs, counts, self.model.extra_bytes)
        for name, value in {"loss": loss, "score": score, "nonzeros": nonzeros, "bytes": size}.items():
            self.history[name].append(value)
        if self.verbose:
            bar.set_postfix(loss=f"{loss:.3f}", score=f"{score:.4f}", nonzeros=nonzeros, bytes=size)

    def result(self, params, epochs, x_q) -> TrainingResult:
        """Weights on their grid, their types, what they take."""
        model = self.model
        self.qtypes |= model.activation_types(self.on_grid(params), lambda: self.ranges(params, x_q))
        weights, qtypes = model.finish(self.on_grid(params), dict(self.qtypes), self.y_mean, self.y_scale)
        floats = {n: np.asarray(params[n], float) * self.masks.get(n, 1.0) for n in model.specs}
        size = stored_bytes(model.specs, {n: int(np.count_nonzero(weights[n])) for n in self.masks}, model.extra_bytes)
        return TrainingResult(weights, qtypes, epochs, self.history, size, floats)


def split_rows(y, fraction, problem, rng) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers to train on and to hold back, stratified by class."""
    y = np.asarray(y)
    order = rng.permutation(len(y))
    if problem == "regression":
        held = order[: max(1, round(fraction * len(y)))]
    else:
        held = np.concatenate([(rows := order[y[order] == c])[: round(fraction * len(rows))] for c in np.unique(y)])
    return np.setdiff1d(order, held), np.sort(held)


def with_options(recipe: Recipe, **options: Any) -> Recipe:
    """The recipe with the options that are not None replaced."""
    return dataclasses.replace(recipe, **{name: value for name, value in options.items() if value is not None})
