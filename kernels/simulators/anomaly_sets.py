"""Sets of points of which some, as many in each set, are unlike the others: the task of choosing a subset.

Positions in a set say nothing: points are drawn in random order.

References: Ou et al., Learning neural set functions under the optimal subset oracle, NeurIPS 2022, arXiv:2203.01693.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from jaxinv.kernels.numerics.validation import require_at_least


class LabelledSets(NamedTuple):
    """Several sets of v points.

    Attributes:
      points: `(num_sets, v, d)`.
      subset: `(num_sets, v)` bool, which are unlike the others.
    """

    points: jax.Array
    subset: jax.Array


def two_moon_sets(
    key: PRNGKeyArray, *, num_sets: int, num_points: int = 100, num_chosen: int = 10, noise: float = 0.1
) -> LabelledSets:
    """Points of one of two moons, which of them is drawn for each set; the chosen ones lie on the other.

    Args:
      key: of the draw.
      num_sets: static.
      num_points: static, v; each moon has as many places, at equal angles.
      num_chosen: static, below v.
      noise: standard deviation of each coordinate, in radii of a moon.

    Returns:
      `LabelledSets` in the plane, in the default floating dtype.

    Raises:
      ValueError: no set, too many chosen, naming the argument.
    Transformations: jit, vmap (over keys).

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import simulators
      >>> sets = simulators.two_moon_sets(jax.random.key(0), num_sets=2, num_points=20, num_chosen=4)
      >>> sets.points.shape, sets.subset.sum(axis=1)
      ((2, 20, 2), Array([4, 4], dtype=int32))
    """
    subset_key, place_key, noise_key, moon_key = jax.random.split(key, 4)
    subset = _subsets(subset_key, num_sets, num_points, num_chosen)
    angles = jnp.linspace(0, jnp.pi, num_points)
    # The places of a moon in random order: those of the chosen points are a random part of the other moon's.
    t = jax.random.permutation(
        place_key, jnp.broadcast_to(angles, (num_sets, 2, num_points)), axis=-1, independent=True
    )
    moons = (
        jnp.stack([jnp.cos(t[:, 0]), jnp.sin(t[:, 0])], -1),
        jnp.stack([1 - jnp.cos(t[:, 1]), 0.5 - jnp.sin(t[:, 1])], -1),
    )
    swapped = jax.random.bernoulli(moon_key, shape=(num_sets, 1))
    points = jnp.where((subset ^ swapped)[..., None], moons[1], moons[0])
    points = 2 * (points + noise * jax.random.normal(noise_key, points.shape))
    return LabelledSets(points - jnp.array([1, 0.2])[None, None], subset)


def gaussian_sets(
    key: PRNGKeyArray, *, num_sets: int, num_points: int = 100, num_chosen: int = 10, noise: float = 0.5
) -> LabelledSets:
    """As `two_moon_sets`, around the two centres `(1, 1) / sqrt 2` and its opposite.

    Args:
      key, num_sets, num_points, num_chosen: as for `two_moon_sets`.
      noise: standard deviation of each coordinate about its centre.

    Returns, raises and transformations: as `two_moon_sets`.
    """
    subset_key, noise_key, centre_key = jax.random.split(key, 3)
    subset = _subsets(subset_key, num_sets, num_points, num_chosen)
    side = jnp.where(subset ^ jax.random.bernoulli(centre_key, shape=(num_sets, 1)), 1.0, -1.0)
    spread = noise * jax.random.normal(noise_key, (*subset.shape, 2))
    return LabelledSets(side[..., None] * 0.5**0.5 + spread, subset)


def new_centre_sets(
    key: PRNGKeyArray,
    *,
    num_sets: int,
    num_points: int = 10,
    num_chosen: int = 3,
    dimension: int = 4,
    noise: float = 0.3,
) -> LabelledSets:
    """Points around two centres that are drawn anew for each set, normal: nothing but the rest of the set tells them.

    Args:
      key, num_sets: as for `two_moon_sets`.
      num_points: static, v.
      num_chosen: static, how many lie around the second centre: fewer than half are the minority.
      dimension: static, d.
      noise: standard deviation of each coordinate about its centre, in that of the centres.

    Returns:
      `LabelledSets` in the default floating dtype.

    Raises:
      ValueError: no set, too many chosen, no dimension, naming the argument.
    Transformations: jit, vmap (over keys).
    """
    require_at_least("dimension", dimension, 1)
    subset_key, noise_key, centre_key = jax.random.split(key, 3)
    subset = _subsets(subset_key, num_sets, num_points, num_chosen)
    centres = jax.random.normal(centre_key, (num_sets, 2, 1, dimension))
    points = jnp.where(subset[..., None], centres[:, 1], centres[:, 0])
    return LabelledSets(points + noise * jax.random.normal(noise_key, points.shape), subset)


def _subsets(key, num_sets, num_points, num_chosen):
    require_at_least("num_sets", num_sets, 1)
    require_at_least("num_chosen", num_chosen, 0)
    require_at_least("num_points", num_points, num_chosen + 1)
    first = jnp.broadcast_to(jnp.arange(num_points) < num_chosen, (num_sets, num_points))
    return jax.random.permutation(key, first, axis=1, independent=True)
