"""Writes a model for a board: as a sketch where the board takes sketches, else as plain C++."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import edgealgos as ea

OF_SKETCHES = ("layout", "application")
LONGEST_NAME = 45
USUAL_RANGES = 4, 2000  # g, degrees a second


def check_export(folder: str, arguments: argparse.Namespace) -> None:
    """Refuse what no model could be exported with, before one is made."""
    _options(arguments)
    takes_sketches(arguments.board or "uno")
    name = arguments.name or Path(folder).absolute().name
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        hint = f"give one with --name, such as --name {identifier(name)}"
        raise ea.ExportError(f"{name!r} cannot name a C++ namespace; {hint}")


def identifier(name: str) -> str:
    """The C++ identifier closest to a name."""
    return re.sub(r"[\W_]+", "_", name, flags=re.ASCII).lstrip("0123456789_")[:LONGEST_NAME].rstrip("_") or "model"


def export_model(model: Any, folder: str, arguments: argparse.Namespace, usual: Mapping[str, Any] | None = None) -> Any:
    """Write a fitted model to a folder; returns the report. `usual` says what a sketch does unless it is told."""
    options = _options(arguments)
    board = arguments.board or "uno"
    if takes_sketches(board):
        if usual and options.get("application", usual["application"]) == usual["application"]:
            options = {**usual, **options}
        return ea.export_arduino(model, folder, board=board, **options)
    for name in OF_SKETCHES:
        if options.pop(name, None) is not None:
            raise ea.ExportError(f"--{name} is for Arduino's boards; {board} takes plain C++")
    return ea.export_cpp(model, folder, target=board, **options)


def sketch_of(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """What a sketch does whose sensor is told: reads it."""
    told = (arguments.sensor, arguments.acceleration_range, arguments.rotation_range)
    if not any(told):
        return None
    if arguments.application not in (None, "imu"):
        raise ea.ExportError("--sensor and its ranges go with --application imu")
    ranges = [usual if own is None else own for own, usual in zip(told[1:], USUAL_RANGES, strict=True)]
    return {"application": "imu", "sensor": arguments.sensor, "ranges": tuple(ranges)}


def takes_sketches(name: str) -> bool:
    """Whether the board of that name is one of Arduino's; ExportError where there is none."""
    known = {_plain(each): board for board in ea.boards() for each in (board.name, *board.aliases)}
    if _plain(name) not in known:
        close = difflib.get_close_matches(_plain(name), known, 1)
        hint = f"did you mean {known[close[0]].name}? " if close else ""
        raise ea.ExportError(f"no board is called {name!r}; {hint}`edgealgos boards` lists them")
    return bool(known[_plain(name)].framework.sketches)


def _plain(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.casefold())


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Options of the export functions."""
    names = ("name", "optimize", *OF_SKETCHES)
    options: dict[str, Any] = {n: getattr(arguments, n) for n in names if getattr(arguments, n) is not None}
    options["overwrite"] = arguments.overwrite
    if arguments.no_input_buffer:
        options["input_buffer"] = False
    return options
