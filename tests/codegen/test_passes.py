"""Passes: types, proofs of accumulators, storage, the memory plan."""

from dataclasses import replace

import numpy as np
import pytest

from edgealgos.codegen.ops import MatVec, TreeWalk
from edgealgos.codegen.ops.products import product_range
from edgealgos.codegen.passes import model_bytes, stored_bytes, to_integer
from edgealgos.codegen.passes.pack_weights import possible_storages
from edgealgos.codegen.program import Space, Tensor
from edgealgos.codegen.program.interpret import run_integer
from edgealgos.codegen.program.op import Product
from edgealgos.codegen.program.qtype import QType
from tests.support import sample_programs as programs


def test_product_range_is_reached_and_never_left():
    rng = np.random.default_rng(0)
    matrix = rng.integers(-9, 10, size=(3, 4))
    low, high = product_range(matrix, -2, 3)
    ends = np.array(np.meshgrid(*[[-2, 3]] * 4)).reshape(4, -1)
    assert (low, high) == ((matrix @ ends).min(), (matrix @ ends).max())


def test_accumulators_are_as_narrow_as_the_proof_allows():
    op = to_integer(programs.bonsai(features=20)).functions["predict"][0]
    wide = to_integer(programs.bonsai(features=900, density=1.0)).functions["predict"][0]
    assert isinstance(op, MatVec)
    assert (op.acc_bits, wide.acc_bits) == (16, 32)


def test_extreme_inputs_do_not_leave_the_proven_width():
    program = to_integer(programs.bonsai(features=60, density=1.0))
    op = program.functions["predict"][0]
    assert op.acc_bits == 16
    worst = np.where(program[op.matrix].data > 0, program.encoding.high, program.encoding.low)
    acc = worst @ program[op.matrix].data.T + program[op.bias].data
    shift = program[op.matrix].type.frac + program["x"].type.frac - program["z"].type.frac
    assert acc.max() + 2 ** (shift - 1) < 2**15
    assert acc.min() >= -(2**15)


def test_a_bias_has_the_width_of_its_accumulator():
    program = to_integer(programs.bonsai())
    assert program["z_bias"].type.bits == 16
    assert stored_bytes(program)["z_bias"] == 2 * 6


def test_a_tree_needs_the_type_of_w():
    program = programs.bonsai()
    walk = program.functions["predict"][1]
    assert isinstance(walk, TreeWalk)
    body = (program.functions["predict"][0], replace(walk, w_type=None), *program.functions["predict"][2:])
    with pytest.raises(ValueError, match="w_type"):
        to_integer(replace(program, functions={"predict": body}))


def test_an_activation_without_a_type_is_refused():
    program = programs.protonn()
    with pytest.raises(ValueError, match=r"without an integer type: \['z'"):
        to_integer(program.replacing(replace(program["z"], qtype=None)))


def test_storage_is_the_smaller_one_matrix_by_matrix():
    program = to_integer(programs.bonsai(density=0.2, node_density=0.3, width=16))
    assert [program[n].storage for n in ("Z", "W", "V", "theta")] == ["bitmap", "bitmap", "bitmap", "dense"]
    assert to_integer(programs.bonsai(density=1.0))["Z"].storage == "blocks"


def test_model_bytes_are_the_sum_of_the_items():
    program = to_integer(programs.fastgrnn(nonlinearity="tanh"))
    items = stored_bytes(program)
    assert model_bytes(program) == sum(items.values())
    assert items["tanh table"] == 128
    assert items["zeta"] == items["nu"] == 1


def test_the_passes_are_deterministic():
    a, b = (to_integer(programs.fastgrnn(3)) for _ in range(2))
    q = programs.any_inputs(np.random.default_rng(0), a, 5)
    assert np.array_equal(run_integer(a, q), run_integer(b, q))


@pytest.mark.parametrize(("bits", "stored"), [(8, True), (16, False)])
def test_two_weights_a_byte_are_for_bytes_alone(bits, stored):
    """The kernels of nibbles multiply bytes; sixteen-bit inputs once met weights that all happened to be small."""
    matrix = Tensor("Z", (6, 40), Space.FLASH, QType(8, 2), np.random.default_rng(0).integers(-7, 8, (6, 40)))
    vector = Tensor("x", (40,), Space.INPUT, QType(bits, 0))
    found = possible_storages(Product(matrix, vector, 16))
    assert any(storage.name.startswith("nibble") for storage in found) == stored


def test_a_bias_is_no_finer_than_the_pre_activation():
    """It is shifted up to it; a tiny one was once to be shifted by less than nothing."""
    program = programs.fastgrnn(1)
    tiny = {name: replace(program[name], qtype=None, data=program[name].values * 0 + 0.001) for name in ("b_z", "b_h")}
    integer = to_integer(program.replacing(*tiny.values()))
    assert [integer[name].type.frac for name in tiny] == [12, 12]
