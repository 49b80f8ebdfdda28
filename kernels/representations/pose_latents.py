"""What a predictor is told of the pose of one view relative to another."""

import functools

import jax
import numpy as np
from jaxtyping import Array, Float

from jaxinv.kernels.lie_groups.quaternions import canonical, conjugate, multiply, to_matrix
from jaxinv.kernels.numerics.validation import require_choice

RELATIONS = ("body", "world")
LATENTS = ("quaternion", "matrix", "products")
_ROWS, _COLUMNS = np.triu_indices(4)


@functools.partial(jax.jit, static_argnames=("relation", "latent"))
def pose_latent(
    first: Float[Array, "*batch 4"],
    second: Float[Array, "*batch 4"],
    *,
    relation: str = "body",
    latent: str = "quaternion",
) -> Float[Array, "*batch k"]:
    """The rotation that leads from one pose to another, as numbers.

    For views that are linear, `f = vec(R M)` of a matrix M of the object, one map that is linear in the latent and in
    `f(first)` gives `f(second)` of all objects if the relation is of the world's side and the latent linear in the
    rotation matrix: "matrix" or "products". Of the body's side (as published) that holds only where all objects
    share M; a quaternion, in which the matrix is quadratic, is exact on neither.

    Args:
      first: `(..., 4)`, unit quaternions (x, y, z, w) of the first pose.
      second: `(..., 4)`, of the second.
      relation: "body", `R1^-1 R2`; "world", `R2 R1^-1`.
      latent: "quaternion", 4 numbers, w > 0 (see `lie_groups.quaternions.canonical`); "matrix", 9 entries, row by row;
        "products", the 10 products of two components of the quaternion.

    Returns:
      `(..., k)`, in the dtype of the poses.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order; "quaternion" jumps at half-turns.
    References: Garrido, Najman and LeCun, ICML 2023, arXiv:2302.10283.
    """
    require_choice("relation", relation, RELATIONS)
    require_choice("latent", latent, LATENTS)
    back = conjugate(first)
    q = multiply(back, second) if relation == "body" else multiply(second, back)
    if latent == "matrix":
        return to_matrix(q).reshape(*q.shape[:-1], 9)
    if latent == "products":
        return q[..., _ROWS] * q[..., _COLUMNS]
    return canonical(q)
