"""A layer of EqMotion beside the published form of it, which writes both agents' features beside each other."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels import symmetrization as kernels

DIMENSION = 3
SCENE = {"scenes": 128, "agents": 5, "features": 64, "channels": 64, "categories": 2}


def _parameters(sizes: Sizes) -> kernels.LayerParams:
    """Of the layer, all networks as wide as there are features: only their shapes are asked for."""
    h, c, k = sizes["features"], sizes["channels"], sizes["categories"]
    zeros = jnp.zeros

    def dense(inputs, outputs, *stacked):
        return kernels.Dense(zeros((*stacked, inputs, outputs)), zeros((*stacked, outputs)))

    def pair(outputs, *stacked):
        first, last = dense(c, h, *stacked), dense(h, outputs, *stacked)
        return kernels.PairPerceptron(zeros((*stacked, h, h)), zeros((*stacked, h, h)), first, last)

    def perceptron(inputs, width, outputs):
        return kernels.Perceptron(dense(inputs, width), dense(width, outputs))

    inter = kernels.InterAgentParams(pair(c, k), perceptron(c, c, c))
    mixes = {name: zeros((c, c)) for name in ("velocity", "vector", "direction")}
    return kernels.LayerParams(edge=pair(h), inner=dense(h, c), inter=inter, update=perceptron(2 * h, h, h), **mixes)


def _shapes(sizes: Sizes) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(lambda: _parameters(sizes)))]


_TREE = jax.tree.structure(jax.eval_shape(lambda: _parameters(SCENE)))


def _arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Scalars, vectors, velocities, logits of categories, and the parameters one by one."""
    scenes, n, c = sizes["scenes"], sizes["agents"], sizes["channels"]
    given = (
        generator.normal(size=(scenes, n, sizes["features"])),
        *generator.normal(size=(2, scenes, n, c, DIMENSION)),
        generator.normal(size=(scenes, n, n, sizes["categories"])),
    )
    params = (
        generator.normal(size=shape) / (2 * shape[-2 if len(shape) > 1 else -1]) ** 0.5 for shape in _shapes(sizes)
    )
    return tuple(array.astype(np.float32) for array in (*given, *params))


def _layer(h, vectors, velocities, logits, *leaves):
    params = jax.tree.unflatten(_TREE, leaves)
    return kernels.eqmotion_layer(params, h, vectors, velocities, jax.nn.softmax(logits))


def _together(found):
    h, vectors = found
    return jnp.concatenate([h, vectors.reshape(*vectors.shape[:-2], -1)], axis=-1)


def _matmul(x, weight):
    return jnp.matmul(x, weight, precision="highest")


def _dense(params, x):
    return _matmul(x, params.weight) + params.bias.reshape((1,) * (x.ndim - 1) + (-1,))


def _plain_pair(params, both):
    weight = jnp.concatenate([params.receiver, params.sender, params.distance.weight])
    hidden = jax.nn.silu(_dense(kernels.Dense(weight, params.distance.bias), both))
    return jax.nn.silu(_dense(params.last, hidden))


def _perceptron(params, x):
    return _dense(params.last, jax.nn.silu(_dense(params.first, x)))


def _mixed(vectors, weight):
    return jnp.einsum("bncd,ck->bnkd", vectors, weight, precision="highest")


def _plain(h, vectors, velocities, logits, *leaves):
    """Features of pairs repeated, differences of vectors written, one network of a category after the other."""
    params = jax.tree.unflatten(_TREE, leaves)
    n = h.shape[1]
    apart = vectors[:, :, None] - vectors[:, None]
    square = jnp.sum(apart**2, axis=-1)
    distances = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
    rows = jnp.broadcast_to(h[:, :, None], (*h.shape[:2], n, h.shape[2]))
    both = jnp.concatenate([rows, jnp.swapaxes(rows, 1, 2), distances], axis=-1)
    others = 1 - jnp.eye(n).reshape(1, n, n, 1)
    received = jnp.sum(_plain_pair(params.edge, both) * others, axis=2)
    shares = jax.nn.softmax(logits)
    weights = jnp.zeros(distances.shape)
    for k in range(shares.shape[-1]):
        network = jax.tree.map(lambda x, k=k: x[k], params.inter.categories)
        weights = weights + shares[..., k : k + 1] * _plain_pair(network, both)
    weights = jax.nn.silu(_perceptron(params.inter.merge, weights))
    inner = jax.nn.silu(_dense(params.inner, h))[..., None] * (vectors - jnp.mean(vectors, (1, 2), keepdims=True))
    moved = vectors + inner + jnp.sum(weights[..., None] * apart, axis=2) + _mixed(velocities, params.velocity)
    mean = jnp.mean(moved, (1, 2), keepdims=True)
    q, k = _mixed(moved - mean, params.vector), _mixed(moved - mean, params.direction)
    along = jnp.minimum(jnp.sum(q * k, axis=-1, keepdims=True), 0)
    bent = q - along / (jnp.sum(k * k, axis=-1, keepdims=True) + 1e-4) * k + mean
    return _together((h + _perceptron(params.update, jnp.concatenate([h, received], axis=-1)), bent))


def _work(sizes: Sizes) -> Work:
    """Products of matrices with the first layer of a pair split; arguments and result once."""
    agents = float(sizes["scenes"] * sizes["agents"])
    pairs = agents * sizes["agents"]
    h, c, k = sizes["features"], sizes["channels"], sizes["categories"]
    of_pair = (c * h + h * h) + k * (c * h + h * c) + 2 * c * c
    of_agent = 2 * (1 + k) * h * h + h * c + 3 * h * h + 3 * c * c * DIMENSION
    weights = sum(float(np.prod(shape)) for shape in _shapes(sizes))
    numbers = agents * (2 * h + 3 * c * DIMENSION) + pairs * k + weights
    return Work(flops=2.0 * (pairs * of_pair + agents * of_agent), bytes=4.0 * numbers)


CASES = (
    Case(
        family="symmetrization",
        name="eqmotion_layer",
        kernel=_layer,
        arguments=_arguments,
        sizes=(SCENE,),
        small={"scenes": 2, "agents": 3, "features": 4, "channels": 3, "categories": 2},
        work=_work,
        value=_together,
        peers=(
            Peer(
                name="both features beside each other, in jnp", kind="dense", call=_plain, compiled=True, tolerance=1e-4
            ),
        ),
        differentiable=tuple(range(4 + _TREE.num_leaves)),
        sweep={"agents": (10, 20)},
    ),
)
