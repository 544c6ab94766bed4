"""The one training loop: dense, iterative hard thresholding, fixed support, rounding; knows no family and no device."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm.auto import tqdm

from ..codegen.program.qtype import QType
from . import engine as eng
from .budget import (
    MOST_CODE_CYCLES,
    NIBBLE,
    Masks,
    cycles_of,
    dense_bytes,
    joint_support,
    stored_bytes,
    worth_their_cycles,
)
from .family import Arrays, Family
from .losses import row_hits, row_losses, targets_for
from .rounding import Rounding
from .rows import Rows
from .rows import varied as make_rows
from .schedule import Recipe
from .stepwise import StepEngine
from .teacher import taught, worth_teaching

Answer = Callable[[NDArray], NDArray]
Predicted = Callable[[Arrays, dict[str, QType]], float]
UNBOUNDED = 1e9
CYCLES_PROMISED = 0.98  # of those allowed, while training can still change them
ASK_CYCLES_EVERY = 8  # epochs
COARSE = 2.0**-20  # scale of an activation nobody has profiled yet: it never saturates


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
    max_cycles: int | None = None,
    predicted_cycles: Predicted | None = None,
    start: Mapping[str, NDArray[np.float64]] | None = None,
    sample_weight: NDArray | None = None,
    recipe: Recipe | None = None,
    soft_targets: NDArray | None = None,
    teacher: Answer | str | None = "auto",
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
    validation : (x_q, y), optional
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
    run = _Run(model, recipe or model.recipe, budget, x_frac, random_state, verbose, jit)
    run.max_cycles, run.predicted_cycles, run.start = max_cycles, predicted_cycles, start
    return run.fit(x_q, np.asarray(y), sample_weight, soft_targets, teacher, augment, validation)


def with_options(recipe: Recipe, **options: Any) -> Recipe:
    """The recipe with the options that are not None replaced; what is asked for is no longer adapted to the rows."""
    implied: dict[str, Any] = {"most_steps": None} if options.get("epochs") is not None else {}
    if options.get("learning_rate") is not None:
        implied["fastest_rate"] = 0.0
    return dataclasses.replace(recipe, **implied, **{n: v for n, v in options.items() if v is not None})


class _Run:
    """One call of :func:`train`: the state that its stages share."""

    def __init__(self, model, recipe, budget, x_frac, random_state, verbose, jit):
        self.model, self.recipe, self.budget, self.x_frac = model, recipe, budget, x_frac
        self.seed, self.rng = random_state, np.random.default_rng(random_state)
        self.verbose, self.jit = verbose, jit
        self.specs = dict(model.specs)
        self.masks: Masks = {n: np.ones(s.shape, bool) for n, s in self.specs.items() if s.sparse}
        self.y_mean, self.y_scale = 0.0, 1.0
        self.history: dict[str, list[float]] = {"loss": [], "score": [], "nonzeros": [], "bytes": []}
        self.centre: Any = np.float32(0.0)
        self.qtypes: dict[str, QType] = {}
        self.frozen_scales = False
        self.max_cycles: int | None = None
        self.predicted_cycles: Predicted | None = None
        self.other_cycles = 0.0
        self.start: Mapping[str, NDArray[np.float64]] | None = None

    # ------------------------------------------------------------------ preparation

    def fit(self, x_q, y, sample_weight, soft_targets, teacher, augment, validation) -> TrainingResult:
        """Prepare targets and rows, then run all stages."""
        model, recipe = self.model, self.recipe
        weight = np.ones(len(x_q)) if sample_weight is None else np.asarray(sample_weight, float)
        weight = weight / weight[weight > 0].mean()
        self.standardise_targets(y, weight)
        self.x_q = x_q
        targets = self.targets(y, soft_targets)
        if validation is None and recipe.validation_fraction > 0:
            rows, held = split_rows(y, recipe.validation_fraction, model.problem, self.rng)
            validation = x_q[held], y[held]
            x_q, y, targets, weight = x_q[rows], y[rows], targets[rows], weight[rows]
            augment = augment and (lambda rng, inner=augment: inner(rng)[rows])
        if validation is not None:
            self.history["validation"] = []
            validation = validation[0], targets_for(self.scaled(validation[1]), model.n_outputs, model.problem)
        everything = Rows(x_q, targets, weight.astype(np.float32))
        answer = self.answers(everything, y, soft_targets, teacher, augment)
        noise = recipe.noise * float(np.sqrt(x_q.astype(np.float32).var(0).mean()))
        stepwise = getattr(model, "stepwise", False)
        self.noise = noise * 2.0**-self.x_frac if stepwise else 0.0
        varied = {"mixup": recipe.mixup, "noise": 0.0 if stepwise else noise, "augment": augment, "rng": self.rng}
        self.data = eng.data(*make_rows(everything, answer=answer, **varied))
        engine = StepEngine if stepwise else eng.Engine
        self.engine = engine(model, x_frac=self.x_frac, loss=recipe.loss, jit=self.jit)
        if hasattr(model, "centred"):
            self.centre = np.rint(x_q.mean(0, dtype=np.float64)).astype(np.float32) * np.float32(2.0**-self.x_frac)
        if self.start is None:
            params = model.initial(x_q.astype(np.float32) * 2.0**-self.x_frac - self.centre, self.scaled(y), self.rng)
        else:
            params, self.masks = self.start, {n: self.start[n] != 0 for n in self.masks}
        return self.run(eng.fresh_state(params), x_q, validation)

    def answers(self, rows, y, soft_targets, teacher, augment) -> Answer | None:
        """The teacher to ask about each row the student will see."""
        if teacher is None:
            return None
        if teacher != "auto":
            return lambda x: self.scaled(teacher(x)).astype(np.float32)
        if soft_targets is not None or not worth_teaching(self.recipe, len(y), self.jit):
            return None
        options = {"x_frac": self.x_frac, "sample_weight": rows.weight, "augment": augment, "random_state": self.seed}
        return taught(train, self.model, self.recipe, rows.x_q, self.scaled(y), verbose=self.verbose, **options)

    def standardise_targets(self, y, weight) -> None:
        """Mean and power-of-two scale of regression targets, so that folding them back costs no rounding."""
        if self.model.problem == "regression":
            self.y_mean = np.average(y, axis=0, weights=weight)
            spread = float(np.sqrt(np.average((y - self.y_mean) ** 2, axis=0, weights=weight).mean()))
            self.y_scale = 2.0 ** np.round(np.log2(spread)) if spread > 0 else 1.0

    def scaled(self, y) -> NDArray:
        """Targets as the model learns them."""
        return (np.asarray(y, float) - self.y_mean) / self.y_scale if self.model.problem == "regression" else y

    def targets(self, y, soft_targets) -> NDArray[np.float32]:
        """Target rows, mixed with the teacher's where there is one."""
        model, recipe = self.model, self.recipe
        hard = targets_for(self.scaled(y), model.n_outputs, model.problem, recipe.label_smoothing)
        if soft_targets is None:
            return hard
        soft = targets_for(self.scaled(soft_targets), model.n_outputs, "regression")
        return (hard + recipe.teacher_weight * (soft - hard)).astype(np.float32)

    # ------------------------------------------------------------------ stages

    def run(self, state, x_q, validation) -> TrainingResult:
        """All epochs, then the rounded weights of the best (or the last)."""
        rows = len(x_q)
        recipe = self.recipe = self.recipe.for_rows(rows)
        size = recipe.batch_size
        batches = self.batches(rows // size, size)
        best: tuple[float, int, eng.Tensors] | None = None
        bar = tqdm(range(recipe.epochs), disable=not self.verbose, desc=self.model.name, unit="epoch")
        for epoch in bar:
            control = self.control(epoch, state, x_q)
            steps = next(batches), recipe.rates(epoch, rows // size), int(self.rng.integers(2**31 - 1))
            state, loss, score = self.engine.epoch(state, control, self.data, *steps)
            if recipe.stage(epoch) == "thresholding":
                self.threshold(epoch, state)
            self.note(bar, float(loss), float(score))
            if validation is not None and self.frozen_scales:
                value = self.validate(state, control, validation)
                if best is None or value > best[0]:
                    best = value, epoch, state.average
                elif epoch - best[1] > recipe.patience * recipe.epochs:
                    break
        bar.close()
        average = best[2] if best else state.average
        return self.result({n: v.numpy() for n, v in average.items()}, epoch + 1, x_q)

    def batches(self, steps, size) -> Iterator[NDArray[np.int64]]:
        """Row numbers of each epoch, (steps, size): every version of every row once before any comes again."""
        pool = len(self.data.x_q)
        order = np.empty(0, np.int64)
        while True:
            if len(order) < steps * size:
                order = self.rng.permutation(pool)
            now, order = order[: steps * size], order[steps * size :]
            yield now.reshape(steps, size)

    def control(self, epoch, state, x_q) -> eng.Control:
        """What this epoch's steps do, as tensors; types follow the weights until the support is fixed."""
        recipe = self.recipe
        frozen, on = recipe.stage(epoch) != "dense", recipe.quantized(epoch)
        if on and not self.frozen_scales:
            self.choose_types({n: v.numpy() for n, v in state.params.items()}, x_q)
            self.frozen_scales = recipe.stage(epoch) == "fixed support" or epoch == recipe.epochs - 1
            if self.frozen_scales:
                state.average.update(state.params)
        high = {n: self.qtypes[n].high * self.qtypes[n].step if on else UNBOUNDED for n in self.specs}
        names = sorted({*self.specs, *self.model.profiled})
        scales = {n: 2.0 ** self.qtypes[n].frac if n in self.qtypes else COARSE for n in names}
        return eng.control(
            masks=self.masks, scales=scales, high=high, on=on, frozen=frozen, sharpness=recipe.sharpness(epoch),
            ema=recipe.ema, weight_decay=recipe.weight_decay, noise=self.noise, centre=self.centre,
            rates={n: self.model.rates.get(n, 1.0) for n in self.specs},
        )  # fmt: skip

    def threshold(self, epoch, state) -> None:
        """Keep the values whose removal would harm most within this epoch's bytes; what is removed stays so.

        Letting removed values come back cost several points in our measurements. The harm of removing w is estimated
        as w^2 E[g^2] (a diagonal second-order expansion, comparable across tensors), with the running mean square of
        the gradient that Adam keeps anyway.
        """
        if self.budget is None and self.max_cycles is None:
            return
        params = {n: v.numpy() for n, v in state.params.items()}
        self.narrow_biases(params)
        harm = {n: m * params[n].astype(float) ** 2 * (state.second[n].numpy() + 1e-12) for n, m in self.masks.items()}
        if self.max_cycles is not None and harm:
            self.masks = self.within_cycles(epoch, params, harm)
            harm = {n: values * self.masks[n] for n, values in harm.items()}
        if self.budget is not None:
            allowed = self.recipe.allowed_at(epoch, dense_bytes(self.specs, self.model.extra_bytes), self.budget)
            support = joint_support(self.specs, harm, allowed, self.model.extra_bytes)
            self.masks = {n: support[n] & (values > 0) for n, values in harm.items()}

    def within_cycles(self, epoch, params, harm) -> Masks:
        """Support of this epoch's cycles; what a prediction takes besides its products is asked now and then."""
        assert self.max_cycles is not None
        goal = CYCLES_PROMISED * self.max_cycles
        most = np.inf if getattr(self.model, "stepwise", False) else MOST_CODE_CYCLES  # matrices of steps stay tables
        if epoch % ASK_CYCLES_EVERY == 0 or not self.other_cycles:
            for _ in range(2):
                final = worth_their_cycles(self.specs, harm, min(goal - self.other_cycles, most))
                left = params | {n: params[n] * mask for n, mask in final.items()}
                self.other_cycles = self.predict_cycles(left) - cycles_of(self.specs, final)
        if self.other_cycles >= goal:
            raise ValueError(
                f"max_cycles={self.max_cycles} is too small: without any products such a {self.model.name} takes "
                f"{round(self.other_cycles):,} cycles"
            )
        dense = cycles_of(self.specs, {n: np.ones_like(mask) for n, mask in self.masks.items()})
        limit = min(goal - self.other_cycles, most)
        return worth_their_cycles(self.specs, harm, self.recipe.allowed_at(epoch, dense, limit))

    def predict_cycles(self, params) -> float:
        """Cycles of a prediction with these parameters."""
        assert self.predicted_cycles is not None
        kept = self.qtypes
        self.choose_types(params, self.x_q)
        found = self.predicted_cycles(*self.model.finish(self.on_grid(params), self.qtypes, self.y_mean, self.y_scale))
        self.qtypes = kept
        return found

    def trim(self, params) -> None:
        """Remove a little more where the last epochs made sums wider than thresholding foresaw."""
        while self.max_cycles is not None and self.predict_cycles(params) > self.max_cycles:
            harm = {n: mask * np.square(params[n]) for n, mask in self.masks.items()}
            self.masks = worth_their_cycles(self.specs, harm, 0.99 * cycles_of(self.specs, self.masks))

    # ------------------------------------------------------------------ types and results

    def narrow_biases(self, params) -> None:
        """Count two bytes a bias where its values fit there with room to move, before the support is settled."""
        types = self.weight_types(params)
        stored = self.uncentred(params)
        for name, spec in self.specs.items():
            if spec.scale_of:
                narrow = QType(16, types[name].frac)
                fits = 1.5 * float(np.abs(stored[name]).max()) < narrow.high * narrow.step
                self.specs[name] = dataclasses.replace(spec, bits=16 if fits else self.model.specs[name].bits)

    def choose_types(self, params, x_q) -> None:
        """Types of weights, then of the activations that follow from them."""
        self.qtypes = self.weight_types(params)
        self.choose_activation_types(params, x_q)

    def choose_activation_types(self, params, x_q) -> None:
        """Types of activations for weights whose types are chosen."""
        self.qtypes |= self.model.activation_types(self.on_grid(params), lambda: self.ranges(params, x_q))

    def weight_types(self, params) -> dict[str, QType]:
        """Type of each stored tensor for its values."""
        types: dict[str, QType] = {"x": QType(8 * self.data.x_q.dtype.size, self.x_frac)}
        types |= getattr(self.model, "fixed_types", {})
        for name, spec in self.specs.items():
            if not spec.scale_of:
                kept = params[name] * self.masks.get(name, 1.0)
                types[name] = best_type(kept, spec.bits) if spec.frac is None else QType(spec.bits, spec.frac)
        for name, spec in self.specs.items():
            if spec.scale_of:
                first, others = spec.scale_of[0], sum(types[other].frac for other in spec.scale_of[1:])
                if spec.bits == 16:  # promised narrow: the matrix gives up a bit if it must
                    most = QType.covering(float(np.abs(self.uncentred(params)[name]).max()), 16).frac - others
                    types[first] = QType(types[first].bits, min(types[first].frac, most))
                types[name] = QType(spec.bits, types[first].frac + others)
        return types

    def on_grid(self, params) -> Arrays:
        """Parameters rounded to their types, removed values at zero."""
        real = {n: np.asarray(params[n], float) * self.masks.get(n, 1.0) for n in self.specs}
        rounded = {n: self.qtypes[n].dequantize(self.qtypes[n].quantize(v)) for n, v in real.items()}
        return {n: self.qtypes[n].dequantize(self.qtypes[n].quantize(v)) for n, v in self.uncentred(rounded).items()}

    def uncentred(self, params) -> dict[str, NDArray]:
        """Parameters for rows as they are: the bias takes over the centre's product, exactly where all is rounded."""
        if not hasattr(self.model, "centred"):
            return params
        matrix, bias = self.model.centred
        kept = np.asarray(params[matrix], float) * self.masks.get(matrix, 1.0)
        return {**params, bias: params[bias] - kept @ self.centre.astype(float)}

    def ranges(self, params, x_q) -> dict[str, float]:
        """Largest magnitude of every profiled activation on (a sample of) the training rows, without rounding."""
        observed: dict[str, tf.Tensor] = {}
        self.forward(params, x_q[:: max(1, len(x_q) // 2000)], observed)
        return {n: float(v) for n, v in observed.items()}

    def forward(self, params, x_q, observed=None) -> tf.Tensor:
        """Scores without rounding, not compiled."""
        scales = {n: tf.constant(COARSE) for n in (*self.specs, *self.model.profiled)}
        rounding = Rounding(tf.constant(False), scales, self.engine.bits, tf.constant(256.0), observed=observed)
        used = {n: tf.constant(v * self.masks.get(n, 1.0), tf.float32) for n, v in params.items()}
        return self.model.forward(used, tf.cast(x_q, tf.float32) * 2.0**-self.x_frac - self.centre, rounding)

    def validate(self, state, control, validation) -> float:
        """Score of the averaged, rounded weights on the validation rows."""
        scores = self.engine.scores(state.average, control, validation[0])
        value = float(tf.reduce_mean(row_hits(scores, tf.constant(validation[1]), self.model.problem)))
        self.history["validation"].append(value)
        return value

    def note(self, bar, loss, score) -> None:
        """Write down and show how far things are."""
        counts = {n: int(m.sum()) for n, m in self.masks.items()}
        nonzeros = sum(counts.get(n, s.size) for n, s in self.specs.items())
        size = stored_bytes(self.specs, counts, self.model.extra_bytes)
        for name, value in {"loss": loss, "score": score, "nonzeros": nonzeros, "bytes": size}.items():
            self.history[name].append(value)
        if self.verbose:
            bar.set_postfix(loss=f"{loss:.3f}", score=f"{score:.4f}", nonzeros=nonzeros, bytes=size)

    def result(self, params, epochs, x_q) -> TrainingResult:
        """Weights on their grid, their types, what they take."""
        model = self.model
        self.trim(params)
        self.choose_activation_types(params, x_q)
        scale = self.y_scale if self.recipe.loss != "hinge" else self.confidence(params, x_q)
        weights, qtypes = model.finish(self.on_grid(params), dict(self.qtypes), self.y_mean, scale)
        floats = {n: np.asarray(params[n], float) * self.masks.get(n, 1.0) for n in self.specs}
        size = stored_bytes(self.specs, {n: int(np.count_nonzero(weights[n])) for n in self.masks}, model.extra_bytes)
        return TrainingResult(weights, qtypes, epochs, self.history, size, floats)

    def confidence(self, params, x_q) -> float:
        """Power of two on the scores that makes margins the best log-odds on training rows (costs nothing: a type)."""
        rows = slice(0, min(len(self.data.targets), 4 * len(x_q)), 4)
        scores, targets = self.forward(params, self.data.x_q[rows]), self.data.targets[rows]
        shifts = 2.0 ** np.arange(6)
        losses = [float(tf.reduce_mean(row_losses(s * scores, targets, self.model.problem, "log"))) for s in shifts]
        return float(shifts[int(np.argmin(losses))])


def best_type(values, bits) -> QType:
    """Finest type that holds all values; with few bits that of least squared error, which cuts off the largest."""
    covering = QType.covering(float(np.abs(values).max()), bits)
    if bits > NIBBLE:
        return covering
    finer = [QType(bits, covering.frac + more) for more in range(3)]
    return min(finer, key=lambda qtype: float(np.square(qtype.dequantize(qtype.quantize(values)) - values).sum()))


def split_rows(y, fraction, problem, rng) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers to train on and to hold back, stratified by class."""
    order = rng.permutation(len(y))
    if problem == "regression":
        held = order[: max(1, round(fraction * len(y)))]
    else:
        held = np.concatenate([(rows := order[y[order] == c])[: round(fraction * len(rows))] for c in np.unique(y)])
    return np.setdiff1d(order, held), np.sort(held)
