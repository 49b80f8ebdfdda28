"""The symmetric contraction: its basis beside e3nn's, values, symmetry, species, slices and checks."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import checkify

from jaxinv.kernels import harmonics
from jaxinv.kernels.harmonics.degrees import degree_slice
from jaxinv.kernels.tensor_products import symmetric_basis as basis
from jaxinv.kernels.tensor_products.symmetric_contraction import check_species, symmetric_contraction
from tests.duties import FLOAT, X64
from tests.symmetry import assert_equivariant, assert_not_equivariant
from tests.tensor_products.symmetric_contraction_cases import dense, e3nn_basis, overlaps

ROUNDING = 1e-12 if X64 else 1e-5


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def weights_of(lmax, order, lmax_out, num_species=3, channels=2):
    paths = basis.symmetric_contraction_paths(lmax, order, lmax_out)
    return tuple(normal(num_species, len(some), channels, seed=nu) / max(1, len(some)) for nu, some in enumerate(paths))


def assert_close(found, wanted, bound=ROUNDING):
    wanted = np.asarray(wanted, float)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=bound * max(1.0, np.abs(wanted).max()))


def sample_rotation(key):
    matrix, _ = np.linalg.qr(np.asarray(jax.random.normal(key, (3, 3)), float))
    return jnp.asarray(matrix * np.linalg.det(matrix), FLOAT)


def turn(rotation, x):
    return harmonics.rotate(x, rotation)


def arrangements(lmax, nu):
    """Entries of a symmetric tensor that a monomial stands for, found by counting."""
    axes = np.indices(((lmax + 1) ** 2,) * nu).reshape(nu, -1)
    found, counts = np.unique(np.sort(axes, axis=0), axis=1, return_counts=True)
    assert [tuple(column) for column in found.T] == list(basis.monomials(lmax, nu))
    return counts


@pytest.mark.parametrize(("lmax", "nu", "lmax_out"), [(2, 1, 2), (2, 2, 3), (2, 3, 2), (1, 4, 1), (3, 3, 1)])
def test_the_basis_is_orthonormal_and_spans_what_e3nn_spans(lmax, nu, lmax_out):
    theirs, counts = e3nn_basis(lmax, nu, lmax_out), arrangements(lmax, nu)
    for degree, maps in enumerate(basis.symmetric_basis(lmax, nu, lmax_out)):
        # Coefficients of a monomial are sums of as many equal entries of the tensor.
        flat = (maps / np.sqrt(counts)).reshape(-1, maps.shape[-1])
        np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-12)
        assert len(maps) == len(theirs.get(degree, ()))
        if len(maps):
            inner = overlaps(lmax, nu, degree, theirs[degree]) / (2 * degree + 1)
            # Of equally many orthonormal maps, an orthogonal matrix: nothing of theirs lies outside.
            np.testing.assert_allclose(inner @ inner.T, np.eye(len(maps)), atol=1e-10)


def test_paths_are_counted_by_degree():
    assert basis.symmetric_contraction_paths(2, 3, 1) == ((0, 1), (0,) * 3 + (1,) * 2, (0,) * 5 + (1,) * 5)
    assert basis.symmetric_contraction_paths(0, 2, 0) == ((0,), (0,))
    for wrong, message in (((2, 0, 2), "order must be >= 1"), ((-1, 1, 0), "lmax must be >= 0")):
        with pytest.raises(ValueError, match=message):
            basis.symmetric_contraction_paths(*wrong)


def test_the_tables_take_less_than_a_second():
    for table in (basis.evaluation_plan, basis.symmetric_basis, basis._maps_of):
        table.cache_clear()
    start = time.process_time()
    basis.evaluation_plan(2, 3, 2)
    basis.evaluation_plan(3, 3, 3)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(("lmax", "order", "lmax_out"), [(2, 3, None), (2, 3, 0), (1, 4, 3), (2, 2, 4), (0, 3, None)])
def test_values_are_those_of_dense_tensors(lmax, order, lmax_out):
    top = lmax if lmax_out is None else lmax_out
    x, weights, species = normal(3, 2, (lmax + 1) ** 2), weights_of(lmax, order, top), jnp.array([1, 0, 2])
    found = symmetric_contraction(x, weights, species, lmax_out=lmax_out)
    arrays = tuple(np.asarray(weight, float) for weight in weights)
    assert_close(found, dense(np.asarray(x, float), arrays, np.asarray(species), top))


@pytest.mark.parametrize(("lmax", "order"), [(2, 4), (3, 3)])
def test_values_at_high_order_and_degree_are_those_of_the_basis(lmax, order):
    x, weights, species = normal(2, 2, (lmax + 1) ** 2), weights_of(lmax, order, lmax), jnp.array([2, 0])
    found = symmetric_contraction(x, weights, species)
    wanted = np.zeros(found.shape)
    for nu, weight in enumerate(weights, 1):
        products = np.asarray(x, float)[..., np.array(basis.monomials(lmax, nu))].prod(-1)
        start = 0
        for degree, maps in enumerate(basis.symmetric_basis(lmax, nu, lmax)):
            own = np.asarray(weight, float)[species, start : start + len(maps)]
            wanted[..., degree_slice(degree)] += np.einsum("npc,pkm,ncm->nck", own, maps, products, optimize=True)
            start += len(maps)
    assert_close(found, wanted)


def test_it_commutes_with_rotations_and_inversion():
    x, weights, species = normal(3, 2, 9), weights_of(2, 3, 2), jnp.array([1, 0, 2])

    def function(x):
        return symmetric_contraction(x, weights, species)

    assert_equivariant(function, x, sample_rotation, act_in=turn, act_out=turn, exactness="exact")
    flip = jnp.asarray(np.repeat([1.0, -1.0, 1.0], [1, 3, 5]), FLOAT)
    assert_close(function(x * flip[None, None]), function(x) * flip[None, None])
    assert_not_equivariant(function, x, sample_rotation, act_in=turn, delta=0.1)


def test_other_polynomials_do_not():
    x, tensor = normal(3, 2, 9), normal(9, 9, 9, 9, seed=1)

    def function(x):
        return jnp.einsum("ijkl,nci,ncj,nck->ncl", tensor, x, x, x, precision="highest")

    assert_not_equivariant(function, x, sample_rotation, act_in=turn, act_out=turn, delta=0.1)


def test_nodes_take_the_weights_of_their_species_alone():
    x, weights, species = normal(4, 2, 4), weights_of(1, 2, 1), jnp.array([2, 0, 2, 1])
    wanted = symmetric_contraction(x, weights, species)
    order = jnp.array([3, 1, 0, 2])
    assert_close(symmetric_contraction(x[order], weights, species[order]), wanted[order])
    for node, kind in enumerate(np.asarray(species)):
        own = tuple(weight[kind : kind + 1] for weight in weights)
        assert_close(symmetric_contraction(x[node : node + 1], own, jnp.zeros(1, jnp.int32))[0], wanted[node])
    other = tuple(weight.at[2].set(0.0) for weight in weights)
    without = symmetric_contraction(x, other, species)
    assert not np.any(without[jnp.array([0, 2])])
    assert_close(without[jnp.array([1, 3])], wanted[jnp.array([1, 3])])


def test_leading_axes_share_the_species():
    x, weights, species = normal(2, 3, 4, 2, 4), weights_of(1, 2, 1), jnp.array([2, 0, 2, 1])
    found = symmetric_contraction(x, weights, species)
    for place in np.ndindex(2, 3):
        assert_close(found[place], symmetric_contraction(x[place], weights, species))


def test_species_without_weights_give_zeros_and_no_gradient():
    x, weights, species = normal(4, 2, 4), weights_of(1, 3, 1), jnp.array([3, 0, -1, 99])

    def total(x, weights):
        return jnp.sum(symmetric_contraction(x, weights, species) ** 2)

    found = symmetric_contraction(x, weights, species)
    some, none = jnp.array([1]), jnp.array([0, 2, 3])
    assert not np.any(found[none])
    assert np.all(found[some] != 0)
    of_x, of_weights = jax.grad(total, (0, 1))(x, weights)
    assert not np.any(of_x[none])
    assert all(np.any(gradient[0]) and not np.any(gradient[1:]) for gradient in of_weights)
    nobody = tuple(weight[:0] for weight in weights)
    assert not np.any(symmetric_contraction(x, nobody, species))


def test_many_nodes_go_through_in_slices():
    x, weights = normal(1501, 4, 4), weights_of(1, 3, 1, channels=4)
    species = jnp.asarray(np.random.default_rng(0).integers(0, 3, 1501), jnp.int32)
    cotangent = normal(1501, 4, 4, seed=1)

    def pullback(x, weights, species, cotangent):
        return jax.vjp(lambda x, weights: symmetric_contraction(x, weights, species), x, weights)[1](cotangent)

    assert "scan" in str(jax.make_jaxpr(symmetric_contraction)(x, weights, species))
    of_x, of_weights = pullback(x, weights, species, cotangent)
    parts = [pullback(x[k], weights, species[k], cotangent[k]) for k in (slice(0, 700), slice(700, None))]
    assert_close(of_x, jnp.concatenate([part[0] for part in parts]))
    for found, *halves in zip(of_weights, *(part[1] for part in parts), strict=True):
        assert_close(found, sum(halves), 10 * ROUNDING)


def test_the_check_names_the_node():
    check = jax.jit(checkify.checkify(lambda species: check_species(species, 3)))
    check(jnp.array([0, 2, 1]))[0].throw()
    for wrong in (3, -1):
        error, _ = check(jnp.array([0, 2, wrong]))
        with pytest.raises(checkify.JaxRuntimeError, match=rf"species must be in 0 \.\. 2, got {wrong} at node 2"):
            error.throw()
