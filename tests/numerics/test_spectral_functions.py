"""Functions of symmetric matrices: first and second derivatives in every mode, equal eigenvalues not excepted.

References are scipy's functions of block-triangular matrices, whose corner holds the derivative: no eigenvalues there.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxinv.kernels.numerics.spectral_functions import (
    symmetric_exp,
    symmetric_inverse_sqrt,
    symmetric_log,
    symmetric_power,
    symmetric_sqrt,
)
from tests.duties import FLOAT, X64, assert_finite
from tests.numerics.spectral_cases import with_spectrum

EXACT = 1e-11 if X64 else 3e-6


def _inverse_sqrt(a):
    return np.linalg.inv(scipy.linalg.sqrtm(a))


def _fractional(exponent):
    return lambda a: scipy.linalg.expm(exponent * scipy.linalg.logm(a))


FUNCTIONS = {
    "sqrt": (symmetric_sqrt, scipy.linalg.sqrtm),
    "inverse_sqrt": (symmetric_inverse_sqrt, _inverse_sqrt),
    "exp": (symmetric_exp, scipy.linalg.expm),
    "log": (symmetric_log, scipy.linalg.logm),
    "power 0.7": (lambda a: symmetric_power(a, 0.7), _fractional(0.7)),
    "power -1.5": (lambda a: symmetric_power(a, -1.5), _fractional(-1.5)),
}


def spectra(size):
    rest = np.full(size - 1, 0.8)
    return np.stack(
        [
            np.linspace(0.5, 2.2, size),
            np.append(rest, 1.3),
            np.full(size, 1.3),
            np.append(rest, 1.3) * (1 + 1e-3 * np.arange(size)),
            np.geomspace(0.1, 2.0, size),
        ]
    )


@functools.lru_cache(maxsize=4)
def example(size):
    """Matrices with each of the spectra, two symmetric directions and one that is not, in the precision under test."""
    generator = np.random.default_rng(size)
    matrices = with_spectrum(generator, spectra(size))
    matrices[2] = 1.3 * np.eye(size)
    first, second, weights = generator.normal(size=(3, *matrices.shape))
    arrays = matrices, first + np.swapaxes(first, -1, -2), second + np.swapaxes(second, -1, -2), weights
    return tuple(np.asarray(jnp.asarray(array, FLOAT), np.float64) for array in arrays)


def reference(function, a, x, y):
    """`f(a)`, its derivative along x, and its second derivative along x and y."""
    zero, size = np.zeros_like(a), len(a)
    blocks = np.block([[a, x, y, zero], [zero, a, zero, y], [zero, zero, a, x], [zero, zero, zero, a]])
    corner = np.real(function(blocks))[:size]
    return corner[:, :size], corner[:, size : 2 * size], corner[:, 3 * size :]


def relative(found, wanted):
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted)
    return np.max(np.abs(found - wanted), axis=(-1, -2)) / np.max(np.abs(wanted), axis=(-1, -2))


def paired(weights, wanted):
    """Sums of products, and what an error may be measured by."""
    return np.sum(weights * wanted, axis=(-1, -2)), np.linalg.norm(weights, axis=(-1, -2)) * np.linalg.norm(
        wanted, axis=(-1, -2)
    )


def modes(name):
    """Value, derivative, gradient and the four second derivatives of a function, by what they are called with."""
    function, _ = FUNCTIONS[name]

    def along(a, x):
        return jax.jvp(function, (a,), (x,))[1]

    def gradient(a, weights):
        return jax.grad(lambda a: jnp.sum(weights * function(a)))(a)

    return {
        "value": lambda a, x, y, weights: function(a),
        "forward": lambda a, x, y, weights: along(a, x),
        "reverse": lambda a, x, y, weights: gradient(a, weights),
        "forward over forward": lambda a, x, y, weights: jax.jvp(lambda a: along(a, x), (a,), (y,))[1],
        "forward over reverse": lambda a, x, y, weights: jax.jvp(lambda a: gradient(a, weights), (a,), (x,))[1],
        "reverse over forward": lambda a, x, y, weights: jax.grad(lambda a: jnp.sum(weights * along(a, x)))(a),
        "reverse over reverse": lambda a, x, y, weights: jax.grad(lambda a: jnp.sum(x * gradient(a, weights)))(a),
    }


# All modes of all functions would take minutes to compile: they differ in their divided differences alone.
SOME = ("value", "forward", "forward over reverse")


@pytest.mark.parametrize(
    ("name", "size", "chosen"),
    [
        ("log", 3, None),
        *((name, 3, SOME) for name in FUNCTIONS if name != "log"),
        ("log", 2, SOME),
        ("exp", 4, SOME[:2]),
        ("log", 5, SOME),
        ("power 0.7", 5, SOME),
    ],
)
def test_values_and_derivatives(name, size, chosen):
    a, x, y, weights = example(size)
    matrices = zip(a, x, y, strict=True)
    wanted = [np.stack(part) for part in zip(*(reference(FUNCTIONS[name][1], *one) for one in matrices), strict=True)]
    available = modes(name)
    arguments = [jnp.asarray(array, FLOAT) for array in (a, x, y, weights)]
    found = jax.jit(lambda *given: {mode: available[mode](*given) for mode in chosen or available})(*arguments)
    for mode, part in found.items():
        if mode in ("value", "forward", "forward over forward"):
            order = ("value", "forward", "forward over forward").index(mode)
            assert relative(part, wanted[order]).max() < EXACT, mode
        else:
            order, direction = (1, x) if mode == "reverse" else (2, y)
            total, size_of_total = paired(weights, wanted[order])
            error = np.sum(np.asarray(part, np.float64) * direction, axis=(-1, -2)) - total
            assert np.max(np.abs(error) / size_of_total) < EXACT, mode


def test_what_jax_derives_from_eigenvectors_is_wrong_at_equal_eigenvalues():
    """The negative control of the test above."""
    a, x, *_ = example(3)

    def naive(a):
        values, vectors = jnp.linalg.eigh(a)
        return (vectors * jnp.log(values)[None]) @ vectors.T

    with jax.debug_nans(False), jax.debug_infs(False):
        slope = jax.jvp(naive, (jnp.asarray(a[2], FLOAT),), (jnp.asarray(x[2], FLOAT),))[1]
    assert not np.allclose(slope, x[2] / 1.3, atol=1e-3)


@pytest.mark.parametrize("name", ["sqrt", "inverse_sqrt", "log", "power 0.7", "power -1.5"])
@pytest.mark.parametrize("values", [(0.0, 0.0, 1.0), (-1.0, 0.0, 2.0), (0.0, 0.0, 0.0)])
def test_the_boundary_is_finite(name, values):
    function, _ = FUNCTIONS[name]
    a = jnp.diag(jnp.asarray(values, FLOAT))
    assert_finite(function(a))
    gradient = jax.grad(lambda a: jnp.sum(function(a)))
    first, second = jax.jit(lambda a: jax.jvp(gradient, (a,), (jnp.ones_like(a),)))(a)
    assert_finite((first, second))


@pytest.mark.parametrize("least", [-1.0, 0.0])
def test_values_on_the_boundary_are_as_stated(least):
    """Of 2x2, whose eigenvalues are exact if diagonal: else rounding decides on which side of 0 one lies."""
    a = jnp.diag(jnp.asarray([least, 4.0], FLOAT))
    for found, last in (
        (symmetric_sqrt(a), 2.0),
        (symmetric_inverse_sqrt(a), 0.5),
        (symmetric_log(a), math.log(4.0)),
        (symmetric_power(a, 2.0), 16.0),
    ):
        np.testing.assert_allclose(found, np.diag([0.0, last]), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(symmetric_power(a, 0.0), np.eye(2), atol=1e-6)
    np.testing.assert_allclose(jnp.diag(jax.grad(lambda a: symmetric_sqrt(a)[1, 1])(a)), [0, 0.25], atol=1e-6)


def test_large_exponents_stay_finite():
    a = jnp.diag(jnp.asarray([-1e4, 0.0, 1e4], FLOAT)) + 1.0
    gradient = jax.jit(jax.grad(lambda a: jnp.sum(symmetric_exp(a)) * 1e-30))
    assert_finite((symmetric_exp(a), gradient(a)))


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0])
def test_whole_powers_of_semidefinite_matrices_are_products(exponent):
    a = with_spectrum(np.random.default_rng(0), np.array([0.0, 0.7, 1.5]))
    x, low = np.ones((3, 3)), jnp.asarray(a, FLOAT)
    found, slope = jax.jvp(lambda a: symmetric_power(a, exponent), (low,), (jnp.asarray(x, FLOAT),))
    power = np.linalg.matrix_power
    count = int(exponent)
    np.testing.assert_allclose(found, power(a, count), atol=5e-6)
    wanted = sum(power(a, k) @ x @ power(a, count - 1 - k) for k in range(count))
    np.testing.assert_allclose(slope, wanted, atol=5e-6)


def test_a_third_derivative_is_refused():
    def along(t):
        return symmetric_log(t * jnp.eye(3, dtype=FLOAT))[0, 0]

    with pytest.raises(TypeError, match="symmetric_log is differentiable twice"):
        jax.grad(jax.grad(jax.grad(along)))(jnp.ones((), FLOAT))


def test_batches_of_some_arguments_only():
    """vmap over the direction alone, over the matrix alone, and over an inner axis."""
    a, x, *_ = (jnp.asarray(array, FLOAT) for array in example(3))

    def along(a, x):
        return jax.jvp(symmetric_exp, (a,), (x,))[1]

    both = jax.jit(jax.vmap(along))(a, x)
    shared = jax.jit(jax.vmap(along, in_axes=(None, 0)))(a[0], x)
    inner = jax.jit(jax.vmap(along, in_axes=(1, None), out_axes=1))(jnp.swapaxes(a, 0, 1), x[0])
    np.testing.assert_allclose(shared[0], both[0], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(shared[3], along(a[0], x[3]), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(inner[:, 2], along(a[2], x[0]), rtol=1e-5, atol=1e-5)
