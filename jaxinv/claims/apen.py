"""Networks that are equivariant to motions of each part by itself, with parts that they find (Atzmon et al., APEN).

Clouds of two different rods on a hinge. Networks learn, on nearly straight ones in one pose, which rod each point is
of; they are asked about any angle and any pose, and about rods that have left the hinge. Four of one form: frames of
the true parts, of parts that follow from votes, of the cloud as one part, and none.
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

from jaxinv.claims.claim import Claim, ClaimResult, Progress, holds_in_every_seed, mean_row
from jaxinv.kernels.lie_groups.sampling import haar_so
from jaxinv.kernels.numerics.precision import contract
from jaxinv.kernels.symmetrization import assignment_uncertainty, bad_partition_rate, is_subpartition, move_parts
from jaxinv.models.piecewise_network import PiecewiseNetwork, PiecewiseOutputs, vote_loss

_POINTS, _PARTS = 24, 12
_LABELS = np.repeat(np.arange(2, dtype=np.int32), _POINTS)
# Of both rods: length, width at the hinge and at the end, thickness; and how far from the hinge they begin.
_RODS = ((1.0, 0.4, 0.2, 0.06), (0.8, 0.16, 0.16, 0.16))
_CLEARANCE = 0.15
TRUE, PREDICTED, ONE, NONE = ARMS = ("true parts", "predicted parts", "one frame", "no frame")
TRAINED, ANY_ANGLE, APART = TESTS = ("as trained on", "any angle and pose", "rods apart")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    train: int = 200
    test: int = 200
    steps: int = 300
    batch: int = 16
    hidden: int = 32
    # Between layers.
    sigmas: tuple[float, ...] = (0.1, 0.2)


class _Equivariance(NamedTuple):
    """Of the trained network with predicted parts, at any angle, for one kind of partition.

    Attributes:
      bad: share of clouds with a part that straddles both rods, in partitions drawn from the assignments.
      uncertainty: of the assignments.
      error: mean over clouds, when each rod is moved by itself.
      most: that an error could be: the largest of both sizes together.
      error_if_fine: the largest of a cloud without a bad part, in 1e-6.
      parts: mean number of parts.
    """

    bad: float
    uncertainty: float
    error: float
    most: float
    error_if_fine: float
    parts: float


_TEXTS = {
    "parts": "number of parts",
    "bad": "lambda, share with a bad part",
    "uncertainty": "delta, uncertainty",
    "error": "error of votes when rods move",
    "error_if_fine": "the same, largest without a bad part (1e-6)",
    "most": "M, the most that it could be",
}


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains and tests; see `Claim.run`."""
    start = time.perf_counter()
    size = _Size(train=8, test=6, steps=4, batch=2, hidden=4, sigmas=(0.2,)) if quick else _Size()
    tell = progress or (lambda text: None)
    accuracy = {arm: np.zeros((seeds, len(TESTS))) for arm in ARMS}
    found: list[tuple[_Equivariance, ...]] = []
    for seed in range(seeds):
        train_key, order_key, test_key, *keys = jax.random.split(jax.random.key(seed), 3 + len(TESTS))
        train = draw_clouds(train_key, size.train, TRAINED)
        tests = {test: draw_clouds(key, size.test, test) for test, key in zip(TESTS, keys, strict=True)}
        for arm in ARMS:
            tell(f"{arm}: training {size.steps} steps, seed {seed}")
            graphdef, params = nnx.split(_network(arm, size, seed))
            params = _trained(graphdef, params, train, order_key, _partition(arm), size)
            outputs = {
                test: _outputs(graphdef, params, points, test_key, _partition(arm)) for test, points in tests.items()
            }
            for i, one in enumerate(outputs.values()):
                accuracy[arm][seed, i] = np.mean(np.argmax(np.asarray(one.logits), axis=-1) == _LABELS)
            if arm == PREDICTED:
                # With the partitions of the first layer and of the last, kept while the rods move.
                given = tests[ANY_ANGLE], outputs[ANY_ANGLE]
                found.append(tuple(_equivariance(graphdef, params, *given, layer, test_key) for layer in (0, -1)))
    first, last = (
        dict(zip(_Equivariance._fields, np.transpose(kind), strict=True)) for kind in zip(*found, strict=True)
    )
    rows = [mean_row(f"accuracy, {test}: {arm}", accuracy[arm][:, i]) for i, test in enumerate(TESTS) for arm in ARMS]
    for name, one in (("first partition", first), ("last partition", last)):
        rows += [mean_row(f"{name}: {text}", one[field]) for field, text in _TEXTS.items()]
    checks = [
        holds_in_every_seed(
            "premise: all know more than 90 % of what they were trained on",
            np.min([accuracy[arm][:, 0] for arm in ARMS], axis=0) - 0.9,
        )
    ]
    checks += [
        holds_in_every_seed(f"{test}: {better} beats {worse}", accuracy[better][:, i] - accuracy[worse][:, i])
        for i, test in enumerate(TESTS)
        if test != TRAINED
        for better, worse in itertools.pairwise(ARMS)
    ]
    checks += [
        # Float32, relative to what an error could be.
        holds_in_every_seed(
            "equivariant for partitions without a bad part: error below 1e-3 M (in 1e-6 M)",
            1e3 - first["error_if_fine"] / first["most"],
        ),
        holds_in_every_seed("first partition: error at most lambda M", first["bad"] * first["most"] - first["error"]),
        holds_in_every_seed(
            "last partition: error at most (lambda + delta) M",
            (last["bad"] + last["uncertainty"]) * last["most"] - last["error"],
        ),
    ]
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=tuple(checks)
    )


@functools.partial(jax.jit, static_argnames=("num", "test"))
def draw_clouds(key: jax.Array, num: int, test: str) -> jax.Array:
    """`(num, n, 3)` of one of `TESTS`: points drawn in two rods, of unit length about."""
    rods_key, angle_key, pose_key, apart_key, shift_key = jax.random.split(key, 5)
    most = np.pi / 9 if test == TRAINED else 5 * np.pi / 6
    angle = jax.random.uniform(angle_key, (num,), minval=-most, maxval=most)
    first, second = (_rod(key, num, shape) for key, shape in zip(jax.random.split(rods_key), _RODS, strict=True))
    cos, sin, zero = jnp.cos(angle), jnp.sin(angle), jnp.zeros(num)
    turn = jnp.stack([cos, -sin, zero, sin, cos, zero, zero, zero, zero + 1], axis=-1).reshape(num, 3, 3)
    second = contract("bij,bpj->bpi", turn, second)
    points = jnp.concatenate([first * jnp.array([[[-1.0, 1, 1]]]), second], axis=1)
    if test == TRAINED:
        return points
    points = contract("bij,bpj->bpi", haar_so(pose_key, (num,), 3), points)
    return points if test == ANY_ANGLE else _moved(apart_key, shift_key, points)


def _rod(key, num, shape):
    """Along the first axis."""
    length, width, end, thickness = shape
    along, across, up = jnp.moveaxis(jax.random.uniform(key, (num, _POINTS, 3)), -1, 0)
    spread = width + (end - width) * along
    return jnp.stack([_CLEARANCE + length * along, (across - 0.5) * spread, (up - 0.5) * thickness], axis=-1)


@jax.jit
def _moved(turn_key, shift_key, points):
    """Each rod of each cloud by a motion of its own."""
    num = points.shape[0]
    rotations, shifts = haar_so(turn_key, (num, 2), 3), jax.random.normal(shift_key, (num, 2, 3))
    return move_parts(rotations, shifts, points, jnp.broadcast_to(_LABELS, points.shape[:2]))


def _network(arm: str, size: _Size, seed: int) -> PiecewiseNetwork:
    widths = {"num_hidden": size.hidden, "num_scalars": size.hidden // 2, "num_vectors": size.hidden // 8}
    options: dict[str, Any] = {"sigmas": size.sigmas, "rngs": nnx.Rngs(seed), **widths}
    num_parts, group = _PARTS if arm == PREDICTED else 2, None if arm == NONE else "se"
    return PiecewiseNetwork(2, num_parts=num_parts, group=group, **options)


def _partition(arm: str) -> jax.Array | None:
    """Of all layers; None where it is drawn, then predicted. An argument, so that arms share programs."""
    return None if arm == PREDICTED else jnp.asarray(_LABELS if arm == TRUE else 0 * _LABELS)


@functools.partial(jax.jit, static_argnames=("graphdef", "size"))
def _trained(graphdef, params, clouds, key, partition, size):
    optimiser = optax.adam(optax.cosine_decay_schedule(3e-3, size.steps))

    def loss(params, points, key):
        found = _outputs(graphdef, params, points, key, partition)
        labels = jnp.broadcast_to(_LABELS, found.logits.shape[:2])
        right = optax.softmax_cross_entropy_with_integer_labels(found.logits, labels)
        of_votes = functools.partial(vote_loss, labels=jnp.asarray(_LABELS), num_parts=2)
        return jnp.mean(right) + jnp.mean(jax.vmap(of_votes)(found.votes, points))

    def step(state, key):
        params, moments = state
        chosen_key, key = jax.random.split(key)
        points = clouds[jax.random.randint(chosen_key, (size.batch,), 0, len(clouds))]
        updates, moments = optimiser.update(jax.grad(loss)(params, points, key), moments)
        return (optax.apply_updates(params, updates), moments), None

    keys = jax.random.split(key, size.steps)
    return jax.lax.scan(step, (params, optimiser.init(params)), keys)[0][0]


@functools.partial(jax.jit, static_argnames=("graphdef",))
def _outputs(graphdef, params, clouds, key, partition) -> PiecewiseOutputs:
    network = nnx.merge(graphdef, params)
    if partition is not None:
        return jax.vmap(lambda points: network(points, labels=partition))(clouds)
    return jax.vmap(lambda points, key: network(points, key=key))(clouds, jax.random.split(key, len(clouds)))


def _equivariance(graphdef, params, clouds, outputs: PiecewiseOutputs, layer: int, key) -> _Equivariance:
    labels, assignments = outputs.labels[:, layer], outputs.assignments[:, layer]
    turn_key, shift_key, draw_key = jax.random.split(key, 3)
    moved = functools.partial(_moved, turn_key, shift_key)
    wanted, found = moved(_votes(graphdef, params, clouds, labels)), _votes(graphdef, params, moved(clouds), labels)
    errors, sizes = (_root_mean_square(x) for x in (found - wanted, jnp.stack([found, wanted])))
    fine = np.asarray(is_subpartition(labels, _LABELS))
    return _Equivariance(
        bad=float(_bad_share(draw_key, assignments)),
        uncertainty=float(jnp.mean(assignment_uncertainty(assignments))),
        error=float(np.mean(errors)),
        most=float(np.max(np.sum(sizes, axis=0))),
        error_if_fine=1e6 * float(np.max(errors, where=fine, initial=0)),
        parts=float(np.mean([len(np.unique(one)) for one in np.asarray(labels)])),
    )


@functools.partial(jax.jit, static_argnames=("graphdef",))
def _votes(graphdef, params, clouds, labels):
    """Of the last layer, all layers on one partition."""
    network = nnx.merge(graphdef, params)
    return jax.vmap(lambda points, labels: network(points, labels=labels).votes[-1])(clouds, labels)


@jax.jit
def _bad_share(key, assignments):
    logits, labels = jnp.log(jnp.maximum(assignments, 1e-30)), jnp.asarray(_LABELS)

    def rate(key, logits):
        return bad_partition_rate(key, lambda key: jax.random.categorical(key, logits), labels, num_draws=32)

    return jnp.mean(jax.vmap(rate)(jax.random.split(key, len(logits)), logits))


def _root_mean_square(vectors):
    """Over points: `(..., n, 3)` to `(...)`."""
    return np.sqrt(np.mean(np.sum(np.asarray(vectors) ** 2, axis=-1), axis=-1))


CLAIM = Claim(
    name="apen",
    title="Approximately Piecewise E(3) Equivariant Point Networks",
    reference="Atzmon, Huang, Williams and Litany, ICLR 2024, arXiv:2402.08529",
    statement="Frames of parts, found layer by layer from votes, recognise clouds whose parts have moved by "
    "themselves, where one frame does not, and their error is bounded by how often a partition is bad.",
    experiment=run,
)
