"""Sounds from WAV files of any width, rate and number of channels as int16 of one rate; knows files, no labels."""

from __future__ import annotations

import io
import os
import struct
import warnings
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile
from scipy.signal import resample_poly

from ..errors import DatasetError
from .content import read_bytes

SLOWEST, FASTEST = 1000, 768_000  # samples a second
UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF)  # of a data chunk that was written to a pipe
OVERDRIVEN = 2.0  # floating-point samples up to here are clipped, larger ones count in another unit
_CONVERT = "convert it, with `ffmpeg -i FILE -c:a pcm_s16le NEW.wav`, or leave it out"
_OTHERS = {
    b"ID3": "an MP3", b"\xff\xfb": "an MP3", b"\xff\xf3": "an MP3", b"OggS": "an Ogg file", b"fLaC": "a FLAC file",
    b"FORM": "an AIFF file", b".snd": "an AU file",
}  # fmt: skip
_BROKEN = (ValueError, EOFError, struct.error, ZeroDivisionError, UnboundLocalError, MemoryError, TypeError, KeyError)


@dataclass(frozen=True)
class Sound:
    """One channel of sound.

    Attributes
    ----------
    samples : int16 ndarray, shape (n,)
    rate : int
        Samples a second.
    notes : tuple of str
        What was done that one may want to know.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.io import wavfile
    >>> from edgealgos.datasets import read_wav
    >>> wavfile.write("hum.wav", 16000, np.zeros((16000, 2), np.float32))
    >>> sound = read_wav("hum.wav", rate=8000)
    >>> sound.notes
    ('2 channels averaged', '16000 samples a second brought to 8000')
    """

    samples: NDArray[np.int16]
    rate: int
    notes: tuple[str, ...] = ()


def read_wav(path: str | os.PathLike[str], rate: int | None = None) -> Sound:
    """Read a WAV file: 8 to 64 bits, integers or floating point, plain or extensible, any rate and number of channels.

    Parameters
    ----------
    path : path
    rate : int, optional
        Samples a second that are wanted; default: as in the file.

    Returns
    -------
    Sound
        Channels are averaged, widths brought to 16 bits, other rates resampled.

    Raises
    ------
    DatasetError
        If the file is empty, cut off, compressed, or no WAV file.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.io import wavfile
    >>> from edgealgos.datasets import read_wav
    >>> wavfile.write("hum.wav", 16000, np.zeros((16000, 2), np.float32))
    >>> sound = read_wav("hum.wav", rate=8000)
    >>> sound.samples.shape, sound.samples.dtype, sound.rate
    ((8000,), dtype('int16'), 8000)
    """
    notes: list[str] = []
    own_rate, raw = _read(path, read_bytes(path), notes)
    if not SLOWEST <= own_rate <= FASTEST:
        raise DatasetError(f"{path} says that it has {own_rate} samples a second, which no sound has; record it again")
    if not raw.size:
        raise DatasetError(f"{path} holds no samples; leave it out")
    wave = _in_16_bits(path, raw, notes)
    if wave.shape[1] > 1:
        notes.append(f"{wave.shape[1]} channels averaged")
    wave = wave.mean(axis=1)
    if rate is not None and rate != own_rate:
        common = gcd(rate, own_rate)
        wave = resample_poly(wave, rate // common, own_rate // common)
        notes.append(f"{own_rate} samples a second brought to {rate}")
    return Sound(np.clip(np.rint(wave), -32768, 32767).astype(np.int16), rate or own_rate, tuple(notes))


def _read(path: str | os.PathLike[str], data: bytes, notes: list[str]) -> tuple[int, NDArray[Any]]:
    """Samples a second, and samples as they are, shape (n, channels); refuses what is no WAV file, or ends early."""
    for magic, what in _OTHERS.items():
        if data.startswith(magic):
            raise DatasetError(f"{path} is no WAV file but {what}; {_CONVERT}")
    if not data:
        raise DatasetError(f"{path} is no WAV file: it is empty; leave it out")
    if data[:4] not in (b"RIFF", b"RIFX", b"RF64") or data[8:12] != b"WAVE":
        raise DatasetError(f"{path} is no WAV file; {_CONVERT}")
    end = ">" if data[:4] == b"RIFX" else "<"
    head, sound = _chunks(path, data, end)
    if len(head) < 16:
        raise DatasetError(f"{path} does not say what its sound is; {_CONVERT}")
    kind, channels, rate, _, block, bits = struct.unpack_from(f"{end}HHIIHH", head)
    if not channels or not block or block != channels * -(-bits // 8):
        raise DatasetError(f"{path} holds {channels} channels of {bits} bits in blocks of {block} bytes; {_CONVERT}")
    if beyond := len(sound) % block:
        notes.append(f"{beyond} bytes behind the last whole sample left out")
    head = struct.pack(f"{end}HHIIHH", kind, channels, rate, rate * block % 2**32, block, bits) + head[16:]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of extensions that it does not know
            _, raw = wavfile.read(io.BytesIO(_file(head, sound[: len(sound) - beyond], end)))
    except _BROKEN as error:
        raise DatasetError(f"{path} is no WAV file that can be read ({error}); {_CONVERT}") from error
    return rate, raw.reshape(-1, channels)


def _file(head: bytes, sound: memoryview, end: str) -> bytes:
    """The file with nothing but these two chunks, their sizes as they are."""
    parts = [b"WAVE"]
    for name, body in ((b"fmt ", head), (b"data", sound)):
        parts += [name, struct.pack(f"{end}I", len(body)), bytes(body)]
    whole = b"".join(parts)
    return (b"RIFX" if end == ">" else b"RIFF") + struct.pack(f"{end}I", len(whole)) + whole


def _chunks(path: str | os.PathLike[str], data: bytes, end: str) -> tuple[bytes, memoryview]:
    """What says how the sound is stored, and the sound."""
    head = b""
    sound: memoryview | None = None
    place, long_size = 12, 0
    while place + 8 <= len(data):
        name, size, there = data[place : place + 4], _number(data, place + 4, f"{end}I"), len(data) - place - 8
        if name == b"data":
            if sound is not None:
                raise DatasetError(f"{path} holds several sounds, one behind the other; {_CONVERT}")
            if size == UNKNOWN_SIZES[-1] and long_size:
                size = long_size
            if size in UNKNOWN_SIZES and there:
                size = there
            if size > there:
                raise DatasetError(f"{path} is cut off: {there} of {size} bytes of sound; record it again")
            sound = memoryview(data)[place + 8 : place + 8 + size]
        elif name == b"fmt ":
            head = data[place + 8 : place + 8 + size]
        elif name == b"ds64" and min(size, there) >= 16:  # sizes beyond 32 bits
            long_size = _number(data, place + 16, f"{end}Q")
        place += 8 + size + size % 2
    if sound is None:
        raise DatasetError(f"{path} is cut off before its sound begins; record it again")
    return head, sound


def _number(data: bytes, place: int, form: str) -> int:
    number: int = struct.unpack_from(form, data, place)[0]
    return number


def _in_16_bits(path: str | os.PathLike[str], raw: NDArray[Any], notes: list[str]) -> NDArray[np.float64]:
    """Samples in the range of 16 bits, with what is finer as fractions."""
    bits = 8 * raw.dtype.itemsize
    if raw.dtype.kind == "u":  # 8 bits, the only unsigned ones
        notes.append("8 bits a sample: what is quiet is coarse")
        return (raw.astype(np.float64) - 128) * 256
    if raw.dtype.kind == "i":
        return raw.astype(np.float64) / 2.0 ** (bits - 16)
    wave = raw.astype(np.float64)
    if not np.isfinite(wave).all():
        raise DatasetError(f"{path} holds samples that are no numbers; record it again")
    loudest = np.abs(wave).max()
    if loudest > 32768:
        raise DatasetError(f"{path} holds floating-point samples up to {loudest:g} instead of 1; scale them")
    if loudest > OVERDRIVEN:
        notes.append(f"floating-point samples up to {loudest:g} are taken for numbers of 16 bits")
        return wave
    if loudest > 1:
        notes.append("samples beyond 1 are clipped")
    return wave * 32768
