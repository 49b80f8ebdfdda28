"""Split invariant and equivariant representations (SIE): one half for what stays, one for what a known change moves.

Reference: Garrido, Najman and LeCun, Self-supervised learning of split invariant equivariant representations, ICML
2023, arXiv:2302.10283.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.nn.sie import ConcatenatedPredictor, HyperLinear, Projector

PREDICTORS = ("hypernetwork", "perceptron")


class Halves(NamedTuple):
    """Of one view."""

    invariant: jax.Array
    equivariant: jax.Array


class SIEEmbeddings(NamedTuple):
    """Of two views, in the order of `kernels.representations.sie_loss`."""

    x_invariant: jax.Array
    y_invariant: jax.Array
    x_equivariant: jax.Array
    y_equivariant: jax.Array
    y_predicted: jax.Array


class SIE(nnx.Module):
    """An encoder whose features are split in two, a projector for each half, and a predictor on the second one's."""

    def __init__(
        self,
        encoder: nnx.Module,
        num_features: int,
        num_latent: int,
        *,
        num_invariant: int | None = None,
        projector: Sequence[int] = (1024, 1024, 1024),
        use_batch_norm: bool = True,
        predictor: str = "hypernetwork",
        axis_name: str | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike = jnp.float32,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters of projectors and predictor.

        Args:
          encoder: views `(n, ...)` to features `(n, num_features)`; ResNet-18 as published.
          num_features: of the encoder.
          num_latent: numbers that tell how the second view differs.
          num_invariant: how many of the features, the first ones, are the invariant half; by default half of them.
          projector: widths of both projectors after the input.
          use_batch_norm: in the projectors.
          predictor: "hypernetwork", as published, or "perceptron", with one hidden layer as wide as the embedding.
          axis_name: of the mesh axis over which samples are split, for batch normalisation.
          dtype: of the computation; by default that of input and parameters together.
          param_dtype: of the parameters.
          rngs: for the parameters.

        Raises:
          ValueError: an unknown predictor, or a half without features.
        """
        require_choice("predictor", predictor, PREDICTORS)
        self.num_invariant = num_features // 2 if num_invariant is None else num_invariant
        if not 0 < self.num_invariant < num_features:
            raise ValueError(f"num_invariant must be from 1 to {num_features - 1}, got {self.num_invariant}")
        types = {"dtype": dtype, "param_dtype": param_dtype, "rngs": rngs}
        self.encoder = encoder
        self.invariant, self.equivariant = (
            Projector((width, *projector), use_batch_norm=use_batch_norm, axis_name=axis_name, **types)
            for width in (self.num_invariant, num_features - self.num_invariant)
        )
        width = projector[-1]
        self.predictor = (
            HyperLinear(num_latent, width, width, **types)
            if predictor == "hypernetwork"
            else ConcatenatedPredictor(num_latent, width, width, num_hidden=width, **types)
        )

    def represent(self, views: jax.Array) -> Halves:
        """The halves of the features, which are what is used after training."""
        features = self.encoder(views)
        return Halves(features[..., : self.num_invariant], features[..., self.num_invariant :])

    def embed(self, views: jax.Array) -> Halves:
        """The embeddings of both halves, `(n, projector[-1])` each."""
        halves = self.represent(views)
        return Halves(self.invariant(halves.invariant), self.equivariant(halves.equivariant))

    def predict(self, z: jax.Array, embeddings: jax.Array) -> jax.Array:
        """The equivariant embeddings after changes z `(n, num_latent)`, from those before."""
        return self.predictor(z, embeddings)

    def __call__(self, first: jax.Array, second: jax.Array, z: jax.Array) -> SIEEmbeddings:
        """Embeddings of two views that differ by z, and what is predicted of the second."""
        x, y = self.embed(first), self.embed(second)
        predicted = self.predict(z, x.equivariant)
        return SIEEmbeddings(x.invariant, y.invariant, x.equivariant, y.equivariant, predicted)
