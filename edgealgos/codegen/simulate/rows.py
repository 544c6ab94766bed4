"""Asks a sketch that speaks our serial protocol row by row, on a simulated AVR, and measures it; knows no models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from edgealgos.errors import SimulationError

from ..build.firmware import Firmware
from .measured import SIMULATORS, doubtful_places, skip_warning, stack_bytes, target_of, why_stopped
from .runner import Job, Run, run_job

Ints = NDArray[np.int64]

_CONFIRMED_ROWS = 50  # enough to meet every path of a small program, and under a second


@dataclass
class SimulationResult:
    """Answers and measurements of a firmware on a simulated board.

    Parameters
    ----------
    lines : list of str
        The answer lines, one a row.
    labels : ndarray of shape (n,)
        First number of each answer (a class index; for a regressor its raw output).
    scores : ndarray of shape (n, n_scores)
        The other numbers (for a regressor the raw output itself).
    cycles : ndarray of shape (n,)
        Clock cycles in watched functions for each row, from entry to return, interrupt handlers left out; a watched
        function inside another one counts once.
    cycles_by_function, calls_by_function : dict of str to ndarray of shape (n,)
        The same for each watched function, and how often it was called.
    interrupt_cycles : ndarray of shape (n,)
        Clock cycles in interrupt handlers from the end of the previous answer to the end of this one.
    ram_peak, stack_peak, static_ram : int
        Bytes: variables and deepest stack together; deepest stack, interrupt handlers included; variables.
    flash_bytes : int
        Bytes of flash the firmware fills.
    total_cycles : int
        Clock cycles from reset to the last answer.
    simulator : str
        What ran it.
    remarks : list of str
        Lines beginning with ``#`` that the sketch printed, its greeting among them.
    warnings : list of str
        Compiler warnings about the sketch and doubts about the simulation.
    confirmed_by : str or None
        Second simulator that gave the same answers and cycles for the first rows, if it was asked.

    Examples
    --------
    >>> from dataclasses import fields
    >>> from edgealgos.codegen.simulate import SimulationResult
    >>> [field.name for field in fields(SimulationResult)][:4]  # as `run_rows` returns them
    ['lines', 'labels', 'scores', 'cycles']
    """

    lines: list[str]
    labels: Ints
    scores: Ints
    cycles: Ints
    cycles_by_function: dict[str, Ints]
    calls_by_function: dict[str, Ints]
    interrupt_cycles: Ints
    ram_peak: int
    stack_peak: int
    static_ram: int
    flash_bytes: int
    total_cycles: int
    simulator: str
    remarks: list[str]
    warnings: list[str]
    confirmed_by: str | None = None


def run_rows(
    firmware: Firmware,
    rows: ArrayLike,
    watch: Sequence[str] = (),
    *,
    simulator: str = "simavr",
    confirm: bool | None = None,
    cycle_limit: int = 400_000_000,
    verbose: bool = False,
) -> SimulationResult:
    """Send rows to a sketch on a simulated board, one after the other's answer, and read the answers.

    A row is a line of a ``=`` and integers with commas between them, as hosts send them to exported sketches.

    Parameters
    ----------
    firmware : Firmware
        The sketch, from `build_sketch`.
    rows : array-like of int, shape (n, n_values)
        Device inputs, one sample a row.
    watch : sequence of str
        Functions to measure, as the source names them (``"digits::predict"``, or with parameter types to choose one
        of several: ``"digits::push(signed char const*)"``). The compiler's copies of a function count as the function.
    simulator : str
        What runs the firmware: ``"simavr"`` or ``"avr8js"``.
    confirm : bool, optional
        Whether the other simulator must give the same answers and cycles for the first 50 rows. By default it is asked
        where simavr is known to err, if it is installed.
    cycle_limit : int
        Clock cycles allowed from one answer to the next.
    verbose : bool
        Show a progress bar.

    Raises
    ------
    SimulationError
        If the firmware crashes, goes silent, refuses a row or answers what is no number; if two simulators disagree.
    MissingToolError
        If the simulator is not installed.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from edgealgos import compile_model, export_arduino
    >>> from edgealgos.codegen.build.sketch import build_sketch
    >>> from edgealgos.codegen.simulate import run_rows
    >>> X, y = load_iris(return_X_y=True)
    >>> tree = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X, y)
    >>> report = export_arduino(tree, "iris", X_calibration=X)
    >>> compiled = compile_model(tree, X_calibration=X)
    >>> found = run_rows(build_sketch("iris"), compiled.quantize(X[::50]))
    >>> found.labels.tolist()
    [0, 1, 2]
    """
    table = integer_table(rows)
    job = Job(target_of(firmware, watch), ["=" + ",".join(map(str, row)) for row in table.tolist()], cycle_limit)
    run = _run(simulator, job, verbose)
    result = _result(firmware, run, watch, simulator)
    if run.end.held_back:
        result.warnings.append(_slow_reader_warning(run.end.held_back))
    places = doubtful_places(firmware, simulator)
    second = next(name for name in SIMULATORS if name != simulator)
    if confirm or (confirm is None and places and SIMULATORS[second].find() is not None):
        _confirm(firmware, job, run, simulator, second)
        result.confirmed_by = second
    if places:
        result.warnings.append(skip_warning(places, run.end.mended_skips, result.confirmed_by))
    return result


def integer_table(rows: ArrayLike) -> Ints:
    """Rows as a table of integers, or ValueError."""
    table = np.asarray(rows)
    if table.ndim != 2:
        raise ValueError(f"rows must have two dimensions (rows, values), not the shape {table.shape}")
    if not np.issubdtype(table.dtype, np.integer):
        raise ValueError(f"rows must be integers as the device takes them, not {table.dtype}; quantize them first")
    return table.astype(np.int64)


def _run(simulator: str, job: Job, verbose: bool) -> Run:
    try:
        module = SIMULATORS[simulator]
    except KeyError:
        raise ValueError(f"no simulator is called {simulator!r}; known: {', '.join(SIMULATORS)}") from None
    with tqdm(total=len(job.rows), desc=f"simulating on {simulator}", unit="row", disable=not verbose) as bar:
        return run_job(module.command(), job, bar.update)


def _result(firmware: Firmware, run: Run, watch: Sequence[str], simulator: str) -> SimulationResult:
    answers = _answers(run, firmware)
    stack = stack_bytes(firmware, run.end.lowest_stack_pointer)
    values = answer_numbers(answers)
    return SimulationResult(
        lines=answers,
        labels=values[:, 0],
        scores=values[:, 1:] if values.shape[1] > 1 else values,
        cycles=run.cycles,
        cycles_by_function={name: run.watch_cycles[:, index] for index, name in enumerate(watch)},
        calls_by_function={name: run.watch_calls[:, index] for index, name in enumerate(watch)},
        interrupt_cycles=run.interrupt_cycles,
        ram_peak=firmware.static_ram_bytes + stack,
        stack_peak=stack,
        static_ram=firmware.static_ram_bytes,
        flash_bytes=firmware.flash_bytes,
        total_cycles=run.end.total_cycles,
        simulator=simulator,
        remarks=[line.rstrip("\r") for line in run.output if line.startswith("#")],
        warnings=list(firmware.warnings),
    )


def _answers(run: Run, firmware: Firmware) -> list[str]:
    greeting = (index for index, line in enumerate(run.output) if line.startswith("#"))
    ready = next(greeting, len(run.output)) if firmware.board.framework.sketches else 0
    lines = [line for line in run.output[ready:] if not line.startswith("#")]
    answered = len(run.cycles)
    if run.end.status == "refused":
        raise SimulationError(f"the sketch refused row {answered} (from 0): {lines[-1]!r}")
    if run.end.status != "done":
        raise SimulationError(
            f"the sketch {why_stopped(firmware, run.end, f'{answered} answered rows and ')}. {_last_words(run)}"
        )
    return lines[:answered]


def _last_words(run: Run) -> str:
    if not run.output:
        return "It printed nothing: does it print '# <name> ready: ...' at 8N1 on its serial port?"
    lost = " It did not read its serial port in time, and bytes were lost." if run.end.held_back else ""
    return f"The last line it printed is {run.output[-1][:200]!r}.{lost}"


def answer_numbers(lines: Sequence[str]) -> Ints:
    """Answer lines as a table, or SimulationError."""
    try:
        rows = [[int(field) for field in line.split(",")] for line in lines]
        return np.array(rows, dtype=np.int64).reshape(len(rows), len(rows[0]) if rows else 1)
    except ValueError:
        wrong = next((line for line in lines if not all(_is_integer(field) for field in line.split(","))), lines[0])
        raise SimulationError(
            f"answers must be integers separated by commas, equally many in each; one is {wrong[:200]!r}"
        ) from None


def _is_integer(text: str) -> bool:
    return text.strip().lstrip("+-").isdigit()


def _slow_reader_warning(byte_times: int) -> str:
    return (
        "the sketch was slow to read its serial port: a host that does not wait would have lost bytes "
        f"({byte_times} byte times)"
    )


def _confirm(firmware: Firmware, job: Job, first: Run, simulator: str, second: str) -> None:
    """Run the first rows on the second simulator, and stop if it sees anything else."""
    again = _run(second, replace(job, rows=job.rows[:_CONFIRMED_ROWS]), verbose=False)
    expected, seen = _answers(first, firmware), _answers(again, firmware)
    for row, line in enumerate(seen):
        ours, theirs = (expected[row], first.watch_cycles[row].tolist()), (line, again.watch_cycles[row].tolist())
        if ours != theirs:
            raise SimulationError(
                f"simulators disagree on row {row}: {simulator} says {ours[0]!r} in {ours[1]} cycles, {second} says "
                f"{theirs[0]!r} in {theirs[1]}. One of them has a fault: do not trust either before it is found."
            )
