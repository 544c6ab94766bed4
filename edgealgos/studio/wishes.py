"""What may be chosen for a training, and what a form has chosen; knows names, trains nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import edgealgos as ea

from ..auto.families import families_for
from ..cli.export import takes_sketches
from .opened import Opened
from .work import Wish

MOST_BUDGETS, LARGEST_BUDGET = 8, 10**7  # bytes
IMPUTE = ("median", "mean", "drop")
LONGEST = 3600.0  # seconds of a search


def choices(opened: Opened) -> dict[str, list[str]]:
    """Boards that take sketches, and families that take such rows."""
    sequences = opened.kind == "sound" or (opened.kind == "table" and opened.as_read.X.ndim == 3)
    found = families_for("auto", opened.as_read.task == "classification", sequences)
    boards = [board.name for board in ea.boards() if takes_sketches(board.name)]
    return {"boards": boards, "families": [family.name for family in found]}


def reading(form: Any) -> list[str]:
    """The flags of `edgealgos train` that a form has chosen for a table."""
    target, impute = form.get("target"), form.get("impute")
    if impute and impute not in IMPUTE:
        raise ea.EdgeAlgosError(
            f"missing values are refused, or {', '.join(IMPUTE)} is done about them, not {impute!r}"
        )
    chosen = [f"--drop={name}" for name in form.getlist("drop") if name != target]
    chosen += [f"--{name}={value}" for name, value in (("target", target), ("impute", impute)) if value]
    return chosen


def wish_of(form: Any, possible: Mapping[str, list[str]]) -> Wish:
    """The wish of a form, among what is possible.

    Raises
    ------
    EdgeAlgosError
        In a sentence, for what is none.
    """
    words = re.split(r"[\s,;]+", form.get("budgets", "").strip())
    if not all(re.fullmatch(r"\d{1,8}", word) and 0 < int(word) <= LARGEST_BUDGET for word in words):
        raise ea.EdgeAlgosError("byte budgets are whole numbers parted by spaces, such as 512 1024 2048")
    if len(words) > MOST_BUDGETS:
        raise ea.EdgeAlgosError(f"at most {MOST_BUDGETS} byte budgets are searched, {len(words)} were given")
    board, families = form.get("board", ""), tuple(form.getlist("families"))
    for what, given in (("boards", (board,)), ("families", families)):
        if strange := [each for each in given if each not in possible[what]]:
            raise ea.EdgeAlgosError(f"{strange[0]!r} is none of the {what} {', '.join(possible[what])}")
    return Wish(board, tuple(sorted(set(map(int, words)))), _seconds(form), families)


def _seconds(form: Mapping[str, str]) -> float:
    try:
        seconds = float(form.get("seconds", ""))
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= LONGEST:
        raise ea.EdgeAlgosError(f"a search takes 1 to {LONGEST:g} seconds; type such a number")
    return seconds
