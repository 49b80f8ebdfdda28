"""Adaptation and imitation beside the loops over classes and clusters that they are published as."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.bench.case import Case, Peer, Sizes, Work
from jaxinv.kernels import simulators
from jaxinv.kernels import transferability as kernels
from jaxinv.kernels.simulators.point_mass import REACH

NUM_CLASSES = 10
STEPS = 20


def _domains(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """Source, labelled and unlabelled target in a common space, and the probabilities of a classifier."""
    source, labelled, unlabelled = (
        generator.normal(size=(sizes[name], sizes["dim"])).astype(np.float32)
        for name in ("source", "labelled", "unlabelled")
    )
    labels = [(np.arange(len(x)) % NUM_CLASSES).astype(np.int32) for x in (source, labelled)]
    probabilities = generator.dirichlet(np.ones(NUM_CLASSES), len(unlabelled)).astype(np.float32)
    return source, labels[0], labelled, labels[1], unlabelled, probabilities


def _class_by_class(source, source_labels, labelled, labels, unlabelled, probabilities):
    """Marginal, conditional and combined, as published: the means of one class after the other."""
    target = np.concatenate([labelled, unlabelled])
    marginal = np.sum((source.mean(0) - target.mean(0)) ** 2)
    conditional = 0.0
    for c in range(NUM_CLASSES):
        weight = probabilities[:, c : c + 1]
        members = labelled[labels == c]
        mean = (members.sum(0) + (weight * unlabelled).sum(0)) / (len(members) + weight.sum())
        conditional += np.sum((source[source_labels == c].mean(0) - mean) ** 2)
    return np.stack([marginal, conditional, (marginal + conditional) / (1 + NUM_CLASSES)])


def _masked_class_by_class(source, source_labels, labelled, labels, unlabelled, probabilities):
    """The same loop compiled, with masks."""
    marginal = jnp.sum((jnp.mean(source, 0) - jnp.mean(jnp.concatenate([labelled, unlabelled]), 0)) ** 2)
    conditional = jnp.zeros(())
    for c in range(NUM_CLASSES):
        of_source, of_target = (y == c for y in (source_labels, labels))
        weight = probabilities[:, c : c + 1]
        total = jnp.sum(jnp.where(of_target[:, None], labelled, 0.0), 0) + jnp.sum(weight * unlabelled, 0)
        mean = jnp.sum(jnp.where(of_source[:, None], source, 0.0), 0) / jnp.sum(of_source)
        conditional += jnp.sum((mean - total / (jnp.sum(of_target) + jnp.sum(weight))) ** 2)
    return jnp.stack([marginal, conditional, (marginal + conditional) / (1 + NUM_CLASSES)])


def _mmd_work(sizes: Sizes) -> Work:
    """Each labelled sample is added once, each unlabelled one with every class's weight; everything is read once."""
    one, soft, dim = sizes["source"] + sizes["labelled"], sizes["unlabelled"], sizes["dim"]
    return Work(
        flops=dim * (one + 2.0 * NUM_CLASSES * soft), bytes=4.0 * (dim * (one + soft) + one + NUM_CLASSES * soft)
    )


def _embeddings(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    return (generator.normal(size=(2 * sizes["trajectories"], sizes["dim"])).astype(np.float32),)


def _anchor_by_anchor(embeddings):
    """One trajectory after the other."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    loss = 0.0
    for i in range(0, len(unit), 2):
        similarity = np.exp(unit @ unit[i])
        loss -= np.log(similarity[i + 1] / (similarity.sum() - similarity[i]))
    return loss / (len(unit) // 2)


def _full_matrix(embeddings):
    """The published form in jnp: all pairs of windows, the diagonal masked."""
    unit = embeddings / jnp.linalg.norm(embeddings, axis=1, keepdims=True)
    size = unit.shape[0]
    chances = jnp.exp(jnp.matmul(unit, unit.T, precision="highest")) * (1 - jnp.eye(size))
    partner = chances[jnp.arange(0, size, 2), jnp.arange(1, size, 2)]
    return -jnp.mean(jnp.log(partner / jnp.sum(chances, axis=1)[::2]))


def _contrastive_work(sizes: Sizes) -> Work:
    """Half of the rows of the Gram matrix."""
    count, dim = sizes["trajectories"], sizes["dim"]
    return Work(flops=4.0 * count**2 * dim, bytes=8.0 * count * dim)


def _policies(generator: np.random.Generator, sizes: Sizes) -> tuple[Any, ...]:
    """A linear policy a cluster, and starts."""
    gains = generator.normal(size=(sizes["clusters"], 2, 2)).astype(np.float32)
    return gains, generator.normal(size=(sizes["rollouts"], 2)).astype(np.float32)


def _roll_out(gain, start):
    return simulators.point_mass_rollout(
        jax.random.key(0), lambda states: states @ gain, start, num_steps=STEPS, action_noise=0.0
    )


def _at_once(gains, start):
    return jax.vmap(_roll_out, in_axes=(0, None))(gains, start)


def _cluster_by_cluster(gains, start):
    return jnp.stack([_roll_out(gain, start) for gain in gains])


def _step_by_step(gains, start):
    found = []
    for gain in gains:
        states = [start]
        for _ in range(STEPS):
            reach = np.asarray(REACH, np.float32)
            states.append(states[-1] + reach * np.tanh(states[-1] @ gain))
        found.append(np.stack(states, axis=1))
    return np.stack(found)


def _rollout_work(sizes: Sizes) -> Work:
    """A product, two hyperbolic tangents and the move; start and states once."""
    count = sizes["clusters"] * sizes["rollouts"]
    return Work(flops=12.0 * STEPS * count, bytes=8.0 * (count * (STEPS + 1) + sizes["rollouts"]))


TRANSFER = (
    Case(
        family="transferability",
        name="class_conditional_mmd",
        kernel=kernels.class_conditional_mmd,
        arguments=_domains,
        sizes=({"source": 1000, "labelled": 30, "unlabelled": 1767, "dim": 256},),
        small={"source": 40, "labelled": 20, "unlabelled": 50, "dim": 16},
        work=_mmd_work,
        value=lambda result: jnp.stack(result[:3]),
        peers=(
            Peer(name="a loop over classes in numpy", kind="dense", call=_class_by_class, tolerance=1e-4),
            Peer(
                name="a loop over classes in jnp",
                kind="dense",
                call=_masked_class_by_class,
                compiled=True,
                tolerance=1e-4,
            ),
        ),
        differentiable=(0, 2, 4, 5),
        sweep={"unlabelled": (10_000, 100_000)},
    ),
    Case(
        family="transferability",
        name="sequence_contrastive_loss",
        kernel=kernels.sequence_contrastive_loss,
        arguments=_embeddings,
        sizes=({"trajectories": 1000, "dim": 64},),
        small={"trajectories": 20, "dim": 8},
        work=_contrastive_work,
        peers=(
            Peer(name="a loop over trajectories in numpy", kind="dense", call=_anchor_by_anchor, tolerance=1e-4),
            Peer(name="all pairs of windows in jnp", kind="dense", call=_full_matrix, compiled=True, tolerance=1e-4),
        ),
        differentiable=(0,),
    ),
)

IMITATION = (
    Case(
        family="simulators",
        name="point_mass_rollout",
        kernel=_at_once,
        arguments=_policies,
        sizes=({"clusters": 8, "rollouts": 64},),
        small={"clusters": 2, "rollouts": 5},
        work=_rollout_work,
        peers=(
            Peer(name="a loop over clusters and steps in numpy", kind="dense", call=_step_by_step, tolerance=1e-4),
            Peer(
                name="one cluster after the other (XLA)",
                kind="dense",
                call=_cluster_by_cluster,
                compiled=True,
                tolerance=1e-4,
            ),
        ),
        differentiable=(0, 1),
        sweep={"clusters": (64, 512)},
    ),
)
