"""Rows of representations: checks of pairs, unit length, centring."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_floating, require_shape

# A relative distance below this many units of rounding is no distance.
ROUNDING_UNITS = 8.0


def require_pair(x: jax.Array, y: jax.Array, *, equal_width: bool = False) -> None:
    """Raises TypeError or ValueError unless `x` is `(n, d)` and `y` is `(n, e)`, with e = d where that is asked."""
    require_floating("x", x)
    require_floating("y", y)
    require_shape("x", x, (None, None))
    require_shape("y", y, (x.shape[0], x.shape[1] if equal_width else None))


def unit_rows(x: jax.Array) -> jax.Array:
    """Rows along the last axis at length 1, whatever their length was; zero rows stay, with gradient 0."""
    # Squares of entries up to 1 neither overflow nor vanish together.
    x = safe_divide(x, jnp.max(jnp.abs(jax.lax.stop_gradient(x)), axis=-1, keepdims=True, initial=0.0))
    return safe_divide(x, safe_norm(x)[..., None])


def centred(x: jax.Array) -> jax.Array:
    """Columns about their mean, in float32 at least."""
    x = x.astype(accumulation_dtype(x))
    return x - jnp.sum(x, axis=0, keepdims=True) / max(x.shape[0], 1)


def centred_unit(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Columns centred, the whole divided by its Frobenius norm (zero if constant up to rounding), and whether it is."""
    rounding = ROUNDING_UNITS * float(jnp.finfo(x.dtype).eps)
    about_mean = centred(x)
    norm = safe_norm(about_mean.ravel())
    constant = norm <= rounding * safe_norm(x.astype(norm.dtype).ravel())
    return jnp.where(constant, 0.0, about_mean / jnp.where(constant, 1.0, norm)), constant
