"""Bytes are counted exactly, and a budget is kept by joint thresholding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgealgos.codegen.storage import cheapest_storage
from edgealgos.training.budget import (
    COLUMN_CYCLES,
    VALUE_CYCLES,
    TensorSpec,
    cycles_of,
    dense_bytes,
    joint_support,
    least_bytes,
    stored_bytes,
    worth_their_cycles,
)

SPECS = {
    "Z": TensorSpec((10, 40), sparse=True),
    "W": TensorSpec((3, 5, 10), sparse=True),
    "T": TensorSpec((1, 10)),
    "b": TensorSpec((10,), 32, scale_of=("Z", "x")),
}


def harm(seed=0):
    rng = np.random.default_rng(seed)
    return {n: rng.exponential(size=s.shape) for n, s in SPECS.items() if s.sparse}


def test_bytes_add_up():
    assert dense_bytes(SPECS, 7) == 400 + 150 + 10 + 40 + 7
    counts = {"Z": 50, "W": 20}
    by_hand = sum(cheapest_storage(SPECS[n].shape, counts[n])[1] for n in counts)
    assert stored_bytes(SPECS, counts) == by_hand + 50
    assert least_bytes(SPECS, 0, 0.1) < dense_bytes(SPECS)


@given(st.integers(180, 650), st.integers(0, 50))
def test_the_budget_is_kept_and_used(budget, seed):
    masks = joint_support(SPECS, harm(seed), budget, 5)
    counts = {n: int(m.sum()) for n, m in masks.items()}
    size = stored_bytes(SPECS, counts, 5)
    assert size <= budget
    assert size > 0.85 * budget or size == dense_bytes(SPECS, 5)  # a matrix stored dense may leave a remainder


def test_the_next_byte_goes_where_it_helps_most():
    values = harm()
    values["W"] *= 100.0
    masks = joint_support(SPECS, values, 250)
    assert masks["W"].mean() > masks["Z"].mean()
    kept, lost = values["Z"][masks["Z"]], values["Z"][~masks["Z"]]
    assert kept.size == 0 or kept.min() >= lost.max()


def test_no_budget_keeps_everything():
    assert all(mask.all() for mask in joint_support(SPECS, harm(), None).values())


def test_an_impossible_budget_is_refused():
    with pytest.raises(ValueError, match="fits into 60 bytes"):
        joint_support(SPECS, harm(), 60)


@pytest.mark.parametrize("rows", [5, 6])
def test_half_bytes_are_counted_as_halves(rows):
    rng = np.random.default_rng(0)
    specs = {"Z": TensorSpec((rows, 37), 4, sparse=True), "F": TensorSpec((3, 7), 4)}
    assert dense_bytes(specs) == rows * 19 + 3 * 4
    for budget in range(50, rows * 19 + 12, 7):
        masks = joint_support(specs, {"Z": rng.random((rows, 37))}, budget)
        kept = int(masks["Z"].sum())
        assert budget - 2 < stored_bytes(specs, {"Z": kept}) <= budget


@given(st.integers(1, 3000), st.integers(0, 50))
def test_cycles_are_kept_and_used(limit, seed):
    masks = worth_their_cycles(SPECS, harm(seed), limit)
    everything = cycles_of(SPECS, {n: np.ones_like(m) for n, m in masks.items()})
    assert cycles_of(SPECS, masks) <= limit
    a_column = COLUMN_CYCLES + 10 * VALUE_CYCLES  # a column stays or goes with all that only together pays for it
    assert cycles_of(SPECS, masks) > min(limit, everything) - a_column


def test_values_gather_in_columns_that_are_in_use():
    spec = {"Z": TensorSpec((2, 2), sparse=True)}
    harm = {"Z": np.array([[5.0, 1.0], [0.9, 0.0]])}
    two_in_one_column = 2 * VALUE_CYCLES + COLUMN_CYCLES
    assert np.array_equal(worth_their_cycles(spec, harm, two_in_one_column)["Z"], [[True, False], [True, False]])


def test_leaves_cost_only_when_visited():
    root, leaf = TensorSpec((1, 2, 3), sparse=True), TensorSpec((1, 2, 3), sparse=True, visits=(0.5,))
    masks = {"W": np.ones((1, 2, 3), bool)}
    assert cycles_of({"W": leaf}, masks) == cycles_of({"W": root}, masks) / 2
