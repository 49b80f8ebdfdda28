"""The maps: their symmetry, whether they are all there are, masks, memory."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import permutations as kernels
from tests.duties import FLOAT, X64
from tests.permutations import references
from tests.symmetry import assert_equivariant, assert_not_equivariant

NODES, CHANNELS = 6, 2
WITH_NODES = [orders for orders in kernels.NUM_OPERATIONS if orders != (0, 0)]


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), FLOAT)


def of_orders(order_in, order_out):
    """The map with drawn coefficients, and an input."""
    kernel = getattr(kernels, f"eq_{order_in}to{order_out}")
    coefficients = normal(kernels.NUM_OPERATIONS[order_in, order_out], CHANNELS, 3, seed=1)
    bias = normal(kernels.NUM_BIASES[order_out], 3, seed=2)
    return functools.partial(kernel, coefficients=coefficients, bias=bias), normal(*[NODES] * order_in, CHANNELS)


def renumber(order, x):
    """All axes but the last, and masks."""
    for axis in range(x.ndim - 1 if jnp.issubdtype(x.dtype, jnp.floating) else x.ndim):
        x = jnp.take(x, order, axis=axis)
    return x


@pytest.mark.parametrize("orders", WITH_NODES, ids=str)
def test_maps_follow_every_numbering_mask_and_all(orders):
    kernel, x = of_orders(*orders)
    mask = jnp.arange(NODES) != 2
    acting = {"act_in": lambda g, point: [renumber(g, one) for one in point], "act_out": renumber}
    sample = lambda key: jax.random.permutation(key, NODES)  # noqa: E731
    call = lambda point: kernel(point[0], mask=point[1])  # noqa: E731
    assert_equivariant(call, [x, mask], sample, exactness="exact", **acting)
    # Negative control: a map that knows the first node.
    marked = jnp.where(jnp.arange(NODES) == 0, 2, 1)

    def broken(point):
        result = call(point)
        return (
            result * marked.reshape(-1, *[1] * (result.ndim - 1)) if result.ndim > 1 else result * point[0].ravel()[0]
        )

    if orders[0] or orders[1]:
        assert_not_equivariant(broken, [x, mask], sample, delta=1e-2, **acting)


@pytest.mark.parametrize("orders", WITH_NODES, ids=str)
@pytest.mark.proves("masks", "permutations.eq_{orders[0]}to{orders[1]}")
def test_absent_nodes_change_nothing(orders):
    """Beside the map on the others alone, whatever stands at the absent ones; and 0 where no node is there."""
    order_in, order_out = orders
    kernel, x = of_orders(*orders)
    alone = kernel(x, mask=jnp.ones(NODES, bool))
    grown = jnp.pad(x, [(0, 2)] * order_in + [(0, 0)], constant_values=7)
    mask = jnp.arange(NODES + 2) < NODES
    found = kernel(grown, mask=mask)
    np.testing.assert_allclose(found[(slice(NODES),) * order_out], alone, atol=1e-12 if X64 else 1e-5)
    if order_out:
        np.testing.assert_array_equal(found[NODES:], 0)

    def total(x):
        return jnp.sum(kernel(x, mask=mask & False))

    value, gradient = jax.value_and_grad(total)(grown)
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("normalize", [True, False])
def test_fused_is_the_sum_of_the_operations(normalize):
    x, coefficients, mask = normal(NODES, NODES, 2), normal(15, 2, 3, seed=1), jnp.arange(NODES) != 4
    stacked = kernels.basis_operations_2to2(x, mask=mask, normalize=normalize)
    wanted = np.einsum("bijc,bco->ijo", np.asarray(stacked), np.asarray(coefficients))
    found = kernels.eq_2to2(x, coefficients, mask=mask, normalize=normalize)
    np.testing.assert_allclose(found, wanted, atol=1e-12 if X64 else 1e-4)


def test_leading_axes_are_further_tensors():
    kernel, _ = of_orders(2, 2)
    x, mask = normal(3, NODES, NODES, CHANNELS), jnp.asarray(np.random.default_rng(1).random((3, NODES)) < 0.7)
    wanted = jax.vmap(lambda x, mask: kernel(x, mask=mask))(x, mask)
    np.testing.assert_allclose(kernel(x, mask=mask), wanted, atol=1e-12 if X64 else 1e-5)


@pytest.mark.parametrize("orders", [orders for orders in WITH_NODES if orders[0]], ids=str)
def test_maps_are_all_there_are(orders):
    """They span what orbit counting finds, for n = 5; for n = 1 to 5 as many are independent as there are orbits."""
    order_in, order_out = orders
    for n in range(1, 6):
        basis = kernels.permutation_basis(order_in, order_out, n)
        inputs = np.eye(n**order_in).reshape(n**order_in, *[n] * order_in, 1)
        columns = [[one.ravel() for one in references.operations(x, order_in, order_out)] for x in inputs]
        ours = np.moveaxis(np.array(columns), 0, -1).reshape(-1, basis[0].size)
        assert np.linalg.matrix_rank(ours) == len(basis)
        solved = np.linalg.lstsq(ours.T, basis.reshape(len(basis), -1).T, rcond=None)[0]
        np.testing.assert_allclose(ours.T @ solved, basis.reshape(len(basis), -1).T, atol=1e-12)
    assert len(kernels.permutation_basis(order_in, order_out, 5)) == kernels.NUM_OPERATIONS[orders]


def test_orbits():
    assert [len(kernels.equality_patterns(order)) for order in range(7)] == [1, 1, 2, 5, 15, 52, 203]
    assert set(kernels.equality_patterns(3)) == {(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)}
    assert [len(kernels.permutation_basis(2, 2, n)) for n in range(1, 6)] == [1, 8, 14, 15, 15]
    assert [len(kernels.permutation_basis(0, order, 4)) for order in range(3)] == list(kernels.NUM_BIASES.values())
    basis = kernels.permutation_basis(1, 2, 4)
    # A partition of all entries, each part of which a renumbering of the nodes maps to itself.
    np.testing.assert_array_equal(basis.sum(axis=0), 1)
    moved = np.eye(4)[np.random.default_rng(0).permutation(4)]
    np.testing.assert_array_equal(np.kron(moved, moved) @ basis @ moved.T, basis)
    for name, arguments in (("order_in", (-1, 0, 2)), ("order_out", (0, -1, 2)), ("num_nodes", (1, 1, 0))):
        with pytest.raises(ValueError, match=name):
            kernels.permutation_basis(*arguments)


def test_memory():
    """Two buffers as large as the result beside it, where the stack of operations has fifteen of the input's."""
    n, channels = 64, 8
    x, coefficients = jnp.ones((n, n, channels)), jnp.ones((15, channels, channels))
    stacked = jax.jit(lambda x, w: jnp.einsum("bijc,bco->ijo", kernels.basis_operations_2to2(x), w))
    plans: list[Any] = [f.lower(x, coefficients).compile().memory_analysis() for f in (kernels.eq_2to2, stacked)]
    fused, dense = (plan.temp_size_in_bytes / x.nbytes for plan in plans)
    assert fused < 3.5
    assert dense > 10
