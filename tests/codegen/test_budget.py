"""Limits of the user are limits: code becomes faster within them, and refusals say whose they are and what helps."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.tree import DecisionTreeClassifier

from edgealgos import (
    BonsaiClassifier,
    Budget,
    DoesNotFitError,
    ProtoNNClassifier,
    compile_model,
    export_arduino,
    export_cpp,
)
from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.cost.limits import check_fits
from edgealgos.codegen.rejection import rejecting
from edgealgos.codegen.targets.boards import get_board
from tests.support import sample_programs as programs

from .test_export import Fitted

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models(digits):
    X, y = digits
    return {
        "Bonsai": BonsaiClassifier(random_state=0, epochs=5).fit(X, y),
        "ProtoNN": ProtoNNClassifier(random_state=0, epochs=5).fit(X, y),
    }


@pytest.mark.parametrize("family", ["Bonsai", "ProtoNN"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_straight_line_code_is_chosen_within_the_flash_of_the_budget(models, family, share):
    least = compile_model(models[family], optimize="size").report
    free = compile_model(models[family]).report
    assert free.flash_at_most > least.flash_at_most
    limit = round(least.flash_at_most + share * (free.flash_at_most - least.flash_at_most))
    within = compile_model(models[family], budget=Budget(flash_bytes=limit)).report
    assert within.flash_at_most <= limit
    assert free.cycles < within.cycles <= least.cycles
    check_fits(within, Budget(flash_bytes=limit))


@pytest.mark.parametrize("family", ["Bonsai", "ProtoNN"])
def test_an_export_meets_the_flash_of_the_budget_with_less_straight_line_code(models, family, tmp_path):
    least = compile_model(models[family], optimize="size").report.flash_at_most
    report = export_arduino(models[family], tmp_path / "digits", budget=Budget(flash_bytes=least + 100))
    assert report.flash_at_most <= least + 100


def test_cycles_of_the_budget_may_take_all_flash_that_is_free(models):
    modest = compile_model(models["Bonsai"]).report
    promised = compile_model(models["Bonsai"], budget=Budget(cycles=modest.cycles - 1)).report
    assert promised.cycles <= modest.cycles


@pytest.mark.parametrize("item", ["flash_bytes", "ram_bytes", "cycles"])
def test_a_limit_of_zero_is_a_limit(models, item):
    with pytest.raises(DoesNotFitError, match="the budget allows 0"):
        check_fits(compile_model(models["Bonsai"]).report, Budget(**{item: 0}))


@pytest.mark.parametrize("value", [-1, 1.5, "2048", True, float("nan")])
@pytest.mark.parametrize("item", ["flash_bytes", "ram_bytes", "cycles"])
def test_a_limit_that_is_no_whole_number_is_refused(item, value):
    with pytest.raises(ValueError, match=item):
        Budget(**{item: value})


def test_a_refusal_says_whose_limit_it_is_and_names_the_switch_that_helps(models):
    report = compile_model(models["Bonsai"]).report
    with pytest.raises(DoesNotFitError, match=r'flash.*the budget allows.*optimize="size"'):
        check_fits(report, Budget(flash_bytes=report.flash_at_most - 1))
    with pytest.raises(DoesNotFitError, match=r"RAM.*the budget allows.*input_buffer=False \(\d+ bytes less\)"):
        check_fits(report, Budget(ram_bytes=report.ram_bytes - 1))
    with pytest.raises(DoesNotFitError, match=r"cycles.*the budget allows.*max_cycles"):
        check_fits(report, Budget(cycles=report.cycles - 1))
    small = compile_model(models["Bonsai"], optimize="size").report
    with pytest.raises(DoesNotFitError) as refused:
        check_fits(small, Budget(flash_bytes=small.flash_at_most - 1))
    assert "optimize" not in str(refused.value)


def test_a_refusal_by_the_board_names_a_larger_one():
    rows = np.random.default_rng(0).integers(0, 255, (60, 3000)).astype(float)
    model = RidgeClassifier().fit(rows, np.arange(60) % 3)
    with pytest.raises(DoesNotFitError, match=r'RAM.*Arduino Uno.*input_buffer=False.*board="'):
        check_fits(compile_model(model, X_calibration=rows).report)


@pytest.mark.needs("avr-g++", "arduino-core")
@pytest.mark.parametrize("count", [1, 40])
def test_rows_of_a_self_test_are_in_the_report_and_bound_what_is_built(models, digits, count, tmp_path):
    X, _ = digits
    plain = export_arduino(models["Bonsai"], tmp_path / "plain")
    tested = export_arduino(models["Bonsai"], tmp_path / "tested", self_test=X[:count])
    built = [build_sketch(tmp_path / name, get_board("uno")).flash_bytes for name in ("plain", "tested")]
    baked_in = tested.flash_bytes - plain.flash_bytes
    assert tested.flash_items["self-test"] == baked_in
    assert 0 <= baked_in - (built[1] - built[0]) <= 100


@pytest.mark.parametrize("layout", ["sketch", "library"])
@pytest.mark.parametrize("application", ["serial", "empty"])
def test_what_an_export_says_of_its_needs_is_what_was_reported(models, digits, application, layout, tmp_path):
    tested = {"self_test": digits[0][:40]} if application == "serial" else {}
    report = export_arduino(models["Bonsai"], tmp_path / "m", application=application, layout=layout, **tested)
    said = json.loads((tmp_path / "m" / "manifest.json").read_text())["predicted"]
    assert (said["flash_bytes"], said["ram_bytes"]) == (report.flash_bytes, report.ram_bytes)
    assert f"| flash | {report.flash_bytes:,} bytes |" in (tmp_path / "m" / "README.md").read_text()


def test_the_tables_of_a_self_test_are_in_what_plain_cpp_says_of_its_needs(models, digits, tmp_path):
    report = export_cpp(models["Bonsai"], tmp_path / "m", self_test=digits[0][:40])
    said = json.loads((tmp_path / "m" / "manifest.json").read_text())["predicted"]
    assert said["flash_bytes"] == report.flash_bytes > 40 * 64
    assert f"| tables | {report.flash_bytes:,} bytes |" in (tmp_path / "m" / "README.md").read_text()


@pytest.mark.parametrize("kind", [np.int64, np.uint8, int])
def test_limits_are_whole_numbers_of_any_kind(kind, models):
    budget = Budget(flash_bytes=kind(200), ram_bytes=kind(0), cycles=kind(7))
    assert budget == Budget(200, 0, 7)
    with pytest.raises(DoesNotFitError, match="the budget allows 200"):
        check_fits(compile_model(models["Bonsai"]).report, budget)


@pytest.mark.parametrize(
    "value", [np.float64(3.5), np.float32(1), np.int64(-3), np.float64("nan"), np.bool_(True), 2.0, "9"]
)
@pytest.mark.parametrize("limit", ["flash_bytes", "ram_bytes", "cycles"])
def test_a_limit_that_is_none_is_named_as_people_write_it(limit, value):
    plain = value.item() if isinstance(value, np.generic) else value
    with pytest.raises(ValueError, match=re.escape(f"Budget({limit}={plain!r}): a limit is a whole number")):
        Budget(**{limit: value})


@pytest.mark.parametrize("share", [np.float64(2.0), np.float32(-0.5), np.int64(3), np.float64("nan"), np.float64(0)])
def test_a_share_that_is_none_is_named_as_people_write_it(share, models):
    with pytest.raises(ValueError, match=re.escape(f"got {share.item()!r}")):
        compile_model(models["Bonsai"], reject_below=share)


BESIDE = {
    "a self-test": {"self_test": np.zeros((40, 60))}, "a long self-test": {"self_test": np.zeros((300, 60))},
    "a motion sensor": {"application": "imu"}, "a library of motion": {"application": "imu", "layout": "library"},
    "nothing": {"application": "empty"},
}  # fmt: skip


@pytest.mark.parametrize("slower", [0.0, 0.4, 0.9])
@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_what_a_sketch_has_beside_the_model_leaves_less_room_for_straight_line_code(beside, slower, tmp_path):
    model = Fitted(programs.bonsai(0, features=60, width=10, outputs=10, depth=1, node_density=0.6))
    least = export_arduino(model, tmp_path / "least", optimize="size", **beside)
    most = export_arduino(model, tmp_path / "most", budget=Budget(flash_bytes=32_256), **beside)
    limit = int(slower * least.flash_at_most + (1 - slower) * most.flash_at_most)
    kept = export_arduino(model, tmp_path / "kept", budget=Budget(flash_bytes=limit), **beside)
    assert kept.flash_at_most <= limit
    assert most.cycles <= kept.cycles <= least.cycles
    with pytest.raises(DoesNotFitError, match="the budget allows"):
        export_arduino(model, tmp_path / "none", budget=Budget(flash_bytes=least.flash_at_most - 200), **beside)


@pytest.mark.parametrize("rows", [280, 330, 360])
def test_a_self_test_that_fits_the_board_beside_the_least_code_is_taken(rows, tmp_path):
    model = Fitted(programs.bonsai(0, features=60, width=10, outputs=10, depth=1, node_density=0.6))
    report = export_arduino(model, tmp_path / "m", self_test=np.zeros((rows, 60)))
    assert report.flash_at_most <= 32_256


LABELS = {
    "one letter": list("abcdefghij"), "words": [f"{i}, a number" for i in range(10)], "no letter": ["", *range(9)],
    "other alphabets": [f"Ω{i}日本" * 9 for i in range(10)], "long ones": [f"{i}" * 250 for i in range(10)],
    "a character 0": [f"{i}\0" * 20 for i in range(10)],
}  # fmt: skip


@pytest.mark.needs("avr-g++", "arduino-core")
@pytest.mark.parametrize("application", ["serial", "analog"])
@pytest.mark.parametrize("withheld", [None, "not any of these"])
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_the_text_of_labels_is_in_the_predicted_flash(labels, withheld, application, tmp_path):
    program = programs.bonsai(1, features=4, outputs=10)
    program = rejecting(program, 0.5, withheld) if withheld else program
    found = {}
    for name, told in {"brief": tuple(range(10)), "own": tuple(labels)}.items():
        report = export_arduino(Fitted(replace(program, labels=told)), tmp_path / name, application=application)
        found[name] = np.array([report.flash_bytes, build_sketch(tmp_path / name).flash_bytes])
        assert found[name][1] <= report.flash_at_most
    predicted, built = found["own"] - found["brief"]
    assert abs(predicted - built) <= 4


@pytest.mark.needs("avr-g++", "arduino-core")
@pytest.mark.parametrize("make", [programs.bonsai, programs.protonn, programs.fastgrnn])
@pytest.mark.parametrize("classes", [40, 80, 160, 249])
def test_many_labels_are_in_the_predicted_flash(classes, make, tmp_path):
    report = export_arduino(Fitted(make(1, features=5, outputs=classes)), tmp_path / "m")
    assert build_sketch(tmp_path / "m").flash_bytes <= report.flash_at_most


@pytest.mark.needs("avr-g++", "arduino-core")
@pytest.mark.parametrize("name", ["x{}", "column {} of the table", "Größe {}", "{} " + "very " * 20 + "long"])
@pytest.mark.parametrize("columns", [1, 6, 40])
def test_the_names_of_columns_that_help_lists_are_in_the_predicted_flash(columns, name, tmp_path):
    X = np.random.default_rng(0).normal(size=(90, columns))
    frame = pd.DataFrame(X, columns=[name.format(i) for i in range(columns)])
    found = []
    for rows in (X, frame):
        model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(rows, X[:, 0] > 0)
        for application in ("serial", *(["analog"] if columns < 7 else [])):
            report = export_arduino(model, tmp_path / f"m{len(found)}", X_calibration=rows, application=application)
            built = build_sketch(tmp_path / f"m{len(found)}").flash_bytes
            assert built <= report.flash_at_most
            found.append((report.flash_bytes, built))
    predicted, built = np.subtract(found[len(found) // 2], found[0])
    assert 0 <= predicted - built <= 24
    if columns < 7:
        assert found[1] == found[3]  # no words in it


def test_rows_of_a_self_test_beyond_what_pointers_reach_are_refused(models, digits, tmp_path):
    X = digits[0][np.arange(1000) % len(digits[0])]
    with pytest.raises(DoesNotFitError, match=r"tables that pointers reach.*self-test"):
        export_arduino(models["Bonsai"], tmp_path / "m", board="mega", self_test=X)
    export_arduino(models["Bonsai"], tmp_path / "m", board="mega", self_test=X[:700])


def test_more_rows_of_a_self_test_than_the_flash_holds_are_refused(models, digits, tmp_path):
    X, _ = digits
    with pytest.raises(DoesNotFitError, match=r"flash.*self-test"):
        export_arduino(models["Bonsai"], tmp_path / "tested", self_test=X[:400])
    assert not (tmp_path / "tested").exists()
