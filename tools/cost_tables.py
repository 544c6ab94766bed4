"""Writes tables of costs to where the package reads them; measures and fits nothing."""

from __future__ import annotations

import re
from pathlib import Path

from edgealgos.codegen.cost import tables

_TARGETS = Path(__file__).parents[1] / "edgealgos" / "codegen" / "targets"
_TOGETHER = re.compile(r"^frame .*( over | alone)|^arguments of | of \w+, ")


def write(fresh: dict[str, dict[str, float]], file: str = tables.COSTS) -> None:
    """Write costs; parts that have no new one keep theirs."""
    place = _TARGETS / file
    known: dict[str, dict[str, float]] = tables.measured_costs(file) if place.is_file() else {}
    place.parent.mkdir(exist_ok=True)
    place.write_text(
        tables.table(known | {what: known.get(what, {}) | table for what, table in fresh.items()}), encoding="utf-8"
    )
    tables.forget()


def replace_frames(frames: dict[str, float], file: str) -> None:
    """Write frames of the stack; what other programs took together before is forgotten."""
    known = tables.measured_costs(file)
    kept = {part: cost for part, cost in known["ram"].items() if not _TOGETHER.search(part)}
    (_TARGETS / file).write_text(tables.table(known | {"ram": kept | frames}), encoding="utf-8")
    tables.forget()
