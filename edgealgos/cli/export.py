"""Writes a model for a board: as a sketch where the board takes sketches, else as plain C++."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import edgealgos as ea

OF_SKETCHES = ("layout", "application")
LONGEST_NAME = 45
USUAL_RANGES = 4, 2000  # g, degrees a second


def check_export(folder: str, arguments: argparse.Namespace) -> None:
    """Refuse what no model could be exported with, before one is made: the smallest one is exported elsewhere."""
    from sklearn.tree import DecisionTreeClassifier

    rows = [[0.0], [1.0]]
    smallest = DecisionTreeClassifier().fit(rows, [0, 1])
    board, options = _board_and_options(arguments)
    options = {key: value for key, value in options.items() if key in ("name", "layout")}
    with tempfile.TemporaryDirectory() as elsewhere:
        place = Path(elsewhere) / Path(os.path.realpath(folder)).name
        if takes_sketches(board):
            ea.export_arduino(smallest, place, board=board, X_calibration=rows, **options)
        else:
            ea.export_cpp(smallest, place, target=board, X_calibration=rows, **options)


def identifier(name: str) -> str:
    """The C++ identifier closest to a name."""
    return re.sub(r"[\W_]+", "_", name, flags=re.ASCII).lstrip("0123456789_")[:LONGEST_NAME].rstrip("_") or "model"


def export_model(model: Any, folder: str, arguments: argparse.Namespace, usual: Mapping[str, Any] | None = None) -> Any:
    """Write a fitted model to a folder; returns the report. `usual` says what a sketch does unless it is told."""
    board, options = _board_and_options(arguments)
    if not takes_sketches(board):
        return ea.export_cpp(model, folder, target=board, **options)
    if usual and options.get("application", usual["application"]) == usual["application"]:
        options = {**usual, **options}
    return ea.export_arduino(model, folder, board=board, **options)


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


def _board_and_options(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """A board, and options of the function that exports for it."""
    board = arguments.board or "uno"
    names = ("name", "optimize", *OF_SKETCHES)
    options: dict[str, Any] = {n: getattr(arguments, n) for n in names if getattr(arguments, n) is not None}
    options["overwrite"] = arguments.overwrite
    if arguments.no_input_buffer:
        options["input_buffer"] = False
    if not takes_sketches(board):
        for name in set(options) & set(OF_SKETCHES):
            raise ea.ExportError(f"--{name} is for Arduino's boards; {board} takes plain C++")
    return board, options
