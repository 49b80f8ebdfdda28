"""A small residual network on functions over the plane and a linear group, beside an ordinary one of the same form.

Pictures (B, H, W) or (B, H, W, channels), with values in [0, 1]. The layers, each convolution followed by a norm and
by GELU: a lift; a residual block of two convolutions, whose elements of the group are the lift's; the largest of every
2 x 2 pixels; a convolution to new elements; the largest value over the group and all pixels; two dense layers.

The norm is over everything but the batch ("layer", the paper's), or over the group and all pixels of each channel by
itself ("channel"). Smooth kernels answer to a constant background more than to what is on it; the second takes that
away, and a network learns in fewer steps.
"""

import abc
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from jaxinv.kernels.group_convolutions import affine_convolve
from jaxinv.kernels.lie_groups.sampling import PolarSamples
from jaxinv.kernels.numerics.largest import largest
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.nn.affine import AffineConvolution, AffineLift, AffineSampler

Samples = tuple[PolarSamples, ...]
NORMS = ("layer", "channel")


class _ResidualNetwork(nnx.Module):
    """Everything but the convolutions."""

    def __init__(self, num_classes, channels, hidden, dropout, norm, rngs):
        require_choice("norm", norm, NORMS)
        axes = (1, 2, 3, 4) if norm == "layer" else (1, 2, 3)
        self.norms = nnx.List(
            [nnx.LayerNorm(channels, reduction_axes=axes, feature_axes=-1, rngs=rngs) for _ in range(5)]
        )
        self.hidden = nnx.Linear(channels, hidden, use_bias=False, rngs=rngs)
        self.hidden_norm = nnx.LayerNorm(hidden, rngs=rngs)
        self.dropout = nnx.Dropout(dropout)
        self.head = nnx.Linear(hidden, num_classes, rngs=rngs)

    @abc.abstractmethod
    def draw(self, rngs: nnx.Rngs) -> Samples:
        """Elements of the group for one forward pass, from the stream `samples`."""

    @abc.abstractmethod
    def _convolutions(self, samples: Samples) -> tuple[Callable[[Array], Array], ...]:
        """Four functions: the lift, the two of the block, the last."""

    def features(self, images: Array, samples: Samples, *, rngs: nnx.Rngs | None = None) -> Float[Array, "b d"]:
        """What the head reads, before its last layer; with `rngs`, dropout from the stream `dropout`."""
        lift, first, second, last = self._convolutions(samples)
        norms = self.norms
        x = 2.0 * images.reshape(*images.shape[:3], -1) - 1.0
        x = jax.nn.gelu(norms[0](lift(x)))
        y = jax.nn.gelu(norms[1](first(x)))
        y = jax.nn.gelu(norms[2](second(y)))
        x = norms[3](jax.nn.gelu(x + y))
        x = jax.nn.gelu(_largest_of_four(x))
        x = jax.nn.gelu(norms[4](last(x)))
        x = largest(x.reshape(x.shape[0], -1, x.shape[-1]), 1)
        x = jax.nn.gelu(self.hidden_norm(self.hidden(x)))
        return self.dropout(x, deterministic=rngs is None, rngs=rngs)

    def __call__(self, images: Array, samples: Samples, *, rngs: nnx.Rngs | None = None) -> Float[Array, "b c"]:
        """Logits."""
        return self.head(self.features(images, samples, rngs=rngs))


def _largest_of_four(x):
    """Over every 2 x 2 pixels; an odd last row or column is left out."""
    height, width = (size // 2 * 2 for size in x.shape[1:3])
    x = x[:, :height, :width]
    rows = jnp.maximum(x[:, ::2], x[:, 1::2])
    return jnp.maximum(rows[:, :, ::2], rows[:, :, 1::2])


class AffineNetwork(_ResidualNetwork):
    """The network of the paper, about equivariant to affine maps: its logits change little when a picture moves.

    Mironenco and Forré (2024), Lie group decompositions for equivariant neural networks, arXiv:2310.11366; the defaults
    are theirs. Their last convolution takes its features for functions at newly drawn elements; here they stay at those
    that they were computed at.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        group: str = "gl",
        num_samples: int = 10,
        channels: int = 40,
        in_channels: int = 1,
        size: int = 5,
        width: int = 60,
        num_hidden: int = 2,
        hidden: int = 256,
        dropout: float = 0.3,
        variance: float = 0.1,
        method: str = "random",
        weighted: bool = False,
        norm: str = "layer",
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_classes: of the logits.
          group: "gl" (positive determinant), "sl" (determinant 1), "sim" (scale times rotation) or "so".
          num_samples: elements of the group in every layer.
          channels: of every layer.
          in_channels: of the pictures.
          size: pixels a side of the kernels.
          width: of the networks that the kernels are.
          num_hidden: layers of these after the first.
          hidden: units of the dense layer.
          dropout: share of these that training leaves out.
          variance: of the samples' stretch, see `sample_polar_pairs`.
          method: of sampling, see there.
          weighted: whether importance weights are used.
          norm: "layer" or "channel".
          rngs: for the parameters.
        """
        super().__init__(num_classes, channels, hidden, dropout, norm, rngs)
        common = {"width": width, "num_hidden": num_hidden, "rngs": rngs}
        summed = {"num_samples": num_samples, "weighted": weighted, **common}
        self.sampler = AffineSampler(num_samples, group, variance=variance, method=method)
        self.lift = AffineLift(in_channels, channels, size, group, **common)
        self.block = nnx.List(
            [AffineConvolution(channels, channels, size, group, padding="SAME", **summed) for _ in range(2)]
        )
        self.last = AffineConvolution(channels, channels, size, group, **summed)

    def draw(self, rngs: nnx.Rngs) -> Samples:
        """Elements for the lift and the block, and for the last convolution."""
        return self.sampler(rngs), self.sampler(rngs)

    def _convolutions(self, samples):
        early, late = samples
        first, second = self.block
        return (
            lambda x: self.lift(x, early),
            lambda x: first(x, early, early),
            lambda x: second(x, early, early),
            lambda x: self.last(x, early, late),
        )


class PlainNetwork(_ResidualNetwork):
    """The same with ordinary kernels, free at each pixel: one element of the group, the identity.

    A convolution has `size^2 channels^2` parameters, where one of `AffineNetwork` has `width channels^2` and
    `num_hidden width^2` and a few more: with `channels sqrt(width) / size` channels both networks have about as many.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        channels: int = 40,
        in_channels: int = 1,
        size: int = 5,
        hidden: int = 256,
        dropout: float = 0.3,
        norm: str = "layer",
        rngs: nnx.Rngs,
    ):
        """Draws the parameters; the arguments are those of `AffineNetwork`."""
        super().__init__(num_classes, channels, hidden, dropout, norm, rngs)

        def kernel(num_in):
            drawn = nnx.initializers.he_normal()(rngs.params(), (size, size, num_in, channels))
            return nnx.Param(drawn.reshape(size, size, 1, num_in, 1, channels))

        self.kernels = nnx.List([kernel(in_channels), *(kernel(channels) for _ in range(3))])

    def draw(self, rngs: nnx.Rngs) -> Samples:
        """None."""
        return ()

    def _convolutions(self, samples):
        lift, first, second, last = (kernel[...] for kernel in self.kernels)
        return (
            lambda x: affine_convolve(x[..., None, :], lift),
            lambda x: affine_convolve(x, first, padding="SAME"),
            lambda x: affine_convolve(x, second, padding="SAME"),
            lambda x: affine_convolve(x, last),
        )
