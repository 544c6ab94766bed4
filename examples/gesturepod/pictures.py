"""Pictures of the example: gesture traces, a simulated double tap beside the real one, confusion, a timeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import cane
import matplotlib.pyplot as plt
import numpy as np
from cane import DEGREE_PER_SECOND, GESTURES, NOISE, ONE_G, RATE, SILENCE, Event
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

AXES = "xyz"


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw(above: Any, below: Any, X: NDArray[Any]) -> None:
    t = np.arange(len(X)) / RATE
    for a, name in enumerate(AXES):
        above.plot(t, X[:, a] / ONE_G, lw=1, label=name)
        below.plot(t, X[:, 3 + a] / DEGREE_PER_SECOND, lw=1, label=name)


def traces(path: Path, users: Sequence[int] = (3, 7)) -> None:
    """Each gesture of two simulated people."""
    figure, axes = plt.subplots(2 * len(users), len(GESTURES), figsize=(15, 4 * len(users)), sharex=True)
    for column, name in enumerate(GESTURES):
        for i, user in enumerate(users):
            plan = [("resting", 0.6), (name, 0.0), ("resting", 0.6)]
            _draw(axes[2 * i, column], axes[2 * i + 1, column], cane.simulate(cane.User(user), plan).X)
            axes[2 * i, column].set_title(f"{name}, person {user}", fontsize=9)
    for i in range(len(users)):
        axes[2 * i, 0].set_ylabel("acceleration, g")
        axes[2 * i + 1, 0].set_ylabel("rate of turn, °/s")
    axes[0, 0].legend(fontsize=8)
    _save(figure, path)


def double_taps(path: Path, real: NDArray[Any]) -> None:
    """GesturePod's recorded double tap beside three simulated ones."""
    figure, axes = plt.subplots(2, 4, figsize=(15, 6), sharex=True, sharey="row")
    _draw(axes[0, 0], axes[1, 0], real)
    axes[0, 0].set_title("recorded (GesturePod)", fontsize=9)
    for column, user in enumerate((2, 3, 7), 1):
        plan = [("resting", 0.6), ("double tap", 0.0), ("resting", 1.2)]
        _draw(axes[0, column], axes[1, column], cane.simulate(cane.User(user), plan, 1).X[: len(real)])
        axes[0, column].set_title(f"simulated, person {user}", fontsize=9)
    axes[0, 0].set_ylabel("acceleration, g")
    axes[1, 0].set_ylabel("rate of turn, °/s")
    axes[1, 0].set_xlabel("seconds")
    axes[0, 0].legend(fontsize=8)
    _save(figure, path)


def confusion(path: Path, labels: Sequence[str], truth: NDArray[Any], answers: NDArray[Any]) -> None:
    """How windows of unseen people are answered; framed is what counts as right.

    Silence and noise are both no gesture: nothing is told of either, so that one answered as the other is no error.
    """
    labels = sorted(labels, key=lambda label: label in (SILENCE, NOISE))  # these last
    counts = np.array([[np.sum((truth == t) & (answers == a)) for a in labels] for t in labels])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    quiet = np.isin(labels, (SILENCE, NOISE))
    right = np.eye(len(labels), dtype=bool) | np.logical_and.outer(quiet, quiet)
    figure, axis = plt.subplots(figsize=(6.5, 6.2))
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(counts.shape):
        if counts[i, j]:
            axis.text(j, i, counts[i, j], ha="center", va="center", color="w" if share[i, j] > 0.5 else "k", fontsize=8)
        if right[i, j]:
            axis.add_patch(Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor="tab:green", lw=1.5))
    axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axis.set_yticks(range(len(labels)), labels)
    axis.set_xlabel("answer")
    axis.set_ylabel("what it was")
    alike = "; silence and noise are both no gesture" if quiet.sum() > 1 else ""
    axis.set_title(f"windows; {counts[right].sum() / counts.sum():.1%} right (framed{alike})", fontsize=9)
    _save(figure, path)


def timeline(
    path: Path, X: NDArray[Any], made: Sequence[Event], answers: Sequence[str], told: Sequence[Event], features: Any
) -> None:
    """A stream, what was done, every answer, and what was told."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(15, 6), sharex=True)
    t = np.arange(len(X)) / RATE
    for a, name in enumerate(AXES):
        above.plot(t, X[:, a] / ONE_G, lw=0.6, label=name)
    above.set_ylabel("acceleration, g")
    above.legend(fontsize=8, loc="upper right")
    names = sorted(set(answers))
    for event in made:
        for axis in (above, below):
            axis.axvspan(event.start / RATE, event.stop / RATE, color="tab:green", alpha=0.2, lw=0)
    moments = (features.window + features.hop * np.arange(len(answers))) / RATE
    below.scatter(moments, [names.index(a) for a in answers], s=6, color="tab:gray", label="answers")
    at = [names.index(e.label) for e in told]
    below.scatter([e.stop / RATE for e in told], at, s=60, marker="v", color="tab:red", label="told")
    below.set_yticks(range(len(names)), names)
    below.set_xlabel("seconds (green: a gesture is made)")
    below.legend(fontsize=8, loc="upper right")
    _save(figure, path)
