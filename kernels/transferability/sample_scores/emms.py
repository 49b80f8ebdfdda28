"""EMMS: how well features fit a weighted mean of several label embeddings, by least squares."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.gram import weighted_gram
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.psd import psd_solve
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_shape

# Columns that stay this close to their mean, in units of rounding, do not vary.
_ROUNDING_UNITS = 8.0


class EMMS(NamedTuple):
    """The fit of one model.

    Attributes:
      score: `()`, minus the mean squared residual per sample and column of the embeddings, in units of their variance;
        higher is better, <= 0.
      mixture: `(K,)`, the weights of the label embeddings, of sum 1, many of them 0.
      degenerate: `()` bool, whether there are no more samples than columns that vary: features then fit any labels,
        and the score says nothing.
    """

    score: jax.Array
    mixture: jax.Array
    degenerate: jax.Array


@functools.partial(jax.jit, static_argnames=("num_rounds",))
def emms(
    features: jax.Array,
    label_embeddings: jax.Array,
    *,
    sample_weight: jax.Array | None = None,
    num_rounds: int = 1,
) -> EMMS:
    """Least squares of features onto a mixture of label embeddings, and of the mixture onto what was fitted, in turn.

    All columns are centred and divided by their standard deviation; constant ones become 0. A round fits `W =
    argmin |F W - sum_k t_k Y_k|^2`, then `t = sparsemax(argmin_t |F W - sum_k t_k Y_k|^2)`; t starts uniform. The score
    is that of the last W and t. Least squares cut off what is rounding in the dtype of sums.

    Args:
      features: `(N, D)`, floating point, finite.
      label_embeddings: `(N, D2, K)`, each sample's label in K embeddings; one-hot labels are `(N, C, 1)`.
      sample_weight: `(N,)`, non-negative; default 1.
      num_rounds: static, >= 1; the published code takes one.

    Returns:
      EMMS, in float32 at least. The published code multiplies by the width of the embeddings where this one divides. No
      samples, or embeddings that do not vary: score 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Invariant to zero columns and to scales and translations of single columns.
    Time `N D (D + D2)`, memory `N D2 K` and `D^2`.
    Transformations: jit, vmap (over models: features batched, embeddings shared), jvp, vjp, second order.
    References: Meng et al., Foundation model is efficient multimodal multitask model selector, NeurIPS 2023
      (arXiv:2308.06262), algorithm 1; Martins and Astudillo, ICML 2016 (arXiv:1602.02068), sparsemax.
    """
    require_floating("features", features)
    require_floating("label_embeddings", label_embeddings)
    require_shape("features", features, (None, None))
    num_samples = features.shape[0]
    require_shape("label_embeddings", label_embeddings, (num_samples, None, None))
    width, num_embeddings = label_embeddings.shape[1:]
    require_at_least("label_embeddings: axis 2", num_embeddings, 1)
    require_at_least("num_rounds", num_rounds, 1)
    dtype = accumulation_dtype(features, label_embeddings)
    weight = jnp.ones(num_samples, dtype)
    if sample_weight is not None:
        require_floating("sample_weight", sample_weight)
        require_shape("sample_weight", sample_weight, (num_samples,))
        weight = sample_weight.astype(dtype)
    size = jnp.sum(weight)
    # Rows times the root of their weight: sums over rows are weighted sums.
    rows, varies = _standardized(features.astype(dtype), weight)
    wide, embedding_varies = _standardized(
        label_embeddings.astype(dtype).reshape(num_samples, width * num_embeddings), weight
    )
    targets = wide.reshape(label_embeddings.shape)
    gram = weighted_gram(rows, rows)
    target_gram = contract("ndk,ndl->kl", targets, targets)

    def fit(mixture):
        target = contract("ndk,k->nd", targets, mixture)
        return contract("nd,de->ne", rows, psd_solve(gram, contract("nd,ne->de", rows, target)))

    mixture = jnp.full(num_embeddings, 1 / num_embeddings, dtype)
    fitted = jnp.zeros(targets.shape[:2], dtype)
    for _ in range(num_rounds):
        fitted = fit(mixture)
        along = contract("ndk,nd->k", targets, fitted)
        mixture = _sparsemax(psd_solve(target_gram, along[:, None])[:, 0])
    residual = fitted - contract("ndk,k->nd", targets, mixture)
    columns = jnp.sum(jnp.any(embedding_varies.reshape(targets.shape[1:]), axis=1))
    return EMMS(
        score=-safe_divide(jnp.sum(residual * residual), size * columns.astype(dtype)),
        mixture=mixture,
        degenerate=jnp.sum(weight > 0) <= jnp.sum(varies),
    )


def _standardized(values, weight):
    """Columns of mean 0 and variance 1 times the root of the weights, and which of them vary."""
    size = jnp.broadcast_to(jnp.sum(weight), values.shape[1:])
    counted = weight[:, None] > 0
    centred = values - safe_divide(contract("n,nd->d", weight, values), size)[None, :]
    centred = jnp.where(counted, centred, 0.0)
    square = contract("n,nd,nd->d", weight, centred, centred)
    largest = jnp.max(jnp.where(counted, jnp.abs(jax.lax.stop_gradient(values)), 0.0), axis=0, initial=0.0)
    rounding = _ROUNDING_UNITS * float(jnp.finfo(values.dtype).eps) * largest
    varies = square > size * rounding**2
    scale = jnp.where(varies, jax.lax.rsqrt(jnp.where(varies, safe_divide(square, size), 1.0)), 0.0)
    root = jnp.where(weight > 0, jnp.sqrt(jnp.where(weight > 0, weight, 1.0)), 0.0)
    return centred * scale[None, :] * root[:, None], varies


def _sparsemax(scores):
    """The nearest point of the simplex."""
    descending = -jnp.sort(-scores)
    number = jnp.arange(1, scores.shape[0] + 1, dtype=scores.dtype)
    sums = jnp.cumsum(descending)
    last = jnp.sum(1 + number * descending > sums) - 1
    return jax.nn.relu(scores - (sums[last] - 1) / number[last])
