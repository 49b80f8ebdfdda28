"""Decompositions, coordinates and measures beside scipy and numpy, in matrices that they determine well."""

import functools
import math

import jax.numpy as jnp
import numpy as np
import scipy.linalg

from jaxinv.kernels import lie_groups
from tests.duties import FEATURES, BadInput, Case


def positive_matrices(generator, n, count=2):
    """`(count, n, n)` of positive determinant, float64, condition about 10."""
    matrices = np.eye(n) + 0.5 * generator.normal(size=(count, n, n)) / np.sqrt(n)
    matrices[:, 0] *= np.sign(np.linalg.det(matrices))[:, None]
    return matrices


def side_by_side(*parts):
    """The factors' entries in a row: `(batch, entries)`."""
    module = np if isinstance(parts[0], np.ndarray) else jnp
    return module.concatenate([part.reshape(part.shape[0], math.prod(part.shape[1:])) for part in parts], axis=-1)


def over_batch(function):
    """`function` of one matrix, which gives a tuple of factors, for each of a batch: side by side."""

    def reference(matrices):
        rows = [np.concatenate([np.ravel(part) for part in function(matrix)]) for matrix in matrices]
        return np.array(rows)

    return reference


def numpy_polar(a):
    rotation, stretch = scipy.linalg.polar(a, side="left")
    return stretch, rotation


def numpy_bruhat(a):
    """Of a matrix in the big cell, whose permutation is none."""
    lower, diagonal, upper = numpy_ldu(a)
    return lower, np.eye(len(a)), diagonal[:, None] * upper


def numpy_cartan(a):
    rotation, stretch = scipy.linalg.polar(a, side="left")
    return np.real(scipy.linalg.logm(stretch)), rotation


def numpy_qr(a):
    q, r = np.linalg.qr(a)
    sign = np.sign(np.diag(r))
    return q * sign, sign[:, None] * r


def numpy_kan(a):
    q, r = numpy_qr(a)
    return q, np.log(np.diag(r)), r / np.diag(r)[:, None]


def numpy_ldu(a):
    """Diagonal from quotients of leading minors, factors from blocks."""
    n = len(a)
    minors = [1.0] + [np.linalg.det(a[:k, :k]) for k in range(1, n + 1)]
    diagonal = np.array(minors[1:]) / np.array(minors[:-1])
    lower, upper = np.eye(n), np.eye(n)
    for k in range(1, n):
        lower[k, :k] = np.linalg.solve((diagonal[:k, None] * upper[:k, :k]).T, a[k, :k])
        upper[:k, k] = np.linalg.solve(lower[:k, :k] * diagonal[:k], a[:k, k])
    return lower, diagonal, upper


def numpy_scale_split(a):
    log_scale = np.log(np.linalg.det(a)) / len(a)
    return log_scale, a * np.exp(-log_scale)


def numpy_coordinates(a):
    x, rotation = numpy_cartan(a)
    angle = np.arctan2(rotation[1, 0], rotation[0, 0])
    return (np.array([x[0, 0], np.sqrt(2) * x[0, 1], x[1, 1], np.sqrt(2) * angle]),)


def numpy_from_coordinates(v):
    x = np.array([[v[0], v[1] / np.sqrt(2)], [v[1] / np.sqrt(2), v[2]]])
    turn = np.array([[0, -v[3]], [v[3], 0]]) / np.sqrt(2)
    return (scipy.linalg.expm(x) @ scipy.linalg.expm(turn),)


def numpy_cartan_density(x):
    values = np.linalg.eigvalsh((x + np.swapaxes(x, -1, -2)) / 2)
    i, j = np.triu_indices(x.shape[-1], 1)
    differences = values[..., i] - values[..., j]
    return np.sum(np.log(np.sinh(differences) / differences), axis=-1)


def apart(a):
    """Matrices with eigenvalues of A's order, far from each other, in the basis A."""
    return a @ np.diag(2.0 * np.arange(1, a.shape[-1] + 1)) @ np.linalg.inv(a)


def _bad_matrices(function):
    return (
        BadInput(call=lambda: function(jnp.ones((3, 2))), error=ValueError, message="must have shape"),
        BadInput(call=lambda: function(jnp.ones(3)), error=ValueError, message="must have shape"),
        BadInput(call=lambda: function(jnp.ones((2, 2), int)), error=TypeError, message="must be floating point"),
    )


def _case(name, function, n, reference, value, *more_bad, **options):
    defaults = {
        **FEATURES,
        "arguments": lambda generator: (positive_matrices(generator, n),),
        "empty": lambda: (np.zeros((0, n, n)),),
        "value": value,
        "bad_input": (*_bad_matrices(function), *more_bad),
    }
    return Case(name=f"lie_groups.{name}", function=function, reference=reference, **(defaults | options))


def _unknown(call, message):
    return BadInput(call=call, error=ValueError, message=message)


def _discrete(name, function, reference, value, **options):
    return _case(name, function, 3, reference, value, differentiable=(), **options)


CASES = [
    _case(
        "polar",
        lie_groups.polar,
        3,
        over_batch(numpy_polar),
        lambda result: side_by_side(result.stretch, result.rotation),
        _unknown(lambda: lie_groups.polar(jnp.eye(2), side="up"), "side must be"),
    ),
    _case(
        "cartan",
        lie_groups.cartan,
        3,
        over_batch(numpy_cartan),
        lambda result: side_by_side(result.symmetric, result.rotation),
    ),
    _case(
        "qr_positive",
        lie_groups.qr_positive,
        4,
        over_batch(numpy_qr),
        lambda result: side_by_side(result.orthogonal, result.triangular),
    ),
    _case(
        "iwasawa",
        lie_groups.iwasawa,
        3,
        over_batch(numpy_kan),
        lambda result: side_by_side(result.k, result.log_a, result.n),
        _unknown(lambda: lie_groups.iwasawa(jnp.eye(2), order="ank"), "order must be"),
    ),
    _case(
        "kak",
        lie_groups.kak,
        3,
        over_batch(lambda a: (np.log(np.linalg.svd(a, compute_uv=False)),)),
        lambda result: result.log_a,
        # Signs of singular vectors, which nothing determines.
        diagnostics_tolerance=(2.5, 2.5),
    ),
    _case(
        "ldu",
        lie_groups.ldu,
        3,
        over_batch(numpy_ldu),
        lambda result: side_by_side(result.lower, result.diagonal, result.upper),
    ),
    _case(
        "scale_split",
        lie_groups.scale_split,
        3,
        over_batch(numpy_scale_split),
        lambda result: side_by_side(result.log_scale, result.special),
    ),
    _case(
        "xi_inv",
        functools.partial(lie_groups.xi_inv, group="gl"),
        2,
        over_batch(numpy_coordinates),
        lambda result: result,
        _unknown(lambda: lie_groups.xi_inv(jnp.eye(2), group="u"), "group must be"),
        _unknown(lambda: lie_groups.xi_inv(jnp.ones((1, 1)), group="gl"), "n >= 2"),
    ),
    Case(
        name="lie_groups.xi",
        function=functools.partial(lie_groups.xi, group="gl"),
        arguments=lambda generator: (generator.normal(size=(2, 4)),),
        reference=lambda v: over_batch(numpy_from_coordinates)(v).reshape(-1, 2, 2),
        empty=lambda: (np.zeros((0, 4)),),
        bad_input=(
            _unknown(lambda: lie_groups.xi(jnp.ones(5), group="gl"), "no dimension of 'gl'"),
            _unknown(lambda: lie_groups.xi(jnp.ones(4), group="u"), "group must be"),
            BadInput(
                call=lambda: lie_groups.xi(jnp.ones(4, int), group="gl"),
                error=TypeError,
                message="v must be floating point",
            ),
        ),
        **FEATURES,
    ),
    _case(
        "log_haar_density",
        functools.partial(lie_groups.log_haar_density, chart="cartan"),
        3,
        numpy_cartan_density,
        lambda result: result,
        _unknown(lambda: lie_groups.log_haar_density(jnp.eye(2), chart="lu"), "chart must be"),
        _unknown(lambda: lie_groups.log_haar_density(jnp.ones(()), chart="kak"), "coordinates must have shape"),
    ),
    _case(
        "log_modular",
        functools.partial(lie_groups.log_modular, group="aff"),
        3,
        lambda g: -np.log(np.abs(np.linalg.det(g[:, :2, :2]))),
        lambda result: result,
        _unknown(lambda: lie_groups.log_modular(jnp.eye(2), group="u"), "group must be"),
        _unknown(lambda: lie_groups.log_modular(jnp.ones((1, 1)), group="aff"), "homogeneous"),
    ),
    Case(
        name="lie_groups.effective_sample_size",
        function=lie_groups.effective_sample_size,
        arguments=lambda generator: (generator.normal(size=(3, 7)),),
        reference=lambda logs: np.sum(np.exp(logs), -1) ** 2 / np.sum(np.exp(2 * logs), -1),
        bad_input=(
            _unknown(lambda: lie_groups.effective_sample_size(jnp.zeros(0)), "log_weights must have shape"),
            BadInput(
                call=lambda: lie_groups.effective_sample_size(jnp.ones(3, int)),
                error=TypeError,
                message="log_weights must be floating point",
            ),
        ),
        **FEATURES,
    ),
    Case(
        name="lie_groups.weighted_integral",
        function=lie_groups.weighted_integral,
        arguments=lambda generator: (generator.normal(size=(2, 9)), generator.normal(size=9)),
        reference=lambda values, logs: np.mean(values * np.exp(logs), -1),
        differentiable=(0, 1),
        bad_input=(
            _unknown(lambda: lie_groups.weighted_integral(jnp.ones(3), jnp.ones(4)), "values must be"),
            BadInput(
                call=lambda: lie_groups.weighted_integral(jnp.ones(3, int), jnp.ones(3)),
                error=TypeError,
                message="values must be floating point",
            ),
        ),
        **{**FEATURES, "value": lambda result: result.value},
    ),
    _discrete(
        "bruhat",
        lie_groups.bruhat,
        over_batch(numpy_bruhat),
        lambda result: side_by_side(result.lower, result.permutation, result.upper),
    ),
    _discrete(
        "jordan_chevalley",
        lie_groups.jordan_chevalley,
        over_batch(lambda a: (a, 0 * a)),
        lambda result: side_by_side(result.semisimple, result.nilpotent),
        arguments=lambda generator: (apart(positive_matrices(generator, 3)),),
        empty=None,
    ),
    _discrete(
        "jordan_multiplicative",
        lie_groups.jordan_multiplicative,
        over_batch(lambda a: (np.eye(3), a, np.eye(3))),
        lambda result: side_by_side(result.elliptic, result.hyperbolic, result.unipotent),
        arguments=lambda generator: (apart(positive_matrices(generator, 3)),),
        empty=None,
    ),
]
