"""Runs any sketch on a simulated AVR for a stretch of simulated time, with devices attached; knows no models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgealgos.errors import BoardError, SimulationError

from ..build.firmware import Firmware
from ..targets.boards import Board
from . import simavr
from .devices import Device
from .measured import doubtful_places, skip_warning, stack_bytes, target_of, why_stopped
from .runner import Stretch, StretchRun, run_stretch

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SerialLine:
    """A line that a sketch printed.

    Parameters
    ----------
    seconds : float
        Simulated time at which the port took its last byte.
    text : str
        The line without its end.

    Examples
    --------
    >>> from edgealgos.codegen.simulate import SerialLine
    >>> SerialLine(seconds=1.5, text="rest 97%").text
    'rest 97%'
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

    Examples
    --------
    >>> import numpy as np
    >>> from edgealgos.codegen.simulate import FunctionCalls
    >>> FunctionCalls(np.array([0.1, 0.2]), np.array([900, 1200])).worst
    1200
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

    Examples
    --------
    >>> from edgealgos.codegen.simulate import SerialLine, SketchRun
    >>> lines = [SerialLine(0.5, "ready"), SerialLine(1.5, "rest 97%")]
    >>> run = SketchRun(2.0, b"ready\\nrest 97%\\n", lines, {}, [], 600, 200, 400, 9000, [])  # as run_sketch returns it
    >>> run.text
    ['ready', 'rest 97%']
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
    >>> from pathlib import Path
    >>> from edgealgos.codegen.build.sketch import build_sketch
    >>> from edgealgos.codegen.simulate import PinWatch, run_sketch
    >>> Path("blink").mkdir()
    >>> _ = Path("blink/blink.ino").write_text(
    ...     "void setup() { pinMode(13, OUTPUT); } void loop() { digitalWrite(13, !digitalRead(13)); delay(100); }"
    ... )
    >>> led = run_sketch(build_sketch("blink"), 0.35, devices=[PinWatch(13)]).reports[0]
    >>> [round(float(second), 1) for second in led.rises]
    [0.0, 0.2]
    """
    _check_pins(firmware.board, devices)
    stretch = Stretch(target_of(firmware, watch), round(seconds * firmware.board.clock_hz), devices)
    run = run_stretch(simavr.command(), stretch)
    lines = _serial_lines(run, firmware.board.clock_hz)
    if run.end.status != "done":
        last = lines[-1].text[:200] if lines else ""
        raise SimulationError(f"the sketch {why_stopped(firmware, run.end)}. The last line it printed is {last!r}.")
    stack = stack_bytes(firmware, run.end.lowest_stack_pointer)
    places = doubtful_places(firmware, "simavr")
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
        warnings=[*firmware.warnings, *([skip_warning(places, run.end.mended_skips, None)] if places else [])],
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
