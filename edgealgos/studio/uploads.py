"""Uploaded files in a folder of their own, with names that stay inside it; knows files, no page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Protocol

from ..errors import DatasetError

MOST_BYTES = 512 * 2**20  # of one upload
MOST_FILES = 20_000
LONGEST_NAME = 120  # bytes of a part of a path
_BAD = re.compile(r'[\x00-\x1f\x7f:*?"|]')


class Uploaded(Protocol):
    """A file of a form."""

    filename: str | None

    def save(self, target: IO[bytes]) -> None: ...


def keep(files: Iterable[Uploaded], folder: Path) -> tuple[Path, str]:
    """Write uploaded files below a folder; what to open, and what to call it: the one file, or the folder.

    Raises
    ------
    DatasetError
        If there is none, or the disk takes no more.
    """
    places: list[Path] = []
    parts: list[Sequence[str]] = []
    for file in files:
        path = _parts(file.filename or "")
        if not path:
            continue
        place = _free(folder.joinpath(*path))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as target:
                file.save(target)
        except OSError as error:
            raise DatasetError(f"{'/'.join(path)} cannot be kept: {error.strerror or error}") from error
        places.append(place)
        parts.append(path)
    if not places:
        raise DatasetError("no file was chosen; choose a table, or a folder of recordings")
    if len(places) == 1:
        return places[0], places[0].name
    first = parts[0][0]
    if all(len(path) > 1 and path[0] == first for path in parts):  # a folder that was chosen whole
        return folder / first, first
    return folder, f"{len(places)} files"


def _parts(name: str) -> list[str]:
    """Parts of a path that lead nowhere else."""
    found = [_BAD.sub("_", part.strip()) for part in re.split(r"[/\\]", name)]
    return [_short(part) for part in found if part.strip(". ")]


def _short(part: str) -> str:
    """A name that file systems take, with its ending."""
    data = part.encode("utf-8", "replace")
    if len(data) <= LONGEST_NAME:
        return data.decode("utf-8")
    stem, dot, ending = part.rpartition(".")
    ending = (dot + ending)[-12:] if stem else ""
    return data[: LONGEST_NAME - len(ending.encode("utf-8", "replace"))].decode("utf-8", "ignore") + ending


def _free(place: Path) -> Path:
    """The place, or one beside it where another file is already."""
    count, found = 1, place
    while found.exists():
        count += 1
        found = place.with_name(f"{place.stem}_{count}{place.suffix}")
    return found
