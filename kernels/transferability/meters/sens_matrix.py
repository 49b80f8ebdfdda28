"""The sensitivity of many models to many transformations in one pass."""

import functools
from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import Array, Float, PRNGKeyArray

from jaxinv.kernels.numerics.validation import require_at_least, require_choice, require_shape
from jaxinv.kernels.transferability.meters.sensitivity import METRICS, Sens, sens


@functools.partial(jax.jit, static_argnames=("represent", "metric"))
def sens_matrix(
    represent: Callable[[Any, jax.Array], jax.Array],
    parameters: Any,
    inputs1: Float[Array, "t n ..."],
    inputs2: Float[Array, "t n ..."],
    key: PRNGKeyArray,
    *,
    metric: str = "l2",
) -> Sens:
    """`sens` of every model under every transformation.

    All meet the same unrelated inputs, so that rows and columns compare.

    Args:
      represent: static; the parameters of one model and inputs `(n, ...)` to a representation `(n, d)`, traceable.
      parameters: pytree, M models along the first axis of every leaf.
      inputs1: `(T, n, ...)`, the first twins under each of T transformations.
      inputs2: as inputs1, the second twins in the same order.
      key: chooses the roll.
      metric: static; as `sens`.

    Returns:
      A `Sens` whose every field is `(M, T)`.

    Raises:
      TypeError, ValueError: as `sens`; also if inputs2 has not the shape of inputs1, which needs two axes.

    One transformation after the other, all models at a time: memory M times that of `represent` on `(n, ...)`.
    Transformations: jit, vmap, grad (in parameters and inputs).

    References: Speicher, Nanda et al. (2024), arXiv:2407.04325, section 5 (the tables of models by transformations).
    """
    require_choice("metric", metric, METRICS)
    require_at_least("inputs1.ndim", inputs1.ndim, 2)
    require_shape("inputs2", inputs2, inputs1.shape)

    def under_one(twins):
        first, second = twins
        return jax.vmap(lambda one: sens(represent(one, first), represent(one, second), key, metric=metric))(parameters)

    return jax.tree.map(lambda field: field.T, jax.lax.map(under_one, (inputs1, inputs2)))
