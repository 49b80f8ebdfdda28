"""What stands between group convolutions of pictures: normalisation and non-linearities that keep the symmetry.

Of regular fields, any pointwise function does; fields of irreps have the layers below.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Initializer
from jax.typing import DTypeLike

from jaxinv.kernels import group_convolutions as kernels
from jaxinv.nn.parameters import cast, parameter

Function = Callable[[jax.Array], jax.Array]


class RegularNormalization(nnx.Module):
    """`kernels.group_convolutions.regular_normalization`."""

    def __init__(
        self,
        channels: int,
        group: kernels.PointGroup,
        *,
        across_channels: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
    ):
        """Begins with scale 1 and no bias.

        Args:
          channels: of the fields.
          group: finite.
          across_channels: whether all channels share the mean and the variance.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
        """
        self.group, self.across_channels, self.dtype = group, across_channels, dtype
        self.scale = nnx.Param(jnp.ones(channels, param_dtype))
        self.bias = nnx.Param(jnp.zeros(channels, param_dtype))

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., height, width, order, channels)` to the same."""
        arguments = cast(self.dtype, x, self.scale[...], self.bias[...])
        return kernels.regular_normalization(*arguments, group=self.group, across_channels=self.across_channels)


class IrrepsNormalization(nnx.Module):
    """`kernels.group_convolutions.irreps_normalization`."""

    def __init__(
        self,
        channels: int,
        group: kernels.PointGroup,
        irreps: tuple[kernels.PlanarIrrep, ...],
        *,
        across_channels: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
    ):
        """Begins with scale 1 and no bias; the arguments are those of `RegularNormalization`, and the irreps."""
        self.group, self.irreps = group, irreps
        self.across_channels, self.dtype = across_channels, dtype
        self.scale = nnx.Param(jnp.ones((len(irreps), channels), param_dtype))
        self.bias = nnx.Param(jnp.zeros((sum(map(kernels.is_trivial, irreps)), channels), param_dtype))

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., height, width, dim, channels)` to the same."""
        arguments = cast(self.dtype, x, self.scale[...], self.bias[...])
        return kernels.irreps_normalization(
            *arguments, group=self.group, irreps=self.irreps, across_channels=self.across_channels
        )


class TrivialNonlinearity(nnx.Module):
    """`kernels.group_convolutions.trivial_nonlinearity`; it has no parameters."""

    def __init__(
        self, group: kernels.PointGroup, irreps: tuple[kernels.PlanarIrrep, ...], function: Function = jax.nn.relu
    ):
        """Takes a group, irreps of frequency and parity 0, and a pointwise function."""
        self.group, self.irreps, self.function = group, irreps, function

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., dim, channels)` to the same."""
        return kernels.trivial_nonlinearity(x, self.function, group=self.group, irreps=self.irreps)


class NormNonlinearity(nnx.Module):
    """`kernels.group_convolutions.norm_nonlinearity`."""

    def __init__(
        self,
        channels: int,
        group: kernels.PointGroup,
        irreps: tuple[kernels.PlanarIrrep, ...],
        function: Function = jax.nn.relu,
        *,
        bias_init: Initializer | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the bias.

        Args:
          channels: of the fields.
          group: of the plane.
          irreps: of the fields.
          function: pointwise, of norms.
          bias_init: of `(num irreps, channels)`; by default -1/2, for without a bias the layer would begin as the
            identity.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        init = nnx.initializers.constant(-0.5) if bias_init is None else bias_init
        self.group, self.irreps, self.function, self.dtype = group, irreps, function, dtype
        self.bias = parameter(init, rngs, (len(irreps), channels), param_dtype)

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., dim, channels)` to the same."""
        arguments = cast(self.dtype, x, self.bias[...])
        return kernels.norm_nonlinearity(*arguments, self.function, group=self.group, irreps=self.irreps)


class GatedNonlinearity(nnx.Module):
    """`kernels.group_convolutions.gated_nonlinearity`; it has no parameters."""

    def __init__(
        self,
        group: kernels.PointGroup,
        irreps: tuple[kernels.PlanarIrrep, ...],
        function: Function = jax.nn.sigmoid,
    ):
        """Takes a group, the irreps, and the function of the gates."""
        self.group, self.irreps, self.function = group, irreps, function

    def __call__(self, x: jax.Array, gates: jax.Array) -> jax.Array:
        """`(..., dim, channels)` and `(..., num irreps, channels)` to `(..., dim, channels)`."""
        return kernels.gated_nonlinearity(x, gates, self.function, group=self.group, irreps=self.irreps)


class FourierNonlinearity(nnx.Module):
    """`kernels.group_convolutions.fourier_nonlinearity`; it has no parameters."""

    def __init__(
        self,
        group: kernels.PointGroup,
        max_frequency: int | None = None,
        function: Function = jax.nn.relu,
        *,
        samples: int,
    ):
        """Takes a group, the highest frequency, a pointwise function, and at how many rotations it is taken."""
        self.group, self.max_frequency = group, max_frequency
        self.function, self.samples = function, samples

    def __call__(self, x: jax.Array) -> jax.Array:
        """`(..., dim, channels)` of `regular_irreps(group, max_frequency)` to the same."""
        return kernels.fourier_nonlinearity(
            x, self.function, group=self.group, max_frequency=self.max_frequency, samples=self.samples
        )
