"""Distances of means: what leaves them alone, what a missing class does, and sums that add."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.kernels import transferability as kernels
from tests.duties import FLOAT, X64, assert_same
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.transferability import adaptation_references as references
from tests.transferability.adaptation_cases import DIM, NUM_CLASSES, with_probabilities

EXACT = 1e-10 if X64 else 1e-5


def point(seed=0):
    return tuple(
        jnp.asarray(a, FLOAT if a.dtype == np.float64 else None)
        for a in with_probabilities(np.random.default_rng(seed))
    )


def distances(arguments):
    return jnp.stack(kernels.class_conditional_mmd(*arguments)[:3])


def test_identical_domains_are_at_distance_zero():
    source, labels, *_ = point()
    hard = jax.nn.one_hot(labels, NUM_CLASSES, dtype=FLOAT)
    found = kernels.class_conditional_mmd(source, labels, source[:5], labels[:5], source[5:], hard[5:])
    np.testing.assert_allclose(jnp.stack(found[:3]), 0.0, atol=1e-28 if X64 else 1e-11)
    assert found.dropped_classes == 1


def test_a_class_without_samples_has_no_term():
    """Class 2 has no source; where the classifier never says 3, the target has none of it either."""
    *domains, probabilities = point()
    found = kernels.class_conditional_mmd(*domains, probabilities)
    assert found.dropped_classes == 1
    fewer = probabilities.at[:, 3].set(0.0) / jnp.sum(probabilities[:, :3], axis=1, keepdims=True)
    found = kernels.class_conditional_mmd(*domains, fewer)
    assert found.dropped_classes == 2
    wanted = references.class_conditional_mmd(*(np.asarray(a) for a in (*domains, fewer)))
    np.testing.assert_allclose(jnp.stack(found[:3]), wanted, rtol=EXACT)
    np.testing.assert_allclose(found.combined, (found.marginal + found.conditional) / 3, rtol=EXACT)


def test_samples_without_a_class_are_left_out():
    source, source_labels, labelled, labels, unlabelled, probabilities = point()
    far = 1e3 * jnp.ones((2, DIM), FLOAT)
    strange = jnp.array([-1, NUM_CLASSES], jnp.int32)
    padded = (
        *(jnp.concatenate(pair) for pair in ((source, far), (source_labels, strange), (labelled, far))),
        *(jnp.concatenate(pair) for pair in ((labels, strange), (unlabelled, far))),
        jnp.concatenate([probabilities, jnp.zeros((2, NUM_CLASSES), FLOAT)]),
    )
    np.testing.assert_allclose(distances(padded), distances(point()), rtol=EXACT)


def _reordered(key, arguments):
    source, source_labels, labelled, labels, unlabelled, probabilities = arguments
    keys = jax.random.split(key, 4)
    rename = jax.random.permutation(keys[3], NUM_CLASSES)
    first, second, third = (
        jax.random.permutation(key, len(x)) for key, x in zip(keys[:3], (source, labelled, unlabelled), strict=True)
    )
    # Column c of the probabilities becomes column rename[c].
    columns = probabilities[third][:, jnp.argsort(rename)]
    renamed, renamed_source = rename[labels][second], rename[source_labels][first]
    return source[first], renamed_source, labelled[second], renamed, unlabelled[third], columns


def _translated(shift, arguments):
    return tuple(a + shift[None] if a.ndim == 2 and a.shape[1] == DIM else a for a in arguments)


def _one_translated(shift, arguments):
    return arguments[0] + shift[None], *arguments[1:]


def test_symmetries():
    """Order of samples and of classes, and a common translation; moving one domain is a control."""

    def shift(key):
        return jax.random.normal(key, (DIM,), FLOAT)

    assert_equivariant(distances, point(), lambda key: key, act_in=_reordered, exactness="exact")
    assert_equivariant(distances, point(), shift, act_in=_translated, exactness="exact")
    assert_not_equivariant(distances, point(), shift, act_in=_one_translated, delta=0.1)


def test_sums_add():
    source, labels, *_, unlabelled, probabilities = point()
    members = jax.nn.one_hot(labels, NUM_CLASSES, dtype=FLOAT)
    parts = [kernels.class_sums(source[rows], members[rows]) for rows in (slice(4), slice(4, None))]
    assert_same(jax.tree.map(jnp.add, *parts), kernels.class_sums(source, members), EXACT)
    whole = kernels.class_statistics(source, labels, NUM_CLASSES)
    np.testing.assert_allclose(kernels.class_sums(source, members).mass, whole.count, rtol=EXACT)
    np.testing.assert_allclose(kernels.class_sums(unlabelled, probabilities).mass.sum(), len(unlabelled), rtol=EXACT)
