"""The crown test for one program: interpreter, host build with sanitizers and simulated Uno answer the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgealgos.codegen.build import sketch as toolchain
from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.emit.cpp import files
from edgealgos.codegen.program import Program
from edgealgos.codegen.program.qtype import Ints
from tests.support import sample_programs


def raw(compiled: CompiledModel, q: Ints) -> NDArray[np.float64]:
    """Raw features that encode to q exactly."""
    encoding = compiled.program.encoding
    features: NDArray[np.float64] = q / encoding.scale.astype(float) + encoding.offset.astype(float)
    return features


def host_scores(compiled: CompiledModel, q: Ints, folder: Path) -> Ints:
    """Scores that the plain C++ export prints, built with address and undefined-behaviour sanitizers."""
    files.write_cpp(compiled, folder / "model", "model")
    sources = [folder / "model" / "main.cpp", folder / "model" / "model_model.cpp"]
    program = toolchain.build_host(sources, folder / "run")
    assert program.warnings == ()
    rows = q.reshape(-1, compiled.program.input.size)
    out = program.run(stdin="".join(",".join(map(str, row)) + "\n" for row in rows.tolist()))
    answers = np.array([[int(v) for v in line.split(",")] for line in out.split()])
    steps = len(rows) // len(q)
    last = answers[steps - 1 :: steps]
    return last[:, 1:] if compiled.program.task == "classifier" else last


def check_host(program: Program, folder: Path, rows: int = 60) -> None:
    """A float program's host build answers as the interpreter does, over the whole range of inputs."""
    compiled = sample_programs.compiled(program, "host")
    q = sample_programs.any_inputs(np.random.default_rng(1), compiled.program, rows)
    X = raw(compiled, q)
    assert np.array_equal(compiled.quantize(X), q)
    assert np.array_equal(host_scores(compiled, q, folder), compiled.scores(X))


def check_uno(program: Program, optimize: str = "size", rows: int = 40) -> None:
    """A float program on the simulated Uno answers as the interpreter does, within the RAM and without a warning."""
    compiled = sample_programs.compiled(program, optimize=optimize)
    q = sample_programs.any_inputs(np.random.default_rng(1), compiled.program, rows)
    X = raw(compiled, q)
    result = compiled.simulate(X)
    assert np.array_equal(result.scores, compiled.scores(X))
    assert np.array_equal(result.labels, compiled.predict(X))
    assert result.ram_peak <= compiled.board.ram_bytes
    assert not [w for w in result.warnings if "warning:" in w]
