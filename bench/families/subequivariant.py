"""A block of attention among limbs, and a tripod's way, beside what they are published as."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels import simulators
from jaxinv.kernels import symmetrization as kernels

DIMENSION, EXTERNAL, HEADS = 3, 2, 2
BODIES = {"bodies": 64, "limbs": 7, "features": 128, "mixed": 32, "width": 256}


def _parameters(sizes: Sizes) -> tuple[kernels.AttentionParams, kernels.FeedForwardParams]:
    """Of a block with as many channels as scalars: only their shapes are asked for."""
    f, c, w = sizes["features"], sizes["mixed"], sizes["width"]
    zeros = jnp.zeros

    def dense(inputs, outputs):
        return kernels.Dense(zeros((inputs, outputs)), zeros(outputs))

    def perceptron(inputs, outputs):
        return kernels.Perceptron(dense(inputs, w), dense(w, outputs))

    features = kernels.InvariantParams(zeros((f, c - EXTERNAL)), perceptron(c * (c + 1) // 2, f))
    query, key, value = (dense(2 * f, HEADS * f) for _ in range(3))
    vectors, output = zeros((HEADS, f, f - EXTERNAL)), zeros((HEADS, f, f))
    attention = kernels.AttentionParams(features, query, key, value, dense(HEADS * f, f), vectors, output)
    maps = perceptron(2 * f, c * c), zeros((c, f)), perceptron(2 * f, f)
    return attention, kernels.FeedForwardParams(features, features.mix, *maps)


_TREE = jax.tree.structure(jax.eval_shape(lambda: _parameters(BODIES)))


def _shapes(sizes: Sizes) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in jax.tree.leaves(jax.eval_shape(lambda: _parameters(sizes)))]


def _arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Vectors, scalars, the world of each body, and the parameters one by one."""
    lead = sizes["bodies"], sizes["limbs"]
    given = (
        generator.normal(size=(*lead, sizes["features"], DIMENSION)),
        generator.normal(size=(*lead, sizes["features"])),
        generator.normal(size=(lead[0], 1, EXTERNAL, DIMENSION)),
    )
    params = (generator.normal(size=shape) / shape[-2 if len(shape) > 1 else -1] ** 0.5 for shape in _shapes(sizes))
    return tuple(array.astype(np.float32) for array in (*given, *params))


def _together(found):
    vectors, h = found
    return jnp.concatenate([vectors.reshape(*h.shape[:-1], -1), h], axis=-1)


def _block(vectors, h, external, *leaves):
    attention, forward = jax.tree.unflatten(_TREE, leaves)
    moved, told = kernels.set_attention(attention, vectors, h, external)
    mapped, made = kernels.set_feed_forward(forward, moved, h + told, external)
    return vectors + moved + mapped, h + told + made


# --- As published: all products of channels, external vectors passed on by every head.


def _matmul(x, weight):
    return jnp.matmul(x, weight, precision="highest")


def _dense(params, x):
    return _matmul(x, params.weight) + params.bias.reshape((1,) * (x.ndim - 1) + (-1,))


def _perceptron(params, x):
    return _dense(params.last, jax.nn.relu(_dense(params.first, x)))


def _with_world(vectors, weight, external):
    """Coordinates before channels, as published: `(..., D, C)`."""
    mixed = _matmul(vectors, weight)
    world = jnp.broadcast_to(external, (*mixed.shape[:-1], external.shape[-1]))
    return jnp.concatenate([mixed, world], axis=-1)


def _plain_features(params, vectors, h, external):
    mixed = _with_world(vectors, params.mix, external)
    gram = _matmul(jnp.swapaxes(mixed, -1, -2), mixed)
    c = gram.shape[-1]
    norm = jnp.sqrt(jnp.sum(gram**2, axis=(-2, -1)) + 1e-12)[..., None] + 1
    # The same function of all products: a pair's weight stands where it is first met.
    weight = jnp.zeros((c, c, params.gram.first.weight.shape[1]))
    i, j = kernels.packed_pairs(c).T
    full = params.gram._replace(
        first=params.gram.first._replace(weight=weight.at[i, j].set(params.gram.first.weight).reshape(c * c, -1))
    )
    return jnp.concatenate([_perceptron(full, gram.reshape(*gram.shape[:-2], c * c)), h], axis=-1), norm


def _split(x):
    """`(bodies, limbs, heads width)` to `(bodies, heads, limbs, width)`."""
    return jnp.swapaxes(x.reshape(*x.shape[:2], HEADS, -1), 1, 2)


def _plain(vectors, h, external, *leaves):
    attention, forward = jax.tree.unflatten(_TREE, leaves)
    vectors, external = jnp.swapaxes(vectors, -1, -2), jnp.swapaxes(external, -1, -2)
    u, norm = _plain_features(attention.features, vectors, h, external)
    query, key, value = (_split(_dense(layer, u) / norm) for layer in attention[1:4])
    logits = _matmul(query / query.shape[-1] ** 0.5, jnp.swapaxes(key, -1, -2))
    weights = jax.nn.softmax(logits)
    told = jnp.swapaxes(_matmul(weights, value), 1, 2)
    told = _dense(attention.scalars, told.reshape(*h.shape[:2], -1))
    moved = 0
    for head in range(HEADS):
        passed = _with_world(vectors, attention.vectors[head], external)
        summed = _matmul(weights[:, head], passed.reshape(*h.shape[:2], -1)).reshape(passed.shape)
        moved = moved + _matmul(summed, attention.output[head])
    h = h + told
    u, norm = _plain_features(forward.features, moved, h, external)
    matrix = (_perceptron(forward.map, u) / norm).reshape(*h.shape[:2], -1, forward.output.shape[0])
    mapped = _matmul(_matmul(_with_world(moved, forward.mix, external), matrix), forward.output)
    return _together((jnp.swapaxes(vectors + moved + mapped, -1, -2), h + _perceptron(forward.scalars, u) / norm))


def _work(sizes: Sizes) -> Work:
    """Products of matrices, those of channels once a pair; arguments and result once."""
    limbs = float(sizes["bodies"] * sizes["limbs"])
    f, c, w, d = sizes["features"], sizes["mixed"], sizes["width"], DIMENSION
    features = d * f * (c - EXTERNAL) + d * c * (c + 1) / 2 + c * (c + 1) / 2 * w + w * f
    attention = 4 * HEADS * 2 * f * f + 2 * HEADS * sizes["limbs"] * f * (1 + d) + 2 * d * HEADS * f * f
    forward = 2 * 2 * f * w + w * (c * c + f) + d * (f * c + c * c + c * f)
    weights = sum(float(np.prod(shape)) for shape in _shapes(sizes))
    return Work(
        flops=2.0 * limbs * (2 * features + attention + forward), bytes=4.0 * (2 * limbs * f * (1 + d) + weights)
    )


# --- The tripod, whose feet push along their legs as a wave tells them.

_STEPS = 100


def _walkers(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    headings, pushes = generator.uniform(-3, 3, size=sizes["walkers"]), generator.normal(size=(sizes["walkers"], 3, 3))
    return headings.astype(np.float32), (0.3 * pushes).astype(np.float32)


def _way(headings, pushes):
    start = simulators.tripod_start(headings, 0 * headings)
    return simulators.tripod_rollout(lambda seen: pushes, start, num_steps=_STEPS).rewards


def _numpy_way(headings, pushes):
    """One walker and one step after the other, in float64, as simulators in Python go."""
    return np.stack(
        [_numpy_walk(float(h), p.astype(np.float64)) for h, p in zip(headings, pushes, strict=True)], axis=1
    )


def _numpy_walk(heading, pushes):
    radius, down = 0.78 / 3**0.5, np.array([0, 0, -1.0])
    angles = heading + 2 * np.pi * np.arange(3) / 3
    feet = np.stack([radius * np.cos(angles), radius * np.sin(angles), np.full(3, 0.05)], axis=1)
    x = np.concatenate([[[0, 0, 0.05 + (0.36 - radius**2) ** 0.5]], feet])
    v, goal = np.zeros((4, 3)), np.array([np.cos(heading), np.sin(heading), 0])
    rewards = []
    for _ in range(_STEPS):
        leg = x[1:] - x[0]
        length = np.linalg.norm(leg, axis=1, keepdims=True)
        along = leg / length
        across = np.cross(down, along)
        axes = np.stack([along, across, np.cross(along, across)], axis=1)
        approach = np.sum((v[1:] - v[0]) * along, axis=1, keepdims=True)
        push = -(300 * (length - 0.6) + 3 * approach) * along + 6 * np.sum(pushes[..., None] * axes, axis=1)
        between = x[1:] - np.roll(x[1:], -1, axis=0)
        spring = -80 * (1 - 0.78 / np.linalg.norm(between, axis=1, keepdims=True)) * between
        force = np.concatenate([-push.sum(axis=0, keepdims=True), push + spring - np.roll(spring, 1, axis=0)])
        depth = (0.05 - x[:, 2]) / 0.01
        normal, slip = 4 * np.logaddexp(0, depth), v * [1, 1, 0]
        force -= (0.8 * normal / (np.linalg.norm(slip, axis=1) + 0.1))[:, None] * slip
        force[:, 2] += normal - 4 * v[:, 2] / (1 + np.exp(-depth)) - 9.81
        v = v + 0.02 * force
        v = v * np.minimum(1, 10 / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 10))
        x = x + 0.02 * v
        rewards.append(v[0] @ goal - 1e-3 * np.sum(pushes**2))
    return np.array(rewards)


def _walking_work(sizes: Sizes) -> Work:
    """About 500 operations a step; arguments and result once."""
    return Work(flops=500.0 * _STEPS * sizes["walkers"], bytes=4.0 * sizes["walkers"] * (10 + _STEPS))


LIMBS = (
    Case(
        family="symmetrization",
        name="set_block",
        kernel=_block,
        arguments=_arguments,
        sizes=(BODIES,),
        small={"bodies": 2, "limbs": 3, "features": 4, "mixed": 4, "width": 4},
        work=_work,
        value=_together,
        peers=(Peer(name="as published, in jnp", kind="dense", call=_plain, compiled=True, tolerance=1e-4),),
        differentiable=tuple(range(3 + _TREE.num_leaves)),
        sweep={"bodies": (8, 512)},
    ),
)
WALKS = (
    Case(
        family="simulators",
        name="tripod_rollout",
        kernel=_way,
        arguments=_walkers,
        sizes=({"walkers": 256},),
        small={"walkers": 3},
        work=_walking_work,
        peers=(
            Peer(name="numpy, a loop over walkers and steps", kind="dense", call=_numpy_way, tolerance=1e-2, slow=True),
        ),
        differentiable=(0, 1),
        sweep={"walkers": (1, 4096)},
    ),
)
