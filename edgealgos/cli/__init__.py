"""The command line: arguments, exit codes, one-line errors; does everything through the public page.

Exit codes: 0 done, 1 it could not be done (one line on standard error says why), 2 wrong arguments.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from .. import EdgeAlgosError, __version__
from . import commands
from .boards import boards
from .data import BUILT_IN

Handler = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.handler(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("edgealgos: stopped", file=sys.stderr)
        return 130
    except (EdgeAlgosError, ValueError, OSError) as error:
        print(f"edgealgos: {_one_line(error)}", file=sys.stderr)
        return 1


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edgealgos",
        description="Train small models, export them as Arduino sketches, run them on a simulated Uno.",
        epilog="Start with: edgealgos demo",
    )
    parser.add_argument("--version", action="version", version=f"edgealgos {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_demo, _train, _export, _report, _simulate, _evaluate, _boards, _doctor):
        add(subparsers)
    return parser


def _command(
    subparsers: argparse._SubParsersAction, name: str, handler: Handler, summary: str, example: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + ".", epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(handler=handler)
    return parser


def _demo(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(
        subparsers, "demo", commands.demo,
        "train three models on digits, export them and run all test rows on a simulated Uno",
        "edgealgos demo --out out",
    )  # fmt: skip
    parser.add_argument("--out", default="out", help="folder of the sketches (default: out)")
    parser.add_argument("--epochs", type=_count, help="passes over the data (default: each family's usual number)")
    parser.add_argument("--rows", type=_count, help="test rows to simulate (default: all)")


def _train(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(
        subparsers, "train", commands.train, "train a model from a CSV or npz file and save it",
        "edgealgos train iris --model bonsai --save iris.edgealgos\n"
        "  edgealgos train mine.csv --target species --model protonn --save mine.edgealgos",
    )  # fmt: skip
    _add_data(parser)
    parser.add_argument("--model", choices=sorted(commands.FAMILIES), default="bonsai", help="family (default: bonsai)")
    parser.add_argument("--regression", action="store_true", help="predict a number instead of a class")
    parser.add_argument("--save", required=True, metavar="FILE", help="where the trained model goes (*.edgealgos)")
    parser.add_argument("--standardize", action="store_true", help="put a StandardScaler in front (free later)")
    parser.add_argument("--max-model-bytes", type=_count, default=2048, help="flash for the model (default: 2048)")
    parser.add_argument("--bits", choices=("8", "16", "mixed"), default="8", help="precision of weights (default: 8)")
    parser.add_argument("--step-size", type=_count, help="columns of one time step (fastgrnn, fastrnn)")
    parser.add_argument("--epochs", type=_count, help="passes over the data (default: the family's usual number)")
    parser.add_argument("--test-size", type=float, default=0.25, help="share of rows held back for the score (0.25)")
    parser.add_argument("--seed", type=int, default=0, help="seed of split and training (default: 0)")


def _export(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(
        subparsers, "export", commands.export, "write a saved model as an Arduino sketch or as C++",
        "edgealgos export iris.edgealgos out/iris",
    )  # fmt: skip
    _add_model(parser)
    parser.add_argument("folder", help="folder to write")
    parser.add_argument("--board", default="uno", help="uno, or a target of plain C++ such as host (default: uno)")
    parser.add_argument("--layout", choices=("sketch", "library"), default="sketch", help="kind of Arduino folder")
    parser.add_argument("--optimize", choices=("speed", "size"), default="speed", help="what to prefer")
    parser.add_argument("--name", help="C++ namespace (default: the folder's name)")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of an earlier export")


def _report(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(
        subparsers, "report", commands.report, "predict flash, RAM and cycles of a saved model, item by item",
        "edgealgos report iris.edgealgos",
    )  # fmt: skip
    _add_model(parser)
    parser.add_argument("--board", default="uno", help="board (default: uno)")


def _simulate(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(
        subparsers, "simulate", commands.simulate, "build the real firmware and run it on a simulated board",
        "edgealgos simulate iris.edgealgos iris",
    )  # fmt: skip
    _add_model(parser)
    _add_data(parser)
    parser.add_argument("--board", default="uno", help="board (default: uno)")
    parser.add_argument("--rows", type=_count, help="only the first rows")


def _evaluate(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(
        subparsers, "evaluate", commands.evaluate, "stream data to a board and compare its answers with Python's",
        "edgealgos evaluate iris.edgealgos iris --simulated\n"
        "  edgealgos evaluate iris.edgealgos iris --port /dev/ttyACM0",
    )  # fmt: skip
    _add_model(parser)
    _add_data(parser)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", help="serial port of a board that runs the exported sketch, such as COM3")
    where.add_argument("--simulated", action="store_true", help="a simulated Uno instead of a port")
    parser.add_argument("--rows", type=_count, help="only the first rows")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds to wait for an answer (default: 10)")


def _boards(subparsers: argparse._SubParsersAction) -> None:
    _command(subparsers, "boards", boards, "list the boards that --board takes, with their sizes", "edgealgos boards")


def _doctor(subparsers: argparse._SubParsersAction) -> None:
    _command(
        subparsers, "doctor", commands.doctor, "tell which tools are here and how to get the others", "edgealgos doctor"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="file written by `edgealgos train` or edgealgos.save")


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", help=f"CSV (a row a sample), npz (X, y or X_train, ..., y_test), {', '.join(BUILT_IN)}")
    parser.add_argument("--target", help="name or number (from 0) of the CSV column to predict (default: the last)")


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value
