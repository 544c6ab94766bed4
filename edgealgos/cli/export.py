"""Writes a model for a board: as a sketch where the board takes sketches, else as plain C++."""

from __future__ import annotations

import argparse
import inspect
from typing import Any

import edgealgos as ea

OF_SKETCHES = ("layout", "application")


def exported_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Options of the export functions; what this version has not is refused by its flag."""
    names = ("name", "optimize", *OF_SKETCHES)
    options: dict[str, Any] = {n: getattr(arguments, n) for n in names if getattr(arguments, n) is not None}
    options["overwrite"] = arguments.overwrite
    if arguments.no_input_buffer:
        options["input_buffer"] = False
    known = inspect.signature(ea.export_arduino).parameters
    for name in options:
        if name not in known:
            raise ea.EdgeAlgosError(f"--{name.replace('_', '-')} is not known to this version")
    return options


def export_model(model: Any, folder: str, arguments: argparse.Namespace) -> Any:
    """Write a fitted model to a folder; returns the report."""
    options = exported_options(arguments)
    board = arguments.board or "uno"
    if takes_sketches(board):
        return ea.export_arduino(model, folder, board=board, **options)
    for name in OF_SKETCHES:
        if options.pop(name, None) is not None:
            raise ea.EdgeAlgosError(f"--{name} is for Arduino's boards; {board} takes plain C++")
    return ea.export_cpp(model, folder, target=board, **options)


def takes_sketches(name: str) -> bool:
    """Whether the board is one of Arduino's; what no board is called, the export refuses in its own words."""
    called = name.casefold().replace("-", "").replace("_", "")
    found = [board for board in ea.boards() if board.name.replace("-", "") == called]
    return not found or found[0].framework.sketches
