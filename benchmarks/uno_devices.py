"""Sketches with sensors on a simulated Arduino Uno: memory, cycles, lost samples in a minute, speed of the simulation.

    python benchmarks/uno_devices.py > benchmarks/results/uno_devices.md

The motion sensor's driver is compared with the same sensor read over the Wire library of the Arduino core.
"""

from __future__ import annotations

import resource
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.emit.cpp.template import template
from edgealgos.codegen.simulate import MPU6050, AnalogAudio, SketchRun, run_sketch

EXAMPLES = Path(__file__).parents[1] / "examples"
RECORDER = EXAMPLES / "gesturepod" / "arduino" / "recorder"
MICROPHONE = {"rate": 8000, "hop": 128}
SECONDS = 60
CLOCK = 16_000_000
BUS_READ = "(anonymous namespace)::bus::read"

HEARS = """
#include "microphone.h"
int16_t hop[microphone::kHop];
__attribute__((noinline)) bool take() { return microphone::read_hop(hop); }
void setup() { Serial.begin(1000000); microphone::begin(); }
void loop() {
  if (!take()) return;
  delay(8);
  Serial.println(microphone::lost());
}
"""

ASKS = """
#include "mpu6050.h"
__attribute__((noinline)) mpu6050::Event ask(int16_t *axes) { return mpu6050::poll(axes); }
void setup() { Serial.begin(115200); }
void loop() {
  int16_t axes[mpu6050::kAxes];
  if (ask(axes) == mpu6050::kSample) Serial.println(axes[0]);
}
"""

WIRED = """
#include <Wire.h>
void put(uint8_t place, uint8_t value) {
  Wire.beginTransmission(0x68);
  Wire.write(place);
  Wire.write(value);
  Wire.endTransmission();
}
__attribute__((noinline)) void ask(uint8_t place, uint8_t count) {
  Wire.beginTransmission(0x68);
  Wire.write(place);
  Wire.endTransmission(false);
  Wire.requestFrom((uint8_t)0x68, count);
}
int16_t word16() { uint8_t high = Wire.read(); return high << 8 | Wire.read(); }
void setup() {
  Serial.begin(115200);
  Wire.begin();
  Wire.setClock(400000);
  put(0x6B, 1);
  put(0x1A, 3);
  put(0x19, 9);
  put(0x23, 0x78);
  put(0x6A, 0x44);
}
void loop() {
  ask(0x72, 2);
  if (word16() < 12) return;
  ask(0x74, 12);
  Serial.println(word16());
}
"""


def sketch(folder: str, name: str, code: str, sources: Sequence[Path] = ()) -> Path:
    """A sketch folder with that code and copies of these files."""
    path = Path(folder) / name
    path.mkdir()
    (path / f"{name}.ino").write_text(code)
    for source in sources:
        shutil.copy(source, path)
    return path


def computing_seconds() -> float:
    """Processor time that simulations have taken so far."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def row(name: str, run: SketchRun, lost: int | str, cycles: str, speed: str = "") -> None:
    print(f"| {name} | {run.flash_bytes:,} | {run.static_ram} + {run.stack_peak} | {lost} | {cycles} | {speed} |")


def noise(seconds: float, rate: int, *columns: int) -> np.ndarray:
    return np.random.default_rng(0).integers(-30000, 30000, (int(seconds * rate), *columns)).astype(np.int16)


def recorder_row() -> None:
    start = computing_seconds()
    run = run_sketch(build_sketch(RECORDER), SECONDS, [MPU6050(noise(SECONDS, 100, 6))])
    speed = SECONDS * CLOCK / 1e6 / (computing_seconds() - start)
    row("recorder of motion, sleeping while it waits", run, run.reports[0].lost, "", f"{speed:.0f}")


def driver_rows(folder: str) -> None:
    sensor = MPU6050(noise(SECONDS, 100, 6))
    sources = [RECORDER / "mpu6050.h", RECORDER / "mpu6050.cpp"]
    run = run_sketch(build_sketch(sketch(folder, "asks", ASKS, sources)), SECONDS / 10, [sensor], ["ask", BUS_READ])
    busy = run.calls[BUS_READ].cycles.sum() / CLOCK / run.seconds
    cycles = f"longest call {run.calls['ask'].worst:,}, bus {busy:.1%} of the time"
    row("motion sensor, first axis printed", run, run.reports[0].lost, cycles)
    run = run_sketch(build_sketch(sketch(folder, "wired", WIRED)), SECONDS / 10, [sensor], ["ask"])
    cycles = f"longest call {run.calls['ask'].worst:,}"
    row("the same over Wire, faults unnoticed", run, run.reports[0].lost, cycles)


def microphone_row(folder: str) -> None:
    start = computing_seconds()
    path = sketch(folder, "hears", HEARS)
    for name in ("microphone.h", "microphone.cpp"):
        (path / name).write_text(template(name).substitute(MICROPHONE))
    firmware = build_sketch(path)
    run = run_sketch(firmware, SECONDS, [AnalogAudio(noise(SECONDS, 8000), 8000)], ["__vector_21", "take"])
    speed = SECONDS * CLOCK / 1e6 / (computing_seconds() - start)
    interrupt, hop = run.calls["__vector_21"], run.calls["take"]
    cycles = f"interrupt {interrupt.cycles.mean():.1f}, at most {interrupt.worst}; a hop {hop.worst:,}"
    lost = f"{run.reports[0].lost} (it says {run.text[-1]})"
    row("microphone at 8 kHz, half a hop of other work", run, lost, cycles, f"{speed:.0f}")


def main() -> None:
    print("    python benchmarks/uno_devices.py > benchmarks/results/uno_devices.md\n")
    print("# Sketches with sensors on a simulated Arduino Uno\n")
    print(f"Samples lost in {SECONDS} simulated seconds (both drivers: {SECONDS // 10}); speed: simulated clock cycles")
    print("for a second of one processor core, compiling included.\n")
    print("| sketch | flash | RAM: variables + deepest stack | samples lost | cycles | simulated MHz |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        recorder_row()
        driver_rows(folder)
        microphone_row(folder)


if __name__ == "__main__":
    main()
