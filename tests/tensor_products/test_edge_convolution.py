"""Convolutions along edges: the aligned frame against the products in the fixed frame, at the poles and at length 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import harmonics
from jaxinv.kernels import tensor_products as kernels
from jaxinv.kernels.tensor_products.path_coefficients import path_coefficients
from tests.duties import FLOAT, X64
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.tensor_products.test_sphere_products import assert_close, rotation, signal

# Random directions, both poles, next to a pole, the equator, and two lengths far from 1.
VECTORS = np.concatenate(
    [
        np.random.default_rng(0).normal(size=(4, 3)),
        [[0, 1, 0], [0, -1, 0], [1e-4, -1, 0], [0, 0, 2], [1, 1e-7, 0], [3e-6, 0, 4e-6], [3e5, -4e5, 0]],
    ]
)
LMAX, LMAX_FILTER, LMAX_OUT = 2, 3, 3
NUM_PATHS = len(kernels.tensor_product_paths(LMAX, LMAX_FILTER, LMAX_OUT))


def problem(weights_lead):
    generator = np.random.default_rng(1)
    x = generator.normal(size=(len(VECTORS), 2, (LMAX + 1) ** 2))
    weights = generator.normal(size=(*weights_lead, NUM_PATHS))
    return tuple(jnp.asarray(a, FLOAT) for a in (x, VECTORS[:, None], weights))


def in_frame(x, vectors, weights):
    return kernels.so2_convolution(x, vectors, weights, lmax_filter=LMAX_FILTER, lmax_out=LMAX_OUT)


def in_space(x, vectors, weights):
    filters = harmonics.spherical_harmonics(vectors, LMAX_FILTER)
    return kernels.clebsch_gordan_tensor_product(x, filters, weights, lmax_out=LMAX_OUT)


@pytest.mark.parametrize("weights_lead", [(), (2,), (len(VECTORS), 2)], ids=["shared", "channels", "edges"])
def test_the_aligned_frame_gives_every_path_and_its_derivatives(weights_lead):
    arguments = problem(weights_lead)
    probe = jnp.asarray(np.random.default_rng(2).normal(size=(len(VECTORS), 2, (LMAX_OUT + 1) ** 2)), FLOAT)

    def value_and_gradients(function):
        return jax.jit(jax.value_and_grad(lambda *a: jnp.sum(probe * function(*a)), (0, 1, 2)))(*arguments)

    assert_close(in_frame(*arguments), in_space(*arguments), 1e-12 if X64 else 1e-5)
    (_, found), (_, wanted) = value_and_gradients(in_frame), value_and_gradients(in_space)
    for own, other in zip(found, wanted, strict=True):
        # The gradient in a vector grows as its length shrinks: each row by its own size.
        size = np.maximum(np.abs(np.asarray(other)).max(axis=-1, keepdims=True), 1e-9)
        np.testing.assert_allclose(own / size, other / size, rtol=0, atol=1e-10 if X64 else 2e-5)


def test_the_gaunt_filter_is_so2_convolution_with_gaunt_weights():
    x, vectors, _ = problem(())
    filters = jnp.asarray(np.random.default_rng(3).normal(size=(len(VECTORS), 1, LMAX_FILTER + 1)), FLOAT)
    coefficients = path_coefficients("gaunt", LMAX, LMAX_FILTER, LMAX_OUT, "component", False)
    paths = kernels.tensor_product_paths(LMAX, LMAX_FILTER, LMAX_OUT)
    weights = jnp.asarray([coefficients.get(path, 0.0) / np.sqrt(2 * path[2] + 1) for path in paths], FLOAT)
    weights = weights[None, None] * filters[..., np.array([path[1] for path in paths])]
    found = kernels.edge_convolution(x, vectors, filters, lmax_out=LMAX_OUT)
    assert_close(found, in_frame(x, vectors, weights), 1e-12 if X64 else 1e-5)


@pytest.mark.parametrize("length", [0.0, 1e-30])
def test_an_edge_without_length_keeps_filter_degree_0_with_finite_gradients(length):
    x, _, weights = problem(())
    vector = jnp.asarray([0.6 * length, 0.0, 0.8 * length], FLOAT)
    functions = {
        "gaunt": lambda x, v: kernels.edge_convolution(x, v, jnp.ones(4, FLOAT), lmax_out=3),
        "so2": lambda x, v: in_frame(x, v, weights),
    }
    for function in functions.values():
        value, gradients = jax.value_and_grad(lambda *a, f=function: jnp.sum(f(*a) ** 2), (0, 1))(x, vector)
        assert np.isfinite(value)
        assert all(np.all(np.isfinite(gradient)) for gradient in gradients)
        if length:
            assert_close(function(x, vector), function(x, vector / length), 1e-12 if X64 else 1e-5)
        else:
            assert_close(function(x, vector)[..., 9:], jnp.zeros((*x.shape[:-1], 7)))
            np.testing.assert_array_equal(gradients[1], 0.0)
    if not length:
        assert_close(functions["gaunt"](x, vector)[..., :9], x)


@pytest.mark.parametrize("function", [in_frame, lambda x, v, w: kernels.edge_convolution(x, v, w[:4])])
def test_convolutions_turn_with_features_and_edges(function):
    x, vectors, weights = problem(())

    def act(element, value):
        features, edges = value
        return harmonics.rotate(features, element), edges @ element.T

    def act_out(element, value):
        return harmonics.rotate(value, element)

    def edges_alone(element, value):
        return value[0], value[1] @ element.T

    convolution = jax.jit(lambda pair: function(*pair, weights))
    assert_equivariant(convolution, (x, vectors), rotation, act_in=act, act_out=act_out, exactness="exact")
    assert_not_equivariant(convolution, (x, vectors), rotation, act_in=edges_alone, act_out=act_out, delta=0.1)


def test_features_of_one_edge_without_channels():
    x = signal(LMAX)
    _, vectors, weights = problem(())
    assert_close(in_frame(x, vectors[:, 0], weights)[3], in_space(x, vectors[3, 0], weights), 1e-12 if X64 else 1e-5)
    assert_close(in_frame(x, vectors[3], weights)[0], in_space(x, vectors[3, 0], weights), 1e-12 if X64 else 1e-5)
