"""Locality and weight sharing each save samples (Lahoti et al.), on a signal in one of k patches of noise.

A CNN, an LCN and an FCN of one hidden layer learn the dynamic signal distribution from growing numbers of samples. All
train alike: squared loss, all samples at once, the same number of Adam's steps. A repetition is the mean curve of
several draws, for where the curve of one crosses is luck: a CNN can be right nine times in ten after two samples.
"""

import dataclasses
import functools
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxinv.claims.claim import Claim, ClaimResult, Progress, Row, holds_in_every_seed, mean_row
from jaxinv.kernels.simulators import SignalBatch, dynamic_signal, signal_log_odds
from jaxinv.models.one_hidden_layer import ARCHITECTURES, init_one_hidden_layer, one_hidden_layer_score
from jaxinv.training.full_batch import train_full_batch
from jaxinv.training.sample_complexity import learning_curves, log_log_slope, padded_size, sample_complexity

PATCH_SIZE = 10
TARGET = 0.9
# The number of samples at which the three are told apart, and by how much accuracy.
_COMPARED, _MARGIN = 160, 0.05
_LEARNING_RATE = 0.05


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    # Noise 0.3, 10 patches: all three. Draws are padded to the next power of two, hence the last.
    curve: tuple[int, ...] = (*(20 * 2**i for i in range(7)), 2048)
    # Noise 0.25: the growth with the number of patches, of the first two; from where neither has learnt yet.
    patches: tuple[int, ...] = (5, 10, 20)
    growth: tuple[int, ...] = tuple(2**i for i in range(1, 11))
    draws: int = 4
    steps: int = 300
    test: int = 4000


class _Task(NamedTuple):
    """What one network gets."""

    signal: jax.Array
    train: SignalBatch
    test: SignalBatch
    weights_key: jax.Array


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains on growing numbers of samples; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(curve=(20, 160), patches=(2, 4), growth=(4, 16), draws=2, steps=3, test=50) if quick else _Size()
    tell = progress or (lambda text: None)
    parts = (_three_architectures(seeds, size, tell), _growth(seeds, size, tell))
    return ClaimResult(
        name=CLAIM.name,
        seeds=seeds,
        seconds=time.perf_counter() - start,
        rows=tuple(row for rows, _ in parts for row in rows),
        checks=tuple(check for _, checks in parts for check in checks),
    )


def _three_architectures(seeds: int, size: _Size, tell: Progress):
    noise = 0.3
    tasks = _draw_tasks(seeds * size.draws, size.curve, size.test, num_patches=10, noise=noise)
    accuracy = {}
    for name in ARCHITECTURES:
        tell(f"training {name} on {size.curve[0]} to {size.curve[-1]} samples")
        accuracy[name] = _curves(name, tasks, size.curve, size)
    best = np.asarray(_best_accuracy(tasks, noise), float).reshape(seeds, size.draws).mean(axis=1)
    needed = {name: sample_complexity(size.curve, curves, TARGET) for name, curves in accuracy.items()}
    rows = [mean_row("accuracy of Bayes' rule, 10 patches", best)]
    rows += [
        mean_row(f"accuracy, {number} samples: {name}", accuracy[name][:, i])
        for i, number in enumerate(size.curve)
        for name in ARCHITECTURES
    ]
    rows += [_needed_row(f"samples to reach {TARGET}: {name}", needed[name], size.curve) for name in ARCHITECTURES]
    at = size.curve.index(_COMPARED)
    cnn, lcn, fcn = (accuracy[name][:, at] for name in ARCHITECTURES)
    # What the largest size does not reach counts as reached there: too little for the dividend, so on the safe side.
    bounded = {name: np.minimum(found, size.curve[-1]) for name, found in needed.items()}
    sharing, locality = bounded["LCN"] / bounded["CNN"], bounded["FCN"] / bounded["LCN"]
    rows += [
        mean_row("samples of the LCN over those of the CNN, 10 patches", sharing),
        mean_row("samples of the FCN, at least, over those of the LCN, 10 patches", locality),
    ]
    most = np.max([curves.max(axis=1) for curves in accuracy.values()], axis=0)
    checks = [
        # Both are shares of the same test samples; of 16000, one standard error is 0.002.
        holds_in_every_seed("no network beats Bayes' rule, to 2 points", best - most + 0.02),
        holds_in_every_seed(
            f"{_COMPARED} samples: the CNN beats the LCN by more than {_MARGIN} of accuracy", cnn - lcn - _MARGIN
        ),
        holds_in_every_seed(
            f"{_COMPARED} samples: the LCN beats the FCN by more than {_MARGIN} of accuracy", lcn - fcn - _MARGIN
        ),
        holds_in_every_seed("10 patches: the LCN needs at least 3 times the samples of the CNN", sharing - 3),
        holds_in_every_seed("10 patches: the FCN needs at least 3 times the samples of the LCN", locality - 3),
    ]
    return rows, checks


def _growth(seeds: int, size: _Size, tell: Progress):
    noise = 0.25
    needed = {name: np.zeros((seeds, len(size.patches))) for name in ("CNN", "LCN")}
    for i, num_patches in enumerate(size.patches):
        tasks = _draw_tasks(seeds * size.draws, size.growth, size.test, num_patches=num_patches, noise=noise)
        for name, found in needed.items():
            tell(f"training {name} on {num_patches} patches")
            curves = _curves(name, tasks, size.growth, size)
            found[:, i] = sample_complexity(size.growth, curves, TARGET)
    rows = [
        _needed_row(f"samples to reach {TARGET}, noise {noise}, {k} patches: {name}", found[:, i], size.growth)
        for i, k in enumerate(size.patches)
        for name, found in needed.items()
    ]
    bounded = {name: np.minimum(found, size.growth[-1]) for name, found in needed.items()}
    slopes = {name: [log_log_slope(size.patches, one) for one in found] for name, found in bounded.items()}
    for name, of_seeds in slopes.items():
        # Of the mean over seeds of the logarithm.
        mean = log_log_slope(size.patches, np.exp(np.log(bounded[name]).mean(axis=0)))
        row = mean_row(f"power of the number of patches: {name}", [one.slope for one in of_seeds])
        rows.append(row._replace(text=f"{row.text}; standard error of the fit {mean.standard_error:.3f}"))
    steeper = np.array([lcn.slope - cnn.slope for cnn, lcn in zip(slopes["CNN"], slopes["LCN"], strict=True)])
    reached = [float(np.all(np.isfinite([found[seed] for found in needed.values()]))) for seed in range(seeds)]
    checks = [
        holds_in_every_seed("premise: CNN and LCN reach the accuracy for every number of patches", reached),
        holds_in_every_seed("the LCN's samples grow with a power of the patches higher by 1/2 at least", steeper - 0.5),
    ]
    return rows, checks


def _needed_row(label: str, needed: np.ndarray, sizes: tuple[int, ...]) -> Row:
    """The mean where all seeds reached the target; else with the largest size for those that did not."""
    row = mean_row(label, np.minimum(needed, sizes[-1]))
    missed = int(np.sum(np.isinf(needed)))
    return row if missed == 0 else row._replace(text=f"{row.text}; not reached by {missed} of {len(needed)} seeds")


def _draw_tasks(count: int, sizes: tuple[int, ...], num_tests: int, *, num_patches: int, noise: float) -> _Task:
    """Signals have any direction: along an axis they would suit Adam."""

    def draw(key):
        signal_key, train_key, test_key, weights_key = jax.random.split(key, 4)
        signal = jax.random.normal(signal_key, (PATCH_SIZE,))
        signal = signal / jnp.linalg.norm(signal)
        train, test = (
            dynamic_signal(key, signal, num_samples=num_samples, num_patches=num_patches, noise=noise)
            for key, num_samples in ((train_key, padded_size(sizes)), (test_key, num_tests))
        )
        return _Task(signal, train, test, weights_key)

    return jax.jit(jax.vmap(draw))(jax.vmap(jax.random.key)(jnp.arange(count)))


@functools.partial(jax.jit, static_argnames="noise")
def _best_accuracy(tasks: _Task, noise: float):
    """Of Bayes' rule."""

    def best(task):
        return _share_right(signal_log_odds(task.test.patches, task.signal, noise=noise), task.test.labels)

    return jax.vmap(best)(tasks)


def _curves(name: str, tasks: _Task, sizes: tuple[int, ...], size: _Size) -> np.ndarray:
    """Mean accuracies (seeds, sizes)."""
    curves = learning_curves(functools.partial(_train, name=name, num_steps=size.steps), tasks, sizes)
    return curves.reshape(-1, size.draws, len(sizes)).mean(axis=1)


def _train(task: _Task, sample_weight, *, name: str, num_steps: int):
    """The accuracy on new samples after training."""

    def loss(params):
        squares = (one_hidden_layer_score(params, task.train.patches) - task.train.labels) ** 2
        return jnp.sum(sample_weight * squares) / jnp.sum(sample_weight)

    num_patches, patch_size = task.train.patches.shape[1:]
    start = init_one_hidden_layer(task.weights_key, name, num_patches=num_patches, patch_size=patch_size)
    # The threshold is the one scalar.
    nonnegative = optax.masked(optax.keep_params_nonnegative(), jax.tree.map(lambda p: p.ndim == 0, start))
    optimiser = optax.chain(optax.adam(_LEARNING_RATE), nonnegative)
    params = train_full_batch(loss, start, optimiser, num_steps=num_steps)
    return _share_right(one_hidden_layer_score(params, task.test.patches), task.test.labels)


def _share_right(scores, labels):
    return jnp.mean(scores * labels > 0, dtype=labels.dtype)


CLAIM = Claim(
    name="locality-weight-sharing",
    title="Role of Locality and Weight Sharing in Image-Based Tasks: A Sample Complexity Separation between CNNs, "
    "LCNs, and FCNs",
    reference="Lahoti, Karp, Winston, Singh and Li, ICLR 2024, arXiv:2403.15707",
    statement="On a signal in one of k patches of noise, weight sharing saves a factor k of samples, and locality "
    "another one.",
    experiment=run,
)
