"""A net like MobileNetV2 by rows, in patches and as whole tensors. ``python benchmarks/schedules.py --data FOLDER``.

FOLDER holds ``cifar10_jpeg.npz``: ``jpeg`` (all bytes), ``offsets``, ``y_train``, ``y_test``. Its pictures (from JPEG,
slightly lossy) become grey ones of 96 x 96, vehicles against animals. A net of inverted bottlenecks with ReLU6, linear
projections, normalisation and additions is trained by Keras on ``--rows`` of the training part for ``--epochs``,
taken in by ``from_keras``, compiled for a Cortex-M4 and run by qemu, where it must answer as the interpreter does.
The last 500 rows of the training part judge what 8 bits cost; rows of the test part are read once, at the end.
``results/schedules.md`` and ``results/schedules.png`` get RAM and products of the schedules.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import edgealgos as ea

RESULTS = Path(__file__).with_name("results")
SIZE, VEHICLES = 96, (0, 1, 8, 9)
HELD_OUT, CALIBRATED, SIMULATED = 500, 100, 5
BLOCKS = ((6, 12, 2), (3, 12, 1), (3, 16, 2), (3, 16, 1), (3, 24, 2))  # expansion, channels, stride


def pictures(data: Any, places: range) -> np.ndarray:
    """Grey pictures of 96 x 96 between 0 and 1."""
    found = []
    for place in places:
        first, last = data["offsets"][place : place + 2]
        colours = tf.io.decode_jpeg(data["jpeg"][first:last].tobytes(), channels=3)
        grey = tf.image.resize(tf.image.rgb_to_grayscale(colours), (SIZE, SIZE))
        found.append(np.rint(grey.numpy() / 2).astype(np.uint8))
    return np.stack(found).astype(np.float32) / 128


def net() -> keras.Model:
    """Inverted bottlenecks (Sandler et al., CVPR 2018), additions where the shape stays."""
    layers = keras.layers
    source = layers.Input((SIZE, SIZE, 1))

    def convolved(x: Any, channels: int, kernel: int, stride: int = 1, rectify: bool = True) -> Any:
        x = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        return layers.ReLU(max_value=6.0)(x) if rectify else x

    x = convolved(source, 12, 3, stride=2)
    for expansion, channels, stride in BLOCKS:
        before = x
        x = convolved(x, expansion * before.shape[-1], 1)
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU(max_value=6.0)(layers.BatchNormalization(momentum=0.9)(x))
        x = convolved(x, channels, 1, rectify=False)
        if stride == 1:
            x = layers.Add()([before, x])
    x = layers.GlobalAveragePooling2D()(convolved(x, 64, 1))
    return keras.Model(source, layers.Dense(2, activation="softmax")(x))


def trained(X: np.ndarray, y: np.ndarray, epochs: int) -> keras.Model:
    """The net after so many epochs, the rate falling to nothing."""
    keras.utils.set_random_seed(0)
    model = net()
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * -(-len(X) // 64))
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, y, batch_size=64, epochs=epochs, verbose=2)
    return model


def accuracy(predicted: Any, y: np.ndarray) -> str:
    """In percent."""
    return f"{100 * float(np.mean(np.asarray(predicted) == y)):.1f}"


def picture(schedules: Any) -> None:
    """RAM and products side by side."""
    names = [schedule.name.partition(", of ")[0] for schedule in schedules]
    figure, axes = plt.subplots(1, 2, figsize=(9, 2.6), sharey=True, layout="constrained")
    shown = (("ram_bytes", "RAM of activations, KB", 1024), ("products", "products, millions", 1e6))
    for axis, (what, unit, scale) in zip(axes, shown, strict=True):
        bars = axis.barh(names, [getattr(schedule, what) / scale for schedule in schedules])
        axis.bar_label(bars, fmt="%.1f", padding=3)
        axis.margins(x=0.15)
        axis.set_xlabel(unit)
    axes[0].invert_yaxis()
    figure.savefig(RESULTS / "schedules.png", dpi=120)


def main() -> None:
    """Train (or read), compile, run, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=2000, help="of the training part")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--tested", type=int, default=500, help="rows of the test part, from its beginning")
    parser.add_argument("--model", type=Path, help="file of the trained net: read if it is there, else written")
    asked = parser.parse_args()
    with np.load(asked.data / "cifar10_jpeg.npz", allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    y, y_test = (np.isin(data[name], VEHICLES).astype(int) for name in ("y_train", "y_test"))
    X, first_test = pictures(data, range(asked.rows)), len(y)
    held = range(first_test - HELD_OUT, first_test)
    X_held, y_held = pictures(data, held), y[held.start :]
    if asked.model is not None and asked.model.exists():
        model = keras.models.load_model(asked.model)
    else:
        model = trained(X, y[: asked.rows], asked.epochs)
        if asked.model is not None:
            model.save(asked.model)
    compiled = ea.compile_model(ea.from_keras(model, X[:CALIBRATED]), board="cortex-m4")
    simulated = compiled.simulate(X_held[:SIMULATED])
    if not np.array_equal(simulated.scores, compiled.scores(X_held[:SIMULATED])):
        raise RuntimeError("the simulated device and the interpreter differ")
    X_test = pictures(data, range(first_test, first_test + asked.tested))
    schedules = compiled.report.schedules
    head = ("schedule", "RAM of activations, bytes", "times rows", "products", "computed again")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {s.name} | {s.ram_bytes:,} | {s.ram_bytes / schedules[-1].ram_bytes:.2f} | {s.products:,} | "
              f"{s.recomputed:,} |" for s in schedules]  # fmt: skip
    lines += [
        "", f"Epochs: {asked.epochs}, over {asked.rows} rows. Vehicles against animals, %: Keras "
        f"{accuracy(model.predict(X_held, verbose=0).argmax(axis=1), y_held)} on {HELD_OUT} rows of the training part "
        f"held out, the program {accuracy(compiled.predict(X_held), y_held)} on those and "
        f"{accuracy(compiled.predict(X_test), y_test[: asked.tested])} on the first {asked.tested} test rows.",
        "", f"On a simulated {compiled.board.title}: {SIMULATED} pictures bit for bit as the interpreter; RAM "
        f"{simulated.ram_peak:,} bytes with the stack ({simulated.static_ram:,} variables), flash "
        f"{simulated.flash_bytes:,}, {int(simulated.instructions.mean()):,} instructions a picture.",
    ]  # fmt: skip
    (RESULTS / "schedules.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
    print("\n".join(lines))
    picture(schedules)


if __name__ == "__main__":
    main()
