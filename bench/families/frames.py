"""Averages over frames beside the network alone on as many clouds, and principal axes beside LAPACK's."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels import symmetrization as kernels

FAMILY = "symmetrization"
DIMENSION, COPIES = 3, 8
SIGNS = np.array(list(itertools.product((1.0, -1.0), repeat=DIMENSION)), np.float32)


def _vectors(parameters, points):
    """A network of each point by itself, with a vector for each of them."""
    *hidden, (last, shift) = zip(parameters[::2], parameters[1::2], strict=True)
    for weight, bias in hidden:
        points = jax.nn.silu(points @ weight + bias)
    return points @ last + shift


def _energy(parameters, points):
    """One number for each cloud."""
    return jnp.mean(_vectors(parameters, points), axis=(-1, -2))


def _clouds(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Points of variances far from each other."""
    return (generator.normal(size=(*shape, DIMENSION)) * 4.0 ** np.arange(DIMENSION)).astype(np.float32)


def _arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Clouds, 2^d times as many for the peer, and the parameters."""
    shape = sizes["clouds"], sizes["points"]
    widths = [DIMENSION, sizes["width"], sizes["width"], DIMENSION]
    parameters = []
    for inputs, outputs in itertools.pairwise(widths):
        parameters += [generator.normal(size=(inputs, outputs)) / np.sqrt(inputs), np.zeros((1, 1, outputs))]
    copies = _clouds(generator, (COPIES * shape[0], shape[1]))
    return _clouds(generator, shape), copies, *(x.astype(np.float32) for x in parameters)


def _work_of_network(sizes: Sizes) -> Work:
    """Its products on 2^d copies; parameters and clouds read once."""
    width, rows = sizes["width"], sizes["clouds"] * sizes["points"]
    flops = 2.0 * COPIES * rows * width * (2 * DIMENSION + width)
    return Work(flops=flops, bytes=4.0 * (rows * DIMENSION + width * (2 * DIMENSION + width + 2)))


def _average_case(name: str, network: Callable[..., Any], output: str) -> Case:
    def averaged(points, copies, *parameters):
        del copies
        frames = kernels.pca_frame(points, group="e")
        return kernels.frame_average(network, frames, parameters, points, inputs=("scalar", "point"), output=output)

    def alone(points, copies, *parameters):
        del points
        return network(parameters, copies)

    return Case(
        family=FAMILY,
        name=name,
        kernel=averaged,
        arguments=_arguments,
        sizes=({"clouds": 128, "points": 20, "width": 64}, {"clouds": 128, "points": 20, "width": 128}),
        small={"clouds": 3, "points": 5, "width": 8},
        work=_work_of_network,
        peers=(Peer(name="the network on 2^d times as many clouds", kind="another map", call=alone, compiled=True),),
        differentiable=(0, 1, *range(2, 8)),
        derivatives_at_every_size=True,
    )


def _frames_by_eigh(points):
    """All signs of the eigenvectors of the covariance."""
    centred = points - jnp.mean(points, axis=1, keepdims=True)
    covariance = jnp.einsum("cpi,cpj->cij", centred, centred, precision="highest") / points.shape[1]
    axes = jnp.linalg.eigh(covariance, symmetrize_input=False)[1]
    return jnp.abs(axes[:, None] * SIGNS[None, :, None, :])


def _work_of_axes(sizes: Sizes) -> Work:
    """Moments, and nine d^3 for the axes; points read and elements written once."""
    clouds, d = sizes["clouds"], DIMENSION
    flops = clouds * (sizes["points"] * (d * (d + 1.0) + 2 * d) + 9.0 * d**3)
    return Work(flops=flops, bytes=4.0 * clouds * d * (sizes["points"] + d * COPIES))


def _axes_case(name: str, *, detached: bool, differentiable: tuple[int, ...]) -> Case:
    return Case(
        family=FAMILY,
        name=name,
        kernel=lambda points: kernels.pca_frame(points, group="e", detached=detached),
        arguments=lambda generator, sizes: (_clouds(generator, (sizes["clouds"], sizes["points"])),),
        sizes=({"clouds": 20_000, "points": 20},),
        small={"clouds": 20, "points": 8},
        work=_work_of_axes,
        # Signs are arbitrary.
        value=lambda found: jnp.abs(found.elements),
        peers=(Peer(name="jnp.linalg.eigh", kind="dense", call=_frames_by_eigh, compiled=True, tolerance=1e-3),),
        differentiable=differentiable,
        large_result=True,
    )


CASES = (
    _average_case("frame_average, invariant", _energy, "scalar"),
    _average_case("frame_average, equivariant", _vectors, "point"),
    _axes_case("pca_frame", detached=True, differentiable=()),
    _axes_case("pca_frame, exact derivative", detached=False, differentiable=(0,)),
)
