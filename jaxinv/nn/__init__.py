"""Flax (NNX) layers: parameters, dtype, and the call of one kernel each.

Features are `(..., channels, (lmax + 1)^2)`, as in `jaxinv.kernels.tensor_products`. `IrrepsLinear` and
the products of two features draw their parameters so that unit variance stays about unit variance; sums over neighbours
and powers do not.

| layer | kernel |
| --- | --- |
| `IrrepsLinear` | `linear` |
| `GauntTensorProduct`, `CompleteTensorProduct` | `gaunt_tensor_product`, `complete_tensor_product` |
| `TensorProduct` | `clebsch_gordan_tensor_product` |
| `FullyConnectedTensorProduct` | `fully_connected_tensor_product` |
| `EdgeConvolution`, `ChannelwiseConvolution` | `edge_convolution`, `channelwise_convolution` |
| `ManyBody`, `SymmetricContraction` | `gaunt_power`, `symmetric_contraction` |
| `Gate` | `gate` |
| `RadialBasis` | `radial_basis` |
| `AffineLift`, `AffineConvolution`, `AffineToPlane`, `GroupPool` | `affine_lift` and so on |
| `GridLift`, `GridConvolution`, `GridSeparableConvolution`, `CosetPool`, `AntialiasedPool` | `grid_lift` and so on |
| `SteerableConvolution` | `steerable_convolution` |
| `RegularNormalization`, `IrrepsNormalization` | `regular_normalization`, `irreps_normalization` |
| `TrivialNonlinearity`, `Norm`-, `Gated`- and `FourierNonlinearity` | `trivial_nonlinearity` and so on |
| `OrientationConvolution`, `FiberConvolution`, `InvariantBasis` | `dense_orientation_convolution` and so on |
| `PermutationLinear`, `EgoMaps`, `GraphNorm` | `eq_0to0` .. `eq_2to2`, `ego_maps`, `graph_norm` |
| `FrameAveraged`, of any module | `frame_average` |
| `TransformationInvariant`, of any module | `tinv_apply`, `tinv_equivariant` |
| `PiecewisePointNet` | `frame_average`, over frames of parts |
| `ChannelMix`, `VectorReLU` | `channel_mix`, `vector_relu` of vectors `(..., C, D)` |
| `InteractionReasoning`, `MotionLayer` | `interaction_categories`, `eqmotion_layer` |
| `EncoderLayer`, `RLinear`, `DLinear` | `encoder_layer`, `rlinear`, `dlinear` |
| `SetAttention`, `SetFeedForward`; both, `SetBlock` | `set_attention`, `set_feed_forward` |
| `SubequivariantLinear`, `SubequivariantScalars` | `subequivariant_linear`, `subequivariant_scalars` |
| `SetUtility` | `set_utility`, `fold_utility` |
| `EquivarianceRegularizer` | `soft_equivariance` |
| `RelativeRepresentation` | `relative`, `standardize` |
| `HyperLinear`; `ConcatenatedPredictor`, `Projector` | `hyper_linear_apply`; none |

`jaxinv.nn.e3nn` holds drop-in functions for users of e3nn_jax.
"""

from jaxinv.nn.affine import AffineConvolution, AffineLift, AffineSampler, AffineToPlane, GroupPool
from jaxinv.nn.convolutions import ChannelwiseConvolution, EdgeConvolution
from jaxinv.nn.gate import Gate
from jaxinv.nn.invariant_coordinates import TransformationInvariant
from jaxinv.nn.linear import IrrepsLinear
from jaxinv.nn.many_body import ManyBody
from jaxinv.nn.motion import InteractionReasoning, MotionLayer
from jaxinv.nn.orientations import FiberConvolution, InvariantBasis, OrientationConvolution
from jaxinv.nn.permutations import EgoMaps, GraphNorm, PermutationLinear
from jaxinv.nn.piecewise import PartFeatures, PiecewisePointNet
from jaxinv.nn.planar import (
    AntialiasedPool,
    CosetPool,
    GridConvolution,
    GridLift,
    GridSeparableConvolution,
    SteerableConvolution,
)
from jaxinv.nn.planar_fields import (
    FourierNonlinearity,
    GatedNonlinearity,
    IrrepsNormalization,
    NormNonlinearity,
    RegularNormalization,
    TrivialNonlinearity,
)
from jaxinv.nn.radial_basis import RadialBasis
from jaxinv.nn.relative import RelativeRepresentation
from jaxinv.nn.sets import SetUtility
from jaxinv.nn.sie import ConcatenatedPredictor, HyperLinear, Projector
from jaxinv.nn.subequivariant import (
    SetAttention,
    SetBlock,
    SetFeedForward,
    SubequivariantLinear,
    SubequivariantScalars,
)
from jaxinv.nn.symmetric_contraction import SymmetricContraction
from jaxinv.nn.symmetrization import EquivarianceRegularizer, FrameAveraged
from jaxinv.nn.tensor_products import (
    CompleteTensorProduct,
    FullyConnectedTensorProduct,
    GauntTensorProduct,
    TensorProduct,
)
from jaxinv.nn.variates import DLinear, EncoderLayer, RLinear
from jaxinv.nn.vector_channels import ChannelMix, VectorReLU

__all__ = [
    "AffineConvolution",
    "AffineLift",
    "AffineSampler",
    "AffineToPlane",
    "AntialiasedPool",
    "ChannelMix",
    "ChannelwiseConvolution",
    "CompleteTensorProduct",
    "ConcatenatedPredictor",
    "CosetPool",
    "DLinear",
    "EdgeConvolution",
    "EgoMaps",
    "EncoderLayer",
    "EquivarianceRegularizer",
    "FiberConvolution",
    "FourierNonlinearity",
    "FrameAveraged",
    "FullyConnectedTensorProduct",
    "Gate",
    "GatedNonlinearity",
    "GauntTensorProduct",
    "GraphNorm",
    "GridConvolution",
    "GridLift",
    "GridSeparableConvolution",
    "GroupPool",
    "HyperLinear",
    "InteractionReasoning",
    "InvariantBasis",
    "IrrepsLinear",
    "IrrepsNormalization",
    "ManyBody",
    "MotionLayer",
    "NormNonlinearity",
    "OrientationConvolution",
    "PartFeatures",
    "PermutationLinear",
    "PiecewisePointNet",
    "Projector",
    "RLinear",
    "RadialBasis",
    "RegularNormalization",
    "RelativeRepresentation",
    "SetAttention",
    "SetBlock",
    "SetFeedForward",
    "SetUtility",
    "SteerableConvolution",
    "SubequivariantLinear",
    "SubequivariantScalars",
    "SymmetricContraction",
    "TensorProduct",
    "TransformationInvariant",
    "TrivialNonlinearity",
    "VectorReLU",
]
