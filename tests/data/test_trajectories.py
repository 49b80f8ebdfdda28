import numpy as np
import pytest
from scipy.integrate import solve_ivp

from jaxinv.data.trajectories import charged_particles
from jaxinv.kernels.simulators import simulate_charged_particles
from jaxinv.kernels.simulators.n_body import SOFTENING


@pytest.fixture(scope="module")
def systems():
    return charged_particles(40, seed=0)


def test_a_seed_gives_its_systems(systems):
    again, other = (charged_particles(40, seed=seed) for seed in (0, 1))
    for name in ("positions", "velocities", "charges", "targets"):
        assert np.array_equal(getattr(systems, name), getattr(again, name))
        assert not np.array_equal(getattr(systems, name), getattr(other, name))
    assert len(np.unique(systems.positions)) == 40 * 5 * 3


def test_rows_stay_together(systems):
    part = systems[3:5]
    assert len(part) == 2
    for name in ("positions", "velocities", "charges", "targets"):
        np.testing.assert_array_equal(getattr(part, name), getattr(systems, name)[3:5])


def test_targets_are_one_unit_of_time_later(systems):
    """By an adaptive rule of eighth order, from the known frame alone."""

    def rate(_, state, charges):
        x, v = state.reshape(2, 5, 3)
        apart = x[:, None] - x[None]
        push = charges[:, None] * charges[None] * (np.sum(apart**2, axis=-1) + SOFTENING**2) ** -1.5
        return np.concatenate([v, np.sum(push[..., None] * apart, axis=1)]).ravel()

    errors = []
    for positions, velocities, charges, targets in zip(
        systems.positions[:20], systems.velocities[:20], systems.charges[:20], systems.targets[:20], strict=True
    ):
        start = np.concatenate([positions, velocities]).ravel().astype(np.float64)
        found = solve_ivp(rate, (0, 1), start, method="DOP853", rtol=1e-9, atol=1e-9, args=(charges,))
        errors.append(np.abs(found.y[:15, -1].reshape(5, 3) - targets).max())
    # Close encounters of opposite charges magnify errors; few systems have one.
    assert np.median(errors) < 1e-4
    assert np.quantile(errors, 0.9) < 1e-2


def test_the_known_frame_is_3100_steps_from_the_start(systems):
    """Backwards from it, every particle has the speed of the start, where no close encounter magnifies rounding."""
    options = {"num_frames": 2, "steps_per_frame": 3100, "timestep": -1e-3}
    back = simulate_charged_particles(systems.positions, systems.velocities, systems.charges, **options)
    off = np.abs(np.linalg.norm(back.velocities, axis=-1) - 0.5).max(axis=2)
    assert np.median(off[:, 1]) < 1e-3
    # Negative control: later it is another.
    assert np.median(off[:, 0]) > 0.1


def test_wrong_numbers_are_named():
    with pytest.raises(ValueError, match="num_systems must be >= 1, got 0"):
        charged_particles(0, seed=0)
    with pytest.raises(ValueError, match="num_particles must be >= 1, got 0"):
        charged_particles(1, seed=0, num_particles=0)
