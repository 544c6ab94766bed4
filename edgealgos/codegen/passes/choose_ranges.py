"""Chooses the ranges of activations from rows: of those that nobody trained, and wider ones where rows exceed them.

Runs before the other passes, on a float program; knows programs, and asks each op what its arithmetic leaves free.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from ..program.interpret import largest_magnitudes
from ..program.program import Program
from ..program.qtype import QType
from ..program.tensor import Space, Tensor

_ACTIVATIONS = (Space.SCRATCH, Space.STATE)


def choose_ranges(program: Program, X: NDArray[Any], bits: int = 8) -> Program:
    """Float program whose activations hold what the rows make of them.

    An activation without a type gets the finest one of `bits` bits that holds it. A trained one keeps its type, since
    training saw where it saturates, unless rows exceed it: then it becomes as many powers of two wider as they need.

    Parameters
    ----------
    program : Program
        A float program.
    X : array, shape as in :func:`~.interpret.run_float`
        Raw rows that the ranges shall cover.
    bits : int
        Width of an activation that has no type.
    """
    groups = list(_free(program))
    names = [name for group in groups for name in group]
    if not names:
        return program
    unlimited = program.replacing(*(replace(program[name], qtype=None) for name in names))
    largest = largest_magnitudes(unlimited, X)
    for op in program.ops():
        largest.update({name: largest.get(other, 0.0) for name, other in op.reach_of.items()})
    changed = []
    for group in groups:
        reach = max(largest.get(name, 0.0) for name in group)
        changed += [_covering(program[name], reach, bits) for name in group]
    return program.replacing(*changed)


def _covering(tensor: Tensor, reach: float, bits: int) -> Tensor:
    old = tensor.qtype
    if old is None:
        return replace(tensor, qtype=QType.covering(reach, bits))
    if reach <= (old.high + 1) * old.step:  # what rounds to one step more saturates as it did in training
        return tensor
    return replace(tensor, qtype=QType(old.bits, min(old.frac, QType.covering(reach, old.bits).frac)))


def _free(program: Program) -> Iterator[list[str]]:
    """Activations whose range is no op's business, in groups that share a type."""
    written = {name for op in program.ops() if op.is_stored for name in op.writes}
    taken = program.scores | program.preprocessing | {name for op in program.ops() for name in op.fixed}
    groups: list[set[str]] = [{t.name} for t in program.tensors if t.space in _ACTIVATIONS and t.name in written]
    for op in program.ops():
        joined = set(op.alike)
        for group in [group for group in groups if group & joined]:
            groups.remove(group)
            joined |= group
        if joined:
            groups.append(joined)
    for group in groups:
        if not group & taken:
            yield sorted(group)
