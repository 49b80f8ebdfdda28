"""Linear and affine groups and positive definite matrices beside scipy's exponential and logarithm."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg

from jaxinv.kernels.lie_groups import aff, gl, sl, spd
from tests.duties import FEATURES, BadInput, Case
from tests.lie_groups.rigid_cases import over_batch

N = 2


def units(n):
    """`(n^2, n, n)`, one entry each, row by row."""
    return np.eye(n * n).reshape(-1, n, n)


def generators(name, n=N):
    """`(dim, size, size)` float64: the basis written out, by the conventions that the groups state."""
    if name == "gl":
        return units(n)
    if name == "sl":
        off = [unit for unit in units(n) if not np.trace(unit)]
        diagonals = [np.diag([1.0] * k + [-k] + [0.0] * (n - k - 1)) / np.sqrt(k * (k + 1)) for k in range(1, n)]
        return np.array([element for element in off if not np.any(np.diag(element))] + diagonals)
    if name == "aff":
        padded = np.pad(units(n), ((0, 0), (0, 1), (0, 1)))
        shifts = np.pad(np.eye(n)[:, :, None], ((0, 0), (0, 1), (n, 0)))
        return np.concatenate([shifts, padded])
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    both = [np.outer(np.eye(n)[i], np.eye(n)[j]) + np.outer(np.eye(n)[j], np.eye(n)[i]) for i, j in pairs]
    return np.array([element / np.linalg.norm(element) for element in both])


GROUPS = {"gl": gl, "sl": sl, "aff": aff, "spd": spd}


def exponential(name, n=N):
    basis = generators(name, n)
    return lambda x: over_batch(lambda one: scipy.linalg.expm(np.einsum("a,aij->ij", one, basis)), x, len(basis))


def logarithm(name, n=N):
    basis = generators(name, n)
    flat = np.linalg.pinv(basis.reshape(len(basis), -1).T)
    return lambda g: over_batch(lambda one: flat @ np.real(scipy.linalg.logm(one)).ravel(), g, *basis.shape[1:])


def bracket(name, x, n=N):
    """The matrix of [x, .] on coordinates, one vector x."""
    basis = generators(name, n)
    element = np.einsum("a,aij->ij", x, basis)
    columns = [(element @ other - other @ element).ravel() for other in basis]
    return np.linalg.lstsq(basis.reshape(len(basis), -1).T, np.array(columns).T, rcond=None)[0]


def series_of_brackets(name, x, n=N):
    """`sum over k of ad^k / (k + 1)!`, as a block of one exponential."""
    matrix = bracket(name, x, n)
    size = len(matrix)
    whole = np.block([[matrix, np.eye(size)], [np.zeros((size, 2 * size))]])
    return scipy.linalg.expm(whole)[:size, size:]


def _vectors(name, scale=0.6):
    return lambda generator: (scale * generator.normal(size=(2, len(generators(name)))),)


def _elements(name):
    return lambda generator: (exponential(name)(0.4 * generator.normal(size=(2, len(generators(name))))),)


def _bad(call, error, message):
    return BadInput(call=call, error=error, message=message)


def _exponential_case(name):
    group, dimension = GROUPS[name], len(generators(name))
    return Case(
        name=f"lie_groups.{name}.exp",
        function=group.exp,
        arguments=_vectors(name),
        reference=exponential(name),
        empty=lambda: (np.zeros((0, dimension)),),
        bad_input=(
            _bad(lambda: group.exp(jnp.zeros((2, 7))), ValueError, "x must have"),
            _bad(lambda: group.exp(jnp.zeros((2, dimension), int)), TypeError, "x must be floating"),
        ),
        **FEATURES,
    )


def _logarithm_case(name, **options):
    group, size, argument = GROUPS[name], generators(name).shape[1], "s" if name == "spd" else "g"
    return Case(
        name=f"lie_groups.{name}.log",
        function=group.log,
        arguments=_elements(name),
        reference=logarithm(name),
        empty=lambda: (np.zeros((0, size, size)),),
        bad_input=(
            _bad(lambda: group.log(jnp.zeros((size, size + 1))), ValueError, f"{argument} must have shape"),
            _bad(lambda: group.log(jnp.zeros((size, size), int)), TypeError, f"{argument} must be floating"),
        ),
        **{**FEATURES, "low_precision": 2e-2, **options},
    )


def _coordinates(result):
    return result.coordinates


def _distance(a, b):
    def one(pair):
        root = np.linalg.inv(np.real(scipy.linalg.sqrtm(pair[0])))
        return np.linalg.norm(scipy.linalg.logm(root @ pair[1] @ root))

    return over_batch(one, np.stack([a, b], axis=1), 2, N, N)


def _two_elements(generator):
    return _elements("spd")(generator)[0], _elements("spd")(generator)[0]


CASES = [
    *(_exponential_case(name) for name in GROUPS),
    *(_logarithm_case(name, value=_coordinates) for name in ("gl", "sl", "aff")),
    _logarithm_case("spd"),
    Case(
        name="lie_groups.gl.left_jacobian",
        function=gl.left_jacobian,
        arguments=_vectors("gl"),
        reference=lambda x: over_batch(lambda one: series_of_brackets("gl", one), x, N * N),
        empty=lambda: (np.zeros((0, N * N)),),
        bad_input=(_bad(lambda: gl.left_jacobian(jnp.zeros(3)), ValueError, "x must have"),),
        **FEATURES,
    ),
    Case(
        name="lie_groups.spd.distance",
        function=spd.distance,
        arguments=_two_elements,
        reference=_distance,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, N, N)), np.zeros((0, N, N))),
        bad_input=(
            _bad(lambda: spd.distance(jnp.zeros((2, 3)), jnp.eye(2)), ValueError, "base must have shape"),
            _bad(lambda: spd.distance(jnp.eye(2), jnp.eye(3)), ValueError, "b must be of the size"),
        ),
        **{**FEATURES, "low_precision": 2e-2},
    ),
]
