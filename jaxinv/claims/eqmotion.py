"""Motion that is predicted equivariantly needs fewer scenes, and nothing new for turned ones (Xu, Tan et al.).

Five charged particles move almost in a plane, which is the same in all scenes trained on. EqMotion and dense layers on
the centred past predict the second half of their ways; both are tested on such scenes and on turned ones, beside the
guess that particles move straight on. Then some pairs of particles are joined by springs: the categories that EqMotion
learns, one of which does not act, are compared with the springs, about which it is told nothing. And real motion: the
four inner planets, learned from the years 1900 to 1980, predicted 80 days ahead in the years 1990 to 2020.
"""

import dataclasses
import functools
import itertools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.data import PLANETS, planetary_trajectories
from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.simulators import (
    sample_charged_particles,
    sample_joined_particles,
    simulate_charged_particles,
    simulate_springs,
)
from jaxinv.models import EqMotion
from jaxinv.training.ensemble import Ensemble, create_ensemble
from jaxinv.training.motion import displacement_error, train_motion

PARTICLES, TIMES = 5, 10
# Of the axis across the plane.
FLATNESS, SPEED = 0.1, 0.5
# From frame to frame of the planets.
DAYS = 8.0
TRAINED_YEARS, TESTED_YEARS = (1900.0, 1980.0), (1990.0, 2020.0)
AS_TRAINED, TURNED = TESTS = ("as trained", "turned")
EQUIVARIANT, DENSE, STRAIGHT = PREDICTORS = ("EqMotion", "dense layers", "straight on")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    train: int = 400
    test: int = 200
    steps: int = 900
    dense_steps: int = 2000
    features: int = 32
    channels: int = 16
    layers: int = 2
    hidden: tuple[int, ...] = (256, 256)
    spring_train: int = 1000
    spring_steps: int = 1000


class _Positions(NamedTuple):
    positions: jax.Array


class _Dense(nnx.Module):
    """Dense layers on the past about its centre; they give the way from the last position."""

    def __init__(self, widths, rngs: nnx.Rngs):
        sizes = (PARTICLES * TIMES * 3, *widths, PARTICLES * TIMES * 3)
        self.layers = nnx.List(nnx.Linear(a, b, rngs=rngs) for a, b in itertools.pairwise(sizes))

    def __call__(self, past):
        centre = jnp.mean(past, axis=(-3, -2), keepdims=True)
        x = (past - centre).reshape(len(past), -1)
        *hidden, last = self.layers
        for layer in hidden:
            x = jax.nn.silu(layer(x))
        return _Positions(past[..., -1:, :] + last(x).reshape(past.shape))


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains and tests; see `Claim.run`."""
    start = time.perf_counter()
    small: dict[str, Any] = {"train": 8, "test": 8, "steps": 2, "dense_steps": 2, "features": 4, "channels": 2}
    size = _Size(**small, layers=1, hidden=(4,), spring_train=8, spring_steps=2) if quick else _Size()
    tell = progress or (lambda text: None)
    parts = (_charged(seeds, size, tell), _springs(seeds, size, tell), _planets(seeds, size, tell))
    return ClaimResult(
        name=CLAIM.name,
        seeds=seeds,
        seconds=time.perf_counter() - start,
        rows=tuple(row for rows, _ in parts for row in rows),
        checks=tuple(check for _, checks in parts for check in checks),
    )


# --- Charged particles.


def _charged(seeds: int, size: _Size, tell: Progress):
    networks = {
        EQUIVARIANT: (create_ensemble(functools.partial(_eqmotion, size), range(seeds)), size.steps),
        DENSE: (create_ensemble(functools.partial(_Dense, size.hidden), range(seeds)), size.dense_steps),
    }
    errors = {(one, test): np.zeros(seeds) for one in PREDICTORS for test in TESTS}
    change = np.zeros(seeds)
    for seed in range(seeds):
        train_key, test_key, turn_key, batch_key = jax.random.split(jax.random.key(seed), 4)
        past, future = flat_scenes(train_key, size.train)
        scenes = {AS_TRAINED: flat_scenes(test_key, size.test)}
        turn = haar_so(turn_key, (size.test,), 3)
        scenes[TURNED] = _turned(turn, scenes[AS_TRAINED][0]), _turned(turn, scenes[AS_TRAINED][1])
        for name, (ensemble, steps) in networks.items():
            tell(f"{name}: training {steps} steps, seed {seed}")
            graphdef, params = ensemble.graphdef, _one(ensemble, seed)
            params = train_motion(graphdef, params, past, future, key=batch_key, num_steps=steps)
            found = {test: _predicted(graphdef, params, scenes[test][0]).positions for test in TESTS}
            for test in TESTS:
                errors[name, test][seed] = _error(found[test], scenes[test][1])
            if name == EQUIVARIANT:
                apart = np.abs(found[TURNED] - _turned(turn, found[AS_TRAINED]))
                change[seed] = 1e6 * np.max(apart)
        for test in TESTS:
            errors[STRAIGHT, test][seed] = _error(_straight(scenes[test][0]), scenes[test][1])
    rows = [mean_row(f"mean distance, {test}: {name}", values) for (name, test), values in errors.items()]
    rows.append(mean_row("EqMotion, turned: largest distance from the turned prediction (1e-6)", change))
    checks = [
        holds_in_every_seed(
            "EqMotion is as good on turned scenes, to 1e-3",
            1e-3 - np.abs(errors[EQUIVARIANT, TURNED] - errors[EQUIVARIANT, AS_TRAINED]),
        ),
        holds_in_every_seed(
            "EqMotion is nearer than straight on", errors[STRAIGHT, AS_TRAINED] - errors[EQUIVARIANT, AS_TRAINED]
        ),
        holds_in_every_seed(
            "dense layers on as many scenes are not", errors[DENSE, AS_TRAINED] - errors[STRAIGHT, AS_TRAINED]
        ),
        holds_in_every_seed(
            "turned, dense layers are more than 1.3 times as far off",
            errors[DENSE, TURNED] - 1.3 * errors[DENSE, AS_TRAINED],
        ),
    ]
    return rows, checks


@jax.jit
def _straight(past):
    step = past[..., -1:, :] - past[..., -2:-1, :]
    return past[..., -1:, :] + step * jnp.arange(1, TIMES + 1).reshape(1, 1, TIMES, 1)


def flat_scenes(key, num: int):
    """Past and future of charged particles, `(num, 5, 10, 3)` each, that start almost in the plane of x and y."""
    draw = jax.vmap(sample_charged_particles)(jax.random.split(key, num))
    flat = jnp.asarray([1.0, 1.0, FLATNESS]).reshape(1, 1, 3)
    velocities = draw.velocities * flat
    velocities = SPEED * velocities / jnp.linalg.norm(velocities, axis=-1, keepdims=True)
    found = simulate_charged_particles(draw.positions * flat, velocities, draw.charges, num_frames=2 * TIMES)
    return _halves(found.positions)


def _halves(positions):
    """`(num, 2 T, n, d)` to past and future, `(num, n, T, d)`."""
    ways = jnp.swapaxes(positions, 1, 2)
    return ways[:, :, :TIMES], ways[:, :, TIMES:]


# --- Springs.


def _springs(seeds: int, size: _Size, tell: Progress):
    # Of two categories one does not act: with two that act, distances tell the network what it needs, and at this size
    # categories say nothing (0.51 of pairs in one seed).
    networks = create_ensemble(functools.partial(_eqmotion, size, temperature=0.5, num_idle=1), range(seeds))
    accuracy, error, straight = np.zeros(seeds), np.zeros(seeds), np.zeros(seeds)
    for seed in range(seeds):
        tell(f"springs: training {size.spring_steps} steps, seed {seed}")
        train_key, test_key, batch_key = jax.random.split(jax.random.key(100 + seed), 3)
        (past, future), _ = _joined_scenes(train_key, size.spring_train)
        (test_past, test_future), joined = _joined_scenes(test_key, size.test)
        params = train_motion(
            networks.graphdef, _one(networks, seed), past, future, key=batch_key, num_steps=size.spring_steps
        )
        found = _predicted(networks.graphdef, params, test_past)
        accuracy[seed] = category_accuracy(found.categories, joined)
        error[seed], straight[seed] = _error(found.positions, test_future), _error(_straight(test_past), test_future)
    pairs = size.test * PARTICLES * (PARTICLES - 1) / 2
    chance = 0.5 + 3 * 0.5 / np.sqrt(pairs)
    rows = [
        mean_row("springs, share of pairs in the right category", accuracy),
        mean_row("springs, mean distance: EqMotion", error),
        mean_row("springs, mean distance: straight on", straight),
    ]
    checks = [
        holds_in_every_seed("springs: EqMotion is nearer than straight on", straight - error),
        holds_in_every_seed(
            "springs: categories tell joined pairs, by more than 3 standard deviations of guesses", accuracy - chance
        ),
    ]
    return rows, checks


def _joined_scenes(key, num: int):
    draw = jax.vmap(sample_joined_particles)(jax.random.split(key, num))
    found = simulate_springs(*draw, num_frames=2 * TIMES, steps_per_frame=20)
    return _halves(found.positions), draw.springs


def category_accuracy(categories: jax.Array, joined: jax.Array) -> float:
    """Of two categories `(num, n, n, 2)`, the share of pairs that are right, whichever of them means joined."""
    pairs = ~np.eye(joined.shape[-1], dtype=bool)
    right = np.mean((np.argmax(categories, axis=-1) == np.asarray(joined))[:, pairs])
    return float(max(right, 1 - right))


# --- Planets.


def _planets(seeds: int, size: _Size, tell: Progress):
    networks = create_ensemble(functools.partial(_eqmotion, size), range(seeds))
    (past, future), (test_past, test_future) = (
        _planet_scenes(years, num) for years, num in ((TRAINED_YEARS, size.train), (TESTED_YEARS, size.test))
    )
    error, turned = np.zeros(seeds), np.zeros(seeds)
    for seed in range(seeds):
        tell(f"planets: training {size.steps} steps, seed {seed}")
        batch_key, turn_key = jax.random.split(jax.random.key(200 + seed))
        params = _one(networks, seed)
        params = train_motion(networks.graphdef, params, past, future, key=batch_key, num_steps=size.steps)
        turn = haar_so(turn_key, (size.test,), 3)
        error[seed] = _error(_predicted(networks.graphdef, params, test_past).positions, test_future)
        found = _predicted(networks.graphdef, params, _turned(turn, test_past)).positions
        turned[seed] = _error(found, _turned(turn, test_future))
    straight = _error(_straight(test_past), test_future)
    rows = [
        mean_row("planets, mean distance in astronomical units: EqMotion", error),
        mean_row("planets, turned: EqMotion", turned),
        mean_row("planets, mean distance: straight on", np.full(seeds, straight)),
    ]
    checks = [
        holds_in_every_seed("planets: EqMotion is nearer than straight on", straight - error),
        holds_in_every_seed("planets: EqMotion is as good on turned scenes, to 1e-3", 1e-3 - np.abs(turned - error)),
    ]
    return rows, checks


def _planet_scenes(years, num: int):
    ways = planetary_trajectories(PLANETS[:4], years, num_scenes=num, num_frames=2 * TIMES, days=DAYS)
    return jnp.asarray(ways[:, :, :TIMES]), jnp.asarray(ways[:, :, TIMES:])


# --- All.


def _one(ensemble: Ensemble, seed: int):
    return jax.tree.map(lambda x: x[seed], ensemble.params)


def _eqmotion(size: _Size, rngs: nnx.Rngs, **options: Any) -> EqMotion:
    widths = {"num_features": size.features, "num_channels": size.channels, "num_layers": size.layers}
    return EqMotion(TIMES, TIMES, **widths, **options, rngs=rngs)


@functools.partial(jax.jit, static_argnames=("graphdef",))
def _predicted(graphdef, params, past):
    return nnx.merge(graphdef, params)(past)


def _error(found, wanted) -> float:
    return float(jnp.mean(displacement_error(found, wanted)))


def _turned(turn, x):
    return contract("bij,bntj->bnti", turn, x)


CLAIM = Claim(
    name="eqmotion",
    title="EqMotion: Equivariant Multi-agent Motion Prediction with Invariant Interaction Reasoning",
    reference="Xu, Tan, Tan, Chen, Wang and Wang, CVPR 2023, arXiv:2303.10876",
    statement="A network whose predictions turn and move with the past learns motion from few scenes and is as good on "
    "turned ones; invariant categories of interactions that it learns with it recognise which agents interact.",
    experiment=run,
)
