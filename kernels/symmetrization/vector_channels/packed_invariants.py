"""The products of channels, each pair once, in an order that needs no gathering."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.symmetrization.vector_channels.arguments import channels_argument


def packed_pairs(num_channels: int) -> np.ndarray:
    """The pairs of channels in the order of `packed_gram_invariants`, on the host.

    Args:
      num_channels: C, 1 at least.

    Returns:
      `(C (C + 1) / 2, 2)` int, each pair once.

    Raises:
      ValueError: num_channels below 1.
    """
    if num_channels < 1:
        raise ValueError(f"num_channels must be >= 1, got {num_channels}")
    channels = np.arange(num_channels)
    square = np.stack(np.broadcast_arrays(channels[:, None], channels[None]))
    few = num_channels // 2
    both = _folded(square[:, :few, :few], square[:, few:, few:], np)
    return np.concatenate([both.reshape(2, -1), square[:, :few, few:].reshape(2, -1)], axis=1).T


@jax.jit
def packed_gram_invariants(vectors: jax.Array) -> tuple[jax.Array, jax.Array]:
    """What `gram_invariants` gives, each pair of channels once: half of it, for a first layer half as large.

    The first half of the channels among themselves, folded over the second half among themselves, then one half by the
    other; `packed_pairs` lists the pairs. The norm is that of the D x D products of coordinates, which is the same.

    Args:
      vectors: `(..., C, D)`, floating point, C at least 1.

    Returns:
      `(..., C (C + 1) / 2)` products; and `(..., 1)`, the Frobenius norm of all C x C of them plus 1; where all vectors
      are 0, it is 1 with derivative 0. In the dtype of the vectors.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Chen et al., Subequivariant graph reinforcement learning in 3D environments, arXiv:2305.18951.
    """
    vectors = channels_argument("vectors", vectors)
    if vectors.shape[-2] == 0:
        raise ValueError(f"vectors must have shape (..., C, D) with C >= 1, got {vectors.shape}")
    few = vectors.shape[-2] // 2
    first, second = vectors[..., :few, :], vectors[..., few:, :]
    own, other, across = (
        contract("...cd,...kd->...ck", *pair) for pair in ((first, first), (second, second), (first, second))
    )
    lead = vectors.shape[:-2]
    # Sizes are written out: -1 is not known where a leading axis is 0.
    sizes = ((few + 1) * (vectors.shape[-2] - few), few * (vectors.shape[-2] - few))
    products = [x.reshape(*lead, size) for x, size in zip((_folded(own, other, jnp), across), sizes, strict=True)]
    moment = contract("...ci,...cj->...ij", vectors, vectors)
    norm = safe_norm(moment.reshape(*lead, 1, vectors.shape[-1] ** 2)) + 1
    return jnp.concatenate(products, axis=-1).astype(vectors.dtype), norm.astype(vectors.dtype)


def _folded(one, other, module):
    """Symmetric `(..., m, m)` and `(..., n, n)`, n being m or m + 1, to `(..., m + 1, n)`: a triangle of each."""
    m, n = one.shape[-1], other.shape[-1]
    lead = ((0, 0),) * (one.ndim - 2)
    below = module.pad(one, (*lead, (1, 0), (0, n - m)))
    above = module.pad(other, (*lead, (0, m + 1 - n), (0, 0)))
    upper = np.tri(m + 1, n, -1) == 0
    return module.where(upper.reshape((1,) * len(lead) + upper.shape), above, below)
