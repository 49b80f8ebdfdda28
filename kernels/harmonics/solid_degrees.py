"""Solid harmonics `r^l Y_lm` degree by degree: a recursion in x, y, z and its derivative, without angles or poles.

Normalisation "component" throughout. Three facts carry the file, with `Z_lm` for a complex harmonic, whose real and
imaginary parts are the harmonics of orders m and -m:

- `Y_lm` is `a y Y_l-1,m - b r^2 Y_l-2,m` for |m| < l, and `Z_ll` is a multiple of `(z + i x) Z_l-1,l-1`;
- `d/dy Z_lm` is a multiple of `Z_l-1,m`;
- `(d/dz + i d/dx) Z_lm` is a multiple of `Z_l-1,m+1`, and `(d/dz - i d/dx) Z_lm` of `Z_l-1,m-1`.

So a derivative is made of harmonics one degree lower, by a rule that is differentiated by itself, to any order.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.numerics.precision import contract

# Up to this lmax the derivative is written row by row, which XLA fuses three times as well as whole degrees; beyond,
# that would take too long to compile.
_MOST_ROWS = 8


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def solid_degrees(x: jax.Array, y: jax.Array, z: jax.Array, lmax: int) -> tuple[jax.Array, ...]:
    """Solid harmonics of every degree, `(2 l + 1, ...)` each, orders ascending, for x, y, z of shape `(...)`."""
    square = x * x + y * y + z * z
    degrees = [jnp.ones((1, *x.shape), x.dtype), math.sqrt(3) * jnp.stack([x, y, z])][: lmax + 1]
    for degree in range(2, lmax + 1):
        below, (along, back, turn) = degrees[-1], _recursion(degree)
        inner = _rows(along, x) * y[None] * below
        inner -= jnp.pad(_rows(back, x) * square[None] * degrees[-2], ((1, 1), *((0, 0),) * x.ndim))
        first, last = turn * (z * below[0] + x * below[-1]), turn * (z * below[-1] - x * below[0])
        # Without the barrier XLA computes a degree again in each that follows.
        degrees.append(jax.lax.optimization_barrier(jnp.concatenate([first[None], inner, last[None]])))
    return tuple(degrees)


@solid_degrees.defjvp
def _solid_degrees_jvp(lmax, primals, tangents):
    degrees = solid_degrees(*primals, lmax)
    halves = [_halves(tangent) for tangent in tangents]
    changes = [jnp.zeros_like(degrees[0])]
    for degree, below in enumerate(degrees[:-1], start=1):
        changes.append(
            _change_of_rows(degree, below, *halves) if lmax <= _MOST_ROWS else _change(degree, below, *tangents)
        )
    return degrees, tuple(changes)


def _halves(tangent):
    """The tangent twice.

    The transpose adds up two halves of a gradient by a matrix product, whose result is stored: as a mere sum it would
    be fused, and computed anew, wherever it is used.
    """
    both = contract("i,...->i...", jnp.ones(2, tangent.dtype), tangent)
    return [jnp.squeeze(one, 0) for one in jax.lax.split(both, (1, 1))]


def _change_of_rows(degree, below, dx, dy, dz):
    """Of the harmonics of a degree, from those below it and the two copies of the change of each coordinate."""
    by_y, *others = (numbers.tolist() for numbers in _gradient(degree))
    rows = [jnp.squeeze(row, 0) for row in jax.lax.split(below, (1,) * (2 * degree - 1))]
    terms = [[] for _ in range(2 * degree + 1)]
    for i, row in enumerate(rows):
        half = i % 2
        terms[i + 1].append(by_y[i + 1] * (dy[half] * row))
        for place, by_z, by_x in ((i, others[0][i], others[1][i]), (i + 2, others[2][i + 2], others[3][i + 2])):
            if by_z:
                terms[place].append(by_z * (dz[half] * row))
            if by_x:
                terms[place].append(by_x * (dx[half] * rows[-1 - i]))
    return jnp.stack([sum(some[1:], some[0]) for some in terms])


def _change(degree, below, dx, dy, dz):
    by_y, next_z, next_x, previous_z, previous_x = (_rows(numbers, dx) for numbers in _gradient(degree))
    # As a matrix product, whose transpose, unlike that of a broadcast, is a fast sum on a CPU.
    size = len(below)
    spread = jnp.asarray(np.repeat(np.eye(3), size, axis=0), dx.dtype)
    dx, dy, dz = jax.lax.split(contract("ji,i...->j...", spread, jnp.stack([dx, dy, dz])), (size,) * 3)
    dx, dy, dz = dx * jnp.flip(below, 0), dy * below, dz * below
    rest = ((0, 0),) * (below.ndim - 1)
    return (
        jnp.pad(by_y[1:-1] * dy, ((1, 1), *rest))
        + jnp.pad(next_z[:-2] * dz + next_x[:-2] * dx, ((0, 2), *rest))
        + jnp.pad(previous_z[2:] * dz + previous_x[2:] * dx, ((2, 0), *rest))
    )


def _rows(numbers, like):
    """A table over degrees and orders, to be broadcast over points."""
    return jnp.asarray(numbers.reshape(*numbers.shape, *(1,) * like.ndim), like.dtype)


@functools.lru_cache
def _recursion(degree):
    """Factors of `y Y_l-1` for orders 1 - l .. l - 1, of `r^2 Y_l-2` for 2 - l .. l - 2, and of the turn."""
    m = np.arange(1 - degree, degree)
    along = np.sqrt((4 * degree**2 - 1) / (degree**2 - m**2))
    m = m[1:-1]
    back = np.sqrt((2 * degree + 1) * ((degree - 1) ** 2 - m**2) / ((2 * degree - 3) * (degree**2 - m**2)))
    # The real harmonics of order 0 lack the factor sqrt(2) of the others.
    return along, back, math.sqrt((2 * degree + 1) / (2 * degree)) * (math.sqrt(2) if degree == 1 else 1)


@functools.lru_cache
def _gradient(degree):
    """For orders m = -l .. l: the derivative by y over `Y_l-1,m`, by z over orders m + 1 and by x over -(m + 1), then
    by z over m - 1 and by x over -(m - 1); in the order y, z and x of the next, z and x of the previous."""
    m = np.arange(-degree, degree + 1)
    size = np.abs(m)
    factor = math.sqrt((2 * degree + 1) / (2 * degree - 1))
    by_y = factor * np.sqrt(degree**2 - m**2)
    outward = factor / 2 * np.sqrt(np.maximum(0, (degree - size) * (degree - size - 1)))
    outward[m == 0] *= math.sqrt(2)
    inward = factor / 2 * np.sqrt((degree + size) * (degree + size - 1.0))
    inward[size == 1] *= math.sqrt(2)
    next_z = np.where(m >= 0, -outward, np.where(m == -1, 0, inward))
    next_x = np.where(m >= 0, -outward, inward)
    previous_z = np.where(m < 0, -outward, np.where(m == 0, 0, inward))
    previous_x = np.where(m < 0, outward, np.where(m <= 1, 0, -inward))
    return by_y, next_z, next_x, previous_z, previous_x
