"""Text as records of cells with their lines: separators, quotes, comments; knows nothing of what cells mean."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import DatasetError
from .numbers import MISSING, looks_like_a_number

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "spaces", "|": "bars"}
NAMES = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "space": " ", "bar": "|", "pipe": "|"}
COMMENTS = ("#", "%", "//")
_ERROR_CELL = re.compile("(?:" + "|".join(re.escape(word) for word in MISSING if word[:1] == "#") + r")(?!\w)", re.I)
SAMPLE = 200  # lines that are looked at to find the separator
csv.field_size_limit(2**27)


@dataclass(frozen=True)
class Records:
    """Rows of a file that are no comments, and where they begin.

    Parameters
    ----------
    rows : list of list of str
        Cells, without the spaces around them. Blank lines are left out.
    lines : list of int
        Line of the file, from 1, in which each row begins.
    separator, quote : str
    comments : list of str
        Comment lines before the first row, without their mark.
    """

    rows: list[list[str]]
    lines: list[int]
    separator: str
    quote: str
    comments: list[str]


def read_records(name: str, text: str, separator: str | None = None) -> tuple[Records, list[str]]:
    """Records of a text, and what is worth saying of how they were found.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    text : str
    separator : str, optional
        None: found by which one splits the lines evenly, into numbers where there are any.
    """
    notes: list[str] = []
    lines = text.split("\n")
    told = re.fullmatch(r'"?sep=(.)"?', lines[0].strip("\ufeff ")) if lines else None
    if told:  # a hint for Excel
        separator = separator or told[1]
        lines[0] = ""
    comments, lines = _comments(lines)
    if comments:
        notes.append(f"{len(comments)} comment line{'s' * (len(comments) > 1)} left out")
    filled = [line for line in lines if line.strip()]
    if not filled:
        raise DatasetError(f"{name} is empty" if not comments else f"{name} holds comments and nothing else")
    quote = _quote(filled)
    separator = checked_separator(separator) if separator else _separator(filled[:SAMPLE], quote)
    rows, starts = _split(name, lines, separator, quote)
    leading = [text for number, text in comments if not starts or number < starts[0]]
    return Records(rows, starts, separator, quote, leading), notes


def checked_separator(separator: str) -> str:
    """A separator by its character or its name."""
    found = NAMES.get(separator.casefold().rstrip("s"), separator)
    if len(found) != 1 or found in '"\n\r':
        known = ", ".join(sorted(name for name in NAMES if name.isalpha()))
        raise DatasetError(f"sep={separator!r} is no separator; it is one character, or one of {known}")
    return found


def _comments(lines: list[str]) -> tuple[list[tuple[int, str]], list[str]]:
    """Comment lines with their numbers, and all lines with those blanked; where most rows begin so, none is one."""
    filled = [line.lstrip() for line in lines if line.strip()]
    for mark in COMMENTS:
        begins = [_is_comment(line, mark) for line in filled]
        below = begins[begins.index(False) :] if False in begins else []
        if any(begins) and sum(below) <= len(below) / 2:
            kept, inside = lines.copy(), False
            found = []
            for i, line in enumerate(lines):
                if not inside and _is_comment(line.lstrip(), mark):
                    found.append((i + 1, line.lstrip().lstrip(mark).strip(" \r")))
                    kept[i] = ""
                else:
                    inside ^= line.count('"') % 2 == 1
            return found, kept
    return [], lines


def _is_comment(line: str, mark: str) -> bool:
    """Whether a line is none of the table; one that begins with an error of a spreadsheet, such as #N/A, is."""
    return line.startswith(mark) and not _ERROR_CELL.match(line)


def _quote(lines: list[str]) -> str:
    """Double quotes, unless the cells stand in single ones."""
    sample = "\n".join(lines[:SAMPLE])
    single = re.findall(r"(?:^|[,;\t| ])'[^'\n]*'(?=$|[,;\t| ])", sample, re.MULTILINE)
    return "'" if '"' not in sample and len(single) >= min(len(lines), SAMPLE) / 2 else '"'


def _separator(lines: list[str], quote: str) -> str:
    """The one that splits most lines into equally many cells, numbers if possible; a comma where none does."""
    best, found = 0.0, ","
    for candidate in SEPARATORS:
        rows = [row for row in _reader(lines, candidate, quote, strict=False) if row]
        width, share = Counter(map(len, rows)).most_common(1)[0]
        cells = [cell.strip() for row in rows for cell in row]
        if width < 2 or not cells:
            continue
        numbers = sum(map(looks_like_a_number, cells)) / len(cells)
        score = share / len(rows) * (numbers + 0.05)
        if candidate == " " and numbers < 0.5:  # blanks are in texts and before units, too
            score /= 10
        if score > best:
            best, found = score, candidate
    return found


def _reader(lines: list[str], separator: str, quote: str, strict: bool) -> Iterator[list[str]]:
    if separator == " ":  # any run of blanks
        lines = [line.replace("\t", " ").rstrip() for line in lines]
    return csv.reader(
        (line + "\n" for line in lines), delimiter=separator, quotechar=quote, strict=strict,
        skipinitialspace=separator != "\t",
    )  # fmt: skip


def _split(name: str, lines: list[str], separator: str, quote: str) -> tuple[list[list[str]], list[int]]:
    rows, starts, start = [], [], 1
    reader = _reader(lines, separator, quote, strict=True)
    try:
        for row in reader:
            if any(row) or len(row) > 1:
                rows.append([cell.strip() for cell in row])
                starts.append(start)
            start = reader.line_num + 1  # type: ignore[attr-defined]
    except csv.Error as error:
        what = "a quote is not closed" if "unexpected end" in str(error) else f"the quotes are wrong ({error})"
        raise DatasetError(
            f"{name}, line {start}: {what}; quotes enclose a whole cell, those inside are doubled"
        ) from None
    return rows, starts
