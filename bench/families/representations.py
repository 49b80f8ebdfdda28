"""Similarity of representations and relative representations, beside numpy and torch."""

from typing import Any

import jax
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.bench.families import representations_peers as peers
from jaxinv.kernels import representations as kernels

TALL, WIDE = {"samples": 5000, "dim": 512}, {"samples": 500, "dim": 4096}
SMALL = {"samples": 60, "dim": 16}


def _pair(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Two representations that share half of their variance; variances fall off as those of networks do."""
    samples, dim = sizes["samples"], sizes["dim"]
    falling = (1 + np.arange(dim)) ** -0.5
    shared, own1, own2 = generator.normal(size=(3, samples, dim)) * falling
    return (shared + own1 + 0.5).astype(np.float32), (shared + own2).astype(np.float32)


def _batches(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    batches, rows = sizes["batches"], sizes["rows"]
    pair = _pair(generator, {"samples": batches * rows, "dim": sizes["dim"]})
    return tuple(one.reshape(batches, rows, -1) for one in pair)


def _anchored(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    x, _ = _pair(generator, sizes)
    return x, x[generator.permutation(len(x))[: sizes["anchors"]]]


def _points(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    return (_pair(generator, sizes)[0],)


def _minibatch_cka(x: jax.Array, y: jax.Array) -> jax.Array:
    def add(state, batch):
        return kernels.cka_update(state, *batch), None

    return kernels.cka_finalise(jax.lax.scan(add, kernels.cka_init(x.dtype), (x, y))[0]).score


def _products(sizes: Sizes) -> Work:
    """The product of both and half of each one's own, on the smaller side."""
    samples, dim = sizes["samples"], sizes["dim"]
    return Work(flops=4 * samples * dim * min(samples, dim), bytes=8 * samples * dim)


def _pairs(sizes: Sizes) -> Work:
    """Half of each Gram matrix."""
    samples, dim = sizes["samples"], sizes["dim"]
    return Work(flops=2 * samples**2 * dim, bytes=8 * samples * dim)


def _decompositions(sizes: Sizes) -> Work:
    """Two Gram matrices and their tridiagonal forms, and a product."""
    samples, dim = sizes["samples"], sizes["dim"]
    small = min(samples, dim)
    return Work(flops=4 * samples * dim * small + 8 / 3 * small**3, bytes=8 * samples * dim)


def _numpy(name: str, call: Any, tolerance: float) -> Peer:
    return Peer(name=f"{name} (numpy)", kind="library", call=call, tolerance=tolerance)


def _torch(call: Any, tolerance: float) -> Peer:
    return Peer(name="the same (torch)", kind="library", call=call, tolerance=tolerance, modules=("torch",))


def _case(name: str, kernel: Any, arguments: Any, sizes: tuple[Sizes, ...], small: Sizes, work: Any, **options) -> Case:
    return Case(
        family="representations",
        name=name,
        kernel=kernel,
        arguments=arguments,
        sizes=sizes,
        small=small,
        work=work,
        **options,
    )


def _similarity(name: str, function: Any, sizes: tuple[Sizes, ...], work: Any, *all_peers: Peer) -> Case:
    return _case(
        name, lambda x, y: function(x, y).score, _pair, sizes, SMALL, work, peers=all_peers, differentiable=(0, 1)
    )


def _relative_sizes(samples: int, anchors: int, dim: int) -> dict[str, int]:
    return {"samples": samples, "anchors": anchors, "dim": dim}


CASES = (
    _similarity(
        "linear_cka",
        kernels.linear_cka,
        (TALL, WIDE),
        _products,
        _numpy("features", peers.linear_cka, 1e-3),
        _numpy("Gram matrices", peers.gram_cka, 1e-3),
        _torch(peers.linear_cka_torch, 1e-3),
    ),
    _similarity(
        "debiased_cka",
        kernels.debiased_cka,
        (TALL, WIDE),
        _products,
        _numpy("Gram matrices, float64", peers.debiased_cka, 1e-3),
    ),
    _case(
        "participation_ratio",
        lambda x: kernels.participation_ratio(x).score,
        _points,
        (TALL, WIDE),
        SMALL,
        lambda sizes: Work(
            flops=sizes["samples"] * sizes["dim"] * min(sizes["samples"], sizes["dim"]),
            bytes=4 * sizes["samples"] * sizes["dim"],
        ),
        peers=(_numpy("eigenvalues, smaller side", peers.participation_ratio, 1e-3),),
        differentiable=(0,),
    ),
    _case(
        "minibatch CKA",
        _minibatch_cka,
        _batches,
        ({"batches": 40, "rows": 128, "dim": 512},),
        {"batches": 4, "rows": 16, "dim": 24},
        lambda sizes: Work(
            flops=2 * sizes["batches"] * sizes["rows"] ** 2 * sizes["dim"],
            bytes=8 * sizes["batches"] * sizes["rows"] * sizes["dim"],
        ),
        peers=(_numpy("Gram matrices", peers.minibatch_cka, 1e-2),),
        differentiable=(0, 1),
    ),
    _similarity(
        "rbf_cka", kernels.rbf_cka, ({"samples": 2000, "dim": 512},), _pairs, _numpy("the same", peers.rbf_cka, 1e-3)
    ),
    _similarity("svcca", kernels.svcca, (TALL, WIDE), _decompositions, _numpy("two decompositions", peers.svcca, 1e-3)),
    _case(
        "relative",
        kernels.relative,
        _anchored,
        (_relative_sizes(10_000, 500, 512), _relative_sizes(10_000, 500, 64)),
        _relative_sizes(50, 12, 16),
        lambda sizes: Work(
            flops=2 * sizes["samples"] * sizes["anchors"] * sizes["dim"],
            bytes=4 * sizes["samples"] * (sizes["anchors"] + sizes["dim"]),
        ),
        peers=(_numpy("the same", peers.relative, 1e-4), _torch(peers.relative_torch, 1e-4)),
        differentiable=(0,),
        dtypes=("float32", "bfloat16"),
    ),
    _case(
        "anchors_fps",
        lambda x: x[kernels.anchors_fps(x, 300 if x.shape[0] > 1000 else 12)],
        _points,
        ({"samples": 10_000, "dim": 128},),
        {"samples": 60, "dim": 16},
        lambda sizes: Work(
            flops=3 * 300 * sizes["samples"] * sizes["dim"], bytes=4 * 300 * sizes["samples"] * sizes["dim"]
        ),
        peers=(_numpy("the same", lambda x: peers.anchors_fps(x, 300 if len(x) > 1000 else 12), 1e-5),),
    ),
)
