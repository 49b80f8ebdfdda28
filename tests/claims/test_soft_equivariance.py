"""The experiment about soft equivariance: its truths, and training whose one arm is tuned."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.claims.soft_equivariance import GROUPS, _draw_bodies, _learn_map, _Schedule, _Size, _truth
from jaxinv.kernels.symmetrization import equivariance_penalties, equivariant_basis, tensor_representation

TINY = _Size(samples=6, linear=_Schedule(phases=2, tuned_after=1, steps=3, recorded=1), bodies=4, tests=2)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_truth_is_symmetric_about_its_axis_alone(axis):
    squares = [tensor_representation(group, 2) for group in GROUPS]
    bases = [equivariant_basis(square, square) for square in squares]
    penalties = np.asarray(equivariance_penalties(jnp.asarray(_truth(axis), float), bases))
    assert penalties[axis] < 1e-9
    assert np.delete(penalties, axis).min() > 0.05


def test_only_one_arm_is_tuned():
    """Until then it is the same as the fixed one; in no world are its strengths all the first afterwards."""
    told = []
    errors, strengths = _learn_map(2, TINY, told.append)
    assert errors.shape == (2, 4, 3)
    assert strengths.shape == (2, 4, 3)
    np.testing.assert_allclose(strengths.max(axis=2), 0.1, rtol=1e-6)
    assert strengths.min(axis=2).max() < 0.0999
    assert np.abs(errors[..., 1] - errors[..., 2]).min() > 0
    assert told == [f"training 24 models: step {step} of 6" for step in (0, 3, 6)]


def test_bodies_have_an_added_part_along_the_axis():
    """Against sums over points; and the other axes' symmetry is broken."""
    train, test = _draw_bodies(0, 2, TINY)
    assert test.points.shape == (2, 5, 3)
    for masses, points, inertia in zip(*train, strict=True):
        parts = [m * (r @ r * np.eye(3) - np.outer(r, r)) for m, r in zip(masses, points, strict=True)]
        wanted = np.sum(parts, axis=0)
        wanted += 0.3 * np.outer(wanted[:, 2], [0, 0, 1])
        ratio = inertia.reshape(3, 3) / wanted
        np.testing.assert_allclose(ratio, ratio[0, 0])
    np.testing.assert_allclose(train.inertia.std(), 1)
