"""Tells which compilers and simulators this computer has, and how to get the missing ones."""

from __future__ import annotations

from typing import NamedTuple

from edgealgos.errors import EdgeAlgosError

from ..build import tools
from . import avr8js, simavr


class Finding(NamedTuple):
    """One tool.

    Parameters
    ----------
    tool : str
        Its name.
    found : str or None
        Path and version, with a word on its health where that is known; None if it is missing.
    how_to_get : str
        What installs it.
    purpose : str
        What it is for.
    """

    tool: str
    found: str | None
    how_to_get: str
    purpose: str


def doctor() -> list[Finding]:
    """Look for every tool that exporting, building and simulating may ask for.

    Simulators are run on a tiny program, and say whether they got it right.

    Examples
    --------
    >>> from edgealgos import doctor
    >>> missing = [finding for finding in doctor() if finding.found is None]
    >>> for finding in missing:
    ...     print(finding.tool, "is missing:", finding.how_to_get)
    """
    return [*(_program(tool) for tool in tools.TOOLS), _arduino_core(), *_simulators()]


def _program(tool: tools.Tool) -> Finding:
    path = tool.find()
    found = None
    if path is not None:
        try:
            found = f"{path} ({tool.version()})"
        except (OSError, EdgeAlgosError) as error:
            found = f"{path} (unusable: {error})"
    return Finding(tool.name, found, tool.how_to_get, tool.purpose)


def _arduino_core() -> Finding:
    core = tools.find_arduino_core()
    found = None if core is None else f"{core} ({tools.arduino_core_version(core) or 'version unknown'})"
    return Finding("Arduino AVR core", found, tools.ARDUINO_CORE_SOURCE, "compile a sketch as the Arduino IDE does")


def _simulators() -> list[Finding]:
    errors = [(simulator.describe(), simulator.missing()) for simulator in (simavr, avr8js)]
    return [Finding(error.tool, found, error.how_to_get, error.purpose) for found, error in errors]
