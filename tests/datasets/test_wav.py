"""WAV files of every kind are read or refused with what to do; broken ones never end in a raw error."""

from __future__ import annotations

import contextlib
import os
import struct
import sys

import numpy as np
import pytest

from edgealgos.datasets.wav import read_wav
from edgealgos.errors import DatasetError

RATE = 8000
TONE = np.sin(2 * np.pi * 440 * np.arange(2000) / RATE) * 0.5
GUID = bytes.fromhex("800000aa00389b71")
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def packed(wave: np.ndarray, bits: int, kind: int = PCM, end: str = "<") -> bytes:
    """Samples in -1..1 as bytes."""
    if kind == FLOAT:
        return wave.astype(f"{end}f{bits // 8}").tobytes()
    if bits == 8:
        return np.rint(wave * 127 + 128).astype(np.uint8).tobytes()
    if bits == 24:
        wide = np.rint(wave * (2**31 - 1)).astype(np.int64).astype(f"{end}i4").view(np.uint8).reshape(-1, 4)
        return wide[:, slice(1, None) if end == "<" else slice(3)].tobytes()
    return np.rint(wave * (2.0 ** (bits - 1) - 1)).astype(f"{end}i{bits // 8}").tobytes()


def chunk(name: bytes, body: bytes, end: str = "<", size: int | None = None) -> bytes:
    return name + struct.pack(f"{end}I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def wav(
    wave=TONE, bits=16, kind=PCM, *, channels=1, rate=RATE, extensible=False, valid=None, block=None, before=b"",
    after=b"", size=None, byte_rate=None, data=None, riff=b"RIFF", form=b"WAVE",
) -> bytes:  # fmt: skip
    end = ">" if riff == b"RIFX" else "<"
    data = packed(np.repeat(wave, channels), bits, kind, end) if data is None else data
    block = channels * ((bits + 7) // 8) if block is None else block
    byte_rate = rate * block % 2**32 if byte_rate is None else byte_rate
    head = struct.pack(
        f"{end}HHIIHH", EXTENSIBLE if extensible else kind, channels, rate, byte_rate, block, valid or bits
        if not extensible else bits)  # fmt: skip
    if extensible:
        head += struct.pack(f"{end}HHIIHH", 22, valid or bits, 4, kind, 0, 0x10) + GUID
    body = form + before + chunk(b"fmt ", head, end) + chunk(b"data", data, end, size) + after
    return riff + struct.pack(f"{end}I", len(body) if size is None else size) + body


PAIRS = [packed(TONE, 16)[i : i + 2] for i in range(0, 2 * TONE.size, 2)]
SIZES = chunk(b"ds64", struct.pack("<QQQI", 0, 2 * TONE.size, TONE.size, 0))
READ = {
    "8 bits": (wav(bits=8), 300, "8 bits"),
    "16 bits": (wav(), 2, ""),
    "24 bits": (wav(bits=24), 2, ""),
    "32 bits": (wav(bits=32), 2, ""),
    "64 bits": (wav(bits=64), 2, ""),
    "12 bits in 16": (wav(valid=12), 2, ""),
    "floating point of 32 bits": (wav(bits=32, kind=FLOAT), 2, ""),
    "floating point of 64 bits": (wav(bits=64, kind=FLOAT), 2, ""),
    "16 bits, extensible": (wav(extensible=True), 2, ""),
    "24 bits, extensible, as sox writes them": (wav(bits=24, extensible=True), 2, ""),
    "20 bits in 24, extensible": (wav(bits=24, valid=20, extensible=True), 2, ""),
    "32 bits, extensible": (wav(bits=32, extensible=True), 2, ""),
    "floating point, extensible": (wav(bits=32, kind=FLOAT, extensible=True), 2, ""),
    "two channels": (wav(channels=2), 2, "2 channels averaged"),
    "six channels": (wav(channels=6, extensible=True), 2, "6 channels averaged"),
    "big end first": (wav(riff=b"RIFX"), 2, ""),
    "a list of odd length before the sound": (wav(before=chunk(b"LIST", b"INFOabc")), 2, ""),
    "a list after the sound": (wav(after=chunk(b"LIST", b"INFOabcd")), 2, ""),
    "room that a recorder left": (wav(before=chunk(b"JUNK", bytes(28))), 2, ""),
    "a broadcast extension": (wav(before=chunk(b"bext", bytes(602))), 2, ""),
    "an unknown size, from a pipe": (wav(size=0xFFFFFFFF), 2, ""),
    "an unknown size of sox": (wav(size=0x7FFFFFFF), 2, ""),
    "no size, from a recorder that lost its power": (wav(size=0), 2, ""),
    "a rate of bytes that is none": (wav(byte_rate=1), 2, ""),
    "24 bits, big end first": (wav(bits=24, riff=b"RIFX"), 2, ""),
    "24 bits, extensible, big end first": (wav(bits=24, riff=b"RIFX", extensible=True), 2, ""),
    "40 bits": (wav(bits=40, data=b"".join(b"\0\0\0" + pair for pair in PAIRS)), 2, ""),
    "half a sample at the end": (wav(bits=24, data=packed(TONE, 24) + b"ab"), 2, "2 bytes behind the last whole"),
    "half a pair at the end": (wav(channels=2, data=packed(np.repeat(TONE, 2), 16) + b"ab"), 2, "2 bytes behind"),
    "sizes of 64 bits": (wav(riff=b"RF64", size=0xFFFFFFFF, before=SIZES, after=chunk(b"LIST", b"INFO")), 2, ""),
    "sizes of 64 bits that were never written": (
        wav(riff=b"RF64", size=0xFFFFFFFF, before=chunk(b"ds64", bytes(28))),
        2,
        "",
    ),
    "overdriven floating point": (wav(1.5 * TONE / 0.5, 32, FLOAT), None, "beyond 1 are clipped"),
    "floating point in units of 16 bits": (wav(TONE * 32767, 32, FLOAT), 2, "taken for numbers of 16 bits"),
}


@pytest.mark.parametrize("name", READ)
def test_kinds_that_are_read(name, tmp_path):
    content, error, note = READ[name]
    (tmp_path / "a.wav").write_bytes(content)
    sound = read_wav(tmp_path / "a.wav", RATE)
    assert sound.samples.dtype == np.int16
    assert sound.samples.shape == TONE.shape
    assert note in " ".join(sound.notes)
    if error is not None:
        assert np.abs(sound.samples - 32767 * TONE).max() <= error


REFUSED = {
    "an empty file": (b"", "is empty"),
    "no samples": (wav(data=b""), "holds no samples"),
    "half a sound": (wav()[:1000], "cut off: 956 of 4000 bytes"),
    "half a sample of 24 bits": (wav(bits=24)[:1001], "cut off"),
    "half a header": (wav()[:30], "cut off before"),
    "a header alone": (wav()[:36], "cut off before"),
    "four letters": (b"RIFF", "no WAV file"),
    "A-law": (wav(kind=6, bits=8), "ffmpeg"),
    "mu-law": (wav(kind=7, bits=8), "ffmpeg"),
    "ADPCM": (wav(kind=2, bits=8), "ffmpeg"),
    "an MP3 in a WAV": (wav(kind=0x55, bits=8), "ffmpeg"),
    "an unknown format": (wav(kind=0x1234, bits=8), "ffmpeg"),
    "an MP3 with the name of a WAV": (b"ID3\x04" + bytes(99), "but an MP3"),
    "a FLAC with the name of a WAV": (b"fLaC" + bytes(99), "but a FLAC file"),
    "an Ogg with the name of a WAV": (b"OggS" + bytes(99), "but an Ogg file"),
    "a film": (wav(form=b"AVI "), "no WAV file"),
    "text": (b"this is no sound" * 9, "no WAV file"),
    "no channels": (wav(channels=1, block=0), "ffmpeg"),
    "blocks of another size": (wav(block=3), "ffmpeg"),
    "no bits": (wav(bits=8, block=0, data=b"ab"), "ffmpeg"),
    "floating point of 16 bits": (wav(bits=16, kind=FLOAT), "ffmpeg"),
    "two sounds": (wav(after=chunk(b"data", packed(TONE, 16))), "several sounds"),
    "nothing that says what the sound is": (wav().replace(b"fmt ", b"junk"), "does not say"),
    "an extensible form that is cut off": (wav(extensible=True).replace(b"fmt \x28", b"fmt \x14"), "cut off"),
    "16 bits in blocks of 4": (wav(block=4), "1 channels of 16 bits in blocks of 4 bytes"),
    "sizes of 64 bits that are not there": (
        wav(riff=b"RF64", size=0xFFFFFFFF, before=SIZES, data=b"abcd"),
        "cut off: 4 of 4000 bytes",
    ),
    "no rate": (wav(rate=0), "0 samples a second"),
    "a rate that no sound has": (wav(rate=1_000_000_000), "samples a second"),
    "samples that are no numbers": (wav(np.full(9, np.nan), 32, FLOAT), "no numbers"),
    "huge samples": (wav(TONE * 1e9, 32, FLOAT), "instead of 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_kinds_that_are_refused(name, tmp_path):
    content, says = REFUSED[name]
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        read_wav(tmp_path / "a.wav", RATE)
    assert says in str(caught.value)
    assert str(tmp_path / "a.wav") in str(caught.value)


@pytest.mark.parametrize("rate", [4000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_other_rates_are_resampled(rate, tmp_path):
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate) * 0.5
    (tmp_path / "a.wav").write_bytes(wav(tone, rate=rate))
    sound = read_wav(tmp_path / "a.wav", RATE)
    expected = 16383 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert sound.samples.shape == (RATE,)
    assert np.abs(sound.samples - expected)[400:-400].max() < 200
    assert f"{rate} samples a second brought to 8000" in sound.notes
    assert read_wav(tmp_path / "a.wav").rate == rate


def test_channels_are_averaged(tmp_path):
    pair = np.stack([TONE, -TONE], axis=1).ravel()
    (tmp_path / "a.wav").write_bytes(wav(pair[:4000], data=packed(pair, 16), channels=2))
    assert np.abs(read_wav(tmp_path / "a.wav").samples).max() <= 1


@pytest.mark.skipif(sys.platform == "win32", reason="pipes in folders are a thing of Unix")
def test_places_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    for name, says in (("pipe.wav", "named pipe"), ("no.wav", "does not exist"), (".", "is a folder")):
        with pytest.raises(DatasetError, match=says):
            read_wav(tmp_path / name)


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_are_read_or_refused(seed, tmp_path):
    rng = np.random.default_rng(seed)
    content = bytearray(wav(bits=int(rng.choice([8, 16, 24, 32])), extensible=bool(rng.integers(2))))
    for _ in range(rng.integers(1, 6)):
        content[rng.integers(0, 80)] = rng.integers(0, 256)
    (tmp_path / "a.wav").write_bytes(bytes(content))
    with contextlib.suppress(DatasetError):
        assert read_wav(tmp_path / "a.wav", RATE).samples.ndim == 1
