"""Devices for the simulated Uno: each is a Python class and a C file of the same name, knowing no sketches."""

from .analog_audio import AnalogAudio, AnalogAudioReport
from .device import Device
from .mpu6050 import MPU6050, MPU6050Report, SensorFault
from .pin_watch import PinWatch, PinWatchReport
from .serial_input import SerialInput, SerialInputReport

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
