"""Words of the command line, understood as the commands understand them; knows no data."""

from __future__ import annotations

import argparse


def understood(*words: str) -> argparse.Namespace:
    """The arguments that a command would have: what the studio does, a terminal does with the same words."""
    from ..cli.parser import make_parser  # which knows the studio, as one of its commands

    return make_parser().parse_args(words)
