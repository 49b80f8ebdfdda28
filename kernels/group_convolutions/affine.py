"""Convolutions equivariant to affine maps of the plane: R^2 x| G with G = GL+(2), SL(2), Sim(2) or SO(2).

Features are `(..., height, width, m, channels)`: functions on the group, sampled at every pixel with m elements of G.
Each layer makes its bank of kernels (`affine_kernels`) and takes one convolution with it. Channels come last, which is
the faster order on a CPU: 4 times for a lift, 2 to 10 % for a convolution.

Equivariance to translations is exact (away from borders), and so it is to those elements of G that map the grid of
pixels, and the lists of elements, to themselves. To all others it is statistical: the error falls with the number of
elements, to a floor from the pixels and from elements that are not drawn by the Haar measure.
"""

import functools

import jax
import jax.numpy as jnp

from jaxinv.kernels.group_convolutions.affine_kernels import computed, convolution_bank, lifting_bank, projection_bank
from jaxinv.kernels.group_convolutions.pixel_convolution import PADDINGS, correlate
from jaxinv.kernels.group_convolutions.siren import Siren
from jaxinv.kernels.numerics.largest import largest
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_choice, require_floating, require_shape

POOLS = ("max", "mean")


@functools.partial(jax.jit, static_argnames=("padding",))
def affine_convolve(x: jax.Array, bank: jax.Array, *, padding: str = "VALID") -> jax.Array:
    """Correlates features with a bank of kernels: `y(p, A) = sum over q, B of bank(q, B, A) x(p + q, B)`.

    Args:
      x: `(..., height, width, m_in, channels_in)`.
      bank: `(size, size, m_in, channels_in, m_out, channels_out)`, of `affine_kernels`, or kept from an earlier call.
      padding: static, "VALID" (none: the result is size - 1 pixels smaller), "SAME" (zeros) or "CIRCULAR".

    Returns:
      `(..., height', width', m_out, channels_out)` in the dtype of the arguments together; bfloat16 is multiplied and
      summed in float32.

    Raises:
      ValueError: at trace time: an unknown padding; axes that do not fit; kernels larger than the picture.
      TypeError: arguments that are not floating point.
    Transformations: jit, vmap, jvp, vjp, any order. One bank for all pictures is fast: under vmap over banks XLA takes
      a grouped convolution.
    """
    require_choice("padding", padding, PADDINGS)
    require_floating("x", x)
    require_floating("bank", bank)
    require_shape("bank", bank, (None,) * 6)
    size, _, ins, channels_in, outs, channels_out = bank.shape
    if x.ndim < 4 or x.shape[-2:] != (ins, channels_in):
        raise ValueError(
            f"x must have shape (..., height, width, {ins}, {channels_in}) for this bank of kernels, got {x.shape}"
        )
    *batch, height, width, _, _ = x.shape
    if size > min(height, width):
        raise ValueError(f"bank must have kernels within the picture of {height} x {width} pixels, got {size} x {size}")
    dtype, sums = jnp.result_type(x, bank), accumulation_dtype(x, bank)
    pictures = x.astype(sums).reshape(-1, height, width, ins * channels_in)
    kernels = bank.astype(sums).reshape(size, size, ins * channels_in, outs * channels_out)
    y = correlate(pictures, kernels, padding)
    return y.reshape(*batch, *y.shape[1:3], outs, channels_out).astype(dtype)


def affine_lift(
    x: jax.Array, network: Siren, inverse: jax.Array, *, group: str, size: int, padding: str = "VALID"
) -> jax.Array:
    """From pictures to functions on the group.

    Args:
      x: `(..., height, width, channels_in)`.
      network: the kernel's parameters, without a part for the group.
      inverse: `(m, 2, 2)`, the inverses of the elements that the result is sampled at.
      group: static, "gl", "sl", "sim" or "so".
      size: static, pixels a side of the kernels.
      padding: static, as of `affine_convolve`; zeros at the rim are known to hurt here.

    Returns:
      `(..., height', width', m, channels_out)` in the dtype of the arguments together.

    Raises: ValueError, TypeError: as `lifting_bank` and `affine_convolve`.
    Transformations: as of both.
    References: Mironenco, Forré, Lie group decompositions for equivariant neural networks, arXiv:2310.11366.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> inverse = jnp.stack([jnp.eye(2), jnp.diag(jnp.array([2.0, 0.5]))])  # of two elements of SL(2)
      >>> network = gc.init_siren(jax.random.key(1), 1, 4, num_features=0, fan_in=25, width=16)
      >>> pictures = jax.random.normal(jax.random.key(2), (2, 12, 12, 1))
      >>> gc.affine_lift(pictures, network, inverse, group="sl", size=5).shape
      (2, 8, 8, 2, 4)
    """
    (x, network, inverse), dtype = computed(x, network, inverse)
    bank = lifting_bank(network, inverse, group=group, size=size)
    return affine_convolve(x[..., None, :], bank, padding=padding).astype(dtype)


def affine_convolution(
    x: jax.Array,
    network: Siren,
    element: jax.Array,
    inverse: jax.Array,
    log_weight: jax.Array | None = None,
    *,
    group: str,
    size: int,
    padding: str = "VALID",
) -> jax.Array:
    """From functions on the group to functions on the group.

    Args:
      x: `(..., height, width, m_in, channels_in)`.
      network: the kernel's parameters, with `num_group_features(group)` features of the group.
      element: `(m_in, 2, 2)`, the elements that x is sampled at.
      inverse: `(m_out, 2, 2)`, the inverses of the elements that the result is sampled at.
      log_weight: `(m_in,)`, logarithms of importance weights, up to a constant; equal ones by default.
      group: static, "gl", "sl", "sim" or "so".
      size: static, pixels a side of the kernels; 1 for kernels on G alone.
      padding: static, as of `affine_convolve`.

    Returns:
      `(..., height', width', m_out, channels_out)` in the dtype of the arguments together.

    Raises: ValueError, TypeError: as `convolution_bank` and `affine_convolve`.
    Transformations: as of both.
    References: as of `affine_lift`.
    """
    (x, network, element, inverse, log_weight), dtype = computed(x, network, element, inverse, log_weight)
    bank = convolution_bank(network, element, inverse, log_weight, group=group, size=size)
    return affine_convolve(x, bank, padding=padding).astype(dtype)


def affine_to_plane(
    x: jax.Array,
    network: Siren,
    inverse: jax.Array,
    log_weight: jax.Array | None = None,
    *,
    group: str,
    size: int,
    padding: str = "VALID",
) -> jax.Array:
    """From functions on the group to pictures.

    Args:
      x: `(..., height, width, m, channels_in)`.
      network: the kernel's parameters, without a part for the group.
      inverse: `(m, 2, 2)`, the inverses of the elements that x is sampled at.
      log_weight: `(m,)`, logarithms of importance weights, up to a constant; equal ones by default.
      group: static, "gl", "sl", "sim" or "so".
      size: static, pixels a side of the kernels.
      padding: static, as of `affine_convolve`.

    Returns:
      `(..., height', width', channels_out)` in the dtype of the arguments together.

    Raises: ValueError, TypeError: as `projection_bank` and `affine_convolve`.
    Transformations: as of both.
    References: as of `affine_lift`.
    """
    (x, network, inverse, log_weight), dtype = computed(x, network, inverse, log_weight)
    bank = projection_bank(network, inverse, log_weight, group=group, size=size)
    return affine_convolve(x, bank, padding=padding)[..., 0, :].astype(dtype)


@functools.partial(jax.jit, static_argnames=("pool",))
def group_pool(x: jax.Array, log_weight: jax.Array | None = None, *, pool: str = "max") -> jax.Array:
    """The largest value, or the mean, over the elements of G: a picture that moves with affine maps.

    Args:
      x: `(..., m, channels)`.
      log_weight: `(m,)`, logarithms of importance weights, up to a constant, of the mean; equal ones by default.
      pool: static, "max" or "mean".

    Returns:
      `(..., channels)` in the dtype of the arguments together; bfloat16 is summed in float32.

    Raises:
      ValueError: at trace time: an unknown pool; no element; other than m weights; weights of a maximum.
      TypeError: x is not floating point.
    Transformations: jit, vmap, jvp, vjp; of "mean" any order.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> gc.group_pool(jnp.array([[1.0, 4.0], [3.0, 0.0]]), pool="mean")
      Array([2., 2.], dtype=float32)
    """
    require_choice("pool", pool, POOLS)
    require_floating("x", x)
    if x.ndim < 2 or x.shape[-2] == 0:
        raise ValueError(f"x must have shape (..., m, channels) with m >= 1, got {x.shape}")
    if pool == "max":
        if log_weight is not None:
            raise ValueError("log_weight has no part in a maximum: it must be None")
        return largest(x, -2)
    sums = accumulation_dtype(x)
    if log_weight is None:
        return jnp.mean(x.astype(sums), axis=-2).astype(x.dtype)
    require_shape("log_weight", log_weight, (x.shape[-2],))
    weight = jax.nn.softmax(log_weight.astype(sums))
    return contract("...mc,m->...c", x.astype(sums), weight).astype(jnp.result_type(x, log_weight))
