"""Finds the names that no model can have because compilers' headers have them, and writes the lists of the package.

Every identifier in the headers that a sketch or a program of plain C++ sees is tried as a namespace, and every macro is
taken. Needs avr-g++ with Arduino's core, g++ and arm-none-eabi-g++::

    python tools/reserved_names.py
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from edgealgos.codegen.build import tools
from edgealgos.codegen.emit.cpp.names import KEYWORDS

LISTS = Path(__file__).parents[1] / "edgealgos" / "codegen" / "emit" / "cpp" / "reserved"
LIBRARIES = ("Wire", "SPI", "EEPROM", "SoftwareSerial")
STANDARD = (
    "assert ctype errno float inttypes limits locale math setjmp signal stdarg stddef stdint stdio stdlib string time"
)
AT_ONCE = 20
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,50}")


def arduino_commands() -> list[list[str]]:
    """What compiles for each processor of an Arduino with this core."""
    core = tools.arduino_core()
    folders = [core / "cores" / "arduino", *(core / "libraries" / library / "src" for library in LIBRARIES)]
    places = [f"-I{folder}" for folder in folders]
    headers = [word for name in ("Arduino", *LIBRARIES) for word in ("-include", f"{name}.h")]
    common = ["-std=gnu++11", "-w", "-DF_CPU=16000000L", "-DARDUINO=10819", "-DDECIMAL_DIG=__DECIMAL_DIG__"]
    boards = (
        ("atmega328p", "standard", ()),
        ("atmega2560", "mega", ()),
        ("atmega32u4", "leonardo", ("-DUSBCON", "-DUSB_VID=0x2341", "-DUSB_PID=0x8036")),
    )
    return [
        ["avr-g++", f"-mmcu={mcu}", *common, *more, *places, f"-I{core / 'variants' / variant}", *headers]
        for mcu, variant, more in boards
    ]


def plain_commands() -> list[list[str]]:
    """What compiles plain C++ for this computer and without an operating system, in the dialect that CMake takes."""
    headers = [word for name in STANDARD.split() for word in ("-include", f"{name}.h")]
    return [[compiler, "-std=gnu++11", "-w", *headers] for compiler in ("g++", "arm-none-eabi-g++")]


def taken(command: list[str]) -> set[str]:
    """Names that cannot be those of a namespace behind these headers."""
    macros = set(re.findall(r"^#define (\w+)", _output(command, "-dM", "-E"), re.M))
    seen = set(_NAME.findall(_output(command, "-P", "-E")))
    tried = sorted(name for name in seen - macros - KEYWORDS if "__" not in name)
    macros |= _clashes(command, sorted(tried))
    return {name for name in macros if _NAME.fullmatch(name) and "__" not in name}


def _clashes(command: list[str], names: list[str]) -> set[str]:
    """Names that the compiler does not take, tried few at a time: it gives up after too many."""
    found = set()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "tried.cpp"
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            source.write_text("".join(f"namespace {n} {{ int probe(); }} int use_{n}() {{ return {n}::probe(); }}\n"
                                      for n in some))  # fmt: skip
            done = subprocess.run([*command, "-fsyntax-only", str(source)], capture_output=True, text=True, check=False)
            lines = {int(line) for line in re.findall(r"tried\.cpp:(\d+):\d+: error", done.stderr)}
            found |= {some[line - 1] for line in lines}
    return found


def _output(command: list[str], *flags: str) -> str:
    done = subprocess.run([*command, *flags, "-x", "c++", "/dev/null"], capture_output=True, text=True, check=True)
    return done.stdout


def main() -> None:
    """Write both lists."""
    for name, commands in (("arduino", arduino_commands()), ("plain", plain_commands())):
        names = sorted(set().union(*map(taken, commands)))
        (LISTS / f"{name}.txt").write_text("\n".join(names) + "\n")
        print(f"{name}: {len(names)} names")


if __name__ == "__main__":
    main()
