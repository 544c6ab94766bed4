"""Runs what pages print, one snippet after the other, and keeps the pictures that they draw.

Knows Markdown and the command line; nothing of models. Above a snippet that not every computer can run a comment says
why: ``<!-- not run: needs ... -->``. Where a comment names a picture, ``<!-- drawn: pictures/NAME.png: its text -->``,
the site shows what a snippet of the page has just drawn; no copy is kept.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

from edgealgos.cli import main
from edgealgos.codegen.build.sketch import build_sketch

ROOT = Path(__file__).parents[1]
TUTORIALS = ROOT / "docs" / "tutorials"
_SNIPPET = re.compile(r"(?:^<!-- not run: ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
DRAWN = re.compile(r"<!-- drawn: (\S+): ([^\n]+?) -->")  # path beside the page, what it shows
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


def drawn_by(page: Path) -> list[Path]:
    """Pictures that a page's own snippets draw, as paths beside it."""
    return [Path(path) for path, _ in DRAWN.findall(page.read_text(encoding="utf-8"))]


def draw(page: Path, folder: Path) -> None:
    """Run a page in an empty folder, and keep the pictures that it names in another one, in silence."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as empty, Path(os.devnull).open("w") as nowhere:
        os.chdir(empty)
        try:
            with redirect_stdout(nowhere), redirect_stderr(nowhere):
                run_page(page)
            for picture in drawn_by(page):
                (folder / picture).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(picture.name, folder / picture)
        finally:
            os.chdir(before)
