"""Number types against exact arithmetic."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgealgos.codegen.program.qtype import QType, shift_right
from edgealgos.codegen.storage import cheapest_storage, storage_bytes

qtypes = st.builds(QType, st.sampled_from([7, 8, 16, 32]), st.integers(-4, 24))


@given(qtypes, st.floats(-1e6, 1e6))
def test_quantise_rounds_halves_up_and_saturates(qtype, real):
    exact = floor(Fraction(real) * Fraction(2) ** qtype.frac + Fraction(1, 2))
    # the float64 product may be rounded only beyond 53 bits, far outside every raw range
    assert int(qtype.quantize(real)) == min(max(exact, qtype.low), qtype.high)


@given(qtypes, st.integers(-(2**31), 2**31 - 1), st.integers(-30, 30))
def test_rescale_is_exact_rounding(qtype, raw, frac):
    exact = floor(Fraction(raw) * Fraction(2) ** (qtype.frac - frac) + Fraction(1, 2))
    assert int(qtype.rescale(raw, frac)) == min(max(exact, qtype.low), qtype.high)


@given(st.integers(-(2**30), 2**30), st.integers(0, 20))
def test_shift_right_equals_floor_of_a_half_more(raw, shift):
    assert int(shift_right(raw, shift)) == floor(Fraction(raw, 2**shift) + Fraction(1, 2))


@given(st.floats(1e-6, 1e6), st.sampled_from([7, 8, 16]))
def test_covering_is_the_finest_type_that_holds_the_range(largest, bits):
    qtype = QType.covering(largest, bits)
    assert floor(Fraction(largest) * Fraction(2) ** qtype.frac + Fraction(1, 2)) <= qtype.high
    finer = QType(bits, qtype.frac + 1)
    assert floor(Fraction(largest) * Fraction(2) ** finer.frac + Fraction(1, 2)) > finer.high


def test_covering_refuses_what_is_no_range():
    with pytest.raises(ValueError, match="finite"):
        QType.covering(float("nan"), 8)


def test_dequantise_inverts_quantise_on_the_grid():
    qtype = QType(8, 5)
    raw = np.arange(qtype.low, qtype.high + 1)
    assert np.array_equal(qtype.quantize(qtype.dequantize(raw)), raw)


def test_storage_counts_values_and_indices():
    assert storage_bytes((3, 10), 7) == {"dense": 30, "bitmap": 3 * 2 + 7, "indexed": 3 + 2 * 7}
    assert storage_bytes((4, 3, 10), 7) == {"dense": 120, "bitmap": 12 * 2 + 7 + 8, "indexed": 12 + 14 + 8}
    assert cheapest_storage((3, 10), 30) == ("dense", 30)
    assert cheapest_storage((3, 10), 7) == ("bitmap", 13)
    assert cheapest_storage((3, 100), 7) == ("indexed", 3 + 2 * 7)
    assert cheapest_storage((3, 300), 7) == ("bitmap", 3 * 38 + 7)  # too many columns for a byte
    assert cheapest_storage((3, 100), 7, bits=16) == ("bitmap", 3 * 13 + 14)
