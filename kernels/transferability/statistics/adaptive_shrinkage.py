"""How strongly SFDA and ETran shrink the within-class covariance: by its largest eigenvalue."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.largest_eigenvalue import largest_eigenvalue
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.transferability.statistics.class_statistics import ClassStatistics, finalise
from jaxinv.kernels.transferability.statistics_scores.discriminants import within_covariance

_LEAST = 1e-10


class AdaptiveShrinkage(NamedTuple):
    """The shrinkage of one model.

    Attributes:
      shrinkage: `()`, a in `[1e-10, 1]`.
      largest_eigenvalue: `()`, of the within-class covariance, in squared units of the features.
    """

    shrinkage: jax.Array
    largest_eigenvalue: jax.Array


def adaptive_shrinkage(statistics: ClassStatistics, *, compat: str | None = None) -> AdaptiveShrinkage:
    """`a = max(exp(-5 lambda), 1e-10)`, lambda the largest eigenvalue of the biased pooled within-class covariance.

    Args:
      statistics: class statistics of `(N, D)` features.
      compat: None, or "official" for lambda by the three double power iterations from the row sums, as the public code
        of SFDA has it: not converged (on digits .32 for .35), and not rotation invariant.

    Returns:
      AdaptiveShrinkage. No samples: 1.

    Raises:
      ValueError: unknown compat.

    Not scale invariant: features of large variance are hardly shrunk at all.
    Transformations: jit, vmap, jvp, vjp, second order.
    References: Shao et al., SFDA, ECCV 2022 (arXiv:2207.03036), sec. 4.1.
    """
    require_choice("compat", str(compat), ("None", "official"))
    within = within_covariance(finalise(statistics))
    largest = _three_double_steps(within) if compat == "official" else largest_eigenvalue(within)
    largest = jnp.maximum(largest, 0.0)
    return AdaptiveShrinkage(jnp.maximum(jnp.exp(-5 * largest), _LEAST), largest)


def _three_double_steps(matrix):
    x = y = jnp.sum(matrix, axis=1)
    for _ in range(3):
        y = _unit(contract("de,e->d", matrix, x))
        x = _unit(contract("de,e->d", matrix, y))
    return jnp.sum(x * contract("de,e->d", matrix, y))


def _unit(vector):
    return safe_divide(vector, jnp.broadcast_to(safe_norm(vector), vector.shape))
