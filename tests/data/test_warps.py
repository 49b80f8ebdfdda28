import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.data.warps import sample_affine_maps, sample_homographies, warp, warp_digits


def spot(size=21, row=10, column=10):
    image = np.zeros((1, size, size), np.float32)
    image[0, row, column] = 1.0
    return jnp.asarray(image)


def matrices(*rows):
    return jnp.asarray(rows, jnp.float32)[None]


def bright(images):
    return [tuple(int(i) for i in index) for index in np.argwhere(np.asarray(images[0]) > 0.9)]


@pytest.mark.parametrize(
    ("map_", "place"),
    [
        (matrices([1, 0, 2 * 3 / 21], [0, 1, 0], [0, 0, 1]), (8, 16)),
        (matrices([1, 0, 0], [0, 1, 2 * 3 / 21], [0, 0, 1]), (11, 13)),
        # The x axis onto the y axis, which points down: (3, -2) goes to (2, 3).
        (matrices([0, -1, 0], [1, 0, 0], [0, 0, 1]), (13, 12)),
        (matrices([2, 0, 0], [0, 1, 0], [0, 0, 1]), (8, 16)),
        # Of homogeneous coordinates only the ratio counts.
        (matrices([3, 0, 0], [0, 3, 0], [0, 0, 3]), (8, 13)),
    ],
)
def test_a_spot_goes_where_the_map_takes_it(map_, place):
    assert bright(warp(spot(row=8, column=13), map_)) == [place]


def test_a_homography_divides():
    """(x, y) goes to (x, y) / (1 + x / 2)."""
    moved = np.asarray(warp(spot(41, row=20, column=30), matrices([1, 0, 0], [0, 1, 0], [0.5, 0, 1])))[0]
    x = 2 * 10 / 41
    wanted = x / (1 + x / 2) * 41 / 2 + 20
    mass = moved.sum(axis=0)
    assert np.sum(mass * np.arange(41)) / mass.sum() == pytest.approx(wanted, abs=0.3)


def test_the_identity_changes_nothing_and_outside_is_black():
    images = jnp.asarray(np.random.default_rng(0).uniform(size=(2, 9, 8)).astype(np.float32))
    identity = jnp.broadcast_to(jnp.eye(3)[None], (2, 3, 3))
    np.testing.assert_allclose(warp(images, identity), images, atol=1e-5)
    away = identity.at[:, 0, 2].set(4.0)
    np.testing.assert_array_equal(warp(images, away), 0.0)


def test_affine_maps_have_the_ranges_of_affnist():
    maps = np.asarray(sample_affine_maps(jax.random.key(0), 2000), float)
    np.testing.assert_array_equal(maps[:, 2], np.tile([0.0, 0.0, 1.0], (2000, 1)))
    np.testing.assert_array_equal(maps[:, :2, 2], 0.0)
    # A = R S D is R times an upper triangle, of diagonal D and, beside it, the shear times D_y.
    angle = np.arctan2(maps[:, 1, 0], maps[:, 0, 0])
    cosine, sine = np.cos(angle), np.sin(angle)
    along_x = cosine * maps[:, 0, 0] + sine * maps[:, 1, 0]
    along_y = cosine * maps[:, 1, 1] - sine * maps[:, 0, 1]
    shear = (cosine * maps[:, 0, 1] + sine * maps[:, 1, 1]) / along_y
    for found, low, high in (
        (np.degrees(angle), -20, 20),
        (along_x, 0.8, 1.2),
        (along_y, 0.8, 1.2),
        (shear, -0.2, 0.2),
    ):
        reach = 0.01 * (high - low)
        assert low - 1e-4 <= found.min() < low + reach
        assert high - reach < found.max() <= high + 1e-4


def test_homographies_are_small_and_of_determinant_one():
    maps = np.asarray(sample_homographies(jax.random.key(0), 4000), float)
    np.testing.assert_allclose(np.linalg.det(maps), 1.0, rtol=1e-4)
    # To first order the entries are those drawn.
    np.testing.assert_allclose(maps[:, 0, 1].std(), 0.175, rtol=0.1)
    np.testing.assert_allclose(maps[:, 1, 2].std(), 0.085, rtol=0.15)
    assert np.abs(maps.mean(axis=0) - np.eye(3)).max() < 0.05


def test_digits_stay_inside_and_reach_every_place():
    digit = np.zeros((9, 12), np.float32)
    digit[2:5, 4:9] = np.random.default_rng(0).uniform(0.5, 1.0, size=(3, 5))
    count = 1000
    images = jnp.asarray(np.tile(digit, (count, 1, 1)))
    identity = jnp.broadcast_to(jnp.eye(3)[None], (count, 3, 3))
    moved = np.asarray(warp_digits(images, identity, jax.random.key(0)))
    np.testing.assert_allclose(moved.sum(axis=(1, 2)), digit.sum(), rtol=1e-4)
    corners = {tuple(np.argwhere(image > 0.05).min(axis=0)) for image in moved}
    assert corners == {(i, j) for i in range(7) for j in range(8)}
    blank = jnp.zeros((1, 9, 12))
    np.testing.assert_array_equal(warp_digits(blank, identity[:1], jax.random.key(0)), 0.0)
