import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxinv.training import create_ensemble, ensemble_outputs, mask_logits, train_ensemble

pytestmark = pytest.mark.usefixtures("full_precision")


class Net(nnx.Module):
    def __init__(self, *, rngs):
        self.body = nnx.Linear(5, 7, rngs=rngs)
        self.head = nnx.Linear(7, 4, rngs=rngs)

    def features(self, images):
        return jax.nn.relu(self.body(images))

    def __call__(self, images):
        return self.head(self.features(images))


def make(rngs):
    return Net(rngs=rngs)


def batches(num_networks, *, steps=30, classes=4):
    """Class = the largest of the first `classes` numbers."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(steps, num_networks, 16, 5)).astype(np.float32)
    return [(x, np.argmax(x[..., :classes], axis=-1)) for x in images]


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def test_create_gives_the_networks_of_their_seeds():
    ensemble = create_ensemble(make, [3, 8])
    assert ensemble.num_networks == 2
    alone = nnx.state(make(nnx.Rngs(8)), nnx.Param)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[1], b, rtol=2e-6), ensemble.params, alone)


def test_training_equals_training_alone_by_optax():
    data = batches(2)
    ensemble = create_ensemble(make, [0, 1])
    trained = train_ensemble(ensemble, data, learning_rate=0.01)

    graphdef, params = nnx.split(make(nnx.Rngs(1)), nnx.Param)
    optimiser = optax.adam(0.01)
    state = optimiser.init(params)

    @jax.jit
    def step(params, state, images, labels):
        def loss(params):
            logits = nnx.merge(graphdef, params)(images)
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

        updates, state = optimiser.update(jax.grad(loss)(params), state)
        return optax.apply_updates(params, updates), state

    for images, labels in data:
        params, state = step(params, state, images[1], labels[1])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[1], b, rtol=1e-3, atol=1e-5), trained.params, params)


def test_training_learns_and_keeps_its_input():
    ensemble = create_ensemble(make, [0])
    before = jax.tree.map(np.array, ensemble.params)
    calls = []
    trained = train_ensemble(
        ensemble, batches(1, steps=200), learning_rate=0.02, progress=lambda step, total: calls.append((step, total))
    )
    assert equal(ensemble.params, before)
    assert calls[0] == (1, 200)
    assert calls[-1] == (200, 200)
    images, labels = batches(1, steps=1)[0]
    wrong = [np.mean(np.argmax(ensemble_outputs(e, images[0]).logits[0], -1) != labels[0]) for e in (ensemble, trained)]
    assert wrong[1] < 0.2 < wrong[0]


def test_total_is_none_for_a_generator_and_a_schedule_is_followed():
    ensemble = create_ensemble(make, [0])
    calls = []
    rested = train_ensemble(
        ensemble,
        (batch for batch in batches(1, steps=2)),
        learning_rate=lambda step: 0.0,
        progress=lambda step, total: calls.append((step, total)),
    )
    assert equal(rested.params, ensemble.params)
    assert calls == [(1, None), (2, None)]


def shrink(features, logits, labels):
    return 10.0 * jnp.mean(features**2)


def test_penalty_is_felt():
    data = batches(1, steps=100)
    ensemble = create_ensemble(make, [0])
    images = data[0][0][0]
    free, shrunk = (
        np.mean(ensemble_outputs(train_ensemble(ensemble, data, learning_rate=0.02, penalty=p), images).features ** 2)
        for p in (None, shrink)
    )
    assert shrunk < 0.1 * free


def test_penalty_weights_are_each_networks_own():
    data = [(images.repeat(2, axis=0), labels.repeat(2, axis=0)) for images, labels in batches(1, steps=20)]
    ensemble = create_ensemble(make, [0, 0])
    free = train_ensemble(ensemble, data, learning_rate=0.02).params
    full = train_ensemble(ensemble, data, learning_rate=0.02, penalty=shrink).params
    mixed = train_ensemble(ensemble, data, learning_rate=0.02, penalty=shrink, penalty_weights=[0.0, 1.0]).params
    without, with_penalty, each = (np.asarray(params["body"]["kernel"][...]) for params in (free, full, mixed))
    np.testing.assert_allclose(each[0], without[0], atol=1e-5)
    np.testing.assert_allclose(each[1], with_penalty[1], atol=1e-5)
    assert not np.allclose(without[1], with_penalty[1], atol=1e-2)


def test_class_counts_keep_logits_of_other_classes_out():
    data = batches(2, classes=2)
    ensemble = create_ensemble(make, [0, 0])
    masked = train_ensemble(ensemble, data, learning_rate=0.01, class_counts=[2, 4])
    start, end = (np.asarray(e.params["head"]["bias"][...]) for e in (ensemble, masked))
    assert np.array_equal(start[0, 2:], end[0, 2:])  # nothing pushed them down
    assert np.all(end[1, 2:] < start[1, 2:])


def test_mask_logits_gives_no_probability_to_masked_classes():
    logits = jnp.array([[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(
        jax.nn.softmax(mask_logits(logits, 2)), [[*jax.nn.softmax(jnp.array([1.0, 2.0])), 0.0]], rtol=1e-6
    )
    gradient = jax.grad(lambda x: jax.nn.log_softmax(mask_logits(x, 2))[0, 0])(logits)
    assert float(gradient[0, 2]) == 0.0


@pytest.mark.parametrize("batch_size", [4, 10, 100])
def test_outputs_do_not_depend_on_the_batch_size(batch_size):
    ensemble = create_ensemble(make, [0, 1])
    images = batches(2, steps=1)[0][0][:, :10]
    own = ensemble_outputs(ensemble, images, per_network=True, batch_size=batch_size)
    assert own.features.shape == (2, 10, 7)
    assert own.logits.shape == (2, 10, 4)
    shared = ensemble_outputs(ensemble, images[1], batch_size=batch_size)
    np.testing.assert_allclose(shared.logits[1], own.logits[1], rtol=1e-6)
    alone = nnx.merge(ensemble.graphdef, jax.tree.map(lambda x: x[1], ensemble.params))(images[1])
    np.testing.assert_allclose(own.logits[1], alone, rtol=1e-4, atol=1e-6)


def test_outputs_of_no_image_raise():
    with pytest.raises(ValueError, match="images must hold"):
        ensemble_outputs(create_ensemble(make, [0]), np.zeros((0, 5), np.float32))


def test_one_trace_for_ensembles_of_one_architecture():
    traces = []

    def penalty(features, logits, labels):
        traces.append(None)
        return 0.0 * jnp.sum(logits)

    data = batches(3, steps=2)
    train_ensemble(create_ensemble(make, [0, 1, 2]), data, learning_rate=0.01, penalty=penalty)
    train_ensemble(create_ensemble(make, [3, 4, 5]), data, learning_rate=0.5, penalty=penalty)
    assert len(traces) == 1
