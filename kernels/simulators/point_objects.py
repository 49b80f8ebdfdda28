"""Objects of a few shining points in space, pictured from the front: pose and class are known exactly.

A class is a cloud of points, its objects are that cloud with each point moved a little; a view is one object turned. It
stands in for renderings of solid objects where only the pose and the class matter.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape

_EXTENT = 1.4
_DEPTH_GAIN = 0.5
_EXPOSURE = 0.5


class PointObjects(NamedTuple):
    """Objects of k points."""

    points: Float[Array, "*batch k 3"]
    brightness: Float[Array, "*batch k"]


def sample_point_objects(
    key: PRNGKeyArray,
    num_classes: int,
    num_objects: int,
    *,
    num_points: int = 20,
    spread: float = 0.5,
    jitter: float = 0.08,
) -> PointObjects:
    """Draws objects of each class.

    Args:
      key: of points and brightness.
      num_classes: c.
      num_objects: m, of each class.
      num_points: k, of each object.
      spread: standard deviation of the points of a class.
      jitter: standard deviation of an object's points about those of its class.

    Returns:
      Points `(c, m, k, 3)` and brightness `(c, m, k)`, in [0.4, 1], the same for all objects of a class.

    Raises:
      ValueError: a number below 1.
    """
    for name, number in (("num_classes", num_classes), ("num_objects", num_objects), ("num_points", num_points)):
        require_at_least(name, number, 1)
    class_key, object_key, brightness_key = jax.random.split(key, 3)
    of_class = spread * jax.random.normal(class_key, (num_classes, 1, num_points, 3))
    moved = jitter * jax.random.normal(object_key, (num_classes, num_objects, num_points, 3))
    brightness = jax.random.uniform(brightness_key, (num_classes, 1, num_points), minval=0.4, maxval=1.0)
    return PointObjects(of_class + moved, jnp.broadcast_to(brightness, moved.shape[:-1]))


@functools.partial(jax.jit, static_argnames="size")
def render_points(
    objects: PointObjects, rotations: Float[Array, "*batch 3 3"], *, size: int = 16, width: float = 0.18
) -> Float[Array, "*batch size size"]:
    """Pictures of turned objects: each point a round spot, brighter the nearer (larger z) it is.

    Of points (u, v, w) after the turn, `sum_k b_k (1/2 + w_k / 4) exp(-((u_k - g_j)^2 + (v_k - g_i)^2) / (2 width^2))`
    at row i and column j, with g from -1.4 to 1.4. A spot is the product of its profiles along both axes: 2 k size
    exponentials, not k size^2.

    Args:
      objects: points `(..., k, 3)` and brightness `(..., k)`.
      rotations: `(..., 3, 3)`.
      size: static; pixels a side.
      width: of a spot, positive.

    Returns:
      `(..., size, size)`, in the common dtype of the arguments, summed in float32 at least. No points give a dark
      picture; points behind the object by more than 2 count negative.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import simulators
      >>> objects = simulators.sample_point_objects(jax.random.key(0), 3, 2)
      >>> turns = jnp.broadcast_to(jnp.eye(3), (3, 2, 3, 3))
      >>> simulators.render_points(objects, turns).shape
      (3, 2, 16, 16)
    """
    points, brightness = objects
    for name, array in (("points", points), ("brightness", brightness), ("rotations", rotations)):
        require_floating(name, array)
    batch = points.shape[:-2]
    require_shape("points", points, (*batch, None, 3))
    require_shape("brightness", brightness, points.shape[:-1])
    require_shape("rotations", rotations, (*batch, 3, 3))
    require_at_least("size", size, 1)
    dtype = accumulation_dtype(points, brightness, rotations)
    turned = contract("...ij,...kj->...ik", rotations, points, dtype=dtype)
    grid = jnp.linspace(-_EXTENT, _EXTENT, size, dtype=dtype).reshape((1,) * turned.ndim + (size,))
    away = (turned[..., :2, :, None] - grid) / width
    profiles = jnp.exp(-0.5 * away**2)
    shine = _EXPOSURE * brightness.astype(dtype) * (1 + _DEPTH_GAIN * turned[..., 2, :])
    columns, rows = profiles[..., 0, :, :], profiles[..., 1, :, :] * shine[..., None]
    picture = contract("...ki,...kj->...ij", rows, columns)
    return picture.astype(jnp.result_type(points, brightness, rotations))
