"""Talks to a board that runs an exported sketch: rows out, answers back; knows the line protocol, no model.

The board greets with ``# <name> ready: <n> values a row``, when it starts and after a line with a ``=`` alone. It
answers each line of a ``=`` and integers with commas between them with ``<label index>,<score 0>,...`` (regressors
``<raw>``), and says ``! ...`` about a line that it cannot take.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .. import MissingToolError, SimulationError

BAUD = 250_000
_START = 2.0  # seconds after which a board that was started anew has greeted
_BLANKS, _EXCHANGES = 200, 9  # that time is measured with
_READY = re.compile(r"#.* ready: (\d+) values a row")


class Port(Protocol):
    """What is needed of a serial port; ``readline`` gives nothing when its time is up."""

    timeout: float | None

    def readline(self) -> bytes: ...
    def write(self, data: bytes, /) -> Any: ...
    def close(self) -> None: ...


def open_port(name: str, timeout: float) -> Port:
    """A serial port at the sketch's speed."""
    try:
        import serial
    except ImportError as error:
        raise MissingToolError("pyserial", "talk to a board over a serial port", "pip install pyserial") from error
    try:
        port: Port = serial.Serial(name, BAUD, timeout=timeout)
    except (OSError, ValueError) as error:
        raise SimulationError(f"cannot open {name}: {error}; check cable and name, and who else has it open") from error
    return port


def await_greeting(port: Port, values: int, timeout: float) -> None:
    """Wait until the board is ready (opening the port restarts an Uno) and check that it runs this model."""
    deadline = time.monotonic() + timeout
    port.timeout = min(_START, timeout / 2)
    while time.monotonic() < deadline:
        line = _text(port.readline())
        if not line:  # it did not start anew when the port was opened
            port.write(b"=\n")
        if found := _READY.search(line):
            if int(found[1]) != values:
                raise SimulationError(
                    f"the board takes {found[1]} values a row, this model {values}; upload the sketch exported from it"
                )
            port.timeout = timeout
            return
    raise SimulationError(
        f"no greeting from the board within {timeout:g} s; upload the exported sketch (it talks at {BAUD} baud)"
    )


def ask(port: Port, rows: NDArray[np.integer]) -> Iterator[list[int]]:
    """The board's answers, row by row."""
    for number, row in enumerate(rows):
        port.write(_line(row))
        yield _answer(port, number)


def seconds_a_prediction(port: Port, row: NDArray[np.integer]) -> float | None:
    """What a prediction takes on the board: of an exchange what is not the way there and back.

    A byte on the way takes what a row with blanks in it takes longer; a mark, which is greeted, goes the way without a
    prediction. None where the other side does not greet.
    """
    line = _line(row)
    padded = b"=" + _BLANKS * b" " + line[1:]
    try:
        plain, longer, mark = (_exchange(port, sent) for sent in (line, padded, b"=\n"))
    except (OSError, TimeoutError):
        return None
    byte = max(0.0, longer[0] - plain[0]) / _BLANKS
    return max(0.0, plain[0] - mark[0] - byte * (plain[1] - mark[1]))


def _exchange(port: Port, sent: bytes) -> tuple[float, int]:
    """Seconds and bytes of a line and its answer, the median of several."""
    found = []
    for _ in range(_EXCHANGES):
        start = time.perf_counter()
        port.write(sent)
        answer = port.readline()
        found.append((time.perf_counter() - start, len(sent) + len(answer)))
        if not answer:
            raise TimeoutError
    return sorted(found)[_EXCHANGES // 2]


def _line(row: NDArray[np.integer]) -> bytes:
    return ("=" + ",".join(str(int(value)) for value in row) + "\n").encode("ascii")


def _answer(port: Port, number: int) -> list[int]:
    while True:
        raw = port.readline()
        line = _text(raw)
        if not raw:
            raise SimulationError(f"row {number}: the board went silent")
        if line.startswith("!"):
            raise SimulationError(f"row {number}: the board says {line[1:].strip()!r}")
        if not line or line.startswith("#"):
            continue
        try:
            return [int(part) for part in line.split(",")]
        except ValueError:
            raise SimulationError(f"row {number}: the board answered {line!r}, which is no row of integers") from None


def _text(line: bytes) -> str:
    return line.decode("ascii", "replace").strip()
