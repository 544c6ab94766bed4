"""Pieces of HTML: tables, bars, maps of memory, all text escaped; knows no models."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Any

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7a6ff0", "#8a8a00")  # told apart by all
SEGMENTS = len(COLOURS)


def asset(name: str) -> str:
    """Text of a file of ``assets/``."""
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


def fragment(*parts: str) -> str:
    """Pieces with their style, for a notebook."""
    return f'<div class="edgealgos"><style>{asset("style.css")}</style>{"".join(parts)}</div>'


def text(value: Any) -> str:
    """Any value as text that stands for itself."""
    return escape(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))


def heading(title: str) -> str:
    """A title within a piece."""
    return f"<h3>{text(title)}</h3>"


def table(rows: Iterable[Sequence[Any]], head: Sequence[Any] = ()) -> str:
    """Rows of values; numbers of a column with a head stand at the right."""
    top = f"<thead><tr>{''.join(f'<th>{text(cell)}</th>' for cell in head)}</tr></thead>" if head else ""
    body = "".join(f"<tr>{''.join(_cell(cell, bool(head)) for cell in row)}</tr>" for row in rows)
    return f"<table>{top}<tbody>{body}</tbody></table>"


def _cell(value: Any, right: bool) -> str:
    number = right and isinstance(value, (int, float))
    return f"<td{' class=number' if number else ''}>{text(value)}</td>"


def bars(items: Iterable[tuple[str, int]], unit: str) -> str:
    """One bar an item, as long as its amount, largest first."""
    shown = sorted(((label, amount) for label, amount in items if amount), key=lambda item: -item[1])
    most = shown[0][1] if shown else 1
    rows = [
        f'<div class="bar"><span class="label">{text(label)}</span><span class="track">'
        f'<span style="width:{100 * amount / most:.2f}%"></span></span>'
        f'<span class="amount">{text(amount)} {text(unit)}</span></div>'
        for label, amount in shown
    ]
    return f'<div class="bars">{"".join(rows)}</div>'


def memory(title: str, items: Iterable[tuple[str, int]], size: int) -> str:
    """A memory as one strip: the largest items by name, the rest together, and what is free."""
    found = sorted(((label, amount) for label, amount in items if amount), key=lambda item: -item[1])
    kept, rest = found[: SEGMENTS - 1], found[SEGMENTS - 1 :]
    shown = kept + ([("everything else", sum(amount for _, amount in rest))] if rest else [])
    used = sum(amount for _, amount in shown)
    whole = max(size, used, 1)
    strip, legend = [], []
    for (label, amount), colour in zip(shown, COLOURS, strict=False):
        told = f"{text(label)}: {text(amount)} bytes"
        strip.append(f'<span title="{told}" style="width:{100 * amount / whole:.3f}%;background:{colour}"></span>')
        legend.append(f'<li><i style="background:{colour}"></i>{told}</li>')
    over = f" ({used - size:,} too many)" if used > size else f", {size - used:,} free"
    head = f"{text(title)}: {used:,} of {size:,} bytes{over}"
    return f'<div class="memory"><b>{head}</b><div class="strip">{"".join(strip)}</div><ul>{"".join(legend)}</ul></div>'


def data(name: str, value: Any) -> str:
    """Values for the scripts of a page; nothing in them ends the element."""
    told = json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    return f'<script type="application/json" id="{escape(name)}">{told}</script>'
