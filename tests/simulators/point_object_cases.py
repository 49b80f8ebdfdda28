"""Pictures of points beside the sum over points, pixel by pixel."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial.transform import Rotation

from jaxinv.kernels import simulators as kernels
from tests.duties import FEATURES, BadInput, Case

SIZE, POINTS = 5, 3


def scene(generator: np.random.Generator):
    """Two objects of three points, in poses of their own."""
    rotations = Rotation.from_quat(generator.normal(size=(2, 4))).as_matrix()
    return 0.5 * generator.normal(size=(2, POINTS, 3)), generator.uniform(0.4, 1, size=(2, POINTS)), rotations


def _render(points, brightness, rotations, **options):
    return kernels.render_points(kernels.PointObjects(points, brightness), rotations, size=SIZE, width=0.5, **options)


def _reference(points, brightness, rotations):
    grid = np.linspace(-1.4, 1.4, SIZE)
    pictures = np.zeros((len(points), SIZE, SIZE))
    for picture, some, shines, rotation in zip(pictures, points, brightness, rotations, strict=True):
        for point, shine in zip(some, shines, strict=True):
            u, v, w = rotation @ point
            for i, y in enumerate(grid):
                for j, x in enumerate(grid):
                    picture[i, j] += shine * (1 + 0.5 * w) * np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * 0.5**2)) / 2
    return pictures


CASES = [
    Case(
        name="simulators.render_points",
        function=_render,
        arguments=scene,
        reference=_reference,
        differentiable=(0, 1, 2),
        empty=lambda: (np.zeros((2, 0, 3)), np.zeros((2, 0)), np.zeros((2, 3, 3))),
        **FEATURES,
        bad_input=(
            BadInput(
                call=lambda: _render(jnp.ones((2, 3, 2)), jnp.ones((2, 3)), jnp.ones((2, 3, 3))),
                error=ValueError,
                message=r"points must have shape \(2, any, 3\), got \(2, 3, 2\)",
            ),
            BadInput(
                call=lambda: _render(jnp.ones((2, 3, 3)), jnp.ones((2, 4)), jnp.ones((2, 3, 3))),
                error=ValueError,
                message=r"brightness must have shape \(2, 3\), got \(2, 4\)",
            ),
            BadInput(
                call=lambda: _render(jnp.ones((2, 3, 3)), jnp.ones((2, 3)), jnp.ones((3, 3))),
                error=ValueError,
                message=r"rotations must have shape \(2, 3, 3\)",
            ),
            BadInput(
                call=lambda: kernels.sample_point_objects(jax.random.key(0), 0, 1),
                error=ValueError,
                message="num_classes must be >= 1, got 0",
            ),
        ),
    ),
]
