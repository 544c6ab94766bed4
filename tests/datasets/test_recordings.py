"""Recordings as people have them: columns, units, rates, classes, persons and takes are understood; faults named."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from edgealgos.datasets import is_one_recording, read_recordings
from edgealgos.datasets.axes import axis_of
from edgealgos.datasets.sensors import SENSORS, STANDARD_GRAVITY
from edgealgos.errors import DatasetError

ROWS = 100
TUTORIAL_HEADER = "aX,aY,aZ,gX,gY,gZ"


def gesture(label: str, seed: int, rows: int = ROWS) -> np.ndarray:
    """Acceleration in g and rotation in degrees a second: a punch along x or a flex about y, gravity along z."""
    rng = np.random.default_rng(seed)
    t = np.linspace(-1, 1, rows)[:, None]
    bump = np.exp(-((t - rng.uniform(-0.2, 0.2)) ** 2) / 0.03)
    a = np.array([[0, 0, 1.0]]) + bump * (np.array([[2.0, 0, 0]]) if label == "punch" else np.array([[0, 0, -0.8]]))
    g = bump * (np.array([[20.0, 0, 0]]) if label == "punch" else np.array([[0, 300.0, 0]]))
    return np.hstack([a + rng.normal(0, 0.02, (rows, 3)), g + rng.normal(0, 2, (rows, 3))])


def rows_of(values: np.ndarray, number="{:.5f}", sep=",") -> str:
    return "".join(sep.join(number.format(v) for v in row) + "\n" for row in values)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def folder(tmp_path: Path, name="{label}_{i:02}.csv", takes=6, header=TUTORIAL_HEADER, rows=ROWS, change=lambda v, i: v,
           **how) -> Path:  # fmt: skip
    """A folder of takes, a file each."""
    root = tmp_path / "gestures"
    for label in ("punch", "flex"):
        for i in range(takes):
            values = change(gesture(label, i, rows), i)
            head = header + "\n" if header else ""
            write(root / name.format(label=label, i=i, person="abc"[i % 3]), head + rows_of(values, **how))
    return root


def counts(label: str, i: int, rows: int = ROWS) -> np.ndarray:
    """What a MPU-6050 at 4 g and 2000 degrees a second counts."""
    return gesture(label, i, rows) * np.repeat([8192, 16.4], 3)


def check(found, takes=6) -> None:
    """All takes are there as an MPU-6050 counts them."""
    assert sorted(set(found.y)) == ["flex", "punch"]
    assert found.X.dtype == np.int16
    assert (len(found.X), found.rate) == (2 * takes, 100)
    for label in ("flex", "punch"):
        expected = np.array([counts(label, i) for i in range(takes)])[:, : found.X.shape[1]]
        assert np.abs(ordered(found.X[found.y == label]) - ordered(expected)).max() <= 2


def ordered(X: np.ndarray) -> np.ndarray:
    """Takes in an order that is theirs, whatever their files are called."""
    return X[np.argsort(X[:, 0, 1].astype(float))]


# ---- where classes come from -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [
    "{label}_{i:02}.csv", "{label}{i}.csv", "{label}-{i}.csv", "{label}.{i}.csv", "{label} ({i}).csv",
    "{label}_take{i}.csv", "{label}/{i}.csv", "{label}/take {i}.csv", "{label}/{i}.txt", "{label}/{person}/{i}.csv",
    "{label}/{person}_{i}.csv", "{label}_{person}_{i}.csv", "train/{label}/{i}.csv",
])  # fmt: skip
def test_classes_are_folders_or_what_names_have_in_common(name, tmp_path):
    check(read_recordings(folder(tmp_path, name), rate=100))


@pytest.mark.parametrize("name", ["{label}/{person}/{i}.csv", "{label}/{person}_{i}.csv", "{label}_{person}_{i}.csv"])
def test_persons_are_groups(name, tmp_path):
    found = read_recordings(folder(tmp_path, name), rate=100)
    assert sorted(set(found.groups)) == ["a", "b", "c"]


def test_each_take_is_a_group_where_nobody_is_named(tmp_path):
    assert len(set(read_recordings(folder(tmp_path), rate=100).groups)) == 12


def test_one_file_a_class_with_blank_lines_between_takes_as_the_tutorial_has_it(tmp_path):
    for label in ("punch", "flex"):
        takes = "\n".join(rows_of(gesture(label, i)) for i in range(6))
        write(tmp_path / "g" / f"{label}.csv", f"{TUTORIAL_HEADER}\n{takes}")
    found = read_recordings(tmp_path / "g", rate=100)
    check(found)
    assert len(set(found.groups)) == 12


def test_takes_parted_by_dashes(tmp_path):
    for label in ("punch", "flex"):
        takes = "".join(" -,-,-,-,-,-\n" + rows_of(gesture(label, i)) for i in range(6))
        write(tmp_path / "g" / f"{label}.txt", takes)
    check(read_recordings(tmp_path / "g", rate=100))


def long_file(tmp_path: Path, header="ms,ax,ay,az,gx,gy,gz,label", more=lambda label, i: "", gap=0) -> Path:
    lines, ms = [header], 0
    for i in range(6):
        for label in ("punch", "flex"):
            for row in gesture(label, i):
                lines.append(",".join([str(ms), *(f"{v:.5f}" for v in row), label]) + more(label, i))
                ms += 10
            ms += gap
    return write(tmp_path / "long.csv", "\n".join(lines))


def test_one_long_file_with_labels(tmp_path):
    found = read_recordings(long_file(tmp_path))
    check(found)
    assert len(set(found.groups)) == 12
    assert is_one_recording(tmp_path / "long.csv")


def test_persons_and_takes_in_columns(tmp_path):
    found = read_recordings(
        long_file(tmp_path, "ms,ax,ay,az,gx,gy,gz,label,person", lambda label, i: "," + ["ann", "bob"][i % 2])
    )
    check(found)
    assert sorted(set(found.groups)) == ["ann", "bob"]


def test_a_gap_in_time_parts_takes(tmp_path):
    lines, ms = [f"ms,{TUTORIAL_HEADER}"], 0
    for label in ("punch", "flex"):
        for i in range(6):
            for row in gesture(label, i):
                lines.append(",".join([str(ms), *(f"{v:.5f}" for v in row)]))
                ms += 10
            ms += 2000
        write(tmp_path / "g" / f"{label}.csv", "\n".join(lines))
        lines = lines[:1]
    check(read_recordings(tmp_path / "g"))


def test_a_table_is_no_recording(tmp_path):
    write(tmp_path / "t.csv", "ax,ay,az,label\n" + "".join(f"{i},{i % 3},{i % 5},{'ab'[i % 2]}\n" for i in range(40)))
    assert not is_one_recording(tmp_path / "t.csv")
    write(tmp_path / "t.csv", "x,y,z,label\n" + "".join(f"{i},{i % 3},{i % 5},{'ab'[i // 20]}\n" for i in range(40)))
    assert not is_one_recording(tmp_path / "t.csv")
    write(tmp_path / "t.csv", "width,label\n1,a\n2,b\n")
    assert not is_one_recording(tmp_path / "t.csv")
    assert not is_one_recording(tmp_path / "nothing.csv")


def test_a_long_file_of_few_stretches_is_cut_into_blocks_that_splits_keep_together(tmp_path):
    lines = ["ax,ay,az,label"]
    for label in ("walk", "rest"):
        noise = np.random.default_rng(0).normal(0, 0.5 * (label == "walk"), (6000, 3)) + np.array([0, 0, 1])
        lines.extend(f"{a:.4f},{b:.4f},{c:.4f},{label}" for a, b, c in noise)
    found = read_recordings(write(tmp_path / "long.csv", "\n".join(lines)))
    assert found.X.shape[1:] == (200, 3)  # two seconds
    assert len(set(found.groups)) == 16
    assert all(len(set(found.y[found.groups == group])) == 1 for group in set(found.groups))


# ---- columns, units, rates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [
    "ax,ay,az,gx,gy,gz", "accX,accY,accZ,gyroX,gyroY,gyroZ", "acc_x,acc_y,acc_z,gyr_x,gyr_y,gyr_z", "AX,AY,AZ,GX,GY,GZ",
    "Accel X,Accel Y,Accel Z,Gyro X,Gyro Y,Gyro Z", "accelerometerX,accelerometerY,accelerometerZ,wx,wy,wz",
    "accel.x,accel.y,accel.z,gyro.x,gyro.y,gyro.z", "ax [g],ay [g],az [g],gx [deg/s],gy [deg/s],gz [deg/s]",
    "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro", "ax_g,ay_g,az_g,gx_dps,gy_dps,gz_dps",
    "userAcceleration.x,userAcceleration.y,userAcceleration.z,rotationRate.x,rotationRate.y,rotationRate.z", "",
])  # fmt: skip
def test_columns_are_recognised(header, tmp_path):
    check(read_recordings(folder(tmp_path, header=header), rate=100))


@pytest.mark.parametrize("sep", [";", "\t", " "])
def test_other_separators_and_decimal_commas(sep, tmp_path):
    root = folder(tmp_path, header=TUTORIAL_HEADER.replace(",", sep), sep=sep)
    for file in root.iterdir():
        file.write_text(file.read_text().replace(".", ","))
    check(read_recordings(root, rate=100))


def test_axes_in_another_order_and_columns_of_something_else(tmp_path):
    def turned(values, i):
        return np.c_[np.arange(len(values)), values[:, ::-1], np.full(len(values), 21)]

    root = folder(tmp_path, header="index,gz,gy,gx,az,ay,ax,temperature", change=turned)
    found = read_recordings(root, rate=100)
    check(found)
    assert any("not used: index, temperature" in note for note in found.notes)


UNITS = {
    "g and degrees": (1.0, 1.0, ("g", "dps")),
    "m/s2 and radians": (STANDARD_GRAVITY, np.pi / 180, ("m/s2", "rad/s")),
    "m/s2 and degrees": (STANDARD_GRAVITY, 1.0, ("m/s2", "dps")),
    "milli-g and degrees": (1000.0, 1.0, ("mg", "dps")),
    "raw counts": (8192, 16.4, ("raw", "raw")),
}


@pytest.mark.parametrize("name", UNITS)
def test_units_are_inferred_and_said(name, tmp_path):
    a, g, units = UNITS[name]
    number = "{:.0f}" if units[0] == "raw" else "{:.6f}"
    root = folder(tmp_path, change=lambda v, i: v * np.repeat([a, g], 3), number=number)
    found = read_recordings(root, rate=100)
    check(found)
    assert f"acceleration in {units[0]}, rotation in {units[1]}" in "\n".join(found.notes)


@pytest.mark.parametrize("asked", [("mg", "dps"), ("raw",)])
def test_units_that_cannot_be_told_are_asked_for(asked, tmp_path):
    root = folder(tmp_path, header="ax,ay,az", change=lambda v, i: v[:, :3] * 1000, number="{:.0f}")
    with pytest.raises(DatasetError, match="may be in g, mg, m/s2 or raw counts; say which with units="):
        read_recordings(root, rate=100)
    found = read_recordings(root, rate=100, units=asked)
    assert f"acceleration in {asked[0]}" in "\n".join(found.notes)


def test_raw_readings_choose_the_range_that_fits(tmp_path):
    root = folder(tmp_path, header="ax,ay,az", change=lambda v, i: v[:, :3] * 2048, number="{:.0f}")
    assert read_recordings(root, rate=100).ranges == {"a": 16}


@pytest.mark.parametrize(
    ("sensor", "one_g"), [("mpu6050", 8192), ("LSM9DS1", 8196.7), ("lsm6ds3", 8196.7), ("ADXL-345", 256)]
)
def test_sensors_count_as_their_data_sheets_say(sensor, one_g, tmp_path):
    root = folder(tmp_path, header="ax,ay,az", change=lambda v, i: v[:, :3])
    found = read_recordings(root, sensor=sensor, rate=100, device_rate=100)
    assert found.counts["a"] == pytest.approx(one_g, rel=1e-4)
    assert np.median(found.X[:, :5, 2]) == pytest.approx(one_g, rel=0.03)


@pytest.mark.parametrize("sensor", SENSORS)
def test_no_range_of_a_sensor_needs_more_than_16_bits(sensor):
    for reach, one in SENSORS[sensor].acceleration.items():
        assert reach * one <= 33_000
    for reach, one in SENSORS[sensor].rotation.items():
        assert reach * one <= 33_000


def test_ranges_that_a_sensor_has_not(tmp_path):
    root = folder(tmp_path)
    with pytest.raises(DatasetError, match="has the acceleration ranges 2, 4, 8, 16, not 3"):
        read_recordings(root, acceleration_range=3)
    with pytest.raises(DatasetError, match="measures no rotation"):
        read_recordings(root, sensor="adxl345")
    with pytest.raises(DatasetError, match="sensor='bno055' is not known; known are mpu6050"):
        read_recordings(root, sensor="bno055")


def test_readings_beyond_the_range_are_told(tmp_path):
    root = folder(tmp_path, change=lambda v, i: v * [3, 1, 1, 1, 1, 1])
    found = read_recordings(root, rate=100)
    assert "beyond the sensor's range (4 g, 2000 degrees a second) and saturate" in "\n".join(found.notes)
    assert found.X.max() == 32767
    assert "saturate" not in "\n".join(read_recordings(root, rate=100, acceleration_range=16).notes)


TIMES = {
    "milliseconds": ("ms", lambda i: 10 * i),
    "seconds": ("time", lambda i: i / 100),
    "microseconds": ("t", lambda i: 10_000 * i),
    "nanoseconds": ("timestamp_ns", lambda i: 10_000_000 * i),
    "seconds since 1970": ("epoch", lambda i: 1.7e9 + i / 100),
    "milliseconds since 1970": ("timestamp", lambda i: 1_700_000_000_000 + 10 * i),
    "phyphox": ("Time (s)", lambda i: f"{i / 100:.9E}"),
    "dates": ("time", lambda i: f"2024-05-01T10:00:{i / 100:09.6f}Z"),
}  # fmt: skip


@pytest.mark.parametrize("name", TIMES)
def test_times_say_the_rate(name, tmp_path):
    title, time = TIMES[name]
    root = folder(tmp_path, takes=3)
    for file in root.iterdir():
        lines = file.read_text().splitlines()
        times = [title, *(str(time(i)) for i in range(len(lines)))]
        file.write_text("\n".join(",".join(pair) for pair in zip(times, lines, strict=False)))
    check(read_recordings(root), takes=3)


def test_a_column_of_row_numbers_is_no_time(tmp_path):
    root = folder(tmp_path, header="time," + TUTORIAL_HEADER,
                  change=lambda v, i: np.hstack([np.arange(len(v))[:, None], v]))  # fmt: skip
    found = read_recordings(root, rate=100)
    check(found)
    assert any("'time' is not used" in note for note in found.notes)


def test_mixed_rates_are_brought_to_one(tmp_path):
    for label in ("punch", "flex"):
        for i, rate in enumerate((50, 100, 200, 119)):
            at = np.arange(rate) / rate
            values = np.stack([np.interp(at, np.arange(ROWS) / 100, c) for c in gesture(label, i).T], axis=1)
            write(tmp_path / "g" / label / f"{i}.csv", f"seconds,{TUTORIAL_HEADER}\n{rows_of(np.c_[at, values])}")
    found = read_recordings(tmp_path / "g", device_rate=100)
    assert "recorded at 50, 100, 119, 200 samples a second, brought to 100" in "\n".join(found.notes)
    order = np.argsort(found.y, kind="stable")
    expected = np.concatenate([[counts(label, i) for i in range(4)] for label in ("flex", "punch")])
    assert np.median(np.abs(found.X[order] - expected[:, : found.X.shape[1]])[:, 5:-5]) < 250


def test_uneven_times_become_even(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("punch", "flex"):
        for i in range(3):
            at = np.sort(np.arange(ROWS) / 100 + rng.uniform(-0.003, 0.003, ROWS))
            values = np.stack([np.interp(at, np.arange(ROWS) / 100, c) for c in gesture(label, i).T], axis=1)
            write(tmp_path / "g" / label / f"{i}.csv", "t," + TUTORIAL_HEADER + "\n" + rows_of(np.c_[at, values]))
    found = read_recordings(tmp_path / "g")
    assert found.rate == 100
    assert abs(found.X.shape[1] - ROWS) <= 2


def test_takes_of_the_tutorial_say_no_rate_and_are_brought_to_that_of_the_sensor(tmp_path):
    root = folder(tmp_path, rows=119)
    found = read_recordings(root)
    assert found.X.shape == (12, 100, 6)
    assert "taken for 119 samples a second, as Arduino's gesture sketch takes them" in "\n".join(found.notes)
    assert read_recordings(root, sensor="lsm9ds1").X.shape == (12, 119, 6)


def test_takes_of_the_tutorial_without_blank_lines_between_them(tmp_path):
    for label in ("punch", "flex"):
        takes = "".join(rows_of(gesture(label, i, 119)) for i in range(6))
        write(tmp_path / "g" / f"{label}.csv", f"{TUTORIAL_HEADER}\n{takes}")
    found = read_recordings(tmp_path / "g")
    assert found.X.shape == (12, 100, 6)
    assert len(set(found.groups)) == 12
    assert "takes of 119 rows, one after the other" in "\n".join(found.notes)


def test_a_remark_says_the_rate(tmp_path):
    assert read_recordings(folder(tmp_path, header="# rate: 50 Hz\nax,ay,az,gx,gy,gz")).rate == 50


# ---- lengths ---------------------------------------------------------------------------------------------------------


def test_ragged_takes_become_windows_of_one_length(tmp_path):
    lengths = [100, 100, 100, 97, 140, 60, 30, 250]
    root = folder(tmp_path, takes=8, change=lambda v, i: np.resize(v, (lengths[i], 6)))
    found = read_recordings(root, rate=100)
    notes = "\n".join(found.notes)
    assert found.X.shape[1] == 100
    assert "2 takes are shorter than half a window and left out" in notes
    assert "punch_06.csv" in notes
    assert "4 takes are shorter than a window of 100 samples and held at their ends" in notes
    assert "2 takes are longer and give a window every 50 samples" in notes
    assert len(found.X) == 2 * (6 + 4)


def test_the_window_can_be_told(tmp_path):
    assert read_recordings(folder(tmp_path), rate=100, window=0.5).X.shape == (36, 50, 6)
    with pytest.raises(DatasetError, match="no take is as long as half a window of 9 s; pass a shorter window="):
        read_recordings(folder(tmp_path), rate=100, window=9)


# ---- faults ----------------------------------------------------------------------------------------------------------


BAD = {
    "text in it": (TUTORIAL_HEADER + "\n" + rows_of(gesture("flex", 0)) + "1,2,x,4,5,6\n1,2,3,4,5,6\n",
                   "line 102, column 'aZ': 'x' is no reading"),
    "a reading missing": (TUTORIAL_HEADER + "\n1,2,,4,5,6\n" + rows_of(gesture("flex", 0)), "line 2, column 'aZ': a"),
    "NaN": (TUTORIAL_HEADER + "\n1,2,nan,4,5,6\n" + rows_of(gesture("flex", 0)), "line 2, column 'aZ'"),
    "other columns": ("width,height\n1,2\n3,4\n", "none of which is an axis"),
    "two accelerations": ("ax,ay,az,accX\n" + "1,2,3,4\n" * 9, "could both be ax"),
    "four columns without names": ("1,2,3,4\n" * 20, "no header and 4 columns"),
    "nothing": ("", "is empty"),
    "a header alone": (TUTORIAL_HEADER + "\n", "no rows"),
    "a ragged row": (TUTORIAL_HEADER + "\n1,2,3\n" + rows_of(gesture("flex", 0)), "line 2: 3 cells"),
    "no text": (bytes(range(256)) * 4, "zero byte"),
    "a workbook": (b"\xd0\xcf\x11\xe0" + bytes(99), "Excel"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_one_bad_file_is_named_and_the_others_go_on(name, tmp_path):
    content, says = BAD[name]
    root = folder(tmp_path)
    bad = write(root / "flex_99.csv", content)
    found = read_recordings(root, rate=100)
    check(found)
    assert says in found.left_out[str(bad)]
    assert "flex_99.csv" in "\n".join(found.notes)


def test_a_last_line_that_was_interrupted_is_left_out(tmp_path):
    root = folder(tmp_path)
    for file in root.iterdir():
        file.write_text(file.read_text() + "0.1,0.2")
    found = read_recordings(root, rate=100)
    check(found)
    assert "line 102 is incomplete and left out" in "\n".join(found.notes)


def test_files_that_have_not_all_axes(tmp_path):
    root = folder(tmp_path)
    write(root / "flex_06.csv", "ax,ay,az\n" + rows_of(gesture("flex", 6)[:, :3]))
    found = read_recordings(root, rate=100)
    assert found.axes == ("ax", "ay", "az")
    assert "axes that all files have: ax, ay, az" in "\n".join(found.notes)


@pytest.mark.parametrize(("make", "says"), [
    (lambda root: None, "does not exist"),
    (lambda root: root.mkdir(), "holds no files"),
    (lambda root: write(root / "a.mp3", "x"), "holds 1 .mp3"),
    (lambda root: [write(root / f"punch_{i}.csv", "ax,ay,az\n" + "0.0,0.1,1.0\n" * 50) for i in range(3)],
     "recordings of one class, 'punch'"),
    (lambda root: [write(root / f"{k}_{i}.csv", "width\n1\n") for k in "ab" for i in range(3)],
     "none of 6 files can be read; the first:"),
    (lambda root: [write(root / f"{k}_{i}.csv", "ax,ay,az\n") for k in "ab" for i in range(3)], "none of 6 files"),
    (lambda root: write(root, "ms,ax,ay,az\n" + "".join(f"{10 * i},0,0,1\n" for i in range(99))), "no column of label"),
])  # fmt: skip
def test_folders_that_hold_nothing_to_learn_from(make, says, tmp_path):
    root = tmp_path / "g"
    make(root)
    with pytest.raises(DatasetError) as caught:
        read_recordings(root)
    assert says in str(caught.value)


def test_files_of_other_kinds_are_passed_over_and_said(tmp_path):
    root = folder(tmp_path)
    for name in ("README.txt", "notes.md", ".hidden.csv", "labels.csv", "__MACOSX/flex_01.csv", "flex_77.xlsx"):
        write(root / name, "nothing")
    found = read_recordings(root, rate=100)
    check(found)
    assert "1 .xlsx files are not read" in "\n".join(found.notes)


@pytest.mark.parametrize(("title", "axis"), [
    ("ax", ("ax", None)), ("Linear Acceleration x (m/s^2)", ("ax", "m/s2")), ("Gyroscope y (rad/s)", ("gy", "rad/s")),
    ("mag_x", ("mx", None)), ("gravity.x", (None, None)), ("pitch", (None, None)), ("acc_z_mg", ("az", "mg")),
    ("Z", ("az", None)),
])  # fmt: skip
def test_names_of_axes(title, axis):
    assert axis_of(title) == axis


# ---- sound -----------------------------------------------------------------------------------------------------------


def sound(path: Path, samples: np.ndarray, rate: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def tone(pitch: float, seconds: float = 1.0, rate: int = 8000) -> np.ndarray:
    return 8000 * np.sin(2 * np.pi * pitch * np.arange(int(rate * seconds)) / rate)


def test_a_folder_of_sounds(tmp_path):
    for word, pitch in (("yes", 400), ("no", 900)):
        for person in ("ann", "bob", "eve"):
            for i, rate in enumerate((8000, 16000, 44100)):
                sound(tmp_path / word / f"{person}_nohash_{i}.wav", tone(pitch, 0.5 + 0.5 * i, rate), rate)
    sound(tmp_path / "_background_noise_" / "hum.wav", np.random.default_rng(0).normal(0, 500, 25_000))
    write(tmp_path / "yes" / "broken.wav", b"RIFF")
    sound(tmp_path / "no" / "silent.wav", np.zeros(8000))
    found = read_recordings(tmp_path)
    assert (found.kind, found.rate, found.X.shape, found.X.dtype) == ("sound", 8000, (21, 8000), np.int16)
    assert sorted(zip(*np.unique(found.y, return_counts=True), strict=True)) == [
        ("_background_noise_", 3), ("no", 9), ("yes", 9),
    ]  # fmt: skip
    assert {"ann", "bob", "eve"} < set(found.groups)
    notes = "\n".join(found.notes)
    told = "12 sounds are not of 1 s", "broken.wav", "1 sounds are silent and left out", "44100 samples a second"
    assert all(says in notes for says in told), notes


def test_one_long_sound_a_class_is_cut_into_blocks(tmp_path):
    for word, pitch in (("fan", 400), ("drill", 900)):
        sound(tmp_path / f"{word}.wav", tone(pitch, 20))
    found = read_recordings(tmp_path)
    assert found.X.shape == (40, 8000)
    assert len(set(found.groups)) == 16


def test_sounds_and_tables_in_one_folder(tmp_path):
    for word, pitch in (("fan", 400), ("drill", 900)):
        for i in range(3):
            sound(tmp_path / word / f"{i}.wav", tone(pitch))
    write(tmp_path / "list.csv", "file,label\n")
    found = read_recordings(tmp_path)
    assert found.kind == "sound"
    assert "1 .csv files are passed over, 6 .wav read" in "\n".join(found.notes)
