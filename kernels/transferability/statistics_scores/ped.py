"""PED: potential energy descent, which moves overlapping classes apart for a few steps before a score looks at them.

A class is a ball about its mean; balls that overlap repel each other like springs. It is a preprocessor for scores, a
crude picture of fine-tuning, and no score itself. Classes move rigidly, so that the whole simulation needs the class
means and radii alone; `shift_classes` and `ped` then move statistics and samples.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.row_slices import over_rows
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm, safe_sqrt
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape
from jaxinv.kernels.transferability.statistics.class_statistics import ClassMoments, ClassStatistics, finalise

_STD_FLOOR = 1e-3
# Of the differences between class means, which XLA need not but may hold.
_NUMBERS_AT_ONCE = 1 << 17


class PedForces(NamedTuple):
    """The forces between the balls of all classes.

    Attributes:
      force: `(C, D)`, on each class; they sum to zero.
      overlap: `(C, C)`, how far each two balls overlap, 0 on the diagonal. The potential energy is
        `strength / 4 * sum(overlap^2)`, which counts each pair once.
      coincident_pairs: `()`, pairs of classes with the same mean: they repel in no direction, so not at all.
    """

    force: jax.Array
    overlap: jax.Array
    coincident_pairs: jax.Array


class PedStep(NamedTuple):
    """One step of all classes, from rest.

    Attributes:
      displacement: `(C, D)`, of each class; they sum to zero.
      change: `()`, sum of the absolute displacements over classes and dimensions.
      overlapping_pairs: `()`, pairs of classes that overlap before the step.
      coincident_pairs: `()`, pairs of classes with the same mean before the step.
    """

    displacement: jax.Array
    change: jax.Array
    overlapping_pairs: jax.Array
    coincident_pairs: jax.Array


class PedShift(NamedTuple):
    """How far each class moved in all.

    Attributes:
      shift: `(C, D)`, in the units of the features; 0 for absent classes.
      steps: `()` integer, steps that were taken.
      changes: `(max_steps,)`, `PedStep.change` of every step that was looked at, in units of the standard deviation, 0
        after the end; the last one may be that of a step that was not taken.
      overlapping_pairs: `()`, pairs of classes that overlap at the start.
      coincident_pairs: `()`, pairs of classes with the same mean at the start.
      dropped_classes: `()`, classes without a sample.
    """

    shift: jax.Array
    steps: jax.Array
    changes: jax.Array
    overlapping_pairs: jax.Array
    coincident_pairs: jax.Array
    dropped_classes: jax.Array


@jax.jit
def ped_forces(
    means: jax.Array,
    radius: jax.Array,
    *,
    nsigma: jax.Array | float = 0.6,
    strength: jax.Array | float = 1.0,
    present: jax.Array | None = None,
) -> PedForces:
    """Elastic repulsion of overlapping classes.

    Class i is a ball of radius `nsigma R_i`; two overlap by `o_ij = max(nsigma (R_i + R_j) - |m_i - m_j|, 0)` and repel
    along their line of centres with the force `strength o_ij`.

    Args:
      means: `(C, D)`, floating point.
      radius: `(C,)`, root of the summed within-class variance, `R` above.
      nsigma: of the balls.
      strength: of the springs.
      present: `(C,)` bool, the classes that take part; default all.

    Returns:
      PedForces, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Translation equivariant, and equivariant to orthogonal maps. Memory `O(C^2 + C D)`, time `O(C^2 D)`.
    Transformations: jit, vmap, jvp, vjp, second order (0 from pairs with the same mean).
    References: Li et al., Exploring model transferability through the lens of potential energy, ICCV 2023
    (arXiv:2308.15074), sec. 3.3.
    """
    repulsion, overlap, coincident = _repulsion(*_checked(means, radius, present), nsigma)
    return PedForces(strength * repulsion, overlap, coincident)


@jax.jit
def ped_step(
    means: jax.Array,
    radius: jax.Array,
    *,
    nsigma: jax.Array | float = 0.6,
    dt: jax.Array | float = 0.1,
    strength: jax.Array | float = 1.0,
    present: jax.Array | None = None,
) -> PedStep:
    """How far the classes move from rest in one time step, each pair by its overlap at most.

    The repulsion of a pair moves both by `min(dt^2 strength / 2, 1) o_ij` along their line of centres, in opposite
    directions; the sizes of the classes do not matter.

    Args:
      means: `(C, D)`, floating point.
      radius: `(C,)`.
      nsigma: of the balls.
      dt: time step.
      strength: of the springs.
      present: `(C,)` bool, the classes that take part; default all.

    Returns:
      PedStep, in float32 at least.

    Raises, transformations, references: as `ped_forces`.
    """
    return _step(*_checked(means, radius, present), nsigma, dt, strength)


@functools.partial(jax.jit, static_argnames=("max_steps",))
def ped_shift(
    statistics: ClassStatistics,
    reference_std: jax.Array | None = None,
    *,
    nsigma: jax.Array | float = 0.6,
    dt: jax.Array | float = 0.1,
    strength: jax.Array | float = 1.0,
    exit_ratio: jax.Array | float = 0.5,
    max_steps: int = 6,
) -> PedShift:
    """Where potential energy descent moves each class, from class statistics alone.

    Means and variances are first divided by the standard deviation of each column over a reference set of the same
    model. A step whose change is at most `exit_ratio` times that of the first is not taken, and ends the descent. With
    `dt = 0.1` and springs of strength 1 classes move by 0.005 of their overlaps a step, so that six steps change little
    and the exit is seldom met.

    Args:
      statistics: class statistics of `(N, D)` features.
      reference_std: `(D,)`, standard deviation of the model's features on a reference set (the paper: the ImageNet
        validation pictures), floored at 1e-3. Default: that of the features themselves, in which we deviate from the
        paper. The reference mean is not needed: it drops out of every difference of class means.
      nsigma: radius of a class in units of its standard deviation; the authors take 0.3 or 0.6.
      dt: time step.
      strength: of the springs.
      exit_ratio: of the changes.
      max_steps: static, >= 1.

    Returns:
      PedShift. Without an overlap, with one class or without samples the shift is exactly 0, after no step.

    Raises:
      TypeError, ValueError: reference_std has the wrong dtype or shape; max_steps is below 1.

    Equivariant to translations, and to orthogonal maps where the reference deviation is the same for all columns.
    Invariant to zero padding, and at a given reference_std to the sizes of the classes. Time `O(max_steps C^2 D)`,
    memory `O(C^2 + C D)`.
    Transformations: jit, vmap (over models, label sets, nsigma, dt ...), jvp, vjp, second order.
    References: Li et al., Exploring model transferability through the lens of potential energy, ICCV 2023
    (arXiv:2308.15074), sec. 3 and appendix B. Where two means coincide or nothing overlaps the public code divides 0
    by 0.
    """
    require_at_least("max_steps", max_steps, 1)
    moments = finalise(statistics)
    if reference_std is None:
        scale = jnp.sqrt(jnp.maximum(_variance(moments), _STD_FLOOR**2))
    else:
        require_floating("reference_std", reference_std)
        require_shape("reference_std", reference_std, (statistics.dim,))
        scale = jnp.maximum(reference_std.astype(moments.mean.dtype), _STD_FLOOR)
    means = moments.deviation / scale[None, :]
    radius = safe_sqrt(jnp.sum(moments.class_variance / (scale * scale)[None, :], axis=-1))
    present = moments.present

    def advance(state, number):
        moved, active, first_change = state
        step = _step(means + moved, radius, present, nsigma, dt, strength)
        first_change = jnp.where(number == 0, step.change, first_change)
        taken = active & (step.change > exit_ratio * first_change)
        moved = jnp.where(taken, moved + step.displacement, moved)
        return (moved, taken, first_change), (step, active, taken)

    start = jnp.zeros_like(means), jnp.array(True), jnp.zeros_like(means, shape=())
    (moved, _, _), (steps, looked_at, taken) = jax.lax.scan(advance, start, jnp.arange(max_steps))
    return PedShift(
        shift=moved * scale[None, :],
        steps=jnp.sum(taken),
        changes=jnp.where(looked_at, steps.change, 0.0),
        overlapping_pairs=steps.overlapping_pairs[0],
        coincident_pairs=steps.coincident_pairs[0],
        dropped_classes=moments.dropped_classes,
    )


def _variance(moments: ClassMoments) -> jax.Array:
    """Of each column, `(D,)`; not from the Gram matrix, which XLA then leaves out."""
    return jnp.sum(moments.prior[:, None] * (moments.class_variance + moments.deviation**2), axis=0)


def _checked(means, radius, present):
    require_floating("means", means)
    require_floating("radius", radius)
    require_shape("means", means, (None, None))
    require_shape("radius", radius, (means.shape[0],))
    if present is None:
        present = jnp.ones(means.shape[0], bool)
    require_shape("present", present, (means.shape[0],))
    dtype = accumulation_dtype(means, radius)
    return means.astype(dtype), radius.astype(dtype), present


def _step(means, radius, present, nsigma, dt, strength) -> PedStep:
    repulsion, overlap, coincident = _repulsion(means, radius, present, nsigma)
    displacement = jnp.minimum(dt * dt * strength / 2, 1.0) * repulsion
    return PedStep(
        displacement=displacement,
        change=jnp.sum(jnp.abs(displacement)),
        overlapping_pairs=jnp.sum(overlap > 0) // 2,
        coincident_pairs=coincident,
    )


def _repulsion(means, radius, present, nsigma):
    """`sum_j o_ij u_ij` `(C, D)` with the unit vector u_ij from j to i, the overlaps, and the coincident pairs.

    With `w_ij = o_ij / d_ij` it is `(sum_j w_ij) m_i - sum_j w_ij m_j`: a product of a C x C matrix and the means.
    """
    # About their middle, for the two terms cancel where all means are far from 0.
    weight = present.astype(means.dtype)[:, None]
    means = means - safe_divide(jnp.sum(weight * means, axis=0), jnp.sum(weight))[None, :]
    apart = _distances(means)
    pair = present[:, None] & present[None, :] & ~jnp.eye(means.shape[0], dtype=bool)
    reach = nsigma * (radius[:, None] + radius[None, :])
    overlap = jnp.where(pair & (reach > apart), reach - apart, 0.0)
    spring = safe_divide(overlap, apart)
    repulsion = jnp.sum(spring, axis=-1)[:, None] * means - contract("ij,jd->id", spring, means)
    return repulsion, overlap, jnp.sum(pair & (apart == 0)) // 2


def _distances(means):
    """From differences, for the expanded square would cancel for close classes; `(C, C)`, exactly symmetric."""

    def of_rows(rows):
        return safe_norm(rows[:, None, :] - means[None, :, :])

    return over_rows(of_rows, (means,), max(8, _NUMBERS_AT_ONCE // max(means.size, 1)))
