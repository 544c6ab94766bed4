"""The simulator simavr: where its library is, how the harness on it is built, and whether it skips rightly."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from edgealgos.errors import BuildError, MissingToolError

from ..build import tools

_FOLDER = Path(__file__).parent
_SOURCES = (_FOLDER / "simavr_runner.c", _FOLDER / "simavr_serial.c", *sorted((_FOLDER / "devices").glob("*.c")))
_HEADERS = (_FOLDER / "simavr_runner.h", *sorted((_FOLDER / "devices").glob("*.h")))
_PREFIXES = ("/usr/local", "/usr", "/opt/homebrew")
_HOW_TO_GET = "`apt-get install libsimavr-dev libelf-dev`; elsewhere: set EDGEALGOS_SIMAVR to its installation prefix"


def command() -> list[str | Path]:
    """Command that runs a job, its harness built on first use."""
    return [_harness()]


def find() -> Path | None:
    """Header folder of the library, or None."""
    for prefix in _prefixes():
        folder = prefix / "include" / "simavr"
        if (folder / "sim_avr.h").is_file():
            return folder
    return None


def has_skip_fault() -> bool:
    """Whether this version skips one instruction too many before ``adiw``/``sbiw`` (mended upstream in 1.7).

    Asked of the simulator itself, by a program of seven instructions.
    """
    answer = tools.run([*command(), "self-test"]).stdout.strip()
    return answer != "good"


def describe() -> str | None:
    """Where it is and whether it is good, for people; None if it is missing."""
    folder = find()
    if folder is None:
        return None
    try:
        fault = has_skip_fault()
    except (MissingToolError, BuildError) as error:
        return f"{folder} (unusable: {str(error).splitlines()[0]})"
    if fault:
        return f"{folder} (has the adiw/sbiw skip fault of versions before 1.7, which is mended while running)"
    return f"{folder} (good)"


def missing() -> MissingToolError:
    """The error that says it is missing."""
    return MissingToolError("libsimavr", "simulate an Arduino Uno", _HOW_TO_GET)


def _prefixes() -> list[Path]:
    override = os.environ.get("EDGEALGOS_SIMAVR")
    return [Path(override)] if override else [Path(prefix) for prefix in _PREFIXES]


def _harness() -> Path:
    """The compiled harness, from the cache or made now."""
    folder = find()
    if folder is None:
        raise missing()
    compile_command = _compile_command(folder)
    key = hashlib.sha256(repr((tools.HOST_CC.version(), [str(word) for word in compile_command])).encode())
    for source in (*_SOURCES, *_HEADERS):
        key.update(source.read_bytes())
    # A simulator that was replaced by another version needs a new harness: structures differ.
    for header in sorted(folder.glob("*.h")):
        key.update(header.read_bytes())
    program = tools.cache_folder() / "simavr" / key.hexdigest()[:20] / "simavr_runner"
    return tools.kept(program, lambda product: tools.run([*compile_command, "-o", product]))


def _compile_command(folder: Path) -> list[str | Path]:
    libraries = folder.parent.parent / "lib"
    where = [] if libraries == Path("/usr/lib") else [f"-L{libraries}", f"-Wl,-rpath,{libraries}"]
    return [tools.HOST_CC.path(), "-O2", f"-I{folder}", *_SOURCES, *where, "-lsimavr"]
