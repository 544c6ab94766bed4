"""Loaders of the field's data sets, one function a set, with what each holds; knows nothing of files or of models.

``EDGEALGOS_DATA`` may name a folder with files ``<name>.npz`` (arrays ``X_train, y_train, X_test, y_test`` and
those that each loader names). It goes first. Without it USPS, MNIST, Pendigits and Concrete are downloaded once and
kept in scikit-learn's data folder; the other sets have no source with a checksum: their loaders say who made them.
"""

from __future__ import annotations

import os
from pathlib import Path

from sklearn.utils import Bunch

from .fetch import fetch_concrete, fetch_mnist, fetch_pendigits, fetch_usps, load_set, no_source
from .gesturepod import ARCHIVE, read_gesturepod


def load_usps() -> Bunch:
    """Handwritten digits of the US postal service, official split: 7,291 / 2,007 rows of 256 pixels 0..255.

    Returns
    -------
    Bunch
        ``X_train``, ``y_train``, ``X_test``, ``y_test``. Downloaded from LIBSVM's pages (MD5 checked).

    Examples
    --------
    >>> from edgealgos.datasets import load_usps
    >>> usps = load_usps()
    >>> usps.X_train.shape, usps.X_test.shape
    ((7291, 256), (2007, 256))
    """
    return _images(load_set("usps10", fetch_usps))


def load_mnist() -> Bunch:
    """MNIST digits, official split: 60,000 / 10,000 rows of 784 pixels 0..255. Downloaded from OpenML (MD5 checked).

    Examples
    --------
    >>> from edgealgos.datasets import load_mnist
    >>> mnist = load_mnist()
    >>> mnist.X_train.shape, mnist.X_test.shape
    ((60000, 784), (10000, 784))
    """
    return _images(load_set("mnist", fetch_mnist))


def load_pendigits() -> Bunch:
    """Pen strokes of ten digits: 16 integers 0..100, 7,494 / 3,498 rows, other writers in the test part.

    Downloaded from OpenML (MD5 checked); the split is checked by its class counts.

    Examples
    --------
    >>> from edgealgos.datasets import load_pendigits
    >>> strokes = load_pendigits()
    >>> strokes.X_train.shape, strokes.X_test.shape
    ((7494, 16), (3498, 16))
    """
    return load_set("pendigits", fetch_pendigits)


def load_concrete() -> Bunch:
    """Strength of concrete (MPa) from eight properties, 824 / 206 rows (Yeh, 1998).

    Downloaded from OpenML (MD5 checked) and split at random with seed 0. A file of yours keeps its own split.

    Examples
    --------
    >>> from edgealgos.datasets import load_concrete
    >>> concrete = load_concrete()
    >>> concrete.X_train.shape, concrete.X_test.shape
    ((824, 8), (206, 8))
    """
    return load_set("concrete", fetch_concrete)


def load_smartwatch_har() -> Bunch:
    """Wrist motion, int16 (n, 100, 6) at 100 Hz, five activities, split by person; ``X * scale`` is in SI units.

    Examples
    --------
    >>> from edgealgos.datasets import load_smartwatch_har
    >>> motion = load_smartwatch_har()
    >>> motion.X_train.shape[1:], (motion.X_train * motion.scale).dtype
    ((100, 6), dtype('float32'))
    """
    return load_set("smartwatch_har", no_source("github.com/GeoTecINIT/sp-sw-har-dataset, CC BY 4.0"))


def load_magic_wand() -> Bunch:
    """Wand gestures, accelerometer int16 (n, 48, 3) at 25 Hz, four classes, split by person; ``X * scale`` is in g.

    Examples
    --------
    >>> from edgealgos.datasets import load_magic_wand
    >>> wand = load_magic_wand()
    >>> wand.X_train.shape[1:], (wand.X_train * wand.scale).dtype
    ((48, 3), dtype('float32'))
    """
    return load_set("magic_wand", no_source("TensorFlow Lite Micro's magic wand recordings"))


def load_gesturepod_taps() -> Bunch:
    """One stream of a white cane's motion sensor with a double tap: ``X`` int16 (1500, 6) at ``fs`` Hz, no labels.

    Examples
    --------
    >>> from edgealgos.datasets import load_gesturepod_taps
    >>> taps = load_gesturepod_taps()
    >>> taps.X.shape, float(taps.fs)
    ((1500, 6), 100.0)
    """
    return load_set("gesturepod_taps", no_source("github.com/microsoft/EdgeML, GesturePod, MIT"), ("X", "fs"))


def load_gesturepod(path: str | os.PathLike[str] | None = None) -> Bunch:
    """GesturePod's published recordings of a white cane's motion sensor (Microsoft Research India, MIT licence).

    Parameters
    ----------
    path : path, optional
        The archive ``dataTR_v1.tar.gz``, from microsoft.com/en-us/research/uploads/prod/2018/05/. Default: the file of
        that name in the folder ``EDGEALGOS_DATA``.

    Returns
    -------
    Bunch
        ``recordings``, each a Bunch of ``name``, ``X`` (int16, (n, 6): acceleration with 8192 for 1 g, turns in degrees
        a second), ``label`` (int64, (n,)) and ``millis``; ``label_names``, by number.

    Raises
    ------
    DatasetError
        If there is no archive, or nothing in it that is a recording.

    Examples
    --------
    >>> from edgealgos.datasets import load_gesturepod
    >>> pod = load_gesturepod()
    >>> pod.label_names[3], pod.recordings[0].X.dtype, pod.recordings[0].X.shape[1]
    ('double tap', dtype('int16'), 6)
    """
    own = Path(os.environ.get("EDGEALGOS_DATA", ".")) / ARCHIVE
    return read_gesturepod(Path(path) if path is not None else own)


def load_speech_commands() -> Bunch:
    """yes, no, stop, go, unknown, silence: int16 (n, 8000) at 8 kHz, split by speaker.

    Examples
    --------
    >>> from edgealgos.datasets import load_speech_commands
    >>> spoken = load_speech_commands()
    >>> spoken.X_test.shape[1:], spoken.X_test.dtype
    ((8000,), dtype('int16'))
    """
    return load_set("speech_commands_8k", no_source("Google Speech Commands v0.02 (test set), CC BY 4.0"))


def load_arabic_commands() -> Bunch:
    """Five Arabic command words: int16 (n, 8000) at 8 kHz, split by speaker, with ``X_val``, ``y_val``.

    Examples
    --------
    >>> from edgealgos.datasets import load_arabic_commands
    >>> spoken = load_arabic_commands()
    >>> spoken.X_val.shape[1:], spoken.X_val.dtype
    ((8000,), dtype('int16'))
    """
    origin = "abdulkaderghandoura/arabic-speech-commands-dataset on GitHub, CC BY 4.0"
    return load_set("arabic_commands_8k", no_source(origin))


def load_fsdd_digits() -> Bunch:
    """Spoken digits: int16 (n, 8000) at 8 kHz, split by speaker.

    Examples
    --------
    >>> from edgealgos.datasets import load_fsdd_digits
    >>> spoken = load_fsdd_digits()
    >>> spoken.X_test.shape[1:], spoken.X_test.dtype
    ((8000,), dtype('int16'))
    """
    return load_set("fsdd_digits_8k", no_source("github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0"))


def load_air_quality() -> Bunch:
    """CO (mg/m3) from five gas sensors, temperature and humidity, 5,508 / 1,836 hours, split in time (De Vito).

    Examples
    --------
    >>> from edgealgos.datasets import load_air_quality
    >>> air = load_air_quality()
    >>> air.X_train.shape, air.X_test.shape
    ((5508, 7), (1836, 7))
    """
    return load_set("air_quality_co", no_source("archive.ics.uci.edu, data set 360 (Air Quality)"))


def _images(bunch: Bunch) -> Bunch:
    """Pictures as rows, as scikit-learn's load_digits gives them."""
    for part in ("X_train", "X_test"):
        bunch[part] = bunch[part].reshape(len(bunch[part]), -1)
    return bunch
