"""Adaptation from noise: what the source does to the trained parameters, and many fits side by side."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels.transferability import KtfBatch, ktf_batch, make_noise_source
from jaxinv.training.heterogeneous_adaptation import init_ktf, ktf_fit
from tests.duties import assert_finite

NUM_CLASSES, STEPS = 3, 4


def batch(kind: str) -> KtfBatch:
    """A target of 6 labelled and 8 other samples, and a source of the given noise."""
    generator = np.random.default_rng(0)
    source = make_noise_source(jax.random.key(1), kind, num_classes=NUM_CLASSES, samples_per_class=5, dim=7)
    target = jnp.asarray(generator.normal(size=(14, 4)), jnp.float32)
    labels = jnp.arange(6, dtype=jnp.int32) % NUM_CLASSES
    return ktf_batch(source.features, source.labels, target[:6], labels, target[6:], num_classes=NUM_CLASSES)


def fit(key, batch, weights: Any = (0.1, 1.0), rate: Any = 1e-2):
    """Every call by the same program; `weights` are beta and mu."""
    weights, rate = jnp.asarray(weights, jnp.float32), jnp.asarray(rate, jnp.float32)
    return ktf_fit(key, batch, beta=weights[0], mu=weights[1], learning_rate=rate, num_steps=STEPS)


def assert_equal(found, wanted):
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


def test_without_weights_every_source_gives_the_same_parameters():
    """Bit by bit: the target alone."""
    key, batches = jax.random.key(0), [batch(kind) for kind in ("gaussian", "uniform")]
    alone = [fit(key, b, (0.0, 0.0)).params for b in batches]
    assert_equal(*alone)
    helped = [fit(key, b).params for b in batches]
    assert float(jnp.max(jnp.abs(helped[0].projection - helped[1].projection))) > 1e-4


def test_many_fits_side_by_side_are_each_alone():
    """Over seeds, sources and weights at once."""
    keys = jax.random.split(jax.random.key(0), 2)
    batches = [batch(kind) for kind in ("gaussian", "uniform")]
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *batches)
    weights, rate = jnp.array([[0.1, 1.0], [0.3, 0.1]]), jnp.array([1e-3, 1e-2])
    together = jax.vmap(fit)(keys, stacked, weights, rate)
    for i, one in enumerate(batches):
        found = jax.tree.map(lambda x, i=i: x[i], together)
        alone = fit(keys[i], one, weights[i], rate[i])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), found, alone)


def test_the_trace_falls_from_the_start_near_zero():
    start = init_ktf(jax.random.key(0), target_dim=4, dim=7, num_classes=NUM_CLASSES)
    assert_finite(start)
    for part in start:
        # Cut at two deviations of 0.01.
        assert 0 < float(jnp.max(jnp.abs(part))) <= 0.02
    found = fit(jax.random.key(0), batch("gaussian"))
    assert_finite(found)
    assert found.trace.total.shape == (STEPS,)
    # Nothing is known at first.
    np.testing.assert_allclose(found.trace.target[0], np.log(NUM_CLASSES), rtol=0.02)
    assert np.all(np.diff([*found.trace.total, found.last.total]) < 0)
