"""From device inputs to a boosted model within its budgets: settings chosen, then grown on all rows; no program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from ...codegen.storage import cheapest_storage
from .boost import Boosting, Settings, Table, Task
from .choose import (
    ALLOWED,
    LINEAR,
    Chosen,
    Split,
    Verdict,
    begun,
    choose,
    every_move,
    few_enough,
    seconds_of,
    settings_told,
)
from .start import WEIGHT_BITS, constant_start
from .trees import Growth

MOST_LEAVES, MOST_DEPTH = 64, 8
SHRINKAGES = ({"shrinkage": 10.0}, {"shrinkage": 100.0}, {"shrinkage": 0.1}, {"shrinkage": 0.01})
USUALLY_TRIED = 11  # settings
LINEAR_BIAS_BYTES = 4  # of a score, at most
FIXED_CYCLES, SCORE_CYCLES, WEIGHT_CYCLES = 200, 60, 8  # of a linear model, at most


@dataclass(frozen=True)
class Wanted:
    """What the user has fixed; what is None is chosen.

    Parameters
    ----------
    max_depth, n_estimators : int or None
    learning_rate : float or None
    leaf_bits : int
    trees : bool
        Whether there are to be trees; without them the linear model takes all the bytes.
    decided : mapping or None
        Settings that are not to be chosen any more, as :meth:`~.choose.Chosen.told` tells of them.
    """

    max_depth: int | None = None
    n_estimators: int | None = None
    learning_rate: float | None = None
    leaf_bits: int = 5
    trees: bool = True
    decided: Mapping[str, Any] | None = None

    def first(self, task: Task, inputs: int) -> Settings:
        """Where a search begins: at most half of the bytes go to a linear model that trees stand beside."""
        growth = Growth(8, MOST_DEPTH, 1.0)
        if self.max_depth is not None:
            growth = Growth(min(2**self.max_depth, MOST_LEAVES), self.max_depth, 1.0)
        rate = 0.5 if self.learning_rate is None else self.learning_rate
        if not self.trees:
            return Settings(growth, rate, 0, self.leaf_bits, _most_weights(task, inputs))
        linear = LINEAR if task.max_bytes is None else min(LINEAR, task.max_bytes // 2)
        return Settings(growth, rate, 0, self.leaf_bits, linear)

    @property
    def free(self) -> dict[str, bool]:
        """Which knobs are to be chosen."""
        return {"max_depth": self.max_depth is None, "learning_rate": self.learning_rate is None}


@dataclass(frozen=True, eq=False)
class Grown:
    """A boosted model, and what was tried for it: nothing where there were no rows to judge by."""

    boosting: Boosting
    choices: list[dict[str, Any]]


def fit(
    table: Table, judged: Sequence[NDArray[np.bool_]], task: Task, wanted: Wanted, seed: int, verbose: bool = False
) -> Grown:
    """Choose settings by the rows of each mask, then grow on all of them.

    Raises
    ------
    ValueError
        If not even one tree of two leaves fits into the bytes.
    """
    settings, trees, choices = _decision(table, judged, task, wanted, seed, verbose)
    boosting = _grown(table, task, settings, seed, None if wanted.n_estimators is not None else trees)
    if not boosting.order and not settings.linear:
        boosting = _smallest(table, task, settings, seed)
    return Grown(boosting, choices)


def _decision(
    table: Table, judged: Sequence[NDArray[np.bool_]], task: Task, wanted: Wanted, seed: int, verbose: bool
) -> tuple[Settings, int | None, list[dict[str, Any]]]:
    """Settings, how many trees are enough (None: as many as fit), and what was tried."""
    if wanted.decided is not None:
        return settings_told(wanted.decided), wanted.decided["trees"], [dict(wanted.decided)]
    if not judged:
        return wanted.first(task, table.x.shape[1]), None, []
    first = _split(table, judged[0], seed)
    affordable = int(ALLOWED / (USUALLY_TRIED * seconds_of(first.fitted, task)))
    others = [_split(table, mask, seed) for mask in judged[1 : max(affordable, 1)]]
    found = _chosen([first, *others], task, wanted, seed, verbose)
    return found.settings, found.verdict.trees, found.told()


def _most_weights(task: Task, inputs: int) -> int:
    """Weights of a linear model alone that fit into the bytes and cycles; refused where not one does."""
    shape = (task.n_outputs, inputs)
    fixed = task.other_bytes + LINEAR_BIAS_BYTES * task.n_outputs
    most = task.n_outputs * inputs
    if task.max_cycles is not None:
        without = FIXED_CYCLES + SCORE_CYCLES * task.n_outputs
        most = min(most, int((task.max_cycles - without) // WEIGHT_CYCLES))
        if most < 1:
            raise ValueError(
                f"max_cycles={task.max_cycles} is too few for a linear model of {inputs} features; the least that "
                f"works is max_cycles={ceil(without + WEIGHT_CYCLES)}"
            )
    if task.max_bytes is None:
        return most
    sizes = [fixed + cheapest_storage(shape, count, WEIGHT_BITS, task.x_type.bits)[1] for count in range(1, most + 1)]
    fitting = int(np.searchsorted(np.maximum.accumulate(sizes), task.max_bytes, side="right"))
    if fitting < 1:
        raise ValueError(
            f"max_model_bytes={task.max_bytes} is too small for a linear model of {inputs} features and "
            f"{task.n_outputs} scores; the least that works is max_model_bytes={sizes[0]}"
        )
    return fitting


def _split(table: Table, mask: NDArray[np.bool_], seed: int) -> Split:
    """Rows to fit, not more than a choice needs, and rows to judge by."""
    rows = np.flatnonzero(~mask)
    most = few_enough(len(rows), table.x.shape[1])
    if most < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    return Split(table.where(rows), table.where(mask))


def _chosen(splits: Sequence[Split], task: Task, wanted: Wanted, seed: int, verbose: bool) -> Chosen:
    inputs = splits[0].fitted.x.shape[1]
    first = wanted.first(task, inputs)
    moves = (
        list(every_move(wanted.free, first.linear > 0, inputs > 1))
        if wanted.trees
        else [SHRINKAGES[:2], SHRINKAGES[2:]]
    )
    bar = tqdm(total=1 + sum(map(len, moves)), disable=not verbose, desc="boosted trees", unit="setting")

    def tick(settings: Settings, verdict: Verdict) -> None:
        bar.update()
        bar.set_postfix(error=f"{verdict.error:.4f}", leaves=settings.growth.most_leaves, rate=settings.rate)

    with bar:
        return choose(splits, task, first, moves, seed, tick)


def _grown(table: Table, task: Task, settings: Settings, seed: int, trees: int | None) -> Boosting:
    start = begun(table, task, settings)
    if task.max_bytes is not None and start.bytes + task.other_bytes > task.max_bytes:
        settings, trees = replace(settings, linear=0), trees or None  # constants alone are no model
        start = begun(table, task, settings)
    boosting = Boosting(table, task, settings, start, seed)
    return boosting if trees == 0 else boosting.run(lambda course: trees is not None and len(course.error) > trees)


def _smallest(table: Table, task: Task, settings: Settings, seed: int) -> Boosting:
    """One tree of two leaves, without constants where these take too much; refused where that does not fit."""
    settings = replace(settings, linear=0, growth=replace(settings.growth, most_leaves=2))
    unlimited = replace(task, max_bytes=None, max_cycles=None, max_rounds=1)
    sizes = []
    for start in (begun(table, task, settings), _nothing(table, task, settings)):
        boosting = Boosting(table, unlimited, settings, start, seed).run().cut_to(1)
        if not boosting.order:
            boosting.add_idle_tree()
        sizes.append(boosting.forest.bytes())
        if task.max_bytes is None or sizes[-1] <= task.max_bytes:
            return boosting
    raise ValueError(
        f"max_model_bytes={task.max_bytes} is too small for boosted trees of {table.x.shape[1]} features and "
        f"{task.n_outputs} scores; the least that works is max_model_bytes={min(sizes)}"
    )


def _nothing(table: Table, task: Task, settings: Settings) -> Any:
    start = constant_start(table.y, table.weight, task.problem, task.n_outputs, settings.leaf_type)
    return replace(start, bias=np.zeros_like(start.bias))
