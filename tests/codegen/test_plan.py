"""The memory plan: no two living blocks meet, and small plans are least."""

import itertools

import numpy as np
import pytest

from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program import Space
from edgealgos.codegen.program.memory import Block, MemoryPlan, _first_fit, place, plan_memory
from tests.support import sample_programs as programs


def assert_sound(plan: MemoryPlan):
    spans = [range(s, s + b.size) for s, b in zip(plan.starts, plan.blocks, strict=True)]
    for (a, span_a), (b, span_b) in itertools.combinations(zip(plan.blocks, spans, strict=True), 2):
        assert not (a.meets(b) and set(span_a) & set(span_b))
    assert all(s % b.align == 0 for s, b in zip(plan.starts, plan.blocks, strict=True))
    assert plan.lower_bound <= plan.arena_bytes


def random_blocks(rng, count):
    blocks = []
    for i in range(count):
        first = int(rng.integers(0, 8))
        last = int(rng.integers(first, 9))
        align = int(rng.choice([1, 1, 2, 4]))
        blocks.append(Block((f"t{i}",), align * int(rng.integers(1, 12)), align, "push", first, last))
    return tuple(blocks)


@pytest.mark.parametrize("kind", programs.EVERY_KIND)
def test_plans_of_programs(kind):
    program = to_integer(programs.EVERY_KIND[kind]())
    plan = plan_memory(program)
    assert_sound(plan)
    assert plan.exact
    assert set(plan.offsets) == {t.name for t in program.tensors if t.space is Space.SCRATCH and t.name != "label"}


@pytest.mark.parametrize("seed", range(30))
def test_small_plans_are_least(seed):
    blocks = random_blocks(np.random.default_rng(seed), 6)
    plan = place(blocks)
    assert_sound(plan)
    assert plan.exact
    orders = itertools.permutations(range(len(blocks)))
    brute = min(MemoryPlan(blocks, _first_fit(blocks, list(o)), 0, False).arena_bytes for o in orders)
    assert plan.arena_bytes == brute


@pytest.mark.parametrize("seed", range(10))
def test_fifteen_tensors_are_proven(seed):
    plan = place(random_blocks(np.random.default_rng(100 + seed), 15))
    assert_sound(plan)
    assert plan.exact


@pytest.mark.parametrize("seed", range(5))
def test_many_tensors_stay_near_the_bound(seed):
    plan = place(random_blocks(np.random.default_rng(200 + seed), 60))
    assert_sound(plan)
    assert plan.arena_bytes <= 1.05 * plan.lower_bound


def test_an_operand_that_dies_is_overwritten():
    plan = plan_memory(to_integer(programs.fastgrnn()))
    assert plan.offsets["p"] in (plan.offsets["p_w"], plan.offsets["p_u"])
    assert "p_w = p" in str(plan)


def test_functions_share_the_arena():
    blocks = (Block(("a",), 8, 1, "push", 0, 3), Block(("b",), 8, 1, "predict", 0, 3))
    assert place(blocks).starts == (0, 0)


def test_nothing_to_place():
    assert place(()).arena_bytes == 0
