"""Convolutions over the plane and a linear group, whose kernels are networks with sines."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels import group_convolutions as kernels
from jaxinv.kernels.lie_groups.sampling import PolarSamples, sample_polar_pairs
from jaxinv.nn.parameters import cast


class AffineSampler(nnx.Module):
    """`kernels.lie_groups.sample_polar_pairs`; it has no parameters."""

    def __init__(
        self,
        num: int,
        group: str,
        *,
        variance: float = 0.1,
        method: str = "random",
        dtype: DTypeLike = jnp.float32,
    ):
        """Takes how many elements of which group, and the variance, method and dtype of their draws."""
        self.num, self.group = num, group
        self.variance, self.method, self.dtype = variance, method, dtype

    def __call__(self, rngs: nnx.Rngs) -> PolarSamples:
        """New elements, from the stream `samples`."""
        options = {"group": self.group, "variance": self.variance, "method": self.method, "dtype": self.dtype}
        return sample_polar_pairs(rngs.samples(), self.num, **options)


class KernelNetwork(nnx.Module):
    """The parameters of a `kernels.group_convolutions.Siren`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        num_features: int,
        fan_in: float,
        width: int = 60,
        num_hidden: int = 2,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws them; the arguments are those of `init_siren`."""
        options = {"num_features": num_features, "fan_in": fan_in, "width": width, "num_hidden": num_hidden}
        drawn = kernels.init_siren(rngs.params(), num_in, num_out, dtype=jnp.dtype(param_dtype), **options)
        self.space, self.bias = nnx.Param(drawn.space), nnx.Param(drawn.bias)
        self.group = None if drawn.group is None else nnx.Param(drawn.group)
        self.hidden, self.hidden_bias = nnx.Param(drawn.hidden), nnx.Param(drawn.hidden_bias)
        self.last, self.last_bias = nnx.Param(drawn.last), nnx.Param(drawn.last_bias)

    def __call__(self, dtype: DTypeLike | None = None) -> kernels.Siren:
        """The parameters, in `dtype`."""
        group = None if self.group is None else cast(dtype, self.group[...])[0]
        others = self.bias, self.hidden, self.hidden_bias, self.last, self.last_bias
        (space, *rest) = cast(dtype, self.space[...], *(parameter[...] for parameter in others))
        return kernels.Siren(space, group, *rest)


class _AffineLayer(nnx.Module):
    """What the three layers share: the kernel's network and the options of the call."""

    def __init__(self, network, group, size, padding, weighted, dtype):
        self.network = network
        self.group, self.size, self.padding = group, size, padding
        self.weighted, self.dtype = weighted, dtype

    def _arguments(self, x: jax.Array, *samples: jax.Array) -> tuple[Any, ...]:
        return cast(self.dtype, x)[0], self.network(self.dtype), *cast(self.dtype, *samples)

    def _log_weight(self, samples):
        return cast(self.dtype, samples.log_weight)[0] if self.weighted else None

    @property
    def _options(self):
        return {"group": self.group, "size": self.size, "padding": self.padding}


class AffineLift(_AffineLayer):
    """`kernels.group_convolutions.affine_lift`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        size: int,
        group: str,
        *,
        padding: str = "VALID",
        width: int = 60,
        num_hidden: int = 2,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: channels of the pictures.
          num_out: channels of the result.
          size: pixels a side of the kernels.
          group: "gl", "sl", "sim" or "so".
          padding: "VALID", "SAME" or "CIRCULAR".
          width: of the kernel's network.
          num_hidden: layers of it after the first.
          dtype: of the computation; by default that of input, elements and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        options = {"width": width, "num_hidden": num_hidden, "param_dtype": param_dtype, "rngs": rngs}
        network = KernelNetwork(num_in, num_out, num_features=0, fan_in=num_in * size**2, **options)
        super().__init__(network, group, size, padding, False, dtype)

    def __call__(self, x: jax.Array, samples_out: PolarSamples) -> jax.Array:
        """`(..., height, width, num_in)` to `(..., height', width', m, num_out)` at these elements."""
        return kernels.affine_lift(*self._arguments(x, samples_out.inverse), **self._options)


class AffineConvolution(_AffineLayer):
    """`kernels.group_convolutions.affine_convolution`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        size: int,
        group: str,
        *,
        num_samples: int,
        padding: str = "VALID",
        weighted: bool = False,
        width: int = 60,
        num_hidden: int = 2,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: channels of the features.
          num_out: channels of the result.
          size: pixels a side of the kernels; 1 for kernels on the group alone.
          group: "gl", "sl", "sim" or "so".
          num_samples: about how many elements the features will have: their mean is to keep unit variance.
          padding: "VALID", "SAME" or "CIRCULAR".
          weighted: whether the samples' importance weights are used; the authors do not.
          width: of the kernel's network.
          num_hidden: layers of it after the first.
          dtype: of the computation; by default that of input, elements and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        options = {"width": width, "num_hidden": num_hidden, "param_dtype": param_dtype, "rngs": rngs}
        features = kernels.num_group_features(group)
        fan_in = num_in * size**2 / num_samples
        network = KernelNetwork(num_in, num_out, num_features=features, fan_in=fan_in, **options)
        super().__init__(network, group, size, padding, weighted, dtype)

    def __call__(self, x: jax.Array, samples_in: PolarSamples, samples_out: PolarSamples) -> jax.Array:
        """`(..., height, width, m_in, num_in)` to `(..., height', width', m_out, num_out)`."""
        arguments = self._arguments(x, samples_in.element, samples_out.inverse)
        return kernels.affine_convolution(*arguments, log_weight=self._log_weight(samples_in), **self._options)


class AffineToPlane(_AffineLayer):
    """`kernels.group_convolutions.affine_to_plane`."""

    def __init__(
        self,
        num_in: int,
        num_out: int,
        size: int,
        group: str,
        *,
        num_samples: int,
        padding: str = "VALID",
        weighted: bool = False,
        width: int = 60,
        num_hidden: int = 2,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters; the arguments are those of `AffineConvolution`."""
        options = {"width": width, "num_hidden": num_hidden, "param_dtype": param_dtype, "rngs": rngs}
        fan_in = num_in * size**2 / num_samples
        network = KernelNetwork(num_in, num_out, num_features=0, fan_in=fan_in, **options)
        super().__init__(network, group, size, padding, weighted, dtype)

    def __call__(self, x: jax.Array, samples_in: PolarSamples) -> jax.Array:
        """`(..., height, width, m, num_in)` to `(..., height', width', num_out)`."""
        arguments = self._arguments(x, samples_in.inverse)
        return kernels.affine_to_plane(*arguments, log_weight=self._log_weight(samples_in), **self._options)


class GroupPool(nnx.Module):
    """`kernels.group_convolutions.group_pool`; it has no parameters."""

    def __init__(self, pool: str = "max", *, weighted: bool = False):
        """Takes "max" or "mean", and whether a mean uses the samples' importance weights."""
        self.pool, self.weighted = pool, weighted

    def __call__(self, x: jax.Array, samples: PolarSamples) -> jax.Array:
        """`(..., m, channels)` to `(..., channels)`."""
        return kernels.group_pool(x, samples.log_weight if self.weighted else None, pool=self.pool)
