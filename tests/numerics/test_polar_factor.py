"""Singular values, polar factors and motions: degenerate matrices, and derivatives at equal singular values."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from numpy.polynomial import chebyshev

from jaxinv.kernels.numerics.polar_factor import polar_factor, principal_axes, procrustes
from jaxinv.kernels.numerics.singular_values import singular_value_decomposition
from tests.duties import FLOAT, X64, assert_finite

EXACT = 1e-14 if X64 else 2e-6
SLOPE = 1e-9 if X64 else 1e-6
COUNT = 40


def random_orthogonal(generator, shape, size):
    return np.linalg.qr(generator.normal(size=(*shape, size, size)))[0]


def with_singular_values(generator, values):
    left, right = (random_orthogonal(generator, values.shape[:-1], values.shape[-1]) for _ in "uv")
    return (left * values[..., None, :]) @ right


def matrices(size):
    generator = np.random.default_rng(size)
    values = np.abs(generator.normal(size=(COUNT, size)))
    equal = values.copy()
    equal[:, -1] = equal[:, 0]
    spectra = [
        values,
        equal,
        equal * (1 + 1e-6 * values),
        np.ones((COUNT, size)),
        np.ones((COUNT, 1)) * np.geomspace(1, 1e-4, size),
        10.0 ** generator.uniform(-8, 0, size=(COUNT, size)),
        values * (np.arange(size) == 0),
        np.zeros((COUNT, size)),
        1e-20 * values,
        1e20 * values,
    ]
    whole = generator.integers(-1, 2, size=(4 * COUNT, size, size)).astype(float)
    graded = generator.normal(size=(COUNT, size, size)) * 10.0 ** generator.uniform(-8, 0, size=(COUNT, 1, size))
    found = [*(with_singular_values(generator, one) for one in spectra), whole, np.eye(size) * whole, graded]
    return np.concatenate(found)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_singular_value_decomposition(size):
    a = np.asarray(jnp.asarray(matrices(size), FLOAT), np.float64)
    u, s, v = (np.asarray(part, np.float64) for part in singular_value_decomposition(jnp.asarray(a, FLOAT)))
    norms = np.linalg.norm(a, axis=(-1, -2))
    scale = np.where(norms == 0, 1.0, norms)
    rebuilt = (u * s[:, None, :]) @ np.swapaxes(v, -1, -2)
    assert (np.linalg.norm(rebuilt - a, axis=(-1, -2)) / scale).max() < EXACT
    for factor in (u, v):
        assert np.abs(np.swapaxes(factor, -1, -2) @ factor - np.eye(size)).max() < EXACT
    assert np.all(s >= 0)
    assert np.all(np.diff(s) <= 0)
    assert (np.abs(s - np.linalg.svd(a, compute_uv=False)).max(-1) / scale).max() < EXACT


@pytest.mark.parametrize("size", [2, 3, 4])
def test_derivatives_of_the_decomposition(size):
    generator = np.random.default_rng(0)
    a = with_singular_values(generator, np.arange(1.0, size + 1)[None])[0]
    x = generator.normal(size=(size, size))
    arguments = (jnp.asarray(a, FLOAT),), (jnp.asarray(x, FLOAT),)
    (u, s, v), (du, ds, dv) = jax.jvp(jax.jit(singular_value_decomposition), *arguments)
    u, s, v, du, ds, dv = (np.asarray(part, np.float64) for part in (u, s, v, du, ds, dv))
    tolerance = 1e-11 if X64 else 2e-5
    assert np.abs((du * s) @ v.T + (u * ds) @ v.T + (u * s) @ dv.T - x).max() < tolerance
    for factor, change in ((u, du), (v, dv)):
        assert np.abs(factor.T @ change + change.T @ factor).max() < tolerance


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_the_polar_factor_at_condition_ten_thousand(size):
    """Through the product of a with its transpose the error would be 1e-3 in float32, and 1 for the last rows."""
    generator = np.random.default_rng(0)
    values = np.append(np.geomspace(1.0, 0.1, size - 1), 1e-4) * np.ones((COUNT, 1))
    a = np.asarray(jnp.asarray(with_singular_values(generator, values), FLOAT), np.float64)
    wanted = np.stack([scipy.linalg.polar(one)[0] for one in a])
    found = np.asarray(polar_factor(jnp.asarray(a, FLOAT)), np.float64)
    assert np.abs(found - wanted).max() < 20 * EXACT


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_the_nearest_rotation(size):
    a = np.random.default_rng(0).normal(size=(COUNT, size, size))
    u, _, vt = np.linalg.svd(a)
    u[..., -1] *= np.linalg.det(u @ vt)[:, None]
    found = np.asarray(polar_factor(jnp.asarray(a, FLOAT), proper=True), np.float64)
    np.testing.assert_allclose(np.linalg.det(found), 1.0, atol=10 * EXACT)
    # Where the two last singular values nearly cancel the rotation is as uncertain as their difference.
    distance = np.linalg.norm(found - a, axis=(-1, -2)) - np.linalg.norm(u @ vt - a, axis=(-1, -2))
    assert np.abs(distance).max() < 10 * EXACT
    assert np.min(np.linalg.det(np.asarray(polar_factor(jnp.asarray(a, FLOAT))))) < -0.99


def _second_along(function, a, x):
    """`f(a)` and its first and second derivative along x, from an interpolating polynomial."""
    nodes = 0.05 * chebyshev.chebpts1(11)
    samples = np.stack([function(a + t * x).ravel() for t in nodes])
    series = chebyshev.chebfit(nodes / 0.05, samples, 10)
    first, second = (chebyshev.chebval(0.0, chebyshev.chebder(series, k)) / 0.05**k for k in (1, 2))
    return first.reshape(a.shape), second.reshape(a.shape)


@pytest.mark.parametrize(("size", "proper"), [(2, True), (3, True), (5, False)])
def test_first_and_second_derivatives(size, proper):
    """At equal, two equal and different singular values."""
    generator = np.random.default_rng(size)
    values = [np.ones(size), np.append(np.full(size - 1, 2.0), 1.0), np.linspace(2.0, 0.7, size)]
    a = with_singular_values(generator, np.stack(values))
    if proper:
        a[..., 0] *= np.sign(np.linalg.det(a))[:, None]
    x, weights = generator.normal(size=(2, *a.shape))
    a, x, weights = (np.asarray(jnp.asarray(array, FLOAT), np.float64) for array in (a, x, weights))
    along_x = [_second_along(lambda a: scipy.linalg.polar(a)[0], *one) for one in zip(a, x, strict=True)]
    first, second = (np.stack(part) for part in zip(*along_x, strict=True))
    function = functools.partial(polar_factor, proper=proper)

    @jax.jit
    def everything(a, x, weights):
        def along(a):
            return jax.jvp(function, (a,), (x,))[1]

        def gradient(a):
            return jax.grad(lambda a: jnp.sum(weights * function(a)))(a)

        paired = (
            gradient(a),
            jax.jvp(gradient, (a,), (x,))[1],
            jax.grad(lambda a: jnp.sum(x * gradient(a)))(a),
        )
        return along(a), jax.jvp(along, (a,), (x,))[1], [jnp.sum(x * part, axis=(-1, -2)) for part in paired]

    found = everything(*(jnp.asarray(array, FLOAT) for array in (a, x, weights)))
    for got, wanted in zip(found[:2], (first, second), strict=True):
        error = np.max(np.abs(np.asarray(got, np.float64) - wanted), axis=(-1, -2))
        assert np.max(error / np.max(np.abs(wanted), axis=(-1, -2))) < 3 * SLOPE
    for got, wanted in zip(found[2], (first, second, second), strict=True):
        scale = np.linalg.norm(weights, axis=(-1, -2)) * np.linalg.norm(wanted, axis=(-1, -2))
        error = np.asarray(got, np.float64) - np.sum(weights * wanted, axis=(-1, -2))
        assert np.max(np.abs(error) / scale) < SLOPE


@pytest.mark.parametrize("proper", [False, True])
def test_singular_matrices_have_finite_derivatives(proper):
    generator = np.random.default_rng(0)
    rank_one = np.outer(generator.normal(size=3), generator.normal(size=3))
    for a in (np.zeros((3, 3)), rank_one, np.diag([2.0, 1.0, -1.0]), -np.eye(3)):
        low = jnp.asarray(a, FLOAT)
        found = polar_factor(low, proper=proper)
        np.testing.assert_allclose(found.T @ found, np.eye(3), atol=EXACT)
        slope = jax.jit(jax.grad(lambda a: jnp.sum(polar_factor(a, proper=proper) ** 3)))(low)
        assert float(jnp.max(jnp.abs(slope))) < 100.0


def _moved(generator, scale=1.0):
    points = generator.normal(size=(6, 3))
    rotation = random_orthogonal(generator, (), 3)
    rotation *= np.linalg.det(rotation)
    shift = generator.normal(size=3)
    return points, scale * points @ rotation.T + shift, rotation, shift


def test_a_motion_is_found_again():
    x, y, rotation, shift = _moved(np.random.default_rng(0), 2.5)
    found = procrustes(jnp.asarray(x, FLOAT), jnp.asarray(y, FLOAT), scaled=True)
    for got, wanted in zip(found, (rotation, shift, 2.5, 0.0), strict=True):
        np.testing.assert_allclose(got, wanted, atol=20 * EXACT)


def test_a_reflection_only_on_demand():
    x, *_ = _moved(np.random.default_rng(0))
    x, y = jnp.asarray(x, FLOAT), jnp.asarray(x * [1, 1, -1], FLOAT)
    assert float(procrustes(x, y).residual) > 0.05
    assert float(procrustes(x, y, proper=False).residual) < 10 * EXACT


def test_points_of_weight_zero_do_not_count():
    generator = np.random.default_rng(0)
    x, y, *_ = _moved(generator)
    y = y + 0.1 * generator.normal(size=y.shape)
    far = x.copy(), y.copy()
    far[0][-1], far[1][-1] = 1e3, -1e3
    x, y = (jnp.asarray(np.stack([near, away]), FLOAT) for near, away in zip((x, y), far, strict=True))
    weights = jnp.asarray([[1.0] * 5 + [0.0], [1.0] * 6, [0.0] * 6], FLOAT)
    found = procrustes(x[None], y[None], weights=weights[:, None])
    np.testing.assert_allclose(found.rotation[0, 1], found.rotation[0, 0], atol=EXACT)
    np.testing.assert_allclose(found.residual[0, 1], found.residual[0, 0], atol=EXACT)
    assert float(jnp.max(jnp.abs(found.rotation[1, 1] - found.rotation[1, 0]))) > 0.01
    assert not np.any(found.translation[2])
    assert_finite(found)


def test_principal_axes_turn_with_the_points():
    generator = np.random.default_rng(0)
    points = generator.normal(size=(20, 3)) * [1.0, 2.0, 4.0]
    rotation = random_orthogonal(generator, (), 3)
    still, turned = (principal_axes(jnp.asarray(p, FLOAT)) for p in (points, points @ rotation.T))
    np.testing.assert_allclose(turned.variances, still.variances, rtol=20 * EXACT)
    np.testing.assert_allclose(np.abs(turned.axes.T @ rotation @ still.axes), np.eye(3), atol=50 * EXACT)
    variances = np.linalg.eigvalsh(np.cov(points.T, bias=True))
    np.testing.assert_allclose(still.gap, np.diff(variances).min() / variances[-1], rtol=50 * EXACT)
    np.testing.assert_allclose(still.centre, points.mean(0), atol=10 * EXACT)


def test_axes_of_a_cube_are_uncertain_and_say_so():
    corners = jnp.asarray(np.stack(np.meshgrid(*[[-1.0, 1.0]] * 3), -1).reshape(-1, 3), FLOAT)
    found = principal_axes(corners)
    assert float(found.gap) < EXACT
    nothing = principal_axes(corners, jnp.zeros(8, FLOAT))
    assert not np.any(nothing.centre)
    assert float(nothing.gap) == 0
