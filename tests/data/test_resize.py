import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxinv.data import resize

SIZES = st.integers(1, 20)


@given(SIZES, SIZES, SIZES, SIZES)
def test_range_and_mean(height, width, new_height, new_width):
    rng = np.random.default_rng(height + 31 * width)
    images = rng.uniform(0.2, 0.7, (2, height, width))
    resized = resize(images, (new_height, new_width))
    assert resized.shape == (2, new_height, new_width)
    assert resized.min() >= images.min()
    assert resized.max() <= images.max()
    np.testing.assert_allclose(resize(np.full_like(images, 0.3), (new_height, new_width)), 0.3, rtol=1e-12)
    if new_height <= height and new_width <= width:
        np.testing.assert_allclose(resized.mean((1, 2)), images.mean((1, 2)))


def test_halving_averages_blocks():
    images = np.arange(48.0).reshape(3, 4, 4)
    np.testing.assert_allclose(resize(images, (2, 2)), images.reshape(3, 2, 2, 2, 2).mean((2, 4)))


def test_shrinking_by_a_fraction_shares_pixels():
    np.testing.assert_allclose(resize(np.array([[3.0, 6.0, 9.0]]), (1, 2)), [[4.0, 8.0]])


def test_growing_is_bilinear_at_half_pixel_centres():
    np.testing.assert_allclose(resize(np.array([[0.0, 1.0]]), (1, 4)), [[0.0, 0.25, 0.75, 1.0]])


def test_growing_equals_jax_image():
    import jax

    images = np.random.default_rng(0).uniform(size=(3, 8, 8)).astype(np.float32)
    peer = jax.image.resize(images, (3, 16, 16), "bilinear")
    np.testing.assert_allclose(resize(images, (16, 16)), peer, atol=1e-6)


def test_same_size_dtype_and_errors():
    images = np.random.default_rng(0).uniform(size=(3, 8, 8)).astype(np.float32)
    assert np.array_equal(resize(images, (8, 8)), images)
    assert resize(images, (5, 9)).dtype == np.float32
    with pytest.raises(ValueError, match="size"):
        resize(images, (0, 4))
