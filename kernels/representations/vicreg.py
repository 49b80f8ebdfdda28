"""The three terms of VICReg: two views alike, no column constant, no two columns saying the same.

Rows are samples. With `axis_name` they are split over the devices of a mesh axis (inside `jax.shard_map`, or a `vmap`
of that name), statistics are of all of them, and so are derivatives. Sums are in float32 at least. Entries up to 1e9
stay finite in float32.

Reference: Bardes, Ponce and LeCun, VICReg, ICLR 2022, arXiv:2105.04906.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape
from jaxinv.kernels.representations.rows import require_pair


@functools.partial(jax.jit, static_argnames="axis_name")
def vicreg_invariance(
    x: Float[Array, "n d"], y: Float[Array, "n d"], *, axis_name: str | None = None
) -> Float[Array, ""]:
    """The mean squared difference of two views, over all entries.

    Args:
      x: `(n, d)`, at least one entry.
      y: `(n, d)`, the same samples.
      axis_name: static, of the mesh axis over which samples are split.

    Returns:
      Scalar, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    require_pair(x, y, equal_width=True)
    if x.size == 0:
        raise ValueError(f"x must have at least one entry, got shape {x.shape}")
    dtype = accumulation_dtype(x, y)
    mean = jnp.mean((x.astype(dtype) - y.astype(dtype)) ** 2)
    return mean if axis_name is None else jax.lax.pmean(mean, axis_name)


@functools.partial(jax.jit, static_argnames="axis_name")
def vicreg_variance(
    x: Float[Array, "n d"], *, gamma: float = 1.0, eps: float = 1e-4, axis_name: str | None = None
) -> Float[Array, ""]:
    """Half the mean over columns of how much the standard deviation falls short of gamma.

    Args:
      x: `(n, d)`, at least two samples in all and one column.
      gamma: the deviation at which nothing is missing, in units of x.
      eps: positive, added to the variance: the slope is `1 / (2 sqrt(eps))` at most, also where all rows are the same.
      axis_name: static, of the mesh axis over which samples are split.

    Returns:
      Scalar in [0, gamma / 2], in float32 at least. A constant shift of all rows changes nothing.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or fewer than two samples, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import representations
      >>> x = jnp.array([[3.0, 0.5], [-3.0, 0.5]])  # the second column has collapsed
      >>> f"{representations.vicreg_variance(x):.2f}"  # half the mean of 0 and 0.99
      '0.25'
    """
    centred, num_samples = _centred(x, axis_name)
    variance = _over_devices(jnp.sum(centred**2, axis=0), axis_name) / (num_samples - 1)
    return jnp.mean(jax.nn.relu(gamma - jnp.sqrt(variance + eps))) / 2


@functools.partial(jax.jit, static_argnames="axis_name")
def vicreg_covariance(x: Float[Array, "n d"], *, axis_name: str | None = None) -> Float[Array, ""]:
    """The sum of squared covariances of different columns, divided by d.

    With more columns than samples it is taken on the samples' side, `||Xc Xc^T||^2` less the squared variances, in
    `O(n^2 d)` time and n^2 numbers; else on the columns' side, in `O(n d^2)` and d^2 numbers.

    Args:
      x: `(n, d)`, at least two samples in all and one column.
      axis_name: static, of the mesh axis over which samples are split.

    Returns:
      Scalar, in float32 at least. A constant shift of all rows changes nothing. On the samples' side, where it cannot
      be small beside the squared variances unless one of them outweighs all others, it is exact to rounding of these.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or fewer than two samples, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    """
    centred, num_samples = _centred(x, axis_name)
    num_columns = x.shape[1]
    if num_columns > num_samples:
        everyone = centred if axis_name is None else jax.lax.all_gather(centred, axis_name, tiled=True)
        gram = contract("nd,md->nm", centred, everyone)
        own = _over_devices(jnp.sum(centred**2, axis=0), axis_name)
        squares = _over_devices(jnp.sum(gram**2), axis_name) - jnp.sum(own**2)
    else:
        products = _over_devices(contract("ni,nj->ij", centred, centred), axis_name)
        squares = jnp.sum(jnp.where(jnp.eye(num_columns, dtype=bool), 0.0, products) ** 2)
    return squares / ((num_samples - 1) ** 2 * num_columns)


def _centred(x, axis_name):
    """Columns about their mean over all devices, and the number of samples on them."""
    require_floating("x", x)
    require_shape("x", x, (None, None))
    num_samples = x.shape[0] * (1 if axis_name is None else jax.lax.psum(1, axis_name))
    if num_samples < 2 or x.shape[1] < 1:
        raise ValueError(f"x must have at least 2 samples and 1 column, got shape {x.shape}")
    x = x.astype(accumulation_dtype(x))
    return x - _over_devices(jnp.sum(x, axis=0, keepdims=True), axis_name) / num_samples, num_samples


def _over_devices(sums, axis_name):
    return sums if axis_name is None else jax.lax.psum(sums, axis_name)
