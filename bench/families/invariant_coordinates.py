"""Invariant coordinates beside the textbook's n x n scaling and beside principal components."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import invariant_coordinates_peers as peers
from jaxinv.kernels import symmetrization as kernels

FAMILY = "symmetrization"
DIMENSION, TOLERANCE = 3, 1e-3


def _arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Clouds of clear axes and senses; and factors, without which the derivatives of the sum are 0."""
    clouds = generator.exponential(size=(sizes["clouds"], sizes["points"], DIMENSION)) * 2.0 ** np.arange(DIMENSION)
    return clouds.astype(np.float32), generator.uniform(size=(1, sizes["points"], 1)).astype(np.float32)


def _work(sizes: Sizes) -> Work:
    """Means, moments, the turn, cubes and squares of each point; points read and coordinates written once."""
    rows, d = sizes["clouds"] * sizes["points"], DIMENSION
    flops = rows * (2.0 * d + d * (d + 1) + 2 * d * d + 6 * d) + 9.0 * d**3 * sizes["clouds"]
    return Work(flops=flops, bytes=8.0 * rows * d)


def _tinv(points, factors):
    return kernels.tinv(points).points * factors


def _exact(points, factors):
    """With the derivative of the axes, as that of the textbook's."""
    return jnp.abs(kernels.tinv(points, detached=False).points) * factors


def _host(name: str, call: Any, *modules: str) -> Peer:
    return Peer(name=name, kind="library", call=call, modules=modules, tolerance=TOLERANCE)


CASES = (
    Case(
        family=FAMILY,
        name="tinv",
        kernel=_tinv,
        arguments=_arguments,
        sizes=({"clouds": 512, "points": 96}, {"clouds": 32, "points": 2048}),
        small={"clouds": 4, "points": 12},
        work=_work,
        peers=(
            Peer(
                name="covariance and jnp.linalg.eigh",
                kind="dense",
                call=peers.plain_principal_components,
                compiled=True,
                tolerance=TOLERANCE,
            ),
            _host("numpy, covariance", peers.numpy_principal_components),
            _host("sklearn PCA", peers.sklearn_principal_components, "sklearn"),
        ),
        differentiable=(0,),
        derivatives_at_every_size=True,
        large_result=True,
    ),
    Case(
        family=FAMILY,
        name="tinv, beside n x n scaling",
        kernel=_exact,
        arguments=_arguments,
        sizes=({"clouds": 16, "points": 96}, {"clouds": 1, "points": 512}),
        small={"clouds": 2, "points": 12},
        work=_work,
        peers=(
            Peer(
                name="n x n scaling, jnp.linalg.eigh",
                kind="dense",
                call=peers.textbook_scaling,
                compiled=True,
                tolerance=TOLERANCE,
                slow=True,
            ),
        ),
        differentiable=(0,),
    ),
)
