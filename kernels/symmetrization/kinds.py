"""How scalars, points, vectors and tensors go into the coordinates of each element of a frame, and back, averaged.

| kind | `(*batch, ..., ` | to canonical coordinates | back |
| --- | --- | --- | --- |
| "scalar" | `)` | x | y |
| "point" | `d)` | `g^-1 (x - centre)` | `g y + centre` |
| "vector" | `d)` | `g^-1 x` | `g y` |
| "tensor" | `d, d)` | `g^-1 x g^-T` | `g y g^T` |
"""

import functools
import math

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.small_matrices import LARGEST_SMALL, total
from jaxinv.kernels.numerics.validation import require_floating
from jaxinv.kernels.symmetrization.frames import Frames

KINDS = ("scalar", "point", "vector", "tensor")
_AXES = {"scalar": 0, "point": 1, "vector": 1, "tensor": 2}


@functools.partial(jax.jit, static_argnames=("name", "kind"))
def to_frames(name: str, kind: str, frames: Frames, x: jax.Array) -> jax.Array:
    """`(*batch, ...)` to `(F, *batch, ...)`, in the dtype of x; of a kind other than "scalar".

    Raises:
      TypeError, ValueError: wrong dtype or shape, calling x by `name`.
    """
    _require_kind(name, kind, frames, x)
    wide = x.astype(accumulation_dtype(x, frames.elements))
    if kind == "point":
        wide = wide - _before(frames.centre, wide, 1)
    matrices = jnp.moveaxis(frames.inverses, -3, 0)
    turned = _turned(_rows(wide, frames)[None], matrices)
    if kind == "tensor":
        turned = _swapped(_turned(_swapped(turned), matrices))
    return turned.reshape(turned.shape[0], *x.shape).astype(x.dtype)


@functools.partial(jax.jit, static_argnames=("name", "kind"))
def from_frames(name: str, kind: str, frames: Frames, y: jax.Array) -> jax.Array:
    """`(F, *batch, ...)` to the weighted mean `(*batch, ...)` of what it stands for, in the dtype of y.

    Raises:
      TypeError, ValueError: wrong dtype or shape, calling y by `name`.
    """
    count = frames.weights.shape[-1]
    if y.shape[:1] != (count,):
        raise ValueError(f"{name} must have an axis of {count} copies in front, got {y.shape}")
    _require_kind(name, kind, frames, jax.eval_shape(lambda y: y[0], y))
    wide = y.astype(accumulation_dtype(y, frames.elements))
    weights = jnp.moveaxis(frames.weights, -1, 0)
    if kind == "scalar":
        return jnp.sum(_before(weights, wide, 0) * wide, axis=0).astype(y.dtype)
    matrices = jnp.moveaxis(frames.elements, -3, 0)
    rows = _rows(wide, frames, copies=1)
    if kind == "tensor":
        rows = _swapped(_turned(_swapped(rows), matrices))
    mean = jnp.sum(_turned(rows, matrices * weights[..., None, None]), axis=0).reshape(y.shape[1:])
    if kind == "point":
        mean = mean + _before(frames.centre, mean, 1)
    return mean.astype(y.dtype)


def _require_kind(name, kind, frames, x):
    require_floating(name, x)
    batch, d, num_axes = frames.gap.shape, frames.centre.shape[-1], _AXES[kind]
    wanted = (*batch, *("...",), *(d,) * num_axes)
    ranks_fit = len(x.shape) >= len(batch) + num_axes
    if not ranks_fit or x.shape[: len(batch)] != batch or x.shape[len(x.shape) - num_axes :] != (d,) * num_axes:
        shape = ", ".join(map(str, wanted))
        raise ValueError(f"{name}, of the kind {kind!r}, must have shape ({shape}), got {x.shape}")


def _rows(x, frames, *, copies=0):
    """`(*batch, rows, d)`: all axes between in one."""
    lead = copies + frames.gap.ndim
    d = frames.centre.shape[-1]
    return x.reshape(*x.shape[:lead], math.prod(x.shape[lead:-1]), d)


def _turned(rows, matrices):
    """`(..., rows, d)`, each row times the transpose of a matrix `(..., d, d)`."""
    d = matrices.shape[-1]
    if d > LARGEST_SMALL:
        return contract("...mk,...ek->...me", rows, matrices)
    return total(rows[..., k : k + 1] * matrices[..., None, :, k] for k in range(d))


def _swapped(rows):
    """Rows of tensors `(..., m d, d)`, the tensors transposed."""
    d = rows.shape[-1]
    tensors = rows.reshape(*rows.shape[:-2], rows.shape[-2] // d, d, d)
    return jnp.swapaxes(tensors, -1, -2).reshape(rows.shape)


def _before(values, x, trailing):
    """Axes of size 1 in values `(*batch, *trailing)`, so that they broadcast against x `(*batch, ..., *trailing)`."""
    lead = values.ndim - trailing
    return values.reshape(*values.shape[:lead], *(1,) * (x.ndim - values.ndim), *values.shape[lead:])
