"""What a program will need on its board, item by item, predicted before anything is compiled.

Knows programs, the memory plan, boards and measured prices of kernels; nothing of estimators or tools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edgealgos.errors import DoesNotFitError

from ..program import Program, Space, Tensor
from ..program.memory import MemoryPlan, plan_memory
from ..storage import tensor_bytes
from ..storage.needs import model_bytes, stored_bytes, table_bytes
from ..targets.avr.forms import groups, not_stored
from ..targets.boards import Board
from .model import code_bytes, cycles, stack_bytes, straight_line

TABLES_OF_OTHERS = 2048  # vectors, and what core and sketch keep in flash


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits for a whole sketch; None leaves the board's own limit.

    Parameters
    ----------
    flash_bytes, ram_bytes : int or None
        Flash of the sketch; RAM as variables plus deepest stack.
    cycles : int or None
        Clock cycles of one prediction (sequence models: of a whole sequence).
    """

    flash_bytes: int | None = None
    ram_bytes: int | None = None
    cycles: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Predicted needs of the exported sketch.

    Parameters
    ----------
    board : Board
        What it was predicted for.
    flash_items, ram_items, model_items, cycle_items : dict of str to int
        Bytes, bytes, bytes and clock cycles by item. Flash and RAM hold the whole sketch with the Arduino core; RAM
        includes the deepest stack. Cycles are those of one prediction. Without a cost model of the board, flash holds
        the tables alone, the stack is an allowance, and there are no cycles.
    memory_plan : MemoryPlan
        Where the scratch tensors lie in the arena.
    faster : dict of str to (int, int)
        Of each constant that was made faster and larger: cycles that it saves, bytes of flash that it costs.
    """

    board: Board
    flash_items: Mapping[str, int]
    ram_items: Mapping[str, int]
    model_items: Mapping[str, int]
    cycle_items: Mapping[str, int]
    memory_plan: MemoryPlan
    faster: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def flash_bytes(self) -> int:
        """Flash of the whole sketch, bytes."""
        return sum(self.flash_items.values())

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
        """Clock cycles of one prediction (sequence models: of a whole sequence); 0 where no price is known."""
        return sum(self.cycle_items.values())

    @property
    def milliseconds(self) -> float:
        """Time of one prediction."""
        return 1e3 * self.cycles / self.board.clock_hz

    def __str__(self) -> str:
        scope = "the whole sketch" if self.board.cost_model else "the model's tables and variables, without code"
        lines = [
            f"{self.board.title}: predicted for {scope}",
            f"  flash  {self.flash_bytes:7,} of {self.board.flash_bytes:,} bytes",
            f"  RAM    {self.ram_bytes:7,} of {self.board.ram_bytes:,} bytes (with the deepest stack)",
            f"  model  {self.model_bytes:7,} bytes of the flash",
        ]
        if self.cycle_items:
            lines.append(f"  time   {self.cycles:7,} cycles = {self.milliseconds:.2f} ms a prediction")
        for title, items in (("flash", self.flash_items), ("RAM", self.ram_items), ("cycles", self.cycle_items)):
            if not items:  # nothing is known of it
                continue
            lines.append(f"{title} by item")
            largest_first = sorted(items.items(), key=lambda kv: -kv[1])
            lines += [f"  {amount:9,}  {item}" for item, amount in largest_first if amount]
        for name, (saved, size) in self.faster.items():
            lines.append(f"made faster: {name} saves {saved:,} cycles for {size:,} bytes of flash")
        return "\n".join([*lines, str(self.memory_plan)])


def predict_report(program: Program, board: Board) -> Report:
    """Predicted needs of a program exported for a board."""
    model = stored_bytes(program)
    plan = plan_memory(program)
    ram = {"input row": program.input.ram_bytes}
    ram |= {"scratch arena": plan.arena_bytes}
    ram |= {t.name: t.ram_bytes for t in program.tensors if t.space in (Space.STATE, Space.OUTPUT)}
    ram |= stack_bytes(program, board)
    flash = flash_tables(program) | code_bytes(program, board)
    return Report(board, flash, ram, model, cycles(program, board), plan, _faster(program, board))


def needs(program: Program, board: Board) -> tuple[int, int]:
    """Cycles of a prediction and flash of the sketch."""
    flash = flash_tables(program) | code_bytes(program, board)
    return sum(cycles(program, board).values()), sum(flash.values())


def _faster(program: Program, board: Board) -> dict[str, tuple[int, int]]:
    """What each constant buys that is not stored in its smallest form."""
    found = {}
    for op in program.ops():
        for names in groups(op):
            small = [_smallest(program[name]) for name in names]
            if any(tensor is not program[tensor.name] for tensor in small):
                now, before = needs(program, board), needs(program.replacing(*small), board)
                found[" and ".join(names)] = (before[0] - now[0], now[1] - before[1])
    return found


def _smallest(tensor: Tensor) -> Tensor:
    if not (tensor.unrolled or tensor.packed):
        return tensor
    return replace(tensor, storage=tensor.packed or tensor.storage, packed=None, unrolled=0)


def flash_tables(program: Program) -> dict[str, int]:
    """Flash of the tables, by item; scalars are operands of instructions and part of the code."""
    absent = not_stored(program)
    tables = [t for t in program.tensors if t.space is Space.FLASH and t.shape != () and t.name not in absent]
    left = [t.table for t in tables]
    sizes = {f"table {t.name}": tensor_bytes(t) for t in left if t is not None}
    sizes |= {f"table {name}": size for name, size in table_bytes(program).items()}
    return sizes | {f"straight-line code of {name}": size for name, (size, _) in straight_line(program).items()}


def check_fits(report: Report, budget: Budget | None = None) -> None:
    """Raise DoesNotFitError, naming the largest items and what to change, unless the program fits.

    A limit of cycles where the board has no cost model is a BoardError.
    """
    budget = budget or Budget()
    if budget.cycles is not None:
        report.board.costs("keep a limit of cycles; leave it out of the budget")
    tables = {item: size for item, size in report.flash_items.items() if item.startswith("table ")}
    reach = (report.board.architecture.table_reach or report.board.flash_bytes) - TABLES_OF_OTHERS
    limits = (
        ("flash", report.flash_bytes, min(budget.flash_bytes or report.board.flash_bytes, report.board.flash_bytes),
         report.flash_items, "lower max_model_bytes"),
        ("tables that pointers reach", sum(tables.values()), reach, tables, "lower max_model_bytes"),
        ("RAM", report.ram_bytes, min(budget.ram_bytes or report.board.ram_bytes, report.board.ram_bytes),
         report.ram_items, "use fewer features, or a smaller projection_dim or hidden_size"),
        ("cycles", report.cycles, budget.cycles or report.cycles, report.cycle_items, "lower max_model_bytes or depth"),
    )  # fmt: skip
    for what, need, limit, items, remedy in limits:
        if need > limit:
            largest = sorted(items.items(), key=lambda kv: -kv[1])[:3]
            named = ", ".join(f"{item} {amount:,}" for item, amount in largest)
            raise DoesNotFitError(
                f"{what}: the sketch needs {need:,}, {report.board.title} allows {limit:,}. Largest items: {named}. "
                f"To make it fit: {remedy}."
            )


__all__ = ["Budget", "Report", "check_fits", "model_bytes", "predict_report"]
