"""Builds a sketch as the Arduino IDE does, or C++ files for this computer; knows compilers and boards, no models."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgealgos.errors import BuildError
from edgealgos.files import Scratch

from ..targets.boards import Board, get_board
from . import ino, tools
from .firmware import Firmware, inspect

# What the IDE passes (platform.txt of the core), less -g, which changes no byte of the program.
_COMMON_FLAGS = ("-Os", "-flto", "-ffunction-sections", "-fdata-sections")
_C_FLAGS = (*_COMMON_FLAGS, "-std=gnu11", "-fno-fat-lto-objects")
_CXX_FLAGS = (
    *_COMMON_FLAGS,
    "-std=gnu++11",
    "-fpermissive",
    "-fno-exceptions",
    "-fno-threadsafe-statics",
    "-Wno-error=narrowing",
)
_LINK_FLAGS = ("-Os", "-flto", "-fuse-linker-plugin", "-Wl,--gc-sections")
# Some versions of avr-gcc leave DECIMAL_DIG undefined in gnu++11, and WString.cpp needs it.
_CORE_FLAGS = ("-w", "-DDECIMAL_DIG=__DECIMAL_DIG__")
_OUR_WARNINGS = ("-Wall", "-Wextra")
_SOURCE_SUFFIXES = (".c", ".cpp", ".S")
_IDE_VERSION = "10819"


@dataclass(frozen=True, slots=True)
class HostProgram:
    """An executable for this computer.

    Parameters
    ----------
    path : Path
        The executable.
    warnings : tuple of str
        Compiler warnings, one string each.
    """

    path: Path
    warnings: tuple[str, ...]

    def run(self, *arguments: str | Path, stdin: str = "", timeout: float = 600.0) -> str:
        """What the program prints for these arguments and this input.

        Raises
        ------
        BuildError
            If it ends with an error, or a sanitizer finds a fault.
        """
        environment = {
            **os.environ,
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
            "ASAN_OPTIONS": "detect_leaks=0",
        }
        done = subprocess.run(
            [self.path, *arguments],
            input=stdin,
            env=environment,
            timeout=timeout,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise BuildError(f"{self.path.name} ended with code {done.returncode}:\n{done.stderr.strip()[:4000]}")
        return done.stdout


def build_sketch(
    folder: str | Path,
    board: str | Board = "uno",
    *,
    libraries: Sequence[str | Path] = (),
    build_folder: str | Path | None = None,
    serial: str | None = None,
) -> Firmware:
    """Compile and link a sketch folder, unedited, as the Arduino IDE does.

    Functions may be used before they are defined, and the tabs (``.ino``) beside the first are joined to it in the
    order of their names. Libraries that come with the Arduino core (Wire, SPI, ...) are found by the headers that the
    sketch includes.

    Parameters
    ----------
    folder : path
        Folder with ``<folder name>.ino`` and any ``.ino``, ``.cpp``, ``.c`` and ``.S`` beside it or under ``src``.
    board : str or Board
        A board of the AVR family.
    libraries : sequence of path
        Other Arduino library folders (those that hold ``library.properties``) the sketch uses.
    build_folder : path, optional
        Where the linked file goes; by default a temporary folder that lives as long as the result.
    serial : str, optional
        Port that takes the place of ``Serial`` in the sketch, for a simulator that has no USB: ``"Serial1"``.

    Raises
    ------
    BuildError
        If there is no sketch in the folder, or compiler or linker refuse it.
    MissingToolError
        If the compiler or the Arduino core is missing.
    """
    board = _avr_board(board)
    sketch = Path(folder).resolve()
    tabs = _tabs(sketch)
    own, include = _sketch_sources(sketch, [Path(library).resolve() for library in libraries])
    bundled = [library / "src" for library in _bundled_libraries([*tabs, *own], board, include)]
    sources = [*own, *(source for folder in bundled for source in _sources_in(folder, deep=True))]
    core = _arduino_core_library(board)
    scratch = Scratch() if build_folder is None else None
    keep = scratch.path if scratch else Path(build_folder or "")
    keep.mkdir(parents=True, exist_ok=True)
    flags = [*_OUR_WARNINGS, *(f"-I{folder}" for folder in (*include, *bundled))]
    if serial is not None:
        (keep / "serial.h").write_text(f"#include <Arduino.h>\n#define Serial {serial}\n", encoding="utf-8")
        flags += ["-include", str(keep / "serial.h")]
    main = _write_main(tabs, keep / f"{sketch.name}.ino.cpp", board, flags)
    objects, messages = _compile_sketch([main, *sources], flags, board, keep)
    elf = keep / f"{sketch.name}.elf"
    linked = tools.run(
        [tools.AVR_GCC.path(), *_LINK_FLAGS, *_OUR_WARNINGS, *board.flags, "-o", elf, *objects, core, "-lm"]
    )
    return inspect(elf, board, _warnings("\n".join([*messages, linked.stderr]), [sketch, *include]), scratch)


def build_host(
    files: Iterable[str | Path],
    output: str | Path,
    *,
    flags: Sequence[str] = ("-std=c++11", "-O1"),
    include: Sequence[str | Path] = (),
    sanitize: bool = True,
) -> HostProgram:
    """Compile C++ files into one executable for this computer.

    Parameters
    ----------
    files : iterable of path
        Source files.
    output : path
        The executable to write.
    flags : sequence of str
        More compiler flags.
    include : sequence of path
        Folders for ``#include``.
    sanitize : bool
        Stop at the first memory fault or undefined behaviour.
    """
    watch = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all") if sanitize else ()
    folders = [f"-I{Path(folder)}" for folder in include]
    output = Path(output).resolve()
    done = tools.run([tools.HOST_CXX.path(), *_OUR_WARNINGS, *flags, *watch, *folders, *files, "-o", output])
    return HostProgram(output, tuple(warning_lines(done.stderr)))


def _avr_board(board: str | Board) -> Board:
    board = get_board(board)
    if not board.framework.sketches:
        raise ValueError(f"{board.title} is not programmed with Arduino sketches; use an AVR board such as 'uno'")
    if not board.core_is_here:
        raise BuildError(
            f"sketches for the {board.title} need its core ({board.core}): open them in the Arduino IDE, or use "
            "arduino-cli; edgealgos builds with Arduino's AVR core alone"
        )
    return board


def _tabs(sketch: Path) -> list[Path]:
    """The tabs of a sketch in the order in which they are joined."""
    found = sorted(entry for entry in sketch.glob("*") if entry.suffix in ino.SUFFIXES and entry.is_file())
    main = next((tab for tab in found if tab.stem == sketch.name), None)
    if main is None:
        wanted = f"{sketch.name}{ino.SUFFIXES[0]}"
        raise BuildError(f"{sketch} is not a sketch folder: it has no {wanted} (the Arduino IDE asks for this name)")
    return [main, *(tab for tab in found if tab != main)]


def _write_main(tabs: Sequence[Path], target: Path, board: Board, flags: Sequence[str]) -> Path:
    """Write the C++ that the tabs become."""
    text, lines = ino.joined(tabs), None
    if ino.is_conditional(text):
        target.write_text(text, encoding="utf-8")
        command = [word for word in compile_command(target, target, board, [*flags, "-w"]) if word != "-c"]
        lines = ino.preprocessed(tools.run([*command[:-2], "-E"]).stdout)
    target.write_text(ino.with_prototypes(text, tabs, lines), encoding="utf-8")
    return target


def _sketch_sources(sketch: Path, libraries: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Source files of a sketch beside its tabs and of its libraries, and the folders for #include."""
    sources = [*_sources_in(sketch), *_sources_in(sketch / "src", deep=True)]
    include = [sketch]
    for library in libraries:
        if not (library / "library.properties").is_file():
            raise BuildError(f"{library} is not an Arduino library: it has no library.properties")
        include.append(library / "src")
        sources += _sources_in(library / "src", deep=True)
    return sources, include


def _bundled_libraries(sources: Sequence[Path], board: Board, include: Sequence[Path]) -> list[Path]:
    """Libraries of the Arduino core whose headers these sources, or headers beside them, include for this board."""
    owners = {path.name: path.parents[1] for path in (tools.arduino_core() / "libraries").glob("*/src/*.h")}
    own = {header for source in sources for header in source.parent.glob("*.h")}
    texts = [file.read_text(errors="replace") for file in {*sources, *own}]
    included = {name for text in texts for name in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', text, re.M)}
    named = (included & owners.keys()) - {header.name for header in own}
    if named:  # perhaps for other processors: the preprocessor knows
        flags = ["-M", "-MG", *(f"-I{folder}" for folder in include)]
        asked = [tools.run(compile_command(source, Path("-"), board, flags)[:-2]) for source in sources]
        named &= {Path(word).name for done in asked for word in done.stdout.split()}
    return sorted({owners[name] for name in named})


def _sources_in(folder: Path, *, deep: bool = False) -> list[Path]:
    entries = folder.rglob("*") if deep else folder.glob("*")
    return sorted(entry for entry in entries if entry.suffix in _SOURCE_SUFFIXES and entry.is_file())


def _compile_sketch(
    sources: Sequence[Path], flags: Sequence[str], board: Board, build: Path
) -> tuple[list[Path], list[str]]:
    """Object files and compiler messages."""
    jobs = [(source, build / f"{index}-{source.name}.o") for index, source in enumerate(sources)]
    commands = [compile_command(source, target, board, flags) for source, target in jobs]
    return [target for _, target in jobs], [done.stderr for done in _run_all(commands)]


def compile_command(source: Path, target: Path, board: Board, flags: Sequence[str] = ()) -> list[str | Path]:
    """What makes an object file of a source file of a sketch, a library or the core."""
    core = tools.arduino_core()
    where = [f"-I{core / 'cores' / 'arduino'}", f"-I{core / 'variants' / board.variant}"]
    defines = [f"-DF_CPU={board.clock_hz}L", f"-DARDUINO={_IDE_VERSION}", f"-D{board.define}", "-DARDUINO_ARCH_AVR"]
    if source.suffix == ".S":
        language: list[str | Path] = [tools.AVR_GCC.path(), "-c", "-x", "assembler-with-cpp", "-flto"]
    elif source.suffix == ".c":
        language = [tools.AVR_GCC.path(), "-c", *_C_FLAGS]
    elif source.suffix == ".ino":
        language = [tools.AVR_GXX.path(), "-c", *_CXX_FLAGS, "-x", "c++", "-include", "Arduino.h"]
    else:
        language = [tools.AVR_GXX.path(), "-c", *_CXX_FLAGS]
    return [*language, *board.flags, *defines, *flags, *where, source, "-o", target]


def _arduino_core_library(board: Board) -> Path:
    """The compiled Arduino core, from the cache or made now."""
    core = tools.arduino_core()
    folders = (core / "cores" / "arduino", core / "variants" / board.variant)
    sources = [source for folder in folders for source in _sources_in(folder, deep=True)]
    command = compile_command(Path("any.cpp"), Path("any.o"), board, _CORE_FLAGS)
    key = hashlib.sha256(repr((tools.AVR_GXX.version(), [str(word) for word in command], _C_FLAGS)).encode())
    for source in sources:
        key.update(source.read_bytes())
    library = tools.cache_folder() / "cores" / key.hexdigest()[:20] / "core.a"
    return tools.kept(library, lambda product: _compile_core(sources, board, product))


def _compile_core(sources: Sequence[Path], board: Board, library: Path) -> None:
    with Scratch() as folder:
        jobs = [(source, folder / f"{index}-{source.name}.o") for index, source in enumerate(sources)]
        _run_all([compile_command(source, target, board, _CORE_FLAGS) for source, target in jobs])
        tools.run([tools.AVR_AR.path(), "rcs", library, *(target for _, target in jobs)])


def _run_all(commands: Sequence[Sequence[str | Path]]) -> list[subprocess.CompletedProcess[str]]:
    with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        return list(pool.map(tools.run, commands))


def _warnings(messages: str, folders: Iterable[Path]) -> list[str]:
    """Warnings about files below these folders: those of the Arduino core are not ours to mend."""
    ours = tuple(str(folder) for folder in folders)
    return [line for line in warning_lines(messages) if line.startswith(ours)]


def warning_lines(messages: str) -> list[str]:
    """Lines of a compiler's messages that warn."""
    return [line for line in messages.splitlines() if "warning:" in line]
