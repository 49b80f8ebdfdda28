"""One hidden layer on patches, in three architectures that differ in locality and weight sharing alone.

| architecture | hidden units | weights |
| --- | --- | --- |
| "CNN", local and shared | one a patch, of that patch | `(d,)`, the same for every patch |
| "LCN", local | one a patch, of that patch | `(k, d)`, a row a patch |
| "FCN", neither | k, each of the whole input | `(k, k, d)`, a unit, its patches |

Units are `odd_threshold`; the score is their sum, its sign the label. An LCN with equal rows is a CNN, an FCN with a
block diagonal is an LCN.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from jaxinv.kernels.numerics.validation import require_choice
from jaxinv.kernels.simulators import odd_threshold

ARCHITECTURES = ("CNN", "LCN", "FCN")
_DEVIATION = 1e-2


class OneHiddenLayer(NamedTuple):
    """Parameters."""

    weights: Float[Array, "..."]
    """`(d,)`, `(k, d)` or `(k, k, d)`: what architecture it is."""
    threshold: Float[Array, ""]
    """Of `odd_threshold`, not negative."""


def init_one_hidden_layer(key: PRNGKeyArray, architecture: str, *, num_patches: int, patch_size: int) -> OneHiddenLayer:
    """Isotropic Gaussian weights of standard deviation 0.01, and threshold 0.

    Args:
      key: of the weights.
      architecture: one of `ARCHITECTURES`.
      num_patches: k.
      patch_size: d.

    Raises:
      ValueError: unknown architecture.
    """
    require_choice("architecture", architecture, ARCHITECTURES)
    shapes = {
        "CNN": (patch_size,),
        "LCN": (num_patches, patch_size),
        "FCN": (num_patches, num_patches, patch_size),
    }
    return OneHiddenLayer(_DEVIATION * jax.random.normal(key, shapes[architecture]), jnp.zeros(()))


def one_hidden_layer_score(params: OneHiddenLayer, patches: Float[Array, "n k d"]) -> Float[Array, "n"]:
    """The sum of all hidden units, an odd function of the input."""
    units = {1: "nkd,d->nk", 2: "nkd,kd->nk", 3: "nkd,jkd->nj"}[params.weights.ndim]
    return jnp.sum(odd_threshold(jnp.einsum(units, patches, params.weights), params.threshold), axis=-1)
