"""The Clebsch-Gordan product: its ways against each other and e3nn's, slices of rows, symmetry and parity."""

import e3nn_jax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxinv.kernels.harmonics.degrees import degree_slice
from jaxinv.kernels.tensor_products.clebsch_gordan import clebsch_gordan_tensor_product
from jaxinv.kernels.tensor_products.coupling import tensor_product_paths
from tests.duties import FLOAT, X64, assert_same
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.tensor_products.cg_cases import path_results, product

TOLERANCE = 1e-12 if X64 else 1e-5
LMAX = 3
WAYS = ("auto", "dense", "sparse", "paths")


def draw(*shapes: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(seed)
    return tuple(generator.normal(size=shape) for shape in shapes)


def to_jax(*arrays: np.ndarray) -> tuple[jax.Array, ...]:
    return tuple(jnp.asarray(array, FLOAT) for array in arrays)


@pytest.mark.parametrize("normalization", ["component", "norm"])
def test_paths_have_the_numbers_of_e3nn(normalization):
    x1, x2 = to_jax(*draw((4, 9), (4, 9)))

    @jax.jit
    def paths_of_e3nn(x1, x2):
        x1, x2 = e3nn_jax.IrrepsArray("0e+1e+2e", x1), e3nn_jax.IrrepsArray("0e+1e+2e", x2)
        return e3nn_jax.tensor_product(x1, x2, irrep_normalization=normalization).array

    found = clebsch_gordan_tensor_product(x1, x2, sum_paths=False, normalization=normalization)
    assert_same(found, paths_of_e3nn(x1, x2), TOLERANCE)


@pytest.mark.parametrize("degrees", [(3, 2, 2), (2, 2, 4), (0, 2, 2), (1, 3, 0)])
def test_ways_agree_with_the_sum_over_paths(degrees):
    paths = tensor_product_paths(*degrees)
    x1, x2, weights = draw((3, (degrees[0] + 1) ** 2), (3, (degrees[1] + 1) ** 2), (len(paths),))
    wanted = product(x1, x2, weights, paths)
    for method in WAYS:
        found = clebsch_gordan_tensor_product(*to_jax(x1, x2, weights), lmax_out=degrees[2], method=method)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=10 * TOLERANCE)


def test_all_degrees_and_uniform_weights_are_the_defaults():
    x1, x2 = draw((2, 4), (2, 9))
    wanted = product(x1, x2, np.ones(len(tensor_product_paths(1, 2, 3))), tensor_product_paths(1, 2, 3))
    np.testing.assert_allclose(clebsch_gordan_tensor_product(*to_jax(x1, x2)), wanted, rtol=0, atol=10 * TOLERANCE)


@pytest.mark.parametrize(
    ("lead1", "lead2", "lead_weights"),
    [
        ((40, 3), (40, 1), (3,)),  # a set of weights for every channel
        ((3, 2), (2,), (3, 1)),  # for every node
        ((2, 1, 3), (5, 1), (2, 1, 3)),  # axes of sets on both sides of a shared one
        ((), (), (2,)),  # more weights than pairs
    ],
)
def test_leading_axes_broadcast(lead1, lead2, lead_weights):
    paths = tensor_product_paths(1, 1, 2)
    x1, x2, weights = draw((*lead1, 4), (*lead2, 4), (*lead_weights, len(paths)))
    wanted = product(x1, x2, weights, paths)
    for method in WAYS:
        found = clebsch_gordan_tensor_product(*to_jax(x1, x2, weights), method=method)
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=0, atol=10 * TOLERANCE)
    every = clebsch_gordan_tensor_product(*to_jax(x1, x2, weights), sum_paths=False)
    assert every.shape == (*wanted.shape[:-1], sum(2 * path[2] + 1 for path in paths))


@pytest.mark.parametrize("own", [False, True])
def test_slices_of_rows_change_neither_value_nor_derivative(own):
    """More rows than go through at once, and not a multiple of a slice."""
    num_paths, rows = len(tensor_product_paths(1, 1, 1)), 1100
    arrays = to_jax(*draw((rows, 2, 4), (rows, 2, 4), (rows, 1, num_paths) if own else (2, num_paths)))

    def derivatives(method):
        def loss(*arrays):
            out = clebsch_gordan_tensor_product(*arrays, lmax_out=1, method=method)
            return jnp.sum(jnp.sin(out)) / rows, out

        (_, out), gradient = jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))(*arrays)
        return out, *gradient

    wanted = derivatives("dense")
    for method in ("paths",) if own else ("sparse", "paths"):
        assert_same(derivatives(method), wanted, TOLERANCE)


@pytest.mark.skipif(not X64, reason="finite differences of second order need float64")
@pytest.mark.parametrize("method", ["sparse", "paths"])
def test_second_derivatives(method):
    arrays = to_jax(*draw((2, 4), (2, 4), (2, len(tensor_product_paths(1, 1, 1)))))
    function = jax.jit(lambda *arrays: clebsch_gordan_tensor_product(*arrays, lmax_out=1, method=method))
    check_grads(function, arrays, order=2, modes=("fwd", "rev"), atol=1e-6, rtol=1e-6)


def random_rotation(key: jax.Array) -> np.ndarray:
    """A rotation, or one with the inversion: then its determinant is -1."""
    generator = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    orthogonal, triangular = np.linalg.qr(generator.normal(size=(3, 3)))
    return orthogonal * np.sign(np.diagonal(triangular))


@jax.jit
def d_matrices(rotation: jax.Array) -> list[jax.Array]:
    return [e3nn_jax.Irrep(degree, 1).D_from_matrix(rotation) for degree in range(LMAX + 1)]


def act(matrix: np.ndarray, x: jax.Array) -> np.ndarray:
    """Degrees of parity `(-1)^l`, as functions on the sphere have."""
    sign = np.sign(np.linalg.det(matrix))
    moved = [
        sign**degree * np.asarray(x)[..., degree_slice(degree)] @ np.asarray(d_matrix).T
        for degree, d_matrix in enumerate(d_matrices(jnp.asarray(sign * matrix, FLOAT)))
    ]
    return np.concatenate(moved, axis=-1)


def test_rotations_and_the_rule_of_parity():
    paths = tensor_product_paths(LMAX, LMAX, LMAX)
    x1, x2, weights = to_jax(*draw((2, (LMAX + 1) ** 2), (2, (LMAX + 1) ** 2), (len(paths),)))
    odd = jnp.asarray([sum(path) % 2 for path in paths], FLOAT)
    function = jax.jit(lambda pair, weights: clebsch_gordan_tensor_product(*pair, weights, lmax_out=LMAX))

    def act_on_pair(matrix, pair):
        return tuple(jnp.asarray(act(matrix, x), FLOAT) for x in pair)

    def pseudo(matrix, x):
        return np.sign(np.linalg.det(matrix)) * act(matrix, x)

    def proper(key):
        matrix = random_rotation(key)
        return matrix * np.sign(np.linalg.det(matrix))

    exact = {"act_in": act_on_pair, "exactness": "exact"}
    assert_equivariant(lambda pair: function(pair, weights), (x1, x2), proper, act_out=act, **exact)
    even_half, odd_half = (
        (lambda pair: function(pair, weights * (1 - odd))),
        (lambda pair: function(pair, weights * odd)),
    )
    assert_equivariant(even_half, (x1, x2), random_rotation, act_out=act, **exact)
    assert_equivariant(odd_half, (x1, x2), random_rotation, act_out=pseudo, **exact)
    mixed = lambda pair: function(pair, weights)  # noqa: E731
    assert_not_equivariant(mixed, (x1, x2), random_rotation, act_in=act_on_pair, act_out=act, delta=0.1)


def test_exchange_of_the_factors():
    """Even paths commute, odd ones anticommute."""
    paths = tensor_product_paths(2, 2, 2)
    x1, x2 = draw((5, 9), (5, 9))
    sizes = [2 * path[2] + 1 for path in paths]
    there, back = (
        np.split(
            np.asarray(clebsch_gordan_tensor_product(*to_jax(*pair), lmax_out=2, sum_paths=False)),
            np.cumsum(sizes)[:-1],
            -1,
        )
        for pair in ((x1, x2), (x2, x1))
    )
    for (l1, l2, l3), value in zip(paths, there, strict=True):
        exchanged = back[paths.index((l2, l1, l3))]
        np.testing.assert_allclose(value, (-1) ** (l1 + l2 + l3) * exchanged, rtol=0, atol=10 * TOLERANCE)


def test_scalars_multiply_and_vectors_have_their_products():
    a, b = draw((6, 3), (6, 3))
    scalar, _, _, vector, _ = path_results_of_vectors(a, b)
    np.testing.assert_allclose(scalar[:, 0], np.sum(a * b, axis=1) / np.sqrt(3), atol=10 * TOLERANCE)
    np.testing.assert_allclose(vector, np.cross(a, b) / np.sqrt(2), atol=10 * TOLERANCE)


def path_results_of_vectors(a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    """Paths (1, 1, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1) and (1, 1, 2) of two vectors with scalar part 0."""
    padded = to_jax(*(np.pad(x, ((0, 0), (1, 0))) for x in (a, b)))
    found = np.asarray(clebsch_gordan_tensor_product(*padded, sum_paths=False))
    return np.split(found[:, 1:], [1, 4, 7, 10], axis=1)


def test_unit_variance_is_kept_in_component_normalisation():
    x1, x2 = draw((4000, 9), (4000, 9))
    for result in path_results(x1, x2, tensor_product_paths(2, 2, 2)):
        assert np.var(result) == pytest.approx(1.0, rel=0.15)
    found = clebsch_gordan_tensor_product(*to_jax(x1, x2), lmax_out=2, sum_paths=False)
    np.testing.assert_allclose(np.var(found, axis=0), 1.0, rtol=0.2)


def test_weights_do_not_change_the_dtype_and_bfloat16_is_summed_in_float32():
    x1, x2, weights = draw((4, 9), (4, 9), (15,))
    low = [jnp.asarray(array, jnp.bfloat16) for array in (x1, x2, weights)]
    found = clebsch_gordan_tensor_product(*low[:2], low[2].astype(jnp.float32), lmax_out=2)
    assert found.dtype == jnp.bfloat16
    x1, x2, weights = (np.asarray(array, np.float64) for array in low)
    exact = product(x1, x2, weights, tensor_product_paths(2, 2, 2))
    np.testing.assert_allclose(np.asarray(found, np.float64), exact, rtol=2**-8, atol=1e-5)
