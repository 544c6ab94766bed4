"""Sketches that read sensors and tell what the model makes of them. Knows twins and templates, no registers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgealgos.codegen.program.decimals import decimal_scales
from edgealgos.codegen.program.qtype import QType
from edgealgos.errors import ExportError

from .literals import c_string
from .pieces import facts, tell
from .registers import Choice, measured
from .template import template

if TYPE_CHECKING:
    from edgealgos.codegen.twin import Twin

AXES = (6, 3)  # of a motion sensor: acceleration and rotation, or acceleration alone
MOTION_RATE, PIN_RATE = 100, 10  # readings a second where the model does not say
_PINS = {"eightanaloginputs": 8, "mega": 16, "leonardo": 12, "micro": 12}  # analogue ones by variant
_USUAL_PINS = 6
_CLOCK_PARTS, _FOUR = 64, 4  # of the microphone's timers
_MOST_HOP = 236


def imu(twin: Twin, name: str, choice: Choice) -> dict[str, str]:
    """Motion, from a sensor on the two-wire bus."""
    sensor = measured(choice)
    size = twin.program.input.size
    streamed = twin.program.steps is not None
    axes = next((n for n in AXES if (size == n if streamed else size % n == 0)), None)
    if axes is None:
        raise ExportError(
            f"application='imu' reads 6 axes of motion, or 3 of acceleration, and the model takes {size} inputs a "
            f"{'time step' if streamed else 'sample'}; use application='serial'"
        )
    if axes > int(sensor["axes"]):
        raise ExportError(f"an {sensor['titles']} measures acceleration alone, and the model takes rotation too")
    values = facts(twin, name) | {"rate": _rate(twin, MOTION_RATE), "tell": tell(twin, name).rstrip("\n")}
    every = max(1, _rate(twin, MOTION_RATE) // 4) if size == axes else 1  # four answers a second are read
    text = template("imu.ino").substitute(values | sensor, take=_take(twin, name, axes, every))
    return {"main.ino": text, "imu.h": template("imu.h").substitute(sensor)}


def microphone(twin: Twin, name: str, _: Choice) -> dict[str, str]:
    """Sound, from an amplifier at an analogue pin."""
    program, clock = twin.program, twin.board.clock_hz
    rate, hop = round(program.rate or 0), program.input.size
    why = ""
    if not program.preprocessing or program.steps is None or not rate:
        why = "hands over hops of sound; put LogMel in front of the model in a Pipeline"
    elif twin.board.core != "arduino:avr":
        why = f"is for Arduino boards with an AVR processor, not for the {twin.board.title}"
    elif hop % _FOUR or hop > _MOST_HOP:
        why = f"hands over hops of up to {_MOST_HOP} samples, in fours; fit LogMel with another hop than {hop}"
    elif clock * _FOUR % (_CLOCK_PARTS * rate) or clock * _FOUR // (_CLOCK_PARTS * rate) > 255:
        why = f"cannot keep {rate:,} samples a second at {clock / 1e6:g} MHz; use 8,000"
    if why:
        raise ExportError(f"application='microphone' {why}")
    values = facts(twin, name) | {"rate": rate, "hop": hop, "tell": tell(twin, name).rstrip("\n")}
    return {
        "main.ino": template("microphone.ino").substitute(values, take=_take(twin, name, hop)),
        "microphone.h": template("microphone.h").substitute(values),
        "microphone.cpp": template("microphone.cpp").template,
    }


def analog(twin: Twin, name: str, _: Choice) -> dict[str, str]:
    """Analogue pins, one a feature."""
    return {"main.ino": _pins(twin, name, "analog")}


def timer(twin: Twin, name: str, _: Choice) -> dict[str, str]:
    """Analogue pins, read by an interrupt."""
    if twin.board.core != "arduino:avr":
        raise ExportError(
            f"application='timer' sets a timer of AVR processors, not of the {twin.board.title}; use 'analog'"
        )
    return {"main.ino": _pins(twin, name, "timer")}


def _pins(twin: Twin, name: str, application: str) -> str:
    count = twin.program.input.size
    most = _PINS.get(twin.board.variant, _USUAL_PINS)
    if count > most or twin.program.preprocessing:
        raise ExportError(
            f"application={application!r} reads {most} analogue pins of the {twin.board.title}, and the model takes "
            + (f"{count} inputs a step; use application='serial'" if count > most else "raw samples of a sensor")
        )
    names = twin.program.input_names or [f"feature {i}" for i in range(count)]
    pins = "\n".join(f"    A{i},  // {c_string(text)[1:-1]}" for i, text in enumerate(names))
    values = facts(twin, name) | {"rate": _rate(twin, PIN_RATE), "tell": tell(twin, name).rstrip("\n"), "pins": pins}
    return template(f"{application}.ino").substitute(values, take=_take(twin, name, count))


def _take(twin: Twin, name: str, count: int, every: int = 1) -> str:
    """The functions of a sketch that take a reading of so many values and begin anew; one in `every` rows is told."""
    program = twin.program
    values = facts(twin, name) | {"axes": count, "hop": program.hop}
    if program.steps is None:
        often = "" if every == 1 else f", every {every} times"
        values |= {"quantize": _quantized(twin, name, "filled"), "every": every, "often": often}
        return template("take_sample.ino").substitute(values).rstrip("\n")
    values |= {"row": "", "push": f"  {name}::push(reading);"}
    if not _is_raw(twin):
        values["row"] = f"static {name}::input_t row[{name}::kFeatureCount];"
        values["push"] = (
            f"  for (uint8_t i = 0; i < {name}::kFeatureCount; ++i) row[i] = {_quantized(twin, name, 'i')};\n"
            f"  {name}::push(row);"
        )
    return template(f"take_{'stream' if program.hop else 'sequence'}.ino").substitute(values).strip("\n")


def _quantized(twin: Twin, name: str, feature: str) -> str:
    """The device input of a reading, by integers where that can be."""
    if decimal_scales(twin.program.encoding) is None:
        return f"{name}::quantize({feature}, reading[i])"
    return f"{name}::quantize_decimal({feature}, reading[i], 0)"


def _is_raw(twin: Twin) -> bool:
    """Whether readings are device inputs already."""
    encoding = twin.program.encoding
    return encoding.uniform and encoding.qtype == QType(16, 0) and (encoding.offset[0], encoding.scale[0]) == (0, 1)


def _rate(twin: Twin, usual: int) -> int:
    return round(twin.program.rate) if twin.program.rate else usual
