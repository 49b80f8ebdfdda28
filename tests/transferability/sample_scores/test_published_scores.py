"""What all published scores that need samples must hold: who counts, in which order, and in which precision."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxinv.kernels.transferability.sample_scores.etran import etran
from jaxinv.kernels.transferability.sample_scores.n_leep import n_leep
from jaxinv.kernels.transferability.sample_scores.ncti import ncti
from jaxinv.kernels.transferability.sample_scores.parc import parc
from jaxinv.kernels.transferability.sample_scores.sfda import sfda
from tests.duties import FLOAT, X64, assert_finite, assert_same
from tests.transferability.published_cases import CLUSTERS, key, small_features
from tests.transferability.sample_cases import DIM, NUM_CLASSES, NUM_SAMPLES

EXACT = 1e-9 if X64 else 1e-5


def _n_leep(features, labels, *, mask, valid_dim, **options):
    del valid_dim
    weight = None if mask is None else mask.astype(features.dtype)
    return n_leep(key(), features, labels, sample_weight=weight, **{**CLUSTERS, **options})


def _parc(features, labels, *, valid_dim, **options):
    del valid_dim
    return parc(features, labels, **options)


def _sfda(features, labels, *, mask, **options):
    return sfda(features, labels, sample_weight=None if mask is None else mask.astype(features.dtype), **options)


SCORES: dict[str, Callable[..., Any]] = {"sfda": _sfda, "etran": etran, "ncti": ncti, "parc": _parc, "n_leep": _n_leep}
everywhere = pytest.mark.parametrize("name", SCORES)


@functools.cache
def scorer(name: str) -> Callable[..., Any]:
    """A score of (features, labels, mask, valid_dim)."""

    def call(features, labels, mask, valid_dim):
        return SCORES[name](features, labels, num_classes=NUM_CLASSES, mask=mask, valid_dim=valid_dim)

    return jax.jit(call)


def score(name: str, features, labels, mask=None, valid_dim: Any = DIM):
    """With the last round's gain of N-LEEP, a difference of likelihoods, left out."""
    mask = jnp.ones(len(labels), bool) if mask is None else mask
    found = scorer(name)(features, labels, mask, valid_dim)
    return found._replace(gain=jnp.zeros(())) if name == "n_leep" else found


def samples(seed=0):
    features, labels = small_features(np.random.default_rng(seed))
    return jnp.asarray(features, FLOAT), jnp.asarray(labels)


def padded(features, labels, extra_rows=3, extra_columns=2):
    """Rows that do not count, with labels that are in range, and columns of zeros."""
    features = jnp.pad(features, ((0, extra_rows), (0, extra_columns)), constant_values=0.0)
    features = features.at[-extra_rows:].set(50.0)
    labels = jnp.concatenate([labels, labels[:extra_rows]])
    return features, labels, jnp.arange(len(labels)) < len(labels) - extra_rows


@everywhere
@pytest.mark.proves("masks", "transferability.{name}")
def test_padding_foreign_labels_and_the_order_of_classes(name):
    features, labels = samples()
    wanted = score(name, features, labels)
    wide, more, mask = padded(features, labels)
    assert_same(score(name, wide, more, mask), wanted, EXACT)
    foreign = jnp.where(mask, more, jnp.where(jnp.arange(len(more)) % 2, -1, NUM_CLASSES))
    assert_same(score(name, wide, foreign), wanted, EXACT)
    renamed = jnp.array([2, 4, 3, 1, 0], labels.dtype)[labels]
    assert_same(score(name, features, renamed), wanted, EXACT)
    if name != "n_leep":  # its random start knows the samples by their places
        order = np.random.default_rng(0).permutation(NUM_SAMPLES)
        assert_same(score(name, features[order], labels[order]), wanted, EXACT)
    assert abs(float(score(name, wide, more).score - wanted.score)) > 1e-3


@everywhere
def test_models_and_label_sets_in_one_call(name):
    """Two models of different width, three label sets that leave different samples out."""
    features, labels = samples()
    models = jnp.stack([features, features.at[:, 3:].set(0.0)])
    widths = jnp.array([DIM, 3])
    sets = jnp.stack([labels, jnp.roll(labels, 7), jnp.where(jnp.arange(NUM_SAMPLES) < 20, labels, -1)])
    over_sets = jax.vmap(functools.partial(score, name), in_axes=(None, 0, None, None))
    found = jax.vmap(over_sets, in_axes=(0, None, None, 0))(models, sets, None, widths)
    for i, j in itertools.product(range(2), range(3)):
        alone = score(name, models[i], sets[j], None, widths[i])
        assert_same(jax.tree.map(lambda leaf, i=i, j=j: leaf[i, j], found), alone, 10 * EXACT)


LABELS = {"one class": np.zeros(NUM_SAMPLES), "three": np.arange(NUM_SAMPLES) % 3, "none": np.full(NUM_SAMPLES, -1)}


@everywhere
def test_degenerate_features_have_a_defined_score(name):
    flat = jnp.full((NUM_SAMPLES, DIM), 100.0, FLOAT)
    gradient = jax.jit(jax.grad(lambda features, labels: score(name, features, labels).score))
    for features in (flat, flat.at[0, 0].set(99.0)):
        for labels in LABELS.values():
            labels = jnp.asarray(labels, jnp.int32)
            assert_finite(score(name, features, labels))
            if name in ("sfda", "etran"):
                assert_finite(gradient(features, labels))
            else:
                assert_same(gradient(features, labels), jnp.zeros_like(features), 0.0)


@pytest.mark.skipif(not X64, reason="compares with float64")
@everywhere
@pytest.mark.parametrize("scale", [1.0, 16.0])
def test_float32_on_digits(name, scale):
    """At scale 1 the shrinkage of SFDA, ETran and NCTI vanishes."""
    features, labels = load_digits(return_X_y=True)
    features, labels = features[:600] / scale, jnp.asarray(labels[:600], jnp.int32)
    options = {"num_components": 20} if name == "n_leep" else {}
    single, double = (
        SCORES[name](jnp.asarray(features, dtype), labels, num_classes=10, mask=None, valid_dim=None, **options)
        for dtype in (jnp.float32, jnp.float64)
    )
    assert single.score.dtype == jnp.float32
    for field, wanted in double._asdict().items():
        if field not in ("gain", "shrinkage"):  # differences of likelihoods, and exp(-5 lambda)
            np.testing.assert_allclose(getattr(single, field), wanted, rtol=1e-4, err_msg=field)
