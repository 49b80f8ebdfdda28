"""The framework's loss: what the source does to it, and what it survives."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from tests.duties import FLOAT, X64, assert_finite
from tests.transferability.adaptation_cases import NUM_CLASSES, framework

EXACT = 1e-10 if X64 else 1e-5


def setting(seed=0):
    arguments = [
        jnp.asarray(a, FLOAT if a.dtype == np.float64 else None) for a in framework(np.random.default_rng(seed))
    ]
    return kernels.KtfParams(*arguments[:4]), arguments[4:]


def gradient(params, domains, **weights):
    batch = kernels.ktf_batch(*domains, num_classes=NUM_CLASSES)
    return jax.jit(jax.grad(lambda p: kernels.ktf_loss(p, batch, **weights).total))(params)


def test_without_weights_the_source_has_no_effect():
    params, (source, *rest) = setting()
    alone = {"beta": 0.0, "mu": 0.0, "tau": 0.05}
    for weights, same in ((alone, True), (alone | {"beta": 0.1}, False), (alone | {"mu": 0.1}, False)):
        found = [gradient(params, (x, *rest), **weights) for x in (source, 3 - source**2)]
        equal = [bool(jnp.all(a == b)) for a, b in zip(*found, strict=True)]
        assert all(equal) == same


def test_parts_are_the_measures_of_the_source():
    params, domains = setting()
    batch = kernels.ktf_batch(*domains, num_classes=NUM_CLASSES)
    found = kernels.ktf_loss(params, batch, beta=0.3, mu=0.7, tau=0.05)
    np.testing.assert_allclose(kernels.discriminability(params, batch), -found.source, rtol=EXACT)
    gap = kernels.transferability_gap(params, batch)
    np.testing.assert_allclose(gap.combined, found.gap, rtol=EXACT)
    assert gap.dropped_classes == 1
    unlabelled = kernels.ktf_project(params, batch.unlabelled)
    direct = kernels.class_conditional_mmd(
        batch.source,
        domains[1],
        kernels.ktf_project(params, batch.labelled),
        domains[3],
        unlabelled,
        jax.nn.softmax(kernels.ktf_logits(params, unlabelled)),
    )
    np.testing.assert_allclose(direct.combined, gap.combined, rtol=EXACT)


def test_a_source_that_fits_is_more_discriminable():
    """Sources with the classifier's own columns as class means, and with those of other classes."""
    params, (_, _, *target) = setting()
    columns = params.classifier.T
    found = [
        kernels.discriminability(
            params, kernels.ktf_batch(columns, jnp.asarray(labels), *target, num_classes=NUM_CLASSES)
        )
        for labels in (np.arange(NUM_CLASSES), np.roll(np.arange(NUM_CLASSES), 1))
    ]
    assert found[1] < found[0] < 0


def test_length_of_rows_does_not_matter_and_zero_rows_are_safe():
    params, domains = setting()
    scaled = [x * (1.0 + 2 * i) if x.ndim == 2 else x for i, x in enumerate(domains)]
    options = {"beta": 0.3, "mu": 0.7, "tau": 0.05}
    wanted = gradient(params, domains, **options)
    for found, value in zip(gradient(params, scaled, **options), wanted, strict=True):
        np.testing.assert_allclose(found, value, rtol=10 * EXACT, atol=EXACT)
    zero = [0 * x if x.ndim == 2 else x for x in domains]
    dead = jax.tree.map(jnp.zeros_like, params)
    for network in (params, dead):
        for samples in (domains, zero):
            assert_finite(gradient(network, samples, **options))
