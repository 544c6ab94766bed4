"""Motion sensors and what their registers count; knows ranges and units, no files.

Figures are those of the data sheets: MPU-6050 (TDK InvenSense PS-MPU-6000A), LSM9DS1 and LSM6DS3 (ST), ADXL345 (Analog
Devices, in full resolution).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import DatasetError

STANDARD_GRAVITY = 9.80665  # m/s2


@dataclass(frozen=True)
class MotionSensor:
    """A motion sensor.

    Parameters
    ----------
    name, title : str
    acceleration : dict of int to float
        Counts for 1 g, by range in g.
    rotation : dict of int to float
        Counts for a degree a second, by range in degrees a second.
    usual : (int, int)
        Ranges that are taken where none is asked for, as the sensor's usual Arduino library does.
    rate : int
        Samples a second that it usually gives.
    most : dict of int to int
        Largest count by range of acceleration, where it has less than 16 bits.
    """

    name: str
    title: str
    acceleration: dict[int, float]
    rotation: dict[int, float]
    usual: tuple[int, int]
    rate: int
    most: dict[int, int] = field(default_factory=dict)

    def counts(self, kind: str, wanted: int | None) -> tuple[int, float]:
        """Range and counts a unit of ``"acceleration"`` or ``"rotation"``; DatasetError for a range that it has not."""
        known: dict[int, float] = getattr(self, kind)
        if not known:
            raise DatasetError(f"an {self.title} measures no {kind}; pass another sensor=, or drop=... those columns")
        chosen = self.usual[kind == "rotation"] if wanted is None else wanted
        if chosen not in known:
            raise DatasetError(f"an {self.title} has the {kind} ranges {', '.join(map(str, known))}, not {wanted}")
        return chosen, known[chosen]


SENSORS = {
    sensor.name: sensor
    for sensor in (
        MotionSensor(
            "mpu6050", "MPU-6050", {2: 16384, 4: 8192, 8: 4096, 16: 2048},
            {250: 131, 500: 65.5, 1000: 32.8, 2000: 16.4}, (4, 2000), 100,
        ),
        MotionSensor(
            "lsm9ds1", "LSM9DS1", {2: 1e3 / 0.061, 4: 1e3 / 0.122, 8: 1e3 / 0.244, 16: 1e3 / 0.732},
            {245: 1e3 / 8.75, 500: 1e3 / 17.5, 2000: 1e3 / 70}, (4, 2000), 119,
        ),
        MotionSensor(
            "lsm6ds3", "LSM6DS3", {2: 1e3 / 0.061, 4: 1e3 / 0.122, 8: 1e3 / 0.244, 16: 1e3 / 0.488},
            {125: 1e3 / 4.375, 245: 1e3 / 8.75, 500: 1e3 / 17.5, 1000: 1e3 / 35, 2000: 1e3 / 70}, (4, 2000), 104,
        ),
        MotionSensor(
            "adxl345", "ADXL345", {2: 256, 4: 256, 8: 256, 16: 256}, {}, (16, 0), 100,
            {2: 511, 4: 1023, 8: 2047, 16: 4095},
        ),
    )
}  # fmt: skip


def find_sensor(name: str) -> MotionSensor:
    """A sensor by its name; case and hyphens do not matter."""
    found = SENSORS.get(name.casefold().replace("-", "").replace("_", ""))
    if found is None:
        raise DatasetError(f"sensor={name!r} is not known; known are {', '.join(SENSORS)}")
    return found
