"""Graphs as samples of a graphon: estimates of it, distances between them, and what it says about transfer."""

from jaxinv.kernels.graphs.alignment import align_by_degree
from jaxinv.kernels.graphs.barycenters import GromovWassersteinBarycenter, gw_barycenter
from jaxinv.kernels.graphs.cut_norm import CutNorm, cut_norm_bounds
from jaxinv.kernels.graphs.ego_networks import EgoNetworks, ego_networks
from jaxinv.kernels.graphs.feasibility import (
    Feasibility,
    GraphonBases,
    Mixture,
    feasibility,
    fit_mixture,
    graphon_bases,
)
from jaxinv.kernels.graphs.gromov_wasserstein import GromovWasserstein, entropic_gw, gw_cost, gw_distance
from jaxinv.kernels.graphs.largest_gap import graphon_largest_gap
from jaxinv.kernels.graphs.motif_density import MOTIF_EDGES, motif_density
from jaxinv.kernels.graphs.singular_value_thresholding import graphon_usvt
from jaxinv.kernels.graphs.sort_and_smooth import graphon_sas
from jaxinv.kernels.graphs.step_functions import (
    NUM_TEXTBOOK_GRAPHONS,
    resize_bilinear,
    sample_graphs,
    synthesize_graphon,
)
from jaxinv.kernels.graphs.topology_features import FEATURE_NAMES, TopologyFeatures, topology_features
from jaxinv.kernels.graphs.total_variation import denoise_total_variation

__all__ = [
    "FEATURE_NAMES",
    "MOTIF_EDGES",
    "NUM_TEXTBOOK_GRAPHONS",
    "CutNorm",
    "EgoNetworks",
    "Feasibility",
    "GraphonBases",
    "GromovWasserstein",
    "GromovWassersteinBarycenter",
    "Mixture",
    "TopologyFeatures",
    "align_by_degree",
    "cut_norm_bounds",
    "denoise_total_variation",
    "ego_networks",
    "entropic_gw",
    "feasibility",
    "fit_mixture",
    "graphon_bases",
    "graphon_largest_gap",
    "graphon_sas",
    "graphon_usvt",
    "gw_barycenter",
    "gw_cost",
    "gw_distance",
    "motif_density",
    "resize_bilinear",
    "sample_graphs",
    "synthesize_graphon",
    "topology_features",
]
