"""The drop-ins against the functions of e3nn_jax that they stand in for."""

from typing import Any

import e3nn_jax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.bench.nequip_network import DROP_INS, E3NN, Network, programs, random_graph
from jaxinv.kernels import harmonics
from jaxinv.kernels.tensor_products.harmonics_by_products import harmonics_by_products
from jaxinv.kernels.tensor_products.irreps_product import Copies, Path, irreps_product
from jaxinv.nn import e3nn
from tests.duties import FLOAT, X64
from tests.symmetry import assert_equivariant, assert_not_equivariant

# Its annotations are narrower than what it takes.
original: Any = e3nn_jax
ROUNDING = 1e-12 if X64 else 1e-5
FACTORS = [
    ("0e + 1o", "0e + 1o + 2e"),
    ("2x0e + 2x0o + 2x1o + 2x1e + 2x2e + 2x2o", "0e + 1o + 2e"),
    ("0e + 1o", "3x0e + 3x1o"),
    ("2x1e + 0o + 3x2o + 1e + 2x0o", "2x1o + 1e + 1o + 3x0e"),
    ("4x3e", "2x2o"),
]


@pytest.fixture(autouse=True)
def as_e3nn_wants():
    """It promotes ranks."""
    with jax.numpy_rank_promotion("allow"):
        yield


def normal(irreps, *lead, seed=0):
    irreps = original.Irreps(irreps)
    return original.IrrepsArray(
        irreps, jnp.asarray(np.random.default_rng(seed).normal(size=(*lead, irreps.dim)), FLOAT)
    )


def assert_same(found, wanted, bound=ROUNDING):
    assert (found.irreps, found.zero_flags) == (wanted.irreps, wanted.zero_flags)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    assert [chunk is None for chunk in found.chunks] == [chunk is None for chunk in wanted.chunks]
    scale = max(1.0, np.abs(np.asarray(wanted.array, float)).max(initial=0))
    np.testing.assert_allclose(np.asarray(found.array, float), np.asarray(wanted.array, float), atol=bound * scale)


def assert_agree(name, *arguments, **options):
    """In one program each, where e3nn would compile operation after operation; flags of zeros do not get out."""
    found, wanted = (
        jax.jit(lambda *arguments, module=module: getattr(module, name)(*arguments, **options))(*arguments)
        for module in (e3nn, original)
    )
    assert_same(found, wanted)


@pytest.mark.parametrize("factors", FACTORS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"irrep_normalization": "norm", "regroup_output": False},
        {"irrep_normalization": "none", "filter_ir_out": "0e + 1o + 2e"},
        {"filter_ir_out": ["1e", "2o", original.Irrep("0o")]},
    ],
)
def test_products_are_those_of_e3nn(factors, options):
    x, y = normal(factors[0], 3), normal(factors[1], 3, seed=1)
    assert_agree("tensor_product", x, y, **options)
    assert e3nn.tensor_product(*factors, **options) == original.tensor_product(*factors, **options)


def test_normalizations_differ_and_the_default_is_the_configuration():
    x, y = normal("1o + 2e"), normal("1o", seed=1)
    default, norm = (e3nn.tensor_product(x, y, irrep_normalization=name) for name in (None, "norm"))
    assert float(jnp.abs(default.array - norm.array).max()) > 0.1
    original.config("irrep_normalization", "norm")
    try:
        assert_same(e3nn.tensor_product(x, y), norm)
    finally:
        original.config("irrep_normalization", "component")


@pytest.mark.parametrize("regroup", [True, False])
def test_chunks_known_to_be_zero_stay_known(regroup):
    x, y = normal("2x1o + 0e + 2x1o + 2x0e", 2), normal("1o + 2x2e", 2, seed=1)
    x = original.from_chunks(x.irreps, [x.chunks[0], None, None, None], (2,))
    y = original.from_chunks(y.irreps, [None, y.chunks[1]], (2,))
    found = e3nn.tensor_product(x, y, regroup_output=regroup)
    assert any(found.zero_flags)
    assert_same(found, original.tensor_product(x, y, regroup_output=regroup))
    nothing = original.zeros(x.irreps, (2,), FLOAT)
    assert_same(e3nn.tensor_product(nothing, y), original.tensor_product(nothing, y))


@pytest.mark.parametrize("leads", [((), (3,)), ((4, 1), (3,)), ((2, 3), (1, 1)), ((0,), (1,)), ((), ())])
def test_leading_axes_broadcast(leads):
    x, y = (normal("2x0e + 1o", *lead, seed=seed) for seed, lead in enumerate(leads))
    assert_agree("tensor_product", x, y)


def test_plain_arrays_are_scalars_and_integers_become_floats():
    x = normal("0e + 1o", 2)
    for y in (jnp.arange(6.0, dtype=FLOAT).reshape(2, 3), jnp.arange(6).reshape(2, 3)):
        assert_same(e3nn.tensor_product(x, y), original.tensor_product(x, y))
    assert_same(
        e3nn.tensor_product(jnp.arange(2), jnp.arange(3)), original.tensor_product(jnp.arange(2), jnp.arange(3))
    )


def test_bfloat16_is_summed_in_float32():
    x, y = (normal("4x1o", 20, seed=seed).astype(jnp.bfloat16) for seed in (0, 1))
    exact = original.tensor_product(x.astype(jnp.float32), y.astype(jnp.float32))
    # One rounding, of the result, half of 2^-8 relative.
    found = e3nn.tensor_product(x, y)
    assert found.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(found.array, float), exact.array, rtol=2**-8, atol=1e-5)


def test_derivatives_of_products_are_those_of_e3nn():
    x, y = normal(FACTORS[1][0], 4), normal(FACTORS[1][1], 4, seed=1)

    def derivatives(module):
        def energy(x, y):
            return jnp.sum(jnp.sin(module.tensor_product(x, y, filter_ir_out="0e + 1o").array))

        def force(x, y):
            return jnp.sum(jnp.cos(jax.grad(energy, 1)(x, y).array))

        return jax.jit(lambda x, y: (jax.grad(energy, (0, 1))(x, y), jax.grad(force, (0, 1))(x, y)))(x, y)

    for found, wanted in zip(*map(jax.tree.leaves, map(derivatives, (e3nn, original))), strict=True):
        np.testing.assert_allclose(found, wanted, atol=10 * ROUNDING * float(jnp.abs(wanted).max()))


def test_the_kernel_maps_over_a_batch_and_differentiates_in_both_modes():
    irreps = [Copies(2, 0), Copies(2, 1)]
    paths = [Path(0, 0, 0), Path(0, 1, 1), Path(1, 1, 2)]
    x, y = (normal("2x0e + 2x1o", 3, seed=seed).array for seed in (0, 1))

    def product(x, y):
        return irreps_product(x, y, irreps, irreps, paths)

    np.testing.assert_allclose(jax.vmap(product)(x, y), product(x, y), atol=ROUNDING)
    forward, reverse = (jax.jit(jac(product))(x[0], y[0]) for jac in (jax.jacfwd, jax.jacrev))
    np.testing.assert_allclose(forward, reverse, atol=ROUNDING)
    for bad, message in (
        (lambda: irreps_product(x, y, irreps, irreps, [Path(0, 1, 2)]), "paths must lead to a degree"),
        (lambda: irreps_product(x[:, 1:], y, irreps, irreps, paths), "x1 must have the sizes"),
        (lambda: irreps_product(x, y, irreps, irreps, paths, normalization="unit"), "normalization must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            bad()
    with pytest.raises(TypeError, match="x2 must be floating point"):
        irreps_product(x, y.astype(int), irreps, irreps, paths)


def turn(key):
    return jnp.asarray(original.rand_matrix(key), FLOAT)


def test_products_turn_with_their_factors():
    pair = normal("2x0e + 2x1o", 3), normal("1o", 3, seed=1)
    irreps = e3nn.tensor_product(*(x.irreps for x in pair))

    @jax.jit
    def act(rotation, pair):
        return tuple(x.transform_by_matrix(rotation) for x in pair)

    @jax.jit
    def act_out(rotation, array):
        return original.IrrepsArray(irreps, array).transform_by_matrix(rotation).array

    @jax.jit
    def product(pair):
        return e3nn.tensor_product(*pair).array

    assert_equivariant(product, pair, turn, act_in=act, act_out=act_out, exactness="exact", num_elements=3)
    assert_not_equivariant(
        lambda pair: jnp.roll(product(pair), 1, -1), pair, turn, act_in=act, act_out=act_out, delta=0.1, num_elements=3
    )


@pytest.mark.parametrize(("normalize", "normalization"), [(True, None), (True, "norm"), (False, "integral")])
@pytest.mark.parametrize("irreps", ["0e + 1o + 2e", "2x1o + 0e", 2, [0, 1, 3], range(6), "5o", original.Irreps("2e")])
def test_harmonics_are_those_of_e3nn(irreps, normalize, normalization):
    vectors = normal("1o", 4)
    vectors = original.IrrepsArray("1o", vectors.array.at[0].set(0))
    found = e3nn.spherical_harmonics(irreps, vectors, normalize, normalization, algorithm=("recursive", "dense"))
    assert_same(found, original.spherical_harmonics(irreps, vectors, normalize, normalization))


def test_harmonics_of_pseudovectors_and_of_arrays():
    pseudo = normal("1e", 2, 3)
    for irreps in ("1e + 2e", 3, [1, 2]):
        assert_same(e3nn.spherical_harmonics(irreps, pseudo, True), original.spherical_harmonics(irreps, pseudo, True))
    found = e3nn.spherical_harmonics("1o + 2e", pseudo.array, True)
    assert_same(found, original.spherical_harmonics("1o + 2e", pseudo.array, True))
    for call, message in (
        (lambda: e3nn.spherical_harmonics("1o", pseudo, True), "irreps_out must have parity"),
        (lambda: e3nn.spherical_harmonics("2o", pseudo.array, True), "irreps_out must have parity"),
        (lambda: e3nn.spherical_harmonics(2, pseudo.array, True), "input must be an IrrepsArray"),
        (lambda: e3nn.spherical_harmonics(2, normal("2x1o"), True), "input must be a single vector"),
        (lambda: e3nn.spherical_harmonics("2e", pseudo.array[..., :2], True), "vectors must have shape"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_harmonics_by_products_are_those_by_recursion():
    vectors = normal("1o", 5).array.at[0].set(0)
    for normalize in (True, False):
        found = harmonics_by_products(vectors, 6, normalize=normalize)
        wanted = harmonics.spherical_harmonics(vectors, 6, normalize=normalize)
        np.testing.assert_allclose(found, wanted, atol=ROUNDING * float(jnp.abs(wanted).max()))
    slopes = [jax.jit(jax.jacfwd(f))(vectors[:2]) for f in (lambda v: harmonics_by_products(v, 2), _by_recursion)]
    np.testing.assert_allclose(*slopes, atol=10 * ROUNDING)
    assert not np.any(slopes[0][0])


def _by_recursion(vectors):
    return harmonics.spherical_harmonics(vectors, 2)


@pytest.mark.parametrize(
    ("first", "second"),
    [("2x0e + 2x0o", "3x1o + 2e"), ("1o + 2x2e", "0o + 2x0e"), ("4x0e", "2x0o + 2x1e"), ("1o + 1e", "2x1o")],
)
def test_elementwise_products_are_those_of_e3nn(first, second):
    if original.Irreps(first).num_irreps != original.Irreps(second).num_irreps:
        with pytest.raises(ValueError, match="same number of irreps"):
            e3nn.elementwise_tensor_product(normal(first), normal(second))
        return
    for x, y in ((normal(first, 3), normal(second, 3, seed=1)), (normal(first), normal(second, 2, 3))):
        assert_agree("elementwise_tensor_product", x, y)
    x = original.from_chunks(x.irreps, [None, *x.chunks[1:]], x.shape[:-1], FLOAT)
    assert_same(e3nn.elementwise_tensor_product(x, y), original.elementwise_tensor_product(x, y))
    options = {"filter_ir_out": "1o", "irrep_normalization": "norm"}
    assert_same(e3nn.elementwise_tensor_product(x, y, **options), original.elementwise_tensor_product(x, y, **options))


@pytest.mark.parametrize("irreps", ["5x0e + 2x0o + 2x1o + 2e", "3x0e + 3x0o + 2x1o + 1e", "2x0e + 0o", "0o + 0e + 1o"])
def test_gates_are_those_of_e3nn(irreps):
    x = normal(irreps, 3)
    assert_agree("gate", x)
    assert e3nn.gate(irreps) == original.gate(irreps)
    options = {"even_act": jnp.tanh, "odd_act": jnp.abs, "normalize_act": False}
    assert_agree("gate", x, **options)


def test_gates_keep_zeros_and_refuse_what_they_cannot_do():
    x = normal("4x0e + 2x0o + 2x1o + 2x1e", 3)
    x = original.from_chunks(
        "2x0e + 2x0o + 4x0e + 2x1o + 2x1e", [x.chunks[0][:, :2], None, *x.chunks[:1], None, x.chunks[3]], (3,)
    )
    assert_same(e3nn.gate(x), original.gate(x))
    with pytest.raises(ValueError, match="a scalar for every irrep"):
        e3nn.gate(normal("0e + 2x1o"))
    with pytest.raises(ValueError, match="even or odd"):
        e3nn.gate(normal("0o + 0e + 1o"), odd_act=jnp.exp)


@pytest.mark.parametrize(
    "options",
    [
        {"irreps_out": "3x0e + 2x1o + 2x0e + 2e"},
        {"irreps_out": "0o + 3x1o + 2x0e + 2x0e", "force_irreps_out": True, "gradient_normalization": "element"},
        {"irreps_out": "2x0e + 1o", "biases": True},
        {"irreps_out": "2x0e + 1o", "path_normalization": "path"},
    ],
)
def test_linear_layers_are_those_of_e3nn(options):
    x = normal("2x1o + 3x0e + 1o + 2x1e", 4)
    x = original.from_chunks(x.irreps, [*x.chunks[:3], None], (4,))
    ours, other = e3nn.Linear(**options), original.flax.Linear(**options)
    parameters = other.init(jax.random.key(1), x)
    mine = ours.init(jax.random.key(1), x)
    assert jax.tree.map(jnp.shape, mine) == jax.tree.map(jnp.shape, parameters)
    jax.tree.map(np.testing.assert_array_equal, mine, parameters)
    assert_same(ours.apply(parameters, x), other.apply(parameters, x))


def test_linear_layers_take_weights_and_indices():
    x = normal("2x0e + 2x1o", 4)
    options: Any
    for options, first in (({}, normal("3x0e", 4).array), ({"num_indexed_weights": 3}, jnp.array([0, 2, 1, 1]))):
        ours, other = (layer(original.Irreps("2x0e + 1o"), **options) for layer in (e3nn.Linear, original.flax.Linear))
        parameters = other.init(jax.random.key(1), first, x)
        assert_same(ours.apply(parameters, first, x), other.apply(parameters, first, x))


def test_a_network_has_equal_energies_forces_and_gradients():
    graph, cutoff = random_graph(2, neighbours=5)
    options = {"num_channels": 4, "num_layers": 2, "cutoff": cutoff}
    networks = [Network(functions, **options) for functions in (DROP_INS, E3NN)]
    parameters = jax.jit(networks[1].init)(jax.random.key(0), graph)
    assert jax.tree.structure(jax.eval_shape(networks[0].init, jax.random.key(0), graph)) == jax.tree.structure(
        parameters
    )

    def everything(network):
        forces, step = (programs(network)[name] for name in ("energy and forces", "training step"))
        return jax.jit(lambda *arguments: (forces(*arguments), step(*arguments)))(parameters, graph)

    results = [jax.tree.leaves(everything(network)) for network in networks]
    assert all(float(jnp.abs(leaf).max()) > 1e-3 for leaf in results[1][:2])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5 * float(jnp.abs(wanted).max()))
