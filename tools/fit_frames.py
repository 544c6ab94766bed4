"""What frames of the stack take, such that no program that was measured takes more; knows counts, no kernels."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from edgealgos.codegen.cost import model
from edgealgos.codegen.cost.ram import loop_kind
from edgealgos.codegen.targets.boards import Board
from tools.fit_parts import WORST_ABOVE, Measurement, fit_above

SPREAD = 4  # bytes that the frame of a function may take more than in what was measured
UNSEEN = 8  # bytes that a frame of types that were not measured may take more
LOOP_SPREAD = 8  # bytes by which the stack of the serial loop differs between sketches of a kind
SAME_LOOP = 1  # the same in sketches that compare several scores
BYTES = ("local byte", "byte of code", "register of code")  # a byte is a byte
PRODUCT = re.compile(r"\b(8|16)x(8|16)\b")
_ROUNDS = 8  # of finding the deepest op of each program, and what its frame takes


def stacks_of(found: list[Measurement], board: Board) -> dict[str, float]:
    """Stack of the serial loop by kind, and of the parts of a prediction where that is deeper: never too little.

    Where ops are functions, of the loop alone: call graphs tell of the others (:mod:`tools.fit_calls`).
    """
    kinds = [loop_kind(m.program) for m in found]
    stacks = np.array([m.stack for m in found], dtype=float)
    shallowest = {kind: min(s for s, k in zip(stacks, kinds, strict=True) if k == kind) for kind in sorted(set(kinds))}
    alike = {kind: board.core_is_here and not kind.endswith("of one score") for kind in shallowest}
    deeper = stacks > [shallowest[kind] + (SAME_LOOP if alike[kind] else LOOP_SPREAD) for kind in kinds]
    loops = {
        kind: max(s for s, k, deep in zip(stacks, kinds, deeper, strict=True) if k == kind and not deep)
        for kind in shallowest
    }
    told = {f"serial loop ({kind})": float(depth) for kind, depth in loops.items()} | dict.fromkeys(BYTES, 1.0)
    if not board.costs("fit them").inlined:
        return told
    ram = stacks + [m.static_ram for m in found]
    counts = [model.stack_counts(m.program) for m in found]
    frames = frames_of(counts, stacks, deeper, ram)
    own = ("prediction (", "push")  # each function has one of these
    frames |= {
        part: frames[part] + (SPREAD if board.core_is_here else UNSEEN) for part in frames if part.startswith(own)
    }
    frames |= _hidden(counts, frames, [loops[kind] for kind in kinds])
    readers = [part for part in frames if PRODUCT.search(part) and not part.endswith("of rows")]
    frames = {f"{part} of rows": frames[part] for part in readers} | frames  # rows of pictures may be in any storage
    return frames | told


def _hidden(counts: list[list[model.Counts]], frames: dict[str, float], loops: list[float]) -> dict[str, float]:
    """What readers of rows may take that hides behind something deeper in all programs, no more than the largest."""
    readers = {part: cost for part, cost in frames.items() if PRODUCT.search(part)}
    most = dict.fromkeys(readers, max(readers.values(), default=0.0))
    costs = frames | dict.fromkeys(BYTES, 1.0)
    for rows, loop in zip(counts, loops, strict=True):
        depth = [sum(costs[part] * amount for part, amount in row.items()) for row in rows]
        for row, own in zip(rows, depth, strict=True):
            for part in row.keys() & readers:
                most[part] = min(most[part], readers[part] + max(loop, *depth) - own)
    return most


def frames_of(
    counts: list[list[model.Counts]],
    stacks: NDArray[np.float64],
    deeper: NDArray[np.bool_],
    ram: NDArray[np.float64],
) -> dict[str, float]:
    """What frames take, of which the deepest of each program bounds its stack."""
    owner = np.array([i for i, rows in enumerate(counts) for _ in rows])
    rows = [Counter(row) for part in counts for row in part]
    arrays = np.array([sum(row.pop(part, 0) for part in BYTES) for row in rows], dtype=float)
    deepest = _deepest(arrays + _shallowest(rows, stacks[owner] - arrays), owner)
    found = []
    for _ in range(_ROUNDS if len(rows) > len(counts) else 1):
        frames = fit_above(rows, stacks[owner] - arrays, deepest & deeper[owner], owner, ram[owner])
        depth = arrays + [sum(frames[part] * amount for part, amount in row.items()) for row in rows]
        over = np.zeros(len(counts))
        np.maximum.at(over, owner, (depth - stacks[owner]) / ram[owner])
        found.append((float(over.sum() + WORST_ABOVE * over.max(initial=0.0)), len(found), frames))
        deepest = _deepest(depth, owner)
    return min(found)[2]


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
