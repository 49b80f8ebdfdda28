"""Products by one dense tensor: the reference, and the fastest form of the lowest degrees."""

import jax
from jax.lax import PrecisionLike

from jaxinv.kernels.tensor_products.arguments import Factors
from jaxinv.kernels.tensor_products.path_coefficients import direct_tensor
from jaxinv.kernels.tensor_products.sphere_functions import matmul


def direct_product(
    kind: str, pair: Factors, normalization: str, *, balanced: bool, precision: PrecisionLike
) -> jax.Array:
    """`sum_ij T_ijk x1_i x2_j` with the `direct_tensor` of "gaunt" or "poisson"."""
    tensor = direct_tensor(kind, pair.lmax1, pair.lmax2, pair.lmax_out, normalization, balanced)
    outer = pair.x1[..., :, None] * pair.x2[..., None, :]
    outer = outer.reshape(*outer.shape[:-2], -1)
    return matmul(outer, tensor.reshape(outer.shape[-1], -1), precision)
