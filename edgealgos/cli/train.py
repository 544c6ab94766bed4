"""The command train: from data to a saved model and a sketch; places are checked before anything is learnt."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import edgealgos as ea

from .data import read_data, split
from .export import export_model, exported_options
from .families import BASE, default_family, make_estimator
from .places import check_file, check_folder
from .scores import score, score_name

PREFIX = "model_"


def train(arguments: argparse.Namespace) -> int:
    """Fit, score on held-back rows, save, export."""
    save = arguments.save
    if save is None and arguments.export is None:
        save = _name_of(arguments)
    if save is not None:
        check_file(save, "--save")
    if arguments.export is not None:
        check_folder(arguments.export, "--export", arguments.overwrite)
        exported_options(arguments)
    table = split(read_data(arguments), arguments.test_size)
    model = new_model(arguments, str(table.task)).fit(table.X, table.y)
    print(_result(model, table))
    if save is not None:
        print(
            f"saved to {ea.save(model, save)}"
            + ("" if arguments.export else f"; next: edgealgos export {save} out/my_model")
        )
    if arguments.export is not None:
        _export(model, arguments, save)
    return 0


def new_model(arguments: argparse.Namespace, task: str) -> Any:
    """An unfitted model as the flags describe it."""
    given = {name.removeprefix(PREFIX): value for name, value in vars(arguments).items() if name.startswith(PREFIX)}
    base = BASE | ({"board": arguments.board} if arguments.board else {})
    estimator = make_estimator(arguments.family or default_family(), task, given, base)
    return make_pipeline(StandardScaler(), estimator) if arguments.standardize else estimator


def _result(model: Any, table: ea.datasets.Table) -> str:
    estimator = model[-1] if hasattr(model, "steps") else model
    lines = [f"{type(estimator).__name__}: {estimator.model_bytes_} bytes, {len(table.X)} rows"]
    if hasattr(estimator, "n_iter_"):
        lines[0] += f", {estimator.n_iter_} epochs"
    if table.X_test is not None and table.y_test is not None:
        device = ea.compile_model(model)
        exact = model.score(table.X_test, table.y_test)
        lines.append(
            f"{score_name(device)} on {len(table.y_test)} other rows: {exact:.4f} in floating point, "
            f"{score(device, table.y_test, device.predict(table.X_test)):.4f} on the device"
        )
    return "\n".join(lines)


def _export(model: Any, arguments: argparse.Namespace, save: str | None) -> None:
    try:
        print(export_model(model, arguments.export, arguments))
    except ea.EdgeAlgosError as error:
        if save is None:
            kept = _name_of(arguments)
            check_file(kept, "--save")
            print(f"saved to {ea.save(model, kept)}, so that the training is not lost")
        raise error
    print(f"written to {arguments.export}")


def _name_of(arguments: argparse.Namespace) -> str:
    """File of a model that was given none, in the working folder."""
    return f"{Path(arguments.data).name.partition('.')[0] or 'model'}.edgealgos"
