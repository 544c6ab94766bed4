"""Motion sensors on the two-wire bus, by their registers: what sketches write there, how readings lie; no models.

Figures are those of the data sheets; counts for 1 g and for a degree a second are in :mod:`edgealgos.datasets.sensors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edgealgos.errors import ExportError

AXES_OF_ACCELERATION = 3
USUAL_RANGES = 4, 2000  # g, degrees a second


class Choice(NamedTuple):
    """A sensor with its ranges in g and degrees a second; without a name, whichever is there."""

    name: str | None = None
    ranges: tuple[int, int] = USUAL_RANGES


@dataclass(frozen=True)
class Chip:
    """A sensor.

    Parameters
    ----------
    title : str
    addresses : (int, int)
        As one of its pins says.
    identity : (int, int)
        A register, and what it holds.
    settings : tuple of (int, int)
        Registers, and what is written there before ranges.
    acceleration, rotation : (int, dict of int to int)
        A register, and what is written there for a range; without rotation an empty dict.
    first, count : int
        Registers that are read at once.
    places : (int, int)
        Where acceleration and rotation lie among them.
    high_byte_first : bool
    """

    title: str
    addresses: tuple[int, int]
    identity: tuple[int, int]
    settings: tuple[tuple[int, int], ...]
    acceleration: tuple[int, dict[int, int]]
    rotation: tuple[int, dict[int, int]]
    first: int
    count: int
    places: tuple[int, int]
    high_byte_first: bool

    @property
    def axes(self) -> int:
        """How many it measures."""
        return (2 if self.rotation[1] else 1) * AXES_OF_ACCELERATION

    def row(self, ranges: Sequence[int]) -> str:
        """The sensor in C++, measuring up to these ranges."""
        written = list(self.settings)
        for what, (register, values), wanted in zip(
            ("acceleration", "rotation"), (self.acceleration, self.rotation), ranges, strict=True
        ):
            if not values:
                continue
            if wanted not in values:
                raise ExportError(f"an {self.title} has the {what} ranges {', '.join(map(str, values))}, not {wanted}")
            written.append((register, values[wanted]))
        written += [(0, 0)] * (_SETTINGS - len(written))
        settings = ", ".join(f"{{0x{register:02X}, 0x{value:02X}}}" for register, value in written)
        numbers = ", ".join(f"0x{number:02X}" for number in (*self.addresses, *self.identity))
        order = "true" if self.high_byte_first else "false"
        where = f"0x{self.first:02X}, {self.count}, {self.places[0]}, {self.places[1]}, {order}"
        return f'    {{"{self.title}", {numbers},\n     {{{settings}}},\n     {where}}},'


_SETTINGS = 5
CHIPS = {
    # woken; 44 Hz low pass, a thousand readings a second
    "mpu6050": Chip(
        "MPU-6050", (0x68, 0x69), (0x75, 0x68), ((0x6B, 0x01), (0x1A, 3)),
        (0x1C, {2: 0x00, 4: 0x08, 8: 0x10, 16: 0x18}), (0x1B, {250: 0x00, 500: 0x08, 1000: 0x10, 2000: 0x18}),
        0x3B, 14, (0, 8), True,
    ),
    # 104 readings a second; a reading is not changed while it is read
    "lsm6ds3": Chip(
        "LSM6DS3", (0x6A, 0x6B), (0x0F, 0x69), ((0x12, 0x44),), (0x10, {2: 0x40, 4: 0x48, 8: 0x4C, 16: 0x44}),
        (0x11, {125: 0x42, 245: 0x40, 500: 0x44, 1000: 0x48, 2000: 0x4C}), 0x22, 12, (6, 0), False,
    ),
    # 119 readings a second, else the same
    "lsm9ds1": Chip(
        "LSM9DS1", (0x6B, 0x6A), (0x0F, 0x68), ((0x22, 0x44),), (0x20, {2: 0x60, 4: 0x70, 8: 0x78, 16: 0x68}),
        (0x10, {245: 0x60, 500: 0x68, 2000: 0x78}), 0x18, 22, (16, 0), False,
    ),
    # a hundred readings a second; counts of 1/256 g at all ranges
    "adxl345": Chip(
        "ADXL345", (0x53, 0x1D), (0x00, 0xE5), ((0x2C, 0x0A), (0x2D, 0x08)),
        (0x31, {2: 0x08, 4: 0x09, 8: 0x0A, 16: 0x0B}), (0, {}), 0x32, 6, (0, 0), False,
    ),
}  # fmt: skip
_ALIKE = ("mpu6050", "lsm6ds3", "lsm9ds1")  # that count nearly alike


def measured(choice: Choice) -> dict[str, str]:
    """What templates say of the sensors that a sketch looks for."""
    found = chips(choice)
    axes = min(chip.axes for chip in found)
    titles = [chip.title for chip in found]
    acceleration, rotation = choice.ranges
    return {
        "titles": ", ".join(titles[:-1]) + " or " + titles[-1] if titles[1:] else titles[0],
        "ranges": f"{acceleration} g" + (f" and {rotation:,} degrees a second" if axes > AXES_OF_ACCELERATION else ""),
        "axes": str(axes),
        "and_rotation": ", rotation x, y, z" if axes > AXES_OF_ACCELERATION else "",
        "sensors": "\n".join(chip.row(choice.ranges) for chip in found),
    }


def chips(choice: Choice) -> tuple[Chip, ...]:
    """The sensors that a sketch looks for, in this order."""
    if choice.name is None:
        return tuple(CHIPS[name] for name in _ALIKE)
    plain = choice.name.casefold().replace("-", "").replace("_", "")
    if plain not in CHIPS:
        raise ExportError(f"sensor={choice.name!r} is not known; known are {', '.join(CHIPS)}")
    return (CHIPS[plain],)
