"""Small networks for small pictures, (B, H, W) grey or (B, H, W, channels), with values in [0, 1].

Each has `features(images) -> (B, width)`, a linear `head` from these to logits, and `__call__`, the head of the
features. The parameters are the only state, so that many networks of one architecture stack under a vmap.
"""

import abc
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float


class _Classifier(nnx.Module):
    head: nnx.Linear
    channels: int

    @abc.abstractmethod
    def features(self, images: Array) -> Float[Array, "b d"]:
        """The representation that the head reads."""

    def __call__(self, images: Array) -> Float[Array, "b c"]:
        """Logits."""
        return self.head(self.features(images))

    def _centred(self, images):
        """(B, H, W, channels) with values in [-2, 2], about the spread that initialisers reckon with."""
        return 4.0 * images.reshape(*images.shape[:3], self.channels) - 2.0


class MultilayerPerceptron(_Classifier):
    """Two hidden layers on the pixels: nothing in it knows of shifts."""

    def __init__(self, *, num_classes: int, width: int = 128, size: int = 16, channels: int = 1, rngs: nnx.Rngs):
        self.channels = channels
        self.hidden = nnx.Linear(size * size * channels, width, rngs=rngs)
        self.output = nnx.Linear(width, width, rngs=rngs)
        self.head = nnx.Linear(width, num_classes, rngs=rngs)

    def features(self, images: Array) -> Float[Array, "b d"]:
        """(B, width)."""
        x = self._centred(images)
        x = jax.nn.relu(self.hidden(x.reshape(x.shape[0], -1)))
        return jax.nn.relu(self.output(x))


class PatchConv(nnx.Module):
    """A 3 x 3 convolution, zero-padded, as a matrix product with the patches.

    Under a vmap over weights `nnx.Conv` becomes one grouped convolution, which XLA runs slowly on a CPU: in a stack of
    12 networks (16 x 16 pictures, 16 to 64 channels, batches of 64) this form took 7 against 20 ms forward, and a
    third less with gradients. For a single network, or wide layers, take `nnx.Conv`.
    """

    def __init__(self, in_features: int, out_features: int, *, stride: int = 1, rngs: nnx.Rngs):
        self.stride = stride
        self.linear = nnx.Linear(9 * in_features, out_features, kernel_init=nnx.initializers.he_normal(), rngs=rngs)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b i j d"]:
        """Convolves; the kernel's rows run over row, column and input channel, in this order."""
        batch, height, width, _ = x.shape
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        shifted = [x[:, i : i + height : self.stride, j : j + width : self.stride] for i in range(3) for j in range(3)]
        patches = jnp.concatenate(shifted, axis=-1)
        out = self.linear(patches.reshape(-1, patches.shape[-1]))
        return out.reshape(batch, *patches.shape[1:3], -1)


class ConvNet(_Classifier):
    """Strided 3 x 3 convolutions and the mean over all places: nearly invariant to shifts."""

    def __init__(
        self,
        *,
        num_classes: int,
        widths: Sequence[int] = (16, 32, 64),
        strides: Sequence[int] = (2, 2, 1),
        channels: int = 1,
        rngs: nnx.Rngs,
    ):
        self.channels = channels
        inputs = (channels, *widths[:-1])
        self.layers = nnx.List(
            [PatchConv(i, o, stride=s, rngs=rngs) for i, o, s in zip(inputs, widths, strides, strict=True)]
        )
        self.head = nnx.Linear(widths[-1], num_classes, rngs=rngs)

    def features(self, images: Array) -> Float[Array, "b d"]:
        """(B, widths[-1])."""
        x = self._centred(images)
        for layer in self.layers:
            x = jax.nn.relu(layer(x))
        return jnp.mean(x, axis=(1, 2))


class BagOfPatches(_Classifier):
    """Two layers on each patch of 8 x 8 pixels, four pixels apart, and the mean over patches: knows no arrangement.

    References: Brendel and Bethge (2019), bag-of-local-features models, arXiv:1904.00760 (here two layers deep).
    """

    def __init__(self, *, num_classes: int, width: int = 96, channels: int = 1, rngs: nnx.Rngs):
        self.channels = channels
        self.hidden = nnx.Linear(64 * channels, width, rngs=rngs)
        self.output = nnx.Linear(width, width, rngs=rngs)
        self.head = nnx.Linear(width, num_classes, rngs=rngs)

    def features(self, images: Array) -> Float[Array, "b d"]:
        """(B, width)."""
        x = self._centred(images)
        batch, height, width, _ = x.shape
        corners = [(i, j) for i in range(0, height - 7, 4) for j in range(0, width - 7, 4)]
        patches = jnp.stack([x[:, i : i + 8, j : j + 8].reshape(batch, -1) for i, j in corners], axis=1)
        return jnp.mean(jax.nn.relu(self.output(jax.nn.relu(self.hidden(patches)))), axis=1)


class Mixer(_Classifier):
    """Layers over places and layers over channels by turns, on patches of 4 x 4 pixels: all places meet at once.

    Pre-norm blocks without learned scales, one hidden layer as wide as its input each; the pictures are all
    `size` x `size`.

    References: Tolstikhin et al. (2021), MLP-Mixer, arXiv:2105.01601 (here small).
    """

    def __init__(self, *, num_classes: int, width: int = 48, size: int = 16, channels: int = 1, rngs: nnx.Rngs):
        self.channels = channels
        places = (size // 4) ** 2
        self.patches = nnx.Linear(16 * channels, width, rngs=rngs)
        self.layers = nnx.List([_TwoLayers(inputs, rngs=rngs) for inputs in (places, width, places, width)])
        self.head = nnx.Linear(width, num_classes, rngs=rngs)

    def features(self, images: Array) -> Float[Array, "b d"]:
        """(B, width)."""
        x = self._centred(images)
        batch, height, width, channels = x.shape
        x = x.reshape(batch, height // 4, 4, width // 4, 4, channels).swapaxes(2, 3)
        x = self.patches(x.reshape(batch, -1, 16 * channels))
        for i, layer in enumerate(self.layers):
            normal = jax.nn.standardize(x)
            x = x + (layer(normal) if i % 2 else layer(normal.swapaxes(1, 2)).swapaxes(1, 2))
        return jnp.mean(jax.nn.standardize(x), axis=1)


class _TwoLayers(nnx.Module):
    """A hidden layer of the same width, over the last axis."""

    def __init__(self, width: int, *, rngs: nnx.Rngs):
        self.hidden = nnx.Linear(width, width, rngs=rngs)
        self.output = nnx.Linear(width, width, rngs=rngs)

    def __call__(self, x: Float[Array, "*batch d"]) -> Float[Array, "*batch d"]:
        return self.output(jax.nn.relu(self.hidden(x)))
