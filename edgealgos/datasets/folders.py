"""Folders of recordings: which files there are, of which class and person, by the names of files and folders."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import DatasetError

SUFFIXES = {"motion": (".csv", ".tsv", ".txt", ".dat", ".gz"), "sound": (".wav", ".wave")}
TO_CONVERT = (".mp3", ".flac", ".ogg", ".m4a", ".aac", ".opus", ".xlsx", ".xls", ".json", ".parquet", ".mat")
PARTS = ("train", "training", "test", "testing", "val", "valid", "validation")
_NO_RECORDINGS = re.compile(
    r"readme|licen[cs]e|changelog|notes?|labels?|classes|metadata|info|requirements", re.IGNORECASE
)
_NUMBER = re.compile(r"(?:[ ._-]*(?:\(?\d+\)?|(?:take|trial|rec|sample|nohash)[ ._-]*\d+))+$", re.IGNORECASE)


def find_files(root: Path) -> tuple[str, list[Path], list[str]]:
    """``"motion"`` or ``"sound"``, the files of it below a folder, and what is worth saying of the others.

    Raises
    ------
    DatasetError
        If there are none.
    """
    try:
        every = sorted(p for p in root.rglob("*") if not p.is_dir() and not _is_hidden(p.relative_to(root)))
    except OSError as error:
        raise DatasetError(f"{root} cannot be read: {error.strerror or error}; check its permissions") from error
    told = [p for p in every if not _NO_RECORDINGS.fullmatch(p.name.partition(".")[0])]
    found = {kind: [p for p in told if p.suffix.casefold() in suffixes] for kind, suffixes in SUFFIXES.items()}
    kind = "sound" if len(found["sound"]) >= len(found["motion"]) else "motion"
    if not found[kind]:
        others = Counter(p.suffix.casefold() or p.name for p in every)
        listed = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5)) or "no files"
        raise DatasetError(
            f"{root} holds {listed}; recordings are .csv files of a motion sensor or .wav files of a microphone, one "
            "class a file or a folder"
        )
    notes = []
    convertible = Counter(p.suffix.casefold() for p in every if p.suffix.casefold() in TO_CONVERT)
    notes += [f"{count} {suffix} files are not read; convert them" for suffix, count in convertible.items()]
    other = found["motion" if kind == "sound" else "sound"]
    if other:
        notes.append(
            f"{len(other)} {other[0].suffix} files are passed over, {len(found[kind])} {found[kind][0].suffix} read"
        )
    return kind, found[kind], notes


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def label_files(root: Path, files: Sequence[Path]) -> tuple[dict[Path, tuple[str, str | None]], list[str]]:
    """Class and person (None: unknown) of each file, and what is worth saying.

    The class is the folder below the root, or what the file names of a class have in common before their number; the
    person is a folder below the class's, or a second part of file names that comes in several classes.
    """
    places = {file: list(file.relative_to(root).parts) for file in files}
    notes = []
    if all(len(parts) > 1 and parts[0].casefold() in PARTS for parts in places.values()):
        places = {file: parts[1:] for file, parts in places.items()}
        notes.append("parts such as train and test are put together; rows are held back to test anew")
    in_folders = {file: parts for file, parts in places.items() if len(parts) > 1}
    if in_folders and len(in_folders) == len(files):
        found = {file: (parts[0], parts[1] if len(parts) > 2 else None) for file, parts in places.items()}
        return (found if any(person for _, person in found.values()) else _people_of_names(found)), notes
    stems = {file: _NUMBER.sub("", _stem(file)) or _stem(file) for file in files}
    people = _product(sorted(set(stems.values())))
    if people:
        notes.append("file names are taken for class, person and number")
        return {file: people[stem] for file, stem in stems.items()}, notes
    return {file: (stem, None) for file, stem in stems.items()}, notes


def _stem(file: Path) -> str:
    return file.name.partition(".")[0] if file.suffix == ".gz" else file.stem


def _product(stems: Sequence[str]) -> dict[str, tuple[str, str | None]] | None:
    """Classes and persons of names such as wing_ann, wing_bob, ring_ann, ring_bob; None where they are no product."""
    pairs = [re.split(r"[ ._-]+", stem, maxsplit=1) for stem in stems]
    if not all(len(pair) == 2 for pair in pairs):
        return None
    classes, people = ({pair[i] for pair in pairs} for i in (0, 1))
    if len(classes) < 2 or len(people) < 2 or len(pairs) < len(classes) * len(people):
        return None
    return {stem: (pair[0], pair[1]) for stem, pair in zip(stems, pairs, strict=True)}


def _people_of_names(found: dict[Path, tuple[str, str | None]]) -> dict[Path, tuple[str, str | None]]:
    """Persons by what file names have before their number, where the same come in several classes."""
    names = {file: re.split(r"_nohash_|[_-]", _stem(file), maxsplit=1)[0] for file in found}
    classes: dict[str, set[str]] = {}
    for file, (label, _) in found.items():
        classes.setdefault(names[file], set()).add(label)
    shared = [name for name, labels in classes.items() if len(labels) > 1 and not name.isdigit()]
    if 2 * len(shared) <= len(classes) or len(shared) < 2:
        return found
    return {file: (label, names[file]) for file, (label, _) in found.items()}


def read_each(files: Sequence[Path], read: Callable[[Path], Any], left_out: dict[str, str]) -> dict[Path, Any]:
    """What can be read; the others are left out, unless none stays."""
    found = {}
    for file in files:
        try:
            found[file] = read(file)
        except DatasetError as error:
            left_out[str(file)] = str(error)
    if not found:
        first = next(iter(left_out.values()))
        raise DatasetError(first if len(files) == 1 else f"none of {len(files)} files can be read; the first: {first}")
    return found
