"""Convolutions that move with their pictures under groups of maps of the plane.

`affine` holds those for R^2 x| G, G a group of 2x2 matrices: GL+(2), SL(2), Sim(2) or SO(2). Their kernels are networks
(`Siren`) on coordinates of the group, their group axes samples of it (`jaxinv.kernels.lie_groups`).
"""

from jaxinv.kernels.group_convolutions.affine import (
    affine_convolution,
    affine_convolve,
    affine_lift,
    affine_to_plane,
    group_pool,
)
from jaxinv.kernels.group_convolutions.affine_kernels import (
    convolution_bank,
    lifting_bank,
    num_group_features,
    projection_bank,
)
from jaxinv.kernels.group_convolutions.siren import Siren, init_siren

__all__ = [
    "Siren",
    "affine_convolution",
    "affine_convolve",
    "affine_lift",
    "affine_to_plane",
    "convolution_bank",
    "group_pool",
    "init_siren",
    "lifting_bank",
    "num_group_features",
    "projection_bank",
]
