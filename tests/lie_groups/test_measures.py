"""Densities are Jacobians, weighted integrals are invariant, quadratures are exact to their degree and no further."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxinv.kernels import lie_groups
from jaxinv.kernels.harmonics.wigner import wigner_d
from jaxinv.kernels.lie_groups.haar_measures import CHARTS, log_stretch_density
from tests.duties import FLOAT, X64, assert_finite

EXACT = 1e-11 if X64 else 2e-5


def skew(w, n):
    matrix = np.zeros((n, n))
    matrix[np.tril_indices(n, -1)] = w
    return matrix - matrix.T


def symmetric(entries, n):
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n)] = entries
    return matrix + np.triu(matrix, 1).T


def unipotent(entries, n):
    matrix = np.eye(n)
    matrix[np.triu_indices(n, 1)] = entries
    return matrix


def triangular(entries, n):
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n)] = entries
    return matrix


def compose(chart, n, point, rotation, other):
    """A from the chart's numbers, all independent: `point` the factor's, then those of the other factors.

    `rotation` is moved from where it is by exp(w): there, dw is Haar measure.
    """
    turns = n * (n - 1) // 2
    head, tail = point[:-turns], point[-turns:]
    turned = rotation @ scipy.linalg.expm(skew(tail, n))
    if chart == "polar":
        return symmetric(head, n) @ turned
    if chart == "spd":
        return np.real(scipy.linalg.sqrtm(symmetric(head, n))) @ turned
    if chart == "cartan":
        return scipy.linalg.expm(symmetric(head, n)) @ turned
    if chart == "qr":
        return turned @ triangular(head, n)
    h, rest = head[:n], head[n:]
    if chart == "kan":
        return turned @ np.diag(np.exp(h)) @ unipotent(rest, n)
    if chart == "nak":
        return unipotent(rest, n) @ np.diag(np.exp(h)) @ turned
    if chart == "kak":
        return turned @ np.diag(np.exp(h)) @ scipy.linalg.expm(skew(rest, n)) @ other
    return unipotent(tail, n).T @ np.diag(h) @ unipotent(rest, n)


def random_point(chart, n, generator):
    """The chart's numbers, and the argument of the density there."""
    turns = n * (n - 1) // 2
    if chart in ("polar", "spd"):
        factor = generator.normal(size=(n, n))
        factor = factor @ factor.T + 0.3 * np.eye(n)
        head = factor[np.triu_indices(n)]
    elif chart == "cartan":
        head = generator.normal(size=n * (n + 1) // 2)
        factor = symmetric(head, n)
    elif chart == "qr":
        factor = triangular(generator.normal(size=n * (n + 1) // 2), n)
        factor[np.diag_indices(n)] = generator.uniform(0.5, 2.0, size=n)
        head = factor[np.triu_indices(n)]
    else:
        factor = np.sort(generator.normal(size=n))[::-1] if chart != "ldu" else generator.uniform(0.5, 2.0, size=n)
        # Rotations of kak about where they are, entries of n, U.
        rest = np.zeros(turns) if chart == "kak" else generator.normal(size=turns)
        head = np.concatenate([factor, rest])
    tail = generator.normal(size=turns) if chart == "ldu" else np.zeros(turns)
    return np.concatenate([head, tail]), factor


def random_rotation(n, generator):
    q = np.linalg.qr(generator.normal(size=(n, n)))[0]
    return q * np.where(np.arange(n) == 0, np.linalg.det(q), 1.0)


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("n", [2, 3])
def test_density_is_the_jacobian_of_the_chart(n, chart):
    generator = np.random.default_rng(n)
    differences = []
    for _ in range(4):
        point, factor = random_point(chart, n, generator)
        rotation, other = random_rotation(n, generator), random_rotation(n, generator)
        build = functools.partial(compose, chart, n, rotation=rotation, other=other)
        step = 1e-5
        columns = [(build(point + e) - build(point - e)).ravel() / (2 * step) for e in step * np.eye(len(point))]
        volume = np.linalg.slogdet(np.array(columns))[1] - n * np.linalg.slogdet(build(point))[1]
        density = lie_groups.log_haar_density(jnp.asarray(factor, FLOAT), chart=chart)
        differences.append(volume - float(density))
    assert np.ptp(differences) < (1e-7 if X64 else 1e-4)


@pytest.mark.parametrize("chart", ["polar", "cartan", "kak"])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_densities_are_finite_and_smooth_at_the_walls(n, chart):
    at = jnp.full((n,), 0.5, FLOAT) if chart == "kak" else 2 * jnp.eye(n, dtype=FLOAT)
    density = functools.partial(lie_groups.log_haar_density, chart=chart)
    value, slope = jax.jit(jax.value_and_grad(density))(at)
    assert_finite((value, slope))
    if chart == "cartan":
        np.testing.assert_allclose(value, 0, atol=EXACT)
        np.testing.assert_allclose(slope, 0, atol=EXACT)
    if chart == "polar":
        # -n / p + (n - 1) / (2 p) at p = 2.
        np.testing.assert_allclose(slope, (-n / 2 + (n - 1) / 4) * np.eye(n), atol=EXACT)


@pytest.mark.parametrize("chart", CHARTS)
def test_densities_of_singular_factors_are_finite(chart):
    at = jnp.zeros((3,) if chart in ("kan", "nak", "kak", "ldu") else (3, 3), FLOAT)
    assert_finite(jax.jit(jax.value_and_grad(functools.partial(lie_groups.log_haar_density, chart=chart)))(at))


def test_modular_function_is_the_determinant_of_the_adjoint():
    generator = np.random.default_rng(0)
    linear = scipy.linalg.expm(0.5 * generator.normal(size=(2, 2)))
    affine = np.block([[linear, generator.normal(size=(2, 1))], [np.zeros((1, 2)), np.ones((1, 1))]])
    scaled = affine.copy()
    scaled[:2, :2] = 1.7 * random_rotation(2, generator)
    rigid = affine.copy()
    rigid[:2, :2] = random_rotation(2, generator)
    groups = {"aff": (lie_groups.aff, affine), "sim": (lie_groups.sim2, scaled), "se": (lie_groups.se2, rigid)}
    groups |= {"gl": (lie_groups.gl, linear), "so": (lie_groups.so3, random_rotation(3, generator))}
    for name, (group, element) in groups.items():
        g = jnp.asarray(element, FLOAT)
        wanted = -np.linalg.slogdet(np.asarray(group.adjoint(g), np.float64))[1]
        np.testing.assert_allclose(lie_groups.log_modular(g, group=name), wanted, atol=10 * EXACT)
        assert (abs(wanted) > 0.1) == (name in ("aff", "sim"))


@pytest.fixture(scope="module")
def translates():
    """A test function at samples A, at `g A` and at `A g`, and the samples' weights, complete and without sinhc."""
    samples = lie_groups.sample_polar_pairs(jax.random.key(0), 400_000, group="gl", variance=1.0)
    g = jnp.asarray(np.diag([2.0, 0.5]), FLOAT)

    def coordinates(a):
        return lie_groups.xi_inv(a, group="gl")

    def function(a):
        v = coordinates(a)
        # log A A^T is twice X; its distance to M in orthonormal coordinates.
        centre = jnp.asarray([0.3, 0.2 * np.sqrt(2), -0.4], FLOAT)
        square = jnp.sum((2 * v[:, :3] - centre[None, :]) ** 2, axis=-1)
        return jnp.exp(-3 * square) * (1 + 0.5 * jnp.cos(v[:, 3] / np.sqrt(2)))

    left, right = (jnp.einsum("ij,bjk->bik", g, samples.element), jnp.einsum("bij,jk->bik", samples.element, g))
    values = jax.jit(lambda *arguments: jnp.stack([function(a) for a in arguments]))(samples.element, left, right)
    v = coordinates(samples.element)
    symmetric_part = jnp.stack([v[:, 0], v[:, 1] / np.sqrt(2), v[:, 1] / np.sqrt(2), v[:, 2]], -1).reshape(-1, 2, 2)
    return values, samples.log_weight, samples.log_weight - log_stretch_density(symmetric_part)


def test_weighted_integrals_are_invariant_from_left_and_right(translates):
    values, log_weight, _ = translates
    plain = lie_groups.weighted_integral(values, log_weight)
    assert np.all(plain.standard_error < 0.02 * plain.value)
    differences = lie_groups.weighted_integral(values[1:] - values[:1], log_weight)
    assert np.all(np.abs(differences.value) < 3 * differences.standard_error)
    assert 1 < float(plain.effective_sample_size) < 400_000


def test_without_the_hyperbolic_factor_they_are_not(translates):
    values, _, log_weight = translates
    plain = lie_groups.weighted_integral(values, log_weight).value
    ratio = np.asarray(plain[1:] / plain[0])
    assert np.all(np.abs(ratio - 1) > 0.1)
    differences = lie_groups.weighted_integral(values[1:] - values[:1], log_weight)
    assert np.all(np.abs(differences.value) > 10 * differences.standard_error)


def test_without_weights_they_are_far_off(translates):
    values, log_weight, _ = translates
    plain = np.mean(values, axis=-1)
    assert np.all(np.abs(plain[1:] / plain[0] - 1) > 0.5)
    del log_weight


def test_standard_error_is_that_of_repeated_integrals():
    def one(key):
        samples = lie_groups.sample_polar_pairs(key, 200, group="sl", variance=0.5)
        decay = jnp.exp(-2 * jnp.sum(samples.element**2, (-2, -1)))
        return lie_groups.weighted_integral(decay, samples.log_weight)

    found = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(1), 300))
    np.testing.assert_allclose(np.std(found.value), np.mean(found.standard_error), rtol=0.15)


def test_effective_sample_size():
    size = lie_groups.effective_sample_size
    np.testing.assert_allclose(size(jnp.full(7, 3.0, FLOAT)), 7, rtol=EXACT)
    np.testing.assert_allclose(size(jnp.asarray([900.0, 0.0, -900.0], FLOAT)), 1, rtol=EXACT)
    logs = jnp.asarray(np.random.default_rng(2).normal(size=9), FLOAT)
    np.testing.assert_allclose(size(logs + 50), size(logs), rtol=100 * EXACT)
    assert_finite(lie_groups.weighted_integral(jnp.ones(3, FLOAT), jnp.full(3, 1e4, FLOAT)))


@pytest.mark.parametrize("degree", [0, 1, 4, 5])
def test_planar_quadrature_is_exact_to_its_degree(degree):
    rule = lie_groups.so2_quadrature(degree)
    angles = np.arctan2(rule.elements[:, 1, 0], rule.elements[:, 0, 0])
    for k in range(1, degree + 1):
        np.testing.assert_allclose(np.sum(np.asarray(rule.weights) * np.exp(1j * k * angles)), 0, atol=EXACT)
    np.testing.assert_allclose(np.sum(np.asarray(rule.weights) * np.exp(1j * (degree + 1) * angles)), 1, atol=EXACT)


@pytest.mark.parametrize("degree", [0, 1, 4, 5])
def test_spatial_quadrature_is_exact_to_its_degree(degree):
    rule = lie_groups.so3_quadrature(degree)
    assert len(rule.weights) == (degree + 1) ** 2 * (degree // 2 + 1)
    matrices = wigner_d(rule.elements, degree + 1)
    means = [np.einsum("b,bij->ij", np.asarray(rule.weights), np.asarray(m)) for m in matrices]
    np.testing.assert_allclose(means[0], 1, atol=EXACT)
    for mean in means[1:-1]:
        np.testing.assert_allclose(mean, 0, atol=EXACT)
    assert np.max(np.abs(means[-1])) > 0.1
    for rows in rule.elements:
        np.testing.assert_allclose(rows @ rows.T, np.eye(3), atol=EXACT)


def test_quadrature_integrates_invariantly():
    rule = lie_groups.so3_quadrature(4)
    g = jnp.asarray(random_rotation(3, np.random.default_rng(3)), FLOAT)

    def integral(elements):
        # A polynomial of degree 4 in the entries.
        values = elements[:, 0, 0] ** 2 * elements[:, 1, 2] ** 2 + elements[:, 0, 1]
        return jnp.sum(rule.weights * values)

    wanted = integral(rule.elements)
    moved = jnp.einsum("ij,bjk->bik", g, rule.elements), jnp.einsum("bij,jk->bik", rule.elements, g)
    for elements in moved:
        np.testing.assert_allclose(integral(elements), wanted, atol=EXACT)


@pytest.mark.parametrize("rule", [lie_groups.so2_quadrature, lie_groups.so3_quadrature])
def test_negative_degrees(rule):
    with pytest.raises(ValueError, match="degree must be"):
        rule(-1)
