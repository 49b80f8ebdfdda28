"""PACTran: bounds against exact evidence, convergence of the classifier, precision on real features, invariances."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammaln
from sklearn.datasets import load_digits

from jaxinv.kernels.transferability import pactran_dirichlet, pactran_gamma, pactran_gaussian
from jaxinv.kernels.transferability.sample_scores.softmax_regression import (
    SoftmaxProblem,
    softmax_loss,
    softmax_regression,
)
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.transferability import ensemble_references as references

FLOAT = jnp.result_type(float)
EXACT = 1e-9 if FLOAT.itemsize == 8 else 1e-4
VARIATIONAL = pytest.mark.parametrize("score", [pactran_dirichlet, pactran_gamma])


def digits(size=300):
    """Pixels in [0, 1], labels, and probabilities of 7 made-up source classes."""
    images, labels = (np.asarray(part)[:size] for part in load_digits(return_X_y=True))
    images, labels = images / 16, labels.astype(np.int32)
    logits = images @ np.random.default_rng(0).normal(size=(64, 7))
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    return images, labels, probabilities / probabilities.sum(1, keepdims=True)


def features(seed=0, samples=40, dim=5):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, samples)
    means = 1.5 * generator.normal(size=(3, dim))
    return jnp.asarray(means[labels] + generator.normal(size=(samples, dim)), FLOAT), jnp.asarray(labels)


def test_real_features_in_this_precision():
    images, labels, probabilities = digits()
    for kernel, reference in (
        (pactran_dirichlet, references.pactran_dirichlet),
        (pactran_gamma, references.pactran_gamma),
    ):
        result = kernel(jnp.asarray(probabilities, FLOAT), jnp.asarray(labels), num_classes=10)
        np.testing.assert_allclose(result.score, reference(probabilities, labels), rtol=1e-4)
    middle = images[:, 24:40]
    result = pactran_gaussian(jnp.asarray(middle, FLOAT), jnp.asarray(labels), num_classes=10)
    np.testing.assert_allclose(result.score, references.pactran_gaussian(middle, labels), rtol=1e-4)


def exact_dirichlet_evidence(probabilities, labels, concentration):
    """log p(labels) by enumeration of every assignment of samples to source classes."""
    num_samples, num_sources = probabilities.shape
    classes, count = np.unique(labels, return_counts=True)
    prior = concentration * count / num_samples
    total = -np.inf
    for assignment in itertools.product(range(num_sources), repeat=num_samples):
        value = np.sum(np.log(probabilities[np.arange(num_samples), assignment]))
        for z in range(num_sources):
            seen = np.array([np.sum((labels == c) & (np.array(assignment) == z)) for c in classes])
            value += np.sum(gammaln(prior + seen) - gammaln(prior))
            value -= gammaln(prior.sum() + seen.sum()) - gammaln(prior.sum())
        total = np.logaddexp(total, value)
    return total / num_samples


@pytest.mark.parametrize("concentration", [0.5, 4.0])
def test_the_dirichlet_score_is_a_bound_of_the_evidence(concentration):
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), 6)
    labels = np.array([0, 0, 0, 1, 1, 1])
    exact = exact_dirichlet_evidence(probabilities, labels, concentration)
    score = pactran_dirichlet(
        jnp.asarray(probabilities, FLOAT), jnp.asarray(labels), num_classes=2, concentration=concentration
    ).score
    assert exact - 0.2 < score < exact
    # Sources that are certain leave nothing to bound.
    certain = np.eye(3)[[0, 0, 1, 1, 2, 2]]
    score = pactran_dirichlet(jnp.asarray(certain, FLOAT), jnp.asarray(labels), num_classes=2).score
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(score, exact_dirichlet_evidence(certain, labels, 1.0), rtol=1e-5)


@VARIATIONAL
def test_every_round_improves_the_bound(score):
    _, labels, probabilities = digits(100)
    arguments = jnp.asarray(probabilities, FLOAT), jnp.asarray(labels)
    scores = [float(score(*arguments, num_classes=10, num_rounds=rounds).score) for rounds in (1, 3, 10, 30)]
    assert scores[0] < scores[1] < scores[2] <= scores[3] + 1e-5
    assert scores[-1] < 0


@VARIATIONAL
@pytest.mark.proves("masks", "transferability.{score}")
def test_order_names_padding_and_weights(score):
    _, labels, probabilities = digits(60)
    score = functools.partial(score, num_classes=12)
    probabilities, labels = jnp.asarray(probabilities, FLOAT), jnp.asarray(labels)
    plain = score(probabilities, labels).score
    order = np.random.default_rng(0).permutation(60)
    padded = jnp.pad(probabilities, ((0, 0), (1, 2)))
    weight = jnp.arange(60) % 3
    repeated = score(jnp.repeat(probabilities, weight, axis=0), jnp.repeat(labels, weight)).score
    np.testing.assert_allclose(score(probabilities[order][:, ::-1], (labels[order] + 1) % 12).score, plain, rtol=EXACT)
    np.testing.assert_allclose(score(padded, labels).score, plain, rtol=EXACT)
    np.testing.assert_allclose(
        score(probabilities, labels, sample_weight=weight.astype(FLOAT)).score, repeated, rtol=EXACT
    )
    foreign = jnp.where(weight > 0, labels, -1)
    np.testing.assert_allclose(
        score(probabilities, foreign).score,
        score(probabilities, labels, sample_weight=(weight > 0).astype(FLOAT)).score,
        rtol=EXACT,
    )


@pytest.mark.parametrize("ridge", [1e-1, 1e-4])
def test_the_classifier_converges_on_separable_classes(ridge):
    images, labels, _ = digits()
    images = jnp.asarray(images - images.mean(0), FLOAT)
    truth = jax.nn.one_hot(labels, 10, dtype=FLOAT, axis=0)
    problem = SoftmaxProblem(
        images, truth, jnp.full(300, 1 / 300, FLOAT), jnp.asarray(ridge, FLOAT), jnp.zeros(10, FLOAT)
    )
    model, steps = softmax_regression(problem)
    slope = jax.grad(softmax_loss)(model, problem)
    assert steps < 20
    assert max(float(jnp.max(jnp.abs(part))) for part in slope) < (1e-8 if FLOAT.itemsize == 8 else 1e-4)
    if ridge == 1e-4:
        assert softmax_loss(model, problem) < 0.05


def test_gaussian_rotation_translation_and_scale():
    points, labels = features()
    score = lambda x: pactran_gaussian(x, labels, num_classes=3).score  # noqa: E731
    sample = lambda key: jax.random.orthogonal(key, 5, dtype=FLOAT)  # noqa: E731
    turn = lambda r, x: jnp.matmul(x, r, precision="highest") + 3.0  # noqa: E731
    assert_equivariant(score, points, sample, act_in=turn, exactness="exact")
    assert_not_equivariant(score, points, sample, act_in=lambda r, x: 2 * turn(r, x), delta=1e-3)


def test_gaussian_padding_weights_and_absent_classes():
    points, labels = features()
    score = functools.partial(pactran_gaussian, num_classes=3)
    plain = score(points, labels).score
    wide = jnp.pad(points, ((0, 0), (0, 4)))
    np.testing.assert_allclose(score(wide, labels, valid_dim=5).score, plain, rtol=EXACT)
    assert abs(score(wide, labels).score - plain) > 1e-3
    spread_out = pactran_gaussian(points, 2 * labels, num_classes=7)
    np.testing.assert_allclose(spread_out.score, plain, rtol=EXACT)
    assert spread_out.dropped_classes == 4
    weight = (jnp.arange(40) % 3 > 0).astype(FLOAT)
    part = score(points[weight > 0], labels[weight > 0]).score
    np.testing.assert_allclose(score(points, labels, sample_weight=weight).score, part, rtol=EXACT)
    outlier = jnp.where(weight[:, None] > 0, points, 1e4)
    np.testing.assert_allclose(score(outlier, labels, sample_weight=weight).score, part, rtol=EXACT)


def test_models_and_label_sets_at_once():
    points, labels = features()
    pool, sets = jnp.stack([points, 0.5 * points]), jnp.stack([labels, (labels + jnp.arange(40)) % 3])
    score = lambda x, y: pactran_gaussian(x, y, num_classes=3).score  # noqa: E731
    scores = jax.jit(jax.vmap(jax.vmap(score, in_axes=(None, 0)), in_axes=(0, None)))(pool, sets)
    np.testing.assert_allclose(scores, [[score(x, y) for y in sets] for x in pool], rtol=EXACT)


def test_gaussian_features_that_say_nothing():
    _, labels = features()
    share = np.bincount(labels) / 40
    result = pactran_gaussian(jnp.ones((40, 5), FLOAT), labels, num_classes=3)
    np.testing.assert_allclose(result.score, np.sum(share * np.log(share)), rtol=1e-5)
    assert 0 <= result.flatness < 1e-9
