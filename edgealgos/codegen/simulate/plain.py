"""Runs an export of plain C++ where its board is: on this computer or on qemu; knows main.cpp's lines, no models.

The twin of `simulate`, which runs sketches.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgealgos.errors import SimulationError

from ..build.firmware import Firmware
from ..build.plain import Executable
from . import qemu, rows
from .measured import is_named
from .rows import answer_numbers, integer_table

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CppResult:
    """Answers of a program and what was measured.

    Parameters
    ----------
    labels, scores : ndarray of shape (n,) and (n, n_scores)
        First number of each answer and the others (a regressor has one number, which is both).
    spent_by_function : dict of str to ndarray of shape (n,)
        Instructions (on AVR: clock cycles) of each watched function for each row; empty where they are not counted.
    stack_peak : int
        Deepest stack of the whole program (on AVR: of a prediction) in bytes, without an operating system; else 0,
        which is: not measured.
    warnings : list of str
        Compiler warnings and doubts about the simulation.
    """

    labels: Ints
    scores: Ints
    spent_by_function: dict[str, Ints]
    stack_peak: int
    warnings: list[str]


def run_rows(
    executable: Executable, rows: ArrayLike, watch: Sequence[str] = (), *, timeout: float = 600.0
) -> CppResult:
    """Send rows to a program of plain C++ and read its answers.

    Parameters
    ----------
    executable : Executable
        From `build_cpp`; without an operating system: with a firmware that answers rows.
    rows : array-like of int, shape (n, n_values)
        Device inputs, one sample a row.
    watch : sequence of str
        Functions whose instructions are counted, as the source names them.
    timeout : float
        Seconds.

    Raises
    ------
    SimulationError
        If the program crashes, does not end, refuses a row or answers what is no number.
    MissingToolError
        If the simulator is not installed.
    """
    table = integer_table(rows)
    if executable.board.simulator() == "simavr":
        return _on_simavr(executable, table, watch)
    lines = "".join(",".join(map(str, row)) + "\n" for row in table.tolist())
    if executable.board.simulator() == "native":
        run = _run_here(executable, lines, timeout)
    else:
        addresses = [_address(executable, name) for name in watch]
        run = qemu.run(executable.path, executable.board, lines, addresses, timeout=timeout)
    answers, stack = _split(run.output)
    if len(answers) != len(table):
        raise SimulationError(f"{len(table)} rows were sent and {len(answers)} were answered")
    values = answer_numbers(answers)
    warnings = [*executable.warnings, *([run.doubt] if run.doubt else [])]
    scores = values[:, 1:] if values.shape[1] > 1 else values
    return CppResult(values[:, 0], scores, _by_function(run, watch, len(table)), stack, warnings)


def _on_simavr(executable: Executable, table: Ints, watch: Sequence[str]) -> CppResult:
    """Rows through a bare AVR, which is measured to the cycle as sketches are."""
    facts = executable.flash_bytes, executable.static_ram_bytes, executable.symbols, executable.warnings
    firmware = Firmware(executable.path, executable.board, *facts)
    found = rows.run_rows(firmware, table, watch, confirm=False)
    return CppResult(found.labels, found.scores, found.cycles_by_function, found.stack_peak, found.warnings)


def _run_here(executable: Executable, lines: str, timeout: float) -> qemu.QemuRun:
    try:
        done = subprocess.run(
            [executable.path], input=lines, timeout=timeout, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        raise SimulationError(f"the program did not end within {timeout:g} seconds") from None
    if done.returncode != 0:
        raise SimulationError(f"the program ended with code {done.returncode}: {done.stderr.strip()[-1000:]}")
    return qemu.QemuRun(done.stdout, None)


def _address(executable: Executable, name: str) -> int:
    for symbol in executable.symbols:
        if symbol.kind in "tTwW" and is_named(symbol.demangled, name):
            return symbol.address
    raise SimulationError(f"the program has no function {name!r}: it was left out, or inlined (mark it noinline)")


def _split(output: str) -> tuple[list[str], int]:
    """Answer lines, and the deepest stack if a remark tells it."""
    lines = output.splitlines()
    remarks = [line for line in lines if line.startswith("# stack ")]
    return [line for line in lines if not line.startswith("#")], int(remarks[-1].split()[-1]) if remarks else 0


def _by_function(run: qemu.QemuRun, watch: Sequence[str], rows: int) -> dict[str, Ints]:
    if run.instructions is None:
        return {}
    for name, calls in zip(watch, run.instructions, strict=True):
        if len(calls) != rows:
            raise SimulationError(
                f"{name} was called {len(calls)} times for {rows} rows: its instructions mean nothing"
            )
    return dict(zip(watch, run.instructions, strict=True))
