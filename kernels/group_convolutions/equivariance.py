"""How far a function is from equivariant."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_choice, require_floating

CROPS = ("square", "disc")


def equivariance_error(
    function: Callable[[jax.Array], jax.Array],
    x: jax.Array,
    act_in: Callable[[jax.Array], jax.Array],
    act_out: Callable[[jax.Array], jax.Array],
    *,
    axes: tuple[int, int] | None = None,
    crop: str = "square",
    margin: int = 0,
) -> jax.Array:
    """`norm(function(g x) - g function(x)) / norm(g function(x))` for one element g of any group.

    Args:
      function: of an array, with an array as its result.
      x: what it is applied to.
      act_in: moves x by g.
      act_out: moves the result by g; the identity to measure invariance.
      axes: static, of rows and columns in the result, whose rim is left out; None leaves nothing out.
      crop: static, "square", or "disc", the largest that fits: what is turned by other than quarter-turns comes from
        outside of the picture beyond it.
      margin: static, how many pixels are left out at the rim of the picture, in which the disc then lies.

    Returns:
      A scalar, in float32 at least. Where `g function(x)` is zero, 0.

    Raises:
      ValueError: at trace time: results of two shapes; a margin that leaves nothing; an unknown crop.
      TypeError: x is not floating point.
    Transformations: those of the function and the actions.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> x = jax.random.normal(jax.random.key(0), (5, 5))
      >>> def turn(x):
      ...     return x[::-1].T
      >>> gc.equivariance_error(jax.nn.relu, x, turn, turn)
      Array(0., dtype=float32)
      >>> bool(gc.equivariance_error(lambda x: x.at[0].set(0.0), x, turn, turn) > 0.1)
      True
    """
    require_floating("x", x)
    require_choice("crop", crop, CROPS)
    require_at_least("margin", margin, 0)
    moved, wanted = function(act_in(x)), act_out(function(x))
    if moved.shape != wanted.shape:
        raise ValueError(f"act_out must give the shape of function(act_in(x)), {moved.shape}, got {wanted.shape}")
    sums = accumulation_dtype(moved, wanted)
    moved, wanted = moved.astype(sums), wanted.astype(sums)
    if axes is not None:
        inside = jnp.asarray(_inside(moved.shape, axes, crop, margin), sums)
        moved, wanted = moved * inside, wanted * inside
    return safe_divide(safe_norm((moved - wanted).reshape(-1)), safe_norm(wanted.reshape(-1)))


def _inside(shape, axes, crop, margin):
    """1 inside and 0 elsewhere, along the axes of the picture; the others of length 1."""
    row, column = (axis % len(shape) for axis in axes)
    lengths = shape[row], shape[column]
    if 2 * margin >= min(lengths):
        raise ValueError(f"margin must leave some of {lengths[0]} x {lengths[1]} pixels, got {margin}")
    y, x = (np.abs(np.arange(length) - (length - 1) / 2) for length in lengths)
    if crop == "square":
        inside = np.outer(y <= (lengths[0] - 1) / 2 - margin, x <= (lengths[1] - 1) / 2 - margin)
    else:
        inside = np.add.outer(y**2, x**2) <= ((min(lengths) - 1) / 2 - margin) ** 2
    inside = inside if row < column else inside.T
    return np.expand_dims(inside, [axis for axis in range(len(shape)) if axis not in (row, column)])
