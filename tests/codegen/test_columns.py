"""Products as loops over columns: sums in registers, what leaves their words counted, zero inputs left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import edgealgos as ea
from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.ops import ArgMax, MatVec
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import InputEncoding, Program, QType, Space, Tensor, verify
from edgealgos.codegen.program.choose_encoding import choose_encoding, from_background
from edgealgos.codegen.program.interpret import run_integer
from edgealgos.codegen.storage.dense import COLUMNS, row_groups
from edgealgos.codegen.targets.avr.columns import MOST_COLUMNS, column_loops
from edgealgos.codegen.targets.boards import get_board
from tests.support.equivalence import host_scores, raw

RNG = np.random.default_rng(0)
SHAPES = [(1, 3), (10, 256), (11, 40), (23, 300)]


def product(shape, low=-127, most=127, zeros=0.0, one_sign=False):
    """A program that is one product; with `one_sign` weights have the sign of their row, so that sums go far."""
    weights = RNG.integers(-most, most + 1, shape).astype(float)
    if one_sign:
        weights = np.abs(weights) * np.where(np.arange(shape[0]) % 2, -1, 1)[:, None]
    encoding = InputEncoding(np.zeros(1), np.ones(1, np.float32), low, 127, QType(8, 0))
    tensors = (
        Tensor("x", (shape[1],), Space.INPUT, encoding.qtype),
        Tensor("weights", shape, Space.FLASH, QType(8, 0), weights),
        Tensor("scores", shape[:1], Space.OUTPUT),
        Tensor("label", (1,), Space.SCRATCH),
    )
    functions = {"predict": (MatVec("scores", "weights", "x"), ArgMax("label", "scores"))}
    labels = tuple(range(max(shape[0], 2)))
    program = to_integer(verify(Program(tensors, functions, encoding, "classifier", labels, zeros=zeros)))
    return program.replacing(replace(program["weights"], storage=COLUMNS.name))


def inputs(program, rows=12):
    """From end to end of the range, or all at one end; where zeros are left out, many."""
    encoding = program.encoding
    q = RNG.integers(encoding.low, encoding.high + 1, (rows, program.input.size))
    q[0], q[1] = encoding.low, encoding.high
    return np.where(RNG.random(q.shape) < program.zeros, 0, q) if program.zeros else q


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("low", "most", "zeros", "one_sign"), [(-127, 127, 0.0, True), (-127, 1, 0.0, False),
                                                                (0, 127, 0.5, False)])  # fmt: skip
def test_boards_sum_as_the_interpreter(shape, low, most, zeros, one_sign):
    program = product(shape, low, most, zeros, one_sign)
    compiled = CompiledModel(program, get_board("uno"))
    q = inputs(program)
    found = compiled.simulate(raw(compiled, q))
    assert np.array_equal(found.scores, run_integer(program, q))
    share = 1.0 if not zeros else np.count_nonzero(q[2:]) / q[2:].size
    predicted = compiled.report.cycles
    assert abs(found.cycles[2:].mean() - predicted) < 40 + predicted * (0.1 + abs(share - (1 - zeros)))


@pytest.mark.needs("g++")
@pytest.mark.parametrize("shape", SHAPES)
def test_other_processors_read_the_same_table(shape, tmp_path):
    compiled = CompiledModel(product(shape), get_board("host"))
    q = inputs(compiled.program)
    assert np.array_equal(host_scores(compiled, q, tmp_path), run_integer(compiled.program, q))


@pytest.mark.parametrize("rows", [1, 9, 10, 11, 20, 23, 100])
def test_groups_are_few_and_of_one_size_but_the_last(rows):
    sizes = [len(range(rows)[group]) for group in row_groups(rows)]
    assert sum(sizes) == rows
    assert len(sizes) == -(-rows // 10)
    assert set(sizes[:-1]) <= {sizes[0]}
    assert sizes[-1] <= sizes[0] <= 10


def test_sums_of_more_than_24_bits_have_no_loop():
    assert column_loops(np.full((2, 600), 127), -127, 127, 32) is None
    assert column_loops(np.zeros((1, MOST_COLUMNS + 1), int), -1, 1, 32) is None
    assert column_loops(np.full((2, 500), 127), -127, 127, 32) is not None


def test_pictures_with_background_have_zero_for_it():
    X, y = load_digits(return_X_y=True)
    encoding = from_background(X)
    assert (encoding.low, encoding.high) == (0, 16)
    assert np.array_equal(encoding.decode(encoding.encode(X)), X)
    assert from_background(255 * (X / 16)).high == 127
    bright = np.where(X == 0, RNG.integers(0, 17, X.shape), X)
    plain = choose_encoding(bright)
    assert (from_background(bright).low, from_background(bright).high) == (plain.low, plain.high)
    model = LogisticRegression(max_iter=200).fit(X, y)
    program = ea.compile_model(model, X_calibration=X).program
    assert program.zeros == pytest.approx(np.mean(X == 0))
