"""Tensor products of irreps of O(3): bilinear maps that rotate with their inputs.

Arrays are `(..., channels, (lmax + 1)^2)` in the order and normalisation of `harmonics.degrees`, and lmax is inferred.
Products by functions on the sphere (Gaunt for the paths with an even sum of degrees, Poisson for the odd ones) tie the
weights of the paths and cost `L^4` or less; the Clebsch-Gordan product has a free weight for every path.

| to multiply | take |
| --- | --- |
| two features, weights tied | `gaunt_tensor_product`, `poisson_tensor_product`; both: `complete_tensor_product` |
| the same for irreps of both parities | `o3_tensor_product` |
| two features, a free weight for every path | `clebsch_gordan_tensor_product` |
| the same as a few tied products | `low_rank_path_weights` |
| features and the direction of an edge | `so2_convolution` (free weights), `edge_convolution` (tied) |
| all pairs of channels of two features | `fully_connected_tensor_product` |
| neighbours and their edges, summed at each node | `channelwise_convolution` |
| the channels of one feature | `linear`; to gate them: `gate` |
| many features | `gaunt_product`, `gaunt_power`; with a free weight for every map: `symmetric_contraction` |
"""

from jaxinv.kernels.numerics.edges import check_edges
from jaxinv.kernels.tensor_products.channelwise_convolution import channelwise_convolution
from jaxinv.kernels.tensor_products.clebsch_gordan import clebsch_gordan_tensor_product
from jaxinv.kernels.tensor_products.coupling import (
    gaunt_coefficient,
    poisson_coefficient,
    real_wigner_3j,
    tensor_product_paths,
)
from jaxinv.kernels.tensor_products.edge_convolution import edge_convolution, so2_convolution
from jaxinv.kernels.tensor_products.fully_connected import fully_connected_tensor_product
from jaxinv.kernels.tensor_products.gate import gate
from jaxinv.kernels.tensor_products.gaunt import gaunt_tensor_product
from jaxinv.kernels.tensor_products.linear import linear
from jaxinv.kernels.tensor_products.low_rank import DegreeWeights, LowRankPathWeights, low_rank_path_weights
from jaxinv.kernels.tensor_products.many_body import gaunt_power, gaunt_product
from jaxinv.kernels.tensor_products.parity import o3_tensor_product
from jaxinv.kernels.tensor_products.poisson import CompleteProduct, complete_tensor_product, poisson_tensor_product
from jaxinv.kernels.tensor_products.symmetric_basis import symmetric_contraction_paths
from jaxinv.kernels.tensor_products.symmetric_contraction import check_species, symmetric_contraction

__all__ = [
    "CompleteProduct",
    "DegreeWeights",
    "LowRankPathWeights",
    "channelwise_convolution",
    "check_edges",
    "check_species",
    "clebsch_gordan_tensor_product",
    "complete_tensor_product",
    "edge_convolution",
    "fully_connected_tensor_product",
    "gate",
    "gaunt_coefficient",
    "gaunt_power",
    "gaunt_product",
    "gaunt_tensor_product",
    "linear",
    "low_rank_path_weights",
    "o3_tensor_product",
    "poisson_coefficient",
    "poisson_tensor_product",
    "real_wigner_3j",
    "so2_convolution",
    "symmetric_contraction",
    "symmetric_contraction_paths",
    "tensor_product_paths",
]
