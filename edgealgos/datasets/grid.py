"""Records as a grid with names: titles above it, header, line of units, ragged rows; knows no targets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import compress, islice

from ..errors import DatasetError
from .columns import Column, style_of
from .numbers import MISSING
from .records import SEPARATORS, Records

HEAD = 500  # rows that decide whether the first one is a header


@dataclass
class Grid:
    """Equally long rows, their lines in the file, and the names of the columns.

    Parameters
    ----------
    names : list of str or None
        None: there is no header.
    rows : list of list of str
    lines : list of int
    notes : list of str
        What is worth saying.
    """

    names: list[str] | None
    rows: list[list[str]]
    lines: list[int]
    notes: list[str]


def make_grid(name: str, records: Records, header: bool | None = None, target: str | None = None) -> Grid:
    """The grid of a file's records.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    records : Records
    header : bool, optional
        Whether the first row names the columns; None: found out.
    target : str, optional
        A column that the user names; where the first row has it, it is a header.

    Raises
    ------
    DatasetError
        For rows of different lengths, and where nothing is left.
    """
    notes: list[str] = []
    filled = [any(row) for row in records.rows]
    if not all(filled):
        notes.append(f"{filled.count(False)} rows of empty cells left out")
    rows, lines = list(compress(records.rows, filled)), list(compress(records.lines, filled))
    if not rows:
        raise DatasetError(f"{name} holds separators and nothing else")
    width = _width(rows)
    rows, lines = _without_titles(rows, lines, width, notes)
    first = rows[0]
    if header is None:
        header = _is_header(rows, width, target)
    names = _names_of_comment(records.comments, width, notes) if not header else None
    if header:
        notes.append(f"line {lines[0]} names the columns")
        names = _named(name, first, lines[0], rows[1:], width)
        rows, lines = rows[1:], lines[1:]
    elif names is None:
        notes.append("no header: the first line is data, and columns are called column0, column1, ...")
    rows = _even(name, rows, lines, width)
    rows, lines, names = _without_repeats(rows, lines, names, first if header else None, notes)
    rows, names = _without_empty_end(rows, names)
    rows, lines = _without_units(rows, lines, names, notes)
    if not rows:
        raise DatasetError(f"{name} has a header and no rows")
    return Grid(names, rows, lines, notes)


def _width(rows: list[list[str]]) -> int:
    """Columns of most rows."""
    return Counter(map(len, rows)).most_common(1)[0][0]


def _without_titles(
    rows: list[list[str]], lines: list[int], width: int, notes: list[str]
) -> tuple[list[list[str]], list[int]]:
    """Lines above the table that have text in one cell alone are a title."""
    count = 0
    while count < len(rows) - 1 and width > 1 and _is_title(rows[count]):
        count += 1
    if count:
        what = f"line {lines[0]} is" if count == 1 else f"lines {lines[0]} to {lines[count - 1]} are"
        notes.append(f"{what} a title, no part of the table")
    return rows[count:], lines[count:]


def _is_title(row: list[str]) -> bool:
    told = [cell for cell in row if cell]
    return len(told) == 1 and not _is_number(told[0]) and told[0].casefold() not in MISSING


def _is_header(rows: list[list[str]], width: int, target: str | None) -> bool:
    """Whether the first row names columns: text above numbers, and nothing that can only be data."""
    first, body = rows[0], [row for row in islice(rows, 1, HEAD) if len(row) == width]
    if target in first and not _is_number(target) and all(target not in row for row in body):
        return True
    if not body:
        return not any(_is_number(cell) for cell in first)
    below = [list(cells) for cells in zip(*body, strict=True)]
    decimal = style_of(below).decimal
    columns = [Column("", i, cells, decimal) for i, cells in enumerate(below)]
    of_numbers = [c.kind in ("number", "switch") for c in columns]
    if not any(of_numbers):
        return len(set(first)) == len(first) and not any(a in c.cells for a, c in zip(first, columns, strict=False))
    if any(_is_number(cell) and not cell.isdigit() for cell in first):
        return False
    offset = width - len(first)  # R leaves out the name of the first column
    above = list(zip(first, columns[max(offset, 0) :], strict=False))
    words = [(a, c) for a, c in above if c.kind == "number" and not _is_number(a) and a.casefold() not in MISSING]
    if words or any(c.kind == "switch" and a not in c.cells and not _is_number(a) for a, c in above):
        return True
    numbers = [int(a) for a, c in above if a.isdigit() and c.kind == "number"]
    counts = len(numbers) > 2 and numbers in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))
    labels = [(a, c) for a, c in above if c.kind == "text"]
    return counts and all(a not in c.cells for a, c in labels) and (bool(labels) or _has_decimals(columns))


def _has_decimals(columns: list[Column]) -> bool:
    return any((c.values % 1 != 0).any() for c in columns if c.kind == "number")


def _is_number(cell: str) -> bool:
    column = Column("", 0, [cell], "," if "," in cell else ".")
    return not column.missing[0] and column.kind == "number"


def _names_of_comment(comments: list[str], width: int, notes: list[str]) -> list[str] | None:
    """Names in the last comment above the table, as numpy.savetxt writes them, or where the first name is "#"."""
    for separator in (*SEPARATORS, None):
        cells = [cell.strip() for cell in comments[-1].split(separator)] if comments else []
        if len(cells) == width > 1 and all(cells[1:]) and not any(map(_is_number, cells)):
            notes.append("the comment above the table names the columns")
            return [cells[0] or "#", *cells[1:]]
    return None


def _named(name: str, names: list[str], line: int, rows: list[list[str]], width: int) -> list[str]:
    """A name for each column; a header may lack that of R's index, and of what is empty at the end of each row."""
    while len(names) > width and not names[-1]:
        names = names[:-1]
    wide = [row for row in rows if len(row) == width]
    if len(names) < width and not any(cell for row in wide for cell in row[len(names) :]):
        return [*names, *[""] * (width - len(names))]
    if len(names) == width - 1 and len({row[0] for row in wide}) == len(wide):
        return ["", *names]
    if len(names) != width:
        raise DatasetError(
            f"{name}, line {line}: the header names {len(names)} columns and most rows have {width} cells; name each "
            "column, and look for separators that are no such, as decimal commas are"
        )
    return names


def _even(name: str, rows: list[list[str]], lines: list[int], width: int) -> list[list[str]]:
    """Rows of one length: empty cells at the end are no reason to refuse one."""
    even = []
    for row, line in zip(rows, lines, strict=True):
        if len(row) > width and not any(row[width:]):
            row = row[:width]
        if len(row) != width:
            cells = f"{len(row)} cell{'s' * (len(row) != 1)}"
            raise DatasetError(
                f"{name}, line {line}: {cells}, the table has {width} columns; look for a missing or additional "
                "separator there, or a quote"
            )
        even.append(row)
    return even


def _without_repeats(
    rows: list[list[str]], lines: list[int], names: list[str] | None, header: list[str] | None, notes: list[str]
) -> tuple[list[list[str]], list[int], list[str] | None]:
    """Headers within the table, as appended files have them, are left out."""
    again = [i for i, row in enumerate(rows) if header is not None and row == header]
    if again:
        said = ", ".join(str(lines[i]) for i in again[:5]) + (", ..." if len(again) > 5 else "")
        notes.append(f"the header stands again in line {said}; left out")
        dropped = set(again)
        rows = [row for i, row in enumerate(rows) if i not in dropped]
        lines = [line for i, line in enumerate(lines) if i not in dropped]
    return rows, lines, names


def _without_empty_end(rows: list[list[str]], names: list[str] | None) -> tuple[list[list[str]], list[str] | None]:
    """Separators at the end of every row make no column."""
    width = len(rows[0]) if rows else 0
    while width > 1 and not any(row[width - 1] for row in rows) and (names is None or not any(names[width - 1 :])):
        width -= 1
    return [row[:width] for row in rows], names if names is None else names[:width]


def _without_units(
    rows: list[list[str]], lines: list[int], names: list[str] | None, notes: list[str]
) -> tuple[list[list[str]], list[int]]:
    """A line of units below the header: text in every column of numbers, and none of the labels."""
    if names is None or len(rows) < 2:
        return rows, lines
    below = [list(cells) for cells in zip(*rows[1:HEAD], strict=True)]
    decimal = style_of(below).decimal
    columns = [Column("", i, cells, decimal) for i, cells in enumerate(below)]
    pairs = list(zip(rows[0], columns, strict=True))
    of_numbers = [cell for cell, c in pairs if c.kind == "number"]
    words = [cell for cell in of_numbers if cell.casefold() not in MISSING and not _is_number(cell)]
    labels = [cell in c.cells for cell, c in pairs if c.kind == "text"]
    alone = len(of_numbers) == 1 and all(cell for cell, c in pairs if c.kind == "text")  # a single odd cell
    if words and not alone and not any(map(_is_number, of_numbers)) and not any(labels):
        notes.append(f"line {lines[0]} holds units; left out")
        return rows[1:], lines[1:]
    return rows, lines
