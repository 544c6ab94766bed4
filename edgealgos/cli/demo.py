"""The demonstration: digits, three families, the real firmware on a simulated Uno; through the public page alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import edgealgos as ea


class Row(NamedTuple):
    """One line of the table; None where nothing could be simulated."""

    model: str
    float_accuracy: float
    device_accuracy: float
    agreement: float | None
    flash: int | None
    static_ram: int | None
    stack: int | None
    cycles: float | None
    sketch: Path


COLUMNS = ("model", "float acc.", "device acc.", "device == Python", "flash", "RAM static + stack", "cycles", "sketch")


def run_demo(out: str, epochs: int | None, rows: int | None) -> int:
    """Train, export, simulate, print; returns the exit code: 1 when a tool for simulating is missing."""
    X, y = load_digits(return_X_y=True)
    split = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    options: dict[str, Any] = {"random_state": 0, "verbose": 1, "epochs": epochs}
    models = [
        ea.BonsaiClassifier(**options), ea.ProtoNNClassifier(**options), ea.FastGRNNClassifier(step_size=8, **options),
    ]  # fmt: skip
    print(f"digits: {len(split[0])} rows to train on, {len(split[1])} to test on; 2,048 bytes of flash for each model")
    missing: list[ea.MissingToolError] = []
    table = [_one(model, split, Path(out), rows, missing) for model in models]
    _print_table(table)
    for error in missing[:1]:
        print(f"not simulated: {error}")
    return 1 if missing else 0


def _one(model: Any, split: list[Any], out: Path, rows: int | None, missing: list[ea.MissingToolError]) -> Row:
    X_train, X_test, y_train, y_test = split
    name = type(model).__name__.removesuffix("Classifier")
    print(f"\n{name}: training", flush=True)
    model.fit(X_train, y_train)
    sketch = out / f"{name.lower()}_digits"
    model.export_arduino(sketch, overwrite=True)
    compiled = ea.compile_model(model)
    expected = compiled.predict(X_test)
    facts = {"model": name, "sketch": sketch, "float_accuracy": model.score(X_test, y_test)}
    try:
        print(f"{name}: running {len(X_test[:rows])} rows on a simulated Uno", flush=True)
        result = compiled.simulate(X_test[:rows])
    except ea.MissingToolError as error:
        missing.append(error)
        return Row(device_accuracy=float(np.mean(expected == y_test)), agreement=None, flash=None, static_ram=None,
                   stack=None, cycles=None, **facts)  # fmt: skip
    for warning in result.warnings:
        print(f"{name}: {warning}")
    return Row(
        device_accuracy=float(np.mean(result.labels == y_test[:rows])),
        agreement=float(np.mean(result.labels == expected[:rows])),
        flash=result.flash_bytes, static_ram=result.static_ram, stack=result.stack_peak,
        cycles=float(result.cycles.mean()), **facts,
    )  # fmt: skip


def _print_table(table: list[Row]) -> None:
    lines = [COLUMNS, *(_cells(row) for row in table)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    print()
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cells(row: Row) -> tuple[str, ...]:
    if row.agreement is None:
        simulated: tuple[str, ...] = ("-",) * 4
    else:
        simulated = (f"{row.agreement:.2%}", f"{row.flash:,}", f"{row.static_ram} + {row.stack}", f"{row.cycles:,.0f}")
    return row.model, f"{row.float_accuracy:.4f}", f"{row.device_accuracy:.4f}", *simulated, str(row.sketch)
