"""Losses and predictors of two views beside their plain forms: a matrix a sample, covariances of all columns."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels import representations as kernels


def _maps(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    samples, latent, width = sizes["samples"], sizes["latent"], sizes["width"]
    weights = generator.normal(size=(latent, width, width)) / width**0.5
    z = generator.normal(size=(samples, latent))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    return tuple(array.astype(np.float32) for array in (weights, z, generator.normal(size=(samples, width))))


def _matrices(weights, z, x):
    """Each sample's matrix is written, as published."""
    matrices = jnp.einsum("bp,pio->bio", z, weights, precision="highest")
    return jnp.einsum("bi,bio->bo", x, matrices, precision="highest")


def _rows(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    return (generator.normal(size=(sizes["samples"], sizes["width"])).astype(np.float32),)


def _all_columns(x):
    centred = x - jnp.mean(x, axis=0, keepdims=True)
    matrix = jnp.matmul(centred.T, centred, precision="highest") / (x.shape[0] - 1)
    return (jnp.sum(matrix**2) - jnp.sum(jnp.diagonal(matrix) ** 2)) / x.shape[1]


def _all_samples(x):
    centred = x - jnp.mean(x, axis=0, keepdims=True)
    gram = jnp.matmul(centred, centred.T, precision="highest")
    own = jnp.sum(centred**2, axis=0)
    return (jnp.sum(gram**2) - jnp.sum(own**2)) / ((x.shape[0] - 1) ** 2 * x.shape[1])


def _maps_work(sizes: Sizes) -> Work:
    samples, latent, width = sizes["samples"], sizes["latent"], sizes["width"]
    numbers = latent * width**2 + samples * (latent + 2 * width)
    return Work(flops=2.0 * samples * latent * width**2, bytes=4.0 * numbers)


def _rows_work(sizes: Sizes) -> Work:
    """Half of a symmetric product on the smaller side."""
    samples, width = sizes["samples"], sizes["width"]
    return Work(flops=1.0 * samples * width * min(samples, width), bytes=4.0 * samples * width)


def _plain(name: str, call: Any, tolerance: float) -> Peer:
    return Peer(name=f"{name}, in jnp", kind="dense", call=call, compiled=True, tolerance=tolerance)


CASES = (
    Case(
        family="representations",
        name="hyper_linear_apply",
        kernel=kernels.hyper_linear_apply,
        arguments=_maps,
        sizes=({"samples": 192, "latent": 4, "width": 256}, {"samples": 16, "latent": 4, "width": 256}),
        small={"samples": 5, "latent": 3, "width": 6},
        work=_maps_work,
        peers=(_plain("a matrix for each sample", _matrices, 1e-4),),
        differentiable=(0, 1, 2),
        sweep={"samples": (48, 384)},
    ),
    Case(
        family="representations",
        name="vicreg_covariance",
        kernel=kernels.vicreg_covariance,
        arguments=_rows,
        sizes=({"samples": 256, "width": 1024}, {"samples": 1024, "width": 256}),
        small={"samples": 8, "width": 20},
        work=_rows_work,
        peers=(
            _plain("covariances of all columns", _all_columns, 1e-4),
            _plain("products of all samples", _all_samples, 1e-3),
        ),
        differentiable=(0,),
        derivatives_at_every_size=True,
    ),
)
