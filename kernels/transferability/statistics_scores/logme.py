"""LogME: log maximum evidence of a Bayesian linear model of the labels, from class statistics alone.

Each one-hot column t is modelled as `t = F w + noise`, `w ~ N(0, I / alpha)`, `noise ~ N(0, I / beta)`, with features F
that are neither centred nor given a bias. The scatter about the mean is diagonalised, `V diag(lambda) V'`, and the mean
direction enters as a rank-one term `z z'`, `z = sqrt(N) V' mean`, by the Sherman-Morrison formula. A large common
offset of the features then costs no digits, and the eigendecomposition is the one that the other scores use.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.first_order import first_order_only
from jaxinv.kernels.numerics.maximise import maximise_on_log_scale
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.transferability.statistics.class_statistics import ClassMoments, ClassStatistics, finalise
from jaxinv.kernels.transferability.statistics.spectrum import (
    Spectrum,
    least_squares_residual,
    moments_spectrum,
    project_class_sums,
)

_OFFICIAL_ROUNDS = 11


class LogME(NamedTuple):
    """LogME of one model.

    Attributes:
      score: `()`, mean over present classes of the log evidence per sample, in nats; higher is better.
      alpha: `(C,)`, precision of the weights at the maximum; 1 for absent classes.
      beta: `(C,)`, precision of the noise at the maximum; 1 for absent classes.
      evidence: `(C,)`, log evidence per sample of each class column; 0 for absent classes.
      converged: `(C,)` bool, whether the maximum lies inside the searched range of alpha / beta.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    alpha: jax.Array
    beta: jax.Array
    evidence: jax.Array
    converged: jax.Array
    dropped_classes: jax.Array


class _Problem(NamedTuple):
    """All classes in eigenvector coordinates. Shapes `(D,)`, `(D,)`, `(C, D)`, `(C,)`, `(C,)`, `()`."""

    eigenvalues: jax.Array
    mean: jax.Array
    projected: jax.Array
    offset: jax.Array
    residual: jax.Array
    num_samples: jax.Array


class _Fit(NamedTuple):
    """The posterior at a ratio u = alpha / beta: weights `(C, D)`, their squared length, squared error, and more."""

    weights: jax.Array
    length: jax.Array
    error: jax.Array
    mean_gain: jax.Array
    log_det: jax.Array
    dof: jax.Array


def _fit(problem: _Problem, ratio: jax.Array) -> _Fit:
    """Posterior of every class at its own `ratio` `(C,)`, by sums of positive terms throughout.

    With R = 1 / (lambda + u), rho = z' R z and s = (tau - z' R c) / (1 + rho), the posterior mean is R (c + s z), the
    error along the mean direction is s^2, and det(I + G / u) = prod(1 + lambda / u) (1 + rho).
    """
    values, mean = problem.eigenvalues[None, :], problem.mean[None, :]
    ratio = ratio[:, None]
    resolvent = 1 / (values + ratio)
    gain = jnp.sum(mean**2 * resolvent, axis=-1)
    misfit = (problem.offset - jnp.sum(mean * resolvent * problem.projected, axis=-1)) / (1 + gain)
    weights = resolvent * (problem.projected + mean * misfit[:, None])
    root = jnp.sqrt(values)
    slope = safe_divide(problem.projected, root)
    shortfall = resolvent * (ratio * slope - root * mean * misfit[:, None])
    return _Fit(
        weights=weights,
        length=jnp.sum(weights**2, axis=-1),
        error=problem.residual + jnp.sum(shortfall**2, axis=-1) + misfit**2,
        mean_gain=gain,
        log_det=jnp.sum(jnp.log1p(values / ratio), axis=-1) + jnp.log1p(gain),
        dof=jnp.sum(values * resolvent, axis=-1) + ratio[:, 0] * jnp.sum((mean * resolvent) ** 2, axis=-1) / (1 + gain),
    )


def _evidence(num_samples: jax.Array, fit: _Fit, alpha: jax.Array, beta: jax.Array) -> jax.Array:
    """Log evidence `(C,)` at (alpha, beta), for the fit at their ratio."""
    data = num_samples * (jnp.log(beta) - math.log(2 * math.pi)) - beta * fit.error
    return 0.5 * (data - fit.log_det - alpha * fit.length)


def _best_beta(num_samples: jax.Array, fit: _Fit, ratio: jax.Array) -> jax.Array:
    """The beta that maximises the evidence at a ratio alpha / beta."""
    cost = fit.error + ratio * fit.length
    return jnp.where(cost > 0, num_samples / jnp.where(cost > 0, cost, 1.0), 1.0)


def _problem(moments: ClassMoments, spectrum: Spectrum) -> _Problem:
    root = jnp.sqrt(moments.num_samples)
    projected = project_class_sums(spectrum, moments)
    return _Problem(
        eigenvalues=spectrum.eigenvalues,
        mean=root * contract("d,de->e", moments.mean, spectrum.eigenvectors),
        projected=projected,
        offset=safe_divide(moments.count, root),
        residual=least_squares_residual(spectrum, moments, projected),
        num_samples=moments.num_samples,
    )


def _maximum(moments: ClassMoments, spectrum: Spectrum):
    """Ratio, beta, evidence and convergence of every class column at the evidence's maximum over (alpha, beta)."""
    problem = _problem(moments, spectrum)
    # The mean direction does not lower the bound: it would hide small ratios behind a large offset.
    largest = jnp.where(problem.eigenvalues[-1] > 0, problem.eigenvalues[-1], 1.0)
    eps = float(jnp.finfo(largest.dtype).eps)
    low, high = largest * eps, (largest + jnp.sum(problem.mean**2)) / eps

    def profile(ratio):
        fit = _fit(problem, ratio)
        beta = _best_beta(problem.num_samples, fit, ratio)
        return _evidence(problem.num_samples, fit, ratio * beta, beta)

    best = maximise_on_log_scale(profile, jnp.full_like(moments.count, low), jnp.full_like(moments.count, high))
    fit = _fit(problem, best.argument)
    beta = _best_beta(problem.num_samples, fit, best.argument)
    return problem, fit, best.argument, beta, ~best.at_bound


@jax.custom_jvp
def _evidence_of_moments(moments: ClassMoments, spectrum: Spectrum):
    problem, fit, ratio, beta, converged = _maximum(moments, spectrum)
    return _evidence(problem.num_samples, fit, ratio * beta, beta), ratio * beta, beta, converged.astype(beta.dtype)


@_evidence_of_moments.defjvp
def _evidence_jvp(primals, tangents):
    """By the envelope theorem: d evidence = beta w'db - tr((G + u)^-1 dG) / 2 - beta (w'dG w + d t't) / 2 + ..."""
    moments, spectrum = primals
    change: ClassMoments = tangents[0]
    problem, fit, ratio, beta, converged = _maximum(moments, spectrum)
    value = _evidence(problem.num_samples, fit, ratio * beta, beta)
    fit, ratio, beta, basis, problem, moments = first_order_only(
        "logme", (fit, ratio, beta, spectrum.eigenvectors, problem, moments)
    )

    def along(vectors):
        return contract("...d,de->...e", vectors, basis)

    mean, deviation, mean_change = along(moments.mean), along(moments.deviation), along(change.mean)
    weight_change = jnp.sum(change.count)
    outer = moments.num_samples * mean_change[:, None] * mean[None, :]
    gram_change = contract("de,df,fg->eg", basis, change.scatter, basis) + outer + outer.T
    gram_change = gram_change + weight_change * mean[:, None] * mean[None, :]
    cross_change = change.count[:, None] * (mean[None, :] + deviation)
    cross_change = cross_change + moments.count[:, None] * (mean_change[None, :] + along(change.deviation))

    resolvent = 1 / (problem.eigenvalues[None, :] + ratio[:, None])
    direction = resolvent * problem.mean[None, :] / jnp.sqrt(1 + fit.mean_gain)[:, None]
    trace = jnp.sum(resolvent * jnp.diagonal(gram_change)[None, :], axis=-1)
    trace = trace - contract("cd,de,ce->c", direction, gram_change, direction)
    quadratic = contract("cd,de,ce->c", fit.weights, gram_change, fit.weights)
    slope = beta * jnp.sum(fit.weights * cross_change, axis=-1) - 0.5 * (trace + beta * (quadratic + change.count))
    slope = slope + 0.5 * (jnp.log(beta) - math.log(2 * math.pi)) * weight_change
    zero = jnp.zeros_like(beta)
    return (value, ratio * beta, beta, converged.astype(beta.dtype)), (slope, zero, zero, zero)


def _official(moments: ClassMoments):
    """The fixed-point code of the authors: 11 rounds, lagged moments, log-sum over nonzero singular values only."""
    gram = moments.scatter + moments.num_samples * moments.mean[:, None] * moments.mean[None, :]
    values, basis = jnp.linalg.eigh(gram)
    rank = jnp.minimum(moments.num_samples, moments.valid_dim)
    dim = values.shape[0]
    kept = (jnp.arange(dim) >= dim - rank) & (values > 1e-20)
    values = jnp.where(kept, values, 0.0)[None, :]
    cross = contract("cd,de->ce", moments.count[:, None] * (moments.deviation + moments.mean[None, :]), basis)
    square = jnp.where(kept[None, :], cross**2, 0.0) / jnp.where(kept[None, :], values, 1.0)
    rest = moments.count - jnp.sum(square, axis=-1)

    def sweep(_, state):
        alpha, beta, _, active = state
        ratio = (alpha / beta)[:, None]
        dof = jnp.sum(values / (values + ratio), axis=-1)
        length = jnp.sum(values * square / (values + ratio) ** 2, axis=-1)
        error = jnp.sum(square / (1 + values / ratio) ** 2, axis=-1) + rest
        new_alpha = dof / (length + 1e-5)
        new_beta = jnp.maximum(moments.num_samples - dof, tiny) / (error + 1e-5)
        log_sum = jnp.sum(
            jnp.where(kept[None, :], jnp.log(new_alpha[:, None] + new_beta[:, None] * values), 0.0), axis=-1
        )
        value = moments.valid_dim * jnp.log(new_alpha) + moments.num_samples * (
            jnp.log(new_beta) - math.log(2 * math.pi)
        )
        value = 0.5 * (value - log_sum - new_beta * error - new_alpha * length)
        settled = jnp.abs(new_alpha / new_beta - ratio[:, 0]) / ratio[:, 0] <= 1e-3
        new, old = (new_alpha, new_beta, value, active & ~settled), state
        return tuple(jnp.where(active, after, before) for after, before in zip(new, old, strict=True))

    tiny = jnp.asarray(jnp.finfo(values.dtype).tiny ** 0.5, values.dtype)
    one = jnp.ones_like(moments.count)
    alpha, beta, evidence, active = jax.lax.fori_loop(0, _OFFICIAL_ROUNDS, sweep, (one, one, 0 * one, moments.present))
    return evidence, alpha, beta, ~active


@functools.partial(jax.jit, static_argnames=("compat",))
def logme(statistics: ClassStatistics, *, spectrum: Spectrum | None = None, compat: str | None = None) -> LogME:
    """LogME: the log evidence of the labels given the features, maximised over the precisions alpha and beta.

    The evidence is maximised globally over alpha / beta within [eps, 1 / eps] times the largest eigenvalue (at a
    fixed ratio the best beta has a closed form), and equals `log N(t; 0, F F' / alpha + I / beta) / N` at the returned
    alpha and beta, for N > D and N <= D alike. The published code counts all D weight directions in one term and only
    the N nonzero ones in another, which is wrong for N <= D; `compat="official"` computes that.

    Args:
      statistics: class statistics of `(N, D)` features.
      spectrum: `scatter_spectrum(statistics)` if it is at hand (one for all label sets of a model).
      compat: None, or "official" for the numbers of published tables (not differentiable; no use of `spectrum`).

    Returns:
      LogME. No samples, or no present class: score 0. Columns that a linear map fits without error have unbounded
      evidence: the value at the bound is returned, with `converged` False.

    Raises:
      ValueError: unknown compat.

    Not comparable between data sets; comparable between models of any width on one data set. Invariant to rotations
    and zero padding of the features.
    Transformations: jit, vmap, jvp, vjp, first order only (a second derivative raises TypeError).
    References: You et al., LogME, ICML 2021 (arXiv:2102.11005), eq. 2 and algorithm 1; MacKay, Neural Comput. 4 (1992).

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import transferability as tf
      >>> labels = jnp.arange(90) % 3
      >>> noise = jax.random.normal(jax.random.key(0), (90, 8))
      >>> poor, good = (noise + gap * jax.nn.one_hot(labels, 8) for gap in (0.5, 3.0))
      >>> [round(float(tf.logme(tf.class_statistics(x, labels, 3)).score), 2) for x in (poor, good)]
      [-0.85, -0.26]
    """
    require_choice("compat", str(compat), ("None", "official"))
    moments = finalise(statistics)
    if compat == "official":
        evidence, alpha, beta, converged = _official(moments)
    else:
        spectrum = moments_spectrum(moments) if spectrum is None else spectrum
        # The rule below takes the derivative through the scatter itself.
        evidence, alpha, beta, converged = _evidence_of_moments(moments, jax.lax.stop_gradient(spectrum))
    evidence = jnp.where(moments.present, safe_divide(evidence, moments.num_samples), 0.0)
    num_present = jnp.sum(moments.present)
    return LogME(
        score=safe_divide(jnp.sum(evidence), num_present.astype(evidence.dtype)),
        alpha=jnp.where(moments.present, alpha, 1.0),
        beta=jnp.where(moments.present, beta, 1.0),
        evidence=evidence,
        converged=(converged > 0) | ~moments.present,
        dropped_classes=moments.dropped_classes,
    )
