"""Costs of parts from counts of them and totals: linear programs, which know neither boards nor what parts are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, nnls

from edgealgos.codegen.cost import model
from edgealgos.codegen.program import Program

_RIDGE = 5e-3
_RARE = 0.03
WORST = 60.0  # programs that the one with the largest error counts as
WORST_ABOVE = 300.0  # the same where nothing is below
_BELOW = 2.0  # what is predicted too low counts for so much of what is too high
TIE = 1e-6  # of parts that always come together the dearest is as cheap as can be


@dataclass(frozen=True, slots=True)
class Measurement:
    """One program and what it took: flash bytes, static RAM, deepest stack, mean cycles of a prediction."""

    program: Program
    flash: int
    static_ram: int
    stack: int
    cycles: float


def fit(
    counts: list[model.Counts], totals: NDArray[np.float64], left: NDArray[np.float64] | None = None
) -> dict[str, float]:
    """Costs of the parts such that counts times costs come nearest to what is `left`, in parts of the totals.

    All of the totals are left unless costs of other parts are known.
    """
    left = totals if left is None else left
    parts = sorted({part for row in counts for part in row})
    matrix = np.array([[row.get(part, 0) for part in parts] for row in counts], dtype=float)
    shares = matrix / totals[:, None]
    largest = shares.max(axis=0, initial=1e-12)
    largest = np.maximum(
        largest, _RARE * largest.max()
    )  # what is rare everywhere must not mend what is wrong elsewhere
    # Parts that always come together cannot be told apart: a small penalty shares the cost among them, and leaves to
    # the serial loop what comes along with each of them.
    penalty = _RIDGE * np.sqrt(len(totals)) * np.diag([float(not part.startswith(model.LOOP)) for part in parts])
    solution, _ = nnls(np.vstack([shares / largest, penalty]), np.append(left / totals, np.zeros(len(parts))))
    return {part: round(float(cost), 2) for part, cost in zip(parts, solution / largest, strict=True)}


def fit_above(
    counts: list[model.Counts],
    totals: NDArray[np.float64],
    bound: NDArray[np.bool_] | None = None,
    owner: NDArray[np.int64] | None = None,
    whole: NDArray[np.float64] | None = None,
) -> dict[str, float]:
    """Costs such that counts times costs are nowhere below the totals, and as little as can be above them.

    Where `bound` is False something else may be the larger: there they are only asked not to be above. Rows of one
    `owner` are parts of one program, of which the largest counts. What is above is weighed in parts of `whole` (the
    totals, where nothing else is given), on average and where it is most.
    """
    parts = sorted({part for row in counts for part in row})
    matrix = np.array([[row.get(part, 0) for part in parts] for row in counts], dtype=float)
    rows, count = matrix.shape
    bound = np.ones(rows, bool) if bound is None else bound
    owner = np.arange(rows) if owner is None else owner
    whole = np.maximum(totals if whole is None else whole, 1.0)
    programs = int(owner.max(initial=-1)) + 1
    shares = np.ones(programs)
    shares[owner] = 1 / whole
    of_owner = (owner[:, None] == np.arange(programs)).astype(float)
    least = np.vstack([
        np.hstack([matrix, -of_owner, np.zeros((rows, 1))]),  # what exceeds a total
        np.hstack([np.zeros((programs, count)), np.diag(shares), -np.ones((programs, 1))]),  # the most of that
        np.hstack([-matrix[bound], np.zeros((int(bound.sum()), programs + 1))]),
    ])  # fmt: skip
    cost = np.concatenate([np.full(count, TIE), shares, [WORST_ABOVE]])
    found = linprog(cost, least, np.concatenate([totals, np.zeros(programs), -totals[bound]]))
    if not found.success:
        raise RuntimeError(f"no costs bound what was measured: {found.message}")
    return {part: float(np.ceil(100 * cost) / 100) for part, cost in zip(parts, found.x[:count], strict=True)}


def fit_near(counts: list[model.Counts], totals: NDArray[np.float64], whole: NDArray[np.float64]) -> dict[str, float]:
    """Costs such that counts times costs come nearest to the totals, in parts of `whole`: on average and at worst.

    What is below counts more than what is above.
    """
    parts = sorted({part for row in counts for part in row})
    matrix = np.array([[row.get(part, 0) for part in parts] for row in counts], dtype=float)
    rows, count = matrix.shape
    one, none, shares = np.eye(rows), np.zeros((rows, rows)), np.diag(1 / whole)
    least = np.vstack([
        np.hstack([matrix, -one, none, np.zeros((rows, 1))]),
        np.hstack([-matrix, none, -one, np.zeros((rows, 1))]),
        np.hstack([np.zeros((rows, count)), shares, none, -np.ones((rows, 1))]),
        np.hstack([np.zeros((rows, count)), none, shares, -np.ones((rows, 1))]),
    ])  # fmt: skip
    cost = np.concatenate([np.full(count, TIE), 1 / whole, _BELOW / whole, [WORST / 6]])
    found = linprog(cost, least, np.concatenate([totals, -totals, np.zeros(2 * rows)]))
    return {part: float(np.ceil(100 * cost) / 100) for part, cost in zip(parts, found.x[:count], strict=True)}
