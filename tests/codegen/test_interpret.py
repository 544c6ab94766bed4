"""The interpreter against scalar Python integers, written out from the page that fixes the arithmetic."""

from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgealgos.codegen.ops import PrototypeScore, TreeWalk
from edgealgos.codegen.ops.prototypes import exp2_kernels
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program.interpret import run_float, run_integer
from edgealgos.codegen.program.scores import decide
from edgealgos.codegen.program.tables import EXP2, TANH
from tests.support import sample_programs as programs


def clip(v, bits):
    return max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, v))


def half_up(v, shift):
    return (v + 2 ** (shift - 1)) >> shift if shift > 0 else v << -shift


def matvec(program, op, vector):
    matrix = program[op.matrix].data.tolist()
    bias = program[op.bias].data.tolist() if op.bias else [0] * len(matrix)
    out = program[op.out].qtype
    shift = program[op.matrix].qtype.frac + program[op.vector].qtype.frac - out.frac
    return [clip(half_up(sum(w * x for w, x in zip(row, vector, strict=True)) + b, shift), out.bits)
            for row, b in zip(matrix, bias, strict=True)]  # fmt: skip


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_bonsai_by_hand(seed):
    program = to_integer(programs.bonsai(seed, depth=2))
    first, walk = program.functions["predict"][:2]
    assert isinstance(walk, TreeWalk)
    q = programs.any_inputs(np.random.default_rng(seed), program, 12)
    for row, got in zip(q.tolist(), run_integer(program, q).tolist(), strict=True):
        z = matvec(program, first, row)
        scores, node = program[walk.bias].data.tolist(), 0
        for level in range(3):
            for c in range(4):
                w = dot(program["W"].data[node, c].tolist(), z)
                v = dot(program["V"].data[node, c].tolist(), z)
                w = clip(half_up(w, program["W"].qtype.frac + 5 - 8), 16)
                scores[c] += w * clip(half_up(v, program["V"].qtype.frac + 5 - 7), 8)
            if level < 2:
                node = 2 * node + (1 if dot(program["theta"].data[node].tolist(), z) > 0 else 2)
        assert scores == got


@pytest.mark.parametrize("frac", [2, 3, 5, 6])
def test_protonn_by_hand(frac):
    program = to_integer(programs.protonn(3, frac=frac, scale=2.0 ** (1 - frac)))
    first, score = program.functions["predict"][:2]
    assert isinstance(score, PrototypeScore)
    q = programs.any_inputs(np.random.default_rng(1), program, 12)
    for row, got in zip(q.tolist(), run_integer(program, q).tolist(), strict=True):
        z = matvec(program, first, row)
        F, steps = 2 * frac, []
        for b in program["B"].data.tolist():
            d = min(sum((x - y) ** 2 for x, y in zip(z, b, strict=True)), 65535)
            steps.append(d * 64 >> F if d >> F < 16 else None)
        exponent = min((v >> 6 for v in steps if v is not None), default=16)
        kernels = [0 if v is None else mantissa(v % 64, (v >> 6) - exponent) for v in steps]
        assert [(dot(row, kernels) << 9) >> exponent for row in program["L"].data.tolist()] == got


def mantissa(index, shift):
    return (int(EXP2[index]) + (1 << shift) // 2) >> shift if shift <= 7 else 0


@pytest.mark.parametrize("nonlinearity", ["hard_tanh", "tanh"])
def test_fastgrnn_by_hand(nonlinearity):
    program = to_integer(programs.fastgrnn(5, nonlinearity=nonlinearity))
    ops = program.functions["push"]
    q = programs.any_inputs(np.random.default_rng(2), program, 6)
    zeta, nu = int(program["zeta"].data), int(program["nu"].data)
    for sequence, got in zip(q.tolist(), run_integer(program, q).tolist(), strict=True):
        h = [0] * 7
        for step in sequence:
            h8 = [clip(half_up(v, 8), 8) for v in h]
            p_w, p_u = matvec(program, ops[1], step), matvec(program, ops[2], h8)
            for i in range(7):
                p = clip(p_w[i] + p_u[i], 16)
                a_z = clip(p + (int(program["b_z"].data[i]) << (12 - program["b_z"].qtype.frac)), 16)
                a_h = clip(p + (int(program["b_h"].data[i]) << (12 - program["b_h"].qtype.frac)), 16)
                s, c = gate(a_z, nonlinearity), candidate(a_h, nonlinearity)
                g = min(255, (zeta * (256 - s) + nu * 256 + 128) >> 8)
                h[i] = clip(g * c + ((s * h[i] + 128) >> 8), 16)
        head = program.functions["predict"][1]
        assert matvec(program, head, [clip(half_up(v, 8), 8) for v in h]) == got


def candidate(a, nonlinearity):
    if nonlinearity == "tanh":
        value = int(TANH[min(abs(a) >> 7, 127)])
        return -value if a < 0 else value
    return clip((a + 16) >> 5, 8)


def gate(a, nonlinearity):
    if nonlinearity == "tanh":
        return max(0, min(255, 128 + candidate(a >> 1, "tanh")))
    return max(0, min(255, (a + 4096 + 16) >> 5))


@pytest.mark.parametrize("kind", [k for k in programs.EVERY_KIND if "coarse" not in k])
def test_integers_follow_the_real_numbers(kind):
    program = programs.EVERY_KIND[kind](1)
    integer = to_integer(program)
    q = programs.any_inputs(np.random.default_rng(0), program, 200)
    X = q / program.encoding.scale + program.encoding.offset
    real = run_float(program, X)
    scores = integer.output.type.dequantize(run_integer(integer, q))
    spread = real.std()
    assert np.abs(scores - real).mean() < 0.15 * spread
    assert np.mean(decide(scores) == decide(real)) > 0.8


def test_ties_go_to_the_first_class_and_zero_is_the_negative_class():
    assert decide(np.array([[1, 3, 3], [0, 0, 0]])).tolist() == [1, 0]
    assert decide(np.array([[0], [1], [-1]])).tolist() == [0, 1, 0]


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=5), st.integers(2, 12))
@settings(max_examples=300)
def test_exp2_is_within_its_stated_error(distances, frac):
    exact = 2.0 ** -(np.array(distances) / 2**frac)
    mantissa, exponent = exp2_kernels(np.array([distances]), frac)
    got = mantissa[0] * 2.0 ** -(7 + exponent[0])
    near = exact.max()
    assert np.all(np.abs(got - exact) <= 0.011 * exact + 2.0**-7 * near + 2.0**-16)


def test_blocks_of_rows_do_not_change_the_answer(monkeypatch):
    program = to_integer(programs.fastgrnn())
    q = programs.any_inputs(np.random.default_rng(0), program, 25)
    whole = run_integer(program, q)
    monkeypatch.setattr("edgealgos.codegen.program.interpret._ROWS_AT_ONCE", 7)
    assert np.array_equal(run_integer(program, q), whole)


def test_floor_rule_is_the_one_of_python():
    assert [half_up(v, 1) for v in (-3, -1, 1, 3)] == [floor(v / 2 + 0.5) for v in (-3, -1, 1, 3)]
