"""Layers: the kernel they call, their symmetry, the variance they keep, dtypes, and that they train."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv import nn
from jaxinv.kernels import harmonics, tensor_products
from tests.duties import FLOAT
from tests.symmetry import assert_equivariant, assert_not_equivariant

CHANNELS, LMAX, NODES, EDGES, RADIAL = 3, 2, 5, 12, 4
EVEN = {"even": True}


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def make(name, **options):
    """A layer, and arguments for it: first those that turn (features, then vectors), then invariants."""
    rngs = nnx.Rngs(0)
    x, y = normal(NODES, CHANNELS, 9), normal(NODES, CHANNELS, 9, seed=1)
    senders, receivers = (jnp.asarray(np.random.default_rng(i).integers(0, NODES, EDGES), jnp.int32) for i in (2, 3))
    vectors, radial = normal(EDGES, 3, seed=4), normal(EDGES, RADIAL, seed=5)
    if name == "IrrepsLinear":
        return nn.IrrepsLinear(CHANNELS, 6, LMAX, rngs=rngs, **options), (x,), (), ()
    if name == "ManyBody":
        return nn.ManyBody(3, CHANNELS, LMAX, rngs=rngs, **options), (x,), (), ()
    if name == "SymmetricContraction":
        layer = nn.SymmetricContraction(3, 2, CHANNELS, LMAX, LMAX, rngs=rngs, **options)
        return layer, (x,), (), (jnp.arange(NODES) % 2,)
    if name == "FullyConnectedTensorProduct":
        made = nn.FullyConnectedTensorProduct(CHANNELS, CHANNELS, 4, LMAX, LMAX, LMAX, rngs=rngs, **EVEN, **options)
        return made, (x, y), (), ()
    if name == "TensorProduct":
        return nn.TensorProduct(CHANNELS, LMAX, LMAX, LMAX, rngs=rngs, **EVEN, **options), (x, y), (), ()
    if name in ("GauntTensorProduct", "CompleteTensorProduct"):
        return getattr(nn, name)(CHANNELS, LMAX, LMAX, LMAX, rngs=rngs, **options), (x, y), (), ()
    if name == "EdgeConvolution":
        layer = nn.EdgeConvolution(CHANNELS, RADIAL, LMAX, LMAX, rngs=rngs, **options)
        return layer, (x[senders],), (vectors,), (radial,)
    if name == "ChannelwiseConvolution":
        layer = nn.ChannelwiseConvolution(CHANNELS, RADIAL, LMAX, LMAX, LMAX, rngs=rngs, **EVEN, **options)
        return layer, (x, harmonics.spherical_harmonics(vectors, LMAX)), (), (radial, senders, receivers)
    return nn.Gate(), (x,), (), (normal(NODES, CHANNELS, LMAX, seed=6),)


LAYERS = [
    "IrrepsLinear",
    "ManyBody",
    "SymmetricContraction",
    "FullyConnectedTensorProduct",
    "TensorProduct",
    "GauntTensorProduct",
    "CompleteTensorProduct",
    "EdgeConvolution",
    "ChannelwiseConvolution",
    "Gate",
]


def call(layer, features, vectors, invariants):
    result = layer(*features, *vectors, *invariants)
    # The odd half is of the other parity.
    return result.gaunt if isinstance(result, tensor_products.CompleteProduct) else result


def sample(key):
    """Rotations and rotations with an inversion."""
    matrix, _ = np.linalg.qr(np.asarray(jax.random.normal(key, (3, 3)), float))
    return jnp.asarray(matrix, FLOAT)


def turn(matrix, x):
    sign = jnp.sign(jnp.linalg.det(matrix))
    parity = jnp.repeat(sign ** jnp.arange(LMAX + 1), np.array([1, 3, 5]), total_repeat_length=9)
    return harmonics.rotate(x, matrix * sign) * parity.reshape((1,) * (x.ndim - 1) + (9,))


@pytest.mark.parametrize("name", LAYERS)
def test_layers_turn_and_invert_with_their_inputs(name):
    layer, features, vectors, invariants = make(name)

    def act(matrix, point):
        return [turn(matrix, x) for x in point[0]], [v @ matrix.T for v in point[1]]

    arguments = {"sample": sample, "act_out": turn, "num_elements": 3}
    point = (list(features), list(vectors))
    plain = lambda p: call(layer, p[0], p[1], invariants)  # noqa: E731
    assert_equivariant(plain, point, act_in=act, exactness="exact", **arguments)
    shifted = lambda p: call(layer, [x + 0.5 for x in p[0]], p[1], invariants)  # noqa: E731
    assert_not_equivariant(shifted, point, act_in=act, delta=1e-2, **arguments)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_compute_in_their_dtype_and_train(name):
    options = {} if name == "Gate" else {"dtype": jnp.bfloat16}
    layer, features, vectors, invariants = make(name, **options)
    full, *_ = make(name)
    wanted = call(full, features, vectors, invariants)
    low = [x.astype(jnp.bfloat16) for x in features]
    found = call(layer, low, vectors, invariants)
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(found.astype(FLOAT), wanted, atol=0.05 * float(jnp.abs(wanted).max()))
    graph, state = nnx.split(make(name)[0])

    @jax.jit
    def loss(state):
        return jnp.sum(call(nnx.merge(graph, state), features, vectors, invariants) ** 2)

    for gradient in jax.tree.leaves(jax.grad(loss)(state)):
        assert bool(jnp.any(gradient != 0))
        assert bool(jnp.all(jnp.isfinite(gradient)))


@pytest.mark.parametrize(
    ("layer", "num_factors"),
    [
        (nn.IrrepsLinear(64, 64, LMAX, rngs=nnx.Rngs(0)), 1),
        (nn.TensorProduct(64, LMAX, LMAX, LMAX, rngs=nnx.Rngs(0)), 2),
        (nn.TensorProduct(64, LMAX, LMAX, LMAX, even=True, rngs=nnx.Rngs(0)), 2),
        (nn.FullyConnectedTensorProduct(16, 16, 64, LMAX, LMAX, LMAX, rngs=nnx.Rngs(0)), 2),
        (nn.GauntTensorProduct(64, LMAX, LMAX, LMAX, rngs=nnx.Rngs(0)), 2),
    ],
)
def test_features_of_unit_variance_stay_so(layer, num_factors):
    channels = 16 if isinstance(layer, nn.FullyConnectedTensorProduct) else 64
    found = layer(*(normal(200, channels, 9, seed=seed) for seed in range(num_factors)))
    variance = np.asarray(found**2).mean(axis=(0, 1))
    # Of 64 drawn weights the mean square is off by 0.18 (one deviation); degree by degree, three.
    assert np.all(np.abs(variance - 1) < 0.55)
    assert abs(variance.mean() - 1) < 0.25


def test_odd_paths_turn_the_parity():
    x, y = normal(NODES, CHANNELS, 9), normal(NODES, CHANNELS, 9, seed=1)
    layer = nn.TensorProduct(CHANNELS, LMAX, LMAX, LMAX, rngs=nnx.Rngs(0))
    arguments = {"sample": lambda key: -jnp.eye(3, dtype=FLOAT), "act_out": turn, "delta": 0.1}
    act = lambda matrix, point: tuple(turn(matrix, z) for z in point)  # noqa: E731
    assert_not_equivariant(lambda point: layer(*point), (x, y), act_in=act, **arguments)


def test_the_radial_basis_ends_at_the_cutoff():
    basis = nn.RadialBasis(4, 2.0)
    found = basis(jnp.array([0.0, 1.0, 2.0, 3.0]))
    assert found.shape == (4, 4)
    np.testing.assert_array_equal(found[2:], 0)
    np.testing.assert_allclose(found[1], harmonics.radial_basis(jnp.array(1.0), 4, cutoff=2.0), rtol=1e-6)
    with pytest.raises(ValueError, match="cutoff"):
        nn.RadialBasis(4, 0.0)(jnp.ones(2))
