"""Springs: two particles oscillate as they should, and what the motion keeps."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.simulators import sample_joined_particles, simulate_springs
from tests.duties import FLOAT
from tests.symmetrization.test_vector_channels import orthogonal
from tests.symmetry import assert_equivariant, assert_not_equivariant


def test_two_particles_oscillate():
    start, springs = jnp.asarray([[1.0, 0], [-1, 0]], FLOAT), jnp.asarray([[0.0, 1], [1, 0]], FLOAT)
    found = simulate_springs(start, 0 * start, springs, num_frames=201, timestep=0.05, stiffness=0.5)
    times = 0.05 * np.arange(201)
    # Of the distance, at the frequency sqrt(2 k) = 1; the rule is off by h^2 t / 24.
    np.testing.assert_allclose(found.positions[:, 0, 0], np.cos(times), atol=2e-3)


def test_drawn_systems_keep_momentum_and_energy():
    draw = sample_joined_particles(jax.random.key(0))
    springs = np.asarray(draw.springs)
    np.testing.assert_array_equal(springs, springs.T)
    assert set(np.unique(springs)) == {0, 1}
    assert not np.diagonal(springs).any()
    found = simulate_springs(*draw, num_frames=5, steps_per_frame=100)
    positions, velocities = (np.asarray(x, np.float64) for x in found)
    np.testing.assert_allclose(velocities.sum(1), np.broadcast_to(velocities[0].sum(0), (5, 3)), atol=1e-4)
    apart = positions[:, :, None] - positions[:, None]
    energy = (velocities**2).sum((1, 2)) / 2 + 0.05 * (springs * (apart**2).sum(-1)).sum((1, 2)) / 2
    np.testing.assert_allclose(energy, energy[0], rtol=1e-3)
    # Springs pull: without them particles move straight on.
    straight = positions[0] + 4 * velocities[0]
    assert np.abs(positions[-1] - straight).max() > 0.1


def test_motion_turns_with_the_start():
    draw = sample_joined_particles(jax.random.key(1))

    def end(start, springs=draw.springs):
        return simulate_springs(*start, springs, num_frames=2, steps_per_frame=20, timestep=0.1).positions[-1]

    def turn(element, state):
        return jax.tree.map(lambda x: x @ element.T.astype(x.dtype), state)

    start = draw[:2]
    assert_equivariant(end, start, orthogonal(3), act_in=turn, act_out=turn, exactness="exact")
    # Negative control: velocities stay as they are.
    assert_not_equivariant(
        end, start, orthogonal(3), act_in=lambda g, s: (turn(g, s[0]), s[1]), act_out=turn, delta=1e-2
    )
