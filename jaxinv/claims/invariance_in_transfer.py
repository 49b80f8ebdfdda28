"""Sharing the right invariances decides transfer, more than the amount of data (Speicher, Nanda et al.).

Classes are procedural objects. A small convolutional network is trained to tell 10 objects apart under a set of
transformations, and a linear probe on its frozen features then tells 10 other objects apart under rotations and hue
changes. All networks, every condition in every seed, train together under one vmap.
"""

import dataclasses
import functools
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.claims.batches import random_batches
from jaxinv.claims.claim import Claim, ClaimResult, Progress, Row, holds_in_every_seed, mean_row
from jaxinv.kernels.simulators import sprite_params, transformation_mask, transforms2d_batch, twin_batches
from jaxinv.kernels.transferability import sens
from jaxinv.models import ConvNet
from jaxinv.training import Ensemble, create_ensemble, ensemble_outputs, linear_probe, train_ensemble

TARGET = ("rotate", "hue")
CONDITIONS = {
    "same": TARGET,
    "superset": (*TARGET, "translate", "noise"),
    "same, a quarter of the data": TARGET,
    "other": ("translate", "noise"),
    "none": (),
}
FEW = "same, a quarter of the data"
NUM_OBJECTS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    images: int = 4000
    probe_images: int = 1000
    twins: int = 1000
    steps: int = 600
    batch_size: int = 128


class _Target(NamedTuple):
    """The target task of one seed."""

    images: np.ndarray
    labels: np.ndarray
    new_twins: tuple[np.ndarray, np.ndarray]
    """Of the target's objects."""
    known_twins: tuple[np.ndarray, np.ndarray]
    """Of the objects that the networks were trained on."""


def make_network(rngs):
    """Three strided convolutions of 12, 24 and 48 channels and the mean over all places."""
    return ConvNet(num_classes=NUM_OBJECTS, widths=(12, 24, 48), channels=3, rngs=rngs)


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains, probes and measures; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(images=64, probe_images=40, twins=40, steps=4, batch_size=8) if quick else _Size()
    tell = progress or (lambda text: None)
    tell("drawing pictures")
    sources, targets = zip(*(_draw(seed, size) for seed in range(seeds)), strict=True)
    ensemble = _train(sources, seeds, size, tell)

    accuracy = {name: np.zeros(seeds) for name in CONDITIONS}
    new_sens = {name: np.zeros(seeds) for name in CONDITIONS}
    known_sens = {name: np.zeros(seeds) for name in CONDITIONS}
    for seed, target in enumerate(targets):
        tell(f"linear probes and sensitivity of seed {seed + 1} of {seeds}")
        mine = Ensemble(ensemble.graphdef, jax.tree.map(lambda p, s=seed: p[s :: len(targets)], ensemble.params))
        features = ensemble_outputs(mine, target.images).features
        half = size.probe_images
        train_labels, test_labels = target.labels[:half], target.labels[half:]
        probed = linear_probe(
            features[:, :half], train_labels, features[:, half:], test_labels, num_classes=NUM_OBJECTS
        )
        columns = probed, _sensitivity(mine, target.new_twins, seed), _sensitivity(mine, target.known_twins, seed)
        for i, name in enumerate(CONDITIONS):
            accuracy[name][seed], new_sens[name][seed], known_sens[name][seed] = (float(c[i]) for c in columns)

    superset_source = _source_accuracy(ensemble, sources, list(CONDITIONS).index("superset"))
    other_source = _source_accuracy(ensemble, sources, list(CONDITIONS).index("other"))
    rows = [mean_row(f"target accuracy: {name}", values) for name, values in accuracy.items()]
    rows += [mean_row(f"sensitivity on new objects: {name}", values) for name, values in new_sens.items()]
    rows += [mean_row(f"sensitivity on known objects: {name}", values) for name, values in known_sens.items()]
    rows += [
        mean_row("source accuracy: superset", superset_source),
        mean_row("source accuracy: other", other_source),
        Row(
            "sensitivity: other minus none",
            float(np.mean(new_sens["other"] - new_sens["none"])),
            "not part of the claim: sensitivity alone is no transfer score",
        ),
    ]
    checks = (
        holds_in_every_seed("accuracy: same transformations beat other ones", accuracy["same"] - accuracy["other"]),
        holds_in_every_seed("accuracy: a superset beats other ones", accuracy["superset"] - accuracy["other"]),
        holds_in_every_seed("accuracy: other transformations beat none", accuracy["other"] - accuracy["none"]),
        holds_in_every_seed(
            "accuracy: same transformations with a quarter of the data beat other ones with all of it",
            accuracy[FEW] - accuracy["other"],
        ),
        holds_in_every_seed(
            "sensitivity on new objects: same is less sensitive than other", new_sens["other"] - new_sens["same"]
        ),
        holds_in_every_seed(
            "sensitivity on new objects: superset is less sensitive than other",
            new_sens["other"] - new_sens["superset"],
        ),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


def _draw(seed: int, size: _Size) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], _Target]:
    """The source sets by condition, and the target, of one seed."""
    keys = jax.random.split(jax.random.key(seed), 6)
    known, new = (jax.vmap(sprite_params)(jax.random.split(key, NUM_OBJECTS)) for key in keys[:2])

    def pictures(key, objects, names, count):
        images, labels = transforms2d_batch(key, objects, count, transformation_mask(names))
        return np.asarray(images, np.float32), np.asarray(labels)

    def twins(key, objects):
        first, second, _ = twin_batches(key, objects, size.twins, transformation_mask(TARGET))
        return np.asarray(first, np.float32), np.asarray(second, np.float32)

    sources = {name: pictures(keys[2], known, names, size.images) for name, names in CONDITIONS.items()}
    images, labels = pictures(keys[3], new, TARGET, 2 * size.probe_images)
    return sources, _Target(images, labels, twins(keys[4], new), twins(keys[5], known))


def _train(sources, seeds, size, tell) -> Ensemble:
    """One network a condition and seed, the conditions outermost."""
    pairs = [source[name] for name in CONDITIONS for source in sources]
    images, labels = (np.stack(parts) for parts in zip(*pairs, strict=True))
    limits = [size.images // 4 if name == FEW else size.images for name in CONDITIONS for _ in range(seeds)]
    batches = random_batches(images, labels, limits=limits, steps=size.steps, batch_size=size.batch_size, seed=0)
    return train_ensemble(
        create_ensemble(make_network, list(range(seeds)) * len(CONDITIONS)),
        batches,
        learning_rate=3e-3,
        progress=lambda step, _: tell(f"training {len(limits)} networks: step {step} of {size.steps}"),
    )


def _sensitivity(ensemble: Ensemble, twins: tuple[np.ndarray, np.ndarray], seed: int) -> jax.Array:
    first, second = (jnp.asarray(ensemble_outputs(ensemble, images).features) for images in twins)
    return jax.vmap(functools.partial(sens, key=jax.random.key(seed)))(first, second).score


def _source_accuracy(ensemble: Ensemble, sources, condition: int) -> np.ndarray:
    """On the training pictures of one condition, a number a seed."""
    seeds = len(sources)
    mine = Ensemble(
        ensemble.graphdef,
        jax.tree.map(lambda p: p[condition * seeds : (condition + 1) * seeds], ensemble.params),
    )
    images, labels = (np.stack(parts) for parts in zip(*(s[list(CONDITIONS)[condition]] for s in sources), strict=True))
    logits = ensemble_outputs(mine, images, per_network=True).logits
    return np.mean(np.argmax(logits, axis=-1) == labels, axis=1)


CLAIM = Claim(
    name="invariance-in-transfer",
    title="Understanding the Role of Invariance in Transfer Learning",
    reference="Speicher, Nanda et al., TMLR 2024, arXiv:2407.04325",
    statement="Pretraining under the transformations of the target task matters more for transfer than the amount of "
    "data; superfluous invariances do little harm, missing ones much; learned invariance carries over to new objects.",
    experiment=run,
)
