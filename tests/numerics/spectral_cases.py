"""Small matrices and their spectral functions beside numpy and scipy."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg
from scipy.spatial.transform import Rotation

from jaxinv.kernels.numerics.polar_factor import polar_factor, principal_axes, procrustes
from jaxinv.kernels.numerics.singular_values import singular_value_decomposition
from jaxinv.kernels.numerics.small_matrices import adjugate, determinant, inverse, product
from jaxinv.kernels.numerics.spectral_functions import (
    symmetric_exp,
    symmetric_inverse_sqrt,
    symmetric_log,
    symmetric_power,
    symmetric_sqrt,
)
from jaxinv.kernels.numerics.symmetric_eigen import symmetric_eigen
from tests.duties import FEATURES, BadInput, Case

MATRICES = {**FEATURES, "tolerance": (2e-5, 1e-11)}


def random_matrices(generator, shape=(2,), size=3):
    """Far from singular."""
    return generator.normal(size=(*shape, size, size)) + 3 * np.eye(size)


def with_spectrum(generator, values):
    """Symmetric matrices `(..., n, n)` with given eigenvalues `(..., n)`."""
    values = np.asarray(values, float)
    frames = np.linalg.qr(generator.normal(size=(*values.shape, values.shape[-1])))[0]
    matrices = (frames * values[..., None, :]) @ np.swapaxes(frames, -1, -2)
    return (matrices + np.swapaxes(matrices, -1, -2)) / 2


def positive_definite(generator):
    return (with_spectrum(generator, np.array([0.5, 1.2, 2.5]) * generator.uniform(0.9, 1.1, size=(2, 3))),)


def each(function):
    """A function of one matrix, of a stack of them."""
    return lambda stack: np.stack([np.real(function(matrix)) for matrix in stack])


def bad(function):
    return (
        BadInput(call=lambda: function(jnp.ones((2, 3))), error=ValueError, message="a must have shape"),
        BadInput(call=lambda: function(jnp.ones(3)), error=ValueError, message="a must have shape"),
        BadInput(call=lambda: function(jnp.ones((3, 3), int)), error=TypeError, message="a must be floating"),
    )


def of_one_matrix(name, function, reference, arguments=None, *, more_bad=(), **options):
    return Case(
        name=f"numerics.{name}",
        function=function,
        arguments=arguments or (lambda generator: (random_matrices(generator),)),
        reference=reference,
        empty=lambda: (np.zeros((0, 3, 3)),),
        bad_input=(*bad(function), *more_bad),
        **{**MATRICES, **options},
    )


def points_and_weights(generator):
    x = generator.normal(size=(5, 3))
    turned = x @ Rotation.from_rotvec(generator.normal(size=3)).as_matrix().T
    weights = np.append(generator.uniform(0.5, 1.5, size=4), 0.0)
    return x, turned + 0.1 * generator.normal(size=(5, 3)), weights


def aligned(x, y, weights):
    x, y = (points - np.average(points, axis=0, weights=weights) for points in (x, y))
    return Rotation.align_vectors(y, x, weights)[0].as_matrix()


CASES = [
    Case(
        name="numerics.product",
        function=product,
        arguments=lambda generator: (random_matrices(generator), random_matrices(generator)),
        reference=np.matmul,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 3, 3)), np.zeros((0, 3, 3))),
        bad_input=(
            *bad(lambda a: product(a, jnp.eye(3))),
            BadInput(call=lambda: product(jnp.eye(3), jnp.eye(2)), error=ValueError, message="b must be of the size"),
        ),
        **MATRICES,
    ),
    of_one_matrix("determinant", determinant, np.linalg.det),
    of_one_matrix(
        "adjugate",
        adjugate,
        lambda a: np.linalg.det(a)[:, None, None] * np.linalg.inv(a),
        more_bad=(BadInput(call=lambda: adjugate(jnp.eye(5)), error=ValueError, message="4x4 at most"),),
    ),
    of_one_matrix("inverse", inverse, np.linalg.inv),
    of_one_matrix(
        "symmetric_eigen", symmetric_eigen, np.linalg.eigvalsh, positive_definite, value=lambda found: found.values
    ),
    of_one_matrix(
        "singular_value_decomposition",
        singular_value_decomposition,
        lambda a: np.linalg.svd(a, compute_uv=False),
        value=lambda found: found.s,
    ),
    of_one_matrix("symmetric_sqrt", symmetric_sqrt, each(scipy.linalg.sqrtm), positive_definite),
    of_one_matrix(
        "symmetric_inverse_sqrt",
        symmetric_inverse_sqrt,
        each(lambda a: np.linalg.inv(scipy.linalg.sqrtm(a))),
        positive_definite,
    ),
    of_one_matrix("symmetric_exp", symmetric_exp, scipy.linalg.expm, positive_definite),
    of_one_matrix("symmetric_log", symmetric_log, each(scipy.linalg.logm), positive_definite),
    of_one_matrix(
        "symmetric_power",
        lambda a: symmetric_power(a, 0.7),
        each(lambda a: scipy.linalg.fractional_matrix_power(a, 0.7)),
        positive_definite,
        more_bad=(
            BadInput(
                call=lambda: symmetric_power(jnp.eye(3), np.inf), error=ValueError, message="exponent must be finite"
            ),
        ),
    ),
    of_one_matrix("polar_factor", polar_factor, each(lambda a: scipy.linalg.polar(a)[0])),
    Case(
        name="numerics.procrustes",
        function=lambda x, y, weights: procrustes(x, y, weights=weights),
        arguments=points_and_weights,
        reference=aligned,
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0)),
        bad_input=(
            BadInput(call=lambda: procrustes(jnp.ones(3), jnp.ones(3)), error=ValueError, message="x must have shape"),
            BadInput(
                call=lambda: procrustes(jnp.ones((4, 3)), jnp.ones((5, 3))), error=ValueError, message="y must have as"
            ),
            BadInput(
                call=lambda: procrustes(jnp.ones((4, 3)), jnp.ones((4, 3)), weights=jnp.ones(3)),
                error=ValueError,
                message="weights must have shape",
            ),
            BadInput(
                call=lambda: procrustes(jnp.ones((4, 3), int), jnp.ones((4, 3))), error=TypeError, message="x must be"
            ),
        ),
        **{**MATRICES, "value": lambda found: found.rotation},
    ),
    Case(
        name="numerics.principal_axes",
        function=principal_axes,
        arguments=lambda generator: (
            generator.normal(size=(8, 3)) * [1.0, 2.0, 4.0],
            generator.uniform(0.5, 1.5, size=8),
        ),
        reference=lambda points, weights: np.linalg.eigvalsh(np.cov(points.T, aweights=weights, bias=True)),
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 3)), np.zeros(0)),
        bad_input=(
            BadInput(call=lambda: principal_axes(jnp.ones(3)), error=ValueError, message="points must have shape"),
            BadInput(
                call=lambda: principal_axes(jnp.ones((4, 3)), jnp.ones(3)), error=ValueError, message="weights must"
            ),
            BadInput(call=lambda: principal_axes(jnp.ones((4, 3), int)), error=TypeError, message="points must be"),
        ),
        **{**MATRICES, "value": lambda found: found.variances},
    ),
]
