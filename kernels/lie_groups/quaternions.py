"""Rotations of space as quaternions `(..., 4)`, in scipy's order (x, y, z, w); q and -q are the same rotation.

Functions are polynomials of the components (and of sines and cosines of angles), so that they go through jit, vmap, jvp
and vjp, any order, everywhere. Leading axes are the batch and broadcast; results have the dtype of the arguments,
bfloat16 is computed in float32. Wrong shapes raise ValueError and other than floating dtypes TypeError, at trace time
and naming the argument.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_floating, require_shape


@jax.jit
def from_euler_xyz(angles: Float[Array, "*batch 3"]) -> Float[Array, "*batch 4"]:
    """The unit quaternion of turns about the fixed axes x, then y, then z.

    Args:
      angles: `(..., 3)`, in radians, about x, y and z.

    Returns:
      `(..., 4)` in the dtype of the angles, (x, y, z, w).

    Raises:
      TypeError, ValueError: at trace time: not floating point, or a wrong shape.
    Transformations: jit, vmap, jvp, vjp, any order.
    """
    half, dtype = _split("angles", angles, 3)
    (sx, sy, sz), (cx, cy, cz) = ([function(0.5 * one) for one in half] for function in (jnp.sin, jnp.cos))
    found = (
        sx * cy * cz - cx * sy * sz,
        cx * sy * cz + sx * cy * sz,
        cx * cy * sz - sx * sy * cz,
        cx * cy * cz + sx * sy * sz,
    )
    return _joined(found, dtype)


@jax.jit
def multiply(a: Float[Array, "*batch 4"], b: Float[Array, "*batch 4"]) -> Float[Array, "*batch 4"]:
    """The product: first the rotation of b, then that of a.

    Args:
      a: `(..., 4)`.
      b: `(..., 4)`; leading axes broadcast.

    Returns:
      `(..., 4)` in the dtype of both together.

    Raises, transformations: as `from_euler_xyz`.
    """
    (first, a_dtype), (second, b_dtype) = _split("a", a, 4), _split("b", b, 4)
    return _joined(_product(first, second), jnp.promote_types(a_dtype, b_dtype))


@jax.jit
def conjugate(q: Float[Array, "*batch 4"]) -> Float[Array, "*batch 4"]:
    """The conjugate, `(-x, -y, -z, w)`: of a unit quaternion the inverse rotation.

    Args:
      q: `(..., 4)`.

    Returns:
      `(..., 4)`.

    Raises, transformations: as `from_euler_xyz`.
    """
    (x, y, z, w), dtype = _split("q", q, 4)
    return _joined((-x, -y, -z, w), dtype)


@jax.jit
def canonical(q: Float[Array, "*batch 4"]) -> Float[Array, "*batch 4"]:
    """Of q and -q the one with w > 0; at half-turns, where w is 0, the one whose last component but zeros is positive.

    Args:
      q: `(..., 4)`.

    Returns:
      `(..., 4)`, q or -q.

    It jumps at half-turns, as any choice must somewhere; its derivative is that of q or -q.
    Raises, transformations: as `from_euler_xyz`.
    """
    (x, y, z, w), dtype = _split("q", q, 4)
    last = jnp.where(w != 0, w, jnp.where(z != 0, z, jnp.where(y != 0, y, x)))
    sign = jnp.where(last < 0, -1.0, 1.0)
    return _joined([sign * one for one in (x, y, z, w)], dtype)


@jax.jit
def squared_sine(a: Float[Array, "*batch 4"], b: Float[Array, "*batch 4"]) -> Float[Array, "*batch"]:
    """How far two rotations are apart: `1 - <a, b>^2`, sin^2 of half the angle between them.

    It is taken as the squared vector part of the quotient, which loses no digit near 0.

    Args:
      a: `(..., 4)`, unit quaternions.
      b: `(..., 4)`, unit quaternions; leading axes broadcast.

    Returns:
      `(...)` in [0, 1], 0 for b = +-a, in the dtype of both together.

    Raises, transformations: as `from_euler_xyz`.
    """
    (first, a_dtype), (second, b_dtype) = _split("a", a, 4), _split("b", b, 4)
    x, y, z, w = first
    x, y, z, _ = _product((-x, -y, -z, w), second)
    return (x * x + y * y + z * z).astype(jnp.promote_types(a_dtype, b_dtype))


@jax.jit
def to_matrix(q: Float[Array, "*batch 4"]) -> Float[Array, "*batch 3 3"]:
    """The rotation matrix of a unit quaternion; of another length, times the square of the length.

    Args:
      q: `(..., 4)`.

    Returns:
      `(..., 3, 3)`.

    Raises, transformations: as `from_euler_xyz`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels.lie_groups import quaternions
      >>> quaternions.to_matrix(jnp.array([0.0, 0.0, 1.0, 0.0]))  # a half-turn about z
      Array([[-1.,  0.,  0.],
             [ 0., -1.,  0.],
             [ 0.,  0.,  1.]], dtype=float32)
    """
    (x, y, z, w), dtype = _split("q", q, 4)
    xx, yy, zz, ww = x * x, y * y, z * z, w * w
    rows = (
        (ww + xx - yy - zz, 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), ww - xx + yy - zz, 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), ww - xx - yy + zz),
    )
    return jnp.stack([_joined(row, dtype) for row in rows], axis=-2)


def _product(a, b):
    (ax, ay, az, aw), (bx, by, bz, bw) = a, b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def _split(name, vectors, size):
    """Components in float32 at least, and the dtype that came."""
    require_floating(name, vectors)
    require_shape(name, vectors, (*vectors.shape[:-1], size))
    wide = vectors.astype(accumulation_dtype(vectors))
    return [wide[..., i] for i in range(size)], vectors.dtype


def _joined(components, dtype):
    return jnp.stack(components, axis=-1).astype(dtype)
