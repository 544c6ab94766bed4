"""Every board by name: what is exported for it builds without a warning and answers as Python on what simulates it."""

import itertools
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgealgos import DoesNotFitError
from edgealgos.codegen.build import tools
from edgealgos.codegen.cost.limits import check_fits
from edgealgos.codegen.emit.cpp.files import write_cpp, write_sketch
from edgealgos.codegen.simulate.machines import MACHINES
from edgealgos.codegen.targets.boards import BOARDS, get_board
from tests.support import sample_programs as programs

from .test_equivalence import raw

pytestmark = pytest.mark.slow

STUBS = Path(__file__).parents[1] / "support" / "arduino"
KINDS = ("bonsai", "protonn", "fastgrnn of low rank")
OTHER_KINDS = sorted(set(programs.EVERY_KIND) - set(KINDS))
SIMULATORS = {"simavr": ("arduino-core", "simavr", "gcc"), "qemu-arm": ("qemu-arm", "gcc"), "native": (),
              "qemu-aarch64": ("qemu-aarch64", "gcc")}  # fmt: skip


def needs(name):
    """Mark of a test that builds for a board and simulates it."""
    board = get_board(name)
    simulator = board.simulator()
    runs = (MACHINES[board.machine].tool.name, "gcc") if simulator == "qemu-system" else SIMULATORS[simulator]
    return pytest.mark.needs(board.compiler, *runs)


EVERY_BOARD = [pytest.param(name, marks=needs(name)) for name in BOARDS]
# A small one of each processor family and framework, and of each computer of qemu.
OF_EACH_KIND = ("nano", "mega", "leonardo", "attiny85", "atmega1284p", "cortex-m0", "cortex-m3", "cortex-m4",
                "cortex-m7", "cortex-m33", "esp8266", "esp32-c3", "pizero", "pizero2")  # fmt: skip


def check(program, board, optimize="size"):
    compiled = programs.compiled(program, board, optimize)
    X = raw(compiled, programs.any_inputs(np.random.default_rng(1), compiled.program, 12))
    result = compiled.simulate(X)
    assert np.array_equal(result.scores, compiled.scores(X))
    assert np.array_equal(result.labels, compiled.predict(X))
    assert result.warnings == []
    assert len(result.cycles if compiled.board.counts_cycles else result.instructions) == (
        0 if compiled.board.simulator() == "native" else len(X)
    )
    return result


def fits(program, board, optimize):
    try:
        check_fits(programs.compiled(program, board, optimize).report)
    except DoesNotFitError:
        return False
    return True


@pytest.mark.parametrize("board", EVERY_BOARD)
def test_the_board_answers_as_python(board):
    """Two programs a board, so that all kinds of programs meet all families of processors."""
    number = list(BOARDS).index(board)
    if get_board(board).flash_bytes <= 4096:
        number = KINDS.index("protonn")  # a small one of each
    for kind, optimize in ((KINDS[number % 3], "speed"), (OTHER_KINDS[number % len(OTHER_KINDS)], "size")):
        check(programs.EVERY_KIND[kind](number), board, optimize)


@pytest.mark.fuzz(1)
@pytest.mark.parametrize("board", [pytest.param(name, marks=needs(name)) for name in OF_EACH_KIND])
def test_random_programs_answer_as_python(board, fuzz_seed):
    """The first from this seed on that an export for the board lets through."""
    optimize = ("size", "speed")[fuzz_seed % 2]
    check(next(p for p in map(programs.random_program, itertools.count(fuzz_seed)) if fits(p, board, optimize)),
          board, optimize)  # fmt: skip


def test_there_are_thirty_boards_and_most_are_simulated():
    assert len(BOARDS) >= 30
    assert sum(bool(board.simulators) for board in BOARDS.values()) >= 20


# ---- sketches for Arduino's other cores, which are not here: compiled against a stub of what they use ---------------


@pytest.mark.parametrize(
    "board",
    [pytest.param(n, marks=pytest.mark.needs(b.compiler)) for n, b in BOARDS.items() if b.core and not b.core_is_here],
)
def test_a_sketch_compiles_with_the_compiler_of_its_core(board, tmp_path):
    compiled = programs.compiled(programs.EVERY_KIND["bonsai"](), board)
    write_sketch(compiled, tmp_path / "digits", "digits")
    record = compiled.board
    command = [tools.COMPILERS[record.compiler].name, *record.flags, "-std=gnu++11", "-Wall", "-Wextra", "-Werror",
               f"-I{STUBS}", f"-D{record.define}", "-DARDUINO=10819"]  # fmt: skip
    for source, how in (("digits.ino", ("-x", "c++", "-include", "Arduino.h")), ("digits_model.cpp", ())):
        done = subprocess.run(
            [*command, *how, "-c", str(tmp_path / "digits" / source), "-o", str(tmp_path / f"{source}.o")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.mark.needs("avr-g++")
@pytest.mark.parametrize("board", ["attiny85", "atmega1284p"])
def test_the_command_in_the_readme_of_a_bare_avr_builds(board, tmp_path):
    compiled = programs.compiled(programs.EVERY_KIND["protonn"](), board)
    write_cpp(compiled, tmp_path / "digits", "digits")
    command = (tmp_path / "digits" / "README.md").read_text().split("```sh\n")[1].split("\n")[0]
    subprocess.run(command, shell=True, cwd=tmp_path / "digits", check=True)
    assert (tmp_path / "digits" / "digits_model.o").is_file()
    assert json.loads((tmp_path / "digits" / "manifest.json").read_text())["board"] == board
