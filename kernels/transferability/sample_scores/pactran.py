"""PACTran with Dirichlet and Gamma priors: PAC-Bayes bounds of a map from source to target classes, minus the bound.

The target class is explained as `p(y | x) ~ sum_z w_yz s_z(x)` with the source model's probabilities s and random
w. Both bounds are evidence lower bounds with a distribution q over the source class of every sample, improved in
rounds.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import digamma, gammaln

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_log
from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.transferability.prediction_scores.leep import check_source_predictions


class PACTran(NamedTuple):
    """The bound of one model.

    Attributes:
      score: `()`, the evidence lower bound in nats per sample, <= 0; higher is better.
      num_samples: `()`, total weight of the samples that counted.
      dropped_classes: `()`, target classes without a sample.
    """

    score: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes", "num_rounds"))
def pactran_dirichlet(
    source_probabilities: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    concentration: jax.Array | float = 1.0,
    sample_weight: jax.Array | None = None,
    num_rounds: int = 10,
) -> PACTran:
    """PACTran-Dirichlet: the columns of w are distributions over the target classes, with a Dirichlet prior.

    The prior's parameters are `concentration` times the shares of the classes. The bound is that of the q and w of the
    last round; the published code divides it by N C rather than by N, and pairs q with the w before.

    Args:
      source_probabilities: `(N, Cs)`, s, non-negative; rows are divided by their sum. A row of zeros is left out.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      concentration: positive.
      sample_weight: `(N,)` non-negative; default 1.
      num_rounds: static, >= 1; the bound grows with each.

    Returns:
      PACTran, in float32 at least. No samples: score 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to the order of source and of target classes, and to zero columns.
    Transformations: jit, vmap (over models: probabilities batched, labels shared; over label sets), jvp, vjp, second
      order; the gradient is zero in entries that are 0.
    References: Ding et al., PACTran, ECCV 2022 (arXiv:2203.05126), section 3.1.
    """
    setting = _setting(source_probabilities, labels, num_classes, concentration, sample_weight, num_rounds)

    def total(counts):
        return setting.mass + jnp.sum(counts, axis=0)

    def drive(counts):
        by_class = _digamma(setting.prior[:, None] + counts)
        return by_class - _digamma(total(counts))[None, :]

    counts, divergence = _rounds(setting, drive, num_rounds)
    normaliser = gammaln(_one_for_zero(total(counts))) - gammaln(_one_for_zero(setting.mass))
    gained = _log_gamma_ratio(setting, counts) - normaliser
    return _score(setting, jnp.sum(jnp.where(setting.mass > 0, gained, 0.0)) - divergence)


@functools.partial(jax.jit, static_argnames=("num_classes", "num_rounds"))
def pactran_gamma(
    source_probabilities: jax.Array,
    labels: jax.Array,
    *,
    num_classes: int,
    concentration: jax.Array | float = 1.0,
    sample_weight: jax.Array | None = None,
    num_rounds: int = 10,
) -> PACTran:
    """PACTran-Gamma: the entries of w are independent, with Gamma priors of rate 1, and `p(y | x)` is normalised.

    The logarithm of the normaliser is bounded by its tangent. The posterior is a Gamma distribution of the prior's
    rate, as in the published code, with the shapes of the last round.

    Args, returns, raises, invariances and transformations: as `pactran_dirichlet`.
    References: Ding et al., PACTran, ECCV 2022 (arXiv:2203.05126), section 3.2.
    """
    setting = _setting(source_probabilities, labels, num_classes, concentration, sample_weight, num_rounds)

    def drive(counts):
        return _digamma(setting.prior[:, None] + counts)

    counts, divergence = _rounds(setting, drive, num_rounds)
    normaliser = contract("nz,z->n", setting.theta, setting.mass + jnp.sum(counts, axis=0))
    cost = contract("n,n->", setting.weight, safe_log(normaliser))
    return _score(setting, jnp.sum(_log_gamma_ratio(setting, counts)) - divergence - cost)


class _Setting(NamedTuple):
    """Rows of sum 1 `(N, Cs)`, one-hot truth `(N, C)`, weights `(N,)`, prior `(C,)`, 0 where absent, and its sum."""

    theta: jax.Array
    truth: jax.Array
    weight: jax.Array
    prior: jax.Array
    mass: jax.Array


def _setting(source_probabilities, labels, num_classes, concentration, sample_weight, num_rounds) -> _Setting:
    check_source_predictions(source_probabilities, labels, num_classes, sample_weight)
    require_at_least("num_rounds", num_rounds, 1)
    dtype = accumulation_dtype(source_probabilities)
    theta = source_probabilities.astype(dtype)
    mass = jnp.sum(theta, axis=-1)
    theta = safe_divide(theta, jnp.broadcast_to(mass[:, None], theta.shape))
    weight = jnp.ones_like(mass) if sample_weight is None else sample_weight.astype(dtype)
    weight = jnp.where((labels >= 0) & (labels < num_classes) & (mass > 0), weight, 0.0)
    truth = jax.nn.one_hot(labels, num_classes, dtype=dtype)
    count = contract("n,nc->c", weight, truth)
    prior = jnp.asarray(concentration, dtype) * safe_divide(count, jnp.broadcast_to(jnp.sum(count), count.shape))
    return _Setting(theta, truth, weight, prior, jnp.sum(prior))


def _rounds(setting, drive, num_rounds):
    """Expected counts `(C, Cs)` under the last q, and `sum_i KL(q_i | s_i)`."""
    possible = setting.theta > 0
    log_theta = jnp.log(jnp.where(possible, setting.theta, 1.0))

    def improve(q, _):
        push = contract("nc,cz->nz", setting.truth, drive(_counts(setting, q)))
        logits = jnp.where(possible, log_theta + push, float(jnp.finfo(push.dtype).min) / 2)
        return jax.nn.softmax(logits), None

    q, _ = jax.lax.scan(improve, setting.theta, length=num_rounds)
    divergence = contract("n,nz->", setting.weight, q * (safe_log(q) - log_theta))
    return _counts(setting, q), divergence


def _counts(setting, q):
    return contract("n,nc,nz->cz", setting.weight, setting.truth, q)


def _log_gamma_ratio(setting, counts):
    """`sum_y log Gamma(prior_y + counts_yz) / Gamma(prior_y)`, `(Cs,)`, over the classes that are present."""
    prior = _one_for_zero(setting.prior)[:, None]
    ratio = gammaln(prior + counts) - gammaln(jnp.broadcast_to(prior, counts.shape))
    return jnp.sum(jnp.where(setting.prior[:, None] > 0, ratio, 0.0), axis=0)


def _digamma(x):
    """0 where the argument is 0: for classes that are absent."""
    return jnp.where(x > 0, digamma(_one_for_zero(x)), 0.0)


def _one_for_zero(x):
    return jnp.where(x > 0, x, 1.0)


def _score(setting, bound):
    size = jnp.sum(setting.weight)
    return PACTran(score=safe_divide(bound, size), num_samples=size, dropped_classes=jnp.sum(setting.prior == 0))
