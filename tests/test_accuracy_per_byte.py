"""The benchmark of accuracy per byte: what it repeats, what it writes, that its options exist. It fits nothing here."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

import edgealgos as ea


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    """The script as a module, with results of its own."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    import accuracy_per_byte

    monkeypatch.setattr(accuracy_per_byte, "RESULTS", tmp_path)
    monkeypatch.setattr(accuracy_per_byte, "LOG", tmp_path / "log.jsonl")
    yield accuracy_per_byte
    sys.modules.pop("accuracy_per_byte")


def fact(row, seed, device, **more):
    kept = {"float": device + 0.001, "bytes": 2000, "fit_cpu_s": 30.0, "fit_wall_s": 20.0, "teacher_cpu_s": 25.0}
    return {"row": row, "seed": seed, "device": device} | kept | more


def test_every_row_can_be_built_and_names_differ(benchmark):
    rows = benchmark.rows()
    as_they_come = len(benchmark.FAMILIES) + 8  # beside the table and its eight-bit rivals: EdgeML's three, and ours
    assert len(rows) == as_they_come + 28
    assert {row.data for row in rows.values()} == {data for data, _ in benchmark.ASKED}
    for row in rows.values():
        options = row.options | ({"teacher": None} if "teacher" in row.options else {})
        model = getattr(ea, row.kind)(max_model_bytes=row.budget, random_state=0, **options)
        assert clone(model).max_model_bytes == row.budget


def test_finished_fits_are_not_repeated_and_the_rest_is_run(benchmark, monkeypatch, capsys):
    name = "concrete 2048 Bonsai 8-bit"
    benchmark.LOG.write_text(json.dumps(fact(name, 0, 0.97)) + "\n")
    asked = []

    class Done:
        returncode = 0

    def run(command, **_):
        asked.append(command[-2:])
        done = Done()
        done.stdout = "chatter\n" + json.dumps(fact(command[-2], int(command[-1]), 0.85)) + "\n"
        return done

    monkeypatch.setattr(benchmark.subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["accuracy_per_byte.py", "--row", "concrete 2048 Bonsai", "--seeds", "2"])
    benchmark.main()
    assert asked == [[name, "1"]]
    assert set(benchmark.finished()) == {(name, 0), (name, 1)}
    table = (benchmark.RESULTS / "accuracy_per_byte.md").read_text()
    line = "| 8 | 2,000 (2,048) | **0.9100** ± 0.0849 | 0.9110 | +0.10 | 0.900 | 2 | 30 (25) |"
    assert f"| concrete BonsaiRegressor {line}" in table
    assert (benchmark.RESULTS / "accuracy_per_byte.png").stat().st_size > 10_000
    assert "[1/1]" in capsys.readouterr().out


def test_half_the_bytes_are_compared_with_the_whole(benchmark):
    rival, whole = "usps10 2048 Bonsai 4-bit", "usps10 4096 Bonsai 8-bit"
    facts = [fact(rival, 0, 0.94), fact(rival, 1, 0.95), fact(whole, 0, 0.95), fact(whole, 1, 0.96)]
    benchmark.LOG.write_text("".join(json.dumps(each) + "\n" for each in facts))
    assert "| 4 bits, half the bytes: -1.00 points |" in benchmark.table()


def test_motion_features_are_finite_and_tell_axes_apart(benchmark):
    X = np.random.default_rng(0).integers(-30000, 30000, (7, 100, 6)).astype(np.int16)
    X[3] = 5  # a sensor at rest
    features = benchmark.motion_features(X)
    assert features.shape == (7, 8 * 6 + 15)
    assert np.isfinite(features).all()
    np.testing.assert_allclose(features[:, :6], X.mean(axis=1))
