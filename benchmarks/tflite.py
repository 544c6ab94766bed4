"""Models as .tflite files: answers beside the Python estimator's, bytes, arena. ``python benchmarks/tflite.py``.

Families are fitted with ``random_state=0``, 60 epochs and no teacher, which is enough to compare files with the
estimators that they were made of; scikit-learn's models as they come. All test rows go through LiteRT's interpreter.
Where ``tflite-micro`` is installed, 100 rows go through the interpreter for microcontrollers as well, and the least
arena that it accepts is measured. ``--only PART`` runs models whose name contains it; USPS comes through the loader.
Rows are kept in ``results/tflite.jsonl``; remove lines to repeat them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC
from uno_cycles import load

import edgealgos as ea
from edgealgos.codegen.tflite import check
from edgealgos.codegen.tflite.build import decide_bytes
from edgealgos.estimators.linear import LinearClassifier

RESULTS = Path(__file__).parent / "results"
SIDES = {"digits": 8, "usps": 16}
MICRO_ROWS = 100
_TRY = """
import sys
import numpy as np
from tflite_micro.python.tflite_micro import runtime
model = runtime.Interpreter.from_bytes(open(sys.argv[1], "rb").read(), arena_size=int(sys.argv[2]))
if len(sys.argv) > 3:
    found = []
    for row in np.load(sys.argv[3]):
        model.set_input(row.reshape(model.get_input_details(0)["shape"]), 0)
        model.invoke()
        found.append(model.get_output(0).ravel())
    np.save(sys.argv[3], found)
"""


def models(side: int) -> dict[str, Any]:
    """By name, for pictures of a side."""
    usual = {"random_state": 0, "epochs": 60, "teacher": None}
    return {
        "Bonsai": ea.BonsaiClassifier(**usual),
        "ProtoNN": ea.ProtoNNClassifier(**usual),
        "FastGRNN": ea.FastGRNNClassifier(step_size=side, **usual),
        "ConvNet": ea.ConvNetClassifier(image_shape=(side, side), search_time=0, **usual),
        "LinearClassifier": LinearClassifier(random_state=0),
        "LogisticRegression": LogisticRegression(max_iter=1000),
        "LinearSVC": LinearSVC(random_state=0, max_iter=5000),
        "MLPClassifier 64-32": MLPClassifier((64, 32), random_state=0, max_iter=300),
    }


def measure(data: str, name: str) -> dict[str, Any]:
    """Fit, export, and ask the interpreters."""
    X_train, y_train, X_test, y_test = load(data)
    model = models(SIDES[data])[name].fit(X_train, y_train)
    with tempfile.TemporaryDirectory() as folder:
        report = ea.export_tflite(model, Path(folder) / "model.tflite", X_calibration=X_train)
        content = report.files[0].read_bytes()
        facts = json.loads(report.files[3].read_text())
        rows = _quantized(facts["input"], X_test)
        raw = check.answers(content, rows)
        micro = _micro(report.files[0], rows[:MICRO_ROWS], raw[:MICRO_ROWS], report.arena_bytes)
    labels, wanted = np.array(facts["labels"])[decide_bytes(raw)], model.predict(X_test)
    return {
        "data": data, "model": name, "rows": len(rows), "python": float(np.mean(wanted == y_test)),
        "litert": float(np.mean(labels == y_test)), "alike": float(np.mean(labels == wanted)),
        "bytes": report.model_bytes, "arena": report.arena_bytes, "operators": len(report.operators), **micro,
    }  # fmt: skip


def _quantized(given: dict[str, Any], X: Any) -> Any:
    """Device inputs, by the manifest alone."""
    columns = np.asarray(X, np.float32).reshape(len(X), -1, len(given["offset"]) if len(given["offset"]) > 1 else 1)
    scaled = np.floor((columns - np.float32(given["offset"])) * np.float32(given["factor"]) + 0.5)
    return np.clip(scaled, given["low"], given["high"]).astype(np.int8).reshape(len(X), -1)


def _micro(file: Path, rows: Any, raw: Any, arena: int) -> dict[str, Any]:
    """The same in the interpreter for microcontrollers, with the arena that is said to be enough, and the least."""

    def accepts(size: int, *more: str) -> bool:
        command = [sys.executable, "-c", _TRY, str(file), str(size), *more]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    given = file.with_suffix(".npy")
    np.save(given, rows)
    if not accepts(10 * arena):
        return {}
    if not accepts(arena, str(given)):
        raise SystemExit(f"{file}: {arena} bytes of arena are too few")
    differ = int((decide_bytes(np.load(given)) != decide_bytes(raw)).sum())
    low, high = 0, arena
    while high - low > 64:
        middle = (low + high) // 2
        low, high = (low, middle) if accepts(middle) else (middle, high)
    return {"micro_differ": differ, "least_arena": high}


def table(found: list[dict[str, Any]]) -> str:
    """The results as text."""
    lines = [
        "Written by `python benchmarks/tflite.py`. Accuracy and labels on all test rows, in LiteRT's interpreter;",
        f"*micro*: of {MICRO_ROWS} rows those that `tflite-micro`, for microcontrollers, answers otherwise.",
        "Arena: as exported, and the least that `tflite-micro` accepts on a computer of 64 bits.",
        "",
        "| data | model | accuracy: Python | file | labels alike | micro | file, bytes | arena: bound | least |",
        "|" + "---|" * 9,
    ]
    for f in found:
        lines.append(
            f"| {f['data']} | {f['model']} | {f['python']:.4f} | {f['litert']:.4f} | {f['alike']:.2%} of {f['rows']} | "
            f"{f.get('micro_differ', '')} | {f['bytes']:,} | {f['arena']:,} | {f.get('least_arena', 0):,} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what is missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of a name, such as 'usps Bonsai'")
    arguments = parser.parse_args()
    log = RESULTS / "tflite.jsonl"
    found = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    known = {(f["data"], f["model"]) for f in found}
    for data, side in SIDES.items():
        for name in models(side):
            if (data, name) in known or arguments.only not in f"{data} {name}":
                continue
            found.append(measure(data, name))
            print(found[-1], flush=True)
            log.write_text("".join(json.dumps(f) + "\n" for f in found))
    (RESULTS / "tflite.md").write_text(table(found))


if __name__ == "__main__":
    main()
