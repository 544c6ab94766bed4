"""The wake word example's modules, and sounds for its tests."""

import sys
import wave
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).parents[2] / "examples" / "wakeword"
sys.path.insert(0, str(EXAMPLE))
import detector as det  # noqa: E402, F401
import microphone  # noqa: E402, F401
import sound  # noqa: E402

sys.path.remove(str(EXAMPLE))


def clips(n=60, seed=0):
    """Two words: a rising and a falling tone, by ten speakers, and hum."""
    rng = np.random.default_rng(seed)
    t = np.arange(sound.CLIP) / sound.RATE
    kinds = np.arange(n) % 3
    sweep = np.where(kinds == 0, 400, -400)[:, None] * t * (kinds < 2)[:, None]
    envelope = np.exp(-(((t - 0.5) / 0.15) ** 2))
    waves = 8000 * np.sin(2 * np.pi * (900 + sweep) * t) * envelope + rng.normal(0, 20, (n, sound.CLIP))
    words = np.array(["up", "down", "hum"])[kinds]
    return sound.divided(sound.rounded(waves), words, np.array([f"s{i % 10}" for i in range(n)]))


def write(path, samples, rate=8000, channels=1, width=2):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
    return path


def tone(rate, seconds=1.0):
    return 8000 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)
