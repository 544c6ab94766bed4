"""The update of a GRU's state: exact integers, the same on the host and on the Uno."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgealgos.codegen.ops import ArgMax, GRUUpdate, MatVec, Rescale
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import Program, Space, Tensor
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.qtype import PREACTIVATION, SMALL_STATE, STATE
from edgealgos.codegen.program.verify import verify
from tests.support.equivalence import check_host, check_uno
from tests.support.sample_programs import constant, samples, scratch
from tests.training.reference import gru

pytestmark = pytest.mark.slow

WORDS = st.integers(PREACTIVATION.low, PREACTIVATION.high)


def program(seed: int = 0, with_op: bool = True) -> Program:
    """A GRU of random sizes, every other one with tables; without the op, its products are made and left alone."""
    rng = np.random.default_rng(seed)
    features, units, outputs, steps = (int(rng.integers(2, most)) for most in (12, 30, 6, 6))
    encoding = choose_encoding(samples(rng, 50, features))
    tensors = [
        Tensor("x", (features,), Space.INPUT, encoding.qtype),
        Tensor("h", (units,), Space.STATE, STATE),
        Tensor("last", (units,), Space.STATE, SMALL_STATE),
        constant("W", rng.normal(size=(3 * units, features))),
        constant("U", rng.normal(size=(3 * units, units))),
        scratch("wx", 3 * units, PREACTIVATION),
        scratch("uh", 3 * units, PREACTIVATION),
        *([constant("bias", rng.normal(size=3 * units))] if with_op else []),
        scratch("h8", units, SMALL_STATE),
        constant("FC", rng.normal(size=(outputs, units))),
        Tensor("scores", (outputs,), Space.OUTPUT),
        scratch("label", 1),
    ]
    update = (GRUUpdate("h", "wx", "uh", "bias", ("hard_tanh", "tanh")[seed % 2]),) if with_op else ()
    push = (MatVec("wx", "W", "x"), MatVec("uh", "U", "last"), *update, Rescale("last", "h"))
    predict = (Rescale("h8", "h"), MatVec("scores", "FC", "h8"), ArgMax("label", "scores"))
    functions = {"push": push, "predict": predict}
    return verify(Program(tuple(tensors), functions, encoding, "classifier", tuple(range(outputs)), steps, "GRU"))


@given(st.lists(st.tuples(st.integers(STATE.low, STATE.high), *[WORDS] * 6), min_size=1, max_size=9), st.booleans())
def test_integers_are_those_of_the_rule(units, tables):
    """Every state and product there can be, also those where gates and sums saturate."""
    integer = to_integer(program(int(tables)))
    (op,) = (op for op in integer.ops() if isinstance(op, GRUUpdate))
    bias = integer[op.bias]
    raw = np.resize(bias.values, (3, len(units)))
    h, *products = np.array(units).T[:, None, :]
    wx, uh = (np.concatenate(part, axis=1) for part in (products[:3], products[3:]))
    expected = gru(wx, uh, h, (raw << (PREACTIVATION.frac - bias.type.frac)).ravel(), op.nonlinearity)
    rows = np.arange(3 * len(units)).reshape(3, -1).T.ravel()
    values = {op.out: h, op.input_product: wx[:, rows], op.state_product: uh[:, rows], op.bias: raw.ravel()[rows]}
    found = op.integer(integer, values)
    assert np.array_equal(found, expected)
    assert STATE.low <= found.min() <= found.max() <= STATE.high  # as no kernel checks


@pytest.mark.needs("g++")
@pytest.mark.parametrize("seed", range(4))
def test_host(seed, tmp_path):
    check_host(program(seed), tmp_path)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("seed", [4, 5])
@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_uno(seed, optimize):
    check_uno(program(seed), optimize)
