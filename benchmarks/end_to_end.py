"""From fit to a verified Uno, as a table. ``python benchmarks/end_to_end.py [--only NAME] [--rows N]``.

Each model is fitted in a fresh process (imports included in the time) with default parameters and random_state=0,
exported, built, and run on the simulated Uno and on this computer. USPS and concrete come through the
loaders (download, or the folder in EDGEALGOS_DATA). Writes ``results/end_to_end.md``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results") / "end_to_end.md"
CASES = {
    "digits Bonsai": ("BonsaiClassifier", {}, 0.975),
    "digits ProtoNN": ("ProtoNNClassifier", {}, 0.978),
    "digits FastGRNN": ("FastGRNNClassifier", {"step_size": 8}, 0.970),
    "USPS Bonsai": ("BonsaiClassifier", {}, 0.930),
    "USPS ProtoNN": ("ProtoNNClassifier", {}, 0.925),
    "USPS FastGRNN": ("FastGRNNClassifier", {"step_size": 16}, 0.940),
    "concrete Bonsai": ("BonsaiRegressor", {}, 0.85),
    "concrete ProtoNN": ("ProtoNNRegressor", {}, 0.85),
}
COLUMNS = (
    "case", "asked", "device", "float", "loss, points", "rows that differ: Uno / host / of", "model bytes",
    "flash (predicted)", "RAM with stack (predicted)", "cycles mean / worst (predicted)", "fit s",
)  # fmt: skip


def load(name: str) -> tuple[Any, Any, Any, Any]:
    """Train and test rows and targets of a data set."""
    import edgealgos as ea

    if name == "digits":
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        X, y = load_digits(return_X_y=True)
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
        return X_train, y_train, X_test, y_test
    data = {"USPS": ea.datasets.load_usps, "concrete": ea.datasets.load_concrete}[name]()
    flat = [part.reshape(len(part), -1).astype(float) for part in (data.X_train, data.X_test)]
    return flat[0], data.y_train, flat[1], data.y_test


def measure(case: str, rows: int | None, seed: int) -> dict[str, Any]:
    """Fit, compile, simulate one case; runs in a process of its own."""
    begin = time.perf_counter()
    import numpy as np
    from sklearn.metrics import r2_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import edgealgos as ea

    kind, options, _ = CASES[case]
    X_train, y_train, X_test, y_test = load(case.split()[0])
    model = getattr(ea, kind)(random_state=seed, **options)
    fitted = make_pipeline(StandardScaler(), model) if "Regressor" in kind else model
    fitted.fit(X_train, y_train)
    seconds = time.perf_counter() - begin
    score = r2_score if "Regressor" in kind else lambda y, p: float(np.mean(y == p))
    compiled = ea.compile_model(fitted)
    device = score(y_test, compiled.predict(X_test))
    part = X_test[:rows]
    uno = compiled.simulate(part)
    host = ea.compile_model(fitted, board="host").simulate(part)
    expected = compiled.scores(part)
    return {
        "device": device, "float": score(y_test, fitted.predict(X_test)), "fit": seconds, "model": model.model_bytes_,
        "uno_differs": int((uno.scores != expected).any(axis=1).sum()),
        "host_differs": int((host.scores != expected).any(axis=1).sum()), "rows": len(part),
        "flash": uno.flash_bytes, "ram": uno.ram_peak,
        "cycles": float(uno.cycles.mean()), "worst": int(uno.cycles.max()),
        "predicted": [compiled.report.flash_bytes, compiled.report.ram_bytes, compiled.report.cycles],
        "warnings": uno.warnings,
    }  # fmt: skip


def row(case: str, facts: dict[str, Any]) -> str:
    """One line of the table."""
    flash, ram, cycles = facts["predicted"]
    cells = (
        case, f"{CASES[case][2]:.3f}", f"**{facts['device']:.4f}**", f"{facts['float']:.4f}",
        f"{100 * (facts['float'] - facts['device']):.2f}",
        f"{facts['uno_differs']} / {facts['host_differs']} / {facts['rows']}", f"{facts['model']:,}",
        f"{facts['flash']:,} ({flash / facts['flash'] - 1:+.1%})", f"{facts['ram']:,} ({ram / facts['ram'] - 1:+.1%})",
        f"{facts['cycles']:,.0f} / {facts['worst']:,} ({cycles / facts['cycles'] - 1:+.0%})", f"{facts['fit']:.1f}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run the cases and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="part of a case's name")
    parser.add_argument("--rows", type=int, help="test rows to simulate (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(arguments.case, arguments.rows, arguments.seed)))
        return
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    print("\n".join(lines), flush=True)
    for case in CASES:
        if arguments.only and arguments.only not in case:
            continue
        command = [sys.executable, __file__, "--case", case, "--seed", str(arguments.seed)]
        command += ["--rows", str(arguments.rows)] if arguments.rows else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{case} failed:\n{done.stderr}")
        facts = json.loads(done.stdout.splitlines()[-1])
        lines.append(row(case, facts))
        print(lines[-1], *(f"\n  {w}" for w in facts["warnings"]), flush=True)
    if not arguments.only and not arguments.rows:
        head = "Written by `python benchmarks/end_to_end.py` (accuracy, or R² for concrete, of the device program).\n\n"
        RESULTS.write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
