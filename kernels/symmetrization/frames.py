"""Frames: for each cloud a few group elements that move along with it, over which a function is averaged."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.small_matrices import inverse, square_argument
from jaxinv.kernels.numerics.validation import require_floating


class Frames(NamedTuple):
    """F weighted group elements for each cloud, which take canonical coordinates y to `x = elements y + centre`.

    Attributes:
      centre: `(..., d)`, in the units of the points; 0 for groups without translations.
      elements: `(..., F, d, d)`; of the orthogonal groups column i is axis i.
      inverses: `(..., F, d, d)`.
      weights: `(..., F)`, not negative, adding up to 1.
      gap: `(...)`, how well the cloud determines its frames, 1 at best: rounding and noise in the elements are about
        those of the points over the gap.
      degenerate: `(...)` bool, whether the gap is so small that the elements are arbitrary in part. They are finite and
        in the group all the same, but averages of such clouds may not be equivariant, and jump.
    """

    centre: jax.Array
    elements: jax.Array
    inverses: jax.Array
    weights: jax.Array
    gap: jax.Array
    degenerate: jax.Array


@jax.jit
def frame_gap(variances: jax.Array) -> jax.Array:
    """The least difference of two variances over the largest.

    Args:
      variances: `(..., d)`, ascending, not negative, in one squared unit.

    Returns:
      `(...)`, between 0 and 1; for d = 1 whether the variance is above 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Axes are as uncertain as rounding, or relative noise, over the gap; below 1e-3 an average over them jumps noticeably
    when points move a little.
    Transformations: jit, vmap, jvp, vjp.
    """
    variances = jnp.asarray(variances)
    require_floating("variances", variances)
    if variances.ndim == 0 or variances.shape[-1] == 0:
        raise ValueError(f"variances must have shape (..., d) with d >= 1, got {variances.shape}")
    if variances.shape[-1] == 1:
        return (variances[..., 0] > 0).astype(variances.dtype)
    return safe_divide(jnp.min(variances[..., 1:] - variances[..., :-1], axis=-1), variances[..., -1])


@jax.jit
def group_frames(elements: jax.Array) -> Frames:
    """A finite group of matrices as a frame of every cloud: averages over it are Reynolds' operator.

    Args:
      elements: `(F, d, d)`, floating point, all elements of the group (`check_finite_group`).

    Returns:
      `Frames` without leading axes, centre 0, equal weights, gap 1.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap.
    """
    elements = square_argument("elements", elements)
    if elements.ndim != 3 or elements.shape[0] == 0:
        raise ValueError(f"elements must have shape (F, d, d) with F >= 1, got {elements.shape}")
    count, d, _ = elements.shape
    weights = jnp.full(count, 1.0 / count, elements.dtype)
    centre, one = jnp.zeros(d, elements.dtype), jnp.ones((), elements.dtype)
    return Frames(centre, elements, inverse(elements), weights, one, jnp.zeros((), bool))


def check_finite_group(elements: np.ndarray, *, tolerance: float = 1e-5) -> None:
    """Whether matrices are a finite group, on the host: raises ValueError unless they are.

    A finite set of invertible matrices that is closed under products holds the identity and all inverses.

    Args:
      elements: `(F, d, d)`, numbers.
      tolerance: matrices nearer than this, in the Frobenius norm, count as one.

    Raises:
      ValueError: if two elements are one, one is not invertible, or a product of two is none of them.

    Examples:
      >>> import numpy as np
      >>> from jaxinv.kernels import symmetrization
      >>> quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
      >>> symmetrization.check_finite_group(np.stack([np.linalg.matrix_power(quarter, k) for k in range(4)]))
    """
    elements = np.asarray(elements, np.float64)
    count, d, _ = elements.shape
    rows = elements.reshape(count, d * d)
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=-1) + 2 * tolerance * np.eye(count)
    if np.min(apart) <= tolerance:
        raise ValueError("elements must be distinct matrices")
    if np.min(np.abs(np.linalg.det(elements))) <= tolerance:
        raise ValueError("elements must be invertible matrices")
    products = np.einsum("aij,bjk->abik", elements, elements).reshape(-1, 1, d * d)
    if np.max(np.min(np.linalg.norm(products - rows[None], axis=-1), axis=-1)) > tolerance:
        raise ValueError("elements must be closed under products: some product of two of them is none of them")


def orthogonal_frames(
    centre: jax.Array, elements: jax.Array, weights: jax.Array, gap: jax.Array, tolerance: float
) -> Frames:
    """Frames of orthogonal elements; weights `(F,)` or `(..., F)`."""
    weights, like = with_equal_ranks(weights, elements[..., 0, 0])
    weights = jnp.broadcast_to(weights, like.shape).astype(elements.dtype)
    return Frames(centre, elements, jnp.swapaxes(elements, -1, -2), weights, gap, gap <= tolerance)
