"""Charged particles beside the loops in numpy by which their trajectories are published."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels import simulators as kernels

# Softer than by default: without close encounters, which magnify rounding, answers can be compared.
STEPS, TIMESTEP, SOFTENING = 1000, 1e-3, 0.5
DIMENSION = 3


def _arguments(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Positions, velocities and charges of many systems."""
    shape = sizes["systems"], sizes["particles"]
    positions, velocities = generator.normal(size=(2, *shape, DIMENSION)).astype(np.float32)
    return positions, velocities / 2, generator.choice([-1.0, 1.0], size=shape).astype(np.float32)


def _end(positions, velocities, charges):
    found = kernels.simulate_charged_particles(
        positions,
        velocities,
        charges,
        num_frames=2,
        steps_per_frame=STEPS,
        timestep=TIMESTEP,
        softening=SOFTENING,
    )
    return found.positions[:, 1]


def _forces(positions, charges, module):
    apart = positions[:, None] - positions[None]
    square = module.sum(apart**2, axis=-1) + SOFTENING**2
    return module.sum((charges[:, None] * charges[None] * square**-1.5)[:, :, None] * apart, axis=1)


def _steps(system, loop: Callable[..., Any], module: Any):
    """Leapfrog of one system: its velocities are those of half a step later."""
    positions, velocities, charges = system
    half = velocities + TIMESTEP / 2 * _forces(positions, charges, module)

    def step(state):
        positions, half = state
        positions = positions + TIMESTEP * half
        return positions, half + TIMESTEP * _forces(positions, charges, module)

    return loop(step, (positions, half))[0]


def _python_loop(step, state):
    for _ in range(STEPS):
        state = step(state)
    return state


def _scan(step, state):
    return jax.lax.scan(lambda state, _: (step(state), None), state, length=STEPS)[0]


def _numpy(positions, velocities, charges):
    """One system after the other, in float64, as the published generator goes."""
    wide = (array.astype(np.float64) for array in (positions, velocities, charges))
    return np.stack([_steps(system, _python_loop, np) for system in zip(*wide, strict=True)])


def _vmapped(positions, velocities, charges):
    return jax.vmap(lambda *system: _steps(system, _scan, jnp))(positions, velocities, charges)


def _work(sizes: Sizes) -> Work:
    """A step's forces, each pair once in 22 operations, its kick and its drift; arguments and result once."""
    systems, n, d = sizes["systems"], sizes["particles"], DIMENSION
    pair = 6 * d + 4
    flops = STEPS * systems * (n * (n - 1) / 2 * pair + 4.0 * n * d)
    return Work(flops=flops, bytes=4.0 * systems * n * (3 * d + 1))


CASES = (
    Case(
        family="simulators",
        name="simulate_charged_particles",
        kernel=_end,
        arguments=_arguments,
        sizes=({"systems": 100, "particles": 5},),
        small={"systems": 3, "particles": 5},
        work=_work,
        peers=(
            Peer(name="numpy, a loop over systems and steps", kind="dense", call=_numpy, tolerance=1e-4, slow=True),
            Peer(name="vmap of a scan in jnp", kind="dense", call=_vmapped, compiled=True, tolerance=1e-4),
        ),
        differentiable=(0, 1, 2),
        sweep={"systems": (1000, 10_000)},
    ),
)
