"""Chooses which products become faster and larger: blocks of rows instead of packed rows, or straight-line code.

Knows programs, boards and their costs, nothing of C++.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from ..cost.budget import Budget
from ..cost.model import needs, ram_needed
from ..program.op import Op
from ..program.program import Program
from ..program.tensor import Tensor
from ..storage.needs import model_bytes
from ..storage.record import STORAGES, Storage, storage_of
from ..targets.architectures import AVR, Architecture
from ..targets.avr.forms import form_of, groups
from ..targets.boards import Board, get_board

FLASH_FOR_THE_USER = 2048
MODEL_FLASH = 12 * 1024  # a model that fills the flash for a few cycles is nobody's friend
WORTH_ALL_FLASH = 8  # times as fast: trees are
_MOST_COMBINATIONS = 2000  # that are compared
_BYTES_PER_CYCLE = 20  # more flash than this for one cycle is not worth it
Changes = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class _Choice:
    changes: Changes
    saved_cycles: int
    bytes: int


def unroll(program: Program, board: Board, budget: Budget | None = None) -> Program:
    """The program with its hottest products faster, while flash allows; unchanged where there is no faster form.

    A model has a share of the flash; all that is free where a limit of cycles needs it, where it is many times as fast,
    or where nothing as large as straight-line code is at stake. What is free is what a budget leaves, if there is one.
    """
    if board.cost_model is None:
        return program
    before = needs(program, board)
    limits = budget or Budget()
    allowed = board.flash_bytes - FLASH_FOR_THE_USER
    free = (allowed if limits.flash_bytes is None else min(allowed, limits.flash_bytes)) - before[1]
    choices = list(_alternatives(program, board, before))
    code = any(tensor.unrolled for some in choices for choice in some for tensor in choice.changes.values())
    share = MODEL_FLASH - model_bytes(program) if code else free
    ram = board.ram_bytes if limits.ram_bytes is None else min(board.ram_bytes, limits.ram_bytes)
    modest, generous = (_best(program, choices, flash + before[1], ram, board) for flash in (min(free, share), free))
    cycles = needs(modest, board)[0]
    promised = [most for most in (program.max_cycles, limits.cycles) if most is not None]
    wanted = bool(promised) and cycles > min(promised)
    return generous if wanted or cycles > WORTH_ALL_FLASH * needs(generous, board)[0] else modest


def _best(program: Program, alternatives: list[list[_Choice]], flash: int, ram: int, board: Board) -> Program:
    """The program with the choices that are worth most in so many bytes of flash and of RAM.

    What they take together is counted together: kernels that several of them call are there once.
    """
    worth = [(sum(map(_worth, choices)), choices) for choices in _combined(alternatives)]
    for value, choices in sorted(worth, key=lambda one: -one[0]):
        faster = program.replacing(*(tensor for choice in choices for tensor in choice.changes.values()))
        if value > 0 and needs(faster, board)[1] <= flash and ram_needed(faster, board) <= ram:
            return faster
    return program


def _worth(choice: _Choice) -> float:
    return choice.saved_cycles - choice.bytes / _BYTES_PER_CYCLE


def _combined(alternatives: list[list[_Choice]]) -> list[tuple[_Choice, ...]]:
    """A choice for each group; where that makes too many, such that no other is worth more in fewer bytes."""
    if math.prod(map(len, alternatives)) <= _MOST_COMBINATIONS:
        return list(product(*alternatives))
    found: list[tuple[_Choice, ...]] = [()]
    for choices in alternatives:
        found = sorted(((*some, one) for some in found for one in choices), key=lambda all_: sum(c.bytes for c in all_))
        best, kept = -math.inf, []
        for some in found:
            if (value := sum(map(_worth, some))) > best:
                best = value
                kept.append(some)
        found = kept[:: -(-len(kept) // _MOST_COMBINATIONS)]
    return found


def predicted_cycles(program: Program, board: str | Board = "uno") -> int:
    """Cycles of a prediction of an integer program on a board with a cost model, optimised for speed."""
    board = get_board(board)
    board.costs("plan cycles for it")
    return needs(unroll(program, board), board)[0]


def _alternatives(program: Program, board: Board, before: tuple[int, int]) -> Iterator[list[_Choice]]:
    """For each group of constants that are changed together what can be done with them."""
    for names, op in changed_together(program).items():
        found = [_Choice({}, 0, 0)]
        for changes in forms(program, op, names, board.architecture):
            cycles, flash = needs(program.replacing(*changes.values()), board)
            if cycles < before[0]:
                found.append(_Choice(changes, before[0] - cycles, flash - before[1]))
        yield found


def changed_together(program: Program) -> dict[tuple[str, ...], Op]:
    """Groups of constants that have forms, each with an op that reads it."""
    return {names: op for op in program.ops() for names in groups(op)}


def forms(program: Program, op: Op, names: tuple[str, ...], architecture: Architecture = AVR) -> Iterator[Changes]:
    """Faster forms of a group: blocks, straight-line code, of a tree straight-line code of its upper levels."""
    form = form_of(op)
    if form is None:
        return
    tensors = [program[name] for name in names]
    bases = [tensors]
    fastest = STORAGES[architecture.fastest_storage]
    in_blocks = [_in(fastest, program, op, tensor) if form.blocks else tensor for tensor in tensors]
    if in_blocks != tensors:
        bases.append(in_blocks)
        yield {t.name: t for t in in_blocks}
    if not architecture.straight_line:
        return
    for storage in form.tables(program, op, names):
        yield {t.name: replace(t, storage=storage.name, packed=t.storage) for t in tensors}
    if any(form.parts(program, op, name) is None for name in names):
        return
    for base in bases:
        yield from ({t.name: replace(t, unrolled=count) for t in base} for count in form.partial(op))
    yield {t.name: replace(t, unrolled=form.whole(t)) for t in tensors}


def _in(storage: Storage, program: Program, op: Op, tensor: Tensor) -> Tensor:
    """The matrix in a storage of rows side by side, if it is not and can be."""
    vector = next((p.vector for p in op.products(program) if p.matrix.name == tensor.name), None)
    if vector is None or storage_of(tensor) is storage or not storage.holds(tensor, vector):
        return tensor
    return replace(tensor, storage=storage.name, packed=tensor.storage)
