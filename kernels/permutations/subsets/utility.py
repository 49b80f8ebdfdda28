"""The energy of a subset within a set, read by a dense network from two invariant sums."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.validation import require_floating, require_shape

Utility = Callable[[jax.Array], jax.Array]


class SetUtilityParams(NamedTuple):
    """Of a dense network with ReLU between its layers.

    Attributes:
      kernels: `(D, H_1)`, `(H_1, H_2)` and so on, to one number `(H_k, 1)`.
      biases: `(H_1,)` and so on, to `(1,)`.
      statistic: `(E, H_1)`, on the statistic of the whole set; None where it is not told.
    """

    kernels: tuple[jax.Array, ...]
    biases: tuple[jax.Array, ...]
    statistic: jax.Array | None = None


@jax.jit
def set_utility(params: SetUtilityParams, sums: jax.Array, statistic: jax.Array | None = None) -> jax.Array:
    """F(S; V): the network's first layer takes the sum over S and, if told, the statistic of V.

    Args:
      params: floating point.
      sums: `(..., D)`, floating point, from `subset_sums`.
      statistic: `(E,)`, from `superset_statistic`: with it INSET, without it EquiVSet, which knows of V only what S
        shows.

    Returns:
      `(...)`, in float32 at least, as the layers between are.

    Raises:
      TypeError, ValueError: wrong dtype or shape, a statistic without its weights or weights without a statistic,
        naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order.
    References: Ou et al., Learning neural set functions under the optimal subset oracle (EquiVSet), NeurIPS 2022,
      arXiv:2203.01693; Xie et al., INSET, ICLR 2024, arXiv:2402.03139.
    """
    # Linear, so that the order of the first layer and the sum does not matter.
    first, rest = fold_utility(params, sums, statistic)
    return rest(first)


def fold_utility(
    params: SetUtilityParams, h: jax.Array, statistic: jax.Array | None = None
) -> tuple[jax.Array, Utility]:
    """`set_utility` with its linear first layer taken of the elements, once, and not of the sum of every subset.

    Args:
      params: as for `set_utility`.
      h: `(n, D)`, floating point, features of the elements.
      statistic: as for `set_utility`.

    Returns:
      Features `(n, H_1)` of the elements, and the function from sums of these `(..., H_1)` to `(...)`.

    Raises:
      TypeError, ValueError: as `set_utility`.

    Work: `n D H_1` for the layer, where `k` subsets would take `k D H_1`.
    Transformations: jit, vmap, jvp, vjp, any order; the function is traced, no argument of `jit`.
    References: as `set_utility`.
    """
    h = jnp.asarray(h)
    require_floating("h", h)
    _require_params(params, h, statistic)
    (first, *kernels), (bias, *biases) = params.kernels, params.biases
    if params.statistic is not None:
        bias = bias + contract("e,eh->h", jnp.asarray(statistic), params.statistic)

    def rest(sums):
        x = _plus(sums, bias)
        for kernel, bias_of_layer in zip(kernels, biases, strict=True):
            x = _plus(contract("...d,de->...e", jax.nn.relu(x), kernel), bias_of_layer)
        return x[..., 0]

    return contract("...d,de->...e", h, first), rest


def _plus(x, bias):
    x, bias = with_equal_ranks(x, bias)
    return x + bias


def _require_params(params: SetUtilityParams, h, statistic) -> None:
    if not params.kernels or len(params.kernels) != len(params.biases):
        raise ValueError(
            f"params must have as many kernels as biases, got {len(params.kernels)} and {len(params.biases)}"
        )
    width = h.shape[-1]
    for i, (kernel, bias) in enumerate(zip(params.kernels, params.biases, strict=True)):
        require_floating(f"params.kernels[{i}]", kernel)
        out = 1 if i + 1 == len(params.kernels) else None
        require_shape(f"params.kernels[{i}]", kernel, (width, out))
        width = kernel.shape[1]
        require_shape(f"params.biases[{i}]", bias, (width,))
    if (statistic is None) != (params.statistic is None):
        raise ValueError("statistic must be given if params.statistic is, and not otherwise")
    if statistic is not None and params.statistic is not None:
        require_shape("params.statistic", params.statistic, (*jnp.shape(statistic), params.kernels[0].shape[1]))
