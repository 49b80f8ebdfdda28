"""What the groups of matrices `[[A, t], [0, 1]]` share, on components: products, inverses, actions."""

import jax
import jax.numpy as jnp

from jaxinv.kernels.lie_groups.components import (
    Matrix,
    Vector,
    apply,
    join_matrix,
    join_vector,
    plus,
    same_rank,
    scaled,
    split_matrices,
    split_vectors,
    times,
)


def split_motion(
    name: str, g: jax.Array, n: int, *, axis_first: bool = False
) -> tuple[list[list[jax.Array]], list[jax.Array], jnp.dtype]:
    """The blocks of `[[A, t], [0, 1]]` as components; the last row is not read.

    Args:
      name: of the argument, for errors.
      g: `(..., n + 1, n + 1)`.
      n: static.
      axis_first: static, as in `split_vectors`.

    Returns:
      Rows of A, components of t, and the dtype that they came in.
    """
    rows, dtype = split_matrices(name, g, n + 1, axis_first=axis_first)
    return [row[:n] for row in rows[:n]], [row[n] for row in rows[:n]], dtype


def join_motion(linear: Matrix, translation: Vector, dtype: jnp.dtype) -> jax.Array:
    """The matrix `[[A, t], [0, 1]]` of components.

    Args:
      linear: rows of A.
      translation: components of t.
      dtype: of the result.

    Returns:
      `(..., n + 1, n + 1)`.
    """
    rows = [[*row, t] for row, t in zip(linear, translation, strict=True)]
    return join_matrix([*rows, [0.0] * len(linear) + [1.0]], dtype)


def join_generator(linear: Matrix, translation: Vector, dtype: jnp.dtype) -> jax.Array:
    """An element of the Lie algebra, `[[X, v], [0, 0]]`, of components.

    Args:
      linear: rows of X.
      translation: components of v.
      dtype: of the result.

    Returns:
      `(..., n + 1, n + 1)`.
    """
    rows = [[*row, t] for row, t in zip(linear, translation, strict=True)]
    return join_matrix([*rows, [0.0] * (len(linear) + 1)], dtype)


def compose_motions(a: jax.Array, b: jax.Array, n: int) -> jax.Array:
    """The product `a b` of motions.

    Args:
      a: `(..., n + 1, n + 1)`.
      b: `(..., n + 1, n + 1)`; leading axes broadcast.
      n: static.

    Returns:
      `(..., n + 1, n + 1)` in the dtype of both together.
    """
    (a_linear, a_translation, a_dtype), (b_linear, b_translation, b_dtype) = (
        split_motion(name, g, n) for name, g in (("a", a), ("b", b))
    )
    a_linear, a_translation, b_linear, b_translation = same_rank(a_linear, a_translation, b_linear, b_translation)
    translation = plus(apply(a_linear, b_translation), a_translation)
    return join_motion(times(a_linear, b_linear), translation, jnp.promote_types(a_dtype, b_dtype))


def join_inverse(linear_inverse: Matrix, translation: Vector, dtype: jnp.dtype) -> jax.Array:
    """The inverse motion `[[A^-1, -A^-1 t], [0, 1]]`.

    Args:
      linear_inverse: rows of A^-1.
      translation: components of t.
      dtype: of the result.

    Returns:
      `(..., n + 1, n + 1)`.
    """
    return join_motion(linear_inverse, scaled(-1.0, apply(linear_inverse, translation)), dtype)


def act_on_points(g: jax.Array, points: jax.Array, n: int) -> jax.Array:
    """Moves points: `A p + t`.

    Args:
      g: `(..., n + 1, n + 1)`.
      points: `(..., n)`; leading axes broadcast.
      n: static.

    Returns:
      `(..., n)` in the dtype of both together.
    """
    linear, translation, dtype = split_motion("g", g, n)
    p, p_dtype = split_vectors("points", points, n)
    linear, translation, p = same_rank(linear, translation, p)
    return join_vector(plus(apply(linear, p), translation), jnp.promote_types(dtype, p_dtype))


def compose_linear(a: jax.Array, b: jax.Array, n: int) -> jax.Array:
    """The product `a b` of matrices.

    Args:
      a: `(..., n, n)`.
      b: `(..., n, n)`; leading axes broadcast.
      n: static.

    Returns:
      `(..., n, n)` in the dtype of both together.
    """
    (left, a_dtype), (right, b_dtype) = (split_matrices(name, g, n) for name, g in (("a", a), ("b", b)))
    left, right = same_rank(left, right)
    return join_matrix(times(left, right), jnp.promote_types(a_dtype, b_dtype))


def act_linearly(g: jax.Array, points: jax.Array, n: int) -> jax.Array:
    """Maps points: `g p`.

    Args:
      g: `(..., n, n)`.
      points: `(..., n)`; leading axes broadcast.
      n: static.

    Returns:
      `(..., n)` in the dtype of both together.
    """
    (linear, dtype), (p, p_dtype) = split_matrices("g", g, n), split_vectors("points", points, n)
    linear, p = same_rank(linear, p)
    return join_vector(apply(linear, p), jnp.promote_types(dtype, p_dtype))


def join_parts(linear: jax.Array, translation: jax.Array) -> jax.Array:
    """The matrix `[[A, t], [0, 1]]` of its blocks.

    Args:
      linear: `(..., n, n)`.
      translation: `(..., n)`.

    Returns:
      `(..., n + 1, n + 1)` in the dtype of the translation.
    """
    n = translation.shape[-1]
    rows, _ = split_matrices("linear", linear, n)
    parts, dtype = split_vectors("translation", translation, n)
    return join_motion(rows, parts, dtype)
