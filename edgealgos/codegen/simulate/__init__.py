"""Runs firmware: rows through it on simulated boards, sketches with simulated devices attached."""

from .devices import MPU6050, AnalogAudio, PinWatch, SensorFault, SerialInput
from .rows import SimulationResult, run_rows
from .sketch import FunctionCalls, SerialLine, SketchRun, run_sketch

__all__ = [
    "MPU6050",
    "AnalogAudio",
    "FunctionCalls",
    "PinWatch",
    "SensorFault",
    "SerialInput",
    "SerialLine",
    "SimulationResult",
    "SketchRun",
    "run_rows",
    "run_sketch",
]
