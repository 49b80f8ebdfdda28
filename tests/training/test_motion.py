"""Training on motion: errors against numpy, heads by the best of them, and that training nears the truth."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxinv.models import EqMotion
from jaxinv.training.motion import best_head_error, displacement_error, train_motion


def ways(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def test_errors_are_mean_distances():
    found, wanted, mask = ways(0, 2, 3, 4, 2), ways(1, 2, 3, 4, 2), jnp.asarray([[True, False, True], [False] * 3])
    distances = np.linalg.norm(np.asarray(found - wanted), axis=-1)
    np.testing.assert_allclose(displacement_error(found, wanted), distances.mean((1, 2)), rtol=1e-5)
    masked = [distances[0, [0, 2]].mean(), 0]
    np.testing.assert_allclose(displacement_error(found, wanted, mask=mask), masked, rtol=1e-5)


def test_the_best_head_counts_for_each_scene_and_learns_alone():
    wanted = ways(0, 2, 3, 4, 2)
    heads = jnp.stack([wanted + 0.5, wanted.at[0].add(0.1).at[1].add(2.0)])
    found = best_head_error(heads, wanted)
    np.testing.assert_allclose(found, np.sqrt(2) * np.array([0.1, 0.5]), rtol=1e-4)
    gradient = jax.grad(lambda x: jnp.sum(best_head_error(x, wanted)))(heads)
    assert [[bool(jnp.any(gradient[h, s])) for s in (0, 1)] for h in (0, 1)] == [[False, True], [True, False]]


def test_training_nears_motion_that_goes_straight_on():
    start, step = ways(0, 30, 2, 1, 2), ways(1, 30, 2, 1, 2)
    way = start + 0.3 * step * jnp.arange(6).reshape(1, 1, 6, 1)
    past, future = way[:, :, :4], way[:, :, 4:]
    network = EqMotion(4, 2, num_features=8, num_channels=4, num_layers=1, rngs=nnx.Rngs(0))
    graphdef, params = nnx.split(network)
    trained = train_motion(
        graphdef, params, past, future, key=jax.random.key(0), num_steps=60, batch_size=10, learning_rate=1e-2
    )
    before, after = (
        float(jnp.mean(displacement_error(nnx.merge(graphdef, p)(past).positions, future))) for p in (params, trained)
    )
    assert after < 0.5 * before
