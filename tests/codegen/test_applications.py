"""Sketches that read sensors tell what Python makes of the same readings, and say what is missing."""

import json
import re

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

import edgealgos as ea
from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.compiled import CompiledModel
from edgealgos.codegen.emit.cpp.applications import APPLICATIONS
from edgealgos.codegen.emit.cpp.registers import CHIPS
from edgealgos.codegen.passes import to_integer
from edgealgos.codegen.program.choose_encoding import choose_encoding
from edgealgos.codegen.simulate.devices import MPU6050, AnalogAudio, SensorFault
from edgealgos.codegen.simulate.sketch import run_sketch
from edgealgos.codegen.targets.boards import boards, get_board
from edgealgos.datasets.sensors import SENSORS
from edgealgos.errors import ExportError
from edgealgos.features import LogMel, MotionFeatures
from tests.codegen.test_export import Fitted
from tests.support import sample_programs as programs

pytestmark = [pytest.mark.slow, pytest.mark.needs("avr-g++", "simavr", "arduino-core")]
RATE, LENGTH = 100, 60


def movements(count, kind, seed):
    """Readings of two kinds of movement, (count, LENGTH, 6)."""
    rng = np.random.default_rng(seed)
    time = np.arange(LENGTH) / RATE
    speed = 3 if kind == "slow" else 11
    waves = np.sin(2 * np.pi * (speed * time[None, :, None] + rng.random((count, 1, 6))))
    return (8000 * waves + rng.normal(0, 300, waves.shape)).astype(np.int16)


@pytest.fixture(scope="module")
def gestures():
    X = np.concatenate([movements(40, kind, seed) for seed, kind in enumerate(("slow", "fast"))])
    y = np.repeat(["slow", "fast"], 40)
    features = MotionFeatures(rate=RATE, window=LENGTH, hop=20, decimate=4)
    return Pipeline([("features", features), ("model", ea.ProtoNNClassifier(epochs=8, random_state=0))]).fit(X, y)


@pytest.fixture(scope="module")
def gesture_firmware(gestures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("imu") / "wand"
    ea.export_arduino(gestures, folder, application="imu")
    firmware = build_sketch(folder)
    assert firmware.warnings == ()
    return firmware


def told(compiled, X):
    """What a sketch tells of these samples."""
    labels, shares = compiled.predict(X), compiled.predict_proba(X).max(axis=1)
    return [f"{label} {(share * 25600 + 128) // 256:.0f}%" for label, share in zip(labels, shares, strict=True)]


STREAM = np.concatenate([movements(4, "slow", 7).reshape(-1, 6), movements(4, "fast", 8).reshape(-1, 6)])


# ---- motion ----------------------------------------------------------------------------------------------------------


def test_motion_is_told_as_python_makes_it_of_the_same_readings(gestures, gesture_firmware):
    run = run_sketch(gesture_firmware, 4.6, [MPU6050(STREAM, RATE)])
    assert run.text[:2] == ["# wand ready", "# MPU-6050 is ready"]
    rows = STREAM[np.minimum(run.reports[0].rows, len(STREAM) - 1)]
    assert 380 < len(rows) < 470  # a hundred a second
    windows = np.lib.stride_tricks.sliding_window_view(rows, LENGTH, axis=0)[::20].swapaxes(1, 2)
    assert run.text[2:] == told(ea.compile_model(gestures), windows)[: len(run.text) - 2]
    assert len(run.text) - 2 >= len(windows) - 1
    assert run.text[3].startswith("slow")
    assert run.text[-1].startswith("fast")


def test_a_sensor_that_is_not_there_is_said_once(gesture_firmware):
    assert run_sketch(gesture_firmware, 1.0).text == ["# wand ready", "# no sensor answers: check its wires"]


@pytest.mark.parametrize("kind", ["silent", "unplugged"])
def test_a_sensor_that_goes_and_comes_back_is_said_and_the_window_begins_anew(kind, gestures, gesture_firmware):
    sensor = MPU6050(STREAM, RATE, faults=[SensorFault(kind, 1.0, 1.5)])
    text = run_sketch(gesture_firmware, 3.0, [sensor]).text
    trouble = text.index("# the sensor does not answer")
    assert text[trouble : trouble + 3] == [
        "# the sensor does not answer", "# no sensor answers: check its wires", "# MPU-6050 is ready",
    ]  # fmt: skip
    assert 1 <= trouble - 2 <= 3
    assert len(text) - trouble - 3 >= 3


def test_a_recurrent_model_takes_readings_and_begins_anew(tmp_path):
    X = np.concatenate([movements(30, kind, seed) for seed, kind in enumerate(("slow", "fast"))])
    model = ea.FastGRNNClassifier(hidden_size=8, epochs=6, random_state=0).fit(X, np.repeat(["slow", "fast"], 30))
    ea.export_arduino(model, tmp_path / "m", application="imu")
    firmware = build_sketch(tmp_path / "m")
    assert firmware.warnings == ()
    run = run_sketch(firmware, 4.0, [MPU6050(STREAM, RATE)])
    rows = STREAM[np.minimum(run.reports[0].rows, len(STREAM) - 1)]
    whole = rows[: len(rows) // LENGTH * LENGTH].reshape(-1, LENGTH, 6).astype(float)
    assert run.text[2:] == told(ea.compile_model(model), whole)
    assert len(run.text) >= 7


def test_a_model_of_flat_rows_takes_readings_until_a_row_is_full(tmp_path):
    encoding = choose_encoding(STREAM[:, :1].astype(float), 8)
    program = programs.with_encoding(programs.bonsai(1, features=6 * 15), encoding)
    ea.export_arduino(Fitted(program), tmp_path / "m", application="imu")
    firmware = build_sketch(tmp_path / "m")
    run = run_sketch(firmware, 1.5, [MPU6050(STREAM, RATE)])
    rows = STREAM[run.reports[0].rows]
    whole = rows[: len(rows) // 15 * 15].reshape(-1, 90).astype(float)
    assert run.text[2:] == told(ea.compile_model(Fitted(program)), whole)
    assert len(run.text) > 6


# ---- sound -----------------------------------------------------------------------------------------------------------


def tones(count, low, high, seed):
    rng = np.random.default_rng(seed)
    time = np.arange(4000) / 8000
    waves = np.sin(2 * np.pi * rng.uniform(low, high, (count, 1)) * time) * rng.uniform(4000, 12000, (count, 1))
    return (waves + rng.normal(0, 300, waves.shape)).astype(np.int16)


@pytest.fixture(scope="module")
def sounds():
    X = np.concatenate([tones(40, 300, 500, 0), tones(40, 1500, 2500, 1)])
    model = ea.FastGRNNClassifier(hidden_size=8, epochs=8, random_state=0)
    return Pipeline([("features", LogMel(n_mels=12)), ("model", model)]).fit(X, np.repeat(["hum", "whistle"], 40))


def test_sound_at_the_microphone_is_told(sounds, tmp_path):
    ea.export_arduino(sounds, tmp_path / "ear", application="microphone")
    assert {p.name for p in (tmp_path / "ear").iterdir()} >= {"ear.ino", "microphone.h", "microphone.cpp"}
    firmware = build_sketch(tmp_path / "ear")
    assert firmware.warnings == ()
    wave = np.concatenate([tones(4, 400, 401, 5).ravel(), tones(4, 2000, 2001, 6).ravel()])
    run = run_sketch(firmware, 3.9, [AnalogAudio(wave, 8000)])
    words = [line.split()[0] for line in run.text[1:]]
    assert words[:3] == ["hum"] * 3
    assert words[-2:] == ["whistle"] * 2
    assert len(words) == 7  # one answer for every half second


@pytest.mark.parametrize("wait", [0, 60], ids=["all samples", "lost samples"])
@pytest.mark.parametrize("cell", [ea.GRUClassifier, ea.FastRNNClassifier])
def test_what_the_interrupt_takes_that_samples_come_by_is_in_the_predicted_ram(cell, wait, tmp_path):
    X = np.concatenate([tones(10, 300, 500, 0), tones(10, 1500, 2500, 1)])
    features = LogMel(n_mels=10)
    model = Pipeline([("features", features), ("model", cell(hidden_size=6, epochs=1, random_state=0))])
    report = ea.export_arduino(model.fit(X, np.repeat([0, 1], 10)), tmp_path / "m", application="microphone")
    sketch = tmp_path / "m" / "m.ino"
    sketch.write_text(sketch.read_text().replace("take(hop);", f"{{ take(hop); delay({wait}); }}"))
    ran = run_sketch(build_sketch(tmp_path / "m"), 0.8, [AnalogAudio(tones(2, 400, 401, 5).ravel(), 8000)])
    assert ran.ram_peak <= report.ram_bytes <= 1.08 * ran.ram_peak


# ---- pins ------------------------------------------------------------------------------------------------------------


def at_pins(features):
    """A classifier of converter readings, and what its columns are called."""
    encoding = choose_encoding(np.random.default_rng(0).integers(0, 1024, (400, features)).astype(float), 8)
    return programs.with_encoding(programs.bonsai(1, features=features), encoding)


@pytest.mark.parametrize("application", ["analog", "timer"])
def test_pins_are_read_and_told(application, tmp_path):
    program = at_pins(2)
    ea.export_arduino(Fitted(program), tmp_path / "m", application=application)
    firmware = build_sketch(tmp_path / "m")
    assert firmware.warnings == ()
    wave = np.repeat(np.array([-30000, -9000, 200, 12000, 31000, 5000], np.int16), 100)
    device = AnalogAudio(wave, 400)
    watch = ["__vector_11"] if application == "timer" else []
    run = run_sketch(firmware, 1.6, [device], watch)
    codes = device.codes()[np.minimum(run.reports[0].samples, len(wave) - 1)]
    floating = np.zeros(len(codes))  # the other pin
    lines = run.text[1:]
    assert lines == told(ea.compile_model(Fitted(program)), np.stack([codes, floating], axis=1)[: len(lines)])
    assert 14 <= len(lines) <= 17  # ten a second
    if watch:
        gaps = np.diff(run.calls["__vector_11"].seconds)
        assert np.abs(gaps - 0.1).max() < 1e-4


def test_pins_carry_the_names_of_features(tmp_path):
    import pandas as pd

    names = ["light", 'moist\\ure "x"', "heat\n"]
    frame = pd.DataFrame(np.random.default_rng(0).integers(0, 1024, (60, 3)), columns=names)
    model = ea.BonsaiClassifier(epochs=2, random_state=0).fit(frame, frame["light"] > 500)
    for application in ("analog", "timer"):
        ea.export_arduino(model, tmp_path / application, application=application)
        text = (tmp_path / application / f"{application}.ino").read_text()
        assert re.search(r"A0,  // light\n\s+A1,  // moist.*\n\s+A2,  // heat", text)
        assert build_sketch(tmp_path / application).warnings == ()


# ---- all -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["classifier", "regressor"])
@pytest.mark.parametrize("kind", ["sample", "sequence", "without a buffer"])
@pytest.mark.parametrize("application", [a for a in APPLICATIONS if a != "microphone"])
def test_every_application_builds_without_warnings_float_or_heap(application, kind, task, tmp_path):
    if kind == "sequence":
        program = programs.fastgrnn(1, features=6, outputs=1 if task == "regressor" else 5, task=task)
    else:
        program = programs.bonsai(1, features=6, outputs=1 if task == "regressor" else 5, task=task)
    options = {"input_buffer": False} if kind == "without a buffer" else {}
    if options and application in ("imu", "analog", "timer"):
        with pytest.raises(ExportError, match="1 inputs"):
            ea.export_arduino(Fitted(program), tmp_path / "m", application="imu", **options)
        return
    ea.export_arduino(Fitted(program), tmp_path / "m", application=application, **options)
    firmware = build_sketch(tmp_path / "m")
    assert firmware.warnings == ()
    names = {symbol.name for symbol in firmware.symbols}
    assert not {n for n in names if re.search(r"__(add|sub|mul|div|fix|float)\w*sf", n) or n in ("malloc", "free")}


@pytest.mark.parametrize("board", [b.name for b in boards() if b.framework.sketches and b.core_is_here])
def test_applications_build_for_every_board_of_the_core(board, tmp_path):
    model = Fitted(programs.bonsai(1, features=6))
    for application in ("imu", "timer", "analog", "empty"):
        ea.export_arduino(model, tmp_path / application, application=application, board=board)
        assert build_sketch(tmp_path / application, board).warnings == ()


@pytest.mark.parametrize("application", ["imu", "analog", "timer", "empty"])
@pytest.mark.parametrize("make", [programs.bonsai, programs.protonn, programs.fastgrnn])
def test_the_report_of_an_application_bounds_what_it_takes(make, application, tmp_path):
    model = Fitted(make(1, features=6))
    report = ea.export_arduino(model, tmp_path / "m", application=application)
    firmware = build_sketch(tmp_path / "m")
    devices = {"imu": [MPU6050(STREAM, RATE)], "analog": [], "timer": [], "empty": []}[application]
    run = run_sketch(firmware, 1.3, devices)
    assert firmware.flash_bytes <= report.flash_at_most
    assert run.ram_peak <= report.ram_bytes


PINS = [("uno", 1), ("uno", 3), ("uno", 6), ("mega", 11), ("mega", 16)]


@pytest.mark.parametrize("application", ["analog", "timer"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("make", [programs.bonsai, programs.fastgrnn])
@pytest.mark.parametrize(("board", "pins"), PINS)
def test_readings_of_all_pins_are_in_the_predicted_ram(board, pins, make, bits, application, tmp_path):
    encoding = choose_encoding(np.random.default_rng(0).integers(0, 1024, (400, pins)).astype(float), bits)
    model = Fitted(programs.with_encoding(make(1, features=pins), encoding))
    report = ea.export_arduino(model, tmp_path / "m", application=application, board=board)
    firmware = build_sketch(tmp_path / "m", board)
    assert firmware.flash_bytes <= report.flash_at_most
    ran = run_sketch(firmware, 1.3)
    assert len(ran.lines) > 2
    assert ran.ram_peak <= report.ram_bytes <= 1.15 * ran.ram_peak


@pytest.mark.parametrize("pins", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("application", ["analog", "timer"])
def test_each_reading_of_pins_is_told_however_many_there_are(application, pins, tmp_path):
    ea.export_arduino(Fitted(at_pins(pins)), tmp_path / "m", application=application)
    lines = run_sketch(build_sketch(tmp_path / "m"), 1.05).lines
    assert 9 <= len(lines) - 1 <= 11  # ten a second


REFUSED = {
    "unknown": (lambda: programs.bonsai(1), {"application": "blink"}, "serial, imu, microphone, analog, timer, empty"),
    "axes": (lambda: programs.bonsai(1, features=7), {"application": "imu"}, "6 axes .* takes 7 inputs"),
    "no sound": (lambda: programs.fastgrnn(1), {"application": "microphone"}, "LogMel"),
    "pins": (lambda: programs.bonsai(1, features=7), {"application": "analog"}, "6 analogue pins .* takes 7"),
    "pins of a timer": (lambda: programs.bonsai(1, features=20), {"application": "timer"}, "6 analogue pins"),
    "self-test": (
        lambda: programs.bonsai(1, features=6),
        {"application": "imu", "self_test": np.zeros((1, 6))},
        "application='serial'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_an_application_cannot_do_is_refused_and_nothing_is_written(case, tmp_path):
    make, options, message = REFUSED[case]
    with pytest.raises(ExportError, match=message):
        ea.export_arduino(Fitted(make()), tmp_path / "m", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{"hop": 130}, {"hop": 256}, {"sample_rate": 11025}])
def test_sound_that_the_microphone_cannot_take_is_refused(change, tmp_path):
    X = np.concatenate([tones(4, 300, 500, 0), tones(4, 1500, 2500, 1)])
    model = ea.FastGRNNClassifier(hidden_size=4, epochs=1, random_state=0)
    pipeline = Pipeline([("features", LogMel(n_mels=8, **change)), ("model", model)]).fit(X, np.repeat([0, 1], 4))
    with pytest.raises(ExportError, match="application='microphone'"):
        ea.export_arduino(pipeline, tmp_path / "m", application="microphone")


def test_a_library_has_the_application_as_its_example(tmp_path):
    ea.export_arduino(Fitted(programs.bonsai(1, features=6)), tmp_path / "m", application="imu", layout="library")
    example = tmp_path / "m" / "examples" / "m_imu"
    assert {p.name for p in example.iterdir()} == {"m_imu.ino", "imu.h"}
    assert build_sketch(example, libraries=[tmp_path / "m"]).warnings == ()


def test_what_streams_says_when_it_answers():
    compiled = CompiledModel(to_integer(programs.bonsai(1)), get_board("uno"))
    assert (compiled.program.rate, compiled.program.hop) == (None, None)


# ---- sensors and their ranges --------------------------------------------------------------------------------------


def test_a_sketch_sets_the_ranges_of_the_recordings_and_says_so(gestures, tmp_path):
    ea.export_arduino(gestures, tmp_path / "wand", application="imu", sensor="mpu6050", ranges=(16, 250))
    header, readme = ((tmp_path / "wand" / file).read_text() for file in ("imu.h", "README.md"))
    assert "{0x1C, 0x18}, {0x1B, 0x00}" in header
    assert "LSM" not in header
    assert "16 g and 250 degrees a second" in readme
    assert json.loads((tmp_path / "wand" / "manifest.json").read_text())["sensor"] == {
        "name": "mpu6050", "acceleration_range": 16, "rotation_range": 250,
    }  # fmt: skip
    firmware = build_sketch(tmp_path / "wand")
    assert firmware.warnings == ()
    assert run_sketch(firmware, 0.5, [MPU6050(STREAM, RATE)]).text[1] == "# MPU-6050 is ready"


@pytest.mark.parametrize("sensor", CHIPS)
def test_every_range_that_recordings_can_have_is_one_that_sketches_can_set(sensor):
    known, chip = SENSORS[sensor], CHIPS[sensor]
    assert set(chip.acceleration[1]) == set(known.acceleration)
    assert set(chip.rotation[1]) == set(known.rotation)
    assert len(set(chip.acceleration[1].values())) == len(chip.acceleration[1])


def test_a_sketch_for_a_sensor_of_acceleration_alone_builds(tmp_path):
    program = programs.with_encoding(programs.bonsai(1, features=3 * 15), choose_encoding(np.ones((9, 1)), 8))
    ea.export_arduino(Fitted(program), tmp_path / "m", application="imu", sensor="adxl345", ranges=(16, 0))
    assert build_sketch(tmp_path / "m").warnings == ()
    assert "kAxes = 3" in (tmp_path / "m" / "imu.h").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sensor": "mpu9250"}, "sensor='mpu9250' is not known; known are mpu6050"),
        ({"sensor": "mpu6050", "ranges": (3, 2000)}, "an MPU-6050 has the acceleration ranges 2, 4, 8, 16, not 3"),
        ({"sensor": "adxl345", "ranges": (4, 0)}, "an ADXL345 measures acceleration alone"),
        ({"application": "serial", "sensor": "mpu6050"}, "go with application='imu'"),
    ],
)
def test_sensors_that_cannot_be_read_are_refused(gestures, options, message, tmp_path):
    with pytest.raises(ExportError, match=message):
        ea.export_arduino(gestures, tmp_path / "m", **{"application": "imu"} | options)
    assert not (tmp_path / "m").exists()
