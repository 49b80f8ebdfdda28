"""Convolutions on positions and orientations beside the plain form, which writes the kernels of all pairs of points."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels.group_convolutions.orientation_convolution import (
    dense_orientation_convolution,
    edge_orientation_convolution,
)
from jaxinv.kernels.group_convolutions.orientation_fields import fiber_convolution
from jaxinv.kernels.group_convolutions.orientation_grids import orientation_grid
from jaxinv.kernels.group_convolutions.orientation_invariants import orientation_invariants

FAMILY = "group_convolutions"
TOLERANCE = 1e-4
CLOUDS = {"clouds": 32, "points": 20, "orientations": 16, "channels": 128, "basis": 256}
SMALL_CLOUDS = {"clouds": 2, "points": 4, "orientations": 4, "channels": 3, "basis": 5}
GRAPH = {"points": 640, "edges": 12_800, "orientations": 16, "channels": 128, "basis": 256}
SMALL_GRAPH = {"points": 5, "edges": 12, "orientations": 3, "channels": 2, "basis": 4}


def _normal(generator: np.random.Generator, *shape: int) -> np.ndarray:
    return generator.normal(size=shape).astype(np.float32)


def _arguments(halved: bool) -> Callable[[np.random.Generator, Sizes], tuple[Any, ...]]:
    def arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
        clouds, points, orientations = sizes["clouds"], sizes["points"], sizes["orientations"]
        channels, num_basis = sizes["channels"], sizes["basis"]
        kept = orientations // 2 if halved else orientations
        return (
            _normal(generator, clouds, points, orientations, channels),
            _normal(generator, clouds, points, points, kept, num_basis),
            _normal(generator, num_basis, channels) / np.float32(np.sqrt(num_basis)),
        )

    return arguments


def _plain(x, basis, weights):
    """A kernel for every pair, orientation and channel; of a halved basis the opposite pairs' kernels are looked up."""
    kernels = jnp.matmul(basis, weights, precision="highest")
    if kernels.shape[3] < x.shape[2]:
        kernels = jnp.concatenate([kernels, jnp.swapaxes(kernels, 1, 2)], axis=3)
    return jnp.einsum("bijoc,bjoc->bioc", kernels, x, precision="highest")


def _plain_on_the_whole_grid(x, basis, weights):
    """As it is mostly written: the basis of all orientations."""
    return _plain(x, jnp.concatenate([basis, jnp.swapaxes(basis, 1, 2)], axis=3), weights)


def _work(halved: bool) -> Callable[[Sizes], Work]:
    """Kernels from the basis, and the sums; arguments and result once."""

    def work(sizes: Sizes) -> Work:
        clouds, points, orientations = sizes["clouds"], sizes["points"], sizes["orientations"]
        channels, num_basis = sizes["channels"], sizes["basis"]
        kernels = float(clouds * points**2 * (orientations // 2 if halved else orientations))
        sums = 2.0 * clouds * points**2 * orientations * channels
        features = 2.0 * clouds * points * orientations * channels
        return Work(flops=2.0 * kernels * num_basis * channels + sums, bytes=4.0 * (kernels * num_basis + features))

    return work


def _graph(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Every point gets as many edges, as in clouds of points that all see each other."""
    points, edges, orientations = sizes["points"], sizes["edges"], sizes["orientations"]
    senders = generator.integers(0, points, edges).astype(np.int32)
    receivers = np.sort(np.arange(edges) % points).astype(np.int32)
    return (
        _normal(generator, points, orientations, sizes["channels"]),
        _normal(generator, edges, orientations, sizes["basis"]),
        _normal(generator, sizes["basis"], sizes["channels"]) / np.float32(np.sqrt(sizes["basis"])),
        senders,
        receivers,
    )


def _edges(x, basis, weights, senders, receivers):
    return edge_orientation_convolution(x, basis, weights, senders, receivers, sorted_receivers=True)


def _plain_edges(x, basis, weights, senders, receivers):
    messages = jnp.matmul(basis, weights, precision="highest") * x[senders]
    return jax.ops.segment_sum(messages, receivers, len(x), indices_are_sorted=True)


def _work_of_edges(sizes: Sizes) -> Work:
    kernels = float(sizes["edges"] * sizes["orientations"])
    features = 2.0 * sizes["points"] * sizes["orientations"] * sizes["channels"]
    flops = 2.0 * kernels * sizes["channels"] * (sizes["basis"] + 1)
    return Work(flops=flops, bytes=4.0 * (kernels * sizes["basis"] + features))


def _layer_arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Of a convolution on an antipodal grid, kernels between orientations, and the weights of a network after it."""
    orientations, channels = sizes["orientations"], sizes["channels"]
    return (
        *_arguments(True)(generator, sizes),
        _normal(generator, orientations, orientations, channels),
        _normal(generator, channels, 4 * channels) / np.float32(np.sqrt(channels)),
        _normal(generator, 4 * channels, channels) / np.float32(np.sqrt(4 * channels)),
    )


def _after(x, y, mixing, first, second):
    y = fiber_convolution(y, mixing)
    y = (y - jnp.mean(y, axis=-1, keepdims=True)) * jax.lax.rsqrt(jnp.var(y, axis=-1, keepdims=True) + 1e-6)
    hidden = jax.nn.gelu(jnp.matmul(y, first, precision="highest"))
    return x + jnp.matmul(hidden, second, precision="highest")


def _layer(x, basis, weights, *others):
    return _after(x, dense_orientation_convolution(x, basis, weights, antipodal=True), *others)


def _plain_layer(x, basis, weights, *others):
    return _after(x, _plain_on_the_whole_grid(x, basis, weights), *others)


def _work_of_layer(sizes: Sizes) -> Work:
    of_kernels = _work(True)(sizes)
    rows = float(sizes["clouds"] * sizes["points"] * sizes["orientations"])
    per_row = sizes["channels"] * (2 * sizes["orientations"] + 16 * sizes["channels"])
    return Work(flops=of_kernels.flops + rows * per_row, bytes=of_kernels.bytes)


def _invariants(relative):
    return orientation_invariants(relative, orientation_grid(16))


def _invariants_by_vectors(relative):
    """With the vector across each orientation written."""
    grid = jnp.asarray(orientation_grid(16), relative.dtype)
    along = jnp.einsum("ei,oi->eo", relative, grid, precision="highest")
    across = relative[:, None] - along[..., None] * grid
    return jnp.stack([along, jnp.linalg.norm(across, axis=-1)], axis=-1)


def _dense_peer(call: Callable[..., Any], name: str) -> Peer:
    return Peer(name=name, kind="dense", call=call, compiled=True, tolerance=TOLERANCE)


def _dense_case(name: str, *, halved: bool, call: Callable[..., Any]) -> Case:
    return Case(
        family=FAMILY,
        name=name,
        kernel=functools.partial(dense_orientation_convolution, antipodal=halved),
        arguments=_arguments(halved),
        sizes=(CLOUDS,),
        small=SMALL_CLOUDS,
        work=_work(halved),
        peers=(_dense_peer(call, "kernels of all pairs written"),),
        differentiable=(0, 1, 2),
    )


CASES = (
    _dense_case("dense_orientation_convolution", halved=False, call=_plain),
    _dense_case("dense_orientation_convolution, antipodal", halved=True, call=_plain_on_the_whole_grid),
    Case(
        family=FAMILY,
        name="edge_orientation_convolution",
        kernel=_edges,
        arguments=_graph,
        sizes=(GRAPH,),
        small=SMALL_GRAPH,
        work=_work_of_edges,
        peers=(_dense_peer(_plain_edges, "kernels of all edges written"),),
        differentiable=(0, 1, 2),
    ),
    Case(
        family=FAMILY,
        name="layer of PONITA",
        kernel=_layer,
        arguments=_layer_arguments,
        sizes=(CLOUDS,),
        small=SMALL_CLOUDS,
        work=_work_of_layer,
        peers=(_dense_peer(_plain_layer, "kernels of all pairs written"),),
        differentiable=tuple(range(6)),
    ),
    Case(
        family=FAMILY,
        name="orientation_invariants",
        kernel=_invariants,
        arguments=lambda generator, sizes: (_normal(generator, sizes["edges"], 3),),
        sizes=({"edges": 100_000},),
        small={"edges": 10},
        work=lambda sizes: Work(flops=16.0 * 15 * sizes["edges"], bytes=4.0 * sizes["edges"] * (3 + 32)),
        peers=(_dense_peer(_invariants_by_vectors, "vectors across written"),),
        differentiable=(0,),
        large_result=True,
    ),
)
