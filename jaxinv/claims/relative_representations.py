"""Encoders and decoders of different runs work together where latents are similarities to anchors (Moschella et al.).

Two networks a seed, which differ in their initial weights alone, learn handwritten digits: once as
classifiers, once as autoencoders, each with an absolute and with a relative latent space. Then every encoder is put
before the other network's decoder, with no further training. CKA of the two absolute spaces stands beside: it is high
where nothing fits.
"""

import dataclasses
import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.data import digits
from jaxinv.kernels.representations import (
    anchors_stratified,
    linear_cka,
    mean_cosine,
    mrr,
    orthogonal_procrustes,
    relative,
)
from jaxinv.models.stitched_network import EncoderDecoder
from jaxinv.training import Ensemble, create_ensemble
from jaxinv.training.full_batch import train_full_batch

NUM_CLASSES, NUM_PIXELS, NUM_ANCHORS = 10, 64, 64
ENCODER = (NUM_PIXELS, 128, 32)
DECODERS = {"classifier": (128, NUM_CLASSES), "autoencoder": (128, NUM_PIXELS)}
SPACES = {"absolute": None, "relative": NUM_ANCHORS}
_LEARNING_RATE = 2e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    train: int = 1200
    steps: tuple[int, int] = (1500, 3000)


class _Task(NamedTuple):
    """Digits of one seed, or of each: `(N, 64)` and labels `(N,)`."""

    images: jax.Array
    labels: jax.Array
    test_images: jax.Array
    test_labels: jax.Array
    anchors: jax.Array


class _Latents(NamedTuple):
    """Of the two absolute classifiers of a seed."""

    cosine: jax.Array
    relative_cosine: jax.Array
    mrr: jax.Array
    relative_mrr: jax.Array
    cka: jax.Array
    relative_cka: jax.Array
    aligned: jax.Array
    """Accuracy of an encoder before the other's decoder, after the rotation that fits the anchors best."""


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains, stitches and measures; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(train=100, steps=(4, 4)) if quick else _Size()
    tell = progress or (lambda text: None)
    tasks: Any = jax.tree.map(lambda *parts: jnp.stack(parts), *(_draw(seed, size.train) for seed in range(seeds)))
    own, stitched = {}, {}
    latents: Any = None
    for kind, steps in zip(DECODERS, size.steps, strict=True):
        for space in SPACES:
            tell(f"training {2 * seeds} networks: {space}, {kind}, {steps} steps")
            networks = _train(kind, space, tasks, seeds, steps)
            scores = np.asarray(_scores(networks, tasks, kind), float)
            # The mean of the two networks as they are; each of the two that are stitched.
            own[kind, space], stitched[kind, space] = scores[:, 0].mean(axis=1), scores[:, 1]
            if (kind, space) == ("classifier", "absolute"):
                latents = jax.tree.map(lambda part: np.asarray(part, float), _latents(networks, tasks))
    measures = {"classifier": "accuracy", "autoencoder": "squared error a pixel"}
    rows = [
        mean_row(f"{measure}, {space} {kind}s: {state}", found[kind, space].reshape(seeds, -1).mean(axis=1))
        for kind, measure in measures.items()
        for state, found in (("own decoder", own), ("the other's decoder", stitched))
        for space in SPACES
    ]
    rows += [
        mean_row(
            "accuracy, absolute classifiers: the other's decoder, after the anchors' best rotation", latents.aligned
        ),
        mean_row("mean cosine of two networks' latents: absolute", latents.cosine),
        mean_row("mean cosine of two networks' latents: relative", latents.relative_cosine),
        mean_row("retrieval between two networks (MRR): absolute", latents.mrr),
        mean_row("retrieval between two networks (MRR): relative", latents.relative_mrr),
        mean_row("CKA of two networks' latents: absolute", latents.cka),
        mean_row("CKA of two networks' latents: relative", latents.relative_cka),
    ]
    right, error = ({space: stitched[kind, space] for space in SPACES} for kind in DECODERS)
    cost = own["classifier", "absolute"] - own["classifier", "relative"]
    checks = (
        holds_in_every_seed("stitched relative classifiers are right above .93", right["relative"].min(axis=1) - 0.93),
        holds_in_every_seed("stitched absolute classifiers are right below .5", 0.5 - right["absolute"].max(axis=1)),
        holds_in_every_seed("relative classifiers lose at most 2 points to absolute ones", 0.02 - cost),
        holds_in_every_seed(
            "stitched autoencoders: the absolute error is at least 5 times the relative one",
            error["absolute"].mean(axis=1) / error["relative"].mean(axis=1) - 5,
        ),
        holds_in_every_seed(
            "relative latents of two networks have a mean cosine above .9", latents.relative_cosine - 0.9
        ),
        holds_in_every_seed("absolute ones have one below .5", 0.5 - latents.cosine),
        holds_in_every_seed("CKA of the absolute latents does not tell: it is above .9", latents.cka - 0.9),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


def _draw(seed: int, num_train: int) -> _Task:
    """A random split; anchors are training samples, about as many of every class."""
    data = digits()
    order = np.random.default_rng(seed).permutation(len(data.labels))
    images, labels = data.images.reshape(len(order), -1)[order], data.labels[order]
    per_class = -(-NUM_ANCHORS // NUM_CLASSES)
    drawn = anchors_stratified(
        jax.random.key(seed), jnp.asarray(labels[:num_train]), per_class, num_classes=NUM_CLASSES
    )
    # The last few of all classes but the first ones are left out.
    by_turns = np.asarray(drawn.rows).reshape(NUM_CLASSES, per_class).T.ravel()[:NUM_ANCHORS]
    parts = images[:num_train], labels[:num_train], images[num_train:], labels[num_train:], images[by_turns]
    return _Task(*map(jnp.asarray, parts))


def _train(kind: str, space: str, tasks: _Task, seeds: int, steps: int) -> Ensemble:
    """Two networks a seed, `(seeds, 2)` in front of their parameters."""

    def make(rngs):
        return EncoderDecoder(ENCODER, DECODERS[kind], num_anchors=SPACES[space], rngs=rngs)

    ensemble = create_ensemble(make, range(2 * seeds))
    start = jax.tree.map(lambda p: p.reshape(seeds, 2, *p.shape[1:]), ensemble.params)
    return Ensemble(ensemble.graphdef, _fits(ensemble.graphdef, start, tasks, kind, steps))


@functools.partial(jax.jit, static_argnames=("graphdef", "kind", "num_steps"))
def _fits(graphdef, start, tasks: _Task, kind: str, num_steps: int):
    def fit(params, task: _Task):
        def loss(params):
            output = nnx.merge(graphdef, params)(task.images, task.anchors)
            if kind == "classifier":
                return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(output, task.labels))
            return jnp.mean((output - task.images) ** 2)

        return train_full_batch(loss, params, optax.adam(_LEARNING_RATE), num_steps=num_steps)

    def fit_both(given):
        params, task = given
        return jax.lax.map(lambda one: fit(one, task), params)

    # One after the other: side by side they took twice as long on two cores.
    return jax.lax.map(fit_both, (start, tasks))


@functools.partial(jax.jit, static_argnames="kind")
def _scores(networks: Ensemble, tasks: _Task, kind: str):
    """Accuracies or squared errors `(seeds, 2, 2)`: with the own decoder, then with the other's."""

    def score(params, task: _Task):
        def encode(params):
            return nnx.merge(networks.graphdef, params).encode(task.test_images, task.anchors)

        def judge(params, codes):
            output = nnx.merge(networks.graphdef, params).decoder(codes)
            if kind == "classifier":
                return _share_right(output, task.test_labels)
            return jnp.mean((output - task.test_images) ** 2)

        codes = jax.vmap(encode)(params)
        return jnp.stack([jax.vmap(judge)(params, codes), jax.vmap(judge)(params, codes[::-1])])

    return jax.vmap(score)(networks.params, tasks)


@jax.jit
def _latents(networks: Ensemble, tasks: _Task) -> _Latents:
    def measure(params, task: _Task):
        pair = _pair(networks.graphdef, params)
        (x, of_x), (y, of_y) = ([one.encoder(z) for z in (task.test_images, task.anchors)] for one in pair)
        relative_x, relative_y = relative(x, of_x), relative(y, of_y)
        aligned = pair[1].decoder(x @ orthogonal_procrustes(of_x, of_y))
        return _Latents(
            mean_cosine(x, y),
            mean_cosine(relative_x, relative_y),
            mrr(x, y),
            mrr(relative_x, relative_y),
            linear_cka(x, y).score,
            linear_cka(relative_x, relative_y).score,
            _share_right(aligned, task.test_labels),
        )

    # One after the other: decompositions that XLA runs side by side on a CPU can wait for each other.
    return jax.lax.map(lambda given: measure(*given), (networks.params, tasks))


def _pair(graphdef, params):
    return [nnx.merge(graphdef, jax.tree.map(lambda p, i=i: p[i], params)) for i in range(2)]


def _share_right(logits, labels):
    return jnp.mean(jnp.argmax(logits, axis=1) == labels, dtype=logits.dtype)


CLAIM = Claim(
    name="relative-representations",
    title="Relative representations enable zero-shot latent space communication",
    reference="Moschella, Maiorca, Fumero, Norelli, Locatello and Rodolà, ICLR 2023, arXiv:2209.15430",
    statement="Encoders and decoders of independent trainings work together, with no further training, where a latent "
    "is replaced by its similarities to anchors.",
    experiment=run,
)
