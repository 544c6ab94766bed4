"""Runs a built sketch on a simulated board and measures it; knows the serial protocol of our sketches, no models.

`run_rows` asks a sketch that speaks our protocol row by row; `run_sketch` runs any sketch for a stretch of simulated
time, with devices attached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from edgealgos.errors import BoardError, SimulationError

from ..build.firmware import Firmware
from ..targets.boards import Board
from . import avr8js, simavr
from .devices import Device
from .runner import Ending, Job, Run, Stretch, StretchRun, Target, run_job, run_stretch
from .skip_fault import SkipPlace, find_skip_places

Ints = NDArray[np.int64]

_SIMULATORS = {"simavr": simavr, "avr8js": avr8js}
_CONSOLE = ("consolePut", "consoleGet")  # what firmware/avr.h has in place of a serial port
_CONFIRMED_ROWS = 50  # enough to meet every path of a small program, and under a second

_REASONS = {
    "crashed": "crashed (an instruction that does not exist, or code run outside the program)",
    "restarted": "started again from address 0: a jump through a bad pointer, or a stack that met the variables",
    "silent": "gave no answer within the cycle limit",
    "out-of-step": "answered before the whole row was sent",
    "line-too-long": "printed a line without an end",
}


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
    """
    table = integer_table(rows)
    job = Job(_target(firmware, watch), ["=" + ",".join(map(str, row)) for row in table.tolist()], cycle_limit)
    run = _run(simulator, job, verbose)
    result = _result(firmware, run, watch, simulator)
    if run.end.held_back:
        result.warnings.append(_slow_reader_warning(run.end.held_back))
    places = _doubtful_places(firmware, simulator)
    second = next(name for name in _SIMULATORS if name != simulator)
    if confirm or (confirm is None and places and _SIMULATORS[second].find() is not None):
        _confirm(firmware, job, run, simulator, second)
        result.confirmed_by = second
    if places:
        result.warnings.append(_skip_warning(places, run.end.mended_skips, result.confirmed_by))
    return result


@dataclass(frozen=True, slots=True)
class SerialLine:
    """A line that a sketch printed.

    Parameters
    ----------
    seconds : float
        Simulated time at which the port took its last byte.
    text : str
        The line without its end.
    """

    seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class FunctionCalls:
    """Calls of a watched function.

    Parameters
    ----------
    seconds : ndarray of float of shape (n_calls,)
        When each call began.
    cycles : ndarray of int of shape (n_calls,)
        Clock cycles from entry to return, interrupt handlers left out.
    """

    seconds: NDArray[np.float64]
    cycles: Ints

    @property
    def worst(self) -> int:
        """Cycles of the longest call, 0 without calls."""
        return int(self.cycles.max(initial=0))


@dataclass
class SketchRun:
    """What a sketch did in a stretch of simulated time.

    Parameters
    ----------
    seconds : float
        How long it ran.
    output : bytes
        All that it printed.
    lines : list of SerialLine
        The complete lines of it.
    calls : dict of str to FunctionCalls
        For each watched function.
    reports : list
        What each device saw, in the order of `devices`.
    ram_peak, stack_peak, static_ram, flash_bytes, warnings
        As in `SimulationResult`.
    """

    seconds: float
    output: bytes
    lines: list[SerialLine]
    calls: dict[str, FunctionCalls]
    reports: list[Any]
    ram_peak: int
    stack_peak: int
    static_ram: int
    flash_bytes: int
    warnings: list[str]

    @property
    def text(self) -> list[str]:
        """The lines without their times."""
        return [line.text for line in self.lines]


def run_sketch(
    firmware: Firmware, seconds: float, devices: Sequence[Device] = (), watch: Sequence[str] = ()
) -> SketchRun:
    """Run any sketch on the simulated Uno (simavr) for some simulated seconds, with devices attached.

    Parameters
    ----------
    firmware : Firmware
        The sketch, from `build_sketch`.
    seconds : float
        Simulated time to run it from reset.
    devices : sequence of Device
        `MPU6050`, `AnalogAudio`, `SerialInput`, `PinWatch`.
    watch : sequence of str
        Functions to measure, as in `run_rows`; interrupt handlers are called ``"__vector_<number>"``.

    Raises
    ------
    SimulationError
        If the firmware crashes, starts again, or its stack meets its variables.
    MissingToolError
        If the simulator is not installed.

    Examples
    --------
    >>> firmware = build_sketch("blink")  # doctest: +SKIP
    >>> run_sketch(firmware, 3.0, devices=[PinWatch(13)]).reports[0].rises  # doctest: +SKIP
    [1.0000345, 3.000076]
    """
    _check_pins(firmware.board, devices)
    stretch = Stretch(_target(firmware, watch), round(seconds * firmware.board.clock_hz), devices)
    run = run_stretch(simavr.command(), stretch)
    lines = _serial_lines(run, firmware.board.clock_hz)
    if run.end.status != "done":
        last = lines[-1].text[:200] if lines else ""
        raise SimulationError(f"the sketch {_stop(firmware, run.end)}. The last line it printed is {last!r}.")
    stack = _stack_bytes(firmware, run.end.lowest_stack_pointer)
    places = _doubtful_places(firmware, "simavr")
    return SketchRun(
        seconds=run.end.total_cycles / firmware.board.clock_hz,
        output=run.output,
        lines=lines,
        calls={name: _calls(run, index, firmware.board.clock_hz) for index, name in enumerate(watch)},
        reports=run.reports,
        ram_peak=firmware.static_ram_bytes + stack,
        stack_peak=stack,
        static_ram=firmware.static_ram_bytes,
        flash_bytes=firmware.flash_bytes,
        warnings=[*firmware.warnings, *([_skip_warning(places, run.end.mended_skips, None)] if places else [])],
    )


def _check_pins(board: Board, devices: Sequence[Device]) -> None:
    if board.variant != "standard" and any(hasattr(device, "pin") for device in devices):
        raise BoardError(f"devices on pins are known for the Uno's pins, and those of the {board.title} are others")


def _serial_lines(run: StretchRun, clock_hz: int) -> list[SerialLine]:
    texts = run.output.split(b"\n")[:-1]
    return [
        SerialLine(int(cycle) / clock_hz, text.decode("latin-1").rstrip("\r"))
        for cycle, text in zip(run.line_ends, texts, strict=True)
    ]


def _calls(run: StretchRun, index: int, clock_hz: int) -> FunctionCalls:
    own = run.calls[run.calls[:, 2] == index]
    return FunctionCalls(own[:, 0] / clock_hz, own[:, 1])


def function_addresses(firmware: Firmware, name: str) -> list[int]:
    """Byte addresses of a function and of the compiler's copies of it.

    Raises
    ------
    SimulationError
        If the firmware has no such function.
    """
    functions = [symbol for symbol in firmware.symbols if symbol.kind in "tTwW"]
    found = [symbol.address for symbol in functions if is_named(symbol.demangled, name)]
    if not found:
        known = ", ".join(symbol.demangled for symbol in functions if symbol.size > 0)
        raise SimulationError(
            f"{firmware.elf.name} has no function {name!r}: it was left out, or inlined (mark it noinline). "
            f"Functions: {known}"
        )
    return found


def is_named(demangled: str, name: str) -> bool:
    """Whether a symbol is that function: its name ends there, or goes on with parameters or the mark of a copy."""
    return demangled.startswith(name) and (demangled + " ")[len(name)] in "( .["


def integer_table(rows: ArrayLike) -> Ints:
    """Rows as a table of integers, or ValueError."""
    table = np.asarray(rows)
    if table.ndim != 2:
        raise ValueError(f"rows must have two dimensions (rows, values), not the shape {table.shape}")
    if not np.issubdtype(table.dtype, np.integer):
        raise ValueError(f"rows must be integers as the device takes them, not {table.dtype}; quantize them first")
    return table.astype(np.int64)


def _target(firmware: Firmware, watch: Sequence[str]) -> Target:
    main, *watched = (function_addresses(firmware, name) for name in ("main", *watch))
    console = None
    if not firmware.board.framework.sketches:
        (put,), (get,) = (function_addresses(firmware, name) for name in _CONSOLE)
        console = put, get
    return Target(firmware.image(), firmware.board, main[0], watched, console)


def _run(simulator: str, job: Job, verbose: bool) -> Run:
    try:
        module = _SIMULATORS[simulator]
    except KeyError:
        raise ValueError(f"no simulator is called {simulator!r}; known: {', '.join(_SIMULATORS)}") from None
    with tqdm(total=len(job.rows), desc=f"simulating on {simulator}", unit="row", disable=not verbose) as bar:
        return run_job(module.command(), job, bar.update)


def _result(firmware: Firmware, run: Run, watch: Sequence[str], simulator: str) -> SimulationResult:
    answers = _answers(run, firmware)
    stack = _stack_bytes(firmware, run.end.lowest_stack_pointer)
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
            f"the sketch {_stop(firmware, run.end, f'{answered} answered rows and ')}. {_last_words(run)}"
        )
    return lines[:answered]


def _stop(firmware: Firmware, end: Ending, answered: str = "") -> str:
    """Why, when and where a firmware stopped."""
    place = f"{firmware.function_at(end.stopped_at)} at 0x{end.stopped_at:04x}"
    return f"{_REASONS.get(end.status, end.status)}, after {answered}{end.total_cycles:,} cycles, in {place}"


def _last_words(run: Run) -> str:
    if not run.output:
        return "It printed nothing: does it print '# <name> ready: ...' at 8N1 on its serial port?"
    lost = " It did not read its serial port in time, and bytes were lost." if run.end.held_back else ""
    return f"The last line it printed is {run.output[-1][:200]!r}.{lost}"


def _stack_bytes(firmware: Firmware, lowest_stack_pointer: int) -> int:
    """Bytes of the deepest stack, or SimulationError if it met the variables."""
    stack = firmware.board.ram_start + firmware.board.ram_bytes - 1 - lowest_stack_pointer
    free = firmware.board.ram_bytes - firmware.static_ram_bytes
    if stack > free:
        raise SimulationError(
            f"the stack took {stack} bytes where variables ({firmware.static_ram_bytes} bytes) leave {free}: "
            "it overwrote them, and the answers mean nothing. Make the model or its buffers smaller."
        )
    return stack


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


def _doubtful_places(firmware: Firmware, simulator: str) -> list[SkipPlace]:
    """Places of the firmware that this simulator gets wrong by itself."""
    return find_skip_places(firmware) if _SIMULATORS[simulator].has_skip_fault() else []


def _skip_warning(places: Sequence[SkipPlace], mended: int, confirmed_by: str | None) -> str:
    shown = ", ".join(str(place) for place in places[:3]) + (", ..." if len(places) > 3 else "")
    opinion = f"{confirmed_by} confirms the answers" if confirmed_by else f"not confirmed: {avr8js.missing()}"
    return (
        "this simavr skips one instruction too many before some adiw/sbiw, and the firmware has "
        f"{len(places)} such places ({shown}); the harness put right {mended} wrong skips; {opinion}"
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
