"""Group convolutions of pictures: exact ones on the grid, steerable ones, and pooling.

Those on the grid read and give regular fields, `(..., height, width, order, channels)`, and take voxels too; steerable
ones fields of irreps, `(..., height, width, dim, channels)`.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Initializer
from jax.typing import DTypeLike

from jaxinv.kernels import group_convolutions as kernels
from jaxinv.nn.parameters import cast, parameter


class _GridLayer(nnx.Module):
    """The options that the layers on the grid share."""

    def __init__(self, group, stride, dilation, padding, channels_first, dtype):
        self.group, self.stride, self.dilation = group, stride, dilation
        self.padding, self.channels_first, self.dtype = padding, channels_first, dtype

    @property
    def _options(self) -> dict[str, Any]:
        spacing = {"stride": self.stride, "dilation": self.dilation, "padding": self.padding}
        return {"group": self.group, "channels_first": self.channels_first, **spacing}


class GridLift(_GridLayer):
    """`kernels.group_convolutions.grid_lift`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        size: int,
        group: kernels.PointGroup,
        *,
        stride: int = 1,
        dilation: int = 1,
        padding: str = "VALID",
        channels_first: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: channels of the pictures.
          num_out: channels of the result.
          size: pixels a side of the kernels.
          group: of the result; `cyclic` or `dihedral` of 1, 2 or 4, or `octahedral` on voxels.
          stride: between the pixels of the result.
          dilation: between the pixels that the kernel reads.
          padding: "VALID", "SAME" or "CIRCULAR".
          channels_first: whether pictures are `(..., num_in, height, width)`.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          kernel_init: of `(size, size, num_in, num_out)`; by default normal, to keep unit variance.
          rngs: for the parameters.
        """
        super().__init__(group, stride, dilation, padding, channels_first, dtype)
        shape = (*(size,) * group.dimension, num_in, num_out)
        self.kernel = _drawn(kernel_init, rngs, shape, num_in * size**group.dimension, param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., height, width, num_in)` to `(..., height', width', order, num_out)`."""
        return kernels.grid_lift(*cast(self.dtype, x, self.kernel[...]), **self._options)


class GridConvolution(_GridLayer):
    """`kernels.group_convolutions.grid_convolution`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        size: int,
        group: kernels.PointGroup,
        *,
        stride: int = 1,
        dilation: int = 1,
        padding: str = "VALID",
        channels_first: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        kernel_init: Initializer | None = None,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters; the arguments are those of `GridLift`, a kernel is `(size, size, order, in, out)`."""
        super().__init__(group, stride, dilation, padding, channels_first, dtype)
        shape = (*(size,) * group.dimension, group.order, num_in, num_out)
        self.kernel = _drawn(kernel_init, rngs, shape, num_in * group.order * size**group.dimension, param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., height, width, order, num_in)` to `(..., height', width', order, num_out)`."""
        return kernels.grid_convolution(*cast(self.dtype, x, self.kernel[...]), **self._options)


class GridSeparableConvolution(_GridLayer):
    """`kernels.group_convolutions.grid_separable_convolution`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        size: int,
        group: kernels.PointGroup,
        *,
        stride: int = 1,
        dilation: int = 1,
        padding: str = "VALID",
        channels_first: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters; the arguments are those of `GridLift`."""
        super().__init__(group, stride, dilation, padding, channels_first, dtype)
        pixels = (size,) * group.dimension
        self.element_kernel = _drawn(None, rngs, (group.order, num_in, num_out), group.order * num_in, param_dtype)
        self.spatial_kernel = _drawn(None, rngs, (*pixels, num_out), size**group.dimension, param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., height, width, order, num_in)` to `(..., height', width', order, num_out)`."""
        arguments = cast(self.dtype, x, self.element_kernel[...], self.spatial_kernel[...])
        return kernels.grid_separable_convolution(*arguments, **self._options)


class SteerableConvolution(nnx.Module):
    """`kernels.group_convolutions.steerable_convolution`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        steerable: kernels.SteerableKernels,
        *,
        stride: int = 1,
        dilation: int = 1,
        padding: str = "VALID",
        channels_first: bool = False,
        use_bias: bool = True,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the coefficients, to keep unit variance (He's initialisation, of a basis), and begins with no bias.

        Args:
          num_in: channels of the input.
          num_out: channels of the result.
          steerable: which kernels are combined: the group, the irreps in and out, the size.
          stride: between the pixels of the result.
          dilation: between the pixels that the kernel reads.
          padding: "VALID", "SAME" or "CIRCULAR".
          channels_first: whether fields are `(..., channels, dim, height, width)`.
          use_bias: whether irreps out of frequency and parity 0 have one, where there are any.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        self.steerable, self.dtype = steerable, dtype
        self.stride, self.dilation = stride, dilation
        self.padding, self.channels_first = padding, channels_first
        deviation = jnp.asarray((steerable.fan_in * num_in) ** -0.5, param_dtype)[:, None, None]
        drawn = jax.random.normal(rngs.params(), (steerable.num_basis, num_in, num_out), param_dtype)
        self.coefficients = nnx.Param(deviation * drawn)
        biased = use_bias and steerable.num_trivial > 0
        self.bias = nnx.Param(jnp.zeros((steerable.num_trivial, num_out), param_dtype)) if biased else None

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., height, width, dim_in, num_in)` to `(..., height', width', dim_out, num_out)`."""
        spacing: dict[str, Any] = {"stride": self.stride, "dilation": self.dilation, "padding": self.padding}
        parameters = [self.coefficients[...]] if self.bias is None else [self.coefficients[...], self.bias[...]]
        arguments = cast(self.dtype, x, *parameters)
        return kernels.steerable_convolution(
            *arguments, kernels=self.steerable, channels_first=self.channels_first, **spacing
        )


class CosetPool(nnx.Module):
    """`kernels.group_convolutions.coset_pool`; it has no parameters."""

    def __init__(
        self,
        group: kernels.PointGroup,
        subgroup: kernels.PointGroup | None = None,
        pool: str = "max",
        *,
        channels_first: bool = False,
    ):
        """Takes a group, a subgroup (by default all of it), "max" or "mean", and where the channels stand."""
        self.group, self.subgroup = group, group if subgroup is None else subgroup
        self.pool, self.channels_first = pool, channels_first

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., order, channels)` to `(..., cosets, channels)`."""
        options: dict[str, Any] = {"pool": self.pool, "channels_first": self.channels_first}
        return kernels.coset_pool(x, group=self.group, subgroup=self.subgroup, **options)


class AntialiasedPool(nnx.Module):
    """`kernels.group_convolutions.antialiased_pool`; it has no parameters."""

    def __init__(self, stride: int = 2, *, width: float = 0.66, window: int = 1, padding: str = "SAME"):
        """Takes the stride, the width of the blur in pixels, the window of a maximum before it, and the padding."""
        self.stride, self.width, self.window, self.padding = stride, width, window, padding

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., height, width, fields, channels)` to `(..., height', width', fields, channels)`."""
        options: dict[str, Any] = {"width": self.width, "window": self.window, "padding": self.padding}
        return kernels.antialiased_pool(x, stride=self.stride, **options)


def _drawn(init, rngs, shape, fan_in, dtype):
    """Normal, by default of variance `1 / fan_in`."""
    return parameter(nnx.initializers.normal(fan_in**-0.5) if init is None else init, rngs, shape, dtype)
