"""The loss of a representation of two halves: one the same for both views, one predicted from view to view."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.validation import require_floating, require_shape
from jaxinv.kernels.representations.vicreg import vicreg_covariance, vicreg_invariance, vicreg_variance


class SIELoss(NamedTuple):
    """The loss and its terms, these without their coefficients."""

    loss: Float[Array, ""]
    invariance: Float[Array, ""]
    """Between the invariant halves of both views."""
    equivariance: Float[Array, ""]
    """Between what is predicted of the second view's equivariant half and that half."""
    variance: Float[Array, ""]
    """Of both views, both halves side by side, added."""
    predicted_variance: Float[Array, ""]
    """Of the prediction."""
    covariance: Float[Array, ""]
    """Of both views, both halves side by side, added: also of one half with the other."""


@functools.partial(jax.jit, static_argnames="axis_name")
def sie_loss(
    x_invariant: Float[Array, "n d"],
    y_invariant: Float[Array, "n d"],
    x_equivariant: Float[Array, "n e"],
    y_equivariant: Float[Array, "n e"],
    y_predicted: Float[Array, "n e"],
    *,
    invariance: float = 10.0,
    equivariance: float = 4.5,
    variance: float = 10.0,
    predicted_variance: float = 10.0,
    covariance: float = 1.0,
    axis_name: str | None = None,
) -> SIELoss:
    """Split invariant and equivariant loss, of terms of `vicreg_invariance`, `_variance` and `_covariance`.

    Args:
      x_invariant: `(n, d)`, embeddings of the invariant half, first view; at least two samples.
      y_invariant: `(n, d)`, second view.
      x_equivariant: `(n, e)`, embeddings of the equivariant half, first view.
      y_equivariant: `(n, e)`, second view.
      y_predicted: `(n, e)`, what is predicted of it from the first view and the transformation.
      invariance: coefficient, as are the four next; defaults are those of the published recipe.
      equivariance: of the prediction's error.
      variance: of both views' variance.
      predicted_variance: of the prediction's variance, which keeps it from shrinking; 0 is the published ablation.
      covariance: of both views' covariance.
      axis_name: static, of the mesh axis over which samples are split.

    Returns:
      A `SIELoss`, in float32 at least.

    Raises:
      TypeError, ValueError: wrong dtype or shape, or fewer than two samples, naming the argument.

    Transformations: jit, vmap, jvp, vjp, any order.
    References: Garrido, Najman and LeCun, ICML 2023, arXiv:2302.10283, section 4.
    """
    require_floating("x_invariant", x_invariant)
    require_shape("x_invariant", x_invariant, (None, None))
    for name, array, like in (
        ("y_invariant", y_invariant, x_invariant),
        ("x_equivariant", x_equivariant, x_equivariant),
        ("y_equivariant", y_equivariant, x_equivariant),
        ("y_predicted", y_predicted, x_equivariant),
    ):
        require_floating(name, array)
        require_shape(name, array, (x_invariant.shape[0], like.shape[-1]))
    first, second = (
        jnp.concatenate(halves, axis=-1) for halves in ((x_invariant, x_equivariant), (y_invariant, y_equivariant))
    )
    same = vicreg_invariance(x_invariant, y_invariant, axis_name=axis_name)
    error = vicreg_invariance(y_predicted, y_equivariant, axis_name=axis_name)
    spread, shared = (
        function(first, axis_name=axis_name) + function(second, axis_name=axis_name)
        for function in (vicreg_variance, vicreg_covariance)
    )
    of_prediction = vicreg_variance(y_predicted, axis_name=axis_name)
    loss = (
        invariance * same
        + equivariance * error
        + variance * spread
        + predicted_variance * of_prediction
        + covariance * shared
    )
    return SIELoss(loss, same, error, spread, of_prediction, shared)
