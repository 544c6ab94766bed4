"""The folder of an export: which folders may be written, and the change of all files or none; knows files, no C++.

A folder that is absent, empty, or holds an earlier export is written. What an earlier export wrote stands in its
manifest with a digest each: these files alone are ever replaced or removed. New files are complete in a folder of their
own, and copies of the old ones lie beside them, before the first rename; a journal lasts as long as the renames do, so
that an interrupt takes them back, and a kill leaves that to the next export here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from edgealgos.errors import ExportError
from edgealgos.files import locked, what_is

MANIFEST = "manifest.json"
_STAGING = ".edgealgos-export"
_SHOWN = 3  # names of files in a message
_LOG = logging.getLogger("edgealgos")


def digests(files: Mapping[str, str]) -> dict[str, str]:
    """What a manifest says of the files beside it."""
    return {name: _digest(text.encode("utf-8")) for name, text in sorted(files.items())}


def write_folder(
    target: Path, files: Mapping[str, str], *, overwrite: bool = False, application: Collection[str] = ()
) -> None:
    """Write an export into a folder, through links: all files or none, and nothing but an earlier export's is replaced.

    Parameters
    ----------
    target : Path
        The folder; it and those above it are made if they are absent.
    files : mapping of str to str
        Text of each file by its path in the folder, the manifest among them.
    overwrite : bool
        Whether an earlier export may be replaced. Its files that are not among the new ones are removed.
    application : collection of str
        Files that people are meant to edit: once edited, they stay as they are. Other edited files are a refusal.

    Raises
    ------
    ExportError
        If the target is something else than such a folder, or cannot be written. The folder is as it was.
    """
    found = what_is(target)
    if found not in (None, "a folder"):
        raise ExportError(f"{target} is {found}; give a folder. Nothing was changed.")
    change = _Change(Path(os.path.realpath(target)))
    try:
        with _made(change.folder), locked(change.folder), change.tidied():
            earlier = _earlier_export(change.folder)
            _check_occupied(target, earlier is not None, overwrite)
            old, facts = (earlier or {}).get("files", {}), json.loads(files[MANIFEST])
            same = all((earlier or {}).get(key) == facts.get(key) for key in ("name", "layout"))
            kept = _check_files(change.folder, files, old, application if same else ())
            new = {name: text.encode("utf-8") for name, text in files.items() if name not in kept}
            change.carry_out(new, [name for name in old if name not in files])
    except OSError as error:
        state = "The next export here restores the old files" if change.journal.exists() else "Nothing was changed"
        raise ExportError(f"cannot write {target}: {error.strerror or error}. {state}.") from error
    for name in kept:
        _LOG.warning("%s was edited since it was exported and stays as it is", target / name)


# ---- what may be written -------------------------------------------------------------------------------------------


def _check_occupied(target: Path, is_export: bool, overwrite: bool) -> None:
    """Refuse a folder that holds what no export wrote, or an export that shall stay."""
    there = sorted(set(os.listdir(target)) - {_STAGING})
    if not there:
        return
    if not is_export:
        raise ExportError(
            f"{target} already has files that are not of an earlier export ({_listed(there)}), and these are never "
            "replaced, not even with overwrite=True; give a new folder"
        )
    if not overwrite:
        raise ExportError(f"{target} already has an export; pass overwrite=True to replace its files")


def _earlier_export(folder: Path) -> dict[str, Any] | None:
    """The manifest of an export, with the digest of each file by its path; None where there is none."""
    place = folder / MANIFEST
    try:
        if not stat.S_ISREG(place.lstat().st_mode):
            return None
        facts: dict[str, Any] = json.loads(place.read_bytes())
        ours = "edgealgos" in facts and all(map(_is_plain, dict(facts["files"])))
    except (FileNotFoundError, ValueError, RecursionError, TypeError, KeyError):
        return None
    return facts if ours else None


def _is_plain(name: str) -> bool:
    """Whether a path leads to a file below the folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and str(path) == name and not ({"..", _STAGING} & set(path.parts)) and name[0] != "/" \
        and not re.search(r"[\\:\0]", name) and name != MANIFEST  # fmt: skip


def _check_files(
    folder: Path, files: Iterable[str], old: Mapping[str, str], application: Collection[str]
) -> frozenset[str]:
    """Refuse what would replace or remove somebody's own; the edited files that stay as they are."""
    own = [name for name in files if name not in old and name != MANIFEST and _in_the_way(folder, name)]
    if own:
        raise ExportError(
            f"{_listed(own)} in {folder} would be replaced, and no earlier export wrote it; move it, or give another "
            "folder or name=. Nothing was changed."
        )
    present = {name for name in old if _in_the_way(folder, name)}
    edited = {name for name in present if _digest_of(folder, name) != old[name]}
    if refused := edited - set(application):
        raise ExportError(
            f"{_listed(sorted(refused))} in {folder} was edited since it was exported; move your changes elsewhere or "
            "delete it, and it will be written anew. Nothing was changed."
        )
    return frozenset(edited)


def _in_the_way(folder: Path, name: str) -> bool:
    """Whether something lies at a path, or where a folder on the way to it should be."""
    above = [folder / part for part in PurePosixPath(name).parents if str(part) != "."]
    return os.path.lexists(folder / name) or any(os.path.lexists(p) and not _is_own_folder(p) for p in above)


def _is_own_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)


def _digest_of(folder: Path, name: str) -> str:
    """Digest of a file that lies in the folder itself, not behind a link; empty for anything else."""
    place = folder / name
    above = [folder / part for part in PurePosixPath(name).parents]
    if not all(map(_is_own_folder, above)) or not stat.S_ISREG(place.lstat().st_mode):
        return ""
    return _digest(place.read_bytes())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _listed(names: Collection[str]) -> str:
    shown = list(names)[:_SHOWN]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


# ---- the change ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """The folder, made where it is absent; what was made goes again if the block fails."""
    absent = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in absent:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


@dataclass(frozen=True)
class _Change:
    """The change of a folder's files from one export to another."""

    folder: Path

    @property
    def staging(self) -> Path:
        """What is needed for the change: ``new`` files, copies of the ``old`` ones, the journal."""
        return self.folder / _STAGING

    @property
    def journal(self) -> Path:
        """There as long as files are being renamed: the digest of each new file."""
        return self.staging / "journal"

    @contextlib.contextmanager
    def tidied(self) -> Iterator[None]:
        """Before the block, take back what was interrupted; after it, leave nothing behind."""
        if os.path.lexists(self.staging) and not _is_own_folder(self.staging):
            raise ExportError(f"{self.staging} is in the way; move it. Nothing was changed.")
        self.take_back()
        try:
            yield
        finally:
            try:
                self.take_back()
            except BaseException:  # once more: the second attempt finds what the first left
                self.take_back()
                raise

    def carry_out(self, new: Mapping[str, bytes], gone: Iterable[str]) -> None:
        """Put new files in place, the manifest last, and remove others."""
        gone = [name for name in gone if os.path.lexists(self.folder / name)]
        order = sorted(new, key=lambda name: (name == MANIFEST, name))
        for name in order:
            _write(self.staging / "new" / name, new[name])
        for name in [*order, *gone]:
            if os.path.lexists(self.folder / name):
                (self.staging / "old" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.folder / name, self.staging / "old" / name)
        record = json.dumps({name: _digest(new[name]) for name in order})
        _write(self.staging / "record", record.encode("utf-8"))
        os.replace(self.staging / "record", self.journal)
        for name in order:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(self.staging / "new" / name, self.folder / name)
        for name in gone:
            _remove(self.folder, name)
        self.journal.unlink()  # from here on, the new export is there

    def take_back(self) -> None:
        """Undo a change that has a journal; whoever changed a file since keeps what they have. Clear the staging."""
        if self.journal.exists():
            placed: dict[str, str] = json.loads(self.journal.read_bytes())
            before = self.staging / "old"
            for copy in [path for path in before.rglob("*") if path.is_file()]:
                name = copy.relative_to(before).as_posix()
                if not os.path.lexists(self.folder / name) or _digest_of(self.folder, name) == placed.get(name):
                    (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                    os.replace(copy, self.folder / name)
                    placed.pop(name, None)
            for name, digest in placed.items():
                if os.path.lexists(self.folder / name) and _digest_of(self.folder, name) == digest:
                    _remove(self.folder, name)
            self.journal.unlink()
        for _ in range(2):  # what cannot be removed now goes with the next export
            if self.staging.exists():
                shutil.rmtree(self.staging, ignore_errors=True)


def _write(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


def _remove(folder: Path, name: str) -> None:
    """Remove a file, and the folders that it leaves empty."""
    (folder / name).unlink()
    with contextlib.suppress(OSError):
        for part in PurePosixPath(name).parents:
            if str(part) != ".":
                (folder / part).rmdir()
