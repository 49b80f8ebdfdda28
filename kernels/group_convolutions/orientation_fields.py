"""Functions of an orientation, on a grid: mixing them, and going to and from scalars and vectors.

On the icosahedron and dodecahedron, as on any grid on the circle of at least 3, `read_vectors(lift_vectors(v)) = v` to
rounding, because there `sum of o o^T = N / n`; on other grids nearly so.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape


def fiber_convolution(x: jax.Array, kernels: jax.Array) -> jax.Array:
    """Channel by channel, `out[p, c] = sum over o of kernels[p, o, c] x[o, c] / N`.

    Args:
      x: `(..., N, channels)`, floating point.
      kernels: `(N, N, channels)`, functions of `fiber_invariants(orientations)`.

    Returns:
      `(..., N, channels)` in the dtype of the arguments; bfloat16 is summed in float32.

    Raises:
      TypeError: an argument is not floating point.
      ValueError: shapes that do not go together.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Bekkers et al., PONITA, arXiv:2310.02970, eq. (13).
    """
    x, kernels = jnp.asarray(x), jnp.asarray(kernels)
    require_floating("x", x)
    require_floating("kernels", kernels)
    if x.ndim < 2:
        raise ValueError(f"x must have shape (..., orientations, channels), got {x.shape}")
    require_shape("kernels", kernels, (x.shape[-2], *x.shape[-2:]))
    return (contract("...oc,poc->...pc", x, kernels) / max(1, x.shape[-2])).astype(jnp.result_type(x, kernels))


def lift_scalars(scalars: jax.Array, num_orientations: int) -> jax.Array:
    """Scalars to functions of the orientation that are constant.

    Args:
      scalars: `(..., channels)`.
      num_orientations: static, N.

    Returns:
      `(..., N, channels)` in the dtype of the scalars.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    scalars = jnp.asarray(scalars)
    shape = (*scalars.shape[:-1], num_orientations, scalars.shape[-1])
    return jnp.broadcast_to(scalars[..., None, :], shape)


def lift_vectors(vectors: jax.Array, orientations: ArrayLike) -> jax.Array:
    """Vectors to their components along each orientation.

    Args:
      vectors: `(..., channels, n)`, floating point.
      orientations: `(N, n)`.

    Returns:
      `(..., N, channels)` in the dtype of vectors.

    Raises:
      TypeError: vectors are not floating point.
      ValueError: orientations do not have n columns.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    vectors, grid = _with_grid("vectors", vectors, orientations)
    if vectors.ndim < 2 or vectors.shape[-1] != grid.shape[1]:
        raise ValueError(f"vectors must have shape (..., channels, {grid.shape[1]}), got {vectors.shape}")
    return contract("...cn,on->...oc", vectors, grid).astype(vectors.dtype)


def read_scalars(x: jax.Array) -> jax.Array:
    """The means of functions over the orientations: invariant under rotations that permute them.

    Args:
      x: `(..., N, channels)`, floating point.

    Returns:
      `(..., channels)` in the dtype of x; bfloat16 is summed in float32.

    Raises:
      TypeError: x is not floating point.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    x = jnp.asarray(x)
    require_floating("x", x)
    return jnp.mean(x, axis=-2, dtype=accumulation_dtype(x)).astype(x.dtype)


def read_vectors(x: jax.Array, orientations: ArrayLike) -> jax.Array:
    """The vectors that functions point along: `n / N sum over o of x[o] o`.

    The factor n makes it the inverse of `lift_vectors`; the published code leaves it out.

    Args:
      x: `(..., N, channels)`, floating point.
      orientations: `(N, n)`.

    Returns:
      `(..., channels, n)` in the dtype of x.

    Raises:
      TypeError: x is not floating point.
      ValueError: orientations and x differ in N.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Bekkers et al., PONITA, arXiv:2310.02970, section 4.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> grid = gc.orientation_grid(12, kind="polyhedron")
      >>> gc.read_vectors(gc.lift_vectors(jnp.array([[1.0, 2.0, 3.0]]), grid), grid).round()
      Array([[1., 2., 3.]], dtype=float32)
    """
    x, grid = _with_grid("x", x, orientations)
    if x.ndim < 2 or x.shape[-2] != grid.shape[0]:
        raise ValueError(f"x must have shape (..., {grid.shape[0]}, channels), got {x.shape}")
    return (contract("...oc,on->...cn", x, grid) * (grid.shape[1] / grid.shape[0])).astype(x.dtype)


def _with_grid(name, array, orientations):
    array = jnp.asarray(array)
    require_floating(name, array)
    grid = jnp.asarray(orientations, accumulation_dtype(array))
    require_shape("orientations", grid, (None, None))
    return array, grid
