"""Weights for demonstrations by agents with other dynamics need clusters of modes (Qiu and Wu).

Demonstrators move a point up or down; half of them move as the imitator can, half do not. A policy that learns to be
taken for a demonstrator keeps to one mode, and then a discriminator takes the other mode for impossible. With a policy
for each cluster of demonstrations, which contrastive clustering finds, both modes keep their weight.
"""

import dataclasses
import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.kernels.simulators import (
    Demonstrations,
    point_mass_demonstrations,
    point_mass_rollout,
    point_mass_start,
)
from jaxinv.kernels.transferability import sampling_distribution
from jaxinv.training.trajectory_clustering import cluster_trajectories
from jaxinv.training.transferable_demonstrations import fit_transferability

NUM_MODES = 2
NUM_STEPS = 20
_WINDOW = 8
_ROLLOUTS, _ACTION_NOISE = 64, 0.3


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    trajectories: int = 25
    rounds: int = 4
    steps: int = 1500


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Clusters the demonstrations, and weighs them with the clusters and without; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(trajectories=3, rounds=1, steps=3) if quick else _Size()
    tell = progress or (lambda text: None)
    draw_keys, cluster_keys, fit_keys = jax.vmap(lambda seed: jax.random.split(jax.random.key(seed), 3), out_axes=1)(
        jnp.arange(seeds)
    )
    demonstrations = jax.vmap(
        functools.partial(point_mass_demonstrations, num_trajectories=size.trajectories, num_steps=NUM_STEPS)
    )(draw_keys)
    tell("contrastive clustering of all seeds")
    found = jax.vmap(
        functools.partial(cluster_trajectories, num_clusters=NUM_MODES, length=_WINDOW, num_rounds=size.rounds)
    )(cluster_keys, demonstrations.states)
    tell(f"{NUM_MODES} policies and discriminators a seed, {size.steps} steps")
    with_clusters = _weigh(fit_keys, demonstrations.states, found.cluster, NUM_MODES, size.steps)
    tell(f"one policy and discriminator a seed, {size.steps} steps")
    without = _weigh(fit_keys, demonstrations.states, jnp.zeros_like(found.cluster), 1, size.steps)

    shares = np.array([_purity(c, m) for c, m in zip(found.cluster, demonstrations.mode, strict=True)])
    rows = [mean_row("share of demonstrations in the cluster of their mode", shares)]
    lowest, told_apart = {}, {}
    for name, fit in ((f"{NUM_MODES} clusters", with_clusters), ("no clusters", without)):
        kinds = _mean_weights(fit.weight, demonstrations)
        lowest[name] = kinds[:, 0].min(axis=1)
        told_apart[name] = _ranked_first(fit.weight, demonstrations)
        rows += [
            mean_row(
                f"weight, {name}: {'reachable' if i == 0 else 'out of reach'}, {'up' if mode else 'down'}",
                kinds[:, i, mode],
            )
            for i in range(2)
            for mode in (1, 0)
        ]
        rows += [
            mean_row(f"least weight of a reachable mode, {name}", lowest[name]),
            mean_row(f"AUC of reachable demonstrations, {name}", told_apart[name]),
            mean_row(f"share of reachable transitions among draws, {name}", _share_drawn(fit.weight, demonstrations)),
            mean_row(f"discriminators' loss at the end, {name}", np.asarray(fit.loss[:, -50:]).mean(axis=(1, 2))),
        ]
    clustered, single = lowest.values()
    checks = (
        holds_in_every_seed("the clusters are the modes, to 5 %", shares - 0.95),
        holds_in_every_seed(f"{NUM_MODES} clusters: the AUC is above 0.95", told_apart[f"{NUM_MODES} clusters"] - 0.95),
        holds_in_every_seed(f"{NUM_MODES} clusters: both reachable modes weigh more than 0.4", clustered - 0.4),
        holds_in_every_seed("no clusters: a reachable mode weighs less than 0.2", 0.2 - single),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


def imitator(key, policy):
    """Trajectories `(rollouts, T + 1, 2)` of the imitator under a policy."""
    start_key, key = jax.random.split(key)
    start = point_mass_start(start_key, shape=(_ROLLOUTS,))
    return point_mass_rollout(key, policy, start, num_steps=NUM_STEPS, action_noise=_ACTION_NOISE)


def _weigh(keys, states, cluster, num_clusters: int, num_steps: int):
    """Every seed in one program."""
    fit = functools.partial(
        fit_transferability, rollout=imitator, num_actions=2, num_clusters=num_clusters, num_steps=num_steps
    )
    return jax.vmap(fit)(keys, states, cluster)


def _purity(cluster, mode) -> float:
    """The share of demonstrations that have the mode of most in their cluster."""
    counts = np.zeros((NUM_MODES, NUM_MODES))
    np.add.at(counts, (np.asarray(cluster), np.asarray(mode)), 1)
    return counts.max(axis=1).sum() / counts.sum()


def _mean_weights(weight, demonstrations: Demonstrations) -> np.ndarray:
    """(seeds, reachable or not, mode)."""
    weight, mode, reachable = (np.asarray(x) for x in (weight, demonstrations.mode, demonstrations.reachable))
    return np.array(
        [
            [[w[(r == within) & (m == mode)].mean() for mode in range(NUM_MODES)] for within in (True, False)]
            for w, m, r in zip(weight, mode, reachable, strict=True)
        ]
    )


def _ranked_first(weight, demonstrations: Demonstrations) -> np.ndarray:
    """The chance that a reachable demonstration has a larger mean weight than another one, of each seed."""
    found = []
    for w, reachable in zip(np.asarray(weight).mean(axis=2), np.asarray(demonstrations.reachable), strict=True):
        ahead = w[reachable][:, None] - w[~reachable]
        found.append(np.mean(ahead > 0) + np.mean(ahead == 0) / 2)
    return np.array(found)


def _share_drawn(weight, demonstrations: Demonstrations) -> np.ndarray:
    """The chance that a transition drawn by weight is of a reachable demonstration, of each seed."""
    probabilities = np.asarray(jax.vmap(sampling_distribution)(weight).probabilities).reshape(weight.shape)
    return np.sum(probabilities.sum(axis=2) * np.asarray(demonstrations.reachable), axis=1)


CLAIM = Claim(
    name="ood-il",
    title="Out-of-Dynamics Imitation Learning from Multimodal Demonstrations",
    reference="Qiu and Wu, CoRL 2022, arXiv:2211.06839",
    statement="Discriminators weigh demonstrations by whether the imitator can make them, provided that each mode of "
    "the demonstrations has a policy of its own; one policy for all drops a mode that the imitator could make.",
    experiment=run,
)
