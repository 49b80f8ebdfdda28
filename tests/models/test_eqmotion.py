"""EqMotion: it turns and moves with the past in the plane and in space, and its depth costs no compilation."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.models import EqMotion
from tests.symmetrization.test_motion import act, motions
from tests.symmetry import assert_equivariant, assert_not_equivariant

PAST, FUTURE, AGENTS = 4, 3, 4


@functools.cache
def network(*, dtype=None, num_heads=None):
    """A network with a category that does not act, split."""
    sizes: dict[str, Any] = {"num_features": 8, "num_channels": 5, "num_layers": 2, "num_categories": 3, "num_idle": 1}
    return nnx.split(EqMotion(PAST, FUTURE, **sizes, num_heads=num_heads, dtype=dtype, rngs=nnx.Rngs(0)))


def predict(*, past, mask=None, **options):
    graphdef, params = network(**options)
    return jax.jit(lambda x, mask: nnx.merge(graphdef, params)(x, mask=mask))(past, mask)


def past_of(d, agents=AGENTS):
    return jnp.asarray(np.random.default_rng(0).normal(size=(agents, PAST, d)), jnp.float32)


@pytest.mark.parametrize("d", [2, 3])
def test_predictions_turn_and_move_with_the_past(d, full_precision):
    graphdef, params = network()
    future = jax.jit(lambda x: nnx.merge(graphdef, params)(x))
    exactness = {"exactness": "statistical", "bound": 1e-4}
    past = past_of(d)
    assert_equivariant(lambda x: future(x).positions, past, motions(d), act_in=act, act_out=act, **exactness)
    assert_equivariant(
        lambda x: future(x).categories,
        past,
        motions(d),
        act_in=act,
        act_out=lambda element, x: x[element[2]][:, element[2]],
        **exactness,
    )
    # Negative control: the shift is left out of what is wanted.
    assert_not_equivariant(
        lambda x: future(x).positions,
        past,
        motions(d),
        act_in=act,
        act_out=lambda element, x: act((element[0], 0 * element[1], element[2]), x),
        delta=1e-2,
    )


def test_heads_and_padding(full_precision):
    past, mask = past_of(3, 3), jnp.arange(5) < 3
    padded = jnp.concatenate([past, jnp.full((2, PAST, 3), 9.0)])
    wanted, found = predict(past=past, num_heads=2), predict(past=padded, mask=mask, num_heads=2)
    assert wanted.positions.shape == (2, 3, FUTURE, 3)
    np.testing.assert_allclose(found.positions[:, :3], wanted.positions, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.categories[:3, :3], wanted.categories, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(found.positions[:, 3:], 0)
    # Heads are drawn apart from each other.
    assert float(jnp.max(jnp.abs(wanted.positions[0] - wanted.positions[1]))) > 1e-3


def test_low_precision_is_near():
    past = past_of(3)
    exact, found = predict(past=past), predict(past=past, dtype=jnp.bfloat16)
    assert (found.positions.dtype, found.categories.dtype) == (jnp.float32, jnp.bfloat16)
    scale = float(jnp.max(jnp.abs(exact.positions)))
    np.testing.assert_allclose(found.positions, exact.positions, rtol=0, atol=0.05 * scale)
    assert float(jnp.max(jnp.abs(found.positions - exact.positions))) > 0


def test_depth_costs_no_compilation():
    counts = []
    for num_layers in (1, 5):
        sizes = {"num_features": 4, "num_channels": 2, "num_layers": num_layers}
        graphdef, params = nnx.split(
            nnx.eval_shape(lambda sizes=sizes: EqMotion(PAST, FUTURE, **sizes, rngs=nnx.Rngs(0)))
        )
        loss = jax.grad(lambda p, x, graphdef=graphdef: jnp.sum(nnx.merge(graphdef, p)(x).positions))
        counts.append(str(jax.make_jaxpr(loss)(params, past_of(2))).count("="))
    assert counts[0] == counts[1]


def test_wrong_sizes():
    graphdef, params = network()
    with pytest.raises(ValueError, match=r"positions must have shape \(..., N, 4, D\)"):
        nnx.merge(graphdef, params)(jnp.ones((3, 5, 2)))

    def make(**options: Any):
        return EqMotion(**{"num_past": 4, "num_future": 2, **options}, rngs=nnx.Rngs(0))

    for options, message in (
        ({"num_past": 1}, "num_past"),
        ({"num_features": 5}, "num_features must be even"),
        ({"num_idle": 2}, "num_idle must be"),
        ({"num_heads": 0}, "num_heads"),
        ({"num_layers": 0}, "num_layers"),
    ):
        with pytest.raises(ValueError, match=message):
            make(**options)
