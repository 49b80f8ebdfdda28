"""Softened Coulomb forces in many systems: a pair at distance r has the energy `q q' / sqrt(r^2 + s^2)`.

Arrays have the systems innermost, `(n, d, systems)` and `(n, systems)`: few particles in few dimensions would leave a
CPU's vector units, and an accelerator's lanes, empty.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

# Its ninth inverse power, in the derivatives of forces, is within float32.
_LEAST_SOFTENING = 1e-4


def require_softening(softening: float) -> None:
    """Raises ValueError unless powers of `softening` stay finite."""
    if not _LEAST_SOFTENING <= softening < math.inf:
        raise ValueError(f"softening must be finite and >= {_LEAST_SOFTENING}, got {softening}")


def coulomb_forces(positions: jax.Array, charges: jax.Array, softening: float) -> jax.Array:
    """On every particle: `q sum_j q_j (x - x_j) / (|x - x_j|^2 + s^2)^(3/2)`, `(n, d, systems)`."""
    apart = positions[:, None] - positions[None, :]
    inverse = jax.lax.rsqrt(_softened_square(apart, softening))
    push = charges[:, None] * charges[None, :] * inverse * inverse * inverse
    forces = push[:, :, None] * apart
    # Not jnp.sum: XLA's loop for a CPU goes along the summed axis, ten times as long as along the systems.
    return sum((forces[:, j] for j in range(positions.shape[0])), jnp.zeros_like(positions))


def coulomb_energy(positions: jax.Array, charges: jax.Array, softening: float) -> jax.Array:
    """Of all pairs, each counted once: `(systems,)`."""
    one, other = np.triu_indices(positions.shape[0], 1)
    square = _softened_square(positions[one] - positions[other], softening)
    return jnp.sum(charges[one] * charges[other] * jax.lax.rsqrt(square), axis=0)


def _softened_square(apart, softening):
    """`(pairs..., d, systems)` without its axis d."""
    square = jnp.full((*apart.shape[:-2], apart.shape[-1]), softening**2, apart.dtype)
    return sum((apart[..., c, :] ** 2 for c in range(apart.shape[-2])), square)
