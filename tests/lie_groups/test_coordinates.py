"""Global coordinates reach the whole group, and samples have the distributions that they state."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from jax.test_util import check_grads

from jaxinv.kernels import lie_groups
from jaxinv.kernels.lie_groups.coordinate_bases import antisymmetric_basis, symmetric_basis
from jaxinv.kernels.lie_groups.sampling import METHODS
from tests.duties import FLOAT, X64, assert_finite

EXACT = 1e-12 if X64 else 1e-5
GROUPS = ("gl", "sl", "so", "sim")
ROOT_2 = np.sqrt(2)


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@pytest.mark.parametrize("matrix", [[[-2.0, 0.0], [0.0, -0.5]], [[-1.0, 1.0], [0.0, -1.0]]])
def test_matrices_without_a_real_logarithm_have_coordinates(matrix):
    assert np.max(np.abs(np.imag(scipy.linalg.logm(np.array(matrix))))) > 1
    for group in ("gl", "sl"):
        found = lie_groups.xi_inv(jnp.asarray(matrix, FLOAT), group=group)
        np.testing.assert_allclose(lie_groups.xi(found, group=group), matrix, atol=EXACT)
    assert not bool(lie_groups.gl.log(jnp.asarray(matrix, FLOAT)).exists)


@pytest.mark.parametrize(
    ("n", "group"), [*((n, group) for n in (2, 3) for group in GROUPS), (4, "sl"), (5, "gl"), (5, "so")]
)
def test_coordinates_come_back(n, group):
    generator = np.random.default_rng(n)
    dimension = lie_groups.coordinate_dimension(n, group=group)
    v = jnp.asarray(generator.normal(size=(20, dimension)), FLOAT)
    # Rotation vectors shorter than pi.
    v = v / jnp.maximum(1.0, jnp.linalg.norm(v, axis=-1, keepdims=True) / 3)
    matrices = lie_groups.xi(v, group=group)
    np.testing.assert_allclose(lie_groups.xi_inv(matrices, group=group), v, atol=10 * EXACT)
    determinants = np.linalg.det(np.asarray(matrices, np.float64))
    assert np.min(determinants) > 0
    if group in ("sl", "so"):
        np.testing.assert_allclose(determinants, 1, atol=10 * EXACT)


@pytest.mark.parametrize(("n", "group"), [*((2, group) for group in GROUPS), (3, "sl")])
def test_the_chart_is_an_isometry_at_the_identity_in_the_stated_order(n, group):
    dimension = lie_groups.coordinate_dimension(n, group=group)
    at = jnp.zeros(dimension, FLOAT)
    tangents = np.moveaxis(np.asarray(jax.jacfwd(functools.partial(lie_groups.xi, group=group))(at)), -1, 0)
    wanted = np.concatenate([symmetric_basis(n, group), antisymmetric_basis(n)])
    np.testing.assert_allclose(tangents, wanted, atol=EXACT)
    flat = wanted.reshape(dimension, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(dimension), atol=1e-12)


def test_order_of_planar_and_of_spatial_coordinates():
    v = lie_groups.xi_inv(jnp.asarray(scipy.linalg.expm(np.array([[0.3, 0.2], [0.2, -0.1]])) @ turn(0.7)), group="gl")
    np.testing.assert_allclose(v, [0.3, ROOT_2 * 0.2, -0.1, ROOT_2 * 0.7], atol=EXACT)
    x = np.array([[0.3, 0.2, 0.1], [0.2, -0.2, 0.05], [0.1, 0.05, 0.4]])
    w = np.array([0.3, -0.5, 0.2])
    skew = np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]])
    v = lie_groups.xi_inv(jnp.asarray(scipy.linalg.expm(x) @ scipy.linalg.expm(skew), FLOAT), group="gl")
    upper = [0.3, ROOT_2 * 0.2, ROOT_2 * 0.1, -0.2, ROOT_2 * 0.05, 0.4]
    np.testing.assert_allclose(v, [*upper, *(ROOT_2 * w)], atol=EXACT)


def test_half_turns_have_the_angle_pi_and_others_less():
    angles = np.array([np.pi, np.pi - 1e-3, -np.pi + 1e-3])
    matrices = np.stack([turn(a) for a in angles])
    matrices[0] = -np.eye(2)
    for sign in (1.0, -1.0):
        matrices[0, 1, 0] = sign * 0.0
        found = lie_groups.xi_inv(jnp.asarray(matrices, FLOAT), group="so")[:, 0] / ROOT_2
        np.testing.assert_allclose(found, angles, atol=EXACT)


def test_conjugation_by_a_rotation_turns_the_stretch_and_leaves_the_angle():
    generator = np.random.default_rng(0)
    v = jnp.asarray(generator.normal(size=(30, 4)), FLOAT)
    plain = np.asarray(lie_groups.xi(v, group="gl"), np.float64)
    k = turn(0.8)
    found = lie_groups.xi_inv(jnp.asarray(k @ plain @ k.T, FLOAT), group="gl")
    v, found = np.asarray(v, np.float64), np.asarray(found, np.float64)
    basis = symmetric_basis(2, "gl")
    np.testing.assert_allclose(found[:, 3], v[:, 3], atol=10 * EXACT)
    wanted = k @ np.einsum("bd,dij->bij", v[:, :3], basis) @ k.T
    np.testing.assert_allclose(np.einsum("bd,dij->bij", found[:, :3], basis), wanted, atol=10 * EXACT)
    # A reflection turns the angle round: equivariance under O(2) is another thing.
    mirrored = lie_groups.xi_inv(jnp.asarray(np.diag([1.0, -1.0]) @ plain @ np.diag([1.0, -1.0]), FLOAT), group="gl")
    np.testing.assert_allclose(mirrored[:, 3], -v[:, 3], atol=10 * EXACT)


def test_ill_conditioned_planar_matrices():
    generator = np.random.default_rng(1)
    ratios = np.geomspace(1, 1e4, 40)
    left, right = (np.stack([turn(a) for a in generator.uniform(-3, 3, 40)]) for _ in range(2))
    values = np.stack([ratios, np.ones(40)], -1)
    matrices = np.asarray((left * values[:, None] @ right).astype(FLOAT), np.float64)
    found = lie_groups.xi_inv(jnp.asarray(matrices, FLOAT), group="gl")
    back = np.asarray(lie_groups.xi(found, group="gl"), np.float64)
    assert np.max(np.abs(back - matrices) / ratios[:, None, None]) < EXACT
    # Eigenvalues of log P are those of singular values, to rounding times the condition.
    eigenvalues = np.linalg.eigvalsh(
        np.einsum("bd,dij->bij", np.asarray(found, np.float64)[:, :3], symmetric_basis(2, "gl"))
    )
    singular = np.linalg.svd(matrices, compute_uv=False)[:, ::-1]
    assert np.max(np.abs(eigenvalues - np.log(singular)) / ratios[:, None]) < 20 * float(jnp.finfo(FLOAT).eps)


@pytest.mark.parametrize("group", ["gl", "sl", "sim"])
def test_derivatives_at_equal_and_at_nearly_equal_singular_values(group):
    function = functools.partial(lie_groups.xi_inv, group=group)
    at = jnp.stack(
        [jnp.asarray(m, FLOAT) for m in (2 * np.eye(2), 3 * turn(2.0), turn(1.0) @ np.diag([1.0, 1.0 + 1e-6]))]
    )
    assert_finite(jax.jit(jax.jacrev(jax.jacfwd(function)))(at))
    if X64:
        check_grads(jax.jit(function), (at,), order=2, modes=("fwd", "rev"), atol=1e-6, rtol=1e-6)
        v = jnp.zeros((1, lie_groups.coordinate_dimension(2, group=group)))
        check_grads(jax.jit(functools.partial(lie_groups.xi, group=group)), (v,), order=2, atol=1e-6, rtol=1e-6)


def test_spatial_derivatives_at_a_multiple_of_the_identity():
    at, direction = 2 * jnp.eye(3, dtype=FLOAT), jnp.asarray(np.random.default_rng(2).normal(size=(3, 3)), FLOAT)
    function = jax.jit(lambda a, e: jax.jvp(functools.partial(lie_groups.xi_inv, group="gl"), (a,), (e,))[1])
    basis = np.concatenate([symmetric_basis(3, "gl"), antisymmetric_basis(3)])
    np.testing.assert_allclose(function(at, direction), np.einsum("ij,dij->d", direction, basis) / 2, atol=EXACT)


@pytest.mark.parametrize("group", ["gl", "sl"])
def test_outside_of_the_group_coordinates_are_finite(group):
    matrices = np.array([[[0, 0], [0, 0]], [[1, 0], [0, -1]], [[1, 2], [2, 4]], [[1e30, 0], [0, 1e30]]], float)
    at = jnp.asarray(matrices, FLOAT)
    function = functools.partial(lie_groups.xi_inv, group=group)
    assert_finite((function(at), jax.jit(jax.vmap(jax.jacrev(function)))(at)))
    far = 300.0 * jnp.asarray(
        np.random.default_rng(3).normal(size=(5, lie_groups.coordinate_dimension(2, group=group)))
    )
    assert_finite(lie_groups.xi(far, group=group))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_moments_of_haar_measure(n):
    count = 20_000
    r = np.asarray(lie_groups.haar_so(jax.random.key(n), (count,), n), np.float64)
    np.testing.assert_allclose(r @ np.swapaxes(r, -2, -1), np.broadcast_to(np.eye(n), r.shape), atol=EXACT)
    np.testing.assert_allclose(np.linalg.det(r), 1, atol=EXACT)
    trace = np.trace(r, axis1=-2, axis2=-1)
    # Within 4.5 standard errors: of mean 0, E R_ij^2 = 1 / n, E tr^2 = 1 (2 for n = 2).
    assert np.max(np.abs(np.mean(r, 0))) < 4.5 / np.sqrt(n * count)
    assert np.max(np.abs(np.mean(r**2, 0) - 1 / n)) < 4.5 * np.max(np.std(r**2, 0)) / np.sqrt(count)
    assert abs(np.mean(trace**2) - (2 if n == 2 else 1)) < 4.5 * np.std(trace**2) / np.sqrt(count)


def test_angles_of_haar_measure():
    r = lie_groups.haar_so(jax.random.key(0), (5000,), 2)
    angle = np.arctan2(r[:, 1, 0], r[:, 0, 0])
    assert scipy.stats.kstest(angle, scipy.stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    r = np.asarray(lie_groups.haar_so(jax.random.key(1), (5000,), 3), np.float64)
    angle = np.arccos(np.clip((np.trace(r, axis1=-2, axis2=-1) - 1) / 2, -1, 1))
    assert scipy.stats.kstest(angle, lambda t: (t - np.sin(t)) / np.pi).pvalue > 1e-3
    assert scipy.stats.kstest(angle, lambda t: t / np.pi).pvalue < 1e-6


@pytest.mark.parametrize("n", [2, 3])
def test_logarithms_of_lognormal_matrices_are_isotropic(n):
    s = lie_groups.spd_lognormal(jax.random.key(2), (4000,), n, variance=0.3)
    values, vectors = np.linalg.eigh(np.asarray(s, np.float64))
    logarithms = vectors * np.log(values)[:, None] @ np.swapaxes(vectors, -2, -1)
    coordinates = np.einsum("bij,dij->bd", logarithms, symmetric_basis(n, "gl"))
    np.testing.assert_allclose(np.cov(coordinates.T), 0.3 * np.eye(n * (n + 1) // 2), atol=0.04)
    unit = lie_groups.spd_lognormal(jax.random.key(3), (5,), n, traceless=True)
    np.testing.assert_allclose(np.linalg.det(np.asarray(unit, np.float64)), 1, atol=10 * EXACT)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("group", GROUPS)
def test_samples_come_with_inverses_and_the_stated_weights(group, method):
    samples = lie_groups.sample_polar_pairs(jax.random.key(4), 50, group=group, variance=0.2, method=method)
    products = np.asarray(samples.element, np.float64) @ np.asarray(samples.inverse, np.float64)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(2), products.shape), atol=EXACT)
    v = np.asarray(lie_groups.xi_inv(samples.element, group=group), np.float64)
    y = 2 * np.einsum("bd,dij->bij", v[:, :-1], symmetric_basis(2, group))
    half = np.diff(np.linalg.eigvalsh(y), axis=-1)[:, 0] / 2
    large = np.maximum(half, 1e-3)
    sinhc = np.where(half > 1e-3, np.log(np.sinh(large) / large), half**2 / 6)
    wanted = sinhc + np.sum(y**2, (-2, -1)) / 0.4 - (v.shape[-1] - 1) / 2
    np.testing.assert_allclose(samples.log_weight, wanted, atol=100 * EXACT)


def test_angles_of_samples_are_equidistant():
    def angles(method, key):
        samples = lie_groups.sample_polar_pairs(jax.random.key(key), 8, group="gl", method=method)
        return np.asarray(lie_groups.xi_inv(samples.element, group="gl"), np.float64)[:, 3] / ROOT_2

    for method in ("random", "quasi_random"):
        one, other = angles(method, 0), angles(method, 1)
        np.testing.assert_allclose(np.diff(one), np.pi / 4, atol=EXACT)
        assert abs(one[0] - other[0]) > 1e-3
    # The authors' first and last rotation are the same half-turn.
    official = angles("official", 0)
    np.testing.assert_allclose(np.cos(official[0] - official[-1]), 1, atol=EXACT)
    np.testing.assert_allclose(np.diff(official[1:-1]), 2 * np.pi / 7, atol=EXACT)


def test_quasi_random_samples_are_spread_more_evenly():
    def errors(method):
        def one(key):
            samples = lie_groups.sample_polar_pairs(key, 32, group="gl", variance=1.0, method=method)
            v = lie_groups.xi_inv(samples.element, group="gl")[:, :3]
            return jnp.concatenate([jnp.mean(v, 0), jnp.mean(v * v, 0) - 0.25])

        return np.sqrt(np.mean(np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(5), 100))) ** 2, 0))

    assert np.all(errors("quasi_random") < 0.5 * errors("random"))


@pytest.mark.parametrize("n", [3, 5])
def test_samples_of_space(n):
    samples = lie_groups.sample_polar_pairs(jax.random.key(6), 20, group="sl", n=n, method="quasi_random")
    products = np.asarray(samples.element, np.float64) @ np.asarray(samples.inverse, np.float64)
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(n), products.shape), atol=EXACT)
    np.testing.assert_allclose(np.linalg.det(np.asarray(samples.element, np.float64)), 1, atol=10 * EXACT)
    assert samples.log_weight.shape == (20,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda key: lie_groups.haar_so(key, (), 0), "n must be"),
        (lambda key: lie_groups.spd_lognormal(key, (), 0), "n must be"),
        (lambda key: lie_groups.sample_polar_pairs(key, 3, group="u"), "group must be"),
        (lambda key: lie_groups.sample_polar_pairs(key, 3, group="gl", method="sobol"), "method must be"),
        (lambda key: lie_groups.sample_polar_pairs(key, 0, group="gl"), "num must be"),
        (lambda key: lie_groups.sample_polar_pairs(key, 3, group="gl", n=1), "n must be"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(jax.random.key(0))
