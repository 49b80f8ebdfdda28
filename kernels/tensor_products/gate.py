"""The gate: a non-linearity that commutes with rotations."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.harmonics.degrees import over_components
from jaxinv.kernels.numerics.precision import accumulation_dtype
from jaxinv.kernels.numerics.ranks import with_equal_ranks
from jaxinv.kernels.numerics.validation import require_floating
from jaxinv.kernels.tensor_products.arguments import checked


@functools.partial(jax.jit, static_argnames=("activation", "gate_activation"))
def gate(
    x: jax.Array,
    gates: jax.Array,
    *,
    activation: Callable[[jax.Array], jax.Array] = jax.nn.silu,
    gate_activation: Callable[[jax.Array], jax.Array] = jax.nn.sigmoid,
) -> jax.Array:
    """Degree 0 through an activation, each higher degree times an activated scalar of its own.

    Args:
      x: `(..., (lmax + 1)^2)`, floating point.
      gates: `(..., lmax)`, scalars (invariants) for the degrees 1 .. lmax; leading axes broadcast against those of x.
      activation: static, of degree 0: elementwise, smooth where derivatives are wanted.
      gate_activation: static, of the gates.

    Returns:
      `(..., (lmax + 1)^2)` in the dtype of x; bfloat16 is computed in float32. Both activations are scaled to unit
      second moment for normally distributed input of unit variance, as in e3nn.

    Degree 0 must be a true scalar (0e), unless the activation is odd. Equivariant under rotations, and under inversion
    with the parities of x.
    Raises:
      TypeError: x or gates are not floating point.
      ValueError: a trailing size of x that is no square; other than lmax gates.
    Transformations: jit, vmap, jvp, vjp, as often as the activations allow.
    References: Weiler et al., 3D steerable CNNs, arXiv:1807.02547; Geiger, Smidt, e3nn, arXiv:2207.09453.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxinv.kernels import harmonics, tensor_products as tp
      >>> x, gates = jax.random.normal(jax.random.key(0), (8, 9)), jnp.ones((8, 2))
      >>> turn = jax.random.orthogonal(jax.random.key(1), 3)
      >>> before, after = tp.gate(harmonics.rotate(x, turn), gates), harmonics.rotate(tp.gate(x, gates), turn)
      >>> bool(jnp.allclose(before, after, atol=1e-5))
      True
    """
    x, lmax = checked("x", x)
    gates = jnp.asarray(gates)
    require_floating("gates", gates)
    if gates.ndim == 0 or gates.shape[-1] != lmax:
        raise ValueError(f"gates must have {lmax} numbers on the last axis, one a degree 1 .. lmax, got {gates.shape}")
    dtype, sums = x.dtype, accumulation_dtype(x, gates)
    x, gates = with_equal_ranks(x.astype(sums), gates.astype(sums))
    scalars = activation(x[..., :1]) / _root_second_moment(activation, sums.name)
    # Zeros for degree 0, which the activated scalars replace.
    opened = gate_activation(gates) / _root_second_moment(gate_activation, sums.name)
    factors = over_components(jnp.concatenate([jnp.zeros_like(opened, shape=(*opened.shape[:-1], 1)), opened], axis=-1))
    scaled = (x * factors)[..., 1:]
    scalars = jnp.broadcast_to(scalars, (*scaled.shape[:-1], 1))
    return jnp.concatenate([scalars, scaled], axis=-1).astype(dtype)


@functools.lru_cache(maxsize=64)
def _root_second_moment(activation, dtype):
    """Root of the mean square of the activation of a normal variable, by quadrature in `dtype`."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(128)
    with jax.ensure_compile_time_eval():
        values = np.asarray(activation(jnp.asarray(nodes, dtype)), np.float64)
    return float(np.sqrt(np.sum(weights * values**2) / np.sum(weights)))
