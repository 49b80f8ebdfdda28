"""Linear and affine groups: axioms, homomorphisms, Jacobians, logarithms that do not exist, and the cone of SPD."""

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import strategies as st

from jaxinv.kernels.lie_groups import aff, gl, sl, spd
from tests.duties import FLOAT, X64
from tests.lie_groups.linear_cases import exponential, generators, logarithm, series_of_brackets

ROUNDING = 1e-12 if X64 else 2e-6
GROUPS = {"gl": gl, "sl": sl, "aff": aff}
EACH = [(name, n) for name in GROUPS for n in (2, 3)]
GENERATOR_SEEDS = st.integers(0, 2**16)


def vectors(name, n, shape=(), scale=0.5, seed=0):
    values = scale * np.random.default_rng(seed).normal(size=(*shape, len(generators(name, n))))
    return jnp.asarray(values, FLOAT)


def assert_close(found, wanted, bound=10 * ROUNDING):
    wanted = np.asarray(wanted)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=bound * max(1.0, float(np.abs(wanted).max(initial=0.0))))


@pytest.mark.parametrize(("name", "n"), EACH)
@hypothesis.given(seed=GENERATOR_SEEDS, scale=st.sampled_from([1e-7, 0.1, 0.7]))
def test_axioms_and_homomorphisms(name, n, seed, scale):
    group, batch = GROUPS[name], (3, 1, 2)
    x, y = vectors(name, n, batch, scale, seed), vectors(name, n, batch[-1:], scale, seed + 1)
    g, h = group.exp(x), group.exp(y)
    unit = group.identity(n, FLOAT)
    both = group.compose(g, h)
    assert both.shape == (*batch, *unit.shape)
    assert_close(group.compose(g, group.inverse(g)), np.broadcast_to(unit, g.shape))
    assert_close(both, np.asarray(g, float) @ np.asarray(h, float))
    points = jnp.asarray(np.random.default_rng(seed).normal(size=(*batch, n)), FLOAT)
    assert_close(group.act(both, points), group.act(g, group.act(h, points)))
    found = group.log(g)
    assert bool(jnp.all(found.exists))
    assert_close(found.coordinates, x)
    assert_close(group.vee(group.hat(x)), x, ROUNDING)
    assert_close(group.distance(g, g), np.zeros(batch), 100 * ROUNDING)


@pytest.mark.parametrize("batch", [(), (1,)])
def test_other_batches(batch):
    x = vectors("gl", 2, batch)
    g = gl.exp(x)
    assert_close(gl.log(g).coordinates, x)
    assert_close(gl.compose(g, gl.inverse(g)), np.broadcast_to(np.eye(2), (*batch, 2, 2)))
    assert gl.adjoint(g).shape == gl.left_jacobian(x).shape == (*batch, 4, 4)


@pytest.mark.parametrize(("name", "n"), EACH)
def test_adjoints_brackets_and_jacobians(name, n):
    group = GROUPS[name]
    x, y = vectors(name, n, scale=0.4), vectors(name, n, scale=0.4, seed=1)
    g, h = group.exp(x), group.exp(y)
    moved = g @ group.hat(y) @ group.inverse(g)
    assert_close(group.hat(group.adjoint(g) @ y), moved)
    assert_close(group.compose(group.compose(g, h), group.inverse(g)), group.exp(group.adjoint(g) @ y))
    assert_close(group.adjoint(group.compose(g, h)), group.adjoint(g) @ group.adjoint(h))
    assert_close(group.hat(group.ad(x) @ y), group.hat(x) @ group.hat(y) - group.hat(y) @ group.hat(x))
    assert_close(group.adjoint(g), scipy.linalg.expm(np.asarray(group.ad(x), float)))
    left, right = group.left_jacobian(x), group.right_jacobian(x)
    assert_close(left, series_of_brackets(name, np.asarray(x, float), n))
    assert_close(group.adjoint(g) @ right, left)
    for jacobian, back in ((left, group.left_jacobian_inverse(x)), (right, group.right_jacobian_inverse(x))):
        assert_close(jacobian @ back, np.eye(len(x)))
    slopes = jax.jit(jax.jacfwd(group.exp))(x)
    of_left = np.stack([np.asarray(group.hat(column) @ g) for column in left.T], axis=-1)
    of_right = np.stack([np.asarray(g @ group.hat(column)) for column in right.T], axis=-1)
    assert_close(slopes, of_left)
    assert_close(slopes, of_right)


@pytest.mark.parametrize(("name", "n"), EACH)
def test_exponentials_and_logarithms_are_those_of_scipy(name, n):
    group = GROUPS[name]
    for scale in (1e-7, 0.5, 1.5):
        x = vectors(name, n, (4,), scale)
        assert_close(group.exp(x), exponential(name, n)(np.asarray(x, float)), 20 * ROUNDING)
    g = exponential(name, n)(np.asarray(vectors(name, n, (4,), 0.8), float))
    assert_close(group.log(jnp.asarray(g, FLOAT)).coordinates, logarithm(name, n)(g), 50 * ROUNDING)


@pytest.mark.parametrize("n", [2, 3])
def test_ill_conditioned_elements(n):
    """Condition 1e4: the inverse is as right as the matrix determines it."""
    stretch = np.geomspace(1e2, 1e-2, n)
    turns = [np.asarray(scipy.linalg.expm(a - a.T)) for a in np.random.default_rng(0).normal(size=(2, n, n))]
    matrix = turns[0] @ np.diag(stretch) @ turns[1]
    g = jnp.asarray(matrix * np.sign(np.linalg.det(matrix)), FLOAT)
    exact = np.linalg.inv(np.asarray(g, float))
    assert_close(gl.inverse(g), exact, 1e4 * ROUNDING)
    assert_close(gl.distance(g, g), 0.0, 1e4 * ROUNDING)
    wanted = np.sqrt(np.sum(np.log(stretch) ** 2))
    assert_close(gl.distance(jnp.asarray(np.diag(stretch), FLOAT), gl.identity(n, FLOAT)), wanted, 100 * ROUNDING)


def test_no_real_logarithm_is_told():
    """diag(-2, -1/2) has a square root and no logarithm; the second is a shear times -1; a half-turn is at the edge."""
    bad = np.array([[[-2.0, 0], [0, -0.5]], [[-1, 1], [0, -1]], [[0, 0], [0, 0]]])
    near = np.array([[[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]] for t in (np.pi - 1e-3, -np.pi + 1e-3)])
    found = gl.log(jnp.asarray(np.concatenate([bad, near]), FLOAT))
    np.testing.assert_array_equal(found.exists, [False, False, False, True, True])
    assert bool(jnp.all(jnp.isfinite(found.coordinates)))
    slopes = jax.jit(jax.grad(lambda g: jnp.sum(gl.log(g).coordinates)))(jnp.asarray(bad, FLOAT))
    assert bool(jnp.all(jnp.isfinite(slopes)))
    three = np.zeros((3, 3, 3))
    three[:, :2, :2], three[:, 2, 2] = bad, 1.0
    np.testing.assert_array_equal(gl.log(jnp.asarray(three, FLOAT)).exists, [False] * 3)
    np.testing.assert_array_equal(aff.log(jnp.asarray(three, FLOAT)).exists, [False] * 3)
    for check, matrix in ((gl.check_log, bad[:2]), (sl.check_log, bad[:1]), (aff.check_log, three[:1])):
        with pytest.raises(ValueError, match="no eigenvalue on the closed negative axis"):
            check(jnp.asarray(matrix, FLOAT))
    gl.check_log(jnp.asarray(near, FLOAT))


@pytest.mark.parametrize(("name", "n"), EACH)
def test_distances_do_not_see_the_group_from_the_left(name, n):
    group = GROUPS[name]
    a, b, g = (group.exp(vectors(name, n, scale=0.4, seed=seed)) for seed in range(3))
    assert_close(group.distance(group.compose(g, a), group.compose(g, b)), group.distance(a, b))
    from_right = group.distance(group.compose(a, g), group.compose(b, g))
    assert abs(float(from_right - group.distance(a, b))) > 1e-3
    slope = jax.jit(jax.grad(group.distance))(a, a)
    assert bool(jnp.all(jnp.isfinite(slope)))


@pytest.mark.parametrize(("name", "n"), EACH)
def test_samples_and_projections_are_in_the_group(name, n):
    group = GROUPS[name]
    key = jax.random.key(0)
    sample = group.sample(key, (50,), n, dtype=FLOAT)
    group.check_element(sample)
    assert_close(group.project(sample), sample)
    linear = np.asarray(sample, float)[..., :n, :n]
    stretches = np.log(np.linalg.svd(linear, compute_uv=False))
    # Y / 2 has variance 0.1 / 4 along each coordinate.
    dimension = n * (n + 1) // 2 - (name == "sl")
    assert abs(np.sum(stretches**2, axis=-1).mean() / (0.025 * dimension) - 1) < 0.4
    rough = jnp.asarray(np.random.default_rng(1).normal(size=(20, *sample.shape[1:])), FLOAT)
    group.check_element(group.project(rough))
    group.check_element(group.project(jnp.zeros_like(rough[0])))


def test_wrong_elements_are_named():
    eye, mirror = np.eye(2), np.diag([1.0, -1.0])
    for call, message in (
        (lambda: gl.check_element(mirror), "g must have positive determinants, got one that is negative"),
        (lambda: gl.check_element(np.zeros((2, 2))), "got one that is 0"),
        (lambda: gl.check_element(np.ones((2, 3))), "g must have shape"),
        (lambda: gl.check_algebra(np.full((2, 2), np.nan)), "matrix must be finite"),
        (lambda: sl.check_element(2 * eye), "g must have determinant 1"),
        (lambda: sl.check_algebra(eye), "matrix must have trace 0"),
        (lambda: aff.check_element(np.diag([1.0, 1.0, 2.0])), "g must have the last row"),
        (lambda: aff.check_element(np.diag([1.0, -1.0, 1.0])), "the linear part of g must have positive"),
        (lambda: aff.check_algebra(np.eye(3)), "matrix must have the last row"),
        (lambda: spd.check_element(mirror), "s must be positive definite"),
        (lambda: spd.check_element(np.array([[1.0, 0.5], [0, 1]])), "s must be symmetric"),
        (lambda: spd.check_algebra(np.array([[1.0, 0.5], [0, 1]])), "matrix must be symmetric"),
        (lambda: sl.identity(1), "n must be >= 2"),
        (lambda: sl.vee(jnp.ones((1, 1))), "matrix must have shape"),
        (lambda: aff.log(jnp.ones((2, 3))), "g must have shape"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("n", [2, 3])
def test_geodesics_of_positive_definite_matrices(n):
    key = jax.random.key(1)
    a, b = spd.sample(key, (2,), n, variance=0.5, dtype=FLOAT)
    spd.check_element(jnp.stack([a, b]))
    step = spd.log_at(a, b)
    assert_close(spd.exp_at(a, step), b)
    half = spd.exp_at(a, step / 2)
    assert_close(spd.distance(a, half), spd.distance(a, b) / 2)
    g = gl.sample(jax.random.key(2), (), n, dtype=FLOAT)
    assert_close(spd.distance(spd.act(g, a), spd.act(g, b)), spd.distance(a, b))
    assert abs(float(spd.distance(a + g @ g.T, b + g @ g.T) - spd.distance(a, b))) > 1e-2
    assert_close(
        spd.distance(a, b), np.linalg.norm(np.log(scipy.linalg.eigh(np.asarray(b), np.asarray(a), eigvals_only=True)))
    )
    # At equal eigenvalues: the derivatives of eigenvectors are undefined there, those of these functions are not.
    unit = 2.0 * spd.identity(n, FLOAT)
    square = lambda s: jnp.sum(spd.log(s) ** 2)  # noqa: E731
    assert_close(jax.jit(jax.grad(square))(unit), np.log(2.0) * np.eye(n))
    hessian = jax.jit(jax.hessian(square))(unit)
    assert bool(jnp.all(jnp.isfinite(hessian)))
    rough = jnp.asarray(np.random.default_rng(0).normal(size=(5, n, n)), FLOAT)
    spd.check_element((lambda s: (s + jnp.swapaxes(s, -1, -2)) / 2)(spd.project(rough)))
    assert_close(spd.project(a), a)
