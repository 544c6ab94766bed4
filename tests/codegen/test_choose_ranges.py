"""Ranges of activations from rows: untrained ones get one, trained ones are widened where rows exceed them."""

from dataclasses import replace

import numpy as np
import pytest

from edgealgos import ProtoNNClassifier, compile_model
from edgealgos.codegen.ops import Add, ArgMax, MatVec, Rectify
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.choose_ranges import choose_ranges
from edgealgos.codegen.program import Program, QType, Space, Tensor, same_program, verify
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.program.interpret import encode, largest_magnitudes, run_float, run_integer
from edgealgos.codegen.program.scores import decide
from tests.support import feature_programs
from tests.support import sample_programs as programs


def rows(count=200, features=20, seed=0):
    return programs.samples(np.random.default_rng(seed), count, features)


def untrained(program, *names):
    return program.replacing(*(replace(program[name], qtype=None) for name in names))


def two_branches(X):
    """Two products whose sum is multiplied again; no activation has a type."""
    rng = np.random.default_rng(1)
    encoding = choose_encoding(X)
    sizes = {"left": (8, X.shape[1]), "right": (8, X.shape[1]), "head": (3, 8)}
    scratch = [Tensor(name, (size,), Space.SCRATCH) for name, size in (("a", 8), ("b", 8), ("sum", 8), ("label", 1))]
    tensors = (
        Tensor("x", (X.shape[1],), Space.INPUT, encoding.qtype),
        *(programs.constant(name, rng.normal(size=shape) * scale) for scale, (name, shape) in
          zip((0.1, 3.0, 1.0), sizes.items(), strict=True)),
        *scratch,
        Tensor("scores", (3,), Space.OUTPUT),
    )  # fmt: skip
    body = (MatVec("a", "left", "x"), MatVec("b", "right", "x"), Add("sum", "a", "b"), MatVec("scores", "head", "sum"),
            ArgMax("label", "scores"))  # fmt: skip
    return verify(Program(tensors, {"predict": body}, encoding, "classifier", (0, 1, 2)))


def test_activations_that_nobody_trained_get_the_finest_type_that_holds_the_rows():
    X = rows()
    program = untrained(programs.protonn(0, density=0.5), "z")
    found = choose_ranges(program, X)
    largest = largest_magnitudes(program, X)["z"]
    assert found["z"].type == QType.covering(largest, 8)
    integer = to_integer(found)
    answers = decide(run_integer(integer, encode(integer, X)))
    assert np.mean(answers == decide(run_float(program, X))) > 0.95


def test_without_rows_they_are_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"\['z'.*X_calibration="):
        to_integer(untrained(programs.protonn(0), "z"))


def test_operands_of_a_sum_share_the_range_of_the_largest():
    X = rows()
    program = two_branches(X)
    found = choose_ranges(program, X, bits=16)
    types = {found[name].type for name in ("a", "b", "sum")}
    largest = largest_magnitudes(program, X)
    assert types == {QType.covering(max(largest[name] for name in ("a", "b", "sum")), 16)}
    integer = to_integer(found)
    scores = integer.output.type.dequantize(run_integer(integer, encode(integer, X)))
    assert np.abs(scores - run_float(program, X)).max() < 0.03 * np.abs(scores).max()


def test_what_a_rectifier_cuts_off_needs_no_range():
    X = rows()
    program = two_branches(X)
    low = replace(program["head"], data=-np.abs(program["head"].values))
    tensors = (*program.replacing(low).tensors, Tensor("kept", (8,), Space.SCRATCH))
    body = list(program.functions["predict"])
    body[3:4] = [Rectify("kept", "sum"), replace(body[3], vector="kept")]
    program = verify(replace(program, tensors=tensors, functions={"predict": tuple(body)}))
    found = choose_ranges(program, X)
    largest = largest_magnitudes(program, X)
    operands = max(largest[name] for name in ("a", "b", "kept"))
    assert {found[name].type for name in ("a", "b", "sum", "kept")} == {QType.covering(operands, 8)}


def test_trained_ranges_stay_where_rows_keep_to_them():
    program = programs.protonn(0)
    inside = rows()[(np.abs(run_activation(program, rows())) <= 64 * 2.0**-5).all(axis=1)]
    assert len(inside) > 10
    assert choose_ranges(program, inside)["z"].type == program["z"].type


def test_trained_ranges_are_widened_by_powers_of_two_where_rows_exceed_them():
    program = programs.protonn(0)
    X = 8 * rows()
    found = choose_ranges(program, X)["z"].type
    assert (found.bits, found.frac) == (7, QType.covering(float(np.abs(run_activation(program, X)).max()), 7).frac)
    assert found.frac < program["z"].type.frac


def run_activation(program, X):
    return program.encoding.real(X) @ program["W"].values.T


@pytest.mark.parametrize(
    "kind", ["fastgrnn", "fastgrnn of low rank", "fastrnn", "fastgrnn of windows that stops early"]
)
def test_what_the_arithmetic_fixes_stays(kind):
    """States, their bytes in products and pre-activations have the types that their kernels know."""
    program = programs.EVERY_KIND[kind]()
    X = 50 * programs.samples(np.random.default_rng(0), 30 * program.steps, 5).reshape(30, -1)
    found = choose_ranges(program, X)
    changed = {t.name for t in found.tensors if t.qtype != program[t.name].qtype}
    assert changed <= {"u"}  # the inner vector of a product of low rank: its range is the model's


def test_features_keep_their_integers():
    program = feature_programs.motion(1)
    X = np.random.default_rng(0).integers(-9000, 9000, size=(5, program.steps * program.input.size)).astype(float)
    fixed = [t.name for t in choose_ranges(program, X).tensors if t.qtype == program[t.name].qtype]
    assert {*program.preprocessing, "x"} <= set(fixed)


def test_a_program_whose_ranges_are_all_fixed_is_the_same():
    program = programs.fastgrnn()
    X = programs.samples(np.random.default_rng(0), 4 * program.steps, 5).reshape(4, -1)
    assert same_program(choose_ranges(program, X), program)


def test_calibration_rows_widen_activations_of_a_trained_model(digits):
    """Rows three times as bright once widened the inputs alone, and the projection saturated."""
    X, y = digits
    model = ProtoNNClassifier(max_model_bytes=600, epochs=2, random_state=0).fit(X, y)
    usual, bright = compile_model(model), compile_model(model, X_calibration=4 * X)
    assert bright.saturated(4 * X) == 0
    assert bright.program["z"].type.frac < usual.program["z"].type.frac
    assert bright.program["B"].type == bright.program["z"].type  # prototypes are compared with it
