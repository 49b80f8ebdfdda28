"""Decompositions of linear maps and global coordinates beside LAPACK's."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels.lie_groups import cartan, iwasawa, polar, xi_inv


def _matrices(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Of positive determinant, near the unit matrix."""
    n = sizes["n"]
    x = np.eye(n) + 0.3 * generator.normal(size=(sizes["matrices"], n, n)) / np.sqrt(n)
    x *= np.where(np.arange(n) == 0, np.sign(np.linalg.det(x))[:, None], 1.0)[:, None, :]
    return (x.astype(np.float32),)


def _work(sizes: Sizes) -> Work:
    """Twice n^3 for each of the two factors, read and written once."""
    n, count = sizes["n"], sizes["matrices"]
    return Work(flops=4.0 * count * n**3, bytes=12.0 * count * n * n)


def _by_polar(a):
    rotation, stretch = jax.vmap(lambda one: jax.scipy.linalg.polar(one, side="left", method="svd"))(a)
    return jnp.stack([stretch, rotation], axis=1)


def _by_svd(a):
    """`log P` and the rotation."""
    u, s, vt = jnp.linalg.svd(a)
    stretch = jnp.einsum("nij,nj,nkj->nik", u, jnp.log(s), u, precision="highest")
    return jnp.stack([stretch, jnp.einsum("nij,njk->nik", u, vt, precision="highest")], axis=1)


def _by_qr(a):
    """The rotation of `A = k a n`, signs of the diagonal made positive."""
    q, r = jnp.linalg.qr(a)
    return q * jnp.sign(jnp.diagonal(r, axis1=1, axis2=2))[:, None, :]


def _coordinates_by_svd(a):
    """Plane only: the logarithm of the stretch and the angle, in the orthonormal basis."""
    parts = _by_svd(a)
    stretch, rotation = parts[:, 0], parts[:, 1]
    angle = jnp.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    root = np.sqrt(2).astype(np.float32)
    return jnp.stack([stretch[:, 0, 0], root * stretch[:, 0, 1], stretch[:, 1, 1], root * angle], axis=1)


def _case(name: str, kernel: Any, peer: Any, peer_name: str, ns: tuple[int, ...], **options: Any) -> Case:
    return Case(
        family="lie_groups",
        name=name,
        kernel=kernel,
        arguments=_matrices,
        sizes=tuple({"n": n, "matrices": 100_000} for n in ns),
        small={"n": ns[0], "matrices": 20},
        work=_work,
        peers=(Peer(name=peer_name, kind="library", call=peer, compiled=True, tolerance=1e-4),),
        differentiable=(0,),
        derivatives_at_every_size=True,
        large_result=True,
        **options,
    )


CASES = (
    _case(
        "polar",
        polar,
        _by_polar,
        "jax.scipy.linalg.polar, by SVD",
        (2, 3),
        value=lambda found: jnp.stack([found.stretch, found.rotation], axis=1),
    ),
    _case(
        "cartan",
        cartan,
        _by_svd,
        "jnp.linalg.svd",
        (2, 3),
        value=lambda found: jnp.stack([found.symmetric, found.rotation], axis=1),
    ),
    _case("iwasawa", iwasawa, _by_qr, "jnp.linalg.qr", (3,), value=lambda found: found.k),
    _case("xi_inv, GL(2)", lambda a: xi_inv(a, group="gl"), _coordinates_by_svd, "jnp.linalg.svd", (2,)),
)
