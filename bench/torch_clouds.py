"""PONITA's separable layer: ours, and the published one as it is written in torch, by edges.

Fully connected clouds. The basis of the kernels is given, since layers share it; its gradient is asked for.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.torch_contest import Contestant, of_jax, of_torch, tensor, torch
from jaxinv.kernels.group_convolutions.orientation_convolution import (
    dense_orientation_convolution,
    edge_orientation_convolution,
)
from jaxinv.kernels.group_convolutions.orientation_fields import fiber_convolution
from jaxinv.kernels.group_convolutions.orientation_grids import orientation_grid
from jaxinv.kernels.group_convolutions.orientation_invariants import fiber_invariants, orientation_invariants
from jaxinv.kernels.group_convolutions.polynomial_features import polynomial_features
from jaxinv.kernels.numerics.precision import contract

CLOUDS, POINTS, ORIENTATIONS, CHANNELS, BASIS = 32, 20, 16, 128, 256
_WIDENING = 4


def contest(*, block: bool) -> list[Contestant]:
    """The convolution over points and then over orientations, or all of the ConvNeXt block around it.

    The grid is made of opposite orientations, so that one of our rows may use it: another grid costs the other rows as
    much.
    """
    generator = np.random.default_rng(0)
    x, cotangent = (_normal(generator, CLOUDS, POINTS, ORIENTATIONS, CHANNELS) for _ in range(2))
    basis, fiber_basis = _bases(generator)
    weights, fiber_weights = (_normal(generator, BASIS, CHANNELS) / BASIS**0.5 for _ in range(2))
    others = (weights, fiber_basis, fiber_weights, *(_block_parameters(generator) if block else ()))
    senders, receivers = _edges()
    of_edges = {"senders": jnp.asarray(senders), "receivers": jnp.asarray(receivers)}

    def by_edges(x, basis, weights):
        flat, basis = x.reshape(-1, *x.shape[2:]), basis.reshape(-1, *basis.shape[3:])
        return edge_orientation_convolution(flat, basis, weights, **of_edges, sorted_receivers=True).reshape(x.shape)

    def half(x, basis, weights):
        return dense_orientation_convolution(x, basis, weights, antipodal=True)

    def ours(convolve):
        def layer(x, basis, weights, fiber_basis, fiber_weights, *block):
            kernels = contract("pok,kc->poc", fiber_basis, fiber_weights)
            y = fiber_convolution(convolve(x, basis, weights), kernels)
            return _block(x, y, *block) if block else y

        return layer

    parameters = sum(array.size for array in others) - fiber_basis.size
    half_basis = basis[..., : ORIENTATIONS // 2, :]
    rows = (
        ("dense", dense_orientation_convolution, basis, _in_order),
        ("dense, opposite orientations", half, half_basis, _without_basis),
        ("by edges", by_edges, basis, _in_order),
    )
    entrants = [
        of_jax(name, ours(convolve), (x, given, *others), cotangent, parameters=parameters, compared=compared)
        for name, convolve, given, compared in rows
    ]
    indices = tensor(senders, leaf=False), tensor(receivers, leaf=False)

    def published(x, basis, *rest):
        return _published(x, basis, *rest, senders=indices[0], receivers=indices[1])

    flat = [tensor(array) for array in (x.reshape(-1, *x.shape[2:]), basis.reshape(-1, *basis.shape[3:]), *others)]
    entrants.append(
        of_torch(
            "torch, by edges",
            published,
            flat,
            tensor(cotangent.reshape(flat[0].shape), leaf=False),
            parameters=parameters,
            compared=lambda value, of_x, of_basis, *rest: _in_order(
                value.reshape(x.shape), of_x.reshape(x.shape), of_basis.reshape(basis.shape), *rest
            ),
        )
    )
    return entrants


def _normal(generator, *shape):
    return generator.normal(size=shape).astype(np.float32)


def _in_order(value, of_x, of_basis, *rest) -> Sequence[Any]:
    return value, of_x, *rest, of_basis


def _without_basis(value, of_x, of_basis, *rest) -> Sequence[Any]:
    del of_basis
    return value, of_x, *rest


def _edges() -> tuple[np.ndarray, np.ndarray]:
    """Of all clouds as one graph: to each point of a cloud, from each."""
    cloud, receiver, sender = np.indices((CLOUDS, POINTS, POINTS)).reshape(3, -1)
    return cloud * POINTS + sender, cloud * POINTS + receiver


def _bases(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two layers of random weights on polynomials of the invariants, by pair of points and by pair of orientations."""
    grid = orientation_grid(ORIENTATIONS, antipodal=True)
    positions = _normal(generator, CLOUDS, POINTS, 3)
    relative = positions[:, None] - positions[:, :, None]

    def network(invariants):
        features = polynomial_features(jnp.asarray(invariants, jnp.float32), 3)
        first = _normal(generator, features.shape[-1], CHANNELS) / features.shape[-1] ** 0.5
        last = _normal(generator, CHANNELS, BASIS) / CHANNELS**0.5
        hidden = jax.nn.gelu(contract("...i,io->...o", features, first), approximate=False)
        return np.asarray(jax.nn.gelu(contract("...i,io->...o", hidden, last), approximate=False))

    return network(orientation_invariants(jnp.asarray(relative), grid)), network(fiber_invariants(grid))


def _block_parameters(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Scale and shift of the normalization, and the two linear maps with their biases."""
    wide = _WIDENING * CHANNELS
    return (
        1 + 0.1 * _normal(generator, CHANNELS),
        0.1 * _normal(generator, CHANNELS),
        _normal(generator, CHANNELS, wide) / CHANNELS**0.5,
        0.1 * _normal(generator, wide),
        _normal(generator, wide, CHANNELS) / wide**0.5,
        0.1 * _normal(generator, CHANNELS),
    )


def _block(x, y, scale, shift, first, first_bias, last, last_bias):
    centred = y - jnp.mean(y, axis=-1, keepdims=True)
    normal = centred * jax.lax.rsqrt(jnp.mean(centred**2, axis=-1, keepdims=True) + 1e-5) * scale + shift
    hidden = jax.nn.gelu(contract("...i,io->...o", normal, first) + first_bias, approximate=False)
    return x + contract("...i,io->...o", hidden, last) + last_bias


def _published(x, basis, weights, fiber_basis, fiber_weights, *block, senders, receivers):
    """Kernels of all edges, gathered senders, their product, its sum at the receivers; then orientations."""
    kernels = basis @ weights
    received = torch.zeros_like(x).index_add(0, receivers, kernels * x.index_select(0, senders))
    y = torch.einsum("boc,poc->bpc", received, fiber_basis @ fiber_weights) / x.shape[1]
    if not block:
        return y
    scale, shift, first, first_bias, last, last_bias = block
    normal = torch.nn.functional.layer_norm(y, scale.shape, scale, shift)
    hidden = torch.nn.functional.gelu(torch.addmm(first_bias, normal.flatten(0, 1), first))
    return x + torch.addmm(last_bias, hidden, last).reshape(x.shape)
