"""Averages over frames make any network invariant (Puny et al.); for continuity they are weighted (Dym et al.).

Clouds of ten points, drawn about one of four templates, each upright. The same two dense layers learn the template,
alone and averaged over frames; both are tested on upright and on turned clouds. Then, with drawn parameters, how far
averages jump where frames become arbitrary.
"""

import dataclasses
import functools
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.symmetrization import frame_average, pca_frame, weighted_frame
from jaxinv.nn import FrameAveraged
from jaxinv.training.full_batch import train_full_batch

_TEMPLATES, _POINTS = 4, 10
_SCALES, _NOISE = (1.0, 0.7, 0.4), 0.25
ALONE, AVERAGED = NETWORKS = ("alone", "averaged over frames")
UPRIGHT, TURNED = TESTS = ("upright", "turned")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    train: int = 1000
    test: int = 1000
    steps: int = 200
    hidden: int = 64
    # Of the path on which averages may jump.
    radii: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4)


class _Network(nnx.Module):
    """Points to logits, by two dense layers."""

    def __init__(self, num_points: int, dimension: int, size: _Size, seed: int):
        rngs = nnx.Rngs(seed)
        self.first = nnx.Linear(num_points * dimension, size.hidden, rngs=rngs)
        self.last = nnx.Linear(size.hidden, _TEMPLATES, rngs=rngs)

    def __call__(self, points: jax.Array) -> jax.Array:
        return self.last(jax.nn.gelu(self.first(points.reshape(*points.shape[:-2], -1))))


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains, tests and measures jumps; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(train=20, test=10, steps=4, hidden=4) if quick else _Size()
    tell = progress or (lambda text: None)
    parts = (_recognition(seeds, size, tell), _continuity(seeds, size, tell))
    return ClaimResult(
        name=CLAIM.name,
        seeds=seeds,
        seconds=time.perf_counter() - start,
        rows=tuple(row for rows, _ in parts for row in rows),
        checks=tuple(check for _, checks in parts for check in checks),
    )


# --- Recognition.


def _recognition(seeds: int, size: _Size, tell: Progress):
    accuracy = {(network, test): np.zeros(seeds) for network in NETWORKS for test in TESTS}
    change = np.zeros(seeds)
    for seed in range(seeds):
        template_key, train_key, test_key, turn_key = jax.random.split(jax.random.key(seed), 4)
        templates = jax.random.normal(template_key, (_TEMPLATES, _POINTS, 3)) * jnp.array([[_SCALES]])
        train, (upright, labels) = (
            _draw(key, templates, n) for key, n in ((train_key, size.train), (test_key, size.test))
        )
        turned = contract("bij,bpj->bpi", haar_so(turn_key, (size.test,), 3), upright)
        for network in NETWORKS:
            tell(f"{network}: training {size.steps} steps, seed {seed}")
            alone = _Network(_POINTS, 3, size, seed)
            graphdef, params = nnx.split(FrameAveraged(alone, "se") if network == AVERAGED else alone)
            params = _trained(graphdef, params, *train, size)
            logits = [np.asarray(_logits(graphdef, params, points)) for points in (upright, turned)]
            for test, found in zip(TESTS, logits, strict=True):
                accuracy[network, test][seed] = np.mean(np.argmax(found, axis=-1) == np.asarray(labels))
            if network == AVERAGED:
                apart = np.abs(logits[1] - logits[0])
                change[seed] = 1e6 * np.quantile(apart, 0.99) / np.abs(logits[0]).max()
    rows = [mean_row(f"accuracy, {test}: {network}", values) for (network, test), values in accuracy.items()]
    rows.append(mean_row("change of averaged logits by turning, relative, 99 % are below (1e-6)", change))
    checks = [
        holds_in_every_seed(
            "averaged, accuracy on turned clouds is that on upright ones, to 1 point",
            0.01 - np.abs(accuracy[AVERAGED, TURNED] - accuracy[AVERAGED, UPRIGHT]),
        ),
        holds_in_every_seed(
            "alone, it is lower by more than 30 points", accuracy[ALONE, UPRIGHT] - accuracy[ALONE, TURNED] - 0.3
        ),
        holds_in_every_seed(
            "upright, averaging costs less than 2 points",
            accuracy[AVERAGED, UPRIGHT] - accuracy[ALONE, UPRIGHT] + 0.02,
        ),
        holds_in_every_seed("averaged logits are invariant, to 1e-4 for 99 % (in 1e-6)", 100 - change),
    ]
    return rows, checks


def _draw(key, templates, num):
    """Clouds `(num, n, 3)` and their labels."""
    label_key, noise_key = jax.random.split(key)
    labels = jax.random.randint(label_key, (num,), 0, _TEMPLATES)
    return templates[labels] + _NOISE * jax.random.normal(noise_key, (num, _POINTS, 3)), labels


@functools.partial(jax.jit, static_argnames=("graphdef", "size"))
def _trained(graphdef, params, points, labels, size):
    def loss(params):
        logits = nnx.merge(graphdef, params)(points)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))

    return train_full_batch(loss, params, optax.adam(3e-3), num_steps=size.steps)


@functools.partial(jax.jit, static_argnames=("graphdef",))
def _logits(graphdef, params, points):
    return nnx.merge(graphdef, params)(points)


# --- Continuity, in the plane.

_SQUARE = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
PRINCIPAL, WEIGHTED, PASSING = JUMPS = (
    "principal axes, where variances are equal",
    "weighted frame, there",
    "weighted frame, where a point passes the centre",
)


def _continuity(seeds: int, size: _Size, tell: Progress):
    tell("jumps of averages")
    jumps = {name: np.zeros((seeds, len(size.radii))) for name in JUMPS}
    for seed in range(seeds):
        graphdef, params = nnx.split(_Network(len(_SQUARE) + 1, 2, size, seed))
        for i, radius in enumerate(size.radii):
            for name in JUMPS:
                jumps[name][seed, i] = _jump(graphdef, params, radius, name)
    slopes = {
        name: np.array([np.polyfit(np.log(size.radii), np.log(one), 1)[0] for one in found])
        for name, found in jumps.items()
    }
    rows = [
        mean_row(f"jump over {radius:g}: {name} (1e-3)", 1e3 * found[:, i])
        for name, found in jumps.items()
        for i, radius in enumerate(size.radii)
    ]
    rows += [mean_row(f"power of the distance: {name}", found) for name, found in slopes.items()]
    checks = [
        holds_in_every_seed(f"the jump of {PRINCIPAL}, stays: power below 0.1", 0.1 - np.abs(slopes[PRINCIPAL])),
        *(
            holds_in_every_seed(f"the jump of the {name}, falls linearly: power within 0.1 of 1", 0.1 - np.abs(one - 1))
            for name, one in slopes.items()
            if name != PRINCIPAL
        ),
    ]
    return rows, checks


@functools.partial(jax.jit, static_argnames=("graphdef", "name"))
def _jump(graphdef, params, radius, name):
    """The distance of the average's values at two clouds about `radius` apart, on both sides of what is critical."""
    function = nnx.merge(graphdef, params)
    square = jnp.asarray(_SQUARE, float)
    if name == PASSING:
        # Unequal distances, so that nothing else is critical here.
        rest = square * jnp.array([[1.0], [0.7], [0.8], [1.2]])
        ends = [jnp.concatenate([rest, sign * radius * jnp.array([[0.8, 0.6]])]) for sign in (1, -1)]
    else:
        stretched, sheared = jnp.array([[1.0, 0], [0, -1]]), jnp.array([[0, 1.0], [1, 0]])
        ends = [jnp.concatenate([square + radius * square @ way, jnp.zeros((1, 2))]) for way in (stretched, sheared)]
    make = pca_frame if name == PRINCIPAL else weighted_frame
    first, second = (frame_average(function, make(end, group="so"), end) for end in ends)
    return jnp.linalg.norm(first - second)


CLAIM = Claim(
    name="frame-averaging",
    title="Frame Averaging for Invariant and Equivariant Network Design",
    reference="Puny, Atzmon, Smith, Misra, Grover, Ben-Hamu and Lipman, ICLR 2022, arXiv:2110.03336",
    statement="The average over a frame of a few motions that move along with a cloud makes any network exactly "
    "invariant at no loss; weights on the frame (Dym, Lawrence and Siegel, arXiv:2402.16077) make it continuous too.",
    experiment=run,
)
