import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.training.molecular_dynamics import (
    ACCELERATION,
    BOLTZMANN,
    energy_drift,
    jacobian_asymmetry,
    thermal_velocities,
    velocity_verlet,
)
from tests.duties import FLOAT, X64

STIFFNESS, MASS = 20.0, 2.0


def spring(positions):
    """Two atoms, each bound to the origin."""
    return STIFFNESS / 2 * jnp.sum(positions**2), -STIFFNESS * positions


def swirl(positions):
    """No gradient: forces across the position."""
    return jnp.zeros((), positions.dtype), 5.0 * positions[:, jnp.asarray([1, 0, 2])] * jnp.asarray([[1.0, -1.0, 0.0]])


def run(potential, *, timestep, num_steps):
    positions = jnp.asarray([[1.0, 0.0, 0.5], [0.0, -1.0, 0.0]], FLOAT)
    masses = jnp.full(2, MASS, FLOAT)
    return velocity_verlet(
        potential, positions, jnp.zeros_like(positions), masses, timestep=timestep, num_steps=num_steps
    )


def test_a_spring_swings_as_it_should():
    frequency = np.sqrt(STIFFNESS * ACCELERATION / MASS)
    found = run(spring, timestep=0.05, num_steps=200)
    start = np.array([[1.0, 0.0, 0.5], [0.0, -1.0, 0.0]])
    # The rule is of second order: its phase is off by (frequency step)^2 / 24.
    np.testing.assert_allclose(found.positions, start * np.cos(frequency * 10), atol=1e-4)
    np.testing.assert_allclose(found.velocities, -frequency * start * np.sin(frequency * 10), atol=1e-4)
    total = np.asarray(found.potential + found.kinetic)
    np.testing.assert_allclose(total, STIFFNESS / 2 * 2.25, rtol=1e-3)


def test_halving_the_step_quarters_the_error():
    if not X64:
        pytest.skip("the errors are below float32's rounding")
    frequency = np.sqrt(STIFFNESS * ACCELERATION / MASS)
    errors = []
    for refined in (1, 2):
        found = run(spring, timestep=0.4 / refined, num_steps=25 * refined)
        errors.append(abs(float(found.positions[0, 0]) - np.cos(frequency * 10)))
    assert 3.8 < errors[0] / errors[1] < 4.2


def test_drift_tells_a_gradient_from_none():
    kept = run(spring, timestep=0.1, num_steps=2000)
    lost = run(swirl, timestep=0.1, num_steps=2000)
    assert abs(energy_drift(kept, 0.1)) < 1e-2
    assert abs(energy_drift(lost, 0.1)) > 1.0
    slope = kept._replace(potential=0.3 * 1e-3 * 0.1 * jnp.arange(2000, dtype=FLOAT), kinetic=jnp.zeros(2000, FLOAT))
    assert energy_drift(slope, 0.1) == pytest.approx(0.15, rel=1e-4)


def test_asymmetry_tells_a_gradient_from_none():
    positions = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)), FLOAT)

    def pair(x):
        energy = lambda x: jnp.sum(jnp.sin(x @ x.T))  # noqa: E731
        return energy(x), -jax.grad(energy)(x)

    assert float(jacobian_asymmetry(pair, positions)) < (1e-14 if X64 else 1e-6)
    assert float(jacobian_asymmetry(swirl, positions)) == pytest.approx(2.0)
    assert float(jacobian_asymmetry(lambda x: (jnp.sum(x), -jnp.ones_like(x)), positions)) == 0


def test_velocities_have_their_temperature_and_a_centre_at_rest():
    masses = jnp.asarray(np.random.default_rng(0).uniform(1, 16, size=4000), FLOAT)
    velocities = thermal_velocities(jax.random.key(0), masses, 300.0)
    kinetic = float(jnp.sum(masses[:, None] * velocities**2)) / (2 * ACCELERATION)
    # Of 12000 degrees of freedom: 1.3 % is one standard deviation.
    assert kinetic == pytest.approx(1.5 * 4000 * BOLTZMANN * 300, rel=0.05)
    np.testing.assert_allclose(masses @ velocities, 0, atol=1e-2 if not X64 else 1e-8)


def test_wrong_arguments_are_named():
    three = jnp.zeros((3, 3), FLOAT)
    for velocities, masses, steps, name in (
        (three[:2], three[:, 0], 1, "velocities"),
        (three, three[:2, 0], 1, "masses"),
        (three, three[:, 0], 0, "num_steps"),
    ):
        with pytest.raises(ValueError, match=name):
            velocity_verlet(spring, three, velocities, masses, timestep=1.0, num_steps=steps)
