"""Finds what each part of programs costs, from what whole programs took on a board.

Cycles by non-negative least squares, flash by least deviations, stack such that it bounds what was measured.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog, nnls

from edgealgos.codegen.cost import model
from edgealgos.codegen.cost.ram import core_of_kind, frames_together, label_pointers, loop_kind, variable_items
from edgealgos.codegen.cost.tables import measured_costs
from edgealgos.codegen.program import Program
from edgealgos.codegen.targets.boards import Board

_RIDGE = 5e-3
_RARE = 0.03
_WORST = 60.0  # programs that the one with the largest error counts as
_WORST_ABOVE = 300.0  # the same where nothing is below
_BELOW = 2.0  # what is predicted too low counts for so much of what is too high
_OFTEN = 8  # programs that a part is in, for its cost to be told from others
_PULL = 0.1  # what a change of costs counts, of what it changes
_TIE = 1e-6  # of parts that always come together the dearest is as cheap as can be
SPREAD = 2  # bytes that the frame of a function may take more than in what was measured
UNSEEN = 8  # bytes that a frame of types that were not measured may take more
UNSEEN_LAYERS = 12  # the same of nets: one in 240 others took 4 bytes more than with 8
LOOP_SPREAD = 8  # bytes by which the stack of the serial loop differs between sketches of a kind
SAME_LOOP = 1  # the same in sketches that compare several scores
_COUNTS = {
    "flash": model.code_counts,
    "cycles": model.cycle_counts,
    "ram": lambda program: reduce(operator.or_, model.stack_counts(program)),
}
_BYTES = ("local byte", "byte of code", "register of code")  # a byte is a byte
_A_CALL = 64  # bytes that a function called by an op may be expected to take, before anything is known
_PRODUCT = re.compile(r"\b(8|16)x(8|16)\b")
_ROUNDS = 8  # of finding the deepest op of each program, and what its frame takes
_SEEN = ((3, 16.0), (8, 8.0))  # so many times or more; bytes that what was seen less often may take more


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
    cost = np.concatenate([np.full(count, _TIE), shares, [_WORST_ABOVE]])
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
    cost = np.concatenate([np.full(count, _TIE), 1 / whole, _BELOW / whole, [_WORST / 6]])
    found = linprog(cost, least, np.concatenate([totals, -totals, np.zeros(2 * rows)]))
    return {part: float(np.ceil(100 * cost) / 100) for part, cost in zip(parts, found.x[:count], strict=True)}


def fit_again(found: list[Measurement], board: Board) -> dict[str, dict[str, float]]:
    """Cycles that come nearest to what was measured and stay near the known ones.

    Parts that few programs have keep theirs: what is wrong elsewhere is no cost of them.
    """
    known = measured_costs(board.costs("fit them").table)["cycles"]
    timed = [m for m in found if not stops_early(m.program)]
    counts = [model.cycle_counts(m.program) for m in timed]
    totals, whole = np.array([_priced_cycles(m) for m in timed]), np.array([m.cycles for m in timed])
    often = Counter(part for row in counts for part, amount in row.items() if amount)
    parts = sorted(part for part, times in often.items() if times >= _OFTEN and part in known)
    matrix = np.array([[row.get(part, 0) for part in parts] for row in counts], dtype=float) / whole[:, None]
    explained = [sum(known.get(part, 0.0) * amount for part, amount in row.items()) for row in counts]
    rows, own = len(counts), np.array([known[part] for part in parts])
    one, none = np.eye(rows), np.zeros((rows, len(parts)))
    # How much each part becomes dearer, or cheaper; how much is missing of a total, or too much; the most of that.
    equal = np.hstack([matrix, -matrix, one, -one, np.zeros((rows, 1))])
    worst = np.hstack([none, none, one, one, -np.ones((rows, 1))])
    change = _PULL * matrix.sum(axis=0) + _TIE
    cost = np.concatenate([change, change, np.ones(2 * rows), [_WORST / 12]])
    limits = [(0, None)] * len(parts) + [(0, most) for most in own] + [(0, None)] * (2 * rows + 1)
    best = linprog(cost, worst, np.zeros(rows), equal, (totals - explained) / whole, limits)
    changed = best.x[: len(parts)] - best.x[len(parts) : 2 * len(parts)]
    return {"cycles": {part: round(float(price), 2) for part, price in zip(parts, own + changed, strict=True)}}


def fit_all(found: list[Measurement], board: Board) -> dict[str, dict[str, float]]:
    """Costs of flash, RAM and cycles on a board with a cost model."""
    inlined = board.costs("fit them").inlined
    code = np.array([m.flash - _tables(m.program) for m in found], dtype=float)
    parts = [model.code_counts(m.program, board.core_is_here, inlined) for m in found]
    timed = [m for m in found if not stops_early(m.program)]  # of which only the longest time is predicted
    return {
        "flash": fit_near(parts, code, np.array([m.flash for m in found], dtype=float)),
        "cycles": fit([model.cycle_counts(m.program) for m in timed], np.array([_priced_cycles(m) for m in timed])),
        "ram": _variables(found, board) | _stacks(found, board),
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


def _stacks(found: list[Measurement], board: Board) -> dict[str, float]:
    """Stack of the serial loop by kind, and of the parts of a prediction where that is deeper: never too little."""
    inlined, kinds = board.costs("fit them").inlined, [loop_kind(m.program) for m in found]
    stacks = np.array([m.stack for m in found], dtype=float)
    shallowest = {kind: min(s for s, k in zip(stacks, kinds, strict=True) if k == kind) for kind in sorted(set(kinds))}
    alike = {kind: board.core_is_here and not kind.endswith("of one score") for kind in shallowest}
    deeper = stacks > [shallowest[kind] + (SAME_LOOP if alike[kind] else LOOP_SPREAD) for kind in kinds]
    loops = {
        kind: max(s for s, k, deep in zip(stacks, kinds, deeper, strict=True) if k == kind and not deep)
        for kind in shallowest
    }
    ram = stacks + [m.static_ram for m in found]
    counts = [model.stack_counts(m.program, inlined) for m in found]
    frames = _frames(counts, stacks, deeper, ram)
    if not inlined:
        frames |= _together(counts, stacks, deeper, frames, 0) | _together(counts, stacks, deeper, frames, 1)
    own = ("prediction (", "push")  # each function has one of these
    frames |= {part: frames[part] + (SPREAD if inlined else UNSEEN) for part in frames if part.startswith(own)}
    if inlined:  # elsewhere a reader is one, whatever its rows are of; rows of pictures may be in any storage
        readers = [part for part in frames if _PRODUCT.search(part) and not part.endswith("of rows")]
        frames = {f"{part} of rows": frames[part] for part in readers} | frames
    frames |= {f"serial loop ({kind})": float(depth) for kind, depth in loops.items()}
    return frames | dict.fromkeys(_BYTES, 1.0)


def _frames(
    counts: list[list[model.Counts]],
    stacks: NDArray[np.float64],
    deeper: NDArray[np.bool_],
    ram: NDArray[np.float64],
) -> dict[str, float]:
    """What frames take, of which the deepest of each program bounds its stack."""
    owner = np.array([i for i, rows in enumerate(counts) for _ in rows])
    rows = [Counter(row) for part in counts for row in part]
    arrays = np.array([sum(row.pop(part, 0) for part in _BYTES) for row in rows], dtype=float)
    deepest = _deepest(arrays + _shallowest(rows, stacks[owner] - arrays), owner)
    found = []
    for _ in range(_ROUNDS if len(rows) > len(counts) else 1):
        frames = fit_above(rows, stacks[owner] - arrays, deepest & deeper[owner], owner, ram[owner])
        depth = arrays + [sum(frames[part] * amount for part, amount in row.items()) for row in rows]
        over = np.zeros(len(counts))
        np.maximum.at(over, owner, (depth - stacks[owner]) / ram[owner])
        found.append((float(over.sum() + _WORST_ABOVE * over.max(initial=0.0)), len(found), frames))
        deepest = _deepest(depth, owner)
    return min(found)[2]


def _together(
    counts: list[list[model.Counts]], stacks: NDArray[np.float64], deeper: NDArray[np.bool_], frames: dict[str, float],
    level: int,
) -> dict[str, float]:  # fmt: skip
    """What an op and its reader take together, where a sum of both says too much: of each name in turn.

    What was never the deepest of a program takes no more than there was in any; what was so seldom may take more.
    """
    owner = np.array([i for i, rows in enumerate(counts) for _ in rows])
    named = [frames_together(row)[level] for rows in counts for row in rows]
    names = [name for name, _ in named]
    costs = frames | dict.fromkeys(_BYTES, 1.0)
    rest = [sum(amount * costs[part] for part, amount in beside.items()) for _, beside in named]
    left = np.maximum(stacks[owner] - rest, 0.0)
    least = {name: left[[i for i, n in enumerate(names) if n == name]].min() for name in set(names)}
    deepest = _deepest(rest + np.array([least[name] for name in names]), owner) & deeper[owner]
    found, seen = dict(least), Counter(names[i] for i in np.flatnonzero(deepest))
    for i in np.flatnonzero(deepest):
        found[names[i]] = max(found[names[i]], left[i])
    for name in found:
        found[name] += next((more for times, more in _SEEN if seen[name] < times), 0.0)
    return {name: float(np.ceil(100 * most) / 100) for name, most in sorted(found.items()) if name}


def _shallowest(rows: list[model.Counts], stacks: NDArray[np.float64]) -> NDArray[np.float64]:
    """The least stack of all programs with the same op, of each row: no such op takes more."""
    least: dict[tuple[str, ...], float] = {}
    kinds = [tuple(sorted(row)) for row in rows]
    for kind, depth in zip(kinds, stacks, strict=True):
        least[kind] = min(depth, least.get(kind, np.inf))
    return np.array([least[kind] for kind in kinds])


def _deepest(depth: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which row is the first largest of its owner's."""
    found = np.zeros(len(depth), bool)
    for one in np.unique(owner):
        own = np.flatnonzero(owner == one)
        found[own[np.argmax(depth[own])]] = True
    return found


def fit_new(
    found: list[Measurement], known: dict[str, dict[str, float]], without: list[Measurement] | None = None
) -> dict[str, dict[str, float]]:
    """Costs of parts that are not known yet, those that are held fixed.

    `without` are the same programs without what is new: what the known costs get wrong in them is no cost of it.
    """
    if without is None:
        wrong = {what: [0.0] * len(found) for what in known}
    else:
        wrong = {what: [_left(m, known, what) for m in without] for what in known}
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
        new = [Counter({p: n for p, n in _COUNTS[what](m.program).items() if p not in table and n}) for m in found]
        fresh[what] = dict.fromkeys(itertools.chain.from_iterable(new), 0.0)
        rows = [i for i, use in enumerate(used[what]) if use and new[i] and what != "ram"]
        if rows:
            totals = np.array([_total(found[i], what) for i in rows])
            left = np.array([_left(found[i], known, what) - wrong[what][i] for i in rows])
            chosen = [new[i] for i in rows]
            fresh[what] |= fit(chosen, totals, left) if what == "cycles" else fit_above(chosen, np.maximum(left, 0.0))
    return fresh | {"ram": fresh["ram"] | _new_frames(found, known["ram"], used["ram"])}


def _new_frames(found: list[Measurement], known: dict[str, float], deep: list[bool]) -> dict[str, float]:
    """What frames take that are not known, of which the deepest of each program bounds its stack, if any is deep."""
    counts = [
        [Counter({part: n for part, n in row.items() if part not in known and n})
         + Counter({_BYTES[0]: sum(ceil(known[part] * n) for part, n in row.items() if part in known)})
         for row in model.stack_counts(m.program)]
        for m in found
    ]  # fmt: skip
    if not any(deep):
        return {}
    stacks = np.array([m.stack for m in found], dtype=float)
    return _frames(counts, stacks, np.array(deep), stacks + [m.static_ram for m in found])


def fit_layers(found: list[Measurement], board: Board) -> dict[str, dict[str, float]]:
    """Costs of the layers of nets, those of all else held; frames where ops are inlined, and each layer is not."""
    costs = board.costs("fit them")
    known = measured_costs(costs.table)
    cycles = [model.cycle_counts(m.program) for m in found]
    code = [model.code_counts(m.program, board.core_is_here, costs.inlined) for m in found]
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
    alone = {part for part in parts[True] - parts[False] if not _PRODUCT.search(part)}
    return alone | (parts[True] | parts[False]) - known[what].keys()


def _frames_of_layers(found: list[Measurement], known: dict[str, float]) -> dict[str, float]:
    """Frames below ``push`` of layers: of programs whose prediction and loop, which are known, are not deeper."""
    rows = [model.stack_counts(m.program) for m in found]
    below = [[row for row in program if any(part.startswith("push") for part in row)] for program in rows]
    others = [[row for row in program if row not in push] for program, push in zip(rows, below, strict=True)]
    depth = [max(sum((part in _BYTES or known[part]) * n for part, n in row.items()) for row in o) for o in others]
    loops = [known[f"serial loop ({loop_kind(m.program)})"] for m in found]
    least = np.maximum(depth, loops)
    stacks = np.array([m.stack for m in found], dtype=float)
    ram = stacks + [m.static_ram for m in found]
    frames = _frames(below, np.maximum(stacks, least), stacks > least, ram)
    return {part: cost + (UNSEEN_LAYERS if part.startswith("push") else 0) for part, cost in frames.items()}


def _total(m: Measurement, what: str) -> float:
    """What of a measurement is made of priced parts."""
    return {"flash": float(m.flash - _tables(m.program)), "cycles": _priced_cycles(m), "ram": float(m.stack)}[what]


def _left(m: Measurement, known: dict[str, dict[str, float]], what: str) -> float:
    """What the known costs do not explain."""
    counts = _COUNTS[what](m.program)
    return _total(m, what) - sum(known[what].get(part, 0.0) * amount for part, amount in counts.items())
