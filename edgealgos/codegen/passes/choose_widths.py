"""Widths of inputs and weights for a model that was trained without rounding: the narrowest that answer as it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ops.products import AccumulatorOverflow
from ..program import Program
from ..program.interpret import encode, run_integer
from ..program.scores import decide
from . import to_integer

WIDTHS = ((8, 8, False), (8, 8, True), (8, 16, False), (16, 8, True), (16, 16, True))
"""Bits of inputs and weights, and whether each input has the whole range to itself; cheapest first."""
ENOUGH = {"classifier": 0.998, "regressor": 0.999}
"""Share of rows answered alike (of a number: of its variance explained) beyond which wider numbers buy little."""


def choose_widths(
    make: Callable[[int, int, bool], Program], rows: NDArray[np.float64], expected: NDArray[Any], what: str
) -> Program:
    """Float program of the narrowest inputs and weights that answer as the model, or else of those that come nearest.

    Parameters
    ----------
    make : callable
        Gives the float program for one of :data:`WIDTHS`.
    rows : array, shape (n, n_features)
        Raw samples.
    expected : array, shape (n,)
        What the model answers for them.
    what : str
        Its name, for the warning of the program, which says how often the two differ.
    """
    best: tuple[float, Program] | None = None
    for share, program in _judged(make, rows, expected):
        if best is None or share > best[0]:
            best = share, program
        if share >= ENOUGH[program.task]:
            break
    if best is None:
        raise AccumulatorOverflow("weights", f"{what}: the products of its coefficients need more than 32 bits")
    share, program = best
    if share >= ENOUGH[program.task]:
        return program
    differing = f"{1 - share:.2%} of {len(rows)} calibration rows are answered otherwise than by {what}"
    if program.task == "regressor":
        differing = f"answers for {len(rows)} calibration rows explain {share:.2%} of the variance of those of {what}"
    return replace(program, warnings=(*program.warnings, differing))


def _judged(
    make: Callable[[int, int, bool], Program], rows: NDArray[np.float64], expected: NDArray[Any]
) -> Iterator[tuple[float, Program]]:
    for widths in WIDTHS:
        try:
            program = make(*widths)
            yield agreement(program, rows, expected), program
        except AccumulatorOverflow:
            continue


def agreement(program: Program, rows: NDArray[np.float64], expected: NDArray[Any]) -> float:
    """Share of the rows that the integer program answers as expected; of numbers the share of variance explained."""
    integer = to_integer(program)
    scores = run_integer(integer, encode(integer, rows))
    if integer.task == "classifier":
        labels = np.asarray(integer.labels)[decide(scores)]
        return float(np.mean(labels == np.asarray(expected)))
    answers = integer.output.type.dequantize(scores[:, 0])
    wanted = np.ravel(np.asarray(expected, dtype=np.float64))
    spread = float(np.square(wanted - wanted.mean()).sum())
    return 1.0 - float(np.square(answers - wanted).sum()) / spread if spread > 0 else 1.0
