"""Completion of commands and flags in a shell, made from the parser."""

from __future__ import annotations

import argparse

import shtab

SHELLS = tuple(shtab.SUPPORTED_SHELLS)


def print_script(parser: argparse.ArgumentParser, shell: str) -> int:
    """Print the script that the shell is to read."""
    print(shtab.complete(parser, shell))
    return 0
