"""The PointNet of parts: equivariant for the true partition and finer ones, and only for them."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels import symmetrization as kernels
from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.nn import PiecewisePointNet
from tests.duties import FLOAT
from tests.symmetry import assert_equivariant, assert_not_equivariant

pytestmark = pytest.mark.usefixtures("full_precision")
N, PARTS, MOST = 12, 2, 6
TRUE = jnp.asarray(np.repeat(np.arange(PARTS), N // PARTS), jnp.int32)
# Of 1, 2, 3, 4 and 2 points.
FINE = jnp.asarray(np.array([0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 5, 5]), jnp.int32)
GENERATOR = np.random.default_rng(0)
POINTS = jnp.asarray(GENERATOR.normal(size=(N, 3)) * [0.3, 0.6, 1] + np.asarray(TRUE)[:, None], FLOAT)
SCALARS, VECTORS = (jnp.asarray(GENERATOR.normal(size=size), FLOAT) for size in ((N, 2), (N, 1, 3)))


def make(**options):
    options = {"num_scalars_out": 2, "num_vectors_out": 2, "num_hidden": 8, "param_dtype": FLOAT} | options
    return PiecewisePointNet(MOST, 2, 1, rngs=nnx.Rngs(0), **options)


@jax.jit
def motions(key):
    turn, flip, shift = jax.random.split(key, 3)
    signs = jax.random.rademacher(flip, (PARTS, 1, 1), FLOAT)
    return haar_so(turn, (PARTS,), 3, dtype=FLOAT) * signs, jax.random.normal(shift, (PARTS, 3), FLOAT)


@jax.jit
def move(g, values):
    """Points (or votes), scalars and vectors, each part by its own motion."""
    rotations, translations = g
    points, scalars, vectors = values
    turned = jnp.einsum("nij,nvj->nvi", rotations[TRUE], vectors, precision="highest")
    return kernels.move_parts(rotations, translations, points, TRUE), scalars, turned


def move_row(g, row):
    votes, scalars, vectors = jnp.split(row, np.cumsum([3 * N, 2 * N]))
    return in_a_row(move(g, (votes.reshape(N, 3), scalars.reshape(N, 2), vectors.reshape(N, 2, 3))))


def in_a_row(values):
    return jnp.concatenate([x.ravel() for x in values])


@functools.cache
def program(group):
    layer = make(group=group)
    return jax.jit(lambda values, labels: in_a_row(layer(values[0], labels, *values[1:])))


def test_equivariant_for_the_true_partition_and_finer_ones_only():
    values = POINTS, SCALARS, VECTORS
    acting: dict[str, Any] = {"act_in": move, "act_out": move_row}
    layer = program("e")
    for labels in (TRUE, FINE):
        assert_equivariant(lambda x, z=labels: layer(x, z), values, motions, exactness="exact", **acting)
    # Negative controls: one part, one point in a foreign part, no frames.
    for labels in (jnp.zeros_like(TRUE), TRUE.at[0].set(1)):
        assert_not_equivariant(lambda x, z=labels: layer(x, z), values, motions, delta=0.02, **acting)
    assert_not_equivariant(lambda x: program(None)(x, TRUE), values, motions, delta=0.02, **acting)


def test_points_see_their_part_only():
    layer = program("e")
    found = layer((POINTS, SCALARS, VECTORS), TRUE)
    others = jnp.where(TRUE[:, None] == 0, POINTS, 0.5 * POINTS)
    changed = np.asarray(layer((others, SCALARS, VECTORS), TRUE) != found)[: 3 * N].reshape(N, 3).any(1)
    np.testing.assert_array_equal(changed, TRUE == 1)


@pytest.mark.allow_nans
def test_masked_points_change_nothing():
    layer = make()
    pad = jnp.full((2, 3), jnp.nan, FLOAT)
    grown = [jnp.concatenate([x, jnp.nan * x[:2]]) for x in (SCALARS, VECTORS)]
    labels, mask = jnp.concatenate([FINE, jnp.array([0, 3], jnp.int32)]), jnp.arange(N + 2) < N

    @jax.jit
    def both(points):
        def total(points):
            found = layer(points, labels, *grown, mask=mask)
            return jnp.sum(found.votes**2) + jnp.sum(found.vectors**2), found

        return jax.grad(total, has_aux=True)(points)

    derivative, found = both(jnp.concatenate([POINTS, pad]))
    wanted = program("e")((POINTS, SCALARS, VECTORS), FINE)
    np.testing.assert_allclose(in_a_row([x[:N] for x in found]), wanted, atol=1e-5)
    for leaf in (*found, derivative):
        np.testing.assert_array_equal(leaf[N:], 0)
    assert np.all(np.isfinite(derivative))


def test_trains_in_its_dtype():
    layer = make(dtype=jnp.bfloat16)
    low = [x.astype(jnp.bfloat16) for x in (POINTS, SCALARS, VECTORS)]
    graph, state = nnx.split(layer)

    @jax.jit
    def gradient(state):
        def loss(state):
            found = nnx.merge(graph, state)(low[0], TRUE, *low[1:])
            return sum(jnp.sum(x.astype(jnp.float32) ** 2) for x in found), found

        return jax.grad(loss, has_aux=True)(state)

    slopes, found = gradient(state)
    assert {x.dtype for x in found} == {jnp.dtype(jnp.bfloat16)}
    for leaf in jax.tree.leaves(slopes):
        assert bool(jnp.all(jnp.isfinite(leaf)))
        assert bool(jnp.any(leaf != 0))
