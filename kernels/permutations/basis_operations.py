"""The fifteen basis operations from order 2 to order 2, each by itself."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_floating, require_shape


@functools.partial(jax.jit, static_argnames=("normalize",))
def basis_operations_2to2(x: jax.Array, *, mask: jax.Array | None = None, normalize: bool = True) -> jax.Array:
    """What `eq_2to2` sums with its coefficients: the short dense form, fifteen times as large as x.

    Args:
      x: `(n, n, c)`, floating point.
      mask: `(n,)` bool, which nodes there are, by default all; the others are absent, and get 0.
      normalize: static; divides sums over nodes by their number.

    Returns:
      `(15, n, n, c)` in the dtype of sums, float32 at least, in the order of `eq_2to2`.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Maron et al., Invariant and equivariant graph networks, arXiv:1812.09902.
    """
    x = jnp.asarray(x)
    require_floating("x", x)
    require_shape("x", x, (None, None, None))
    require_shape("x", x, (x.shape[1], x.shape[1], None))
    mask = jnp.ones(x.shape[0], bool) if mask is None else mask
    require_shape("mask", mask, x.shape[:1])
    there = (mask[:, None] & mask[None, :])[..., None]
    x = jnp.where(there, x, 0).astype(accumulation_dtype(x))
    m = jnp.maximum(jnp.sum(mask, dtype=x.dtype), 1) if normalize else jnp.ones((), x.dtype)
    eye = jnp.eye(x.shape[0], dtype=x.dtype)[..., None]
    d, r, c = jnp.sum(eye * x, axis=1), jnp.sum(x, axis=1) / m, jnp.sum(x, axis=0) / m
    t, s = jnp.sum(d, axis=0)[None] / m, jnp.sum(r, axis=0)[None] / m
    on_diagonal = [eye * jnp.broadcast_to(part, d.shape)[:, None] for part in (d, t, r, c, s)]
    spread = [c[:, None], r[:, None], c[None], r[None], x, jnp.swapaxes(x, 0, 1), d[:, None], d[None], t[None], s[None]]
    stacked = jnp.stack(on_diagonal + [jnp.broadcast_to(part, x.shape) for part in spread])
    return jnp.where(there[None], stacked, 0)
