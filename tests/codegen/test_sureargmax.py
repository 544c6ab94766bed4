"""Answers that are given only where a class is likely enough: the same on every board, and as often right as asked."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

import edgealgos as ea
from edgealgos.codegen.program.link import LOGISTIC
from edgealgos.codegen.rejection import rejecting
from tests.support import sample_programs

from ..support.equivalence import check_host


def program(seed=0, with_op=True):
    """A tree that is not always sure."""
    plain = sample_programs.bonsai(seed, outputs=2 + seed % 6)
    return rejecting(plain, 0.9, "?") if with_op else plain


@pytest.fixture(scope="module")
def digits():
    X, y = datasets.load_digits(return_X_y=True)
    return LogisticRegression(max_iter=300).fit(X[:900], y[:900]), X, y


def test_an_answer_is_given_where_its_probability_suffices(digits):
    model, X, _ = digits
    plain = ea.compile_model(model, X_calibration=X)
    sure = ea.compile_model(model, X_calibration=X, reject_below=0.9, labels_when_rejected=-1)
    likely = plain.predict_proba(X).max(axis=1) >= 230 / 256
    assert 0 < likely.sum() < len(X)
    assert np.array_equal(sure.predict(X), np.where(likely, plain.predict(X), -1))
    assert np.array_equal(sure.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("tenths", range(2, 10))
def test_as_many_votes_as_are_asked_for_suffice(tenths):
    """Of ten trees seven were rejected by reject_below=0.7: 179 of 256 are a little less."""
    X, y = datasets.load_wine(return_X_y=True)
    forest = RandomForestClassifier(10, random_state=0).fit(X[::2], y[::2])
    told = ea.compile_model(forest, X_calibration=X, reject_below=tenths / 10).predict(X)
    likely = forest.predict_proba(X).max(axis=1) >= tenths / 10 - 1e-9
    assert np.array_equal(np.array([label is not None for label in told.tolist()]), likely)


def test_what_stands_for_no_class_is_none_unless_told(digits):
    model, X, _ = digits
    told = ea.compile_model(model, X_calibration=X, reject_below=0.9).predict(X)
    assert None in told.tolist()


def test_a_threshold_is_chosen_for_a_wanted_share_of_errors(digits):
    model, X, y = digits
    auto = ea.AutoReject(X[900:], y[900:], error_rate=0.02)
    told = ea.compile_model(model, X_calibration=X, reject_below=auto, labels_when_rejected=-1).predict(X[900:])
    answered = told >= 0
    assert answered.mean() > 0.5
    assert (told != y[900:])[answered].mean() <= 0.02 < (model.predict(X[900:]) != y[900:]).mean()


def test_what_cannot_be_is_refused(digits):
    model, X, y = digits
    with pytest.raises(ValueError, match="reject_below must be"):
        ea.compile_model(model, X_calibration=X, reject_below=1.5)
    with pytest.raises(ValueError, match=r"reject_below must be .* got '0.7'"):
        ea.compile_model(model, X_calibration=X, reject_below="0.7")
    many = DecisionTreeClassifier(max_leaf_nodes=300, random_state=0).fit(X, np.arange(len(X)) % 255)
    with pytest.raises(ea.UnsupportedModelError, match=r"has 255 classes; with reject_below= .* 254"):
        ea.compile_model(many, "host", X_calibration=X, reject_below=0.5)
    with pytest.raises(ea.UnsupportedModelError, match="for classifiers"):
        ea.compile_model(Ridge().fit(X, y), X_calibration=X, reject_below=0.5)
    with pytest.raises(ValueError, match=r"y has shape \(5,\) for 1797 rows"):
        ea.compile_model(model, X_calibration=X, reject_below=ea.AutoReject(X, y[:5]))
    with pytest.raises(ValueError, match="error_rate is a share"):
        ea.compile_model(model, X_calibration=X, reject_below=ea.AutoReject(X, y, error_rate=2))
    with pytest.raises(ValueError, match="no threshold brings errors"):
        ea.compile_model(model, X_calibration=X, reject_below=ea.AutoReject(X, (y + 1) % 10, 0.0))


@pytest.mark.needs("g++")
def test_host(tmp_path):
    check_host(program(3), tmp_path)


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize("kind", ["linear", "forest"])
def test_the_board_rejects_what_the_twin_rejects(digits, kind):
    model, X, y = digits
    if kind == "forest":
        model = RandomForestClassifier(5, max_depth=4, random_state=0).fit(X, y < 5)
    compiled = ea.compile_model(model, X_calibration=X, reject_below=0.995)
    ran = compiled.simulate(X[:25])
    assert ran.labels.tolist() == compiled.predict(X[:25]).tolist()
    assert None in ran.labels.tolist()


def test_the_export_names_what_stands_for_no_class(digits, tmp_path):
    model, X, _ = digits
    ea.export_arduino(model, tmp_path / "sure", X_calibration=X, reject_below=0.8)
    header = (tmp_path / "sure" / "sure_model.h").read_text()
    assert "constexpr uint8_t kRejected = 255;" in header


def test_the_interpreter_runs_the_op_as_the_twin_answers():
    compiled = sample_programs.compiled(program(2), "host")
    q = sample_programs.any_inputs(np.random.default_rng(0), compiled.program, 40)
    X = q / compiled.program.encoding.scale + compiled.program.encoding.offset
    (op,) = (op for op in compiled.program.functions["predict"] if op.least_share)
    indices = op.integer(compiled.program, {op.source: compiled.scores(X)})[:, 0]
    expected = [("?" if i == 255 else compiled.program.labels[i]) for i in indices]
    assert compiled.predict(X).tolist() == expected


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize(("board", "rejects"), [("uno", True), ("uno", False), ("attiny85", True)])
def test_logistic_functions_of_scores_take_no_more_than_is_predicted(board, rejects):
    """A sketch took 15 bytes of RAM and 360 of flash that nobody had counted; an ATtiny 11 bytes of its stack."""
    X, y = datasets.load_wine(return_X_y=True)
    model = CalibratedClassifierCV(LinearSVC(max_iter=200, random_state=0), ensemble=False).fit(X, y)
    compiled = ea.compile_model(model, X_calibration=X, reject_below=0.6 if rejects else None, board=board)
    assert compiled.program.link.kind == LOGISTIC
    ran, report = compiled.simulate(X[:20]), compiled.report
    assert ran.ram_peak <= report.ram_bytes
    assert report.flash_bytes == pytest.approx(ran.flash_bytes, rel=0.05)
    assert report.cycles == pytest.approx(np.mean(ran.cycles), rel=0.2)
    assert ran.flash_bytes <= report.flash_at_most
