"""SET: in all directions alike, sides too where axial channels are told; and its depth costs no compilation."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxinv.kernels.symmetrization import transform_channels, tree_relations, tree_traversals
from jaxinv.models import LimbTree, SetActor, SetCritic, SetSizes
from tests.simulators.test_tripod import mirrored, turned
from tests.symmetrization.test_vector_channels import orthogonal
from tests.symmetry import assert_equivariant, assert_not_equivariant

SMALL: dict[str, Any] = {
    "num_features": 6,
    "num_mixed": 4,
    "num_products": 5,
    "width": 8,
    "num_blocks": 2,
    "head_width": 4,
}
AXIAL = (False, True, False)
CHANNELS, LIMBS = len(AXIAL), 4


@functools.cache
def network(kind, *, axial=AXIAL, dtype=None, **sizes):
    """Split."""
    made = kind(CHANNELS, 2, sizes=SetSizes(**{**SMALL, **sizes}), axial=axial, dtype=dtype, rngs=nnx.Rngs(0))
    return nnx.split(made)


@functools.cache
def answer(kind, **options):
    graphdef, params = network(kind, **options)
    return jax.jit(lambda *given, **more: nnx.merge(graphdef, params)(*given, **more))


def bodies(limbs=LIMBS):
    """Vectors, scalars, world and axes of hinges, the second of which is axial."""
    draw = np.random.default_rng(0).normal
    world = np.array([[0, 0, -1], [0.6, 0.8, 0]])
    parts = draw(size=(limbs, CHANNELS, 3)), draw(size=(limbs, 2)), world, draw(size=(limbs, CHANNELS, 3))
    return tuple(jnp.asarray(x, jnp.float32) for x in parts)


def act(element, body, *, goal=True):
    vectors, scalars, world, axes = body
    element = element.astype(jnp.float32)
    vectors, axes = (transform_channels(x, element, axial=jnp.asarray(AXIAL)) for x in (vectors, axes))
    return vectors, scalars, world.at[1].set(world[1] @ element.T) if goal else world, axes


def act_out(element, actions):
    return actions * jnp.where(jnp.asarray(AXIAL), jnp.linalg.det(element), 1).astype(actions.dtype)[None]


@pytest.mark.parametrize("element", [turned, mirrored])
def test_policy_and_critic_are_alike_in_all_directions_and_on_both_sides(element, full_precision):
    exactness = {"act_in": act, "exactness": "statistical", "bound": 1e-4}
    assert_equivariant(lambda x: answer(SetActor)(*x).actions, bodies(), element, act_out=act_out, **exactness)
    assert_equivariant(
        lambda x: answer(SetActor)(*x).vectors, bodies(), element, act_out=lambda g, v: v @ g.T, **exactness
    )
    assert_equivariant(lambda x: answer(SetCritic)(*x[:3]), bodies(), element, **exactness)


def test_what_is_no_symmetry(full_precision):
    """Negative controls: gravity does not turn along; nor does a goal left behind; axial channels that are not told."""

    def policy(x, **options):
        return answer(SetActor, **options)(*x).actions

    assert_not_equivariant(policy, bodies(), orthogonal(3), act_in=act, act_out=act_out, delta=1e-2)
    stays = functools.partial(act, goal=False)
    assert_not_equivariant(policy, bodies(), turned, act_in=stays, act_out=act_out, delta=1e-2)
    untold = functools.partial(policy, axial=(False,) * CHANNELS)
    assert_not_equivariant(untold, bodies(), mirrored, act_in=act, act_out=act_out, delta=1e-2)


def test_trees_and_padding(full_precision):
    parents = [-1, 0, 0, 1]
    tree = LimbTree(
        jnp.stack([jnp.asarray(x) for x in tree_traversals(parents)], -1), jnp.asarray(tree_relations(parents))
    )
    sizes = {"num_places": 5}
    plain, values = (
        answer(SetActor, **sizes)(*bodies(), tree=tree),
        answer(SetCritic, **sizes)(*bodies()[:3], tree=tree),
    )
    # Places are told, relations too.
    for other in (tree._replace(places=tree.places[::-1]), tree._replace(relations=-tree.relations)):
        assert float(jnp.max(jnp.abs(answer(SetActor, **sizes)(*bodies(), tree=other).actions - plain.actions))) > 1e-5
    mask = jnp.arange(LIMBS + 2) < LIMBS
    vectors, scalars, world, axes = (jnp.pad(x, ((0, 2),) + ((0, 0),) * (x.ndim - 1)) for x in bodies())
    vectors, scalars, axes = (jnp.where(mask.reshape(-1, *[1] * (x.ndim - 1)), x, 9) for x in (vectors, scalars, axes))
    padded = LimbTree(jnp.pad(tree.places, ((0, 2), (0, 0))), jnp.pad(tree.relations, ((0, 2), (0, 2), (0, 0))))
    found = answer(SetActor, **sizes)(vectors, scalars, world[:2], axes, tree=padded, mask=mask)
    np.testing.assert_allclose(found.actions[:LIMBS], plain.actions, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(found.actions[LIMBS:], 0)
    found = answer(SetCritic, **sizes)(vectors, scalars, world[:2], tree=padded, mask=mask)
    np.testing.assert_allclose(found[:LIMBS], values, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(found[LIMBS:], 0)


def test_low_precision_is_near():
    exact, found = answer(SetActor)(*bodies()), answer(SetActor, dtype=jnp.bfloat16)(*bodies())
    assert found.actions.dtype == jnp.float32
    np.testing.assert_allclose(found.actions, exact.actions, rtol=0, atol=0.1)
    assert float(jnp.max(jnp.abs(found.actions - exact.actions))) > 0
    assert answer(SetCritic, dtype=jnp.bfloat16)(*bodies()[:3]).dtype == jnp.bfloat16


def test_depth_costs_no_compilation():
    counts = []
    for num_blocks in (1, 4):
        graphdef, params = nnx.split(
            nnx.eval_shape(
                lambda n=num_blocks: SetActor(
                    CHANNELS, 2, sizes=SetSizes(**{**SMALL, "num_blocks": n}), rngs=nnx.Rngs(0)
                )
            )
        )
        loss = jax.grad(lambda p, x, graphdef=graphdef: jnp.sum(nnx.merge(graphdef, p)(*x).actions))
        counts.append(str(jax.make_jaxpr(loss)(params, bodies())).count("="))
    assert counts[0] == counts[1]


def test_wrong_sizes():
    vectors, scalars, world, axes = bodies()
    actor = nnx.merge(*network(SetActor))
    for given, message in (
        ((vectors[:, :2], scalars, world, axes), r"vectors must have shape \(..., N, 3, D\)"),
        ((vectors, scalars[:, :1], world, axes), "scalars must have shape"),
        ((vectors, scalars, world[:1], axes), "external must have shape"),
        ((vectors, scalars, world, axes[:2]), "vectors must have shape"),
        ((vectors[:0], scalars[:0], world, axes[:0]), "vectors must hold one limb or more"),
    ):
        with pytest.raises(ValueError, match=message):
            actor(*given)
    with pytest.raises(ValueError, match="tree must be given if and only if"):
        actor(vectors, scalars, world, axes, tree=LimbTree(jnp.zeros((4, 3), int), jnp.zeros((4, 4, 3))))
    with pytest.raises(ValueError, match="axial must have one value a channel"):
        SetActor(CHANNELS, 2, axial=(True,), rngs=nnx.Rngs(0))
    for name, size in (("num_blocks", 0), ("num_mixed", 2), ("head_width", 2), ("num_places", -1)):
        with pytest.raises(ValueError, match=f"{name} must be"):
            SetSizes(**{name: size})
