"""Every public name has an example in its docstring, and every example of the library runs, each in an empty folder."""

from __future__ import annotations

import doctest
import inspect
import tarfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import edgealgos
from tools.docs import MODULES, public_names

ROOT = Path(edgealgos.__file__).parents[1]
FILES = [path for path in sorted(ROOT.glob("edgealgos/**/*.py")) if ">>> " in path.read_text(encoding="utf-8")]
NEEDS = {
    "edgealgos.codegen.compiled": ("avr-g++", "simavr", "arduino-core"),
    "edgealgos.codegen.simulate.rows": ("avr-g++", "simavr", "arduino-core"),
    "edgealgos.codegen.simulate.sketch": ("avr-g++", "simavr", "arduino-core"),
    "edgealgos.errors": ("avr-g++", "simavr", "arduino-core"),
}
PARTS = {  # what loaders of the field's data sets hold: shapes of the training part and of the test part
    "usps10": ((7291, 16, 16), (2007, 16, 16)),
    "mnist": ((60000, 28, 28), (10000, 28, 28)),
    "pendigits": ((7494, 16), (3498, 16)),
    "concrete": ((824, 8), (206, 8)),
    "smartwatch_har": ((2, 100, 6), (1, 100, 6)),
    "magic_wand": ((2, 48, 3), (1, 48, 3)),
    "speech_commands_8k": ((2, 8000), (1, 8000)),
    "arabic_commands_8k": ((2, 8000), (1, 8000)),
    "fsdd_digits_8k": ((2, 8000), (1, 8000)),
    "air_quality_co": ((5508, 7), (1836, 7)),
}


@pytest.fixture(scope="module")
def field_data(tmp_path_factory):
    """A folder as ``EDGEALGOS_DATA`` may name it, with data sets of zeros: nothing is downloaded."""
    folder = tmp_path_factory.mktemp("field")
    for name, (train, test) in PARTS.items():
        arrays = {"X_train": np.zeros(train, np.int16), "X_test": np.zeros(test, np.int16)}
        more = {"y_train": np.zeros(train[0]), "y_test": np.zeros(test[0]), "scale": np.float32(1)}
        np.savez(folder / f"{name}.npz", X_val=arrays["X_test"], **arrays, **more)
    np.savez(folder / "gesturepod_taps.npz", X=np.zeros((1500, 6), np.int16), fs=100.0)
    (folder / "tap.csv").write_text("ax,ay,az,gx,gy,gz,mlabel\n0,0,8192,0,0,0,3\n")
    with tarfile.open(folder / "dataTR_v1.tar.gz", "w:gz") as archive:
        archive.add(folder / "tap.csv", "tap.csv")
    return folder


def name_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("module", [pytest.param(name, marks=pytest.mark.needs(*NEEDS.get(name, ())))
                                    for name in map(name_of, FILES)])  # fmt: skip
def test_examples_run(module, field_data, tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEALGOS_DATA", str(field_data))
    loaded, runner, said = import_module(module), doctest.DocTestRunner(), []
    for number, example in enumerate(doctest.DocTestFinder(exclude_empty=True).find(loaded, module, globs={})):
        (tmp_path / str(number)).mkdir()
        monkeypatch.chdir(tmp_path / str(number))
        runner.run(example, out=said.append)
    assert runner.tries > 0
    assert runner.failures == 0, "".join(said)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_an_example(module):
    without = []
    for name in public_names(module):
        text = inspect.cleandoc(getattr(import_module(module), name).__doc__)
        examples = doctest.DocTestParser().get_examples(text.partition("\nExamples\n--------\n")[2])
        if not any(doctest.SKIP not in example.options for example in examples):
            without.append(name)
    assert without == []
