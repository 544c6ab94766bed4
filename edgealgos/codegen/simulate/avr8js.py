"""The simulator avr8js: where its npm package is, how our runner on it is called, and whether it skips rightly."""

from __future__ import annotations

import os
from pathlib import Path

from edgealgos.errors import BuildError, MissingToolError

from ..build import tools

_RUNNER = Path(__file__).with_name("avr8js_runner.cjs")


def command() -> list[str | Path]:
    """Command that runs a job."""
    package = find()
    if package is None:
        raise missing()
    return [tools.NODE.path(), _RUNNER, package]


def find() -> Path | None:
    """Folder of the npm package, or None."""
    for folder in _package_folders():
        if (folder / "package.json").is_file():
            return folder
    return None


def has_skip_fault() -> bool:
    """Whether it skips one instruction too many before ``adiw``/``sbiw`` (no version is known to)."""
    return tools.run([*command(), "self-test"]).stdout.strip() != "good"


def describe() -> str | None:
    """Where it is and whether it is good, for people; None if it is missing."""
    package = find()
    if package is None or tools.NODE.find() is None:
        return None
    try:
        fault = has_skip_fault()
    except BuildError as error:
        return f"{package} (unusable: {str(error).splitlines()[0]})"
    return f"{package} ({'has the adiw/sbiw skip fault' if fault else 'good'})"


def missing() -> MissingToolError:
    """The error that says it is missing."""
    home = tools.cache_folder() / "node"
    return MissingToolError(
        "avr8js",
        "check the simulated Arduino Uno against a second simulator",
        f"`npm install --prefix {home} avr8js`; elsewhere: set EDGEALGOS_AVR8JS to the folder of the package",
    )


def _package_folders() -> list[Path]:
    override = os.environ.get("EDGEALGOS_AVR8JS")
    if override:
        return [Path(override)]
    roots = (tools.cache_folder() / "node", Path("/usr/local/lib"), Path("/usr/lib"))
    return [root / "node_modules" / "avr8js" for root in roots]
