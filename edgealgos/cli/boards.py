"""The command `boards`: prints what the public page tells of each board."""

from __future__ import annotations

import argparse

import edgealgos as ea

_COLUMNS = "{:<14}  {:<42}  {:>12}  {:>14}  {:>7}  {:<7}  {}"


def boards(arguments: argparse.Namespace) -> int:
    """Print a line a board."""
    print(_COLUMNS.format("name", "board", "RAM, bytes", "flash, bytes", "MHz", "exports", "simulated by").rstrip())
    for board in ea.boards():
        kind = "sketch" if board.framework.sketches else "C++"
        simulators = ", ".join(board.simulators) or "nothing here"
        sizes = f"{board.ram_bytes:,}", f"{board.flash_bytes:,}", f"{board.clock_hz / 1e6:g}"
        print(_COLUMNS.format(board.name, board.title, *sizes, kind, simulators).rstrip())
    return 0
