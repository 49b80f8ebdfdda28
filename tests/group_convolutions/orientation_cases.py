"""Convolutions on positions and orientations beside loops over points, orientations and channels, in float64 numpy."""

import functools

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.group_convolutions.orientation_convolution import (
    dense_orientation_convolution,
    edge_orientation_convolution,
)
from jaxinv.kernels.group_convolutions.orientation_fields import (
    fiber_convolution,
    lift_vectors,
    read_scalars,
    read_vectors,
)
from jaxinv.kernels.group_convolutions.orientation_grids import orientation_grid
from jaxinv.kernels.group_convolutions.orientation_invariants import orientation_invariants, pair_invariants
from jaxinv.kernels.group_convolutions.polynomial_features import polynomial_features
from jaxinv.kernels.harmonics.polynomial_cutoff import polynomial_cutoff
from tests.duties import FEATURES, BadInput, Case
from tests.harmonics.radial_basis_cases import CUTOFF, published_envelope

SPHERE, CIRCLE = orientation_grid(5), orientation_grid(4, 2)


def rejects(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


def zeros(*shape, dtype=None):
    return jnp.zeros(shape, dtype)


def normal(*shapes):
    return lambda generator: tuple(generator.normal(size=shape) for shape in shapes)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def reference_invariants(relative, orientations):
    """By the angle between a relative position and an orientation."""
    found = np.zeros((*relative.shape[:-1], len(orientations), 2))
    for place in np.ndindex(*relative.shape[:-1]):
        for o, orientation in enumerate(orientations):
            d = relative[place]
            length = np.linalg.norm(d)
            angle = np.arccos(orientation @ d / length)
            if len(d) == 2:
                angle *= np.sign(orientation[0] * d[1] - orientation[1] * d[0])
            found[place][o] = length * np.cos(angle), length * np.sin(angle)
    return found


def reference_pairs(relative, receivers, senders):
    o, p = unit(receivers), unit(senders)
    first = np.stack([reference_invariants(d[None], o_one[None])[0, 0] for d, o_one in zip(relative, o, strict=True)])
    inner = np.sum(o * p, -1)
    if relative.shape[-1] == 2:
        rest = [inner, o[:, 0] * p[:, 1] - o[:, 1] * p[:, 0]]
    else:
        rest = [inner, np.sum(p * relative, -1), np.linalg.det(np.stack([o, relative, p], axis=-2))]
    return np.concatenate([first, np.stack(rest, -1)], axis=-1)


def reference_features(x, degree):
    columns = []
    for power in range(1, degree + 1):
        for index in np.ndindex(*(x.shape[-1],) * power):
            columns.append(np.prod([x[..., i] for i in index], axis=0))
    return np.stack(columns, -1)


def reference_dense(x, basis, weights):
    """With half of the orientations in the basis, the other half's kernels are those of the opposite pairs."""
    clouds, points, num_orientations, channels = x.shape
    kept = basis.shape[-2]
    out = np.zeros(x.shape)
    for b, i, j, o, c in np.ndindex(clouds, points, points, num_orientations, channels):
        kernel = basis[b, i, j, o] if o < kept else basis[b, j, i, o - kept]
        out[b, i, o, c] += kernel @ weights[:, c] * x[b, j, o, c]
    return out


def reference_edges(x, basis, weights, senders, receivers):
    out = np.zeros(x.shape)
    for e, (sender, receiver) in enumerate(zip(senders, receivers, strict=True)):
        for o, c in np.ndindex(*x.shape[1:]):
            out[receiver, o, c] += basis[e, o] @ weights[:, c] * x[sender, o, c]
    return out


def edges(generator):
    x, basis, weights = normal((4, 3, 2), (7, 3, 5), (5, 2))(generator)
    return x, basis, weights, *generator.integers(4, size=(2, 7)).astype(np.int32)


def pairs(dimension):
    return lambda generator: tuple(generator.normal(size=(3, dimension)) for _ in range(3))


def of_pairs(relative, receivers, senders):
    return pair_invariants(relative, *(v / jnp.linalg.norm(v, axis=-1, keepdims=True) for v in (receivers, senders)))


def bad_dense(message, x=(2, 4, 3), basis=(2, 2, 4, 5), weights=(5, 3), error: type[Exception] = ValueError, **options):
    return rejects(
        lambda: dense_orientation_convolution(zeros(*x), zeros(*basis), zeros(*weights), **options), message, error
    )


def bad_edges(message, senders=(7,), dtype=jnp.int32, error: type[Exception] = ValueError, **options):
    def call():
        ends = zeros(*senders, dtype=dtype), zeros(7, dtype=jnp.int32)
        edge_orientation_convolution(zeros(4, 3, 2), zeros(7, 3, 5), zeros(5, 2), *ends, **options)

    return rejects(call, message, error)


CASES = [
    *(
        Case(
            name=f"group_convolutions.orientation_invariants[{len(grid[0])}]",
            function=functools.partial(orientation_invariants, orientations=grid),
            arguments=normal((2, 3, len(grid[0]))),
            reference=functools.partial(reference_invariants, orientations=grid),
            empty=lambda grid=grid: (np.zeros((0, len(grid[0]))),),
            bad_input=(
                rejects(lambda: orientation_invariants(zeros(2, 4), SPHERE), "relative must have a last axis of size"),
                rejects(lambda: orientation_invariants(zeros(2, 2), SPHERE), "orientations must have shape"),
                rejects(lambda: orientation_invariants(zeros(3, dtype=int), SPHERE), "relative must be", TypeError),
            ),
            **FEATURES,
        )
        for grid in (SPHERE, CIRCLE)
    ),
    *(
        Case(
            name=f"group_convolutions.pair_invariants[{dimension}]",
            function=of_pairs,
            arguments=pairs(dimension),
            reference=reference_pairs,
            differentiable=(0, 1, 2),
            empty=lambda dimension=dimension: (np.zeros((0, dimension)),) * 3,
            bad_input=(
                rejects(lambda: pair_invariants(zeros(4), zeros(4), zeros(4)), "relative must have a last axis"),
                rejects(lambda: pair_invariants(zeros(3), zeros(3), zeros(2)), "senders must have a last axis"),
                rejects(lambda: pair_invariants(zeros(3), zeros(3, dtype=int), zeros(3)), "receivers must", TypeError),
            ),
            **{**FEATURES, "low_precision": 2e-2},
        )
        for dimension in (2, 3)
    ),
    Case(
        name="group_convolutions.polynomial_features",
        function=functools.partial(polynomial_features, degree=3),
        arguments=normal((3, 2)),
        reference=functools.partial(reference_features, degree=3),
        empty=lambda: (np.zeros((0, 2)),),
        bad_input=(
            rejects(lambda: polynomial_features(zeros(2), 0), "degree must be >= 1"),
            rejects(lambda: polynomial_features(zeros(), 1), "x must have at least one axis"),
            rejects(lambda: polynomial_features(zeros(2, dtype=int), 1), "x must be floating", TypeError),
        ),
        **FEATURES,
    ),
    *(
        Case(
            name=f"group_convolutions.dense_orientation_convolution[{kind}]",
            function=functools.partial(dense_orientation_convolution, antipodal=antipodal),
            arguments=normal((2, 3, 4, 2), (2, 3, 3, 2 if antipodal else 4, 5), (5, 2)),
            reference=reference_dense,
            differentiable=(0, 1, 2),
            empty=lambda kept=2 if antipodal else 4: (
                np.zeros((0, 3, 4, 2)),
                np.zeros((0, 3, 3, kept, 5)),
                np.ones((5, 2)),
            ),
            bad_input=(
                bad_dense("x must have shape", x=(4, 3)),
                bad_dense("x must have an even number of orientations", x=(2, 3, 3), antipodal=True),
                bad_dense("basis must have shape", basis=(2, 2, 4, 5), antipodal=True),
                bad_dense("weights must have shape", weights=(4, 3)),
                bad_dense("mask must have shape", mask=zeros(3, dtype=bool)),
                bad_dense("mask must be boolean", mask=zeros(2), error=TypeError),
                rejects(
                    lambda: dense_orientation_convolution(zeros(2, 4, 3, dtype=int), zeros(2, 2, 4, 5), zeros(5, 3)),
                    "x must be floating",
                    TypeError,
                ),
            ),
            **FEATURES,
        )
        for kind, antipodal in (("free", False), ("antipodal", True))
    ),
    Case(
        name="group_convolutions.edge_orientation_convolution",
        function=edge_orientation_convolution,
        arguments=edges,
        reference=reference_edges,
        differentiable=(0, 1, 2),
        empty=lambda: (np.ones((4, 3, 2)), np.zeros((0, 3, 5)), np.ones((5, 2)), *np.zeros((2, 0), np.int32)),
        bad_input=(
            bad_edges("senders must have shape", senders=(6,)),
            bad_edges("senders must hold integers", dtype=float, error=TypeError),
            bad_edges("mask must be boolean", mask=zeros(7), error=TypeError),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.fiber_convolution",
        function=fiber_convolution,
        arguments=normal((2, 4, 3), (4, 4, 3)),
        reference=lambda x, k: sum(k[None, :, o] * x[:, None, o] for o in range(4)) / 4,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, 4, 3)), np.ones((4, 4, 3))),
        bad_input=(
            rejects(lambda: fiber_convolution(zeros(2, 4, 3), zeros(4, 3, 3)), "kernels must have shape"),
            rejects(lambda: fiber_convolution(zeros(3), zeros(4, 3, 3)), "x must have shape"),
            rejects(lambda: fiber_convolution(zeros(4, 3, dtype=int), zeros(4, 4, 3)), "x must be float", TypeError),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.lift_vectors",
        function=functools.partial(lift_vectors, orientations=SPHERE),
        arguments=normal((2, 4, 3)),
        reference=lambda v: np.stack([v @ o for o in SPHERE], axis=1),
        empty=lambda: (np.zeros((0, 4, 3)),),
        bad_input=(
            rejects(lambda: lift_vectors(zeros(4, 2), SPHERE), "vectors must have shape"),
            rejects(lambda: lift_vectors(zeros(4, 3, dtype=int), SPHERE), "vectors must be float", TypeError),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.read_vectors",
        function=functools.partial(read_vectors, orientations=SPHERE),
        arguments=normal((2, 5, 4)),
        reference=lambda x: 3 / 5 * sum(x[:, i, :, None] * o for i, o in enumerate(SPHERE)),
        empty=lambda: (np.zeros((0, 5, 4)),),
        bad_input=(
            rejects(lambda: read_vectors(zeros(4, 2), SPHERE), "x must have shape"),
            rejects(lambda: read_vectors(zeros(5, 3, dtype=int), SPHERE), "x must be float", TypeError),
        ),
        **FEATURES,
    ),
    Case(
        name="group_convolutions.read_scalars",
        function=read_scalars,
        arguments=normal((2, 5, 4)),
        reference=lambda x: x.mean(1),
        empty=lambda: (np.zeros((0, 5, 4)),),
        bad_input=(rejects(lambda: read_scalars(zeros(5, 3, dtype=int)), "x must be float", TypeError),),
        **FEATURES,
    ),
    Case(
        name="harmonics.polynomial_cutoff",
        function=lambda r: polynomial_cutoff(r, cutoff=CUTOFF, order=4),
        arguments=lambda generator: (generator.uniform(0.1, 3.0, size=(2, 4)),),
        reference=lambda r: published_envelope(r, 4)[..., 0],
        empty=lambda: (np.zeros((0,)),),
        bad_input=(
            rejects(lambda: polynomial_cutoff(zeros(3), cutoff=0.0), "cutoff must be positive"),
            rejects(lambda: polynomial_cutoff(zeros(3), cutoff=1.0, order=0), "order must be"),
            rejects(lambda: polynomial_cutoff(zeros(3, dtype=int), cutoff=1.0), "lengths must be", TypeError),
        ),
        **FEATURES,
    ),
]
