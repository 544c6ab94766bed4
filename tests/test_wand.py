"""The wand of the example: learnt from made-up gestures, it fits an ATtiny85 and answers there as in Python."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgealgos.codegen.build import tools
from edgealgos.codegen.build.firmware import section_sizes

EXAMPLE = Path(__file__).parents[1] / "examples" / "wand"
sys.path.insert(0, str(EXAMPLE))
import wand  # noqa: E402

sys.path.remove(str(EXAMPLE))
GESTURES = ("wing", "ring", "slope", "none")


def made_up(count, seed):
    """Gestures as circles, zigzags and ramps of different hands."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, wand.WINDOW)
    y = rng.integers(0, len(GESTURES), count)
    X = rng.normal(0, 15, (count, wand.WINDOW, 3))
    for row, kind in zip(X, y, strict=True):
        size, wave = rng.uniform(150, 250), 2 * np.pi * (t + rng.uniform(-0.05, 0.05))
        row[:, 0] += size * {0: np.sign(np.sin(2 * wave)), 1: np.sin(wave), 2: 2 * t - 1, 3: 0 * t}[kind]
        row[:, 1] += size * (np.cos(wave) if kind == 1 else 0)
        row[:, 2] += 100
    return np.clip(np.rint(X), -400, 400).astype(np.int16), np.array(GESTURES)[y]


@pytest.fixture(scope="module")
def learnt():
    X, y = made_up(160, 0)
    return wand.wand(epochs=6).fit(*wand.as_others_do(X, y, times=1))


def test_versions_of_a_recording_are_recordings():
    X, y = made_up(10, 1)
    more, labels = wand.as_others_do(X, y, times=2)
    assert (more.shape, more.dtype, len(labels)) == ((30, wand.WINDOW, 3), np.int16, 30)
    assert np.array_equal(more[:10], X)
    assert not np.array_equal(more[10:20], more[20:])
    assert np.array_equal(more, wand.as_others_do(X, y, times=2)[0])


@pytest.mark.needs("avr-g++", "simavr", "gcc")
def test_the_wand_fits_and_answers_as_in_python(learnt, tmp_path):
    compiled = wand.write(learnt, tmp_path / "wand")
    X, y = made_up(12, 2)
    result = compiled.simulate(X)
    assert np.array_equal(result.labels, compiled.predict(X))
    assert (result.labels == y).mean() > 0.6
    assert result.ram_peak <= 512
    assert result.flash_bytes <= 8192


@pytest.mark.needs("avr-g++")
def test_the_main_program_builds_without_warnings_and_fits(learnt, tmp_path):
    wand.write(learnt, tmp_path / "wand")
    command = re.search(r"`(avr-g\+\+ .*?)`", (EXAMPLE / "README.md").read_text())[1].split()
    subprocess.run([*command, "-Wall", "-Wextra", "-Werror"], cwd=tmp_path / "wand", check=True)
    size = section_sizes(tmp_path / "wand" / "wand.elf", tools.AVR_SIZE.path())
    assert size[".text"] + size.get(".data", 0) <= 8192
    assert size.get(".data", 0) + size[".bss"] <= 300
