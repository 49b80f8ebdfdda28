"""Potential energy descent: the laws of its mechanics, its symmetries, and scores of moved classes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import transferability as kernels
from tests.duties import FLOAT, X64, assert_same
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.transferability import ped_references as references
from tests.transferability.cases import DIM, NUM_CLASSES, labelled_features
from tests.transferability.ped_cases import SETTINGS, balls

EXACT = 1e-10 if X64 else 1e-5


def samples(seed=0):
    features, labels = labelled_features(np.random.default_rng(seed))
    return jnp.asarray(features, FLOAT), jnp.asarray(labels)


def statistics_of(features, labels, **options):
    return kernels.class_statistics(features, labels, NUM_CLASSES, **options)


def digits():
    from sklearn.datasets import load_digits

    features, labels = load_digits(return_X_y=True)
    return jnp.asarray(features / 16, FLOAT), jnp.asarray(labels, jnp.int32)


def crowd(seed=0, dtype=FLOAT):
    means, radius = balls(np.random.default_rng(seed))
    return jnp.asarray(means, dtype), jnp.asarray(radius, dtype)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_forces_sum_to_zero(offset):
    """Newton's third law, also where the means are far from the origin."""
    means, radius = crowd()
    found = kernels.ped_forces(means + offset, radius, nsigma=0.8)
    size = jnp.sum(jnp.abs(found.force))
    assert size > 0.5
    np.testing.assert_allclose(jnp.sum(found.force, axis=0) / size, 0.0, atol=1e-14 if X64 else 1e-6)
    np.testing.assert_array_equal(found.overlap, found.overlap.T)
    np.testing.assert_array_equal(jnp.diagonal(found.overlap), 0.0)


def energies(means, radius, dt, num_steps=12):
    found = []
    for _ in range(num_steps):
        found.append(float(jnp.sum(kernels.ped_forces(means, radius, nsigma=0.8).overlap ** 2) / 4))
        means = means + kernels.ped_step(means, radius, nsigma=0.8, dt=dt).displacement
    return np.array(found)


def test_energy_falls_with_small_steps_and_not_with_large_ones():
    """dt^2 strength C <= 1 suffices; two neighbours that each jump by their whole overlap run into the next."""
    means, radius = crowd()
    falling = energies(means, radius, dt=6**-0.5)
    assert falling[0] > 1
    assert (np.diff(falling) <= 1e-6 * falling[0]).all()
    assert falling[-1] < 0.5 * falling[0]
    line, touching = jnp.array([[-1.0], [0.0], [0.05], [1.05]]), jnp.full(4, 0.625)
    falling, rising = (energies(line, touching, dt=dt, num_steps=2) for dt in (0.5, 1.5))
    assert falling[1] < falling[0]
    assert rising[1] > 1.5 * rising[0]


@pytest.mark.parametrize(("dt", "share"), [(0.1, 0.005), (0.5, 0.125), (2.0, 1.0)])
def test_two_classes_move_apart_along_their_line_of_centres(dt, share):
    means, radius = jnp.array([[0.0, 0.0], [3.0, 4.0]]), jnp.array([5.0, 7.0])
    found = kernels.ped_step(means, radius, dt=dt)
    overlap = 0.6 * 12 - 5
    wanted = share * overlap * np.array([[-0.6, -0.8], [0.6, 0.8]])
    np.testing.assert_allclose(found.displacement, wanted, rtol=EXACT)
    np.testing.assert_allclose(found.change, np.abs(wanted).sum(), rtol=EXACT)
    assert found.overlapping_pairs == 1


def test_the_published_trace_on_digits():
    """The changes of the public algorithm with its defaults, relative to the first; it needs no early exit."""
    features, labels = digits()
    found = kernels.ped_shift(kernels.class_statistics(features, labels, 10))
    np.testing.assert_allclose(found.changes / found.changes[0], [1, 0.9608, 0.9244, 0.8897, 0.8562, 0.8239], atol=1e-4)
    assert found.steps == 6
    assert found.overlapping_pairs == 34


def test_nothing_moves_where_nothing_overlaps():
    features, labels = digits()
    found = kernels.ped(features, labels, num_classes=10, nsigma=0.3)
    np.testing.assert_array_equal(found.features, features)
    assert found.motion.steps == found.motion.overlapping_pairs == 0
    np.testing.assert_array_equal(found.motion.changes, 0.0)
    statistics = kernels.class_statistics(features, labels, 10)
    moved = kernels.shift_classes(statistics, found.motion.shift)
    for field in ("count", "total", "square", "gram"):
        np.testing.assert_array_equal(getattr(moved, field), getattr(statistics, field))


@pytest.mark.parametrize("reference_seed", [None, 5])
@pytest.mark.parametrize("exit_ratio", [0.0, 0.5, 0.8, 1.0])
def test_equals_the_double_loop_over_moved_samples(exit_ratio, reference_seed):
    features, labels = labelled_features(np.random.default_rng(3))
    reference = None if reference_seed is None else 1.5 * labelled_features(np.random.default_rng(reference_seed))[0]
    settings = SETTINGS | {"exit_ratio": exit_ratio}
    moved, steps, changes = references.ped(features, labels, NUM_CLASSES, reference, **settings)
    std = None if reference is None else jnp.asarray(reference.std(0), FLOAT)
    found = kernels.ped(jnp.asarray(features, FLOAT), jnp.asarray(labels), std, num_classes=NUM_CLASSES, **settings)
    np.testing.assert_allclose(found.features, moved, rtol=EXACT, atol=EXACT)
    assert found.motion.steps == steps
    np.testing.assert_allclose(found.motion.changes, changes + [0.0] * (4 - len(changes)), rtol=EXACT)


def test_moved_statistics_are_those_of_the_moved_samples():
    features, labels = samples()
    statistics = statistics_of(features, labels, per_class_gram=True)
    moved = kernels.ped(features, labels, num_classes=NUM_CLASSES, **SETTINGS)
    found = kernels.finalise(kernels.shift_classes(statistics, moved.motion.shift))
    wanted = kernels.finalise(statistics_of(moved.features, labels, per_class_gram=True))
    assert found.quartic is None
    for field in ("count", "mean", "deviation", "scatter", "class_variance", "class_gram"):
        assert_same(getattr(found, field), getattr(wanted, field), EXACT)
    assert float(jnp.max(jnp.abs(found.scatter - kernels.finalise(statistics).scatter))) > 0.1
    np.testing.assert_allclose(found.class_variance, kernels.finalise(statistics).class_variance, atol=EXACT)


@pytest.mark.parametrize("name", ["logme", "h_score", "gbc", "transrate", "lda"])
def test_with_ped_is_the_score_of_the_moved_samples(name):
    features, labels = samples()
    score = getattr(kernels, name)
    moved = kernels.ped(features, labels, num_classes=NUM_CLASSES, **SETTINGS).features
    found = kernels.with_ped(score, **SETTINGS)(statistics_of(features, labels, per_class_gram=True))
    tolerance = 1e-9 if X64 else 1e-4
    np.testing.assert_allclose(
        found.score, score(statistics_of(moved, labels, per_class_gram=True)).score, rtol=tolerance
    )
    plain = score(statistics_of(features, labels, per_class_gram=True)).score
    assert abs(float(found.score - plain)) > 10 * tolerance * abs(float(plain))


def test_with_ped_on_samples_and_weights():
    """Two samples of weight zero neither move the others nor count."""
    features, labels = samples()
    score = lambda x, y, *, num_classes, sample_weight: kernels.shrinkage_h_score(  # noqa: E731
        kernels.class_statistics(x, y, num_classes, sample_weight=sample_weight)
    )
    padded = jnp.concatenate([features, 50 + features[:2]])
    weight = jnp.concatenate([jnp.ones(len(labels), FLOAT), jnp.zeros(2, FLOAT)])
    found = kernels.with_ped_samples(score, **SETTINGS)(
        padded, jnp.concatenate([labels, labels[:2]]), num_classes=NUM_CLASSES, sample_weight=weight
    )
    moved = kernels.ped(features, labels, num_classes=NUM_CLASSES, **SETTINGS).features
    wanted = kernels.shrinkage_h_score(statistics_of(moved, labels))
    np.testing.assert_allclose(found.score, wanted.score, rtol=1e-9 if X64 else 1e-4)


def test_moved_statistics_say_what_they_cannot():
    moved = kernels.shift_classes(statistics_of(*samples()), jnp.ones((NUM_CLASSES, DIM), FLOAT))
    with pytest.raises(ValueError, match=r"shrinkage_h_score needs fourth moments, .* \(shift_classes\)"):
        kernels.shrinkage_h_score(moved)
    with pytest.raises(ValueError, match="a and b must both be statistics of moved classes"):
        kernels.merge(moved, statistics_of(*samples()))
    with pytest.raises(ValueError, match=r"statistics of moved classes .* take no more samples"):
        kernels.update(moved, *samples())
    assert kernels.merge(moved, moved).quartic is None


def test_class_ids_and_sizes_do_not_matter():
    features, labels = samples()
    found = kernels.ped_shift(statistics_of(features, labels), **SETTINGS)
    rename = jnp.array([2, 0, 3, 1])
    renamed = kernels.ped_shift(statistics_of(features, rename[labels]), **SETTINGS)
    np.testing.assert_allclose(renamed.shift[rename], found.shift, atol=EXACT)
    # A class twice as large, at the same reference.
    std = jnp.ones(DIM, FLOAT)
    twice = jnp.concatenate([features, features[labels == 1]])
    doubled = kernels.ped_shift(statistics_of(twice, jnp.concatenate([labels, labels[labels == 1]])), std, **SETTINGS)
    alone = kernels.ped_shift(statistics_of(features, labels), std, **SETTINGS)
    np.testing.assert_allclose(doubled.shift, alone.shift, atol=EXACT)
    assert float(jnp.max(jnp.abs(found.shift))) > 0.05


def test_labels_out_of_range_and_padding():
    features, labels = samples()
    found = kernels.ped(features, labels, num_classes=NUM_CLASSES, **SETTINGS)
    strange = jnp.array([-1, NUM_CLASSES], labels.dtype)
    more = kernels.ped(
        jnp.pad(jnp.concatenate([features, features[:2]]), ((0, 0), (0, 3))),
        jnp.concatenate([labels, strange]),
        num_classes=NUM_CLASSES,
        **SETTINGS,
    )
    np.testing.assert_allclose(more.features[:-2, :DIM], found.features, atol=EXACT)
    np.testing.assert_array_equal(more.features[-2:, :DIM], features[:2])
    np.testing.assert_array_equal(more.features[:, DIM:], 0.0)


def orthogonal(key):
    return jax.random.orthogonal(key, DIM, dtype=FLOAT)


def turn(matrix, features):
    return jnp.matmul(features, matrix, precision="highest")


def test_equivariant_to_orthogonal_maps_under_one_deviation_for_all_columns():
    features, labels = samples()

    def moved(features, std):
        return kernels.ped(features, labels, std, num_classes=NUM_CLASSES, **SETTINGS).features

    std = jnp.full(DIM, 0.9, FLOAT)
    assert_equivariant(lambda x: moved(x, std), features, orthogonal, act_in=turn, act_out=turn, exactness="exact")
    assert_not_equivariant(lambda x: moved(x, None) - x, features, orthogonal, act_in=turn, act_out=turn, delta=0.05)


def test_equivariant_to_translations():
    features, labels = samples()
    far = kernels.ped(features + 3.0, labels, num_classes=NUM_CLASSES, **SETTINGS).features
    near = kernels.ped(features, labels, num_classes=NUM_CLASSES, **SETTINGS).features
    np.testing.assert_allclose(far, near + 3.0, atol=EXACT)


def test_coincident_means_repel_in_no_direction():
    means, radius = crowd()
    means = means.at[1].set(means[0])
    found = kernels.ped_forces(means, radius, nsigma=0.8)
    assert found.coincident_pairs == 1
    gradient = jax.grad(lambda m: jnp.sum(kernels.ped_forces(m, radius, nsigma=0.8).force ** 2))(means)
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(jnp.sum(found.force, axis=0), 0.0, atol=1e-5)


@pytest.mark.parametrize(
    "labels", [np.zeros(9, int), np.arange(9) % 3, np.full(9, -1)], ids=["one class", "no spread", "no samples"]
)
def test_degenerate_sets_stay_where_they_are(labels):
    features = np.eye(3)[np.maximum(labels, 0)]

    def moved(features):
        return kernels.ped(features, jnp.asarray(labels, jnp.int32), num_classes=3)

    found = moved(jnp.asarray(features, FLOAT))
    np.testing.assert_array_equal(found.features, features)
    assert found.motion.steps == 0
    gradient = jax.grad(lambda x: jnp.sum(moved(x).features ** 2))(jnp.asarray(features, FLOAT))
    np.testing.assert_allclose(gradient, 2 * features, atol=EXACT)


def test_no_array_of_pairs_and_dimensions():
    """Forces and their gradient, at a fifth of what the differences of all pairs of means take."""
    num_classes, dim = 200, 512
    means = jax.ShapeDtypeStruct((num_classes, dim), jnp.float32)
    radius = jax.ShapeDtypeStruct((num_classes,), jnp.float32)
    gradient = jax.grad(lambda m, r: jnp.sum(kernels.ped_forces(m, r).force ** 2))
    memory = jax.jit(gradient).lower(means, radius).compile().memory_analysis()
    assert memory is not None
    assert memory.temp_size_in_bytes < 0.2 * 4 * num_classes**2 * dim
