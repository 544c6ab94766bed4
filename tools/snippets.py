"""Runs what pages print, one snippet after the other; draws the pictures of tutorials: ``python -m tools.snippets``.

Knows Markdown and the command line; nothing of models. Above a snippet that not every computer can run a comment says
why: ``<!-- not run: needs ... -->``.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from edgealgos.cli import main
from edgealgos.codegen.build.sketch import build_sketch

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / "docs" / "tutorials"
_SNIPPET = re.compile(r"(?:^<!-- not run: ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OTHERS_OWN = ("--port", "studio")  # commands that wait for a board, or for people


class Snippet(NamedTuple):
    """One block of a page.

    Parameters
    ----------
    why_not : str
        Why it is not run; empty where it is.
    language : str
        ``"python"``, ``"cpp"`` (a sketch), or empty: commands.
    code : str
    """

    why_not: str
    language: str
    code: str


def snippets(page: Path) -> list[Snippet]:
    """The blocks of a page, in their order."""
    return [Snippet(*found) for found in _SNIPPET.findall(page.read_text(encoding="utf-8"))]


def run_page(page: Path) -> None:
    """Do in this folder what a reader would who pastes every snippet of a page into it."""
    names: dict[str, object] = {"__name__": page.stem}
    for snippet in snippets(page):
        if snippet.why_not:
            continue
        if snippet.language == "python":
            exec(compile(snippet.code, page.name, "exec"), names)
        elif snippet.language == "cpp":
            _compile(snippet.code)
        elif snippet.language == "":
            _command(snippet.code)


def _command(code: str) -> None:
    for line in code.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["edgealgos"] and not set(_OTHERS_OWN) & set(words) and main(words[1:]) != 0:
            raise RuntimeError(f"`{line}` failed")


def _compile(code: str) -> None:
    """A sketch of the reader, in the place of the one that was exported with the model that it includes."""
    header = re.search(r'#include "(\w+)_model.h"', code)
    if header is None:
        raise RuntimeError("a sketch includes the header of a model that the page has exported")
    exported = next(Path().rglob(f"{header[1]}_model.h")).parent
    (exported / f"{exported.name}.ino").write_text(code, encoding="utf-8")
    build_sketch(exported)


def draw(page: Path) -> list[Path]:
    """Run a tutorial in an empty folder, and keep the pictures that it shows."""
    shown = [page.parent / target for target in re.findall(r"!\[[^]]*\]\((\S+)\)", page.read_text(encoding="utf-8"))]
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            run_page(page)
            for picture in shown:
                picture.parent.mkdir(exist_ok=True)
                shutil.copyfile(picture.name, picture)
        finally:
            os.chdir(before)
    return shown


if __name__ == "__main__":
    for stem in sys.argv[1:] or sorted(page.stem for page in TUTORIALS.glob("*.md")):
        for drawn in draw(TUTORIALS / f"{stem}.md"):
            print(drawn.relative_to(ROOT))
