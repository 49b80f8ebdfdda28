"""GL+(n), matrices of positive determinant `(..., n, n)`, algebra vectors `(..., n^2)`, the entries row by row.

n is read off the shapes. Leading axes are the batch and broadcast; results have the dtype of the arguments, bfloat16 is
computed in float32. Wrong shapes raise ValueError and other than floating dtypes TypeError, at trace time and naming
the argument. All but the checks go through jit, vmap, jvp and vjp, any order (`distance`: see there). The exponential
does not reach the whole group: `coordinates.xi` does.

References: Higham, Functions of matrices (2008); Mironenco, Forré, arXiv:2310.11366.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike, DTypeLike

from jaxinv.kernels.lie_groups import so
from jaxinv.kernels.lie_groups.coordinates import xi_inv
from jaxinv.kernels.lie_groups.logarithm import Logarithm, require_logarithms
from jaxinv.kernels.lie_groups.membership import checked_on_host
from jaxinv.kernels.lie_groups.sampling import haar_so, spd_lognormal
from jaxinv.kernels.numerics import small_matrices
from jaxinv.kernels.numerics.matrix_exponential import matrix_exp, phi_one
from jaxinv.kernels.numerics.matrix_logarithm import matrix_log
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_norm
from jaxinv.kernels.numerics.singular_values import singular_value_decomposition
from jaxinv.kernels.numerics.small_matrices import square_argument
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


def _size_of_vectors(x):
    require_floating("x", x)
    dimension = x.shape[-1] if x.ndim else 0
    n = math.isqrt(dimension)
    if n < 1 or n * n != dimension:
        raise ValueError(f"x must have n^2 numbers on its last axis, got shape {x.shape}")
    return n


@jax.jit
def hat(x: jax.Array) -> jax.Array:
    """The matrix of its entries row by row.

    Args:
      x: `(..., n^2)`, the entries row by row.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    n = _size_of_vectors(x)
    return x.reshape(*x.shape[:-1], n, n)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The inverse of `hat`: the entries of a matrix row by row.

    Args:
      matrix: `(..., n, n)`.

    Returns:
      `(..., n^2)`, the entries row by row.

    Raises, transformations: as `so3.exp`.
    """
    matrix = square_argument("matrix", matrix)
    return matrix.reshape(*matrix.shape[:-2], matrix.shape[-1] ** 2)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The matrix exponential: in closed form for n = 2.

    Args:
      x: `(..., n^2)`, the entries row by row.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    return matrix_exp(hat(x))


@jax.jit
def log(g: jax.Array) -> Logarithm:
    """The principal logarithm of a matrix, and whether there is one.

    Args:
      g: `(..., n, n)`, matrices of positive determinant.

    Returns:
      `Logarithm`: coordinates `(..., n^2)`, finite and without meaning where `exists` `(...)` is False.

    Raises, transformations: as `so3.exp`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels.lie_groups import gl
      >>> gl.log(jnp.diag(jnp.array([2.0, 0.5]))).exists
      Array(True, dtype=bool)
      >>> gl.log(jnp.diag(jnp.array([-2.0, -0.5]))).exists  # in the group all the same: take xi_inv
      Array(False, dtype=bool)
    """
    found = matrix_log(square_argument("g", g))
    return Logarithm(vee(found.value), found.exists)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`: first b, then a.

    Args:
      a: `(..., n, n)`, matrices of positive determinant.
      b: `(..., n, n)`; leading axes broadcast.

    Returns:
      `(..., n, n)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return small_matrices.product(a, b)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse matrix.

    Args:
      g: `(..., n, n)`, matrices of positive determinant.

    Returns:
      `(..., n, n)`.

    Raises, transformations: as `so3.exp`.
    """
    return small_matrices.inverse(g)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Maps points: `g p`.

    Args:
      g: `(..., n, n)`, matrices of positive determinant.
      points: `(..., n)`; leading axes broadcast with those of g.

    Returns:
      `(..., n)` in the dtype of both together.

    Raises, transformations: as `so3.exp`.
    """
    return so.act(g, points)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """The matrix of conjugation on coordinates: `g hat(x) g^-1 = hat(adjoint(g) x)`.

    Args:
      g: `(..., n, n)`, matrices of positive determinant.

    Returns:
      `(..., n^2, n^2)`.

    Raises, transformations: as `so3.exp`.
    """
    wide = square_argument("g", g).astype(accumulation_dtype(g))
    return _sandwich(wide, inverse(wide)).astype(g.dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """The matrix of the bracket with x: `ad(x) y = vee(X Y - Y X)`, `X = hat(x)`, `Y = hat(y)`.

    Args:
      x: `(..., n^2)`, the entries row by row.

    Returns:
      `(..., n^2, n^2)`.

    Raises, transformations: as `so3.exp`.
    """
    matrix = hat(x)
    unit = jnp.eye(matrix.shape[-1], dtype=x.dtype)[(None,) * (matrix.ndim - 2)]
    return _sandwich(matrix, unit) - _sandwich(unit, matrix)


def _sandwich(left, right):
    """The matrix of `X -> left X right` on entries row by row."""
    n = left.shape[-1]
    terms = left[..., :, None, :, None] * jnp.swapaxes(right, -1, -2)[..., None, :, None, :]
    return terms.reshape(*terms.shape[:-4], n * n, n * n)


@jax.jit
def left_jacobian(x: jax.Array) -> jax.Array:
    """The left Jacobian of the exponential: `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`.

    Args:
      x: `(..., n^2)`, the entries row by row.

    Returns:
      `(..., n^2, n^2)`.

    Raises, transformations: as `so3.exp`.
    """
    return phi_one(ad(x))


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `left_jacobian`.

    Args:
      x: `(..., n^2)`, the entries row by row.

    Returns:
      `(..., n^2, n^2)`. There is none where two eigenvalues of `hat(x)` differ by a whole turn, `2 pi k i`.

    Raises, transformations: as `so3.exp`.
    """
    return small_matrices.inverse(left_jacobian(x))


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """The right Jacobian of the exponential: `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`, the left one of -x.

    Args:
      x: `(..., n^2)`, the entries row by row.

    Returns:
      `(..., n^2, n^2)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """The inverse of `right_jacobian`, as `left_jacobian_inverse`.

    Args:
      x: `(..., n^2)`, the entries row by row.

    Returns:
      `(..., n^2, n^2)`.

    Raises, transformations: as `so3.exp`.
    """
    return left_jacobian_inverse(-x)


def identity(n: int, dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix.

    Args:
      n: static, 1 at least.
      dtype: static.

    Returns:
      `(n, n)`.

    Raises:
      ValueError: n below 1.
    """
    require_at_least("n", n, 1)
    return jnp.eye(n, dtype=dtype)


def sample(
    key: jax.Array, shape: Sequence[int], n: int, *, variance: float = 0.1, dtype: DTypeLike = float
) -> jax.Array:
    """Random elements `exp(Y / 2) R`, Y Gaussian, R of Haar measure.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      n: static, 1 at least.
      variance: of Y along each orthonormal coordinate; no unit.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, n, n)`. There is no Haar probability measure: `sample_polar_pairs` has importance weights.

    Raises:
      ValueError: n below 1.
    """
    return stretched_rotations(key, shape, n, variance, traceless=False, dtype=dtype)


def stretched_rotations(key, shape, n, variance, *, traceless, dtype):
    """`exp(Y / 2) R` for `sample`; Y without its trace if `traceless`."""
    key_stretch, key_turn = jax.random.split(key)
    # The distribution of exp(Y) with a quarter of the variance is that of exp(Y / 2).
    stretch = spd_lognormal(key_stretch, shape, n, variance=variance / 4, traceless=traceless, dtype=dtype)
    return compose(stretch, haar_so(key_turn, shape, n, dtype=dtype))


@jax.jit
def distance(a: jax.Array, b: jax.Array) -> jax.Array:
    """The Euclidean norm of the global coordinates (`xi_inv`) of `a^-1 b`, of stretch and turn; left-invariant.

    Args:
      a: `(..., n, n)`, matrices of positive determinant.
      b: `(..., n, n)`; leading axes broadcast.

    Returns:
      `(...)`.

    It is defined on the whole group, symmetric under inversion for pure stretches and pure turns, and no geodesic
    distance. Its derivative is 0 where it is 0.
    Raises: as `so3.exp`. Transformations: as `xi_inv`.
    """
    return safe_norm(xi_inv(compose(inverse(a), b), group="gl"))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """A matrix of positive determinant near the given one, which is left alone where it is one.

    Args:
      matrix: `(..., n, n)`.

    Returns:
      `(..., n, n)`. Where the determinant is negative the last singular direction is turned round; singular
      values are at least the precision times the largest. Zero becomes the unit matrix.

    Raises, transformations: as `so3.exp`.
    """
    matrix = square_argument("matrix", matrix)
    u, s, v = singular_value_decomposition(matrix.astype(accumulation_dtype(matrix)))
    least = float(jnp.finfo(s.dtype).eps) * s[..., :1]
    mended = jnp.where(s[..., :1] == 0, 1.0, jnp.maximum(s, least))
    turned = small_matrices.determinant(u) * small_matrices.determinant(v)
    last = np.arange(s.shape[-1]) == s.shape[-1] - 1
    signs = jnp.where(jnp.asarray(last[(None,) * (s.ndim - 1)]) & (turned[..., None] < 0), -1.0, 1.0)
    scaled = u * (signs * mended)[..., None, :]
    near = small_matrices.product(scaled, jnp.swapaxes(v, -1, -2))
    inside = (turned > 0) & (s[..., -1] > least[..., 0])
    return jnp.where(inside[..., None, None], matrix, near.astype(matrix.dtype))


def check_element(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are of positive determinant.

    Args:
      g: `(..., n, n)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    host, _ = checked_on_host("g", g, None)
    require_positive_determinants("g", host)


def require_positive_determinants(name: str, host: np.ndarray) -> None:
    """Raises ValueError naming the argument."""
    signs, _ = np.linalg.slogdet(host)
    if np.any(signs <= 0):
        raise ValueError(
            f"{name} must have positive determinants, got one that is {'0' if np.any(signs == 0) else 'negative'}"
        )


def check_algebra(matrix: ArrayLike) -> None:
    """Checks on the host, not under jit, that matrices are square and finite.

    Args:
      matrix: `(..., n, n)`.

    Raises:
      ValueError: they are not, or not finite, or have another shape.
    """
    checked_on_host("matrix", matrix, None)


def check_log(g: ArrayLike) -> None:
    """Checks on the host, not under jit, that all have a real principal logarithm.

    Args:
      g: `(..., n, n)`.

    Raises:
      ValueError: an eigenvalue is 0 or a negative number; not finite, or another shape.
    """
    require_logarithms("g", checked_on_host("g", g, None)[0])
