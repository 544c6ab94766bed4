"""What is a number in a table, in which style it is written, and what stands for a missing one; knows cells alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MISSING = frozenset(
    """na n/a #n/a nan -nan +nan null none nil ? - -- --- . .. * nat <na> missing
    #div/0! #value! #ref! #null! #num! #name? 1.#ind -1.#ind 1.#qnan -1.#qnan \\n""".split()  # noqa: SIM905
) | {""}
INFINITE = frozenset(sign + word for word in ("inf", "infinity", "∞", "1.#inf") for sign in ("", "+", "-"))
BOOLEANS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
SPACES = " '’\u00a0\u2009\u202f"  # that part thousands
_SIGN, _EXPONENT = r"[+-]?", r"(?:[eE][+-]?\d+)?"
_PLAIN = re.compile(rf"{_SIGN}(?:\d+\.?\d*|\.\d+){_EXPONENT}")
_COMMA = re.compile(rf"{_SIGN}\d*,\d+{_EXPONENT}|{_SIGN}\d+,")
_GROUPED = {
    ",": re.compile(rf"{_SIGN}[1-9]\d{{0,2}}(?:,\d{{3}})+(?:\.\d*)?"),
    ".": re.compile(rf"{_SIGN}[1-9]\d{{0,2}}(?:\.\d{{3}})+(?:,\d*)?"),
    " ": re.compile(rf"{_SIGN}[1-9]\d{{0,2}}(?:[{SPACES}]\d{{3}})+(?:[.,]\d*)?"),
}


def looks_like_a_number(cell: str) -> bool:
    """Whether a cell is a number in some style, a missing or an infinite one included."""
    cell = cell.replace("−", "-")
    return bool(
        _PLAIN.fullmatch(cell)
        or _COMMA.fullmatch(cell)
        or any(pattern.fullmatch(cell) for pattern in _GROUPED.values())
        or cell.casefold() in MISSING
        or cell.casefold() in INFINITE
    )


@dataclass(frozen=True)
class Style:
    """How the numbers of a table are written.

    Parameters
    ----------
    decimal : {".", ","}
    grouped : bool
        Whether some have their thousands parted.
    doubt : (str, str) or None
        Two cells that contradict each other, or the same one twice where it can be read in two ways.
    """

    decimal: str = "."
    grouped: bool = False
    doubt: tuple[str, str] | None = None


def find_style(cells: Iterable[str]) -> Style:
    """The style of cells that look like numbers."""
    point = comma = either = None
    grouped = False
    for cell in cells:
        if "," in cell:
            if _GROUPED[","].fullmatch(cell):
                if "." in cell or cell.count(",") > 1:
                    point, grouped = point or cell, True
                else:
                    either = either or cell
            elif _GROUPED["."].fullmatch(cell):
                comma, grouped = comma or cell, True
            elif _COMMA.fullmatch(cell):
                comma = comma or cell
        elif cell.count(".") > 1 and _GROUPED["."].fullmatch(cell):
            comma, grouped = comma or cell, True
        elif "." in cell and _PLAIN.fullmatch(cell) and not _GROUPED["."].fullmatch(cell):
            point = point or cell
        grouped = grouped or bool(_GROUPED[" "].fullmatch(cell))
    if point and comma:
        return Style(doubt=(point, comma))
    if either and not point and not comma:
        return Style(doubt=(either, either))
    return Style("," if comma else ".", grouped or (either is not None and not comma))


def to_numbers(cells: Sequence[str], decimal: str) -> NDArray[np.float64]:
    """Cells as numbers: NaN for what is none or missing, infinity as it is."""
    simple = cells if decimal == "." else [cell.replace(",", ".") if "." not in cell else "" for cell in cells]
    values = np.array(pd.to_numeric(pd.Series(simple, dtype=object), errors="coerce"), dtype=np.float64)
    rest = np.flatnonzero(np.isnan(values)).tolist()
    if rest:
        # Python's own reading: what pandas makes of a number beyond a double depends on its version.
        values[rest] = [float(_plain(cells[i], decimal) or "nan") for i in rest]
    return values


def _plain(cell: str, decimal: str) -> str:
    """The cell as Python reads numbers, or nothing where it is none in this style."""
    if cell.isascii() and cell.isdigit():
        return cell
    cell = cell.replace("−", "-")
    grouping = "." if decimal == "," else ","
    if _GROUPED[" "].fullmatch(cell) and grouping not in cell:
        cell = re.sub(f"[{SPACES}]", "", cell)
    elif _GROUPED[grouping].fullmatch(cell):
        cell = cell.replace(grouping, "")
    elif grouping in cell:
        return ""
    if decimal == ",":
        cell = cell.replace(",", ".")
    folded = cell.casefold()
    if folded in INFINITE:
        return "-inf" if folded.startswith("-") else "inf"
    return cell if _PLAIN.fullmatch(cell) else ""
