"""What an ATtiny85 has room and time for: digits, and the wand of the examples, on a simulated one.

EDGEALGOS_DATA=folder python benchmarks/attiny.py > benchmarks/results/attiny.md    # the folder holds magic_wand.npz
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from edgealgos import BonsaiClassifier, CompiledModel, compile_model, datasets

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "wand"))
import wand

ROWS = 100  # that are simulated; all are predicted by the same integers on this computer


def row(what: str, compiled: CompiledModel, X: NDArray[Any], y: NDArray[Any], steps: int = 1) -> str:
    """A line of the table: what was measured of a compiled model."""
    seen = compiled.simulate(X[:ROWS])
    if not np.array_equal(seen.labels, compiled.predict(X[:ROWS])):
        raise SystemExit(f"{what}: the simulated board answers otherwise")
    right = float(np.mean(compiled.predict(X) == y))
    return (f"| {what} | {compiled.report.model_bytes:,} | {right:.1%} | {seen.cycles.mean() / steps:,.0f} | "
            f"{seen.ram_peak} | {seen.flash_bytes:,} |")  # fmt: skip


def main() -> None:
    """Train, simulate, print."""
    X, held_out, y, answers = train_test_split(*load_digits(return_X_y=True), random_state=0)
    accurate = BonsaiClassifier(max_model_bytes=1024, random_state=0).fit(X, y)
    fast = BonsaiClassifier(max_model_bytes=1024, max_cycles=10_000, random_state=0).fit(X, y)
    data = datasets.load_magic_wand()
    gestures = compile_model(wand.wand().fit(*wand.as_others_do(data.X_train, data.y_train)), wand.BOARD)
    print("    EDGEALGOS_DATA=folder python benchmarks/attiny.py > benchmarks/results/attiny.md\n")
    print("# Models on a simulated ATtiny85\n")
    print("8 KB of flash, 512 bytes of RAM, no multiplier. RAM is variables and the deepest stack, flash the whole")
    print("exported program without Arduino's core.\n")
    print("| what | model bytes | right | cycles | RAM | flash |\n|---|---|---|---|---|---|")
    print(row("digits of 64 pixels, a prediction", compile_model(accurate, wand.BOARD), held_out, answers))
    print(row("the same with `max_cycles=10_000`", compile_model(fast, wand.BOARD), held_out, answers))
    print(row("wand of the examples, other people, a sample of 48", gestures, data.X_test, data.y_test, wand.WINDOW))


if __name__ == "__main__":
    main()
