"""Data as people have them, and the field's data sets; knows rows, nothing of models."""

from __future__ import annotations

from .fetch import download
from .field import (
    load_air_quality,
    load_arabic_commands,
    load_concrete,
    load_fsdd_digits,
    load_gesturepod,
    load_gesturepod_taps,
    load_magic_wand,
    load_mnist,
    load_pendigits,
    load_smartwatch_har,
    load_speech_commands,
    load_usps,
)
from .gesturepod import read_gesturepod
from .motion import is_one_recording
from .recordings import Recordings, read_recordings
from .tables import Table, read_table
from .wav import Sound, read_wav

__all__ = [
    "Recordings",
    "Sound",
    "Table",
    "download",
    "is_one_recording",
    "load_air_quality",
    "load_arabic_commands",
    "load_concrete",
    "load_fsdd_digits",
    "load_gesturepod",
    "load_gesturepod_taps",
    "load_magic_wand",
    "load_mnist",
    "load_pendigits",
    "load_smartwatch_har",
    "load_speech_commands",
    "load_usps",
    "read_gesturepod",
    "read_recordings",
    "read_table",
    "read_wav",
]
