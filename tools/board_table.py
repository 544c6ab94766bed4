"""Writes the tables of boards in README.md and docs/boards.md from their records: ``python -m tools.board_table``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from edgealgos.codegen.simulate.machines import MACHINES
from edgealgos.codegen.targets.boards import BOARDS, Board

_ROOT = Path(__file__).parents[1]
_MARKS = "<!-- boards: begin -->\n", "<!-- boards: end -->\n"


def short_table() -> str:
    """A row a processor family, for the README."""
    groups = groupby(BOARDS.values(), key=lambda board: (board.architecture.name, board.framework.name))
    rows: dict[tuple[str, str], list[Board]] = {}
    for key, boards in groups:
        rows.setdefault(key, []).extend(boards)
    lines = ["| processor | programs | `board=` | simulated by |", "|---|---|---|---|"]
    for (architecture, framework), found in rows.items():
        names = ", ".join(f"`{board.name}`" for board in found)
        lines.append(f"| {architecture} | {framework} | {names} | {_simulators(found)} |")
    return "\n".join(lines) + "\n"


def long_table() -> str:
    """A row a board, for the page of the docs."""
    lines = [
        "| `board=` | board | processor | MHz | RAM | flash | export | compiler | simulated by | predicted |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for board in BOARDS.values():
        machine = f" {MACHINES[board.machine].name}" if board.machine else ""
        simulators = ", ".join(board.simulators)
        aliases = "".join(f", `{name}`" for name in board.aliases)
        lines.append(
            f"| `{board.name}`{aliases} | {board.title} | {board.architecture.name} | {board.clock_hz / 1e6:g} "
            f"| {board.ram_bytes:,} | {board.flash_bytes:,} | {'sketch' if board.framework.sketches else 'C++'} "
            f"| {board.compiler} | {simulators}{machine} | {'all' if board.cost_model else 'tables, variables'} |"
        )
    return "\n".join(lines) + "\n"


def _simulators(boards: Iterable[Board]) -> str:
    return ", ".join(dict.fromkeys(name for board in boards for name in board.simulators)) or "nothing here"


def with_table(page: str, table: str) -> str:
    """The page with the table between its marks."""
    begin, end = _MARKS
    return re.sub(f"(?s){begin}.*{end}", lambda _: f"{begin}{table}{end}", page)


def pages() -> dict[Path, str]:
    """The pages as they must be."""
    tables = {_ROOT / "README.md": short_table(), _ROOT / "docs" / "boards.md": long_table()}
    return {path: with_table(path.read_text(encoding="utf-8"), table) for path, table in tables.items()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
