"""Packs scratch tensors by live range into one static arena; knows programs and types, not C++.

Offsets are aligned to the element, so that the same plan is right on every board. Up to 15 tensors the plan is proven
least; beyond, it says how far it is from the lower bound.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from .op import Op
from .program import Program
from .tensor import Space

EXACT_UP_TO = 15
_NEAR = 1.05  # of the lower bound: good enough where a proof would take long
_NODE_LIMIT = 500  # beyond, so that planning stays quick and (unlike a time limit) deterministic


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes that live together: one tensor, or several that an op may compute in place.

    Parameters
    ----------
    tensors : tuple of str
        Names, in the order of their writing.
    size, align : int
        Bytes.
    function : str
        Scratch of different functions never lives at the same time.
    first, last : int
        Index of the first and last op that needs it, both included.
    """

    tensors: tuple[str, ...]
    size: int
    align: int
    function: str
    first: int
    last: int

    def meets(self, other: Block) -> bool:
        """Whether both live at some moment."""
        return self.function == other.function and self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Where every scratch tensor lies.

    Parameters
    ----------
    blocks : tuple of Block
        What was placed.
    starts : tuple of int
        Byte offset of each block in the arena.
    lower_bound : int
        Most bytes alive at one time: no plan can be smaller.
    exact : bool
        Whether the plan is proven least.
    """

    blocks: tuple[Block, ...]
    starts: tuple[int, ...]
    lower_bound: int
    exact: bool

    @property
    def arena_bytes(self) -> int:
        """Size of the arena."""
        return max((start + block.size for start, block in zip(self.starts, self.blocks, strict=True)), default=0)

    @property
    def offsets(self) -> dict[str, int]:
        """Byte offset of each tensor."""
        return {name: start for start, block in zip(self.starts, self.blocks, strict=True) for name in block.tensors}

    def __str__(self) -> str:
        """Table of the plan with a picture: a row a block, a column a moment."""
        proven = "proven least" if self.exact else f"lower bound {self.lower_bound}"
        lines = [f"arena {self.arena_bytes} bytes ({proven})"]
        for start, block in sorted(zip(self.starts, self.blocks, strict=True), key=lambda pair: pair[0]):
            life = " " * block.first + "#" * (block.last - block.first + 1)
            where = f"{start:5}..{start + block.size - 1:<5}"
            lines.append(f"  {where} {block.function:8} |{life:<12}| {' = '.join(block.tensors)}")
        return "\n".join(lines)


def plan_memory(program: Program) -> MemoryPlan:
    """Plan of least size for the scratch tensors of a program."""
    return place(live_blocks(program))


def live_blocks(program: Program) -> tuple[Block, ...]:
    """Scratch tensors with their live ranges; an op may overwrite an operand that dies with it."""
    blocks: dict[str, Block] = {}
    for function, body in program.functions.items():
        last_use = {name: i for i, op in enumerate(body) for name in op.operands.values()}
        for i, op in enumerate(body):
            for written in op.writes if op.is_stored else ():
                tensor = program[written]
                if tensor.space is not Space.SCRATCH or any(written in block.tensors for block in blocks.values()):
                    continue
                align = tensor.type.container // 8
                block = Block((written,), tensor.ram_bytes, align, function, i, last_use[written])
                dying = _dying(op, i, last_use) if written == op.out else ()
                blocks[written] = _in_place(blocks, block, dying)
    return tuple(blocks.values())


def _in_place(blocks: dict[str, Block], block: Block, dying: Iterable[str]) -> Block:
    """The block, joined with that of the first dying operand of its size, which is taken out of `blocks`."""
    for name in dying:
        if name in blocks and blocks[name].size == block.size and blocks[name].function == block.function:
            old = blocks.pop(name)
            return replace(block, tensors=(*old.tensors, *block.tensors), first=old.first)
    return block


def _dying(op: Op, moment: int, last_use: Mapping[str, int]) -> Iterator[str]:
    """Operands that an op may overwrite with its result."""
    yield from (name for name in op.reusable if last_use[name] == moment)
    yield from op.consumed


def place(blocks: tuple[Block, ...]) -> MemoryPlan:
    """Least arena for blocks: first fit by size, and where that is above the lower bound, a search."""
    bound = _lower_bound(blocks)
    order = sorted(range(len(blocks)), key=lambda i: (-blocks[i].size, blocks[i].function, blocks[i].first))
    starts = _first_fit(blocks, order)
    best = MemoryPlan(blocks, starts, bound, exact=False)
    if best.arena_bytes == bound:
        return MemoryPlan(blocks, starts, bound, exact=True)
    if len(blocks) > EXACT_UP_TO and best.arena_bytes <= _NEAR * bound:
        return best
    searched, finished = _search(blocks, best)
    return MemoryPlan(blocks, searched, bound, exact=finished)


def _lower_bound(blocks: tuple[Block, ...]) -> int:
    moments = {(b.function, i) for b in blocks for i in range(b.first, b.last + 1)}
    alive = (sum(b.size for b in blocks if b.function == f and b.first <= i <= b.last) for f, i in moments)
    return max(alive, default=0)


def _first_fit(blocks: tuple[Block, ...], order: list[int]) -> tuple[int, ...]:
    starts: dict[int, int] = {}
    for i in order:
        starts[i] = _lowest(blocks, i, starts)
    return tuple(starts[i] for i in range(len(blocks)))


def _lowest(blocks: tuple[Block, ...], i: int, starts: Mapping[int, int]) -> int:
    """Lowest aligned offset at which block i meets no placed block."""
    block = blocks[i]
    taken = sorted((starts[j], starts[j] + blocks[j].size) for j in starts if block.meets(blocks[j]))
    offset = 0
    for start, end in taken:
        if offset + block.size <= start:
            break
        offset = max(offset, -(-end // block.align) * block.align)
    return offset


def _search(blocks: tuple[Block, ...], best: MemoryPlan) -> tuple[tuple[int, ...], bool]:
    """Least plan as a mixed-integer program: of two blocks that meet, one lies below the other.

    Returns the best starts and whether they are proven least.
    """
    pairs = [(i, j) for i, j in itertools.combinations(range(len(blocks)), 2) if blocks[i].meets(blocks[j])]
    count, size = len(blocks), best.arena_bytes
    variables = count + 1 + len(pairs)  # starts in units of alignment, the arena, which of a pair is below
    rows, high = [], []
    for i, block in enumerate(blocks):
        row = np.zeros(variables)
        row[i], row[count] = block.align, -1
        rows.append(row)
        high.append(-block.size)
    for p, (i, j) in enumerate(pairs):
        for below, above, sign in ((i, j, 1), (j, i, -1)):
            row = np.zeros(variables)
            row[below], row[above], row[count + 1 + p] = blocks[below].align, -blocks[above].align, sign * size
            rows.append(row)
            high.append((size if sign > 0 else 0) - blocks[below].size)
    upper = [(size - b.size) // b.align for b in blocks] + [size] + [1] * len(pairs)
    lower = [0] * count + [best.lower_bound] + [0] * len(pairs)
    objective = np.zeros(variables)
    objective[count] = 1
    options = {} if count <= EXACT_UP_TO else {"node_limit": _NODE_LIMIT}
    solution = milp(objective, integrality=np.ones(variables), bounds=Bounds(lower, upper),
                    constraints=LinearConstraint(np.array(rows), ub=np.array(high)), options=options)  # fmt: skip
    if solution.x is None:
        return best.starts, False
    starts = tuple(round(k) * b.align for k, b in zip(solution.x[:count], blocks, strict=True))
    return starts, solution.status == 0
