"""Models that vote by what they hold likely: sums of shares, on every board those of the twin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgealgos.codegen.ops import SumShares
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program.powers import reciprocal

from ..support.equivalence import check_host, check_uno
from ..support.sample_instances import committee as program


@given(st.integers(0, 60))
def test_sums_are_near_those_of_real_numbers(seed):
    """To four thousandths of each member's shares, whatever scores are."""
    integer = to_integer(program(seed))
    (op,) = (op for op in integer.ops() if isinstance(op, SumShares))
    rng = np.random.default_rng(seed)
    frac, size = integer[op.source].type.frac, integer[op.source].size
    scores = np.ldexp(rng.normal(size=(50, size)) * rng.choice([0.1, 3, 40], (50, 1)), frac).astype(np.int64)
    scores[:3] = np.array([0, -(2**31), 2**31 - 1])[:, None]
    found = op.integer(integer, {op.source: scores})
    exact = op.real(integer, {op.source: np.ldexp(scores.astype(float), -frac)})
    low, high = op.value_range(integer)
    assert low <= found.min() <= found.max() <= high
    assert np.abs(np.ldexp(found.astype(float), -15) - exact).max() <= 4e-3 * op.members


def test_words_are_inverted_to_a_ten_thousandth():
    words = np.arange(1 << 15, 1 << 16)
    found = reciprocal(words)
    assert found.max() <= 0xFFFF
    np.testing.assert_allclose(found, 2.0**31 / words, rtol=1e-4)


@pytest.mark.needs("g++")
@pytest.mark.parametrize("seed", range(6))
def test_host(seed, tmp_path):
    check_host(program(seed), tmp_path)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_uno(seed):
    check_uno(program(seed))


def test_committees_that_cannot_be_are_refused():
    made = program(4)
    op = made.functions["predict"][1]
    for wrong, said in ((SumShares("scores", op.source, op.members, "shares"), "kind='shares'"),
                        (SumShares("scores", op.source, 300), "300 members")):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            wrong.shapes(made)
