"""The measures of the experiment about demonstrations by other bodies, on weights that are known."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.ood_il import NUM_STEPS, _mean_weights, _purity, _ranked_first, _share_drawn, imitator
from jaxinv.kernels.simulators import Demonstrations

DEMONSTRATIONS = Demonstrations(
    jnp.zeros((1, 4, 3, 2)), jnp.array([[1, 0, 1, 0]]), jnp.array([[True, True, False, False]])
)


def test_measures_of_weights():
    weight = jnp.array([[[0.8, 0.6], [0.2, 0.2], [0.3, 0.1], [0.0, 0.0]]])
    np.testing.assert_allclose(_mean_weights(weight, DEMONSTRATIONS), [[[0.2, 0.7], [0.0, 0.2]]], rtol=1e-6)
    # Of four pairs three are in order and one is a tie.
    np.testing.assert_allclose(_ranked_first(weight, DEMONSTRATIONS), [3.5 / 4])
    np.testing.assert_allclose(_share_drawn(weight, DEMONSTRATIONS), [1.8 / 2.2], rtol=1e-6)
    assert _purity(np.array([1, 1, 0, 0]), np.array([0, 0, 1, 1])) == 1
    assert _purity(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])) == 0.75


def test_the_imitator_starts_near_the_origin():
    states = imitator(jax.random.key(0), lambda states: 0 * states)
    assert states.shape == (64, NUM_STEPS + 1, 2)
    assert 0.01 < float(jnp.std(states[:, 0])) < 0.03
