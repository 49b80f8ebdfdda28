"""Nearest neighbours against sorted distance matrices, and what the search must never allocate or compute."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from jaxinv.kernels.numerics.distances import METRICS, distance, k_nearest
from jaxinv.kernels.numerics.group_blocks import group_blocks

FLOAT = jnp.result_type(float)


def reference(points, k, metric, group):
    """Neighbours by a stable sort of each row of the distance matrix, -1 where there is none."""
    points, group = np.asarray(points), np.asarray(group)
    apart = cdist(points, points, metric)
    wanted = np.full((len(points), k), -1)
    for i, own in enumerate(group):
        others = [j for j in np.argsort(apart[i], kind="stable") if j != i and group[j] == own]
        if own >= 0:
            wanted[i, : len(others[:k])] = others[:k]
    return wanted


def points_and_groups(dim=19):
    """Four groups of 560, 110, 3 and 0 points, and 27 points in no group."""
    generator = np.random.default_rng(0)
    group = np.repeat([0, 1, 3, -1], (560, 110, 3, 27))
    return jnp.asarray(generator.normal(size=(700, dim)), FLOAT), jnp.asarray(generator.permutation(group))


def found_rows(neighbours):
    return np.where(neighbours.found, neighbours.rows, -1)


@pytest.mark.parametrize("metric", METRICS)
def test_all_points_over_several_tiles(metric):
    points, _ = points_and_groups()
    wanted = reference(points, 5, metric, np.zeros(len(points)))
    np.testing.assert_array_equal(found_rows(k_nearest(points, 5, metric=metric)), wanted)


@pytest.mark.parametrize("metric", METRICS)
def test_within_unequal_groups(metric):
    points, group = points_and_groups()
    neighbours = jax.jit(lambda p, g: k_nearest(p, 4, metric=metric, group=g, num_groups=4))(points, group)
    np.testing.assert_array_equal(found_rows(neighbours), reference(points, 4, metric, group))


def test_models_in_a_batch_share_the_groups():
    points, group = points_and_groups(dim=4)
    other = points[:, ::-1] ** 3
    batched = jax.vmap(lambda p: k_nearest(p, 2, group=group, num_groups=4))(jnp.stack([points, other]))
    np.testing.assert_array_equal(batched.rows[1], k_nearest(other, 2, group=group, num_groups=4).rows)


@pytest.mark.parametrize("metric", METRICS)
def test_duplicates_are_neighbours_in_the_order_of_their_index_but_nobody_is_its_own(metric):
    points = jnp.ones((5, 3))
    wanted = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2]]
    np.testing.assert_array_equal(k_nearest(points, 3, metric=metric).rows, wanted)


def test_an_offset_and_a_scale_change_no_neighbour():
    points, _ = points_and_groups()
    plain = k_nearest(points, 3).rows
    np.testing.assert_array_equal(k_nearest(points + 1000, 3).rows, k_nearest((points + 1000) - 1000, 3).rows)
    for scale in (2.0**-90, 2.0**90):
        np.testing.assert_array_equal(k_nearest(scale * points, 3).rows, plain)


@pytest.mark.parametrize("metric", METRICS)
def test_no_array_of_pairs_is_allocated(metric):
    size, dim = 4096, 64
    points = jax.ShapeDtypeStruct((size, dim), jnp.float32)
    compiled = jax.jit(lambda p: k_nearest(p, 3, metric=metric)).lower(points).compile()
    memory = compiled.memory_analysis()
    # A few copies of the points, and a few tiles; all pairs would take 64 MiB.
    assert memory is not None
    assert memory.temp_size_in_bytes < 5 * 4 * size * dim + 12 * 4 * 512**2


def test_empty_and_without_columns():
    assert k_nearest(jnp.zeros((0, 3)), 2).rows.shape == (0, 2)
    for metric in METRICS:
        np.testing.assert_array_equal(k_nearest(jnp.zeros((3, 0)), 1, metric=metric).rows, [[1], [0], [0]])


def test_bad_options():
    with pytest.raises(ValueError, match="metric must be one of 'euclidean', 'chebyshev', 'cosine', got 'taxi'"):
        k_nearest(jnp.ones((3, 2)), 1, metric="taxi")
    with pytest.raises(ValueError, match="k must be >= 1, got 0"):
        k_nearest(jnp.ones((3, 2)), 0)
    with pytest.raises(ValueError, match="metric must be one of 'euclidean', 'chebyshev', got 'cosine'"):
        distance(jnp.ones((3, 2)), jnp.ones((3, 2)), metric="cosine")


@pytest.mark.parametrize(("metric", "wanted"), [("euclidean", 5.0), ("chebyshev", 4.0)])
def test_distance_and_its_gradient(metric, wanted):
    a, b = jnp.array([[4.0, 1.0], [2.0, 2.0]]), jnp.array([[1.0, 5.0], [2.0, 2.0]])
    np.testing.assert_allclose(distance(a, b, metric=metric), [wanted, 0.0], rtol=1e-6)
    slope = jax.grad(lambda a: jnp.sum(distance(a, b, metric=metric)))(a)
    np.testing.assert_allclose(slope, [[0.6, -0.8] if metric == "euclidean" else [0.0, -1.0], [0.0, 0.0]], rtol=1e-6)


@given(st.lists(st.integers(-2, 6), min_size=40, max_size=40), st.sampled_from([(1, 16), (6, 4), (6, 64)]))
def test_blocks_hold_every_row_once_and_one_group_each(group, sizes):
    num_groups, largest = sizes
    group = np.array(group)
    blocks = jax.device_get(group_blocks(jnp.asarray(group), num_groups, largest_block=largest))
    inside = (group >= 0) & (group < num_groups)
    assert sorted(blocks.source[blocks.filled]) == list(np.flatnonzero(inside))
    for number, (source, filled) in enumerate(zip(blocks.source, blocks.filled, strict=True)):
        assert np.all(group[source[filled]] == blocks.group[number])
        # The blocks that this one meets are those of its own group, and no others.
        met = np.arange(blocks.first[number], blocks.stop[number])
        assert np.all(blocks.group[met] == blocks.group[number])
        assert (number in met) == filled.any()
    size = np.bincount(group[inside], minlength=num_groups)
    np.testing.assert_array_equal(blocks.size, size)
    side = blocks.source.shape[1]
    assert np.sum(blocks.stop - blocks.first) == np.sum((-(-size // side)) ** 2)
