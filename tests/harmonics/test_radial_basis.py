"""The radial basis: its formula, its cutoff, and its derivatives at the ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.harmonics.radial_basis import radial_basis
from tests.duties import FLOAT, X64, assert_finite
from tests.harmonics.radial_basis_cases import CUTOFF, bessel, published_envelope

ROUNDING = 1e-11 if X64 else 5e-6


@pytest.mark.parametrize(("num", "order"), [(1, 1), (8, 6), (12, 3)])
def test_equals_the_published_formula(num, order):
    lengths = np.linspace(0.05, 1.2, 60) * CUTOFF
    found = radial_basis(jnp.asarray(lengths, FLOAT), num, cutoff=CUTOFF, order=order)
    wanted = bessel(lengths, num) * published_envelope(lengths, order)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=ROUNDING * num)


def test_without_the_envelope_the_functions_are_orthonormal_on_the_ball():
    lengths, weights = np.polynomial.legendre.leggauss(40)
    lengths, weights = (lengths + 1) * CUTOFF / 2, weights * CUTOFF / 2
    values = np.asarray(radial_basis(jnp.asarray(lengths, FLOAT), 4, cutoff=CUTOFF), float)
    values = values / published_envelope(lengths, 6)
    gram = np.einsum("p,pn,pm->nm", weights * lengths**2, values, values)
    np.testing.assert_allclose(gram, np.eye(4), atol=1e-8 if X64 else 1e-4)


def test_value_and_derivatives_at_zero():
    def value(r):
        return radial_basis(r, 4, cutoff=CUTOFF)

    zero = jnp.zeros((), FLOAT)
    scale = np.sqrt(2 / CUTOFF) * np.arange(1, 5) * np.pi / CUTOFF
    np.testing.assert_allclose(value(zero), scale, rtol=10 * ROUNDING)
    derivative = value
    # Of sin(a r) / r = a - a^3 r^2 / 6 + a^5 r^4 / 120: the envelope departs from 1 with r^6 only.
    a = np.arange(1, 5) * np.pi / CUTOFF
    for factor in (0 * a, -(a**2) / 3, 0 * a, a**4 / 5):
        derivative = jax.jacfwd(derivative)
        # At 0 and near it, where quotients by r lose their digits.
        for found in jax.jit(jax.vmap(derivative))(jnp.array([0, 1e-5], FLOAT)):
            size = float(np.abs(scale * a**4).max())
            np.testing.assert_allclose(found, scale * factor, rtol=0, atol=1e-4 * size)


def test_ends_smoothly_at_the_cutoff():
    def value(r):
        return radial_basis(r, 3, cutoff=CUTOFF)

    step = 1e-3
    inside, at, outside = (jnp.asarray(CUTOFF + shift, FLOAT) for shift in (-step, 0.0, step))
    for power, derivative in zip((4, 3, 2), (value, jax.jacfwd(value), jax.jacfwd(jax.jacfwd(value))), strict=True):
        assert not np.any(derivative(at))
        assert not np.any(derivative(outside))
        # With that of the sine, the zero is fourfold.
        found = np.abs(derivative(inside))
        assert 0 < found.max() < 5e3 * step**power


def test_lengths_out_of_range_keep_finite_derivatives():
    lengths = jnp.asarray([0.0, CUTOFF, 1e30, float(jnp.finfo(FLOAT).max)], FLOAT)
    assert_finite(radial_basis(lengths, 8, cutoff=CUTOFF))
    gradient = jax.grad(lambda r: jnp.sum(radial_basis(r, 8, cutoff=CUTOFF)))
    assert_finite(jax.jvp(gradient, (lengths,), (jnp.ones_like(lengths),)))
