"""Distances between all rows of two sets, from inner products."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract

_ROUNDING_UNITS = 8.0


def squared_distances(x: jax.Array, y: jax.Array) -> jax.Array:
    """`(..., m)` squared Euclidean distances of rows `(..., d)` from rows `(m, d)`.

    By the expanded square about the mean of y, so that translations change nothing. Where it is below rounding, about
    `8 eps` times the squares of the two rows, the rows count as coincident: 0, with gradient 0.
    """
    mean = jnp.mean(y, axis=0)
    x, y = x - mean.reshape((1,) * (x.ndim - 1) + mean.shape), y - mean[None, :]
    squares = jnp.sum(x * x, axis=-1)[..., None] + jnp.sum(y * y, axis=-1).reshape((1,) * (x.ndim - 1) + (-1,))
    apart = squares - 2 * contract("...d,md->...m", x, y)
    rounding = _ROUNDING_UNITS * float(jnp.finfo(x.dtype).eps)
    return jnp.where(apart > rounding * jax.lax.stop_gradient(squares), apart, 0.0)
