"""Words of the command line, understood as the commands understand them, and said without flags; knows no data."""

from __future__ import annotations

import argparse
import re

from ..cli.families import in_flags


def understood(*words: str) -> argparse.Namespace:
    """The arguments that a command would have: what the studio does, a terminal does with the same words."""
    from ..cli.parser import make_parser  # which knows the studio, as one of its commands

    return make_parser().parse_args(words)


def plainly(message: str) -> str:
    """A message of the library without names of flags or of Python's arguments: ``max model bytes 1 is too small``."""
    return re.sub(r"(?<![^\s(])--([a-z][a-z-]*)", lambda flag: flag[1].replace("-", " "), in_flags(message))
