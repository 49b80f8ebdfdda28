"""Real spherical harmonics and solid harmonics of vectors, with exact derivatives of any order and no pole."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.harmonics.degrees import normalization_factors
from jaxinv.kernels.harmonics.solid_degrees import solid_degrees
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


@functools.partial(jax.jit, static_argnames=("lmax", "normalize", "normalization"))
def spherical_harmonics(
    vectors: jax.Array, lmax: int, *, normalize: bool = True, normalization: str = "component"
) -> jax.Array:
    """Real spherical harmonics of the directions of vectors, to degree lmax.

    Args:
      vectors: `(..., 3)`, (x, y, z), floating point.
      lmax: static, highest degree; tested to 20.
      normalize: static; False takes the vectors as they are, and gives `solid_harmonics`.
      normalization: static: "component", "norm" or "integral", see `degrees`.

    Returns:
      `(..., (lmax + 1)^2)` in e3nn's order, in float32 at least. The zero vector, and one with no component as large
      as the smallest normal number, has degree 0 as ever, zeros in all others, and the derivative 0.

    Raises:
      TypeError: vectors are not floating point.
      ValueError: a last axis other than 3, a negative lmax, or an unknown normalisation.

    Vectors of any length have the right direction; their derivatives grow as the inverse of it, to the power of the
    order, and may overflow accordingly.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Bigi, Fraux, Browning, Ceriotti, J. Chem. Phys. 159 (2023) 064802, for polynomials in place of angles.
    """
    if not normalize:
        return solid_harmonics(vectors, lmax, normalization=normalization)
    x, y, z, _ = _direction(*_coordinates(vectors))
    return _assemble(x, y, z, lmax, normalization)


@functools.partial(jax.jit, static_argnames=("lmax", "normalization"))
def solid_harmonics(vectors: jax.Array, lmax: int, *, normalization: str = "component") -> jax.Array:
    """Regular solid harmonics `r^l Y_lm`, to degree lmax: homogeneous polynomials in x, y, z.

    Args:
      vectors: `(..., 3)`, (x, y, z), floating point.
      lmax: static, highest degree; tested to 20.
      normalization: static, of Y: "component", "norm" or "integral", see `degrees`.

    Returns:
      `(..., (lmax + 1)^2)` in e3nn's order, in float32 at least.

    Raises:
      TypeError: vectors are not floating point.
      ValueError: a last axis other than 3, a negative lmax, or an unknown normalisation.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `spherical_harmonics`.
    """
    return _assemble(*_coordinates(vectors), lmax, normalization)


def _coordinates(vectors):
    vectors = jnp.asarray(vectors)
    require_floating("vectors", vectors)
    if vectors.shape[-1:] != (3,):
        raise ValueError(f"vectors must have shape (..., 3), got {vectors.shape}")
    vectors = vectors.astype(accumulation_dtype(vectors))
    return [jnp.squeeze(one, -1) for one in jax.lax.split(vectors, (1, 1, 1), axis=vectors.ndim - 1)]


def _assemble(x, y, z, lmax, normalization):
    require_at_least("lmax", lmax, 0)
    factors = normalization_factors(lmax, normalization) / normalization_factors(lmax, "component")
    blocks = [
        block if factor == 1 else factor * block
        for block, factor in zip(solid_degrees(x, y, z, lmax), factors.tolist(), strict=True)
    ]
    return jnp.concatenate([jnp.moveaxis(block, 0, -1) for block in blocks], axis=-1)


@jax.custom_jvp
def _direction(x, y, z):
    """The unit vector and the length; zeros and 1 for the zero vector."""
    # By its largest component first, so that no square overflows or underflows.
    largest = jnp.maximum(jnp.maximum(jnp.abs(x), jnp.abs(y)), jnp.abs(z))
    zero = largest < float(jnp.finfo(x.dtype).tiny)
    scale = jnp.where(zero, 1.0, largest)
    x, y, z = (jnp.where(zero, 0.0, one / scale) for one in (x, y, z))
    length = jnp.sqrt(jnp.where(zero, 1.0, x * x + y * y + z * z))
    return x / length, y / length, z / length, scale * length


@_direction.defjvp
def _direction_jvp(primals, tangents):
    *unit, length = _direction(*primals)
    along = sum(one * tangent for one, tangent in zip(unit, tangents, strict=True))
    zero = (unit[0] == 0) & (unit[1] == 0) & (unit[2] == 0)
    # Of the zero vector 0, which the length 1 keeps finite.
    turns = [jnp.where(zero, 0.0, t - along * one) / length for t, one in zip(tangents, unit, strict=True)]
    return (*unit, length), (*turns, along)
