"""Multipliers: the closed form, linear growth, and plain training while bounds are kept."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxinv.claims.invariance_constrained_augmentation import _two_lines
from jaxinv.training.constrained_augmentation import primal_dual, train_constrained


def test_the_closed_form():
    w, multiplier = _two_lines(np.array([1.0, -3.0]), 4000)
    np.testing.assert_allclose(w, 0, atol=1e-2)
    np.testing.assert_allclose(multiplier, 1, atol=1e-2)


def test_a_bound_out_of_reach_lets_the_multiplier_grow_by_the_slack():
    optimiser = primal_dual(optax.sgd(0.1), [0.5, 0.5], lr_dual=0.25, lam_init=1.0)
    state: Any = optimiser.init(jnp.zeros(()))
    for _ in range(3):
        _, state = optimiser.update(jnp.zeros(()), state, constraints=jnp.array([1.5, 0.25]))
    np.testing.assert_allclose(state.lam, [1 + 3 * 0.25, 1 - 3 * 0.25 * 0.25], rtol=1e-6)
    assert state.violated.tolist() == [3, 0]


@pytest.mark.parametrize("eps", [[0.0], [0.3, -1.0]])
def test_bounds_are_above_zero(eps):
    with pytest.raises(ValueError, match="eps must hold one bound > 0"):
        primal_dual(optax.sgd(0.1), eps, lr_dual=0.1)


def _train(families, eps, lam_init=0.0):
    generator = np.random.default_rng(0)
    examples = jnp.asarray(generator.normal(size=(20, 3)), float), jnp.asarray(generator.normal(size=20), float)
    return train_constrained(
        jax.random.key(0),
        lambda w, x, y: (x @ w - y) ** 2,
        jnp.zeros(3),
        primal_dual(optax.adam(0.1), eps, lr_dual=0.1, lam_init=lam_init),
        examples,
        families,
        num_steps=10,
        batch_size=4,
    )


def _flip(key, x):
    sign = jax.random.rademacher(key, (len(x), 1), x.dtype)
    return sign * x, sign


def test_training_is_plain_while_bounds_are_kept():
    """And is not once a multiplier is above 0."""
    plain, _, seen = _train((), ())
    kept, state, history = _train((_flip,), (100.0,))
    tolerance = 1e-5 if plain.dtype == jnp.float32 else 1e-12
    np.testing.assert_allclose(kept, plain, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(history.clean, seen.clean, rtol=tolerance)
    assert state.lam.tolist() == [0.0]
    assert history.augmented.shape == (10, 1)
    tight, state, _ = _train((_flip,), (0.01,))
    assert float(state.lam[0]) > 0
    assert float(jnp.max(jnp.abs(tight - plain))) > 1e-2
