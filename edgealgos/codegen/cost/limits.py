"""The refusal of what exceeds a limit, the user's or the board's; knows reports, programs and boards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from edgealgos.errors import BoardError, DoesNotFitError

from ..program.program import Program
from ..targets.boards import BOARDS, Board
from .budget import Budget
from .items import Items, Kind
from .model import costs_of, needs
from .report import Report

TABLES_OF_OTHERS = 2048  # vectors, and what core and sketch keep in flash


@dataclass(frozen=True, slots=True)
class _Limit:
    """What may be used of one thing, and who says so."""

    what: str
    need: int
    most: int
    whose: str
    items: Items
    remedies: tuple[str, ...]


def any_smaller(share: float) -> str:
    """How a model of any kind is made smaller, whatever share of it there is room for."""
    return "lower max_model_bytes"


def check_fits(report: Report, budget: Budget | None = None, smaller: Callable[[float], str] = any_smaller) -> None:
    """Refuse a program that exceeds the board or the budget.

    `smaller` says how the model is made smaller, given the share of its bytes for which there is flash.

    Raises
    ------
    DoesNotFitError
        Whose limit it is, the largest items, and what to change.
    BoardError
        If there is a limit of cycles and the board has no cost model.
    """
    budget = budget or Budget()
    if budget.cycles is not None:
        report.board.costs("keep a limit of cycles; leave it out of the budget")
        if not report.cycle_items:
            raise BoardError(f"a limit of cycles on a {report.board.title} cannot be kept: {report.warnings[-1]}")
    for limit in _limits(report, budget, smaller):
        if limit.need > limit.most:
            named = ", ".join(f"{item.label} {item.amount:,}" for item in limit.items.largest(3))
            raise DoesNotFitError(
                f"{limit.what}: the sketch needs up to {limit.need:,}, {limit.whose} allows {limit.most:,}. "
                f"Largest items: {named}. To make it fit: {'; or '.join(limit.remedies)}."
            )


def left_beside(board: Board, budget: Budget | None, flash: int, ram: int) -> Budget:
    """What limits leave of a board beside so many bytes."""
    budget = budget or Budget()
    left = _allowed(board.flash_bytes, budget.flash_bytes) - flash, _allowed(board.ram_bytes, budget.ram_bytes) - ram
    return replace(budget, flash_bytes=max(left[0], 0), ram_bytes=max(left[1], 0))


def takes_too_long(program: Program, board: Board, budget: Budget | None) -> bool:
    """Whether a prediction takes longer than a limit of cycles allows, if there is one that can be kept."""
    if budget is None or budget.cycles is None or costs_of(program, board) is None:
        return False
    return needs(program, board)[0] > budget.cycles


def _allowed(boards: int, users: int | None) -> int:
    return boards if users is None else min(boards, users)


def _limits(report: Report, budget: Budget, how: Callable[[float], str]) -> Iterator[_Limit]:
    board = report.board
    in_tables = (Kind.TABLE, Kind.LOOK_UP_TABLE, Kind.TEXT, Kind.SELF_TEST)
    tables = Items(item for item in report.flash_items.records if item.kind in in_tables)
    reach = (board.architecture.table_reach or board.flash_bytes) - TABLES_OF_OTHERS
    others = report.flash_at_most - report.model_bytes - report.flash_of_speed
    room = _allowed(board.flash_bytes, budget.flash_bytes) - others
    smaller = how(max(room, 0) / max(report.model_bytes, 1))
    flash = (*_less_code(report), smaller)
    ram = (*_no_buffer(report), "use fewer features, or a smaller projection_dim or hidden_size")
    yield _limit(
        "flash", report.flash_at_most, board.flash_bytes, budget.flash_bytes, report, report.flash_items, flash
    )
    yield _limit("tables that pointers reach", sum(tables.values()), reach, None, report, tables, (smaller,))
    yield _limit("RAM", report.ram_bytes, board.ram_bytes, budget.ram_bytes, report, report.ram_items, ram)
    if budget.cycles is not None:
        yield _limit("cycles", report.typical_cycles, budget.cycles, budget.cycles, report, report.cycle_items,
                     ("train with max_cycles", f"{smaller} or depth"))  # fmt: skip


def _limit(what: str, need: int, boards: int, users: int | None, report: Report, items: Items,
           remedies: tuple[str, ...]) -> _Limit:  # fmt: skip
    """The stricter of the board's limit and the user's."""
    if users is not None and users <= boards:
        return _Limit(what, need, users, "the budget", items, remedies)
    return _Limit(what, need, boards, report.board.title, items, (*remedies, *_larger_board(report)))


def _less_code(report: Report) -> Iterator[str]:
    if report.flash_of_speed > 0:
        yield f'optimize="size" ({report.flash_of_speed:,} bytes less)'


def _no_buffer(report: Report) -> Iterator[str]:
    if report.input_without_buffer > 0:
        yield f"input_buffer=False ({report.input_without_buffer:,} bytes less)"


def _larger_board(report: Report) -> Iterator[str]:
    """The smallest board of the same framework that has room."""

    def has_room(board: Board) -> bool:
        return board.ram_bytes >= report.ram_bytes and board.flash_bytes >= report.flash_at_most

    others = [b for b in BOARDS.values() if b.framework is report.board.framework and has_room(b)]
    if others:
        smallest = min(others, key=lambda b: (b.ram_bytes, b.flash_bytes, b.name))
        yield f'board="{smallest.name}" ({smallest.title})'
