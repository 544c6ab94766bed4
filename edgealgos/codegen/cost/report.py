"""What a program will need on its board, item by item, predicted before anything is compiled.

Knows programs, the memory plan, boards and measured costs of kernels; nothing of estimators or tools.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from edgealgos.errors import BoardError

from ...files import write_file
from ..program.memory import MemoryPlan, plan_memory
from ..program.program import Program
from ..program.tensor import Tensor
from ..storage.needs import stored_bytes, table_bytes
from ..targets.avr.forms import groups
from ..targets.boards import Board
from .items import Items, Kind, ReportItem
from .model import (
    code_items,
    costs_of,
    cycle_items,
    flash_at_most,
    needs,
    stack_items,
    straight_line,
    table_items,
)
from .ram import variable_items
from .schedules import Schedule, compare_schedules
from .tables import measured_costs
from .texts import NAMES

SELF_TEST_CODE, ANSWER_BYTES = 192, 4  # at most; measured 126 to 174 bytes of code


@dataclass(frozen=True, slots=True)
class Report:
    """Predicted needs of the exported sketch.

    Parameters
    ----------
    board : Board
        What it was predicted for.
    flash_items, ram_items, model_items, cycle_items : Items
        Bytes, bytes, bytes and clock cycles by item: mappings of labels to amounts, whose ``records`` say of each
        item which kind it is and to which tensor or op it belongs. Flash and RAM hold the whole sketch with the
        Arduino core; RAM includes the deepest stack. Cycles are those of one prediction. Without a cost model of the
        board, flash holds the tables alone, the stack is an allowance, and there are no cycles.
    memory_plan : MemoryPlan
        Where the scratch tensors lie in the arena.
    faster : dict of str to (int, int)
        Of each constant that was made faster and larger: cycles that it saves, bytes of flash that it costs.
    flash_of_speed : int
        Bytes of flash that ``optimize="size"`` would free.
    input_without_buffer : int
        Bytes of variables that ``input_buffer=False`` would free; 0 where it frees none, or the program cannot do
        without the buffer.
    stops_early : bool
        Whether a prediction may end before its last step: cycles are then those of the longest.
    typical_cycles : int
        Cycles of a prediction that stops where calibration rows did in the mean; where that is not known, or nothing
        stops early, :attr:`cycles`.
    warnings : tuple of str
        What training found about the inputs: columns of few levels, saturated ones, such far from zero.
    quantize_bytes : int
        Flash of the tables that ``quantize()`` reads, in a program that calls it; in no other figure.
    schedules : tuple of Schedule
        Of a convolutional net: RAM and products row by row, as it runs, and what whole tensors and patches would take.
    subject : Twin, optional
        The compiled model that it is about, for :meth:`save`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from edgealgos import compile_model
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    >>> report = compile_model(tree, board="uno", X_calibration=X).report
    >>> report.flash_bytes < 5000, report.model_bytes, report.cycles < 200
    (True, 21, True)
    >>> [item.label for item in report.ram_items.largest(2)]
    ['Arduino core and serial loop', 'stack']
    """

    board: Board
    flash_items: Items
    ram_items: Items
    model_items: Items
    cycle_items: Items
    memory_plan: MemoryPlan
    faster: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    quantize_bytes: int = 0
    flash_of_speed: int = 0
    input_without_buffer: int = 0
    stops_early: bool = False
    typical_cycles: int = 0
    schedules: tuple[Schedule, ...] = ()
    subject: Any = field(default=None, repr=False, compare=False)

    def save(
        self,
        path: str | os.PathLike[str],
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        name: str = "model",
        image_shape: tuple[int, int] | None = None,
    ) -> Path:
        """Write one HTML file that shows the model, and runs its sketch inside.

        It loads nothing and sends nothing. Boards that the page cannot run (all but those with an ATmega328P, 168, 1280
        or 2560), and computers without avr-gcc, get the page without the running sketch, and the reason in its place.

        Parameters
        ----------
        path : path
            File to write.
        X : array-like, optional
            Raw samples to judge by, and to try on the board; without, the page holds what is predicted alone.
        y : array-like, optional
            Their labels or targets.
        name : str
            Title, and C++ namespace of the sketch.
        image_shape : (int, int), optional
            Height and width of the picture that a sample is, to draw one; default: found out.

        Raises
        ------
        EdgeAlgosError
            If the file cannot be written.
        """
        from ...pages.report import report_page

        return write_file(path, report_page(self, X, y, name, image_shape))

    def __repr__(self) -> str:
        from ...pages.facts import report_line

        return f"<Report for {self.board.title}: {report_line(self)}>"

    def _repr_html_(self) -> str:
        from ...pages.facts import report_html

        return report_html(self)

    def with_self_test(self, rows: int, row_bytes: int) -> Report:
        """The report of a sketch that holds so many rows, of so many bytes each, with their answers."""
        baked_in = ReportItem(Kind.SELF_TEST, "self-test", SELF_TEST_CODE + rows * (row_bytes + ANSWER_BYTES))
        return replace(self, flash_items=Items([*self.flash_items.records, baked_in]))

    def with_application(self, application: str, inputs: int) -> Report:
        """The report of a sketch that does something else than to answer lines, for a model of so many inputs a step.

        One that does nothing is as large as one that answers: what it will do is not known.
        """
        costs, part = self.board.cost_model, f"application {application}"
        if application == "serial" or costs is None or not self.board.core_is_here:
            return self
        table = measured_costs(costs.table)
        ram = table["ram"][part] + inputs * table["ram"].get(f"input of {part}", 0.0)  # readings that wait
        flash = table["flash"][part]
        spoken = [item for item in self.flash_items.records if item.label != NAMES]
        around = part if flash >= 0 else self.board.framework.around  # which is then smaller
        return replace(
            self,
            flash_items=Items([*spoken, ReportItem(Kind.CORE, around, round(flash))]),
            ram_items=Items([*self.ram_items.records, ReportItem(Kind.CORE, part, ceil(ram))]),
        )

    @property
    def flash_bytes(self) -> int:
        """Flash of the whole sketch, bytes; a build takes a little more or less."""
        return sum(self.flash_items.values())

    @property
    def flash_at_most(self) -> int:
        """Flash that a build takes at most, bytes: what limits are kept by."""
        return flash_at_most(self.flash_items.records, self.board)

    @property
    def ram_bytes(self) -> int:
        """RAM of the whole sketch: variables and deepest stack, bytes."""
        return sum(self.ram_items.values())

    @property
    def static_ram_bytes(self) -> int:
        """RAM of the whole sketch without the stack, bytes."""
        return self.ram_bytes - self.ram_items["stack"]

    @property
    def model_bytes(self) -> int:
        """Flash that the model's numbers take, bytes."""
        return sum(self.model_items.values())

    @property
    def cycles(self) -> int:
        """Cycles (see :attr:`unit`) of one prediction, or of a whole sequence; 0 on boards without a cost model.

        Raises
        ------
        BoardError
            If the board's model lacks a cost of what the program is made of.
        """
        if self.board.cost_model is not None and not self.cycle_items:
            raise BoardError(f"no {self.unit} are predicted: {self.warnings[-1]}")
        return sum(self.cycle_items.values())

    @property
    def milliseconds(self) -> float:
        """Time of one prediction."""
        return 1e3 * self.cycles / self.board.clock_hz

    @property
    def unit(self) -> str:
        """What :attr:`cycles` counts: clock cycles, or instructions where no simulator of the board knows cycles."""
        return "cycles" if self.board.counts_cycles else "instructions"

    @property
    def time(self) -> str:
        """Time of one prediction, for people."""
        if not self.cycle_items:
            return "not predicted"
        amount = f"{'at most ' * self.stops_early}{self.cycles:7,} {self.unit}"
        amount += f" = {self.milliseconds:.2f} ms" * self.board.counts_cycles
        return amount + f", typically {self.typical_cycles:,}" * (self.typical_cycles != self.cycles)

    def _scope(self) -> str:
        if not self.cycle_items:
            return "the model's tables and variables, without code"
        if not self.board.framework.sketches:
            return "the exported program, its example included"
        return "the whole sketch" if self.board.core_is_here else "the model and an example, without Arduino's core"

    def __str__(self) -> str:
        scope = self._scope()
        lines = [
            f"{self.board.title}: predicted for {scope}",
            f"  flash  {self.flash_bytes:7,} of {self.board.flash_bytes:,} bytes"
            + (f" (as built at most {self.flash_at_most:,})" if self.board.cost_model else ""),
            f"  RAM    {self.ram_bytes:7,} of {self.board.ram_bytes:,} bytes (with the deepest stack)",
            f"  model  {self.model_bytes:7,} bytes of the flash",
        ]
        if self.cycle_items:
            lines.append(f"  time   {self.time:>7} a prediction")
        for title, items in (("flash", self.flash_items), ("RAM", self.ram_items), (self.unit, self.cycle_items)):
            if not items:  # nothing is known of it
                continue
            lines.append(f"{title} by item")
            lines += [f"  {item.amount:9,}  {item.label}" for item in items.largest() if item.amount]
        for name, (saved, size) in self.faster.items():
            lines.append(f"made faster: {name} saves {saved:,} {self.unit} for {size:,} bytes of flash")
        if self.quantize_bytes:
            lines.append(f"quantize() brings {self.quantize_bytes:,} bytes of tables more, where it is called")
        if self.schedules:
            lines.append("schedules: RAM of activations, products, those of them that are computed again")
            lines += [f"  {s.ram_bytes:9,}  {s.products:11,}  {s.recomputed:10,}  {s.name}" for s in self.schedules]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join([*lines, str(self.memory_plan)])


def predict_report(program: Program, board: Board) -> Report:
    """Predicted needs of a program exported for a board."""
    plan, straight = plan_memory(program), straight_line(program)
    ram = variable_items(program, board.architecture.alignment)
    schedules = compare_schedules(program, sum(item.amount for item in ram))
    flash = [*table_items(program, straight), *code_items(program, board)]
    unknown = board.cost_model is not None and costs_of(program, board) is None
    now, longest = needs(program, board), _longest(program)
    return Report(
        board, Items(flash), Items(ram + stack_items(program, board)), Items(_model_items(program)),
        Items(cycle_items(longest, board, straight_line(longest))), plan, _faster(program, board, now),
        (*program.warnings, *((_NOT_MEASURED.format(board.title),) if unknown else ())),
        program.encoding.table_bytes,
        now[1] - needs(program.replacing(*map(_smallest, program.tensors)), board)[1],
        _input_without_buffer(program),
        any(op.stops_early for op in program.ops()),
        now[0],
        schedules,
    )  # fmt: skip


_NOT_MEASURED = (
    "parts of this program were not measured on a {}: its tables and variables are predicted, but no code; simulate() "
    "builds and measures it"
)


def _longest(program: Program) -> Program:
    """The program as it runs where it stops as late as it may."""
    functions = {name: tuple(op.typically(program, None) for op in body) for name, body in program.functions.items()}
    return replace(program, functions=functions)


def _input_without_buffer(program: Program) -> int:
    readers = [op for op in program.ops() if program.input.name in op.reads]
    streamed = readers[0].streamed(program) if program.steps is None and len(readers) == 1 else None
    if streamed is None:
        return 0
    sums = sum(tensor.ram_bytes for tensor in streamed.state)  # that live from one feature to the next
    return max(0, program.input.ram_bytes - program.input.type.container // 8 - sums)


def _model_items(program: Program) -> list[ReportItem]:
    """Flash of the model's numbers, whatever holds them."""
    tables = table_bytes(program)
    items = [
        ReportItem(Kind.TABLE, name, size, name) for name, size in stored_bytes(program).items() if name not in tables
    ]
    return items + [ReportItem(Kind.LOOK_UP_TABLE, name, size) for name, size in tables.items()]


def _faster(program: Program, board: Board, now: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """What each constant buys that is not stored in its smallest form; `now` is what the program needs."""
    found = {}
    for names in dict.fromkeys(names for op in program.ops() for names in groups(op)):
        small = [_smallest(program[name]) for name in names]
        if any(tensor is not program[tensor.name] for tensor in small):
            before = needs(program.replacing(*small), board)
            found[" and ".join(names)] = (before[0] - now[0], now[1] - before[1])
    return found


def _smallest(tensor: Tensor) -> Tensor:
    if not (tensor.unrolled or tensor.packed):
        return tensor
    return replace(tensor, storage=tensor.packed or tensor.storage, packed=None, unrolled=0)
