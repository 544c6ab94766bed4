"""Sketches around a model, one an application: the files of each, and what it cannot do. Knows twins and templates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from edgealgos.codegen.program.decimals import decimal_scales
from edgealgos.errors import ExportError

from .literals import folded_text
from .pieces import facts, self_test_source, tell
from .registers import Choice
from .sensors import analog, imu, microphone, timer
from .template import template

if TYPE_CHECKING:
    from edgealgos.codegen.twin import Twin

_TYPED = """  if (typed) {
    row[index] = ${name}::quantize_decimal(index, number.digits, number.decimals);
    return true;
  }"""


def check_application(application: str) -> None:
    """ExportError for an application that there is not."""
    if application not in APPLICATIONS:
        raise ExportError(f"application must be one of {', '.join(APPLICATIONS)}, got {application!r}")


@dataclass(frozen=True)
class Sketch:
    """What a sketch does.

    Parameters
    ----------
    application : str
    self_test : array-like, optional
        Raw samples baked in.
    sensor : Choice
        Of motion.
    """

    application: str = "serial"
    self_test: ArrayLike | None = None
    sensor: Choice = Choice()  # noqa: RUF009


def sketch_sources(sketch: Sketch, twin: Twin, name: str, main: str) -> dict[str, str]:
    """Text of each file of a sketch called `main`, the model's own left out.

    Raises
    ------
    ExportError
        For an application that cannot feed this model.
    """
    application = sketch.application
    if sketch.sensor != Choice() and application != "imu":
        raise ExportError(f"sensor= and ranges= go with application='imu', not with {application!r}")
    if application == "serial":
        return {f"{main}.ino": _serial(twin, name, sketch.self_test)}
    if sketch.self_test is not None:
        raise ExportError(f"self_test= goes with application='serial', not with {application!r}")
    files = APPLICATIONS[application](twin, name, sketch.sensor)
    return {f"{main}.ino": files.pop("main.ino"), **files}


def _serial(twin: Twin, name: str, self_test: ArrayLike | None) -> str:
    """Answers typed values and rows of hosts."""
    program = twin.program
    steps = program.steps is not None
    values = facts(twin, name) | {
        "start": "",
        "broken": "  if (line == kBroken && (hosted || !typed)) skipStep();\n" if steps else "",
        "restart": "  restart();\n" if steps else "",
        "expected": f"{program.input.size} numbers",
        "typed": _TYPED.replace("${name}", name),
    }
    if decimal_scales(program.encoding) is None:
        values |= {"typed": "  if (typed) return false;", "expected": f"'=' and {program.input.size} device inputs"}
    host = template(f"host_{program.task}.ino").substitute(values)
    answer = template(f"answer_{'sequence' if steps else 'sample'}.ino").substitute(values)
    body = [tell(twin, name), host, answer]
    if self_test is not None:
        body.append(self_test_source(twin, name, self_test))
        values["start"] = "  selfTest();\n"
    lines = "\n".join(folded_text("# " + line, "  Serial.println(F(", "));") for line in _help(twin))
    helping = template("help.ino").substitute(lines=lines).rstrip("\n")
    return template("serial.ino").substitute(values, body="\n".join(body).rstrip("\n"), help=helping)


def _help(twin: Twin) -> list[str]:
    """What an empty line prints."""
    program, count = twin.program, twin.program.input.size
    what = "a class and how sure the model is" if program.task == "classifier" else "a number"
    line = f"Type {count} numbers" + (" a time step" if program.steps is not None else "")
    if decimal_scales(program.encoding) is None:
        return [f"Send '=' and {count} device inputs ({program.encoding.low}..{program.encoding.high}) in a line."]
    found = [f"{line}, separated by commas or blanks; the answer is {what}."]
    if program.input_names:
        found.append(f"{count} numbers: {', '.join(program.input_names)}")
    return found


def _empty(twin: Twin, name: str, _: Choice) -> dict[str, str]:
    """The model and nothing else."""
    return {"main.ino": template("empty.ino").substitute(name=name)}


APPLICATIONS: dict[str, Callable[[Twin, str, Choice], dict[str, str]]] = {
    "serial": lambda twin, name, _: {"main.ino": _serial(twin, name, None)},
    "imu": imu,
    "microphone": microphone,
    "analog": analog,
    "timer": timer,
    "empty": _empty,
}
