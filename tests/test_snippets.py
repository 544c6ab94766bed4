"""Every snippet of README and docs works as printed: those of a page one after the other, in an empty folder.

Python and commands are run, sketches compiled. Trainings are made short from outside, so that pages need not be.
"""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pytest
from scipy.io import wavfile

from tests.support.short_trainings import shorten
from tools.snippets import ROOT, drawn_by, run_page, snippets

PAGES = [page for pattern in ("README.md", "docs/*.md", "docs/tutorials/*.md") for page in sorted(ROOT.glob(pattern))]
RUN = [page for page in PAGES if any(not snippet.why_not for snippet in snippets(page))]
MOST_NOT_RUN = 1  # the sources of TensorFlow Lite for Microcontrollers are in no package
NEEDS = {"migration.md": ("emlearn", "m2cgen"), "search.md": ("distributed",)}  # beside the compiler


@pytest.fixture
def short_trainings(monkeypatch):
    shorten(monkeypatch)


@pytest.fixture
def your_files(tmp_path, monkeypatch):
    """An empty folder, but for the files that commands take as those of the reader."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, 80)
    rows = [f"{number}\t{3 * kind + x:.3f}\t{x:.3f}\t{['elm', 'oak'][kind]}".replace(".", ",")
            for number, (kind, x) in enumerate(zip(kinds, rng.normal(size=80), strict=True))]  # fmt: skip
    Path("mine.csv").write_text("\n".join(["id\twidth\tlength\tspecies", *rows]))
    t = np.arange(119) / 119
    for label, height in (("punch", 2.0), ("rest", 0.05)):
        for folder in ("gestures", "words"):
            Path(folder, label).mkdir(parents=True)
        for take in range(6):
            wave = height * np.sin(2 * np.pi * (t[:, None] * 3 + rng.random(3))) + [0, 0, 1]
            lines = [",".join(f"{value:.3f}" for value in row) for row in wave]
            Path(f"gestures/{label}/{take}.csv").write_text("\n".join(["ax (g),ay (g),az (g)", *lines]))
            sound = rng.normal(0, 1000 * height, 8000)
            wavfile.write(f"words/{label}/{take}.wav", 8000, sound.astype(np.int16))
    day = [f"{i / 119:.4f},{height * np.sin(i):.3f},0,1,{label}"
           for label, height in (("walk", 1.0), ("rest", 0.05)) for i in range(2400)]  # fmt: skip
    Path("walking.csv").write_text("\n".join(["seconds,ax,ay,az,label", *day]))


@pytest.mark.slow
@pytest.mark.needs("avr-g++", "simavr", "arduino-core")
@pytest.mark.filterwarnings("ignore:time_limit")
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.relative_to(ROOT).as_posix(), marks=pytest.mark.needs(*NEEDS.get(page.name, ())))
        for page in RUN
    ],
)
def test_snippets_run(page, short_trainings, your_files):
    with joblib.parallel_backend("threading"), np.errstate():  # other processes would not be quick; emlearn sets these
        run_page(page)
    assert [picture.name for picture in drawn_by(page) if not Path(picture.name).exists()] == []


def test_few_snippets_are_not_run_and_none_is_overlooked():
    assert sum(bool(snippet.why_not) for page in PAGES for snippet in snippets(page)) <= MOST_NOT_RUN
    fences = {page: page.read_text(encoding="utf-8").count("\n```") for page in PAGES}
    assert {page: 2 * len(snippets(page)) for page in PAGES} == fences
