"""The commands and their flags; says what they take, does nothing."""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Callable
from typing import Any, NoReturn

from .. import __version__
from . import commands, completion, train
from .boards import boards
from .data import BUILT_IN
from .families import default_family, families, in_flags, parameters
from .studio import studio

Handler = Callable[[argparse.Namespace], int]
FIRST_GIVEN = {"random_state": ("--random-state", "--seed")}  # flags with a second name
SEPARATE = ("board",)  # parameters of estimators that a command has a flag for


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and leaves with status 1."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Print one sentence and leave."""
        if message.startswith("unrecognized arguments: -"):
            known = [flag for action in self._every_action() for flag in action.option_strings]
            word = message.split()[2].partition("=")[0]
            close = difflib.get_close_matches(word, known, 1)
            message = f"there is no flag {word}" + (f"; did you mean {close[0]}?" if close else "")
        self.exit(1, f"edgealgos: {' '.join(message.split())}; see {self.prog} --help\n")

    def _every_action(self) -> list[argparse.Action]:
        found = list(self._actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                found += [inner for parser in action.choices.values() for inner in parser._actions]
        return found


def make_parser() -> Parser:
    """All commands."""
    parser = Parser(
        prog="edgealgos",
        description="Train small models, export them as Arduino sketches, run them on a simulated Uno.",
        epilog="Start with: edgealgos demo",
    )
    parser.add_argument("--version", action="version", version=f"edgealgos {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (_demo, _train, _export, _report, _simulate, _evaluate, _studio, _boards, _doctor, _completion):
        add(subparsers)
    return parser


def _command(subparsers: Any, name: str, handler: Handler, summary: str, *examples: str) -> argparse.ArgumentParser:
    lines = "\n  ".join(examples)
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + ".", epilog=f"example:\n  {lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.set_defaults(handler=handler)
    return parser


def _demo(subparsers: Any) -> None:
    parser = _command(
        subparsers, "demo", commands.demo,
        "train three models on digits, export them and run all test rows on a simulated Uno",
        "edgealgos demo --out out",
    )  # fmt: skip
    parser.add_argument("--out", default="out", metavar="FOLDER", help="folder of the sketches (default: out)")
    parser.add_argument("--epochs", type=count, metavar="N", help="passes over the data (default: each family's own)")
    parser.add_argument("--rows", type=count, metavar="N", help="test rows to simulate (default: all)")


def _train(subparsers: Any) -> None:
    parser = _command(
        subparsers, "train", train.train, "train a model on a table, a folder of recordings or a built-in set",
        "edgealgos train iris --save iris.edgealgos",
        "edgealgos train mine.csv --target species --family protonn --save mine.edgealgos",
        "edgealgos train gestures/ --board uno --export out/wand",
    )  # fmt: skip
    _add_data(parser)
    _add_split(parser)
    parser.add_argument(
        "--family", "--model", type=_family_name, choices=list(families()), metavar="FAMILY",
        help=f"{', '.join(families())} (default: {default_family()} for tables, what validation says for recordings)",
    )  # fmt: skip
    parser.add_argument("--standardize", action="store_true", help="put a StandardScaler in front (free on the device)")
    parser.add_argument("--save", metavar="FILE", help="where the model goes (default: the data's name, *.edgealgos)")
    parser.add_argument("--export", metavar="FOLDER", help="write the sketch, too")
    parser.add_argument("--board", help="board that it is made for (default: uno)")
    _add_export(parser)
    group = parser.add_argument_group("settings of the model")
    for parameter in parameters().values():
        if parameter.name in SEPARATE:
            continue
        flags = FIRST_GIVEN.get(parameter.name, (parameter.flag,))
        group.add_argument(*flags, dest=f"model_{parameter.name}", metavar=parameter.metavar, default=argparse.SUPPRESS,
                           help=in_flags(parameter.help).replace("%", "%%"))  # fmt: skip


def _export(subparsers: Any) -> None:
    parser = _command(
        subparsers, "export", commands.export, "write a saved model as an Arduino sketch, as C++ or as a .tflite file",
        "edgealgos export iris.edgealgos out/iris",
    )  # fmt: skip
    _add_model(parser)
    parser.add_argument("folder", help="folder to write, or NAME.tflite")
    parser.add_argument("--board", default="uno", help="a board that `edgealgos boards` lists (default: uno)")
    _add_export(parser)
    _add_sensor(parser)


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--layout", choices=("sketch", "library"), help="kind of Arduino folder (default: sketch)")
    parser.add_argument(
        "--application", metavar="KIND", help="what the sketch does: serial, imu, microphone, analog, timer or empty"
    )
    parser.add_argument("--optimize", choices=("speed", "size"), help="what to prefer (default: speed)")
    parser.add_argument("--name", help="C++ namespace (default: the folder's name)")
    parser.add_argument("--no-input-buffer", action="store_true", help="take features one by one, without a buffer")
    parser.add_argument("--overwrite", action="store_true", help="replace the files of an earlier export")


def _report(subparsers: Any) -> None:
    parser = _command(
        subparsers, "report", commands.report, "predict flash, RAM and cycles of a saved model, item by item",
        "edgealgos report iris.edgealgos",
        "edgealgos report iris.edgealgos iris --held-out --html iris.html",
    )  # fmt: skip
    _add_model(parser)
    _add_data(parser, needed=False)
    _add_split(parser)
    _add_held_out(parser)
    parser.add_argument("--rows", type=count, metavar="N", help="only the first rows")
    parser.add_argument("--board", default="uno", help="board (default: uno)")
    parser.add_argument("--html", metavar="FILE", help="write a page that shows the model and runs its sketch inside")
    parser.add_argument("--name", help="title of the page, and C++ namespace of its sketch (default: the model's file)")


def _simulate(subparsers: Any) -> None:
    parser = _command(
        subparsers, "simulate", commands.simulate, "build the real firmware and run it on a simulated board",
        "edgealgos simulate iris.edgealgos iris",
    )  # fmt: skip
    _add_model(parser)
    _add_data(parser)
    _add_split(parser)
    parser.add_argument("--board", default="uno", help="board (default: uno)")
    _add_held_out(parser)
    parser.add_argument("--rows", type=count, metavar="N", help="only the first rows")


def _evaluate(subparsers: Any) -> None:
    parser = _command(
        subparsers, "evaluate", commands.evaluate, "stream data to a board and compare its answers with Python's",
        "edgealgos evaluate iris.edgealgos iris --simulated",
        "edgealgos evaluate iris.edgealgos iris --port /dev/ttyACM0",
    )  # fmt: skip
    _add_model(parser)
    _add_data(parser)
    _add_split(parser)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", help="serial port of a board that runs the exported sketch, such as COM3")
    where.add_argument("--simulated", action="store_true", help="a simulated board instead of a port")
    parser.add_argument("--board", default="uno", help="which board that is (default: uno)")
    _add_held_out(parser)
    parser.add_argument("--rows", type=count, metavar="N", help="only the first rows")
    parser.add_argument("--timeout", type=positive, default=10.0, metavar="S", help="seconds to wait (10)")


def _studio(subparsers: Any) -> None:
    parser = _command(
        subparsers, "studio", studio, "open a local page to see and label data, train, try models and take sketches",
        "edgealgos studio",
    )  # fmt: skip
    parser.add_argument("--port", type=port, default=8765, metavar="N", help="port on this computer; 0: any (8765)")
    parser.add_argument("--no-browser", action="store_true", help="print the address alone")


def _boards(subparsers: Any) -> None:
    _command(subparsers, "boards", boards, "list the boards that --board takes, with their sizes", "edgealgos boards")


def _doctor(subparsers: Any) -> None:
    _command(
        subparsers, "doctor", commands.doctor, "tell which tools are here and how to get the others", "edgealgos doctor"
    )


def _completion(subparsers: Any) -> None:
    parser = _command(
        subparsers, "completion", lambda arguments: completion.print_script(make_parser(), arguments.shell),
        "print a script that completes commands and flags", 'eval "$(edgealgos completion bash)"',
    )  # fmt: skip
    parser.add_argument("shell", choices=completion.SHELLS, help="your shell")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="file written by `edgealgos train` or edgealgos.save")


def _add_data(parser: argparse.ArgumentParser, needed: bool = True) -> None:
    parser.add_argument(
        "data", nargs=None if needed else "?",
        help=f"a table (CSV and its kin), an .npz file (X, y), a folder of recordings, or {', '.join(BUILT_IN)}",
    )  # fmt: skip
    group = parser.add_argument_group("reading a table")
    found = "(default: found out)"
    group.add_argument("--target", metavar="COLUMN", help="name or number (from 0) of the column to predict")
    group.add_argument("--drop", action="append", metavar="COLUMN", help="a column to leave out; may be repeated")
    group.add_argument(
        "--keep", action="append", metavar="COLUMN", help="a column to learn from, whatever it looks like"
    )
    group.add_argument("--impute", choices=("mean", "median", "drop"), help="what to do about missing values")
    group.add_argument("--sep", metavar="CHARACTER", help=f"separator, or comma, semicolon, tab, space {found}")
    group.add_argument("--decimal", choices=(".", ","), help=f"decimal mark {found}")
    group.add_argument(
        "--header", action=argparse.BooleanOptionalAction, help="whether the first row names the columns"
    )
    task = group.add_mutually_exclusive_group()
    task.add_argument("--regression", action="store_true", help=f"predict a number {found}")
    task.add_argument("--classification", action="store_true", help=f"predict a class {found}")

    group = parser.add_argument_group("reading recordings (a folder of CSV or WAV files, or one long CSV file)")
    group.add_argument("--recordings", action=argparse.BooleanOptionalAction, help=f"that it is some {found}")
    _add_sensor(group)
    group.add_argument("--units", action="append", metavar="UNIT", help=f"g, mg, m/s2, dps, rad/s or raw {found}")
    group.add_argument("--rate", type=positive, metavar="HZ", help="samples a second of files that say no times")
    group.add_argument("--device-rate", type=positive, metavar="HZ", help="samples a second on the device")
    group.add_argument("--window", type=positive, metavar="S", help="seconds of a window (default: a usual take)")


def _add_sensor(group: Any) -> None:
    group.add_argument(
        "--sensor", metavar="NAME", help="sensor of the device: mpu6050 (default), lsm9ds1, lsm6ds3, adxl345"
    )
    group.add_argument("--acceleration-range", type=count, metavar="G", help="of the sensor, in g")
    group.add_argument("--rotation-range", type=count, metavar="DPS", help="of the sensor, in degrees a second")


def _add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--test-size", type=share, default=0.3, metavar="SHARE", help="share of rows that is held back to test (0.3)"
    )


def _add_held_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--held-out", action="store_true", help="only the rows of a table that train holds back")


def _family_name(text: str) -> str:
    return text.casefold().replace("-", "").replace("_", "")


def count(text: str) -> int:
    """A whole number of at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def port(text: str) -> int:
    """A port of TCP; 0 stands for any."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port from 0 to 65535")
    return int(text)


def share(text: str) -> float:
    """A number from 0 to less than 1."""
    value = _number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share from 0 to less than 1, such as 0.3")
    return value


def positive(text: str) -> float:
    """A positive, finite number."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
