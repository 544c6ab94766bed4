"""Settings of boosting chosen by its mistakes on rows held out: one knob after the other, the rounds with each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...deadline import time_left
from .boost import Boosting, Course, Settings, Table, Task
from .start import Start, constant_start, linear_start
from .trees import Growth, Reals

MOST_VALUES = 400_000  # rows times features that a choice is made on
LEAST_ROWS = 500
LINEAR = 256  # most weights to begin with: some 1,500 cycles
PAIRS = 12
LOSS_COUNTS = 0.05  # beside the share of mistakes, which is coarse where rows are few
WORTH_IT = 1e-9
PATIENCE = 20  # rounds
ALLOWED = 12.0  # seconds of a processor for all that is tried, about
FEWEST_TRIED = 5
SPARED = 0.4  # of the time that there is, for the last training
NEARLY_ALL = 0.95
NODES_A_BYTE, USUAL_NODES = 0.5, 2000
NODE_SECONDS, COLUMN_SECONDS, TREE_SECONDS, VALUE_SECONDS = 1.2e-4, 1.5e-6, 1.2e-3, 1.5e-8
MANY_COLUMNS = 64  # of so many, a node takes as long as looking through them

Move = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Split:
    """Rows to fit and rows to judge by."""

    fitted: Table
    judged: Table


@dataclass(frozen=True)
class Verdict:
    """How good settings are.

    Parameters
    ----------
    value : float
        Mean over the splits of what is to be small, at the best number of trees.
    error : float
        Share of mistakes there.
    trees : int or None
        That number; None where more would help.
    """

    value: float
    error: float
    trees: int | None


@dataclass(frozen=True, eq=False)
class Chosen:
    """What a search found: settings, their verdict, and all that was tried."""

    settings: Settings
    verdict: Verdict
    tried: list[tuple[Settings, Verdict]]

    def told(self) -> list[dict[str, Any]]:
        """All that was tried, best first, as plain values."""
        best_first = sorted(self.tried, key=lambda tried: tried[1].value)
        return [flat(settings) | {"trees": v.trees, "validation_error": v.error} for settings, v in best_first]


def flat(settings: Settings) -> dict[str, Any]:
    """Settings as plain values."""
    found = asdict(settings)
    growth: dict[str, Any] = found.pop("growth")
    return growth | found


def settings_told(told: Mapping[str, Any]) -> Settings:
    """The settings that :func:`flat` has told of."""
    own, growth = ({f.name: told[f.name] for f in fields(kind) if f.name in told} for kind in (Settings, Growth))
    return Settings(**own, growth=Growth(**growth))


def choose(
    splits: Sequence[Split], task: Task, first: Settings, moves: Iterable[Sequence[Move]], seed: int,
    tick: Callable[[Settings, Verdict], None] = lambda *_: None,
) -> Chosen:  # fmt: skip
    """Settings of few mistakes: each knob in turn is moved while that helps.

    Parameters
    ----------
    splits : sequence of Split
    task : Task
    first : Settings
        Where the search begins.
    moves : iterable of sequence of mapping
        Of each knob the changes to try, those of one direction one after the other.
    seed : int
    tick : callable
        Called with everything that was tried.
    """
    judge = _Judge(splits, task, seed)
    tried: list[tuple[Settings, Verdict]] = []

    def judged(settings: Settings) -> Verdict:
        verdict = judge(settings)
        tried.append((settings, verdict))
        tick(settings, verdict)
        return verdict

    began, most = time_left(), max(FEWEST_TRIED, int(ALLOWED / (seconds_of(splits[0].fitted, task) * len(splits))))
    best, verdict = first, judged(first)
    for direction in moves:
        for change in direction:
            if time_left() < SPARED * began or len(tried) >= most:
                return Chosen(best, verdict, tried)
            settings = changed(best, change)
            if settings == best:
                continue
            found = judged(settings)
            if found.value > verdict.value - WORTH_IT:
                break
            best, verdict = settings, found
    return Chosen(best, verdict, tried)


def changed(settings: Settings, change: Move) -> Settings:
    """Settings with some of them changed, those of the growth among them."""
    return settings_told({**flat(settings), **change})


def every_move(free: Mapping[str, bool], linear: bool, pairs: bool) -> Iterator[list[Move]]:
    """Changes worth trying, of the knobs that are free."""
    if linear:
        yield [{"linear": LINEAR // 3}, {"linear": 0}]
    if free["max_depth"]:
        yield [{"most_leaves": 16}, {"most_leaves": 32}]
    if pairs:
        yield [{"pairs": PAIRS}]
    if free["learning_rate"]:
        yield [{"rate": 0.25}, {"rate": 0.125}]
        yield [{"rate": 0.8}]
    yield [{"smoothing": 4.0}]
    yield [{"smoothing": 0.3}]
    if free["max_depth"]:
        yield [{"most_leaves": 4}]
    if linear:
        yield [{"shrinkage": 10.0}, {"shrinkage": 100.0}]


def begun(table: Table, task: Task, settings: Settings) -> Start:
    """What boosting with such settings begins with."""
    rest = (table.y, table.weight, task.problem, task.n_outputs)
    if settings.linear:
        return linear_start(table.x, *rest, task.x_type, settings.shrinkage, settings.linear, settings.leaf_type)
    return constant_start(*rest, settings.leaf_type)


def seconds_of(table: Table, task: Task) -> float:
    """What one boosting takes, about: the same for the same rows, whatever the computer."""
    nodes = USUAL_NODES if task.max_bytes is None else task.max_bytes * NODES_A_BYTE
    values = min(len(table), task.most_rows) * table.x.shape[1]
    node = NODE_SECONDS + COLUMN_SECONDS * max(table.x.shape[1] - MANY_COLUMNS, 0)
    return float(nodes * node + nodes / 7 * (TREE_SECONDS + values * VALUE_SECONDS))


def few_enough(rows: int, features: int) -> int:
    """Rows of a table that a choice is made on."""
    return min(rows, max(LEAST_ROWS, MOST_VALUES // max(features, 1)))


class _Judge:
    """Tries settings on all splits; linear models are fitted once."""

    def __init__(self, splits: Sequence[Split], task: Task, seed: int) -> None:
        self._splits, self._task, self._seed = splits, task, seed
        self._fitted: dict[tuple[Any, ...], Start] = {}

    def __call__(self, settings: Settings) -> Verdict:
        courses = [self._course(i, split, settings) for i, split in enumerate(self._splits)]
        error = _mean_curve([course.error for course in courses])
        allowed = self._allowed(courses)
        value = _mean_curve([_value(course).tolist() for course in courses])
        value = np.where(allowed, value + self._task.cycle_price * self._cycles(courses), np.inf)
        value[0] = value[0] if settings.linear else np.inf  # constants alone are no model
        best = int(np.argmin(value))
        more = not allowed[-1] or best >= NEARLY_ALL * (len(value) - 1)
        return Verdict(float(value[best]), float(error[best]), None if more else best)

    def _cycles(self, courses: Sequence[Course]) -> Reals:
        return _mean_curve([course.cycles for course in courses])

    def _allowed(self, courses: Sequence[Course]) -> NDArray[np.bool_]:
        allowed = self._cycles(courses) <= (self._task.max_cycles or np.inf)
        if self._task.max_bytes is not None:
            allowed &= _mean_curve([course.bytes for course in courses]) <= self._task.max_bytes
        return allowed

    def _course(self, number: int, split: Split, settings: Settings) -> Course:
        start = self._start(number, split.fitted, settings)
        boosting = Boosting(split.fitted, self._task, settings, start, self._seed, split.judged)
        return boosting.run(self._stop).course

    def _stop(self, course: Course) -> bool:
        """Whether it has been getting worse for longer than it got better."""
        count = len(course.error)
        if count % self._task.n_outputs or count < PATIENCE * self._task.n_outputs:
            return False
        return count > 2 * int(np.argmin(_value(course))) + PATIENCE * self._task.n_outputs

    def _start(self, number: int, table: Table, settings: Settings) -> Start:
        key = (number, settings.linear, settings.shrinkage, settings.leaf_type)
        if key not in self._fitted:
            self._fitted[key] = begun(table, self._task, settings)
        return self._fitted[key]


def _value(course: Course) -> Reals:
    """What is to be small."""
    found: Reals = np.add(course.error, np.multiply(LOSS_COUNTS, course.loss))
    return found


def _mean_curve(curves: Sequence[Sequence[float]]) -> Reals:
    """Mean of curves of different lengths: the shorter ones stay as they ended."""
    longest = max(map(len, curves))
    padded = [[*curve, *[curve[-1]] * (longest - len(curve))] for curve in curves]
    found: Reals = np.mean(padded, axis=0)
    return found
