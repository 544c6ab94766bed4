"""Writes a model for a board: as a sketch where the board takes sketches, else as plain C++."""

from __future__ import annotations

import argparse
import difflib
import inspect
import re
from pathlib import Path
from typing import Any

import edgealgos as ea

OF_SKETCHES = ("layout", "application")


def check_export(folder: str, arguments: argparse.Namespace) -> None:
    """Refuse what no model could be exported with, before one is made."""
    _options(arguments)
    takes_sketches(arguments.board or "uno")
    name = arguments.name or Path(folder).absolute().name
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        close = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lstrip("0123456789_") or "model"
        raise ea.ExportError(f"{name!r} cannot name a C++ namespace; give one with --name, such as --name {close}")


def export_model(model: Any, folder: str, arguments: argparse.Namespace, application: str | None = None) -> Any:
    """Write a fitted model to a folder; returns the report. `application` is taken where none is asked for."""
    options = _options(arguments)
    board = arguments.board or "uno"
    if application and "application" in inspect.signature(ea.export_arduino).parameters:
        options.setdefault("application", application)
    if takes_sketches(board):
        return ea.export_arduino(model, folder, board=board, **options)
    for name in OF_SKETCHES:
        if options.pop(name, None) is not None:
            raise ea.ExportError(f"--{name} is for Arduino's boards; {board} takes plain C++")
    return ea.export_cpp(model, folder, target=board, **options)


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
    """Options of the export functions; what this version has not is refused by its flag."""
    names = ("name", "optimize", *OF_SKETCHES)
    options: dict[str, Any] = {n: getattr(arguments, n) for n in names if getattr(arguments, n) is not None}
    options["overwrite"] = arguments.overwrite
    if arguments.no_input_buffer:
        options["input_buffer"] = False
    known = inspect.signature(ea.export_arduino).parameters
    for name in options:
        if name not in known:
            raise ea.ExportError(f"--{name.replace('_', '-')} is not known to this version")
    return options
