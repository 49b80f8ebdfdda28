"""Random rotations, positive definite matrices, and samples of linear groups as stretch and turn.

`sample_polar_pairs` draws `A = exp(Y / 2) R` with `Y ~ N(0, variance)` in orthonormal coordinates of the symmetric
matrices of the group and R of Haar measure, in three ways:

| method | Y | angle of R, n = 2 |
| --- | --- | --- |
| "random" | independent | equidistant, the full turn once, from a random phase |
| "quasi_random" | a lattice, shifted at random, through the inverse normal distribution | the same, of one lattice |
| "official" | independent | `linspace(-pi, pi, num)`: one half-turn twice, no phase (the authors' code, to compare) |

For n > 2 rotations are independent. Each sample by itself has the distribution named, but in "official", whose angles
are not random.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jaxinv.kernels.lie_groups.coordinate_bases import GROUPS, symmetric_basis, symmetric_dimension
from jaxinv.kernels.lie_groups.haar_measures import log_stretch_density
from jaxinv.kernels.lie_groups.planar_cartan import planar_inverse, planar_matrix
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.small_matrices import product, transposed
from jaxinv.kernels.numerics.spectral_functions import symmetric_exp
from jaxinv.kernels.numerics.validation import require_at_least, require_choice

METHODS = ("random", "quasi_random", "official")


class PolarSamples(NamedTuple):
    """Elements `(num, n, n)`, their inverses, and `(num,)` logarithms of importance weights (`sample_polar_pairs`)."""

    element: jax.Array
    inverse: jax.Array
    log_weight: jax.Array


def haar_so(key: jax.Array, shape: Sequence[int], n: int, *, dtype: DTypeLike = float) -> jax.Array:
    """Rotations drawn from the Haar probability measure.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      n: static, 1 at least.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, n, n)`, orthogonal to rounding, of determinant 1: a uniform angle for n = 2, a uniform unit quaternion
      for n = 3, else one Gaussian vector and one reflection for each column.

    Raises:
      ValueError: n below 1.
    Transformations: jit, vmap.
    References: Mezzadri, How to generate random matrices from the classical compact groups, arXiv:math-ph/0609050.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import lie_groups
      >>> rotations = lie_groups.haar_so(jax.random.key(0), (4000,), 3)
      >>> rotations.shape, bool(abs(rotations.mean(axis=0)).max() < 0.05)
      ((4000, 3, 3), True)
    """
    require_at_least("n", n, 1)
    shape = tuple(shape)
    if n == 2:
        angle = jax.random.uniform(key, shape, dtype, -np.pi, np.pi)
        zero = jnp.zeros_like(angle)
        return planar_matrix(zero, zero, zero, angle)
    if n == 3:
        return _rotation_of_quaternion(jax.random.normal(key, (4, *shape), dtype))
    return _by_reflections(jax.random.normal(key, (n, n, *shape), dtype), n)


def _rotation_of_quaternion(quaternion):
    w, x, y, z = quaternion
    # Of a Gaussian, so not zero; the sum is safe all the same.
    twice = 2 / jnp.maximum(w * w + x * x + y * y + z * z, float(jnp.finfo(w.dtype).tiny))
    rows = (
        (1 - twice * (y * y + z * z), twice * (x * y - w * z), twice * (x * z + w * y)),
        (twice * (x * y + w * z), 1 - twice * (x * x + z * z), twice * (y * z - w * x)),
        (twice * (x * z - w * y), twice * (y * z + w * x), 1 - twice * (x * x + y * y)),
    )
    return jnp.stack([jnp.stack(row, -1) for row in rows], -2)


def _by_reflections(gaussian, n):
    """Column by column from the last: a uniform unit vector, and the orthogonal matrix found so far across from it."""
    lead = gaussian.shape[2:]
    one = jnp.ones(lead, gaussian.dtype)
    sign, columns = one, [[one]]
    for k in range(2, n + 1):
        vector = list(gaussian[k - 1, :k])
        length = jnp.sqrt(functools.reduce(jnp.add, [x * x for x in vector]))
        vector = [x / length for x in vector]
        side = jnp.where(vector[0] < 0, -1.0, 1.0).astype(gaussian.dtype)
        # Minus `side` times the reflection along `vector + side e_1` takes e_1 to the vector.
        normal = [vector[0] + side, *vector[1:]]
        columns = [[one if i == 0 else 0 * one for i in range(k)], *[[0 * one, *column] for column in columns]]
        half_square = 1 + side * vector[0]
        turned = []
        for column in columns:
            along = functools.reduce(jnp.add, [u * x for u, x in zip(normal, column, strict=True)]) / half_square
            turned.append([-side * (x - along * u) for u, x in zip(normal, column, strict=True)])
        columns = turned
        sign = sign * -((-side) ** k)
    # The orthogonal group of a line is a sign, which is the determinant's to choose.
    columns[-1] = [sign * x for x in columns[-1]]
    return jnp.stack([jnp.stack(column, -1) for column in columns], -1)


def spd_lognormal(
    key: jax.Array,
    shape: Sequence[int],
    n: int,
    *,
    variance: float | jax.Array = 0.1,
    traceless: bool = False,
    dtype: DTypeLike = float,
) -> jax.Array:
    """Positive definite matrices `exp(Y)`, Y Gaussian: off the diagonal half the variance on it.

    Args:
      key: of `jax.random`.
      shape: static, leading axes.
      n: static, 1 at least.
      variance: of Y along each orthonormal coordinate of the symmetric matrices; no unit.
      traceless: static; Y without its trace, so that the determinant is 1.
      dtype: static, float32 or float64.

    Returns:
      `(*shape, n, n)`.

    Raises:
      ValueError: n below 1.
    The distribution is the same after conjugation by any rotation.
    Transformations: jit, vmap; jvp and vjp in the variance.
    """
    require_at_least("n", n, 1)
    group = "sl" if traceless else "gl"
    gaussian = jax.random.normal(key, (*shape, symmetric_dimension(n, group=group)), dtype)
    return symmetric_exp(_symmetric(gaussian * jnp.sqrt(jnp.asarray(variance, dtype)), n, group))


@functools.partial(jax.jit, static_argnames=("num", "group", "n", "method", "dtype"))
def sample_polar_pairs(
    key: jax.Array,
    num: int,
    *,
    group: str,
    n: int = 2,
    variance: float | jax.Array = 0.1,
    method: str = "random",
    dtype: DTypeLike = float,
) -> PolarSamples:
    """Elements of a group with their inverses and importance weights.

    Args:
      key: of `jax.random`.
      num: static, how many, 1 at least.
      group: static, "gl" (positive determinant), "sl" (determinant 1), "sim" (scale times rotation) or "so".
      n: static, 2 at least.
      variance: of Y along each orthonormal coordinate, d of them; 0.1 is the authors'. No unit.
      method: static, see the module's table.
      dtype: static, float32 or float64.

    Returns:
      `PolarSamples`. The inverse is `R^T exp(-Y / 2)`: no matrix is inverted. `log_weight` is the logarithm of the
      density of Haar measure by that of the proposal, shifted by a constant so that it is about 0 in the mean, whatever
      the samples: `sum over i < j of log sinhc((y_i - y_j) / 2) + |Y|^2 / (2 variance) - d / 2`, y the eigenvalues of
      Y. The mean of `exp(log_weight) f(element)` estimates `integral of f dX dR prod sinhc(x_i - x_j)`, X = Y / 2, dX
      in orthonormal coordinates and dR the probability measure, times `(e 2 / (pi variance))^(d / 2)`. For "so" it is
      0. Leave it out for the authors' layers, which do not weigh.

    Raises:
      ValueError: an unknown group or method, n below 2, num below 1.
    Weights have a finite variance only where the function decays towards determinant 0 and infinity: see
    `effective_sample_size`.
    Transformations: jit, vmap; jvp and vjp in the variance.
    References: Mironenco, Forré, arXiv:2310.11366, sec. 4, with weights that they leave out.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import lie_groups
      >>> samples = lie_groups.sample_polar_pairs(jax.random.key(0), 8, group="sl", method="quasi_random")
      >>> bool(jnp.allclose(samples.element @ samples.inverse, jnp.eye(2)[None], atol=1e-5))
      True
      >>> samples.log_weight.shape
      (8,)
    """
    require_choice("group", group, GROUPS)
    require_choice("method", method, METHODS)
    require_at_least("n", n, 2)
    require_at_least("num", num, 1)
    key_stretch, key_turn = jax.random.split(key)
    dimension = symmetric_dimension(n, group=group)
    gaussian = _gaussian(key_stretch, num, dimension, method, dtype)
    x = _symmetric(gaussian * jnp.sqrt(jnp.asarray(variance, dtype)), n, group) / 2
    log_weight = jnp.sum(gaussian * gaussian, axis=-1) / 2 - dimension / 2 + log_stretch_density(x)
    if n > 2:
        rotation = haar_so(key_turn, (num,), n, dtype=dtype)
        element = product(symmetric_exp(x), rotation)
        return PolarSamples(element, product(transposed(rotation), symmetric_exp(-x)), log_weight)
    mean, along, across = (x[..., 0, 0] + x[..., 1, 1]) / 2, (x[..., 0, 0] - x[..., 1, 1]) / 2, x[..., 0, 1]
    angle = _angles(key_turn, num, method, dtype)
    element, inverse = planar_matrix(mean, along, across, angle), planar_inverse(mean, along, across, angle)
    return PolarSamples(element, inverse, log_weight)


def _symmetric(coordinates, n, group):
    return contract("...d,dij->...ij", coordinates, jnp.asarray(symmetric_basis(n, group), coordinates.dtype))


def _gaussian(key, num, dimension, method, dtype):
    if method != "quasi_random":
        return jax.random.normal(key, (num, dimension), dtype)
    points = jnp.asarray(_lattice(num, dimension), dtype) + jax.random.uniform(key, (1, dimension), dtype)
    points = points - jnp.floor(points)
    edge = float(jnp.finfo(dtype).eps) / 2
    return jax.scipy.special.ndtri(jnp.clip(points, edge, 1 - edge))


@functools.lru_cache(maxsize=32)
def _lattice(num, dimension):
    """Korobov's lattice `i (a, a^2, ..) / num` modulo 1, of the a that errs least for smooth periodic functions.

    With the equidistant `i / num` of the angles it is one lattice, and each coordinate is equidistant by itself.
    """
    tried = max(8, _LATTICE_WORK // num)
    factors = [a for a in range(1, num + 1) if math.gcd(a, num) == 1][1 : tried + 1] or [1]
    best = min((_points(num, dimension + 1, a) for a in factors), key=_worst_case)[:, 1:]
    best.flags.writeable = False
    return best


_LATTICE_WORK = 200_000


def _points(num, dimension, factor):
    powers = [pow(factor, k, num) for k in range(dimension)]
    return np.outer(np.arange(num), powers) % num / num


def _worst_case(points):
    return np.mean(np.prod(1 + 2 * np.pi**2 * (points * points - points + 1 / 6), axis=-1))


def _angles(key, num, method, dtype):
    if method == "official":
        return jnp.asarray(np.linspace(-np.pi, np.pi, num), dtype)
    step = 2 * np.pi / num
    phase = jax.random.uniform(key, (1,), dtype, 0.0, step)
    return jnp.asarray(-np.pi + step * np.arange(num), dtype) + phase
