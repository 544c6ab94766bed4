"""Sizes at the limits of an index: what exports compiles and answers, and what C++ cannot count is refused before."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from edgealgos import ExportError
from edgealgos.codegen.build.plain import build_cpp
from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.emit.cpp.files import cpp_files, model_files, sketch_files, write_export
from edgealgos.codegen.program.encoding import InputEncoding

from ..support import sample_programs as programs
from .test_equivalence import host_scores


def of_size(what: str, count: int):
    """A random program in which one count has a size."""
    makers = {
        "features": lambda: programs.bonsai(features=count, density=3 / count),
        "features of prototypes": lambda: programs.protonn(features=count, density=3 / count),
        "sparse halves": lambda: programs.bonsai(features=count, density=9 / count, bits=4),
        "classes of a tree": lambda: programs.bonsai(outputs=count),
        "classes of prototypes": lambda: programs.protonn(outputs=count, label_density=0.1),
        "classes of a state": lambda: programs.fastgrnn(outputs=count),
        "dimensions of a tree": lambda: programs.bonsai(width=count, node_density=0.1),
        "dimensions of prototypes": lambda: programs.protonn(width=count, scale=0.01),
        "prototypes": lambda: programs.protonn(count=count),
        "units": lambda: programs.fastgrnn(hidden=count),
        "features of a step": lambda: programs.fastgrnn(features=count, steps=2),
        "steps": lambda: programs.fastgrnn(features=1, hidden=1, steps=count),
    }
    return programs.compiled(makers[what](), "host")


COUNTED = [
    *[(what, count) for what in ("features", "features of prototypes", "prototypes", "features of a step", "steps")
      for count in (255, 256, 257)],
    *[(what, count) for what in ("classes of a tree", "classes of prototypes", "classes of a state",
                                 "dimensions of a tree", "dimensions of prototypes", "units")
      for count in (254, 255)],
    *[(what, count) for what in ("features", "features of prototypes", "sparse halves")
      for count in (2_039, 2_040, 2_041, 4_095, 4_096)],
    ("features", 65_535),
    ("features of prototypes", 65_535),
    ("steps", 65_535),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.needs("g++")
@pytest.mark.parametrize(("what", "count"), COUNTED)
def test_what_can_be_counted_is_answered_as_in_python(what, count, tmp_path):
    compiled = of_size(what, count)
    q = programs.any_inputs(np.random.default_rng(1), compiled.program, 2 if count > 1000 else 9)
    expected = compiled.scores(q / compiled.program.encoding.scale + compiled.program.encoding.offset)
    assert np.array_equal(host_scores(compiled, q, tmp_path), expected)


@pytest.mark.slow
@pytest.mark.needs("g++")
@pytest.mark.parametrize("make", [programs.bonsai, programs.fastgrnn])
@pytest.mark.parametrize("count", [255, 256, 65_535, 65_536, 65_537])
def test_rows_of_a_self_test_are_counted_however_many_there_are(make, count, tmp_path):
    compiled = programs.compiled(make(1, features=1, **({"steps": 2} if make is programs.fastgrnn else {})), "host")
    q = programs.any_inputs(np.random.default_rng(1), compiled.program, 99)
    X = (q / compiled.program.encoding.scale + compiled.program.encoding.offset)[np.arange(count) % 99]
    write_export(tmp_path / "m", cpp_files(compiled, "m", X), False)
    program = build_cpp(tmp_path / "m", "host")
    done = subprocess.run([program.path], input="", capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == f"# self-test: {count} of {count} rows as in Python\n"


@pytest.mark.slow
@pytest.mark.needs("avr-g++", "arduino-core", "g++")
@pytest.mark.parametrize(("board", "length"), [
    *[("uno", n) for n in (255, 256, 20_000)], *[("host", n) for n in (255, 256, 65_535, 65_536)],
])  # fmt: skip
def test_a_label_is_told_however_long_it_is(board, length, tmp_path):
    program = replace(programs.bonsai(1, features=2, outputs=3), labels=("a", "b" * length, "c"))
    compiled = programs.compiled(program, board)
    make, build = (cpp_files, build_cpp) if board == "host" else (partial(sketch_files, folder="m"), build_sketch)
    write_export(tmp_path / "m", make(compiled, name="m"), False)
    assert build(tmp_path / "m", board).warnings == ()


@pytest.mark.parametrize("board", ["uno", "mega", "attiny85"])
@pytest.mark.parametrize("length", [32_767, 65_535, 65_536])
def test_a_label_longer_than_the_compiler_takes_is_refused(board, length):
    program = replace(programs.bonsai(1, features=2, outputs=3), labels=("a", "b" * length, "c"))
    with pytest.raises(ExportError, match=r"bytes in a label.*at most 32,767: use shorter labels"):
        model_files(programs.compiled(program, board), "m")


@pytest.mark.parametrize("what", ["features", "features of prototypes", "steps"])
@pytest.mark.parametrize("count", [65_536, 70_000])
def test_more_than_a_word_counts_is_refused_before_anything_is_written(what, count):
    with pytest.raises(ExportError, match=rf"{count:,} .* at most 65,535"):
        cpp_files(of_size(what, count), "model")


@pytest.mark.parametrize("what", ["classes of a tree", "classes of prototypes", "classes of a state"])
def test_more_classes_than_a_byte_counts_are_refused(what):
    with pytest.raises((ExportError, ValueError), match="at most 255"):
        cpp_files(of_size(what, 256), "model")


@pytest.mark.parametrize("what", ["dimensions of a tree", "dimensions of prototypes", "units"])
def test_more_elements_than_a_kernel_counts_are_refused(what):
    with pytest.raises(ValueError, match="256 elements, its kernel counts at most 255"):
        of_size(what, 256)


def scaled_apart(steps: int, board: str):
    """A sequence model behind a scaler that treats every column of the row apart."""
    compiled = programs.compiled(programs.fastgrnn(features=2, steps=steps), board)
    old, columns = compiled.program.encoding, 2 * steps
    scale = old.scale[0] * np.linspace(1.0, 2.0, columns)
    encoding = InputEncoding(np.zeros(columns), scale, old.low, old.high, old.qtype)
    return type(compiled)(replace(compiled.program, encoding=encoding), compiled.board)


@pytest.mark.slow
@pytest.mark.needs("g++")
@pytest.mark.parametrize("columns", [9_000, 18_000])
def test_a_wide_scaler_in_front_of_a_sequence_compiles_on_a_computer(columns, tmp_path):
    compiled = scaled_apart(columns // 2, "host")
    q = programs.any_inputs(np.random.default_rng(1), compiled.program, 2)
    X = q.reshape(2, -1) / compiled.program.encoding.scale
    assert np.array_equal(host_scores(compiled, q, tmp_path), compiled.scores(X))


@pytest.mark.parametrize(("columns", "board"), [(9_000, "uno"), (18_000, "mega"), (65_536, "host"), (70_000, "host")])
def test_a_scaler_wider_than_the_compiler_takes_is_refused(columns, board):
    compiled = scaled_apart(columns // 2, board)
    with pytest.raises(ExportError, match="scale all time steps of a feature alike"):
        cpp_files(compiled, "model") if board == "host" else sketch_files(compiled, "model", "model")
