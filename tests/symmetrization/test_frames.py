"""Frames: elements of the group that move with the cloud, what masks and weights do, degenerate clouds, continuity."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import special_ortho_group

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FLOAT, X64, assert_finite
from tests.symmetrization.frame_cases import C4, cloud

EXACT = 1e-12 if X64 else 1e-5
MAKERS = {"pca": kernels.pca_frame, "weighted": kernels.weighted_frame, "minimal": kernels.minimal_frame}


def points_of(seed=0, n=5, d=3):
    return cloud(np.random.default_rng(seed), n, d)


def motion(seed, group, d=3):
    """A rotation, for odd seeds a reflection if the group has them, and a translation."""
    rotation = special_ortho_group.rvs(d, random_state=seed)
    if group in ("e", "o") and seed % 2:
        rotation[:, 0] *= -1
    shift = np.random.default_rng(seed).normal(size=d)
    return rotation, shift if group in ("e", "se") else 0 * shift


def as_sets(frames):
    """Centre and elements, in float64."""
    return np.asarray(frames.centre, np.float64), np.asarray(frames.elements, np.float64)


def assert_orthogonal(elements):
    units = np.broadcast_to(np.eye(elements.shape[-1]), elements.shape)
    np.testing.assert_allclose(np.swapaxes(elements, -1, -2) @ elements, units, atol=EXACT)


def distance_of_sets(first, second):
    """From each element of one to the nearest of the other, the largest."""
    apart = np.abs(first[:, None] - second[None]).max((-1, -2))
    return max(apart.min(0).max(), apart.min(1).max())


@pytest.mark.parametrize(
    ("kind", "group", "d", "size"),
    [
        ("pca", "e", 2, 4),
        ("pca", "o", 2, 4),
        ("pca", "so", 2, 2),
        ("pca", "se", 3, 4),
        ("weighted", "e", 3, 40),
        ("weighted", "so", 2, 5),
        ("minimal", "e", 3, 1),
        ("minimal", "so", 2, 1),
    ],
)
def test_frames_are_in_the_group_and_move_along(kind, group, d, size):
    make = functools.partial(MAKERS[kind], group=group)
    x = points_of(d=d)
    frames = make(jnp.asarray(x, FLOAT))
    centre, elements = as_sets(frames)
    assert elements.shape == (size, d, d)
    assert_orthogonal(elements)
    np.testing.assert_array_equal(frames.inverses, np.swapaxes(frames.elements, -1, -2))
    np.testing.assert_allclose(np.sum(frames.weights), 1, rtol=EXACT)
    if group in ("se", "so"):
        assert np.linalg.det(elements).min() > 0
    assert not frames.degenerate
    assert 1e-3 < frames.gap <= 1
    rotation, shift = motion(1, group, d)
    moved_centre, moved = as_sets(make(jnp.asarray(x @ rotation.T + shift, FLOAT)))
    np.testing.assert_allclose(moved_centre, centre @ rotation.T + shift, atol=10 * EXACT)
    assert distance_of_sets(moved, rotation @ elements) < 30 * EXACT
    # Negative control: another motion.
    assert distance_of_sets(moved, motion(2, group, d)[0] @ elements) > 0.1


@pytest.mark.parametrize(("d", "group", "size"), [(1, "e", 2), (1, "se", 1), (5, "so", 16)])
def test_pca_frames_in_other_dimensions(d, group, size):
    x = points_of(0, 7, d)
    frames = kernels.pca_frame(jnp.asarray(x, FLOAT), group=group)
    _, elements = as_sets(frames)
    assert elements.shape == (size, d, d)
    assert_orthogonal(elements)
    assert len(np.unique(np.sign(elements[:, 0]), axis=0)) == size
    if group in ("se", "so"):
        np.testing.assert_allclose(np.linalg.det(elements), 1, rtol=EXACT)
    assert not frames.degenerate


@pytest.mark.allow_nans
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.proves("masks", "symmetrization.{kind}_frame")
def test_masked_points_change_nothing_whatever_they_hold(kind):
    make = functools.partial(MAKERS[kind], group="se")
    x, mask = points_of(d=2), np.arange(7) < 5

    def padded(*values):
        return jnp.asarray(np.concatenate([x, np.outer(values, [1, 1])]), FLOAT)

    wanted = make(jnp.asarray(x, FLOAT))
    for values in ((np.nan, 1e30), (9.0, -3.0)):
        found = make(padded(*values), mask=jnp.asarray(mask))
        there = np.asarray(found.weights) > 0
        np.testing.assert_allclose(found.centre, wanted.centre, atol=EXACT)
        np.testing.assert_allclose(np.asarray(found.elements)[there], wanted.elements, atol=10 * EXACT)
        np.testing.assert_allclose(np.asarray(found.weights)[there], wanted.weights, atol=EXACT)
    if kind == "pca":
        # A weight of 0 is a mask, for finite numbers; negative control: with weights they count.
        masked, weighted = (
            make(padded(1e30, -3.0), weights=jnp.asarray(weights, FLOAT)) for weights in (2.0 * mask, 2.0 - mask)
        )
        np.testing.assert_allclose(masked.centre, wanted.centre, atol=10 * EXACT)
        assert distance_of_sets(as_sets(masked)[1], as_sets(wanted)[1]) < 10 * EXACT
        assert np.abs(np.asarray(weighted.centre) - np.asarray(wanted.centre)).max() > 0.1


@pytest.mark.parametrize("kind", MAKERS)
def test_any_size_of_a_cloud_will_do(kind):
    make = functools.partial(MAKERS[kind], group="se")
    wanted = make(jnp.asarray(points_of(d=2), FLOAT))
    for size in (2.0**-100, 2.0**100):
        found = make(jnp.asarray(size * points_of(d=2), FLOAT))
        assert_finite(found)
        np.testing.assert_allclose(found.elements, wanted.elements, atol=10 * EXACT)
        np.testing.assert_allclose(found.gap, wanted.gap, atol=10 * EXACT)


def test_a_weight_counts_as_copies():
    x = points_of(d=2)
    twice = kernels.pca_frame(jnp.asarray(np.concatenate([x, x[:1]]), FLOAT), group="e")
    weighted = kernels.pca_frame(jnp.asarray(x, FLOAT), group="e", weights=jnp.array([2.0, 1, 1, 1, 1], FLOAT))
    np.testing.assert_allclose(weighted.centre, twice.centre, atol=EXACT)
    assert distance_of_sets(as_sets(weighted)[1], as_sets(twice)[1]) < 10 * EXACT


DEGENERATE = {
    "cube": np.array(list(itertools.product((-1, 1), repeat=3)), float) * 1.3,
    "square in space": np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 0], [1, 1, 0], [-1, -1, 0], [1, -1, 0]], float
    )[[0, 1, 2, 3, 0, 1, 2, 3]],
    "line": np.arange(8.0)[:, None] * [1.0, 2.0, -1.0],
    "point": np.ones((8, 3)),
}


@functools.partial(jax.jit, static_argnames=("kind", "tolerance"))
def derivative_and_frames(x, kind, tolerance=1e-3):
    def total(x):
        frames = MAKERS[kind](x, group="se", detached=False, tolerance=tolerance)
        weights = jnp.asarray(np.sin(1 + np.arange(frames.elements.size)).reshape(frames.elements.shape), FLOAT)
        return jnp.sum(weights * frames.elements * frames.weights[:, None, None]), frames

    return jax.grad(total, has_aux=True)(x)


@pytest.mark.parametrize("kind", MAKERS)
def test_degenerate_clouds_are_flagged_and_finite(kind):
    for name, x in DEGENERATE.items():
        derivative, frames = derivative_and_frames(jnp.asarray(x, FLOAT), kind)
        assert_finite((frames, derivative))
        # A cube, or a square, determines the other kinds well.
        assert bool(frames.degenerate) == (kind == "pca" or name in ("line", "point"))
        elements = as_sets(frames)[1]
        assert_orthogonal(elements)
        np.testing.assert_allclose(np.linalg.det(elements), 1, rtol=10 * EXACT)
        if kind == "pca" and name == "line":
            direction = np.array([1, 2, -1]) / np.sqrt(6)
            np.testing.assert_allclose(np.abs(elements[:, :, 2] @ direction), 1, atol=EXACT)


def test_the_exact_derivative_grows_as_one_over_the_gap_until_it_is_left_out():
    def size(step, tolerance):
        corners = np.array(list(itertools.product((-1, 1), repeat=2))) * [1 + step, 1 - step]
        return np.linalg.norm(derivative_and_frames(jnp.asarray(corners, FLOAT), "pca", tolerance)[0])

    near, nearer = size(1e-1, 1e-6), size(1e-2, 1e-6)
    assert nearer > 5 * near
    assert size(1e-2, 0.5) < near


def test_frame_gap():
    variances = jnp.array([[1.0, 1.5, 4.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], FLOAT)
    np.testing.assert_allclose(kernels.frame_gap(variances), [0.125, 0, 0, 0])
    np.testing.assert_array_equal(kernels.frame_gap(variances[:, :1]), [1, 0, 0, 1])
    found = kernels.pca_frame(jnp.asarray(points_of(d=2), FLOAT), group="e").gap
    x = points_of(d=2) - points_of(d=2).mean(0)
    values = np.linalg.eigvalsh(x.T @ x)
    np.testing.assert_allclose(found, np.diff(values).min() / values[-1], rtol=100 * EXACT)
    with pytest.raises(ValueError, match="variances must have shape"):
        kernels.frame_gap(jnp.ones(()))


def test_minimal_frames_see_points_in_their_order():
    x = points_of()
    frames = kernels.minimal_frame(jnp.asarray(x, FLOAT), group="e")
    seen = (x - x.mean(0)) @ np.asarray(frames.elements[0], np.float64)
    np.testing.assert_allclose(np.tril(seen[:3].T, -1), 0, atol=10 * EXACT)
    assert np.diagonal(seen).min() > 0
    # The second point is left out where it is on a line with the first.
    x[1] = 2 * x[0] - x.mean(0)
    x = x - x.mean(0)
    x[1] = 2 * x[0]
    taken = kernels.minimal_frame(jnp.asarray(x, FLOAT), group="o")
    without = kernels.minimal_frame(jnp.asarray(np.delete(x, 1, 0), FLOAT), group="o")
    np.testing.assert_allclose(taken.elements, without.elements, atol=10 * EXACT)
    # Negative control: it is no function of the set.
    turned = kernels.minimal_frame(jnp.asarray(x[::-1].copy(), FLOAT), group="o")
    assert np.abs(np.asarray(turned.elements - taken.elements)).max() > 0.1


@pytest.mark.parametrize("group", ["gl", "sl", "aff"])
def test_minimal_frames_of_linear_groups_give_invariant_coordinates(group):
    x = points_of(d=2)
    generator = np.random.default_rng(3)
    linear = np.eye(2) + 0.4 * generator.normal(size=(2, 2))
    if group == "sl":
        linear /= np.sqrt(np.linalg.det(linear))
    shift = generator.normal(size=2) * (group == "aff")

    def coordinates(x, group=group):
        frames = kernels.minimal_frame(jnp.asarray(x, FLOAT), group=group)
        unit = np.asarray(frames.elements[0]) @ np.asarray(frames.inverses[0])
        np.testing.assert_allclose(unit, np.eye(2), atol=100 * EXACT)
        return (x - np.asarray(frames.centre, np.float64)) @ np.asarray(frames.inverses[0], np.float64).T

    found, moved = coordinates(x), coordinates(x @ linear.T + shift)
    np.testing.assert_allclose(moved, found, atol=100 * EXACT * np.abs(found).max())
    # Negative control: rotations are not enough.
    assert np.abs(coordinates(x, "so") - coordinates(x @ linear.T + shift, "so")).max() > 0.1


def test_drawn_elements_have_the_weights_as_probabilities():
    frames = kernels.weighted_frame(jnp.asarray(points_of(0, 4, 2), FLOAT), group="so", mask=jnp.arange(4) > 0)
    draws = 2000
    drawn = kernels.stochastic_frame(jax.random.key(0), frames, num=draws)
    np.testing.assert_array_equal(drawn.weights, jnp.full(draws, 1 / draws, FLOAT))
    counts = (np.asarray(drawn.elements) == np.asarray(frames.elements)[:, None]).all((-1, -2)).sum(1)
    assert counts.sum() == draws
    assert counts[0] == 0
    probabilities = np.asarray(frames.weights, np.float64)
    noise = np.sqrt(probabilities * (1 - probabilities) * draws)
    assert np.all(np.abs(counts - draws * probabilities) <= 4 * noise)
    assert np.abs(counts - draws / 4).max() > 100
    np.testing.assert_array_equal(drawn.inverses, np.swapaxes(drawn.elements, -1, -2))
    with pytest.raises(ValueError, match="num must be"):
        kernels.stochastic_frame(jax.random.key(0), frames, num=0)


def test_a_batch_draws_for_each_cloud():
    clouds = jnp.asarray(np.stack([points_of(seed, d=2) for seed in range(30)]), FLOAT)
    frames = kernels.pca_frame(clouds, group="o")
    drawn = kernels.stochastic_frame(jax.random.key(0), frames)
    places = (np.asarray(drawn.elements) == np.asarray(frames.elements)).all((-1, -2)).argmax(-1)
    assert set(places.tolist()) == {0, 1, 2, 3}


def jump(make, radius):
    """Of an average when a point passes through the origin, or when the variances of a cloud swap order."""
    function = jax.jit(lambda x: kernels.frame_average(lambda y: jnp.sum(jnp.cos(y @ WAY + 1)), make(x), x))
    rest = jnp.array([[1.0, 0.3], [-0.4, 0.8], [0.2, -1.1]], FLOAT)
    step = jnp.array([[0.8, 0.6]], FLOAT) * radius
    return abs(float(function(jnp.concatenate([rest, step])) - function(jnp.concatenate([rest, -step]))))


WAY = jnp.array([1.0, 2.0], FLOAT)


def test_averages_over_weighted_frames_do_not_jump():
    make = functools.partial(kernels.weighted_frame, group="so")
    far, near = jump(make, 1e-1), jump(make, 1e-3)
    assert near < 0.02 * far
    # Without the weights they do.
    flat = jump(lambda x: make(x)._replace(weights=jnp.full(4, 0.25, FLOAT)), 1e-3)
    assert flat > 0.1 * far


def test_averages_over_principal_axes_jump_where_variances_are_equal():
    @jax.jit
    def average(stretch):
        square = jnp.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]], FLOAT)
        points = square + square @ stretch
        frames = kernels.pca_frame(points, group="so")
        return kernels.frame_average(lambda y: jnp.sum(jnp.cos(y @ WAY + 1)), frames, points), frames.degenerate

    # Along one axis or along the diagonal: two clouds near to the square and each other.
    along, across = jnp.array([[1.0, 0], [0, -1]], FLOAT), jnp.array([[0, 1.0], [1, 0]], FLOAT)
    jumps = []
    for step in (1e-2, 1e-4):
        (first, first_flag), (second, second_flag) = average(step * along), average(step * across)
        jumps.append(abs(float(first - second)))
        assert bool(first_flag) == bool(second_flag) == (step < 1e-3)
    assert min(jumps) > 0.1
    assert abs(jumps[0] - jumps[1]) < 0.1 * jumps[0]


def test_finite_groups_are_checked():
    kernels.check_finite_group(C4)
    with pytest.raises(ValueError, match="closed"):
        kernels.check_finite_group(C4[:3])
    with pytest.raises(ValueError, match="distinct"):
        kernels.check_finite_group(C4[[0, 1, 1, 3]])
    with pytest.raises(ValueError, match="invertible"):
        kernels.check_finite_group(np.stack([np.eye(2), np.zeros((2, 2))]))
