#!/usr/bin/env python
"""Step 3: the finished sketch for an Uno or another board with an MPU-6050, from the model of step 2.

python 3_export.py                       # writes out/cane; open it in the Arduino IDE and upload it
python 3_export.py --board mkr1000       # for the board that GesturePod was made with
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from string import Template
from typing import Any

import models
from cane import NOISE, SILENCE

from edgealgos import EdgeAlgosError, export_arduino, load

HERE = Path(__file__).parent / "arduino"
DRIVER = ("mpu6050.h", "mpu6050.cpp")
PINS = {"uno": "A4 and A5", "nano": "A4 and A5", "mkr1000": "11 and 12", "mega": "20 and 21", "leonardo": "2 and 3"}
README = Template("""\
# ${name}

Gestures of a white cane on an ${board} with an MPU-6050: SDA and SCL to the board's (${pins}), VCC to its supply,
GND to GND. Open `${name}.ino` in the Arduino IDE, upload, and open the Serial Monitor at 115200 baud. The first answer
comes ${start} s after the sensor is ready; a gesture is told once, with its time in milliseconds.

`${name}_model.h/.cpp` and `edgealgos_runtime.h` are the model, made by edgealgos (`manifest.json` has the facts),
`mpu6050.h/.cpp` the driver, `vote.h` the vote on the last ${depth} answers.
""")


def sketch_text(template: str, name: str, features: Any, classes: list[str]) -> str:
    """The application with this model's numbers."""
    ignored = sum(1 << i for i, label in enumerate(classes) if label in (NOISE, SILENCE))
    return Template(template).substitute(
        name=name, window=features.window_, hop=features.hop, depth=models.DEPTH, majority=models.MAJORITY,
        pause=models.PAUSE, ignored=hex(ignored),
    )  # fmt: skip


def export(model: Any, folder: Path, board: str = "uno") -> Any:
    """Write the finished sketch of a fitted Pipeline; returns edgealgos' report of the model's part."""
    name = folder.name
    report = export_arduino(model, folder, board=board, name=name, overwrite=True)
    template = (HERE / "sketch" / "sketch.ino").read_text(encoding="utf-8")
    text = sketch_text(template, name, model[0], list(model.classes_))
    (folder / f"{name}.ino").write_text(text, encoding="utf-8")
    start = f"{model[0].window_ / model[0].rate:.1f}"
    pins = PINS.get(report.board.name, "as its pinout says")
    readme = README.substitute(name=name, depth=models.DEPTH, start=start, board=report.board.title, pins=pins)
    (folder / "README.md").write_text(readme, encoding="utf-8")
    shutil.copy(HERE / "sketch" / "vote.h", folder)
    for file in DRIVER:
        shutil.copy(HERE / "recorder" / file, folder)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", default=Path("out/gestures.edgealgos"))
    parser.add_argument("--out", type=Path, default=Path("out/cane"), help="folder of the sketch; it names it, too")
    parser.add_argument("--board", default="uno", help="a board that takes Arduino sketches (default: uno)")
    options = parser.parse_args()
    try:
        model = load(options.model)
        print(export(model, options.out, options.board))
    except (EdgeAlgosError, OSError) as error:
        sys.exit(str(error))
    print(f"\n{options.out}/{options.out.name}.ino is ready; the driver and the vote come on top of the figures above.")


if __name__ == "__main__":
    main()
