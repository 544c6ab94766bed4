"""Boards: their records are complete, found by any spelling of the name, and say what they lack."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import edgealgos
from edgealgos import BoardError, Budget, DoesNotFitError, export_cpp
from edgealgos.codegen.build.plain import build_cpp
from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.cost.limits import check_fits
from edgealgos.codegen.passes.choose_forms import predicted_cycles
from edgealgos.codegen.targets import architectures, board, frameworks
from edgealgos.codegen.targets.boards import BOARDS, get_board
from tests.support import sample_programs as programs
from tools import board_table

PARTS = {
    "name": "trial", "title": "a trial board", "architecture": architectures.AVR, "framework": frameworks.ARDUINO,
    "mcu": "atmega328p", "clock_hz": 16_000_000, "ram_start": 0x100, "ram_bytes": 2048, "flash_bytes": 30_720,
    "compiler": "avr-g++", "flags": ("-mmcu=atmega328p", "-Os"), "core": "arduino:avr", "variant": "standard",
    "define": "ARDUINO_AVR_TRIAL", "simulators": ("simavr",),
}  # fmt: skip
FOR_QEMU = {"framework": frameworks.BARE, "simulators": ("qemu-system",), "machine": "microbit"}


def without(part, **others):
    return {key: value for key, value in (PARTS | others).items() if key != part}


# ---- records -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", sorted(PARTS.keys() - {"simulators"}))
def test_a_record_without_a_part_names_the_part(part):
    with pytest.raises((BoardError, TypeError), match=rf"\b{part}\b"):
        board.Board(**without(part))


def test_a_record_for_qemu_without_its_machine_names_the_machine():
    board.Board(**PARTS | FOR_QEMU)
    with pytest.raises(BoardError, match=r"'trial'.* no machine .*qemu-system asks for it"):
        board.Board(**without("machine", **FOR_QEMU | {"machine": ""}))


def test_a_record_with_an_unknown_simulator_names_the_known_ones():
    with pytest.raises(BoardError, match=r"'wokwi'.*simavr, avr8js"):
        board.Board(**PARTS | {"simulators": ("wokwi",)})


def test_boards_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_board("uno").ram_bytes = 4096


def test_every_part_of_a_record_is_read_by_some_code():
    """A part that nobody asks for is a part that nobody keeps right."""
    root = Path(edgealgos.__file__).parent
    tables = root / "codegen" / "targets"
    text = "\n".join(path.read_text() for path in root.rglob("*.py") if tables not in path.parents)
    checked = {part for needs in board.SIMULATOR_NEEDS.values() for part in needs} | set(frameworks.ARDUINO.needs)
    for part in {field.name for field in dataclasses.fields(board.Board)} - checked - {"aliases", "simulators"}:
        assert f"board.{part}" in text, part


def test_a_board_that_nobody_listed_is_compiled_for_like_any_other():
    trial = board.Board(**PARTS)
    compiled = edgealgos.CompiledModel(programs.compiled(programs.bonsai(1)).program, trial)
    assert compiled.report.board is trial
    assert compiled.report.cycle_items == {}


# ---- names ---------------------------------------------------------------------------------------------------------


def test_the_uno_has_what_its_boot_loader_leaves():
    uno = get_board("uno")
    assert (uno.ram_bytes, uno.flash_bytes, uno.clock_hz) == (2048, 32768 - 512, 16_000_000)


def test_a_board_passes_through():
    assert get_board(get_board("host")) is get_board("host")


def test_names_are_keys():
    assert all(found.name == name for name, found in BOARDS.items())
    assert {"uno", "mega", "host", "pizero", "cortex-m0", "cortex-m4"} <= set(BOARDS)


def test_the_public_page_lists_all_boards():
    assert [found.name for found in edgealgos.boards()] == list(BOARDS)


@pytest.mark.parametrize("spelling", ["Uno", "UNO", "cortex_m4", "CortexM4", "cortex m4", "Mega-2560", "mega2560"])
def test_case_hyphens_and_underscores_do_not_matter(spelling):
    assert get_board(spelling).name in ("uno", "cortex-m4", "mega")


def test_a_board_is_known_by_its_makers_name():
    """A name goes before a title: the Mega is the 2560."""
    for found in BOARDS.values():
        get_board(found.title.split(" (")[0])
    names = {
        "Arduino Uno": "uno",
        "Arduino Mega": "mega",
        "Raspberry Pi Pico": "pico",
        "arduino_nano_33_ble": "nano33ble",
    }
    assert {name: get_board(name).name for name in names} == names


def test_no_two_boards_share_a_spelling():
    spelt = [
        "".join(c for c in name.lower() if c.isalnum())
        for found in BOARDS.values()
        for name in (found.name, *found.aliases)
    ]
    assert len(spelt) == len(set(spelt))


@pytest.mark.parametrize(("wrong", "near"), [("unoo", "uno"), ("cortex-m5", "cortex-m"), ("pi-zero-w", "pizero")])
def test_an_unknown_board_gets_the_nearest_names(wrong, near):
    with pytest.raises(ValueError, match=f"Did you mean .*{near}.*Known boards: uno"):
        get_board(wrong)


@pytest.mark.parametrize("name", ["nano-every", "Arduino Nano Every", "ATmega4809", "ATtiny1614"])
def test_a_board_that_no_compiler_here_knows_gets_a_clear_sentence(name):
    with pytest.raises(ValueError, match=r"AT(mega4809|tiny1614), which the avr-gcc of distributions does not know"):
        get_board(name)


@pytest.mark.parametrize("wrong", ["", None, ["uno"], 7])
def test_what_is_no_name_lists_the_known_ones(wrong):
    with pytest.raises(ValueError, match=r"Known boards: uno"):
        get_board(wrong)


def test_the_tables_in_readme_and_docs_are_those_of_the_records():
    for path, text in board_table.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python -m tools.board_table"
        assert all(f"`{name}`" in text for name in BOARDS)


# ---- what a board lacks --------------------------------------------------------------------------------------------


def test_a_board_without_a_simulator_says_so_when_asked_to_simulate():
    trial = board.Board(**PARTS | {"simulators": ()})
    compiled = edgealgos.CompiledModel(programs.compiled(programs.bonsai(1)).program, trial)
    with pytest.raises(BoardError, match=r"a trial board has no simulator.*evaluate --port"):
        compiled.simulate(np.zeros((2, compiled.program.input.size)))


def test_a_simulator_of_other_boards_is_refused_with_the_boards_own():
    with pytest.raises(ValueError, match=r"not simulated by 'simavr'.*qemu-system"):
        get_board("cortex-m0").simulator("simavr")


def test_a_board_without_a_cost_model_takes_no_limit_of_cycles():
    report = programs.compiled(programs.bonsai(1), "cortex-m3").report
    with pytest.raises(BoardError, match=r"ARM Cortex-M3.* has no cost model"):
        check_fits(report, Budget(cycles=1000))
    with pytest.raises(BoardError, match="no cost model"):
        predicted_cycles(programs.compiled(programs.bonsai(1)).program, "cortex-m3")


def test_tables_beyond_the_reach_of_pointers_are_refused_though_flash_is_large():
    program = programs.bonsai(1, features=1400, width=60, density=1.0, depth=0)
    report = programs.compiled(program, "mega").report
    assert report.flash_bytes < get_board("mega").flash_bytes
    with pytest.raises(DoesNotFitError, match="tables that pointers reach"):
        check_fits(report)


@pytest.mark.needs("avr-g++", "arduino-core")
def test_a_sketch_whose_own_tables_push_ours_out_of_reach_is_not_built(tmp_path):
    tables = "".join(f"const uint8_t t{i}[30000] PROGMEM = {{{i + 1}}};\n" for i in range(3))
    code = "void setup() { Serial.begin(9600); const int i = analogRead(0);\n  Serial.println(SUM); }\nvoid loop() {}\n"
    (tmp_path / "far").mkdir()
    total = " + ".join(f"pgm_read_byte(t{i} + i)" for i in range(3))
    (tmp_path / "far" / "far.ino").write_text(tables + code.replace("SUM", total))
    with pytest.raises(edgealgos.BuildError, match=r"tables in flash end at .* pgm_read_byte_far"):
        build_sketch(tmp_path / "far", "mega")


def test_a_sketch_for_a_computer_and_plain_cpp_for_an_arduino_are_refused(tmp_path, fitted_bonsai):
    with pytest.raises(ValueError, match="not programmed with Arduino sketches"):
        build_sketch(tmp_path, "host")
    with pytest.raises(ValueError, match="programmed with sketches"):
        build_cpp(tmp_path, "mega")
    with pytest.raises(edgealgos.ExportError, match="export_arduino"):
        export_cpp(fitted_bonsai, tmp_path / "digits", target="mega")
