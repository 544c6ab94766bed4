"""Where the programs and libraries of other people are on this computer; knows nothing of models or boards."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgealgos.errors import BuildError, MissingToolError
from edgealgos.files import Scratch

from ..targets.compilers import COMPILERS

_DIGEST = "sha256"
_IDE = "or the Arduino IDE with its board package 'Arduino AVR Boards'"
_APT_AVR = f"`apt-get install gcc-avr avr-libc binutils-avr`, {_IDE}"
ARDUINO_CORE_SOURCE = (
    f"`apt-get install arduino-core-avr`, {_IDE}; "
    "elsewhere: set EDGEALGOS_ARDUINO_CORE to the folder that holds cores/arduino"
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that somebody else made.

    Parameters
    ----------
    name : str
        Name of the executable.
    purpose : str
        What it is needed for, to be read after "is needed to".
    how_to_get : str
        What installs it.
    """

    name: str
    purpose: str
    how_to_get: str

    def find(self) -> Path | None:
        """Path of the executable, or None: first on ``PATH``, then inside Arduino's own packages."""
        found = shutil.which(self.name)
        if found:
            return Path(found)
        for folder in _arduino_compiler_folders():
            found = shutil.which(self.name, path=str(folder))
            if found:
                return Path(found)
        return None

    def path(self) -> Path:
        """Path of the executable; `MissingToolError` when there is none."""
        found = self.find()
        if found is None:
            raise self.missing()
        return found

    def missing(self) -> MissingToolError:
        """The error that says it is missing."""
        return MissingToolError(self.name, self.purpose, self.how_to_get)

    def version(self) -> str:
        """First line of ``--version``, empty if the program does not say."""
        output = run([self.path(), "--version"], check=False).stdout
        return output.splitlines()[0].strip() if output else ""


def _compiler(name: str) -> Tool:
    compiler = COMPILERS[name]
    return Tool(compiler.name, compiler.purpose, compiler.how_to_get)


AVR_GCC = Tool("avr-gcc", "compile the C parts of a sketch for an Arduino", _APT_AVR)
AVR_GXX = _compiler("avr-g++")
AVR_AR = Tool("avr-gcc-ar", "collect the Arduino core into a library", _APT_AVR)
AVR_SIZE = Tool("avr-size", "measure flash and static RAM", _APT_AVR)
AVR_NM = Tool("avr-nm", "find functions in a firmware", _APT_AVR)
AVR_OBJDUMP = Tool("avr-objdump", "disassemble a firmware", _APT_AVR)
AVR_OBJCOPY = Tool("avr-objcopy", "take the flash image out of a firmware", _APT_AVR)
HOST_CC = Tool("gcc", "compile the simulator harness", "`apt-get install build-essential`")
HOST_CXX = _compiler("g++")
NODE = Tool("node", "run avr8js, the second opinion on the simulator", "`apt-get install nodejs`")
PIZERO_GXX = _compiler("arm-linux-gnueabi-g++")
CORTEX_GXX = _compiler("arm-none-eabi-g++")
QEMU_ARM = Tool("qemu-arm", "run a program of a Raspberry Pi Zero", "`apt-get install qemu-user` (Linux only)")
AARCH64_GXX = _compiler("aarch64-linux-gnu-g++")
RISCV_GXX = _compiler("riscv64-unknown-elf-g++")
XTENSA_GXX = _compiler("xtensa-lx106-elf-g++")
QEMU_AARCH64 = Tool(
    "qemu-aarch64", "run a program of a 64-bit Raspberry Pi", "`apt-get install qemu-user` (Linux only)"
)
QEMU_SYSTEM_RISCV = Tool("qemu-system-riscv32", "simulate a RISC-V processor", "`apt-get install qemu-system-misc`")
QEMU_SYSTEM_XTENSA = Tool("qemu-system-xtensa", "simulate an ESP8266's processor", "`apt-get install qemu-system-misc`")
QEMU_SYSTEM_ARM = Tool(
    "qemu-system-arm", "simulate a Cortex-M", "`apt-get install qemu-system-arm`; elsewhere: https://www.qemu.org"
)

TOOLS = (
    AVR_GCC,
    AVR_GXX,
    AVR_AR,
    AVR_SIZE,
    AVR_NM,
    AVR_OBJDUMP,
    AVR_OBJCOPY,
    HOST_CC,
    HOST_CXX,
    NODE,
    PIZERO_GXX,
    CORTEX_GXX,
    AARCH64_GXX,
    RISCV_GXX,
    XTENSA_GXX,
    QEMU_ARM,
    QEMU_AARCH64,
    QEMU_SYSTEM_ARM,
    QEMU_SYSTEM_RISCV,
    QEMU_SYSTEM_XTENSA,
)


def arduino_core() -> Path:
    """Folder that holds ``cores/arduino`` and ``variants``; `MissingToolError` when there is none."""
    found = find_arduino_core()
    if found is None:
        raise MissingToolError(
            "the Arduino AVR core",
            "compile a sketch as the Arduino IDE does",
            ARDUINO_CORE_SOURCE,
        )
    return found


def find_arduino_core() -> Path | None:
    """Folder that holds ``cores/arduino`` and ``variants``, or None."""
    for folder in _arduino_core_folders():
        if (folder / "cores" / "arduino" / "Arduino.h").is_file():
            return folder
    return None


def arduino_core_version(core: Path) -> str:
    """Version that the core's ``platform.txt`` states, empty if it does not."""
    platform = core / "platform.txt"
    match = re.search(r"^version=(\S+)", platform.read_text(errors="replace"), re.M) if platform.is_file() else None
    return match[1] if match else ""


def _arduino_core_folders() -> Iterator[Path]:
    override = os.environ.get("EDGEALGOS_ARDUINO_CORE")
    if override:
        yield Path(override)
        return
    yield Path("/usr/share/arduino/hardware/arduino/avr")
    yield Path("/usr/local/share/arduino/hardware/arduino/avr")
    for root in _arduino_package_roots():
        yield from _newest_first(root / "hardware" / "avr")


def _arduino_compiler_folders() -> Iterator[Path]:
    for root in _arduino_package_roots():
        for version in _newest_first(root / "tools" / "avr-gcc"):
            yield version / "bin"


def _arduino_package_roots() -> Iterator[Path]:
    """Where the Arduino IDE and arduino-cli keep their packages on Linux, macOS and Windows."""
    for home in (Path("~/.arduino15"), Path("~/Library/Arduino15"), Path("~/AppData/Local/Arduino15")):
        # A home that cannot be told is a home without Arduino.
        with contextlib.suppress(RuntimeError):
            yield home.expanduser() / "packages" / "arduino"


def _newest_first(folder: Path) -> list[Path]:
    versions = [entry for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
    return sorted(versions, key=lambda entry: [int(part) for part in re.findall(r"\d+", entry.name)], reverse=True)


def run(
    command: Sequence[str | Path], *, check: bool = True, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and hand back what it printed.

    Raises
    ------
    BuildError
        If it fails and `check` is set; the message holds the command and what it said.
    """
    words = [str(word) for word in command]
    # The messages are read by programs: they must not be translated.
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        words,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if check and done.returncode != 0:
        said = f"{done.stderr.strip()}\ncommand: {' '.join(words)}"
        raise BuildError(f"{Path(words[0]).name} failed with code {done.returncode}:\n{said}")
    return done


def cache_folder() -> Path:
    """Folder for what is built once a machine.

    It is ``EDGEALGOS_CACHE`` if that is set, else ``edgealgos`` in ``XDG_CACHE_HOME`` or ``~/.cache``.
    """
    override = os.environ.get("EDGEALGOS_CACHE")
    if override:
        return Path(override)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path("~/.cache").expanduser()) / "edgealgos"


def kept(target: Path, make: Callable[[Path], object]) -> Path:
    """A file that is built once a machine: from the cache, or made where it is missing or damaged.

    Several processes may build the same thing at once: each in a folder of its own that is moved to its place as a
    whole, and what the first one moved there stays, as others may be reading it (a linker opens an archive more than
    once).

    Parameters
    ----------
    target : Path
        Where it is kept, alone in its folder.
    make : callable
        Writes it to the path that it is given.
    """
    if _is_intact(target):
        return target
    shelf = target.parent.parent
    shelf.mkdir(parents=True, exist_ok=True)
    with Scratch(shelf) as scratch:
        fresh, old = scratch / "fresh", scratch / "old"
        fresh.mkdir()
        make(fresh / target.name)
        (fresh / _DIGEST).write_text(_digest(fresh / target.name))
        if target.parent.exists() and not _is_intact(target):
            target.parent.rename(old)
        with contextlib.suppress(OSError):  # somebody else was faster
            fresh.rename(target.parent)
    return target


def _is_intact(target: Path) -> bool:
    try:
        return (target.parent / _DIGEST).read_text() == _digest(target)
    except (OSError, ValueError):
        return False


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
