"""Devices for the simulated Uno: each is a Python class and a C file of the same name, knowing no sketches."""

from edgealgos.codegen.simulators.devices.analog_audio import AnalogAudio, AnalogAudioReport
from edgealgos.codegen.simulators.devices.device import Device
from edgealgos.codegen.simulators.devices.mpu6050 import MPU6050, MPU6050Report, SensorFault
from edgealgos.codegen.simulators.devices.pin_watch import PinWatch, PinWatchReport
from edgealgos.codegen.simulators.devices.serial_input import SerialInput, SerialInputReport

__all__ = [
    "MPU6050",
    "AnalogAudio",
    "AnalogAudioReport",
    "Device",
    "MPU6050Report",
    "PinWatch",
    "PinWatchReport",
    "SensorFault",
    "SerialInput",
    "SerialInputReport",
]
