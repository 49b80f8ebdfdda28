"""Objects of points: what an object shares with its class, and how a picture turns."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.simulators import render_points, sample_point_objects
from tests.duties import FLOAT
from tests.symmetry import assert_equivariant, assert_not_equivariant


def test_objects_of_a_class_are_alike_and_of_others_not():
    objects = sample_point_objects(jax.random.key(0), 3, 4, num_points=30)
    assert objects.points.shape == (3, 4, 30, 3)
    within = objects.points - jnp.mean(objects.points, axis=1, keepdims=True)
    between = objects.points[:1] - objects.points[1:]
    assert 0.05 < jnp.std(within) < 0.1
    assert jnp.std(between) > 0.5
    np.testing.assert_array_equal(objects.brightness, jnp.broadcast_to(objects.brightness[:, :1], (3, 4, 30)))
    assert 0.4 <= jnp.min(objects.brightness) <= jnp.max(objects.brightness) <= 1


def test_quarter_turns_about_the_view_turn_the_picture():
    """Exact on the grid; about another axis the picture is another one."""
    objects = jax.tree.map(lambda leaf: leaf[0, 0], sample_point_objects(jax.random.key(1), 1, 1, num_points=4))
    about_view = jnp.asarray([[0, -1, 0], [1, 0, 0], [0, 0, 1]], FLOAT)
    about_x = jnp.asarray([[1, 0, 0], [0, 0, -1], [0, 1, 0]], FLOAT)

    def act(times, rotation, quarter):
        return jnp.linalg.matrix_power(quarter, times) @ rotation

    def turned(times, picture):
        # Rows run along y, columns along x: from x to y, against the sense of rot90.
        return jnp.rot90(picture, -times)

    def picture(rotation):
        return render_points(objects, rotation, size=6)

    elements = iter([1, 2, 3, 1, 2, 1, 2, 3, 1, 2])
    action = {"sample": lambda key: next(elements), "act_out": turned}
    unturned = jnp.eye(3, dtype=FLOAT)
    assert_equivariant(picture, unturned, act_in=lambda t, r: act(t, r, about_view), exactness="exact", **action)
    assert_not_equivariant(picture, unturned, act_in=lambda t, r: act(t, r, about_x), delta=0.1, **action)
