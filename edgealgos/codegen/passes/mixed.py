"""Mixed precision: tensor by tensor the representation that makes the model smallest within a limit of loss.

Works on programs through the interpreter, without compiler or training (the idea of SeeDot's successor Shiftry and of
MinUn: judge by answers, not by the error of weights).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..program.interpret import encode, run_integer
from ..program.program import Program
from ..program.scores import decide
from . import model_bytes, to_integer
from .represent import REPRESENTATIONS

NARROWER = ("kmeans16", "fixed4", "log4")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a search found.

    Parameters
    ----------
    program : Program
        Float program whose constants lie on the grids of their representations.
    representations : dict of str to str
        Representation of each tensor that was changed.
    model_bytes : int
        What it stores.
    loss : float
        Accuracy lost on the rows; without targets, share of the rows on which it disagrees with the program that the
        search began with (regressors: share of the variance that was added).
    """

    program: Program
    representations: dict[str, str]
    model_bytes: int
    loss: float


def represent(program: Program, choices: dict[str, str]) -> Program:
    """Program with the constants named rounded to representations."""
    changed = []
    for name, representation in choices.items():
        tensor = program[name]
        qtype, raw = REPRESENTATIONS[representation](tensor.values.astype(np.float64))
        changed.append(replace(tensor, qtype=qtype, data=qtype.dequantize(raw)))
    return program.replacing(*changed)


def matrices(program: Program) -> list[str]:
    """Names of the constants whose representation is free: the matrices that kernels multiply with."""
    free = {p.matrix.name for op in program.ops() for p in op.products(program) if p.storages is None}
    return [t.name for t in program.tensors if t.name in free]


def narrow(
    program: Program,
    X: NDArray[Any],
    y: NDArray[Any] | None = None,
    max_loss: float = 0.005,
    representations: Iterable[str] = NARROWER,
    weight: NDArray[np.float64] | None = None,
) -> Choice:
    """Smallest program that loses at most `max_loss` of accuracy, or of agreement where no targets are given.

    Greedy: again and again the change that saves most bytes for the disagreement it adds, until none is allowed.

    Parameters
    ----------
    program : Program
        Float program with trained types.
    X : array, shape (n, ...)
        Raw rows that training did not fit, for judging.
    y : array, shape (n,), optional
        Class indices or real targets of the rows.
    max_loss : float
        Share of rows (regressors: of the variance).
    representations : iterable of str
        Names from ``REPRESENTATIONS`` to try.
    weight : array, shape (n,), optional
        Of the rows.
    """
    judge = _Judge(program, X, y, weight)
    best = Choice(program, {}, model_bytes(to_integer(program)), 0.0)
    while True:
        better = [
            candidate
            for name in matrices(program)
            if name not in best.representations
            for kind in representations
            if (candidate := judge.candidate(best.representations | {name: kind})) is not None
            and candidate.model_bytes < best.model_bytes
            and candidate.loss <= max_loss
        ]
        if not better:
            return best
        before = best
        best = min(better, key=lambda c: (max(c.loss - before.loss, 0.0) + 1e-3) / (before.model_bytes - c.model_bytes))


def error_on(integer: Program, X: NDArray[Any], y: NDArray[Any], weight: NDArray[np.float64] | None = None) -> float:
    """Weighted share of raw rows that an integer program gets wrong (regressors: of the variance of the targets)."""
    return _error(integer, _answers(integer, encode(integer, X)), y, weight)


def _answers(integer: Program, inputs: NDArray[Any]) -> NDArray[Any]:
    scores = run_integer(integer, inputs)
    return decide(scores) if integer.task == "classifier" else integer.output.type.dequantize(scores[:, 0])


def _error(program: Program, answers: NDArray[Any], wanted: NDArray[Any], weight: NDArray[np.float64] | None) -> float:
    if program.task == "classifier":
        return float(np.average(answers != wanted, weights=weight))
    variance = float(np.average((wanted - np.average(wanted, weights=weight)) ** 2, weights=weight))
    return float(np.average((answers - wanted) ** 2, weights=weight)) / max(variance, 1e-30)


class _Judge:
    """What the answers of a candidate are compared with: targets, or the program that a search began with."""

    def __init__(
        self, program: Program, X: NDArray[Any], y: NDArray[Any] | None, weight: NDArray[np.float64] | None
    ) -> None:
        self.program, self.weight = program, weight
        self.inputs = encode(program, X)
        answers = _answers(to_integer(program), self.inputs)
        self.wanted = answers if y is None else y
        self.error_before = _error(program, answers, self.wanted, weight)

    def candidate(self, choices: dict[str, str]) -> Choice | None:
        """The program with these representations, judged; None where an accumulator would not hold it."""
        changed = represent(self.program, choices)
        try:
            integer = to_integer(changed)
        except ValueError:
            return None
        error = _error(integer, _answers(integer, self.inputs), self.wanted, self.weight)
        return Choice(changed, choices, model_bytes(integer), error - self.error_before)
