"""The search itself: batches of candidates, fewer from split to split, until the time is over; knows no families."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..deadline import OutOfTime
from ..progress import tell
from .judge import Candidate, Data, Judge, doubt
from .propose import Proposer

BATCH = 4  # candidates that are compared with each other
PATIENCE = 12  # candidates without a better one
PERFECT = 1.0
FIRST_SHARE = 0.6  # of the time that is left, for a family as it comes: others wait
SIMPLEST_SHARE = 0.3  # for the simplest family, which is fitted to its end however long that takes
FAR = 2.0  # standard errors: what is farther from the best is not judged on further splits
TURNED_LEAD = 1.0  # standard errors that turned knobs have to be worth
LEAST_SECONDS = 0.5  # that a fit is begun with
WHOLE_FIT = 1.3  # times what a candidate's first fit took: one on all rows that chooses again


@dataclass
class Found:
    """What a search found.

    Parameters
    ----------
    best : Candidate or None
        None where there were no rows to judge by.
    known : list of Candidate
        All that was judged, the best first, then by score.
    refusals : dict of str to str
        Why families could not meet the budgets.
    cut_short : bool
        Whether there was time for the simplest family alone.
    seconds : float
        That are left for the last fit.
    """

    best: Candidate | None
    known: list[Candidate] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    cut_short: bool = False
    seconds: float = float("inf")

    @property
    def chooses_again(self) -> bool:
        """Whether the last fit has time to choose its settings on all rows."""
        return self.best is not None and self.seconds > WHOLE_FIT * self.best.seconds


class Search:
    """Tries what a proposer gives until the time is over, nothing is left, or nothing gets better.

    Parameters
    ----------
    judge : Judge
    proposer : Proposer
    splits : sequence of (Data, Data)
        Rows to fit and rows to judge by.
    time_limit : float
        Seconds for everything, the last fit on all rows included.
    tick : callable
        Called with the best so far after each fit.
    """

    def __init__(
        self, judge: Judge, proposer: Proposer, splits: Sequence[tuple[Data, Data]], time_limit: float,
        tick: Callable[[Candidate, Candidate | None], Any],
    ) -> None:  # fmt: skip
        self._judge, self._proposer, self._splits, self._tick = judge, proposer, splits, tick
        self._end = time.monotonic() + time_limit
        self._refusals: dict[str, str] = {}
        self._stopped, self._late = False, 0
        self._running: list[Candidate] = []

    def run(self, families: int) -> Found:
        """Search; the first batch holds every family once."""
        self._families = families
        batch, idle, best = max(families, BATCH), 0, -float("inf")
        while not self._stopped and idle < PATIENCE:
            self._running = self._proposer.ask(batch)
            if not self._running:
                break
            self._judge_all(self._running)
            self._proposer.tell(self._running)
            score = max((c.score for c in self._proposer.known()), default=-float("inf"))
            idle = 0 if score > best else idle + len(self._running)
            best, batch = max(best, score), BATCH
            if best >= PERFECT:
                break
        return self._found()

    def _judge_all(self, batch: Sequence[Candidate]) -> None:
        """Judge candidates on the first split, on each further one those that chance may have kept from being best."""
        left = list(batch)
        for number, split in enumerate(self._splits):
            for place, candidate in enumerate(left):
                waited_for = number == 0 and place < len(left) - 1
                self._try(candidate, split, simplest=number == place == 0, waited_for=waited_for)
            judged = [c for c in left if len(c.scores) == number + 1 and not c.refused]
            others = (c.scores[: number + 1] for c in self._proposer.known() if not c.refused)
            rivals = [*(c.score for c in judged), *(float(np.mean(s)) for s in others if len(s) == number + 1)]
            best, rows = max(rivals, default=0.0), [held for _, held in self._splits[: number + 1]]
            near = [c for c in judged if c.score >= best - FAR * doubt(best, rows)]
            left = sorted(near, key=lambda c: -c.score)

    def _try(self, candidate: Candidate, split: tuple[Data, Data], simplest: bool, waited_for: bool) -> None:
        """One fit, as long as the last one on all rows can still be made in time."""
        known = [c for c in (*self._proposer.known(), *self._running) if c.scores and not c.refused]
        seconds = self._end - time.monotonic()
        if leader := self._leader(known):
            seconds -= leader.seconds * (WHOLE_FIT if candidate.params else leader.family.refit)
        unhurried = simplest and not known and not candidate.family.quickly
        needed = candidate.family.refit * candidate.seconds if candidate.scores else candidate.family.least_seconds
        if not unhurried and seconds < needed:
            self._late += 1
            self._stopped = seconds < LEAST_SECONDS
            return
        share = FIRST_SHARE if waited_for and candidate.family.knobs and not candidate.params else 1.0
        share = SIMPLEST_SHARE if unhurried else share
        try:
            self._judge.judge(candidate, *split, share * seconds, hard=not unhurried)
        except OutOfTime:
            self._late += 1
        except ValueError as error:
            candidate.refused = str(error)
            self._refusals.setdefault(candidate.family.name, str(error))
        tell("candidate", **candidate.told())
        self._tick(candidate, self._leader([*known, candidate]))

    def _leader(self, known: Sequence[Candidate]) -> Candidate | None:
        """The best of those judged on most splits; what is less simple has to lead by more than luck gives."""
        judged = [c for c in known if c.scores and not c.refused]
        most = max((len(c.scores) for c in judged), default=0)
        rows = [held for _, held in self._splits[:most]]

        def value(candidate: Candidate) -> float:
            lead = candidate.family.lead + (TURNED_LEAD if candidate.params else 0.0)
            return candidate.score - lead * doubt(candidate.score, rows)

        return min((c for c in judged if len(c.scores) == most), key=lambda c: (-value(c), c.cycles), default=None)

    def _found(self) -> Found:
        known = sorted(self._proposer.known(), key=lambda c: (-c.score, c.cycles))
        best = self._leader(known)
        known.sort(key=lambda c: c is not best)  # one judged on fewer splits may have had an easier one
        tried = {c.family.name for c in known if c.scores}
        cut_short = (self._stopped or self._late > 0) and len(tried) < min(2, self._families)
        return Found(best, known, self._refusals, cut_short, self._end - time.monotonic())
