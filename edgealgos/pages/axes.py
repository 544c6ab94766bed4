"""Manners of plots: numbers in full on logarithmic axes, legends beside the points, whole files; knows no models."""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from ..errors import MissingToolError
from ..files import write_file

_STEPS = (1.0, 2.0, 5.0)  # of a decade that have a number
_FEW = 3.0  # times the smallest value: below, a linear axis shows more


def check_matplotlib(purpose: str) -> None:
    """MissingToolError where there is no matplotlib; ask before what takes long."""
    if find_spec("matplotlib") is None:
        raise MissingToolError("matplotlib", purpose, "pip install 'edgealgos[plot]'")


def new_axes() -> tuple[Any, Any]:
    """A figure that needs no window, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.8), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(alpha=0.3, which="major")
    return figure, axes


def scale_bytes(axes: Any, smallest: float, largest: float) -> None:
    """The axis of bytes: logarithmic where values differ much, with numbers in full in any case."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if smallest > 0 and largest / smallest > _FEW:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=_STEPS))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("bytes stored")


def legend_below(figure: Any, columns: int) -> None:
    """The legend, where it hides no point."""
    figure.legend(loc="outside lower center", ncols=columns)


def save_figure(figure: Any, path: str | Path) -> None:
    """Write a figure whole or not at all; the ending of the name chooses the format."""
    picture = BytesIO()
    figure.savefig(picture, format=Path(path).suffix.removeprefix(".") or "png")
    write_file(path, picture.getvalue())
