"""Relative representations as a layer."""

import jax
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels import representations as kernels
from jaxinv.nn.parameters import cast


class RelativeRepresentation(nnx.Module):
    """`kernels.representations.relative`, standardised for what reads it. It has no parameters."""

    def __init__(
        self,
        *,
        similarity: str = "cosine",
        sigma: float = 1.0,
        centre: bool = False,
        standardized: bool = True,
        detached: bool = True,
        dtype: DTypeLike | None = None,
    ):
        """Takes the options.

        Args:
          similarity: of `kernels.representations.SIMILARITIES`.
          sigma: of "rbf".
          centre: whether to take the mean of the anchors from samples and anchors.
          standardized: whether each row is brought to mean 0 and variance 1.
          detached: whether anchors are constants under differentiation.
          dtype: of the computation; by default that of samples and anchors together.
        """
        self.similarity, self.sigma, self.centre = similarity, sigma, centre
        self.standardized, self.detached, self.dtype = standardized, detached, dtype

    def __call__(self, x: jax.Array, anchors: jax.Array) -> jax.Array:
        """`(..., d)` samples and `(A, d)` anchors, encoded alike, to `(..., A)`."""
        anchors = jax.lax.stop_gradient(anchors) if self.detached else anchors
        x, anchors = cast(self.dtype, x, anchors)
        found = kernels.relative(x, anchors, similarity=self.similarity, sigma=self.sigma, centre=self.centre)
        return kernels.standardize(found) if self.standardized else found
