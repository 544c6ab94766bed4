"""Speed for flash: what is chosen, what it costs, and that the answers stay."""

from dataclasses import replace

import numpy as np
import pytest

from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.cost.report import predict_report
from edgealgos.codegen.emit.cpp import model_source
from edgealgos.codegen.ops import ArgMax, MatVec
from edgealgos.codegen.passes import model_bytes, to_integer
from edgealgos.codegen.passes.choose_forms import FLASH_FOR_THE_USER, MODEL_FLASH, forms, unroll
from edgealgos.codegen.program import Program, QType, Space, Tensor, verify
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.interpret import run_integer
from edgealgos.codegen.targets.avr import distances, straight_line
from edgealgos.codegen.targets.avr.forms import form_of, in_one
from edgealgos.codegen.targets.boards import get_board
from tests.support import sample_programs as programs
from tools import measure_costs as measure

UNO = get_board("uno")


def digits():
    return to_integer(programs.bonsai(0, features=64, width=10, outputs=10, depth=2, density=0.5, node_density=0.6))


def test_a_small_product_reads_like_one():
    """Sums take their first product where its sign is right; then they add and subtract."""
    code = straight_line.product(np.array([[-3, 0, -5], [0, 0, 5]]), -8, 8, 16)
    assert code.lines == (
        "EDGEALGOS_BEGIN",
        "EDGEALGOS_INPUT(0) EDGEALGOS_WEIGHT(r19, -3) EDGEALGOS_TIMES16(r19) EDGEALGOS_TAKE16(r22, r23)",
        "EDGEALGOS_INPUT(2) EDGEALGOS_WEIGHT(r19, 5) EDGEALGOS_TIMES16(r19) "
        "EDGEALGOS_MINUS16(r22, r23) EDGEALGOS_TAKE16(r24, r25)",
        "EDGEALGOS_STORE16(r22, r23)",
        "EDGEALGOS_STORE16(r24, r25)",
        "EDGEALGOS_END",
    )
    assert (code.cycles, code.size) == (5 + 6 + 8 + 8 + 5 + 8, 2 * (3 + 4 + 6 + 4 + 3 + 1))


def test_rows_without_weights_are_zero():
    code = straight_line.product(np.array([[0, 0], [1, 0]]), -8, 8, 16)
    assert code.lines[1] == "EDGEALGOS_CLEAR2(r22, r23)"
    assert "CLEAR" not in "".join(code.lines[2:])


def test_weights_that_come_again_wait_in_registers():
    code = straight_line.product(np.array([[3, -3, 0, 3, 7], [0, 3, -128, 0, 0]]), -8, 8, 16)
    assert code.lines[1] == "EDGEALGOS_WEIGHT(r21, 3)"
    assert code.lines[2] == "EDGEALGOS_INPUT(0) EDGEALGOS_TIMES16(r21) EDGEALGOS_TAKE16(r22, r23)"
    assert code.lines[4].endswith("EDGEALGOS_WEIGHT(r19, -128) EDGEALGOS_TIMES16(r19) EDGEALGOS_PLUS16(r24, r25)")


@pytest.mark.parametrize("uses", [2, 30])
def test_sums_make_room_only_for_what_is_used_often(uses):
    """Three sizes and six sums: one of them waits for nothing, room for the others costs two more saved registers."""
    row = np.repeat([3, 5, 7], uses)
    code = straight_line.product(np.stack([row] + 5 * [np.zeros_like(row)]), -8, 8, 16)
    saved = [name for name in code.clobbers if 2 <= int(name[1:]) < 18]
    assert (code.lines[1].count("EDGEALGOS_WEIGHT"), len(saved)) == ((1, 6) if uses == 2 else (3, 8))
    columns = len(row)
    loaded = 3 if uses == 30 else 1 + 4
    sums = 5 * 2 + 6 * 4 - 1  # five are cleared, one takes its first product in a cycle instead of two
    assert code.cycles == 5 + loaded + sums + 6 * columns + 2 * (columns // 64) + 5 + 8 + 4 * len(saved)


def test_sums_are_as_wide_as_each_row_needs():
    rows = np.array([[1, 1], [127, 127], [-128, -128]])
    text = " ".join(straight_line.product(rows, -128, 127, 32).lines)
    # 2 * 127 * 128 fits in 16 bits, 2 * 128 * 128 does not
    assert [text.count(word) for word in ("TAKE24", "PLUS24", "TAKE16", "PLUS16")] == [1, 1, 2, 2]


def test_sums_become_bytes_in_registers():
    narrow = straight_line.Narrow(shift=3, bits=8, biases=(40,))
    code = straight_line.product(np.array([[3, -5]]), -8, 8, 16, finish=narrow)
    assert code.lines[-2] == (  # the bias and half of what is cut off
        "EDGEALGOS_SUM_TAKE(r22, 44) EDGEALGOS_UNLESS_BEYOND(4, 128) "
        "EDGEALGOS_SUM_HALVE EDGEALGOS_SUM_HALVE EDGEALGOS_SUM_HALVE EDGEALGOS_SUM_KEEP"
    )


@pytest.mark.parametrize(("shift", "bits", "possible"), [(1, 8, True), (0, 8, False), (1, 7, False), (9, 7, True)])
def test_the_upper_byte_must_tell_what_saturates(shift, bits, possible):
    assert straight_line.Narrow(shift, bits).possible is possible


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("bits", [3, 4, 5, 6])
@pytest.mark.parametrize("outputs", [2, 10, 20])
def test_models_in_one_piece_of_code_answer_the_same(bits, outputs):
    """All shifts of a sum to a byte, saturating ones included."""
    program = to_integer(programs.bonsai(bits, features=50, width=14, outputs=outputs, depth=0, bits=bits, fast=True))
    fast = unroll(program, UNO)
    assert in_one(fast, fast.functions["predict"][1])
    compiled = CompiledModel(fast, UNO)
    q = programs.any_inputs(np.random.default_rng(0), fast, 40)
    X = q / fast.encoding.scale + fast.encoding.offset
    found = compiled.simulate(X)
    assert np.array_equal(found.scores, run_integer(program, q))
    assert np.array_equal(found.labels, compiled.predict(X))
    assert abs(found.cycles.mean() / compiled.report.cycles - 1) < 0.1


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize(("least", "most", "shape"), [(-6, 6, (13, 256)), (110, 127, (2, 600))])
def test_sums_of_many_bits_are_made_in_stretches_of_sixteen(least, most, shape):
    """In the second case they need more than 24 bits."""
    rng = np.random.default_rng(most)
    encoding = choose_encoding(rng.integers(0, 256, (60, shape[1])).astype(float))
    weights = rng.integers(least, most + 1, shape).astype(float)
    weights[1, ::2] = 0
    tensors = (
        Tensor("x", (shape[1],), Space.INPUT, encoding.qtype),
        Tensor("weights", weights.shape, Space.FLASH, QType(8, 0), weights),
        Tensor("scores", shape[:1], Space.OUTPUT),
        Tensor("label", (1,), Space.SCRATCH),
    )
    functions = {"predict": (MatVec("scores", "weights", "x"), ArgMax("label", "scores"))}
    labels = tuple(range(shape[0]))
    program = to_integer(verify(Program(tensors, functions, encoding, "classifier", labels, family="linear")))
    fast = program.replacing(replace(program["weights"], unrolled=1))
    op = fast.functions["predict"][0]
    (code, *_) = form_of(op).parts(fast, op, "weights")
    assert any("ADD16_TO_32" in line for line in code.lines)
    compiled = CompiledModel(fast, UNO)
    q = programs.any_inputs(rng, fast, 30)
    found = compiled.simulate(q / fast.encoding.scale + fast.encoding.offset)
    assert np.array_equal(found.scores, run_integer(program, q))
    assert abs(found.cycles.mean() / compiled.report.cycles - 1) < 0.03


def test_distances_of_many_features_need_a_table():
    assert distances.distances(np.zeros((2, distances.MAX_WIDTH + 1), int), -64, 63) is None


def test_speed_stays_within_the_flash_it_may_take():
    small = digits()
    fast = unroll(small, UNO)
    before, after = predict_report(small, UNO), predict_report(fast, UNO)
    assert after.cycles < 0.6 * before.cycles
    assert after.flash_bytes <= UNO.flash_bytes - FLASH_FOR_THE_USER
    assert after.flash_bytes - before.flash_bytes <= MODEL_FLASH - model_bytes(small)
    assert model_bytes(fast) == model_bytes(small) == after.model_bytes


def test_a_promise_of_cycles_may_take_all_flash_that_is_free():
    wide = to_integer(programs.bonsai(0, features=784, width=30, outputs=10, depth=0, density=0.08, node_density=0.6))
    modest = predict_report(unroll(wide, UNO), UNO)
    promised = predict_report(unroll(replace(wide, max_cycles=modest.cycles - 1), UNO), UNO)
    assert promised.cycles < modest.cycles
    assert modest.flash_bytes < promised.flash_bytes <= UNO.flash_bytes - FLASH_FOR_THE_USER
    kept = predict_report(unroll(replace(wide, max_cycles=modest.cycles), UNO), UNO)
    assert kept.flash_bytes == modest.flash_bytes


def test_the_report_says_what_was_bought():
    report = predict_report(unroll(digits(), UNO), UNO)
    assert {"Z", "W and V"} == set(report.faster)
    assert "made faster: Z saves" in str(report)
    assert "straight-line code of Z" in report.flash_items
    assert predict_report(digits(), UNO).faster == {}


def test_other_boards_keep_their_tables():
    program = digits()
    assert unroll(program, get_board("host")) is program


def test_the_source_has_the_tables_for_other_processors():
    source = model_source(unroll(digits(), UNO), "tiny")
    assert source.count("#if defined(__AVR_HAVE_MUL__)") == 4  # Z with its call, W, V
    assert "edgealgos::matvec<int16_t" in source


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_straight_line_cycles_are_what_the_board_takes():
    """Two programs that differ in the straight-line weights alone differ by the cycles of those."""
    found = []
    for density in (0.2, 0.9):
        program = to_integer(programs.bonsai(0, features=40, width=8, outputs=3, depth=0, density=density))
        program = program.replacing(programs.replace(program["Z"], unrolled=1, storage="dense"))
        code = straight_line.product(program["Z"].values, program.encoding.low, program.encoding.high, 16)
        cycles = measure.measured_program(program, UNO, np.random.default_rng(0), rows=10).cycles
        found.append((cycles, code.cycles))
    (sparse, sparse_code), (full, full_code) = found
    assert abs((full - sparse) - (full_code - sparse_code)) <= 30  # saturation takes other branches


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("width", [1, 7, 20])
@pytest.mark.parametrize("form", [0, 1])
def test_distances_saturate_in_every_form(width, form):
    program = to_integer(programs.protonn(3, features=9, width=width, count=11, frac=2, scale=2.0))
    op = program.functions["predict"][1]
    fast = program.replacing(*list(forms(program, op, ("B",)))[form].values())
    compiled = CompiledModel(fast, UNO)
    q = programs.any_inputs(np.random.default_rng(0), fast, 20)
    X = q / fast.encoding.scale + fast.encoding.offset
    assert np.array_equal(compiled.simulate(X).scores, run_integer(program, q))
