"""Each decomposition gives the matrix back, in factors of its kind, and what its uniqueness and smoothness promise."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import lie_groups
from tests.duties import FLOAT, X64, assert_finite

EXACT = 1e-12 if X64 else 1e-5
CONDITION = 1e4
# Of every batch, so that one program serves all.
COUNT = 60
EPS = float(jnp.finfo(FLOAT).eps)


def rotations(generator, n):
    q = np.linalg.qr(generator.normal(size=(COUNT, n, n)))[0]
    q[..., 0] *= np.linalg.det(q)[:, None]
    return q


def conditioned(n, seed=0):
    """Positive determinants, condition numbers from 1 to 1e4, sizes from 0.1 to 10."""
    generator = np.random.default_rng(seed)
    values = np.geomspace(1.0, 1.0 / CONDITION, n) ** np.linspace(0, 1, COUNT)[:, None]
    values = values * np.exp(generator.uniform(-2.3, 2.3, size=(COUNT, 1)))
    matrices = rotations(generator, n) * values[:, None] @ rotations(generator, n)
    # Such as the device holds, so that nothing is lost before the kernel.
    return np.asarray(matrices.astype(FLOAT), np.float64)


def error(found, wanted):
    """Largest difference relative to each matrix's largest entry."""
    difference = np.max(np.abs(np.asarray(found, np.float64) - wanted), axis=(-2, -1))
    return np.max(difference / np.max(np.abs(wanted), axis=(-2, -1)))


def assert_rotations(matrices):
    matrices = np.asarray(matrices, np.float64)
    n = matrices.shape[-1]
    assert np.max(np.abs(np.swapaxes(matrices, -2, -1) @ matrices - np.eye(n))) < EXACT
    assert np.min(np.linalg.det(matrices)) > 0


def assert_symmetric(matrices):
    matrices = np.asarray(matrices, np.float64)
    assert error(np.swapaxes(matrices, -2, -1), matrices) < EXACT


def assert_unipotent(matrices):
    matrices = np.asarray(matrices)
    np.testing.assert_array_equal(np.tril(matrices, -1), 0)
    np.testing.assert_allclose(np.diagonal(matrices, axis1=-2, axis2=-1), 1, rtol=EPS)


SMOOTH = {
    "polar": lie_groups.polar,
    "right polar": functools.partial(lie_groups.polar, side="right"),
    "cartan": lie_groups.cartan,
    "kak": lie_groups.kak,
    "kan": lie_groups.iwasawa,
    "nak": functools.partial(lie_groups.iwasawa, order="nak"),
    "qr": lie_groups.qr_positive,
    "scale": lie_groups.scale_split,
}


@jax.jit
def decomposed(matrices):
    """All at once: they share the singular value decomposition."""
    return {name: decompose(matrices) for name, decompose in SMOOTH.items()}


@jax.jit
def derivative(matrices, direction):
    """Of all at once."""

    def floats(a):
        return {name: [x for x in factors if x.dtype != bool] for name, factors in decomposed(a).items()}

    return jax.jvp(floats, (matrices,), (direction,))[1]


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_ill_conditioned_matrices_come_back_from_factors_in_their_manifolds(n):
    matrices = conditioned(n)
    found = decomposed(jnp.asarray(matrices, FLOAT))
    for name, factors in found.items():
        assert error(factors.compose(), matrices) < EXACT, name
        assert bool(jnp.all(factors.exists)), name
    for name in ("polar", "right polar"):
        assert_rotations(found[name].rotation)
        assert_symmetric(found[name].stretch)
        assert np.min(np.linalg.eigvalsh(np.asarray(found[name].stretch, np.float64))) > 0
    assert_rotations(found["cartan"].rotation)
    assert_symmetric(found["cartan"].symmetric)
    for name in ("kan", "nak"):
        assert_rotations(found[name].k)
        assert_unipotent(found[name].n)
    assert_rotations(found["qr"].orthogonal)
    triangular = np.asarray(found["qr"].triangular)
    np.testing.assert_array_equal(np.tril(triangular, -1), 0)
    assert np.min(np.diagonal(triangular, axis1=-2, axis2=-1)) > 0
    for k in (found["kak"].k1, found["kak"].k2):
        assert_rotations(k)
    assert np.all(np.diff(found["kak"].log_a, axis=-1) <= 0)
    singular = np.linalg.svd(matrices, compute_uv=False)
    wanted, rounding = np.log(singular), EPS * singular[:, :1] / singular
    assert np.all(np.abs(found["kak"].log_a - wanted) < 20 * rounding)
    # The determinant is known to rounding times the condition.
    special = np.linalg.det(np.asarray(found["scale"].special, np.float64))
    assert np.all(np.abs(special - 1) < 20 * EPS * singular[:, 0] / singular[:, -1])


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_ldu_finds_the_factors(n):
    generator = np.random.default_rng(1)
    lower = np.eye(n) + np.tril(0.5 * generator.normal(size=(20, n, n)), -1)
    upper = np.eye(n) + np.triu(0.5 * generator.normal(size=(20, n, n)), 1)
    diagonal = generator.uniform(0.5, 2.0, size=(20, n)) * generator.choice([-1.0, 1.0], size=(20, n))
    matrices = lower * diagonal[:, None] @ upper
    factors = lie_groups.ldu(jnp.asarray(matrices, FLOAT))
    assert bool(jnp.all(factors.exists))
    assert error(factors.compose(), matrices) < EXACT
    for found, wanted in zip(factors, (lower, diagonal, upper), strict=False):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=100 * EXACT)


def test_ldu_tells_where_a_leading_minor_vanishes():
    swap = jnp.asarray([[0.0, 1.0], [1.0, 0.0]])
    near = jnp.asarray([[1.0, 2.0, 3.0], [2.0, 4.0, 1.0], [1.0, 0.0, 1.0]])
    for matrix in (swap, near):
        factors = lie_groups.ldu(matrix)
        assert not bool(factors.exists)
        assert_finite(factors)
        assert_finite(jax.jacrev(lambda a: lie_groups.ldu(a)[:3])(matrix))
        assert bool(lie_groups.bruhat(matrix).exists)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_bruhat_finds_the_cell_of_every_permutation(n):
    generator = np.random.default_rng(2)
    for columns in itertools.permutations(range(n)):
        w = np.eye(n)[:, columns]
        # Entries that w would take above the diagonal belong to the upper factor.
        lower = np.eye(n) + np.tril(generator.normal(size=(n, n)), -1) * (w @ np.tril(np.ones((n, n)), -1) @ w.T)
        upper = np.triu(generator.normal(size=(n, n)), 1) + np.diag(generator.uniform(0.5, 2.0, size=n))
        factors = lie_groups.bruhat(jnp.asarray(lower @ w @ upper, FLOAT), tolerance=1e-4)
        np.testing.assert_array_equal(factors.permutation, w)
        np.testing.assert_allclose(factors.lower, lower, atol=100 * EXACT)
        np.testing.assert_allclose(factors.upper, upper, atol=100 * EXACT)
        np.testing.assert_allclose(factors.compose(), lower @ w @ upper, atol=10 * EXACT)
        assert bool(factors.exists)
    assert not bool(lie_groups.bruhat(jnp.ones((n, n))).exists)


JUMPING = (lie_groups.bruhat, lie_groups.jordan_chevalley, lie_groups.jordan_multiplicative)


@pytest.mark.parametrize("decompose", JUMPING)
def test_what_jumps_refuses_to_be_differentiated(decompose):
    with pytest.raises(TypeError, match=f"{decompose.__name__} is not differentiable"):
        jax.grad(lambda a: jnp.sum(decompose(a)[0]))(jnp.eye(2))


@pytest.mark.parametrize("n", [2, 3])
def test_conjugation_by_a_rotation_conjugates_polar_and_cartan(n):
    generator = np.random.default_rng(3)
    a, k = conditioned(n), rotations(generator, n)
    plain, turned = (jnp.asarray(x, FLOAT) for x in (a, k @ a @ np.swapaxes(k, -2, -1)))
    found, conjugated = decomposed(plain), decomposed(turned)
    for name in ("polar", "cartan"):
        for one, other in zip(found[name][:2], conjugated[name][:2], strict=True):
            wanted = k @ np.asarray(one, np.float64) @ np.swapaxes(k, -2, -1)
            # Logarithms and rotations are known to rounding times the condition.
            assert error(other, wanted) < 30 * EPS * CONDITION
    one = found["polar"]
    np.testing.assert_array_equal(one.rotation, found["right polar"].rotation)
    negative = decomposed(jnp.asarray(k @ a, FLOAT))["polar"]
    assert error(negative.stretch, np.asarray(one.stretch, np.float64)) > 0.01


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_iwasawa_takes_a_rotation_on_its_side_into_k(n):
    a, k = conditioned(n), rotations(np.random.default_rng(4), n)
    singular = np.linalg.svd(a, compute_uv=False)
    rounding = EPS * singular[:, 0] / singular[:, -1]
    plain = decomposed(jnp.asarray(a, FLOAT))
    for order, turned in (("kan", k @ a), ("nak", a @ k)):
        one, other = plain[order], decomposed(jnp.asarray(turned, FLOAT))[order]
        rotation = np.asarray(one.k, np.float64)
        wanted = k @ rotation if order == "kan" else rotation @ k
        assert np.all(np.max(np.abs(other.log_a - one.log_a), -1) < 20 * rounding)
        assert np.all(np.max(np.abs(other.k - wanted), (-2, -1)) < 20 * rounding)


def test_jordan_parts_of_a_matrix_with_a_block_of_three():
    generator = np.random.default_rng(5)
    basis = np.eye(4) + 0.3 * generator.normal(size=(4, 4))
    inverse = np.linalg.inv(basis)
    block = np.diag([2.0, 2.0, 2.0, -1.0]) + np.diag([1.0, 1.0, 0.0], 1)
    matrix = jnp.asarray(basis @ block @ inverse, FLOAT)
    parts = lie_groups.jordan_chevalley(matrix)
    wanted = basis @ np.diag(np.diag(block)) @ inverse
    assert bool(parts.exists)
    np.testing.assert_allclose(parts.semisimple, wanted, atol=10 * EXACT)
    np.testing.assert_allclose(parts.compose(), basis @ block @ inverse, atol=10 * EXACT)
    nilpotent = np.asarray(parts.nilpotent, np.float64)
    assert np.max(np.abs(nilpotent)) > 0.5
    np.testing.assert_allclose(nilpotent @ nilpotent @ nilpotent, 0, atol=100 * EXACT)
    factors = lie_groups.jordan_multiplicative(matrix)
    assert bool(factors.exists)
    np.testing.assert_allclose(factors.compose(), matrix, atol=10 * EXACT)
    for found, eigenvalues in zip(factors, ([1, 1, 1, -1], [2, 2, 2, 1]), strict=False):
        np.testing.assert_allclose(found, basis @ np.diag(eigenvalues) @ inverse, atol=10 * EXACT)
    unipotent = np.asarray(factors.unipotent, np.float64) - np.eye(4)
    np.testing.assert_allclose(unipotent @ unipotent @ unipotent, 0, atol=100 * EXACT)
    # A tolerance that takes 2 and -1 for one eigenvalue leaves a part that is not nilpotent.
    assert not bool(lie_groups.jordan_chevalley(matrix, tolerance=10.0).exists)


def test_jordan_factors_of_a_turn_with_a_stretch_and_of_a_singular_matrix():
    turn = np.array([[1.0, 2.0], [-1.0, 1.0]])
    factors = lie_groups.jordan_multiplicative(jnp.asarray(turn, FLOAT))
    np.testing.assert_allclose(factors.hyperbolic, np.sqrt(3.0) * np.eye(2), atol=EXACT)
    np.testing.assert_allclose(np.abs(np.linalg.eigvals(factors.elliptic)), 1, atol=EXACT)
    singular = lie_groups.jordan_multiplicative(jnp.asarray([[1.0, 0.0], [0.0, 0.0]]))
    assert not bool(singular.exists)
    assert_finite(singular)


def test_outside_of_the_group_flags_and_finite_factors():
    zero, singular, reflection = np.zeros((3, 3)), np.ones((3, 3)), np.diag([2.0, 1.0, -1.0])
    matrices = np.stack([zero, singular, np.diag([1.0, 1.0, 0.0]), reflection] * (COUNT // 4))
    for n in (2, 3):
        a = jnp.asarray(matrices[:, -n:, -n:], FLOAT)
        found = decomposed(a)
        assert_finite(found)
        assert_finite(derivative(a, jnp.ones_like(a)))
        for name, factors in found.items():
            # Only the QR decomposition goes over to reflections with the same factors.
            assert factors.exists.tolist() == [False, False, False, name == "qr"] * (COUNT // 4), name
        for name in ("polar", "right polar", "scale", "kak"):
            np.testing.assert_allclose(found[name].compose(), a, atol=EXACT, err_msg=name)
        for name in ("kan", "nak", "qr"):
            np.testing.assert_allclose(found[name].compose()[-1], a[-1], atol=EXACT, err_msg=name)


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_derivatives_are_right_at_multiples_of_the_identity(n, scale):
    generator = np.random.default_rng(6)
    direction = generator.normal(size=(n, n))
    even, odd = (direction + direction.T) / 2, (direction - direction.T) / 2
    at, along = jnp.asarray(scale * np.eye(n), FLOAT), jnp.asarray(direction, FLOAT)

    @jax.jit
    def twice(a, e):
        def once(x):
            return jax.jvp(lambda y: lie_groups.cartan(y)[:2], (x,), (e,))[1]

        return once(a), jax.jvp(once, (a,), (e,))[1]

    (symmetric, rotation), (symmetric_2, rotation_2) = twice(at, along)
    np.testing.assert_allclose(symmetric, even / scale, atol=10 * EXACT)
    np.testing.assert_allclose(rotation, odd / scale, atol=10 * EXACT)
    # log(1 + t) to second order, t = E + E^T + E E^T, halved.
    both = direction + direction.T
    of_symmetric = direction @ direction.T - both @ both / 2
    np.testing.assert_allclose(symmetric_2, of_symmetric / scale**2, atol=100 * EXACT)
    # R = exp(-X)(1 + E): -X'' / 2 + X' X' / 2 - X' E, twice.
    wanted = (-of_symmetric + even @ even - 2 * even @ direction) / scale**2
    np.testing.assert_allclose(rotation_2, wanted, atol=100 * EXACT)
    stretch = jax.jit(lambda a, e: jax.jvp(lambda y: lie_groups.polar(y).stretch, (a,), (e,))[1])(at, along)
    np.testing.assert_allclose(stretch, even, atol=10 * EXACT)
    # Rotations of kak have no derivative here: theirs is finite, that of the values is in the basis that was found.
    log_a = jax.jit(lambda a, e: jax.jvp(lambda y: lie_groups.kak(y)[:3], (a,), (e,))[1])(at, along)
    assert_finite(log_a)
    np.testing.assert_allclose(jnp.sum(log_a[1]), np.trace(direction) / scale, atol=10 * EXACT)
