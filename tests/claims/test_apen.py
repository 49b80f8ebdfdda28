"""The experiment about parts: its clouds."""

import jax
import numpy as np

from jaxinv.claims.apen import ANY_ANGLE, APART, TESTS, TRAINED, draw_clouds


def test_rods_are_rigid_and_move_as_they_are_to():
    clouds = {test: np.asarray(draw_clouds(jax.random.key(0), 5, test), np.float64) for test in TESTS}

    def distances(points):
        return np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)

    of = {test: distances(points) for test, points in clouds.items()}
    first, second = slice(24), slice(24, None)
    for rod in (first, second):
        for test in (ANY_ANGLE, APART):
            np.testing.assert_allclose(of[test][:, rod, rod], of[TRAINED][:, rod, rod], atol=1e-5)
    # Between the rods they differ: by the angle, then by motions of each.
    between = [of[test][:, first, second] for test in TESTS]
    assert np.abs(between[1] - between[0]).max() > 0.3
    assert np.abs(between[2] - between[1]).max() > 0.3
    # Trained on are rods on both sides of the hinge, nearly in line.
    trained = clouds[TRAINED]
    assert trained[:, first, 0].max() < 0 < trained[:, second, 0].min()
