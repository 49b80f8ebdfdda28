"""iTransformer follows its series, however many there are; the Transformer on times does not."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels.permutations import rlinear
from jaxinv.models import ITransformer, TimeTransformer
from jaxinv.nn import DLinear, RLinear
from tests.symmetry import assert_equivariant, assert_not_equivariant

PAST, FUTURE, SERIES = 8, 3, 5
SIZES: dict[str, Any] = {"width": 8, "num_layers": 2, "num_heads": 2, "num_hidden": 6}


@functools.cache
def network(**options):
    return nnx.split(ITransformer(PAST, FUTURE, **SIZES, **options, rngs=nnx.Rngs(0)))


@functools.cache
def compiled(**options):
    graphdef, params = network(**options)
    return jax.jit(lambda x, **more: nnx.merge(graphdef, params)(x, **more))


def series(num=SERIES, batch=()):
    return jnp.asarray(np.random.default_rng(0).normal(size=(*batch, PAST, num)), jnp.float32)


def permuted(order, x):
    return x[..., order]


def test_futures_follow_a_permutation_of_the_series(full_precision):
    action = {"sample": lambda key: jax.random.permutation(key, SERIES), "act_in": permuted, "act_out": permuted}
    assert_equivariant(compiled(), series(), **action, exactness="exact")
    graphdef, params = nnx.split(TimeTransformer(PAST, FUTURE, SERIES, **SIZES, rngs=nnx.Rngs(0)))
    by_times = jax.jit(lambda x: nnx.merge(graphdef, params)(x))
    assert by_times(series()).shape == (FUTURE, SERIES)
    assert_not_equivariant(by_times, series(), **action, delta=1e-2)


def test_futures_scale_and_shift_with_the_past(full_precision):
    x, scale, shift = series(), jnp.arange(1.0, SERIES + 1)[None], jnp.arange(0.0, SERIES)[None]
    found, wanted = compiled()(scale * x + shift), scale * compiled()(x) + shift
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-3)
    other = compiled(normalize=False)
    assert float(jnp.max(jnp.abs(other(scale * x + shift) - scale * other(x) - shift))) > 0.1


def test_padding_and_any_number_of_series(full_precision):
    x, mask = series(batch=(2,)), jnp.asarray([[True] * 5, [True] * 2 + [False] * 3])
    marks = series(2, batch=(2,))
    found = compiled()(jnp.where(mask[:, None], x, 9.0), marks=marks, mask=mask)
    assert found.shape == (2, FUTURE, SERIES)
    np.testing.assert_array_equal(found[1, :, 2:], 0)
    alone = compiled()(x[1, :, :2], marks=marks[1])
    np.testing.assert_allclose(found[1, :, :2], alone, rtol=0, atol=1e-5)
    # What the calendar says is heard.
    assert float(jnp.max(jnp.abs(alone - compiled()(x[1, :, :2])))) > 1e-3
    nobody = compiled()(x, marks=marks, mask=jnp.zeros_like(mask))
    np.testing.assert_array_equal(nobody, 0)


def test_low_precision_is_near():
    exact, found = compiled()(series()), compiled(dtype=jnp.bfloat16)(series())
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, exact, rtol=0, atol=0.05 * float(jnp.max(jnp.abs(exact))))
    assert float(jnp.max(jnp.abs(found - exact))) > 0


def test_dropout_is_drawn_by_the_key():
    one, same, other = (compiled()(series(), key=jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert float(jnp.max(jnp.abs(one - other))) > 1e-3
    assert float(jnp.max(jnp.abs(one - compiled()(series())))) > 1e-3


def test_depth_costs_no_compilation():
    counts = []
    for num_layers in (1, 5):
        sizes = SIZES | {"num_layers": num_layers}
        graphdef, params = nnx.split(
            nnx.eval_shape(lambda sizes=sizes: ITransformer(PAST, FUTURE, **sizes, rngs=nnx.Rngs(0)))
        )
        loss = jax.grad(lambda p, x, graphdef=graphdef: jnp.sum(nnx.merge(graphdef, p)(x)))
        counts.append(str(jax.make_jaxpr(loss)(params, series())).count("="))
    assert counts[0] == counts[1]


def test_linear_layers_call_their_kernels():
    x, linear = series(), RLinear(PAST, FUTURE, rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(linear(x), rlinear(x, linear.linear.kernel[...], linear.linear.bias[...]))
    assert DLinear(PAST, FUTURE, width=3, rngs=nnx.Rngs(0))(x).shape == (FUTURE, SERIES)


def test_wrong_sizes():
    graphdef, params = network()
    model = nnx.merge(graphdef, params)
    for call, message in (
        (lambda: model(series()[1:]), r"x must have shape \(..., 8, 1 or more\)"),
        (lambda: model(series()[:, :0]), "x must have shape"),
        (lambda: model(series(), marks=series()[1:]), "marks must have shape"),
        (lambda: model(series(), mask=jnp.ones(3, bool)), "mask must have shape"),
        (lambda: ITransformer(8, 0, rngs=nnx.Rngs(0)), "num_future must be"),
        (lambda: ITransformer(8, 2, width=6, num_heads=4, rngs=nnx.Rngs(0)), "num_heads must divide width 6"),
        (lambda: ITransformer(8, 2, num_layers=0, rngs=nnx.Rngs(0)), "num_layers must be"),
        (lambda: TimeTransformer(8, 2, 0, rngs=nnx.Rngs(0)), "num_series must be"),
        (
            lambda: TimeTransformer(PAST, FUTURE, 3, **SIZES, rngs=nnx.Rngs(0))(series()),
            r"x must have shape \(..., 8, 3\)",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
