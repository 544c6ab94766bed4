"""The command line: its printed examples run, errors are one line, exit codes tell."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import deque

import numpy as np
import pytest

import edgealgos
from edgealgos import MissingToolError, SimulationError
from edgealgos.cli import commands, main, serialport
from edgealgos.cli import demo as demo_module
from edgealgos.cli.parser import make_parser
from edgealgos.cli.serialport import BAUD, ask, await_greeting, open_port
from tests.datasets.test_recordings import folder

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def model(fitted_bonsai):
    return str(edgealgos.save(fitted_bonsai, "m.edgealgos"))


@pytest.fixture
def rows(digits):
    np.savez("rows.npz", X=digits[0][:30], y=np.array([f"digit {d}" for d in digits[1][:30]]))
    return "rows.npz"


def subparsers() -> dict[str, argparse.ArgumentParser]:
    action = next(a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


@pytest.mark.parametrize("name", subparsers())
def test_help_of_each_command_shows_an_example(name, capsys):
    with pytest.raises(SystemExit) as info:
        main([name, "--help"])
    assert info.value.code == 0
    assert f"edgealgos {name}" in capsys.readouterr().out.split("example:")[1]


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_the_examples_of_the_help_run_one_after_the_other(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "demo", lambda arguments: 0)
    with open("mine.csv", "w") as file:
        file.write("width,length,species\n")
        file.writelines(f"{i % 7},{i % 5},{'big' if i % 7 > 3 else 'small'}\n" for i in range(60))
    folder(tmp_path)
    for name in ("train", "export", "report", "simulate", "evaluate"):
        for line in re.findall(rf"^  edgealgos ({name} .*)$", subparsers()[name].format_help(), re.MULTILINE):
            if "--port" not in line:
                quick = ["--epochs", "3"] if name == "train" else []
                assert main([*shlex.split(line), *quick]) == 0, line
    assert "answers that differ from Python's: 0 of 45" in capsys.readouterr().out


@pytest.mark.parametrize("words", [
    [], ["trian"], ["train"], ["report", "a", "b", "c"], ["train", "iris", "--epoch", "3"],
    ["train", "iris", "--test-size"], ["train", "iris", "--family", "forest"], ["completion", "csh"],
])  # fmt: skip
def test_wrong_words_are_one_sentence_and_status_1(words, capsys):
    with pytest.raises(SystemExit) as info:
        main(words)
    assert info.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("edgealgos: ")
    assert said.count("\n") == 1


def test_a_flag_that_is_nearly_right_is_suggested(capsys):
    with pytest.raises(SystemExit):
        main(["train", "iris", "--epoch", "3"])
    assert "did you mean --epochs?" in capsys.readouterr().err


def test_report_and_export(model, capsys, tmp_path):
    assert main(["report", model]) == 0
    assert "predicted for the whole sketch" in capsys.readouterr().out
    assert main(["export", model, "out/first"]) == 0
    assert (tmp_path / "out/first/first.ino").exists()
    assert main(["export", model, "out/first"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert main(["export", model, "out/first", "--overwrite"]) == 0
    assert main(["export", model, "out/plain", "--board", "host"]) == 0


def test_a_stopped_command(model, monkeypatch, capsys):
    def stop(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(edgealgos, "load", stop)
    assert main(["report", model]) == 130
    assert capsys.readouterr().err == "edgealgos: stopped\n"


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_simulate(model, rows, capsys):
    assert main(["simulate", model, rows, "--rows", "20"]) == 0
    out = capsys.readouterr().out
    assert "answers that differ from Python's: 0 of 20" in out
    assert "cycles a prediction" in out


def test_doctor(capsys, monkeypatch):
    from types import SimpleNamespace

    gcc = SimpleNamespace(tool="gcc", found="/usr/bin/gcc", purpose="compile", how_to_get="apt")
    monkeypatch.setattr(edgealgos, "doctor", lambda: [gcc])
    assert main(["doctor"]) == 0
    monkeypatch.setattr(edgealgos, "doctor", lambda: [gcc, SimpleNamespace(**vars(gcc) | {"found": None})])
    assert main(["doctor"]) == 1
    assert "to get it: apt" in capsys.readouterr().out


def test_the_demo_without_a_simulator_says_so(capsys, monkeypatch, tmp_path):
    def missing(self, X):
        raise MissingToolError("avr-g++", "compile", "apt-get install gcc-avr")

    monkeypatch.setattr(edgealgos.CompiledModel, "simulate", missing)
    for name in ("ProtoNNClassifier", "FastGRNNClassifier"):
        monkeypatch.setattr(demo_module.ea, name, lambda step_size=None, **kw: edgealgos.BonsaiClassifier(**kw))
    assert main(["demo", "--epochs", "2", "--out", "sketches"]) == 1
    out = capsys.readouterr().out
    assert "not simulated: avr-g++" in out
    assert (tmp_path / "sketches" / "bonsai_digits" / "bonsai_digits.ino").exists()


# ---- serial port -----------------------------------------------------------------------------------------------------


class Board:
    """A port with a board behind it that answers as Python does, one line a row."""

    def __init__(self, answer, greeting=b"# m ready: 64 values a row\r\n"):
        self.answer, self.lines, self.closed = answer, deque([b"\xff\xfenoise\r\n", greeting]), False

    def readline(self) -> bytes:
        return self.lines.popleft() if self.lines else b""

    def write(self, data: bytes) -> None:
        if data != b"=\n":  # a board that was not asked to greet
            self.lines.append(self.answer([int(v) for v in data.decode().strip().removeprefix("=").split(",")]))

    def close(self) -> None:
        self.closed = True


def python_board(compiled):
    from edgealgos.codegen.program.interpret import run_integer

    def answer(row):
        scores = run_integer(compiled.program, np.array([row]))[0]
        index = list(compiled.program.labels).index(compiled.program.labels[int(np.argmax(scores))])
        return (",".join(map(str, [index, *scores])) + "\r\n").encode()

    return Board(answer)


def test_evaluate_over_a_port(model, rows, capsys, monkeypatch):
    board = python_board(edgealgos.compile_model(edgealgos.load(model)))
    monkeypatch.setattr(commands, "open_port", lambda name, timeout: board)
    assert main(["evaluate", model, rows, "--port", "COM3", "--rows", "10"]) == 0
    assert "answers that differ from Python's: 0 of 10" in capsys.readouterr().out
    assert board.closed


class Slow(Board):
    """A board that greets marks, and a clock that goes on by a way of 2 ms, 40 us a byte, and 5 ms a prediction."""

    def __init__(self, answer):
        super().__init__(answer)
        self.now = 0.0

    def write(self, data: bytes) -> None:
        self.lines.append(b"# m ready: 64 values a row\r\n") if data == b"=\n" else super().write(data)
        self.now += 0.002 + 40e-6 * (len(data) + len(self.lines[-1])) + (0.005 if data != b"=\n" else 0.0)


@pytest.mark.parametrize("board", ["uno", "leonardo", "zero"])
def test_the_time_of_a_prediction_is_told_beside_the_predicted(model, rows, capsys, monkeypatch, board):
    compiled = edgealgos.compile_model(edgealgos.load(model), board=board)
    slow = Slow(python_board(compiled).answer)
    monkeypatch.setattr(commands, "open_port", lambda name, timeout: slow)
    monkeypatch.setattr(serialport.time, "perf_counter", lambda: slow.now)
    assert main(["evaluate", model, rows, "--port", "COM3", "--rows", "3", "--board", board]) == 0
    told = f"5.00 ms a prediction, predicted: {compiled.report.time.strip()}"
    assert told in capsys.readouterr().out


def test_a_board_that_answers_otherwise_gives_exit_code_1(model, rows, capsys, monkeypatch):
    monkeypatch.setattr(commands, "open_port", lambda name, timeout: Board(lambda row: b"0,1,2\r\n"))
    assert main(["evaluate", model, rows, "--port", "COM3", "--rows", "10"]) == 1


@pytest.fixture
def terminal():
    """Starts a program behind a pseudo-terminal; returns the port's name."""
    pty, tty = pytest.importorskip("pty"), pytest.importorskip("tty")
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    started = []

    def start(executable):
        started.append(subprocess.Popen([executable], stdin=ours, stdout=ours))
        return os.ttyname(theirs)

    yield start
    for process in started:
        process.kill()
        process.wait()
    os.close(ours)
    os.close(theirs)


@pytest.mark.needs("g++")
def test_evaluate_the_exported_program_over_a_terminal(model, rows, capsys, terminal, tmp_path):
    """The real protocol, byte by byte, with what does not start anew when its port is opened, and so does not greet."""
    pytest.importorskip("serial")
    assert main(["export", model, "plain", "--board", "host"]) == 0
    sources = [str(path) for path in sorted((tmp_path / "plain").glob("*.cpp"))]
    subprocess.run(["g++", "-std=c++11", "-O1", "-o", "answer", *sources], check=True)
    assert main(["evaluate", model, rows, "--port", terminal("./answer")]) == 0
    said = capsys.readouterr().out
    assert "answers that differ from Python's: 0 of 30" in said
    assert re.search(r"\d ms a prediction, predicted: [\d,]+ cycles", said)


def test_the_sketch_greets_as_the_command_expects(model, tmp_path):
    assert main(["export", model, "out/m"]) == 0
    sketch = (tmp_path / "out/m/m.ino").read_text()
    assert '"# m ready: "' in sketch
    assert '" values a row"' in sketch
    assert f"Serial.begin({BAUD})" in sketch.replace("UL", "").replace("L)", ")")


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_evaluate_over_a_simulated_board(model, rows, capsys):
    assert main(["evaluate", model, rows, "--simulated", "--rows", "10"]) == 0
    assert "answers that differ from Python's: 0 of 10" in capsys.readouterr().out


def test_a_board_that_complains_or_falls_silent_or_babbles():
    row = np.array([[1, 2]])
    for line, message in ((b"! too many values\r\n", "too many values"), (b"", "silent"), (b"hello\r\n", "'hello'")):
        board = Board(lambda row, line=line: line)
        await_greeting(board, 64, 5)
        with pytest.raises(SimulationError, match=message):
            list(ask(board, row))


def test_a_board_with_another_model():
    with pytest.raises(SimulationError, match="takes 64 values a row, this model 3"):
        await_greeting(Board(None), 3, 5)
    with pytest.raises(SimulationError, match="no greeting"):
        await_greeting(Board(None, b"Hello World\r\n"), 3, 0.01)


def test_without_pyserial(monkeypatch):
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(MissingToolError, match="pip install pyserial"):
        open_port("COM3", 1.0)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_told_commands_and_their_flags(shell, tmp_path, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(word in script for word in ("train", "export", "acceleration-range"))
    (tmp_path / "script").write_text(script)
    if shutil.which(shell):
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)
