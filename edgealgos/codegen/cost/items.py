"""The items of a report: what takes bytes or cycles, of which kind it is, and how much; knows nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum


class Kind(Enum):
    """What an item is."""

    TABLE = "table of a constant"
    LOOK_UP_TABLE = "table that kernels look up"
    STRAIGHT_LINE_CODE = "code whose instructions hold a constant"
    CALL = "call of an op with what the compiler makes of its kernel"
    KERNEL = "kernel out of line"
    CORE = "core of the board, and the loop that answers rows"
    INPUT = "input row"
    ARENA = "scratch tensors together"
    STATE = "tensor that survives between steps"
    OUTPUT = "scores"
    STACK = "deepest stack"
    TEXT = "words that the sketch prints"
    SELF_TEST = "rows baked in, with what compares them"
    OP = "cycles of an op"


@dataclass(frozen=True, slots=True)
class ReportItem:
    """One item.

    Parameters
    ----------
    kind : Kind
        What it is.
    label : str
        How it is printed.
    amount : int
        Bytes, or clock cycles of one prediction.
    tensor, op, function : str
        Names of the tensor and the kind of op that it belongs to, and of the program's function; empty where none does.
    """

    kind: Kind
    label: str
    amount: int
    tensor: str = ""
    op: str = ""
    function: str = ""


class Items(Mapping[str, int]):
    """Items by label, as numbers: ``items["stack"]``; the items themselves are :attr:`records`.

    Parameters
    ----------
    items : iterable of ReportItem
        Those of one label become one.
    """

    def __init__(self, items: Iterable[ReportItem] = ()) -> None:
        merged: dict[str, ReportItem] = {}
        for item in items:
            before = merged.get(item.label)
            merged[item.label] = item if before is None else replace(before, amount=before.amount + item.amount)
        self._items = merged

    @property
    def records(self) -> tuple[ReportItem, ...]:
        """The items, in the order of their making."""
        return tuple(self._items.values())

    def largest(self, count: int | None = None) -> list[ReportItem]:
        """The items, largest first."""
        return sorted(self.records, key=lambda item: -item.amount)[:count]

    def __getitem__(self, label: str) -> int:
        return self._items[label].amount

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(dict(self))
