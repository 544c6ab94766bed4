"""Drives a simulator program (one "row" line an answered row, one "end" line); knows its protocol, no sketches."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgealgos.errors import SimulationError
from edgealgos.files import Scratch

from ..targets.boards import Board
from .devices import Device

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Target:
    """A flashed board, and what is measured on it.

    Parameters
    ----------
    image : bytes
        Content of the flash from address 0.
    board : Board
        The board, with the simulator's name of its processor.
    main_address : int
        Byte address of ``main``; the stack is watched from there on.
    watches : sequence of sequence of int
        For each watched function the byte addresses of its copies.
    console : tuple of (int, int), optional
        Byte addresses of the functions that a firmware without a serial port calls to print a character and to get one.
    """

    image: bytes
    board: Board
    main_address: int
    watches: Sequence[Sequence[int]]
    console: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Rows that a firmware is to answer.

    Parameters
    ----------
    target : Target
        What answers.
    rows : sequence of str
        The rows as sent, without line ends.
    cycle_limit : int
        Cycles allowed between two answers.
    """

    target: Target
    rows: Sequence[str]
    cycle_limit: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time that a firmware is to run.

    Parameters
    ----------
    target : Target
        What runs.
    cycles : int
        How long.
    devices : sequence of Device
        What is attached to the board.
    """

    target: Target
    cycles: int
    devices: Sequence[Device]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a simulation ended, in the order of the "end" line.

    Parameters
    ----------
    status : str
        ``"done"``, or why it stopped early.
    total_cycles : int
        Cycles since reset.
    lowest_stack_pointer : int
        Lowest value since ``main`` began, with the deepest interrupt handler wherever it may begin.
    mended_skips : int
        Skips that the simulator got wrong and the runner put right.
    held_back : int
        Byte times for which the sender had to wait because the firmware did not read.
    stopped_at : int
        Byte address of the next instruction at the end.
    """

    status: str
    total_cycles: int
    lowest_stack_pointer: int
    mended_skips: int
    held_back: int
    stopped_at: int


@dataclass(frozen=True, slots=True)
class Run:
    """What a simulator saw of the answers to rows.

    Parameters
    ----------
    end : Ending
        How it ended.
    output : list of str
        Lines the firmware printed.
    cycles, interrupt_cycles : ndarray of shape (n,)
        Cycles of the watched functions together for each answered row, without interrupt handlers; cycles of all
        interrupt handlers while the row was received, worked on and answered.
    watch_cycles, watch_calls : ndarray of shape (n, n_watches)
        The same for each function, and how often it was called.
    """

    end: Ending
    output: list[str]
    cycles: Ints
    interrupt_cycles: Ints
    watch_cycles: Ints
    watch_calls: Ints


@dataclass(frozen=True, slots=True)
class StretchRun:
    """What a simulator saw in a stretch of time.

    Parameters
    ----------
    end : Ending
        How it ended.
    output : bytes
        What the firmware printed.
    line_ends : ndarray of shape (n_lines,)
        Cycle at which each line of it ended.
    calls : ndarray of shape (n_calls, 3)
        Cycle of the call, cycles it took without interrupt handlers, number of the watch, in the order of their ends.
    reports : list
        What each device reports.
    """

    end: Ending
    output: bytes
    line_ends: Ints
    calls: Ints
    reports: list[object]


def run_job(command: Sequence[str | Path], job: Job, on_row: Callable[[], object] = lambda: None) -> Run:
    """Run a job to its end.

    Parameters
    ----------
    command : sequence
        The simulator program.
    job : Job
        What it runs.
    on_row : callable
        Called after each answered row.

    Raises
    ------
    SimulationError
        If the program itself fails (a firmware that fails is told by ``status``).
    """
    with Scratch() as folder:
        arguments = _write_job(job, folder)
        # A file, not a pipe: a talkative simulator must not block on a full one.
        with (
            (folder / "errors").open("w+") as errors,
            subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True) as process,
        ):
            assert process.stdout is not None
            rows, end = [], None
            for line in process.stdout:
                kind, *fields = line.split()
                if kind == "row":
                    rows.append([int(field) for field in fields])
                    on_row()
                elif kind == "end":
                    end = fields
            process.wait()
            errors.seek(0)
            if process.returncode != 0 or end is None:
                raise _failure(command, process.returncode, errors.read(2000))
        output = (folder / "log").read_text(encoding="latin-1").splitlines()
    return _read_run(rows, end, output, len(job.target.watches))


def run_stretch(command: Sequence[str | Path], stretch: Stretch) -> StretchRun:
    """Run a firmware for a stretch of simulated time.

    Raises
    ------
    SimulationError
        If the program itself fails (a firmware that fails is told by ``status``).
    """
    with Scratch() as folder:
        arguments = _write_stretch(stretch, folder)
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0 or not done.stdout.startswith("end "):
            raise _failure(command, done.returncode, done.stderr)
        return _read_stretch(stretch, folder, done.stdout.split()[1:])


def _failure(command: Sequence[str | Path], code: int, said: str) -> SimulationError:
    return SimulationError(f"{Path(command[-1]).name} failed with code {code}: {said[:2000].strip()}")


def _write_job(job: Job, folder: Path) -> list[str]:
    (folder / "rows").write_text("".join(f"{row}\n" for row in job.rows))
    return [*_write_target(job.target, folder), f"rows={folder / 'rows'}", f"limit={job.cycle_limit}"]


def _write_target(target: Target, folder: Path) -> list[str]:
    (folder / "image").write_bytes(target.image)
    port = [f"uart={target.board.uart}"]
    if target.console is not None:
        port = [f"put={target.console[0]}", f"get={target.console[1]}"]
    return [
        *port,
        f"mcu={target.board.mcu}",
        f"clock={target.board.clock_hz}",
        f"ram_end={target.board.ram_start + target.board.ram_bytes}",
        f"image={folder / 'image'}",
        f"log={folder / 'log'}",
        f"main={target.main_address}",
        *(f"watch={index}:{address}" for index, addresses in enumerate(target.watches) for address in addresses),
    ]


def _write_stretch(stretch: Stretch, folder: Path) -> list[str]:
    arguments = [
        *_write_target(stretch.target, folder),
        f"until={stretch.cycles}",
        f"times={folder / 'times'}",
        f"calls={folder / 'calls'}",
    ]
    for index, device in enumerate(stretch.devices):
        own = _device_folder(folder, index)
        own.mkdir()
        device.prepare(own, stretch.target.board.clock_hz)
        arguments.append(f"device={device.kind}:{own}")
    return arguments


def _device_folder(folder: Path, index: int) -> Path:
    return folder / f"device{index}"


def _read_stretch(stretch: Stretch, folder: Path, end: Sequence[str]) -> StretchRun:
    clock = stretch.target.board.clock_hz
    return StretchRun(
        end=_read_end(end),
        output=(folder / "log").read_bytes(),
        line_ends=np.fromfile(folder / "times", dtype="<u8").astype(np.int64),
        calls=np.fromfile(folder / "calls", dtype="<u8").astype(np.int64).reshape(-1, 3),
        reports=[device.report(_device_folder(folder, i), clock) for i, device in enumerate(stretch.devices)],
    )


def _read_run(rows: list[list[int]], end: Sequence[str], output: list[str], watch_count: int) -> Run:
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 2 + 2 * watch_count)
    return Run(
        _read_end(end), output, table[:, 0], table[:, 1], watch_cycles=table[:, 2::2], watch_calls=table[:, 3::2]
    )


def _read_end(fields: Sequence[str]) -> Ending:
    status, *numbers = fields
    return Ending(status, *map(int, numbers))
