"""Invariant coordinates: what they keep and what leaves them, degenerate clouds, senses of axes, equal values."""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.stats import special_ortho_group

from jaxinv.kernels import symmetrization as kernels
from jaxinv.kernels.lie_groups.sampling import haar_so
from tests.duties import FLOAT, X64, assert_finite
from tests.symmetrization.frame_cases import CHANNELS, network
from tests.symmetrization.invariant_coordinate_cases import numpy_truncated_gram, squared_distances
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-12 if X64 else 1e-5
N, D = 9, 3
SQUARE = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])


def points_of(seed=0, n=N, d=D):
    """With an odd part along each axis, so that margins are clear."""
    generator = np.random.default_rng(seed)
    return (generator.exponential(size=(n, d)) * 1.7 ** np.arange(d)) @ special_ortho_group.rvs(d, random_state=seed)


def as_jax(x):
    return jnp.asarray(x, FLOAT)


@jax.jit
def act(g, x):
    rotation, scale, shift = g
    return scale * jnp.matmul(x, rotation.T, precision="highest") + shift


@functools.partial(jax.jit, static_argnames=("mirrored", "d"))
def sample(key, mirrored=True, d=D):
    turn, flip, size, shift = jax.random.split(key, 4)
    sign = jax.random.rademacher(flip, (), FLOAT) if mirrored else jnp.ones((), FLOAT)
    rotation = haar_so(turn, (), d, dtype=FLOAT) * jnp.where(jnp.arange(d) == 0, sign, 1)[None]
    return rotation, jnp.exp(jax.random.normal(size, (), FLOAT)), jax.random.normal(shift, (1, d), FLOAT)


def coordinates(x, **options):
    return kernels.tinv(x, **options).points


def test_distances_are_kept_and_columns_are_principal():
    x = points_of()
    found = kernels.mds_from_points(as_jax(x))
    z, scale = np.asarray(found.points, np.float64), float(found.scale)
    np.testing.assert_allclose(squared_distances(z) * scale**2, squared_distances(x), atol=30 * EXACT)
    np.testing.assert_allclose(z.T @ z, np.diag(found.values), atol=10 * EXACT)
    np.testing.assert_allclose((z**2).sum(-1).mean(), 1, rtol=EXACT)
    lam = np.linalg.eigvalsh(np.cov(x.T, bias=True) * N)[::-1]
    np.testing.assert_allclose(found.values * scale**2, lam, rtol=10 * EXACT)
    back = scale * z @ np.asarray(found.axes).T + np.asarray(found.centre)
    np.testing.assert_allclose(back, x, atol=10 * EXACT)
    np.testing.assert_allclose(found.gap, np.min(-np.diff(lam)) / lam[0], atol=EXACT)
    _, _, disparity = procrustes(x, z)
    assert disparity < EXACT


@pytest.mark.parametrize("scale", ["radius", "lam1", None])
def test_scales(scale):
    x = points_of()
    found = kernels.mds_from_points(as_jax(x), scale=scale)
    lengths = np.linalg.norm(x - x.mean(0), axis=-1)
    wanted = {"radius": lengths.max(), "lam1": np.linalg.norm(x - x.mean(0), 2), None: 1.0}[scale]
    np.testing.assert_allclose(found.scale, wanted, rtol=EXACT)
    np.testing.assert_allclose(np.linalg.norm(found.points, axis=-1), lengths / wanted, rtol=10 * EXACT)


@pytest.mark.parametrize("options", [{}, {"signs": "anchor", "scale": "radius"}], ids=["skew", "anchor"])
def test_coordinates_are_invariant(options):
    x = as_jax(points_of())
    function = jax.jit(functools.partial(coordinates, **options))
    assert_equivariant(function, x, sample, act_in=act, exactness="exact")
    assert_not_equivariant(lambda x: x - jnp.mean(x, axis=0, keepdims=True), x, sample, act_in=act, delta=0.5)
    senseless = jax.jit(functools.partial(coordinates, **(options | {"signs": "none"})))
    assert_not_equivariant(senseless, x, sample, act_in=act, delta=0.5)


def test_mirror_images_are_told_apart_on_demand():
    x = as_jax(points_of())
    chiral = jax.jit(functools.partial(coordinates, chiral=True))
    assert_equivariant(chiral, x, functools.partial(sample, mirrored=False), act_in=act, exactness="exact")
    assert_not_equivariant(chiral, x, sample, act_in=act, delta=0.1)
    found = kernels.tinv(x, chiral=True)
    np.testing.assert_allclose(np.linalg.det(found.axes), 1, rtol=EXACT)
    mirrored = np.asarray(found.points) * [1, 1, -1]
    np.testing.assert_allclose(chiral(-x), mirrored, atol=EXACT)


@pytest.mark.proves("masks", "symmetrization.tinv", "symmetrization.classical_mds")
def test_order_of_points_and_masked_points_do_not_matter():
    x, order = points_of(), np.random.default_rng(1).permutation(N)
    wanted = kernels.tinv(as_jax(x))
    np.testing.assert_allclose(coordinates(as_jax(x[order])), np.asarray(wanted.points)[order], atol=EXACT)
    padded = np.concatenate([x, np.full((3, D), 1e6)])
    mask = jnp.arange(N + 3) < N
    found = kernels.tinv(as_jax(padded), mask=mask)
    np.testing.assert_array_equal(found.points[N:], 0)
    for one, other in zip(found._replace(points=found.points[:N]), wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=10 * EXACT)
    gradient = jax.grad(lambda x: jnp.sum(coordinates(x, mask=mask) ** 3))(as_jax(padded))
    np.testing.assert_array_equal(gradient[N:], 0)
    distances = squared_distances(padded)
    masked = kernels.classical_mds(as_jax(np.minimum(distances, 1e3)), D, mask=mask)
    alone = kernels.classical_mds(as_jax(squared_distances(x)), D)
    np.testing.assert_array_equal(masked.points[N:], 0)
    np.testing.assert_allclose(masked.values, alone.values, rtol=100 * EXACT)
    np.testing.assert_allclose(np.abs(masked.points[:N]), np.abs(alone.points), atol=300 * EXACT)


def test_scaling_of_distances_gives_the_same_coordinates():
    x = points_of()
    found = kernels.classical_mds(as_jax(squared_distances(x)), D)
    direct = kernels.mds_from_points(as_jax(x), scale=None)
    np.testing.assert_allclose(np.abs(found.points), np.abs(direct.points), atol=100 * EXACT)
    np.testing.assert_allclose(found.values, direct.values, rtol=100 * EXACT)
    assert found.lost < 1e-5
    more = kernels.classical_mds(as_jax(squared_distances(x)), D + 1)
    np.testing.assert_array_equal(more.points[:, D], 0)


def test_no_other_coordinates_of_fewer_dimensions_are_nearer():
    """Eckart and Young: what is left of the Gram matrix is the dropped eigenvalues."""
    x = points_of()
    y = x - x.mean(0)
    found = kernels.classical_mds(as_jax(squared_distances(x)), 2)
    left = y @ y.T - np.asarray(found.points, np.float64) @ np.asarray(found.points, np.float64).T
    dropped = np.linalg.eigvalsh(y.T @ y)[0]
    np.testing.assert_allclose((left**2).sum(), dropped**2, rtol=1e3 * EXACT)


def test_distances_along_a_ring_are_not_euclidean():
    """Steps between nodes of a hexagon: eigenvalues from the Fourier transform of a circulant matrix."""
    steps = np.minimum(np.arange(6), 6 - np.arange(6))
    distances = steps[(np.arange(6)[:, None] - np.arange(6)) % 6] ** 2.0
    values = np.fft.fft(-distances[0] / 2).real[1:]
    lost = -values[values < 0].sum() / np.abs(values).sum()
    assert lost > 0.05
    found = kernels.classical_mds(as_jax(distances), 4)
    np.testing.assert_allclose(found.lost, lost, rtol=10 * EXACT)
    # Two pairs of equal eigenvalues: the derivative of inner products is exact all the same.
    assert_finite(jax.grad(lambda d: jnp.sum(kernels.classical_mds(d, 4).points ** 3))(as_jax(distances)))
    way = np.random.default_rng(0).normal(size=(6, 6))
    way = np.triu(way, 1) + np.triu(way, 1).T

    def inner(distances):
        points = kernels.classical_mds(distances, 2).points
        return jnp.matmul(points, points.T, precision="highest")

    _, slope = jax.jvp(inner, (as_jax(distances),), (as_jax(way),))
    ahead, behind = (numpy_truncated_gram(distances + h * way) for h in (1e-5, -1e-5))
    np.testing.assert_allclose(slope, (ahead - behind) / 2e-5, atol=1e-6 if X64 else 1e-4)


DEGENERATE = {
    "one point": np.ones((1, 3)),
    "the same point": np.tile([[0.1, 700.0, -3.0]], (7, 1)),
    "two points": np.array([[0.0, 1, 2], [3, 4, 6]]),
    "a line": np.outer(np.arange(5.0) ** 2, [1.0, 2, 2]),
    "a square": np.pad(SQUARE, ((0, 0), (0, 1))),
    "a cube": np.array(list(itertools.product((1.0, -1), repeat=3))),
}


@jax.jit
def every_form(x, mask):
    """Of padded clouds, with gradients."""

    def loss(x, **options):
        found = kernels.tinv(x, mask=mask, **options)
        return jnp.sum(found.points**3) + found.scale, found

    forms = [{}, {"detached": False}, {"signs": "anchor", "chiral": True, "scale": "radius"}, {"scale": "lam1"}]
    return [jax.value_and_grad(functools.partial(loss, **options), has_aux=True)(x) for options in forms]


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_clouds_are_finite(name):
    x = DEGENERATE[name]
    n = len(x)
    found = every_form(as_jax(np.pad(x, ((0, 8 - n), (0, 0)))), jnp.arange(8) < n)
    assert_finite(found)
    (_, first), _ = found[0]
    assert first.gap < 1e-3 or name == "two points" or name == "a line"
    if name in ("one point", "the same point"):
        np.testing.assert_array_equal(first.points, 0)
        assert first.scale == 0
        np.testing.assert_array_equal(first.margin, 0)
    else:
        kept = squared_distances(np.asarray(first.points, np.float64)[:n]) * float(first.scale) ** 2
        np.testing.assert_allclose(kept, squared_distances(x), rtol=100 * EXACT, atol=1e-4)
    if name in ("two points", "a line"):
        np.testing.assert_array_equal(np.asarray(first.margin)[1:], 0)


def scalar(points, features):
    return network(points, features)[0]


def test_averages_are_invariant_where_senses_are_not_clear():
    """A cloud and its mirror image in each plane: nothing tells one end of an axis from the other."""
    half = np.abs(points_of(n=3)) * [1.0, 2.0, 3.5] + 0.3
    x = as_jax((half[:, None] * np.array(list(itertools.product((1, -1), repeat=3)))).reshape(-1, 3))
    features = as_jax(np.zeros((len(x), CHANNELS)))
    assert np.asarray(kernels.tinv(x).margin).max() < 1e-3
    for mode in ("average", "max"):
        function = jax.jit(lambda x, mode=mode: kernels.tinv_apply(scalar, x, features, mode=mode)[None])
        assert_equivariant(function, x, sample, act_in=act, exactness="statistical", bound=10 * EXACT)


def test_orders_of_the_axes_for_equal_values():
    """Two stretches that take turns in being longest: averages over signs alone jump, those over orders too do not."""
    x = np.array([[1.0, 0], [-1, 0], *[[0, 0.5**0.5], [0, -(0.5**0.5)]] * 2])
    assert kernels.tinv(as_jax(x)).gap < 1e-6
    ends = as_jax(np.stack([x * [1, stretch] for stretch in (1.001, 0.999)]))
    features = jnp.zeros((len(x), CHANNELS), FLOAT)

    @jax.jit
    def jumps(ends):
        def average(x, swaps):
            return kernels.tinv_apply(scalar, x, features, mode="average", swaps=swaps)

        return [jax.vmap(functools.partial(average, swaps=swaps))(ends) for swaps in (False, True)]

    signs_alone, orders_too = (abs(float(one[0] - one[1])) for one in jumps(ends))
    assert signs_alone > 0.05
    assert orders_too < 0.01
    copies = kernels.sign_frames(as_jax(x), swaps=True)
    assert copies.shape == (8, 6, 2)
    assert len(np.unique(np.asarray(copies[:, 0] + 3 * copies[:, 2]), axis=0)) == 8
    assert kernels.sign_frames(as_jax(x), swaps=True, proper=True).shape == (4, 6, 2)
    assert kernels.sign_frames(as_jax(points_of()), proper=True).shape == (4, N, D)


@pytest.mark.parametrize(("mode", "output"), [("canonical", "point"), ("average", "point"), ("average", "vector")])
def test_equivariant_maps(mode, output):
    x, features = as_jax(points_of()), as_jax(np.random.default_rng(2).normal(size=(N, CHANNELS)))

    def points_out(points, features):
        return network(points, features)[1]

    @jax.jit
    def function(x):
        return kernels.tinv_equivariant(points_out, x, features, mode=mode, output=output)

    def act_out(g, y):
        return act(g if output == "point" else (*g[:2], 0 * g[2]), y)

    acting: dict[str, Any] = {"act_in": act, "act_out": act_out}
    assert_equivariant(function, x, sample, exactness="exact", **acting)
    assert_not_equivariant(jax.jit(lambda x: points_out(x, features)), x, sample, delta=0.1, **acting)


def test_drawn_senses():
    x = as_jax(np.tile(points_of()[None], (200, 1, 1)))
    points, signs = kernels.random_sign(jax.random.key(0), x)
    np.testing.assert_array_equal(points, x * signs[:, None])
    seen, counts = np.unique(np.asarray(signs), axis=0, return_counts=True)
    assert len(seen) == 8
    assert counts.min() > 8
    _, even = kernels.random_sign(jax.random.key(0), x, proper=True)
    np.testing.assert_array_equal(np.prod(even, axis=-1), 1)
    assert len(np.unique(np.asarray(even), axis=0)) == 4
    key = jax.random.key(1)
    found = kernels.tinv_apply(lambda z: z, x, mode="random", key=key)
    canonical = coordinates(x)
    np.testing.assert_allclose(np.abs(found), np.abs(canonical), atol=EXACT)
    assert len(np.unique(np.sign(np.asarray(found / canonical))[:, 0], axis=0)) == 8
    # What is drawn is put back: the identity stays the identity.
    back = kernels.tinv_equivariant(lambda z: z, x, mode="random", key=key)
    np.testing.assert_allclose(back, x, atol=30 * EXACT)


def test_the_derivative_of_the_axes():
    """Detached, that of inner products is exact and that of coordinates is not; else both are."""
    x, way = points_of(), np.random.default_rng(3).normal(size=(N, D))

    def slope(function, **options):
        with jax.debug_nans(False):
            return jax.jvp(lambda x: function(coordinates(x, **options)), (as_jax(x),), (as_jax(way),))[1]

    def difference(function):
        h = 1e-5 if X64 else 1e-2
        return (function(coordinates(as_jax(x + h * way))) - function(coordinates(as_jax(x - h * way)))) / (2 * h)

    limit = 1e-7 if X64 else 5e-3
    cubes, inner = (lambda z: jnp.sum(z**3, axis=0)), lambda z: jnp.matmul(z, z.T, precision="highest")
    np.testing.assert_allclose(slope(inner), difference(inner), atol=limit)
    np.testing.assert_allclose(slope(cubes, detached=False), difference(cubes), atol=10 * limit)
    assert np.abs(np.asarray(slope(cubes) - slope(cubes, detached=False))).max() > 0.1


def test_memory_is_that_of_the_points():
    n = 4096
    shape = jax.ShapeDtypeStruct((n, D), jnp.float32)
    plan: Any = jax.jit(coordinates).lower(shape).compile().memory_analysis()
    assert plan.temp_size_in_bytes < 16 * n * D * 4
