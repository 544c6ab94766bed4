"""The update of a GRU's state: exact integers, the same on the host and on the Uno."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgealgos.codegen.ops import GRUUpdate
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program.qtype import PREACTIVATION, STATE
from tests.support.equivalence import check_host, check_uno
from tests.support.sample_programs import gru as program
from tests.training import reference

pytestmark = pytest.mark.slow

WORDS = st.integers(PREACTIVATION.low, PREACTIVATION.high)


@given(st.lists(st.tuples(st.integers(STATE.low, STATE.high), *[WORDS] * 6), min_size=1, max_size=9), st.booleans())
def test_integers_are_those_of_the_rule(units, tables):
    """Every state and product there can be, also those where gates and sums saturate."""
    integer = to_integer(program(int(tables)))
    (op,) = (op for op in integer.ops() if isinstance(op, GRUUpdate))
    bias = integer[op.bias]
    raw = np.resize(bias.values, (3, len(units)))
    h, *products = np.array(units).T[:, None, :]
    wx, uh = (np.concatenate(part, axis=1) for part in (products[:3], products[3:]))
    expected = reference.gru(wx, uh, h, (raw << (PREACTIVATION.frac - bias.type.frac)).ravel(), op.nonlinearity)
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
