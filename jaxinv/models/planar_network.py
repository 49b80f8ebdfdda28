"""Small residual networks for pictures that know of rotations and reflections, and an ordinary one of the same form.

Pictures (B, H, W) or (B, H, W, channels), whose background should be 0: zeros are what lies around them. The layers,
each convolution followed by a norm over the pixels and the group and by a non-linearity: a lift; blocks of two
convolutions, added to what they read, each block after a blur that keeps every second pixel; a convolution to
invariants; their largest values over all pixels, which are the features; a linear head.

| group | network | features of a turned or mirrored picture |
| --- | --- | --- |
| C_4, D_4, or less | `PlanarResNet` | the same |
| C_N, D_N, SO(2), O(2) | `SteerableNetwork` | the same at quarter-turns and their mirrors, near it at others |
| `cyclic(1)` | `PlanarResNet` | others: the ordinary network |

Sides of a multiple of `2^blocks` plus 1 pixels keep the symmetry; others warn. The parameters are the only state, so
that networks of one architecture stack under a vmap, as `jaxinv.training` does it.
"""

import abc
from collections.abc import Callable

import jax
from flax import nnx
from jaxtyping import Array, Float

from jaxinv.kernels.group_convolutions import (
    PlanarIrrep,
    PointGroup,
    SteerableKernels,
    irreps_dimension,
    regular_irreps,
)
from jaxinv.kernels.numerics.largest import largest
from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.nn.planar import AntialiasedPool, CosetPool, GridConvolution, GridLift, SteerableConvolution
from jaxinv.nn.planar_fields import (
    FourierNonlinearity,
    GatedNonlinearity,
    IrrepsNormalization,
    NormNonlinearity,
    RegularNormalization,
    TrivialNonlinearity,
)

NONLINEARITIES = ("fourier", "gated", "norm")
Layer = Callable[[Array], Array]


class _ResidualNetwork(nnx.Module):
    """Everything but the layers that know of the group."""

    def __init__(self, lift: Layer, blocks: list[tuple[Layer, Layer]], last: Layer, width, num_classes, rngs):
        self.lift, self.last = lift, last
        self.blocks = nnx.List([nnx.List(block) for block in blocks])
        self.pool = AntialiasedPool()
        self.head = nnx.Linear(width, num_classes, rngs=rngs)

    @abc.abstractmethod
    def _fields(self, pictures: Float[Array, "b h w c"]) -> Array:
        """What the lift reads."""

    @abc.abstractmethod
    def _invariants(self, fields: Array) -> Float[Array, "b h w d"]:
        """Of what the last convolution gives."""

    def features(self, images: Array) -> Float[Array, "b d"]:
        """What the head reads, (B, width)."""
        x = self.lift(self._fields(images.reshape(*images.shape[:3], -1)))
        for first, second in self.blocks:
            x = self.pool(x)
            x = x + second(first(x))
        x = self._invariants(self.last(x))
        return largest(x.reshape(x.shape[0], -1, x.shape[-1]), 1)

    def __call__(self, images: Array) -> Float[Array, "b c"]:
        """Logits."""
        return self.head(self.features(images))


class _GridLayer(nnx.Module):
    """A convolution, a norm and ReLU, of regular fields."""

    def __init__(self, convolution, channels, group):
        self.convolution = convolution
        self.norm = RegularNormalization(channels, group)

    def __call__(self, x):
        return jax.nn.relu(self.norm(self.convolution(x)))


class PlanarResNet(_ResidualNetwork):
    """The network of regular fields on the grid of pixels, exactly symmetric: p4 and p4m for C_4 and D_4.

    References: Cohen and Welling (2016), Group equivariant convolutional networks, arXiv:1602.07576.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        group: PointGroup,
        channels: int = 8,
        width: int = 32,
        in_channels: int = 1,
        size: int = 3,
        blocks: int = 2,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_classes: of the logits.
          group: `cyclic` or `dihedral` of 1, 2 or 4; of `cyclic(1)` it is an ordinary network.
          channels: of every layer but the last; each has a number for every element of the group.
          width: of the features.
          in_channels: of the pictures.
          size: odd, pixels a side of the kernels.
          blocks: of two convolutions.
          rngs: for the parameters.
        """

        def convolution(channels_out):
            drawn = GridConvolution(channels, channels_out, size, group, padding="SAME", rngs=rngs)
            return _GridLayer(drawn, channels_out, group)

        lift = _GridLayer(GridLift(in_channels, channels, size, group, padding="SAME", rngs=rngs), channels, group)
        pairs = [(convolution(channels), convolution(channels)) for _ in range(blocks)]
        super().__init__(lift, pairs, convolution(width), width, num_classes, rngs)
        self.group_pool = CosetPool(group)

    def _fields(self, pictures):
        return pictures

    def _invariants(self, fields):
        return self.group_pool(fields)[..., 0, :]


class _SteerableLayer(nnx.Module):
    """A convolution, a norm and a non-linearity, of fields of irreps."""

    def __init__(self, group, irreps_in, irreps_out, num_in, num_out, size, nonlinearity, rngs):
        # A gate for each irrep.
        gates = (PlanarIrrep(0),) * len(irreps_out) if isinstance(nonlinearity, GatedNonlinearity) else ()
        self.dim = irreps_dimension(irreps_out, group=group)
        irreps_out = irreps_out + gates
        kernels = SteerableKernels(group=group, irreps_in=irreps_in, irreps_out=irreps_out, size=size)
        # The norm has the bias.
        options = {"padding": "SAME", "use_bias": False, "rngs": rngs}
        self.convolution = SteerableConvolution(num_in, num_out, kernels, **options)
        self.norm = IrrepsNormalization(num_out, group, irreps_out)
        self.nonlinearity = nonlinearity

    def __call__(self, x):
        x = self.norm(self.convolution(x))
        if isinstance(self.nonlinearity, GatedNonlinearity):
            return self.nonlinearity(x[..., : self.dim, :], x[..., self.dim :, :])
        return self.nonlinearity(x)


class SteerableNetwork(_ResidualNetwork):
    """The network of fields of irreps, those of the functions on the group to a frequency.

    Of a finite group, with all frequencies and the Fourier non-linearity, it has regular fields in another basis.

    References: Weiler and Cesa (2019), General E(2)-equivariant steerable CNNs, arXiv:1911.08251.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        group: PointGroup,
        max_frequency: int | None = None,
        nonlinearity: str = "fourier",
        channels: int = 8,
        width: int = 32,
        in_channels: int = 1,
        size: int = 3,
        blocks: int = 2,
        rngs: nnx.Rngs,
    ):
        """Draws the parameters.

        Args:
          num_classes: of the logits.
          group: cyclic, dihedral, `SO2` or `O2`.
          max_frequency: of the irreps; by default all of a finite group.
          nonlinearity: "fourier" (of the values at the rotations of a finite group, or at 8 a frequency, and at their
            mirrors), "gated" or "norm".
          channels: of every layer but the last; each has a number for every component of the irreps.
          width: of the features.
          in_channels: of the pictures.
          size: odd, pixels a side of the kernels.
          blocks: of two convolutions.
          rngs: for the parameters.
        """
        require_choice("nonlinearity", nonlinearity, NONLINEARITIES)
        irreps, trivial = regular_irreps(group, max_frequency), (PlanarIrrep(0),)
        samples = group.rotations or 8 * max(1, max_frequency or 0)

        def after():
            if nonlinearity == "norm":
                return NormNonlinearity(channels, group, irreps, rngs=rngs)
            if nonlinearity == "gated":
                return GatedNonlinearity(group, irreps)
            return FourierNonlinearity(group, max_frequency, samples=samples)

        def layer(irreps_in, num_in):
            return _SteerableLayer(group, irreps_in, irreps, num_in, channels, size, after(), rngs)

        pairs = [(layer(irreps, channels), layer(irreps, channels)) for _ in range(blocks)]
        last = _SteerableLayer(group, irreps, trivial, channels, width, size, TrivialNonlinearity(group, trivial), rngs)
        super().__init__(layer(trivial, in_channels), pairs, last, width, num_classes, rngs)

    def _fields(self, pictures):
        return pictures[..., None, :]

    def _invariants(self, fields):
        return fields[..., 0, :]
