"""Rigid motions and similarities beside scipy's exponential, logarithm and series of brackets."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg

from jaxinv.kernels.lie_groups import se, se2, se3, sim2, sim3, so, so2, so3
from tests.duties import FEATURES, BadInput, Case

GROUPS = {"so2": so2, "so3": so3, "so": so, "se2": se2, "se3": se3, "se": se, "sim2": sim2, "sim3": sim3}
# Coordinates, and size of a matrix; of the families n = 4.
DIMENSIONS = {"so2": 1, "so3": 3, "so": 6, "se2": 3, "se3": 6, "se": 10, "sim2": 4, "sim3": 7}
SIZES = {"so2": 2, "so3": 3, "so": 4, "se2": 3, "se3": 4, "se": 5, "sim2": 3, "sim3": 4}


def over_batch(function, arrays, *shape):
    """A function of one array over leading axes, in numpy."""
    arrays = np.asarray(arrays, float)
    lead = arrays.shape[: arrays.ndim - len(shape)]
    results = np.stack([function(one) for one in arrays.reshape(-1, *shape)])
    return results.reshape(*lead, *results.shape[1:])


def generators(name):
    """`(dim, size, size)` float64: the basis written out, by the conventions that the groups state."""
    if name == "so3":
        pairs, size, shifts, scale = [(2, 1), (0, 2), (1, 0)], 3, 0, False
    else:
        size = SIZES[name] - (name[:2] != "so")
        pairs = [(2, 1), (0, 2), (1, 0)] if size == 3 else [(i, j) for i in range(size) for j in range(i)]
        shifts, scale = (0 if name[:2] == "so" else size), name[:3] == "sim"
    basis = []
    for i in range(shifts):
        element = np.zeros((SIZES[name],) * 2)
        element[i, size] = 1
        basis.append(element)
    for i, j in pairs:
        element = np.zeros((SIZES[name],) * 2)
        element[i, j], element[j, i] = 1, -1
        basis.append(element)
    if scale:
        basis.append(np.diag([*[1.0] * size, 0.0]))
    return np.array(basis)


def exponential(name):
    basis = generators(name)
    return lambda x: over_batch(lambda one: scipy.linalg.expm(np.einsum("a,aij->ij", one, basis)), x, len(basis))


def bracket(name, x):
    """The matrix of [x, .] on coordinates, one vector x."""
    basis = generators(name)
    element = np.einsum("a,aij->ij", x, basis)
    columns = [(element @ other - other @ element).ravel() for other in basis]
    flat = basis.reshape(len(basis), -1).T
    return np.linalg.lstsq(flat, np.array(columns).T, rcond=None)[0]


def series_of_brackets(name, x):
    """`sum over k of ad^k / (k + 1)!`, as a block of one exponential."""
    matrix = bracket(name, x)
    size = len(matrix)
    whole = np.block([[matrix, np.eye(size)], [np.zeros((size, 2 * size))]])
    return scipy.linalg.expm(whole)[:size, size:]


def _vectors(name, scale=0.6):
    return lambda generator: (scale * generator.normal(size=(2, DIMENSIONS[name])),)


def _logarithm_of_product(name):
    """log(exp(x) exp(y)) with a fixed y: only along the group is the logarithm's derivative promised."""
    group, other = GROUPS[name], 0.4 * np.cos(np.arange(DIMENSIONS[name]))
    basis = generators(name)

    def function(x):
        return group.log(group.compose(group.exp(x), group.exp(jnp.asarray(other, x.dtype))))

    def reference(x):
        second = exponential(name)(other)
        flat = np.linalg.pinv(basis.reshape(len(basis), -1).T)
        return over_batch(
            lambda one: flat @ np.real(scipy.linalg.logm(exponential(name)(one) @ second)).ravel(), x, len(basis)
        )

    return function, reference


def _cases(name):
    group, dimension, size = GROUPS[name], DIMENSIONS[name], SIZES[name]
    wrong = {"so": 5, "se": 7}.get(name, dimension + 1)

    def bad_vectors(verb):
        call = getattr(group, verb)
        integers = jnp.zeros((2, dimension), int)
        return (
            BadInput(call=lambda: call(jnp.zeros((2, wrong))), error=ValueError, message="x must have"),
            BadInput(call=lambda: call(integers), error=TypeError, message="x must be floating"),
        )

    bad_matrices = (
        BadInput(call=lambda: group.log(jnp.zeros((size, size + 1))), error=ValueError, message="g must have shape"),
        BadInput(call=lambda: group.log(jnp.zeros((size, size), int)), error=TypeError, message="g must be floating"),
    )
    logarithm, reference = _logarithm_of_product(name)
    empty = lambda: (np.zeros((0, dimension)),)  # noqa: E731
    return [
        Case(
            name=f"lie_groups.{name}.exp",
            function=group.exp,
            arguments=_vectors(name),
            reference=exponential(name),
            empty=empty,
            bad_input=bad_vectors("exp"),
            **FEATURES,
        ),
        Case(
            name=f"lie_groups.{name}.log",
            function=logarithm,
            arguments=_vectors(name, 0.4),
            reference=reference,
            empty=empty,
            bad_input=bad_matrices,
            # Elements on the way are rounded to bfloat16 three times.
            **{**FEATURES, "low_precision": 2e-2},
        ),
        Case(
            name=f"lie_groups.{name}.left_jacobian",
            function=group.left_jacobian,
            arguments=_vectors(name),
            reference=lambda x: over_batch(lambda one: series_of_brackets(name, one), x, dimension),
            empty=empty,
            bad_input=bad_vectors("left_jacobian"),
            **FEATURES,
        ),
    ]


# so2, se2 and se(n) share these formulas, or are matrix exponentials; to compile their duties too would take minutes.
CASES = [case for name in ("so3", "so", "se3", "sim2", "sim3") for case in _cases(name)]
