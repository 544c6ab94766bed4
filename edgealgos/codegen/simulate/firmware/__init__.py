"""Programs that answer rows on a simulated processor without an operating system; knows templates, no models."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from string import Template

from ...targets.boards import Board
from ..machines import MACHINES


def write_firmware(folder: Path, board: Board, name: str, answer: str) -> Path:
    """Write the program that answers rows of the model `name` by the function `answer`; returns its source."""
    own = resources.files(__package__)
    folder.mkdir()
    for header in own.iterdir():
        if header.name.endswith(".h"):
            (folder / header.name).write_text(header.read_text(encoding="utf-8"), encoding="utf-8")
    machine = MACHINES[board.machine].firmware if board.machine else "avr.h"
    (folder / "machine.h").write_text(f'#include "{machine}"\n', encoding="utf-8")
    program = Template((own / "rows.cpp").read_text(encoding="utf-8")).substitute(name=name, answer=answer)
    source = folder / "rows.cpp"
    source.write_text(program, encoding="utf-8")
    return source
