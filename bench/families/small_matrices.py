"""Eigenvalues, singular values, polar factors and inverses of small matrices beside LAPACK's, one call a matrix."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels.numerics.polar_factor import polar_factor
from jaxinv.kernels.numerics.singular_values import singular_value_decomposition
from jaxinv.kernels.numerics.small_matrices import inverse
from jaxinv.kernels.numerics.spectral_functions import symmetric_log
from jaxinv.kernels.numerics.symmetric_eigen import symmetric_eigen

MATRICES = 100_000


def _sizes(*ns: int) -> tuple[Sizes, ...]:
    return tuple({"n": n, "matrices": MATRICES} for n in ns)


def _general(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Of singular values 0.5 to 2, about: conditions that float32 answers can be compared at."""
    n = sizes["n"]
    x = np.eye(n) + 0.3 * generator.normal(size=(sizes["matrices"], n, n)) / np.sqrt(n)
    return (x.astype(np.float32),)


def _symmetric(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    x = generator.normal(size=(sizes["matrices"], sizes["n"], sizes["n"]))
    return ((x + x.swapaxes(1, 2)).astype(np.float32),)


def _positive_definite(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    (x,) = _general(generator, sizes)
    return (x @ x.swapaxes(1, 2),)


def _log_by_eigh(a):
    """Differentiated through the eigenvectors, which has no derivative at equal eigenvalues."""
    values, vectors = jnp.linalg.eigh(a, symmetrize_input=False)
    return jnp.einsum("...ik,...k,...jk->...ij", vectors, jnp.log(values), vectors, precision="highest")


def _work(flops_by_n3: float, matrices: int) -> Any:
    """Each n^3 once for every factor, and matrices read and written."""

    def work(sizes: Sizes) -> Work:
        n, count = sizes["n"], sizes["matrices"]
        return Work(flops=flops_by_n3 * count * n**3, bytes=4.0 * count * n * n * matrices)

    return work


def _case(name: str, kernel: Any, peer: Any, peer_name: str, work: Any, **options: Any) -> Case:
    return Case(
        family="numerics",
        name=name,
        kernel=kernel,
        work=work,
        peers=(Peer(name=peer_name, kind="library", call=peer, compiled=True, tolerance=1e-4),),
        **{
            "arguments": _general,
            "sizes": _sizes(2, 3),
            "small": {"n": 3, "matrices": 20},
            "differentiable": (0,),
            "derivatives_at_every_size": True,
            "large_result": True,
        }
        | options,
    )


CASES = (
    _case(
        "symmetric_eigen",
        symmetric_eigen,
        lambda a: jnp.linalg.eigh(a, symmetrize_input=False)[0],
        "jnp.linalg.eigh",
        _work(9.0, 2),
        arguments=_symmetric,
        sizes=_sizes(2, 3, 4),
        value=lambda found: found[0],
    ),
    _case(
        "singular_value_decomposition",
        singular_value_decomposition,
        lambda a: jnp.linalg.svd(a)[1],
        "jnp.linalg.svd",
        _work(12.0, 3),
        value=lambda found: found[1],
    ),
    _case(
        "polar_factor",
        polar_factor,
        jax.vmap(lambda a: jax.scipy.linalg.polar(a, method="svd")[0]),
        "jax.scipy.linalg.polar, by SVD",
        _work(12.0, 2),
    ),
    _case(
        "inverse",
        inverse,
        jnp.linalg.inv,
        "jnp.linalg.inv",
        _work(2.0, 2),
        sizes=_sizes(2, 3, 4),
        # The pullback of jnp.linalg.inv can block for ever (jaxlib 0.10.2 on a CPU).
        differentiable=(),
        derivatives_at_every_size=False,
    ),
    _case(
        "symmetric_log",
        symmetric_log,
        _log_by_eigh,
        "jnp.linalg.eigh and log",
        _work(12.0, 2),
        arguments=_positive_definite,
        sizes=_sizes(3),
    ),
)
