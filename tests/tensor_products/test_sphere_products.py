"""Gaunt and Poisson products: identities of functions on the sphere, symmetry, and agreement of all methods."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import harmonics
from jaxinv.kernels import tensor_products as kernels
from jaxinv.kernels.harmonics.degrees import over_components
from jaxinv.kernels.tensor_products.path_coefficients import path_coefficients, variance_factors
from jaxinv.kernels.tensor_products.sphere_quadrature import sphere_quadrature
from tests.duties import FLOAT, X64
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.tensor_products.cases import dense

ROUNDING = 1e-12 if X64 else 1e-5


def signal(lmax, *lead, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(*lead, (lmax + 1) ** 2)), FLOAT)


def assert_close(actual, wanted, bound=ROUNDING):
    wanted = np.asarray(wanted, float)
    np.testing.assert_allclose(actual, wanted, rtol=0, atol=bound * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("normalization", ["component", "norm", "integral"])
@pytest.mark.parametrize("method", ["grid", "separable", "fft", "direct"])
def test_every_method_gives_the_gaunt_product(method, normalization):
    x1, x2 = signal(2, 3, 1), signal(3, 4, seed=1)
    for lmax_out in (5, 2):
        found = kernels.gaunt_tensor_product(x1, x2, lmax_out=lmax_out, method=method, normalization=normalization)
        assert_close(found, dense("gaunt", np.asarray(x1, float), np.asarray(x2, float), lmax_out, normalization))


@pytest.mark.parametrize("lmaxes", [(0, 0, 0), (0, 4, 3), (1, 1, 1), (6, 6, 6), (8, 8, 8)])
def test_the_grid_is_exact(lmaxes):
    lmax1, lmax2, lmax_out = lmaxes
    x1, x2 = signal(lmax1, 2), signal(lmax2, 2, seed=1)
    even, odd = kernels.complete_tensor_product(x1, x2, lmax_out=lmax_out)
    # Both halves, each to the rounding of its own largest component.
    for kind, found in (("gaunt", even), ("poisson", odd)):
        assert_close(found, dense(kind, np.asarray(x1, float), np.asarray(x2, float), lmax_out))
    assert_close(kernels.gaunt_tensor_product(x1, x2, lmax_out=lmax_out, method="grid"), even)
    assert_close(kernels.poisson_tensor_product(x1, x2, lmax_out=lmax_out, method="grid"), odd)
    assert_close(kernels.poisson_tensor_product(x1, x2, lmax_out=lmax_out, method="direct"), odd)


@pytest.mark.parametrize("band", [3, 12, 24, 30, 131, 133])
def test_quadratures_integrate_their_band(band):
    rule = sphere_quadrature(band)
    sine = np.sqrt(1 - np.minimum(rule.cosine**2, 1.0))
    for coordinate in (rule.cosine, sine * np.sin(rule.azimuth), sine * np.cos(rule.azimuth)):
        for power in {band, band - 1}:
            wanted = 0 if power % 2 else 4 * np.pi / (power + 1)
            np.testing.assert_allclose(rule.weights @ coordinate**power, wanted, rtol=1e-11, atol=1e-13)


def test_weights_of_degrees_broadcast_over_channels():
    x1, x2 = signal(2, 5, 1), signal(1, 5, 3, seed=1)
    weights1, weights2, weights_out = (
        jnp.asarray(np.random.default_rng(2).normal(size=shape), FLOAT) for shape in ((3, 3), (2,), (5, 1, 4))
    )
    for kind, product in (("gaunt", kernels.gaunt_tensor_product), ("poisson", kernels.poisson_tensor_product)):
        found = product(x1, x2, weights1=weights1, weights2=weights2, weights_out=weights_out)
        factors = [
            np.asarray(x, float) * np.asarray(over_components(w), float) for x, w in ((x1, weights1), (x2, weights2))
        ]
        assert found.shape == (5, 3, 16)
        assert_close(found, np.asarray(over_components(weights_out), float) * dense(kind, factors[0], factors[1], 3))


def test_the_constant_function_is_the_identity():
    x = signal(4, 3)
    assert_close(kernels.gaunt_tensor_product(jnp.ones(1, FLOAT), x), x)
    assert_close(kernels.poisson_tensor_product(jnp.ones(1, FLOAT), x), jnp.zeros_like(x))


def test_vectors_give_dot_and_cross_products():
    a, b = (np.random.default_rng(seed).normal(size=3) for seed in (0, 1))
    x, y = (jnp.asarray([0.0, *v], FLOAT) for v in (a, b))
    even, odd = kernels.complete_tensor_product(x, y, lmax_out=1)
    assert_close(even, [a @ b, 0, 0, 0])
    assert_close(odd, [0, *(np.sqrt(3) * np.cross(a, b))])


def test_gaunt_commutes_and_poisson_anticommutes():
    x, y = signal(3), signal(2, seed=1)
    assert_close(kernels.gaunt_tensor_product(x, y), kernels.gaunt_tensor_product(y, x))
    assert_close(kernels.poisson_tensor_product(x, y), -kernels.poisson_tensor_product(y, x))


def test_the_bracket_obeys_jacobi_and_leibniz():
    f, g, h = (signal(2, seed=seed) for seed in range(3))
    bracket, product = kernels.poisson_tensor_product, kernels.gaunt_tensor_product
    cyclic = [bracket(a, bracket(b, c)) for a, b, c in ((f, g, h), (g, h, f), (h, f, g))]
    assert_close(sum(cyclic), jnp.zeros_like(f, shape=49), ROUNDING * float(jnp.abs(cyclic[0]).max()))
    assert_close(bracket(f, product(g, h)), product(bracket(f, g), h) + product(g, bracket(f, h)))


def test_the_triple_integral_is_cyclic():
    f, g, h = (signal(2, seed=seed) for seed in range(3))
    bracket = kernels.poisson_tensor_product
    values = [jnp.sum(bracket(a, b, lmax_out=2) * c) for a, b, c in ((f, g, h), (g, h, f), (h, f, g))]
    assert_close(jnp.stack(values), [float(values[0])] * 3)


def test_the_product_of_signals_has_the_product_of_their_values():
    x, y = signal(3), signal(2, seed=1)
    direction = jnp.asarray(np.random.default_rng(3).normal(size=(6, 3)), FLOAT)
    value = lambda s: harmonics.spherical_harmonics(direction, int(len(s) ** 0.5) - 1) @ s  # noqa: E731
    assert_close(value(kernels.gaunt_tensor_product(x, y)), value(x) * value(y))


@pytest.mark.parametrize("balanced", [False, True])
def test_unit_variance_stays_unit_variance(balanced):
    generator = np.random.default_rng(0)
    x, y = (jnp.asarray(generator.normal(size=(20000, 9)), FLOAT) for _ in range(2))
    even, odd = kernels.complete_tensor_product(x, y, normalize="variance", balanced=balanced)
    for found, degrees in ((even, range(5)), (odd, range(1, 4))):
        for degree in degrees:
            variance = float(jnp.mean(found[:, degree**2 : (degree + 1) ** 2] ** 2))
            # A component is a sum of products: its square spreads by about 3 over 20000 samples.
            assert abs(variance - 1) < 0.12, (degree, variance)
    raw = kernels.poisson_tensor_product(x[:5], y[:5], balanced=balanced)
    scale = variance_factors("poisson", 2, 2, 4, "component", balanced)
    assert_close(odd[:5], np.asarray(raw, float) * over_components(scale))


def test_balancing_evens_out_the_paths():
    def spread(balanced):
        values = path_coefficients("poisson", 10, 10, 10, "integral", balanced).values()
        return max(values) / min(values)

    assert spread(False) > 100
    assert spread(True) < 2.3


def rotation(key):
    quaternion = jax.random.normal(key, (4,), FLOAT)
    w, x, y, z = quaternion / jnp.linalg.norm(quaternion)
    return jnp.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def act(element, value):
    return jax.tree.map(lambda x: harmonics.rotate(x, element), value)


@pytest.mark.parametrize("lmax", [3, 8])
def test_products_are_equivariant_under_rotations(lmax):
    pair = (signal(lmax, 4), signal(lmax, 4, seed=1))
    product = jax.jit(lambda p: jnp.stack(kernels.complete_tensor_product(*p, lmax_out=lmax, balanced=True)))
    assert_equivariant(product, pair, rotation, act_in=act, act_out=act, exactness="exact")


def test_componentwise_products_are_not():
    pair = (signal(2), signal(2, seed=1))
    assert_not_equivariant(lambda p: p[0] * p[1], pair, rotation, act_in=act, act_out=act, delta=0.1)


def test_inversion_gives_the_stated_parities():
    degrees = np.asarray(over_components(np.arange(4)))
    flip = lambda x, parity: jnp.asarray(np.asarray(x) * parity * (-1.0) ** degrees[: x.shape[-1]], FLOAT)  # noqa: E731
    x, y = signal(1), signal(2, seed=1)
    even, odd = kernels.complete_tensor_product(x, y)
    for p1, p2 in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        turned_even, turned_odd = kernels.complete_tensor_product(flip(x, p1), flip(y, p2))
        assert_close(turned_even, flip(even, p1 * p2))
        assert_close(turned_odd, flip(odd, -p1 * p2))


def test_o3_product_turns_with_its_parity_classes():
    def invert(x):
        degrees = np.asarray(over_components(np.arange(3)))[: x.shape[-1]]
        return jnp.asarray(np.asarray(x) * np.array([[1.0], [-1.0]]) * (-1.0) ** degrees, FLOAT)

    x, y = signal(1, 3, 2), signal(2, 3, 2, seed=1)
    found = kernels.o3_tensor_product(x, y, lmax_out=2)
    assert_close(kernels.o3_tensor_product(invert(x), invert(y), lmax_out=2), invert(found))
    assert float(jnp.abs(found - kernels.o3_tensor_product(x[:, ::-1], y, lmax_out=2)).max()) > 0.1


@pytest.mark.parametrize("method", ["grid", "separable", "direct"])
def test_real_methods_hold_no_complex_number_and_no_array_of_paths(method):
    x = signal(4, 64)
    program = jax.make_jaxpr(lambda a, b: kernels.gaunt_tensor_product(a, b, lmax_out=4, method=method))(x, x)
    assert "complex" not in str(program)
    if method == "grid":
        compiled = jax.jit(lambda a, b: kernels.gaunt_tensor_product(a, b, lmax_out=4)).lower(x, x).compile()
        analysis = compiled.memory_analysis()
        assert analysis is not None
        assert analysis.temp_size_in_bytes < 4 * FLOAT.itemsize * 64 * 100


@pytest.mark.parametrize("name", ["gaunt_tensor_product", "poisson_tensor_product"])
def test_many_rows_go_through_in_slices_of_a_cache(name):
    product = lambda a, b: getattr(kernels, name)(a, b, lmax_out=4)  # noqa: E731
    x, y, z = (signal(4, 3, 7001, seed=seed) for seed in range(3))
    ends = (slice(None), slice(None, None, 1000))
    assert_close(product(x, y)[ends], product(x[ends], y[ends]))

    def pullback(a, b, cotangent):
        return jax.vjp(product, a, b)[1](cotangent)

    assert "scan" in str(jax.make_jaxpr(product)(x, y))
    for found, wanted in zip(pullback(x, y, z), pullback(x[ends], y[ends], z[ends]), strict=True):
        assert_close(found[ends], wanted)


def test_powers_are_nested_products_with_the_whole_band():
    x = signal(2, 3)
    product = kernels.gaunt_tensor_product
    cube = product(product(x, x), x)
    one = jnp.zeros((3, 7), FLOAT).at[2].set(1.0)
    assert_close(kernels.gaunt_power(x, one), cube)
    assert_close(kernels.gaunt_product([x, x, x], lmax_out=3), cube[:, :16])


def test_a_power_of_order_seven_is_the_power_of_the_values():
    x = signal(2, 2)
    weights = jnp.zeros((7, 1), FLOAT).at[6, 0].set(1.0)
    direction, area = sphere_quadrature(14)._replace(weights=None), sphere_quadrature(14).weights
    sine = np.sqrt(1 - np.minimum(direction.cosine**2, 1))
    points = np.stack([sine * np.sin(direction.azimuth), direction.cosine, sine * np.cos(direction.azimuth)], axis=-1)
    values = np.asarray(harmonics.spherical_harmonics(jnp.asarray(points, FLOAT), 2), float) @ np.asarray(x, float).T
    assert_close(kernels.gaunt_power(x, weights)[:, 0], area @ values**7 / (4 * np.pi), 10 * ROUNDING)


def test_bfloat16_factors_are_summed_in_float32():
    x, y = (signal(4, 50, seed=seed).astype(jnp.bfloat16) for seed in (0, 1))
    exact = kernels.gaunt_tensor_product(x.astype(jnp.float32), y.astype(jnp.float32), lmax_out=4)
    found = kernels.gaunt_tensor_product(x, y, lmax_out=4)
    assert found.dtype == jnp.bfloat16
    # The one rounding of the result, half of 2^-8 relative.
    np.testing.assert_allclose(found.astype(jnp.float32), exact, rtol=2**-8, atol=1e-4)
