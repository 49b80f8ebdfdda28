"""Multipliers that say how much to augment, and which symmetry the data have (Hounie et al., DAug).

Digits of 8 x 8 pixels, turned, shifted or as they are, are learned from few examples without augmentation, under two
constraints (losses of turned and of shifted examples stay below a bound), and with both families of fixed weight. And
a problem of two lines, whose multiplier is known.
"""

import dataclasses
import functools
import itertools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from jaxinv.claims.claim import Claim, ClaimResult, Progress, Row, holds_in_every_seed, mean_row
from jaxinv.data import digits
from jaxinv.kernels.simulators import identity_transformation
from jaxinv.kernels.symmetrization import affine_map, constrained_loss, warp_affine
from jaxinv.training.constrained_augmentation import primal_dual, train_constrained
from jaxinv.training.ensemble import create_ensemble

ROTATED, TRANSLATED, PLAIN = WORLDS = ("rotated", "translated", "as they are")
NONE, LEARNED, FIXED = METHODS = ("no augmentation", "primal-dual", "fixed weights 1")
ROTATION, TRANSLATION = range(2)
_MAX_SHIFT = 2.0
_BOUND, _LR, _LR_DUAL = 0.35, 1e-3, 2e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    train: int = 500
    test: int = 797
    width: int = 128
    batch: int = 100
    steps: int = 3000
    convex_steps: int = 4000


class _Found(NamedTuple):
    """Of all seeds and worlds."""

    accuracy: np.ndarray
    """`(seeds, worlds)`."""
    lam: np.ndarray
    """`(seeds, worlds, families)`, the last ones."""
    augmented: np.ndarray
    """The same, losses of transformed examples in the last tenth of training."""
    accept_rate: np.ndarray
    """`(seeds, worlds, families)`."""


class _Network(nnx.Module):
    """Two hidden layers."""

    def __init__(self, pixels: int, width: int, classes: int, rngs: nnx.Rngs):
        sizes = (pixels, width, width, classes)
        self.layers = nnx.List([nnx.Linear(i, o, rngs=rngs) for i, o in itertools.pairwise(sizes)])

    def __call__(self, images: jax.Array) -> jax.Array:
        x = images.reshape(len(images), -1)
        for layer in self.layers[:-1]:
            x = jax.nn.relu(layer(x))
        return self.layers[-1](x)


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains three methods on three kinds of digits; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(train=20, test=10, width=8, batch=5, steps=3, convex_steps=20) if quick else _Size()
    tell = progress or (lambda text: None)
    train, test = _draw(seeds, size)
    found = {}
    for method in METHODS:
        tell(f"training {seeds * len(WORLDS)} networks: {method}")
        found[method] = _train(method, train, test, size)
    w, multiplier = _two_lines(1.0 + np.arange(seeds), size.convex_steps)
    rows = [
        Row("examples trained on", size.train, f"tested on {size.test} others; bound {_BOUND}"),
        mean_row("w of the closed form, wanted 0", w),
        mean_row("its multiplier, wanted 1", multiplier),
    ]
    rows += [
        mean_row(f"accuracy, digits {world}: {method}", found[method].accuracy[:, i])
        for i, world in enumerate(WORLDS)
        for method in METHODS
    ]
    learned = found[LEARNED]
    for name, values in (
        ("multiplier", learned.lam),
        ("augmented loss at the end", learned.augmented),
        ("accept rate", learned.accept_rate),
    ):
        rows += [
            mean_row(f"{name}, digits {world}: {family}", values[:, i, j])
            for i, world in enumerate(WORLDS)
            for j, family in enumerate(("rotation", "translation"))
        ]
    gain = learned.accuracy - found[NONE].accuracy
    excess = learned.lam[..., TRANSLATION] - learned.lam[..., ROTATION]
    wrong = np.maximum(np.abs(w), np.abs(multiplier - 1))
    checks = (
        holds_in_every_seed("rotated digits: primal-dual is better than none by 0.05", gain[:, 0] - 0.05),
        holds_in_every_seed("translated digits: primal-dual is better than none by 0.05", gain[:, 1] - 0.05),
        holds_in_every_seed("digits as they are: primal-dual is at most 0.01 worse than none", gain[:, 2] + 0.01),
        holds_in_every_seed("rotated digits: rotation needs the smaller multiplier", excess[:, 0]),
        holds_in_every_seed("translated digits: translation needs the smaller multiplier", -excess[:, 1]),
        holds_in_every_seed("the closed form is found within 0.01, whatever the start", 0.01 - wrong),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


# --- Digits.


def _rotate(key: jax.Array, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Each image (N, 8, 8, 1) by its own angle, uniform over the circle."""
    angle = jax.random.uniform(key, (len(images),), images.dtype, -jnp.pi, jnp.pi)
    theta = jax.vmap(lambda one: affine_map(identity_transformation()._replace(angle=one)))(angle)
    return jax.vmap(warp_affine)(images, theta), angle


def _translate(key: jax.Array, images: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Each by its own shift, uniform within 2 pixels along both axes."""
    shift = jax.random.uniform(key, (len(images), 2), images.dtype, -_MAX_SHIFT, _MAX_SHIFT)
    theta = jax.vmap(lambda one: affine_map(identity_transformation()._replace(translation=one)))(shift)
    return jax.vmap(warp_affine)(images, theta), shift


FAMILIES = (_rotate, _translate)


def _draw(seeds: int, size: _Size) -> tuple[tuple[jax.Array, jax.Array], ...]:
    """Examples to train on and to test on, images (seeds, worlds, n, 8, 8, 1) and labels (seeds, worlds, n)."""
    data = digits()
    count = size.train + size.test
    chosen = np.stack([np.random.default_rng(seed).permutation(len(data.labels))[:count] for seed in range(seeds)])
    images = jnp.asarray(data.images[chosen][..., None], float)
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds))
    moved = [
        images if move is None else jax.vmap(lambda k, x, m=move: m(k, x)[0])(keys, images)
        for move in (*FAMILIES, None)
    ]
    images = jnp.stack(moved, axis=1)
    labels = jnp.broadcast_to(jnp.asarray(data.labels[chosen])[:, None], images.shape[:3])
    return tuple((images[:, :, part], labels[:, :, part]) for part in (slice(size.train), slice(size.train, None)))


def _train(method: str, train: Any, test: Any, size: _Size) -> _Found:
    seeds = len(train[1])
    networks = create_ensemble(
        lambda rngs: _Network(64, size.width, 10, rngs), np.repeat(np.arange(seeds), len(WORLDS))
    )
    families = () if method == NONE else FAMILIES
    optimiser = primal_dual(
        optax.adam(_LR),
        [_BOUND] * len(families),
        lr_dual=_LR_DUAL if method == LEARNED else 0.0,
        lam_init=1.0 if method == FIXED else 0.0,
    )
    accuracy, lam, augmented, rate = _train_all(
        jax.vmap(jax.random.key)(jnp.repeat(jnp.arange(seeds), len(WORLDS))),
        networks.params,
        *jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), (train, test)),
        graphdef=networks.graphdef,
        optimiser=optimiser,
        families=families,
        chain_steps=2 if method == LEARNED else 1,
        size=size,
    )
    return _Found(
        *(np.asarray(x, float).reshape(seeds, len(WORLDS), *x.shape[1:]) for x in (accuracy, lam, augmented, rate))
    )


@functools.partial(jax.jit, static_argnames=("graphdef", "optimiser", "families", "chain_steps", "size"))
def _train_all(keys, params, train, test, *, graphdef, optimiser, families, chain_steps, size):
    def losses(params, images, labels):
        return optax.softmax_cross_entropy_with_integer_labels(nnx.merge(graphdef, params)(images), labels)

    @jax.vmap
    def one(key, params, train, test):
        params, dual, history = train_constrained(
            key,
            losses,
            params,
            optimiser,
            train,
            families,
            num_steps=size.steps,
            batch_size=size.batch,
            chain_steps=chain_steps,
        )
        right = jnp.argmax(nnx.merge(graphdef, params)(test[0]), axis=1) == test[1]
        end = -max(size.steps // 10, 1)
        return (
            jnp.mean(right.astype(float)),
            dual.lam,
            jnp.mean(history.augmented[end:], axis=0),
            jnp.mean(history.accept_rate, axis=0),
        )

    return one(keys, params, train, test)


# --- The closed form.


def _two_lines(starts: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The least (w - 1)^2 with (w + 1)^2 <= 1, from each start, and the multipliers: 0 and 1."""
    optimiser = primal_dual(optax.sgd(0.05), [1.0], lr_dual=0.05)

    def lagrangian(w, lam):
        constrained = ((w + 1) ** 2)[None]
        return constrained_loss((w - 1) ** 2, constrained, lam), constrained

    def step(state, _):
        w, dual = state
        gradient, constrained = jax.grad(lagrangian, has_aux=True)(w, dual.lam)
        update, dual = optimiser.update(gradient, dual, w, constraints=constrained)
        return (optax.apply_updates(w, update), dual), None

    @jax.jit
    @jax.vmap
    def solve(w):
        return jax.lax.scan(step, (w, optimiser.init(w)), length=steps)[0]

    w, dual = solve(jnp.asarray(starts, float))
    return np.asarray(w, float), np.asarray(dual.lam[:, 0], float)


CLAIM = Claim(
    name="invariance-constrained-augmentation",
    title="Automatic Data Augmentation via Invariance-Constrained Learning",
    reference="Hounie, Chamon and Ribeiro, ICML 2023, arXiv:2209.15031",
    statement="Losses of hard transformed examples as constraints, with multipliers learned beside the network, augment"
    " where that helps and not where it hurts; a transformation that is a symmetry of the data needs the smaller one.",
    experiment=run,
)
