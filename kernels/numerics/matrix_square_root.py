"""The principal square root of square matrices, by Denman and Beavers' iteration, scaled."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.matrix_layout import Layout, over_batch, require_square
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.primary_functions import frechet_derivative

# By the bytes of a number: steps at most (an angle of d to the negative axis takes log2(1 / d) and about 8), and the
# relative change of the last step, whose square, the error that is left, is below rounding.
_MOST_STEPS = {4: 25, 8: 40}
_NEAR = {4: 5e-4, 8: 1e-7}
# Where an eigenvalue is negative the iteration wanders, and what it may hit upon is no root by far.
_RESIDUAL = 1e-2


class MatrixSquareRoot(NamedTuple):
    """Principal roots `(..., n, n)`, zeros where there is none, and `(...)` whether there is one."""

    value: jax.Array
    exists: jax.Array


@jax.jit
def matrix_sqrt(a: jax.Array) -> MatrixSquareRoot:
    """The square root whose eigenvalues have positive real parts.

    Args:
      a: `(..., n, n)` floating point.

    Returns:
      `MatrixSquareRoot` in the dtype of a; bfloat16 is computed in float32. `exists` is found by the iteration: false
      where it does not converge to a matrix whose square is a to 1 %, as for an eigenvalue on the closed negative axis;
      then the value and its derivative are zero. Relative error about the rounding times the condition number.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Higham, Functions of matrices (2008), sec. 6.3.
    """
    a = jnp.asarray(a)
    require_square("a", a)
    value, exists = _root(a.astype(accumulation_dtype(a)))
    return MatrixSquareRoot(value.astype(a.dtype), exists)


@jax.custom_jvp
def _root(a):
    return over_batch(_regular_root, a)


@_root.defjvp
def _root_jvp(primals, tangents):
    value, exists = _root(*primals)
    change = frechet_derivative(_root_value, *primals, *tangents)
    return (value, exists), (change, np.zeros(exists.shape, jax.dtypes.float0))


def _root_value(a):
    return over_batch(_regular_root, a)[0]


def _regular_root(a, layout: Layout):
    root, exists = square_root(a, layout)
    # Of a singular matrix the root may exist, but not its derivative.
    exists = exists & (layout.norm(root) > 0)
    return jnp.where(exists, root, 0.0), exists


def square_root(a: jax.Array, layout: Layout) -> tuple[jax.Array, jax.Array]:
    """The principal root of matrices in a layout, and whether it is one, with axes of size 1 for the matrix.

    Not the product form, whose matrix of eigenvalues (1 + cos) / 2 is as good as singular for angles near pi.
    """
    itemsize, n = a.dtype.itemsize, a.shape[layout.axes[0]]

    def swapped(pair):
        return jnp.concatenate(jnp.split(pair, 2, layout.batch_axis)[::-1], layout.batch_axis)

    def step(state):
        # Root and inverse root side by side in one batch, so that XLA compiles one inversion.
        k, pair, off = state
        inverse, log_determinant = layout.inverse(pair)
        # Determinant 1 while far away. The limit does not depend on the scale, which so is not differentiated.
        both = log_determinant + swapped(log_determinant)
        scale = jnp.exp(jnp.where(off > 0.1, -both / (2 * n), 0.0))
        new = (scale * pair + swapped(inverse) / scale) / 2
        change = layout.norm(new - pair) / jnp.maximum(layout.norm(new), float(jnp.finfo(a.dtype).tiny))
        return k + 1, new, jnp.maximum(change, swapped(change))

    def unfinished(state):
        # Not "above": what is not a number has not converged.
        return (state[0] < _MOST_STEPS[itemsize]) & jnp.any(~(state[2] <= _NEAR[itemsize]))

    pair = jnp.concatenate([a, jnp.broadcast_to(layout.eye, a.shape)], layout.batch_axis)
    _, pair, off = jax.lax.while_loop(unfinished, step, (jnp.int32(0), pair, jnp.ones_like(layout.norm(pair))))
    root, off = (jnp.split(x, 2, layout.batch_axis)[0] for x in (pair, off))
    residual = layout.norm(layout.product(root, root) - a)
    return root, (off <= _NEAR[itemsize]) & (residual <= _RESIDUAL * layout.norm(a))
