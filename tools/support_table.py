"""Writes docs/scikit_learn.md from the registries of what compiles: ``python -m tools.support_table``."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edgealgos.codegen.lowering.sklearn.curves import products_known, stage_of
from edgealgos.codegen.lowering.sklearn.registry import affine_map, program_of
from edgealgos.codegen.lowering.wrappers import wrappers_known

PAGE = Path(__file__).parents[1] / "docs" / "scikit_learn.md"
_MARKS = "<!-- support: begin -->\n", "<!-- support: end -->\n"


def table() -> str:
    """Kinds of models by the file that lowers them, then what may stand in front of them and around."""
    rows = ["| what | classes |", "|---|---|"]
    by_module: dict[str, list[type]] = {}
    for kind, function in program_of.registry.items():
        if kind is not object:
            by_module.setdefault(function.__module__, []).append(kind)
    for module, kinds in sorted(by_module.items()):
        rows.append(f"| {_first_sentence(module)} | {_names(kinds)} |")
    rows.append(f"| In front of them | {_names(kind for kind in affine_map.registry if kind is not object)} |")
    others = [kind for kind in stage_of.registry if kind is not object and kind not in affine_map.registry]
    products = [kind for kind in others if kind.__name__ in products_known()]
    rows.append(f"| In front of linear models and trees | {_names(kind for kind in others if kind not in products)} |")
    rows.append(f"| In front of linear models | {_names(products)} |")
    rows.append(f"| Around them | {_names(wrappers_known())} |")
    return "\n".join(rows) + "\n"


def _names(kinds: Iterable[Any]) -> str:
    return ", ".join(sorted(f"`{kind.__name__}`" for kind in kinds))


def _first_sentence(module: str) -> str:
    text = importlib.import_module(module).__doc__ or ""
    return text.strip().split("\n")[0].rstrip(".").split(";")[0]


def page() -> str:
    """The page as it must be."""
    begin, end = _MARKS
    text = PAGE.read_text(encoding="utf-8")
    return text[: text.index(begin) + len(begin)] + table() + text[text.index(end) :]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
