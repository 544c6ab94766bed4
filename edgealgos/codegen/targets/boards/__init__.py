"""The boards that programs can be compiled for, by name; each record stands in one of the tables beside this file."""

from __future__ import annotations

import difflib

from ..board import Board
from . import arm, avr, computers, espressif

_TABLES = (avr.BOARDS, arm.BOARDS, espressif.BOARDS, computers.BOARDS)
BOARDS: dict[str, Board] = {board.name: board for table in _TABLES for board in table}


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c not in "-_ ")


_TOO_NEW = {"nanoevery": "ATmega4809", "unowifirev2": "ATmega4809"} | {
    name.lower(): name for name in ("ATmega4809", "ATtiny412", "ATtiny1614", "ATtiny1616", "ATtiny3216", "ATtiny3217")
}

_NAMES = {_plain(name): board for board in BOARDS.values() for name in (board.name, *board.aliases)}
_TITLES = {_plain(board.title.split(" (")[0]): board for board in reversed(BOARDS.values())}  # the first of its title
_BY_PLAIN_NAME = _TITLES | {f"arduino{name}": b for name, b in _NAMES.items() if b.framework.sketches} | _NAMES


def boards() -> list[Board]:
    """All boards that ``board=`` takes.

    Returns
    -------
    list of Board
        Records with `name`, `title`, `ram_bytes`, `flash_bytes`, `clock_hz`, `simulators` and more.

    Examples
    --------
    >>> from edgealgos import boards
    >>> [board.ram_bytes for board in boards() if board.name == "uno"]
    [2048]
    """
    return list(BOARDS.values())


def get_board(board: str | Board) -> Board:
    """Board of that name or title, whatever its case, hyphens and underscores; a `Board` passes through.

    Raises
    ------
    ValueError
        If no board has that name; the message suggests the nearest names.
    """
    if isinstance(board, Board):
        return board
    wanted = _plain(board) if isinstance(board, str) else ""
    if wanted in _BY_PLAIN_NAME:
        return _BY_PLAIN_NAME[wanted]
    if too_new := _TOO_NEW.get(wanted.removeprefix("arduino")):
        raise ValueError(
            f"{board!r} has an {too_new}, which the avr-gcc of distributions does not know: it takes version "
            "8 or later and a device pack of Microchip's. Boards of about its size that are known: uno, nano, attiny85."
        )
    near = [_BY_PLAIN_NAME[name].name for name in difflib.get_close_matches(wanted, _BY_PLAIN_NAME, n=3, cutoff=0.5)]
    suggestion = f" Did you mean {' or '.join(dict.fromkeys(near))}?" if near else ""
    raise ValueError(f"no board is called {board!r}.{suggestion} Known boards: {', '.join(BOARDS)}")


__all__ = ["BOARDS", "Board", "boards", "get_board"]
