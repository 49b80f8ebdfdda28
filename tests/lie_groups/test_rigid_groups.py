"""Rotations, rigid motions, similarities: axioms, Jacobians, singular points, Haar measure, and jaxlie beside them."""

import functools
import warnings

import hypothesis
import jax
import jax.numpy as jnp
import jaxlie
import numpy as np
import pytest
import scipy.linalg
import scipy.stats
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from jaxinv.kernels.lie_groups.trigonometric_series import (
    arctangent_ratio,
    cotangent_rest,
    similarity_coefficients,
    stumpff,
)
from tests.duties import FLOAT, X64
from tests.lie_groups.rigid_cases import DIMENSIONS, GROUPS, SIZES, exponential, generators, series_of_brackets

ROUNDING = 1e-13 if X64 else 1e-6
EPS = float(jnp.finfo(FLOAT).eps)
EACH = list(GROUPS)
# Whose closed forms hold for every vector; beyond dimension 3 the logarithm must stay off half-turns.
CLOSED = [name for name in EACH if name not in ("so", "se")]
SPATIAL = ["so3", "se3", "sim3"]
# What a family takes besides.
SIZE = {"so": (4,), "se": (4,)}


def vectors(name, batch=(), scale=0.5, seed=0):
    return jnp.asarray(scale * np.random.default_rng(seed).normal(size=(*batch, DIMENSIONS[name])), FLOAT)


def assert_close(found, wanted, bound=ROUNDING):
    wanted = np.asarray(wanted, float)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=bound * max(1.0, float(np.abs(wanted).max(initial=0.0))))


def space(name):
    """Dimension of the points that a group acts on."""
    return SIZES[name] - (name[:2] != "so")


@pytest.mark.parametrize("name", EACH)
@hypothesis.given(seed=st.integers(0, 2**16), scale=st.sampled_from([0.0, 1e-7, 0.1, 0.4, 3.0]))
def test_axioms_and_homomorphisms(name, seed, scale):
    group, batch = GROUPS[name], (3, 1, 2)
    scale = scale if name in CLOSED else min(scale, 0.4)
    x, y = vectors(name, batch, scale, seed), vectors(name, batch[-1:], scale, seed + 1)
    g, h = group.exp(x), group.exp(y)
    both, back = group.compose(g, h), group.inverse(g)
    assert g.shape == both.shape == (*batch, SIZES[name], SIZES[name])
    size = float(jnp.abs(back).max())
    assert_close(group.compose(g, back), np.broadcast_to(np.eye(SIZES[name]), g.shape), 10 * size * ROUNDING)
    assert_close(both, np.asarray(g, float) @ np.asarray(h, float))
    points = jnp.asarray(np.random.default_rng(seed).normal(size=(*batch, space(name))), FLOAT)
    assert_close(group.act(both, points), group.act(g, group.act(h, points)), 10 * ROUNDING)
    assert_close(group.exp(x / 2) @ group.exp(x / 2), g, 10 * ROUNDING)
    assert_close(group.exp(-x), back, 10 * ROUNDING)
    found = group.log(g)
    assert_close(group.exp(found), g, 10 * ROUNDING)
    assert_close(group.vee(group.hat(x)), x)
    if scale <= 0.4:
        assert_close(found, x, 5 * ROUNDING)
    if scale <= 1e-7 and name[:3] != "sim":
        # Relative to the vector: of a scale near 1 the last digits are gone, but of no angle and translation.
        np.testing.assert_allclose(found, x, rtol=0, atol=5 * ROUNDING * scale)


@pytest.mark.parametrize("name", ["so2", "se3"])
@pytest.mark.parametrize("batch", [(), (1,)])
def test_other_batches(name, batch):
    group, x = GROUPS[name], vectors(name, batch)
    g = group.exp(x)
    assert_close(group.log(g), x, 5 * ROUNDING)
    assert_close(group.compose(g, group.inverse(g)), np.broadcast_to(np.eye(SIZES[name]), g.shape))
    assert group.adjoint(g).shape == group.left_jacobian(x).shape == (*batch, DIMENSIONS[name], DIMENSIONS[name])
    assert group.distance(g, group.identity(FLOAT)).shape == batch


@functools.cache
def facts(name):
    """All that is told of two vectors, by one program."""
    group = GROUPS[name]

    def of(x, y):
        g = group.exp(x)
        return {
            "adjoint": group.adjoint(g),
            "ad": group.ad(x),
            "left": group.left_jacobian(x),
            "left_back": group.left_jacobian_inverse(x),
            "right": group.right_jacobian(x),
            "right_back": group.right_jacobian_inverse(x),
            "conjugate": group.compose(group.compose(g, group.exp(y)), group.inverse(g)),
            "by_adjoint": group.exp(jnp.matvec(group.adjoint(g), y)),
            "slope": jax.jacfwd(group.exp)(x),
            "element": g,
        }

    return jax.jit(of)


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("scale", [1e-7, 0.4])
def test_adjoints_brackets_and_jacobians(name, scale):
    basis = generators(name)
    x, y = vectors(name, scale=scale), vectors(name, scale=0.4, seed=1)
    found = {key: np.asarray(value, float) for key, value in facts(name)(x, y).items()}
    element, other = (np.einsum("a,aij->ij", np.asarray(one, float), basis) for one in (x, y))
    bracket = np.einsum("a,aij->ij", found["ad"] @ np.asarray(y, float), basis)
    assert_close(bracket, element @ other - other @ element)
    assert_close(found["by_adjoint"], found["conjugate"], 10 * ROUNDING)
    assert_close(found["adjoint"], scipy.linalg.expm(found["ad"]), 5 * ROUNDING)
    assert_close(found["left"], series_of_brackets(name, np.asarray(x, float)), 5 * ROUNDING)
    assert_close(found["left"] @ found["right_back"], found["adjoint"], 10 * ROUNDING)
    unit = np.eye(DIMENSIONS[name])
    assert_close(found["left"] @ found["left_back"], unit, 10 * ROUNDING)
    assert_close(found["right"] @ found["right_back"], unit, 10 * ROUNDING)
    of_left = np.einsum("ba,bij,jk->ika", found["left"], basis, found["element"])
    of_right = np.einsum("ij,ba,bjk->ika", found["element"], found["right"], basis)
    assert_close(found["slope"], of_left, 10 * ROUNDING)
    assert_close(found["slope"], of_right, 10 * ROUNDING)


@pytest.mark.parametrize("name", EACH)
def test_derivatives_at_the_identity(name):
    """The second derivative of exp at 0 is the mean of both products of generators."""
    group, basis = GROUPS[name], generators(name)
    zero = jnp.zeros(DIMENSIONS[name], FLOAT)
    products = np.einsum("aij,bjk->ikab", basis, basis)
    assert_close(jax.jit(jax.hessian(group.exp))(zero), (products + products.swapaxes(-1, -2)) / 2)


ANGLES_TO_HALF_TURNS = [0.0, 1e-4, np.pi / 2, np.pi - 1e-3, np.pi]


def _turned_by(name, angle):
    """A vector whose rotation has this angle."""
    x = np.array(vectors(name, scale=0.3))
    turn = slice(3, 6) if name != "so3" else slice(0, 3)
    x[turn] *= angle / np.linalg.norm(x[turn])
    return jnp.asarray(x, FLOAT)


@functools.cache
def _round_trip(name, derivative):
    return jax.jit(derivative(lambda x: GROUPS[name].log(GROUPS[name].exp(x))))


@pytest.mark.parametrize("name", SPATIAL)
@pytest.mark.parametrize("angle", ANGLES_TO_HALF_TURNS)
def test_log_of_exp_has_unit_slope(name, angle):
    x = _turned_by(name, angle)
    slope = _round_trip(name, jax.jacfwd)(x)
    assert np.all(np.isfinite(slope))
    # Where exp(x) lies beyond pi by rounding, log gives the other vector, and has another slope.
    if angle < np.pi:
        assert_close(slope, np.eye(len(x)), 20 * ROUNDING)
    for verb in ("left_jacobian", "left_jacobian_inverse"):
        assert np.all(np.isfinite(_slope_of(name, verb)(x)))


# Not of Sim(3), whose Hessian takes minutes to compile: its second derivatives are among the duties of its kernels.
@pytest.mark.parametrize("name", ["so3", "se3"])
@pytest.mark.parametrize("angle", ANGLES_TO_HALF_TURNS)
def test_log_of_exp_has_no_curvature(name, angle):
    curvature = _round_trip(name, jax.hessian)(_turned_by(name, angle))
    assert np.all(np.isfinite(curvature))
    if angle < np.pi:
        assert_close(curvature, np.zeros(curvature.shape), 200 * ROUNDING)


@functools.cache
def _slope_of(name, verb):
    return jax.jit(jax.grad(lambda x: jnp.sum(getattr(GROUPS[name], verb)(x))))


@pytest.mark.parametrize("name", SPATIAL)
def test_logarithms_near_half_turns(name):
    group, generator = GROUPS[name], np.random.default_rng(0)
    x = np.array(0.5 * generator.normal(size=(40, DIMENSIONS[name])))
    turn = slice(3, 6) if name != "so3" else slice(0, 3)
    axes = np.concatenate([np.eye(3), -np.eye(3), generator.normal(size=(34, 3))])
    angles = np.pi - np.where(np.arange(40) < 6, 0.0, 10.0 ** -generator.integers(1, 13, size=40))
    x[:, turn] = angles[:, None] * axes / np.linalg.norm(axes, axis=-1, keepdims=True)
    exact = exponential(name)(x)
    # expm's own error is several units of rounding at this length.
    scale = np.exp(x[:, -1:, None]) if name == "sim3" else 1.0
    exact[:, :3, :3] = scale * Rotation.from_rotvec(x[:, turn]).as_matrix()
    found = np.asarray(group.log(jnp.asarray(exact, FLOAT)), float)
    # Where rounding may have led beyond pi, the opposite vector is as right.
    opposite = np.sum(found[:, turn] * x[:, turn], axis=-1) < 0
    assert np.all(np.pi - angles[opposite] < 10 * EPS)
    mirrored = np.where(opposite[:, None], -found[:, turn], found[:, turn])
    np.testing.assert_allclose(mirrored, x[:, turn], rtol=0, atol=4 * EPS * np.pi)
    assert np.all(np.linalg.norm(found[:, turn], axis=-1) <= np.pi * (1 + 2 * EPS))
    assert_close(exponential(name)(found), exact, 5 * ROUNDING)


def test_half_turns_have_one_of_their_two_logarithms():
    for axis in np.eye(3):
        element = jnp.asarray(2 * np.outer(axis, axis) - np.eye(3), FLOAT)
        assert_close(np.abs(GROUPS["so3"].log(element)), np.pi * axis)
    assert_close(np.abs(GROUPS["so2"].log(-jnp.eye(2, dtype=FLOAT))), [np.pi])


@pytest.mark.parametrize("length", [10.0, 1e3, 2e4])
def test_large_angles(length):
    x = np.random.default_rng(0).normal(size=(50, 3))
    x = np.asarray(length * x / np.linalg.norm(x, axis=-1, keepdims=True), FLOAT)
    found = GROUPS["so3"].exp(jnp.asarray(x))
    # No more than what rounding of the angle itself does; squaring in expm loses a hundred times as much.
    assert_close(found, Rotation.from_rotvec(np.asarray(x, float)).as_matrix(), 2 * EPS * length)
    assert_close(found @ jnp.swapaxes(found, -1, -2), np.broadcast_to(np.eye(3), found.shape), 10 * EPS)


@pytest.mark.parametrize("name", CLOSED)
def test_the_largest_vectors_give_finite_elements_and_gradients(name):
    group = GROUPS[name]
    x = np.zeros(DIMENSIONS[name])
    x[DIMENSIONS[name] - 1 - (name[:3] == "sim")] = 0.1 * float(jnp.finfo(FLOAT).max)
    value, gradient = jax.jit(jax.value_and_grad(lambda x: jnp.sum(group.exp(x))))(jnp.asarray(x, FLOAT))
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))
    if name[:3] == "sim":
        for sign in (1, -1):
            scale = jnp.zeros(DIMENSIONS[name], FLOAT).at[-1].set(sign * 1e30)
            assert np.all(np.isfinite(group.exp(scale)))


def _jaxlie_motion(name):
    return {"so2": jaxlie.SO2, "so3": jaxlie.SO3, "se2": jaxlie.SE2, "se3": jaxlie.SE3}[name]


@pytest.mark.parametrize("name", ["so2", "so3", "se2", "se3"])
def test_jaxlie_says_the_same(name):
    group, theirs = GROUPS[name], _jaxlie_motion(name)
    x, y = vectors(name, (20,), 0.6), vectors(name, (20,), 0.6, seed=1)

    def ours(x, y):
        g, h = group.exp(x), group.exp(y)
        return g, group.log(group.compose(g, h)), group.inverse(g), group.adjoint(g)

    def of_theirs(x, y):
        g, h = theirs.exp(x), theirs.exp(y)
        return g.as_matrix(), (g @ h).log(), g.inverse().as_matrix(), g.adjoint()

    with jax.numpy_rank_promotion("allow"), jax.debug_nans(False), warnings.catch_warnings(action="ignore"):
        wanted = jax.jit(of_theirs)(x, y)
    for found, other in zip(jax.jit(ours)(x, y), wanted, strict=True):
        assert_close(np.asarray(found).reshape(other.shape), other, 5 * ROUNDING)


@pytest.mark.parametrize("name", GROUPS)
def test_the_identity_is_the_exponential_of_nothing(name):
    group = GROUPS[name]
    identity = group.identity(4) if name in ("so", "se") else group.identity()
    np.testing.assert_array_equal(identity, np.eye(SIZES[name]))
    np.testing.assert_array_equal(identity, group.exp(jnp.zeros(DIMENSIONS[name])))


@pytest.mark.parametrize("name", EACH)
def test_distances_are_left_invariant(name):
    group = GROUPS[name]
    a, b, g = (group.exp(vectors(name, (4,), 0.3, seed)) for seed in (0, 1, 2))
    between = group.distance(a, b)
    step = vectors(name, (4,), 0.3, 3)
    assert_close(group.distance(a, group.compose(a, group.exp(step))), np.linalg.norm(step, axis=-1), 10 * ROUNDING)
    assert_close(group.distance(b, a), between, 10 * ROUNDING)
    assert_close(group.distance(group.compose(g, a), group.compose(g, b)), between, 20 * ROUNDING)
    from_right = group.distance(group.compose(a, g), group.compose(b, g))
    if name[:2] == "so":
        assert_close(from_right, between, 20 * ROUNDING)
    else:
        assert float(jnp.abs(from_right - between).max()) > 0.01
    assert_close(group.distance(a, a), np.zeros(4), 10 * ROUNDING)
    assert np.all(np.isfinite(jax.grad(lambda a, b: jnp.sum(group.distance(a, b)))(a, a)))


@pytest.mark.parametrize("name", EACH)
def test_projections_are_nearest(name):
    group, size = GROUPS[name], SIZES[name]
    generator = np.random.default_rng(0)
    g = group.exp(vectors(name, (5,), 0.5))
    assert_close(group.project(g), g, 5 * ROUNDING)
    raw = np.asarray(g, float) + 0.3 * generator.normal(size=(5, size, size))
    raw[:, -1] = np.asarray(g, float)[:, -1] if name[:2] != "so" else raw[:, -1]
    found = group.project(jnp.asarray(raw, FLOAT))
    group.check_element(found)
    away = np.linalg.norm(np.asarray(found, float) - raw, axis=(-2, -1))
    for seed in range(20):
        near = group.compose(found, group.exp(vectors(name, (5,), 0.05, 10 + seed)))
        assert np.all(np.linalg.norm(np.asarray(near, float) - raw, axis=(-2, -1)) > away - 5 * ROUNDING)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_haar_moments(n):
    count = 20_000
    samples = np.asarray(GROUPS["so"].sample_haar(jax.random.key(n), (count,), n, dtype=FLOAT), float)
    GROUPS["so"].check_element(jnp.asarray(samples[:100], FLOAT))
    # Five standard deviations of means of numbers of at most unit variance.
    bound = 5 / np.sqrt(count)
    assert np.abs(samples.mean(0)).max() < bound
    assert np.abs((samples**2).mean(0) - 1 / n).max() < bound
    trace = np.trace(samples, axis1=-2, axis2=-1)
    assert abs(trace.mean()) < 2 * bound
    assert abs((trace**2).mean() - (2 if n == 2 else 1)) < 4 * bound
    turned = samples @ np.asarray(exponential("so" if n == 4 else f"so{n}")(np.ones(n * (n - 1) // 2)))
    assert abs(np.trace(turned, axis1=-2, axis2=-1).mean()) < 2 * bound


def test_haar_angles_of_space():
    """The angle has density (1 - cos t) / pi; of uniform rotation vectors it would not."""
    so3 = GROUPS["so3"]
    samples = so3.sample_haar(jax.random.key(0), (5000,), dtype=FLOAT)
    angles = np.asarray(so3.distance(samples, so3.identity(FLOAT)), float)
    cumulated = lambda t: (t - np.sin(t)) / np.pi  # noqa: E731
    assert scipy.stats.kstest(angles, cumulated).pvalue > 0.01
    assert scipy.stats.kstest(np.random.default_rng(0).uniform(0, np.pi, 5000), cumulated).pvalue < 1e-6
    plane = np.asarray(GROUPS["so2"].log(GROUPS["so2"].sample_haar(jax.random.key(1), (5000,), dtype=FLOAT)), float)
    assert scipy.stats.kstest(plane[:, 0], scipy.stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.01


@pytest.mark.parametrize("name", ["se2", "se3", "se", "sim2", "sim3"])
def test_samples_have_the_stated_distribution(name):
    group, n = GROUPS[name], space(name)
    options = {"log_scale_deviation": 0.3} if name[:3] == "sim" else {}
    samples = group.sample(
        jax.random.key(0), (4000,), *SIZE.get(name, ()), translation_scale=2.0, dtype=FLOAT, **options
    )
    group.check_element(samples)
    samples = np.asarray(samples, float)
    for column in samples[:, :n, n].T:
        assert scipy.stats.kstest(column, scipy.stats.norm(scale=2.0).cdf).pvalue > 1e-3
    scales = np.linalg.det(samples[:, :n, :n]) ** (1 / n)
    if options:
        assert scipy.stats.kstest(np.log(scales), scipy.stats.norm(scale=0.3).cdf).pvalue > 1e-3
    else:
        assert_close(scales, np.ones(4000), 10 * ROUNDING)
    assert np.abs((samples[:, :n, :n] / scales[:, None, None]).mean(0)).max() < 0.08


@pytest.mark.parametrize("name", EACH)
def test_checks_name_what_is_wrong(name):
    group, n = GROUPS[name], space(name)
    g, matrix = np.array(group.exp(vectors(name, (2,)))), np.array(group.hat(vectors(name, (2,))))
    group.check_element(g)
    group.check_algebra(matrix)
    mirrored, stretched, symmetric = g.copy(), g.copy(), matrix.copy()
    mirrored[1, :n, 0] *= -1
    stretched[1, 0, :n] *= 1.01
    symmetric[0, 0, 1] += 0.01
    for wrong, message in ((mirrored, "determinant 1, got a reflection"), (stretched, "must be orthogonal")):
        with pytest.raises(ValueError, match=rf"g.*{message}"):
            group.check_element(wrong)
    with pytest.raises(ValueError, match="matrix must be antisymmetric"):
        group.check_algebra(symmetric)
    with pytest.raises(ValueError, match="g must be finite"):
        group.check_element(np.full_like(g, np.nan))
    with pytest.raises(ValueError, match="g must have shape"):
        group.check_element(g[0, 0])
    if name[:2] != "so":
        g[0, -1, 0], matrix[0, -1, 0] = 0.1, 0.1
        with pytest.raises(ValueError, match="g must have the last row"):
            group.check_element(g)
        with pytest.raises(ValueError, match="matrix must have the last row"):
            group.check_algebra(matrix)
    if name[:3] == "sim":
        with pytest.raises(ValueError, match="scale above 0"):
            group.check_element(np.diag([*[0.0] * n, 1.0]))


@pytest.mark.parametrize("name", EACH)
def test_bad_shapes_and_dtypes_are_named(name):
    group, size = GROUPS[name], SIZES[name]
    unit, points = jnp.eye(size, dtype=FLOAT), jnp.zeros(space(name), FLOAT)
    wrong = jnp.zeros((size, size + 1), FLOAT)
    calls = (
        (lambda: group.compose(unit, wrong), ValueError, "b must"),
        (lambda: group.compose(wrong, unit), ValueError, "a must"),
        (lambda: group.act(unit, points[:-1]), ValueError, "points must have"),
        (lambda: group.act(wrong, points), ValueError, "g must have shape"),
        (lambda: group.act(unit, points.astype(int)), TypeError, "points must be floating"),
        (lambda: group.inverse(wrong), ValueError, "g must have shape"),
        (lambda: group.adjoint(unit.astype(int)), TypeError, "g must be floating"),
        (lambda: group.hat(jnp.zeros((), FLOAT)), ValueError, "x must have"),
        (lambda: group.ad(jnp.zeros(DIMENSIONS[name], int)), TypeError, "x must be floating"),
        (lambda: group.vee(wrong), ValueError, "matrix must have shape"),
        (lambda: group.project(wrong), ValueError, "matrix must have shape"),
    )
    for call, error, message in calls:
        with pytest.raises(error, match=message):
            call()


def test_families_are_the_closed_forms_where_there_are_any():
    for family, members in (("so", ("so2", "so3")), ("se", ("se2", "se3"))):
        for member in members:
            x = vectors(member, (3,))
            g = GROUPS[member].exp(x)
            for verb, argument in (("hat", x), ("ad", x), ("exp", x), ("log", g), ("adjoint", g)):
                assert_close(getattr(GROUPS[family], verb)(argument), getattr(GROUPS[member], verb)(argument))
    with pytest.raises(ValueError, match="n must be"):
        GROUPS["so"].identity(1)


def test_a_rotation_without_logarithm_in_four_dimensions_has_a_finite_one():
    found = GROUPS["so"].log(-jnp.eye(4, dtype=FLOAT))
    assert np.all(np.isfinite(found))


ANGLES = np.concatenate([[0.0], np.geomspace(1e-6, 30.0, 60)])


def test_stumpff_functions_are_integrals():
    """`c_k` is the integral of `(1 - u)^(k - 2) / (k - 2)! sin(t u) / t` over u from 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    u, weights = (nodes + 1) / 2, weights / 2
    z = np.asarray(ANGLES**2, FLOAT)
    t = np.sqrt(z.astype(float))[:, None]
    found = stumpff(jnp.asarray(z), 7)
    for k in range(2, 7):
        kernel = (1 - u) ** (k - 2) / scipy.special.factorial(k - 2)
        exact = np.sum(weights * kernel * u * np.sinc(t * u / np.pi), axis=-1)
        assert_close(np.asarray(found[k]) * (1 + t[:, 0] ** 2), exact * (1 + t[:, 0] ** 2), 10 * ROUNDING)
    assert_close(found[0], np.cos(t[:, 0]), 20 * ROUNDING)
    slopes = jax.jit(jax.vmap(jax.jacfwd(lambda z: jnp.stack(stumpff(z, 3)))))(jnp.asarray(z))
    assert_close(slopes[0], [-1 / 2, -1 / 6, -1 / 24])


def test_similarity_coefficients_are_integrals():
    nodes, weights = np.polynomial.legendre.leggauss(60)
    u, weights = (nodes + 1) / 2, weights / 2
    logarithms = np.concatenate([[0.0], [sign * size for sign in (1, -1) for size in (1e-6, 0.01, 0.7, 1.0, 4.0)]])
    z, log_scale = np.meshgrid(np.asarray(ANGLES[ANGLES < 8] ** 2, FLOAT), np.asarray(logarithms, FLOAT))
    t = np.sqrt(z.astype(float))[..., None]
    growth = weights * np.exp(u * log_scale[..., None].astype(float))
    sine = u * np.sinc(t * u / np.pi)
    versine = (u * np.sinc(t * u / 2 / np.pi)) ** 2 / 2
    exact = [np.sum(growth * kernel, axis=-1) for kernel in (np.ones_like(u), sine, versine)]
    found = similarity_coefficients(jnp.asarray(z), jnp.asarray(log_scale))
    for one, wanted in zip(found, exact, strict=True):
        # b and c fall with the angle from 1 and 1/2 of a.
        assert_close(np.asarray(one) / exact[0], wanted / exact[0])


def test_cotangents_and_arctangents():
    z = np.asarray(np.linspace(0, 39, 200), FLOAT)
    half = np.sqrt(np.maximum(z.astype(float), 1e-6)) / 2
    # sum over k of |B_2k| / (2 k)! z^(k - 1), by its poles where the cotangent would lose digits.
    poles = 4 * np.pi**2 * np.arange(1, 4000)[:, None] ** 2
    tail = 2 / (4 * np.pi**2 * 3999.5)
    exact = np.sum(2 / (poles - z.astype(float)), axis=0) + tail
    np.testing.assert_allclose(exact[20:], ((1 - half / np.tan(half)) / (4 * half**2))[20:], rtol=1e-7)
    bound = 1e-9 if X64 else 3e-6
    np.testing.assert_allclose(cotangent_rest(jnp.asarray(z)), exact, rtol=bound)
    near = z <= np.pi**2
    np.testing.assert_allclose(cotangent_rest(jnp.asarray(z), up_to_half_turn=True)[near], exact[near], rtol=bound)
    square = np.asarray(np.linspace(0, 1, 100), FLOAT)
    y = np.sqrt(np.maximum(square.astype(float), 1e-30))
    np.testing.assert_allclose(arctangent_ratio(jnp.asarray(square)), np.arctan(y) / y, rtol=ROUNDING)
