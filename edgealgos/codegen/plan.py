"""Packs scratch tensors by live range into one static arena; knows programs and types, not C++.

Offsets are aligned to the element, so that the same plan is right on every board.
"""

from __future__ import annotations

from dataclasses import dataclass

from .ir import ArgMax, Program, Space, Tensor

LiveRange = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Where every scratch tensor lies.

    Parameters
    ----------
    offsets : dict of str to int
        Byte offset of each scratch tensor in the arena.
    arena_bytes : int
        Size of the arena.
    lower_bound : int
        Most bytes alive at one time: no plan can be smaller.
    live : dict of str to tuple of (function, first op, last op)
        Live ranges, both ends included.
    """

    offsets: dict[str, int]
    arena_bytes: int
    lower_bound: int
    live: dict[str, LiveRange]


def ram_bytes(tensor: Tensor) -> int:
    """Bytes of a tensor in RAM."""
    return tensor.size * tensor.type.container // 8


def plan_memory(program: Program) -> MemoryPlan:
    """Place each scratch tensor at the lowest free offset, larger tensors first."""
    live = _live_ranges(program)
    placed: dict[str, int] = {}
    for name in sorted(live, key=lambda n: (-ram_bytes(program[n]), live[n])):
        placed[name] = _lowest_offset(program, name, live, placed)
    ends = [offset + ram_bytes(program[name]) for name, offset in placed.items()]
    return MemoryPlan({n: placed[n] for n in live}, max(ends, default=0), _lower_bound(program, live), live)


def _live_ranges(program: Program) -> dict[str, LiveRange]:
    live: dict[str, LiveRange] = {}
    for function, body in program.functions.items():
        for i, op in enumerate(body):
            for name in (op.out, *op.reads):
                if program[name].space is Space.SCRATCH and not isinstance(op, ArgMax):
                    live[name] = (function, live[name][1] if name in live else i, i)
    return live


def _overlap(a: LiveRange, b: LiveRange) -> bool:
    """Functions do not nest, so scratch of different functions never lives at the same time."""
    return a[0] == b[0] and a[1] <= b[2] and b[1] <= a[2]


def _lowest_offset(program: Program, name: str, live: dict[str, LiveRange], placed: dict[str, int]) -> int:
    tensor = program[name]
    align = tensor.type.container // 8
    taken = sorted(
        (offset, offset + ram_bytes(program[other]))
        for other, offset in placed.items()
        if _overlap(live[name], live[other])
    )
    offset = 0
    for start, end in taken:
        if offset + ram_bytes(tensor) <= start:
            break
        offset = max(offset, -(-end // align) * align)
    return offset


def _lower_bound(program: Program, live: dict[str, LiveRange]) -> int:
    moments = {(f, i) for f, first, last in live.values() for i in range(first, last + 1)}
    return max(
        (sum(ram_bytes(program[n]) for n, r in live.items() if r[0] == f and r[1] <= i <= r[2]) for f, i in moments),
        default=0,
    )
