"""Finds what each part of programs costs, from what whole programs took on a board.

Cycles by non-negative least squares, flash by least deviations, stack such that it bounds what was measured.
"""

from __future__ import annotations

import itertools
import operator
from collections import Counter
from functools import reduce
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from edgealgos.codegen.cost import model
from edgealgos.codegen.cost.ram import core_of_kind, label_pointers, loop_kind, variable_items
from edgealgos.codegen.cost.tables import measured_costs
from edgealgos.codegen.program import Program
from edgealgos.codegen.targets.boards import Board
from tools.fit_frames import BYTES, PRODUCT, frames_of, stacks_of
from tools.fit_parts import TIE, WORST, Measurement, fit, fit_near

_OFTEN = 8  # programs that a part is in, for its cost to be told from others
_PULL = 0.3  # what a change of costs counts, of what it changes: with a third of it errors of other programs doubled
UNSEEN_LAYERS = 12  # the same of nets: one in 240 others took 4 bytes more than with 8
_A_CALL = 64  # bytes that a function called by an op may be expected to take, before anything is known


def fit_again(found: list[Measurement], board: Board) -> dict[str, dict[str, float]]:
    """Cycles and flash that come nearest to what was measured and stay near the known ones.

    Parts that few programs have keep theirs: what is wrong elsewhere is no cost of them.
    """
    known = measured_costs(board.costs("fit them").table)
    timed = [m for m in found if not stops_early(m.program)]
    return {
        "cycles": _moved(timed, "cycles", np.array([m.cycles for m in timed]), known["cycles"], board),
        "flash": _moved(found, "flash", np.array([m.flash for m in found], dtype=float), known["flash"], board),
    }


def _moved(
    found: list[Measurement], what: str, whole: NDArray[np.float64], known: dict[str, float], board: Board
) -> dict[str, float]:
    """Known costs, moved towards what was measured: errors in parts of the whole, on average and at worst."""
    counts, totals = [_counts(m.program, what, board) for m in found], np.array([_total(m, what) for m in found])
    often = Counter(part for row in counts for part, amount in row.items() if amount)
    parts = sorted(part for part, times in often.items() if times >= _OFTEN and part in known)
    matrix = np.array([[row.get(part, 0) for part in parts] for row in counts], dtype=float) / whole[:, None]
    explained = [sum(known.get(part, 0.0) * amount for part, amount in row.items()) for row in counts]
    rows, own = len(counts), np.array([known[part] for part in parts])
    one, none = np.eye(rows), np.zeros((rows, len(parts)))
    # How much each part becomes dearer, or cheaper; how much is missing of a total, or too much; the most of that.
    equal = np.hstack([matrix, -matrix, one, -one, np.zeros((rows, 1))])
    worst = np.hstack([none, none, one, one, -np.ones((rows, 1))])
    change = _PULL * matrix.sum(axis=0) + TIE
    cost = np.concatenate([change, change, np.ones(2 * rows), [WORST / 12]])
    limits = [(0, None)] * len(parts) + [(0, most) for most in own] + [(0, None)] * (2 * rows + 1)
    best = linprog(cost, worst, np.zeros(rows), equal, (totals - explained) / whole, limits)
    changed = best.x[: len(parts)] - best.x[len(parts) : 2 * len(parts)]
    return {part: round(float(price), 2) for part, price in zip(parts, own + changed, strict=True)}


def fit_all(found: list[Measurement], board: Board) -> dict[str, dict[str, float]]:
    """Costs of flash, RAM and cycles on a board with a cost model."""
    code = np.array([m.flash - _tables(m.program) for m in found], dtype=float)
    parts = [model.code_counts(m.program, board) for m in found]
    timed = [m for m in found if not stops_early(m.program)]  # of which only the longest time is predicted
    return {
        "flash": fit_near(parts, code, np.array([m.flash for m in found], dtype=float)),
        "cycles": fit([model.cycle_counts(m.program) for m in timed], np.array([_priced_cycles(m) for m in timed])),
        "ram": _variables(found, board) | stacks_of(found, board),
    }


def _variables(found: list[Measurement], board: Board) -> dict[str, float]:
    """What lies in RAM beside the model's variables, at most."""
    alignment = board.architecture.alignment
    over: dict[str, float] = {}
    for m in found:
        kind = core_of_kind(m.program)
        known = sum(item.amount for item in variable_items(m.program, alignment))
        rest = m.static_ram - known - label_pointers(m.program, board)
        over[kind] = float(max(rest, over.get(kind, 0)))
    return over


def _tables(program: Program) -> int:
    return sum(item.amount for item in model.table_items(program, model.straight_line(program)))


def stops_early(program: Program) -> bool:
    return any(op.stops_early for op in program.ops())


def _priced_cycles(m: Measurement) -> float:
    """Cycles of a prediction without those of straight-line code, which are known."""
    return m.cycles - sum(times * cycles for times, cycles in model.straight_line_cycles(m.program))


def fit_new(
    found: list[Measurement], known: dict[str, dict[str, float]], board: Board,
    without: list[Measurement] | None = None,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """Costs of parts that are not known yet on a board, those that are held fixed.

    `without` are the same programs without what is new: what the known costs get wrong in them is no cost of it.
    """
    if without is None:
        wrong = {what: [0.0] * len(found) for what in known}
    else:
        wrong = {what: [_left(m, known, what, board) for m in without] for what in known}
    kinds = [loop_kind(m.program) for m in found]
    least = {kind: min(m.stack for m, k in zip(found, kinds, strict=True) if k == kind) for kind in kinds}
    loops = [max(known["ram"][f"serial loop ({kind})"], least[kind]) for kind in kinds]
    used = {
        "flash": [True] * len(found),
        "cycles": [not stops_early(m.program) for m in found],
        "ram": [m.stack > loop for m, loop in zip(found, loops, strict=True)],  # of others a prediction is not deeper
    }
    fresh: dict[str, dict[str, float]] = {what: {} for what in known}
    for what, table in known.items():
        new = [
            Counter({p: n for p, n in _counts(m.program, what, board).items() if p not in table and n}) for m in found
        ]
        fresh[what] = dict.fromkeys(itertools.chain.from_iterable(new), 0.0)
        rows = [i for i, use in enumerate(used[what]) if use and new[i] and what != "ram"]
        if rows:
            totals = np.array([_total(found[i], what) for i in rows])
            left = np.array([_left(found[i], known, what, board) - wrong[what][i] for i in rows])
            chosen = [new[i] for i in rows]
            fresh[what] |= fit(chosen, totals, left) if what == "cycles" else fit_near(chosen, left, totals)
    return fresh | {"ram": fresh["ram"] | _new_frames(found, known["ram"], used["ram"], board)}


def _new_frames(found: list[Measurement], known: dict[str, float], deep: list[bool], board: Board) -> dict[str, float]:
    """What frames take that are not known, of which the deepest of each program bounds its stack, if any is deep."""
    counts = [
        [Counter({part: n for part, n in row.items() if part not in known and n})
         + Counter({BYTES[0]: sum(ceil(known[part] * n) for part, n in row.items() if part in known)})
         for row in model.stack_counts(m.program, board.costs("fit them").inlined)]
        for m in found
    ]  # fmt: skip
    if not any(deep):
        return {}
    stacks = np.array([m.stack for m in found], dtype=float)
    return frames_of(counts, stacks, np.array(deep), stacks + [m.static_ram for m in found])


def fit_layers(found: list[Measurement], board: Board) -> dict[str, dict[str, float]]:
    """Costs of the layers of nets, those of all else held; frames where ops are inlined, and each layer is not."""
    costs = board.costs("fit them")
    known = measured_costs(costs.table)
    cycles = [model.cycle_counts(m.program) for m in found]
    code = [model.code_counts(m.program, board) for m in found]
    spent = np.array([_priced_cycles(m) for m in found])
    whole = np.array([m.flash for m in found], dtype=float)
    tables = [_tables(m.program) for m in found]
    timed, left = _without(cycles, spent, known["cycles"], _of_layers(found, "cycles", known))
    linked, rest = _without(code, whole - tables, known["flash"], _of_layers(found, "flash", known))
    return {
        "cycles": fit(timed, spent, left),
        "flash": fit_near(linked, rest, whole) if costs.inlined else {},
        "ram": _frames_of_layers(found, known["ram"]) if costs.inlined else {},
    }


def _without(
    counts: list[model.Counts], totals: NDArray[np.float64], known: dict[str, float], own: set[str]
) -> tuple[list[model.Counts], NDArray[np.float64]]:
    """Counts of a programs' own parts, and what the others leave of the totals."""
    left = [
        total - sum(known.get(part, 0.0) * n for part, n in row.items() if part not in own)
        for total, row in zip(totals, counts, strict=True)
    ]
    return [Counter({part: n for part, n in row.items() if part in own and n}) for row in counts], np.array(left)


def _of_layers(found: list[Measurement], what: str, known: dict[str, dict[str, float]]) -> set[str]:
    """Parts that ops over rows alone have, and no product; and those that are not known."""
    parts: dict[bool, set[str]] = {True: set(), False: set()}
    for m in found:
        for op in m.program.ops():
            parts[op.over_rows] |= model.parts(m.program, op)[what]
    alone = {part for part in parts[True] - parts[False] if not PRODUCT.search(part)}
    return alone | (parts[True] | parts[False]) - known[what].keys()


def _frames_of_layers(found: list[Measurement], known: dict[str, float]) -> dict[str, float]:
    """Frames below ``push`` of layers: of programs whose prediction and loop, which are known, are not deeper."""
    rows = [model.stack_counts(m.program) for m in found]
    below = [[row for row in program if any(part.startswith("push") for part in row)] for program in rows]
    others = [[row for row in program if row not in push] for program, push in zip(rows, below, strict=True)]
    depth = [max(sum((part in BYTES or known[part]) * n for part, n in row.items()) for row in o) for o in others]
    loops = [known[f"serial loop ({loop_kind(m.program)})"] for m in found]
    least = np.maximum(depth, loops)
    stacks = np.array([m.stack for m in found], dtype=float)
    ram = stacks + [m.static_ram for m in found]
    frames = frames_of(below, np.maximum(stacks, least), stacks > least, ram)
    return {part: cost + (UNSEEN_LAYERS if part.startswith("push") else 0) for part, cost in frames.items()}


def _total(m: Measurement, what: str) -> float:
    """What of a measurement is made of priced parts."""
    return {"flash": float(m.flash - _tables(m.program)), "cycles": _priced_cycles(m), "ram": float(m.stack)}[what]


def _counts(program: Program, what: str, board: Board) -> model.Counts:
    """Parts of a program on a board with a cost model."""
    if what == "cycles":
        return model.cycle_counts(program)
    if what == "flash":
        return model.code_counts(program, board)
    return reduce(operator.or_, model.stack_counts(program, board.costs("fit them").inlined))


def _left(m: Measurement, known: dict[str, dict[str, float]], what: str, board: Board) -> float:
    """What the known costs do not explain."""
    counts = _counts(m.program, what, board)
    return _total(m, what) - sum(known[what].get(part, 0.0) * amount for part, amount in counts.items())
