"""Frames of the stack: what lies in one, what below it, and that no program takes more than is predicted."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

import edgealgos as ea
from edgealgos.codegen.cost.model import stack_counts
from edgealgos.codegen.rejection import rejecting
from tests.support import sample_programs as programs

IRIS, WINE = (load(return_X_y=True) for load in (load_iris, load_wine))
TOOLS = pytest.mark.needs("avr-g++", "simavr", "arduino-core")


def test_readers_below_a_function_count_one_at_a_time():
    """Each is called when the one before has returned."""
    rows = stack_counts(programs.compiled(programs.EVERY_KIND["bonsai with sparse nodes"](), optimize="size").program)
    readers = [[part for part in row if part.startswith("frame ") and " to " in part] for row in rows]
    assert max(map(len, readers)) == 1
    assert len({part for names in readers for part in names}) > 1


def test_registers_that_code_saves_are_counted():
    fast = programs.compiled(programs.EVERY_KIND["bonsai"](), optimize="speed").program
    small = programs.compiled(programs.EVERY_KIND["bonsai"](), optimize="size").program
    assert 0 < max(row["register of code"] for row in stack_counts(fast)) <= 16
    assert not any(row["register of code"] for row in stack_counts(small))


@TOOLS
@pytest.mark.parametrize("kind", ["bonsai with two classes", "protonn with two classes", "linear", "forest"])
def test_the_loop_of_one_score_is_the_larger_one_and_both_are_bounds(kind):
    make = programs.EVERY_KIND.get(kind, programs.bonsai)
    compiled = programs.compiled(make())
    q = programs.typical_inputs(np.random.default_rng(0), compiled.program, 6)
    encoding = compiled.program.encoding
    took = compiled.simulate(q / encoding.scale + encoding.offset).ram_peak
    assert took <= compiled.report.ram_bytes <= 1.15 * took


@TOOLS
@pytest.mark.parametrize("optimize", ["size", "speed"])
@pytest.mark.parametrize(("model", "table"), [
    (GaussianNB(), IRIS), (KNeighborsClassifier(3), WINE),
    (RandomForestClassifier(9, max_depth=5, random_state=0), WINE),
    (RandomForestClassifier(9, max_depth=5, random_state=0), (IRIS[0], IRIS[1] == 1)),
])  # fmt: skip
def test_an_answer_that_may_be_withheld_takes_the_ram_and_the_time_that_are_predicted(model, table, optimize):
    """Forests in code tell the label, and how likely it is remains to be found."""
    X, y = table
    compiled = ea.compile_model(model.fit(X, y), X_calibration=X, reject_below=0.9, optimize=optimize)
    ran = compiled.simulate(X[::15])
    assert ran.ram_peak <= compiled.report.ram_bytes <= 1.15 * ran.ram_peak
    assert compiled.report.cycles == pytest.approx(ran.cycles.mean(), rel=0.3)


@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m4", "pizero", "attiny85"])
def test_an_answer_that_may_be_withheld_has_costs_on_other_processors(board):
    for seed in range(3):
        report = programs.compiled(rejecting(programs.bonsai(seed, outputs=2 + seed), 0.9, "?"), board).report
        assert report.cycles > 0


@pytest.mark.slow
@pytest.mark.parametrize("board", ["cortex-m0", "cortex-m4", "pizero", "attiny85"])
@pytest.mark.parametrize("kind", [ea.ProtoNNRegressor, ea.BonsaiRegressor], ids=lambda kind: kind.__name__)
def test_what_regressors_learn_has_costs_on_other_processors(kind, board):
    """Their scores have a bias, which programs that are made up do not all have."""
    model = kind(epochs=1, random_state=0).fit(WINE[0], WINE[0][:, 0])
    for options in ({}, {"input_buffer": False}):
        assert ea.compile_model(model, board=board, **options).report.cycles > 0
