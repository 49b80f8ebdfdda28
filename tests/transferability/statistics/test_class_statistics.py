"""Class statistics add: over chunks, parts and devices; and float32 survives an offset."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from jaxinv.kernels import transferability as kernels
from tests.duties import FLOAT, X64, assert_same
from tests.transferability.cases import NUM_CLASSES, labelled_features

EXACT = 1e-10 if X64 else 1e-5
STATISTICS_SCORES = {
    "logme": kernels.logme,
    "h_score": kernels.h_score,
    "shrinkage_h_score": kernels.shrinkage_h_score,
    "gbc": kernels.gbc,
    "transrate": kernels.transrate,
    "tmi_gaussian": kernels.tmi_gaussian,
    "lfc": kernels.lfc,
    "lda": kernels.lda,
    "nearest_mean": kernels.nearest_mean,
    "ridge_gcv": kernels.ridge_gcv,
    "intra_class_variance": kernels.intra_class_variance,
}


def samples(seed=0):
    features, labels = labelled_features(np.random.default_rng(seed))
    return jnp.asarray(features, FLOAT), jnp.asarray(labels)


@pytest.mark.parametrize("num_chunks", [1, 2, 7, 31])
@pytest.mark.parametrize("per_class_gram", [False, True])
def test_stream_equals_one_pass(num_chunks, per_class_gram):
    features, labels = samples()
    stream = kernels.init(NUM_CLASSES, features.shape[1], per_class_gram=per_class_gram, dtype=FLOAT)
    for rows in np.array_split(np.arange(len(labels)), num_chunks):
        stream = kernels.update(stream, features[rows], labels[rows])
    whole = kernels.class_statistics(features, labels, NUM_CLASSES, per_class_gram=per_class_gram)
    assert_same(kernels.finalise(stream), kernels.finalise(whole), EXACT)


@hypothesis.given(st.integers(0, 10**6), st.integers(0, 31), st.integers(0, 31))
def test_merge_is_associative_and_commutative(seed, first_cut, second_cut):
    features, labels = samples(seed)
    low, high = sorted((first_cut, second_cut))
    a, b, c = (
        kernels.class_statistics(features[rows], labels[rows], NUM_CLASSES, per_class_gram=True)
        for rows in (slice(0, low), slice(low, high), slice(high, None))
    )
    left = kernels.merge(kernels.merge(a, b), c)
    right = kernels.merge(a, kernels.merge(b, c))
    assert_same(kernels.finalise(left), kernels.finalise(right), EXACT)
    assert_same(kernels.finalise(kernels.merge(b, a)), kernels.finalise(kernels.merge(a, b)), EXACT)


def test_init_is_neutral():
    statistics = kernels.class_statistics(*samples(), NUM_CLASSES)
    empty = kernels.init(NUM_CLASSES, statistics.dim, dtype=FLOAT)
    assert_same(kernels.merge(empty, statistics), statistics, 0)
    assert_same(kernels.merge(statistics, empty), statistics, 0)


@pytest.mark.skipif(jax.device_count() < 2, reason="needs two devices")
@pytest.mark.proves("devices", "transferability.class_statistics")
def test_all_reduce_over_two_devices():
    features, labels = (array[:30] for array in samples())
    mesh = jax.make_mesh((2,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    rows = PartitionSpec("data")

    def local(features, labels):
        return kernels.all_reduce(kernels.class_statistics(features, labels, NUM_CLASSES, per_class_gram=True), "data")

    sharded = jax.jit(jax.shard_map(local, mesh=mesh, in_specs=(rows, rows), out_specs=PartitionSpec()))
    whole = kernels.class_statistics(features, labels, NUM_CLASSES, per_class_gram=True)
    assert_same(kernels.finalise(sharded(features, labels)), kernels.finalise(whole), EXACT)


def test_weights_count_like_repetition_and_zero_like_absence():
    features, labels = samples()
    weight = np.random.default_rng(1).integers(0, 4, len(labels))
    repeated = np.repeat(np.arange(len(labels)), weight)
    weighted = kernels.class_statistics(
        features, labels, NUM_CLASSES, sample_weight=jnp.asarray(weight, FLOAT), per_class_gram=True
    )
    plain = kernels.class_statistics(features[repeated], labels[repeated], NUM_CLASSES, per_class_gram=True)
    assert_same(kernels.finalise(weighted), kernels.finalise(plain), EXACT)


def test_labels_out_of_range_are_ignored_and_counted():
    features, labels = samples()
    spoiled = labels.at[jnp.array([3, 8])].set(jnp.array([-1, NUM_CLASSES], labels.dtype))
    statistics = kernels.class_statistics(features, spoiled, NUM_CLASSES, per_class_gram=True)
    kept = np.delete(np.arange(len(labels)), [3, 8])
    wanted = kernels.class_statistics(features[kept], labels[kept], NUM_CLASSES, per_class_gram=True)
    assert float(statistics.ignored) == 2
    assert_same(kernels.finalise(statistics), kernels.finalise(wanted), EXACT)


def test_per_class_grams_are_the_classes_own():
    features, labels = samples()
    statistics = kernels.class_statistics(features, labels, NUM_CLASSES, per_class_gram=True)
    mean = np.mean(np.asarray(features), axis=0, keepdims=True)
    grams = kernels.finalise(statistics).class_gram
    assert grams is not None
    for c in range(NUM_CLASSES):
        rows = (np.asarray(features) - mean)[np.asarray(labels) == c]
        np.testing.assert_allclose(grams[c], rows.T @ rows, atol=100 * EXACT)


def test_merge_refuses_what_does_not_fit():
    features, labels = samples()
    plain = kernels.class_statistics(features, labels, NUM_CLASSES)
    with pytest.raises(ValueError, match="both have per-class Grams, or neither"):
        kernels.merge(plain, kernels.class_statistics(features, labels, NUM_CLASSES, per_class_gram=True))
    with pytest.raises(ValueError, match=r"b.total must have shape \(4, 5\), got \(5, 5\)"):
        kernels.merge(plain, kernels.class_statistics(features, labels, NUM_CLASSES + 1))
    with pytest.raises(ValueError, match=r"features must have shape \(any, 5\), got \(31, 4\)"):
        kernels.update(plain, features[:, :4], labels)


@pytest.mark.parametrize("name", STATISTICS_SCORES)
@pytest.mark.proves("masks", "transferability.class_statistics")
def test_pool_padded_to_one_width_equals_each_model_alone(name):
    score, widths = STATISTICS_SCORES[name], (3, 5, 4)
    features, labels = samples()
    pool = jnp.stack([jnp.where(jnp.arange(5)[None, :] < width, features, 0.0) for width in widths])
    statistics = jax.vmap(
        lambda f, width: kernels.class_statistics(f, labels, NUM_CLASSES, per_class_gram=True, valid_dim=width)
    )(pool, jnp.asarray(widths))
    scores = jax.vmap(score)(statistics).score
    for i, width in enumerate(widths):
        alone = score(kernels.class_statistics(features[:, :width], labels, NUM_CLASSES, per_class_gram=True)).score
        np.testing.assert_allclose(scores[i], alone, rtol=1e-9 if X64 else 1e-4)


@pytest.mark.parametrize("name", STATISTICS_SCORES)
def test_permutations_of_samples_and_labels_change_nothing(name):
    score = STATISTICS_SCORES[name]
    features, labels = samples()
    generator = np.random.default_rng(3)
    order, rename = generator.permutation(len(labels)), jnp.asarray(generator.permutation(NUM_CLASSES), jnp.int32)
    plain = score(kernels.class_statistics(features, labels, NUM_CLASSES, per_class_gram=True)).score
    moved = score(
        kernels.class_statistics(features[order], rename[labels[order]], NUM_CLASSES, per_class_gram=True)
    ).score
    np.testing.assert_allclose(moved, plain, rtol=1e-9 if X64 else 1e-4)


@pytest.mark.parametrize("name", STATISTICS_SCORES)
def test_float32_and_an_offset_of_1000_on_real_features(name):
    from sklearn.datasets import load_digits

    score = STATISTICS_SCORES[name]
    features, labels = load_digits(return_X_y=True)
    features, labels = features / 16, jnp.asarray(labels, jnp.int32)
    if not X64:
        pytest.skip("the float64 side of the comparison needs x64")

    def value(features, dtype):
        statistics = kernels.class_statistics(jnp.asarray(features, dtype), labels, 10, per_class_gram=True)
        return float(score(statistics).score)

    exact, single = value(features, jnp.float64), value(features, jnp.float32)
    assert abs(single - exact) < 1e-4 * max(1, abs(exact))
    shifted = value(features + 1000, jnp.float32)
    # LogME has no bias: an offset that large acts as one, in any precision.
    wanted = value(features + 1000, jnp.float64) if name == "logme" else exact
    assert abs(shifted - wanted) < 1e-3 * max(1, abs(wanted))


@pytest.mark.gpu
def test_tensor_cores_do_not_round_the_products():
    """TF32 would be off by 1e-4: three decimal digits for the speed that nobody asked for."""
    features = jax.random.normal(jax.random.key(0), (20_000, 512), jnp.float32)
    labels = jnp.arange(20_000) % 10
    statistics = kernels.class_statistics(features, labels, 10, shift=jnp.zeros(512), per_class_gram=True)
    exact = np.asarray(features, np.float64)
    wanted = exact.T @ exact
    assert statistics.class_gram is not None
    for gram in (statistics.gram, jnp.sum(statistics.class_gram, axis=0)):
        np.testing.assert_allclose(np.asarray(gram), wanted, atol=3e-6 * np.max(np.abs(wanted)))


def test_a_pool_is_its_models_one_by_one():
    features, labels = samples()
    pool = jnp.stack([features, features**2])
    weight = jnp.asarray(np.random.default_rng(1).uniform(size=len(labels)), FLOAT)

    def statistics(function, features, width):
        return function(features, labels, NUM_CLASSES, sample_weight=weight, per_class_gram=True, valid_dim=width)

    found = statistics(kernels.pool_statistics, pool, jnp.array([5, 3]))
    for i, width in enumerate((5, 3)):
        wanted = statistics(kernels.class_statistics, pool[i], width)
        assert_same(jax.tree.map(lambda leaf, i=i: leaf[i], found), wanted, EXACT)
