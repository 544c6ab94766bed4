"""A feature extractor and the model behind it are one program."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.lowering.join import RAW, join, raw_encoding, standardized
from edgealgos.codegen.ops import Rescale, Standardize
from edgealgos.codegen.passes import model_bytes, to_integer
from edgealgos.codegen.program import Program, Space, Tensor
from edgealgos.codegen.program.encoding import InputEncoding
from edgealgos.codegen.program.interpret import run_features, run_integer
from edgealgos.codegen.program.qtype import QType
from edgealgos.codegen.targets.boards import get_board
from edgealgos.errors import UnsupportedModelError
from tests.support import sample_programs as programs
from tests.support.equivalence import host_scores


def last_sample(width: int, at_push: bool, steps: int = 6) -> Program:
    """The simplest extractor: the features are the last raw sample."""
    x = Tensor("raw", (width,), Space.INPUT, RAW)
    features = Tensor("features", (width,), Space.OUTPUT, RAW)
    if at_push:
        tensors, functions = (x, features), {"push": (Rescale("features", "raw"),), "predict": ()}
    else:
        kept = Tensor("kept", (width,), Space.STATE, RAW)
        tensors = (x, kept, features)
        functions = {"push": (Rescale("kept", "raw"),), "predict": (Rescale("features", "kept"),)}
    return Program(tensors, functions, raw_encoding(), "features", steps=steps, family="LastSample")


def with_encoding(program: Program, rng: np.random.Generator) -> Program:
    size = program.input.size
    encoding = InputEncoding(
        rng.normal(0, 3000, size).astype(np.float32), rng.uniform(0.001, 0.3, size).astype(np.float32), -120, 127,
        program.input.type,
    )  # fmt: skip
    return replace(program, encoding=encoding)


ALONE = {
    "sample": lambda: with_encoding(programs.bonsai(3), np.random.default_rng(3)),
    "sequence": lambda: with_encoding(programs.fastgrnn(3), np.random.default_rng(3)),
    "windows": lambda: with_encoding(programs.windowed(3, period=2, threshold=3.0), np.random.default_rng(3)),
}
JOINED = {
    kind: lambda kind=kind: join(last_sample(ALONE[kind]().input.size, kind != "sample"), ALONE[kind]())
    for kind in ALONE
}


@pytest.mark.parametrize("kind", JOINED)
def test_answers_are_those_of_the_model_for_its_encoded_features(kind):
    rng = np.random.default_rng(0)
    program = to_integer(JOINED[kind]())
    raw = rng.integers(-(2**15), 2**15, size=(50, 6, program.input.size))
    alone = ALONE[kind]()
    features = raw[:, -1] if kind == "sample" else raw
    expected = run_integer(to_integer(alone), alone.encoding.encode(features))
    same = (run_integer(program, raw) == expected).all(axis=1)
    assert same.mean() > 0.8  # of 16 bits and of float32 the last bit may differ


@given(st.floats(-30000, 30000), st.floats(1e-4, 100), st.integers(0, 2**32 - 1))
def test_standardize_is_the_encoding_within_its_last_bit(offset, scale, seed):
    encoding = InputEncoding(np.float32([offset]), np.float32([scale]), -127, 127, QType(8, 5))
    constants, op = standardized(encoding, "features", Tensor("x", (1,), Space.INPUT, encoding.qtype))
    multiplier, addend, shift = (int(t.values[0]) for t in constants)
    source = np.random.default_rng(seed).integers(-(2**15), 2**15, 200)
    sums = source * multiplier + addend
    assert np.abs(sums).max() < 2**31
    made = np.clip(sums >> shift, op.low, op.high)
    assert np.abs(made - encoding.encode(source.astype(float))).max() <= 1


def test_what_an_extractor_makes_alone():
    raw = np.random.default_rng(1).integers(-100, 100, size=(3, 6, 4))
    assert np.array_equal(run_features(last_sample(4, False), raw), raw[:, -1])
    assert np.array_equal(run_features(last_sample(4, True), raw), raw)


def test_the_extractor_is_no_part_of_the_models_bytes():
    assert model_bytes(to_integer(JOINED["sample"]())) == model_bytes(to_integer(programs.bonsai(3)))


def test_extractor_and_model_must_go_together():
    with pytest.raises(UnsupportedModelError, match="one vector of features after the other"):
        join(last_sample(20, True), programs.bonsai(3))
    with pytest.raises(UnsupportedModelError, match="fit the Pipeline as a whole"):
        join(last_sample(7, False), programs.bonsai(3))


def test_a_standardize_that_waits_for_nothing_is_verified():
    program = JOINED["sample"]()
    assert [type(op) for op in program.functions["predict"]][:2] == [Rescale, Standardize]


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", JOINED)
def test_host(kind, tmp_path):
    compiled = CompiledModel(to_integer(JOINED[kind]()), get_board("host"))
    raw = np.random.default_rng(2).integers(-(2**15), 2**15, size=(30, 6, compiled.program.input.size))
    assert np.array_equal(host_scores(compiled, raw, tmp_path), compiled.scores(raw))


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", JOINED)
def test_uno(kind):
    compiled = CompiledModel(to_integer(JOINED[kind]()), get_board("uno"))
    raw = np.random.default_rng(2).integers(-(2**15), 2**15, size=(20, 6, compiled.program.input.size))
    result = compiled.simulate(raw)
    assert np.array_equal(result.scores, compiled.scores(raw))
    assert not [w for w in result.warnings if "warning:" in w]
