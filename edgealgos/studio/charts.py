"""Pictures of the studio as SVG: traces, curves of a training, accuracy over bytes; text escaped; knows numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ..auto.plot import front
from ..pages.html import COLOURS, text

MOST_POINTS = 100  # of a trace
APART = 20.0  # pixels between models in one place
LEFT, RIGHT, TOP, BOTTOM = 60, 12, 10, 34  # margins of charts


def traces(values: NDArray[Any], axes: Sequence[str], limits: Mapping[str, float]) -> Markup:
    """Readings over time, acceleration above rotation; `limits` are the largest of each kind in all recordings."""
    width, height = 220, 56
    kinds = list(dict.fromkeys(axis[0] for axis in axes))
    apart = max(1, len(values) // MOST_POINTS)
    x = np.linspace(1, width - 1, len(values[::apart]))
    lines = []
    for place, kind in enumerate(kinds):
        middle = height * (place + 0.5)
        lines.append(f'<line class="zero" x1="0" x2="{width}" y1="{middle}" y2="{middle}"/>')
        scale = (height / 2 - 2) / (limits.get(kind) or 1)
        for i, column in enumerate(c for c, axis in enumerate(axes) if axis[0] == kind):
            y = middle - scale * values[::apart, column].astype(float)
            lines.append(_line(zip(x, y, strict=True), f'stroke="{COLOURS[i % len(COLOURS)]}"'))
    return _svg(width, height * len(kinds), lines, "traces")


def _line(places: Iterable[tuple[float, float]], style: str) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline fill="none" {style} points="{points}"/>'


def _svg(width: float, height: float, parts: Sequence[str], kind: str) -> Markup:
    return Markup(f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg>')


class Frame:
    """Axes of a chart with their numbers.

    Parameters
    ----------
    x, y : (float, float)
        What they show.
    labels : (str, str)
        What they say.
    large : bool
        Whether it is the large one, whose x is logarithmic; else x counts.
    """

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], labels: tuple[str, str], large: bool = False
    ) -> None:
        self._x, self._y, self._labels, self._log = x, y, labels, large
        self.width, self.height = (460, 280) if large else (320, 200)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Place of a point."""
        (x0, x1), (y0, y1) = self._x, self._y
        if self._log:
            x, x0, x1 = math.log(max(x, x0)), math.log(x0), math.log(x1)
        across = (x - x0) / ((x1 - x0) or 1)
        up = (y - y0) / ((y1 - y0) or 1)
        return LEFT + across * (self.width - LEFT - RIGHT), self.height - BOTTOM - up * (self.height - TOP - BOTTOM)

    def parts(self) -> list[str]:
        """Lines and numbers."""
        found = []
        right, bottom = self.width - RIGHT, self.height - BOTTOM
        for value in _ticks(*self._y):
            y = self.at(self._x[0], value)[1]
            found.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            found.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
        for value in _log_ticks(*self._x) if self._log else _ticks(*self._x, 1.0):
            x = self.at(value, self._y[0])[0]
            found.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
            found.append(f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{value:,.4g}</text>')
        across, up = map(text, self._labels)
        middle = (TOP + bottom) / 2
        found.append(f'<text x="{(LEFT + right) / 2}" y="{self.height - 4}" text-anchor="middle">{across}</text>')
        found.append(f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">{up}</text>')
        return found


def _ticks(low: float, high: float, least: float = 0.0) -> list[float]:
    """About five round numbers, no closer than `least`."""
    step = 10.0 ** math.floor(math.log10((high - low) / 5 or 1))
    step = max(least, step * next(m for m in (1, 2, 5, 10) if (high - low) / (m * step) <= 6))
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Powers of two."""
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    return [2.0**p for p in powers][:: 1 + len(powers) // 8]


def curve(epochs: Sequence[Mapping[str, Any]], column: str, label: str, colour: int) -> Markup:
    """One number over the epochs of a fit."""
    y = [float(each[column]) for each in epochs]
    last = max(epochs[-1]["epochs"], 2)
    low, high = min(y), max(y)
    room = 0.05 * (high - low) or 0.05
    frame = Frame((1, last), (low - room, high + room), ("epoch", label))
    places = [frame.at(each["epoch"], value) for each, value in zip(epochs, y, strict=True)]
    parts = [*frame.parts(), _line(places, f'stroke="{COLOURS[colour]}" stroke-width="2"')]
    parts.append(_dot("now", 3.5, places[-1], COLOURS[colour]))
    return _svg(frame.width, frame.height, parts, "chart")


def _dot(kind: str, size: float, place: tuple[float, float], colour: str, told: str = "") -> str:
    title = f"<title>{text(told)}</title>" if told else ""
    return f'<circle class="{kind}" r="{size}" cx="{place[0]:.1f}" cy="{place[1]:.1f}" fill="{colour}">{title}</circle>'


def trials(candidates: Sequence[Mapping[str, Any]], score: str) -> Markup:
    """What each trial has scored, in their order, and the best so far."""
    judged = [c["validation_score"] for c in candidates if c["validation_score"] is not None]
    if not judged:
        return Markup("")
    best = np.maximum.accumulate(judged)
    low, high = min(best), max(best)
    room = 0.1 * (high - low) or 0.01
    frame = Frame((1, max(len(judged), 2)), (low - room, min(high + room, 1.0)), ("trial", score))
    parts = frame.parts()
    parts.append(_line([frame.at(i, value) for i, value in enumerate(best, 1)], f'stroke="{COLOURS[0]}"'))
    parts += [_dot("tried", 3, frame.at(i, max(v, low - room)), COLOURS[0]) for i, v in enumerate(judged, 1)]
    return _svg(frame.width, frame.height, parts, "chart")


def over_bytes(
    candidates: Sequence[Mapping[str, Any]], models: Mapping[int, Mapping[str, Any]], score: str, pick: bool = False
) -> Markup:
    """All that a search has judged, small, and whether to be picked; models fitted to all rows; the front of both."""
    numbered = {i: c for i, c in enumerate(candidates) if c["validation_score"] is not None}
    judged = list(numbered.values())
    shown = {n: m for n, m in models.items() if m["score"] is not None}
    if not judged and not shown:
        return Markup("")
    fitted = [{"model_bytes": m["bytes"], "validation_score": m["score"]} for m in shown.values()]
    every = [*judged, *fitted]
    sizes = [max(1, row["model_bytes"]) for row in every]
    low = min(row["validation_score"] for row in [*front(every), *fitted])
    lowest, highest = low - 0.3 * (1 - low) - 0.02, 1 + 0.06 * (1 - low) + 0.004
    frame = Frame((min(sizes) / 2, max(sizes) * 2), (lowest, highest), ("bytes stored", score), large=True)
    families = list(dict.fromkeys(row["family"] for row in [*judged, *shown.values()]))
    parts = frame.parts()
    places = [frame.at(row["model_bytes"], row["validation_score"]) for row in front(every)]
    parts.append(_line(places, 'class="front"'))
    for number, row in numbered.items():
        told = f"{row['family']}: {row['validation_score']:.4f}, {row['model_bytes']:,} bytes"
        place = frame.at(row["model_bytes"], max(row["validation_score"], lowest))
        dot = _dot("tried", 3.5, place, COLOURS[families.index(row["family"]) % len(COLOURS)], told)
        parts.append(f'<a href="#trials" data-trial="{number}">{dot}</a>' if pick else dot)
    taken: Counter[tuple[float, float]] = Counter()
    for number, model in shown.items():
        x, y = frame.at(model["bytes"], model["score"])
        taken[x, y] += 1
        x += APART * (taken[x, y] - 1)  # models of different budgets may be the same
        told = f"model {number}: {model['family']}, {model['score']:.4f}, {model['bytes']:,} bytes"
        colour = COLOURS[families.index(model["family"]) % len(COLOURS)]
        dot = _dot("model", 9, (x, y), colour, told)
        name = f'<text class="number" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{number}</text>'
        parts.append(f'<a href="/models/{number}">{dot}{name}</a>')
    return _svg(frame.width, frame.height, parts, "chart") + _legend(families)


def _legend(names: Sequence[str]) -> Markup:
    entries = [
        f'<li><i style="background:{COLOURS[i % len(COLOURS)]}"></i>{text(name)}</li>' for i, name in enumerate(names)
    ]
    return Markup(f'<ul class="legend">{"".join(entries)}</ul>')
