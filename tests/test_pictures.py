"""Rows that seem to be pictures: how they are known, and that every family moves them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

import edgealgos as ea
from edgealgos.augment import ImageShift, ImageWarp, TimeJitter
from edgealgos.estimators.model import Choice
from edgealgos.estimators.pictures import mover, picture_in

RNG = np.random.default_rng(0)


def blurred(height, width, count=300):
    """Pictures of noise without its high frequencies."""
    spectrum = np.fft.rfft2(RNG.normal(size=(count, height, width)))
    fast = np.abs(np.fft.fftfreq(height))[:, None] + np.fft.rfftfreq(width)
    return np.fft.irfft2(spectrum * (fast < 0.25), s=(height, width))


def digits():
    return load_digits(return_X_y=True)[0]


def spectrograms(steps=60, bands=20):
    """Noise that is smooth over time and over bands."""
    made = RNG.normal(size=(300, steps + 4, bands + 4))
    made = np.lib.stride_tricks.sliding_window_view(made, (5, 5), axis=(1, 2)).mean((3, 4))
    return made + RNG.normal(scale=0.3, size=(300, 1, 1))


def waves(period=10):
    """A hundred samples of a tone that begins anywhere."""
    phase = RNG.uniform(0, 2 * np.pi, size=(300, 1))
    return np.sin(2 * np.pi * np.arange(100) / period + phase)


def pulses(period=10):
    """A hundred samples of beats that begin anywhere and come nearly every `period` samples."""
    every = period * RNG.normal(1, 0.05, size=(300, 1))
    since = (np.arange(100) - RNG.uniform(0, period, size=(300, 1))) % every
    return np.exp(-(np.minimum(since, every - since) ** 2)) + RNG.normal(scale=0.05, size=(300, 100))


def framed(rows):
    """The first picture alone is lit along its border."""
    rows = rows.reshape(-1, 8, 8).copy()
    rows[0, [0, -1]] = rows[0, :, [0, -1]] = 16
    return rows.reshape(len(rows), 64)


@pytest.mark.parametrize(
    ("rows", "picture"),
    [
        (digits(), (8, 8, 1)),
        (digits().reshape(-1, 8, 8), (8, 8, 1)),
        (digits()[:, :, None], (8, 8, 1)),
        (255 - digits(), (8, 8, 1)),
        (np.pad(digits().reshape(-1, 8, 8), ((0, 0), (4, 4), (4, 4))).reshape(-1, 256), (16, 16, 1)),
        (blurred(16, 15).reshape(300, -1), (16, 15, 1)),
        (blurred(12, 20).reshape(300, -1), (12, 20, 1)),
        (spectrograms(), (60, 1, 20)),
        (framed(digits()), (8, 8, 1)),
    ],
)
def test_pictures_are_known_flat_in_rows_inverted_framed_not_square_and_of_sound(rows, picture):
    assert picture_in(rows) == picture


@pytest.mark.parametrize(
    "rows",
    [
        load_breast_cancer().data,
        np.cumsum(RNG.normal(size=(300, 100)), axis=1),  # as smooth as spectra are
        digits()[:, RNG.permutation(64)],
        RNG.normal(size=(300, 64)),
        waves(period=10.3),
        waves(period=RNG.normal(9, 0.2, size=(300, 1))),
        pulses(),
        pulses().reshape(300, 10, 10),
        np.ones((300, 64)),
        digits()[:1],
        digits()[:, :61],  # no whole rows
        RNG.normal(size=(300, 16, 1)) @ np.ones((1, 1, 16)),
    ],
)
def test_readings_spectra_waves_pulses_and_shuffled_pixels_are_none(rows):
    assert picture_in(rows) is None


@pytest.mark.parametrize("background", [0.0, 200.0, -3.0])
def test_what_comes_in_from_outside_is_as_the_border_is(background):
    rows = np.full((40, 9, 9), background)
    rows[:, 3:6, 3:6] += 50
    moved = mover((9, 9, 1), rows)(rows, np.random.default_rng(0))
    assert not np.allclose(moved, rows)
    np.testing.assert_allclose(moved[:, [0, -1]], background)


def varied(model, rows, variation):
    """The augmenter of a training, and what a search would have chosen."""
    choice = None if variation is None else Choice(4, {}, variation)
    lesson = SimpleNamespace(choice=choice, picture=picture_in(rows), examples=SimpleNamespace(rows=rows))
    return model._augmenter(lesson)


def test_what_validation_has_chosen_moves_pictures_and_the_users_own_stays():
    assert isinstance(varied(ea.BonsaiClassifier(), digits(), "moved"), ImageWarp)
    assert varied(ea.BonsaiClassifier(), digits(), "spread") is None
    assert varied(ea.ProtoNNClassifier(), digits(), None) is None
    own = ImageShift((8, 8))
    assert varied(ea.ProtoNNClassifier(augment=own), digits(), "spread") is own


def test_cells_that_read_pictures_row_by_row_move_them_and_the_users_own_stays():
    pictures, own = digits().reshape(-1, 8, 8), ImageShift((8, 8))
    assert isinstance(varied(ea.FastGRNNClassifier(), pictures, None), ImageWarp)
    assert varied(ea.FastGRNNClassifier(augment=own), pictures, None) is own
    assert varied(ea.FastGRNNClassifier(), np.random.default_rng(0).normal(size=(200, 30, 6)), None) is None
    assert isinstance(varied(ea.FastGRNNClassifier(), spectrograms(), None), TimeJitter)
    assert varied(ea.FastGRNNClassifier(window_steps=20), spectrograms(), None) is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ea.BonsaiClassifier, ea.ProtoNNClassifier])
def test_moving_pictures_is_tried_first_and_readings_are_never_moved(kind, monkeypatch):
    for steps in ("JUDGED_STEPS", "LEAST_STEPS"):
        monkeypatch.setattr(f"edgealgos.estimators.choice.{steps}", 20)
    X, y = load_digits(return_X_y=True)
    shuffled = np.random.default_rng(0).permutation(64)
    for rows, tried in ((X[:200], True), (X[:200, shuffled], False)):
        model = kind(max_model_bytes=1024, epochs=50, teacher=None, random_state=0).fit(rows, y[:200])
        assert ("moved" in {trial["variation"] for trial in model.history_["choices"]}) is tried


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ea.BonsaiRegressor, ea.ProtoNNRegressor])
def test_what_may_be_places_in_pictures_is_never_moved(kind, monkeypatch):
    for steps in ("JUDGED_STEPS", "LEAST_STEPS"):
        monkeypatch.setattr(f"edgealgos.estimators.choice.{steps}", 20)
    X = digits()[:200]
    places = (X.reshape(-1, 8, 8).sum(1) @ np.arange(8)) / X.sum(1)
    model = kind(max_model_bytes=1024, epochs=50, random_state=0).fit(X, places)
    assert "moved" not in {trial["variation"] for trial in model.history_["choices"]}
