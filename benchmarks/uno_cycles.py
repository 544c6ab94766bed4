"""Accuracy over cycles on a simulated Arduino Uno, beside what the field's tools measure there.

    python benchmarks/uno_cycles.py               # every row: about half an hour on two cores
    python benchmarks/uno_cycles.py --row "USPS Bonsai"    # rows whose name holds this
    python benchmarks/uno_cycles.py --tables      # tables and picture of the rows that were measured

Each row is trained in a process of its own with ``random_state=0`` and written to ``results/uno_cycles.json``; then
``uno_cycles.md`` and ``uno_cycles.png`` are made of all rows. Parameters were chosen on clusters of training rows that
were held out. Accuracy is that of the device program on all test rows; the simulated board runs the first of them, and
must answer the same. USPS, MNIST and the wand's gestures come through the loaders.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accuracy_per_byte import convnet

RESULTS = Path(__file__).with_name("results")
STORED = RESULTS / "uno_cycles.json"
SIMULATED_ROWS = 100
CORE = "Arduino core and serial loop"
COMPILE_SECONDS = 3.0


@dataclass(frozen=True)
class Row:
    """One model: its data, how it is trained and compiled, and what was asked of it.

    ``warp`` trains on moved, turned and bent images; ``accuracy``, ``cycles``, ``ram`` and ``flash`` are the limits. A
    row that is ``trained_as`` another one compiles its model without an image buffer.
    """

    data: str
    model: str
    options: dict[str, Any]
    accuracy: float
    cycles: int | None = None
    flash: int | None = None
    ram: int | None = None
    warp: dict[str, Any] | None = None
    trained_as: str = ""
    per_step: bool = False


WARP, SMALL_WARP = {"bend": 0.5}, {"rotation": 5.0, "zoom": 0.05, "shear": 0.05}
MNIST_WARP = {"shift": 0.9, "rotation": 6.0, "zoom": 0.06, "shear": 0.075, "bend": 0.6}
BONSAI, PROTONN, FASTGRNN = "BonsaiClassifier", "ProtoNNClassifier", "FastGRNNClassifier"
IMAGE_ROWS = {"step_size": 16}
TAUGHT = {"teacher": "convnet"}
ROOMY, QUICK = {"max_model_bytes": 6000}, {"teacher": None, "epochs": 160}
ROWS = {
    "USPS Bonsai": Row(
        "usps", BONSAI, ROOMY | QUICK | {"max_cycles": 7_200, "bits": 5}, 0.9337, 20_000, 12_288, 500, WARP
    ),
    "USPS ProtoNN": Row("usps", PROTONN, ROOMY | {"max_cycles": 20_000}, 0.9300, 22_000, warp=WARP),
    "USPS ProtoNN, small": Row("usps", PROTONN, ROOMY | {"max_cycles": 5_900}, 0.8844, 6_000, warp=SMALL_WARP),
    "USPS Bonsai, fastest": Row(
        "usps",
        BONSAI,
        TAUGHT | {"max_cycles": 2_560, "bits": 4, "projection_dim": 8, "epochs": 300, "restarts": 8},
        0.90,
        2_400,
    ),
    "USPS FastGRNN, 32 dense": Row(
        "usps",
        FASTGRNN,
        IMAGE_ROWS | {"hidden_size": 32, "max_model_bytes": None, "bits": 6, "epochs": 40},
        0.9427,
        400_000,
        None,
        500,
    ),
    "USPS FastGRNN, small": Row("usps", FASTGRNN, IMAGE_ROWS | {"max_cycles": 108_000}, 0.9058, 110_000, None, 500),
    "wand FastGRNN, streaming": Row(
        "wand", FASTGRNN, {"hidden_size": 16, "rank_w": 2, "rank_u": 8}, 0.0, 8_000, per_step=True
    ),
    "MNIST Bonsai": Row(
        "mnist",
        BONSAI,
        TAUGHT | {"max_model_bytes": 10_000, "max_cycles": 26_000, "bits": 5},
        0.96,
        30_000,
        warp=MNIST_WARP,
    ),
    "MNIST Bonsai, no image buffer": Row("mnist", BONSAI, {}, 0.96, None, None, 300, trained_as="MNIST Bonsai"),
    "MNIST FastGRNN": Row("mnist", FASTGRNN, {"step_size": 28, "max_model_bytes": 4096}, 0.98, 1_500_000),
}

# One structure in every representation, all weights kept.
WAYS = (4, 8, 16, "posit8", "log4", "kmeans16", "kmeans256", "mixed")
STRUCTURE = {"projection_dim": 12, "n_prototypes": 30, "max_model_bytes": None}
REPRESENTED = {
    f"{title} ProtoNN, {way if isinstance(way, str) else f'fixed{way}'}": Row(
        data, PROTONN, STRUCTURE | options | {"bits": way}, 0.0
    )
    for title, data, options in (("USPS", "usps", {}), ("MNIST", "mnist", {"epochs": 20}))
    for way in WAYS
}
# What mixed precision saves at 2,048 bytes.
NARROWED = {
    f"digits {title}, {way if isinstance(way, str) else f'fixed{way}'}": Row(
        "digits", model, options | {"bits": way}, 0.0
    )
    for title, model, options in (
        ("Bonsai", BONSAI, {}), ("ProtoNN", PROTONN, {}), ("FastGRNN", FASTGRNN, {"step_size": 8}),
    )
    for way in (8, "mixed")
}  # fmt: skip
EVERY_ROW = ROWS | REPRESENTED | NARROWED

# Peers on the same simulated board: accuracy, cycles at -O2 and at -Os, flash, RAM with stack. Programs that EdgeML's
# trainers and SeeDot made, wrong index tables corrected; emlearn's and m2cgen's as generated.
PEERS = {
    "USPS, SeeDot Bonsai": (0.9208, 291_194, 350_010, 17_414, 1_123),
    "USPS, SeeDot Bonsai, 2 KB": (0.8600, 56_286, 75_558, 3_760, 487),
    "USPS, Bonsai in floats": (0.9337, 955_211, 997_417, 24_042, 1_232),
    "USPS, SeeDot ProtoNN": (0.9208, 220_018, 302_282, 5_542, 449),
    "USPS, SeeDot ProtoNN, 2 KB, 16 bits": (0.8844, 112_103, 580_233, 3_998, 692),
    "USPS, SeeDot ProtoNN, 2 KB": (0.8719, 41_489, 63_723, 2_082, 358),
    "USPS, SeeDot FastGRNN, 48": (0.9417, 9_298_735, 61_078_141, 7_172, 1_417),
    "USPS, SeeDot FastGRNN, 32 dense": (0.9312, 4_390_362, 27_185_562, 5_420, 1_065),
    "USPS, SeeDot FastGRNN, 2 KB": (0.9018, 1_249_851, 4_897_582, 5_730, 1_154),
    "USPS, SeeDot FastGRNN, 2 KB, 16 bits": (0.9058, 1_573_452, 8_247_139, 6_338, 1_263),
    "USPS, emlearn forest, 20 trees": (0.8979, None, 2_388, 30_634, 576),
    "USPS, m2cgen logistic regression, 8 x 8": (0.9163, None, 147_562, 29_882, 568),
    "USPS, micromlgen forest, 15 trees": (0.8789, None, 6_627, 25_422, 1_076),
    "MNIST, emlearn forest, 20 trees": (0.8615, None, 2_432, 29_530, 1_634),
}


def load(name: str) -> tuple[Any, Any, Any, Any]:
    """Train and test rows and labels of a data set."""
    import edgealgos as ea

    if name == "digits":
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        X, y = load_digits(return_X_y=True)
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
        return X_train, y_train, X_test, y_test
    kind = {"usps": ea.datasets.load_usps, "mnist": ea.datasets.load_mnist, "wand": ea.datasets.load_magic_wand}[name]
    data = kind()
    return data.X_train.astype(float), data.y_train, data.X_test.astype(float), data.y_test


def measure(name: str) -> dict[str, Any]:
    """Train, compile and simulate one row; runs in a process of its own."""
    import numpy as np

    import edgealgos as ea

    row = EVERY_ROW[name]
    X_train, y_train, X_test, y_test = load(row.data)
    options = dict(row.options)
    if row.warp is not None:
        side = int(np.sqrt(X_train.shape[1]))
        options["augment"] = ea.augment.ImageWarp((side, side), **row.warp)
    begin = time.perf_counter()
    if options.get("teacher") == "convnet":
        options["teacher"], _ = convnet(f"{row.data}10", X_train, y_train)
    if row.trained_as:
        model = ea.load(_model_file(row.trained_as))
    else:
        model = getattr(ea, row.model)(random_state=0, verbose=1, **options).fit(X_train, y_train)
        ea.save(model, _model_file(name))
    fitted = time.perf_counter()
    compiled = ea.compile_model(model, input_buffer=not row.trained_as)
    report = compiled.report
    seconds = time.perf_counter() - fitted
    assert seconds <= COMPILE_SECONDS, f"compile_model took {seconds:.1f} s"
    part = X_test[:SIMULATED_ROWS]
    uno = compiled.simulate(part)
    flash = sum(size for item, size in report.flash_items.items() if item.startswith(("table", "straight-line")))
    steps = model.n_steps_ if row.per_step else 1
    return {
        "accuracy": float(np.mean(compiled.predict(X_test) == y_test)),
        "cycles": float(uno.cycles.mean()) / steps, "predicted": report.cycles / steps,
        "differ": int((uno.scores != compiled.scores(part)).any(axis=1).sum()),
        "model": model.model_bytes_, "flash": flash,
        "ram": uno.ram_peak - report.ram_items[CORE], "fit": fitted - begin, "compile": seconds,
    }  # fmt: skip


def _model_file(name: str) -> Path:
    """Where the model of a row is kept."""
    folder = RESULTS / "models"
    folder.mkdir(exist_ok=True)
    return folder / f"{name}.edgealgos"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def table(found: dict[str, dict[str, Any]]) -> str:
    """Rows as asked and as measured, and the peers."""
    lines = [
        "Written by `python benchmarks/uno_cycles.py`. Accuracy on all test rows; cycles of a prediction (streaming: "
        "of a `push()`) on",
        f"the simulated Uno, {SIMULATED_ROWS} test rows, of which those that differ from the interpreter are counted. "
        "Flash: tables",
        "and straight-line code. RAM: variables, input and deepest stack, without the core's variables.",
        "",
        "| model | accuracy (asked) | cycles (asked) | predicted | flash (asked) | RAM (asked) | model bytes | differ "
        "| fit s | compile s |",
        "|" + "---|" * 10,
    ]
    for name, row in ROWS.items():
        if name not in found:
            continue
        f = found[name]

        def asked(value: float, limit: float | None) -> str:
            return _number(value) + (f" ({limit:,})" if limit else "")

        wanted = f" ({row.accuracy:.4f})" if row.accuracy else ""
        met = "**" if f["accuracy"] >= row.accuracy else ""
        lines.append(
            f"| {name} | {met}{f['accuracy']:.4f}{met}{wanted} | {asked(f['cycles'], row.cycles)} | "
            f"{f['predicted'] / f['cycles'] - 1:+.0%} | {asked(f['flash'], row.flash)} | {asked(f['ram'], row.ram)} | "
            f"{f['model']:,} | {f['differ']} | {f['fit']:.0f} | {f['compile']:.2f} |"
        )
    missing = [name for name in EVERY_ROW if name not in found]
    lines += ["", f"Not measured yet: {'; '.join(missing)}."] if missing else []
    lines += ["", "| representation | accuracy | model bytes | cycles | flash |", "|---|---|---|---|---|"]
    for name in (name for name in REPRESENTED | NARROWED if name in found):
        f = found[name]
        lines.append(f"| {name} | {f['accuracy']:.4f} | {f['model']:,} | {f['cycles']:,.0f} | {f['flash']:,} |")
    lines += [
        "",
        "Peers, measured on the same board in November 2026 (flash without a core; RAM: variables, input, stack; "
        "forests: -Os only):",
        "",
        "| peer | accuracy | cycles, -O2 | cycles, -Os | flash | RAM |",
        "|---|---|---|---|---|---|",
    ]
    for name, (accuracy, fast, small, flash, ram) in PEERS.items():
        lines.append(
            f"| {name} | {accuracy:.4f} | {_number(fast)} | {_number(small)} | {_number(flash)} | {_number(ram)} |"
        )
    return "\n".join(lines) + "\n\n![accuracy over cycles](uno_cycles.png)\n"


# Of a label beside its point, best first.
PLACES = ((6, 0, "left", "center"), (-6, 0, "right", "center"), (0, 7, "center", "bottom"), (0, -7, "center", "top"),
          (5, 7, "left", "bottom"), (5, -7, "left", "top"), (-5, 7, "right", "bottom"), (-5, -7, "right", "top"),
          (0, 18, "center", "bottom"), (0, -18, "center", "top"))  # fmt: skip


def label_points(figure: Any, axes: Any, names: dict[tuple[float, float], tuple[str, str]]) -> None:
    """Name points (name and colour by place) so that no label meets another, a point, the legend or the frame."""
    from matplotlib.transforms import Bbox

    figure.canvas.draw()
    frame, renderer = axes.get_window_extent(), figure.canvas.get_renderer()
    dots = [axes.transData.transform(place) for place in names]
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in dots] + [axes.get_legend().get_window_extent()]
    for place, (name, colour) in names.items():
        for dx, dy, ha, va in PLACES:
            text = axes.annotate(
                name, place, (dx, dy), textcoords="offset points", fontsize=6.5, color=colour, ha=ha, va=va
            )
            box = text.get_window_extent(renderer)
            inside = box.x0 > frame.x0 and box.x1 < frame.x1 and box.y0 > frame.y0 and box.y1 < frame.y1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()
        else:
            raise ValueError(f"no place is free for the label {name!r}; make the picture larger")


def picture(found: dict[str, dict[str, Any]]) -> None:
    """Accuracy on USPS over cycles, ours and the peers'."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5.5))
    ours = {n: (f["cycles"], f["accuracy"]) for n, f in found.items() if n.startswith("USPS") and n in ROWS}
    peers = {n: (fast or small, a) for n, (a, fast, small, *_) in PEERS.items() if n.startswith("USPS")}
    for points, colour, label in ((peers, "tab:gray", "peers"), (ours, "tab:blue", "edgealgos")):
        axes.scatter(*zip(*points.values(), strict=True), color=colour, label=label)
    axes.set(xscale="log", xlabel="cycles of a prediction on an Arduino Uno", ylabel="accuracy on USPS (test)")
    axes.set_xticks([10**k for k in range(3, 8)], [f"{10**k:,}" for k in range(3, 8)])
    axes.margins(0.08)
    axes.legend(loc="lower right")
    figure.tight_layout()
    names = {place: (n.removeprefix("USPS").strip(", "), "tab:blue" if n in ours else "0.35")
             for n, place in [*ours.items(), *peers.items()]}  # fmt: skip
    label_points(figure, axes, names)
    figure.savefig(RESULTS / "uno_cycles.png", dpi=110)


def main() -> None:
    """Measure rows and write tables and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", help="part of a row's name; default: all rows")
    parser.add_argument("--tables", action="store_true", help="measure nothing")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    found = json.loads(STORED.read_text()) if STORED.exists() else {}
    wanted = [name for name in EVERY_ROW if not arguments.tables and (arguments.row or "") in name]
    wanted = [arguments.row] if arguments.row in EVERY_ROW else wanted
    for number, name in enumerate(wanted, 1):
        print(f"[{number}/{len(wanted)}] {name}", flush=True)
        command = [sys.executable, __file__, "--measure", name]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
        print(f"  {found[name]}", flush=True)
        STORED.write_text(json.dumps({n: found[n] for n in EVERY_ROW if n in found}, indent=1) + "\n")
    (RESULTS / "uno_cycles.md").write_text(table(found))
    picture(found)


if __name__ == "__main__":
    main()
