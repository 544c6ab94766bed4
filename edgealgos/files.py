"""Writes files whole or not at all, keeps writers of one folder apart, makes temporary folders; knows paths alone.

A new file is complete beside its place before one rename puts it there: whatever happens, the old file stays or the new
one is there. What a killed process left behind is known by its lock, which the system took back, and goes next time.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from .errors import EdgeAlgosError

try:
    import fcntl
except ImportError:  # Windows: files that are deleted when they are closed take the place of locks
    fcntl = None  # type: ignore[assignment]

PATIENCE = 20.0  # seconds that one writer of a folder waits for another
_PREFIX, _SUFFIX, _SCRATCH = ".edgealgos-", ".part", ".edgealgos-scratch-"
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISREG, "a file"),
)


def what_is(path: str | os.PathLike[str]) -> str | None:
    """What lies at a path, links followed, in words: "a file", "a folder", "a named pipe"; None where nothing does."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return f"a link to {os.readlink(path)}, where nothing is" if os.path.islink(path) else None
    except OSError as error:
        return f"a link that leads nowhere ({error.strerror})" if os.path.islink(path) else None
    except ValueError:  # no path can be so
        return None
    return next((text for is_kind, text in _KINDS if is_kind(mode)), "no ordinary file")


def write_file(path: str | os.PathLike[str], data: bytes | str) -> Path:
    """Write a file whole or not at all, through links; text becomes UTF-8 with the line ends that it has.

    Raises
    ------
    EdgeAlgosError
        If something else than a file is in the way, or the place cannot be written; what was there stays as it was.
    """
    place = Path(path)
    found = what_is(place)
    if found not in (None, "a file"):
        raise EdgeAlgosError(f"{place} is {found}, not a file; give another name. Nothing was changed.")
    if found and not os.access(place, os.W_OK):
        raise EdgeAlgosError(f"cannot write {place}: it may not be changed; give another name. Nothing was changed.")
    try:
        _replace(Path(os.path.realpath(place)), data.encode("utf-8") if isinstance(data, str) else data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EdgeAlgosError(f"cannot write {place}: {reason}; choose a place you may write to") from error
    return place


def _replace(place: Path, data: bytes) -> None:
    sweep(place.parent)
    part = place.parent / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
    try:
        with _created(part) as descriptor:
            with contextlib.suppress(FileNotFoundError):  # a file keeps its permissions
                os.chmod(part, stat.S_IMODE(place.stat().st_mode))
            with open(descriptor, "wb", closefd=False) as file:
                file.write(data)
            os.fsync(descriptor)
            if fcntl:  # renamed while the lock lasts: nobody else takes it for left behind
                os.replace(part, place)
        if not fcntl:
            os.replace(part, place)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


@contextlib.contextmanager
def _created(part: Path) -> Iterator[int]:
    """A new file, locked as long as it is open."""
    while True:
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666)
        try:
            if fcntl:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_nlink == 0:  # swept away before it was locked
                    continue
            yield descriptor
            return
        finally:
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what killed writers left in a folder."""
    if not fcntl:
        return
    for part in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            descriptor = os.open(part, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()
            finally:
                os.close(descriptor)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others who lock this folder out as long as the block runs; the lock ends with the process.

    Raises
    ------
    EdgeAlgosError
        If somebody else has held it for `PATIENCE` seconds.
    OSError
        If the folder cannot be opened.
    """
    deadline = time.monotonic() + PATIENCE
    while (descriptor := _lock(folder)) is None:
        if time.monotonic() > deadline:
            raise EdgeAlgosError(f"somebody else is writing to {folder}; try again when they have ended")
        time.sleep(0.02)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(folder: Path) -> int | None:
    """Open file that stands for the lock, None where somebody else has it."""
    if not fcntl:
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_TEMPORARY", 0)
        with contextlib.suppress(FileExistsError, PermissionError):
            return os.open(folder / f"{_PREFIX}lock", flags)
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise


# ---- temporary folders -----------------------------------------------------------------------------------------------


class Scratch:
    """A temporary folder that goes with this object; if the process is killed, with the next one that is made.

    Parameters
    ----------
    where : Path, optional
        Folder to make it in; default: where temporary files of this computer go.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, where: Path | None = None) -> None:
        parent = where or Path(tempfile.gettempdir())
        for left in parent.glob(f"{_SCRATCH}*"):
            with contextlib.suppress(OSError):
                _discard_abandoned(left)
        self.path, lock = _new_scratch(parent)
        self.close = weakref.finalize(self, _discard, self.path, lock)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *exception: object) -> None:
        self.close()


def _new_scratch(parent: Path) -> tuple[Path, int | None]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=parent))
        if not fcntl:
            return path, None
        with contextlib.suppress(FileNotFoundError):  # taken for abandoned before it was locked
            lock = os.open(path, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return path, lock
            os.close(lock)


def _discard_abandoned(path: Path) -> None:
    """Remove a temporary folder whose maker lives no more."""
    lock = _lock(path) if fcntl and path.stat().st_uid == os.getuid() else None
    if lock is not None:
        _discard(path, lock)


def _discard(path: Path, lock: int | None) -> None:
    shutil.rmtree(path, ignore_errors=True)
    if lock is not None:
        os.close(lock)
