"""Convolutions that move with their pictures under groups of maps of the plane, and of space.

| group | modules | how |
| --- | --- | --- |
| C_4, D_4; the cube's on voxels | `grid_convolutions` | regular fields, exact: one bank, one dense convolution |
| C_N, D_N, SO(2), O(2) | `steerable_convolution` | fields of irreps, band-limited kernels |
| GL+(2), SL(2), Sim(2), SO(2) | `affine` | kernels are networks (`Siren`), group axes samples |
| SE(2), SE(3) on points | `orientation_convolution` | a grid of orientations at each point, kernels of invariants |

`point_groups` has the groups and their tables, `planar_irreps` the Fourier transform from regular fields to irreps,
`irreps_nonlinearities`, `field_normalization`, `coset_fields` and `antialiased_pooling` what networks need besides,
`field_actions` and `equivariance` what they are tested by. For points with orientations, `orientation_grids` has the
grids, `orientation_invariants` and `polynomial_features` what kernels are functions of, `orientation_fields` how
scalars and vectors go in and out.
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
from jaxinv.kernels.group_convolutions.antialiased_pooling import antialiased_pool
from jaxinv.kernels.group_convolutions.coset_fields import coset_pool, restrict_field
from jaxinv.kernels.group_convolutions.equivariance import equivariance_error
from jaxinv.kernels.group_convolutions.field_actions import act_irreps, act_picture, act_regular
from jaxinv.kernels.group_convolutions.field_normalization import irreps_normalization, regular_normalization
from jaxinv.kernels.group_convolutions.grid_banks import grid_convolution_bank, grid_lifting_bank
from jaxinv.kernels.group_convolutions.grid_convolutions import (
    grid_convolution,
    grid_convolve,
    grid_lift,
    grid_separable_convolution,
)
from jaxinv.kernels.group_convolutions.irreps_nonlinearities import (
    fourier_nonlinearity,
    gated_nonlinearity,
    norm_nonlinearity,
    trivial_nonlinearity,
)
from jaxinv.kernels.group_convolutions.orientation_convolution import (
    dense_orientation_convolution,
    edge_orientation_convolution,
)
from jaxinv.kernels.group_convolutions.orientation_fields import (
    fiber_convolution,
    lift_scalars,
    lift_vectors,
    read_scalars,
    read_vectors,
)
from jaxinv.kernels.group_convolutions.orientation_grids import is_antipodal, orientation_grid
from jaxinv.kernels.group_convolutions.orientation_invariants import (
    fiber_invariants,
    orientation_invariants,
    pair_invariants,
)
from jaxinv.kernels.group_convolutions.planar_irreps import (
    PlanarIrrep,
    irrep_dimension,
    irreps_dimension,
    irreps_matrix,
    irreps_to_regular,
    is_trivial,
    regular_irreps,
    regular_to_irreps,
)
from jaxinv.kernels.group_convolutions.point_groups import (
    O2,
    SO2,
    PointGroup,
    cyclic,
    dihedral,
    element_matrices,
    grid_matrices,
    inverse_table,
    left_cosets,
    multiplication_table,
    octahedral,
    right_cosets,
    subgroup_elements,
)
from jaxinv.kernels.group_convolutions.polynomial_features import polynomial_features
from jaxinv.kernels.group_convolutions.siren import Siren, init_siren
from jaxinv.kernels.group_convolutions.steerable_convolution import steerable_bank, steerable_convolution
from jaxinv.kernels.group_convolutions.steerable_kernels import SteerableKernels
from jaxinv.kernels.numerics.edges import check_edges

__all__ = [
    "O2",
    "SO2",
    "PlanarIrrep",
    "PointGroup",
    "Siren",
    "SteerableKernels",
    "act_irreps",
    "act_picture",
    "act_regular",
    "affine_convolution",
    "affine_convolve",
    "affine_lift",
    "affine_to_plane",
    "antialiased_pool",
    "check_edges",
    "convolution_bank",
    "coset_pool",
    "cyclic",
    "dense_orientation_convolution",
    "dihedral",
    "edge_orientation_convolution",
    "element_matrices",
    "equivariance_error",
    "fiber_convolution",
    "fiber_invariants",
    "fourier_nonlinearity",
    "gated_nonlinearity",
    "grid_convolution",
    "grid_convolution_bank",
    "grid_convolve",
    "grid_lift",
    "grid_lifting_bank",
    "grid_matrices",
    "grid_separable_convolution",
    "group_pool",
    "init_siren",
    "inverse_table",
    "irrep_dimension",
    "irreps_dimension",
    "irreps_matrix",
    "irreps_normalization",
    "irreps_to_regular",
    "is_antipodal",
    "is_trivial",
    "left_cosets",
    "lift_scalars",
    "lift_vectors",
    "lifting_bank",
    "multiplication_table",
    "norm_nonlinearity",
    "num_group_features",
    "octahedral",
    "orientation_grid",
    "orientation_invariants",
    "pair_invariants",
    "polynomial_features",
    "projection_bank",
    "read_scalars",
    "read_vectors",
    "regular_irreps",
    "regular_normalization",
    "regular_to_irreps",
    "restrict_field",
    "right_cosets",
    "steerable_bank",
    "steerable_convolution",
    "subgroup_elements",
    "trivial_nonlinearity",
]
