"""The invariance meter: exact values, symmetries and their negative control, streaming, and the collapsed case."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxinv.kernels.transferability.sensitivity import (
    DISTANCES,
    METRICS,
    linear_cka,
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


def reference(first, second, metric, shift):
    """The definitions in float64 numpy, pair by pair."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    distance = {
        "l2": lambda a, b: np.linalg.norm(a - b),
        "cosine": lambda a, b: 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b),
        "dot": lambda a, b: (a @ a + b @ b) / 2 - a @ b,
    }[metric]
    paired = np.mean([distance(a, b) for a, b in zip(first, second, strict=True)])
    shuffled = np.mean([distance(a, b) for a, b in zip(first, np.roll(first, shift, axis=0), strict=True)])
    return paired / shuffled, paired, shuffled


@pytest.mark.parametrize("metric", DISTANCES)
def test_equals_the_definition(metric):
    first, second = twins()
    shift = int(jax.random.randint(KEY, (), 1, len(first)))
    np.testing.assert_allclose(
        sens(first, second, KEY, metric=metric)[:3], reference(first, second, metric, shift), EXACT
    )


def test_cka_equals_the_definition_with_centred_grams():
    first, second = (np.asarray(x, np.float64) for x in twins())
    centring = np.eye(len(first)) - 1 / len(first)
    gram1, gram2 = centring @ first @ first.T @ centring, centring @ second @ second.T @ centring
    expected = np.sum(gram1 * gram2) / np.linalg.norm(gram1) / np.linalg.norm(gram2)
    first, second = jnp.asarray(first), jnp.asarray(second)
    np.testing.assert_allclose(linear_cka(first, second).score, expected, EXACT)
    np.testing.assert_allclose(sens(first, second, KEY, metric="cka").score, 1 - expected, atol=EXACT)


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


@pytest.mark.parametrize("metric", METRICS)
def test_transformations(metric):
    first, second = (jnp.stack([x, 2 * x + 1, x**2]) for x in twins())
    batched = jax.vmap(lambda a, b: sens(a, b, KEY, metric=metric))(first, second)
    for i in range(3):
        alone = sens(first[i], second[i], KEY, metric=metric)
        np.testing.assert_allclose(jnp.stack(batched[:3])[:, i], jnp.stack(alone[:3]), EXACT)
    with jax.disable_jit():
        eager = sens(first[0], second[0], KEY, metric=metric)
    np.testing.assert_allclose(jnp.stack(eager[:3]), jnp.stack(batched[:3])[:, 0], EXACT)
    if X64:
        check_grads(lambda a, b: sens(a, b, KEY, metric=metric).score, (first[0], second[0]), order=1)


@pytest.mark.parametrize("metric", METRICS)
def test_bfloat16_is_accumulated_in_float32(metric):
    first, second = (x.astype(jnp.bfloat16) for x in twins())
    result = sens(first, second, KEY, metric=metric)
    assert result.score.dtype == jnp.float32
    wide = sens(first.astype(jnp.float32), second.astype(jnp.float32), KEY, metric=metric)
    np.testing.assert_allclose(result.score, wide.score, 1e-5)


def test_bad_input():
    first, second = twins()
    with pytest.raises(ValueError, match="metric must be one of 'l2', 'cosine', 'dot', 'cka', got 'l1'"):
        sens(first, second, KEY, metric="l1")
    with pytest.raises(ValueError, match=r"metric must be one of 'l2', 'cosine', 'dot', got 'cka'"):
        sens_update(sens_init(), first, second, KEY, metric="cka")
    with pytest.raises(ValueError, match=r"representation2 must have shape \(120, 6\), got \(119, 6\)"):
        sens(first, second[1:], KEY)
    with pytest.raises(TypeError, match="representation1 must be floating point, got dtype int32"):
        sens(jnp.zeros((3, 2), jnp.int32), jnp.zeros((3, 2)), KEY)
    with pytest.raises(ValueError, match=r"y must have shape \(120, any\)"):
        linear_cka(first, second[1:])
