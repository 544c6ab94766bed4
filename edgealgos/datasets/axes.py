"""What columns of a motion recording are, by their names: axes with units, time, label, person; knows names alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import DatasetError
from .targets import NAMES as LABEL_NAMES

AXES = ("ax", "ay", "az", "gx", "gy", "gz")
PERSON_NAMES = ("person", "subject", "user", "participant", "volunteer", "who", "speaker")
TAKE_NAMES = ("take", "trial", "recording", "session", "run", "repetition", "rep", "experiment", "gesture_id")
_TIME_WORDS = "time|timestamp|seconds?elapsed|elapsed|millis|micros|ms|us|t|sec|seconds?|epoch|date|datetime|utc"
_TIME = re.compile(rf"(?:{_TIME_WORDS})(?:ms|us|ns|s|millis|micros|unix)?")
_KINDS = {
    "a": "a|acc|accel|acceleration|accelerometer|accelerations?",
    "g": "g|gyr|gyro|gyroscope|w|omega|rot|rotation|rotationrate|angularvelocity|angvel",
    "m": "m|mag|magn|magnetometer|magneticfield",
}
_UNITS = {
    "g": ("g",), "mg": ("mg",), "m/s2": ("m/s2", "m/s^2", "m/s²", "ms-2", "ms^-2", "ms2", "mps2", "m/s/s", "mss"),
    "dps": ("dps", "deg/s", "°/s", "degs", "deg/sec"), "rad/s": ("rad/s", "rads", "radps", "rad/sec"),
    "raw": ("raw", "lsb", "count", "counts"),
}  # fmt: skip
_UNIT_WORDS = "|".join(name for names in _UNITS.values() for name in names if name.isalpha())
_BEFORE = "(?:imu|sensor|user|device|motion|wrist|linear|lin|total|body|raw|cal|calibrated|data|la)*"


@dataclass(frozen=True)
class Roles:
    """Columns of a file by what they are.

    Parameters
    ----------
    axes : dict of str to int
        Number of the column of each axis that is there, in the order of `AXES`.
    units : dict of str to str
        Unit that names say, of ``"a"`` and ``"g"``.
    time, label, person, take : int or None
    time_unit : str or None
        ``"s"``, ``"ms"``, ``"us"``, ``"ns"``, where the name says so.
    others : tuple of str
        Columns that are nothing of that.
    """

    axes: dict[str, int]
    units: dict[str, str]
    time: int | None
    label: int | None
    person: int | None
    take: int | None
    time_unit: str | None
    others: tuple[str, ...]


def find_roles(name: str, columns: Sequence[str] | None, width: int) -> Roles:
    """What the columns of a motion recording are.

    Raises
    ------
    DatasetError
        If there are no axes, or two columns for one.
    """
    if columns is None:
        if width not in (3, 6):
            raise DatasetError(
                f"{name} has no header and {width} columns; three would be the acceleration along x, y, z, six the "
                "rotation as well; name the columns in the first line, such as ax,ay,az,gx,gy,gz"
            )
        return Roles({axis: i for i, axis in enumerate(AXES[:width])}, {}, None, None, None, None, None, ())
    found: dict[str, int] = {}
    units: dict[str, str] = {}
    special: dict[str, int] = {}
    time_unit, others = None, []
    for number, title in enumerate(columns):
        axis, unit = axis_of(title)
        role = None if axis else _role_of(title)
        if axis in AXES:
            if axis in found:
                raise DatasetError(
                    f"{name}: the columns {columns[found[axis]]!r} and {title!r} could both be {axis}; leave one out "
                    "with drop=..."
                )
            found[axis] = number
            if unit is not None:
                units[axis[0]] = unit
        elif role is not None and role not in special:
            special[role] = number
            if role == "time":
                time_unit = _time_unit(title)
        else:
            others.append(title)
    if not found:
        raise DatasetError(
            f"{name} has the columns {', '.join(columns)}, none of which is an axis of a motion sensor; call them ax, "
            "ay, az (acceleration) and gx, gy, gz (rotation)"
        )
    axes = {axis: found[axis] for axis in AXES if axis in found}
    time, label, person, take = (special.get(role) for role in ("time", "label", "person", "take"))
    return Roles(axes, units, time, label, person, take, time_unit, tuple(others))


def axis_of(title: str) -> tuple[str | None, str | None]:
    """Axis and unit that a name says: ``("ax", "g")`` for "Acceleration x (g)"; other sensors' axes are ("mx", ...)."""
    bracket = re.search(r"[(\[{](.*?)[)\]}]", title)
    bare = re.sub(r"[(\[{].*?[)\]}]", "", title)
    word = re.sub(r"[^a-z²/^°]", "", bare.casefold())
    for kind, names in _KINDS.items():
        for pattern in (rf"{_BEFORE}(?:{names})(?P<axis>[xyz])(?:axis)?(?P<unit>{_UNIT_WORDS})?",
                        rf"(?P<axis>[xyz])(?:axis)?{_BEFORE}(?:{names})(?P<unit>{_UNIT_WORDS})?"):  # fmt: skip
            match = re.fullmatch(pattern, word)
            if match:
                return kind + match["axis"], _unit(bracket[1] if bracket else match["unit"])
    match = re.fullmatch(r"(?P<axis>[xyz])(?:axis)?", word)
    return ("a" + match["axis"], _unit(bracket[1] if bracket else None)) if match else (None, None)


def _unit(text: str | None) -> str | None:
    text = (text or "").casefold().replace(" ", "").replace("·", "")
    return next((unit for unit, names in _UNITS.items() if text in names), None)


def _role_of(title: str) -> str | None:
    word = re.sub(r"[(\[{].*?[)\]}]|[^a-z_]", "", title.casefold()).strip("_")
    if _TIME.fullmatch(word.replace("_", "")):
        return "time"
    for role, names in (("label", LABEL_NAMES), ("person", PERSON_NAMES), ("take", TAKE_NAMES)):
        if word in names:
            return role
    return None


def _time_unit(title: str) -> str | None:
    """The unit that a name of a time says."""
    word = title.casefold()
    for unit, pattern in (("ns", r"(?:\b|_)ns\b|nano"), ("us", r"(?:\b|_)[uµ]s\b|micro"), ("ms", r"(?:\b|_)ms\b|milli"),
                          ("s", r"(?:\b|_)s\b|\bsec|second")):  # fmt: skip
        if re.search(pattern, word):
            return unit
    return None
