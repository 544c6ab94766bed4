"""Places that a command will write to, tried before the work begins; writes nothing that stays."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

import edgealgos as ea


def check_file(path: str, flag: str) -> None:
    """Refuse a place where a model cannot be saved, or where something else is."""
    place = Path(path)
    if not path or place.name in ("", ".", ".."):
        raise ea.EdgeAlgosError(f"{flag} {path!r} names no file; give it a name such as model.edgealgos")
    if place.is_dir():
        raise ea.EdgeAlgosError(f"{flag} {path} is a folder; add the name of a file")
    if os.path.lexists(place) and not (place.is_file() and _is_model(place)):
        raise ea.EdgeAlgosError(f"{flag} {path} is there and is no model; it was left as it is, give another name")
    _check_writable(place.parent, f"{flag} {path}")


def check_folder(path: str, flag: str, overwrite: bool) -> None:
    """Refuse a folder that cannot be written, or has something else in it."""
    place = Path(path)
    if not path:
        raise ea.EdgeAlgosError(f"{flag} {path!r} names no folder; give it a name such as out/my_model")
    if place.is_dir():
        occupied = any(place.iterdir())
        if occupied and not overwrite:
            raise ea.EdgeAlgosError(
                f"{flag} {path} is there and has files; name another folder, or replace its export with --overwrite"
            )
        if occupied and not (place / "manifest.json").is_file():
            raise ea.EdgeAlgosError(
                f"{flag} {path} has files that are not of an earlier export, and these are never replaced, not even "
                "with --overwrite; name another folder"
            )
        _check_writable(place, f"{flag} {path}")
    elif os.path.lexists(place) and not place.is_symlink():
        raise ea.EdgeAlgosError(f"{flag} {path} is no folder; it was left as it is, name another one")
    else:
        parent = place.absolute().parent
        while not parent.exists():
            parent = parent.parent
        _check_writable(parent, f"{flag} {path}")


def _check_writable(folder: Path, what: str) -> None:
    if not folder.is_dir():
        raise ea.EdgeAlgosError(f"{what}: there is no folder {folder}; make it first, or choose another place")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ea.EdgeAlgosError(
            f"{what} cannot be written ({error.strerror or error}); choose another place"
        ) from error


def _is_model(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "model.json" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
