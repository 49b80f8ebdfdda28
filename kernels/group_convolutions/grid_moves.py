"""Signed permutations of axes, as flips and transpositions, whose transposes are of the same kind."""

import jax
import jax.numpy as jnp
import numpy as np


def move_grid(x: jax.Array, matrix: np.ndarray) -> jax.Array:
    """`(g x)(p) = x(g^-1 p)` about the centre of the leading axes, one for each row of the matrix of g."""
    dimension = len(matrix)
    # g^-1 p has the entry p[target] along each axis, or its negative.
    target = np.argmax(np.abs(matrix), axis=0)
    negative = [axis for axis in range(dimension) if matrix[target[axis], axis] < 0]
    order = np.argsort(target)
    return jnp.flip(x, negative).transpose(*order.tolist(), *range(dimension, x.ndim))
