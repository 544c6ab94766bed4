"""Recordings as a browser shows them: spectrograms as PNG, sound as WAV; knows arrays."""

from __future__ import annotations

import io
import struct
import wave
import zlib

import numpy as np
from numpy.typing import NDArray

_COLOURS = np.array([(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)], float)  # viridis
ZOOM = 3  # pixels a value


def spectrogram(samples: NDArray[np.int16], rate: int) -> bytes:
    """A PNG of what a model is given of a sound: log-mel energies, time to the right, high tones above."""
    from ..features import LogMel

    energies = LogMel(sample_rate=rate).fit_transform(samples[None])[0].astype(float)
    low, high = energies.min(), energies.max()
    level = np.flipud(energies.T - low) / ((high - low) or 1)
    places = np.linspace(0, 1, len(_COLOURS))
    pixels = np.stack([np.interp(level, places, channel) for channel in _COLOURS.T], axis=-1).astype(np.uint8)
    return png(np.repeat(np.repeat(pixels, 2 * ZOOM, axis=0), ZOOM, axis=1))


def png(pixels: NDArray[np.uint8]) -> bytes:
    """A picture of shape (height, width, 3)."""
    height, width, _ = pixels.shape
    rows = np.pad(pixels.reshape(height, -1), ((0, 0), (1, 0)))  # each begins with the number of its filter, none
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def sound(samples: NDArray[np.int16], rate: int) -> bytes:
    """A WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()
