"""Invariant coordinates in place of given ones make any network of points invariant (Zhang et al.).

Eight shapes of 96 points each, upright in training, recognised by the same PointNet: given coordinates, given
coordinates turned at random in training, and invariant ones (classical multi-dimensional scaling, each axis in the
sense of its third moment). Tested upright, and turned, scaled and moved. Then tours of cities that start at the lowest
first coordinate, without learning; then a scanned motorcycle.
"""

import dataclasses
import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.data.scans import motorcycle
from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.symmetrization import tinv
from jaxinv.models.point_net import PointNet
from jaxinv.nn.invariant_coordinates import TransformationInvariant

GIVEN, TURNED, INVARIANT = NETWORKS = ("given coordinates", "given, turned in training", "invariant coordinates")
UPRIGHT, MOVED = TESTS = ("upright", "moved")
_POINTS, _NOISE = 96, 0.02


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    train: int = 800
    test: int = 400
    steps: int = 700
    batch: int = 64
    cities: int = 20
    instances: int = 100
    scanned: int = 2048


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains and tests, makes tours, moves a scan; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(train=16, test=8, steps=2, batch=4, cities=6, instances=4, scanned=64) if quick else _Size()
    tell = progress or (lambda text: None)
    parts = (_recognition(seeds, size, tell), _tours(seeds, size, tell), _scan(seeds, size, tell))
    return ClaimResult(
        name=CLAIM.name,
        seeds=seeds,
        seconds=time.perf_counter() - start,
        rows=tuple(row for rows, _ in parts for row in rows),
        checks=tuple(check for _, checks in parts for check in checks),
    )


# --- Shapes.


def _sphere(generator, n):
    x = generator.normal(size=(n, 3))
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _ellipsoid(generator, n):
    return _sphere(generator, n) * [1.0, 0.6, 0.35]


def _box(generator, n):
    x = generator.uniform(-1, 1, (n, 3))
    face = generator.integers(0, 3, n)
    x[np.arange(n), face] = np.sign(x[np.arange(n), face])
    return x * [1.0, 0.6, 0.35]


def _torus(generator, n):
    around, across = generator.uniform(0, 2 * np.pi, (2, n))
    radius = 1 + 0.3 * np.cos(across)
    return np.stack([radius * np.cos(around), 0.6 * radius * np.sin(around), 0.3 * np.sin(across)], axis=1)


def _cylinder(generator, n):
    around = generator.uniform(0, 2 * np.pi, n)
    return np.stack([generator.uniform(-1, 1, n), 0.5 * np.cos(around), 0.3 * np.sin(around)], axis=1)


def _cone(generator, n):
    around, along = generator.uniform(0, 2 * np.pi, n), np.sqrt(generator.uniform(0, 1, n))
    return np.stack([2 * along, 0.6 * along * np.cos(around), 0.4 * along * np.sin(around)], axis=1)


def _helix(generator, n):
    turn = generator.uniform(0, 4 * np.pi, n)
    return np.stack([turn / (2 * np.pi) - 1, 0.5 * np.cos(turn), 0.35 * np.sin(turn)], axis=1)


def _dumbbell(generator, n):
    large = generator.uniform(size=n) < 0.6
    ball = _sphere(generator, n) * np.where(large, 0.5, 0.3)[:, None] * [1.0, 1.0, 0.7]
    return ball + np.where(large, -0.6, 0.8)[:, None] * [1.0, 0.0, 0.0]


def _bar(generator, n):
    long = generator.uniform(size=n) < 0.65
    first = generator.uniform(0, 1, (n, 3)) * [2.0, 0.3, 0.2]
    second = generator.uniform(0, 1, (n, 3)) * [0.3, 1.0, 0.2]
    return np.where(long[:, None], first, second)


SHAPES = (_ellipsoid, _box, _torus, _cylinder, _cone, _helix, _dumbbell, _bar)


def draw_shapes(generator: np.random.Generator, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Upright clouds `(num, n, 3)`, about their mean and of root mean square radius 1, and their labels."""
    labels = generator.integers(0, len(SHAPES), num)
    clouds = np.stack([SHAPES[label](generator, _POINTS) for label in labels])
    return standardised(clouds + generator.normal(size=clouds.shape) * _NOISE).astype(np.float32), labels


def standardised(clouds: Any) -> Any:
    """Clouds about their mean, of root mean square radius 1: all that is done to given coordinates."""
    clouds = clouds - clouds.mean(axis=1, keepdims=True)
    return clouds / (clouds**2).sum(-1).mean(axis=1)[:, None, None] ** 0.5


def draw_motions(generator: np.random.Generator, num: int, d: int = 3, *, mirrored: bool = False):
    """Rotations `(num, d, d)`, on demand half of them with a reflection, scales `(num, 1, 1)` and `(num, 1, d)`."""
    key = jax.random.key(generator.integers(2**31))
    turns = np.array(haar_so(key, (num,), d), np.float64)
    if mirrored:
        turns[::2, :, 0] *= -1
    return turns, generator.uniform(0.5, 2, (num, 1, 1)), generator.normal(size=(num, 1, d))


def _moved(motions, points):
    turns, scales, shifts = motions
    return (scales * (points @ np.swapaxes(turns, -1, -2)) + shifts).astype(np.float32)


# --- Recognition.


def _recognition(seeds: int, size: _Size, tell: Progress):
    accuracy = {(network, test): np.zeros(seeds) for network in NETWORKS for test in TESTS}
    apart, changed, margin = np.zeros((3, seeds))
    for seed in range(seeds):
        generator = np.random.default_rng(seed)
        (train, labels), (upright, wanted) = (draw_shapes(generator, num) for num in (size.train, size.test))
        tests = {UPRIGHT: upright, MOVED: _moved(draw_motions(generator, size.test), upright)}
        found = {test: tinv(jnp.asarray(clouds)) for test, clouds in tests.items()}
        apart[seed] = 1e6 * np.abs(np.asarray(found[MOVED].points - found[UPRIGHT].points)).max()
        margin[seed] = 1e3 * np.quantile(np.asarray(found[UPRIGHT].margin), 0.01)
        for network in NETWORKS:
            tell(f"{network}: training {size.steps} steps, seed {seed}")
            graphdef, params = nnx.split(PointNet(3, len(SHAPES), rngs=nnx.Rngs(seed)))
            clouds = tinv(jnp.asarray(train)).points if network == INVARIANT else jnp.asarray(train)
            keys = jax.random.split(jax.random.key(seed), size.steps)
            params = _trained(graphdef, params, clouds, jnp.asarray(labels), keys, size.batch, network == TURNED)
            guesses = {
                test: np.argmax(_logits(graphdef, params, jnp.asarray(clouds), network == INVARIANT), axis=-1)
                for test, clouds in tests.items()
            }
            for test in TESTS:
                accuracy[network, test][seed] = np.mean(guesses[test] == wanted)
            if network == INVARIANT:
                changed[seed] = np.sum(guesses[UPRIGHT] != guesses[MOVED])
    rows = [mean_row(f"accuracy, {test}: {network}", values) for (network, test), values in accuracy.items()]
    rows.append(mean_row("largest change of invariant coordinates by motions (1e-6 of the radius)", apart))
    rows.append(mean_row("margin of senses that 99 % are above (1e-3)", margin))
    checks = [
        holds_in_every_seed(f"invariant, {test}: accuracy of .95 or more", accuracy[INVARIANT, test] - 0.95 + 1e-9)
        for test in TESTS
    ]
    checks += [
        holds_in_every_seed("invariant: not one answer is changed by motions (1 less those changed)", 1 - changed),
        holds_in_every_seed("invariant coordinates are, to 1e-4 (in 1e-6)", 100 - apart),
        holds_in_every_seed("given, moved: accuracy below .5", 0.5 - accuracy[GIVEN, MOVED]),
    ]
    return rows, checks


@functools.partial(jax.jit, static_argnames=("graphdef", "batch", "turned"))
def _trained(graphdef, params, clouds, labels, keys, batch: int, turned: bool):
    optimiser = optax.adam(2e-3)

    def step(state, key):
        params, moments = state
        chosen_key, turn_key = jax.random.split(key)
        chosen = jax.random.randint(chosen_key, (batch,), 0, len(labels))
        points, wanted = clouds[chosen], labels[chosen]
        if turned:
            points = contract("bij,bpj->bpi", haar_so(turn_key, (batch,), 3), points)

        def loss(params):
            logits = nnx.merge(graphdef, params)(points)
            return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, wanted))

        updates, moments = optimiser.update(jax.grad(loss)(params), moments)
        return (optax.apply_updates(params, updates), moments), None

    return jax.lax.scan(step, (params, optimiser.init(params)), keys)[0][0]


@functools.partial(jax.jit, static_argnames=("graphdef", "invariant"))
def _logits(graphdef, params, clouds, invariant: bool):
    network = nnx.merge(graphdef, params)
    if invariant:
        return TransformationInvariant(network)(clouds)
    return network(standardised(clouds))


# --- Tours, in the plane.


def greedy_tour(cities: np.ndarray) -> np.ndarray:
    """From the lowest first coordinate always on to the nearest city that is left."""
    lengths = np.linalg.norm(cities[:, None] - cities[None], axis=-1)
    tour, left = [int(np.argmin(cities[:, 0]))], np.ones(len(cities), bool)
    while left[tour[-1]] and len(tour) < len(cities):
        left[tour[-1]] = False
        tour.append(int(np.argmin(np.where(left, lengths[tour[-1]], np.inf))))
    return np.array(tour)


def two_opt(cities: np.ndarray, tour: np.ndarray) -> np.ndarray:
    """The tour with parts of it reversed, first one that helps first, until none does."""
    lengths, tour = np.linalg.norm(cities[:, None] - cities[None], axis=-1), tour.copy()
    n, better = len(tour), True
    while better:
        better = False
        for i in range(n - 1):
            for j in range(i + 2, n - (i == 0)):
                a, b, c, d = tour[i], tour[i + 1], tour[j], tour[(j + 1) % n]
                if lengths[a, c] + lengths[b, d] < lengths[a, b] + lengths[c, d] - 1e-9:
                    tour[i + 1 : j + 1] = tour[i + 1 : j + 1][::-1].copy()
                    better = True
    return tour


def _length(cities, tour):
    return np.linalg.norm(cities[tour] - cities[np.roll(tour, 1)], axis=-1).sum()


def _tours(seeds: int, size: _Size, tell: Progress):
    tell("tours of cities")
    same: dict[str, np.ndarray] = {name: np.zeros(seeds) for name in ("given", "invariant")}
    longer, noisy, gap = np.zeros((3, seeds))
    for seed in range(seeds):
        generator = np.random.default_rng([seed, 1])
        cities = generator.uniform(size=(size.instances, size.cities, 2))
        motions = draw_motions(generator, size.instances, 2, mirrored=True)
        moved = _moved(motions, cities)
        scales = motions[1][:, 0, 0]
        found = tinv(jnp.asarray(cities, jnp.float32))
        plain, turned = (np.asarray(one, np.float64) for one in (found.points, tinv(jnp.asarray(moved)).points))
        shaken = cities + 1e-3 * generator.normal(size=cities.shape)
        shaken = np.asarray(tinv(jnp.asarray(shaken, jnp.float32)).points, np.float64)
        tours: dict[str, Any] = {
            name: [greedy_tour(one) for one in each]
            for name, each in (("given", cities), ("moved", moved), ("plain", plain), ("turned", turned))
        }
        for name, pair in (("given", ("given", "moved")), ("invariant", ("plain", "turned"))):
            pairs = zip(*(tours[one] for one in pair), strict=True)
            same[name][seed] = np.mean([np.array_equal(a, b) for a, b in pairs])
        noisy[seed] = np.mean([a[0] == np.argmin(b[:, 0]) for a, b in zip(tours["plain"], shaken, strict=True)])
        gap[seed] = np.median(np.asarray(found.gap))
        lengths = [
            [_length(original, two_opt(z, tour)) for original, z, tour in zip(given, each, starts, strict=True)]
            for given, each, starts in ((cities, plain, tours["plain"]), (moved, turned, tours["turned"]))
        ]
        longer[seed] = 1e6 * np.max(np.abs(np.array(lengths[1]) / scales / np.array(lengths[0]) - 1))
    rows = [
        *(mean_row(f"share of greedy tours that motions leave: {name} coordinates", v) for name, v in same.items()),
        mean_row("change of tours' lengths after 2-opt by motions, invariant (1e-6, largest)", longer),
        mean_row("share of starts that noise of 1e-3 leaves, invariant", noisy),
        mean_row("gap of the axes of cities, median", gap),
    ]
    checks = [
        holds_in_every_seed("tours: every one is left by motions, invariant", same["invariant"] - 1 + 1e-9),
        holds_in_every_seed("tours: fewer than half are, given", 0.5 - same["given"]),
        holds_in_every_seed("tours: lengths after 2-opt are those, scaled, to 1e-4, invariant (in 1e-6)", 100 - longer),
    ]
    return rows, checks


# --- A scan.


def _scan(seeds: int, size: _Size, tell: Progress):
    tell("a scanned motorcycle")
    scan = motorcycle()
    apart, margin, gap = np.zeros((3, seeds))
    for seed in range(seeds):
        generator = np.random.default_rng([seed, 2])
        points = scan[generator.choice(len(scan), size.scanned, replace=False)].astype(np.float64)
        moved = _moved(draw_motions(generator, 1, mirrored=bool(seed % 2)), points)[0]
        one, other = (tinv(jnp.asarray(x, jnp.float32)) for x in (points, moved))
        apart[seed] = 1e6 * np.abs(np.asarray(one.points - other.points)).max()
        margin[seed], gap[seed] = np.min(np.asarray(one.margin)), float(one.gap)
    rows = [
        mean_row("scan: largest change of coordinates by a motion (1e-6 of the radius)", apart),
        mean_row("scan: least margin of senses", margin),
        mean_row("scan: gap of the axes", gap),
    ]
    return rows, [holds_in_every_seed("scan: coordinates are invariant to 1e-4 (in 1e-6)", 100 - apart)]


CLAIM = Claim(
    name="tinvnn",
    title="Revisiting Transformation Invariant Geometric Deep Learning: Are Initial Representations All You Need?",
    reference="Zhang, Wang et al., arXiv:2112.12345",
    statement="Any network of points is exactly invariant to motions and scale if its input is replaced by coordinates "
    "from multi-dimensional scaling of the points' distances, at no loss where networks of given coordinates fail.",
    experiment=run,
)
