"""Positions and orientations: grids, complete invariants, exact and approximate symmetry, padding, blocks, memory."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import group_convolutions as kernels
from jaxinv.kernels.harmonics import polynomial_cutoff
from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.kernels.numerics.edges import check_edges
from tests.duties import FLOAT, X64, assert_finite
from tests.symmetry import assert_equivariant, assert_not_equivariant

ROUNDING = 1e-12 if X64 else 1e-5
ICOSAHEDRON = kernels.orientation_grid(12, kind="polyhedron")


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def assert_close(found, wanted, bound=ROUNDING):
    scale = max(float(np.max(np.abs(wanted))), 1e-30)
    np.testing.assert_allclose(np.asarray(found, float) / scale, np.asarray(wanted, float) / scale, rtol=0, atol=bound)


def rotations_of(grid):
    """All rotations that take a grid to itself, found by where its first two orientations go."""

    def frame(a, b):
        across = np.cross(a, b)
        return np.stack([a, b, across / np.linalg.norm(across)], axis=-1)

    first = frame(grid[0], grid[1])
    found = [
        frame(a, b) @ np.linalg.inv(first)
        for a, b in itertools.permutations(grid, 2)
        if abs(a @ b - grid[0] @ grid[1]) < 1e-9
    ]
    return [g for g in found if np.abs(grid @ g.T @ grid.T).max(axis=0).min() > 1 - 1e-9]


# Grids


@pytest.mark.parametrize("num", [1, 2, 5, 12, 40])
@pytest.mark.parametrize("kind", ["fibonacci", "repulsion"])
def test_grids_are_unit_vectors_far_from_each_other(num, kind):
    grid = kernels.orientation_grid(num, kind=kind)
    np.testing.assert_allclose(np.linalg.norm(grid, axis=-1), 1, atol=1e-12)
    assert grid.shape == (num, 3)
    assert grid is kernels.orientation_grid(num, kind=kind)
    with pytest.raises(ValueError, match="read-only"):
        grid[0] = 0
    if num > 1:
        nearest = np.sort(np.arccos(np.clip(grid @ grid.T, -1, 1)), axis=1)[:, 1].min()
        # Half of what the best packing of that many caps could have, which area bounds.
        assert nearest > 0.5 * np.arccos(1 - 2 / num)


def test_charges_rest_on_the_octahedron_and_better_than_a_spiral():
    """Thomson's problem: the octahedron solves it for 6, and no spiral does for 20."""
    inner = np.sort(np.round(kernels.orientation_grid(6) @ kernels.orientation_grid(6).T, 6), axis=None)
    np.testing.assert_allclose(inner, np.sort([-1.0] * 6 + [0.0] * 24 + [1.0] * 6), atol=2e-3)

    def energy(grid):
        apart = np.linalg.norm(grid[:, None] - grid[None], axis=-1)
        return np.sum(1 / apart[np.triu_indices(len(grid), 1)])

    # The best known configuration of 20 has 150.8816.
    assert energy(kernels.orientation_grid(20)) == pytest.approx(150.8816, abs=0.05)
    assert energy(kernels.orientation_grid(20, kind="fibonacci")) > 151.2


@pytest.mark.parametrize(("num", "order"), [(6, 24), (12, 60), (20, 60)])
def test_polyhedra_have_their_rotations(num, order):
    grid = kernels.orientation_grid(num, kind="polyhedron")
    assert len(rotations_of(grid)) == order
    assert kernels.is_antipodal(grid)
    np.testing.assert_allclose(grid.T @ grid, np.eye(3) * num / 3, atol=1e-12)


def test_antipodal_grids():
    for grid in (kernels.orientation_grid(16, antipodal=True), kernels.orientation_grid(8, 2)):
        half = len(grid) // 2
        np.testing.assert_allclose(grid[half:], -grid[:half], atol=1e-12)
        assert kernels.is_antipodal(grid)
    assert not kernels.is_antipodal(kernels.orientation_grid(16, kind="fibonacci"))
    assert not kernels.is_antipodal(kernels.orientation_grid(5, 2))
    angles = np.sort(np.mod(np.arctan2(*kernels.orientation_grid(7, 2).T[::-1]), 2 * np.pi))
    np.testing.assert_allclose(np.diff(angles), 2 * np.pi / 7)


def test_bad_grids_are_named():
    with pytest.raises(ValueError, match="num_orientations must be even"):
        kernels.orientation_grid(5, antipodal=True)
    with pytest.raises(ValueError, match="num_orientations must be 6, 12 or 20"):
        kernels.orientation_grid(8, kind="polyhedron")
    with pytest.raises(ValueError, match="num_orientations must be >= 1"):
        kernels.orientation_grid(0)
    with pytest.raises(ValueError, match="dimension must be 2 or 3"):
        kernels.orientation_grid(8, 4)
    with pytest.raises(ValueError, match="kind must be one of"):
        kernels.orientation_grid(8, kind="cube")


# Invariants


@pytest.mark.parametrize("dimension", [2, 3])
def test_invariants_do_not_move_and_tell_all_else_apart(dimension):
    """Pairs with equal invariants are moved copies: the motion is made from their frames."""
    relative, receiver, sender = (np.asarray(v) for v in normal(3, 6, dimension))
    receiver, sender = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (receiver, sender))
    found = np.asarray(kernels.pair_invariants(*map(jnp.asarray, (relative, receiver, sender))))
    rotation = np.asarray(haar_so(jax.random.key(0), (6,), dimension), float)
    moved = [np.einsum("nij,nj->ni", rotation, v) for v in (relative, receiver, sender)]
    again = np.asarray(kernels.pair_invariants(*(jnp.asarray(v, FLOAT) for v in moved)))
    assert_close(again, found, 1e-5)
    mirror = np.diag([-1.0] + [1.0] * (dimension - 1))
    mirrored = kernels.pair_invariants(*(jnp.asarray(v @ mirror, FLOAT) for v in (relative, receiver, sender)))
    assert np.abs(np.asarray(mirrored) - found).max() > 0.1

    def frame(d, o):
        if dimension == 2:
            return np.stack([o, [-o[1], o[0]]], axis=-1)
        across = d - o * (o @ d)
        across /= np.linalg.norm(across)
        return np.stack([o, across, np.cross(o, across)], axis=-1)

    for i in range(6):
        # What invariants say of a pair, put together in a standard frame: nothing but the frame was lost.
        motion = frame(moved[0][i], moved[1][i]) @ frame(relative[i], receiver[i]).T
        np.testing.assert_allclose(motion, rotation[i], atol=1e-5)
        inner, along = found[i, 2], found[i, 3]
        if dimension == 2:
            rebuilt = [found[i, 2], found[i, 3]]
        else:
            first, second = found[i, 0], found[i, 1]
            rebuilt = [inner, (along - first * inner) / second, found[i, 4] / second]
        np.testing.assert_allclose(frame(relative[i], receiver[i]) @ rebuilt, sender[i], atol=1e-4)


def test_where_a_pair_has_no_direction_across():
    grid = jnp.asarray(kernels.orientation_grid(5), FLOAT)
    gradient = jax.jacobian(lambda d: kernels.orientation_invariants(d, grid)[..., 1].sum())
    derivatives = jax.jit(lambda d: (gradient(d), jax.jacobian(gradient)(d)))
    for vector in (jnp.zeros(3, FLOAT), 1.7 * grid[2], -1e3 * grid[0], 1e-30 * grid[1]):
        assert_finite(derivatives(vector))
    across = kernels.orientation_invariants(1.7 * grid[2], grid)[:, 1]
    assert across[2] == 0
    assert np.all(np.delete(across, 2) > 0.1)
    beside = 1.7 * grid[2] + 0.1 * jnp.asarray([0.3, -1, 0.2], FLOAT)
    assert float(jnp.linalg.norm(derivatives(beside)[0])) > 0.1


def test_the_cutoff_ends_with_two_derivatives():
    def cutoff(r):
        return polynomial_cutoff(r, cutoff=2.0)

    first, second = jax.grad(cutoff), jax.grad(jax.grad(cutoff))
    for function, at_zero in ((cutoff, 1.0), (first, 0.0), (second, 0.0)):
        assert float(function(jnp.asarray(0.0, FLOAT))) == pytest.approx(at_zero, abs=1e-6)
        assert float(function(jnp.asarray(2.0, FLOAT))) == 0
        assert abs(float(function(jnp.asarray(2.0 - 1e-4, FLOAT)))) < 0.1
    assert 0.1 < float(cutoff(jnp.asarray(1.5, FLOAT))) < 0.9


# Convolutions


def layer(positions, vectors, grid, *, dense=True, mask=None, seed=3):
    """A convolution, a mixing of orientations, and what is read: scalars and vectors; kernels are smooth functions."""
    halved = dense and kernels.is_antipodal(grid)
    weights, fiber = normal(14, 4, seed=seed), normal(3, 4, seed=seed + 1)

    def basis(relative, seen):
        invariants = kernels.orientation_invariants(relative / 3, seen)
        return jnp.exp(-(invariants[..., :1] ** 2)) * kernels.polynomial_features(invariants, 3)

    x = kernels.lift_vectors(vectors, grid)
    if dense:
        seen = grid[: len(grid) // 2] if halved else grid
        relative = positions[..., None, :, :] - positions[..., :, None, :]
        x = kernels.dense_orientation_convolution(x, basis(relative, seen), weights, mask=mask, antipodal=halved)
    else:
        senders, receivers = (jnp.asarray(i.ravel()) for i in np.indices((len(positions),) * 2))
        of_edges = basis(positions[senders] - positions[receivers], grid)
        present = None if mask is None else mask[senders] & mask[receivers]
        x = kernels.edge_orientation_convolution(x, of_edges, weights, senders, receivers, mask=present)
    features = kernels.polynomial_features(jnp.asarray(kernels.fiber_invariants(grid), x.dtype), 3)
    mixing = jnp.matmul(features, fiber, precision="highest")
    x = jnp.tanh(kernels.fiber_convolution(x, mixing) / 4)
    return kernels.read_scalars(x), kernels.read_vectors(x, grid)


def of_cloud(cloud, grid):
    positions, vectors = cloud
    return layer(positions, vectors, grid)


def turned(rotation, cloud):
    # A shift for positions, none for vectors.
    positions, vectors = cloud
    return positions @ rotation.T + jnp.asarray([[1.0, -2.0, 0.5]], FLOAT), vectors @ rotation.T


def cloud():
    return normal(6, 3), normal(6, 4, 3, seed=1)


def test_the_icosahedron_is_exact_under_its_sixty_rotations_and_not_under_others():
    elements = jnp.asarray(np.stack(rotations_of(ICOSAHEDRON)), FLOAT)
    assert len(elements) == 60

    def element(key):
        return elements[jax.random.randint(key, (), 0, 60)]

    scalars = jax.jit(lambda cloud: of_cloud(cloud, ICOSAHEDRON)[0])
    vectors = jax.jit(lambda cloud: of_cloud(cloud, ICOSAHEDRON)[1])

    def turn_out(rotation, out):
        return out @ rotation.T

    options = {"act_in": turned, "exactness": "exact", "num_elements": 20}
    assert_equivariant(scalars, cloud(), element, **options)
    assert_equivariant(vectors, cloud(), element, act_out=turn_out, **options)
    control = {"act_in": turned, "delta": 1e-3}
    assert_not_equivariant(vectors, cloud(), lambda key: haar_so(key, (), 3).astype(FLOAT), act_out=turn_out, **control)
    assert_not_equivariant(vectors, cloud(), element, **control)


def test_the_error_falls_with_orientations():
    """As of a random layer: five times and more from 6 to 50, and again from there to 200."""
    rotations = haar_so(jax.random.key(1), (8,), 3).astype(FLOAT)
    errors = []
    for num in (6, 20, 50, 200):
        grid = kernels.orientation_grid(num, antipodal=True)
        apply = jax.jit(functools.partial(of_cloud, grid=grid))
        scalars, vectors = apply(cloud())
        found = [apply(turned(rotation, cloud())) for rotation in rotations]
        off = [np.abs(v - vectors @ g.T).max() for g, (_, v) in zip(rotations, found, strict=True)]
        errors.append(np.mean(off) / np.abs(vectors).max())
        assert np.abs(scalars).max() > 0.1
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert errors[0] > 5 * errors[2]


@pytest.mark.parametrize("grid", [ICOSAHEDRON, kernels.orientation_grid(7)], ids=["antipodal", "free"])
def test_edges_and_clouds_agree_and_pads_and_order_change_nothing(grid):
    whole, by_edges = (jax.jit(functools.partial(layer, grid=grid, dense=dense)) for dense in (True, False))
    positions, vectors = cloud()
    wanted = whole(positions, vectors)
    for one, other in zip(by_edges(positions, vectors), wanted, strict=True):
        assert_close(one, other)
    order = np.random.default_rng(0).permutation(6)
    for one, other in zip(whole(positions[order], vectors[order]), wanted, strict=True):
        assert_close(one, other[order])
    more, longer = (jnp.concatenate([a, jnp.full((2, *a.shape[1:]), 0.7, FLOAT)]) for a in (positions, vectors))
    for function in (whole, by_edges):
        for one, other in zip(function(more, longer, mask=jnp.arange(8) < 6), wanted, strict=True):
            assert_close(one[:6], other)
        unmasked = function(more, longer, mask=jnp.arange(8) < 8)[1][:6]
        assert np.abs(unmasked - wanted[1]).max() > 1e-3 * np.abs(wanted[1]).max()


def test_pads_may_hold_infinities():
    x, basis, weights = normal(5, 4, 3), normal(5, 5, 4, 2, seed=1), normal(2, 3, seed=2)
    senders, receivers = jnp.asarray([0, 1, 4]), jnp.asarray([1, 0, 2])
    there = jnp.asarray([True, True, False])

    def both(x, basis):
        dense = kernels.dense_orientation_convolution(x, basis, weights, mask=jnp.arange(5) < 4)
        edges = kernels.edge_orientation_convolution(x, basis[0, :3], weights, senders, receivers, mask=there)
        return dense, edges

    wanted = both(x, basis)
    with jax.debug_infs(False), jax.debug_nans(False):
        found = both(x.at[4].set(jnp.inf), basis.at[0, 2].set(basis[0, 2]))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_edges_out_of_range_count_as_masked():
    x, basis, weights = normal(3, 2, 4), normal(4, 2, 5, seed=1), normal(5, 4, seed=2)
    senders, receivers = jnp.asarray([0, 1, 7, 2]), jnp.asarray([1, 2, 0, -1])
    found = kernels.edge_orientation_convolution(x, basis, weights, senders, receivers)
    there = jnp.asarray([True, True, False, False])
    np.testing.assert_array_equal(
        found, kernels.edge_orientation_convolution(x, basis, weights, senders, receivers, mask=there)
    )
    with pytest.raises(Exception, match=r"senders must be in 0 \.\. 2, got 7 at edge 2"):
        check_edges(senders, receivers, 3)


def test_points_with_orientations_of_their_own():
    """A point cloud mode: one orientation a point, kernels of the pair's invariants; exact under all rotations."""
    weights = normal(30, 4, seed=5)
    senders, receivers = (jnp.asarray(i.ravel()) for i in np.indices((6, 6)))

    def convolved(cloud):
        positions, vectors = cloud
        own = vectors[:, 0] / jnp.linalg.norm(vectors[:, 0], axis=-1, keepdims=True)
        relative = positions[senders] - positions[receivers]
        invariants = kernels.pair_invariants(relative / 3, own[receivers], own[senders])
        basis = kernels.polynomial_features(jnp.tanh(invariants), 2)[:, None]
        x = jnp.ones((6, 1, 4), FLOAT)
        return kernels.edge_orientation_convolution(x, basis, weights, senders, receivers)[:, 0]

    def element(key):
        return haar_so(key, (), 3).astype(FLOAT)

    assert_equivariant(jax.jit(convolved), cloud(), element, act_in=turned, exactness="exact")

    def only_vectors(rotation, cloud):
        return cloud[0], cloud[1] @ rotation.T

    assert_not_equivariant(jax.jit(convolved), cloud(), element, act_in=only_vectors, delta=1e-2)


def test_derivatives_at_coincident_points():
    """Forces and their derivatives, with every point its own neighbour and two in one place."""
    positions, vectors = cloud()
    positions = positions.at[0].set(positions[1])

    def energy(positions):
        return jnp.sum(layer(positions, vectors, ICOSAHEDRON)[0] ** 2)

    gradient = jax.grad(energy)
    direction = normal(6, 3, seed=9)
    force, along = jax.jit(lambda x: jax.jvp(gradient, (x,), (direction,)))(positions)
    assert_finite((force, along))
    assert np.abs(along).max() > 1e-3


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="an accelerator takes larger blocks than this")
@pytest.mark.parametrize("dense", [True, False])
def test_kernels_of_pairs_are_never_all_there(dense):
    """Memory is that of copies of the input and a block; a plain form holds pairs x orientations x channels."""
    points, orientations, channels, num_basis, clouds = 16, 6, 64, 2, 256
    pairs = clouds * points * points
    senders, receivers = (jnp.asarray(i, jnp.int32) for i in np.random.default_rng(0).integers(0, points, (2, pairs)))
    shapes = (
        ((clouds,) if dense else ()) + (points, orientations, channels),
        ((clouds, points, points) if dense else (pairs,)) + (orientations, num_basis),
        (num_basis, channels),
    )
    arguments = [jax.ShapeDtypeStruct(shape, FLOAT) for shape in shapes]

    def ours(x, basis, weights):
        if dense:
            return kernels.dense_orientation_convolution(x, basis, weights)
        return kernels.edge_orientation_convolution(x, basis, weights, senders, receivers)

    def plain(x, basis, weights):
        of_pairs = jnp.matmul(basis, weights)
        if dense:
            return jnp.sum(of_pairs * x[:, None], axis=2)
        return jnp.zeros_like(x).at[receivers].add(of_pairs * x[senders])

    def temporary(function):
        gradient = jax.value_and_grad(lambda *arguments: jnp.sum(function(*arguments) ** 2), (0, 1, 2))
        analysis = jax.jit(gradient).lower(*arguments).compile().memory_analysis()
        assert analysis is not None
        return analysis.temp_size_in_bytes

    whole = pairs * orientations * channels * FLOAT.itemsize
    assert temporary(ours) < whole / 8 + 4 * math.prod(shapes[0]) * FLOAT.itemsize
    assert temporary(plain) > whole
