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
    """A and t of `(..., n + 1, n + 1)`, and the dtype; the last row is not read. `axis_first` as in `split_vectors`."""
    rows, dtype = split_matrices(name, g, n + 1, axis_first=axis_first)
    return [row[:n] for row in rows[:n]], [row[n] for row in rows[:n]], dtype


def join_motion(linear: Matrix, translation: Vector, dtype: jnp.dtype) -> jax.Array:
    """`(..., n + 1, n + 1)`."""
    rows = [[*row, t] for row, t in zip(linear, translation, strict=True)]
    return join_matrix([*rows, [0.0] * len(linear) + [1.0]], dtype)


def join_generator(linear: Matrix, translation: Vector, dtype: jnp.dtype) -> jax.Array:
    """An element of the Lie algebra: the last row is 0."""
    rows = [[*row, t] for row, t in zip(linear, translation, strict=True)]
    return join_matrix([*rows, [0.0] * (len(linear) + 1)], dtype)


def compose_motions(a: jax.Array, b: jax.Array, n: int) -> jax.Array:
    """`a b`; leading axes broadcast."""
    (a_linear, a_translation, a_dtype), (b_linear, b_translation, b_dtype) = (
        split_motion(name, g, n) for name, g in (("a", a), ("b", b))
    )
    a_linear, a_translation, b_linear, b_translation = same_rank(a_linear, a_translation, b_linear, b_translation)
    translation = plus(apply(a_linear, b_translation), a_translation)
    return join_motion(times(a_linear, b_linear), translation, jnp.promote_types(a_dtype, b_dtype))


def join_inverse(linear_inverse: Matrix, translation: Vector, dtype: jnp.dtype) -> jax.Array:
    """The inverse motion, whose linear part is given."""
    return join_motion(linear_inverse, scaled(-1.0, apply(linear_inverse, translation)), dtype)


def act_on_points(g: jax.Array, points: jax.Array, n: int) -> jax.Array:
    """`A p + t`; leading axes broadcast."""
    linear, translation, dtype = split_motion("g", g, n)
    p, p_dtype = split_vectors("points", points, n)
    linear, translation, p = same_rank(linear, translation, p)
    return join_vector(plus(apply(linear, p), translation), jnp.promote_types(dtype, p_dtype))


def compose_linear(a: jax.Array, b: jax.Array, n: int) -> jax.Array:
    """`a b` of `(..., n, n)` matrices; leading axes broadcast."""
    (left, a_dtype), (right, b_dtype) = (split_matrices(name, g, n) for name, g in (("a", a), ("b", b)))
    left, right = same_rank(left, right)
    return join_matrix(times(left, right), jnp.promote_types(a_dtype, b_dtype))


def act_linearly(g: jax.Array, points: jax.Array, n: int) -> jax.Array:
    """`g p` of `(..., n, n)` matrices and points `(..., n)`; leading axes broadcast."""
    (linear, dtype), (p, p_dtype) = split_matrices("g", g, n), split_vectors("points", points, n)
    linear, p = same_rank(linear, p)
    return join_vector(apply(linear, p), jnp.promote_types(dtype, p_dtype))


def join_parts(linear: jax.Array, translation: jax.Array) -> jax.Array:
    """`(..., n + 1, n + 1)` of `(..., n, n)` and `(..., n)`."""
    n = translation.shape[-1]
    rows, _ = split_matrices("linear", linear, n)
    parts, dtype = split_vectors("translation", translation, n)
    return join_motion(rows, parts, dtype)
