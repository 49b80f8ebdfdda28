"""PointNet: the same dense layers at each point, the largest of each feature over points, more dense layers."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.largest import largest


class PointNet(nnx.Module):
    """Whatever the order of the points; not whatever their place: see `jaxinv.nn.TransformationInvariant`.

    References: Qi et al., PointNet: deep learning on point sets for 3D classification and segmentation,
    arXiv:1612.00593, without its transformation networks.
    """

    def __init__(
        self,
        num_in: int,
        num_out: int,
        *,
        point_widths: Sequence[int] = (48, 96),
        head_widths: Sequence[int] = (64,),
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_in: coordinates and features of a point.
          num_out: numbers for each cloud.
          point_widths: of the layers at each point, one at least.
          head_widths: of the layers after the largest, but the last.
          dtype: of the dense layers; by default that of points and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.points = nnx.List([nnx.Linear(a, b, **types) for a, b in pairwise((num_in, *point_widths))])
        self.head = nnx.List([nnx.Linear(a, b, **types) for a, b in pairwise((point_widths[-1], *head_widths))])
        self.last = nnx.Linear((*point_widths, *head_widths)[-1], num_out, **types)

    def __call__(self, points: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        """`(..., n, num_in)`, n >= 1, to `(..., num_out)`; masked points, `(..., n)` bool, change nothing."""
        x = points if mask is None else jnp.where(mask[..., None], points, 0)
        for layer in self.points:
            x = jax.nn.relu(layer(x))
        # None is below 0, which so stands for a point that is not there.
        x = x if mask is None else jnp.where(mask[..., None], x, 0)
        x = largest(x, axis=-2)
        for layer in self.head:
            x = jax.nn.relu(layer(x))
        return self.last(x)
