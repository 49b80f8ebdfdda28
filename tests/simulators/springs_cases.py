"""Springs beside loops over pairs in float64 numpy."""

import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import simulators as kernels
from tests.duties import FEATURES, BadInput, Case

N, D, TIMESTEP, STIFFNESS = 4, 2, 0.1, 0.7


def particles(generator, n=N, d=D):
    """Some pairs are joined, by springs of different strength."""
    springs = np.triu(generator.uniform(size=(n, n)) * (generator.uniform(size=(n, n)) < 0.7), 1)
    return generator.normal(size=(n, d)), 0.5 * generator.normal(size=(n, d)), springs + springs.T


def forces(positions, springs):
    found = np.zeros_like(positions)
    for i, x in enumerate(positions):
        for j, y in enumerate(positions):
            found[i] -= STIFFNESS * springs[i, j] * (x - y)
    return found


def simulated(positions, velocities, springs):
    """Leapfrog with velocities at half steps, completed at the frames: positions, then velocities."""
    half = velocities + TIMESTEP / 2 * forces(positions, springs)
    frames = [np.concatenate([positions, velocities], axis=1)]
    for step in range(1, 7):
        positions = positions + TIMESTEP * half
        if step % 3 == 0:
            frames.append(np.concatenate([positions, half + TIMESTEP / 2 * forces(positions, springs)], axis=1))
        half = half + TIMESTEP * forces(positions, springs)
    return np.stack(frames)


def _simulate(*arguments, **options):
    return kernels.simulate_springs(*arguments, **{"num_frames": 3, "steps_per_frame": 3, **options})


def _bad(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


POINTS, SPRINGS = jnp.zeros((N, D)), jnp.ones((N, N))

CASES = [
    Case(
        name="simulators.simulate_springs",
        function=lambda *arguments: _simulate(*arguments, timestep=TIMESTEP, stiffness=STIFFNESS),
        arguments=particles,
        reference=simulated,
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((0, N, D)), np.zeros((0, N, D)), np.zeros((0, N, N))),
        **{**FEATURES, "value": lambda found: jnp.concatenate(found, axis=-1)},
        bad_input=(
            _bad(lambda: _simulate(POINTS[0], POINTS, SPRINGS), "positions must have shape"),
            _bad(lambda: _simulate(POINTS, POINTS[:2], SPRINGS), r"velocities must have shape \(4, 2\)"),
            _bad(lambda: _simulate(POINTS, POINTS, SPRINGS[0]), r"springs must have shape \(4, 4\)"),
            _bad(lambda: _simulate(POINTS, POINTS, SPRINGS.astype(int)), "springs must be floating", TypeError),
            _bad(lambda: _simulate(POINTS, POINTS, SPRINGS, stiffness=jnp.ones(2)), "stiffness must have shape"),
            _bad(lambda: _simulate(POINTS, POINTS, SPRINGS, num_frames=0), "num_frames must be >= 1"),
            _bad(lambda: _simulate(POINTS, POINTS, SPRINGS, steps_per_frame=0), "steps_per_frame must be >= 1"),
        ),
    )
]
