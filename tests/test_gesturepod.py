"""The cane, its recordings, the vote in Python and C++, and the finished sketch with a sensor that fails."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgealgos import compile_model
from edgealgos.codegen.build import sketch as toolchain
from edgealgos.codegen.simulate import MPU6050, PinWatch, SensorFault, SerialInput, run_sketch

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[1] / "examples" / "gesturepod"
sys.path.insert(0, str(EXAMPLE))
import cane  # noqa: E402
import models  # noqa: E402
import recordings  # noqa: E402
from vote import Score, Vote, told  # noqa: E402

record, export = importlib.import_module("1_record"), importlib.import_module("3_export")
sys.path.remove(str(EXAMPLE))
STUBS = Path(__file__).parent / "support" / "arduino"
LED = 13


# ---- the cane --------------------------------------------------------------------------------------------------------


def test_a_stream_is_that_of_a_person_and_a_seed():
    first, again, other = (cane.make_streams([user], gestures=5, others=20)[0] for user in (1, 1, 2))
    assert np.array_equal(first.X, again.X)
    assert first.events == again.events
    assert first.X[:300].tolist() != other.X[:300].tolist()
    assert first.X.dtype == np.int16
    assert sorted(e.label for e in first.gestures) == sorted(cane.GESTURES)
    assert [e.start for e in first.events[1:]] == [e.stop for e in first.events[:-1]]
    assert first.events[-1].stop == len(first.X)


def test_a_quiet_cane_feels_gravity_alone():
    for user in range(8):
        X = cane.simulate(cane.User(user), [("resting", 5.0)]).X.astype(float)
        assert np.linalg.norm(X[:, :3].mean(axis=0)) == pytest.approx(cane.ONE_G, rel=0.05)
        assert np.abs(X[:, 3:].mean(axis=0)).max() < 8 * cane.DEGREE_PER_SECOND


def test_twists_go_their_way_and_back():
    for user in range(8):
        for name, sign in (("right twist", 1), ("left twist", -1)):
            stream = cane.simulate(cane.User(user), [("resting", 0.5), (name, 0.0), ("resting", 0.5)])
            rate = stream.X[:, 4] / cane.DEGREE_PER_SECOND
            assert abs(rate.sum() / cane.RATE) < 15  # degrees: it ends as it began
            first, last = np.argmax(sign * rate), np.argmin(sign * rate)
            assert first < last
            assert sign * rate[first] > 100


def test_a_turn_of_a_degree_is_one_on_all_axes():
    """What the gyroscope sums up to is what gravity turns by."""
    stream = cane.simulate(cane.User(3), [("resting", 1.0), ("double swipe", 0.0), ("resting", 1.0)])
    angle = np.cumsum(stream.X[:, 5] - np.median(stream.X[:60, 5])) / cane.DEGREE_PER_SECOND / cane.RATE
    assert 12 < angle.max() - angle.min() < 45


def test_a_double_tap_is_like_the_recorded_one():
    """As in GesturePod's recording: the cane is lifted, falls, hits the ground, twice, within two seconds."""
    for user in range(8):
        stream = cane.simulate(cane.User(user), [("resting", 1.0), ("double tap", 0.0), ("resting", 1.0)], 2)
        (event,) = stream.gestures
        upward = -stream.X[event.start : event.stop, 1] / cane.ONE_G - 1
        assert 0.7 < (event.stop - event.start) / cane.RATE < 2.4
        assert upward.max() > 0.1
        falling = np.convolve(upward, np.ones(5) / 5, mode="same") < -0.25
        assert np.sum(np.diff(falling.astype(int)) == 1) >= 2


# ---- the vote --------------------------------------------------------------------------------------------------------


def test_a_gesture_is_told_once():
    vote = Vote(depth=6, majority=4, pause=5, ignored=[0])
    answers = [0] * 6 + [2] * 30 + [0] * 8 + [2] * 6
    assert [i for i, a in enumerate(answers) if vote.take(a) is not None] == [9, 47]


def test_single_answers_and_ignored_classes_are_not_told():
    vote = Vote(depth=6, majority=4, pause=5, ignored=[0, 3])
    rng = np.random.default_rng(0)
    assert all(vote.take(int(a)) is None for a in rng.permutation([1] * 30 + [2] * 30 + [0] * 140).tolist()[:20])
    assert all(vote.take(a) is None for a in [3, 0] * 40)
    vote.reset()
    assert all(vote.take(a) is None for a in [3] * 40)


def test_another_gesture_waits_for_the_pause():
    vote = Vote(depth=3, majority=2, pause=4)
    assert [vote.take(a) for a in [1, 1, 2, 2, 2, 2, 2]] == [None, 1, None, None, None, None, 2]


VOTER = """
#include <stdio.h>
#include "vote.h"
int main() {
  static Vote<6, 4, 5, 7, 0x28> vote;
  int answer;
  while (scanf("%d", &answer) == 1) {
    if (answer < 0) { vote.reset(); continue; }
    const uint8_t told = vote.take(static_cast<uint8_t>(answer));
    printf("%d\\n", told == vote.kNone ? -1 : told);
  }
}
"""


@pytest.mark.needs("g++")
def test_the_boards_vote_is_pythons(tmp_path):
    (tmp_path / "main.cpp").write_text(VOTER)
    (tmp_path / "vote.h").write_text((EXAMPLE / "arduino" / "sketch" / "vote.h").read_text())
    program = toolchain.build_host([tmp_path / "main.cpp"], tmp_path / "vote")
    assert program.warnings == ()
    rng = np.random.default_rng(1)
    answers = np.repeat(rng.integers(0, 7, 4000), rng.integers(1, 9, 4000)).tolist()
    said = [int(v) for v in program.run(stdin=" ".join(map(str, answers))).split()]
    vote = Vote(6, 4, 5, ignored=[3, 5])
    expected = [vote.take(a) for a in answers]
    assert said == [-1 if v is None else v for v in expected]
    assert len(set(said)) == 6


def test_score_counts_each_gesture_once():
    made = [cane.Event(100, 200, "twirl"), cane.Event(900, 1000, "twirl")]
    found = [cane.Event(0, 250, "twirl"), cane.Event(0, 350, "twirl"), cane.Event(0, 980, "double tap")]
    score = Score()
    score.add(6200, made, found)
    assert (score.gestures, score.found, score.false_alarms) == (2, 1, 2)
    assert score.minutes == 1.0


def test_answers_of_a_stream_have_their_time():
    found = told([0, 1, 1, 0], Vote(2, 2, 0), ["a", "b"], window=100, hop=20)
    assert found == [cane.Event(40, 140, "b")]


# ---- recordings ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recording():
    return recordings.from_stream(cane.make_streams([0], gestures=5, others=20)[0])


def test_what_is_written_is_read(recording, tmp_path):
    recordings.write(tmp_path / "a.csv", recording)
    (again,) = recordings.read_folder(tmp_path)
    assert np.array_equal(again.X, recording.X)
    assert np.array_equal(again.labels, recording.labels)
    assert again.person == recording.person
    assert len(again.gestures) == 5


def test_an_interrupted_recording_is_kept(recording, tmp_path):
    recordings.write(tmp_path / "a.csv", recording)
    text = (tmp_path / "a.csv").read_text()
    (tmp_path / "a.csv").write_text(text[: len(text) // 2])
    part = recordings.read(tmp_path / "a.csv")
    assert 0.4 < len(part.X) / len(recording.X) < 0.6
    assert np.array_equal(part.X, recording.X[: len(part.X)])


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("# rate 100", "# rate 50", "at 50 Hz"),
        ("ax,ay,az,gx,gy,gz", "ax,ay,az", "the columns are"),
        ("silence\n", "sleeping\n", "unknown labels sleeping"),
        (",silence\n", "00000,silence\n", "16 bits"),
        (",silence\n", "\n", "values, not 8"),
    ],
)
def test_files_that_are_no_recordings(recording, tmp_path, old, new, match):
    recordings.write(tmp_path / "a.csv", recording)
    path = tmp_path / "a.csv"
    path.write_text(path.read_text().replace("\r\n", "\n").replace(old, new))
    with pytest.raises(recordings.RecordingError, match=match):
        recordings.read(path)


def test_another_pace_and_an_empty_folder(recording, tmp_path):
    with pytest.raises(recordings.RecordingError, match="no recordings"):
        recordings.read_folder(tmp_path)
    recordings.write(tmp_path / "a.csv", recording)
    lines = (tmp_path / "a.csv").read_text().split("\n")
    (tmp_path / "a.csv").write_text("\n".join([*lines[:3], *lines[3:2000:2], ""]))
    with pytest.raises(recordings.RecordingError, match="every 20 ms"):
        recordings.read(tmp_path / "a.csv")


def test_a_gesture_with_two_examples(recording):
    with pytest.raises(recordings.RecordingError, match=r"double tap: 1.*at least 3 of each"):
        recordings.check_enough([recording])
    recordings.check_enough([recording] * 3)


def test_people_are_never_on_both_sides():
    found = [recordings.from_stream(s) for s in cane.make_streams(range(4), repeats=2, gestures=5, others=5)]
    learnt, unseen = recordings.split_people(found)
    assert {r.person for r in learnt}.isdisjoint({r.person for r in unseen})
    assert len(learnt) + len(unseen) == len(found)
    with pytest.raises(recordings.RecordingError, match="make another"):
        recordings.split_people(found[:1])


def test_windows_carry_the_gesture_that_they_hold(recording):
    features = models.protonn()[0]
    ((X, y),) = recordings.windows([recording], features)
    event = recording.gestures[0]
    ends = features.window + features.hop * np.arange(len(X))
    inside = (ends - features.window <= event.start) & (ends >= event.stop)
    assert set(y[inside].tolist()) == {event.label}
    assert set(y.tolist()) == {*cane.GESTURES, cane.NOISE, cane.SILENCE, ""}


# ---- step 1 ----------------------------------------------------------------------------------------------------------


def lines_of(stream, start=0):
    return [f"{start + 10 * i}," + ",".join(map(str, row)) for i, row in enumerate(stream.tolist())]


def test_noise_on_the_line_is_left_out_and_gaps_are_counted():
    good = lines_of(np.arange(60).reshape(10, 6))
    garbage = ["12,\x00garbage", "7,1,2,3", "9,99999,1,1,1,1,1"]
    lines = record.Lines(["# recorder: ms,ax", *good[:3], *garbage, *good[5:], "# sensor is stuck"])
    assert [row[0] for row in lines] == [0, 10, 20, 50, 60, 70, 80, 90]
    assert (lines.noise, lines.lost) == (3, 2)
    assert lines.remarks[-1] == "sensor is stuck"


def test_a_session_that_breaks_off_is_kept(tmp_path, capsys):
    stream = cane.simulate(cane.User(1), [("walking", 20.0), ("resting", 1.0), ("double tap", 0.0), ("resting", 2.0)])
    record.record(iter(lines_of(stream.X)), tmp_path / "a.csv", "ann", takes=2, ask=False)
    assert "the lines have ended" in capsys.readouterr().out
    kept = recordings.read(tmp_path / "a.csv")
    assert np.array_equal(kept.X, stream.X[: len(kept.X)])
    (event,) = kept.gestures
    made = stream.gestures[0]
    overlap = min(event.stop, made.stop) - max(event.start, made.start)
    assert overlap > 0.7 * (made.stop - made.start)


def test_ctrl_c_keeps_what_was_recorded(tmp_path, capsys):
    def stopped():
        yield from lines_of(np.arange(3000).reshape(500, 6))
        raise KeyboardInterrupt

    record.record(stopped(), tmp_path / "a.csv", "ann", takes=2, ask=True)
    assert "stopped" in capsys.readouterr().out
    assert recordings.read(tmp_path / "a.csv").X.tolist() == np.arange(3000).reshape(500, 6)[100:].tolist()


def test_a_board_that_is_unplugged(tmp_path, monkeypatch, capsys):
    serial = pytest.importorskip("serial")
    monkeypatch.setattr(serial.Serial, "_reset_input_buffer", lambda port: None)  # what is sent here comes before
    host, device = os.openpty()
    os.write(host, "\n".join([*lines_of(np.arange(240).reshape(40, 6)), "2,3", ""]).encode())
    lines, port = [], os.ttyname(device)
    for line in record.board(port):
        lines.append(line)
        if len(lines) == 41:
            os.close(host)
    assert len(list(record.Lines(lines))) == 40
    assert port in capsys.readouterr().out


def test_a_file_is_replayed(recording, tmp_path):
    recordings.write(tmp_path / "a.csv", recording)
    record.replay(tmp_path / "a.csv", tmp_path / "b.csv", "bob")
    again = recordings.read(tmp_path / "b.csv")
    assert np.array_equal(again.X, recording.X)
    assert np.array_equal(again.labels, recording.labels)
    assert again.person == "bob"


# ---- the finished sketch ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """A small model: it need not be good."""
    found = [recordings.from_stream(s) for s in cane.make_streams(range(3), gestures=5, others=20)]
    model = models.protonn(epochs=4, max_model_bytes=1024)
    X, y = recordings.training_windows(found, model[0], 0.3)
    return model.fit(X, y)


@pytest.fixture(scope="module")
def firmware(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sketches") / "cane"
    export.export(trained, folder)
    return toolchain.build_sketch(folder)


def answers_of(run):
    return [int(line.text[2:]) for line in run.lines if line.text.startswith("= ")]


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_the_sketch_answers_as_python_does(trained, firmware):
    assert firmware.warnings == ()
    stream = cane.make_streams([9], gestures=5, others=5)[0]
    seconds = len(stream.X) / cane.RATE
    devices = [MPU6050(stream.X), SerialInput([(0.05, "v")]), PinWatch(LED)]
    run = run_sketch(firmware, seconds, devices=devices, watch=["cane::predict()"])
    sensor, _, led = run.reports
    assert sensor.lost == sensor.twice == sensor.overflows == 0
    compiled = compile_model(trained)
    seen = stream.X[sensor.rows[0] : sensor.rows[-1] + 1]
    expected = compiled.predict(trained[0].windows(seen)).tolist()
    classes = list(trained.classes_)
    assert [classes[a] for a in answers_of(run)] == expected
    vote = models.vote_for(classes)
    moments = told([classes.index(a) for a in expected], vote, classes, trained[0].window, trained[0].hop)
    said = [line.split(" ", 1)[1] for line in run.text if line[0].isdigit()]
    assert said == [e.label for e in moments]
    assert len(led.rises) >= len(said) > 0
    assert run.ram_peak <= 2048
    assert run.flash_bytes <= 28 * 1024
    assert run.calls["cane::predict()"].worst <= 160_000


@pytest.mark.needs("arm-none-eabi-g++", "qemu-system-arm", "gcc")
@pytest.mark.parametrize("board", ["mkr1000", "nano33ble"])
def test_the_same_folder_is_a_sketch_for_boards_without_an_avr(trained, board, tmp_path):
    """Compiled with the core's compiler against a stub of its interface; the model runs where its processor does."""
    report = export.export(trained, tmp_path / "cane", board)
    flags = [*report.board.flags, "-std=gnu++11", "-Wall", "-Wextra", "-Werror", f"-I{STUBS}", "-DARDUINO=10819"]
    for source in ("cane.ino", "mpu6050.cpp", "cane_model.cpp"):
        how = ("-x", "c++", "-include", "Arduino.h") if source.endswith(".ino") else ()
        command = [report.board.compiler, *flags, *how, "-c", tmp_path / "cane" / source, "-o", tmp_path / "object.o"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    compiled = compile_model(trained, board)
    X = np.concatenate([s.X for s in cane.make_streams([9], gestures=1, others=1)])
    windows = trained[0].windows(X)[:2]
    assert compiled.simulate(windows).labels.tolist() == compiled.predict(windows).tolist()


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.parametrize(
    ("kind", "remark"),
    [(kind, "is stuck" if kind == "stuck" else "does not answer") for kind in ("silent", "unplugged", "stuck", "hung")],
)
def test_the_sketch_tells_of_its_sensor_and_recovers(trained, firmware, kind, remark):
    stream = cane.simulate(cane.User(2), [("walking", 12.0)])
    devices = [MPU6050(stream.X, faults=[SensorFault(kind, 3.3, 4.4)]), SerialInput([(0.05, "v")])]
    run = run_sketch(firmware, 8.2, devices=devices)
    remarks = [line for line in run.lines if line.text.startswith("# sensor")]
    assert [line.text[9:] for line in remarks] == ["ready", remark, "ready"]
    report, features = run.reports[0], trained[0]
    # The first window after the gap holds nothing from before it.
    after = [line for line in run.lines if line.text.startswith("= ") and line.seconds > remarks[2].seconds]
    assert after[0].seconds - remarks[2].seconds == pytest.approx(features.window / cane.RATE, abs=0.1)
    gap = int(np.argmax(np.diff(report.rows))) + 1 if kind != "stuck" else None
    if gap is not None:
        seen = stream.X[report.rows[gap:]]
        expected = compile_model(trained).predict(features.windows(seen))
        assert [list(trained.classes_)[int(line.text[2:])] for line in after] == expected[: len(after)].tolist()


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_a_missing_sensor_is_told_and_found_later(firmware):
    stream = cane.simulate(cane.User(2), [("walking", 6.0)])
    run = run_sketch(firmware, 3.0, devices=[MPU6050(stream.X, faults=[SensorFault("unplugged", 0.0, 2.0)])])
    assert [line for line in run.text if "sensor" in line] == ["# sensor does not answer", "# sensor ready"]


@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
def test_a_fifo_that_ran_over_begins_anew(firmware):
    stream = cane.simulate(cane.User(2), [("walking", 6.0)])
    run = run_sketch(firmware, 3.0, devices=[MPU6050(stream.X, faults=[SensorFault("overflow", 1.0, 1.005)])])
    assert "# sensor was not read in time" in run.text


# ---- all three steps -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["1_record.py", "2_train.py", "3_export.py"])
def test_help_of_every_step(step):
    done = subprocess.run([sys.executable, EXAMPLE / step, "--help"], capture_output=True, text=True, check=True)
    assert "python " + step in done.stdout


def test_three_steps_without_a_board(tmp_path):
    pytest.importorskip("matplotlib")

    def step(*command):
        command = [sys.executable, EXAMPLE / command[0], *command[1:]]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    step("1_record.py", "--simulate", "3")
    said = step("2_train.py", "recordings", "--epochs", "2")
    assert "1 of 1 other people" in said
    assert "false alarms in" in said
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {"gestures.edgealgos", "confusion.png", "timeline.png"}
    step("3_export.py")
    files = {p.name for p in (tmp_path / "out" / "cane").iterdir()}
    assert files == {
        "cane.ino", "cane_model.h", "cane_model.cpp", "edgealgos_runtime.h", "mpu6050.h", "mpu6050.cpp", "vote.h",
        "README.md", "manifest.json",
    }  # fmt: skip
    assert "$" not in (tmp_path / "out" / "cane" / "cane.ino").read_text()


def test_what_cannot_be_done_is_one_line(tmp_path):
    command = [sys.executable, EXAMPLE / "2_train.py", tmp_path, "--out", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("make some with 1_record.py")
    done = subprocess.run([sys.executable, EXAMPLE / "3_export.py", tmp_path / "no.edgealgos"],
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 1
    assert "cannot read" in done.stderr
