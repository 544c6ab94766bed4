"""Forests: integers against plain Python, what is refused, what straight-line code takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgealgos.codegen.ops import Forest
from edgealgos.codegen.passes import model_bytes, to_integer
from edgealgos.codegen.program.interpret import run_float, run_integer
from edgealgos.codegen.program.verify import verify
from edgealgos.codegen.storage import BITS
from edgealgos.codegen.storage.bits import packed, width
from edgealgos.codegen.storage.record import Content
from edgealgos.codegen.targets.avr.forms import FORMS
from tests.support import sample_programs as programs
from tests.support.sample_forests import forest, random_forest, stopping


def op_of(program):
    return next(op for op in program.ops() if isinstance(op, Forest))


def slow_scores(program, q):
    """The same sums, row by row and node by node."""
    op = op_of(program)
    v = {name: program[name].values.tolist() for name in op.constants}
    start = v[op.bias] if op.bias else [0] * program[op.out].size
    return np.array([slow_row(op, v, row.tolist(), list(start)) for row in q])


def slow_row(op, v, x, scores):
    below = []
    partners = v[op.partners] if op.partners else [0] * len(v[op.features])
    for feature, partner, count in zip(v[op.features], partners, v[op.counts], strict=True):
        value = x[feature]
        if partner:
            other = x[(partner + 1) // 2 - 1]
            value = (value - other if partner % 2 else value + other) // 2
        below += [value < cut for cut in v[op.cuts][len(below) : len(below) + count]]
    counts = v[op.groups] if op.groups else [len(v[op.sizes])]
    node = leaf = 0
    outputs = [k for k, count in enumerate(counts) for _ in range(count)]
    for tree, lacking in enumerate(v[op.sizes]):
        size = op.most_nodes - lacking
        tests, inner = v[op.tests][node : node + size], v[op.inner][node : node + size]
        found = v[op.leaves][leaf + slow_leaf(tests, inner, below)]
        if op.values:
            scores = [a + b for a, b in zip(scores, v[op.values][found], strict=True)]
        else:
            scores[outputs[tree]] += found
        node, leaf = node + size, leaf + size + 1
    return scores


def slow_leaf(tests, inner, below):
    flags, node = [f for pair in inner for f in pair], 0
    while True:
        place = 2 * node + (0 if below[tests[node]] else 1)
        before = sum(flags[:place])
        if not flags[place]:
            return place - before
        node = 1 + before


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=40, deadline=None)
def test_integers_are_those_of_plain_python(seed, large):
    rng = np.random.default_rng(seed)
    program = to_integer(random_forest(rng, seed, large))
    op = op_of(program)
    if op.start is not None:
        return
    q = programs.any_inputs(rng, program, 6)
    assert np.array_equal(run_integer(program, q), slow_scores(program, q))


def test_real_numbers_agree_where_inputs_are_integers():
    program = forest(3, features=12, pairs=0, trees=20)
    q = programs.any_inputs(np.random.default_rng(0), program, 200)
    X = q / program.encoding.scale + program.encoding.offset
    integer = to_integer(program)
    assert np.array_equal(run_float(program, X), integer.output.type.dequantize(run_integer(integer, q)))


@given(st.lists(st.integers(-300, 300), max_size=40))
def test_packed_numbers_take_the_bits_of_the_largest(numbers):
    values = np.array(numbers, np.int64)
    bits = width(values)
    assert BITS.size(Content(values.shape, 16, values)) == len(packed(values)) == -(-bits * len(numbers) // 8)
    assert all(-(2 ** (bits - 1)) <= n < 2**bits for n in numbers if bits)
    assert bits or not values.any()
    unpacked = np.unpackbits(packed(values), bitorder="little")[: bits * len(numbers)].reshape(len(numbers), bits)
    read = (unpacked * (1 << np.arange(bits))).sum(axis=1)
    read = np.where(read >> max(bits - 1, 0) & (values.min(initial=0) < 0), read - (1 << bits), read)
    assert read.tolist() == numbers or not bits


@pytest.mark.parametrize(
    ("field", "number"), [("features", 20), ("tests", 40), ("inner", 2), ("sizes", 7), ("partners", 41), ("sizes", -1)]
)
def test_numbers_that_lead_outside_are_refused_by_name(field, number):
    program = forest(1, pairs=3)
    tensor = program[field]
    data = tensor.values.copy()
    data.flat[0] = number
    with pytest.raises(ValueError, match=field):
        verify(program.replacing(replace(tensor, data=data)))


def test_children_that_make_no_tree_are_refused():
    program = forest(1, trees=1, largest=7)
    tensor = program["inner"]
    nodes = len(tensor.values)
    late = np.zeros((nodes, 2))
    late.flat[-(nodes - 1) :] = 1  # the last nodes would be named after they come
    with pytest.raises(ValueError, match="does not make trees"):
        verify(program.replacing(replace(tensor, data=late)))


def test_groups_that_leave_trees_over_are_refused():
    program = forest(1)
    tensor = program["groups"]
    with pytest.raises(ValueError, match="not shared out"):
        verify(program.replacing(replace(tensor, data=tensor.values + 1)))


@pytest.mark.parametrize("kind", [k for k in programs.EVERY_KIND if k.startswith("forest")])
def test_code_takes_the_bytes_and_cycles_that_are_predicted_and_stores_as_many(kind):
    small, fast = (programs.compiled(programs.EVERY_KIND[kind](1), optimize=o) for o in ("size", "speed"))
    assert model_bytes(small.program) == model_bytes(fast.program) == fast.report.model_bytes
    assert fast.report.cycles <= small.report.cycles


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_a_hundred_trees_take_less_than_fifteen_hundred_cycles():
    program = forest(1, outputs=1, trees=120, largest=7, tests=100)
    compiled = programs.compiled(program, optimize="speed")
    q = programs.any_inputs(np.random.default_rng(0), compiled.program, 60)
    X = q / compiled.program.encoding.scale.astype(float) + compiled.program.encoding.offset.astype(float)
    found = compiled.simulate(X)
    assert np.array_equal(found.scores, compiled.scores(X))
    assert found.cycles.max() < 1500
    assert abs(compiled.report.cycles / found.cycles.mean() - 1) < 0.1
    assert abs(compiled.report.flash_bytes / found.flash_bytes - 1) < 0.05


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize(
    "numbers", [{"bits": 16}, {"leaf_bits": 11}, {"bits": 16, "leaf_bits": 11, "features": 50, "tests": 90}],
    ids=["features of words", "leaves of words", "both in two windows"],
)  # fmt: skip
def test_words_become_code_as_bytes_do(numbers):
    program = forest(2, outputs=3, trees=9, largest=15, **numbers)
    compiled = programs.compiled(program, optimize="speed")
    assert all(compiled.program[name].unrolled for name in ("cuts", "tests", "leaves"))
    q = programs.any_inputs(np.random.default_rng(0), compiled.program, 25)
    X = q / compiled.program.encoding.scale.astype(float) + compiled.program.encoding.offset.astype(float)
    found = compiled.simulate(X)
    assert np.array_equal(found.scores, compiled.scores(X))
    assert found.cycles.max() < 1000  # a table takes thousands a tree


VOTES = {
    "ten classes in four windows": {
        "outputs": 10,
        "features": 256,
        "tests": 500,
        "trees": 12,
        "largest": 80,
        "rows": 300,
    },
    "classes in low registers": {"outputs": 17, "features": 128, "tests": 200, "trees": 8, "largest": 30, "rows": 90},
    "features wait in registers": {"outputs": 3, "features": 5, "tests": 20, "trees": 15, "largest": 9, "rows": 20},
    "words, ten classes, more windows than registers": {
        "outputs": 10,
        "features": 256,
        "tests": 200,
        "trees": 8,
        "largest": 30,
        "rows": 90,
        "bits": 16,
    },
    "words, classes in low registers": {
        "outputs": 17,
        "features": 200,
        "tests": 90,
        "trees": 5,
        "largest": 20,
        "rows": 40,
        "bits": 16,
    },
    "words": {"outputs": 9, "features": 80, "tests": 90, "trees": 12, "largest": 20, "rows": 40, "bits": 16},
}


def alike_on_the_uno(compiled):
    """What an Uno does with any inputs: as Python does, without a warning."""
    q = programs.any_inputs(np.random.default_rng(0), compiled.program, 40)
    X = q / compiled.program.encoding.scale.astype(float) + compiled.program.encoding.offset.astype(float)
    found = compiled.simulate(X)
    assert np.array_equal(found.scores, compiled.scores(X))
    assert np.array_equal(found.labels, compiled.predict(X))
    assert not [w for w in found.warnings if "warning:" in w]
    return found


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", VOTES)
def test_votes_become_code_that_counts_bytes(kind):
    program = forest(4, votes=15, bias=False, **VOTES[kind])
    compiled = programs.compiled(program, optimize="speed")
    assert all(compiled.program[name].unrolled for name in ("cuts", "leaves", "rows"))
    found = alike_on_the_uno(compiled)
    assert abs(compiled.report.cycles / found.cycles.mean() - 1) < 0.15
    assert abs(compiled.report.flash_bytes / found.flash_bytes - 1) < 0.05


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("shape", [
    {"outputs": 10, "features": 256, "tests": 300}, {"outputs": 3, "features": 5, "tests": 20},
    {"outputs": 9, "features": 120, "tests": 90, "bits": 16}, {"outputs": 6, "features": 100, "tests": 99},
], ids=["ten classes", "features wait in registers", "features of words", "two windows"])  # fmt: skip
def test_votes_that_a_byte_does_not_count_are_counted_in_words(shape, stops):
    program = forest(4, votes=15, bias=False, trees=110, largest=9, rows=60, **shape)
    compiled = programs.compiled(stopping(program) if stops else program, optimize="speed")
    assert op_of(compiled.program).sums(compiled.program)[1].max() > 255
    assert all(compiled.program[name].unrolled for name in ("cuts", "leaves", "rows"))
    found = alike_on_the_uno(compiled)
    assert found.ram_peak <= compiled.report.ram_bytes
    assert stops or abs(compiled.report.cycles / found.cycles.mean() - 1) < 0.15
    assert abs(compiled.report.flash_bytes / found.flash_bytes - 1) < 0.05


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("shape", [
    {"outputs": 10, "features": 256, "tests": 300, "votes": 90},
    {"outputs": 3, "features": 5, "tests": 20, "votes": 30},
    {"outputs": 9, "features": 120, "tests": 90, "votes": 90, "bits": 16},
], ids=["ten classes", "features wait in registers", "features of words"])  # fmt: skip
def test_votes_that_two_bytes_count_by_twos_and_by_ones_carry_nothing(shape, stops):
    program = forest(4, bias=False, trees=20, largest=40, rows=90, **shape)
    compiled = programs.compiled(stopping(program) if stops else program, optimize="speed")
    assert op_of(compiled.program).sums(compiled.program)[1].max() > 255
    (code,) = FORMS[Forest].parts(compiled.program, op_of(compiled.program), "leaves")
    text = " ".join(code.lines)
    assert "ODD_VOTE" in text
    assert "FOR_WORD" not in text
    found = alike_on_the_uno(compiled)
    assert found.ram_peak <= compiled.report.ram_bytes
    assert stops or abs(compiled.report.cycles / found.cycles.mean() - 1) < 0.15
    assert abs(compiled.report.flash_bytes / found.flash_bytes - 1) < 0.05


def test_votes_of_more_classes_than_registers_count_in_words_stay_a_table():
    for outputs, is_code in ((10, True), (11, False)):
        program = to_integer(forest(0, rows=5, votes=60, bias=False, trees=40, outputs=outputs))
        op = op_of(program)
        assert op.sums(program)[1].max() > 255
        assert (FORMS[Forest].parts(program, op, op.leaves) is not None) == is_code


def visited(program, q):
    """The forest that was told of these device inputs, and how many of them came to each node."""
    op = op_of(program)
    values = {t.name: t.data for t in program.tensors if t.data is not None} | {"x": q}
    inside = np.zeros(program[op.tests].size)
    v = {name: program[name].values.tolist() for name in op.constants}
    for row in q.tolist():
        asked = [row[f] for f, n in zip(v[op.features], v[op.counts], strict=True) for _ in range(n)]
        below = [value < cut for value, cut in zip(asked, v[op.cuts], strict=True)]
        walk = op.walk(program[op.inner].values, program[op.sizes].values)
        for node in walk.roots.tolist():
            while node >= 0:
                inside[node] += 1
                node = int(walk.children[node][0 if below[v[op.tests][node]] else 1])
    return op.visited(program, values), inside


@pytest.mark.parametrize("seed", range(3))
def test_samples_tell_how_often_each_node_is_passed(seed):
    program = programs.compiled(forest(seed, largest=15, trees=5)).program
    q = programs.typical_inputs(np.random.default_rng(seed), program, 200).astype(np.int64)
    told, inside = visited(program, q)
    levels = told.cost(program)["Forest level"]
    assert levels == round(inside.sum() / len(q))
    assert all(share in (0.0, 0.5, 1.0) or count > 1 for share, count in zip(told.went_left, inside, strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_without_samples_features_lie_evenly_in_their_range(seed):
    """A cut at the end of a range parts few, and so does one that a test on the way has answered."""
    program = programs.compiled(forest(seed, features=4, tests=12, largest=15, trees=5)).program
    told, inside = visited(program, programs.any_inputs(np.random.default_rng(seed), program, 4000))
    often = inside > 400
    assert often.sum() > 10
    assert np.abs(np.array(told.went_left) - op_of(program).lefts(program))[often].max() < 0.08
