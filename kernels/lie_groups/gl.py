"""GL+(n), matrices of positive determinant `(..., n, n)`, algebra vectors `(..., n^2)`, the entries row by row.

n is read off the shapes. Leading axes are the batch and broadcast; results have the dtype of the arguments, bfloat16 is
computed in float32. Wrong shapes raise ValueError and other than floating dtypes TypeError, at trace time and naming
the argument. All but the checks go through jit, vmap, jvp and vjp, any order. The exponential does not reach the whole
group: `coordinates.xi` does.

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
    """The matrix `(..., n, n)` of its entries row by row."""
    n = _size_of_vectors(x)
    return x.reshape(*x.shape[:-1], n, n)


@jax.jit
def vee(matrix: jax.Array) -> jax.Array:
    """The entries `(..., n^2)` of a matrix row by row."""
    matrix = square_argument("matrix", matrix)
    return matrix.reshape(*matrix.shape[:-2], matrix.shape[-1] ** 2)


@jax.jit
def exp(x: jax.Array) -> jax.Array:
    """The matrix exponential, `(..., n, n)`, of coordinates on the last axis of x."""
    return matrix_exp(hat(x))


@jax.jit
def log(g: jax.Array) -> Logarithm:
    """The principal logarithm of the matrix, and whether there is one."""
    found = matrix_log(square_argument("g", g))
    return Logarithm(vee(found.value), found.exists)


@jax.jit
def compose(a: jax.Array, b: jax.Array) -> jax.Array:
    """The product `a b`, `(..., n, n)`, of elements `(..., n, n)` whose leading axes broadcast."""
    return small_matrices.product(a, b)


@jax.jit
def inverse(g: jax.Array) -> jax.Array:
    """The inverse, `(..., n, n)`, of elements `(..., n, n)`."""
    return small_matrices.inverse(g)


@jax.jit
def act(g: jax.Array, points: jax.Array) -> jax.Array:
    """Points `(..., n)`, moved: `g p`, `(..., n)`; leading axes broadcast."""
    return so.act(g, points)


@jax.jit
def adjoint(g: jax.Array) -> jax.Array:
    """`(..., n^2, n^2)`, `g hat(x) g^-1 = hat(adjoint(g) x)`."""
    wide = square_argument("g", g).astype(accumulation_dtype(g))
    return _sandwich(wide, inverse(wide)).astype(g.dtype)


@jax.jit
def ad(x: jax.Array) -> jax.Array:
    """`(..., n^2, n^2)`, the matrix of the bracket with x."""
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
    """`(..., n^2, n^2)`, `exp(x + d) ~ exp(left_jacobian(x) d) exp(x)`."""
    return phi_one(ad(x))


@jax.jit
def left_jacobian_inverse(x: jax.Array) -> jax.Array:
    """Of the left Jacobian; there is none where two eigenvalues of the matrix differ by a whole turn, `2 pi k i`."""
    return small_matrices.inverse(left_jacobian(x))


@jax.jit
def right_jacobian(x: jax.Array) -> jax.Array:
    """`(..., n^2, n^2)`, `exp(x + d) ~ exp(x) exp(right_jacobian(x) d)`: the left one of -x."""
    return left_jacobian(-x)


@jax.jit
def right_jacobian_inverse(x: jax.Array) -> jax.Array:
    """Of the right Jacobian, as `left_jacobian_inverse`."""
    return left_jacobian_inverse(-x)


def identity(n: int, dtype: DTypeLike = float) -> jax.Array:
    """The unit matrix `(n, n)`."""
    require_at_least("n", n, 1)
    return jnp.eye(n, dtype=dtype)


def sample(
    key: jax.Array, shape: Sequence[int], n: int, *, variance: float = 0.1, dtype: DTypeLike = float
) -> jax.Array:
    """`(*shape, n, n)`: `exp(Y / 2) R`, Y Gaussian of this variance along orthonormal coordinates, R of Haar measure.

    There is no Haar probability measure: `sampling.sample_polar_pairs` has importance weights.
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
    """The Euclidean norm `(...,)` of the global coordinates of `a^-1 b`, of stretch and turn; left-invariant.

    It is defined on the whole group, symmetric under inversion for pure stretches and pure turns, and no geodesic
    distance. Its derivative is 0 where it is 0.
    """
    return safe_norm(xi_inv(compose(inverse(a), b), group="gl"))


@jax.jit
def project(matrix: jax.Array) -> jax.Array:
    """A matrix of positive determinant near the given one, which is left alone where it is one.

    Where the determinant is negative the last singular direction is turned round; singular values are at least the
    precision times the largest. Zero becomes the unit matrix.
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
    """Raises ValueError unless g holds matrices of positive determinant; on the host, not under jit."""
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
    """Raises ValueError unless the matrices are square and finite; on the host, not under jit."""
    checked_on_host("matrix", matrix, None)


def check_log(g: ArrayLike) -> None:
    """Raises ValueError unless all matrices have a real principal logarithm; on the host, not under jit."""
    require_logarithms("g", checked_on_host("g", g, None)[0])
