"""Measures the GesturePod example: unseen people, other people's data sets, and the finished sketch on a simulated Uno.

Writes benchmarks/results/gesturepod.md. Data sets come from the folder in EDGEALGOS_DATA; what is missing is left out.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score

from edgealgos import EdgeAlgosError, compile_model, datasets
from edgealgos.codegen.build.sketch import build_sketch
from edgealgos.codegen.simulate import MPU6050, SerialInput, run_sketch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "gesturepod"))
import cane
import models
import recordings

export = importlib.import_module("3_export")
RESULTS = Path(__file__).parent / "results" / "gesturepod.md"
LEARNT, UNSEEN = range(models.PEOPLE), range(100, 120)  # settings were chosen on people 200 to 211
CLOCK = 16_000_000


def simulated(people: range, gestures: int, others: float) -> list[recordings.Recording]:
    """Recordings of simulated people."""
    return [recordings.from_stream(s) for s in cane.make_streams(people, gestures=gestures, others=others)]


def rows(minutes: float, compare: bool) -> Iterator[tuple[str, str, str]]:
    """What was measured, the result, what was asked."""
    learnt, unseen = simulated(LEARNT, 20, 100.0), simulated(UNSEEN, 20, 120.0)
    model = models.protonn()
    X, y = recordings.training_windows(learnt, model[0], models.NEGATIVES)
    started = time.perf_counter()
    model.fit(X, y)
    compiled = compile_model(model)
    seconds = time.perf_counter() - started
    name = f"simulated cane, {len(UNSEEN)} unseen people, MotionFeatures and ProtoNN ({model[-1].model_bytes_:,} bytes)"
    score = models.score_streams(unseen, model[0], model.classes_, compiled.predict)
    yield f"{name}, trained in {seconds:.0f} s", str(score), "recall ≥ 97 %, ≤ 1 false alarm a minute"
    if compare:
        network = models.fastgrnn().fit(models.in_steps(X), y)
        device = compile_model(network)
        score = models.score_streams(
            unseen, model[0], network.classes_, lambda windows: device.predict(models.in_steps(windows))
        )
        times = ", ".join(f"{models.milliseconds(c, model[0].hop):.1f} ms" for c in (device, compiled))
        said = f"{score}; predicted time of an answer {times} (above)"
        yield f"the same, FastGRNN on raw readings ({network.model_bytes_:,} bytes)", said, "for comparison"
    yield from on_the_board(model, minutes)
    for data, asked in (("magic_wand", "≥ 97 %, ≤ 2,048 bytes"), ("smartwatch_har", "≥ 93 %, ≤ 2,048 bytes")):
        yield from on_set(data, asked)


def on_set(name: str, asked: str) -> Iterator[tuple[str, str, str]]:
    """Accuracy of the device program on other people's recordings."""
    try:
        data = {"magic_wand": datasets.load_magic_wand, "smartwatch_har": datasets.load_smartwatch_har}[name]()
    except EdgeAlgosError as error:
        print(f"{name} left out: {error}")
        return
    features, options = models.SETS[name]
    model = models.protonn(features, **options).fit(data.X_train, data.y_train)
    accuracy = accuracy_score(data.y_test, compile_model(model).predict(data.X_test))
    yield f"`{name}.npz`, other people, device program", f"{accuracy:.1%}, {model[-1].model_bytes_:,} bytes", asked


def on_the_board(model: Any, minutes: float) -> Iterator[tuple[str, str, str]]:
    """The finished sketch: sizes, time, lost samples, every answer, the recorded double tap."""
    with tempfile.TemporaryDirectory() as folder:
        export.export(model, Path(folder) / "cane")
        firmware = build_sketch(Path(folder) / "cane")
    stream = cane.make_streams([UNSEEN.start], gestures=int(6 * minutes), others=40 * minutes)[0].X
    stream = np.resize(stream, (round(minutes * 60 * cane.RATE), stream.shape[1]))
    run = run_stream(firmware, stream, minutes * 60)
    answers = [int(line.text[2:]) for line in run.lines if line.text.startswith("= ")]
    report, decisions = run.reports[0], run.calls["cane::predict()"].cycles
    expected = compile_model(model).predict(model[0].windows(stream[report.rows[0] :]))
    same = np.asarray(model.classes_)[answers] == expected[: len(answers)]
    yield "finished sketch, flash", f"{run.flash_bytes:,} bytes", "≤ 28,672 bytes"
    yield "finished sketch, RAM with the deepest stack", f"{run.ram_peak:,} bytes", "≤ 2,048 bytes"
    worst = decisions.max() * 1000 / CLOCK
    yield "one decision, features included, worst", f"{worst:.2f} ms ({decisions.max():,} cycles)", "≤ 10 ms"
    read = f"{report.lost} of {report.taken:,}"
    yield f"samples lost in {minutes:g} simulated minutes", read, "0"
    yield f"answers that differ from Python's in {minutes:g} minutes", f"{np.sum(~same)} of {len(answers):,}", "0"
    yield from recorded_taps(model, firmware)


def recorded_taps(model: Any, firmware: Any) -> Iterator[tuple[str, str, str]]:
    """GesturePod's recorded stream, its rates of turn as they are and in the sensor's units."""
    try:
        X = datasets.load_gesturepod_taps().X.astype(float)
    except EdgeAlgosError as error:
        print(f"gesturepod_taps left out: {error}")
        return
    for turns, gain in (("in register units", cane.DEGREE_PER_SECOND), ("as logged", 1.0)):
        stream = np.rint(X * np.array([1, 1, 1, gain, gain, gain])).astype(np.int16)
        run = run_stream(firmware, stream, len(stream) / cane.RATE + 0.3)
        said = [line for line in run.text if line[:1].isdigit()]
        yield f"recorded double tap, rates of turn {turns}", "; ".join(said) or "nothing told", "double tap, once"


def run_stream(firmware: Any, stream: Any, seconds: float) -> Any:
    """The sketch with a sensor that is moved as the stream says."""
    devices = [MPU6050(stream), SerialInput([(0.05, "v")])]
    return run_sketch(firmware, seconds, devices=devices, watch=["cane::predict()"])


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="of simulated time on the board")
    parser.add_argument("--no-compare", action="store_true", help="leave out FastGRNN")
    options = parser.parse_args()
    lines = ["| what | measured | asked |", "|---|---|---|"]
    for row in rows(options.minutes, not options.no_compare):
        lines.append(f"| {' | '.join(row)} |")
        print(lines[-1], flush=True)
    title = "# GesturePod on an Uno\n\nMade by `python benchmarks/gesturepod.py`.\n"
    RESULTS.write_text("\n".join([title, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
