"""Networks of the parts of a point cloud, which move along with each part by itself."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels import symmetrization as kernels


class PartFeatures(NamedTuple):
    """Of each point; with frames, 0 at points that are masked or in no part.

    Attributes:
      votes: `(n, d)`, places: turned and moved with the part.
      scalars: `(n, num_scalars)`, invariant.
      vectors: `(n, num_vectors, d)`, turned with the part.
    """

    votes: jax.Array
    scalars: jax.Array
    vectors: jax.Array


class PiecewisePointNet(nnx.Module):
    """`kernels.symmetrization.frame_average` of a PointNet over the frames of each part.

    Two dense layers at each point, the largest features of its part beside its own, two more dense layers. The
    dense layers see each point once for every element of a frame, whatever the number of parts.
    """

    def __init__(
        self,
        num_parts: int,
        num_scalars: int,
        num_vectors: int,
        *,
        num_scalars_out: int,
        num_vectors_out: int,
        num_hidden: int = 64,
        dimension: int = 3,
        group: str | None = "e",
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_parts: of which labels are below.
          num_scalars: that each point comes with.
          num_vectors: likewise.
          num_scalars_out: that it gets.
          num_vectors_out: likewise.
          num_hidden: width.
          dimension: d.
          group: of motions of each part, "e", "se", "o" or "so"; None: no frames, an ordinary PointNet of parts.
          dtype: of the dense layers; by default that of features and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.
        """
        types: dict[str, Any] = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        num_in = num_scalars + (1 + num_vectors) * dimension
        num_out = num_scalars_out + (1 + num_vectors_out) * dimension
        self.first, self.second = nnx.Linear(num_in, num_hidden, **types), nnx.Linear(num_hidden, num_hidden, **types)
        self.third = nnx.Linear(2 * num_hidden, num_hidden, **types)
        self.last = nnx.Linear(num_hidden, num_out, **types)
        self.num_parts, self.group = num_parts, group
        self.num_scalars_out, self.num_vectors_out = num_scalars_out, num_vectors_out

    def __call__(
        self,
        points: jax.Array,
        labels: jax.Array,
        scalars: jax.Array | None = None,
        vectors: jax.Array | None = None,
        *,
        mask: jax.Array | None = None,
    ) -> PartFeatures:
        """Of one cloud; for more `jax.vmap`.

        Args:
          points: `(n, d)`, best of order 1.
          labels: `(n,)` integers, the parts; points of other labels than 0 to `num_parts - 1` are in none.
          scalars: `(n, num_scalars)`, if there are any.
          vectors: `(n, num_vectors, d)`, if there are any. Those of parts whose frame is degenerate, such as parts of
            one or two points, count as 0: signs average out what is arbitrary about points, but not about vectors.
          mask: `(n,)` bool, which points there are; the others change nothing.
        """
        n, d = points.shape
        scalars = jnp.zeros((n, 0), points.dtype) if scalars is None else scalars
        vectors = jnp.zeros((n, 0, d), points.dtype) if vectors is None else vectors
        if mask is not None:
            labels = jnp.where(mask, labels, -1)
            points, scalars = (jnp.where(mask[:, None], x, 0) for x in (points, scalars))
            vectors = jnp.where(mask[:, None, None], vectors, 0)
        if self.group is None:
            return PartFeatures(*self._alone(points, vectors, scalars, labels))
        of_parts = kernels.piecewise_frames(points, labels, self.num_parts, group=self.group)
        frames = kernels.frames_of_points(of_parts, labels)
        vectors = jnp.where(frames.degenerate[:, None, None], 0, vectors)
        found = kernels.frame_average(
            self._alone,
            frames,
            points,
            vectors,
            scalars,
            labels,
            inputs=("point", "vector", "scalar", "scalar"),
            output=("point", "scalar", "vector"),
        )
        return PartFeatures(*found)

    def _alone(self, points, vectors, scalars, labels):
        """Votes, scalars and vectors in the coordinates that the points are in."""
        n, d = points.shape
        seen = jnp.concatenate([points, vectors.reshape(n, -1), scalars], axis=-1)
        hidden = jax.nn.gelu(self.second(jax.nn.gelu(self.first(seen))))
        pooled = kernels.part_max(hidden, labels, self.num_parts)
        found = self.last(jax.nn.gelu(self.third(jnp.concatenate([hidden, pooled], axis=-1))))
        votes, scalars, vectors = jnp.split(found, (d, d + self.num_scalars_out), axis=-1)
        return votes, scalars, vectors.reshape(n, self.num_vectors_out, d)
