"""Step 3: the sketch for the Uno and the program for the Raspberry Pi Zero.

python examples/wakeword/3_export.py
python examples/wakeword/3_export.py --board pico      # or microbit: a sketch for it besides
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from edgealgos import compile_model, export_arduino, export_cpp, load

HERE = Path(__file__).parent
NAME = "wakeword"
WITHOUT_AVR = ("pico", "microbit")  # what arduino_other/microphone.cpp knows


def settings(facts: dict) -> str:
    """Text of settings.h."""
    literal = "".join(c if c.isascii() and c.isalnum() else f"\\{b:03o}" for c in facts["word"] for b in _bytes(c))
    return f"""// Which word is listened for, and when it counts as heard. Made by 3_export.py.
#ifndef WAKEWORD_SETTINGS_H
#define WAKEWORD_SETTINGS_H

#include <stdint.h>

#define WAKEWORD_NAME "{literal}"
static const char *const kName = WAKEWORD_NAME;
constexpr uint8_t kWord = 1;                      // its class
constexpr int32_t kThreshold = {facts["threshold"]};  // of the level, in raw scores
constexpr uint8_t kSmoothing = {facts["smoothing"]};               // the level's time constant is 2^kSmoothing hops
constexpr uint16_t kPause = {facts["pause"]};                 // hops without another detection

#endif
"""


def _bytes(letter: str) -> bytes:
    return letter.encode() if not (letter.isascii() and letter.isalnum()) else b"\0"


def sketch_without_avr(pipeline: Any, board: str, folder: Path) -> Any:
    """A sketch with a microphone for a board that is none of the AVR family; returns edgealgos' report."""
    report = export_arduino(pipeline, folder, board=board, name=NAME, application="empty", overwrite=True)
    program = compile_model(pipeline, board).program
    for file in (HERE / "arduino_other").iterdir():
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".h":
            text = Template(text).substitute(rate=round(program.rate or 0), hop=program.input.size)
        (folder / file.name).write_text(text, encoding="utf-8")
    shutil.copy(HERE / "arduino" / f"{NAME}.ino", folder)
    return report


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("out/wakeword"))
    parser.add_argument("--board", choices=WITHOUT_AVR, help="a board that gets a sketch besides the Uno")
    options = parser.parse_args()
    if not (options.out / "model.edgealgos").exists():
        sys.exit(f"{options.out / 'model.edgealgos'} is missing: run 2_train.py first")
    pipeline = load(options.out / "model.edgealgos")
    facts = json.loads((options.out / "detector.json").read_text())
    uno, pi = options.out / "uno" / NAME, options.out / "pi"
    report = export_arduino(pipeline, uno, name=NAME, application="microphone", overwrite=True)
    export_cpp(pipeline, pi, target="pizero", name=NAME, overwrite=True)
    for leftover in ("main.cpp", "pizero.cmake", "README.md"):
        (pi / leftover).unlink(missing_ok=True)
    for source, target in ((HERE / "arduino", uno), (HERE / "pi", pi)):
        for file in source.iterdir():
            shutil.copy(file, target / file.name)
    made = [uno, pi]
    if options.board:
        made.append(options.out / options.board / NAME)
        print(sketch_without_avr(pipeline, options.board, made[-1]))
    for target in made:
        shutil.copy(HERE / "detector.h", target / "detector.h")
        (target / "settings.h").write_text(settings(facts))
    hop = compile_model(pipeline).program.input.size
    steps = report.cycles / np.ceil(pipeline["model"].n_features_in_ / pipeline["model"].n_step_features_ + 1)
    print(report)
    print(f"{steps:,.0f} cycles a hop of {hop} samples, of 256,000 that it lasts")
    sketches = [str(folder) for folder in made if folder != pi]
    print(f"wrote {' and '.join(sketches)} (open {NAME}.ino in the Arduino IDE) and {pi} (cmake); next: 4_run.py")


if __name__ == "__main__":
    main()
