"""Layers of pictures in every form that an Uno knows: the integers of the interpreter, at borders and with rests."""

from __future__ import annotations

import numpy as np
import pytest

from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.ops import Convolve, Depthwise, Pointwise
from edgealgos.codegen.passes import choose_forms, to_integer
from edgealgos.codegen.passes.choose_forms import changed_together, forms
from edgealgos.codegen.program.geometry import LayerShape
from edgealgos.codegen.storage import LAYER_NIBBLES
from edgealgos.codegen.targets.boards import get_board

from ..support import sample_programs as programs
from ..support.equivalence import host_scores, raw
from ..support.sample_convnets import convnet

UNO = get_board("uno")
AVR = pytest.mark.needs("avr-g++", "simavr", "arduino-core")


def answers_as_the_interpreter(program, rows=4):
    compiled = CompiledModel(program, UNO)
    q = programs.any_inputs(np.random.default_rng(1), program, rows)
    found = compiled.simulate(raw(compiled, q))
    assert not [w for w in found.warnings if "warning:" in w]
    assert found.ram_peak <= compiled.report.ram_bytes
    return np.array_equal(found.scores, compiled.scores(raw(compiled, q)))


def in_form(program, which):
    """Every layer in one of its forms, counted from the last, and what is known of them."""
    told = set()
    for names, op in changed_together(program).items():
        found = [changes for changes in forms(program, op, names) if isinstance(op, Convolve | Pointwise)]
        if found:
            changes = found[-min(which, len(found))]
            program = program.replacing(*changes.values())
            told |= {"code" if t.unrolled else t.storage for t in changes.values()}
    return program, told


# Of each kind: rows, positions, channels of a picture, then channels of the results.
POINTWISE = [((3, 1, 5), 6), ((2, 2, 3), 4), ((3, 7, 6), 9), ((2, 3, 33), 7), ((2, 4, 64), 3), ((2, 6, 7), 1)]


@AVR
@pytest.mark.parametrize(("bits", "table"), [(4, "layer_nibbles"), (6, "layer_blocks")])
@pytest.mark.parametrize(("picture", "outputs"), POINTWISE)
def test_two_positions_share_weights_whatever_is_left_over(picture, outputs, bits, table):
    rectify = bool(outputs % 2)
    layers = [LayerShape("pointwise", picture, picture[2]), LayerShape("pointwise", picture, outputs, rectify=rectify)]
    program, told = in_form(to_integer(convnet(outputs, picture, layers, bits=bits)), 2)
    assert table in told
    assert answers_as_the_interpreter(program)


@AVR
@pytest.mark.parametrize("seed", range(3))
def test_layers_are_straight_line_code_at_every_position(seed):
    picture = [(6, 9, 1), (7, 4, 3), (9, 1, 4)][seed]
    kernel, stride = [((5, 5), (2, 2)), ((3, 3), (1, 2)), ((4, 1), (1, 1))][seed]
    layers = [LayerShape("conv", picture, 13, kernel, stride, padded=seed != 1, rectify=seed != 0)]
    layers.append(LayerShape("pointwise", layers[0].after, 6, rectify=seed == 0))
    program, told = in_form(to_integer(convnet(seed, picture, layers, bits=6)), 1)
    assert told == {"code"}
    assert answers_as_the_interpreter(program)


@AVR
def test_code_that_sees_many_rows_has_a_pointer_to_each():
    """Of a sequence of 30 steps it took 30 bytes of RAM more than were predicted."""
    picture = (30, 1, 1)
    layers = [LayerShape("conv", picture, 4, (3, 1)), LayerShape("conv", (30, 1, 4), 16, (30, 1), padded=False)]
    program, told = in_form(to_integer(convnet(0, picture, layers, bits=4)), 1)
    assert told == {"code"}
    assert answers_as_the_interpreter(program)


DEPTHWISE = [  # stride of positions, zeros around, width, channels
    (1, True, 1, 2), (1, True, 2, 3), (1, True, 7, 1), (1, False, 3, 4), (1, False, 8, 2), (1, True, 4, 70),
    (2, True, 6, 3), (2, True, 7, 2), (2, False, 3, 3), (2, False, 9, 2), (2, True, 5, 63), (2, True, 4, 64),
    (3, True, 8, 2), (2, True, 1, 3),
]  # fmt: skip


@AVR
@pytest.mark.parametrize(("stride", "padded", "width", "channels"), DEPTHWISE)
def test_kernels_of_3_by_3_at_all_borders(stride, padded, width, channels):
    picture = (5, width, channels)
    layers = [LayerShape("depthwise", picture, channels, (3, 3), (1, stride), padded, rectify=bool(width % 2))]
    program = to_integer(convnet(width, picture, layers, bits=6))
    (op,) = (op for op in program.ops() if isinstance(op, Depthwise))
    assert op.acc_bits == 16
    assert ("of 3x3" in op.pieces(program).call) == (stride < 3 and (stride, channels) != (2, 64))
    assert answers_as_the_interpreter(program)


@pytest.mark.needs("g++")
@pytest.mark.parametrize("bits", [4, 6])
def test_a_processor_without_such_instructions_reads_the_same_tables(bits, tmp_path):
    layers = [LayerShape("pointwise", (3, 5, 6), 7), LayerShape("pointwise", (3, 5, 7), 9)]
    program, _ = in_form(to_integer(convnet(3, (3, 5, 6), layers, bits=bits)), 2)
    compiled = CompiledModel(program, get_board("host"))
    q = programs.any_inputs(np.random.default_rng(1), program, 20)
    assert np.array_equal(host_scores(compiled, q, tmp_path), compiled.scores(raw(compiled, q)))


def test_nibbles_lie_in_blocks_each_8_too_large():
    matrix = np.array([[1, -8], [2, 7], [3, 0], [4, 0], [5, -1]])
    (table,) = LAYER_NIBBLES.tables(programs.constant("W", matrix, programs.QType(4, 0)))
    assert table.values.tolist() == [0xA9, 0xCB, 0xF0, 0x88, 0x8D, 0x88, 0x87, 0x88]


def test_many_layers_are_chosen_for_without_trying_all_combinations(monkeypatch):
    """What is left out is worth less in more bytes: where all are compared, the same is found."""
    picture = (4, 4, 6)
    program = to_integer(convnet(0, picture, [LayerShape("pointwise", picture, 6)] * 5, bits=4))
    best = choose_forms.unroll(program, UNO)
    monkeypatch.setattr(choose_forms, "_MOST_COMBINATIONS", 30)
    assert all(a.equals(b) for a, b in zip(best.tensors, choose_forms.unroll(program, UNO).tensors, strict=True))
