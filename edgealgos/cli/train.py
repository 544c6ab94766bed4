"""The command train: from data to a saved model and a sketch; places are checked before anything is learnt."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import edgealgos as ea

from .data import Data, read_data, split
from .export import check_export, export_model
from .models import fitted, new_model
from .places import check_file, check_folder
from .scores import score, score_name

AXES = ("ax", "ay", "az", "gx", "gy", "gz")  # that sketches read, all or those of acceleration


def train(arguments: argparse.Namespace) -> int:
    """Fit, score on held-back rows, save, export."""
    save = arguments.save
    if save is None and arguments.export is None:
        save = _name_of(arguments)
    if save is not None:
        check_file(save, "--save")
    if arguments.export is not None:
        check_folder(arguments.export, "--export", arguments.overwrite)
        check_export(arguments.export, arguments)
    data = split(read_data(arguments), arguments.test_size)
    model = fitted(new_model(arguments, data), data)
    print(_result(model, data))
    if save is not None:
        following = "" if arguments.export else f"; next: edgealgos export {save} out/my_model"
        print(f"saved to {ea.save(model, save)}{following}")
    if arguments.export is not None:
        _export(model, arguments, save, data)
    return 0


def _result(model: Any, data: Data) -> str:
    estimator = model[-1] if hasattr(model, "steps") else model
    noun = "rows" if data.recordings is None else "windows"
    lines = [f"{type(estimator).__name__}: {estimator.model_bytes_} bytes, {len(data.X)} {noun}"]
    if hasattr(estimator, "n_iter_"):
        lines[0] += f", {estimator.n_iter_} epochs"
    if data.X_test is not None and data.y_test is not None:
        device = ea.compile_model(model)
        exact = model.score(data.X_test, data.y_test)
        lines.append(
            f"{score_name(device)} on {len(data.y_test)} other {noun}: {exact:.4f} in floating point, "
            f"{score(device, data.y_test, device.predict(data.X_test)):.4f} on the device"
        )
    return "\n".join(lines)


def _export(model: Any, arguments: argparse.Namespace, save: str | None, data: Data) -> None:
    try:
        print(export_model(model, arguments.export, arguments, usual_sketch(data)))
    except ea.EdgeAlgosError as error:
        if save is None:
            kept = _name_of(arguments)
            check_file(kept, "--save")
            print(f"saved to {ea.save(model, kept)}, so that the training is not lost")
        raise error
    print(f"written to {arguments.export}")


def usual_sketch(data: Data) -> dict[str, Any] | None:
    """What a sketch does that nobody has told what to do: it reads what was recorded, from the same sensor."""
    recordings = data.recordings
    if recordings is None:
        return None
    if recordings.kind == "sound":
        return {"application": "microphone"}
    if recordings.sensor is None or recordings.axes not in (AXES, AXES[:3]):
        print(f"the sketch reads lines: no sensor gives {', '.join(recordings.axes)} and nothing else")
        return None
    ranges = recordings.ranges
    return {
        "application": "imu", "sensor": recordings.sensor.name,
        "ranges": (ranges["a"], ranges.get("g", recordings.sensor.usual[1])),
    }  # fmt: skip


def _name_of(arguments: argparse.Namespace) -> str:
    """File of a model that was given none, in the working folder."""
    return f"{Path(arguments.data).name.partition('.')[0] or 'model'}.edgealgos"
