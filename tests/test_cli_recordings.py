"""From a folder of recordings to a model and a sketch by one command, and the same windows when the model is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import edgealgos
from edgealgos.cli import main
from edgealgos.cli.data import Data, rows_to_ask, split_groups, windows_of
from edgealgos.cli.models import with_copies
from edgealgos.cli.parser import make_parser
from tests.datasets.test_recordings import folder, rows_of, sound, tone, write

pytestmark = pytest.mark.slow

QUICK = ["--epochs", "30", "--verbose", "0", "--rate", "100"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_from_a_folder_of_takes_to_a_sketch(tmp_path, capsys):
    folder(tmp_path, takes=9)
    words = ["--board", "uno", "--export", "out/wand", "--save", "m.edgealgos", "--epochs", "60", *QUICK[2:]]
    words += ["--acceleration-range", "8"]
    assert main(["train", "gestures", *words]) == 0
    out = capsys.readouterr().out
    assert "9 windows of flex, 9 windows of punch" in out
    assert "to choose by" in out
    assert "1.0000 on the device" in out
    sensor = Path("out/wand/imu.h").read_text()
    assert "{0x1C, 0x10}, {0x1B, 0x18}" in sensor  # 8 g, 2,000 degrees a second
    assert "LSM" not in sensor
    model = edgealgos.load("m.edgealgos")
    assert windows_of(model) == {"device_rate": 100, "window": 1}
    arguments = make_parser().parse_args(
        ["simulate", "m.edgealgos", "gestures", "--rate", "100", "--acceleration-range", "8"]
    )
    X, y = rows_to_ask(arguments, model)
    assert X.shape[1:] == (100, 6)
    assert len(y) == 6
    assert (model.predict(X) == y).all()


@pytest.mark.parametrize("family", ["bonsai", "fastgrnn"])
def test_the_family_can_be_told(family, tmp_path, capsys):
    folder(tmp_path)
    assert main(["train", "gestures/", "--family", family, "--save", "m.edgealgos", *QUICK]) == 0
    model = edgealgos.load("m.edgealgos")
    last = model if family == "fastgrnn" else model[-1]
    assert family in type(last).__name__.lower()
    assert "to choose by" not in capsys.readouterr().out


def test_sounds_are_learnt_from_their_bands(tmp_path, capsys):
    for word, pitch in (("yes", 400), ("no", 1500)):
        for i in range(6):
            sound(tmp_path / "words" / word / f"{i}.wav", tone(pitch + 10 * i))
    words = ["--epochs", "3", "--verbose", "0", "--save", "words.edgealgos", "--export", "out/heard"]
    assert main(["train", "words", *words]) == 0
    assert "microphone::read_hop(hop)" in Path("out/heard/heard.ino").read_text()
    model = edgealgos.load("words.edgealgos")
    assert [type(step).__name__ for _, step in model.steps] == ["LogMel", "FastGRNNClassifier"]


def test_a_long_file_with_labels_is_a_recording(capsys):
    lines = ["ms,ax,ay,az,label"]
    rng = np.random.default_rng(0)
    for i in range(12):
        for k, (a, b, c) in enumerate(rng.normal(0, 0.02 + 0.5 * (i % 2), (100, 3)) + np.array([0, 0, 1])):
            lines.append(f"{(100 * i + k) * 10},{a:.4f},{b:.4f},{c:.4f},{['rest', 'shake'][i % 2]}")
    write_here("long.csv", "\n".join(lines))
    assert main(["train", "long.csv", *QUICK]) == 0
    assert "6 windows of rest, 6 windows of shake" in capsys.readouterr().out
    assert main(["train", "long.csv", "--no-recordings", "--save", "t.edgealgos", *QUICK]) == 0
    assert "1200 rows of 5 columns" in capsys.readouterr().out


def write_here(name: str, content: str) -> None:
    with open(name, "w") as file:
        file.write(content)


def test_faults_of_folders_are_one_sentence_in_flags(tmp_path, capsys):
    folder(tmp_path, takes=2)
    for words, says in (
        (["gestures"], "too few takes to learn from and to test with (flex: 2, punch: 2)"),
        (["gestures", "--sensor", "bno055"], "--sensor bno055 is not known"),
        (["gestures", "--acceleration-range", "3"], "has the acceleration ranges 2, 4, 8, 16, not 3"),
        (["gestures", "--window", "9"], "pass a shorter --window"),
        (["gestures", "--window", "0"], "argument --window: '0' is no number above 0"),
        (["."], "recordings of one class, 'gestures'"),
    ):
        try:
            status = main(["train", *words, "--save", "m.edgealgos"])
        except SystemExit as leaving:
            status = leaving.code
        said = capsys.readouterr().err
        assert (status, said.count("\n")) == (1, 1), said
        assert says in said
    assert not Path("m.edgealgos").exists()


def test_few_windows_come_again_with_small_changes(tmp_path):
    found = edgealgos.datasets.read_recordings(folder(tmp_path), rate=100)
    data = Data(found.X, found.y, "classification", groups=found.groups, recordings=found)
    more = with_copies(data)
    assert (more.X.shape, more.X.dtype) == ((60, 100, 6), np.int16)
    np.testing.assert_array_equal(more.X[:12], found.X)
    assert (more.y.tolist(), more.groups.tolist()) == (found.y.tolist() * 5, found.groups.tolist() * 5)
    many = replace(data, X=np.tile(found.X, (30, 1, 1)), y=np.tile(found.y, 30))
    assert with_copies(many) is many
    assert with_copies(replace(data, recordings=None)).X is found.X


def test_takes_and_persons_stay_on_one_side_of_a_split():
    y = np.repeat(["a", "b"], 60)
    groups = np.tile(np.repeat([f"p{i}" for i in range(6)], 10), 2)
    learnt, tested = split_groups(y, groups, 0.3)
    assert not set(groups[learnt]) & set(groups[tested])
    assert set(y[learnt]) == set(y[tested]) == {"a", "b"}
    assert sorted([*learnt, *tested]) == list(range(120))


def test_a_bad_file_among_many_is_named_and_training_goes_on(tmp_path, capsys):
    root = folder(tmp_path)
    write(root / "flex_77.csv", "ax,ay,az\n" + rows_of(np.ones((9, 3))) + "a,b,c\n1,2,3\n")
    assert main(["train", "gestures", "--family", "protonn", *QUICK]) == 0
    assert "flex_77.csv, line 11" in capsys.readouterr().out


def test_the_sensor_of_a_saved_model_can_be_told_when_it_is_exported(monkeypatch, capsys):
    asked = {}
    monkeypatch.setattr(edgealgos, "load", lambda path: path)
    monkeypatch.setattr(edgealgos, "export_arduino", lambda model, folder, **options: asked.update(options))
    assert main(["export", "m.edgealgos", "out/wand", "--sensor", "lsm6ds3", "--acceleration-range", "16"]) == 0
    assert (asked["application"], asked["sensor"], asked["ranges"]) == ("imu", "lsm6ds3", (16, 2000))
    assert main(["export", "m.edgealgos", "out/wand", "--application", "timer", "--sensor", "lsm6ds3"]) == 1
    assert "--sensor and its ranges go with --application imu" in capsys.readouterr().err
