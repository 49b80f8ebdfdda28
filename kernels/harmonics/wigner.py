"""Rotation of coefficients, without Euler angles: rotated harmonics are read off at a fixed set of directions."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.degrees import degree_slice, lmax_of
from jaxinv.kernels.harmonics.sphere_tables import harmonics_table
from jaxinv.kernels.harmonics.spherical_harmonics import solid_harmonics
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_at_least, require_floating


@functools.partial(jax.jit, static_argnames=("lmax",))
def wigner_d(rotation: jax.Array, lmax: int) -> tuple[jax.Array, ...]:
    """Real Wigner D matrices: `Y_l(R r) = D_l(R) Y_l(r)` for every direction r, l = 0 .. lmax.

    Every entry is a polynomial of degree l in those of R, taken from harmonics of rotated directions: no angle, so no
    gimbal lock, and derivatives of any order at every rotation.

    Args:
      rotation: `(..., 3, 3)`, orthogonal, acting on (x, y, z). Improper ones act on functions of the sphere:
        `D_l(-R) = (-1)^l D_l(R)`; irreps of the other parity class have the opposite sign.
      lmax: static; tested to 20.

    Returns:
      `lmax + 1` arrays `(..., 2 l + 1, 2 l + 1)`, orthogonal, in float32 at least; D_1 is R.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or a negative lmax, naming the argument.

    The same in every normalisation. Float32 error: 1e-6 to lmax 8, 6e-6 at lmax 20.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Edmonds, Angular momentum in quantum mechanics (1957), ch. 4, for the matrices; the method is ours.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import harmonics
      >>> quarter = jnp.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # about y
      >>> [block.shape for block in harmonics.wigner_d(quarter, 2)]
      [(1, 1), (3, 3), (5, 5)]
    """
    rotation = jnp.asarray(rotation)
    require_floating("rotation", rotation)
    if rotation.shape[-2:] != (3, 3):
        raise ValueError(f"rotation must have shape (..., 3, 3), got {rotation.shape}")
    require_at_least("lmax", lmax, 0)
    rotation = rotation.astype(accumulation_dtype(rotation))
    blocks = [jnp.ones((*rotation.shape[:-2], 1, 1), rotation.dtype), rotation][: lmax + 1]
    if lmax > 1:
        directions, inverses = _directions(lmax)
        turned = contract("...ij,nj->...ni", rotation, jnp.asarray(directions, rotation.dtype))
        harmonics = solid_harmonics(turned, lmax, normalization="integral")
        for degree in range(2, lmax + 1):
            inverse = jnp.asarray(inverses[degree], rotation.dtype)
            blocks.append(contract("...ni,nj->...ij", harmonics[..., degree_slice(degree)], inverse))
    return tuple(blocks)


@jax.jit
def rotate(x: jax.Array, rotation: jax.Array) -> jax.Array:
    """Rotates coefficients: the function f becomes `r -> f(R^-1 r)`.

    Args:
      x: `(..., (lmax + 1)^2)`, floating point, in any normalisation.
      rotation: `(..., 3, 3)`, orthogonal; leading axes broadcast against those of x. Give it an axis of size 1 for the
        channels of x: its matrices are then made once.

    Returns:
      `(..., (lmax + 1)^2)` in the dtype of x; bfloat16 is summed in float32.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: as `wigner_d`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import harmonics
      >>> quarter = jnp.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # about y: takes z to x
      >>> harmonics.rotate(jnp.array([5.0, 0.0, 0.0, 1.0]), quarter)
      Array([5., 1., 0., 0.], dtype=float32)
    """
    x = jnp.asarray(x)
    require_floating("x", x)
    blocks = wigner_d(rotation, lmax_of("x", x))
    return apply_blocks(blocks, x.astype(accumulation_dtype(x))).astype(x.dtype)


def apply_blocks(blocks: Sequence[jax.Array], x: jax.Array, *, transposed: bool = False) -> jax.Array:
    """Coefficients `(..., (lmax + 1)^2)` times the matrices of a `wigner_d` of lmax or more, or their transposes."""
    subscripts = "...ij,...ci->...cj" if transposed else "...ij,...cj->...ci"
    # One matrix for a whole axis of channels: a matrix product, not one matrix-vector product a channel.
    shared = x.ndim > 1 and blocks[0].ndim > 2 and blocks[0].shape[-3] == 1
    if shared:
        blocks = [block[..., 0, :, :] for block in blocks]
    else:
        x = x[..., None, :]
    lmax = lmax_of("x", x)
    turned = [contract(subscripts, blocks[degree], x[..., degree_slice(degree)]) for degree in range(lmax + 1)]
    found = jnp.concatenate(turned, axis=-1)
    return found if shared else found[..., 0, :]


@functools.lru_cache(maxsize=32)
def _directions(lmax):
    """`(n, 3)` unit vectors, and for every degree the pseudo-inverse `(n, 2 l + 1)` of the harmonics there.

    The best of thirty random sets: condition numbers up to 7 at lmax 20.
    """

    def harmonics(vectors):
        table = harmonics_table(lmax, vectors[:, 1], np.arctan2(vectors[:, 0], vectors[:, 2]))
        return [table[degree_slice(degree)] for degree in range(lmax + 1)]

    def condition(vectors):
        return max(np.linalg.cond(table) for table in harmonics(vectors))

    sets = np.random.default_rng(0).normal(size=(30, 3 * lmax + 2, 3))
    best = min(sets / np.linalg.norm(sets, axis=-1, keepdims=True), key=condition)
    return best, [np.linalg.pinv(table) for table in harmonics(best)]
