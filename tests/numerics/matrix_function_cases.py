"""Exponential, logarithm and square root of general matrices beside scipy's, which factorise."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg

from jaxinv.kernels.numerics.matrix_exponential import matrix_exp, phi_one
from jaxinv.kernels.numerics.matrix_logarithm import matrix_log
from jaxinv.kernels.numerics.matrix_square_root import matrix_sqrt
from tests.duties import FEATURES, BadInput, Case

N = 3


def one_by_one(function):
    """A function of one matrix over leading axes, in numpy."""

    def over(a):
        flat = np.asarray(a, float).reshape(-1, *a.shape[-2:])
        return np.array([np.real(function(one)) for one in flat]).reshape(a.shape)

    return over


@one_by_one
def scipy_phi(a):
    """As a block of one exponential."""
    n = len(a)
    return scipy.linalg.expm(np.block([[a, np.eye(n)], [np.zeros((n, 2 * n))]]))[:n, n:]


scipy_exp = one_by_one(scipy.linalg.expm)
scipy_log = one_by_one(scipy.linalg.logm)
scipy_sqrt = one_by_one(scipy.linalg.sqrtm)


def _matrices(generator):
    return (0.7 * generator.normal(size=(2, N, N)),)


def _with_a_logarithm(generator):
    return (scipy_exp(0.5 * generator.normal(size=(2, N, N))),)


def _case(name, function, reference, arguments=_matrices, **options):
    return Case(
        name=f"numerics.{name}",
        function=function,
        arguments=arguments,
        reference=reference,
        empty=lambda: (np.zeros((0, N, N)),),
        bad_input=(
            BadInput(call=lambda: function(jnp.zeros((2, 3))), error=ValueError, message="a must have shape"),
            BadInput(call=lambda: function(jnp.zeros(3)), error=ValueError, message="a must have shape"),
            BadInput(call=lambda: function(jnp.eye(2, dtype=int)), error=TypeError, message="a must be floating"),
        ),
        **FEATURES | options,
    )


def _value(result):
    return result.value


CASES = [
    _case("matrix_exp", matrix_exp, scipy_exp),
    _case("phi_one", phi_one, scipy_phi),
    _case("matrix_log", matrix_log, scipy_log, _with_a_logarithm, value=_value),
    _case("matrix_sqrt", matrix_sqrt, scipy_sqrt, _with_a_logarithm, value=_value),
]
