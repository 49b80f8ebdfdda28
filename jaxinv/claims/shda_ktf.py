"""Noise can be a source of knowledge (Yao and Zhang): what counts is that its classes can be told apart.

The target is handwritten digits with three labels a class; the source is random numbers in another space. The knowledge
transfer framework learns from both, and is judged on the target's unlabelled samples, all of which it sees in training.
The target alone is the same network, penalty and number of steps, with the source's weights at zero.
"""

import dataclasses
import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.data import digits
from jaxinv.kernels.transferability import (
    NoiseSource,
    kendall_tau,
    ktf_batch,
    ktf_logits,
    ktf_project,
    make_noise_source,
)
from jaxinv.training.heterogeneous_adaptation import ktf_fit

NUM_CLASSES = 10
LABELS_PER_CLASS = 3
BETA, MU, TAU = 0.1, 1.0, 0.05
KINDS = ("gaussian", "uniform", "laplace")
# Of the kind "scaled", the sources of the correlation: the published range, evenly spread in the logarithm.
ALPHAS = tuple(float(alpha) for alpha in np.geomspace(0.05, 9.95, 10))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    target: int = 600
    samples_per_class: int = 100
    # Of the common space.
    dim: int = 256
    steps: int = 600
    alphas: tuple[float, ...] = ALPHAS


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains with every source and without; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(target=60, samples_per_class=5, dim=8, steps=3, alphas=ALPHAS[::3]) if quick else _Size()
    tell = progress or (lambda text: None)
    measured = []
    for seed in range(seeds):
        tell(f"seed {seed + 1} of {seeds}: {1 + len(KINDS) + len(size.alphas)} fits side by side")
        measured.append(_measure(seed, size))
    accuracy, source_loss, gap, spread = (np.asarray(column, float) for column in zip(*measured, strict=True))
    alone, (gaussian, uniform, laplace) = accuracy[:, 0], accuracy[:, 1 : 1 + len(KINDS)].T
    scaled = slice(1 + len(KINDS), None)
    improvement = accuracy[:, scaled] - alone[:, None]
    measures = {"source's cross-entropy": source_loss, "MMD": gap, "MMD over the spread of the source": gap / spread}
    agreement = {
        name: np.asarray(jax.vmap(kendall_tau)(-jnp.asarray(losses[:, scaled]), jnp.asarray(improvement)))
        for name, losses in measures.items()
    }

    names = (
        "target alone",
        *(f"{kind} noise" for kind in KINDS),
        *(f"scaled noise, alpha {a:.2f}" for a in size.alphas),
    )
    rows = [mean_row(f"accuracy: {name}", accuracy[:, i]) for i, name in enumerate(names)]
    # Without weights the source is not fitted.
    rows += [mean_row(f"source's cross-entropy: {name}", source_loss[:, i]) for i, name in enumerate(names) if i > 0]
    rows += [mean_row(f"MMD: {name}", gap[:, i]) for i, name in enumerate(names) if i > 0]
    rows += [mean_row(f"Kendall tau of improvement and minus the {name}", tau) for name, tau in agreement.items()]
    checks = (
        holds_in_every_seed("separated noise beats the target alone by more than 5 points", gaussian - alone - 0.05),
        holds_in_every_seed("separated noise beats uniform noise", gaussian - uniform),
        holds_in_every_seed("separated noise beats Laplace noise", gaussian - laplace),
        holds_in_every_seed("uniform noise does no harm", uniform - alone),
        holds_in_every_seed("Laplace noise does no harm", laplace - alone),
        holds_in_every_seed(
            "sources told apart better improve more (Kendall tau above 0)", agreement["source's cross-entropy"]
        ),
        holds_in_every_seed("sources with a smaller MMD improve more (Kendall tau above 0)", agreement["MMD"]),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


def _measure(seed: int, size: _Size):
    """Accuracy, and the source's cross-entropy, MMD and spread, `(1 + kinds + alphas,)`; the target alone is first."""
    key, start_key = jax.random.split(jax.random.key(seed))
    sources = _sources(key, size.samples_per_class, size.dim, size.alphas)
    transfer = jnp.arange(sources.labels.shape[0]) > 0
    return _fits(start_key, sources, transfer, *_target(seed, size.target), size.steps)


def _target(seed: int, num_samples: int) -> tuple[np.ndarray, ...]:
    """Labelled digits with their labels, and unlabelled digits with theirs, which training does not see."""
    data = digits()
    order = np.random.default_rng(seed).permutation(len(data.labels))
    features, labels = data.images.reshape(len(order), -1)[order], data.labels[order]
    labelled = np.concatenate([np.flatnonzero(labels == c)[:LABELS_PER_CLASS] for c in range(NUM_CLASSES)])
    rest = np.setdiff1d(np.arange(len(order)), labelled)[: num_samples - len(labelled)]
    return features[labelled], labels[labelled], features[rest], labels[rest]


@functools.partial(jax.jit, static_argnames=("samples_per_class", "dim", "alphas"))
def _sources(key, samples_per_class: int, dim: int, alphas: tuple[float, ...]) -> NoiseSource:
    """The first kind once more for the target alone, then every kind and every alpha."""
    make = functools.partial(make_noise_source, num_classes=NUM_CLASSES, samples_per_class=samples_per_class, dim=dim)
    key, kind_key = jax.random.split(key)
    kinds = [make(kind_key, kind) for kind in (KINDS[0], *KINDS)]
    # One after the other: eigendecompositions that XLA runs side by side on a CPU can wait for each other.
    scaled = jax.lax.map(
        lambda given: make(given[0], "scaled", alpha=given[1]),
        (jax.random.split(key, len(alphas)), jnp.asarray(alphas)),
    )
    return jax.tree.map(lambda *parts: jnp.concatenate([jnp.stack(parts[:-1]), parts[-1]]), *kinds, scaled)


@functools.partial(jax.jit, static_argnames="num_steps")
def _fits(key, sources: NoiseSource, transfer, labelled, labels, unlabelled, truth, num_steps: int):
    """All sources on the same target, from the same start."""

    def fit(source, transfer):
        batch = ktf_batch(source.features, source.labels, labelled, labels, unlabelled, num_classes=NUM_CLASSES)
        weight = transfer.astype(source.features.dtype)
        found = ktf_fit(key, batch, beta=weight * BETA, mu=weight * MU, tau=TAU, num_steps=num_steps)
        said = jnp.argmax(ktf_logits(found.params, ktf_project(found.params, batch.unlabelled)), axis=1)
        means = batch.source_sums.total / batch.source_sums.mass[:, None]
        spread = jnp.sum(jnp.var(means, axis=0))
        return jnp.mean(said == truth, dtype=weight.dtype), found.last.source, found.last.gap, spread

    return jax.vmap(fit)(sources, transfer)


CLAIM = Claim(
    name="shda-ktf",
    title="Noise May Contain Transferable Knowledge: Understanding Semi-supervised Heterogeneous Domain Adaptation "
    "from an Empirical Perspective",
    reference="Yao and Zhang, 2025, arXiv:2502.13573",
    statement="Random noise helps a target of which few samples are labelled, the more so the better its classes can "
    "be told apart and the nearer the target's means come to its own.",
    experiment=run,
)
