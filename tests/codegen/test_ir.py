"""Programs compare by value and know their ends."""

from edgealgos.codegen.program import Space, same_program
from tests.support import sample_programs as programs


def test_equal_programs_are_the_same_and_different_ones_are_not():
    assert same_program(programs.bonsai(1), programs.bonsai(1))
    assert not same_program(programs.bonsai(1), programs.bonsai(2))
    assert not same_program(programs.bonsai(1), programs.bonsai(1, depth=0))


def test_input_and_output_are_found():
    program = programs.protonn()
    assert (program.input.name, program.output.name) == ("x", "scores")
    assert program.input.space is Space.INPUT
