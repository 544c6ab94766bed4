"""The benchmark of tables: what it repeats, how it counts a deficit, whom it asks; it trains nothing large."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    """The script as a module, with results of its own."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import tables

    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    monkeypatch.setattr(tables.rivals, "emlearn_forest", None)
    yield tables
    for name in ("tables", "rivals"):
        sys.modules.pop(name)


@pytest.fixture
def iris(tmp_path):
    """A table's file whose test part must not be read by validation."""
    X, y = load_iris(return_X_y=True)
    np.savez(tmp_path / "iris.npz", X_train=X, y_train=y, X_test=X[:30] + 100, y_test=y[:30])
    return tmp_path / "iris.npz"


def fact(model, budget, score, part="0", **more):
    return {"table": "iris", "part": part, "model": model, "budget": budget, "score": score, "fit_cpu_s": 1.0} | more


def test_validation_splits_the_training_part_alone_and_keeps_its_classes(benchmark, iris):
    found = benchmark.parts(iris, validate=benchmark.SPLITS)
    assert len(found) == benchmark.SPLITS
    for part in found.values():
        assert max(part.X.max(), part.X_test.max()) < 50
        assert len(part.y) + len(part.y_test) == 150
        assert set(np.bincount(part.y_test)) == {12, 13}


def test_families_of_sequences_are_left_out_and_those_of_tables_are_not(benchmark):
    assert {"BonsaiClassifier", "ProtoNNClassifier"} <= set(benchmark.families("Classifier"))
    assert not [name for name in benchmark.families("Classifier") if name.startswith(("Fast", "ConvNet", "GRU"))]
    assert "BonsaiRegressor" in benchmark.families("Regressor")


def test_deficit_is_counted_from_the_best_of_the_means(benchmark):
    lines = [fact("linear", 0, 0.9), fact("linear", 0, 0.94, "1"), fact("SVC", 0, 0.95), fact("SVC", 0, 0.85, "1"),
             fact("BonsaiClassifier", 512, 0.90, bytes=500, cycles=900),
             fact("BonsaiClassifier", 512, 0.88, "1", bytes=510, cycles=950)]  # fmt: skip
    (benchmark.RESULTS / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    summary = benchmark.summarize(benchmark.finished(benchmark.RESULTS / "log.jsonl"))
    assert summary.best["iris"] == ("linear", pytest.approx(0.92))
    assert summary.deficits(("BonsaiClassifier", 512))["iris"] == pytest.approx(3.0)
    text = benchmark.report(summary)
    assert "| BonsaiClassifier | 512 | **3.00** | iris 3.0 | iris | 505 | 925 | 1 |" in text


def test_a_second_run_measures_only_what_is_missing(benchmark, iris, monkeypatch, capsys):
    asked = []

    def measure(fit, part):
        asked.append(fit)
        return fit._asdict() | {"score": 0.9, "fit_cpu_s": 0.1, "bytes": 100, "cycles": 10}

    monkeypatch.setattr(benchmark, "measure", measure)
    words = ["tables.py", "--data", str(iris), "--validate", "--budgets", "512", "--only", "Bonsai"]
    monkeypatch.setattr(sys, "argv", words)
    benchmark.main()
    assert len(asked) == 5 * (5 + 1)
    log = benchmark.log_of(True)
    log.write_text("".join(line + "\n" for line in log.read_text().splitlines()[:-1]))
    asked.clear()
    benchmark.main()
    assert asked == [benchmark.Fit("iris", "4", "BonsaiClassifier", 512)]
    assert (benchmark.RESULTS / "tables_validation.png").stat().st_size > 10_000
    capsys.readouterr()


def test_the_five_answer_about_rows_with_labels_of_any_kind(benchmark):
    X, y = load_iris(return_X_y=True)
    names = np.array(["a", "b", "c"])[y]
    part = benchmark.Part(X, names, X, names)
    for model in benchmark.rivals.unbounded("Classifier"):
        assert benchmark.measure(benchmark.Fit("iris", "0", model, 0), part)["score"] > 0.9
