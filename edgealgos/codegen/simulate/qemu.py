"""The simulator qemu: how it runs programs and counts their instructions; knows programs, no models."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgealgos.errors import BuildError, MissingToolError, SimulationError
from edgealgos.files import Scratch

from ..build import tools
from ..targets.boards import Board
from .machines import MACHINES

_PLUGIN_SOURCE = Path(__file__).with_name("qemu_count.c")
_FIRMWARE = Path(__file__).parent / "firmware"
_USER = {"qemu-arm": tools.QEMU_ARM, "qemu-aarch64": tools.QEMU_AARCH64}


@dataclass(frozen=True, slots=True)
class QemuRun:
    """What a program did.

    Parameters
    ----------
    output : str
        What it printed (without an operating system: wrote to its file ``answers``).
    instructions : list of ndarray of shape (n_calls,), or None
        Instructions of each call of each watched function; None if they could not be counted.
    doubt : str
        Why they could not be counted, else empty.
    """

    output: str
    instructions: list[NDArray[np.int64]] | None
    doubt: str = ""


def run(program: Path, board: Board, rows: str, watch: Sequence[int] = (), *, timeout: float = 600.0) -> QemuRun:
    """Run a program to its end with these rows.

    Parameters
    ----------
    program : Path
        Linked file: for Linux, or as `link_flags` link it.
    board : Board
        The board it was built for.
    rows : str
        Its input, a line a row.
    watch : sequence of int
        Addresses of the functions whose instructions are counted.
    timeout : float
        Seconds.

    Raises
    ------
    SimulationError
        If the program crashes or does not end.
    MissingToolError
        If qemu is not installed.
    """
    qemu = _qemu(board)
    plugin, doubt = _counter(qemu) if watch else (None, "")
    with Scratch() as folder:
        (folder / "rows").write_text(rows)
        counts = folder / "counts"
        counting = _plugin_flags(plugin, counts, watch) if plugin else []
        done = _execute(_command(qemu, board, program, counting), folder, timeout)
        if plugin and "plugin" in done.stderr and not counts.is_file():
            doubt = f"instructions are not counted: {done.stderr.strip().splitlines()[0]}"
            plugin = None
            done = _execute(_command(qemu, board, program, []), folder, timeout)
        _check(done, board)
        output = done.stdout if board.framework.hosted else (folder / "answers").read_text()
        return QemuRun(output, _read_counts(counts, len(watch)) if plugin else None, doubt)


def link_flags(board: Board) -> list[str | Path]:
    """Flags that link a program without an operating system for the simulated board."""
    if not board.machine:
        return []
    machine = MACHINES[board.machine]
    memory = {name: getattr(machine, name) for name in ("flash_start", "flash_bytes", "ram_start", "ram_bytes")}
    return [f"-T{_FIRMWARE / 'bare.ld'}", *(f"-Wl,--defsym={name}={value:#x}" for name, value in memory.items())]


def _qemu(board: Board) -> tools.Tool:
    return MACHINES[board.machine].tool if board.machine else _USER[board.simulator()]


def _command(qemu: tools.Tool, board: Board, program: Path, counting: list[str]) -> list[str | Path]:
    if board.framework.hosted:
        return [qemu.path(), "-cpu", board.mcu, *counting, program]
    silent = ["-display", "none", "-serial", "none", "-monitor", "none", "-semihosting"]
    machine = MACHINES[board.machine]
    return [qemu.path(), "-machine", machine.name, *machine.options, *silent, *counting, "-kernel", program]


def _execute(command: list[str | Path], folder: Path, timeout: float) -> subprocess.CompletedProcess[str]:
    with (folder / "rows").open() as rows:
        try:
            return subprocess.run(
                command, stdin=rows, cwd=folder, timeout=timeout, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired:
            raise SimulationError(f"the program did not end within {timeout:g} seconds") from None


def _check(done: subprocess.CompletedProcess[str], board: Board) -> None:
    if done.returncode != 0:
        said = done.stderr.strip()[-1000:] or "It said nothing."
        raise SimulationError(
            f"the program crashed on the simulated {board.title} (qemu ended with code {done.returncode}): {said}"
        )


# ---- counting ------------------------------------------------------------------------------------------------------


def _plugin_flags(plugin: Path, counts: Path, watch: Sequence[int]) -> list[str]:
    # Bit 0 of an address says that the function is in Thumb code; the instruction lies at the even address.
    options = [f"out={counts}", *(f"watch={address & ~1:#x}" for address in watch)]
    return ["-plugin", ",".join([str(plugin), *options])]


def _read_counts(path: Path, watches: int) -> list[NDArray[np.int64]]:
    calls: list[list[int]] = [[] for _ in range(watches)]
    for line in path.read_text().splitlines():
        kind, amount = line.split()
        if kind != "end":
            calls[int(kind)].append(int(amount))
    return [np.array(spent, dtype=np.int64) for spent in calls]


def _counter(qemu: tools.Tool) -> tuple[Path | None, str]:
    """The plugin, or None and why there is none: a simulation is worth having without counts."""
    try:
        return _plugin(qemu), ""
    except (BuildError, MissingToolError) as error:
        return None, f"instructions are not counted: {str(error).splitlines()[0]}"


def _plugin(qemu: tools.Tool) -> Path:
    """The compiled plugin, from the cache or made now."""
    compile_command = _compile_command(_interface(qemu.version()))
    key = hashlib.sha256(repr((tools.HOST_CC.version(), [str(word) for word in compile_command])).encode())
    key.update(_PLUGIN_SOURCE.read_bytes())
    plugin = tools.cache_folder() / "qemu" / key.hexdigest()[:20] / "qemu_count.so"
    return tools.kept(plugin, lambda product: tools.run([*compile_command, "-o", product]))


def _interface(version: str) -> int:
    """Version of the plugin interface that this qemu takes."""
    match = re.search(r"version (\d+)", version)
    return 1 if match and int(match[1]) < 9 else 2


def _compile_command(interface: int) -> list[str | Path]:
    return [tools.HOST_CC.path(), "-shared", "-fPIC", "-O2", f"-DPLUGIN_VERSION={interface}", _PLUGIN_SOURCE]
