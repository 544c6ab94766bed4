"""The wheel holds everything: installed into an empty environment, the README's example runs from it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import numpy
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def alone():
    """The environment without a path to another copy of the package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Python of an environment that holds the wheel, and of this environment the other packages alone."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", folder, ROOT], check=True, env=alone())
    venv.create(folder / "empty", with_pip=False)
    python = folder / "empty" / "bin" / "python"
    (wheel,) = folder.glob("edgealgos-*.whl")
    subprocess.run([*pip, "--python", python, "install", "-q", "--no-deps", wheel], check=True, env=alone())
    return python


def test_the_example_of_the_readme_runs_from_the_wheel(installed, tmp_path):
    code = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[0]
    others = Path(numpy.__file__).parents[1]  # numpy, scikit-learn, TensorFlow: as large as a download
    code = f"import sys; sys.path.append({str(others)!r})\n{code}\nimport edgealgos; print(edgealgos.__file__)"
    done = subprocess.run([installed, "-c", code], cwd=tmp_path, env=alone(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.splitlines()[-1]).is_relative_to(installed.parents[1])
    assert (tmp_path / "out/digits/digits.ino").is_file()


def test_the_wheel_holds_every_file_of_the_package(installed):
    (there,) = (installed.parents[1] / "lib").glob("python*/site-packages/edgealgos")
    listed = subprocess.run(["git", "ls-files", "edgealgos"], cwd=ROOT, capture_output=True, text=True, check=True)
    missing = [name for name in listed.stdout.split() if not (there.parent / name).is_file()]
    assert not missing
