"""Forests that stop where the answer is decided: the same labels, scores bit for bit, fewer cycles."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from edgealgos import Budget, DoesNotFitError, compile_model, export_arduino
from edgealgos.codegen.ops import Forest
from edgealgos.codegen.ops.walks import FEWEST
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.passes.stop_votes import stop_votes
from edgealgos.codegen.program.interpret import run_integer
from edgealgos.codegen.program.scores import decide
from tests.support import sample_programs as programs
from tests.support.equivalence import check_host, check_uno
from tests.support.sample_forests import forest, stopping

KINDS = {
    "votes": lambda: forest(1, rows=30, votes=9, bias=False, largest=40, trees=20, outputs=10),
    "rows that go on": lambda: forest(1, rows=30, trees=30, largest=9, start=8),
    "two classes": lambda: forest(1, outputs=1, trees=40, largest=15),
    "two classes and words": lambda: forest(1, outputs=1, trees=12, leaf_bits=10, bits=16, start=8),
}


@pytest.mark.needs("g++")
@pytest.mark.parametrize("kind", KINDS)
def test_host(kind, tmp_path):
    check_host(stopping(KINDS[kind]()), tmp_path)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_uno(kind, optimize):
    check_uno(stopping(KINDS[kind]()), optimize, rows=20)


def op_of(program):
    return next(op for op in program.ops() if isinstance(op, Forest))


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:1200], y[:1200], X[1200:]


@pytest.fixture(scope="module")
def model(digits):
    return RandomForestClassifier(20, max_leaf_nodes=40, random_state=0).fit(*digits[:2])


@pytest.mark.parametrize("shape", [
    {"outputs": 5, "rows": 30, "votes": 9, "bias": False, "trees": 20, "largest": 15},
    {"outputs": 2, "rows": 7, "trees": 40},
    {"outputs": 1, "trees": 30, "leaf_bits": 8},
    {"outputs": 1, "trees": 15, "start": 8},
])  # fmt: skip
def test_scores_are_those_of_the_trees_that_are_asked_and_labels_those_of_all(shape):
    whole = to_integer(forest(3, **shape))
    stopping = stop_votes(whole)
    rests = stopping["rests"].values
    q = programs.any_inputs(np.random.default_rng(0), whole, 300)
    scores = run_integer(stopping, q)
    assert np.array_equal(decide(scores), decide(run_integer(whole, q)))
    expected = [[0] * whole.output.size for _ in q]
    op, stopped = op_of(whole), 0
    for k, row in enumerate(one_tree_after_the_other(whole, op, q)):
        for scores_so_far, rest in zip(row, rests, strict=True):
            expected[k] = list(scores_so_far)
            best = sorted(scores_so_far)[::-1]
            lead = best[0] - best[1] if len(best) > 1 else abs(best[0])
            if rest and lead > rest:
                stopped += 1
                break
    assert scores.tolist() == expected
    assert stopped > 0


def one_tree_after_the_other(program, op, q):
    """Scores of each row after each tree."""
    values = {t.name: t.data for t in program.tensors if t.data is not None} | {program.input.name: q}
    for other in program.ops():
        values[other.out] = other.integer(program, values)
        if other is op:
            break
    rows = next(rows for _, rows, _ in op._blocks(program, values, None))
    begun = values[op.out][:, None] - rows.sum(axis=1)[:, None]
    return (begun + rows.cumsum(axis=1)).tolist()


def test_nobody_looks_before_anything_can_be_decided_or_when_nearly_all_are_asked():
    program = stop_votes(to_integer(forest(3, outputs=10, rows=30, votes=9, bias=False, trees=100)))
    looks = np.flatnonzero(program["rests"].values)
    assert looks[0] > 40
    assert 99 - looks[-1] >= FEWEST - 1
    assert 4 <= looks.size <= 16


@pytest.mark.parametrize("shape", [{"outputs": 3}, {"outputs": 1, "task": "regressor"}, {"outputs": 1, "trees": 1}])
def test_what_cannot_be_decided_early_stays_as_it_is(shape):
    program = to_integer(forest(1, **shape))
    assert stop_votes(program) is program


def test_labels_are_those_of_all_trees(digits, model):
    X, _, rows = digits
    whole, stopping = (compile_model(model, X_calibration=X, probabilities=told) for told in (True, False))
    assert np.array_equal(whole.predict(rows), stopping.predict(rows))
    assert not whole.report.stops_early
    assert whole.report.typical_cycles == whole.report.cycles
    assert stopping.report.stops_early
    assert "at most" in str(stopping.report)
    assert f"typically {stopping.report.typical_cycles:,}" in str(stopping.report)
    assert stopping.report.typical_cycles < whole.report.cycles < stopping.report.cycles
    assert 0.5 < op_of(stopping.program).asked < 0.75


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_the_board_takes_fewer_cycles(digits, model, optimize):
    X, _, rows = digits
    options = {"X_calibration": X, "optimize": optimize}
    whole, stopping = (compile_model(model, probabilities=told, **options) for told in (True, False))
    before, after = (compiled.simulate(rows[:60]) for compiled in (whole, stopping))
    assert np.array_equal(after.scores, stopping.scores(rows[:60]))
    assert np.array_equal(after.labels, before.labels)
    assert after.cycles.mean() < 0.93 * before.cycles.mean()
    assert after.ram_peak <= stopping.report.ram_bytes
    assert abs(stopping.report.flash_bytes / after.flash_bytes - 1) < 0.05


def test_a_limit_of_cycles_lets_trees_stop_where_all_take_longer(digits, model, tmp_path):
    X = digits[0]
    whole = compile_model(model, X_calibration=X).report
    stopping = compile_model(model, X_calibration=X, probabilities=False).report
    between = (whole.cycles + stopping.typical_cycles) // 2
    assert not compile_model(model, X_calibration=X, budget=Budget(cycles=whole.cycles)).report.stops_early
    exported = export_arduino(model, tmp_path / "a", X_calibration=X, budget=Budget(cycles=between))
    assert exported.stops_early
    assert exported.typical_cycles <= between
    with pytest.raises(DoesNotFitError, match="cycles"):
        export_arduino(model, tmp_path / "b", X_calibration=X, budget=Budget(cycles=stopping.typical_cycles // 2))


def test_what_rejects_asks_all_trees(digits, model):
    X = digits[0]
    assert not compile_model(model, X_calibration=X, probabilities=False, reject_below=0.6).report.stops_early


def test_other_models_are_the_same_without_probabilities(digits):
    X, y, rows = digits
    model = LogisticRegression(max_iter=500).fit(X, y)
    one, other = (compile_model(model, X_calibration=X, probabilities=told) for told in (True, False))
    assert np.array_equal(one.scores(rows), other.scores(rows))
    assert one.report.cycles == other.report.cycles


def test_an_export_that_stops_early_says_that_shares_are_not_the_model_s(digits, model, tmp_path):
    X = digits[0]
    assert export_arduino(model, tmp_path / "early", X_calibration=X, probabilities=False).stops_early
    said = json.loads((tmp_path / "early" / "manifest.json").read_text())["output"]["probabilities"]
    assert said == "shares of the scores, no probabilities of the model itself"
    assert said in (tmp_path / "early" / "early_model.h").read_text()
