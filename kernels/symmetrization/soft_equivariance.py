"""Regularisation towards several symmetries at once, each by its own strength, tuned once by how it is violated.

The penalty is on weights: it makes a network equivariant where its non-linearities are equivariant for the group.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxinv.kernels.numerics.precision import accumulation_dtype, contract
from jaxinv.kernels.numerics.safe import safe_divide, safe_norm
from jaxinv.kernels.numerics.validation import require_choice, require_floating
from jaxinv.kernels.symmetrization.equivariant_basis import project_equivariant

PENALTIES = ("square", "relative", "cosine")


@functools.partial(jax.jit, static_argnames=("kind",))
def equivariance_penalty(parameter: jax.Array, basis: jax.Array, *, kind: str = "square") -> jax.Array:
    """How far a parameter is from the equivariant ones.

    Args:
      parameter: floating point, one map or copies of one kind (`project_equivariant`); P W is its projection.
      basis: `(entries, r)`, columns orthonormal (`equivariant_basis`).
      kind: static; "square" `|W - P W|^2 / 2`, the authors', whose gradient is `W - P W`; "relative", that over
        `|W|^2`, for layers of different sizes; "cosine" `1 - |P W| / |W|`. The last two are 0 for W = 0.

    Returns:
      A scalar in the dtype of the parameter, summed in float32 at least; 0 only where W is equivariant.

    Raises:
      TypeError, ValueError: wrong dtype or shape, unknown kind, naming the argument.
    Transformations: jit, vmap, jvp, vjp, any order but for "cosine" at P W = 0, where its derivative counts as 0.
    References: Kim et al., Regularizing towards soft equivariance under mixed symmetries, arXiv:2306.00356.
    """
    require_choice("kind", kind, PENALTIES)
    parameter = jnp.asarray(parameter)
    require_floating("parameter", parameter)
    wide = parameter.astype(accumulation_dtype(parameter))
    projected = project_equivariant(wide, basis)
    if kind == "cosine":
        length = safe_norm(wide.reshape(-1))
        found = jnp.where(length == 0, 0, 1 - safe_divide(safe_norm(projected.reshape(-1)), length))
    else:
        found = jnp.sum((wide - projected) ** 2) / 2
        if kind == "relative":
            found = safe_divide(found, jnp.sum(wide * wide))
    return found.astype(parameter.dtype)


def equivariance_penalties(parameters: Any, bases: Sequence[Any], *, kind: str = "square") -> jax.Array:
    """For each group the sum of `equivariance_penalty` over layers.

    Args:
      parameters: a pytree of arrays, weights and biases.
      bases: one pytree of bases for each group, shaped like the parameters.
      kind: static, as in `equivariance_penalty`.

    Returns:
      `(groups,)`, in the common dtype of the parameters.

    Raises:
      TypeError, ValueError: as `equivariance_penalty`; no groups, or bases that are not shaped like the parameters.
    Transformations: as `equivariance_penalty`.
    """
    if len(bases) == 0:
        raise ValueError("bases must hold one tree of bases for each group, got none")
    structure = jax.tree.structure(parameters)
    for tree in bases:
        if jax.tree.structure(tree) != structure:
            raise ValueError(f"bases must be shaped like the parameters, {structure}, got {jax.tree.structure(tree)}")

    def of_group(tree):
        found = jax.tree.map(
            lambda parameter, basis: equivariance_penalty(parameter, basis, kind=kind), parameters, tree
        )
        return sum(jax.tree.leaves(found))

    return jnp.stack([of_group(tree) for tree in bases])


class SoftEquivariance(NamedTuple):
    """What is added to a loss, a scalar, and the penalties `(groups,)` that it is made of."""

    loss: jax.Array
    penalties: jax.Array


def soft_equivariance(
    parameters: Any, bases: Sequence[Any], strengths: jax.Array, *, kind: str = "square"
) -> SoftEquivariance:
    """The regulariser: penalties times strengths, added up.

    Args:
      parameters, bases, kind: as in `equivariance_penalties`.
      strengths: `(groups,)`, floating point; 0 for groups that are watched only.

    Returns, Raises, Transformations: as `equivariance_penalties`; differentiable in the strengths too.
    """
    penalties = equivariance_penalties(parameters, bases, kind=kind)
    strengths = jnp.asarray(strengths)
    require_floating("strengths", strengths)
    if strengths.shape != penalties.shape:
        raise ValueError(f"strengths must have shape {penalties.shape}, one for each of bases, got {strengths.shape}")
    return SoftEquivariance(jnp.sum(strengths.astype(penalties.dtype) * penalties), penalties)


class PenaltyRecord(NamedTuple):
    """Penalties to tune strengths by.

    Attributes:
      least: `(groups,)`, the least value of each so far.
      kept: `(groups,)`, all values of the last step at which any of them reached a new least one, as in the authors'
        code.
    """

    least: jax.Array
    kept: jax.Array


def start_record(penalties: jax.Array) -> PenaltyRecord:
    """The record of a first step, after a warm-up.

    Args:
      penalties: `(groups,)`, of that step.

    Returns:
      `PenaltyRecord`, of these penalties alone.

    Transformations: jit, vmap.
    """
    return PenaltyRecord(penalties, penalties)


def update_record(record: PenaltyRecord, penalties: jax.Array) -> PenaltyRecord:
    """The record with one more step.

    Args:
      record: of the steps so far.
      penalties: `(groups,)`, of the new step.

    Returns:
      `PenaltyRecord`; `kept` is replaced where any penalty is a new least one.

    Transformations: jit, vmap.
    """
    improved = jnp.any(penalties < record.least, axis=-1, keepdims=True)
    return PenaltyRecord(jnp.minimum(record.least, penalties), jnp.where(improved, penalties, record.kept))


@jax.jit
def tune_strengths(
    strengths: jax.Array, penalties: jax.Array, *, power: float = 2.0, floor: float = 1e-12
) -> jax.Array:
    """Strengths divided by how much more than the best kept group each is violated: `(R / min R)^power`.

    Args:
      strengths: `(groups,)`, not negative, floating point; groups of strength 0 are watched only: they keep 0, and
        their penalties do not count for the least one.
      penalties: `(groups,)`, such as `PenaltyRecord.kept`, not negative.
      power: the authors' 2 for synthetic data, 5 for motions.
      floor: penalties count as this much at least, so that symmetries which are all kept exactly keep their strengths.

    Returns:
      `(groups,)` in the dtype of the strengths; the best kept group keeps its own.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp.
    References: as `equivariance_penalty`.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> symmetrization.tune_strengths(jnp.array([0.0, 1.0, 1.0]), jnp.array([9.0, 0.5, 0.1])).round(3)
      Array([0.  , 0.04, 1.  ], dtype=float32)
    """
    strengths, penalties = jnp.asarray(strengths), jnp.asarray(penalties)
    require_floating("strengths", strengths)
    require_floating("penalties", penalties)
    if strengths.ndim != 1 or strengths.shape[0] == 0:
        raise ValueError(f"strengths must have shape (groups,), got {strengths.shape}")
    if penalties.shape != strengths.shape:
        raise ValueError(f"penalties must have the shape of strengths, {strengths.shape}, got {penalties.shape}")
    active = strengths > 0
    bounded = jnp.maximum(penalties.astype(strengths.dtype), floor)
    best = jnp.min(jnp.where(active, bounded, jnp.max(bounded)))
    # (best / R)^power is at most 1, where the quotient of the formula may overflow.
    return jnp.where(active, strengths * jnp.minimum(best / bounded, 1) ** power, strengths)


def equivariance_error(
    function: Callable[[jax.Array], jax.Array], x: jax.Array, rho_in: jax.Array, rho_out: jax.Array
) -> jax.Array:
    """The mean over samples and elements of `|f(g x) - g f(x)| / (|f(g x)| + |g f(x)|)`.

    Args:
      function: `(samples, inputs)` to `(samples, outputs)`.
      x: `(samples, inputs)`, floating point.
      rho_in: `(G, inputs, inputs)`, sampled elements as they act on inputs.
      rho_out: `(G, outputs, outputs)`, the same elements on outputs.

    Returns:
      A scalar between 0 (equivariant) and 1, in the dtype of the outputs; where both are 0 the quotient is 0.

    Raises:
      TypeError, ValueError: wrong dtype or shape, naming the argument.
    Transformations: jit, vmap, jvp, vjp.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import symmetrization
      >>> swap = jnp.array([[[0.0, 1.0], [1.0, 0.0]]])
      >>> x = jnp.array([[1.0, 2.0], [3.0, 5.0]])
      >>> symmetrization.equivariance_error(jnp.tanh, x, swap, swap)
      Array(0., dtype=float32)
    """
    x, rho_in, rho_out = map(jnp.asarray, (x, rho_in, rho_out))
    require_floating("x", x)
    if x.ndim != 2 or rho_in.ndim != 3 or rho_in.shape[1:] != (x.shape[1],) * 2:
        raise ValueError(
            f"rho_in must have shape (G, inputs, inputs) for x (samples, inputs), got {rho_in.shape}, {x.shape}"
        )
    plain = function(x)
    if plain.ndim != 2 or rho_out.shape != (rho_in.shape[0], *(plain.shape[-1],) * 2):
        raise ValueError(f"rho_out must have shape ({rho_in.shape[0]}, outputs, outputs), got {rho_out.shape}")
    turned = contract("gij,nj->gni", rho_in, x).astype(x.dtype)
    found = jax.vmap(function)(turned).astype(accumulation_dtype(plain))
    wanted = contract("gij,nj->gni", rho_out, plain, dtype=found.dtype)
    error = safe_divide(safe_norm(found - wanted), safe_norm(found) + safe_norm(wanted))
    return jnp.mean(error).astype(plain.dtype)
