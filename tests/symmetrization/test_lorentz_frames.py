"""Frames of Lorentz's group: elements that move with the momenta, averages that are invariant, momenta without rest."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FLOAT, X64, assert_finite
from tests.symmetrization.frame_cases import momenta_of
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-11 if X64 else 2e-5
METRIC = np.diag([1.0, -1, -1, -1])
WAY = np.random.default_rng(9).normal(size=(4, 3))


def example(n=5, *, massless=False):
    return jnp.asarray(momenta_of(np.random.default_rng(0), n, 4, massless=massless), FLOAT)


def transformation(seed, *, reflects=False):
    """A boost after a rotation, of moderate size."""
    generator = np.random.default_rng(seed)
    algebra = np.zeros((4, 4))
    algebra[0, 1:] = algebra[1:, 0] = 0.4 * generator.normal(size=3)
    turn = np.triu(generator.normal(size=(3, 3)), 1)
    algebra[1:, 1:] = turn - turn.T
    matrix = scipy.linalg.expm(algebra)
    return matrix @ np.diag([1.0, 1, 1, -1]) if reflects else matrix


def sample(key, *, reflects):
    return jnp.asarray(transformation(int(jax.random.randint(key, (), 0, 10**6)), reflects=reflects), FLOAT)


def act(element, momenta):
    return jnp.matmul(momenta, element.T, precision="highest")


@pytest.mark.parametrize("massless", [False, True])
def test_elements_are_of_the_group_and_move_along(massless):
    x = example(massless=massless)
    for group, reflects in (("o", True), ("so", False)):
        frames = kernels.lorentz_frame(x, group=group)
        element, back = (np.asarray(m[0], np.float64) for m in (frames.elements, frames.inverses))
        np.testing.assert_allclose(element.T @ METRIC @ element, METRIC, atol=EXACT)
        np.testing.assert_allclose(element @ back, np.eye(4), atol=EXACT)
        assert element[0, 0] >= 1
        assert not frames.degenerate
        if group == "so":
            np.testing.assert_allclose(np.linalg.det(element), 1, rtol=10 * EXACT)
        g = transformation(1, reflects=reflects)
        moved = kernels.lorentz_frame(jnp.asarray(np.asarray(x) @ g.T, FLOAT), group=group)
        np.testing.assert_allclose(moved.elements[0], g @ element, atol=10 * EXACT * np.abs(g @ element).max())
        # Negative control.
        assert np.abs(moved.elements[0] - transformation(2) @ element).max() > 0.1


def test_averages_are_equivariant():
    def function(x):
        return jnp.sin(jnp.matmul(x, jnp.asarray(WAY, FLOAT), precision="highest") + 0.3) @ jnp.asarray(WAY.T, FLOAT)

    @functools.partial(jax.jit, static_argnames="group")
    def average(x, group):
        frames = kernels.lorentz_frame(x, group=group)
        return kernels.frame_average(function, frames, x, inputs=("vector",), output="vector")

    acting: dict[str, Any] = {"act_in": act, "act_out": act}
    proper, reflected = (functools.partial(sample, reflects=way) for way in (False, True))
    of_group = {group: functools.partial(average, group=group) for group in ("o", "so")}
    assert_equivariant(of_group["so"], example(), proper, exactness="exact", **acting)
    assert_equivariant(of_group["o"], example(), reflected, exactness="exact", **acting)
    assert_not_equivariant(of_group["so"], example(), reflected, delta=0.02, **acting)
    assert_not_equivariant(function, example(), proper, delta=0.02, **acting)


@pytest.mark.allow_nans
@pytest.mark.proves("masks", "symmetrization.lorentz_frame")
def test_masked_momenta_change_nothing_and_sizes_do_not_matter():
    x = example()
    wanted = kernels.lorentz_frame(x, group="so")
    padded = jnp.concatenate([x, jnp.full((1, 4), jnp.nan, FLOAT), jnp.full((1, 4), 1e30, FLOAT)])
    masked = kernels.lorentz_frame(padded, group="so", mask=jnp.arange(7) < 5)
    np.testing.assert_allclose(masked.elements, wanted.elements, atol=EXACT)
    for size in (2.0**-100, 2.0**100):
        np.testing.assert_allclose(kernels.lorentz_frame(size * x, group="so").elements, wanted.elements, atol=EXACT)


@functools.partial(jax.jit, static_argnames="group")
def derivative_and_frames(x, group):
    def total(x):
        frames = kernels.lorentz_frame(x, group=group, detached=False)
        return jnp.sum(frames.elements[0] * jnp.asarray(np.sin(np.arange(16.0)).reshape(4, 4), FLOAT)), frames

    return jax.grad(total, has_aux=True)(x)


def test_momenta_without_a_rest_frame_are_flagged_and_finite():
    light = np.array([1.0, 0, 0, 1])
    for x in (np.outer(np.arange(1.0, 4), light), np.outer(np.ones(3), [0.1, 1, 0, 0]), np.zeros((3, 4))):
        derivative, frames = derivative_and_frames(jnp.asarray(x, FLOAT), "o")
        assert_finite((derivative, frames))
        assert frames.degenerate
        element = np.asarray(frames.elements[0], np.float64)
        np.testing.assert_allclose(element.T @ METRIC @ element, METRIC, atol=EXACT)
    # Fast ones are flagged though their frame is known, for rounding.
    boost = np.eye(4)
    boost[:2, :2] = np.cosh(5) * np.eye(2) + np.sinh(5) * (1 - np.eye(2))
    assert kernels.lorentz_frame(act(jnp.asarray(boost, FLOAT), example()), group="o").degenerate
