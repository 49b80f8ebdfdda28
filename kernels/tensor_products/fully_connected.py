"""The fully connected product: every pair of channels, a weight for every path and pair and channel of the result."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.degrees import degree_slice, num_components
from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.row_slices import over_rows, power_of_two_within
from jaxinv.kernels.numerics.validation import require_choice, require_floating, require_shape
from jaxinv.kernels.tensor_products.arguments import checked, within
from jaxinv.kernels.tensor_products.clebsch_gordan import NORMALIZATIONS
from jaxinv.kernels.tensor_products.coupling import path_tensor, tensor_product_paths

# What the weights make of the first factor in a slice of rows: for a cache, or for the memory of an accelerator.
_ON_CPU, _ELSEWHERE = 1 << 19, 1 << 28


@functools.partial(jax.jit, static_argnames=("lmax_out", "normalization"))
def fully_connected_tensor_product(
    x1: jax.Array,
    x2: jax.Array,
    weights: jax.Array,
    *,
    lmax_out: int | None = None,
    normalization: str = "component",
) -> jax.Array:
    """`out[d, l3] = sum over paths (l1, l2, l3), channels b, c of w[path, b, c, d] W(x1[b, l1], x2[c, l2])`.

    Args:
      x1: `(..., channels1, (lmax1 + 1)^2)`, floating point.
      x2: `(..., channels2, (lmax2 + 1)^2)`; leading axes broadcast against those of x1.
      weights: `(paths, channels1, channels2, channels_out)`, in the order of
        `tensor_product_paths(lmax1, lmax2, lmax_out)`; no factor is put before the sum.
      lmax_out: static, highest degree of the result; `lmax1 + lmax2` by default.
      normalization: static, of W, as in `clebsch_gordan_tensor_product`: "component" or "norm".

    Returns:
      `(..., channels_out, (lmax_out + 1)^2)` in the dtype of x1 and x2; bfloat16 is multiplied and summed in float32.

    This is every bilinear map of such features that commutes with rotations.
    Raises:
      TypeError: an argument that is not floating point.
      ValueError: a trailing size that is no square, no axis of channels, weights of another shape, lmax_out beyond
        lmax1 + lmax2, leading axes that do not broadcast, an unknown normalization.
    Memory: inputs, result and the products of one slice of rows, also in reverse mode, which does each slice again.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Geiger, Smidt, e3nn, arXiv:2207.09453.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import tensor_products as tp
      >>> x1, x2 = jnp.ones((5, 2, 4)), jnp.ones((5, 3, 4))  # 2 and 3 channels, degrees 0 and 1
      >>> weights = jnp.ones((len(tp.tensor_product_paths(1, 1, 1)), 2, 3, 6))
      >>> tp.fully_connected_tensor_product(x1, x2, weights, lmax_out=1).shape
      (5, 6, 4)
    """
    require_choice("normalization", normalization, NORMALIZATIONS)
    (x1, lmax1), (x2, lmax2) = checked("x1", x1), checked("x2", x2)
    lmax_out = within(lmax_out, lmax1 + lmax2)
    for name, x in (("x1", x1), ("x2", x2)):
        if x.ndim < 2:
            raise ValueError(f"{name} must have shape (..., channels, components), got {x.shape}")
    weights = jnp.asarray(weights)
    require_floating("weights", weights)
    num_paths = len(tensor_product_paths(lmax1, lmax2, lmax_out))
    require_shape("weights", weights, (num_paths, x1.shape[-2], x2.shape[-2], None))
    lead = jnp.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
    dtype, sums = jnp.result_type(x1, x2), accumulation_dtype(x1, x2)
    num_rows, channels_out = math.prod(lead), weights.shape[-1]
    size_out = channels_out * num_components(lmax_out)
    if 0 in (num_rows, *weights.shape):
        return jnp.zeros((*lead, channels_out, num_components(lmax_out)), dtype)
    shapes = (x1.shape[-2:], x2.shape[-2:])
    rows = tuple(
        jnp.broadcast_to(x.astype(sums), (*lead, *x.shape[-2:])).reshape(num_rows, math.prod(x.shape[-2:]))
        for x in (x1, x2)
    )
    groups = _groups(lmax1, lmax2, lmax_out, normalization)

    def product(numbers, weights, x1, x2):
        mixing = [_mixing(weights, paths) for _, paths, _ in groups]

        def of_rows(x1, x2):
            first, second = x1.reshape(-1, *shapes[0]), x2.reshape(-1, *shapes[1])
            return _product(groups, mixing, first, second).reshape(-1, size_out)

        widest = max(table.shape[2] * table.shape[3] for _, _, table in groups)
        return over_rows(of_rows, (x1, x2), power_of_two_within(numbers, widest * shapes[1][0] * channels_out))

    result = jax.lax.platform_dependent(
        weights.astype(sums),
        *rows,
        cpu=functools.partial(product, _ON_CPU),
        default=functools.partial(product, _ELSEWHERE),
    )
    return result.reshape(*lead, channels_out, num_components(lmax_out)).astype(dtype)


def _mixing(weights, paths):
    """`(channels1, paths x channels2 x channels_out)`."""
    of_paths = jnp.stack([weights[path] for path in paths])
    return of_paths.swapaxes(0, 1).reshape(weights.shape[1], -1)


def _product(groups, mixing, x1, x2):
    """`(rows, channels_out, components)`."""
    num_rows, num_channels2, _ = x2.shape
    total: dict[int, jax.Array] = {}
    for ((l1, l3), _, table), matrix in zip(groups, mixing, strict=True):
        # The first factor meets the weights in one wide matrix product, then each row what the second makes of paths.
        first = x1[..., degree_slice(l1)].swapaxes(1, 2).reshape(-1, x1.shape[1])
        size = (2 * l1 + 1) * table.shape[3] * num_channels2
        mixed = contract("ru,uq->rq", first, matrix).reshape(num_rows, size, -1)
        turned = contract("nvj,jkip->nkipv", x2, jnp.asarray(table, x2.dtype)).reshape(num_rows, 2 * l3 + 1, size)
        found = contract("nkq,nqd->nkd", turned, mixed)
        total[l3] = total[l3] + found if l3 in total else found
    return jnp.concatenate([total[l3] for l3 in sorted(total)], axis=1).swapaxes(1, 2)


@functools.lru_cache(maxsize=32)
def _groups(lmax1, lmax2, lmax_out, normalization):
    """For every l1 and l3 with a path: the numbers of their paths, and `(components 2, 2 l3 + 1, 2 l1 + 1, paths)`."""
    in_order = tensor_product_paths(lmax1, lmax2, lmax_out)
    groups = []
    for l3 in range(lmax_out + 1):
        for l1 in range(lmax1 + 1):
            paths = [path for path in in_order if path[0] == l1 and path[2] == l3]
            if not paths:
                continue
            table = np.zeros((num_components(lmax2), 2 * l3 + 1, 2 * l1 + 1, len(paths)))
            for number, path in enumerate(paths):
                table[degree_slice(path[1]), ..., number] = path_tensor(path, normalization).transpose(1, 2, 0)
            groups.append(((l1, l3), tuple(map(in_order.index, paths)), table))
    return tuple(groups)
