"""One dense convolution over pixels or voxels, with strides and dilation, and what breaks its symmetry.

The paddings add as much before as after, also under strides, where XLA's "SAME" does not.
"""

import warnings

import jax
import jax.numpy as jnp

from jaxinv.kernels.group_convolutions.pixel_convolution import PADDINGS, correlate
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.validation import require_at_least, require_choice

_ORDERS = {2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}


def require_window(space: tuple[int, ...], size: int, *, stride: int, dilation: int, padding: str) -> None:
    """Raises ValueError on an unknown padding, a stride or dilation below 1, or kernels larger than the picture."""
    require_choice("padding", padding, PADDINGS)
    require_at_least("stride", stride, 1)
    require_at_least("dilation", dilation, 1)
    if dilation * (size - 1) >= min(space):
        raise ValueError(
            f"kernels must lie within the picture of {' x '.join(map(str, space))} pixels, got size {size} with "
            f"dilation {dilation}"
        )


def warn_of_lost_symmetry(space: tuple[int, ...], size: int, *, stride: int, dilation: int, padding: str) -> None:
    """Warns, with the reason, where the sampled pixels do not lie symmetrically in the picture."""
    reach = dilation * (size - 1)
    if padding != "VALID" and reach % 2:
        warnings.warn(
            f"a kernel of even size {size} has no pixel at its centre: with padding {padding!r} the result is half a "
            "pixel off and not equivariant; take an odd size, or padding 'VALID'",
            stacklevel=2,
        )
    extents = [length - reach if padding == "VALID" else length for length in space]
    if any((extent - 1) % stride for extent in extents):
        warnings.warn(
            f"stride {stride} on {' x '.join(map(str, extents))} places leaves more out at one side than at the other:"
            " the result is not equivariant; take sizes of a multiple of the stride plus 1",
            stacklevel=2,
        )


def padded(pictures: jax.Array, size: int, *, dilation: int, padding: str) -> jax.Array:
    """`(n, ..., channels)` with zeros or the picture itself around it, so that "VALID" gives as many pixels."""
    reach = dilation * (size - 1)
    if padding == "VALID" or reach == 0:
        return pictures
    around = ((0, 0), *((reach // 2, reach - reach // 2),) * (pictures.ndim - 2), (0, 0))
    return jnp.pad(pictures, around, mode="wrap" if padding == "CIRCULAR" else "constant")


def convolve_dense(pictures: jax.Array, kernels: jax.Array, *, stride: int, dilation: int, padding: str) -> jax.Array:
    """`(n, space..., i)` with `(size..., i, o)` to `(n, space'..., o)`, at the highest precision."""
    dimension, size = pictures.ndim - 2, kernels.shape[0]
    if stride == 1 and dilation == 1 and dimension == 2:
        return correlate(pictures, kernels, padding)
    if size == 1:
        every = (slice(None), *(slice(None, None, stride),) * dimension)
        return contract("n...i,io->n...o", pictures[every], kernels.reshape(kernels.shape[-2:]))
    reach = dilation * (size - 1)
    around = [(0, 0)] * dimension
    if padding == "SAME":
        around = [(reach // 2, reach - reach // 2)] * dimension
    elif padding == "CIRCULAR":
        pictures = padded(pictures, size, dilation=dilation, padding=padding)
    rows = (pictures.shape[1] + sum(around[0]) - reach - 1) // stride + 1
    if padding != "SAME" and dimension == 2:
        # XLA's faster path on a CPU: see `pixel_convolution`.
        around[0] = (0, 1)
    y = jax.lax.conv_general_dilated(
        pictures,
        kernels,
        (stride,) * dimension,
        around,
        rhs_dilation=(dilation,) * dimension,
        dimension_numbers=_ORDERS[dimension],
        precision=jax.lax.Precision.HIGHEST,
    )
    return y[:, :rows]
