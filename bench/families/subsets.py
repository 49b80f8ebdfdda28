"""Mean field on a set whose elements all meet one draw, beside its subsets written out and beside a draw for each."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels import permutations as kernels

SAMPLES = 5


def _set(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Features of elements, subsets, kernels and biases of the utility."""
    n, features, hidden = sizes["elements"], sizes["features"], sizes["hidden"]
    h = generator.normal(size=(n, features)) / n**0.5
    samples = generator.random((SAMPLES, n)) < 0.5
    shapes = (features, hidden), (hidden, hidden), (hidden, 1)
    weights = [generator.normal(size=shape) * (2 / shape[0]) ** 0.5 for shape in shapes]
    biases = [0.1 * generator.normal(size=shape[1]) for shape in shapes]
    return tuple(x.astype(np.float32) for x in (h, samples, *weights, *biases))


def _shared(h, samples, *arrays):
    params = kernels.SetUtilityParams(arrays[:3], arrays[3:])
    projected, utility = kernels.fold_utility(params, h)
    return kernels.marginal_logits(utility, projected, samples)


def _written_out(xp, h, samples, w1, w2, w3, b1, b2, b3):
    """As published, of the same draw: a row for each subset, with the element and without it, through all layers."""
    n = h.shape[0]
    eye = xp.eye(n, dtype=h.dtype)[None]
    without = samples[:, None] * (1 - eye)

    def utility(subsets):
        sums = subsets.reshape(-1, n) @ h
        x = xp.maximum(sums @ w1 + b1[None], 0)
        return ((xp.maximum(x @ w2 + b2[None], 0) @ w3)[:, 0] + b3).reshape(-1, n)

    return xp.mean(utility(without + eye) - utility(without), axis=0)


def _step(shared_draw, h, samples, *arrays):
    """With its draws, from probabilities 1/2."""
    params = kernels.SetUtilityParams(arrays[:3], arrays[3:])
    projected, utility = kernels.fold_utility(params, h)
    q, key = jnp.full(h.shape[0], 0.5, h.dtype), jax.random.key(0)
    options = {"num_samples": samples.shape[0], "shared_draw": shared_draw}
    return kernels.mean_field_step(utility, projected, q, key, **options).logits


def _work(sizes: Sizes) -> Work:
    """The first layer of each element, the others of each sample and element."""
    n, features, hidden = sizes["elements"], sizes["features"], sizes["hidden"]
    return Work(
        flops=2.0 * n * features * hidden + 2.0 * SAMPLES * n * hidden * (hidden + 1),
        bytes=4.0 * (n * features + features * hidden + hidden**2),
    )


def _case(name: str, kernel: Any, *peers: Peer) -> Case:
    return Case(
        family="permutations",
        name=name,
        kernel=kernel,
        arguments=_set,
        sizes=(
            {"elements": 100, "features": 256, "hidden": 500},
            {"elements": 300, "features": 256, "hidden": 64},
        ),
        small={"elements": 6, "features": 5, "hidden": 4},
        work=_work,
        peers=peers,
        differentiable=(0, 2, 3, 4),
        derivatives_at_every_size=True,
        sweep={"elements": (50, 100, 200, 400)},
    )


def _peer(name: str, xp: Any) -> Peer:
    call = functools.partial(_written_out, xp)
    return Peer(name=name, kind="dense", call=call, compiled=xp is jnp, tolerance=1e-3)


CASES = (
    _case(
        "marginal_logits",
        _shared,
        _peer("subsets written out, compiled", jnp),
        _peer("subsets written out (numpy)", np),
    ),
    _case(
        "mean_field_step",
        functools.partial(_step, True),
        Peer(
            name="a draw for each element",
            kind="another map",
            call=functools.partial(_step, False),
            compiled=True,
        ),
    ),
)
