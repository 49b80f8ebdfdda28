"""Symmetry added to any function: averages over frames, over parts, over finite groups; and soft symmetry of weights.

| what | how |
| --- | --- |
| frames of a cloud | `pca_frame`, `weighted_frame` (continuous), `minimal_frame` (one element), `stochastic_frame` |
| frames of momenta | `lorentz_frame` |
| frames of graphs | `laplacian_sort_frame`, `sample_graph_frame`, `graph_orders`; `order_frames` |
| frames of its parts | `piecewise_frames` and `frames_of_points`, or `piecewise_apply`; `voronoi_parts`, .. |
| parts from votes | `fit_part_mixture`, `soft_assignments`, `merge_parts`; all three: `regroup_parts`; `part_max` |
| a finite group | `group_frames` (functions), `reynolds_project` (linear maps) |
| averages | `frame_average`, `pca_frame_average` |
| equivariant maps | `matrix_group`, `tensor_representation`, `direct_sum`, `equivariant_basis`, `project_equivariant` |
| channels of vectors | `channel_mix`, `with_external`, `vector_relu`, `gram_invariants`, `packed_gram_invariants`, .. |
| invariant coordinates | `tinv`, `tinv_apply`, `tinv_equivariant`; `mds_from_points`, `fix_signs`; `classical_mds` |
| limbs under gravity | `set_attention`, `set_feed_forward`, `subequivariant_linear`, `subequivariant_scalars` |
| hinges, headings, bodies | `project_on_axes`, `polar_from_axial`; `to_heading_frame`; `tree_traversals`, .. |
| motion of agents | `motion_init`, `interaction_categories`, `eqmotion_layer` and its parts, `motion_from_channels` |
| augmentation by loss | `independence_mh`, `dual_ascent`, `constrained_loss`; `warp_affine`, `apply_transform`, .. |
| mixed symmetries | `soft_equivariance`, `tune_strengths`, `update_record`, `equivariance_error` |
"""

from jaxinv.kernels.symmetrization.constrained_augmentation.bank import (
    AFFINE_TRANSFORMS,
    TRANSFORMS,
    WIDE_TRANSFORMS,
    Transform,
    apply_transform,
    sample_transform,
    transform_weights,
)
from jaxinv.kernels.symmetrization.constrained_augmentation.chains import (
    Chain,
    independence_mh,
    loss_proportional_weights,
    mh_accept,
    mh_transition_matrix,
)
from jaxinv.kernels.symmetrization.constrained_augmentation.colours import COLOUR_TRANSFORMS, colour_transform
from jaxinv.kernels.symmetrization.constrained_augmentation.duals import constrained_loss, dual_ascent
from jaxinv.kernels.symmetrization.constrained_augmentation.warps import affine_map, warp_affine
from jaxinv.kernels.symmetrization.equivariant_basis import equivariant_basis, project_equivariant
from jaxinv.kernels.symmetrization.frame_averaging import frame_average, pca_frame_average
from jaxinv.kernels.symmetrization.frames import Frames, check_finite_group, frame_gap, group_frames
from jaxinv.kernels.symmetrization.graph_frames import (
    GraphFrame,
    graph_orders,
    laplacian_sort_frame,
    order_frames,
    sample_graph_frame,
)
from jaxinv.kernels.symmetrization.invariant_coordinates.axis_symmetries import (
    FixedSigns,
    fix_signs,
    random_sign,
    sign_frames,
)
from jaxinv.kernels.symmetrization.invariant_coordinates.classical_mds import ClassicalMds, classical_mds
from jaxinv.kernels.symmetrization.invariant_coordinates.mds_from_points import MdsCoordinates, mds_from_points
from jaxinv.kernels.symmetrization.invariant_coordinates.tinv import (
    InvariantCoordinates,
    tinv,
    tinv_apply,
    tinv_equivariant,
)
from jaxinv.kernels.symmetrization.lorentz_frames import lorentz_frame
from jaxinv.kernels.symmetrization.matrix_groups import (
    MatrixGroup,
    direct_sum,
    matrix_group,
    tensor_representation,
)
from jaxinv.kernels.symmetrization.minimal_frames import minimal_frame
from jaxinv.kernels.symmetrization.motion.attention import (
    InterAgentParams,
    inner_agent_attention,
    inter_agent_aggregate,
)
from jaxinv.kernels.symmetrization.motion.dct import dct_matrix
from jaxinv.kernels.symmetrization.motion.interactions import InteractionParams, interaction_categories
from jaxinv.kernels.symmetrization.motion.layer import LayerParams, eqmotion_layer
from jaxinv.kernels.symmetrization.motion.motion_init import MotionStart, motion_from_channels, motion_init
from jaxinv.kernels.symmetrization.motion.perceptrons import Dense, PairPerceptron, Perceptron
from jaxinv.kernels.symmetrization.part_assignments import soft_assignments
from jaxinv.kernels.symmetrization.part_mixture import PartMixture, fit_part_mixture
from jaxinv.kernels.symmetrization.part_pooling import part_max
from jaxinv.kernels.symmetrization.part_regrouping import Regrouping, merge_parts, regroup_parts
from jaxinv.kernels.symmetrization.partitions import (
    assignment_uncertainty,
    bad_partition_rate,
    common_refinement,
    is_subpartition,
    move_parts,
    voronoi_parts,
)
from jaxinv.kernels.symmetrization.piecewise_frames import frames_of_points, piecewise_apply, piecewise_frames
from jaxinv.kernels.symmetrization.principal_frames import pca_frame
from jaxinv.kernels.symmetrization.reynolds import reynolds_project
from jaxinv.kernels.symmetrization.soft_equivariance import (
    PenaltyRecord,
    SoftEquivariance,
    equivariance_error,
    equivariance_penalties,
    equivariance_penalty,
    soft_equivariance,
    start_record,
    tune_strengths,
    update_record,
)
from jaxinv.kernels.symmetrization.stochastic_frames import stochastic_frame
from jaxinv.kernels.symmetrization.subequivariant.attention import AttentionParams, set_attention
from jaxinv.kernels.symmetrization.subequivariant.axes import polar_from_axial, project_on_axes
from jaxinv.kernels.symmetrization.subequivariant.features import InvariantParams
from jaxinv.kernels.symmetrization.subequivariant.feed_forward import FeedForwardParams, set_feed_forward
from jaxinv.kernels.symmetrization.subequivariant.heading import heading_angle, to_heading_frame
from jaxinv.kernels.symmetrization.subequivariant.maps import (
    ScalarParams,
    SubequivariantParams,
    subequivariant_linear,
    subequivariant_scalars,
)
from jaxinv.kernels.symmetrization.subequivariant.trees import Traversals, tree_relations, tree_traversals
from jaxinv.kernels.symmetrization.vector_channels.centring import centre_channels, masked_channel_mean, mix_about_mean
from jaxinv.kernels.symmetrization.vector_channels.invariants import gram_invariants
from jaxinv.kernels.symmetrization.vector_channels.mixing import channel_mix, with_external
from jaxinv.kernels.symmetrization.vector_channels.nonlinearity import vector_relu
from jaxinv.kernels.symmetrization.vector_channels.packed_invariants import packed_gram_invariants, packed_pairs
from jaxinv.kernels.symmetrization.vector_channels.pairs import (
    pairwise_channel_difference,
    pairwise_channel_distance,
)
from jaxinv.kernels.symmetrization.vector_channels.parity import transform_channels
from jaxinv.kernels.symmetrization.weighted_frames import weighted_frame

__all__ = [
    "AFFINE_TRANSFORMS",
    "COLOUR_TRANSFORMS",
    "TRANSFORMS",
    "WIDE_TRANSFORMS",
    "AttentionParams",
    "Chain",
    "ClassicalMds",
    "Dense",
    "FeedForwardParams",
    "FixedSigns",
    "Frames",
    "GraphFrame",
    "InterAgentParams",
    "InteractionParams",
    "InvariantCoordinates",
    "InvariantParams",
    "LayerParams",
    "MatrixGroup",
    "MdsCoordinates",
    "MotionStart",
    "PairPerceptron",
    "PartMixture",
    "PenaltyRecord",
    "Perceptron",
    "Regrouping",
    "ScalarParams",
    "SoftEquivariance",
    "SubequivariantParams",
    "Transform",
    "Traversals",
    "affine_map",
    "apply_transform",
    "assignment_uncertainty",
    "bad_partition_rate",
    "centre_channels",
    "channel_mix",
    "check_finite_group",
    "classical_mds",
    "colour_transform",
    "common_refinement",
    "constrained_loss",
    "dct_matrix",
    "direct_sum",
    "dual_ascent",
    "eqmotion_layer",
    "equivariance_error",
    "equivariance_penalties",
    "equivariance_penalty",
    "equivariant_basis",
    "fit_part_mixture",
    "fix_signs",
    "frame_average",
    "frame_gap",
    "frames_of_points",
    "gram_invariants",
    "graph_orders",
    "group_frames",
    "heading_angle",
    "independence_mh",
    "inner_agent_attention",
    "inter_agent_aggregate",
    "interaction_categories",
    "is_subpartition",
    "laplacian_sort_frame",
    "lorentz_frame",
    "loss_proportional_weights",
    "masked_channel_mean",
    "matrix_group",
    "mds_from_points",
    "merge_parts",
    "mh_accept",
    "mh_transition_matrix",
    "minimal_frame",
    "mix_about_mean",
    "motion_from_channels",
    "motion_init",
    "move_parts",
    "order_frames",
    "packed_gram_invariants",
    "packed_pairs",
    "pairwise_channel_difference",
    "pairwise_channel_distance",
    "part_max",
    "pca_frame",
    "pca_frame_average",
    "piecewise_apply",
    "piecewise_frames",
    "polar_from_axial",
    "project_equivariant",
    "project_on_axes",
    "random_sign",
    "regroup_parts",
    "reynolds_project",
    "sample_graph_frame",
    "sample_transform",
    "set_attention",
    "set_feed_forward",
    "sign_frames",
    "soft_assignments",
    "soft_equivariance",
    "start_record",
    "stochastic_frame",
    "subequivariant_linear",
    "subequivariant_scalars",
    "tensor_representation",
    "tinv",
    "tinv_apply",
    "tinv_equivariant",
    "to_heading_frame",
    "transform_channels",
    "transform_weights",
    "tree_relations",
    "tree_traversals",
    "tune_strengths",
    "update_record",
    "vector_relu",
    "voronoi_parts",
    "warp_affine",
    "weighted_frame",
    "with_external",
]
