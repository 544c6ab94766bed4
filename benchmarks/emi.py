"""What windows and early exit are worth on a simulated Uno. ``python benchmarks/emi.py [--only NAME] [--seeds N]``.

One FastGRNN of whole sequences against one of windows (EMI-RNN) of equal bytes. ``motif``: noise of three channels in
which, at a random place, one of four motifs of 12 steps tells the class; data, split and training differ by seed.
``smartwatch_har``: five activities at the wrist, which last the whole sequence; only training differs by seed. The
confidence of the early exit is chosen on training rows held out (``early_exit="auto"``); the test part is seen once.
Writes ``results/emi.md``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import edgealgos as ea

RESULTS = Path(__file__).with_name("results") / "emi.md"
SIMULATED = 20  # rows, spread over the test part
CASES: dict[str, dict[str, Any]] = {
    "motif": {"max_model_bytes": 512, "window_steps": 24},
    "smartwatch_har": {"max_model_bytes": 1024, "window_steps": 50},
}
COLUMNS = ("data", "model", "device accuracy, %", "cycles a sequence", "RAM", "model bytes", "confidence", "fit s")


def motif(seed: int) -> tuple[Any, Any, Any, Any]:
    """Train and test rows and labels."""
    shapes = np.random.default_rng(42).normal(size=(4, 12, 3))

    def rows(count: int, rng: np.random.Generator) -> tuple[Any, Any]:
        y = rng.integers(0, 4, count)
        X = rng.normal(size=(count, 150, 3))
        for row, label, start in zip(X, y, rng.integers(0, 150 - 12 + 1, count), strict=True):
            row[start : start + 12] += 1.2 * shapes[label]
        return X, y

    rng = np.random.default_rng(seed)
    return *rows(300, rng), *rows(1000, rng)


def smartwatch_har(seed: int) -> tuple[Any, Any, Any, Any]:
    """The loader's own split, by person."""
    data = ea.datasets.load_smartwatch_har()
    return data.X_train, data.y_train, data.X_test, data.y_test


def on_device(model: Any, X: Any, y: Any) -> dict[str, float]:
    """Accuracy of the device program on all rows, cycles and RAM of the simulated firmware on some."""
    compiled = ea.compile_model(model)
    some = np.linspace(0, len(X) - 1, SIMULATED).astype(int)
    simulated = compiled.simulate(X[some])
    if not np.array_equal(simulated.scores, compiled.scores(X[some])):
        raise RuntimeError("the simulated device and the interpreter differ")
    accuracy = 100 * float(np.mean(compiled.predict(X) == y))
    return {"accuracy": accuracy, "cycles": float(simulated.cycles.mean()), "ram": simulated.ram_peak,
            "bytes": model.model_bytes_}  # fmt: skip


def measure(name: str, seed: int) -> dict[str, dict[str, float]]:
    """Figures of each model of a case, for one seed."""
    X, y, X_test, y_test = {"motif": motif, "smartwatch_har": smartwatch_har}[name](seed)
    options, found = CASES[name], {}
    for kind, extra in (("whole", {"window_steps": None}), ("windows", {"early_exit": "auto"})):
        begin = time.perf_counter()
        model = ea.FastGRNNClassifier(**options | extra, random_state=seed).fit(X, y)
        spent = {"seconds": time.perf_counter() - begin}
        if kind == "windows":
            exit_at = model.early_exit_
            found["windows, early exit"] = on_device(model, X_test, y_test) | spent | {"confidence": exit_at or 1.0}
            model.structure_ = model.structure_ | {"early_exit": None}
        found[kind] = on_device(model, X_test, y_test) | spent
    return found


def table_row(name: str, kind: str, runs: list[dict[str, float]]) -> str:
    """Mean and spread over the seeds as a line of the table."""

    def told(key: str, form: str) -> str:
        values = [run[key] for run in runs if key in run]
        if not values:
            return "-"
        return f"{format(np.mean(values), form)} ± {format(np.std(values), form)}"

    cells = (name, kind, told("accuracy", ".1f"), told("cycles", ",.0f"), told("ram", ".0f"), told("bytes", ".0f"),
             told("confidence", ".3f"), told("seconds", ".0f"))  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=CASES, help="one data set; the others' lines stay as they are")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    names = [arguments.only] if arguments.only else list(CASES)
    rows = []
    if arguments.only and RESULTS.exists():
        old = [line for line in RESULTS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][1:]
        rows = [line for line in old if not line.startswith(f"| {arguments.only} |")]
    for name in names:
        seeds = tqdm(range(arguments.seeds), desc=name, unit="seed")
        runs = [measure(name, seed) for seed in seeds]
        rows += [table_row(name, kind, [run[kind] for run in runs])
                 for kind in ("whole", "windows", "windows, early exit")]  # fmt: skip
    head = ["    python benchmarks/emi.py", "", "# Windows and early exit on a simulated Uno", ""]
    head += [
        f"Mean ± deviation over {arguments.seeds} seeds; cycles are the mean of {SIMULATED} sequences, pushes and",
        "answer. The confidence of the early exit was chosen on training rows held out; both lines of windows are",
        "one fit.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|---" * len(COLUMNS) + "|",
    ]
    RESULTS.write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
