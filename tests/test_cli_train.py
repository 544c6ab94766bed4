"""The command train: flags of every parameter, messages in flags, places tried first, any terminal, any input."""

from __future__ import annotations

import inspect
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris

import edgealgos
from edgealgos.cli import families, main, values
from edgealgos.cli.parser import make_parser

pytestmark = pytest.mark.slow

IRIS = load_iris()
ORDER = np.random.default_rng(0).permutation(150)
QUICK = ["--epochs", "2", "--verbose", "0", "--max-model-bytes", "300"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(name="t.csv", labels=IRIS.target_names, header="sl,sw,pl,pw,kind\n", more="") -> str:
    rows = [",".join([*map(str, IRIS.data[i]), str(labels[IRIS.target[i]])]) for i in ORDER]
    with open(name, "w", encoding="utf-8") as file:
        file.write(header + "\n".join(rows) + more)
    return name


def failure(capsys, *words: str) -> str:
    """The one sentence of a command that fails."""
    try:
        status: object = main(list(words))
    except SystemExit as leaving:
        status = leaving.code
    assert status == 1
    said = capsys.readouterr().err
    assert said.startswith("edgealgos: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said
    return said


# ---- flags -----------------------------------------------------------------------------------------------------------


def estimators() -> list[type]:
    kinds = (getattr(edgealgos, name) for name in edgealgos.__all__)
    return [kind for kind in kinds if isinstance(kind, type) and hasattr(kind, "fit")]


@pytest.mark.parametrize("kind", estimators())
def test_every_parameter_of_every_estimator_has_a_flag_with_help(kind):
    parser = make_parser()
    for name in inspect.signature(kind).parameters:
        if name != "board":
            assert families.parameters()[name].help.strip()[0] != "("
        flag = "--" + name.replace("_", "-")
        parsed = parser.parse_args(["train", "iris", flag, "3"])
        assert getattr(parsed, "board" if name == "board" else f"model_{name}") == "3"


@pytest.mark.parametrize(("text", "value"), [
    ("3", 3), ("0.5", 0.5), ("1e-3", 1e-3), ("-2", -2), ("none", None), ("True", True), ("auto", "auto"),
    ("28x28", (28, 28)), ("28x28x3", (28, 28, 3)), ("mean,spread", ("mean", "spread")), ("1.2.3", "1.2.3"),
])  # fmt: skip
def test_values_of_flags(text, value):
    found = values.literal(text)
    assert found == value
    assert type(found) is type(value)


def test_values_that_are_objects(tmp_path):
    assert values.class_weight("balanced") == "balanced"
    assert values.class_weight("yes=3,1=0.5,01=2") == {"yes": 3, 1: 0.5, "01": 2}
    assert values.made_augmenter("time-jitter:5") == edgealgos.augment.TimeJitter(5)
    both = values.made_augmenter("time-jitter+sensor-jitter:0.1,0.2")
    assert both.steps == (edgealgos.augment.TimeJitter(), edgealgos.augment.SensorJitter(0.1, 0.2))
    assert values.made_augmenter("image-shift:28x28").shape == (28, 28)
    rows = np.arange(6.0).reshape(2, 3)
    assert values.made_augmenter("none")(rows, np.random.default_rng(0)) is rows  # None would leave it to the estimator
    assert values.made_teacher("auto") == "auto"
    assert values.made_teacher("none") is None
    assert hasattr(values.made_teacher("forest"), "fit")


@pytest.mark.parametrize(("words", "says"), [
    (["--bits", "7x"], "--bits must be one of"),
    (["--max-model-bytes", "3"], "--max-model-bytes 3 is too small"),
    (["--family", "bonsai", "--step-size", "2"], "--step-size is a setting of auto, fastgrnn, fastrnn"),
    (["--family", "fastgrnn", "--step-size", "3"], "--step-size 3"),
    (["--family", "fastrnn", "--drop", "kind", "--target", "pw"], "no regressor of the family fastrnn"),
    (["--teacher", "oracle"], "--teacher oracle: it is auto, none"),
    (["--augment", "blur"], "--augment blur: 'blur' is none of"),
    (["--augment", "time-jitter:1,2,3"], "takes shift, stretch"),
    (["--class-weight", "a=b"], "--class-weight a=b: 'a=b' is no weight"),
    (["--test-size", "nan"], "argument --test-size: 'nan'"),
    (["--test-size", "1"], "argument --test-size: '1'"),
    (["--test-size", "-0.1"], "--test-size"),
    (["--target", "colour"], "name one with --target"),
    (["--drop", "colour"], "name one with --drop"),
    (["--sep", ";"], "pass --sep"),
    (["--regression"], "--classification"),
])  # fmt: skip
def test_messages_name_flags(words, says, capsys):
    said = failure(capsys, "train", table(), *words)
    assert says in said
    assert "_" not in said.replace("t_csv", "")


def test_the_family_and_its_settings_are_what_was_asked_for():
    assert main(["train", table(), "--family", "protonn", "--gamma", "2.5", "--bits", "4", *QUICK]) == 0
    model = edgealgos.load("t.edgealgos")
    assert (type(model).__name__, model.gamma, model.bits, model.random_state) == ("ProtoNNClassifier", 2.5, 4, 0)


def test_a_family_that_joins_the_public_page_has_its_flags_and_auto_is_the_default(monkeypatch, capsys):
    class AutoClassifier(BaseEstimator):
        """Chooses.

        Parameters
        ----------
        time_limit : float, default=60
            Seconds that it may take. More is no worse.
        board : str, default="uno"
            Whose cycles count.
        """

        def __init__(self, *, time_limit=60, board="uno", random_state=None):
            self.time_limit, self.board, self.random_state = time_limit, board, random_state

        def fit(self, X, y):
            told.append((self.time_limit, self.board, self.random_state))
            self.model_bytes_ = 1
            return self

    told: list[object] = []
    monkeypatch.setattr(edgealgos, "AutoClassifier", AutoClassifier, raising=False)
    monkeypatch.setattr(edgealgos, "__all__", sorted({*edgealgos.__all__, "AutoClassifier"}))
    monkeypatch.setattr(edgealgos, "save", lambda model, path: path)
    families.families.cache_clear()
    families.parameters.cache_clear()
    try:
        assert "Seconds that it may take (default: 60; auto)" in families.parameters()["time_limit"].help
        assert main(["train", table(), "--time-limit", "7.5", "--board", "mega", "--test-size", "0"]) == 0
    finally:
        families.families.cache_clear()
        families.parameters.cache_clear()
    assert told == [(7.5, "mega", 0)]


def test_weights_of_classes_by_their_labels():
    assert main(["train", table(), "--class-weight", "setosa=1,versicolor=2,virginica=3", *QUICK]) == 0
    assert edgealgos.load("t.edgealgos").class_weight == {"setosa": 1, "versicolor": 2, "virginica": 3}


# ---- data ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("share", "tested"), [("0.1", 15), ("0.3", 45), ("0.5", 75)])
@pytest.mark.parametrize("data", ["iris", "t.csv"])
def test_the_share_that_is_tested_is_the_one_asked_for(data, share, tested, capsys):
    table()
    assert main(["train", data, "--test-size", share, *QUICK]) == 0
    assert f"on {tested} other rows" in capsys.readouterr().out


def test_a_table_without_header_loses_no_row(capsys):
    assert main(["train", table(header=""), *QUICK]) == 0
    out = capsys.readouterr().out
    assert "150 rows of 5 columns" in out
    assert "no header" in out
    assert list(edgealgos.load("t.edgealgos").feature_names_in_) == [f"column{i}" for i in range(4)]


def test_labels_stay_text():
    assert main(["train", table(labels=["01", "1", "1_1"]), "--target", "kind", *QUICK]) == 0
    assert edgealgos.load("t.edgealgos").classes_.tolist() == ["01", "1", "1_1"]


def test_amounts_are_predicted_without_being_asked_for(capsys):
    assert main(["train", table(labels=[1.25, 2.5, 7.75]), *QUICK]) == 0
    assert "a number is predicted (regression)" in capsys.readouterr().out
    assert isinstance(edgealgos.load("t.edgealgos"), edgealgos.BonsaiRegressor)


def test_arrays_of_amounts_are_predicted_as_numbers(capsys):
    np.savez("a.npz", X=IRIS.data[:, :3], y=IRIS.data[:, 3])
    assert main(["train", "a.npz", *QUICK]) == 0
    assert "regression" in capsys.readouterr().out
    np.savez("a.npz", X=IRIS.data, y=IRIS.target_names[IRIS.target])
    assert "no regression predicts" in failure(capsys, "train", "a.npz", "--regression")


@pytest.mark.parametrize("rows", ["1,2,a\n3,4,b\n", "1,2,a\n" * 3 + "2,3,b\n" * 3])
def test_a_handful_of_rows_is_refused(rows, capsys):
    with open("t.csv", "w") as file:
        file.write("x,y,kind\n" + rows)
    assert "too few to learn from" in failure(capsys, "train", "t.csv")


def test_a_class_of_a_single_row_is_no_hindrance():
    table(more="\n1.5,2,3,4,rare")
    assert main(["train", "t.csv", *QUICK]) == 0


def test_columns_are_found_by_name_when_a_model_is_asked(capsys):
    assert main(["train", table(), "--save", "m.edgealgos", *QUICK]) == 0
    with open("t.csv") as file:
        lines = [line.strip().split(",") for line in file]
    with open("turned.csv", "w") as file:
        file.writelines(",".join([*reversed(line), str(i)]) + "\n" for i, line in enumerate(lines))
    straight, turned = (_asked(name) for name in ("t.csv", "turned.csv"))
    np.testing.assert_array_equal(straight, turned)
    with open("less.csv", "w") as file:
        file.writelines(",".join(line[1:]) + "\n" for line in lines)
    assert "lacks the column 'sl'" in failure(capsys, "simulate", "m.edgealgos", "less.csv")


def _asked(name: str) -> np.ndarray:
    from edgealgos.cli.data import rows_to_ask

    arguments = make_parser().parse_args(["simulate", "m.edgealgos", name, "--target", "kind"])
    return np.asarray(rows_to_ask(arguments, edgealgos.load("m.edgealgos"))[0])


def test_rows_that_were_held_back_are_asked_about_alone(capsys):
    assert main(["train", table(), "--save", "m.edgealgos", *QUICK]) == 0
    from edgealgos.cli.data import rows_to_ask

    for words, rows in (([], 150), (["--held-out"], 45), (["--held-out", "--test-size", "0.1"], 15)):
        arguments = make_parser().parse_args(["simulate", "m.edgealgos", "t.csv", *words])
        assert len(rows_to_ask(arguments, edgealgos.load("m.edgealgos"))[0]) == rows
    assert "all rows are asked about" in capsys.readouterr().out


# ---- any input, any place --------------------------------------------------------------------------------------------


def test_places_are_tried_before_anything_is_learnt(capsys, monkeypatch):
    def never(*args, **kw):
        raise AssertionError("trained")

    monkeypatch.setattr(edgealgos.BonsaiClassifier, "fit", never)
    table()
    os.mkdir("folder")
    os.mkdir("full")
    os.symlink("a-folder", "link")
    table("full/mine.csv")
    for words, says in (
        (["--save", "nowhere/m"], "no folder nowhere"),
        (["--save", "folder"], "is a folder"),
        (["--save", "."], "names no file"),
        (["--save", ""], "names no file"),
        (["--save", "t.csv"], "is there and is no model"),
        (["--save", "t.csv/m"], "no folder t.csv"),
        (["--export", "full"], "has files"),
        (["--export", "t.csv"], "is no folder"),
        (["--export", "t.csv/out"], "no folder"),
        (["--export", "/proc/nothing/out"], "cannot be written"),
        (["--export", ""], "names no folder"),
        (["--export", "full", "--overwrite"], "not of an earlier export"),
        (["--export", "out/my-model"], "--name my_model"),
        (["--export", "out/2nd"], "--name model_2nd"),
        (["--export", "out/class"], "--name class_model"),
        (["--export", "out/tone"], "--name tone_model"),
        (["--export", "out/printf", "--board", "host"], "--name printf_model"),
        (["--export", "out/m", "--name", "loop"], "--name loop_model"),
        (["--export", "link"], "'a-folder' cannot name"),
        (["--export", "out/m", "--board", "host", "--layout", "library"], "--layout is for Arduino's boards"),
        (["--export", "out/m", "--board", "unoo"], "no board is called 'unoo'; did you mean uno?"),
    ):
        assert says in failure(capsys, "train", "iris", *words), words
    assert sorted(os.listdir()) == ["folder", "full", "link", "t.csv"]
    assert os.listdir("folder") == []


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in folders are a thing of Unix")
def test_pipes_and_links_that_lead_nowhere_stay(capsys):
    os.mkfifo("pipe")
    os.symlink("nowhere", "link")
    for place in ("pipe", "link"):
        assert "is no model" in failure(capsys, "train", "iris", "--save", place)
    assert "is no folder" in failure(capsys, "train", "iris", "--export", "pipe")
    assert "is a named pipe" in failure(capsys, "train", "pipe")
    assert sorted(os.listdir()) == ["link", "pipe"]


def test_a_model_of_its_own_is_replaced():
    assert main(["train", "iris", *QUICK]) == 0
    assert main(["train", "iris", "--family", "protonn", *QUICK]) == 0
    assert isinstance(edgealgos.load("iris.edgealgos"), edgealgos.ProtoNNClassifier)


def test_a_sketch_comes_along(capsys):
    assert main(["train", "iris", "--board", "uno", "--export", "out/iris", *QUICK]) == 0
    assert os.path.exists("out/iris/iris.ino")
    assert not os.path.exists("iris.edgealgos")


def test_a_model_that_cannot_be_exported_is_not_lost(capsys):
    assert main(["train", "iris", "--export", "out/iris", "--application", "microphone", *QUICK]) == 1
    captured = capsys.readouterr()
    assert "saved to iris.edgealgos, so that the training is not lost" in captured.out
    assert "LogMel" in captured.err


def test_a_fault_is_one_sentence(capsys, monkeypatch):
    def broken(path):
        raise RecursionError("too deep")

    monkeypatch.setattr(edgealgos, "load", broken)
    assert "a fault of edgealgos (RecursionError: too deep)" in failure(capsys, "report", "m")


def run(*words, encoding="utf-8", **options):
    """The command as a process of its own."""
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": os.path.dirname(edgealgos.__path__[0])}
    return subprocess.run([sys.executable, "-m", "edgealgos", *words], env=environment, check=False, **options)


def test_everything_is_written_in_any_encoding():
    table(labels=["Rose 🌹", "Jasmin", "Łąka→∞"])
    done = run("train", "t.csv", *QUICK, "--export", "out/wiese", encoding="ascii", capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"written to out" in done.stdout
    assert "150 rows" in done.stdout.decode("ascii")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_errors_are_written_in_any_encoding(encoding):
    done = run("report", "nothing→.edgealgos", encoding=encoding, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.startswith(b"edgealgos: ")
    assert b"nothing" in done.stderr.decode(encoding).encode()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_output_that_cannot_be_written_is_one_sentence():
    with open("/dev/full", "w") as full:
        done = run("train", "--help", stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode in (0, 1)
        done = run("doctor", stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_output_that_nobody_reads_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    done = run("doctor", stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_warnings_are_sentences(capsys):
    from edgealgos.cli import _show_warning

    _show_warning(UserWarning("the columns\nmax_model_bytes=3"), UserWarning, "file.py", 3)
    assert capsys.readouterr().err == "edgealgos: note: the columns --max-model-bytes 3\n"


def test_streams_without_a_console(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert main(["report", "nothing"]) == 1
    sys.stdout.close()
