"""Convolutional nets under byte budgets. ``python benchmarks/convnets.py --data FOLDER [--only NAME] [--budget N]``.

FOLDER holds files with ``X_train, y_train, X_test, y_test``, and ``X_val, y_val`` where there are, which count to the
rows for training: pictures in ``mnist.npz``, ``usps10.npz``, ``chars4k.npz``, motion in ``magic_wand.npz`` and
``smartwatch_har.npz``, waves of 8 kHz, behind a ``LogMel()``, in ``arabic_commands_8k.npz`` and
``speech_commands_8k.npz``; and CIFAR-10 as JPEG files one behind the other (slightly lossy) in ``cifar10_jpeg.npz``.
What is not there is left out, and scikit-learn's digits need no file. Every net is fitted with its defaults but for the
budget (and ``--epochs``, below 50 of which nothing is searched); its device program answers all test rows once, and the
Uno some, bit for bit. ``results/convnets.jsonl`` gets a line a fit, ``results/convnets.md`` the table.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline

import edgealgos as ea
from edgealgos.features import LogMel

RESULTS = Path(__file__).with_name("results")
SIMULATED = 5  # rows, spread over the test part
BUDGETS = {
    "digits": (1024, 2048), "mnist": (1024, 2048, 4608, 8704), "usps10": (2048,), "chars4k odd or even": (2048,),
    "chars4k": (14_336,), "cifar10_jpeg halves": (700, 2048), "cifar10_jpeg grey, odd or even": (800,),
    "magic_wand": (2048,), "smartwatch_har": (2048,), "arabic_commands_8k": (2048, 6144), "speech_commands_8k": (6144,),
}  # fmt: skip
REFERENCES = {
    ("mnist", 2048): "SpArSe 98.64 at 2.8 KB, indices uncounted",
    ("mnist", 4608): "BitNetMCU 99.06 at 5.4 KB (32 bits)",
    ("mnist", 8704): "BitNetMCU 99.44 at 9.3 KB (32 bits)",
    ("usps10", 2048): "FastGRNN 96.68 at 2 KB",
    ("chars4k odd or even", 2048): "Bonsai 74.28 at 2 KB, another split",
    ("chars4k", 14_336): "SpArSe 67 in 2 KB of RAM, another split",
    ("cifar10_jpeg halves", 700): "uNAS 77.49 at 685 bytes",
    ("cifar10_jpeg grey, odd or even", 800): "SpArSe 73.84 at 0.78 KB, another grouping",
}  # fmt: skip
HALF, GREY = 5, (20, 20)  # classes of the first half; height and width
COLUMNS = ("data", "budget", "seed", "device accuracy, %", "model bytes", "RAM", "cycles", "net", "bits", "rows",
           "fit s", "reference")  # fmt: skip
Rows = tuple[Any, Any, Any, Any]


def parts(name: str, folder: Path | None) -> Rows | None:
    """Training and test part, or None where the file is not there; the first 1,200 digits are for training."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        X = X.reshape(-1, 8, 8)
        return X[:1200], y[:1200], X[1200:], y[1200:]
    file = None if folder is None else folder / f"{name.partition(' ')[0]}.npz"
    if file is None or not file.exists():
        return None
    with np.load(file, allow_pickle=False) as data:
        train = [part for part in ("train", "val") if f"y_{part}" in data]
        y, y_test = np.concatenate([data[f"y_{part}"] for part in train]), data["y_test"]
        if "jpeg" in data:
            X = decoded(data["jpeg"].tobytes(), data["offsets"], grey="grey" in name)
            X, X_test = X[: len(y)], X[len(y) :]
        else:
            X, X_test = np.concatenate([data[f"X_{part}"] for part in train]), data["X_test"]
    if "halves" in name:
        return X, y < HALF, X_test, y_test < HALF
    return (X, y % 2, X_test, y_test % 2) if "odd or even" in name else (X, y, X_test, y_test)


def decoded(files: bytes, offsets: Any, grey: bool) -> Any:
    """Pictures of JPEG files, (n, height, width, 3), or smaller and grey, (n, height, width)."""
    import tensorflow as tf

    pictures = [tf.io.decode_jpeg(files[a:b]).numpy() for a, b in itertools.pairwise(offsets)]
    if not grey:
        return np.stack(pictures)
    small = tf.image.resize(np.stack(pictures).mean(-1, keepdims=True).astype(np.float32), GREY, antialias=True)
    return np.rint(small.numpy()[..., 0]).astype(np.uint8)


def measured(name: str, budget: int, seed: int, epochs: int | None, rows: Rows) -> dict[str, Any]:
    """One fit and what its program does."""
    X, y, X_test, y_test = rows
    began = time.monotonic()
    model = ea.ConvNetClassifier(max_model_bytes=budget, epochs=epochs, random_state=seed)
    fitted = (make_pipeline(LogMel(), model) if "8k" in name else model).fit(X, y)
    seconds = time.monotonic() - began
    compiled = ea.compile_model(fitted)
    some = np.linspace(0, len(X_test) - 1, SIMULATED).astype(int)
    simulated = compiled.simulate(X_test[some])
    if not np.array_equal(simulated.scores, compiled.scores(X_test[some])):
        raise RuntimeError("the simulated device and the interpreter differ")
    accuracy = 100 * float(np.mean(compiled.predict(X_test) == y_test))
    widths = sorted({qtype.bits for key, qtype in model.qtypes_.items() if key.endswith("weights")})
    return {
        "data": name, "budget": budget, "seed": seed, "device accuracy, %": round(accuracy, 2),
        "model bytes": model.model_bytes_, "RAM": simulated.ram_peak, "cycles": round(float(simulated.cycles.mean())),
        "net": model.structure_["layers"], "bits": "/".join(map(str, widths)),
        "rows": model.history_.get("choices", [{}])[0].get("variation", "spread"), "fit s": round(seconds),
        "epochs": model.n_iter_, "reference": REFERENCES.get((name, budget), ""),
    }  # fmt: skip


def logged() -> Iterator[dict[str, Any]]:
    """What was measured so far."""
    file = RESULTS / "convnets.jsonl"
    if file.exists():
        yield from map(json.loads, file.read_text(encoding="utf-8").splitlines())


def write_table() -> None:
    """The table of everything that was measured."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    lines += [f"| {' | '.join(str(row.get(column, '')) for column in COLUMNS)} |" for row in logged()]
    head = "# Convolutional nets\n\n`python benchmarks/convnets.py --data FOLDER`; RAM: simulated Uno, core and "
    head += "stack included;\nfit: on the clock, on a share of two cores.\n\n"
    (RESULTS / "convnets.md").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the data sets")
    parser.add_argument("--only", default="", help="only data whose name contains this")
    parser.add_argument("--budget", type=int, help="only this one, bytes")
    parser.add_argument("--seed", type=int, default=0, help="of the training")
    parser.add_argument("--epochs", type=int, help="passes over the rows")
    asked = parser.parse_args()
    done = {(row["data"], row["budget"], row["seed"]) for row in logged()}
    for name, budgets in BUDGETS.items():
        rows = parts(name, asked.data) if asked.only in name else None
        for budget in budgets if rows is not None else ():
            if (name, budget, asked.seed) in done or rows is None or asked.budget not in (None, budget):
                continue
            found = measured(name, budget, asked.seed, asked.epochs, rows)
            print(found, flush=True)
            with (RESULTS / "convnets.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps(found) + "\n")
    write_table()


if __name__ == "__main__":
    main()
