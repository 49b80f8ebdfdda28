"""Steerable convolutions: between fields of irreps of C_N, D_N, SO(2) or O(2), by one dense convolution.

Under quarter-turns and mirrors they are exact, for the conditions of `grid_convolutions`; under the other rotations
up to what the grid cannot hold of the kernels, whose rings are Gaussian and whose frequencies are bounded for that.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.group_convolutions.dense_convolution import warn_of_lost_symmetry
from jaxinv.kernels.group_convolutions.grid_convolutions import grid_convolve
from jaxinv.kernels.group_convolutions.planar_irreps import trivial_members
from jaxinv.kernels.group_convolutions.steerable_kernels import SteerableKernels, basis_by_input
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape


@functools.partial(jax.jit, static_argnames=("kernels",))
def steerable_bank(coefficients: jax.Array, *, kernels: SteerableKernels) -> jax.Array:
    """The kernels that coefficients combine.

    Args:
      coefficients: `(num_basis, channels_in, channels_out)`: by irrep in, then irrep out, then ring.
      kernels: static.

    Returns:
      `(size, size, dim_in, channels_in, dim_out, channels_out)` for `grid_convolve`, in the dtype of the coefficients.

    Raises:
      ValueError: at trace time: another number of coefficients.
      TypeError: coefficients that are not floating point.
    Transformations: jit, vmap, jvp, vjp, any order (linear).
    References: Weiler, Cesa, General E(2)-equivariant steerable CNNs, arXiv:1911.08251.
    """
    require_floating("coefficients", coefficients)
    require_shape("coefficients", coefficients, (kernels.num_basis, None, None))
    dtype, sums = coefficients.dtype, accumulation_dtype(coefficients)
    tables = basis_by_input(kernels)
    parts = jnp.split(coefficients.astype(sums), np.cumsum([len(table) for table in tables])[:-1])
    # One matrix product for each irrep in: one for each pair is as fast and takes three times as long to compile, one
    # for all multiplies zeros.
    blocks = [
        contract("bpij,bcd->pijcd", jnp.asarray(table, sums), part) for table, part in zip(tables, parts, strict=True)
    ]
    bank = jnp.concatenate(blocks, axis=1).swapaxes(2, 3).astype(dtype)
    return bank.reshape(kernels.size, kernels.size, *bank.shape[1:])


@functools.partial(jax.jit, static_argnames=("kernels", "stride", "dilation", "padding", "channels_first"))
def steerable_convolution(
    x: jax.Array,
    coefficients: jax.Array,
    bias: jax.Array | None = None,
    *,
    kernels: SteerableKernels,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "VALID",
    channels_first: bool = False,
) -> jax.Array:
    """From fields of irreps to fields of irreps.

    Args:
      x: `(..., height, width, dim_in, channels_in)`, or `(..., channels_in, dim_in, height, width)`.
      coefficients: as of `steerable_bank`.
      bias: `(kernels.num_trivial, channels_out)`, added to the irreps out of frequency and parity 0: a constant that
        others do not have.
      kernels: static.
      stride: static, as of `grid_convolve`.
      dilation: static, as of `grid_convolve`.
      padding: static, as of `grid_convolve`.
      channels_first: static, as of `grid_convolve`.

    Returns:
      `(..., height', width', dim_out, channels_out)`, or with the channels and the components first; in the dtype of
      the arguments together.

    Raises: ValueError, TypeError: as `steerable_bank` and `grid_convolve`; a bias of another shape.
    Warns: UserWarning: at trace time, sizes that break the symmetry.
    Transformations: as of `grid_convolve`.
    References: as of `steerable_bank`.

    Examples:
      >>> import jax
      >>> from jaxinv.kernels import group_convolutions as gc
      >>> scalar, vector = gc.PlanarIrrep(0), gc.PlanarIrrep(1)
      >>> kernels = gc.SteerableKernels(group=gc.SO2, irreps_in=(scalar,), irreps_out=(scalar, vector), size=5)
      >>> coefficients = jax.random.normal(jax.random.key(0), (kernels.num_basis, 2, 4))
      >>> pictures = jax.random.normal(jax.random.key(1), (9, 9, 1, 2))
      >>> gc.steerable_convolution(pictures, coefficients, kernels=kernels).shape  # 1 + 2 components, 4 channels
      (5, 5, 3, 4)
    """
    require_floating("x", x)
    require_floating("coefficients", coefficients)
    arguments = (x, coefficients) if bias is None else (x, coefficients, bias)
    dtype, sums = jnp.result_type(*arguments), accumulation_dtype(*arguments)
    bank = steerable_bank(coefficients.astype(sums), kernels=kernels)
    options = {"stride": stride, "dilation": dilation, "padding": padding}
    y = grid_convolve(x.astype(sums), bank, channels_first=channels_first, **options)
    warn_of_lost_symmetry(x.shape[-2:] if channels_first else x.shape[-4:-2], kernels.size, **options)
    if bias is not None:
        require_floating("bias", bias)
        require_shape("bias", bias, (kernels.num_trivial, coefficients.shape[-1]))
        members = jnp.asarray(trivial_members(kernels.irreps_out, kernels.group), sums)
        constant = contract("td,tc->dc", members, bias.astype(sums))
        constant = constant.T[:, :, None, None] if channels_first else constant
        y = y + constant.reshape((1,) * (y.ndim - constant.ndim) + constant.shape)
    return y.astype(dtype)
