"""Candidates fitted on a part of the rows and judged on the others by what the device answers; chooses none."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..deadline import within
from ..estimators.model import Examples
from ..estimators.splits import held_out
from .families import Family

HELD_OUT_SHARE, MOST_HELD_OUT = 0.2, 3000
FEW_ROWS, SOME_ROWS = 1000, 4000  # with fewer than so many, three splits and two are made


@dataclass(frozen=True)
class Limits:
    """What a model may take; None: no limit beside the board's own."""

    max_model_bytes: int | None
    max_cycles: int | None
    max_ram_bytes: int | None
    board: str


@dataclass(frozen=True, eq=False)
class Data:
    """Rows as estimators take them, classes or real targets, weights, groups."""

    X: Any
    y: NDArray[Any]
    weight: NDArray[np.float64] | None
    groups: NDArray[Any] | None
    classifies: bool

    def __len__(self) -> int:
        return len(self.y)

    def where(self, rows: NDArray[np.intp]) -> Data:
        """Some of the rows."""
        X = self.X.iloc[rows] if hasattr(self.X, "iloc") else self.X[rows]
        weight, groups = (None if of is None else of[rows] for of in (self.weight, self.groups))
        return Data(X, self.y[rows], weight, groups, self.classifies)

    def splits(self, seed: int) -> list[tuple[Data, Data]]:
        """Rows to fit and rows to judge by, several times where there are few; none where there are too few."""
        codes = np.unique(self.y, return_inverse=True)[1] if self.classifies else self.y
        weight = np.ones(len(self)) if self.weight is None else self.weight
        examples = Examples(np.zeros((len(self), 1)), codes, weight, self.groups)
        count = 3 if len(self) < FEW_ROWS else 2 if len(self) < SOME_ROWS else 1
        masks = [held_out(examples, HELD_OUT_SHARE, MOST_HELD_OUT, seed + i, self.classifies) for i in range(count)]
        return [(self.where(np.flatnonzero(~m)), self.where(np.flatnonzero(m))) for m in masks if m.any()]


@dataclass
class Candidate:
    """A family with parameters, and what is known of it.

    Parameters
    ----------
    family : Family
    params : dict
        Those that differ from the search's own.
    number : int
        Of the trial in a shared study, or -1.
    scores : list of float
        On the splits that it was judged on.
    model_bytes, cycles, ram_bytes : int
        Of the model of the first split.
    seconds : float
        Of the first fit, which chooses, or a longer one.
    refused : str
        Why it is out of question; empty where it is not.
    decided : mapping or None
        What its first fit has chosen.
    """

    family: Family
    params: dict[str, Any]
    number: int = -1
    scores: list[float] = field(default_factory=list)
    model_bytes: int = 0
    cycles: int = 0
    ram_bytes: int = 0
    seconds: float = 0.0
    refused: str = ""
    decided: Mapping[str, Any] | None = None

    @property
    def score(self) -> float:
        """Mean over the splits."""
        return float(np.mean(self.scores)) if self.scores and not self.refused else -np.inf

    @property
    def spread(self) -> float:
        """Deviation over the splits; 0 of one."""
        return float(np.std(self.scores)) if self.scores else 0.0

    def told(self) -> dict[str, Any]:
        """A line of the leaderboard."""
        score = None if self.score == -np.inf else self.score
        return {"family": self.family.name, "params": dict(self.params), "validation_score": score,
                "validation_spread": self.spread, "model_bytes": self.model_bytes, "cycles": self.cycles,
                "ram_bytes": self.ram_bytes, "seconds": round(self.seconds, 2)}  # fmt: skip


class Judge:
    """Fits candidates and judges their device programs.

    Parameters
    ----------
    limits : Limits
    given : mapping
        Parameters that every family gets as far as it has them.
    """

    def __init__(self, limits: Limits, given: Mapping[str, Any]) -> None:
        self.limits, self._given = limits, dict(given)

    def estimator(self, candidate: Candidate, classifies: bool) -> Any:
        """Unfitted, with the search's budgets and the candidate's parameters."""
        kind = candidate.family.estimator(classifies)
        limits = self.limits
        wanted = {"max_model_bytes": limits.max_model_bytes, "max_cycles": limits.max_cycles,
                  "max_ram_bytes": limits.max_ram_bytes, "board": limits.board, **self._given,
                  **candidate.family.fixed}  # fmt: skip
        known = kind().get_params()
        return kind(**({name: value for name, value in wanted.items() if name in known} | candidate.params))

    def fit(
        self, candidate: Candidate, data: Data, seconds: float | None, decided: bool = False, hard: bool = True
    ) -> Any:
        """The fitted estimator; OutOfTime where it takes too long and the limit is hard."""
        estimator = self.estimator(candidate, data.classifies)
        if decided and candidate.decided is not None:
            estimator._decided = candidate.decided
        with warnings.catch_warnings(), within(seconds, hard):
            warnings.simplefilter("ignore", UserWarning)  # the last fit will say it again
            estimator.fit(data.X, data.y, sample_weight=data.weight, groups=data.groups)
        vars(estimator).pop("_decided", None)
        return estimator

    def judge(self, candidate: Candidate, fitted: Data, judged: Data, seconds: float | None, hard: bool = True) -> None:
        """Fit on the one part and note how the device program does on the other, and what it takes.

        What the first split's fit has chosen is not chosen again on the others: there is time for more candidates.
        """
        from ..codegen.compiled import compile_model

        began = time.monotonic()
        estimator = self.fit(candidate, fitted, seconds, decided=True, hard=hard)
        compiled = compile_model(estimator, board=self.limits.board)
        candidate.scores.append(score(compiled.predict(judged.X), judged))
        candidate.seconds = max(candidate.seconds, time.monotonic() - began)
        if candidate.decided is None:
            candidate.decided = next(iter(estimator.history_.get("choices", [])), None)
            report = compiled.report
            candidate.model_bytes, candidate.cycles = report.model_bytes, report.cycles
            candidate.ram_bytes = report.ram_bytes
            candidate.refused = self._excess(report)

    def _excess(self, report: Any) -> str:
        """Which limit a model breaks."""
        board, limits = report.board, self.limits
        taken = (("RAM bytes", report.ram_bytes, min(filter(None, (limits.max_ram_bytes, board.ram_bytes)))),
                 ("cycles", report.cycles, limits.max_cycles), ("flash bytes", report.flash_at_most, board.flash_bytes),
                 ("model bytes", report.model_bytes, limits.max_model_bytes))  # fmt: skip
        over = [f"{found:,} {what}, {most:,} allowed" for what, found, most in taken if most and found > most]
        return "; ".join(over)


def doubt(of: float, judged: Sequence[Data]) -> float:
    """Standard error of a score on so many rows: what is not farther apart may be equally good.

    The mistakes of two models on the same rows are much alike, so that their difference has about that of one.
    """
    count = sum(map(len, judged))
    if judged[0].classifies:
        return float(np.sqrt(max(of * (1 - of), 0.0) / count))
    return float((1 - of) * np.sqrt(2 / count))  # of a variance of normal mistakes


def score(answers: NDArray[Any], data: Data) -> float:
    """Accuracy, or R² of real targets, of weighted rows."""
    if data.classifies:
        return float(np.average(answers == data.y, weights=data.weight))
    mean = np.average(data.y, weights=data.weight)
    rest, all_ = (np.average((data.y - of) ** 2, weights=data.weight) for of in (answers, mean))
    return float(1 - rest / max(float(all_), 1e-30))
