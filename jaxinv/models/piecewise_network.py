"""A network for clouds of parts that move by themselves, from a fine partition to the parts (APEN).

Each layer is equivariant to motions of the parts of its partition, so to those of the true parts as long as none of
its parts straddles two of them. It votes for the centre of the true part of each point; parts that vote for one place
become one part of the next layer. Losses: of the task, and `vote_loss`.

References: Atzmon et al., Approximately piecewise E(3) equivariant point networks, arXiv:2402.08529.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels.symmetrization import (
    frames_of_points,
    piecewise_frames,
    regroup_parts,
    voronoi_parts,
)
from jaxinv.nn.piecewise import PiecewisePointNet


class PiecewiseOutputs(NamedTuple):
    """Of L layers on n points in up to k parts.

    Attributes:
      logits: `(n, num_classes)`, invariant.
      votes: `(L, n, d)`, of each layer, for the centre of each point's part.
      labels: `(L, n)` int32, the partition of each layer.
      assignments: `(L, n, k)`, the probabilities that it is the likeliest of; one-hot for partitions not from votes.
    """

    logits: jax.Array
    votes: jax.Array
    labels: jax.Array
    assignments: jax.Array


class PiecewiseNetwork(nnx.Module):
    """Points to logits of each, with votes for the parts."""

    def __init__(
        self,
        num_classes: int,
        *,
        num_parts: int,
        sigmas: Sequence[float] = (0.05, 0.1, 0.2),
        num_hidden: int = 64,
        num_scalars: int = 32,
        num_vectors: int = 8,
        dimension: int = 3,
        group: str | None = "e",
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_classes: of the logits.
          num_parts: k, of the first partition.
          sigmas: between a layer and the next, so one less than layers; not falling: the spread of votes for one
            centre in the unit of the points, see `regroup_parts`.
          num_hidden: width of all dense layers.
          num_scalars: features between layers.
          num_vectors: likewise.
          dimension: d.
          group: of motions of parts, "e", "se", "o" or "so"; None: no frames, an ordinary PointNet of parts.
          dtype: of the dense layers.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: sigmas that are not positive, or fall.
        """
        if any(sigma <= 0 for sigma in sigmas) or any(np.diff(sigmas) < 0):
            raise ValueError(f"sigmas must be positive and not fall, got {tuple(sigmas)}")
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.num_parts, self.sigmas = num_parts, tuple(map(float, sigmas))
        numbers = {"num_scalars_out": num_scalars, "num_vectors_out": num_vectors, "num_hidden": num_hidden}
        layers = []
        for number in range(len(sigmas) + 1):
            given = (num_scalars, num_vectors) if number else (0, 0)
            layers.append(PiecewisePointNet(num_parts, *given, dimension=dimension, group=group, **numbers, **types))
        self.layers = nnx.List(layers)
        self.hidden, self.head = (
            nnx.Linear(num_scalars, num_hidden, **types),
            nnx.Linear(num_hidden, num_classes, **types),
        )

    def __call__(
        self,
        points: jax.Array,
        *,
        key: jax.Array | None = None,
        labels: jax.Array | None = None,
        mask: jax.Array | None = None,
    ) -> PiecewiseOutputs:
        """Of one cloud; for more `jax.vmap`.

        Args:
          points: `(n, d)`.
          key: draws a fine partition for the first layer (`voronoi_parts`); the next follow from votes.
          labels: `(n,)` integers below num_parts: instead, the partition of all layers.
          mask: `(n,)` bool, which points there are.

        Raises:
          ValueError: both key and labels, or none of them.
        """
        if (key is None) == (labels is None):
            raise ValueError("exactly one of key and labels must be given")
        fixed = key is None
        if key is not None:
            labels = voronoi_parts(key, points, self.num_parts, mask=mask)
        labels = jnp.asarray(labels, jnp.int32)
        assignments = jax.nn.one_hot(labels, self.num_parts, dtype=points.dtype)
        used, found, given = [], [], ()
        for layer, sigma in zip(self.layers, (*self.sigmas, None), strict=True):
            used.append((labels, assignments))
            found.append(layer(points, labels, *given, mask=mask))
            given = found[-1].scalars, found[-1].vectors
            if sigma is not None and not fixed:
                regrouped = regroup_parts(found[-1].votes, labels, self.num_parts, sigma=sigma, mask=mask)
                labels, assignments = regrouped.labels, regrouped.assignments
        logits = self.head(jax.nn.gelu(self.hidden(found[-1].scalars)))
        votes = jnp.stack([one.votes for one in found])
        return PiecewiseOutputs(logits, votes, *map(jnp.stack, zip(*used, strict=True)))


def vote_loss(
    votes: jax.Array, points: jax.Array, labels: jax.Array, num_parts: int, *, mask: jax.Array | None = None
) -> jax.Array:
    """The mean over layers and points of the absolute error of votes, coordinates added up.

    Args:
      votes: `(L, n, d)`.
      points: `(n, d)`.
      labels: `(n,)` integers, the true parts: they are to vote for the mean of their points.
      num_parts: static, of which labels are below.
      mask: `(n,)` bool, which points there are.

    Transformations: jit, vmap, jvp, vjp in the votes.
    """
    wanted = frames_of_points(piecewise_frames(points, labels, num_parts, group="se", mask=mask), labels).centre
    there = jnp.ones(points.shape[0], bool) if mask is None else mask
    error = jnp.sum(jnp.abs(votes - wanted[None]), axis=-1)
    return jnp.mean(error, where=jnp.broadcast_to(there[None], error.shape))
