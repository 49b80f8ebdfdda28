"""Functions of general matrices: extreme, defective and ill-conditioned ones, derivatives, logarithms there are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxinv.kernels.numerics.matrix_exponential import matrix_exp, phi_one
from jaxinv.kernels.numerics.matrix_logarithm import matrix_log
from jaxinv.kernels.numerics.matrix_square_root import matrix_sqrt
from tests.duties import FLOAT, X64
from tests.numerics.matrix_function_cases import scipy_exp, scipy_log, scipy_phi, scipy_sqrt

EPS = float(jnp.finfo(FLOAT).eps)
SIZES = (2, 3, 4, 5, 6)
# Batches of one size: a test uses what another has compiled.
COUNT = 8


def rounded(a):
    """In the precision under test, and the same numbers in float64."""
    ours = jnp.asarray(a, FLOAT)
    return ours, np.asarray(ours, float)


def relative_error(found, wanted):
    """The largest over a batch, in the Frobenius norm."""
    off = np.linalg.norm(np.asarray(found, float) - wanted, axis=(-2, -1))
    return float(np.max(off / np.linalg.norm(wanted, axis=(-2, -1))))


def of_norm(generator, n, norm, count=COUNT):
    a = generator.normal(size=(count, n, n))
    return norm * a / np.linalg.norm(a, 2, axis=(-2, -1), keepdims=True)


def of_condition(generator, n, condition, count=COUNT):
    """With a logarithm: a well-conditioned basis of positive eigenvalues and of pairs beside the imaginary axis."""
    values = np.geomspace(condition**0.5, condition**-0.5, n)
    inner = np.diag(values)
    if n > 2:
        inner[:2, :2] = values[0] * np.array([[0.3, -0.9], [0.9, 0.3]])
    basis = np.eye(n) + 0.2 * generator.normal(size=(count, n, n)) / np.sqrt(n)
    return basis @ inner @ np.linalg.inv(basis)


def extended(block, n):
    """A 2x2 block in the corner of a unit matrix."""
    matrix = np.eye(n)
    matrix[:2, :2] = block
    return matrix


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("function", "reference"), [(matrix_exp, scipy_exp), (phi_one, scipy_phi)])
def test_exponentials_are_those_of_scipy_at_every_norm(n, function, reference):
    """To the rounding times the norm, by which the exponential magnifies the rounding of its argument.

    scipy's own error is 1e-13 times the norm.
    """
    generator = np.random.default_rng(n)
    for norm in (1e-7, 1e-2, 0.5, 1.0, 3.0, 10.0, 30.0):
        a, exact = rounded(of_norm(generator, n, norm))
        assert relative_error(function(a), reference(exact)) < (2e-13 if X64 else 4 * EPS) * (1 + norm), norm


@pytest.mark.parametrize("n", SIZES)
def test_exponentials_of_special_matrices(n):
    shift = np.eye(n, k=1)
    skew = np.triu(np.ones((n, n)), 1)
    strong = 1e15 * np.eye(n, k=n - 1)
    matrices = (
        np.zeros((n, n)),
        5 * shift,
        -2 * np.eye(n) + shift,
        3 * (skew - skew.T),
        np.diag(np.linspace(-40, 5, n)),
        np.diag(np.linspace(-1000, 0, n)),
        extended(np.array([[0, -200.0], [200, 0]]), n),
        strong,
    )
    a, exact = rounded(np.stack(matrices))
    found = matrix_exp(a)
    for one, at in zip(found[:-1], exact[:-1], strict=True):
        assert relative_error(one, scipy_exp(at)) < (2e-13 if X64 else 4 * EPS) * (1 + np.linalg.norm(at, 2))
    # Nilpotent: exact whatever the norm, for scaling goes by the powers of the matrix.
    np.testing.assert_array_equal(found[-1], np.eye(n) + exact[-1])


def test_closed_forms_where_their_branches_meet():
    """Eigenvalues `m +- sqrt z` on both sides of every bound."""
    means = np.array([-30.0, -2.0, -1.5, -1.499, -0.1, 0.0, 1.499, 1.501, 6.0])
    squares = np.array([-50.0, -1.0001, -0.9999, -1e-9, 0.0, 1e-9, 0.9999, 1.0001, 9.0])
    mean, square = (x.ravel() for x in np.meshgrid(means, squares))
    a, exact = rounded(np.stack([mean, np.ones_like(mean), square, mean], axis=-1).reshape(-1, 2, 2))
    slopes = jax.jit(jax.vmap(jax.jacfwd(lambda a: jnp.stack([matrix_exp(a), phi_one(a)]))))(a)
    for number, (function, reference) in enumerate(((matrix_exp, scipy_exp), (phi_one, scipy_phi))):
        assert relative_error(function(a), reference(exact)) < (2e-11 if X64 else 1e-5)
        for place in ((0, 0), (0, 1), (1, 0)):
            direction = np.zeros((2, 2))
            direction[place] = 1.0
            wanted = _derivative(reference, exact, direction)
            assert relative_error(slopes[:, number, :, :, *place], wanted) < (5e-11 if X64 else 2e-5)


def _derivative(reference, a, direction):
    """Along a direction, as a block of the function itself."""
    n = a.shape[-1]
    direction = np.broadcast_to(direction, a.shape)
    whole = np.concatenate([np.concatenate([a, direction], -1), np.concatenate([np.zeros_like(a), a], -1)], axis=-2)
    return reference(whole)[..., :n, n:]


@pytest.mark.parametrize("n", [3, 5])
def test_derivatives_are_right_and_adjoint_to_each_other(n):
    generator = np.random.default_rng(n)
    short, regular = of_norm(generator, n, 2.0), of_condition(generator, n, 10.0)
    functions = (
        (matrix_exp, scipy_exp, short),
        (lambda a: matrix_log(a).value, scipy_log, regular),
        (phi_one, scipy_phi, short),
        (lambda a: matrix_sqrt(a).value, scipy_sqrt, regular),
    )
    for function, reference, at in functions if n == 3 else functions[:2]:
        a, exact = rounded(at)
        (along, exact_along), (cotangent, exact_cotangent) = (rounded(generator.normal(size=at.shape)) for _ in "12")

        @jax.jit
        def both(a, along, cotangent, function=function):
            return jax.jvp(function, (a,), (along,))[1], jax.vjp(function, a)[1](cotangent)[0]

        forward, reverse = both(a, along, cotangent)
        wanted = _derivative(reference, exact, exact_along)
        assert relative_error(forward, wanted) < (1e-11 if X64 else 1e-5)
        pulled, pushed = np.sum(np.asarray(reverse, float) * exact_along), np.sum(wanted * exact_cotangent)
        assert abs(pulled - pushed) < (1e-11 if X64 else 1e-5) * np.linalg.norm(wanted) * n


@pytest.mark.parametrize("n", [2, 3])
def test_third_derivatives(n):
    """Along A itself: of exp(t A) it is A^3 exp(A)."""
    a, exact = rounded(of_norm(np.random.default_rng(0), n, 1.5, 1)[0])
    curve = lambda t: matrix_exp(t * a)  # noqa: E731
    third = jax.jit(jax.jacfwd(jax.jacfwd(jax.jacfwd(curve))))(jnp.asarray(1.0, FLOAT))
    assert relative_error(third, exact @ exact @ exact @ scipy_exp(exact)) < (1e-11 if X64 else 2e-5)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("condition", [1.5, 1e2, 1e4])
def test_logarithms_and_roots_are_those_of_scipy(n, condition):
    a, exact = rounded(of_condition(np.random.default_rng(n), n, condition))
    logs, roots = matrix_log(a), matrix_sqrt(a)
    assert bool(jnp.all(logs.exists & roots.exists))
    bound = 20 * EPS * (5 + np.max(np.linalg.cond(exact)))
    assert relative_error(logs.value, scipy_log(exact)) < bound
    assert relative_error(roots.value, scipy_sqrt(exact)) < bound


@pytest.mark.parametrize("n", SIZES)
def test_logarithms_near_the_unit_matrix_and_of_defective_matrices(n):
    small = 1e-3 * np.random.default_rng(n).normal(size=(4, n, n))
    shear = 2 * np.eye(n) + np.eye(n, k=1)
    a, exact = rounded(np.stack([*(np.eye(n) + small), shear, 1e-12 * shear, 1e12 * shear, np.eye(n)]))
    found, wanted = matrix_log(a).value, scipy_log(exact)
    assert relative_error(found[:4], wanted[:4]) < 1e3 * 8 * EPS
    assert relative_error(found[4:7], wanted[4:7]) < 100 * EPS
    np.testing.assert_array_equal(found[7], np.zeros((n, n)))


@pytest.mark.parametrize("n", SIZES)
def test_no_real_logarithm_is_told(n):
    diagonal, shear = np.diag([-2.0, -0.5]), np.array([[-1.0, 1], [0, -1]])
    basis = np.eye(n) + 0.2 * np.random.default_rng(n).normal(size=(n, n))
    none = [extended(block, n) for block in (diagonal, shear, np.diag([-1.0, 2]), np.zeros((2, 2)), np.diag([0.0, 1]))]
    none.append(basis @ none[0] @ np.linalg.inv(basis))
    near = [extended(turn(angle), n) for angle in (np.pi - 1e-3, np.pi + 1e-3)]
    a, exact = rounded(np.stack([*none, *near]))
    for function, reference in ((matrix_log, scipy_log), (matrix_sqrt, scipy_sqrt)):
        found = function(a)
        np.testing.assert_array_equal(found.exists, [False] * 6 + [True] * 2)
        np.testing.assert_array_equal(found.value[:6], np.zeros((6, n, n)))
        # The matrix determines it to the rounding by the angle that is left.
        assert relative_error(found.value[6:], reference(exact[6:])) < 1e4 * EPS
        if n > 3:
            continue
        slopes = jax.jit(jax.grad(lambda a, function=function: jnp.sum(function(a).value)))(a)
        np.testing.assert_array_equal(slopes[:6], np.zeros((6, n, n)))
        assert bool(jnp.all(jnp.isfinite(slopes)))


@pytest.mark.parametrize(("n", "batch"), [(1, (3, 1, 2)), (2, ()), (3, (1,)), (3, (3, 1, 2)), (5, ())])
def test_batches(n, batch):
    a, exact = rounded(0.5 * np.random.default_rng(0).normal(size=(*batch, n, n)))
    exponential = matrix_exp(a)
    assert exponential.shape == a.shape
    np.testing.assert_allclose(exponential, scipy_exp(exact), rtol=1e-5, atol=1e-5)
    found = matrix_log(exponential)
    assert found.exists.shape == batch
    np.testing.assert_allclose(found.value, a, rtol=0, atol=1e-4)
    if batch:
        last = jax.vmap(matrix_exp, in_axes=-1, out_axes=-1)(jnp.moveaxis(a, 0, -1))
        np.testing.assert_allclose(jnp.moveaxis(last, -1, 0), exponential, rtol=0, atol=20 * EPS)


@given(seed=st.integers(0, 2**16), scale=st.sampled_from([1e-7, 0.1, 1.0]))
def test_what_functions_of_one_matrix_satisfy(seed, scale):
    a = jnp.asarray(scale * np.random.default_rng(seed).normal(size=(COUNT, 3, 3)) / 2, FLOAT)
    exponential, phi = matrix_exp(a), phi_one(a)
    bound = {"rtol": 0, "atol": 500 * EPS}
    unit = np.broadcast_to(np.eye(3), a.shape)
    np.testing.assert_allclose(exponential @ matrix_exp(-a), unit, **bound)
    np.testing.assert_allclose(matrix_exp(2 * a), exponential @ exponential, rtol=0, atol=5e3 * EPS)
    np.testing.assert_allclose(unit + a @ phi, exponential, **bound)
    np.testing.assert_allclose(jnp.linalg.det(exponential), jnp.exp(jnp.trace(a, axis1=-2, axis2=-1)), rtol=500 * EPS)
    roots = matrix_sqrt(exponential)
    np.testing.assert_allclose(roots.value @ roots.value, exponential, **bound)
    np.testing.assert_allclose(matrix_log(exponential).value, a, **bound)
