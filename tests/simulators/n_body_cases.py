"""Charged particles beside loops over pairs in float64 numpy."""

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import simulators as kernels
from tests.duties import FEATURES, BadInput, Case

N, D, SOFTENING, TIMESTEP = 4, 3, 0.5, 0.1
FRAMES = {"num_frames": 3, "steps_per_frame": 3}


def particles(generator, n=N, d=D):
    """Charges of both signs, and of different amounts."""
    return generator.normal(size=(n, d)), 0.5 * generator.normal(size=(n, d)), generator.normal(size=n)


def forces(positions, charges):
    found = np.zeros_like(positions)
    for i, x in enumerate(positions):
        for j, y in enumerate(positions):
            found[i] += charges[i] * charges[j] * (x - y) / (np.sum((x - y) ** 2) + SOFTENING**2) ** 1.5
    return found


def simulated(positions, velocities, charges):
    """Leapfrog with velocities at half steps, completed at the frames: positions, then velocities."""
    half = velocities + TIMESTEP / 2 * forces(positions, charges)
    frames = [np.concatenate([positions, velocities], axis=1)]
    for step in range(1, 7):
        positions = positions + TIMESTEP * half
        if step % 3 == 0:
            frames.append(np.concatenate([positions, half + TIMESTEP / 2 * forces(positions, charges)], axis=1))
        half = half + TIMESTEP * forces(positions, charges)
    return np.stack(frames)


def invariants(positions, velocities, charges):
    """Energy, momentum, and positions cross velocities."""
    energy = np.sum(velocities**2) / 2
    for i in range(len(positions)):
        for j in range(i):
            square = np.sum((positions[i] - positions[j]) ** 2) + SOFTENING**2
            energy += charges[i] * charges[j] / np.sqrt(square)
    return np.concatenate([[energy], velocities.sum(0), np.cross(positions, velocities).sum(0)])


def _listed(found):
    turning = found.angular_momentum
    crossed = [turning[..., i, j] for i, j in ((1, 2), (2, 0), (0, 1))]
    return jnp.concatenate([found.energy[..., None], found.momentum, jnp.stack(crossed, axis=-1)], axis=-1)


def _simulate(*arguments, **options):
    return kernels.simulate_charged_particles(*arguments, **{**FRAMES, "softening": SOFTENING, **options})


POINTS, CHARGES = jnp.zeros((N, D)), jnp.ones(N)

CASES = [
    Case(
        name="simulators.simulate_charged_particles",
        function=lambda *arguments: _simulate(*arguments, timestep=TIMESTEP),
        arguments=particles,
        reference=simulated,
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((0, N, D)), np.zeros((0, N, D)), np.zeros((0, N))),
        **{**FEATURES, "value": lambda found: jnp.concatenate(found, axis=-1)},
        bad_input=(
            BadInput(
                call=lambda: _simulate(POINTS, POINTS[:2], CHARGES),
                error=ValueError,
                message=r"velocities must have shape \(4, 3\), got \(2, 3\)",
            ),
            BadInput(
                call=lambda: _simulate(POINTS, POINTS, CHARGES[:3]),
                error=ValueError,
                message=r"charges must have one value a particle, shape \(4,\), got \(3,\)",
            ),
            BadInput(
                call=lambda: _simulate(POINTS, POINTS, CHARGES.astype(int)),
                error=TypeError,
                message="charges must be floating point",
            ),
            BadInput(
                call=lambda: _simulate(POINTS[0], POINTS[0], CHARGES),
                error=ValueError,
                message=r"positions must have shape \(..., n, d\), got \(3,\)",
            ),
            BadInput(
                call=lambda: _simulate(POINTS, POINTS, CHARGES, mask=CHARGES),
                error=TypeError,
                message="mask must be boolean, got dtype float",
            ),
            BadInput(
                call=lambda: _simulate(POINTS, POINTS, CHARGES, softening=0.0),
                error=ValueError,
                message=r"softening must be finite and >= 0.0001, got 0.0",
            ),
            BadInput(
                call=lambda: _simulate(POINTS, POINTS, CHARGES, timestep=CHARGES),
                error=ValueError,
                message=r"timestep must have shape \(\), got \(4,\)",
            ),
            BadInput(
                call=lambda: _simulate(POINTS, POINTS, CHARGES, num_frames=0),
                error=ValueError,
                message="num_frames must be >= 1, got 0",
            ),
            BadInput(
                call=lambda: _simulate(POINTS, POINTS, CHARGES, steps_per_frame=0),
                error=ValueError,
                message="steps_per_frame must be >= 1, got 0",
            ),
        ),
    ),
    Case(
        name="simulators.charged_invariants",
        function=lambda *arguments: kernels.charged_invariants(*arguments, softening=SOFTENING),
        arguments=particles,
        reference=invariants,
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((0, N, D)), np.zeros((0, N, D)), np.zeros((0, N))),
        **{**FEATURES, "value": _listed, "low_result": jnp.float32},
        bad_input=(
            BadInput(
                call=lambda: kernels.charged_invariants(POINTS, POINTS, CHARGES, mask=CHARGES[:3] > 0),
                error=ValueError,
                message=r"mask must have one value a particle, shape \(4,\), got \(3,\)",
            ),
        ),
    ),
]
