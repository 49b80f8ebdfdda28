"""Motions of each part by itself: exact for the true partition and finer ones, bounded by how often one is bad."""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxinv.kernels import symmetrization as kernels
from jaxinv.kernels.lie_groups.sampling import haar_so
from tests.duties import FLOAT, X64
from tests.symmetry import assert_equivariant, assert_not_equivariant

N, PARTS, MOST = 12, 2, 6
TRUE = jnp.asarray(np.repeat(np.arange(PARTS), N // PARTS), jnp.int32)
GENERATOR = np.random.default_rng(0)
POINTS = jnp.asarray(GENERATOR.normal(size=(N, 3)) * [1, 2, 4] + 5 * np.asarray(TRUE)[:, None], FLOAT)
INTO, OUT = (jnp.asarray(GENERATOR.normal(size=s), FLOAT) for s in ((3, 6), (6, 3)))
EXACT = 1e-11 if X64 else 2e-5


def of_parts(points, belongs):
    """One vector a point, from the point and the largest hidden features of its part; `belongs` `(k, n)`."""
    hidden = jnp.tanh(jnp.matmul(points, INTO, precision="highest") * 0.3 + 0.2)
    pooled = jnp.max(jnp.where(belongs[..., None], hidden[None], -1), axis=1)
    pooled = jnp.einsum("kn,kc->nc", belongs.astype(FLOAT), pooled, precision="highest")
    return jnp.matmul(hidden * pooled, OUT, precision="highest")


@jax.jit
def piecewise(points, labels):
    frames = kernels.frames_of_points(kernels.piecewise_frames(points, labels, MOST, group="e"), labels)
    belongs = labels[None] == jnp.arange(MOST)[:, None]
    return kernels.frame_average(of_parts, frames, points, belongs, output="point")


@jax.jit
def by_masks(points, labels):
    """The same by one frame average for each part."""

    def of_one(points, mask):
        frames = kernels.pca_frame(points, group="e", mask=mask)
        return kernels.frame_average(of_parts, frames, points, mask[None], output="point")

    return kernels.piecewise_apply(of_one, points, labels, MOST)


@jax.jit
def motions(key):
    turn, flip, shift = jax.random.split(key, 3)
    signs = jax.random.rademacher(flip, (PARTS, 1, 1), FLOAT)
    return haar_so(turn, (PARTS,), 3, dtype=FLOAT) * signs, jax.random.normal(shift, (PARTS, 3), FLOAT)


@jax.jit
def move(g, points):
    return kernels.move_parts(*g, points, TRUE)


ACTING: dict[str, Any] = {"act_in": move, "act_out": move}


def finer(seed):
    """A random subpartition of the true one: parts of any number of points."""
    return 3 * TRUE + jnp.asarray(np.random.default_rng(seed).integers(0, 3, N), jnp.int32)


def test_equivariant_for_the_true_partition_and_finer_ones_only():
    for labels in (TRUE, finer(0), finer(1)):
        assert_equivariant(lambda x, z=labels: piecewise(x, z), POINTS, motions, exactness="exact", **ACTING)
    # Negative controls: one part, and one point in a foreign part.
    for labels in (jnp.zeros_like(TRUE), TRUE.at[0].set(1)):
        assert_not_equivariant(lambda x, z=labels: piecewise(x, z), POINTS, motions, delta=0.05, **ACTING)


def test_parts_of_one_and_two_points_are_exact_too():
    pairs = jnp.asarray(np.array([0, 0, 1, 2, 2, 1, 3, 3, 4, 5, 5, 5]), jnp.int32)
    frames = kernels.piecewise_frames(POINTS, pairs, MOST, group="e")
    np.testing.assert_array_equal(frames.degenerate, [True] * 5 + [False])
    assert_equivariant(lambda x: piecewise(x, pairs), POINTS, motions, exactness="exact", **ACTING)


def test_equals_one_average_for_each_part():
    labels = finer(0)
    np.testing.assert_allclose(piecewise(POINTS, labels), by_masks(POINTS, labels), atol=EXACT * 10)
    # Points in no part get 0.
    outside = labels.at[3].set(-1).at[4].set(MOST)
    for function in (piecewise, by_masks):
        np.testing.assert_array_equal(function(POINTS, outside)[3:5], 0)


def test_masked_points_change_nothing():
    grown = jnp.concatenate([POINTS, jnp.full((2, 3), 7, FLOAT)])
    labels = jnp.concatenate([TRUE, jnp.array([0, 1], jnp.int32)])
    mask = jnp.arange(N + 2) < N
    frames = functools.partial(kernels.piecewise_frames, num_parts=PARTS, group="se")
    found, wanted = frames(grown[:, :2], labels, mask=mask), frames(POINTS[:, :2], TRUE)
    np.testing.assert_allclose(found.centre, wanted.centre, atol=EXACT)
    np.testing.assert_allclose(found.gap, wanted.gap, atol=EXACT)
    seen = frames(grown[:, :2], labels, mask=mask | True)
    assert np.abs(np.asarray(seen.centre - wanted.centre)).max() > 0.1


def brute_force(fine, coarse):
    return all(len({c for f, c in zip(fine, coarse, strict=True) if f == part}) <= 1 for part in set(fine))


def test_order_of_partitions():
    generator = np.random.default_rng(0)
    drawn = generator.integers(0, 3, size=(40, 6)).astype(np.int32)
    refined = np.concatenate([drawn, 3 * drawn + generator.integers(0, 2, size=drawn.shape).astype(np.int32)])
    first, second = map(np.array, zip(*itertools.product(refined, refined[:20]), strict=True))
    found = np.asarray(kernels.is_subpartition(jnp.asarray(first), jnp.asarray(second)))
    wanted = [brute_force(a.tolist(), b.tolist()) for a, b in zip(first, second, strict=True)]
    np.testing.assert_array_equal(found, wanted)
    assert 20 < found.sum() < len(found) / 2
    assert kernels.is_subpartition(jnp.arange(6), jnp.asarray(drawn)).all()
    assert kernels.is_subpartition(jnp.asarray(drawn), jnp.zeros(6, int)).all()
    # The coarsest common refinement: pairs are together in it just where they are in both.
    met = np.asarray(kernels.common_refinement(jnp.asarray(drawn[:20]), jnp.asarray(drawn[20:]), num_second=3))
    pairs = [x[:, :, None] == x[:, None, :] for x in (met, drawn[:20], drawn[20:])]
    np.testing.assert_array_equal(pairs[0], pairs[1] & pairs[2])
    # Masked points do not count.
    fine, coarse = jnp.array([0, 0, 1]), jnp.array([0, 1, 1])
    assert not kernels.is_subpartition(fine, coarse)
    assert kernels.is_subpartition(fine, coarse, mask=jnp.array([True, False, True]))


def test_voronoi_parts():
    key = jax.random.key(0)
    parts = kernels.voronoi_parts
    np.testing.assert_array_equal(np.unique(parts(key, POINTS, N)), np.arange(N))
    # Masked points are no centres: here three stay, each a part.
    found = np.asarray(parts(key, POINTS, 6, mask=jnp.arange(N) % 4 == 1))
    assert set(found.tolist()) == {0, 1, 2}
    everywhere = np.asarray(parts(key, POINTS, 6, mask=jnp.ones(N, bool)))
    assert set(everywhere.tolist()) == set(range(6))
    for bad, message in ((0, "num_parts must"), (N + 1, "num_parts must")):
        with pytest.raises(ValueError, match=message):
            kernels.voronoi_parts(key, POINTS, bad)
    with pytest.raises(ValueError, match="points must have shape"):
        kernels.voronoi_parts(key, POINTS[None], 2)


def test_the_rate_of_bad_partitions_falls_to_zero():
    """Two blobs, std 0.8, 50 points each, 5 apart, in 1, 2, 5, 20, 100 parts: measured before 1, .68, .35, .14, 0.

    The last is exact, and `test_voronoi_parts`.
    """
    truth = jnp.asarray(np.repeat([0, 1], 50), jnp.int32)

    def draw(key, num_parts):
        blobs, parts = jax.random.split(key)
        shift = 5 * truth[:, None] * jnp.array([[1, 0, 0]])
        points = 0.8 * jax.random.normal(blobs, (100, 3), FLOAT) + shift.astype(FLOAT)
        return kernels.voronoi_parts(parts, points, num_parts)

    @functools.partial(jax.jit, static_argnums=0)
    def rate(num_parts):
        sampler = functools.partial(draw, num_parts=num_parts)
        return kernels.bad_partition_rate(jax.random.key(1), sampler, truth, num_draws=400)

    np.testing.assert_allclose([float(rate(k)) for k in (2, 20)], [0.68, 0.14], atol=0.07)


def test_uncertainty_bounds_the_error():
    one_hot = jax.nn.one_hot(finer(0), MOST, dtype=FLOAT)
    assert kernels.assignment_uncertainty(one_hot) == 0
    uniform = jnp.full((N, MOST), 1 / MOST, FLOAT)
    np.testing.assert_allclose(kernels.assignment_uncertainty(uniform), 1 - MOST**-12.0, rtol=1e-6)
    masked = kernels.assignment_uncertainty(one_hot.at[0].set(1 / MOST), mask=jnp.arange(N) > 0)
    assert masked == 0
    # Assignments near to partitions, some of them bad: of each the error, and lambda + delta.
    generator = np.random.default_rng(4)
    g = motions(jax.random.key(5))
    gaps, bounds = [], []
    for _ in range(12):
        labels = np.where(generator.uniform(size=N) < 0.03, 1 - np.asarray(TRUE), TRUE)
        q = np.full((N, PARTS), 0.01) + 0.98 * np.eye(PARTS)[labels]
        best = jnp.asarray(q.argmax(1), jnp.int32)
        drawn = jnp.asarray((generator.uniform(size=(200, N)) < q[:, 1]).astype(np.int32))
        bad = 1 - np.mean(np.asarray(kernels.is_subpartition(drawn, TRUE)))
        moved, wanted = piecewise(move(g, POINTS), best), move(g, piecewise(POINTS, best))
        gaps.append(float(jnp.linalg.norm(moved - wanted)))
        bounds.append(bad + float(kernels.assignment_uncertainty(jnp.asarray(q, FLOAT))))
    largest = max(gaps)
    assert largest > 0.1
    assert 2 < sum(gap > 0.1 for gap in gaps) < 10
    assert np.all(np.array(gaps) <= np.array(bounds) * largest * (1 + 1e-3) + EXACT * 100)
    # And the bound says something: without a bad partition it is far below the largest error.
    assert min(bounds) < 0.5


def test_soft_assignments():
    generator = np.random.default_rng(0)
    votes, centres = generator.normal(size=(7, 3)), generator.normal(size=(4, 3))
    proportions = np.array([0.5, 0.3, 0.2, 0.0])
    given = [jnp.asarray(x, FLOAT) for x in (votes, centres, proportions)]
    likelihood = proportions * np.exp(-((votes[:, None] - centres) ** 2).sum(-1) / (2 * 0.7**2))
    assign = kernels.soft_assignments
    found = assign(*given, sigma=0.7)
    np.testing.assert_allclose(found, likelihood / likelihood.sum(1, keepdims=True), atol=1e-12 if X64 else 1e-6)
    if X64:
        check_grads(lambda y, mu: assign(y, mu, given[2], sigma=0.7), tuple(given[:2]), order=1, atol=1e-6, rtol=1e-6)
    # One-hot in the limit, far beyond what the exponential can hold; and parts of no proportion are never taken.
    sharp = np.asarray(assign(*given, sigma=1e-12))
    nearest = ((votes[:, None] - centres[:3]) ** 2).sum(-1).argmin(1)
    np.testing.assert_array_equal(sharp, np.eye(4)[nearest])
    derivative = jax.jit(jax.grad(lambda y: jnp.sum(assign(y, *given[1:], sigma=1e-12)[:, 0])))(given[0])
    assert np.all(np.isfinite(derivative))
    with pytest.raises(ValueError, match="centres must have shape"):
        kernels.soft_assignments(given[0], given[1][:, :2], given[2], sigma=1.0)
    with pytest.raises(ValueError, match="proportions must have shape"):
        kernels.soft_assignments(given[0], given[1], given[2][:3], sigma=1.0)


def likelihood(votes, centres, proportions, sigma):
    square = ((votes[:, None] - centres) ** 2).sum(-1)
    return np.log((proportions * np.exp(-square / (2 * sigma**2))).sum(1)).sum()


def numpy_em(votes, centres, proportions, sigma):
    q = proportions * np.exp(-((votes[:, None] - centres) ** 2).sum(-1) / (2 * sigma**2))
    q /= q.sum(1, keepdims=True)
    return (q.T @ votes) / q.sum(0)[:, None], q.mean(0)


def test_centres_of_votes_by_expectation_and_maximisation():
    generator = np.random.default_rng(2)
    votes = generator.normal(size=(9, 2)) + 2.5 * generator.integers(0, 2, size=(9, 1))
    state = votes[[0, 4, 7]] + 0.1, np.array([0.5, 0.25, 0.25])
    start = [jnp.asarray(x, FLOAT) for x in (votes, *state)]
    levels = [likelihood(votes, *state, 0.6)]
    for _ in range(5):
        state = numpy_em(votes, *state, 0.6)
        levels.append(likelihood(votes, *state, 0.6))
    assert np.all(np.diff(levels) >= -1e-12)
    found = kernels.fit_part_mixture(*start, sigma=0.6, num_steps=5)
    for part, wanted in zip(found, state, strict=True):
        np.testing.assert_allclose(part, wanted, atol=1e-11 if X64 else 1e-5)
    grown = [jnp.concatenate([start[0], jnp.full((1, 2), 9, FLOAT)]), *start[1:]]
    masked = kernels.fit_part_mixture(*grown, sigma=0.6, num_steps=5, mask=jnp.arange(10) < 9)
    np.testing.assert_allclose(masked.centres, found.centres, atol=1e-5)
    # A part that starts with nothing stays.
    none = kernels.fit_part_mixture(start[0], start[1], jnp.array([0.5, 0.5, 0.0], FLOAT), sigma=0.6, num_steps=5)
    assert none.proportions[2] == 0
    np.testing.assert_array_equal(none.centres[2], start[1][2])


@pytest.mark.skipif(not X64, reason="differences of the fixed point, which float32 does not resolve")
def test_derivative_of_the_fixed_point():
    generator = np.random.default_rng(2)
    votes = jnp.asarray(generator.normal(size=(9, 2)) + 2.5 * generator.integers(0, 2, size=(9, 1)))
    direction = jnp.asarray(generator.normal(size=(9, 2)))
    fit = functools.partial(
        kernels.fit_part_mixture, centres=votes[:2] + 0.1, proportions=jnp.full(2, 0.5), sigma=0.6, num_steps=600
    )
    fit = jax.jit(lambda votes, run=fit: run(votes))
    _, derivative = jax.jvp(fit, (votes,), (direction,))
    step = 1e-5
    there, back = fit(votes + step * direction), fit(votes - step * direction)
    for found, plus, minus in zip(derivative, there, back, strict=True):
        np.testing.assert_allclose(found, (plus - minus) / (2 * step), atol=1e-5)
        assert np.abs(np.asarray(found)).max() > 1e-3


def test_bad_arguments_are_named():
    frames = kernels.piecewise_frames(POINTS[:, :2], TRUE, PARTS, group="se")
    with pytest.raises(ValueError, match="labels must have the leading axes"):
        kernels.frames_of_points(frames, TRUE[None])
    with pytest.raises(ValueError, match="rotations must have shape"):
        kernels.move_parts(jnp.eye(3), jnp.zeros((1, 3)), POINTS, TRUE)
    with pytest.raises(ValueError, match="translations must have shape"):
        kernels.move_parts(jnp.eye(3)[None], jnp.zeros((2, 3)), POINTS, TRUE)
    with pytest.raises(ValueError, match="coarse must have as many"):
        kernels.is_subpartition(TRUE, TRUE[1:])
    with pytest.raises(TypeError, match="fine must hold integers"):
        kernels.is_subpartition(POINTS, TRUE)
    with pytest.raises(ValueError, match="second must have the shape"):
        kernels.common_refinement(TRUE, TRUE[1:], num_second=2)
    with pytest.raises(ValueError, match="centres must have shape"):
        kernels.fit_part_mixture(POINTS, POINTS[:2, :2], jnp.ones(2), sigma=1.0)
    with pytest.raises(ValueError, match="votes must have shape"):
        kernels.fit_part_mixture(POINTS[None], POINTS[:2], jnp.ones(2), sigma=1.0)
    with pytest.raises(ValueError, match="num_draws must be"):
        kernels.bad_partition_rate(jax.random.key(0), lambda key: TRUE, TRUE, num_draws=0)
