"""LGC: label-gradient correlation, which asks of the gradients of the model what LFC asks of its features."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_at_least, require_floating, require_integer, require_shape


class LGC(NamedTuple):
    """Label-gradient correlation of one model.

    Attributes:
      score: `()`, in `[0, 1]` for a positive semi-definite kernel; higher is better.
      num_samples: `()`, total weight of the samples that counted.
      dropped_classes: `()`, classes without a sample.
    """

    score: jax.Array
    num_samples: jax.Array
    dropped_classes: jax.Array


@functools.partial(jax.jit, static_argnames=("num_classes",))
def lgc(kernel: jax.Array, labels: jax.Array, *, num_classes: int, sample_weight: jax.Array | None = None) -> LGC:
    """Cosine of the centred kernel matrix and the centred label matrix (+1 in a class, -1 across).

    Args:
      kernel: `(N, N)`, symmetric, floating point: of the gradients of the samples (`gradient_kernel`), or any other.
      labels: `(N,)` integers; samples with a label outside `0 .. num_classes - 1` are left out.
      num_classes: C, static.
      sample_weight: `(N,)` non-negative; default 1.

    Returns:
      LGC, in float32 at least. A constant kernel or a single class: score 0.

    Raises:
      TypeError, ValueError: wrong dtype, shape or option, naming the argument.

    Of the kernel `F F'` of features it is `lfc`, by the identity of linear CKA; from per-sample gradients `(N, P)` with
    P below N, take that. Invariant to scaling, to adding a constant, and in the order of samples and classes.
    Transformations: jit, vmap, jvp, vjp, second order. Time and memory `O(N^2)`.
    References: Deshpande et al., A linearized framework and a new benchmark for model selection for fine-tuning,
      arXiv:2102.00084, sec. 3.3.
    """
    require_floating("kernel", kernel)
    require_integer("labels", labels)
    require_shape("labels", labels, (None,))
    require_shape("kernel", kernel, (labels.shape[0], labels.shape[0]))
    require_at_least("num_classes", num_classes, 1)
    dtype = accumulation_dtype(kernel)
    weight = ((labels >= 0) & (labels < num_classes)).astype(dtype)
    if sample_weight is not None:
        require_shape("sample_weight", sample_weight, labels.shape)
        weight = weight * sample_weight.astype(dtype)
    size = jnp.sum(weight)
    share = safe_divide(weight, size)
    kernel = jnp.where((weight[:, None] > 0) & (weight[None, :] > 0), kernel.astype(dtype), 0.0)
    row_mean = contract("nm,m->n", kernel, share)
    mean = jnp.sum(share * row_mean)
    centred = kernel - row_mean[:, None] - row_mean[None, :] + mean
    # What rounding leaves of a constant is no correlation.
    rounding = 16 * float(jnp.finfo(dtype).eps) * jax.lax.stop_gradient(mean)
    square = contract("n,nm,m->", share, centred**2, share)
    varies = square > rounding**2
    same = (labels[:, None] == labels[None, :]).astype(dtype)
    inner = contract("n,nm,m->", share, centred * same, share)
    count = jnp.sum(jax.nn.one_hot(labels, num_classes, dtype=dtype) * weight[:, None], axis=0)
    prior = safe_divide(count, size)
    label_norm = safe_norm((jnp.diag(prior) - prior[:, None] * prior[None, :]).ravel())
    norm = jnp.where(varies, jnp.sqrt(jnp.where(varies, square, 1.0)), 0.0)
    return LGC(
        score=safe_divide(inner, norm * label_norm),
        num_samples=size,
        dropped_classes=jnp.sum(count == 0),
    )


@functools.partial(jax.jit, static_argnames=("function", "rows"))
def gradient_kernel(
    function: Callable[[Any, jax.Array], jax.Array], parameters: Any, inputs: jax.Array, *, rows: int = 32
) -> jax.Array:
    """Inner products of the gradients of samples with respect to the parameters: the empirical tangent kernel.

    `K_ij = sum_k <df_k(x_i)/dp, df_k(x_j)/dp>` over the outputs k of the function.

    Args:
      function: static; of the parameters and one sample, gives an array of any shape, the output of a model with the
        head that is to be trained.
      parameters: any pytree of floating-point arrays.
      inputs: `(N, ...)`, samples along the first axis.
      rows: static, >= 1; gradients of two such blocks of samples are held at a time, not all N, and each is computed
        again for every block that it meets.

    Returns:
      `(N, N)`, in float32 at least.

    Raises:
      ValueError: inputs without an axis, rows below 1.

    Transformations: jit, vmap, jvp, vjp, as far as the function has them. Time that of `N^2 / rows` gradients of every
    output; memory beyond the result `2 rows` gradients of all outputs.
    References: Jacot, Gabriel, Hongler, Neural tangent kernel, NeurIPS 2018; Deshpande et al., arXiv:2102.00084.
    """
    require_at_least("rows", rows, 1)
    require_at_least("axes of inputs", inputs.ndim, 1)
    num_samples = inputs.shape[0]
    if num_samples == 0:
        return jnp.zeros((0, 0), accumulation_dtype(*jax.tree.leaves(parameters)))
    rows = min(rows, num_samples)
    num_blocks = -(-num_samples // rows)
    place = jnp.minimum(jnp.arange(num_blocks * rows), num_samples - 1)
    blocks = inputs[place].reshape(num_blocks, rows, *inputs.shape[1:])

    def gradients(block):
        return jax.vmap(lambda sample: jax.jacrev(function)(parameters, sample))(block)

    def products(block):
        here = gradients(block)

        def with_block(other):
            pairs = zip(jax.tree.leaves(here), jax.tree.leaves(gradients(other)), strict=True)
            return sum(contract("ap,bp->ab", a.reshape(rows, -1), b.reshape(rows, -1)) for a, b in pairs)

        return jax.lax.map(with_block, blocks)

    kernel = jax.lax.map(products, blocks)
    return jnp.swapaxes(kernel, 1, 2).reshape(num_blocks * rows, -1)[:num_samples, :num_samples]
