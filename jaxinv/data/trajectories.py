"""Charged particles at one time and where they are later: the n-body task of equivariant networks.

As published: five particles, simulated for 4100 steps of 0.001 from a random start; known is the frame after 3100,
asked is where the particles are after 1000 more. The generator's files are not read: systems are drawn and simulated
anew by `jaxinv.kernels.simulators`, whose forces are softened where the generator clips them. Motion along the velocity
(of its best multiple) leaves the same mean squared error here, .086, as under the generator's rule, .085.

References: Satorras, Hoogeboom and Welling, E(n) equivariant graph neural networks, arXiv:2102.09844.
"""

import dataclasses

import jax
import numpy as np

from jaxinv.kernels.numerics.validation import require_at_least
from jaxinv.kernels.simulators import sample_charged_particles, simulate_charged_particles

# In the simulator's frames.
_KNOWN, _ASKED = 31, 41


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChargedTrajectories:
    """Systems of charged particles of mass 1, each at two times one unit apart; in JAX's default floating dtype.

    Attributes:
      positions: `(systems, particles, 3)`, at the first time.
      velocities: `(systems, particles, 3)`, at the first time.
      charges: `(systems, particles)`, +1 or -1.
      targets: `(systems, particles, 3)`, the positions at the second time.
    """

    positions: np.ndarray
    velocities: np.ndarray
    charges: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.charges)

    def __getitem__(self, rows: slice) -> "ChargedTrajectories":
        return ChargedTrajectories(
            positions=self.positions[rows],
            velocities=self.velocities[rows],
            charges=self.charges[rows],
            targets=self.targets[rows],
        )


def charged_particles(num_systems: int, *, seed: int, num_particles: int = 5) -> ChargedTrajectories:
    """Draws and simulates systems; on one device the same arguments give the same systems.

    Args:
      num_systems: published are 3000 to train on, and 2000 each to validate and to test.
      seed: systems of other seeds are independent.
      num_particles: in each system.

    Raises:
      ValueError: no system, or no particle.
    """
    require_at_least("num_systems", num_systems, 1)
    keys = jax.random.split(jax.random.key(seed), num_systems)
    start = jax.jit(jax.vmap(lambda key: sample_charged_particles(key, num_particles)))(keys)
    positions, velocities = (np.asarray(frames) for frames in simulate_charged_particles(*start, num_frames=_ASKED + 1))
    return ChargedTrajectories(
        positions=positions[:, _KNOWN],
        velocities=velocities[:, _KNOWN],
        charges=np.asarray(start.charges),
        targets=positions[:, _ASKED],
    )
