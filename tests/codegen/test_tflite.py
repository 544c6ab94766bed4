"""Models as .tflite files: LiteRT answers as they do; what cannot be said in its operators is refused by name."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import edgealgos as ea
from edgealgos.codegen.compiled import float_program
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program.interpret import encode, run_integer
from edgealgos.codegen.program.scores import decide, margin
from edgealgos.codegen.tflite import check
from edgealgos.codegen.tflite.arena import _spans, arena_bytes, planned_bytes
from edgealgos.codegen.tflite.binary import tflite_bytes
from edgealgos.codegen.tflite.build import build_graph, decide_bytes
from edgealgos.codegen.tflite.prepare import prepared
from edgealgos.codegen.tflite.texts import _METHODS
from tests.support import sample_convnets
from tools.snippets import ROOT, snippets

SAVED = Path(__file__).parents[1] / "data" / "saved_v1"
EXACT = 0.995


def labels_of(report, model, X):
    """What LiteRT answers, told by the manifest alone."""
    facts = json.loads(report.files[3].read_text())
    given = facts["input"]
    scaled = np.floor((X.astype(np.float32) - np.float32(given["offset"])) * np.float32(given["factor"]) + 0.5)
    raw = check.answers(report.files[0].read_bytes(), np.clip(scaled, given["low"], given["high"]).astype(np.int8))
    return np.array(facts["labels"])[decide_bytes(raw)], facts


@pytest.mark.parametrize(
    ("model", "load"),
    [
        (LogisticRegression(max_iter=60), load_digits),
        (MLPClassifier((24,), max_iter=120, random_state=0), load_digits),
        (make_pipeline(StandardScaler(), MLPClassifier((12,), "tanh", max_iter=400, random_state=0)), load_wine),
        (make_pipeline(StandardScaler(), MLPClassifier((12,), "logistic", max_iter=400, random_state=0)), load_wine),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_models_of_scikit_learn_answer_as_they_do(model, load, tmp_path):
    X, y = load(return_X_y=True)
    model.fit(X[::2], y[::2])
    report = ea.export_tflite(model, tmp_path / "m.tflite", X_calibration=X[::2])
    labels, _ = labels_of(report, model, X[1::2])
    clear = margin(model.predict_proba(X[1::2])) > 0.05  # what 8 bits of input cannot turn
    assert clear.mean() > 0.94
    assert np.mean((labels == model.predict(X[1::2]))[clear]) >= EXACT
    assert report.agreement >= EXACT
    assert not report.warnings


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_two_classes_have_one_output_and_are_told_by_its_sign(tmp_path):
    X, y = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=200, C=0.1).fit(X, np.where(y > 4, "high", "low"))
    report = ea.export_tflite(model, tmp_path / "m.tflite", X_calibration=X)
    labels, facts = labels_of(report, model, X)
    assert facts["output"]["shape"] == [1, 1]
    assert np.mean(labels == model.predict(X)) >= EXACT


def test_numbers_come_back_within_a_step_of_the_output(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    model = Ridge(0.1).fit(X, y)
    report = ea.export_tflite(model, tmp_path / "m.tflite", X_calibration=X)
    assert report.agreement > 0.999


# ---- our own ---------------------------------------------------------------------------------------------------------

OURS = sorted(
    file.stem
    for file in SAVED.glob("*.edgealgos")
    if not file.stem.startswith(("motion", "sound")) and "windows" not in file.stem
)


@pytest.mark.parametrize("stem", OURS)
def test_models_of_ours_answer_as_their_twins(stem):
    """Where a twin's scores are apart by more than its own rounding."""
    program, rows, reach = prepared(ea.load(SAVED / f"{stem}.edgealgos"), None, float_program)
    check_program(program, rows[::8], build_graph(program, rows, reach))


@pytest.mark.parametrize("seed", range(12))
def test_convolutions_answer_as_their_twins(seed):
    program = to_integer(sample_convnets.convnet(seed, task="classifier" if seed % 2 else "regressor"))
    rows = np.random.default_rng(seed).integers(
        program.encoding.low, program.encoding.high + 1, (60, program.steps, program.input.size)
    )
    check_program(program, rows, build_graph(program, rows, 1.5))


def check_program(program, rows, built):
    scores = program.output.type.dequantize(run_integer(program, rows))
    raw = check.answers(tflite_bytes(built.graph, "test"), rows)
    if program.task == "classifier":
        clear = margin(scores) > 0.05 * np.abs(scores).max()
        assert np.mean((decide_bytes(raw) == decide(scores))[clear]) > 0.98
    else:
        values = (raw[:, 0].astype(float) - built.output.zero) * built.output.step
        assert np.var(values - scores[:, 0]) < 0.01 * np.var(scores)


def test_every_operator_can_be_registered():
    for stem in OURS:
        program, rows, reach = prepared(ea.load(SAVED / f"{stem}.edgealgos"), None, float_program)
        graph = build_graph(program, rows, reach).graph
        assert {step.operator for step in graph.steps} <= set(_METHODS)
        spans = _spans(graph)
        busiest = max(
            sum(graph.tensors[i].bytes for i, (first, last) in spans.items() if first <= step <= last)
            for step in range(len(graph.steps))
        )
        assert busiest <= planned_bytes(graph) < arena_bytes(graph)


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), X


def test_the_same_model_gives_the_same_files(wine, tmp_path):
    model, X = wine
    first, second = (ea.export_tflite(model, tmp_path / f / "m.tflite", X_calibration=X) for f in "ab")
    for a, b in zip(first.files, second.files, strict=True):
        assert a.read_bytes() == b.read_bytes()
    assert [file.suffix for file in first.files] == [".tflite", ".cc", ".h", ".json"]


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a compiler")
def test_the_header_quantises_as_the_manifest_says(wine, tmp_path):
    model, X = wine
    report = ea.export_tflite(model, tmp_path / "wine.tflite", X_calibration=X)
    values = ", ".join(f"{v!r}f" for v in X[0].astype(np.float32).astype(float).tolist())
    (tmp_path / "main.cc").write_text(
        f'#include <cstdio>\n#include "wine.h"\nint main() {{\n  const float x[] = {{{values}}};\n'
        '  for (size_t i = 0; i < wine::kInputCount; ++i) std::printf("%d ", wine::quantize(i, x[i]));\n'
        '  const int8_t out[] = {-100, 3, 3};\n  std::printf("%s %d", wine::kLabels[wine::class_of(out)], '
        "wine::kModel[4]);\n}\n"
    )
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Werror"]
    sources = [report.files[1], tmp_path / "main.cc"]
    subprocess.run(["g++", *flags, *sources, "-o", tmp_path / "main"], check=True)
    told = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout.split()
    program, _, _ = prepared(model, X, float_program)
    assert [int(q) for q in told[:13]] == encode(program, X[:1])[0].tolist()
    assert told[13:] == ["1", str(ord("T"))]


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a compiler")
def test_what_the_page_prints_for_microcontrollers_compiles_with_an_exported_file(tmp_path):
    page = ROOT / "docs" / "tflite.md"
    (printed,) = (snippet.code for snippet in snippets(page) if snippet.why_not)
    X, y = load_digits(return_X_y=True)
    ea.export_tflite(LogisticRegression(max_iter=5000).fit(X, y), tmp_path / "digits.tflite", X_calibration=X)
    (tmp_path / "main.cc").write_text(printed)
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", ROOT / "tests" / "support" / "tflm"]
    subprocess.run(["g++", *flags, tmp_path / "main.cc"], check=True)


def test_files_that_are_there_stay(wine, tmp_path):
    model, X = wine
    (tmp_path / "m.h").write_text("mine")
    with pytest.raises(ea.ExportError, match=r"m\.h is a file already"):
        ea.export_tflite(model, tmp_path / "m.tflite", X_calibration=X)
    assert [file.name for file in tmp_path.iterdir()] == ["m.h"]
    with pytest.raises(ea.UnsupportedModelError, match="GaussianNB"):
        ea.export_tflite(GaussianNB().fit(X, model.predict(X)), tmp_path / "m.tflite", X_calibration=X, overwrite=True)
    assert (tmp_path / "m.h").read_text() == "mine"
    assert len(ea.export_tflite(model, tmp_path / "m.tflite", X_calibration=X, overwrite=True).files) == 4


@pytest.mark.parametrize(("path", "match"), [("m", r"m\.tflite"), ("a-b.tflite", "name='a_b'")])
def test_names_that_cannot_be_are_refused(wine, tmp_path, path, match):
    with pytest.raises(ea.ExportError, match=match):
        ea.export_tflite(wine[0], tmp_path / path, X_calibration=wine[1])


# ---- what has no operators -------------------------------------------------------------------------------------------


def test_trees_are_refused_by_name_with_what_works(wine, tmp_path):
    model, X = wine
    forest = RandomForestClassifier(3, random_state=0).fit(X, model.predict(X))
    with pytest.raises(ea.UnsupportedModelError, match=r"RandomForestClassifier.*BonsaiClassifier\(teacher=model\)"):
        ea.export_tflite(forest, tmp_path / "m.tflite")
    with pytest.raises(ea.UnsupportedModelError, match="X_calibration"):
        ea.export_tflite(model, tmp_path / "m.tflite")


@pytest.mark.parametrize("stem", ["sound-fastgrnn-bits-4", "motion-protonn", "fastrnn-windows"])
def test_what_streams_is_refused_by_name(stem, tmp_path):
    with pytest.raises(ea.UnsupportedModelError, match=r"cannot become a \.tflite file"):
        ea.export_tflite(ea.load(SAVED / f"{stem}.edgealgos"), tmp_path / "m.tflite")
    assert not list(tmp_path.iterdir())


def test_too_many_steps_are_refused():
    program = to_integer(ea.load(SAVED / "fastgrnn-tanh.edgealgos").to_program())
    with pytest.raises(ea.UnsupportedModelError, match="128 at most"):
        build_graph(program.replacing(steps=1000), np.zeros((1, 2, program.input.size), np.int8), 1.0)
