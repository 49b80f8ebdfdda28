"""Peers of products that mix channels or nodes: e3nn_jax as its users write them, cuequivariance_jax by "naive".

"naive" is the one method of cuequivariance_jax that runs on every device. It keeps components before channels; what
turns its arrays into ours is part of its time, but touches inputs and results only.
"""

import functools
import importlib
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.families.full_precision import in_full_precision
from jaxinv.kernels.harmonics.degrees import degree_slice, lmax_of
from jaxinv.kernels.tensor_products.coupling import tensor_product_paths

# --- Convolution over edges, its paths apart.


@in_full_precision
def e3nn_convolution(x, harmonics, weights, senders, receivers):
    """Gathered features times harmonics, weighted, summed at the receivers."""
    lmax = lmax_of("x", x)
    by_path = _e3nn_chunks(x[senders], harmonics[:, None], lmax)
    results = []
    for number, path in enumerate(tensor_product_paths(lmax, lmax, lmax)):
        results.append(by_path[path][:, :, 0] * weights[:, :, number, None])
    return jax.ops.segment_sum(jnp.concatenate(results, axis=-1), receivers, x.shape[0])


@in_full_precision
def cuequivariance_convolution(x, harmonics, weights, senders, receivers):
    """The descriptor of MACE's convolution, gathered and summed by its own indices."""
    import cuequivariance_jax as cuex

    lmax = lmax_of("x", x)
    polynomial, order = _cuequivariance_channelwise(lmax, x.shape[1])
    theirs = weights.swapaxes(1, 2)[:, order].reshape(len(weights), -1)
    out = jax.ShapeDtypeStruct((x.shape[0], polynomial.outputs[0].size), x.dtype)
    found = cuex.segmented_polynomial(
        polynomial, [theirs, _components_first(x), harmonics], [out], [None, senders, None, receivers], method="naive"
    )[0]
    pieces, start = [], 0
    for path in sorted(tensor_product_paths(lmax, lmax, lmax), key=lambda path: (path[2], path[:2])):
        size = (2 * path[2] + 1) * x.shape[1]
        pieces.append(found[:, start : start + size].reshape(x.shape[0], 2 * path[2] + 1, x.shape[1]).swapaxes(1, 2))
        start += size
    return jnp.concatenate(pieces, axis=-1)


@functools.lru_cache(maxsize=8)
def _cuequivariance_channelwise(lmax: int, channels: int) -> tuple[Any, np.ndarray]:
    """The polynomial, and for each of its weights' segments the number of our path."""
    import cuequivariance as cue

    hidden, one = _irreps(lmax, channels), _irreps(lmax, 1)
    made = cue.descriptors.channelwise_tensor_product(hidden, one, hidden)
    ((_, product),) = made.polynomial.operations
    ours = tensor_product_paths(lmax, lmax, lmax)
    out: Any = made.outputs[0]
    order, degrees_out = np.empty(len(ours), int), [ir.l for _, ir in out.irreps]
    for path in product.paths:
        weight, l1, l2, number = path.indices
        assert weight == number
        assert math.isclose(np.sum(path.coefficients**2), 2 * degrees_out[number] + 1)
        order[weight] = ours.index((l1, l2, degrees_out[number]))
    return made.polynomial, order


# --- Fully connected.


@in_full_precision
def e3nn_fully_connected(x1, x2, weights):
    """All pairs of channels by all paths, then a linear map."""
    lmax = lmax_of("x1", x1)
    by_path = _e3nn_chunks(x1, x2, lmax)
    total: list[Any] = [0.0] * (lmax + 1)
    for path, weight in zip(tensor_product_paths(lmax, lmax, lmax), weights, strict=True):
        total[path[2]] += jnp.einsum("nuvk,uvw->nwk", by_path[path], weight)
    return jnp.concatenate(total, axis=-1)


@in_full_precision
def cuequivariance_fully_connected(x1, x2, weights):
    """Its weights are ours in another order, and it divides each degree by the root of its number of terms."""
    import cuequivariance_jax as cuex

    lmax = lmax_of("x1", x1)
    polynomial, order, factors = _cuequivariance_fully_connected(lmax, *weights.shape[1:])
    factors = jnp.asarray(factors.reshape(-1, 1, 1, 1), weights.dtype)
    theirs = (weights[order] * factors).reshape(1, -1)
    out = jax.ShapeDtypeStruct((x1.shape[0], polynomial.outputs[0].size), x1.dtype)
    found = cuex.segmented_polynomial(
        polynomial, [theirs, _components_first(x1), _components_first(x2)], [out], method="naive"
    )[0]
    channels = weights.shape[-1]
    pieces = []
    for degree in range(lmax + 1):
        block = found[:, channels * degree**2 : channels * (degree + 1) ** 2]
        pieces.append(block.reshape(-1, 2 * degree + 1, channels).swapaxes(1, 2))
    return jnp.concatenate(pieces, axis=-1)


@functools.lru_cache(maxsize=8)
def _cuequivariance_fully_connected(lmax: int, *channels: int) -> tuple[Any, np.ndarray, np.ndarray]:
    """The polynomial; for each of its weights' segments, the number of our path and the factor on our weights."""
    import cuequivariance as cue

    made = cue.descriptors.fully_connected_tensor_product(*(_irreps(lmax, number) for number in channels))
    ((_, product),) = made.polynomial.operations
    ours = tensor_product_paths(lmax, lmax, lmax)
    order, factors = np.empty(len(ours), int), np.empty(len(ours))
    for path in product.paths:
        weight, *degrees = path.indices
        order[weight] = ours.index(tuple(degrees))
        factors[weight] = math.sqrt(2 * degrees[2] + 1) / np.linalg.norm(path.coefficients)
    return made.polynomial, order, factors


# --- All copies of all irreps.


@in_full_precision
def copies_product(module: str, x1, x2):
    """`tensor_product` of a module, of as many copies of degrees 0 to 2 as the arrays have room for."""
    import e3nn_jax as e3nn

    copies = x1.shape[-1] // 9
    irreps = f"{copies}x0e + {copies}x1o + {copies}x2e"
    factors = (e3nn.IrrepsArray(irreps, x) for x in (x1, x2))
    return importlib.import_module(module).tensor_product(*factors).array


# --- Layouts.


def _e3nn_chunks(x1, x2, lmax: int) -> dict[tuple[int, int, int], Any]:
    """`(rows, channels 1, channels 2, 2 l3 + 1)` of every path, from one call of `e3nn_jax.tensor_product`.

    It sorts by irrep, and the paths of an irrep by the degrees of the factors; channels of the second come last.
    """
    import e3nn_jax as e3nn

    first, second = (e3nn.IrrepsArray(e3nn.s2_irreps(lmax), x).axis_to_mul() for x in (x1, x2))
    wanted = [e3nn.Irrep(degree, parity) for degree in range(lmax + 1) for parity in (1, -1)]
    outputs = e3nn.tensor_product(first, second, filter_ir_out=wanted)
    found = {}
    for (_, irrep), chunk in zip(outputs.irreps, outputs.chunks, strict=True):
        assert chunk is not None
        paths = [
            path
            for path in tensor_product_paths(lmax, lmax, irrep.l)
            if path[2] == irrep.l and (-1) ** (path[0] + path[1]) == irrep.p
        ]
        blocks = chunk.reshape(len(x1), len(paths), x1.shape[1], x2.shape[1], irrep.dim)
        found |= {path: blocks[:, number] for number, path in enumerate(paths)}
    return found


def _components_first(x):
    """`(rows, channels, components)` to each degree's `(2 l + 1) x channels`, one after another."""
    parts = [x[..., degree_slice(degree)].swapaxes(1, 2) for degree in range(lmax_of("x", x) + 1)]
    return jnp.concatenate([part.reshape(len(x), -1) for part in parts], axis=-1)


def _irreps(lmax: int, channels: int) -> Any:
    import cuequivariance as cue

    return cue.Irreps("SO3", "+".join(f"{channels}x{degree}" for degree in range(lmax + 1)))
