"""The invariance meter: exact values, symmetries and their negative control, streaming, and the collapsed case."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels.representations import linear_cka
from jaxinv.kernels.transferability.meters.sensitivity import (
    DISTANCES,
    METRICS,
    sens,
    sens_finalise,
    sens_init,
    sens_update,
)

FLOAT = jnp.result_type(float)
X64 = FLOAT.itemsize == 8
EXACT = 1e-10 if X64 else 1e-5
KEY = jax.random.key(5)


def twins(num_pairs=120, dim=6, spread: jax.typing.ArrayLike = 0.3, seed=0):
    key_base, key_first, key_second = jax.random.split(jax.random.key(seed), 3)
    base = jax.random.normal(key_base, (num_pairs, dim)) + 1.0
    return (
        base + spread * jax.random.normal(key_first, base.shape),
        base + spread * jax.random.normal(key_second, base.shape),
    )


def test_cka_is_the_same_on_the_row_side_and_on_the_column_side():
    wide = jax.random.normal(jax.random.key(1), (9, 30)) @ jnp.diag(jnp.linspace(0.1, 3.0, 30))
    basis = jnp.linalg.svd(wide, full_matrices=False)[2]
    narrow = wide @ basis.T[:, :8]
    other = jax.random.normal(jax.random.key(2), (9, 8))
    padded = jnp.pad(other, ((0, 0), (0, 22)))
    np.testing.assert_allclose(
        linear_cka(narrow, other).score, linear_cka(jnp.pad(narrow, ((0, 0), (0, 22))), padded).score, EXACT
    )
    assert 0 < linear_cka(narrow, other).score < 1
    np.testing.assert_allclose(linear_cka(wide, wide).score, 1.0, EXACT)


@pytest.mark.parametrize("metric", METRICS)
def test_zero_for_identical_twins(metric):
    first, _ = twins()
    result = sens(first, first, KEY, metric=metric)
    np.testing.assert_allclose(result.score, 0.0, atol=EXACT)
    assert not result.collapsed


def test_zero_for_features_averaged_over_the_group():
    """Sums over the four quarter turns of an image do not see a quarter turn; a plain projection does."""
    images = jax.random.normal(jax.random.key(0), (64, 8, 8))
    weight = jax.random.normal(jax.random.key(1), (64, 12))

    def plain(x):
        return x.reshape(len(x), -1) @ weight

    def averaged(x):
        return sum(jnp.tanh(plain(jnp.rot90(x, turns, axes=(1, 2)))) for turns in range(4))

    turned = jnp.rot90(images, axes=(1, 2))
    assert sens(averaged(images), averaged(turned), KEY).score < EXACT
    assert sens(plain(images), plain(turned), KEY).score > 0.5


def test_one_for_features_independent_of_the_object():
    """Twins that share nothing are unrelated inputs: the ratio is 1 up to the spread of a mean of 4000 distances."""
    first, second = jax.random.normal(KEY, (2, 4000, 16))
    for metric in DISTANCES:
        np.testing.assert_allclose(sens(first, second, KEY, metric=metric).score, 1.0, atol=0.03)


def test_can_exceed_one():
    first = jax.random.normal(KEY, (50, 4))
    assert sens(first, first + 10.0, KEY).score > 1.5


@pytest.mark.parametrize("metric", METRICS)
def test_invariances(metric):
    first, second = twins()
    orthogonal = jnp.linalg.qr(jax.random.normal(jax.random.key(3), (6, 6)))[0]
    score = sens(first, second, KEY, metric=metric).score
    np.testing.assert_allclose(sens(3.7 * first, 3.7 * second, KEY, metric=metric).score, score, EXACT)
    rotated = (jnp.matmul(x, orthogonal, precision="highest") for x in (first, second))
    np.testing.assert_allclose(sens(*rotated, KEY, metric=metric).score, score, EXACT)
    padded = (jnp.pad(x, ((0, 0), (0, 3))) for x in (first, second))
    np.testing.assert_allclose(sens(*padded, KEY, metric=metric).score, score, EXACT)
    if metric != "cosine":
        np.testing.assert_allclose(sens(first + 2.0, second + 2.0, KEY, metric=metric).score, score, EXACT)


@pytest.mark.parametrize("metric", METRICS)
def test_anisotropic_scaling_changes_it(metric):
    first, second = twins(spread=jnp.broadcast_to(jnp.array([0.1, 0.1, 0.1, 0.1, 0.1, 1.0]), (120, 6)))
    stretch = jnp.diag(jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 5.0]))
    change = (
        sens(first @ stretch, second @ stretch, KEY, metric=metric).score
        - sens(first, second, KEY, metric=metric).score
    )
    assert abs(change) > 0.05


def test_cosine_is_not_translation_invariant():
    first, second = twins()
    moved = sens(first + 5.0, second + 5.0, KEY, metric="cosine").score
    assert abs(moved - sens(first, second, KEY, metric="cosine").score) > 0.01


def test_metrics_agree_in_order_for_unit_features():
    scores = {metric: [] for metric in DISTANCES}
    for spread in (0.05, 0.2, 0.5, 1.0, 2.0):
        first, second = (x / jnp.linalg.norm(x, axis=1, keepdims=True) for x in twins(spread=spread))
        for metric in DISTANCES:
            scores[metric].append(float(sens(first, second, KEY, metric=metric).score))
    for metric in DISTANCES:
        assert scores[metric] == sorted(scores[metric])
    np.testing.assert_allclose(scores["cosine"], scores["dot"], EXACT)


def test_the_roll_never_pairs_a_row_with_itself():
    """Rows of two: the only derangement is the swap, whatever the key."""
    first = jnp.array([[0.0, 0.0], [3.0, 4.0]])
    for seed in range(8):
        np.testing.assert_allclose(sens(first, first + 1.0, jax.random.key(seed)).shuffled, 5.0, EXACT)


@pytest.mark.parametrize("metric", DISTANCES)
def test_streaming(metric):
    first, second = twins()
    whole = sens(first, second, KEY, metric=metric)
    once = sens_finalise(sens_update(sens_init(FLOAT), first, second, KEY, metric=metric))
    np.testing.assert_allclose(whole[:3], once[:3], 1e-12 if X64 else 1e-6)

    keys = jax.random.split(KEY, 3)
    parts = [(first[a:b], second[a:b]) for a, b in ((0, 50), (50, 90), (90, 120))]
    state = sens_init(FLOAT)
    for key, (part1, part2) in zip(keys, parts, strict=True):
        state = sens_update(state, part1, part2, key, metric=metric)
    streamed = sens_finalise(state)
    np.testing.assert_allclose(streamed.paired, whole.paired, EXACT)
    expected = sum(
        len(part1) * sens(part1, part2, key, metric=metric).shuffled
        for key, (part1, part2) in zip(keys, parts, strict=True)
    )
    np.testing.assert_allclose(streamed.shuffled, expected / len(first), EXACT)

    states = [sens_update(sens_init(FLOAT), *part, key, metric=metric) for key, part in zip(keys, parts, strict=True)]
    merged = jax.tree.map(lambda *parts: sum(parts), *states)
    np.testing.assert_allclose(sens_finalise(merged)[:3], streamed[:3], EXACT)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e3])
def test_collapsed_representation(metric, constant):
    """A constant up to rounding is flagged, with score 0 and gradient 0."""
    rounding = jnp.where(jnp.arange(40)[:, None] % 2 == 0, 1.0, 1.0 + jnp.finfo(FLOAT).eps)
    first = jnp.full((40, 3), constant, FLOAT) * rounding
    result = sens(first, first, KEY, metric=metric)
    assert result.collapsed
    assert result.score == 0
    gradient = jax.grad(lambda x: sens(x, first, KEY, metric=metric).score)(first)
    np.testing.assert_array_equal(gradient, jnp.zeros_like(first))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("num_pairs", [0, 1])
def test_too_few_pairs_are_collapsed(metric, num_pairs):
    first, second = twins(num_pairs=num_pairs)
    result = sens(first, second, KEY, metric=metric)
    assert result.collapsed
    assert result.score == 0


def test_two_dead_inputs_coincide_for_cosine():
    first, second = twins()
    dead = sens(first.at[0].set(0.0), second.at[0].set(0.0), KEY, metric="cosine")
    expected = sens(first.at[0].set(0.0), second.at[0].set(first[0] * 0), KEY, metric="cosine")
    assert jnp.isfinite(dead.score)
    assert dead.score == expected.score


def test_no_streaming_cka():
    first, second = twins()
    with pytest.raises(ValueError, match=r"metric must be one of 'l2', 'cosine', 'dot', got 'cka'"):
        sens_update(sens_init(), first, second, KEY, metric="cka")
