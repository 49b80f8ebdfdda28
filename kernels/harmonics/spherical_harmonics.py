"""Real spherical harmonics and solid harmonics of vectors, with exact derivatives of any order and no pole."""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.harmonics.degrees import normalization_factors
from jaxinv.kernels.harmonics.solid_degrees import solid_degrees
from jaxinv.kernels.numerics.directions import unit_vector
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
      `(..., (lmax + 1)^2)` in e3nn's order and the dtype of vectors; bfloat16 is computed in float32. The zero vector,
      and one with no component as large as the smallest normal number, has degree 0 as ever, zeros in all others, and
      the derivative 0.

    Raises:
      TypeError: vectors are not floating point.
      ValueError: a last axis other than 3, a negative lmax, or an unknown normalisation.

    Vectors of any length have the right direction; their derivatives grow as the inverse of it, to the power of the
    order, and may overflow accordingly.
    Largest float32 error in "component" normalisation: 2e-6 to lmax 4, 8e-6 to 8, 6e-5 to 20 (rms 2e-7, 3e-7, 8e-7).
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Bigi, Fraux, Browning, Ceriotti, J. Chem. Phys. 159 (2023) 064802, for polynomials in place of angles.

    Examples:
      >>> import jax
      >>> import numpy as np
      >>> from jaxinv.kernels import harmonics
      >>> up = np.array([0.0, 2.0, 0.0], np.float32)  # of any length
      >>> np.asarray(harmonics.spherical_harmonics(up, 1), float).round(3)
      array([1.   , 0.   , 1.732, 0.   ])
      >>> jax.jacobian(harmonics.spherical_harmonics)(up, 3).shape  # finite, though up is the pole
      (16, 3)
    """
    vectors = jnp.asarray(vectors)
    if not normalize:
        return solid_harmonics(vectors, lmax, normalization=normalization)
    x, y, z, _ = unit_vector(*_coordinates(vectors))
    return _assemble(x, y, z, lmax, normalization, vectors.dtype)


@functools.partial(jax.jit, static_argnames=("lmax", "normalization"))
def solid_harmonics(vectors: jax.Array, lmax: int, *, normalization: str = "component") -> jax.Array:
    """Regular solid harmonics `r^l Y_lm`, to degree lmax: homogeneous polynomials in x, y, z.

    Args:
      vectors: `(..., 3)`, (x, y, z), floating point.
      lmax: static, highest degree; tested to 20.
      normalization: static, of Y: "component", "norm" or "integral", see `degrees`.

    Returns:
      `(..., (lmax + 1)^2)` in e3nn's order and the dtype of vectors; bfloat16 is computed in float32.

    Raises:
      TypeError: vectors are not floating point.
      ValueError: a last axis other than 3, a negative lmax, or an unknown normalisation.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `spherical_harmonics`.

    Examples:
      >>> import numpy as np
      >>> from jaxinv.kernels import harmonics
      >>> up = np.array([0.0, 2.0, 0.0], np.float32)
      >>> np.asarray(harmonics.solid_harmonics(up, 1), float).round(3)  # degree 1 is sqrt(3) times the vector
      array([1.   , 0.   , 3.464, 0.   ])
    """
    vectors = jnp.asarray(vectors)
    x, y, z = _coordinates(vectors)
    return _assemble(x, y, z, lmax, normalization, vectors.dtype)


def _coordinates(vectors):
    require_floating("vectors", vectors)
    if vectors.shape[-1:] != (3,):
        raise ValueError(f"vectors must have shape (..., 3), got {vectors.shape}")
    vectors = vectors.astype(accumulation_dtype(vectors))
    return [jnp.squeeze(one, -1) for one in jax.lax.split(vectors, (1, 1, 1), axis=vectors.ndim - 1)]


def _assemble(x, y, z, lmax, normalization, dtype):
    require_at_least("lmax", lmax, 0)
    factors = normalization_factors(lmax, normalization) / normalization_factors(lmax, "component")
    blocks = [
        block if factor == 1 else factor * block
        for block, factor in zip(solid_degrees(x, y, z, lmax), factors.tolist(), strict=True)
    ]
    return jnp.concatenate([jnp.moveaxis(block.astype(dtype), 0, -1) for block in blocks], axis=-1)
