"""The tripod stands, falls freely, and turns and is reflected with its world as long as the vertical stays."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.kernels import simulators as kernels
from jaxinv.kernels.symmetrization import transform_channels
from tests.duties import FLOAT, X64, assert_finite
from tests.simulators.tripod_cases import numpy_stepped, state_of
from tests.symmetrization.test_vector_channels import normal, orthogonal
from tests.symmetry import assert_equivariant, assert_not_equivariant

AXIAL_CHANNELS, AXIAL_ACTIONS = jnp.asarray(kernels.AXIAL_CHANNELS), jnp.asarray(kernels.AXIAL_ACTIONS)


def standing(heading=0.3, bearing=0.4):
    return kernels.tripod_start(jnp.asarray(heading, FLOAT), jnp.asarray(bearing, FLOAT))


def turned(key):
    """About the vertical."""
    angle = jax.random.uniform(key, (), FLOAT, -np.pi, np.pi)
    c, s = jnp.cos(angle), jnp.sin(angle)
    return jnp.stack([jnp.stack([c, -s, 0 * c]), jnp.stack([s, c, 0 * c]), jnp.asarray([0, 0, 1], FLOAT)])


def mirrored(key):
    """In a vertical plane."""
    return turned(key) @ jnp.asarray(np.diag([1.0, -1, 1]), FLOAT)


def act(element, point):
    state, actions = point
    sign = jnp.where(AXIAL_ACTIONS, jnp.sign(jnp.linalg.det(element)), 1)[None]
    return kernels.TripodState(*(x @ element.T for x in state)), actions * sign


def act_out(element, positions):
    return positions @ element.T


@jax.jit
def step(point):
    state = kernels.tripod_step(*point)
    return jnp.stack([state.positions, state.velocities])


@jax.jit
def walk(point):
    """Where the same actions lead to in sixty steps, which go on pushing one way."""
    state, actions = point
    return kernels.tripod_rollout(lambda seen: actions, state, num_steps=60).positions[-1]


@pytest.mark.parametrize("element", [turned, mirrored])
def test_it_moves_with_its_world(element):
    state, actions = kernels.TripodState(*(jnp.asarray(x, FLOAT) for x in state_of(np.random.default_rng(0)))), None
    actions = 0.5 * normal(3, 3)
    assert_equivariant(step, (state, actions), element, act_in=act, act_out=act_out, exactness="exact")
    exactness = {"exactness": "statistical", "bound": 1e-10 if X64 else 1e-3}
    assert_equivariant(walk, (standing(), actions), element, act_in=act, act_out=act_out, **exactness)


def test_what_is_no_symmetry():
    """Negative controls: gravity does not turn along; actions about axial axes change sign under reflections."""
    point = standing(), 0.5 * normal(3, 3)
    assert_not_equivariant(step, point, orthogonal(3), act_in=act, act_out=act_out, delta=1e-2)
    assert_not_equivariant(walk, point, mirrored, act_in=lambda g, x: (act(g, x)[0], x[1]), act_out=act_out, delta=1e-2)


def test_what_is_seen_turns_and_is_reflected():
    state = kernels.TripodState(*(jnp.asarray(x, FLOAT) for x in state_of(np.random.default_rng(1))))
    for key in jax.random.split(jax.random.key(0), 2):
        for element in (turned(key), mirrored(key)):
            moved = kernels.tripod_observation(act(element, (state, jnp.zeros((3, 3))))[0])
            plain = kernels.tripod_observation(state)
            wanted = transform_channels(plain.vectors, element, axial=AXIAL_CHANNELS)
            np.testing.assert_allclose(moved.vectors, wanted, atol=1e-5)
            np.testing.assert_allclose(moved.scalars, plain.scalars, atol=1e-5)
            np.testing.assert_allclose(moved.external, plain.external @ element.T, atol=1e-5)


def test_it_stands_and_its_feet_carry_it():
    way = kernels.tripod_rollout(lambda seen: jnp.zeros((3, 3), FLOAT), standing(), num_steps=150)
    end = np.asarray(way.positions[-1])
    np.testing.assert_allclose(end[0, :2], 0, atol=1e-4)
    assert 0.3 < end[0, 2] < 0.44
    # Each foot carries a third of four masses: 400 (0.05 - z) newtons where the floor is deep.
    depth = (0.05 - end[1:, 2]) / 0.01
    np.testing.assert_allclose(4 * np.logaddexp(0, depth), 4 * 9.81 / 3, rtol=1e-2)
    np.testing.assert_allclose(way.rewards[-1], 0, atol=1e-4)


def test_on_the_floor_it_is_as_in_numpy():
    """At rest, where the floor bends most."""
    state, actions = standing(), normal(3, 3)
    for _ in range(3):
        wanted = numpy_stepped(*map(functools.partial(np.asarray, dtype=np.float64), (*state, actions)))
        state = kernels.tripod_step(state, actions)
        found = np.concatenate([state.positions, state.velocities], axis=1)
        np.testing.assert_allclose(found, wanted, atol=1e-10 if X64 else 1e-4)


def test_in_the_air_it_falls_freely_whatever_it_does():
    start = standing()
    start = start._replace(positions=start.positions + jnp.asarray([[0, 0, 5]], FLOAT))
    way = kernels.tripod_rollout(lambda seen: normal(3, 3), start, num_steps=10)
    centre = np.asarray(way.positions).mean(axis=1) - np.asarray(start.positions).mean(axis=0)
    np.testing.assert_allclose(centre[-1], [0, 0, -9.81 * 0.02**2 * 55], atol=1e-5)


def test_singular_states_have_finite_derivatives():
    """All masses in one place, at rest; a leg straight down."""
    start = standing()
    upright = start.positions.at[1, :2].set(0)
    gradient = jax.jit(jax.grad(lambda x, a: jnp.sum(walk((start._replace(positions=x), a))), (0, 1)))
    for positions in (jnp.zeros((4, 3), FLOAT), upright):
        for actions in (jnp.zeros((3, 3), FLOAT), jnp.ones((3, 3), FLOAT)):
            assert_finite((walk((start._replace(positions=positions), actions)), gradient(positions, actions)))
