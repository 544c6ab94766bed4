"""All epochs of one training: control of each, thresholding, validation, result; knows no family and no device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm.auto import tqdm

from ..deadline import check_time
from ..progress import tell
from . import engine as eng
from .family import Array, Arrays, Family, Types
from .losses import row_hits, row_losses, weighted
from .rows import Rows
from .schedule import Recipe
from .stepwise import StepEngine
from .stored import COARSE, ROWS_PROFILED, Stored
from .support import Support

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


@dataclass
class Course:
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
    renewed: Callable[[], Rows] | None = None
    qtypes: Types = field(default_factory=dict)
    types_stand: bool = False
    history: dict[str, list[float]] = field(
        default_factory=lambda: {"loss": [], "score": [], "nonzeros": [], "bytes": []}
    )

    def run(self, y: Array, start: Mapping[str, Array] | None = None) -> TrainingResult:
        """All epochs, then the rounded weights of the best (or the last)."""
        recipe, rows = self.recipe, len(self.stored.x_q)
        state = eng.fresh_state(self.first(y) if start is None else start)
        if start is not None:
            self.stored.masks = {name: start[name] != 0 for name in self.stored.masks}
        if self.validation is not None:
            self.history["validation"] = []
        steps = rows // recipe.rows_a_step
        batches = self.batches(steps, recipe.rows_a_step)
        best: tuple[float, int, eng.Tensors] | None = None
        bar = tqdm(range(recipe.epochs), disable=not self.verbose, desc=self.model.name, unit="epoch")
        for epoch in bar:
            check_time()
            state = self.settled(epoch, state)
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

    def first(self, y: Array) -> Arrays:
        """The family's start for these rows and targets."""
        return self.model.initial(self.real(self.stored.x_q), self.support.scale.applied(y), self.rng)

    def real(self, x_q: Array) -> Array:
        """Device inputs as training sees them."""
        real: Array = x_q.astype(np.float32) * self.stored.x_scale - self.stored.centre
        return real

    def settled(self, epoch: int, state: eng.State) -> eng.State:
        """The state that an epoch begins with: once values are rounded, weights have the scale that the device needs.

        What the device cannot do is folded into them when it goes.
        """
        recipe = self.recipe
        if not epoch or not recipe.quantized(epoch) or recipe.folded(epoch - 1):
            return state
        params, own = eng.arrays(state.params), self.stored.x_q

        def some() -> Array:
            return self.real(own[self.rng.permutation(len(own))[:ROWS_PROFILED]])

        settled = self.model.settled(params, some, fold=recipe.folded(epoch))
        if settled is params:
            return state
        if not recipe.quantized(epoch - 1):
            return eng.fresh_state(settled)
        return state._replace(params={name: tf.constant(value, tf.float32) for name, value in settled.items()})

    def batches(self, steps: int, size: int) -> Iterator[NDArray[np.int64]]:
        """Row numbers of each epoch, (steps, size): every version of every row once, then again, or new ones."""
        pool = len(self.data.x_q)
        order = self.rng.permutation(pool)
        while True:
            if len(order) < steps * size:
                if self.renewed is not None:
                    self.data = eng.data(*self.renewed())
                order = self.rng.permutation(pool)
            now, order = order[: steps * size], order[steps * size :]
            yield now.reshape(steps, size)

    def control(self, epoch: int, state: eng.State) -> eng.Control:
        """What this epoch's steps do, as tensors; types follow the weights until the support is fixed."""
        recipe, specs = self.recipe, self.stored.specs
        frozen, on = recipe.stage(epoch) != "dense", recipe.quantized(epoch)
        if on and not self.types_stand:
            self.qtypes = self.stored.types(eng.arrays(state.params))
            fixed = recipe.stage(epoch) == "fixed support" and recipe.folded(epoch)
            self.types_stand = fixed or epoch == recipe.epochs - 1
            if self.types_stand:
                state.average.update(state.params)
        high = {n: self.qtypes[n].high * self.qtypes[n].step if on else UNBOUNDED for n in specs}
        names = sorted({*specs, *self.model.profiled})
        scales = {n: 2.0 ** self.qtypes[n].frac if n in self.qtypes else COARSE for n in names}
        return eng.control(
            masks=self.stored.masks, scales=scales, high=high, on=on, frozen=frozen, sharpness=recipe.sharpness(epoch),
            folded=recipe.folded(epoch),
            ema=recipe.ema, weight_decay=recipe.weight_decay, noise=self.noise,
            x_step=self.stored.x_scale, centre=self.stored.centre,
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
        tell("epoch", family=self.model.name, epoch=len(self.history["loss"]), epochs=self.recipe.epochs, loss=loss,
             score=score, bytes=size)  # fmt: skip
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
