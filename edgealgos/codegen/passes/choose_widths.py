"""Widths of inputs and weights for a model that was trained without rounding: the narrowest that answer as it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from ..ops.products import AccumulatorOverflow
from ..program import Program
from ..program.choose_encoding import TooCoarse
from ..program.interpret import encode, run_float, run_integer
from ..program.scores import decide
from . import to_integer
from .round_together import round_together
from .rows_to_come import rows_to_come

Bits = tuple[int, int, bool] | tuple[int, int, bool, bool]
WIDTHS: tuple[Bits, ...] = (
    (8, 8, False), (8, 8, True), (8, 8, False, True), (8, 8, True, True), (8, 16, False), (16, 8, True), (16, 16, True),
)  # fmt: skip
"""Bits of inputs and weights, whether each input has the whole range to itself, and whether layers pass words on."""
Seen = Callable[[Program, NDArray[np.float64]], NDArray[np.float64]]
ENOUGH = {"classifier": 0.997, "regressor": 0.999}
"""Share of rows answered alike (of a number: of its variance explained) beyond which wider numbers buy little."""

NEARLY_ALL = 0.999
"""The share with which inputs whose background is zero are kept."""
WORTH_A_TABLE, WORTH_WORDS = 0.5, 0.7
"""Of what is answered otherwise, at most, where inputs have a scale each, which takes flash, or numbers are words."""

LOST, FAR = 0.5, 1000
"""Share below which numbers are lost, and deviations from zero beyond which that is why."""

EXACTLY = 1.0
"""The share for models that compare: where rows keep to their paths, ties of votes alone are left."""


class OutOfReach(ValueError):
    """Answers so far from zero that sums of 32 bits hold nothing of what tells them apart."""


def choose_widths(
    make: Callable[..., Program], rows: NDArray[np.float64], expected: NDArray[Any], what: str,
    exactly: bool = False, widths: Sequence[Bits] = WIDTHS,
    enough: float = 0.0, seen: Seen | None = None, absent: NDArray[np.bool_] | None = None,
) -> Program:  # fmt: skip
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
    exactly : bool
        Whether every row can be answered alike, because only comparisons are rounded.
    widths : sequence of tuple
        Those of :data:`WIDTHS` that may be chosen.
    enough : float
        A larger share than :data:`ENOUGH`.
    seen : callable, optional
        Gives rows as a program's inputs hold them, where that is not near to what they are.
    absent : array of bool, shape (n, n_features), optional
        Where numbers of `rows` stand for missing values.
    """
    seen = seen or (lambda _, some: some)
    coming = rows_to_come(rows, absent)
    best: tuple[float, Program] | None = None
    for bits, share, program in _judged(make, rows, expected, widths, seen, coming):
        bytes_alone = tuple(bits[:2]) == (8, 8) and not any(bits[3:])
        if best is None or 1 - share < (1 - best[0]) * _worth(bytes_alone, best[1]):
            best = share, program
        wider = not bytes_alone or bits[2]  # what comes next
        another = NEARLY_ALL if program.zeros else EXACTLY  # a table makes zeros rare, and products that are left out
        if best[0] >= (EXACTLY if exactly else max(enough, ENOUGH[program.task] if wider else another)):
            break
    if best is None or (best[1].task == "regressor" and best[0] < LOST):
        _check_reach(np.asarray(expected), what)
    if best is None:
        raise AccumulatorOverflow("weights", f"{what}: the products of its coefficients need more than 32 bits")
    share, program = best
    if share >= ENOUGH[program.task]:
        return program
    differing = f"{1 - share:.2%} of {len(rows)} calibration rows are answered otherwise than by {what}"
    if program.task == "regressor":
        differing = f"answers for {len(rows)} calibration rows explain {share:.2%} of the variance of those of {what}"
    advice = "see on other rows what that costs: compile_model(...).predict(X)"
    return replace(program, warnings=(*program.warnings, f"{differing}; {advice}"))


def _worth(bytes_alone: bool, best: Program) -> float:
    """What may be left of labels that turn; a table in place of another one is free."""
    if not bytes_alone:
        return WORTH_WORDS
    return WORTH_A_TABLE if best.encoding.uniform else 1.0


def _check_reach(expected: NDArray[Any], what: str) -> None:
    """Refuse numbers so far from zero that sums of 32 bits hold nothing of what tells them apart."""
    if expected.dtype.kind != "f":
        return
    middle, spread = float(np.mean(expected)), float(np.std(expected))
    if abs(middle) > FAR * spread:
        raise OutOfReach(
            f"{what} answers numbers around {middle:.6g} that vary by {spread:.3g}: sums of 32 bits cannot hold both. "
            f"Subtract a constant from the targets before fit (y - {middle:.6g}), and add it to the answers"
        )


def _judged(
    make: Callable[..., Program], rows: NDArray[np.float64], expected: NDArray[Any],
    widths: Sequence[Bits], seen: Seen, coming: NDArray[np.float64],
) -> Iterator[tuple[Bits, float, Program]]:  # fmt: skip
    for bits in widths:
        try:
            exact = make(*bits)
            held = seen(exact, rows)
            program = round_together(exact, held)
            yield bits, agreement(program, held, expected, exact, seen(exact, coming)), program
        except (AccumulatorOverflow, TooCoarse):
            continue


def agreement(
    program: Program, rows: NDArray[np.float64], expected: NDArray[Any], exact: Program, coming: NDArray[np.float64]
) -> float:
    """Share of rows that the integer program answers as expected; of numbers the share of variance explained.

    Of classes it is the smaller of what is seen and of what is to be expected of other rows: how often the rounding of
    a margin of the `exact` program, taken as normal, is larger than the margin. Of `rows`, which it was fitted to, the
    model is surer than of others; of those that are `coming` (:func:`~.rows_to_come.rows_to_come`) it is less sure than
    of many. The mean of both is near.
    """
    integer = to_integer(program)
    real = _scores(integer, rows)
    if integer.task == "classifier":
        seen = np.mean(np.asarray(integer.labels)[decide(real)] == np.asarray(expected))
        flipped = [_flipped(run_float(exact, some), _scores(integer, some)) for some in (rows, coming)]
        return float(min(seen, 1.0 - np.mean(flipped)))
    wanted = np.ravel(np.asarray(expected, dtype=np.float64))
    spread = float(np.square(wanted - wanted.mean()).sum())
    return 1.0 - float(np.square(real[:, 0] - wanted).sum()) / spread if spread > 0 else 1.0


def _scores(integer: Program, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the device's scores of rows stand for."""
    return integer.output.type.dequantize(run_integer(integer, encode(integer, rows)))


def _flipped(exact: NDArray[np.float64], rounded: NDArray[np.float64]) -> float:
    """Expected share of rows whose largest score is another one after rounding."""
    if exact.shape[1] == 1:
        margin, after = exact[:, 0], rounded[:, 0]
    else:
        best, second = np.argsort(exact, axis=1)[:, [-1, -2]].T
        at = np.arange(len(exact))
        margin, after = exact[at, best] - exact[at, second], rounded[at, best] - rounded[at, second]
    if np.array_equal(exact, np.rint(exact)):  # votes: one that the best loses matters where one is enough
        return float((after < margin).mean() * (margin <= 1).mean())
    near = np.abs(margin) <= 100 * np.median(np.abs(margin))  # what is far may be rounded to its own measure
    spread = float(np.std((after - margin)[near]))
    return float(norm.sf(np.abs(margin) / spread).mean()) if spread > 0 else 0.0
