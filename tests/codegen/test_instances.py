"""Stored samples and normal distributions: the same integers in the interpreter, on the host and on the Uno."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.svm import SVC

from edgealgos import compile_model
from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.ops.instances import pair_index, poly_kernel
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.choose_forms import forms
from edgealgos.codegen.program.interpret import run_float, run_integer
from edgealgos.codegen.program.powers import rbf_kernel
from edgealgos.codegen.targets.boards import get_board

from ..support import sample_instances as programs
from ..support import sample_programs
from ..support.equivalence import check_host, check_uno, host_scores, raw

PROGRAMS = {
    "rbf": lambda seed: programs.machine(seed, kind="rbf"),
    "rbf of few levels": lambda seed: programs.machine(seed, kind="rbf", bits=4),
    "rbf of words": lambda seed: programs.machine(seed, kind="rbf", bits=13, coefficient_bits=16),
    "poly": lambda seed: programs.machine(seed, kind="poly"),
    "votes": programs.votes_of_pairs,
    "neighbours": programs.neighbours,
    "neighbours of words": lambda seed: programs.neighbours(seed, bits=13),
    "number of neighbours": lambda seed: programs.neighbours(seed, classes=1),
    "near neighbours": lambda seed: programs.neighbours(seed, weigh="distance"),
    "number of near neighbours": lambda seed: programs.neighbours(seed, classes=1, weigh="distance"),
    "normal": programs.normal,
    "normal of words": lambda seed: programs.normal(seed, bits=16),
    "lengths": programs.lengths,
}


@given(st.integers(0, 2**32 - 1), st.floats(1e-7, 0.2))
def test_a_kernel_is_near_the_exponential(distance, rate):
    shift = -2 - int(np.frexp(rate)[1])
    factor = round(np.ldexp(rate, shift + 16))
    found = rbf_kernel(np.array([distance]), shift, factor)[0] / 32768
    assert abs(found - 2.0 ** -(distance * rate / 256)) < 0.005


@given(st.integers(-(2**30), 2**30), st.integers(1, 6))
def test_a_power_is_near_the_power(raw, degree):
    found = poly_kernel(np.array([raw]), 15, 16384, 0, degree)[0] / 32768
    assert abs(found - max(min(raw / 2**30, 1), -1) ** degree) < 0.001


def test_pairs_come_in_the_order_of_libsvm():
    for classes in range(2, 9):
        pairs = [(a, b) for a in range(classes) for b in range(a + 1, classes)]
        assert [int(pair_index(b, a, classes)) for a, b in pairs] == list(range(len(pairs)))


@pytest.mark.parametrize("kind", PROGRAMS)
def test_integers_are_near_the_real_numbers(kind):
    program = PROGRAMS[kind](3)
    integer = to_integer(program)
    q = sample_programs.typical_inputs(np.random.default_rng(0), integer, 50)
    exact = run_float(program, q / program.encoding.scale + program.encoding.offset)
    found = integer.output.type.dequantize(run_integer(integer, q))
    assert np.abs(found - exact).mean() <= 0.03 * np.abs(exact).mean()


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", ["rbf", "rbf of words", "poly", "neighbours", "normal", "lengths"])
def test_host(kind, tmp_path):
    check_host(PROGRAMS[kind](1), tmp_path)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize(
    "kind", ["rbf of few levels", "rbf of words", "poly", "number of neighbours", "normal of words"]
)
def test_uno(kind):
    check_uno(PROGRAMS[kind](4), "speed", rows=12)


SAMPLES = {"rbf of few levels": "vectors", "neighbours of few levels": "samples"}
MORE = PROGRAMS | {"neighbours of few levels": lambda seed: programs.neighbours(seed, bits=4)}


def in_groups(kind, board):
    """A program whose samples one loop multiplies, with many zeros among its inputs."""
    integer = to_integer(MORE[kind](5))
    op = next(op for op in integer.ops() if SAMPLES[kind] in op.reads)
    changed = next(c for c in forms(integer, op, (SAMPLES[kind],)) if c[SAMPLES[kind]].storage == "groups")
    compiled = CompiledModel(replace(integer.replacing(*changed.values()), zeros=0.5), get_board(board))
    rng = np.random.default_rng(0)
    q = sample_programs.any_inputs(rng, integer, 12)
    return compiled, np.where(rng.random(q.shape) < 0.5, 0, q)


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", SAMPLES)
def test_host_in_groups(kind, tmp_path):
    compiled, q = in_groups(kind, "host")
    assert np.array_equal(host_scores(compiled, q, tmp_path), compiled.scores(raw(compiled, q)))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", SAMPLES)
def test_uno_in_groups(kind):
    compiled, q = in_groups(kind, "uno")
    result = compiled.simulate(raw(compiled, q))
    assert np.array_equal(result.scores, compiled.scores(raw(compiled, q)))
    assert result.ram_peak <= compiled.report.ram_bytes
    assert not [w for w in result.warnings if "warning:" in w]


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_three_hundred_support_vectors_of_digits_take_a_quarter_of_a_million_cycles():
    X, y = load_digits(return_X_y=True)
    model = SVC().fit(X[:470], y[:470])
    compiled = compile_model(model, X_calibration=X[:470])
    result = compiled.simulate(X[470:476])
    assert np.array_equal(result.scores, compiled.scores(X[470:476]))
    assert result.cycles.mean() < 250_000 * len(model.support_) / 300
