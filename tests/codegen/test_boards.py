"""Boards: sizes, and errors that help."""

import dataclasses

import pytest

from edgealgos.codegen.targets.boards import BOARDS, get_board


def test_the_uno_has_what_its_boot_loader_leaves():
    uno = get_board("uno")
    assert (uno.ram_bytes, uno.flash_bytes, uno.clock_hz, uno.int_bits) == (2048, 32768 - 512, 16_000_000, 16)
    assert uno.is_avr
    assert uno.table_attribute == "PROGMEM"


def test_a_board_passes_through():
    assert get_board(get_board("host")) is get_board("host")


def test_names_are_keys():
    assert all(board.name == name for name, board in BOARDS.items())
    assert set(BOARDS) == {"uno", "host", "pizero", "cortex-m0", "cortex-m4"}


@pytest.mark.parametrize("wrong", ["nano33", "", None, ["uno"]])
def test_unknown_board_lists_the_known_ones(wrong):
    with pytest.raises(ValueError, match=r"known boards: uno, host, pizero"):
        get_board(wrong)


def test_boards_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        get_board("uno").ram_bytes = 4096
