"""Products of many functions on the sphere on one grid: many-body terms of any order."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.lax import PrecisionLike

from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.validation import require_floating
from jaxinv.kernels.tensor_products import sphere_functions as sphere
from jaxinv.kernels.tensor_products.arguments import checked, weighted, within


@functools.partial(jax.jit, static_argnames=("lmax_out", "normalization", "precision"))
def gaunt_product(
    signals: Sequence[jax.Array],
    *,
    lmax_out: int | None = None,
    weights_out: jax.Array | None = None,
    normalization: str = "component",
    precision: PrecisionLike = None,
) -> jax.Array:
    """The product of several functions on the sphere: nested Gaunt products without any truncation in between.

    Args:
      signals: one or more arrays `(..., (lmax_i + 1)^2)`, whose leading axes broadcast.
      lmax_out: static, at most the sum of all lmax_i, which is the default.
      weights_out: `(..., lmax_out + 1)`, of the degrees of the result.
      normalization: static, of the harmonics: "component", "norm" or "integral".
      precision: static, of matrix products; default the highest.

    Returns:
      `(..., (lmax_out + 1)^2)` in the common dtype; bfloat16 is multiplied and summed in float32.

    Raises:
      TypeError: a signal that is not floating point.
      ValueError: no signals, a trailing size that is no square, lmax_out beyond the sum, weights of a wrong size.

    Equivariant under rotations; symmetric in the signals. Signals of parity `p_i (-1)^l` give `prod p_i (-1)^l`.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Luo, Chen, Krishnapriyan, ICLR 2024 (arXiv:2401.10216), sec. 3.3; Batatia et al., MACE, NeurIPS 2022.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> a, b, c = jnp.ones((4,)), jnp.ones((9,)), jnp.ones((5, 4))
      >>> tp.gaunt_product([a, b, c], lmax_out=2).shape
      (5, 9)
    """
    if not signals:
        raise ValueError("signals must hold at least one array, got none")
    given = [checked(f"signals[{number}]", signal) for number, signal in enumerate(signals)]
    arrays = [array for array, _ in given]
    dtype, sums = jnp.result_type(*arrays), accumulation_dtype(*arrays)
    band = sum(lmax for _, lmax in given)
    lmax_out = within(lmax_out, band)
    band += lmax_out
    values = [sphere.values_of(array.astype(sums), lmax, band, normalization, precision) for array, lmax in given]
    product = functools.reduce(jnp.multiply, with_equal_ranks(*values))
    found = sphere.coefficients_of(product, lmax_out, band, normalization, precision)
    return weighted(found, "weights_out", weights_out, lmax_out).astype(dtype)


@functools.partial(jax.jit, static_argnames=("lmax_out", "normalization", "precision"))
def gaunt_power(
    x: jax.Array,
    weights: jax.Array,
    *,
    lmax_out: int | None = None,
    normalization: str = "component",
    precision: PrecisionLike = None,
) -> jax.Array:
    """A polynomial of one function on the sphere: `out_l = sum_nu weights[nu - 1, l] (x^nu)_l`, nu = 1 .. order.

    The many-body features of correlation order up to `order` that Gaunt products reach, all on one grid and exact: no
    power is truncated on the way.

    Args:
      x: `(..., (lmax + 1)^2)`, floating point.
      weights: `(order, ..., lmax_out + 1)`: of every power and degree; the axes between broadcast against those of x.
      lmax_out: static; as the last axis of the weights says, which is the default; at most `order * lmax`.
      normalization: static, of the harmonics: "component", "norm" or "integral".
      precision: static, of matrix products; default the highest.

    Returns:
      `(..., (lmax_out + 1)^2)` in the dtype of x; bfloat16 is multiplied and summed in float32.

    Raises:
      TypeError: x or weights are not floating point.
      ValueError: a trailing size that is no square, no power, lmax_out beyond `order * lmax` or not that of weights.

    Equivariant under rotations. Of a signal of parity `p (-1)^l`, odd powers have that parity, even ones `(-1)^l`: with
    p = -1 keep them apart by zero weights.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Luo, Chen, Krishnapriyan, ICLR 2024 (arXiv:2401.10216), sec. 3.3.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> x = jnp.ones((8, 9))  # 8 channels, degrees 0 to 2
      >>> weights = jnp.ones((3, 8, 3))  # powers 1 to 3, channels, degrees 0 to 2
      >>> tp.gaunt_power(x, weights).shape
      (8, 9)
    """
    x, lmax = checked("x", x)
    weights = jnp.asarray(weights)
    require_floating("weights", weights)
    if weights.ndim < 2 or not weights.shape[0] or not weights.shape[-1]:
        raise ValueError(f"weights must have shape (order, ..., lmax_out + 1), got {weights.shape}")
    order, degrees = weights.shape[0], weights.shape[-1]
    if lmax_out is not None and degrees != lmax_out + 1:
        raise ValueError(f"weights must have {lmax_out + 1} degrees on its last axis, got shape {weights.shape}")
    lmax_out = within(degrees - 1, order * lmax)
    sums = accumulation_dtype(x)
    band = order * lmax + lmax_out
    values = sphere.values_of(x.astype(sums), lmax, band, normalization, precision)
    power, terms = values, []
    for exponent in range(order):
        power = power * values if exponent else power
        found = sphere.coefficients_of(power, lmax_out, band, normalization, precision)
        terms.append(weighted(found, "weights", weights[exponent].astype(sums), lmax_out))
    return functools.reduce(jnp.add, terms).astype(x.dtype)
