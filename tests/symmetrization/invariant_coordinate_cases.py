"""Invariant coordinates beside numpy's eigenvectors."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FEATURES, BadInput, Case
from tests.symmetrization.frame_cases import CHANNELS, cloud, network

N, D = 6, 3
KEY = jax.random.key(3)


def squared_distances(points):
    """Of all pairs."""
    return ((points[:, None] - points[None]) ** 2).sum(-1)


def numpy_truncated_gram(distances, k=2):
    """The part of the centred Gram matrix along its first eigenvectors."""
    n = len(distances)
    centring = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-centring @ distances @ centring / 2)
    return (vectors[:, -k:] * values[-k:]) @ vectors[:, -k:].T


def numpy_unit_gram(points):
    """Of points about their mean, of root mean square length 1."""
    y = points - points.mean(0)
    return y @ y.T / (y**2).sum(-1).mean()


def numpy_tinv(points):
    """Coordinates, axes, centre and scale."""
    centre = points.mean(0)
    y = points - centre
    axes = np.linalg.svd(y, full_matrices=False)[2].T
    axes = axes * np.sign(((y @ axes) ** 3).sum(0))
    scale = np.sqrt((y**2).sum(-1).mean())
    return y @ axes / scale, axes, centre, scale


def numpy_average(points, features):
    """Of the scalar of `network` over all senses of the axes."""
    z = numpy_tinv(points)[0]
    signs = itertools.product((1, -1), repeat=z.shape[1])
    return np.mean([network(z * np.array(one), features, module=np)[0] for one in signs])


def numpy_equivariant(points, features):
    """The points of `network`, moved back."""
    z, axes, centre, scale = numpy_tinv(points)
    return scale * network(z, features, module=np)[1] @ axes.T + centre


def numpy_copies(points):
    return np.stack([points * np.array(one) for one in itertools.product((1, -1), repeat=points.shape[1])])


def numpy_fixed(points):
    return points * np.sign((points**3).sum(0))


def gram(found):
    return jnp.einsum("...ik,...jk->...ij", found.points, found.points, precision="highest")


def _bad(call, message, error: type[Exception] = ValueError):
    return BadInput(call=call, error=error, message=message)


def _bad_clouds(function):
    return (
        _bad(lambda: function(jnp.ones(3)), "points must have shape"),
        _bad(lambda: function(jnp.ones((4, 3), int)), "points must be floating", TypeError),
    )


CLOUD = jnp.ones((N, D))
FIXED = {**FEATURES, "tolerance": (5e-5, 1e-11), "low_precision": 1e-2}

CASES = [
    Case(
        name="symmetrization.classical_mds",
        function=lambda distances: kernels.classical_mds(distances, 2),
        arguments=lambda generator: (squared_distances(cloud(generator, N, D)),),
        reference=numpy_truncated_gram,
        bad_input=(
            _bad(lambda: kernels.classical_mds(jnp.ones((3, 2)), 1), "squared_distances must have shape"),
            _bad(lambda: kernels.classical_mds(jnp.ones((3, 3), int), 1), "squared_distances must be", TypeError),
            _bad(lambda: kernels.classical_mds(jnp.ones((3, 3)), 4), "k must be at most the number of points, 3"),
            _bad(lambda: kernels.classical_mds(jnp.ones((3, 3)), 0), "k must be >= 1"),
            _bad(lambda: kernels.classical_mds(jnp.ones((3, 3)), 1, mask=jnp.ones(3)), "mask must be bool", TypeError),
        ),
        **{**FIXED, "tolerance": (3e-4, 1e-11), "value": gram, "second_order": False, "low_precision": 2e-2},
    ),
    Case(
        name="symmetrization.mds_from_points",
        function=kernels.mds_from_points,
        arguments=lambda generator: (cloud(generator, N, D),),
        reference=numpy_unit_gram,
        empty=lambda: (np.zeros((0, D)),),
        bad_input=(
            *_bad_clouds(kernels.mds_from_points),
            _bad(lambda: kernels.mds_from_points(CLOUD, scale="max"), "scale must be one of"),
            _bad(lambda: kernels.mds_from_points(CLOUD, mask=jnp.ones(3, bool)), "mask must have one value a point"),
        ),
        **{**FIXED, "value": gram, "low_precision": 2e-2},
    ),
    Case(
        name="symmetrization.fix_signs",
        function=kernels.fix_signs,
        arguments=lambda generator: (generator.normal(size=(N, 2)),),
        reference=numpy_fixed,
        empty=lambda: (np.zeros((0, 2)),),
        bad_input=(
            *_bad_clouds(kernels.fix_signs),
            _bad(lambda: kernels.fix_signs(CLOUD, mode="mass"), "mode must be one of"),
            _bad(lambda: kernels.fix_signs(CLOUD, axes=jnp.eye(2)), r"axes must have shape \(..., 3, 3\)"),
        ),
        **{**FIXED, "value": lambda found: found.points},
    ),
    Case(
        name="symmetrization.sign_frames",
        function=kernels.sign_frames,
        arguments=lambda generator: (generator.normal(size=(N, 2)),),
        reference=numpy_copies,
        empty=lambda: (np.zeros((0, 2)),),
        bad_input=_bad_clouds(kernels.sign_frames),
        **FIXED,
    ),
    Case(
        name="symmetrization.random_sign",
        function=lambda points: kernels.random_sign(KEY, points)[0],
        arguments=lambda generator: (generator.normal(size=(N, 2)),),
        reference=lambda points: points * np.asarray(jax.random.rademacher(KEY, (2,), int)),
        empty=lambda: (np.zeros((0, 2)),),
        bad_input=_bad_clouds(lambda points: kernels.random_sign(KEY, points)),
        **FIXED,
    ),
    Case(
        name="symmetrization.tinv",
        function=functools.partial(kernels.tinv, detached=False),
        arguments=lambda generator: (cloud(generator, N, D),),
        reference=lambda points: numpy_tinv(points)[0],
        empty=lambda: (np.zeros((0, D)),),
        bad_input=(
            *_bad_clouds(kernels.tinv),
            _bad(lambda: kernels.tinv(CLOUD, signs="mass"), "mode must be one of"),
            _bad(lambda: kernels.tinv(CLOUD, scale="max"), "scale must be one of"),
            _bad(lambda: kernels.tinv(CLOUD, mask=jnp.ones(N)), "mask must be boolean", TypeError),
        ),
        **{**FIXED, "value": lambda found: found.points},
    ),
    Case(
        name="symmetrization.tinv_apply",
        function=lambda points, features: kernels.tinv_apply(
            lambda *x: network(*x)[0], points, features, mode="average", detached=False
        ),
        arguments=lambda generator: (cloud(generator, N, D), generator.normal(size=(N, CHANNELS))),
        reference=numpy_average,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, D)), np.zeros((0, CHANNELS))),
        bad_input=(
            *_bad_clouds(lambda points: kernels.tinv_apply(jnp.sum, points)),
            _bad(lambda: kernels.tinv_apply(jnp.sum, CLOUD, mode="mean"), "mode must be one of"),
            _bad(lambda: kernels.tinv_apply(jnp.sum, CLOUD, mode="random"), "key must be given"),
            _bad(lambda: kernels.tinv_apply(jnp.sum, CLOUD, key=KEY), "key must be given for the mode 'random'"),
            _bad(lambda: kernels.tinv_apply(jnp.sum, CLOUD, swaps=True), "swaps must be False"),
        ),
        **{**FIXED, "low_precision": 3e-2},
    ),
    Case(
        name="symmetrization.tinv_equivariant",
        function=lambda points, features: kernels.tinv_equivariant(
            lambda *x: network(*x)[1], points, features, detached=False
        ),
        arguments=lambda generator: (cloud(generator, N, D), generator.normal(size=(N, CHANNELS))),
        reference=numpy_equivariant,
        differentiable=(0, 1),
        empty=lambda: (np.zeros((0, D)), np.zeros((0, CHANNELS))),
        bad_input=(
            *_bad_clouds(lambda points: kernels.tinv_equivariant(jnp.sin, points)),
            _bad(lambda: kernels.tinv_equivariant(jnp.sin, CLOUD, mode="max"), "mode must be one of"),
            _bad(lambda: kernels.tinv_equivariant(jnp.sin, CLOUD, output="tensor"), "output must be one of"),
            _bad(lambda: kernels.tinv_equivariant(jnp.sum, CLOUD), "the function's result must have shape"),
            _bad(
                lambda: kernels.tinv_equivariant(lambda x: x.astype(int), CLOUD),
                "the function's result must",
                TypeError,
            ),
        ),
        **{**FIXED, "low_precision": 3e-2},
    ),
]
