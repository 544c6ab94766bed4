"""The command line: runs one command, in words that any terminal shows; errors are one sentence and status 1.

Everything is done through the public page. Status 130 says that the user stopped the command.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from .. import EdgeAlgosError
from .families import in_flags
from .parser import make_parser

DEBUG = "EDGEALGOS_DEBUG"  # set: faults show where they happened


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    _write_anywhere()
    try:
        arguments = make_parser().parse_args(argv)
        with warnings.catch_warnings():
            warnings.simplefilter("default", UserWarning)
            warnings.showwarning = _show_warning
            code: int = arguments.handler(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        _drop_output()
        return 0
    except KeyboardInterrupt:
        print("edgealgos: stopped", file=sys.stderr)
        return 130
    except OSError as error:
        _drop_output()
        return _fail(f"{error.filename or 'the output'} cannot be used: {error.strerror or error}")
    except (EdgeAlgosError, ValueError) as error:
        return _fail(in_flags(str(error)) or type(error).__name__)
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        return _fail(
            f"a fault of edgealgos ({type(error).__name__}: {error}); please report it with what {DEBUG}=1 shows"
        )


def _fail(message: str) -> int:
    print(f"edgealgos: {' '.join(message.split())}", file=sys.stderr)
    return 1


def _show_warning(message: Warning | str, *details: Any, **more: Any) -> None:
    print(f"edgealgos: note: {' '.join(in_flags(str(message)).split())}", file=sys.stderr)


def _write_anywhere() -> None:
    """Whatever a terminal cannot show is written in ASCII, instead of nothing at all."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # a program without a console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """What is still to be written goes nowhere, or leaving Python would fail on it again."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (OSError, ValueError):  # no file behind it, as in tests
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
