"""Networks that move with quarter-turns or eighth-turns need fewer digits (Cohen and Welling; Weiler and Cesa).

Digits of MNIST, and small residual networks of one form: p4 and p4m on the grid, C_8 with steerable kernels, and two
ordinary ones. The first of these has at least as many parameters as each of the three; the second has as many numbers
at a pixel as the widest of them, and 6 to 11 times their parameters. Two experiments. Upright: trained on upright
digits, tested on the same digits at each quarter-turn. Turned: trained and tested on digits turned by random angles,
as in rotated MNIST, but with far fewer of them.
"""

import dataclasses
import functools
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxinv.claims.batches import random_batches
from jaxinv.claims.claim import Claim, ClaimResult, Progress, Row, holds_in_every_seed, mean_row
from jaxinv.data import mnist, resize, rotate
from jaxinv.kernels.group_convolutions import cyclic, dihedral
from jaxinv.models.planar_network import PlanarResNet, SteerableNetwork
from jaxinv.training import Ensemble, create_ensemble, ensemble_outputs, train_ensemble

NUM_CLASSES = 10
SMALL, WIDE = "an ordinary network of as many parameters", "an ordinary network as wide"
SYMMETRIC = {"p4": cyclic(4), "p4m": dihedral(4), "C_8": cyclic(8)}
QUARTERS = (0, 1, 2, 3)
_LEARNING_RATE = 1e-2


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    symmetric: tuple[str, ...] = tuple(SYMMETRIC)
    channels: tuple[tuple[str, int], ...] = (("p4", 5), ("p4m", 3), ("C_8", 4), (SMALL, 12), (WIDE, 32))
    width: int = 16
    blocks: int = 2
    train: int = 500
    test: int = 1000
    pixels: int = 21
    steps: int = 300
    batch_size: int = 32


class _Digits(NamedTuple):
    labels: np.ndarray
    upright: np.ndarray
    turned: np.ndarray
    """By random angles."""


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains, turns and tests; see `Claim.run`."""
    start = time.perf_counter()
    few = (("p4", 2), (SMALL, 2), (WIDE, 2))
    small = _Size(
        symmetric=("p4",), channels=few, width=2, blocks=1, train=20, test=20, pixels=9, steps=4, batch_size=4
    )
    size = small if quick else _Size()
    tell = progress or (lambda text: None)
    names = (*size.symmetric, SMALL, WIDE)
    upright = {name: np.zeros((len(QUARTERS), seeds)) for name in ("p4", SMALL)}
    turned, learned = ({name: np.zeros(seeds) for name in names} for _ in range(2))
    counts = {}
    for seed in range(seeds):
        train, test = _digits(seed, size)
        for name, accuracy in upright.items():
            ensemble = _trained(name, train.upright, train.labels, seed, size, tell)
            for quarter in QUARTERS:
                moved = np.rot90(test.upright, quarter, axes=(1, 2))
                accuracy[quarter, seed] = _accuracy(ensemble, moved, test.labels)
        for name in names:
            ensemble = _trained(name, train.turned, train.labels, seed, size, tell)
            counts[name] = sum(leaf.size for leaf in jax.tree.leaves(ensemble.params))
            turned[name][seed] = _accuracy(ensemble, test.turned, test.labels)
            learned[name][seed] = _accuracy(ensemble, train.turned, train.labels)
    return ClaimResult(
        name=CLAIM.name,
        seeds=seeds,
        seconds=time.perf_counter() - start,
        rows=_rows(counts, upright, turned, learned, size),
        checks=(*_upright_checks(upright, size), *_turned_checks(turned, size)),
    )


def _rows(counts, upright, turned, learned, size):
    rows = [Row(f"parameters: {name}", count, _numbers(name, size)) for name, count in counts.items()]
    rows += [
        Row(
            "training digits", size.train, f"{size.steps} batches of {size.batch_size}; the papers' 12 000, all turned"
        ),
        Row("test digits", size.test, "the papers' 50 000"),
        Row("pixels a side", size.pixels, "scaled from 28"),
    ]
    rows += [
        mean_row(f"accuracy, trained upright, tested at {90 * quarter} degrees: {name}", accuracy[quarter])
        for name, accuracy in upright.items()
        for quarter in QUARTERS
    ]
    rows += [mean_row(f"accuracy, turned: {name}", accuracy) for name, accuracy in turned.items()]
    rows += [mean_row(f"accuracy, turned, of training: {name}", accuracy) for name, accuracy in learned.items()]
    return tuple(rows)


def _numbers(name: str, size: _Size) -> str:
    channels = dict(size.channels)[name]
    order = SYMMETRIC[name].order if name in SYMMETRIC else 1
    return f"{order * channels} numbers at a pixel"


def _upright_checks(upright, size):
    losses = {name: accuracy[:1] - accuracy[1:] for name, accuracy in upright.items()}
    return (
        holds_in_every_seed(
            "upright: p4 knows exactly as many test digits at each quarter-turn",
            0.5 / size.test - np.abs(losses["p4"]).max(axis=0),
        ),
        holds_in_every_seed(
            "upright: the ordinary network loses 20 points or more at each quarter-turn",
            losses[SMALL].min(axis=0) - 0.2,
        ),
    )


def _turned_checks(turned, size):
    checks = [
        holds_in_every_seed(f"turned: {name} beats {other}", turned[name] - turned[other])
        for other in (SMALL, WIDE)
        for name in size.symmetric
    ]
    if "C_8" in size.symmetric:
        checks.append(
            holds_in_every_seed("turned: more rotations are better, C_8 beats p4", turned["C_8"] - turned["p4"])
        )
    return checks


def _digits(seed: int, size: _Size) -> tuple[_Digits, _Digits]:
    """Those for training and those for the test."""
    data = mnist()
    # The set is sorted by class: an equal share of each class goes to both parts.
    by_class = np.argsort(data.labels, kind="stable").reshape(NUM_CLASSES, -1)
    by_class = np.random.default_rng(seed).permuted(by_class, axis=1)
    train, test = size.train // NUM_CLASSES, size.test // NUM_CLASSES
    parts = by_class[:, :train].ravel(), by_class[:, train : train + test].ravel()

    def part(rows, key):
        images = data.images[rows]
        turned = np.asarray(rotate(jnp.asarray(images), key))
        upright, turned = (resize(pictures, (size.pixels, size.pixels)) for pictures in (images, turned))
        return _Digits(data.labels[rows], upright, turned)

    first, second = (part(rows, key) for rows, key in zip(parts, jax.random.split(jax.random.key(seed)), strict=True))
    return first, second


def _trained(name: str, images: np.ndarray, labels: np.ndarray, seed: int, size: _Size, tell: Progress) -> Ensemble:
    """One network: XLA runs the convolutions of several under a vmap slowly on a CPU."""
    limits, steps = [len(labels)], size.steps
    batches = random_batches(
        images[None], labels[None], limits=limits, steps=steps, batch_size=size.batch_size, seed=seed
    )
    return train_ensemble(
        create_ensemble(functools.partial(_network, name, size), [seed]),
        batches,
        learning_rate=optax.cosine_decay_schedule(_LEARNING_RATE, steps),
        progress=lambda step, _: tell(f"training {name} of seed {seed + 1}: step {step} of {steps}"),
    )


def _network(name: str, size: _Size, rngs):
    common = {"num_classes": NUM_CLASSES, "width": size.width, "blocks": size.blocks, "rngs": rngs}
    channels = dict(size.channels)[name]
    if name == "C_8":
        return SteerableNetwork(group=SYMMETRIC[name], channels=channels, **common)
    return PlanarResNet(group=SYMMETRIC.get(name, cyclic(1)), channels=channels, **common)


def _accuracy(ensemble: Ensemble, images: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(np.argmax(ensemble_outputs(ensemble, images).logits[0], axis=-1) == labels))


CLAIM = Claim(
    name="group-convolutions",
    title="Group Equivariant Convolutional Networks; General E(2)-Equivariant Steerable CNNs",
    reference="Cohen and Welling, ICML 2016, arXiv:1602.07576; Weiler and Cesa, NeurIPS 2019, arXiv:1911.08251",
    statement="Convolutions equivariant to rotations know turned digits: exactly at quarter-turns that were never "
    "trained on, and better than an ordinary network, of as many parameters or as wide, when trained on turned ones.",
    experiment=run,
)
