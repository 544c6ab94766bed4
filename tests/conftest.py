"""What all tests share: skipping (on a user's machine) or failing (in CI) where a tool is missing."""

from __future__ import annotations

import os
import shutil

import pytest

from edgealgos.codegen import tools
from edgealgos.codegen.simulators import simavr


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*tools): skip where one of these tools is missing; fail under CI=true")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        needs(*mark.args)


def needs(*names: str) -> None:
    """Skip the test if one of these tools is missing, or fail it if the environment says CI=true.

    Names are executables, or ``"simavr"``, or ``"arduino-core"``. Usually written ``@pytest.mark.needs("avr-g++")``.
    """
    missing = [name for name in names if not _is_here(name)]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (and CI must have it)")
    pytest.skip(reason)


def _is_here(name: str) -> bool:
    if name == "simavr":
        return simavr.find() is not None
    if name == "arduino-core":
        return tools.find_arduino_core() is not None
    known = {tool.name: tool for tool in tools.TOOLS}
    return known[name].find() is not None if name in known else shutil.which(name) is not None
