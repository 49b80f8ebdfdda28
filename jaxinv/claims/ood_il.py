"""Weights for demonstrations by agents with other dynamics need clusters of modes (Qiu and Wu).

Demonstrators move a point up or down; half of them move as the imitator can, half do not. A policy that learns to be
taken for a demonstrator keeps to one mode, and then a discriminator takes the other mode for impossible. With a policy
for each cluster of demonstrations, which contrastive clustering finds, both modes keep their weight.

Last, one policy imitates demonstrations that are drawn by their weights, where those that the imitator can make are one
in six. Its rival draws all alike; the oracle draws those that it can make only; alone, it has seen nothing.
"""

import dataclasses
import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.kernels.numerics.silhouette import choose_num_clusters
from jaxinv.kernels.simulators import (
    Demonstrations,
    point_mass_demonstrations,
    point_mass_rollout,
    point_mass_start,
)
from jaxinv.kernels.transferability import sampling_distribution
from jaxinv.training.adversarial_imitation import imitate
from jaxinv.training.trajectory_clustering import cluster_trajectories
from jaxinv.training.transferable_demonstrations import fit_transferability

NUM_MODES = 2
NUM_STEPS = 20
# One reachable demonstration in so many is left for the last step.
_RARITY = 5
_WINDOW, _PULL = 8, 0.1
_ROLLOUTS, _ACTION_NOISE = 64, 0.3


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    trajectories: int = 25
    rounds: int = 4
    steps: int = 1500
    # Among which the silhouette chooses.
    numbers: tuple[int, ...] = (2, 3, 4, 5, 6)


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Clusters the demonstrations, weighs them with the clusters and without, and imitates; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(trajectories=3, rounds=1, steps=3, numbers=(2, 4)) if quick else _Size()
    tell = progress or (lambda text: None)
    draw_keys, cluster_keys, fit_keys = jax.vmap(lambda seed: jax.random.split(jax.random.key(seed), 3), out_axes=1)(
        jnp.arange(seeds)
    )
    demonstrations = jax.vmap(
        functools.partial(point_mass_demonstrations, num_trajectories=size.trajectories, num_steps=NUM_STEPS)
    )(draw_keys)
    states, mode, reachable = demonstrations
    tell("contrastive clustering of all seeds")
    cluster, chosen = _cluster(cluster_keys, states, size)
    # All demonstrations, and those among which reachable ones are rare.
    kept = ~reachable | (jnp.arange(mode.shape[1]) % size.trajectories % _RARITY == 0)[None]
    everything = jnp.stack([jnp.ones_like(kept), kept])
    tell(f"{NUM_MODES} policies and discriminators a seed, {size.steps} steps")
    with_clusters = _weigh(fit_keys, states, jnp.where(everything, cluster[None], -1), NUM_MODES, size.steps)
    tell(f"one policy and discriminator a seed, {size.steps} steps")
    without = _weigh(fit_keys, states, jnp.where(everything, 0, -1), 1, size.steps)
    draws = {
        "by weight": with_clusters.weight[1],
        "by weight, no clusters": without.weight[1],
        "all alike": jnp.broadcast_to(kept[:, :, None], with_clusters.weight[1].shape).astype(states.dtype),
    }
    draws["oracle"] = draws["all alike"] * reachable[:, :, None]
    tell(f"imitation, {len(draws)} draws a seed, {size.steps} steps")
    away = _away(fit_keys, demonstrations, jnp.stack(list(draws.values())), size.steps)
    away = dict(zip((*draws, "alone, random actions"), np.asarray(away), strict=True))

    shares = np.array([_purity(c, m) for c, m in zip(cluster, mode, strict=True)])
    own_shares = np.array([_purity(c, m) for c, m in zip(chosen.assignment, mode, strict=True)])
    rows = [
        mean_row("share of demonstrations in the cluster of their mode", shares),
        mean_row("number of clusters with the largest silhouette", chosen.num_clusters),
        *(mean_row(f"silhouette of {number} clusters", chosen.scores[:, i]) for i, number in enumerate(size.numbers)),
        mean_row("share of demonstrations in a cluster of their mode, that number", own_shares),
    ]
    lowest, told_apart = {}, {}
    for name, fit in ((f"{NUM_MODES} clusters", with_clusters), ("no clusters", without)):
        weight = fit.weight[0]
        kinds = _mean_weights(weight, demonstrations)
        lowest[name] = kinds[:, 0].min(axis=1)
        told_apart[name] = _ranked_first(weight, demonstrations)
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
            mean_row(f"share of reachable transitions among draws, {name}", _share_drawn(weight, demonstrations)),
            mean_row(f"discriminators' loss at the end, {name}", np.asarray(fit.loss[0, :, -50:]).mean(axis=(1, 2))),
        ]
    rows += [
        mean_row(
            f"reachable ones rare: share of reachable transitions among draws, {name}",
            _share_drawn(weight, demonstrations),
        )
        for name, weight in draws.items()
    ]
    rows += [
        mean_row(f"reachable ones rare: distance from a reachable path, {name}", far) for name, far in away.items()
    ]
    clustered, single = lowest.values()
    spared = (away["all alike"] - away["oracle"]) / 2 - (away["by weight"] - away["oracle"])
    checks = (
        holds_in_every_seed("the clusters are the modes, to 5 %", shares - 0.95),
        holds_in_every_seed("so are parts of them, as many as the silhouette says", own_shares - 0.95),
        holds_in_every_seed(f"{NUM_MODES} clusters: the AUC is above 0.95", told_apart[f"{NUM_MODES} clusters"] - 0.95),
        holds_in_every_seed(f"{NUM_MODES} clusters: both reachable modes weigh more than 0.4", clustered - 0.4),
        holds_in_every_seed("no clusters: a reachable mode weighs less than 0.2", 0.2 - single),
        *(
            holds_in_every_seed(
                f"imitation by weight is nearer to a reachable path than {name}", far - away["by weight"]
            )
            for name, far in away.items()
            if name not in ("by weight", "oracle")
        ),
        holds_in_every_seed("weights spare half of what drawing all alike loses against the oracle", spared),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


def imitator(key, policy):
    """Trajectories `(rollouts, T + 1, 2)` of the imitator under a policy."""
    start_key, key = jax.random.split(key)
    start = point_mass_start(start_key, shape=(_ROLLOUTS,))
    return point_mass_rollout(key, policy, start, num_steps=NUM_STEPS, action_noise=_ACTION_NOISE)


@functools.partial(jax.jit, static_argnames=("size",))
def _cluster(keys, states, size: _Size):
    """Clusters of every seed; and by an encoder that is not told how many there are, as many as its silhouette says."""
    fit = functools.partial(cluster_trajectories, num_clusters=NUM_MODES, length=_WINDOW, num_rounds=size.rounds)

    def of_seed(key, states):
        found = jax.vmap(lambda pull: fit(key, states, pull=pull))(jnp.array([_PULL, 0.0]))
        return found.cluster[0], choose_num_clusters(key, found.embedding[1], size.numbers)

    return jax.vmap(of_seed)(keys, states)


def _weigh(keys, states, cluster, num_clusters: int, num_steps: int):
    """Every seed in one program, and every one of several parts of the demonstrations `(parts, seeds, m)`."""
    fit = functools.partial(
        fit_transferability, rollout=imitator, num_actions=2, num_clusters=num_clusters, num_steps=num_steps
    )
    return jax.vmap(jax.vmap(fit), (None, None, 0))(keys, states, cluster)


@functools.partial(jax.jit, static_argnames=("num_steps",))
def _away(keys, demonstrations: Demonstrations, weights, num_steps: int):
    """Mean distance `(draws + 1, seeds)` of an imitator's states from those of the nearer reachable mode.

    Of imitators that draw by `weights`, `(draws, seeds, m, T)`, and of one without a policy.
    """

    def of_seed(key, demonstrations, weights):
        states, mode, reachable = demonstrations
        members = ((mode[None] == jnp.arange(NUM_MODES)[:, None]) & reachable[None]).astype(states.dtype)
        paths = jnp.einsum("km,mtd->ktd", members, states) / jnp.sum(members, axis=1)[:, None, None]
        made_key, key = jax.random.split(key)

        def made(weight):
            found = imitate(key, states, weight, rollout=imitator, num_actions=2, num_steps=num_steps)
            return imitator(made_key, found.policy)

        every = jnp.concatenate([jax.vmap(made)(weights), imitator(made_key, jnp.zeros_like)[None]])
        apart = jnp.linalg.norm(every[:, :, None] - paths[None, None], axis=-1)
        return jnp.mean(jnp.min(jnp.mean(apart, axis=3), axis=2), axis=1)

    return jax.vmap(of_seed, (0, 0, 1), 1)(keys, demonstrations, weights)


def _purity(cluster, mode) -> float:
    """The share of demonstrations that have the mode of most in their cluster."""
    counts = np.zeros((1 + np.max(cluster), NUM_MODES))
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
