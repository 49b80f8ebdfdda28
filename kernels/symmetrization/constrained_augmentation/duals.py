"""Multipliers of constraints: the Lagrangian that the primal step descends, and the step that they ascend by."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.validation import require_floating, require_shape


def dual_ascent(
    lam: Float[Array, "c"], slack: Float[Array, "c"], lr: Float[ArrayLike, ""], *, lam_max: float | None = None
) -> Float[Array, "c"]:
    """One projected step up: max(0, lam + lr slack).

    Args:
      lam: `(C,)`, multipliers, not negative.
      slack: `(C,)`, constrained values less their bounds: positive where a constraint is violated.
      lr: of the dual, per step. A large one winds multipliers up, and they fall only by lr times the bound a step.
      lam_max: no multiplier grows beyond; None is no bound.

    Returns:
      `(C,)`.

    Raises:
      TypeError: if an array is not floating point.
      ValueError: if the shapes differ.

    Transformations: jit, vmap, grad.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> symmetrization.dual_ascent(jnp.array([0.5, 0.5]), jnp.array([1.0, -9.0]), 0.25)  # violated; kept
      Array([0.75, 0.  ], dtype=float32)
    """
    require_floating("lam", lam)
    require_floating("slack", slack)
    require_shape("slack", slack, lam.shape)
    dtype = accumulation_dtype(lam, slack)
    return jnp.clip(lam.astype(dtype) + lr * slack.astype(dtype), 0.0, lam_max).astype(lam.dtype)


def constrained_loss(clean: Float[Array, ""], augmented: Float[Array, "c"], lam: Float[Array, "c"]) -> Float[Array, ""]:
    """The Lagrangian without its constant: the clean loss and each augmented one times its multiplier.

    Args:
      clean: loss of the examples as they are.
      augmented: `(C,)`, losses of transformed examples, one a constraint.
      lam: `(C,)`, multipliers; no gradient reaches them.

    Returns:
      A scalar.

    Raises:
      TypeError: if an argument is not floating point.
      ValueError: if `lam` and `augmented` do not have the same shape.

    Transformations: jit, vmap, grad in `clean` and `augmented`.
    """
    for name, array in (("clean", clean), ("augmented", augmented), ("lam", lam)):
        require_floating(name, array)
    require_shape("augmented", augmented, (None,))
    require_shape("lam", lam, augmented.shape)
    return clean + contract("c,c->", jax.lax.stop_gradient(lam), augmented).astype(clean.dtype)
