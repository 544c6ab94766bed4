"""Inputs of mixed units keep what they know: a scale a column where a common one flattens it, words where none can."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler

from edgealgos import BonsaiClassifier, compile_model
from edgealgos.codegen.build import sketch as toolchain
from edgealgos.codegen.emit.cpp.files import write_cpp
from edgealgos.codegen.lowering.pipeline import compose
from edgealgos.codegen.lowering.scalers import affine
from edgealgos.codegen.program.choose_encoding import FEW_LEVELS, RARE, choose_encoding, levels, losses
from edgealgos.errors import UnsupportedModelError
from tests.support import sample_programs as programs

RNG = np.random.default_rng(0)
ADC, FLAGS = RNG.integers(0, 1024, (900, 4)), RNG.integers(0, 2, (900, 2))
MIXED = {
    "switches beside ADC readings": np.hstack([ADC, FLAGS]),
    "a temperature beside ADC readings": np.hstack([ADC, RNG.normal(20, 3, (900, 1))]),
    "shares beside counts": np.hstack([RNG.integers(0, 50_000, (900, 3)), RNG.uniform(0, 1, (900, 2))]),
    "few integers beside many": np.hstack([RNG.integers(-2000, 2000, (900, 5)), RNG.integers(1, 6, (900, 1))]),
    "heavy tails": np.exp(RNG.normal(0, 2, (900, 6))),
    "mostly zero with heavy tails": np.where(RNG.uniform(size=(900, 4)) < 0.9, 0, np.exp(RNG.normal(0, 2, (900, 4)))),
    "rare events": (RNG.uniform(size=(900, 3)) < [0.5, 0.02, 0.004]).astype(float) * [1, 10, 1000],
    "an outlier a million times the spread": np.vstack([RNG.normal(size=(899, 3)), [[1e6, 0, -1e6]]]),
    "far from zero": RNG.normal(size=(900, 3)) * [1, 1, 0.01] + [1e7, -1e8, 1e5],
    "tiny beside huge": RNG.normal(size=(900, 3)) * [1e-30, 1, 1e28],
    "constants of any size": np.hstack([RNG.normal(size=(900, 2)), np.full((900, 3), [0, 1e9, -1e-12])]),
}


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", MIXED)
def test_no_column_that_varies_is_flattened(kind, bits):
    X = MIXED[kind].astype(float)
    encoding = choose_encoding(X, bits=bits)
    q = encoding.encode(X)
    assert (levels(q) >= np.minimum(levels(X), FEW_LEVELS)).all() or losses(encoding, X).coarse
    if kind != "an outlier a million times the spread":
        assert losses(encoding, X).coarse == {}
    assert encoding.saturates(X).mean(axis=0).max() <= RARE
    assert (levels(q)[levels(X) == 1] == 1).all()
    real = np.ldexp(q.astype(float), -encoding.qtype.frac)
    inside = ~encoding.saturates(X)
    assert np.abs(real - encoding.real(X))[inside].max() <= 0.51 * encoding.qtype.step


@pytest.mark.parametrize("columns", [1, 4])
def test_an_outlier_in_columns_of_one_kind_leaves_all_of_them_their_scale(columns):
    X = np.random.default_rng(1).normal(size=(900, columns))
    usual = choose_encoding(X).encode(X)
    X[7] = 1e6
    encoding = choose_encoding(X)
    q = np.delete(encoding.encode(X), 7, axis=0)
    assert (levels(q) > 0.75 * levels(usual)).all()
    assert np.ldexp(q.std(0), -encoding.qtype.frac) == pytest.approx(np.ones(columns), rel=0.05)


@pytest.mark.parametrize("mark", [-9999.0, 1e6])
def test_a_number_that_stands_for_missing_values_leaves_the_others_their_levels(mark):
    X = np.random.default_rng(1).normal(size=(900, 3))
    missing = np.random.default_rng(2).uniform(size=X.shape) < [0.05, 0.2, 0]
    X[missing] = mark
    q = choose_encoding(X).encode(X)
    for column, marked in zip(q.T, missing.T, strict=True):
        assert len(np.unique(column[~marked])) > 60
        assert not np.isin(column[~marked], column[marked]).mean() > RARE


def test_pixels_of_one_kind_keep_one_pair():
    for X in (RNG.integers(0, 17, (300, 64)), RNG.integers(0, 256, (300, 64)), RNG.uniform(-1, 1, (300, 64))):
        assert choose_encoding(X.astype(float)).uniform
    edge = RNG.uniform(-1, 1, (600, 64))
    edge[:, 0] = -1
    edge[:3, 0] = -0.999  # a pixel at the edge that is hardly ever touched
    encoding = choose_encoding(edge)
    assert encoding.uniform
    assert list(losses(encoding, edge).coarse) == ["feature 0"]


def test_columns_of_their_own_do_not_change_the_others():
    X = MIXED["switches beside ADC readings"].astype(float)
    alone, beside = choose_encoding(X[:, :4]), choose_encoding(X)
    assert np.array_equal(alone.encode(X[:, :4]), beside.encode(X)[:, :4])
    assert beside.offset.size == 6


def test_a_column_that_keeps_few_levels_is_named_with_its_levels():
    X = np.random.default_rng(2).normal(size=(900, 3))
    X[:20, 1], X[20:40, 1] = 1e9, 1e12
    found = losses(choose_encoding(X), X, ["a", "b", "c"])
    assert list(found.coarse) == ["feature 'b'"]
    assert "feature 'b' (2)" in found.sentences()[0]
    squeezed = replace(choose_encoding(X), low=-20, high=20)
    assert {"feature 0", "feature 2"} <= set(losses(squeezed, X).saturated)
    assert "feature 0 (" in " ".join(losses(squeezed, X).sentences())


@pytest.mark.parametrize("spread", [1e-38, 1e-40, 1e-300])
def test_a_spread_that_floats_cannot_scale_is_refused_by_column(spread):
    X = RNG.normal(size=(60, 3)) * [1, spread, 1]
    with pytest.raises(ValueError, match="'pressure' varies by"):
        choose_encoding(X, names=["time", "pressure", "level"])
    slope = 1 / np.array([1, spread, 1])
    with pytest.raises(UnsupportedModelError, match="feature 1 varies too little"):
        compose(choose_encoding(X * slope), slope, np.zeros(3), 3)


def test_a_spread_that_doubles_cannot_tell_apart_is_refused_by_column():
    X = RNG.normal(size=(60, 2))
    X[:, 1] = 1e15 + RNG.integers(0, 5, 60)
    with pytest.raises(ValueError, match="feature 1 varies by 4 around 1e"):
        choose_encoding(X)


MAIN = """#include <stdio.h>
#include "model_model.h"
int main() { double v; for (unsigned i = 0; scanf("%lf", &v) == 1; ++i) {
  const float value = static_cast<float>(v);
  printf("%d\\n", model::quantize(i % 3, value, static_cast<float>(v - value))); } }
"""


@pytest.mark.needs("g++")
@pytest.mark.parametrize("offset", [1e7, 1e8, -1e8, 3e9])
@pytest.mark.parametrize("scaled", [False, True], ids=["alone", "behind a scaler"])
def test_quantize_of_features_far_from_zero_is_quantize_in_python(offset, scaled, tmp_path):
    X = RNG.normal([offset, 0, offset / 3], size=(300, 3))
    program = programs.protonn(0, features=3)
    encoding = choose_encoding(X)
    if scaled:
        scaler = MinMaxScaler().fit(X)
        encoding = compose(choose_encoding(scaler.transform(X)), *affine(scaler), 3)
    assert encoding.wide
    program = program.replacing(replace(program["x"], qtype=encoding.qtype), encoding=encoding)
    write_cpp(programs.compiled(program, "host"), tmp_path / "m", "model")
    (tmp_path / "m" / "main.cpp").write_text(MAIN)
    run = toolchain.build_host([tmp_path / "m" / "main.cpp", tmp_path / "m" / "model_model.cpp"], tmp_path / "run")
    values = np.concatenate([X, X - 0.4, X + 3e5])
    out = run.run(stdin="\n".join(f"{v:.17g}" for v in values.ravel()))
    assert np.array_equal(np.array(out.split(), int).reshape(-1, 3), encoding.encode(values))
    exact = np.clip(np.floor((X - encoding.offset) * encoding.scale.astype(float) + 0.5), encoding.low, encoding.high)
    assert np.mean(exact != encoding.encode(X)) < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("offset", [0, 1e5, 1e7, 1e8, -1e10])
def test_float_and_device_agree_however_far_features_are(offset):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    model = BonsaiClassifier(epochs=60, teacher=None, random_state=0)
    if abs(offset) > 1e6:
        with pytest.warns(UserWarning, match="feature 0, feature 1.*too far from zero"):
            model.fit(X + offset, y)
    else:
        model.fit(X + offset, y)
    compiled = compile_model(model)
    assert np.mean(compiled.predict(X + offset) == model.predict(X + offset)) > 0.99
    assert np.mean(compiled.predict(X + offset) == y) > 0.85
    assert bool(compiled.report.warnings) == (abs(offset) > 1e6)


def test_what_inputs_lose_is_told_by_fit_report_manifest_and_after_loading(tmp_path):
    import json

    from edgealgos import load, save

    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    X[:20, 1], X[20:40, 1] = 1e9, 1e12
    with pytest.warns(UserWarning, match=r"feature 1 \(3\)"):
        model = BonsaiClassifier(max_model_bytes=300, epochs=3, random_state=0).fit(X, X[:, 0] > 0)
    save(model, tmp_path / "m.edgealgos")
    for each in (model, load(tmp_path / "m.edgealgos")):
        report = compile_model(each).report
        assert "feature 1 (3)" in report.warnings[0]
        assert f"warning: {report.warnings[0]}" in str(report)
    model.export_arduino(tmp_path / "sketch", name="it")
    assert json.loads((tmp_path / "sketch" / "manifest.json").read_text())["warnings"] == list(report.warnings)


@pytest.mark.parametrize(("offset", "tables"), [(0, 2), (1e7, 3)])
def test_the_report_tells_the_tables_that_quantize_reads(offset, tables):
    program = programs.protonn(0, features=3)
    X = RNG.normal([offset, 0, 5], [1, 20, 0.1], size=(300, 3))
    encoding = choose_encoding(X)
    program = program.replacing(replace(program["x"], qtype=encoding.qtype), encoding=encoding)
    report = programs.compiled(program, "uno").report
    assert report.quantize_bytes == 4 * 3 * tables
    assert f"quantize() brings {4 * 3 * tables} bytes of tables" in str(report)
    pixels = choose_encoding(RNG.integers(0, 17, (90, 3)).astype(float))
    program = program.replacing(replace(program["x"], qtype=pixels.qtype), encoding=pixels)
    report = programs.compiled(program, "uno").report
    assert report.quantize_bytes == 0
    assert "quantize()" not in str(report)
