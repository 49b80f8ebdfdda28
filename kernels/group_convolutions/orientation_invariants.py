"""What two points with orientations have in common with all moved copies of themselves."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.validation import require_floating, require_shape


def orientation_invariants(relative: jax.Array, orientations: ArrayLike) -> jax.Array:
    """Invariants of a relative position and the receiver's orientation, for every orientation of a grid.

    In space `(o . d, |d - o (o . d)|)`: along the orientation and across it. In the plane `(o . d, o' . d)`, where o'
    is o turned by a right angle, so that reflections are told apart. d is the sender's position less the receiver's.
    The pair (-d, -o) has the invariants of (d, o).

    Args:
      relative: `(..., n)`, n = 2 or 3, floating point, in any unit of length.
      orientations: `(N, n)`, unit vectors, such as `orientation_grid(N, n)`.

    Returns:
      `(..., N, 2)` in the unit and dtype of relative.

    Raises:
      TypeError: relative is not floating point.
      ValueError: n is neither 2 nor 3, or orientations do not have n columns.
    Where d is parallel to o, to rounding, the distance across is 0 and so is its gradient.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Bekkers et al., PONITA, arXiv:2310.02970, theorem 1 and table 1.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> orientations = jnp.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
      >>> gc.orientation_invariants(jnp.array([0.0, 0.0, 2.0]), orientations)  # along, and across
      Array([[2., 0.],
             [0., 2.]], dtype=float32)
    """
    relative = jnp.asarray(relative)
    require_floating("relative", relative)
    dimension = _dimension("relative", relative)
    dtype = accumulation_dtype(relative)
    orientations = jnp.asarray(orientations, dtype)
    require_shape("orientations", orientations, (None, dimension))
    toward = jnp.expand_dims(orientations, range(relative.ndim - 1))
    found = _along_and_across(_components(relative.astype(dtype)[..., None, :]), _components(toward))
    return jnp.stack(found, axis=-1).astype(relative.dtype)


def fiber_invariants(orientations: ArrayLike) -> np.ndarray:
    """Invariants of the pairs of orientations of a grid: in space the cosine, in the plane cosine and sine.

    In the plane the cosine alone does not know the sign of an angle.

    Args:
      orientations: `(N, n)`, n = 2 or 3, unit vectors.

    Returns:
      `(N, N, 1)` in space, `(N, N, 2)` in the plane, float64 numpy. Entry (p, o) belongs to the receiver's p
      and the sender's o.

    Raises:
      ValueError: orientations are not `(N, 2)` or `(N, 3)`.
    References: Bekkers et al., PONITA, arXiv:2310.02970, theorem 1 (which has the angle in place of its cosine).
    """
    grid = np.asarray(orientations, np.float64)
    if grid.ndim != 2 or grid.shape[1] not in (2, 3):
        raise ValueError(f"orientations must have shape (any, 2) or (any, 3), got {grid.shape}")
    cosine = grid @ grid.T
    if grid.shape[1] == 3:
        return cosine[..., None]
    turned = np.stack(_turned(grid.T), axis=-1)
    return np.stack([cosine, turned @ grid.T], axis=-1)


def pair_invariants(relative: jax.Array, receivers: jax.Array, senders: jax.Array) -> jax.Array:
    """All invariants of pairs of points each of which has an orientation of its own.

    In space `(o . d, |d - o (o . d)|, o . p, p . d, det(o, d, p))`, in the plane `(o . d, o' . d, o . p, o' . p)`:
    o is the receiver's orientation, o' this turned by a right angle, p the sender's, and d the sender's position less
    the receiver's. They are complete: pairs that agree in them are moved copies of each other. The paper has the first
    three in space, which do not tell how far p is turned about o; without the determinant, which changes sign with
    reflections, they are complete for the group with reflections.

    Args:
      relative: `(..., n)`, n = 2 or 3, floating point.
      receivers: `(..., n)`, unit vectors; leading axes broadcast.
      senders: `(..., n)`, unit vectors.

    Returns:
      `(..., 5)` in space, `(..., 4)` in the plane, in the dtype of the arguments.

    Raises:
      TypeError: an argument is not floating point.
      ValueError: n is neither 2 nor 3, or differs between the arguments.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Bekkers et al., PONITA, arXiv:2310.02970, theorem 1.
    """
    arrays = {"relative": relative, "receivers": receivers, "senders": senders}
    arrays = {name: jnp.asarray(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        require_floating(name, array)
    dimension = _dimension("relative", arrays["relative"])
    for name in ("receivers", "senders"):
        if arrays[name].ndim == 0 or arrays[name].shape[-1] != dimension:
            raise ValueError(f"{name} must have a last axis of size {dimension}, got shape {arrays[name].shape}")
    result_dtype = jnp.result_type(*arrays.values())
    dtype = accumulation_dtype(*arrays.values())
    d, o, p = map(_components, jnp.broadcast_arrays(*(array.astype(dtype) for array in arrays.values())))
    found = [*_along_and_across(d, o), _inner(o, p)]
    if dimension == 2:
        found.append(_inner(_turned(o), p))
    else:
        volume = sum(o[i] * (d[i - 2] * p[i - 1] - d[i - 1] * p[i - 2]) for i in range(3))
        found += [_inner(p, d), volume]
    return jnp.stack(found, axis=-1).astype(result_dtype)


def _dimension(name, array):
    if array.ndim == 0 or array.shape[-1] not in (2, 3):
        raise ValueError(f"{name} must have a last axis of size 2 or 3, got shape {array.shape}")
    return array.shape[-1]


def _components(vectors):
    """Each by itself: sums over an axis of two or three are slow."""
    parts = jax.lax.split(vectors, (1,) * vectors.shape[-1], axis=vectors.ndim - 1)
    return [jnp.squeeze(part, -1) for part in parts]


def _inner(a, b) -> jax.Array:
    return functools.reduce(jnp.add, [x * y for x, y in zip(a, b, strict=True)])


def _turned(vector):
    """By a right angle."""
    x, y = vector
    return -y, x


def _along_and_across(d, o):
    """In space the distance across: what rounding leaves of parallel vectors is 0, whose gradient is 0."""
    along = _inner(d, o)
    if len(d) == 2:
        return along, _inner(_turned(o), d)
    square = sum((x - y * along) ** 2 for x, y in zip(d, o, strict=True))
    rounding = 4 * jnp.finfo(along.dtype).eps
    parallel = square <= rounding**2 * _inner(d, d)
    return along, jnp.where(parallel, 0.0, jnp.sqrt(jnp.where(parallel, 1.0, square)))
