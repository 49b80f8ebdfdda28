"""The experiment about directions: what its policies do in a world that is turned."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.claims.subequivariant_set import DensePolicy, SetPolicy
from jaxinv.kernels.simulators import TripodState, tripod_observation, tripod_start
from jaxinv.models import SetSizes

SMALL = SetSizes(num_features=4, num_mixed=3, num_products=2, width=4, num_blocks=1, num_heads=1, head_width=3)


@pytest.mark.parametrize(
    ("policy", "turns"),
    [
        (SetPolicy(SMALL, rngs=nnx.Rngs(0)), True),
        (DensePolicy(4, False, rngs=nnx.Rngs(0)), False),
        (DensePolicy(4, True, rngs=nnx.Rngs(0)), True),
    ],
)
def test_which_policies_turn_with_their_world(policy, turns, full_precision):
    start = tripod_start(jnp.asarray(0.4), jnp.asarray(0.5))
    start = start._replace(velocities=jax.random.normal(jax.random.key(0), (4, 3)))
    turn = jnp.asarray([[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    plain = policy(tripod_observation(start))
    found = policy(tripod_observation(TripodState(*(x @ turn.T for x in start))))
    apart = float(np.max(np.abs(found - plain)) / np.max(np.abs(plain)))
    assert apart < 1e-4 if turns else apart > 1e-2
