"""What the motion keeps, what it commutes with, how exact it is, and what padding and coincidence do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import special_ortho_group

from jaxinv.kernels.simulators import charged_invariants, sample_charged_particles, simulate_charged_particles
from jaxinv.kernels.simulators.coulomb import coulomb_forces
from jaxinv.kernels.simulators.velocity_verlet import Motion, velocity_verlet_step
from tests.duties import FLOAT, X64, assert_finite
from tests.simulators.n_body_cases import SOFTENING, forces, invariants, particles
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-10 if X64 else 1e-5
N = 5


def system(seed=0):
    return tuple(jnp.asarray(x, FLOAT) for x in particles(np.random.default_rng(seed), N))


def simulate(positions, velocities, charges, *, steps=20, timestep=0.05, **options):
    """The start, and the end of `steps`."""
    frames = {"num_frames": 2, "steps_per_frame": steps, "timestep": timestep}
    return simulate_charged_particles(positions, velocities, charges, **frames, **{"softening": SOFTENING, **options})


def last(positions, velocities, charges, **options):
    """`(n, 2 d)`: positions and velocities at the end."""
    return jnp.concatenate(simulate(positions, velocities, charges, **options), axis=-1)[..., -1, :, :]


def kept(found, charges):
    """Invariants at every frame."""
    return charged_invariants(found.positions, found.velocities, charges, softening=SOFTENING)


def forward_euler(positions, velocities, charges, *, timestep, steps):
    """The energy at the end."""
    for _ in range(steps):
        positions, velocities = positions + timestep * velocities, velocities + timestep * forces(positions, charges)
    return invariants(positions, velocities, charges)[0]


def test_against_an_adaptive_rule_of_eighth_order():
    positions, velocities, charges = particles(np.random.default_rng(0), N)

    def rate(_, state):
        x, v = state.reshape(2, N, 3)
        return np.stack([v, forces(x, charges)]).ravel()

    start = np.stack([positions, velocities]).ravel()
    exact = solve_ivp(rate, (0, 2), start, method="DOP853", rtol=1e-11, atol=1e-11).y[:, -1].reshape(2, N, 3)
    found = {steps: simulate(*system(), steps=steps, timestep=2 / steps) for steps in (40, 80)}
    errors = {
        steps: max(float(np.abs(np.asarray(a)[1] - w).max()) for a, w in zip(trajectory, exact, strict=True))
        for steps, trajectory in found.items()
    }
    # 0.087 h^2, and half the step leaves a quarter.
    assert errors[40] < 0.1 * 0.05**2
    assert 3.8 < errors[40] / errors[80] < 4.2


def orbit():
    """Opposite charges on an eccentric orbit about each other, which comes back in about 3.0."""
    positions = jnp.asarray([[0.6, 0.0, 0.0], [-0.6, 0.0, 0.0]], FLOAT)
    velocities = jnp.asarray([[0.0, 0.3, 0.0], [0.0, -0.3, 0.0]], FLOAT)
    return positions, velocities, jnp.asarray([1.0, -1.0], FLOAT)


def energies(steps, timestep):
    particles = orbit()
    found = simulate_charged_particles(
        *particles, num_frames=steps + 1, steps_per_frame=1, timestep=timestep, softening=SOFTENING
    )
    return np.asarray(kept(found, particles[2]).energy, np.float64)


def test_energy_error_is_of_second_order_and_does_not_drift():
    errors = []
    for refined in (1, 2):
        energy = energies(200 * refined, 0.1 / refined)
        errors.append(np.abs(energy - energy[0]).max())
    assert 3.7 < errors[0] / errors[1] < 4.3
    # Over 600 orbits it swings, but does not go away.
    long = energies(20_000, 0.1)
    drift = np.polyfit(np.linspace(0, 1, len(long)), long, 1)[0]
    assert np.abs(long - long[0]).max() < 1.1 * errors[0]
    assert abs(drift) < 0.02 * errors[0]
    # Negative control: the explicit rule of first order gains energy in a few orbits.
    gained = forward_euler(*(np.asarray(x, float) for x in orbit()), timestep=0.1, steps=200) - long[0]
    assert gained > 10 * errors[0]


def test_it_goes_back_as_it_came():
    positions, velocities, charges = system()
    ahead = simulate(positions, velocities, charges)
    for direction, timestep in ((-1, 0.05), (1, -0.05)):
        back = simulate(ahead.positions[1], direction * ahead.velocities[1], charges, timestep=timestep)
        np.testing.assert_allclose(back.positions[1], positions, atol=EXACT)
        np.testing.assert_allclose(back.velocities[1], direction * velocities, atol=EXACT)


def test_momentum_and_angular_momentum_stay():
    found = simulate(*system())
    (before, after), (turning, still_turning) = kept(found, system()[2])[1:]
    assert float(jnp.abs(after - before).max()) < EXACT
    assert float(jnp.abs(still_turning - turning).max()) < EXACT
    # They are no constants of the trajectory for want of motion: each particle's own changes.
    alone = jax.vmap(lambda x, v: x[:, None] * v[None] - v[:, None] * x[None])
    first, second = (alone(x, v) for x, v in zip(*found, strict=True))
    assert float(jnp.abs(second - first).max()) > 0.1


def euclidean(key):
    """A rotation, for about half the keys with a reflection, a translation and a permutation."""
    generator = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    rotation = special_ortho_group.rvs(3, random_state=generator) * generator.choice([1.0, -1.0])
    return jnp.asarray(rotation, FLOAT), jnp.asarray(generator.normal(size=(1, 3)), FLOAT), generator.permutation(N)


def move(element, point):
    rotation, shift, order = element
    positions, velocities, charges = point
    turn = lambda x: jnp.einsum("ij,nj->ni", rotation, x, precision="highest")[order]  # noqa: E731
    return turn(positions) + shift, turn(velocities), charges[order]


def move_last(element, state):
    positions, velocities, _ = move(element, (state[:, :3], state[:, 3:], state[:, 0]))
    return jnp.concatenate([positions, velocities], axis=-1)


def clipped(positions, velocities, charges):
    """The same rule with each component of a force clipped, as the published generator has it (there at 100)."""

    def accelerate(x):
        return jnp.clip(coulomb_forces(x[..., None], charges[:, None], SOFTENING)[..., 0], -0.3, 0.3), None

    def step(motion, _):
        return velocity_verlet_step(accelerate, motion, jnp.asarray(0.05, FLOAT))

    motion, _ = jax.lax.scan(step, Motion(positions, velocities, accelerate(positions)[0]), length=20)
    return jnp.concatenate([motion.positions, motion.velocities], axis=-1)


def test_motions_and_permutations_commute_with_time():
    symmetry = {"act_in": move, "act_out": move_last}
    assert_equivariant(lambda point: last(*point), system(), euclidean, exactness="exact", **symmetry)
    assert_not_equivariant(jax.jit(lambda point: clipped(*point)), system(), euclidean, delta=0.01, **symmetry)


@pytest.mark.proves("masks", "simulators.simulate_charged_particles", "simulators.charged_invariants")
def test_padded_particles_change_nothing():
    plain = system()
    generator = np.random.default_rng(1)
    padded = tuple(jnp.concatenate([x, jnp.asarray(generator.normal(size=(2, *x.shape[1:])), FLOAT)]) for x in plain)
    mask = jnp.arange(N + 2) < N
    found = last(*padded, mask=mask)
    np.testing.assert_allclose(found[:N], last(*plain), atol=EXACT)
    assert not np.any(found[N:])
    for one, other in zip(charged_invariants(*padded, mask=mask), charged_invariants(*plain), strict=True):
        np.testing.assert_allclose(one, other, atol=EXACT)
    # Negative control: without the mask they push.
    assert float(jnp.abs(last(*padded)[:N] - last(*plain)).max()) > 1e-2


def test_leading_axes_are_systems_and_charges_broadcast():
    positions, velocities = (jnp.stack([system(seed)[k] for seed in range(4)]).reshape(2, 2, N, 3) for k in (0, 1))
    charges = system()[2]
    found = simulate(positions, velocities, charges)
    assert found.positions.shape == (2, 2, 2, N, 3)
    one = simulate(positions[1, 0], velocities[1, 0], charges)
    np.testing.assert_allclose(found.positions[1, 0], one.positions, atol=EXACT)
    np.testing.assert_allclose(found.velocities[1, 0], one.velocities, atol=EXACT)
    np.testing.assert_array_equal(found.positions[:, :, 0], positions)


@pytest.mark.parametrize("softening", [1e-4, SOFTENING])
def test_coincident_particles_have_finite_derivatives(softening):
    positions, velocities, charges = system()
    together = positions.at[1].set(positions[0])

    def total(positions, velocities, charges, timestep):
        return jnp.sum(last(positions, velocities, charges, steps=2, timestep=timestep, softening=softening) ** 2)

    arguments = (together, jnp.zeros_like(velocities), charges, jnp.asarray(1e-6, FLOAT))
    assert_finite(jax.jit(jax.grad(total, (0, 1, 2, 3)))(*arguments))
    # Those two do not push each other.
    alone = charges.at[2:].set(0)
    np.testing.assert_array_equal(last(together, jnp.zeros_like(velocities), alone)[:, :3], together)


def test_starts_have_the_published_distribution():
    drawn = jax.jit(jax.vmap(lambda key: sample_charged_particles(key, 10)))(jax.random.split(jax.random.key(0), 2000))
    positions, velocities, charges = (np.asarray(x, np.float64) for x in drawn)
    assert positions.shape == velocities.shape == (2000, 10, 3)
    # Of 60000 numbers: 0.3 % and 0.4 % are one standard deviation.
    assert positions.std() == pytest.approx(2 ** (1 / 3), rel=0.015)
    assert np.abs(positions.mean((0, 1))).max() < 0.05
    np.testing.assert_allclose(np.linalg.norm(velocities, axis=-1), 0.5, rtol=1e-5)
    second = np.einsum("bni,bnj->ij", velocities, velocities) / 20_000
    np.testing.assert_allclose(second, 0.25 / 3 * np.eye(3), atol=0.003)
    assert set(np.unique(charges)) == {-1.0, 1.0}
    assert abs(charges.mean()) < 0.03
    with pytest.raises(ValueError, match="num_particles must be >= 1, got 0"):
        sample_charged_particles(jax.random.key(0), 0)
