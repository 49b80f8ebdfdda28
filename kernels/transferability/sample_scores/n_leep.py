"""N-LEEP: LEEP with the clusters of the features in the place of source classes."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.kmeans import kmeans
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.transferability.prediction_scores.leep import leep
from jaxinv.kernels.transferability.sample_scores.counted_samples import counted_samples
from jaxinv.kernels.transferability.sample_scores.gaussian_mixture import gaussian_mixture
from jaxinv.kernels.transferability.sample_scores.principal_components import principal_components

_KEPT_VARIANCE = 0.8
_COMPONENTS_PER_CLASS = 5
_RIDGE = 1e-4  # of the mean variance of the kept principal components
_LLOYD_ROUNDS = 10


class NLEEP(NamedTuple):
    """N-LEEP of one model.

    Attributes:
      score: `()`, mean over the restarts, in nats per sample, <= 0; higher is better.
      deviation: `()`, standard deviation over the restarts: differences between models below it say nothing.
      gain: `()`, largest mean log likelihood that any restart still won in its last round; near 0 where converged.
      kept_dim: `()`, principal components that were kept.
      kept_variance: `()`, their share of the variance, at least .8 unless `max_dim` cut them off.
      num_samples: `()`, total weight of the samples that counted.
      dropped_classes: `()`, target classes without a sample.
    """

    score: jax.Array
    deviation: jax.Array
    gain: jax.Array
    kept_dim: jax.Array
    kept_variance: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes", "num_components", "num_restarts", "num_rounds", "max_dim"))
def n_leep(
    key: jax.Array,
    features: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    num_components: int | None = None,
    num_restarts: int = 4,
    num_rounds: int = 30,
    max_dim: int | None = None,
    sample_weight: jax.Array | None = None,
) -> NLEEP:
    """LEEP of the responsibilities of a Gaussian mixture, fitted to the principal components of the features.

    The components that hold 80 % of the variance are clustered by k-means and then by a mixture with diagonal
    covariances, several times, and the scores are averaged. The public codes fit full covariances once, which fails
    where classes have fewer samples than there are components, and leaves the start to chance; one of them also leaves
    out the logarithm of LEEP.

    Args:
      key: of `jax.random`; let all models of a pool have the same.
      features: `(N, D)`, floating point, finite.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      num_components: of the mixture, static, >= 1; default 5 C. The authors take C where C is large.
      num_restarts: static, >= 1.
      num_rounds: static, >= 1, of expectation maximisation; watch `gain`.
      max_dim: static, >= 1; no more principal components are kept, and time is proportional to it. Default all that
        80 % of the variance takes, at the cost of `min(N, D)` of them since shapes are static.
      sample_weight: `(N,)` non-negative; default 1.

    Returns:
      NLEEP, in float32 at least. No samples: score 0. Components that find no sample say nothing.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to rotations, translations, scaling, zero columns and the order of classes; in the order of samples on
    average over keys only.
    Transformations: jit, vmap (over models: features batched, key and labels shared; over label sets). A constant for
      differentiation: the gradient is zero. Time `O(num_restarts num_rounds N K min(N, D, max_dim))`.
    References: Li et al., Ranking neural checkpoints, CVPR 2021 (arXiv:2011.11200), sec. 3.3.
    """
    size = _COMPONENTS_PER_CLASS * num_classes if num_components is None else num_components
    for name, value in (("num_components", num_components), ("num_restarts", num_restarts), ("max_dim", max_dim)):
        require_at_least(name, 1 if value is None else value, 1)
    weight = counted_samples(features, labels, num_classes, sample_weight)
    features = jax.lax.stop_gradient(features.astype(accumulation_dtype(features)))
    weight = jax.lax.stop_gradient(weight)
    scores, variance, total = principal_components(features, weight, max_dim or features.shape[1])
    kept = (jnp.cumsum(variance) - variance <= _KEPT_VARIANCE * total) & (variance > 0)
    kept_variance = jnp.sum(jnp.where(kept, variance, 0.0))
    kept_dim = jnp.sum(kept)
    # Components that are not kept are constant, so they tell nothing about the clusters.
    points = jnp.where(kept[None, :], scores, 0.0)
    ridge = _RIDGE * safe_divide(kept_variance, kept_dim.astype(total.dtype))
    ridge = jnp.where(ridge > 0, ridge, 1.0)

    def restart(key):
        clusters = kmeans(key, points, size, iterations=_LLOYD_ROUNDS, restarts=1, sample_weight=weight)
        start = jax.nn.one_hot(clusters.assignment, size, dtype=points.dtype)
        fitted = gaussian_mixture(points, start, num_rounds=num_rounds, ridge=ridge, sample_weight=weight)
        judged = leep(fitted.responsibilities, labels, num_classes=num_classes, sample_weight=weight)
        return judged.score, fitted.gain, judged.dropped_classes

    found, gains, dropped = jax.lax.map(restart, jax.random.split(key, num_restarts))
    mean = jnp.mean(found)
    return NLEEP(
        score=mean,
        deviation=jnp.sqrt(jnp.mean((found - mean) ** 2)),
        gain=jnp.max(gains),
        kept_dim=kept_dim,
        kept_variance=safe_divide(kept_variance, total),
        num_samples=jnp.sum(weight),
        dropped_classes=dropped[0],
    )
