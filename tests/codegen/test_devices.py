"""Any sketch on the simulated Uno with devices attached: what it prints and when, and what each device saw."""

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.emit.cpp.template import template
from edgealgos.codegen.simulate import MPU6050, AnalogAudio, PinWatch, SensorFault, SerialInput, run_sketch
from edgealgos.errors import SimulationError
from tests.codegen.conftest import write_sketch

pytestmark = [pytest.mark.slow, pytest.mark.needs("avr-g++", "arduino-core", "simavr", "gcc")]

EXAMPLES = Path(__file__).parents[2] / "examples"

BLINK = """
void setup() { pinMode(13, OUTPUT); Serial.begin(115200); }
void loop() {
  digitalWrite(13, HIGH);
  Serial.println(F("on"));
  delay(100);
  digitalWrite(13, LOW);
  delay(150);
}
"""

ECHO = """
void setup() { Serial.begin(115200); }
void loop() { while (Serial.available()) Serial.write(Serial.read()); }
"""

MICROPHONE = """
#include "microphone.h"
int16_t hop[microphone::kHop];
__attribute__((noinline)) bool take() { return microphone::read_hop(hop); }
void setup() { Serial.begin(1000000); microphone::begin(); }
void loop() {
  if (!take()) return;
  Serial.write((const uint8_t *)hop, sizeof hop);
  WORK
  if (microphone::lost()) { Serial.end(); for (;;) {} }
}
"""

# Takes samples after each of its naps, and prints the last axis.
NAPPER = """
#include "mpu6050.h"
void setup() { Serial.begin(115200); }
void loop() {
  int16_t axes[mpu6050::kAxes];
  static uint16_t woken;
  mpu6050::Event event = mpu6050::poll(axes);
  if (event == mpu6050::kSample) Serial.println(axes[5]);
  else if (event != mpu6050::kNothing) { Serial.print(F("# ")); Serial.println(mpu6050::describe(event)); }
  if ((uint16_t)millis() - woken > 500) { delay(NAP); woken = millis(); }
}
"""

BURSTS_OVER_WIRE = """
#include <Wire.h>
void put(uint8_t place, uint8_t value) {
  Wire.beginTransmission(0x69);
  Wire.write(place);
  Wire.write(value);
  Wire.endTransmission();
}
void ask(uint8_t place, uint8_t count) {
  Wire.beginTransmission(0x69);
  Wire.write(place);
  Wire.endTransmission(false);
  Wire.requestFrom((uint8_t)0x69, count);
}
void setup() {
  Serial.begin(115200);
  Wire.begin();
  ask(0x75, 1);
  Serial.println(Wire.read());
  put(0x6B, 1);
  put(0x1A, 3);
  put(0x19, 9);
}
void loop() {
  ask(0x3A, 1);
  if (!(Wire.read() & 1)) return;
  ask(0x3B, 14);
  for (uint8_t i = 0; i < 7; ++i) {
    uint8_t high = Wire.read();
    int16_t value = high << 8 | Wire.read();
    if (i != 3) Serial.print(String(value) + ',');
  }
  Serial.println();
}
"""


def _build(tmp_path, code, name="probe", *sources):
    sketch = write_sketch(tmp_path, code, name)
    for source in sources:
        shutil.copy(source, sketch)
    return build_sketch(sketch)


def _microphone(tmp_path, code):
    sketch = write_sketch(tmp_path, code, "hears")
    for name in ("microphone.h", "microphone.cpp"):
        (sketch / name).write_text(template(name).substitute(rate=8000, hop=128))
    return build_sketch(sketch)


def _motion(seconds, rate=100):
    return np.random.default_rng(1).integers(-32768, 32768, (int(seconds * rate), 6)).astype(np.int16)


def _recorder():
    return build_sketch(EXAMPLES / "gesturepod" / "arduino" / "recorder")


def _recorded(run):
    """What the recorder printed, without the times: samples as rows, and remarks."""
    samples = [line.split(",")[1:] for line in run.text if not line.startswith("#")]
    return np.array(samples, dtype=int), [line for line in run.lines[1:] if line.text.startswith("#")]


def _noise(seconds, rate=8000):
    return np.random.default_rng(0).integers(-32768, 32768, int(seconds * rate)).astype(np.int16)


def test_an_led_is_watched(tmp_path):
    run = run_sketch(_build(tmp_path, BLINK), 0.6, devices=[PinWatch(13)])
    seconds = [second for second, _ in run.reports[0].changes]
    assert [level for _, level in run.reports[0].changes] == [True, False, True, False, True]
    assert np.diff(seconds) == pytest.approx([0.1, 0.15, 0.1, 0.15], abs=0.002)
    assert run.text == ["on"] * 3
    assert [line.seconds for line in run.lines] == pytest.approx(run.reports[0].rises, abs=0.001)
    assert run.seconds == pytest.approx(0.6, abs=1e-5)


def test_bytes_go_in_at_their_time(tmp_path):
    device = SerialInput([(0.05, "one\n"), (0.2, b"two\n")])
    run = run_sketch(_build(tmp_path, ECHO), 0.3, devices=[device])
    assert run.text == ["one", "two"]
    assert [line.seconds for line in run.lines] == pytest.approx([0.05, 0.2], abs=0.001)
    assert run.reports[0].sent == 8
    assert run.reports[0].held_back == 0


def test_functions_are_measured_call_by_call(tmp_path):
    code = """
    __attribute__((noinline)) void spin(uint8_t n) { while (n--) asm volatile("nop"); }
    void setup() { for (uint8_t n = 1; n <= 3; ++n) spin(n * 10); }
    void loop() {}
    """
    spin = run_sketch(_build(tmp_path, code), 0.01, watch=["spin"]).calls["spin"]
    assert len(spin.cycles) == 3
    assert np.diff(spin.cycles).tolist() == [50, 50]  # ten times subi, brcc, nop and the like
    assert spin.worst == spin.cycles[2]
    assert np.all(np.diff(spin.seconds) > 0)


def test_analogread_converts_the_waveform(tmp_path):
    code = """
    void setup() {
      Serial.begin(1000000);
      for (uint8_t i = 0; i < 20; ++i) { Serial.println(analogRead(A1)); delayMicroseconds(500); }
    }
    void loop() {}
    """
    audio = AnalogAudio(np.arange(-32768, 32768, 64, dtype=np.int16), 1000, pin="A1")
    run = run_sketch(_build(tmp_path, code), 0.05, devices=[audio])
    assert [int(text) for text in run.text] == run.reports[0].samples.tolist()
    assert run.reports[0].conversions == 20
    assert run.reports[0].twice > 0


def test_a_waveform_in_volts():
    assert AnalogAudio(np.array([-32768, 0, 32767], np.int16), 8000).codes().tolist() == [0, 512, 1023]
    quiet = AnalogAudio(np.array([-32768, 0, 32767], np.int16), 8000, offset=1.25, amplitude=0.5)
    assert quiet.codes().tolist() == [153, 256, 358]
    with pytest.raises(ValueError, match="int16"):
        AnalogAudio([0.5], 8000).codes()


def test_no_sample_of_the_microphone_is_lost(tmp_path):
    twin = runpy.run_path(str(EXAMPLES / "wakeword" / "microphone.py"))
    wave = _noise(1.0)
    firmware = _microphone(tmp_path, MICROPHONE.replace("WORK", "delay(8);"))  # half a hop, and printing the rest
    audio = AnalogAudio(wave, 8000)
    run = run_sketch(firmware, 1.0, devices=[audio], watch=["__vector_21", "take"])
    report = run.reports[0]
    assert report.conversions > 7950
    assert report.samples.tolist() == list(range(report.conversions))
    assert np.abs(np.diff(report.seconds) * 16e6 - 2000).max() <= 4  # a started instruction ends first
    heard = np.frombuffer(run.output[: len(run.output) // 256 * 256], "<i2")
    assert len(heard) >= 61 * 128
    assert np.array_equal(twin["converter_codes"](wave), audio.codes())
    assert np.array_equal(heard, twin["heard"](audio.codes())[: len(heard)])
    assert run.calls["__vector_21"].worst <= 78
    assert run.calls["take"].worst <= 10_000


@pytest.mark.parametrize(
    ("work", "lost"),
    [
        ("delay(20);", None),  # the ring runs full
        ("if (done++ == 5) { cli(); delayMicroseconds(700); sei(); }", (5, 6)),  # results are not fetched
        ("if (done++ == 5) { cli(); delayMicroseconds(200); sei(); }", (1, 2)),
        ("if (done++ == 5) { cli(); delayMicroseconds(60); sei(); }", (0, 0)),
    ],
    ids=["slow", "interrupts long off", "interrupts off", "interrupts shortly off"],
)
def test_lost_samples_are_counted(tmp_path, work, lost):
    code = MICROPHONE.replace("Serial.write((const uint8_t *)hop, sizeof hop);", "static uint8_t done;")
    code = code.replace("if (microphone::lost()) { Serial.end(); for (;;) {} }", "Serial.println(microphone::lost());")
    run = run_sketch(_microphone(tmp_path, code.replace("WORK", work)), 0.5, devices=[AnalogAudio(_noise(1.0), 8000)])
    counted = int(run.text[-1])
    if lost is None:
        until_line = int((run.lines[-1].seconds - run.reports[0].seconds[0]) * 8000) + 1
        assert counted > 500
        assert 140 <= until_line - 128 * len(run.text) - counted <= 150  # the full ring, and what came while printing
    else:
        assert lost[0] <= counted <= lost[1]
        assert run.reports[0].lost == counted


def test_what_goes_wrong_is_told(tmp_path):
    code = 'void setup() { Serial.begin(9600); Serial.println("hi"); delay(99); ((void (*)())0)(); }\nvoid loop() {}'
    firmware = _build(tmp_path, code)
    with pytest.raises(SimulationError, match=r"started again from address 0.* it printed is 'hi'"):
        run_sketch(firmware, 1.0)
    with pytest.raises(ValueError, match="no pin 'B7'"):
        run_sketch(_build(tmp_path, BLINK, "blink"), 0.01, devices=[PinWatch("B7")])
    with pytest.raises(ValueError, match="no analogue pin"):
        run_sketch(_build(tmp_path, BLINK, "dark"), 0.01, devices=[AnalogAudio(_noise(0.1), 8000, pin="D3")])


@pytest.mark.parametrize("clock_error", [-0.01, 0.0, 0.01])
def test_every_sample_of_the_sensor_is_recorded_in_order(clock_error):
    stream = _motion(10.2)
    run = run_sketch(_recorder(), 10.2, devices=[MPU6050(stream, clock_error=clock_error)])
    samples, remarks = _recorded(run)
    report = run.reports[0]
    assert [line.text for line in remarks] == ["# sensor ready"]
    assert report.lost == report.twice == report.torn == report.overflows == 0
    assert report.taken - len(report.samples) <= 1
    assert len(samples) == pytest.approx(10.1 * 100 * (1 + clock_error), abs=2)
    assert np.array_equal(samples, stream[report.rows[: len(samples)]])
    if not clock_error:
        assert report.rows.tolist() == list(range(report.rows[0], report.rows[0] + len(report.rows)))
    assert run.ram_peak <= 310
    assert run.warnings == []


def test_the_time_of_a_recorded_sample_is_its_own():
    run = run_sketch(_recorder(), 2.0, devices=[MPU6050(_motion(2.0))])
    times = np.array([int(line.split(",")[0]) for line in run.text[2:]])
    assert np.abs(times - times[0] - 10 * np.arange(len(times))).max() <= 5


@pytest.mark.parametrize(
    ("fault", "remark", "told", "recovered"),
    [
        (SensorFault("silent", 1.0, 1.5), "does not answer", 1.01, 1.75),
        (SensorFault("unplugged", 1.0, 1.5), "does not answer", 1.01, 1.75),
        (SensorFault("unplugged", 1.001, 1.002), "does not answer", 1.2, 1.5),  # asleep when asked again
        (SensorFault("stuck", 1.0, 2.5), "is stuck", 1.6, 2.6),
        (SensorFault("hung", 1.0), "does not answer", 1.02, 1.35),
        (SensorFault("silent", 0.0, 1.5), "does not answer", 0.1, 1.75),
    ],
    ids=["silent", "unplugged", "unplugged shortly", "stuck", "hung", "silent from the start"],
)
def test_a_faulty_sensor_is_told_and_comes_back(fault, remark, told, recovered):
    stream = _motion(3.0)
    run = run_sketch(_recorder(), 3.0, devices=[MPU6050(stream, faults=[fault])])
    _, remarks = _recorded(run)
    report = run.reports[0]
    trouble, back = remarks[-2:]
    assert trouble.text == f"# sensor {remark}"
    assert fault.start <= trouble.seconds <= told
    assert back.text == "# sensor ready"
    assert (trouble.seconds if fault.kind == "hung" else fault.end) <= back.seconds <= recovered
    assert len(remarks) == (2 if fault.start == 0 else 3)
    assert report.torn == 0
    after = [line.text.split(",")[1:] for line in run.lines if line.seconds > back.seconds]
    assert len(after) >= (3.0 - back.seconds) * 100 - 3
    assert np.array_equal(np.array(after, dtype=int), stream[report.rows[-len(after) :]])
    assert np.unique(np.diff(report.rows[-len(after) :])).tolist() == [1]


def test_the_driver_is_as_small_and_quick_as_its_pages_say():
    firmware = build_sketch(EXAMPLES / "gesturepod" / "arduino" / "recorder")
    own = [symbol for symbol in firmware.symbols if symbol.demangled.startswith("(anonymous namespace)::")]
    assert sum(symbol.size for symbol in own if symbol.kind in "bBdD") == 9
    read = "(anonymous namespace)::bus::read"
    run = run_sketch(firmware, 2.0, devices=[MPU6050(_motion(3.0))], watch=[read])
    assert run.calls[read].worst <= 0.395 * 16_000  # a sample
    assert run.calls[read].cycles.sum() <= 0.075 * 2.0 * 16_000_000


@pytest.mark.parametrize("kind", ["silent", "hung", "stuck"])
def test_the_driver_blocks_for_two_milliseconds_at_most(tmp_path, kind):
    folder = EXAMPLES / "gesturepod" / "arduino" / "recorder"
    wrapped = "__attribute__((noinline)) mpu6050::Event ask(int16_t *axes) { return mpu6050::poll(axes); }\nvoid setup"
    code = NAPPER.replace("NAP)", "0)").replace("mpu6050::poll(axes);", "ask(axes);").replace("void setup", wrapped)
    firmware = _build(tmp_path, code, "asks", folder / "mpu6050.h", folder / "mpu6050.cpp")
    faults = [SensorFault(kind, 0.5, 1.0), SensorFault(kind, 1.305, 1.5)]
    run = run_sketch(firmware, 2.5, devices=[MPU6050(_motion(3.0), faults=faults)], watch=["ask"])
    assert "# ready" in run.text
    assert run.calls["ask"].worst <= 2 * 16_000
    assert np.percentile(run.calls["ask"].cycles, 99) <= 10_000  # asking and taking a sample, with the rest of it


def test_a_full_fifo_is_told_and_emptied():
    fault = SensorFault("overflow", 1.0, 1.005)
    run = run_sketch(_recorder(), 2.0, devices=[MPU6050(_motion(2.0), faults=[fault])])
    _, remarks = _recorded(run)
    assert [line.text for line in remarks] == ["# sensor ready", "# sensor was not read in time"]
    assert remarks[1].seconds == pytest.approx(1.0, abs=0.01)
    assert run.reports[0].overflows == 1
    assert run.reports[0].torn == 0
    assert run.reports[0].lost <= 2


@pytest.mark.parametrize(("nap", "overflows"), [(700, 0), (1200, 4)])
def test_a_busy_sketch_loses_nothing_for_most_of_a_second(tmp_path, nap, overflows):
    folder = EXAMPLES / "gesturepod" / "arduino" / "recorder"
    code = NAPPER.replace("NAP)", f"{nap})")
    firmware = _build(tmp_path, code, "naps", folder / "mpu6050.h", folder / "mpu6050.cpp")
    stream = _motion(8.0)
    run = run_sketch(firmware, 7.0, devices=[MPU6050(stream)])
    report = run.reports[0]
    printed = [int(line) for line in run.text if not line.startswith("#")]
    assert printed == stream[report.rows[: len(printed)], 5].tolist()
    assert report.torn == 0
    assert (report.lost > 0) == (overflows > 0)
    assert run.text.count("# was not read in time") == pytest.approx(overflows, abs=1) if overflows else True


def test_the_sensor_serves_the_wire_library(tmp_path):
    sketch = write_sketch(tmp_path, BURSTS_OVER_WIRE, "wired")
    firmware = build_sketch(sketch)
    assert firmware.warnings == ()
    stream = _motion(2.0)
    run = run_sketch(firmware, 1.0, devices=[MPU6050(stream, address=0x69)])
    report = run.reports[0]
    assert run.text[0] == str(0x68)
    assert report.lost == report.twice == 0
    assert len(report.rows) >= 97
    rows = [[int(field) for field in line.split(",")[:-1]] for line in run.text[1:]]
    assert rows == stream[report.rows[: len(rows)]].tolist()


def test_a_stream_and_its_faults_are_checked(tmp_path):
    firmware = _build(tmp_path, BLINK, "blink")
    with pytest.raises(ValueError, match="six columns"):
        run_sketch(firmware, 0.01, devices=[MPU6050(np.zeros((5, 3), np.int16))])
    with pytest.raises(ValueError, match="no fault is called 'broken'; known: silent"):
        SensorFault("broken", 1.0)
