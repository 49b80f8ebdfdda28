"""A killed run goes on bit for bit."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from jaxinv.models import EqMotion
from jaxinv.training.resumable import train_resumably

PAST, FUTURE = jax.random.normal(jax.random.key(0), (2, 8, 3, 3, 2))
OPTIMISER = optax.adam(1e-2)


def start():
    graphdef, params = nnx.split(EqMotion(3, 3, num_features=4, num_channels=4, num_layers=1, rngs=nnx.Rngs(0)))
    params = nnx.to_pure_dict(params)

    @jax.jit
    def advance(state, number):
        def loss(params, rows):
            state = nnx.state(nnx.merge(graphdef, nnx.State(params)))
            return jnp.mean((nnx.merge(graphdef, state)(PAST[rows]).positions - FUTURE[rows]) ** 2)

        params, moments = state
        rows = jax.random.randint(jax.random.fold_in(jax.random.key(1), number), (4,), 0, 8)
        updates, moments = OPTIMISER.update(jax.grad(loss)(params, rows), moments, params)
        return optax.apply_updates(params, updates), moments

    return advance, (params, OPTIMISER.init(params))


def test_a_killed_run_goes_on_bit_for_bit(tmp_path):
    advance, state = start()
    whole = train_resumably(advance, state, num_rounds=4, folder=tmp_path / "whole")

    def killed(state, number):
        if number == 2:
            raise KeyboardInterrupt
        return advance(state, number)

    with pytest.raises(KeyboardInterrupt):
        train_resumably(killed, state, num_rounds=4, folder=tmp_path / "killed")

    called = []

    def counted(state, number):
        called.append(number)
        return advance(state, number)

    resumed = train_resumably(counted, state, num_rounds=4, folder=tmp_path / "killed")
    assert called == [2, 3]
    changed = False
    for found, wanted, before in zip(*(jax.tree.leaves(s) for s in (resumed, whole, state)), strict=True):
        np.testing.assert_array_equal(found, wanted)
        changed |= not np.array_equal(found, before)
    assert changed
    with pytest.raises(ValueError, match="holds a run of 4 rounds, 3 were asked for"):
        train_resumably(advance, state, num_rounds=3, folder=tmp_path / "killed")
