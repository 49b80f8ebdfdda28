"""Coordinates that no motion or change of scale alters, and any function made invariant, or equivariant, by them."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.largest import largest
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_choice, require_floating
from jaxinv.kernels.symmetrization.frame_averaging import frame_average
from jaxinv.kernels.symmetrization.frames import group_frames
from jaxinv.kernels.symmetrization.invariant_coordinates.axis_symmetries import (
    axis_symmetries,
    fix_signs,
    random_sign,
    sign_frames,
)
from jaxinv.kernels.symmetrization.invariant_coordinates.mds_from_points import wide_coordinates

MODES = ("canonical", "average", "max", "random")


class InvariantCoordinates(NamedTuple):
    """`MdsCoordinates` whose axes have a sense: what was given is `scale points axes' + centre`.

    Attributes:
      points: `(..., n, d)`, invariant; 0 those that are masked.
      values: `(..., d)`, invariant: the sum of squares of each column, descending.
      axes: `(..., d, d)`, orthogonal; column c is the direction of column c of the points.
      centre: `(..., d)`, the mean, in the units of the points.
      scale: `(...)`, in the units of the points.
      gap: `(...)`, how far apart the values are, as in `MdsCoordinates`.
      margin: `(..., d)`, how clear the sense of each axis was, as in `FixedSigns`.
    """

    points: jax.Array
    values: jax.Array
    axes: jax.Array
    centre: jax.Array
    scale: jax.Array
    gap: jax.Array
    margin: jax.Array


@functools.partial(jax.jit, static_argnames=("signs", "scale", "chiral", "tolerance", "detached"))
def tinv(
    points: jax.Array,
    *,
    mask: jax.Array | None = None,
    signs: str = "skew",
    scale: str | None = "rms",
    chiral: bool = False,
    tolerance: float = 1e-3,
    detached: bool = True,
) -> InvariantCoordinates:
    """`mds_from_points`, then `fix_signs`: with these coordinates any function of points is invariant.

    `tinv(c x R' + t)` has the points of `tinv(x)` for all c > 0, orthogonal R and t: exactly, to rounding over gap and
    margin. Where the gap is about 0 axes are arbitrary, where a margin is, its sense: `tinv_apply` averages.

    Args:
      points: `(..., n, d)`, floating point.
      mask: `(..., n)` bool, which points there are.
      signs: static, the mode of `fix_signs`.
      scale, tolerance, detached: static, as in `mds_from_points`.
      chiral: static; mirror images are told apart: the axes are a rotation.

    Returns:
      InvariantCoordinates; the points in their dtype, the rest in float32 at least. O(n d) memory.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or unknown option, naming the argument.

    Transformations: jit, vmap, jvp, vjp, as `mds_from_points`; senses are constants.
    References: Zhang et al., Revisiting transformation invariant geometric deep learning, arXiv:2112.12345; the choice
    of senses is ours.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> points = jax.random.normal(jax.random.key(0), (20, 3)) * jnp.array([[1.0, 2.0, 4.0]])
      >>> turn = jax.random.orthogonal(jax.random.key(1), 3)
      >>> found, moved = symmetrization.tinv(points), symmetrization.tinv(5 * points @ turn.T - 1.0)
      >>> bool(jnp.allclose(found.points, moved.points, atol=1e-4))
      True
    """
    found = wide_coordinates(points, mask, scale=scale, tolerance=tolerance, detached=detached)
    fixed = fix_signs(found.points, mode=signs, axes=found.axes if chiral else None)
    axes = found.axes * fixed.signs[..., None, :]
    fixed_points = fixed.points.astype(jnp.asarray(points).dtype)
    return InvariantCoordinates(*found._replace(points=fixed_points, axes=axes), margin=fixed.margin)


def tinv_apply(
    function: Callable[..., Any],
    points: jax.Array,
    *features: Any,
    mode: str = "canonical",
    swaps: bool = False,
    key: jax.Array | None = None,
    **options: Any,
) -> Any:
    """Any function of points, made invariant.

    Args:
      function: of points `(..., n, d)` and the features; any pytree of arrays out.
      points: `(..., n, d)`, floating point.
      *features: arrays or pytrees, handed on as they are; the function is to see a mask among them.
      mode: static. "canonical": the function of `tinv(points)`, called once. "average": its mean over `sign_frames` of
        them, in one batched call, invariant too where margins are 0 (`frame_average`). "max": the largest over them.
        "random": one sense of the axes drawn for each cloud, invariant in distribution: to train with.
      swaps: static; average or take the largest over all orders of the axes too.
      key: of `jax.random`, for "random" alone.
      **options: of `tinv`.

    Returns:
      The function's result.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or unknown option, naming the argument.

    Transformations: jit, vmap, jvp, vjp, as `tinv` and the function.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> kite = jnp.array([[0.0, 3.0], [-1.0, 0.0], [1.0, 0.0], [0.0, -1.0]])  # mirror-symmetric: a sense is arbitrary
      >>> def of_side(x):
      ...     return jnp.max(x[:, 1])
      >>> symmetrization.tinv_apply(of_side, kite, mode="average").shape
      ()
    """
    coordinates = _coordinates(points, mode, swaps, key, options)
    if mode != "max":
        return _called(function, coordinates.points, features, mode, swaps, options, "scalar")
    copies = sign_frames(coordinates.points, swaps=swaps, proper=options.get("chiral", False))
    return jax.tree.map(lambda leaf: largest(leaf, 0), jax.vmap(lambda x: function(x, *features))(copies))


def tinv_equivariant(
    function: Callable[..., jax.Array],
    points: jax.Array,
    *features: Any,
    mode: str = "canonical",
    swaps: bool = False,
    key: jax.Array | None = None,
    output: str = "point",
    **options: Any,
) -> jax.Array:
    """Any function from points to points, or vectors, made equivariant: its result is moved back by what moved them.

    Args:
      function: of points `(..., n, d)` and the features; `(..., m, d)` out, floating point, for any m.
      points: `(..., n, d)`, floating point.
      *features: as in `tinv_apply`.
      mode: static, "canonical", "average" or "random", as in `tinv_apply`.
      swaps, key, **options: as in `tinv_apply`.
      output: static; "point": `scale y axes' + centre`, "vector": without the centre.

    Returns:
      `(..., m, d)`, in the dtype of the function's result.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or unknown option, naming the argument.

    Transformations: jit, vmap, jvp, vjp, as `tinv` and the function.
    """
    require_choice("output", output, ("point", "vector"))
    require_choice("mode", mode, ("canonical", "average", "random"))
    found = _coordinates(points, mode, swaps, key, options)
    y = jnp.asarray(_called(function, found.points, features, mode, swaps, options, "vector"))
    require_floating("the function's result", y)
    shape = found.points.shape
    if y.ndim != len(shape) or y.shape[:-2] != shape[:-2] or y.shape[-1] != shape[-1]:
        raise ValueError(f"the function's result must have shape {(*shape[:-2], '...', shape[-1])}, got {y.shape}")
    wide = y.astype(accumulation_dtype(y, found.axes))
    back = contract("...mc,...dc->...md", wide, found.axes) * found.scale[..., None, None]
    return (back + found.centre[..., None, :] if output == "point" else back).astype(y.dtype)


def _coordinates(points, mode, swaps, key, options):
    """`tinv`, with signs drawn on demand."""
    require_choice("mode", mode, MODES)
    if (key is not None) != (mode == "random"):
        raise ValueError(f"key must be given for the mode 'random' and for it alone, got mode {mode!r} and key {key}")
    if swaps and mode not in ("average", "max"):
        raise ValueError(f"swaps must be False for the mode {mode!r}")
    found = tinv(points, **options)
    if key is None:
        return found
    drawn, signs = random_sign(key, found.points, proper=options.get("chiral", False))
    return found._replace(points=drawn, axes=found.axes * signs[..., None, :].astype(found.axes.dtype))


def _called(function, points, features, mode, swaps, options, output):
    if mode != "average":
        return function(points, *features)
    elements = axis_symmetries(points.shape[-1], swaps, options.get("chiral", False))
    frames = group_frames(jnp.asarray(elements, accumulation_dtype(points)))
    inputs = ("vector", *("scalar",) * len(features))
    return frame_average(function, frames, points, *features, inputs=inputs, output=output)
