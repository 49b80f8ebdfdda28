import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.data import AUGMENTATIONS, change_contrast, rotate, translate


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.uniform(size=(6, 16, 16)).astype(np.float32))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_range_shape_and_key(images, name):
    augment = AUGMENTATIONS[name]
    first, again, other = (augment(images, jax.random.key(seed)) for seed in (0, 0, 1))
    assert first.shape == images.shape
    assert first.dtype == images.dtype
    assert float(first.min()) >= -1e-6
    assert float(first.max()) <= 1 + 1e-6
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (name == "none")


@pytest.mark.parametrize("name", ["rotation", "translation", "contrast"])
def test_every_image_gets_its_own(images, name):
    same = jnp.broadcast_to(images[:1], images.shape)
    out = np.asarray(AUGMENTATIONS[name](same, jax.random.key(0)))
    for i in range(1, len(out)):
        assert np.abs(out[i] - out[0]).max() > 1e-3


def test_extent_zero_changes_nothing(images):
    key = jax.random.key(0)
    np.testing.assert_allclose(rotate(images, key, max_angle=0.0), images, atol=1e-5)
    np.testing.assert_allclose(translate(images, key, max_shift=0.0), images, atol=1e-5)


def test_rotation_turns_a_slope_without_changing_it():
    # Bilinear sampling is exact on a slope; only pixels that come from inside the picture are looked at.
    y, x = np.meshgrid(np.arange(16) - 7.5, np.arange(16) - 7.5, indexing="ij")
    inside = np.hypot(y, x) < 7.5
    turned = np.asarray(rotate(jnp.asarray(np.broadcast_to(y, (300, 16, 16)), jnp.float32), jax.random.key(0)))
    plane = np.stack([y[inside], x[inside]], axis=1)
    slope, *_ = np.linalg.lstsq(plane, turned[:, inside].T, rcond=None)
    np.testing.assert_allclose(turned[:, inside].T, plane @ slope, atol=1e-4)
    np.testing.assert_allclose(np.hypot(*slope), 1.0, atol=1e-4)
    angle = np.arctan2(slope[1], slope[0])
    assert np.abs(np.histogram(angle, 4, (-math.pi, math.pi))[0] - 75).max() < 30


def test_translation_moves_within_its_range():
    images = np.zeros((200, 20, 20), np.float32)
    images[:, 10, 10] = 1.0
    moved = np.asarray(translate(jnp.asarray(images), jax.random.key(0), max_shift=0.2))
    np.testing.assert_allclose(moved.sum((1, 2)), 1.0, rtol=1e-4)
    shift = np.stack([(moved.sum(2) @ np.arange(20)), (moved.sum(1) @ np.arange(20))]) - 10
    assert np.abs(shift).max() <= 4.0 + 1e-4
    assert shift.max() > 3.5
    assert shift.min() < -3.5
    assert abs(np.corrcoef(shift)[0, 1]) < 0.3


def test_contrast_is_affine_about_grey_and_negates_half(images):
    many = jnp.broadcast_to(images[:1], (400, 16, 16))
    out = np.asarray(change_contrast(many, jax.random.key(0), least=0.3))
    original = np.asarray(images[0]) - 0.5
    factors = (out - 0.5).reshape(400, -1) @ original.ravel() / np.sum(original**2)
    np.testing.assert_allclose(out - 0.5, factors[:, None, None] * original, atol=1e-5)
    assert np.abs(factors).min() >= 0.3 - 1e-4
    assert np.abs(factors).max() <= 1 + 1e-4
    assert 0.4 < np.mean(factors < 0) < 0.6
