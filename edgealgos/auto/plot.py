"""The picture of a search: accuracy over bytes, what is not beaten in both joined by a line; knows leaderboards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..pages.axes import check_matplotlib, legend_below, new_axes, save_figure, scale_bytes


def front(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Lines of a leaderboard that no other beats in score without taking more bytes, the smallest first."""
    found: list[Mapping[str, Any]] = []
    judged = [row for row in rows if row["validation_score"] is not None]
    for row in sorted(judged, key=lambda r: (r["model_bytes"], -r["validation_score"])):
        if not found or row["validation_score"] > found[-1]["validation_score"]:
            found.append(row)
    return found


def draw(rows: Sequence[Mapping[str, Any]], score: str, path: str | Path | None) -> Any:
    """A figure of a leaderboard, written to `path` if there is one; the ending chooses the format."""
    check_matplotlib("draw a search")
    figure, axes = new_axes()
    judged = [row for row in rows if row["validation_score"] is not None]
    families = list(dict.fromkeys(row["family"] for row in judged))
    for family in families:
        own = [row for row in judged if row["family"] == family]
        columns = ("model_bytes", "validation_score", "validation_spread")
        sizes, scores, spreads = ([row[column] for row in own] for column in columns)
        axes.errorbar(sizes, scores, spreads, fmt="o", alpha=0.7, label=family)
    best = front(judged)
    axes.plot([row["model_bytes"] for row in best], [row["validation_score"] for row in best], "-", color="0.4",
              zorder=0, label="not beaten in both")  # fmt: skip
    every = [row["model_bytes"] for row in judged] or [1]
    scale_bytes(axes, min(every), max(every))
    axes.set_ylabel(f"{score} of the device program on rows held out")
    legend_below(figure, min(4, len(families) + 1))
    if path is not None:
        save_figure(figure, path)
    return figure
