"""What all products check and prepare in the same way."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.harmonics.degrees import lmax_of, over_components
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.validation import require_choice, require_floating
from jaxinv.kernels.tensor_products.path_coefficients import variance_factors


class Factors(NamedTuple):
    """The two factors of a product.

    Attributes:
      x1: `(..., (lmax1 + 1)^2)`, in the dtype of sums, times its weights.
      x2: `(..., (lmax2 + 1)^2)`, likewise.
      lmax1: highest degree of x1.
      lmax2: highest degree of x2.
      lmax_out: highest degree of the product.
      dtype: of the result: that of the factors.
    """

    x1: jax.Array
    x2: jax.Array
    lmax1: int
    lmax2: int
    lmax_out: int
    dtype: jnp.dtype


def factors(
    x1: jax.Array,
    x2: jax.Array,
    lmax_out: int | None,
    weights1: jax.Array | None = None,
    weights2: jax.Array | None = None,
) -> Factors:
    """Checks two factors and multiplies them by weights of their degrees.

    Raises:
      TypeError: a factor that is not floating point.
      ValueError: a trailing size that is no square, lmax_out beyond lmax1 + lmax2, weights of a wrong size.
    """
    x1, lmax1 = checked("x1", x1)
    x2, lmax2 = checked("x2", x2)
    dtype = jnp.result_type(x1, x2)
    sums = accumulation_dtype(x1, x2)
    lmax_out = within(lmax_out, lmax1 + lmax2)
    x1 = weighted(x1.astype(sums), "weights1", weights1, lmax1)
    x2 = weighted(x2.astype(sums), "weights2", weights2, lmax2)
    x1, x2 = with_equal_ranks(x1, x2)
    return Factors(x1, x2, lmax1, lmax2, lmax_out, dtype)


def checked(name: str, x: jax.Array) -> tuple[jax.Array, int]:
    """Coefficients `(..., (lmax + 1)^2)` as an array, and their lmax.

    Raises:
      TypeError: not floating point, naming the argument.
      ValueError: a trailing size that is no square, naming the argument.
    """
    x = jnp.asarray(x)
    require_floating(name, x)
    return x, lmax_of(name, x)


def within(lmax_out: int | None, highest: int) -> int:
    """lmax_out, by default the highest degree that has a path.

    Raises:
      ValueError: lmax_out is outside `0 .. highest`.
    """
    if lmax_out is None:
        return highest
    if not 0 <= lmax_out <= highest:
        raise ValueError(f"lmax_out must be in 0 .. {highest}, the highest degree with a path, got {lmax_out}")
    return lmax_out


def weighted(x: jax.Array, name: str, weights: jax.Array | None, lmax: int) -> jax.Array:
    """Coefficients times `(..., lmax + 1)` weights of their degrees, in the dtype of the coefficients."""
    if weights is None:
        return x
    weights = jnp.asarray(weights)
    require_floating(name, weights)
    if weights.ndim == 0 or weights.shape[-1] != lmax + 1:
        raise ValueError(f"{name} must have {lmax + 1} degrees on its last axis, got shape {weights.shape}")
    x, weights = with_equal_ranks(x, weights.astype(x.dtype))
    return x * over_components(weights)


def finished(
    product: jax.Array,
    pair: Factors,
    kind: str,
    weights_out: jax.Array | None,
    normalization: str,
    normalize: str | None,
    *,
    balanced: bool = False,
) -> jax.Array:
    """The result in its dtype, scaled to unit variance where that is asked for, times its weights."""
    if normalize is not None:
        require_choice("normalize", normalize, ("variance",))
        scale = variance_factors(kind, pair.lmax1, pair.lmax2, pair.lmax_out, normalization, balanced)
        product = weighted(product, "scale", jnp.asarray(scale, product.dtype), pair.lmax_out)
    return weighted(product, "weights_out", weights_out, pair.lmax_out).astype(pair.dtype)
