"""A policy trained in one direction walks as well in all (Chen, Han et al.).

A tripod learns to walk towards a goal, by derivatives through its simulator. Where it starts and where it is to go are
turned together by less than 0.3 radians in training, and all around in the test: for SET, for dense layers, and for the
same dense layers in a frame that turns with the first foot, which are as good in all directions too.

As published, SET takes axial vectors for polar ones: of the tripod it is equivariant under turns, not reflections. Told
of them, from this start, which is its own mirror image, it could learn gaits only that are their own mirror image.
"""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.kernels.simulators import TripodObservation, tripod_rollout, tripod_start
from jaxinv.kernels.symmetrization import heading_angle, to_heading_frame
from jaxinv.models import DenseNetwork, SetActor, SetSizes
from jaxinv.training.ensemble import Ensemble, create_ensemble

TRAINED_WITHIN = 0.3
LEARNING_RATE, LARGEST_GRADIENT = 3e-3, 1.0
SET, DENSE, FRAMED = ("SET", "dense layers", "dense layers in the frame of the first foot")
_LIMBS, _CHANNELS, _AXES = 4, 5, 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    steps: int = 250
    rollouts: int = 16
    times: int = 60
    headings: int = 25
    hidden: int = 128
    sizes: SetSizes = SetSizes(  # noqa: RUF009
        num_features=32, num_mixed=8, num_products=32, width=64, num_blocks=1, head_width=16
    )


class SetPolicy(nnx.Module):
    """The torso has no actuators; what its vector would do is left."""

    def __init__(self, sizes: SetSizes, rngs: nnx.Rngs):
        """Draws the parameters."""
        self.actor = SetActor(_CHANNELS, 1, sizes=sizes, rngs=rngs)

    def __call__(self, observation: TripodObservation) -> jax.Array:
        """Actions `(..., 3, 3)`."""
        vectors, scalars, external = observation
        return self.actor(vectors, scalars, external, vectors[..., -_AXES:, :]).actions[..., 1:, :]


class DensePolicy(nnx.Module):
    """All numbers of all limbs, and the goal, in the world's frame or in that of the first foot."""

    def __init__(self, hidden: int, framed: bool, rngs: nnx.Rngs):
        """Draws the parameters; `framed` in the frame of the first foot."""
        inputs = _LIMBS * (3 * _CHANNELS + 1) + 3
        self.layers = DenseNetwork((inputs, hidden, hidden, (_LIMBS - 1) * _AXES), rngs=rngs)
        self.framed = framed

    def __call__(self, observation: TripodObservation) -> jax.Array:
        """Actions `(..., 3, 3)`."""
        vectors, scalars, external = observation
        goal = external[..., 1, :]
        if self.framed:
            angle = heading_angle(vectors[..., 1, 0, :])
            vectors, goal = to_heading_frame(vectors, angle), to_heading_frame(goal, angle)
        lead = goal.shape[:-1]
        seen = jnp.concatenate([vectors.reshape(*lead, -1), scalars.reshape(*lead, -1), goal], axis=-1)
        return jnp.tanh(self.layers(seen)).reshape(*lead, _LIMBS - 1, _AXES)


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains and tests; see `Claim.run`."""
    start = time.perf_counter()
    small = SetSizes(num_features=4, num_mixed=3, num_products=2, width=4, num_blocks=1, num_heads=1, head_width=3)
    size = _Size(steps=2, rollouts=2, times=3, headings=3, hidden=4, sizes=small) if quick else _Size()
    makers: dict[str, Callable[[nnx.Rngs], nnx.Module]] = {
        SET: functools.partial(SetPolicy, size.sizes),
        DENSE: functools.partial(DensePolicy, size.hidden, False),
        FRAMED: functools.partial(DensePolicy, size.hidden, True),
    }
    tell = progress or (lambda text: None)
    trained, around = {}, {}
    for name, make in makers.items():
        tell(f"{name}: training {size.steps} steps")
        began = time.perf_counter()
        policies = create_ensemble(make, range(seeds))
        policies = Ensemble(policies.graphdef, _trained(policies, jax.random.split(jax.random.key(1), seeds), size))
        near = np.linspace(-TRAINED_WITHIN, TRAINED_WITHIN, size.headings)
        circle = np.linspace(-np.pi, np.pi, size.headings, endpoint=False)
        trained[name] = _returns(policies, near, size).mean(axis=1)
        around[name] = _returns(policies, circle, size)
        tell(f"{name}: {trained[name].mean():.3f} as trained, {time.perf_counter() - began:.0f} s")
    rows, spreads = [], {}
    for name in makers:
        mean = around[name].mean(axis=1)
        spreads[name] = np.ptp(around[name], axis=1) / np.abs(mean)
        rows += [
            mean_row(f"return, headings as trained: {name}", trained[name]),
            mean_row(f"return, all headings: {name}", mean),
            mean_row(f"return, the worst heading: {name}", around[name].min(axis=1)),
            mean_row(f"spread over headings, relative: {name}", spreads[name]),
        ]
    checks = (
        holds_in_every_seed("SET's returns of all headings are within 1 % of each other", 1e-2 - spreads[SET]),
        holds_in_every_seed(
            "dense layers lose more than half of their return over all headings",
            trained[DENSE] / 2 - around[DENSE].mean(axis=1),
        ),
        holds_in_every_seed(
            "over all headings SET is better than dense layers", (around[SET] - around[DENSE]).mean(axis=1)
        ),
        holds_in_every_seed(
            "in the frame of the first foot dense layers are within 1 % on all headings too", 1e-2 - spreads[FRAMED]
        ),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


@functools.partial(jax.jit, static_argnames=("size",))
def _trained(policies: Ensemble, keys, size: _Size):
    """Parameters after steps of Adam on the return, by derivatives through the simulator, of all seeds at once."""
    optimiser = optax.chain(optax.clip_by_global_norm(LARGEST_GRADIENT), optax.adam(LEARNING_RATE))

    def loss(params, headings):
        return -jnp.mean(_return(policies.graphdef, params, headings, size.times))

    def of_seed(params, key):
        def step(state, key):
            params, moments = state
            headings = jax.random.uniform(key, (size.rollouts,), minval=-TRAINED_WITHIN, maxval=TRAINED_WITHIN)
            updates, moments = optimiser.update(jax.grad(loss)(params, headings), moments)
            return (optax.apply_updates(params, updates), moments), None

        (params, _), _ = jax.lax.scan(step, (params, optimiser.init(params)), jax.random.split(key, size.steps))
        return params

    return jax.vmap(of_seed)(policies.params, keys)


def _returns(policies: Ensemble, headings: np.ndarray, size: _Size) -> np.ndarray:
    """`(seeds, headings)`."""
    return np.asarray(_returns_of_all(policies, jnp.asarray(headings, float), size.times))


@functools.partial(jax.jit, static_argnames=("num_times",))
def _returns_of_all(policies, headings, num_times):
    return jax.vmap(lambda params: _return(policies.graphdef, params, headings, num_times))(policies.params)


def _return(graphdef: Any, params, headings, num_times):
    """The mean reward of a second and a bit, `(headings,)`; the goal lies ahead of the first foot."""
    start = tripod_start(headings, jnp.zeros_like(headings))
    return jnp.mean(tripod_rollout(nnx.merge(graphdef, params), start, num_steps=num_times).rewards, axis=0)


CLAIM = Claim(
    name="subequivariant-set",
    title="Subequivariant Graph Reinforcement Learning in 3D Environments",
    reference="Chen, Han, Sun, Huang and Liu, ICML 2023, arXiv:2305.18951",
    statement="A policy that is equivariant under what leaves gravity as it is acts alike in all directions, also in "
    "those that it was not trained in; a network without that loses what it learned.",
    experiment=run,
)
