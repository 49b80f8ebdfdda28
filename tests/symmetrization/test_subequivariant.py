"""Limbs under gravity: what turns with what, limbs in any order, padding, singular points, headings and trees."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import symmetrization as kernels
from tests.duties import FLOAT, X64, assert_finite
from tests.symmetrization.subequivariant_cases import ATTENTION, FORWARD, LINEAR, SCALARS, C, D, H, as_arrays, limbs
from tests.symmetrization.test_vector_channels import normal, orthogonal, turn
from tests.symmetry import assert_equivariant, assert_not_equivariant

EXACT = 1e-12 if X64 else 2e-5


@jax.jit
def network(vectors, h, external, bias=None, mask=None):
    """A block and both readouts: vectors and scalars of each limb."""
    attention, forward, linear, scalars = (as_arrays(p, FLOAT) for p in (ATTENTION, FORWARD, LINEAR, SCALARS))
    moved, told = kernels.set_attention(attention, vectors, h, external, bias=bias, mask=mask)
    mapped, made = kernels.set_feed_forward(forward, moved, h + told, external, mask=mask)
    vectors, h = vectors + moved + mapped, h + told + made
    return (
        kernels.subequivariant_linear(linear, vectors, h, external),
        kernels.subequivariant_scalars(scalars, vectors, h, external),
    )


def scene(n=4):
    return tuple(jnp.asarray(x, FLOAT) for x in limbs(np.random.default_rng(3), n))


def about_the_vertical(key):
    """Turns and reflections that leave the third axis."""
    return jnp.eye(D, dtype=FLOAT).at[:2, :2].set(orthogonal(2)(key))


def test_vectors_turn_with_all_vectors_and_scalars_do_not_change():
    vectors, h, world = scene()
    exactness = {"exactness": "statistical", "bound": EXACT}
    point = vectors, world
    assert_equivariant(
        lambda x: network(x[0], h, x[1])[0], point, orthogonal(D), act_in=turn, act_out=turn, **exactness
    )
    assert_equivariant(lambda x: network(x[0], h, x[1])[1], point, orthogonal(D), act_in=turn, **exactness)


def test_where_gravity_stays_only_what_fixes_it_is_a_symmetry():
    vectors, h, world = scene()
    down, goal = jnp.asarray([0, 0, -1], FLOAT), world[1].at[2].set(0)
    point, exactness = (vectors, goal[None]), {"exactness": "statistical", "bound": EXACT}

    def walks(x):
        return network(x[0], h, jnp.concatenate([down[None], x[1]]))[0]

    assert_equivariant(walks, point, about_the_vertical, act_in=turn, act_out=turn, **exactness)
    # Negative control, which is the point: other turns are none.
    assert_not_equivariant(walks, point, orthogonal(D), act_in=turn, act_out=turn, delta=1e-2)


def test_limbs_may_be_in_any_order():
    vectors, h, world = scene()
    bias, order = normal(2, 4, 4, seed=5), np.array([2, 0, 3, 1])
    plain = network(vectors, h, world, bias)
    moved = network(vectors[order], h[order], world, bias[:, order][:, :, order])
    for found, wanted in zip(moved, plain, strict=True):
        np.testing.assert_allclose(found, wanted[order], rtol=0, atol=10 * EXACT)
    # Negative control: the bias is left as it was.
    assert float(jnp.max(jnp.abs(network(vectors[order], h[order], world, bias)[1] - plain[1][order]))) > 1e-3


@pytest.mark.allow_nans
@pytest.mark.proves("masks", "symmetrization.set_attention", "symmetrization.set_feed_forward")
def test_padding_changes_nothing_whatever_it_holds():
    vectors, h, world = scene(3)
    attention, forward = as_arrays(ATTENTION, FLOAT), as_arrays(FORWARD, FLOAT)
    mask = jnp.arange(5) < 3
    for filling in (np.nan, 1e30):
        more = jnp.concatenate([vectors, jnp.full((2, C, D), filling)]), jnp.concatenate([h, jnp.full((2, H), filling)])
        for kernel, params in ((kernels.set_attention, attention), (kernels.set_feed_forward, forward)):
            found, wanted = kernel(params, *more, world, mask=mask), kernel(params, vectors, h, world)
            for one, other in zip(found, wanted, strict=True):
                np.testing.assert_allclose(one[:3], other, atol=EXACT)
                assert not np.any(one[3:])


def test_singular_points_have_finite_derivatives():
    """One limb, coincident and resting limbs, all zero, nobody there."""
    vectors, h, world = scene()
    together = jnp.broadcast_to(vectors[:1], vectors.shape)
    gradient = jax.jit(jax.grad(lambda x, mask: sum(jnp.sum(y) for y in network(*x, mask=mask))))
    for given in ((vectors, h, world), (together, h, world), (0 * vectors, 0 * h, 0 * world)):
        for mask in (jnp.ones(4, bool), jnp.zeros(4, bool)):
            assert_finite((network(*given, mask=mask), gradient(given, mask)))
    assert_finite(gradient((vectors[:1], h[:1], world), jnp.ones(1, bool)))


def test_worlds_of_many_bodies():
    bodies = [tuple(jnp.asarray(x, FLOAT) for x in limbs(np.random.default_rng(seed))) for seed in (0, 1)]
    vectors, h, world = (jnp.stack(x) for x in zip(*bodies, strict=True))
    found = network(vectors, h, world[:, None])
    for i, body in enumerate(bodies):
        for together, alone in zip(found, network(*body), strict=True):
            np.testing.assert_allclose(together[i], alone, rtol=0, atol=10 * EXACT)


@pytest.mark.parametrize("channels", [1, 2, 5, 6])
def test_packed_products_are_all_products_once(channels):
    vectors, pairs = normal(3, channels, D), kernels.packed_pairs(channels)
    assert len({tuple(sorted(pair)) for pair in pairs}) == len(pairs) == channels * (channels + 1) // 2
    found, norm = kernels.packed_gram_invariants(vectors)
    gram, wanted = kernels.gram_invariants(vectors)
    np.testing.assert_allclose(found, np.asarray(gram)[:, pairs[:, 0], pairs[:, 1]], atol=EXACT)
    np.testing.assert_allclose(norm, wanted, rtol=EXACT)
    assert_finite(jax.grad(lambda x: jnp.sum(kernels.packed_gram_invariants(x)[1]))(0 * vectors))


def test_axial_channels_become_polar():
    vectors, _, world = scene()
    acting: dict[str, Any] = {
        "act_in": lambda g, x: (kernels.transform_channels(x[0], g, axial=jnp.ones(C, bool)), turn(g, x[1]))
    }
    assert_equivariant(
        lambda x: kernels.polar_from_axial(*x),
        (vectors, world),
        orthogonal(D),
        act_out=turn,
        exactness="exact",
        **acting,
    )
    # Negative control: as polar vectors they do not.
    assert_not_equivariant(
        lambda x: kernels.polar_from_axial(*x), (vectors, world), orthogonal(D), act_in=turn, act_out=turn, delta=0.1
    )


def test_in_the_frame_of_headings_any_map_is_invariant_under_turns():
    body = normal(4, 3)
    weight = normal(12, 5, seed=2)

    def anything(body):
        return jnp.tanh(kernels.to_heading_frame(body, kernels.heading_angle(body[0])).reshape(12) @ weight)

    def turned(key):
        c, s = jnp.cos(jax.random.normal(key)), jnp.sin(jax.random.normal(key))
        return jnp.asarray([[c, -s, 0], [s, c, 0], [0, 0, 1]], FLOAT)

    assert_equivariant(anything, body, turned, act_in=turn, exactness="exact")
    # Negative control: reflections are not made up for.
    mirror = jnp.asarray(np.diag([1.0, -1, 1]), FLOAT)
    assert_not_equivariant(anything, body, lambda key: mirror, act_in=turn, delta=1e-2)


def test_a_vertical_direction_has_no_heading():
    vertical = jnp.asarray([0, 0, 1], FLOAT)
    assert kernels.heading_angle(vertical) == 0
    np.testing.assert_array_equal(jax.grad(kernels.heading_angle)(vertical), 0)
    # On two sides of it: however near, half a turn apart.
    near = jnp.asarray([[1e-20, 0, 1], [-1e-20, 0, 1]], FLOAT)
    np.testing.assert_allclose(kernels.heading_angle(near), [0, np.pi], atol=1e-6)
    assert_finite(jax.grad(lambda x: jnp.sum(kernels.heading_angle(x)))(near))


def test_trees():
    """A torso, 0, with two legs, 1 and 2, and a foot, 3, on the first."""
    parents = [-1, 0, 0, 1]
    found = kernels.tree_traversals(parents)
    # Left child, right sibling: 0 has 1 on its left; 1 has 3 on its left and 2 on its right.
    np.testing.assert_array_equal(found.pre, [0, 1, 3, 2])
    np.testing.assert_array_equal(found.inner, [3, 1, 2, 0])
    np.testing.assert_array_equal(found.post, [3, 2, 1, 0])
    ranks, laplacian, distances = np.moveaxis(kernels.tree_relations(parents), -1, 0)
    np.testing.assert_array_equal(distances, [[0, 1, 1, 2], [1, 0, 2, 1], [1, 2, 0, 3], [2, 1, 3, 0]])
    np.testing.assert_allclose(ranks.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.diagonal(laplacian), 1)
    np.testing.assert_allclose(laplacian @ np.sqrt([2, 2, 1, 1]), 0, atol=1e-6)
    np.testing.assert_array_equal(kernels.tree_relations([-1])[0, 0], [1, 0, 0])
    for bad in ([], [-1, -1], [0, -1, 5], [-1, 2, 1]):
        with pytest.raises(ValueError, match="parents must"):
            kernels.tree_traversals(bad)
