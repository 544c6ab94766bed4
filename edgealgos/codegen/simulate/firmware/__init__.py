"""Programs that answer rows on a simulated processor without an operating system; knows templates, no models."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from string import Template

from ...targets.boards import Board

# What stands for a serial port on the machines of each simulator.
_MACHINES = {"simavr": "avr.h", "qemu-system": "cortex_m.h"}


def write_firmware(folder: Path, board: Board, name: str, answer: str) -> Path:
    """Write the program that answers rows of a model called `name` by the function `answer`; returns its source file."""
    own = resources.files(__package__)
    folder.mkdir()
    (folder / "machine.h").write_text((own / _MACHINES[board.simulator()]).read_text(encoding="utf-8"))
    program = Template((own / "rows.cpp").read_text(encoding="utf-8")).substitute(name=name, answer=answer)
    source = folder / "rows.cpp"
    source.write_text(program, encoding="utf-8")
    return source
