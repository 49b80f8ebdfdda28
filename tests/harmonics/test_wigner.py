"""Rotation matrices of coefficients: a representation of O(3), the one of the harmonics, at every rotation."""

import e3nn_jax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy.spatial.transform import Rotation

from jaxinv.kernels.harmonics import rotate, spherical_harmonics, wigner_d
from jaxinv.kernels.harmonics.degrees import over_components
from tests.duties import FLOAT, X64

LMAX = 8
ROUNDING = 2e-13 if X64 else 5e-6
# About random axes by any angle; by nothing, a quarter, almost a half and a half turn about every axis.
ROTATIONS = jnp.asarray(
    np.concatenate(
        [
            Rotation.random(6, rng=np.random.default_rng(0)).as_matrix(),
            *(Rotation.from_rotvec(a * np.eye(3)).as_matrix() for a in (0.0, np.pi / 2, np.pi - 1e-4, np.pi)),
        ]
    ),
    FLOAT,
)


@pytest.fixture(scope="module")
def blocks():
    return wigner_d(ROTATIONS, LMAX)


def test_harmonics_of_rotated_directions(blocks):
    directions = np.random.default_rng(1).normal(size=(5, 3))
    before = np.asarray(spherical_harmonics(jnp.asarray(directions, FLOAT), LMAX))
    turned = np.asarray(spherical_harmonics(jnp.asarray(directions @ np.swapaxes(ROTATIONS, 1, 2), FLOAT), LMAX))
    for degree, block in enumerate(blocks):
        part = slice(degree**2, (degree + 1) ** 2)
        np.testing.assert_allclose(before[:, part] @ np.swapaxes(block, 1, 2), turned[..., part], atol=10 * ROUNDING)


def test_blocks_are_orthogonal_and_of_determinant_1(blocks):
    for block in blocks:
        np.testing.assert_allclose(
            block @ np.swapaxes(block, 1, 2), np.broadcast_to(np.eye(block.shape[1]), block.shape), atol=ROUNDING
        )
        np.testing.assert_allclose(np.linalg.det(np.asarray(block, float)), 1.0, atol=10 * ROUNDING)


def test_products_and_inverses_of_rotations(blocks):
    products = wigner_d(ROTATIONS[:6] @ ROTATIONS[6:12], LMAX)
    for block, product in zip(blocks, products, strict=True):
        np.testing.assert_allclose(block[:6] @ block[6:12], product, atol=ROUNDING)
    np.testing.assert_allclose(blocks[1], ROTATIONS, atol=0)


def test_equal_to_e3nn(blocks):
    for degree, block in enumerate(blocks):
        # Not the half turns: e3nn takes Euler angles from arc functions, which lose half the digits there.
        wanted = e3nn_jax.Irrep(degree, 1).D_from_matrix(ROTATIONS[:6])
        np.testing.assert_allclose(block[:6], wanted, atol=1e-12 if X64 else 3e-5)


def test_inversion_flips_odd_degrees():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(LMAX + 1) ** 2), FLOAT)
    sign = (-1.0) ** over_components(np.arange(LMAX + 1))
    np.testing.assert_allclose(rotate(x, -jnp.eye(3, dtype=FLOAT)), sign * x, atol=ROUNDING)


def test_rotating_back_gives_the_coefficients_of_every_channel():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(len(ROTATIONS), 3, 25)), FLOAT)
    there = rotate(x, ROTATIONS[:, None])
    np.testing.assert_allclose(rotate(there, jnp.swapaxes(ROTATIONS, 1, 2)[:, None]), x, atol=2 * ROUNDING)
    np.testing.assert_allclose(there[:, 1], rotate(x[:, 1], ROTATIONS), atol=ROUNDING)
    assert float(jnp.abs(there[:6] - x[:6]).max()) > 0.1


def test_degree_20():
    random = ROTATIONS[:2]
    block = wigner_d(random, 20)[20]
    np.testing.assert_allclose(
        block @ np.swapaxes(block, 1, 2), np.broadcast_to(np.eye(41), (2, 41, 41)), atol=2e-12 if X64 else 2e-5
    )


@pytest.mark.skipif(not X64, reason="differences of float32 are too coarse")
@pytest.mark.parametrize("number", [0, 7, 10], ids=["random", "identity", "quarter turn about y"])
def test_derivatives_at_every_rotation(number):
    generator = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)))

    def turned(scale):
        step = scale * (generator - generator.T)
        return jnp.concatenate(
            [d.ravel() for d in wigner_d(ROTATIONS[number] @ (jnp.eye(3) + step + step @ step / 2), 3)]
        )

    check_grads(jax.jit(turned), (0.0,), order=2, rtol=1e-6, atol=1e-6)
