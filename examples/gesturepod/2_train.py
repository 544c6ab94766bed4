#!/usr/bin/env python
"""Step 2: a model from recordings.

    python 2_train.py recordings                     # what 1_record.py wrote
    python 2_train.py --public dataTR_v1.tar.gz      # GesturePod's published recordings
    python 2_train.py --data magic_wand              # or smartwatch_har, from the folder in EDGEALGOS_DATA

Tests on people (or, of a single person, recordings) that the model has never seen: windows of one recording are nearly
the same, and a random split of windows would test what was learnt by heart.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cane
import models
import numpy as np
import pictures
import recordings
from cane import NOISE, SILENCE
from vote import told

from edgealgos import EdgeAlgosError, compile_model, datasets, save

NEGATIVES = f"""\
What is no gesture is learnt, too, or every movement would be one: "{SILENCE}" are windows in which the cane stands
still, "{NOISE}" is everything else: walking, sweeping, knocks, gestures made by halves. Windows with a piece of a
gesture are left out. The more kinds of noise are recorded, the fewer false alarms; record what caused one as noise."""


def train_on_streams(found: list[recordings.Recording], out: Path, compare: bool, epochs: int | None) -> None:
    """Split by people, train, test, save."""
    recordings.check_enough(found)
    learnt, unseen = recordings.split_people(found)
    people = len({r.person for r in unseen})
    print(f"{len(learnt)} recordings to learn from, {len(unseen)} of {people} other people to test with\n{NEGATIVES}")
    model = models.protonn(verbose=1, epochs=epochs or models.EPOCHS)
    features = model[0]
    X, y = recordings.training_windows(learnt, features, models.NEGATIVES)
    for label, number in zip(*np.unique(y, return_counts=True), strict=True):
        print(f"  {label:13} {number:6} windows")
    model.fit(X, y)
    compiled = compile_model(model)
    save(model, out / "gestures.edgealgos")
    rows = [("MotionFeatures and ProtoNN", model[-1].model_bytes_, compiled, compiled.predict)]
    if compare:
        rows.append(_fastgrnn(X, y, epochs))
    _table(rows, unseen, features, model.classes_)
    _draw(unseen, features, compiled, out)


def _fastgrnn(X: Any, y: Any, epochs: int | None) -> tuple[Any, ...]:
    print("FastGRNN on the raw readings, for comparison")
    network = models.fastgrnn(verbose=1, **({"epochs": epochs} if epochs else {})).fit(models.in_steps(X), y)
    compiled = compile_model(network)

    def predict(windows: Any) -> Any:
        return compiled.predict(models.in_steps(windows))

    return "FastGRNN on raw readings", network.model_bytes_, compiled, predict


def _table(rows: list[Any], unseen: list[recordings.Recording], features: Any, classes: Any) -> None:
    print(f"\n{'of unseen people, as the board answers':40} {'bytes':>6} {'ms':>5} {'windows':>8}  gestures")
    for name, size, compiled, predict in rows:
        parts = [(predict(X), y) for X, y in recordings.windows(unseen, features)]
        hits = np.concatenate([(a == y)[y != ""] for a, y in parts])
        score = models.score_streams(unseen, features, classes, predict)
        spent = models.milliseconds(compiled, features.hop)
        print(f"{name:40} {size:6} {spent:5.1f} {hits.mean():8.1%}  {score}")


def _draw(unseen: list[recordings.Recording], features: Any, compiled: Any, out: Path) -> None:
    parts = [(compiled.predict(X), y) for X, y in recordings.windows(unseen, features)]
    answers, truth = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    labels = list(compiled.program.labels)
    pictures.confusion(out / "confusion.png", labels, truth[truth != ""], answers[truth != ""])
    first = unseen[0]
    shown = [labels.index(a) for a in parts[0][0]]
    found = told(shown, models.vote_for(labels), labels, features.window, features.hop)
    pictures.timeline(out / "timeline.png", first.X, first.gestures, parts[0][0].tolist(), found, features)
    pictures.traces(out / "gestures.png")
    print(f"pictures: {out}/gestures.png, confusion.png, timeline.png")
    try:
        real = datasets.load_gesturepod_taps().X[880:1150].astype(float)
    except EdgeAlgosError:
        return
    real[:, 3:] *= cane.DEGREE_PER_SECOND
    pictures.double_taps(out / "double_taps.png", real)
    print(f"          {out}/double_taps.png")


def train_on_set(name: str, out: Path) -> None:
    """One of the packed sets, whose test part are other people."""
    data = {"magic_wand": datasets.load_magic_wand, "smartwatch_har": datasets.load_smartwatch_har}[name]()
    names = data.class_names.astype(str)
    features, options = models.SETS[name]
    model = models.protonn(features, verbose=1, **options).fit(data.X_train, names[data.y_train])
    answers = compile_model(model).predict(data.X_test)
    accuracy = np.mean(answers == names[data.y_test])
    print(f"{name}: {accuracy:.1%} of {len(answers)} recordings of other people, {model[-1].model_bytes_} bytes")
    pictures.confusion(out / f"{name}.png", list(model.classes_), names[data.y_test], answers)
    print(f"{out}/{name}.png, {save(model, out / f'{name}.edgealgos')}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("recordings"))
    parser.add_argument("--public", type=Path, help="dataTR_v1.tar.gz")
    parser.add_argument("--data", choices=sorted(models.SETS))
    parser.add_argument("--compare", action="store_true", help="train FastGRNN on the raw readings, too")
    parser.add_argument("--epochs", type=int, help="fewer are quicker, for a first look")
    parser.add_argument("--out", type=Path, default=Path("out"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        if options.data:
            return train_on_set(options.data, options.out)
        if options.public:
            found = recordings.from_public(datasets.load_gesturepod(options.public))
        else:
            found = recordings.read_folder(options.folder)
        train_on_streams(found, options.out, options.compare, options.epochs)
        print(f"model: {options.out}/gestures.edgealgos; next: python 3_export.py")
    except (EdgeAlgosError, recordings.RecordingError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
