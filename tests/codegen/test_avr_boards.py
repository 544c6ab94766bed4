"""Other AVR boards than the Uno: the same answers from each simulator, and predictions as good as the Uno's."""

import numpy as np
import pytest

from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.simulate import run_sketch
from edgealgos.codegen.targets.boards import get_board
from tests.support import sample_programs as programs
from tests.support.equivalence import raw

SIMULATED = ("nano", "pro-mini-8mhz", "diecimila", "mega", "mega1280", "leonardo")
KINDS = ("bonsai", "bonsai for few cycles", "protonn", "fastgrnn of low rank")
pytestmark = [pytest.mark.slow, pytest.mark.needs("avr-g++", "arduino-core", "simavr")]


def simulated(board, kind, optimize="size", rows=20, **how):
    compiled = programs.compiled(programs.EVERY_KIND[kind](2), board, optimize)
    q = programs.typical_inputs(np.random.default_rng(3), compiled.program, rows)
    X = raw(compiled, q)
    return compiled, X, compiled.simulate(X, **how)


@pytest.mark.parametrize(("kind", "optimize"), [(kind, ("size", "speed")[i % 2]) for i, kind in enumerate(KINDS)])
@pytest.mark.parametrize("board", SIMULATED)
def test_the_board_answers_as_python_and_needs_what_was_predicted(board, kind, optimize):
    compiled, X, result = simulated(board, kind, optimize)
    assert np.array_equal(result.scores, compiled.scores(X))
    assert np.array_equal(result.labels, compiled.predict(X))
    assert result.flash_bytes == pytest.approx(compiled.report.flash_bytes, rel=0.08)
    assert result.ram_peak == pytest.approx(compiled.report.ram_bytes, rel=0.15)
    assert result.cycles.mean() == pytest.approx(compiled.report.cycles, rel=0.20)
    assert 0 < result.stack_peak < 400


@pytest.mark.needs("avr8js")
@pytest.mark.parametrize("board", ["diecimila", "mega", "mega1280"])
def test_two_simulators_see_the_same(board):
    compiled, X, first = simulated(board, "bonsai", "speed", 8)
    second = compiled.simulate(X, simulator="avr8js")
    assert np.array_equal(first.scores, second.scores)
    assert np.array_equal(first.cycles, second.cycles)


@pytest.mark.parametrize(("board", "pins"), [("nano", 20), ("mega", 70)])
def test_sketches_see_the_boards_own_macro_and_pins(board, pins, tmp_path):
    """Arduino's macro of the board, and the number of its pins."""
    record = get_board(board)
    (tmp_path / "own").mkdir()
    code = f"#ifndef {record.define}\n#error another board\n#endif\n"
    code += "void setup() { Serial.begin(9600); Serial.println(NUM_DIGITAL_PINS); }\nvoid loop() {}\n"
    (tmp_path / "own" / "own.ino").write_text(code)
    assert run_sketch(build_sketch(tmp_path / "own", board), 0.05).text == [str(pins)]
