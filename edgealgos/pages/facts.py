"""What a report, a compiled model, a simulation and an estimator look like in a notebook; measures nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import EdgeAlgosError
from .html import bars, fragment, heading, memory, table

if TYPE_CHECKING:
    from ..codegen.compiled import CompiledModel, Simulation
    from ..codegen.cost.report import Report
    from ..codegen.twin import Twin


def report_pieces(report: Report) -> list[str]:
    """Memory maps, cycles by item, schedules and warnings."""
    board = report.board
    pieces = [
        memory("Flash", [(item.label, item.amount) for item in report.flash_items.records], board.flash_bytes),
        memory("RAM", [(item.label, item.amount) for item in report.ram_items.records], board.ram_bytes),
    ]
    if report.cycle_items:
        pieces.append(heading(f"Time of one prediction: {report.time.strip()}"))
        pieces.append(bars([(item.label, item.amount) for item in report.cycle_items.records], report.unit))
    if report.schedules:
        rows = [(s.name, s.ram_bytes, s.products, s.recomputed) for s in report.schedules]
        head = ("schedule", "RAM of activations, bytes", "products", "computed again")
        pieces += [heading("Schedules of the picture"), table(rows, head)]
    if report.warnings:
        pieces += [heading("Warnings"), table([(warning,) for warning in report.warnings])]
    return pieces


def report_html(report: Report) -> str:
    """A report."""
    return fragment(heading(f"Predicted for {report.board.title}"), *report_pieces(report))


def model_rows(twin: Twin) -> list[tuple[Any, Any]]:
    """What a model takes and answers."""
    program, report = twin.program, twin.report
    size = program.input.size if program.steps is None else f"{program.steps} steps of {program.input.size}"
    rows: list[tuple[Any, Any]] = [
        ("model", program.family),
        ("board", twin.board.title),
        ("inputs", f"{size} ({twin.input_dtype.name})"),
        ("model bytes", report.model_bytes),
    ]
    if program.task == "classifier":
        rows.insert(3, ("classes", ", ".join(map(str, program.labels))))
    return rows


def model_html(compiled: Twin) -> str:
    """A compiled model: what it is, and its report."""
    return fragment(heading("Compiled model"), table(model_rows(compiled)), *report_pieces(compiled.report))


def model_line(compiled: CompiledModel) -> str:
    """A compiled model in one line."""
    return f"<CompiledModel: {compiled.program.family} for {compiled.board.title}, {report_line(compiled.report)}>"


def report_line(report: Report) -> str:
    """A report in a few words."""
    time = f", {report.time.strip()}" if report.cycle_items else ""
    return f"{report.flash_bytes:,} bytes of flash, {report.ram_bytes:,} of RAM{time}"


def simulation_rows(simulation: Simulation) -> list[tuple[str, Any]]:
    """What was measured."""
    rows: list[tuple[str, Any]] = [("samples", len(simulation.labels))]
    for unit in ("cycles", "instructions"):
        spent = getattr(simulation, unit)
        if len(spent):
            rows.append((f"{unit} a prediction", f"{spent.mean():,.0f} on average, {spent.max():,} at most"))
    return [
        *rows,
        ("flash, bytes", simulation.flash_bytes),
        (
            "RAM, bytes",
            f"{simulation.ram_peak:,} ({simulation.static_ram:,} variables, {simulation.stack_peak:,} stack)",
        ),
        *(("warning", warning) for warning in simulation.warnings),
    ]


def simulation_line(simulation: Simulation) -> str:
    """A simulation in one line."""
    told = "; ".join(f"{name}: {value}" for name, value in simulation_rows(simulation) if name != "warning")
    return f"<Simulation: {told}; {len(simulation.warnings)} warnings>"


def simulation_html(simulation: Simulation, answers: int = 10) -> str:
    """A simulation: measurements and the first answers."""
    first = [(i, str(label)) for i, label in enumerate(simulation.labels[:answers].tolist())]
    if len(simulation.cycles):
        first = [(*row, int(n)) for row, n in zip(first, simulation.cycles, strict=False)]  # type: ignore[misc]
    title = "First answers" if len(simulation.labels) > answers else "Answers"
    return fragment(
        heading("Simulation"), table(simulation_rows(simulation)),
        heading(title), table(first, ("sample", "answer", "cycles")[: len(first[0]) if first else 2]),
    )  # fmt: skip


def estimator_html(estimator: Any) -> str:
    """Device facts of a fitted estimator, on its board or an Uno; empty where it cannot be compiled for that."""
    from ..codegen.compiled import compile_model

    try:
        compiled = compile_model(estimator, getattr(estimator, "board", None) or "uno")
    except EdgeAlgosError:  # a drawing must not fail
        return ""
    return fragment(heading("On the device"), table(model_rows(compiled)), *report_pieces(compiled.report))
