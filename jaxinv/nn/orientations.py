"""Convolutions of functions of position and orientation, whose kernels are linear in a basis that layers share."""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels import group_convolutions as kernels
from jaxinv.nn.parameters import cast, parameter


class InvariantBasis(nnx.Module):
    """`kernels.group_convolutions.polynomial_features`, and two dense layers on them."""

    def __init__(
        self,
        num_invariants: int,
        num_basis: int,
        *,
        num_hidden: int,
        degree: int = 3,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_invariants: of a pair, such as 2 of `orientation_invariants`.
          num_basis: functions of the result.
          num_hidden: width between the two layers.
          degree: of the monomials that the first layer sees.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        num_features = sum(num_invariants**power for power in range(1, degree + 1))
        types = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.first, self.second = (
            nnx.Linear(num_features, num_hidden, **types),
            nnx.Linear(num_hidden, num_basis, **types),
        )
        self.degree, self.dtype = degree, dtype

    def __call__(self, invariants: jax.Array) -> jax.Array:
        """`(..., num_invariants)`, of order 1, to `(..., num_basis)`."""
        (invariants,) = cast(self.dtype, invariants)
        features = kernels.polynomial_features(invariants, self.degree)
        return jax.nn.gelu(self.second(jax.nn.gelu(self.first(features))))


class OrientationConvolution(nnx.Module):
    """`kernels.group_convolutions.dense_orientation_convolution`; with edges, `edge_orientation_convolution`."""

    def __init__(
        self,
        num_channels: int,
        num_basis: int,
        *,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters, for which the arguments are those of `FiberConvolution`."""
        init = jax.nn.initializers.normal(num_basis**-0.5)
        self.weights = parameter(init, rngs, (num_basis, num_channels), param_dtype)
        self.dtype = dtype

    def __call__(
        self,
        x: jax.Array,
        basis: jax.Array,
        edges: tuple[jax.Array, jax.Array] | None = None,
        *,
        mask: jax.Array | None = None,
        antipodal: bool = False,
    ) -> jax.Array:
        """Functions at the points to the sums over points, or over edges.

        Args:
          x: `(*batch, points, orientations, num_channels)`; with edges no batch.
          basis: `(*batch, points, points, orientations, num_basis)`; with edges `(edges, orientations, num_basis)`.
          edges: senders and receivers, each `(edges,)`.
          mask: of points, or of edges.
          antipodal: of a grid whose basis is given for its first half, without edges.

        Returns:
          As x.
        """
        arguments = cast(self.dtype, x, basis, self.weights[...])
        if edges is None:
            return kernels.dense_orientation_convolution(*arguments, mask=mask, antipodal=antipodal)
        return kernels.edge_orientation_convolution(*arguments, *edges, mask=mask)


class FiberConvolution(nnx.Module):
    """`kernels.group_convolutions.fiber_convolution`, and a bias."""

    def __init__(
        self,
        num_channels: int,
        num_basis: int,
        *,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_channels: of the functions.
          num_basis: of the basis that the kernels are linear in.
          dtype: of the computation; by default that of inputs and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        init = jax.nn.initializers.normal(num_basis**-0.5)
        self.weights = parameter(init, rngs, (num_basis, num_channels), param_dtype)
        self.bias = parameter(jax.nn.initializers.zeros, rngs, (num_channels,), param_dtype)
        self.dtype = dtype

    def __call__(self, x: jax.Array, basis: jax.Array) -> jax.Array:
        """`(..., orientations, num_channels)` and `(orientations, orientations, num_basis)` to the same as x."""
        x, basis, weights, bias = cast(self.dtype, x, basis, self.weights[...], self.bias[...])
        y = kernels.fiber_convolution(x, jnp.matmul(basis, weights, precision=jax.lax.Precision.HIGHEST))
        return y + jnp.expand_dims(bias, range(y.ndim - 1))
