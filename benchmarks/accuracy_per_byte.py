"""Accuracy per byte, as a table and a picture. ``python benchmarks/accuracy_per_byte.py [--row PART] [--seeds N]``.

Every fit runs in a process of its own and leaves one line in ``results/accuracy_per_byte.jsonl``; fits found there are
not repeated, so an interrupted run goes on where it stopped (remove the file to begin anew). ``--row`` runs rows whose
name contains PART, ``--table`` only draws. Data come through the loaders. Nothing here was chosen by a test part: the
options below were compared on training rows held out (whole clusters of writing styles for images).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.svm import SVC

from edgealgos.augment import ImageWarp, SensorJitter

RESULTS = Path(__file__).parent / "results"
LOG = RESULTS / "accuracy_per_byte.jsonl"
SEEDS = 5
COLUMNS = (
    "row", "bits", "bytes (budget)", "device, mean ± spread", "float", "float - device", "asked", "seeds",
    "fit, CPU s (teacher's)",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the table: an estimator with its options on a data set."""

    data: str
    kind: str
    budget: int
    asked: float | None = None
    options: dict[str, Any] = field(default_factory=dict)
    rival: str | None = None  # the row with half the bytes and bits that this one is compared with
    seconds: float | None = None  # CPU seconds that EdgeML's trainer took for the accuracy asked

    @property
    def name(self) -> str:
        """What ``--row`` is matched with."""
        bits = self.options.get("bits", 8)
        return f"{self.data} {self.budget} {self.kind.removesuffix('Classifier').removesuffix('Regressor')} {bits}-bit"


FAMILIES = ("BonsaiClassifier", "ProtoNNClassifier", "FastGRNNClassifier")
ASKED = {
    ("usps10", 2048): (0.940, 0.935, 0.950), ("usps10", 8192): (0.950, 0.950, 0.960),
    ("mnist10", 4710): (0.960, 0.955, 0.983), ("mnist10", 8704): (0.970, 0.965, 0.988),
    ("mnist10", 21504): (0.980, 0.975, 0.990), ("pendigits", 1024): (0.965, 0.975),
    ("smartwatch_har features", 2048): (0.93, 0.93), ("smartwatch_har raw", 2048): (None, None, 0.95),
    ("concrete", 2048): (0.90, 0.90),
}  # fmt: skip
AS_THEY_COME = {  # asked of default parameters; a step of FastGRNN is a row of pixels
    ("usps10", 2048): (0.945, 0.942, 0.962), ("mnist10", 4710): (0.962, 0.960, 0.985),
    ("pendigits", 1024): (0.970, 0.970),
}  # fmt: skip
SIDES = {"usps10": 16, "mnist10": 28}  # pixels
EDGEML = {"BonsaiClassifier": (0.867, 58.0), "ProtoNNClassifier": (0.884, 187.0), "FastGRNNClassifier": (0.902, 439.0)}


def rows() -> dict[str, Row]:
    """All lines of the table by name: images with four bits, and with eight at twice the bytes of the smallest.

    Then estimators as they come; the last ones are without a teacher, against the time that EdgeML's trainers take.
    """
    made = []
    for (data, budget), figures in ASKED.items():
        for kind, figure in zip(FAMILIES, figures, strict=False):
            if figure is not None:
                name = kind if data != "concrete" else kind.replace("Classifier", "Regressor")
                made.append(Row(data, name, budget, figure, options(data, kind, budget)))
    for small in [row for row in made if (row.data, row.budget) in (("usps10", 2048), ("mnist10", 4710))]:
        more = small.options | {"bits": 8}
        made.append(Row(small.data, small.kind, 2 * small.budget, None, more, rival=small.name))
    for (data, budget), figures in AS_THEY_COME.items():
        for kind, figure in zip(FAMILIES, figures, strict=False):
            steps = {"step_size": SIDES[data]} if kind == "FastGRNNClassifier" else {}
            made.append(Row(data, kind, budget, figure, {"bits": "auto"} | steps))
    for kind, (accuracy, seconds) in EDGEML.items():
        plain = {"step_size": SIDES["usps10"]} if kind == "FastGRNNClassifier" else {"teacher": None}
        made.append(Row("usps10", kind, 2048, accuracy, plain, seconds=seconds))
    return {row.name: row for row in made}


# ---- options, each compared on held-out training rows ---------------------------------------------------------------


def options(data: str, kind: str, budget: int) -> dict[str, Any]:
    """What is asked of an estimator besides the budget."""
    if data not in ("usps10", "mnist10"):
        teacher = SVC(C=10, probability=True, random_state=0)
        if data == "pendigits":
            bonsai = kind == "BonsaiClassifier"
            jitter = SensorJitter(noise=0.05, gain=0.0375) if bonsai else SensorJitter(noise=0.08, gain=0.06)
            structure = {"bits": 6, "projection_dim": 24, "depth": 0} if bonsai else {}
            return structure | {"teacher": teacher, "augment": jitter}
        return {"bits": 4} if data != "concrete" and kind != "ProtoNNClassifier" else {}
    size = SIDES[data]
    # sixty thousand digits hold most of what people do: a strong warp asks too much of a small model
    strength = 0.5 if data == "mnist10" and kind != "FastGRNNClassifier" else 1.0
    found: dict[str, Any] = {"bits": 4, "augment": warp(size, strength)}
    if kind != "FastGRNNClassifier":
        return found | {"teacher": "convnet"} | LARGE.get((kind, budget), {})
    epochs = {4710: 16, 8704: 12, 21504: 14}
    return found | {"step_size": size} | ({"epochs": epochs[budget]} if data == "mnist10" else {})


# where the rules behind None leave bytes of the budget unused
LARGE = {
    ("BonsaiClassifier", 21504): {"projection_dim": 64, "depth": 2},
    ("ProtoNNClassifier", 21504): {"projection_dim": 25, "n_prototypes": 280, "epochs": 320},
}


def warp(size: int, strength: float = 1.0) -> ImageWarp:
    """Handwriting of other people."""
    shift, rotation, zoom, shear, bend = strength * np.array([size / 16, 12, 0.12, 0.15, 0.7 * size / 16])
    return ImageWarp((size, size), shift=shift, rotation=rotation, zoom=zoom, shear=shear, bend=bend)


# ---- data ------------------------------------------------------------------------------------------------------------


def load(data: str) -> tuple[Any, Any, Any, Any]:
    """Training rows and labels, test rows and labels."""
    from edgealgos import datasets

    name, _, form = data.partition(" ")
    loaders = {"usps10": datasets.load_usps, "mnist10": datasets.load_mnist}
    bunch = loaders.get(name, getattr(datasets, f"load_{name}", None))()
    change: Callable[[Any], Any] = motion_features if form == "features" else np.asarray
    return change(bunch.X_train), bunch.y_train, change(bunch.X_test), bunch.y_test


def motion_features(X: Any) -> Any:
    """Simple statistics of a window, axis by axis: mean, deviation, extremes, mean change, correlations."""
    X = np.asarray(X, dtype=np.float64)
    centred = X - X.mean(axis=1, keepdims=True)
    scaled = centred / (X.std(axis=1, keepdims=True) + 1)
    pairs = np.triu_indices(X.shape[2], 1)
    correlation = np.einsum("nti,ntj->nij", scaled, scaled)[:, pairs[0], pairs[1]] / X.shape[1]
    thirds = [part.mean(axis=1) for part in np.array_split(X, 3, axis=1)]
    statistics = [X.mean(1), np.log1p(X.std(1)), X.min(1), X.max(1), np.log1p(np.abs(np.diff(X, axis=1)).mean(1))]
    return np.hstack([*statistics, *thirds, correlation])


# ---- teachers --------------------------------------------------------------------------------------------------------


def convnet(data: str, X: Any, y: Any) -> tuple[Any, float]:
    """A small convolutional network for a data set of square images, and the CPU seconds that it took.

    One a data set, kept among temporary files: every student of any seed and size learns from it.
    """
    import keras

    kept = Path(tempfile.gettempdir()) / f"edgealgos_{data}_convnet.keras"
    seconds = kept.with_suffix(".json")
    if not seconds.exists():
        begin = time.process_time()
        model = train_convnet(X, y, epochs=12 if len(X) < 20_000 else 4, width=16 if len(X) < 20_000 else 8)
        model.save(kept)
        seconds.write_text(json.dumps(time.process_time() - begin))
    return keras.saving.load_model(kept), json.loads(seconds.read_text())


def train_convnet(X: Any, y: Any, *, epochs: int, width: int) -> Any:
    """Four layers of convolutions on warped rows, other ones in each epoch."""
    import keras

    size = round(X.shape[1] ** 0.5)
    keras.utils.set_random_seed(0)
    layers = [keras.Input((size, size, 1)), keras.layers.Rescaling(1 / 255)]
    for channels, strides in ((width, 1), (2 * width, 2), (2 * width, 1), (4 * width, 2)):
        layers += [keras.layers.Conv2D(channels, 3, strides=strides, padding="same", use_bias=False),
                   keras.layers.BatchNormalization(), keras.layers.ReLU()]  # fmt: skip
    layers += [keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(128, activation="relu"),
               keras.layers.Dropout(0.5), keras.layers.Dense(10, activation="softmax")]  # fmt: skip
    model = keras.Sequential(layers)
    batch = 64 if len(X) < 20_000 else 128
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * (len(X) // batch))
    model.compile(keras.optimizers.Adam(rate), keras.losses.CategoricalCrossentropy(label_smoothing=0.05))
    rng, targets = np.random.default_rng(0), np.eye(10)[y]
    for _ in range(epochs):
        model.fit(warp(size)(X, rng).reshape(-1, size, size, 1), targets, batch_size=batch, verbose=0)
    return model


# ---- one fit ---------------------------------------------------------------------------------------------------------


def measure(row: Row, seed: int) -> dict[str, Any]:
    """Fit in this process and judge the device program on the test part."""
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import edgealgos as ea

    X, y, X_test, y_test = load(row.data)
    options, taught = {"bits": 8} | row.options, 0.0  # widths are what rows compare
    if options.get("teacher") == "convnet":
        options["teacher"], taught = convnet(row.data, X, y)
    model = getattr(ea, row.kind)(max_model_bytes=row.budget, random_state=seed, **options)
    fitted = model if row.data.startswith(("usps", "mnist", "pen")) or X.ndim == 3 else make_pipeline(
        StandardScaler(), model
    )  # fmt: skip
    begin, wall = time.process_time(), time.perf_counter()
    fitted.fit(X, y)
    spent = time.process_time() - begin, time.perf_counter() - wall
    score = r2_score if "Regressor" in row.kind else accuracy_score
    device = ea.compile_model(fitted).predict(X_test)
    return {
        "row": row.name, "seed": seed, "device": score(y_test, device), "float": score(y_test, fitted.predict(X_test)),
        "bytes": model.model_bytes_, "fit_cpu_s": spent[0], "fit_wall_s": spent[1], "teacher_cpu_s": taught,
    }  # fmt: skip


def finished() -> dict[tuple[str, int], dict[str, Any]]:
    """What earlier runs measured, by row and seed."""
    lines = LOG.read_text().splitlines() if LOG.exists() else []
    return {(fact["row"], fact["seed"]): fact for fact in map(json.loads, lines)}


# ---- table and picture -----------------------------------------------------------------------------------------------


def table() -> str:
    """All finished rows."""
    found = finished()
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for row in rows().values():
        facts = [fact for (name, _), fact in sorted(found.items()) if name == row.name]
        if facts:
            lines.append(_line(row, facts, found))
    return "\n".join(lines)


def _line(row: Row, facts: list[dict[str, Any]], found: dict[tuple[str, int], dict[str, Any]]) -> str:
    column = lambda key: np.array([fact[key] for fact in facts])  # noqa: E731
    device, real = column("device"), column("float")
    spread = f" ± {device.std(ddof=1):.4f}" if len(facts) > 1 else ""
    asked = f"{row.asked:.3f}" if row.asked else ""
    if row.rival:
        rival = [fact["device"] for (name, _), fact in found.items() if name == row.rival]
        asked = f"4 bits, half the bytes: {100 * (np.mean(rival) - device.mean()):+.2f} points" if rival else ""
    if row.seconds:
        asked += f" in a fifth of {row.seconds:.0f} s (EdgeML)"
    met = "**" if row.asked and device.mean() >= row.asked else ""
    cells = (
        f"{row.data} {row.kind}", str(row.options.get("bits", 8)), f"{column('bytes').max():,} ({row.budget:,})",
        f"{met}{device.mean():.4f}{met}{spread}", f"{real.mean():.4f}", f"{100 * (real - device).mean():+.2f}", asked,
        str(len(facts)), f"{column('fit_cpu_s').mean():.0f} ({column('teacher_cpu_s').mean():.0f})",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


PAPERS = {  # kilobytes and accuracy as the papers or the peers' own tools count them; see docs of each
    "usps10": {
        "EdgeML trainers, 2 KB float": [(2.0, 0.867), (2.2, 0.884), (1.9, 0.902)],
        "Bonsai, EdgeML C++ (float)": [(31.7, 0.9407)],
        "ProtoNN paper": [(64, 0.9492)],
    },
    "mnist10": {
        "Bonsai paper, 8 bits": [(3.5, 0.903), (4.6, 0.949), (8.5, 0.960), (14, 0.967), (21, 0.970)],
        "FastGRNN paper, by pixels": [(6, 0.982)],
        "ProtoNN paper": [(64, 0.9588)],
    },
}


KILOBYTES = (1, 2, 4, 8, 16, 32, 64)


def draw(path: Path) -> None:
    """Accuracy over bytes with the papers' points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    for axes, (data, papers) in zip(figure.subplots(1, 2), PAPERS.items(), strict=True):
        for kind, colour in {"Bonsai": "tab:blue", "ProtoNN": "tab:orange", "FastGRNN": "tab:green"}.items():
            for bits, style in ((8, "s:"), (4, "o-")):
                points = [(np.mean([f["bytes"] for f in facts]) / 1024, [f["device"] for f in facts])
                          for row in rows().values()
                          if row.data == data and row.kind.startswith(kind) and row.options.get("bits", 8) == bits
                          and (facts := [f for (n, _), f in finished().items() if n == row.name])]  # fmt: skip
                if points:
                    sizes, scores = zip(*sorted(points), strict=True)
                    axes.errorbar(sizes, [np.mean(s) for s in scores], [np.std(s) for s in scores], fmt=style,
                                  color=colour, label=f"{kind}, {bits} bits")  # fmt: skip
        for marker, (who, points) in zip("x+*", papers.items(), strict=False):
            axes.plot(*zip(*points, strict=True), marker, color="0.4", label=who)
        axes.set(title=data, xscale="log", xlabel="kilobytes stored", ylabel="accuracy of the device program")
        axes.set_xticks(KILOBYTES, [str(k) for k in KILOBYTES])
        axes.set_xticks([], minor=True)
        axes.grid(alpha=0.3, which="both")
        axes.legend(fontsize=7)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Run what is missing, then write the table and the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", default="", help="run only rows whose name contains this")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--table", action="store_true", help="run nothing")
    parser.add_argument("--fit", nargs=2, metavar=("ROW", "SEED"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fit:
        print(json.dumps(measure(rows()[arguments.fit[0]], int(arguments.fit[1]))))
        return
    wanted = [(name, seed) for seed in range(arguments.seeds) for name in rows() if arguments.row in name]
    missing = [] if arguments.table else [fit for fit in wanted if fit not in finished()]
    for number, (name, seed) in enumerate(missing, 1):
        print(f"[{number}/{len(missing)}] {name}, seed {seed} ...", end=" ", flush=True)
        command = [sys.executable, __file__, "--fit", name, str(seed)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"failed:\n{done.stderr}")
        with LOG.open("a") as log:
            log.write(done.stdout.splitlines()[-1] + "\n")
        fact = json.loads(done.stdout.splitlines()[-1])
        print(f"{fact['device']:.4f} on the device, {fact['bytes']} bytes, {fact['fit_cpu_s']:.0f} CPU s")
    head = (
        "Written by `python benchmarks/accuracy_per_byte.py`: accuracy (concrete: R²) of the device program on the\n"
        "test part, bold where it is as asked; points lost from float to device; CPU seconds on one thread. A teacher\n"
        "is trained once a data set and serves all its rows.\n\n![accuracy over bytes](accuracy_per_byte.png)\n\n"
    )
    (RESULTS / "accuracy_per_byte.md").write_text(head + table() + "\n")
    draw(RESULTS / "accuracy_per_byte.png")
    print(table())


if __name__ == "__main__":
    main()
