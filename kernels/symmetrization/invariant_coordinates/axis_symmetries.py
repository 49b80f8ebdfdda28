"""The signs of the axes of canonical coordinates: fixed by the points, all of them, or drawn."""

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.small_matrices import determinant, square_argument
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.symmetrization.clouds import points_argument
from jaxinv.kernels.symmetrization.principal_frames import axis_signs

SIGNS = ("skew", "anchor", "none")


class FixedSigns(NamedTuple):
    """Coordinates whose columns have been given a sense.

    Attributes:
      points: `(..., n, k)`.
      signs: `(..., k)`, 1 or -1, by which the columns were multiplied.
      margin: `(..., k)`, between 0 and 1: how clear the choice was. Below 1e-3 noise may turn it; 0 for columns that
        are symmetric about 0, which keep their sign, and for those of nothing but rounding. 1 where no choice was made.
    """

    points: jax.Array
    signs: jax.Array
    margin: jax.Array


@functools.partial(jax.jit, static_argnames=("mode",))
def fix_signs(points: jax.Array, *, mode: str = "skew", axes: jax.Array | None = None) -> FixedSigns:
    """Gives each column the sense that its own numbers have, whatever sense it came in.

    Args:
      points: `(..., n, k)`, floating point, coordinates along axes of arbitrary sense; rows of zeros count for nothing.
      mode: static. "skew": the sum of cubes is positive. "anchor": the entry largest by magnitude is; it hangs on one
        point, and jumps more easily. "none": as it comes.
      axes: `(..., k, k)`, directions of the columns, for clouds that are not to be taken for their mirror images: the
        sign of the last column is then the one that makes `axes signs` a rotation, whatever the mode.

    Returns:
      FixedSigns; the points in their dtype, the rest in float32 at least. The order of the points does not matter.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or unknown mode, naming the argument.

    Transformations: jit, vmap; jvp and vjp of any order, where the signs are constants. They jump where the margin is
    0: averages over `sign_frames` do not.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> found = symmetrization.fix_signs(jnp.array([[1.0, -3.0], [-1.0, 1.0], [0.0, 2.0]]))
      >>> found.signs, found.margin.round(2)  # the first column is symmetric
      (Array([ 1., -1.], dtype=float32), Array([0. , 0.5], dtype=float32))
    """
    require_choice("mode", mode, SIGNS)
    points = points_argument("points", points)
    wide = jax.lax.stop_gradient(points).astype(accumulation_dtype(points))
    k = points.shape[-1]
    if mode == "none":
        signs = jnp.ones((*wide.shape[:-2], k), wide.dtype)
        margin = signs
    else:
        signs, margin = _balance(wide, mode)
    if axes is not None:
        axes = jax.lax.stop_gradient(square_argument("axes", axes))
        if axes.shape[-1] != k:
            raise ValueError(f"axes must have shape (..., {k}, {k}), got {axes.shape}")
        turned, others = with_equal_ranks(determinant(axes), jnp.prod(signs[..., :-1], axis=-1))
        last = jnp.where(turned * others < 0, -1.0, 1.0).astype(signs.dtype)[..., None]
        signs = jnp.concatenate([signs[..., :-1], jnp.broadcast_to(last, (*signs.shape[:-1], 1))], axis=-1)
        margin = jnp.concatenate([margin[..., :-1], jnp.ones_like(margin[..., -1:])], axis=-1)
    return FixedSigns(points * signs[..., None, :].astype(points.dtype), signs, margin)


def _balance(wide, mode):
    """Signs and margins of columns."""
    most, least = jnp.max(wide, axis=-2, initial=0), jnp.min(wide, axis=-2, initial=0)
    largest = jnp.maximum(most, -least)
    rounding = 16 * float(jnp.finfo(wide.dtype).eps) * jnp.max(largest, axis=-1, keepdims=True)
    live = (largest > rounding) & (largest >= float(jnp.finfo(wide.dtype).tiny))
    unit = jnp.where(live, largest, 1)
    if mode == "anchor":
        balance, total = (most + least) / unit, jnp.ones_like(unit)
    else:
        cubes = (wide / unit[..., None, :]) ** 3
        balance, total = jnp.sum(cubes, axis=-2), jnp.sum(jnp.abs(cubes), axis=-2)
    balance = jnp.where(live, balance, 0)
    return jnp.where(balance < 0, -1.0, 1.0).astype(wide.dtype), jnp.abs(balance) / jnp.where(live, total, 1)


@functools.partial(jax.jit, static_argnames=("swaps", "proper"))
def sign_frames(points: jax.Array, *, swaps: bool = False, proper: bool = False) -> jax.Array:
    """Copies of coordinates in all senses of their axes.

    Args:
      points: `(..., n, k)`, floating point.
      swaps: static; in all orders of the axes too, for clouds whose values may be equal: uniform ones in a square.
      proper: static; only those that are rotations of each other.

    Returns:
      `(F, ..., n, k)` in the dtype of the points, F = 2^k, or 2^k k! with swaps, half of it if proper.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    points = points_argument("points", points)
    elements = jnp.asarray(axis_symmetries(points.shape[-1], swaps, proper), points.dtype)
    return contract("fij,...j->f...i", elements, points, dtype=points.dtype)


@functools.lru_cache(maxsize=32)
def axis_symmetries(k: int, swaps: bool, proper: bool) -> np.ndarray:
    """`(F, k, k)`: the group of all sign changes of k axes, and on demand orders; of the proper ones alone."""
    orders = list(itertools.permutations(range(k))) if swaps else [tuple(range(k))]
    signs = axis_signs(k, proper and not swaps)
    found = np.array([np.diag(one)[list(order)] for order in orders for one in signs])
    if proper and swaps:
        found = found[np.linalg.det(found) > 0]
    found.flags.writeable = False
    return found


@functools.partial(jax.jit, static_argnames=("proper",))
def random_sign(key: jax.Array, points: jax.Array, *, proper: bool = False) -> tuple[jax.Array, jax.Array]:
    """Coordinates with the sense of each axis drawn: for training, where a network is to meet all of them.

    Args:
      key: of `jax.random`.
      points: `(..., n, k)`, floating point.
      proper: static; an even number of axes is turned.

    Returns:
      The points, and the signs `(..., k)`, in the dtype of the points; all choices are equally likely, one a cloud.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    points = points_argument("points", points)
    signs = jax.random.rademacher(key, (*points.shape[:-2], points.shape[-1]), points.dtype)
    if proper:
        signs = jnp.concatenate([signs[..., :-1], jnp.prod(signs[..., :-1], axis=-1, keepdims=True)], axis=-1)
    return points * signs[..., None, :], signs
