"""What the Uno's microphone hands to the features: the twin of an exported microphone.cpp, knowing no features."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_START = 32768  # the average of a voltage in the middle of the range, times 64
_LARGEST = 32767


def converter_codes(samples: ArrayLike) -> NDArray[np.uint16]:
    """Codes of a 10-bit converter whose range is that of int16.

    Parameters
    ----------
    samples : array-like of int16 of shape (n_samples,)
        The waveform.

    Returns
    -------
    ndarray of uint16 of shape (n_samples,)
        Codes from 0 to 1023.
    """
    return ((np.asarray(samples, dtype=np.int16).astype(np.int32) + 32768) >> 6).astype(np.uint16)


def heard(codes: ArrayLike, gain: int = 0) -> NDArray[np.int16]:
    """Samples as `microphone::read_hop` gives them for these codes, from the first one after `microphone::begin`.

    Parameters
    ----------
    codes : array-like of int of shape (n_samples,)
        What the converter read.
    gain : int
        `kGain` of the sketch: samples are multiplied by 2 to this power.

    Returns
    -------
    ndarray of int16 of shape (n_samples,)
    """
    average = _START
    samples = []
    for code in np.asarray(codes).tolist():
        distance = 64 * code - average
        samples.append(distance)
        average += code - (average >> 6)
    limit = _LARGEST >> gain
    distances = np.array(samples, dtype=np.int64)
    amplified = np.where(np.abs(distances) > limit, np.sign(distances) * _LARGEST, distances << gain)
    return amplified.astype(np.int16)
