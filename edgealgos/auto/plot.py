"""The picture of a search: accuracy over bytes, what is not beaten in both joined by a line; knows leaderboards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from ..errors import MissingToolError
from ..files import write_file


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
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise MissingToolError("matplotlib", "draw a search", "pip install 'edgealgos[plot]'") from None
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    judged = [row for row in rows if row["validation_score"] is not None]
    for family in dict.fromkeys(row["family"] for row in judged):
        own = [row for row in judged if row["family"] == family]
        columns = ("model_bytes", "validation_score", "validation_spread")
        sizes, scores, spreads = ([row[column] for row in own] for column in columns)
        axes.errorbar(sizes, scores, spreads, fmt="o", alpha=0.7, label=family)
    best = front(judged)
    axes.plot([row["model_bytes"] for row in best], [row["validation_score"] for row in best], "-", color="0.4",
              zorder=0, label="not beaten in both")  # fmt: skip
    axes.set_xlabel("bytes stored")
    axes.set_ylabel(f"{score} of the device program on rows held out")
    axes.grid(alpha=0.3)
    axes.legend()
    if path is not None:
        picture = BytesIO()
        figure.savefig(picture, format=Path(path).suffix.removeprefix(".") or "png")
        write_file(path, picture.getvalue())
    return figure
