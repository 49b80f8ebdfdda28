"""Noise can be a source of knowledge (Yao and Zhang): what counts is that its classes can be told apart.

The target is handwritten digits with three labels a class; the source is random numbers in another space. The knowledge
transfer framework learns from both, and is judged on the target's unlabelled samples, all of which it sees in training.
The target alone is the same network, penalty and number of steps, with the source's weights at zero.

Real sources are changed to see what counts in them: handwritten digits of other writers whose classes exchange their
names, letters in their place, mixes with noise, and as a control labels that are shuffled. Pictures are centred, since
what all of them share hides how they differ once rows have length 1; digits that are not centred show it. The
correlation of gains with two measures of the source is taken over the published range of 100 scaled noise sources,
every third of them with a seed, so that three seeds have all; they have 10 to 100 samples a class, a tenth of the
published numbers.
"""

import dataclasses
import functools
import time

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.data import digits, letters, mnist, resize
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
# Shares of noise in mixes with handwritten digits.
RATIOS = (0.25, 0.5, 0.75)
PICTURES = (
    "digits",
    "digits, classes exchanged",
    "letters",
    *(f"digits, {r:.0%} noise" for r in RATIOS),
    "digits, labels shuffled",
    "digits, not centred",
)
_CHANGED = PICTURES[1:-2]
NAMES = ("target alone", *(f"{kind} noise" for kind in KINDS), *PICTURES)
# Of the kind "scaled", the sources of the correlation; a seed takes every third.
ALPHAS = np.linspace(0.05, 9.95, 100)
_STRIDE = 3
_FEWEST_SAMPLES = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    target: int = 600
    samples_per_class: int = 100
    # Of pictures as sources; its square is the width of the common space.
    side: int = 16
    steps: int = 600
    scaled: int = 34


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains with every source and without; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(target=60, samples_per_class=5, side=8, steps=3, scaled=4) if quick else _Size()
    tell = progress or (lambda text: None)
    pictures = _pictures(size.side)
    measured = []
    for seed in range(seeds):
        tell(f"seed {seed + 1} of {seeds}: {len(NAMES) + size.scaled} fits side by side")
        measured.append(_measure(seed, size, pictures))
    accuracy, source_loss, gap, spread = (np.asarray(column, float) for column in zip(*measured, strict=True))
    named = dict(zip(NAMES, accuracy.T[: len(NAMES)], strict=True))
    alone, gaussian, uniform, laplace = (named[name] for name in NAMES[: 1 + len(KINDS)])
    scaled = slice(len(NAMES), None)
    improvement = accuracy[:, scaled] - alone[:, None]
    measures = {"source's cross-entropy": source_loss, "MMD": gap, "MMD over the spread of the source": gap / spread}
    agreement = {
        name: np.asarray(jax.vmap(kendall_tau)(-jnp.asarray(losses[:, scaled]), jnp.asarray(improvement)))
        for name, losses in measures.items()
    }

    rows = [mean_row(f"accuracy: {name}", values) for name, values in named.items()]
    # Without weights the source is not fitted.
    rows += [mean_row(f"source's cross-entropy: {name}", source_loss[:, i]) for i, name in enumerate(NAMES) if i > 0]
    rows += [mean_row(f"MMD: {name}", gap[:, i]) for i, name in enumerate(NAMES) if i > 0]
    rows += [
        mean_row(f"accuracy: {size.scaled} scaled noises, {name}", reduce(accuracy[:, scaled], axis=1))
        for name, reduce in (("least", np.min), ("mean", np.mean), ("largest", np.max))
    ]
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
        holds_in_every_seed(
            "digits as source beat the target alone by more than 5 points", named["digits"] - alone - 0.05
        ),
        *(
            holds_in_every_seed(f"{name}: less than 5 points from digits", 0.05 - np.abs(named[name] - named["digits"]))
            for name in _CHANGED
        ),
        holds_in_every_seed(
            "digits with shuffled labels help less", named["digits"] - named["digits, labels shuffled"]
        ),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


def _measure(seed: int, size: _Size, pictures):
    """Accuracy, and the source's cross-entropy, MMD and spread, `(len(NAMES) + scaled,)`; the target alone is first."""
    key, start_key = jax.random.split(jax.random.key(seed))
    noise = _noise(key, _alphas(seed, size.scaled), size.samples_per_class, size.side**2)
    changed = _changed_pictures(seed, pictures, size.samples_per_class, np.asarray(noise.features[0]))
    # Whatever the source, the target alone does not see it.
    named = jax.tree.map(lambda x, y: jnp.concatenate([x[:1], x[: len(KINDS)], y, x[len(KINDS) :]]), noise, changed)
    transfer = jnp.arange(named.labels.shape[0]) > 0
    return _fits(start_key, named, transfer, *_target(seed, size.target), size.steps)


def _alphas(seed: int, count: int) -> np.ndarray:
    """Every third, from another start with every seed; round to the beginning at the end."""
    return ALPHAS[(seed + _STRIDE * np.arange(count)) % len(ALPHAS)]


def _pictures(side: int):
    """Handwritten digits and letters `(N, side^2)`, with their labels."""
    handwriting, typeset = mnist(), letters("test", size=side)
    flat = resize(handwriting.images, (side, side)).reshape(-1, side**2)
    return (flat, handwriting.labels), (typeset.images.reshape(-1, side**2), typeset.labels)


def _changed_pictures(seed: int, pictures, samples_per_class: int, noise: np.ndarray) -> NoiseSource:
    """In the order of `PICTURES`, one class after the other; `noise` is Gaussian noise with as many samples."""
    generator = np.random.default_rng(seed)

    def draw(features, labels):
        rows = [generator.permutation(np.flatnonzero(labels == c))[:samples_per_class] for c in range(NUM_CLASSES)]
        return features[np.concatenate(rows)]

    raw, letters_drawn = (draw(*part) for part in pictures)
    written, typeset, noise = (_unit(x - x.mean(axis=0)) for x in (raw, letters_drawn, noise))
    labels = np.repeat(np.arange(NUM_CLASSES, dtype=np.int32), samples_per_class)
    # A cycle through all classes, so that none keeps its name.
    cycle = generator.permutation(NUM_CLASSES)
    exchanged = np.empty_like(cycle)
    exchanged[cycle] = np.roll(cycle, 1)
    mixes = [(1 - ratio) * written + ratio * noise for ratio in RATIOS]
    features = np.stack([written, written, typeset, *mixes, written, _unit(raw)])
    shuffled = generator.permutation(labels)
    own = np.stack([labels, exchanged[labels], labels, *[labels] * len(RATIOS), shuffled, labels])
    return NoiseSource(jnp.asarray(features, jnp.float32), jnp.asarray(own, jnp.int32))


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _target(seed: int, num_samples: int) -> tuple[np.ndarray, ...]:
    """Labelled digits with their labels, and unlabelled digits with theirs, which training does not see."""
    data = digits()
    order = np.random.default_rng(seed).permutation(len(data.labels))
    features, labels = data.images.reshape(len(order), -1)[order], data.labels[order]
    labelled = np.concatenate([np.flatnonzero(labels == c)[:LABELS_PER_CLASS] for c in range(NUM_CLASSES)])
    rest = np.setdiff1d(np.arange(len(order)), labelled)[: num_samples - len(labelled)]
    return features[labelled], labels[labelled], features[rest], labels[rest]


@functools.partial(jax.jit, static_argnames=("samples_per_class", "dim"))
def _noise(key, alphas, samples_per_class: int, dim: int) -> NoiseSource:
    """Every kind, then every alpha with its own numbers of samples in the classes; those left out have the label -1."""
    make = functools.partial(make_noise_source, num_classes=NUM_CLASSES, samples_per_class=samples_per_class, dim=dim)
    kind_key, count_key, key = jax.random.split(key, 3)
    kinds = [make(kind_key, kind) for kind in KINDS]
    # One after the other: eigendecompositions that XLA runs side by side on a CPU can wait for each other.
    scaled = jax.lax.map(
        lambda given: make(given[0], "scaled", alpha=given[1]), (jax.random.split(key, alphas.shape[0]), alphas)
    )
    fewest = max(1, round(_FEWEST_SAMPLES * samples_per_class))
    count = jax.random.randint(count_key, (alphas.shape[0], NUM_CLASSES, 1), fewest, samples_per_class + 1)
    kept = (jnp.arange(samples_per_class)[None, None] < count).reshape(alphas.shape[0], -1)
    scaled = scaled._replace(labels=jnp.where(kept, scaled.labels, -1))
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
    "be told apart and the nearer the target's means come to its own; what the classes and features of a source are "
    "hardly matters.",
    experiment=run,
)
