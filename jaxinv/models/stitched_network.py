"""An encoder and a decoder that meet in an absolute or in a relative space, and stitching of two such networks."""

from collections.abc import Callable, Sequence

import jax
from flax import nnx
from jaxtyping import Array, Float

from jaxinv.models.dense_network import DenseNetwork
from jaxinv.nn.relative import RelativeRepresentation

Decoder = Callable[[jax.Array], jax.Array]


class EncoderDecoder(nnx.Module):
    """Two dense networks with tanh; the second reads latents, or their similarities to the latents of anchors."""

    def __init__(
        self,
        encoder_widths: Sequence[int],
        decoder_widths: Sequence[int],
        *,
        num_anchors: int | None = None,
        relation: RelativeRepresentation | None = None,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          encoder_widths: of the input, the hidden layers and the latents.
          decoder_widths: of the hidden layers and the output.
          num_anchors: width of the relative space; None for an absolute one.
          relation: of samples to anchors; by default standardised cosines.
          rngs: for the parameters.
        """
        self.encoder = DenseNetwork(encoder_widths, rngs=rngs)
        self.relation = None if num_anchors is None else relation or RelativeRepresentation()
        self.decoder = DenseNetwork((num_anchors or encoder_widths[-1], *decoder_widths), rngs=rngs)

    def encode(self, x: Float[Array, "n d"], anchors: Float[Array, "a d"]) -> Float[Array, "n k"]:
        """What the decoder reads of inputs; `anchors` are inputs too, and count in a relative space alone."""
        latents = self.encoder(x)
        return latents if self.relation is None else self.relation(latents, self.encoder(anchors))

    def __call__(self, x: Float[Array, "n d"], anchors: Float[Array, "a d"]) -> Float[Array, "n k"]:
        """The output of the decoder."""
        return self.decoder(self.encode(x, anchors))


def stitch(first: EncoderDecoder, second: EncoderDecoder, anchors: Float[Array, "a d"]) -> Decoder:
    """The encoder of the first network before the decoder of the second, as they are, with the same anchors."""
    return lambda x: second.decoder(first.encode(x, anchors))
