"""Augmenters: what they move, what they keep, that they clone, pickle and reach training."""

from __future__ import annotations

import pickle
from copy import deepcopy

import numpy as np
import pytest

import edgealgos as ea
from edgealgos.augment import Compose, ImageShift, ImageWarp, SensorJitter, TimeJitter

ALL = [
    (ImageShift((8, 8), 2), (5, 64)),
    (ImageWarp((8, 8), bend=0.5), (5, 8, 8)),
    (SensorJitter(rotation=20), (5, 30, 6)),
    (TimeJitter(3, 0.2), (5, 30, 6)),
    (Compose((TimeJitter(), SensorJitter())), (5, 30, 3)),
]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(("augment", "shape"), ALL, ids=lambda v: type(v).__name__)
def test_same_shape_same_seed_same_rows_untouched_input(augment, shape):
    X = np.random.default_rng(1).normal(size=shape)
    before = X.copy()
    first, second = (each(X, np.random.default_rng(7)) for each in (augment, pickle.loads(pickle.dumps(augment))))
    assert first.shape == shape
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(X, before)
    assert not np.array_equal(first, augment(X, np.random.default_rng(8)))
    assert deepcopy(augment) == augment


def test_a_shift_moves_whole_pixels_and_fills_the_border(rng):
    image = np.zeros((9, 9))
    image[4, 4] = 1
    moved = ImageShift((9, 9), 2, background=-5.0)(np.repeat(image[None], 300, axis=0), rng)
    where = np.argwhere(moved == 1)
    assert len(where) == 300
    assert set(map(tuple, where[:, 1:] - 4)) == {(a, b) for a in range(-2, 3) for b in range(-2, 3)}
    assert {0.0, 1.0, -5.0} == set(np.unique(moved))


def test_a_warp_of_nothing_changes_nothing(rng):
    X = rng.normal(size=(20, 35))
    still = ImageWarp((5, 7), shift=0, rotation=0, zoom=0, shear=0)
    np.testing.assert_allclose(still(X, rng), X, atol=1e-6)


def test_channels_move_together_and_half_of_all_images_are_mirrored(rng):
    plane = rng.normal(size=(100, 5, 7))
    X = np.stack([plane, 2 * plane], axis=-1)
    moved = ImageWarp((5, 7, 2), bend=0.5)(X, rng)
    np.testing.assert_allclose(moved[..., 1], 2 * moved[..., 0], rtol=1e-4, atol=1e-5)
    found = ImageWarp((5, 7, 2), shift=0, rotation=0, zoom=0, shear=0, mirror=True)(X, rng)
    same = [np.allclose(a, b, atol=1e-5) for a, b in zip(found, X, strict=True)]
    assert 30 < sum(same) < 70
    assert all(np.allclose(a, b[:, ::-1], atol=1e-5) for a, b, kept in zip(found, X, same, strict=True) if not kept)


def test_a_warp_by_half_a_pixel_interpolates(rng):
    ramp = np.tile(np.arange(10.0), (6, 1))
    moved = ImageWarp((6, 10), shift=0.5, rotation=0, zoom=0, shear=0)(np.repeat(ramp[None], 50, axis=0), rng)
    inside = moved[:, 2:-2, 2:-2] - ramp[2:-2, 2:-2]
    assert np.abs(inside).max() <= 0.5 + 1e-5
    np.testing.assert_allclose(inside.std(axis=(1, 2)), 0, atol=1e-5)
    assert np.ptp(inside.mean(axis=(1, 2))) > 0.5


def test_a_turn_keeps_lengths_and_angles(rng):
    X = rng.normal(size=(40, 10, 6))
    turned = SensorJitter(noise=0, gain=0, rotation=30)(X, rng)
    for part in (slice(0, 3), slice(3, 6)):
        lengths = [np.linalg.norm(rows[..., part], axis=-1) for rows in (X, turned)]
        np.testing.assert_allclose(*lengths, rtol=1e-4)
    cosine = (X[..., :3] * turned[..., :3]).sum(-1) / np.linalg.norm(X[..., :3], axis=-1) ** 2
    assert cosine.min() > np.cos(np.deg2rad(30)) - 1e-3
    with pytest.raises(ValueError, match="threes"):
        SensorJitter(rotation=5)(X[..., :2], rng)


def test_noise_follows_each_column(rng):
    X = rng.normal(size=(5000, 2)) * [1, 1000]
    change = SensorJitter(noise=0.1, gain=0)(X, rng) - X
    np.testing.assert_allclose(change.std(axis=0), [0.1, 100], rtol=0.1)


def test_time_moves_linearly_and_stays_inside(rng):
    X = np.tile(np.arange(50.0)[:, None], (30, 1, 2))
    moved = TimeJitter(shift=4, stretch=0)(X, rng) - X
    middle = moved[:, 5:-5]
    np.testing.assert_allclose(middle, np.broadcast_to(middle[:, :1], middle.shape), atol=1e-4)
    assert np.abs(middle).max() <= 4
    assert (moved + X).min() >= 0
    with pytest.raises(ValueError, match="sequences"):
        TimeJitter()(X[:, :, 0], rng)


def test_augmentation_sees_raw_rows_and_training_learns_from_them_and_from_what_it_makes(digits):
    X, y = digits
    seen = []

    def upside_down(rows, rng):
        seen.append(rows)
        return rows[:, ::-1]

    model = ea.BonsaiClassifier(epochs=30, random_state=0, augment=upside_down).fit(X, y)
    np.testing.assert_array_equal(seen[0], X)
    assert model.score(X[:, ::-1], y) > 0.9
    assert model.score(X, y) > 0.7
    plain = ea.BonsaiClassifier(epochs=30, random_state=0).fit(X, y)
    assert plain.score(X[:, ::-1], y) < 0.7


def test_sequences_are_augmented_as_sequences(digits):
    X, y = digits
    shapes = set()

    def note(rows, rng):
        shapes.add(rows.shape[1:])
        return rows

    ea.FastGRNNClassifier(step_size=8, epochs=1, random_state=0, augment=note).fit(X, y)
    assert shapes == {(8, 8)}


@pytest.mark.parametrize("wrong", [lambda X, rng: X[:-1], lambda X, rng: X * np.nan])
def test_what_augment_may_not_give(wrong, digits):
    with pytest.raises(ValueError, match="augment must give finite rows"):
        ea.BonsaiClassifier(epochs=1, random_state=0, augment=wrong).fit(*digits)
