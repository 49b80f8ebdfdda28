"""Half of a representation can hold the pose, if a linear map made from the turn predicts it from view to view (SIE).

Objects of 20 shining points in 10 classes are pictured in random poses. Three representations learn from pairs of views
of one object: VICReg, by which all of it is to stay the same; SIE, whose second half is predicted by a map made from
the turn between both views; and the same with a perceptron on features and turn. Then, on objects that none has seen:
what a ridge regression reads of the class and a small network of the turn, and how well predictions retrieve the right
one of an object's 50 views. All is learned in one program, all seeds side by side.

Before that, without training: views that are exactly linear in the pose, and by least squares for which relations and
latents one linear map predicts those of all objects.
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
from jaxinv.kernels.lie_groups.quaternions import from_euler_xyz, to_matrix
from jaxinv.kernels.representations import (
    hit_at,
    mean_reciprocal_rank,
    pose_latent,
    pre_error,
    r2_score_flat,
    retrieval_ranks,
    sie_loss,
    vicreg_covariance,
    vicreg_invariance,
    vicreg_variance,
)
from jaxinv.kernels.simulators import PointObjects, render_points, sample_point_objects
from jaxinv.models.sie import SIE
from jaxinv.nn.sie import Projector
from jaxinv.training.ensemble import create_ensemble

VICREG, PERCEPTRON, HYPERNETWORK = "VICReg", "perceptron predictor", "hypernetwork"
_PARTS = ("invariant half", "equivariant half", "both")
_LARGEST_ANGLE = np.pi / 3
_PICTURE, _LATENT = 16, 4
_EXACT, _FAR = 1e-8, 1e-2
_COLLAPSED = 2.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Size:
    classes: int = 10
    train: int = 24
    test: int = 6
    views: int = 50
    batch: int = 192
    steps: int = 1200
    hidden: int = 256
    features: int = 128
    projector: tuple[int, ...] = (96, 96)
    probe_steps: int = 800
    probe_batch: int = 256
    probe_hidden: int = 128


class _Scenes(NamedTuple):
    """Objects, and for each its views in poses that stay."""

    objects: PointObjects
    classes: jax.Array
    pictures: jax.Array
    poses: jax.Array


def run(*, seeds: int, progress: Progress | None, quick: bool) -> ClaimResult:
    """Trains and measures; see `Claim.run`."""
    start = time.perf_counter()
    size = (
        _Size(classes=2, train=2, test=1, views=4, batch=6, steps=2, hidden=8, features=4, projector=(6, 6),
              probe_steps=2, probe_batch=4, probe_hidden=4)
        if quick
        else _Size()
    )  # fmt: skip
    tell = progress or (lambda text: None)
    tell("linear views, by least squares")
    linear = {case: np.array([linear_error(seed, *case) for seed in range(seeds)]) for case in LINEAR_CASES}
    tell(f"three representations: {size.steps} steps of {seeds} seeds side by side")
    graphdefs, params = _networks(seeds, size)
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds))
    params, train, test = _trained(graphdefs, params, keys, size)
    tell("reading classes and turns, and retrieving views")
    features, found = jax.tree.map(np.asarray, _measured(graphdefs, params, train, test, keys, size))
    rows = [mean_row(f"linear views, {name}: error", linear[case]) for case, name in LINEAR_CASES.items()]
    for name in graphdefs:
        accuracies = _class_accuracies([train, test], features[name], size.classes)
        for part, accuracy in zip(_PARTS, accuracies.T, strict=True):
            rows.append(mean_row(f"accuracy of classes: {name}, {part}", accuracy))
        for part, score in zip(_PARTS, found["turn"][name].T, strict=True):
            rows.append(mean_row(f"R^2 of turns: {name}, {part}", score))
    for measure in ("MRR", "H@1", "H@5", "PRE"):
        rows += [mean_row(f"{measure}: {name}", found[measure][name]) for name in (PERCEPTRON, HYPERNETWORK)]
    inverse_ranks = float(np.mean(1 / np.arange(1, size.views + 1)))
    rows.append(Row(f"MRR at random, {size.views} views", inverse_ranks, "expected"))
    invariant, equivariant, _ = found["turn"][HYPERNETWORK].T
    exact = [linear[case] for case in LINEAR_CASES if case in _EXACT_CASES]
    others = [linear[case] for case in LINEAR_CASES if case not in _EXACT_CASES]
    checks = (
        holds_in_every_seed(
            "linear views, turn of the world's side, linear in its matrix, or one object's matrix for all: one map "
            "predicts all (error within 1e-8, in 1e-8)",
            1 - np.max(exact, axis=0) / _EXACT,
        ),
        holds_in_every_seed(
            "by the quaternion, or by the turn of the body's side for any objects, none does (error above .01)",
            np.min(others, axis=0) - _FAR,
        ),
        holds_in_every_seed(
            "R^2 of turns: the hypernetwork's equivariant half, more than .05 above all of VICReg",
            equivariant - found["turn"][VICREG][:, 2] - 0.05,
        ),
        holds_in_every_seed(
            "R^2 of turns: the hypernetwork's equivariant half, more than .03 above its invariant half",
            equivariant - invariant - 0.03,
        ),
        holds_in_every_seed("MRR of the hypernetwork above .35", found["MRR"][HYPERNETWORK] - 0.35),
        holds_in_every_seed(
            "MRR of the hypernetwork above twice that of the perceptron",
            found["MRR"][HYPERNETWORK] - _COLLAPSED * found["MRR"][PERCEPTRON],
        ),
    )
    return ClaimResult(
        name=CLAIM.name, seeds=seeds, seconds=time.perf_counter() - start, rows=tuple(rows), checks=checks
    )


LINEAR_CASES = {
    ("world", "matrix", False): "world's side, matrix",
    ("world", "products", False): "world's side, products of the quaternion",
    ("body", "matrix", True): "body's side, matrix, one object",
    ("world", "quaternion", False): "world's side, quaternion",
    ("body", "matrix", False): "body's side, matrix",
    ("body", "quaternion", True): "body's side, quaternion, one object",
}
_EXACT_CASES = tuple(itertools.islice(LINEAR_CASES, 3))


def linear_error(seed: int, relation: str, latent: str, one_object: bool, num_pairs: int = 2000) -> float:
    """Share of variance left by the best map linear in latent and view `vec(R M)`, on new objects and poses."""
    generator = np.random.default_rng(seed)

    def pairs():
        shape = np.broadcast_to(shared, (num_pairs, 3, 4)) if one_object else generator.normal(size=(num_pairs, 3, 4))
        angles = generator.uniform(-_LARGEST_ANGLE, _LARGEST_ANGLE, size=(2, num_pairs, 3))
        with jax.enable_x64(True):
            poses = from_euler_xyz(jnp.asarray(angles))
            z = np.asarray(pose_latent(poses[0], poses[1], relation=relation, latent=latent))
            first, second = (np.asarray(to_matrix(one)) @ shape for one in poses)
        inputs = np.einsum("np,nij->npij", z, first).reshape(num_pairs, -1)
        return inputs, second.reshape(num_pairs, -1)

    shared = generator.normal(size=(3, 4))
    weights = np.linalg.lstsq(*pairs(), rcond=None)[0]
    inputs, wanted = pairs()
    return float(np.sum((inputs @ weights - wanted) ** 2) / np.sum((wanted - wanted.mean(0)) ** 2))


def _networks(seeds: int, size: _Size) -> tuple[dict[str, Any], dict[str, Any]]:
    """VICReg's is SIE without a predictor's loss, so that all have the same layers."""
    predictors = {VICREG: "hypernetwork", PERCEPTRON: "perceptron", HYPERNETWORK: "hypernetwork"}

    def network(predictor, rngs):
        widths = (_PICTURE**2, size.hidden, size.hidden, size.features)
        encoder = Projector(widths, use_batch_norm=False, rngs=rngs)
        return SIE(
            encoder,
            size.features,
            _LATENT,
            projector=size.projector,
            use_batch_norm=False,
            predictor=predictor,
            rngs=rngs,
        )

    made = {
        name: create_ensemble(functools.partial(network, predictor), range(seeds))
        for name, predictor in predictors.items()
    }
    return {name: one.graphdef for name, one in made.items()}, {name: one.params for name, one in made.items()}


@functools.partial(jax.jit, static_argnames=("size",))
def _trained(graphdefs, params, keys, size: _Size):
    """Parameters of all networks and seeds after Adam, and the scenes of training and test."""
    return jax.vmap(functools.partial(_trained_of_seed, graphdefs, size=size))(params, keys)


def _trained_of_seed(graphdefs, params, key, *, size: _Size):
    object_key, train_key, test_key, step_key = jax.random.split(key, 4)
    objects = sample_point_objects(object_key, size.classes, size.train + size.test)
    train, test = (
        jax.tree.map(lambda leaf, part=part: leaf[:, part].reshape(-1, *leaf.shape[2:]), objects)
        for part in (slice(None, size.train), slice(size.train, None))
    )
    optimiser = optax.adam(1e-3)

    def loss(params, first, second, z):
        total = 0.0
        for name, graphdef in graphdefs.items():
            found = nnx.merge(graphdef, params[name])(first, second, z)
            total += _vicreg(found) if name == VICREG else sie_loss(*found).loss
        return total

    def step(state, key):
        params, moments = state
        choice_key, first_key, second_key = jax.random.split(key, 3)
        chosen = jax.random.randint(choice_key, (size.batch,), 0, train.points.shape[0])
        chosen = jax.tree.map(lambda leaf: leaf[chosen], train)
        poses = [_poses(key, (size.batch,)) for key in (first_key, second_key)]
        first, second = (_pictures(chosen, pose) for pose in poses)
        updates, moments = optimiser.update(jax.grad(loss)(params, first, second, pose_latent(*poses)), moments)
        return (optax.apply_updates(params, updates), moments), None

    # The losses are added and share no parameter: each network learns as if it were alone.
    (params, _), _ = jax.lax.scan(step, (params, optimiser.init(params)), jax.random.split(step_key, size.steps))
    return params, _scenes(train_key, train, size.train, size), _scenes(test_key, test, size.test, size)


def _vicreg(found):
    """Of both halves as one, all of it to stay the same."""
    views = [
        jnp.concatenate(halves, axis=-1)
        for halves in ((found.x_invariant, found.x_equivariant), (found.y_invariant, found.y_equivariant))
    ]
    return 10 * vicreg_invariance(*views) + sum(10 * vicreg_variance(one) + vicreg_covariance(one) for one in views)


def _poses(key, shape):
    return from_euler_xyz(jax.random.uniform(key, (*shape, 3), minval=-_LARGEST_ANGLE, maxval=_LARGEST_ANGLE))


def _pictures(objects: PointObjects, poses):
    """`(..., pixels)`."""
    pictures = render_points(objects, to_matrix(poses), size=_PICTURE)
    return pictures.reshape(*pictures.shape[:-2], -1)


def _scenes(key, objects: PointObjects, of_class: int, size: _Size) -> _Scenes:
    number = objects.points.shape[0]
    poses = _poses(key, (number, size.views))
    seen = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf[:, None], (number, size.views, *leaf.shape[1:])), objects)
    return _Scenes(objects, jnp.arange(number) // of_class, _pictures(seen, poses), poses)


@functools.partial(jax.jit, static_argnames=("size",))
def _measured(graphdefs, params, train: _Scenes, test: _Scenes, keys, size: _Size):
    """Features of the parts of all networks, and of each measure and network `(seeds,)` or `(seeds, parts)`."""

    def of_seed(params, train, test, key):
        found: dict[str, dict[str, Any]] = {name: {} for name in ("MRR", "H@1", "H@5", "PRE")}
        features = {}
        for name, graphdef in graphdefs.items():
            network = nnx.merge(graphdef, params[name])
            seen, new = (jnp.concatenate(network.represent(scenes.pictures), axis=-1) for scenes in (train, test))
            mean, deviation = (of(seen, (0, 1), keepdims=True) for of in (jnp.mean, jnp.std))
            seen, new = (_parts((one - mean) / (deviation + 1e-6), network.num_invariant) for one in (seen, new))
            features[name] = seen, new
            if name != VICREG:
                for measure, value in _retrieval(network, test).items():
                    found[measure][name] = value
        seen, new = (jnp.concatenate(one) for one in zip(*features.values(), strict=True))
        scores = _turn_scores(seen, new, train.poses, test.poses, key, size)
        found["turn"] = dict(zip(graphdefs, scores.reshape(-1, len(_PARTS)), strict=True))
        return features, found

    return jax.vmap(of_seed)(params, train, test, keys)


def _parts(features, num_invariant):
    """`(parts, objects, views, features)`, all of one width: what is not in a part is 0."""
    invariant = jnp.arange(features.shape[-1]) < num_invariant
    masks = jnp.stack([invariant, ~invariant, jnp.ones_like(invariant)])
    return features[None] * masks[:, None, None]


def _class_accuracies(scenes: list[_Scenes], features, num_classes: int) -> np.ndarray:
    """`(seeds, parts)`, of ridge regression on the indicators of classes, of new objects."""
    seen, new = (one.reshape(*one.shape[:2], -1, one.shape[-1]) for one in features)
    given, wanted = (np.repeat(np.asarray(one.classes), one.poses.shape[2], axis=1) for one in scenes)
    indicators = np.eye(num_classes)[given] - 1 / num_classes
    found = np.zeros(seen.shape[:2])
    for seed, part in np.ndindex(found.shape):
        x = seen[seed, part]
        weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ indicators[seed])
        found[seed, part] = np.mean(np.argmax(new[seed, part] @ weights, axis=-1) == wanted[seed])
    return found


def _flat(features):
    return features.reshape(-1, features.shape[-1])


def _retrieval(network, test: _Scenes):
    """Each object's first view as the source, all its views as targets, the first among them."""
    number, views = test.poses.shape[:2]
    gallery = network.embed(test.pictures).equivariant
    sources = jnp.broadcast_to(test.poses[:, :1], test.poses.shape)
    predicted = network.predict(
        pose_latent(sources, test.poses), jnp.broadcast_to(gallery[:, :1], gallery.shape)
    ).reshape(number * views, -1)
    group, target = jnp.repeat(jnp.arange(number), views), jnp.tile(jnp.arange(views), number)
    ranks = retrieval_ranks(predicted, gallery, group, target)
    errors = pre_error(predicted, _flat(test.poses), _flat(gallery), _flat(test.poses))
    return {
        "MRR": mean_reciprocal_rank(ranks),
        "H@1": hit_at(ranks, k=1),
        "H@5": hit_at(ranks, k=5),
        "PRE": jnp.mean(errors),
    }


def _turn_scores(seen, new, seen_poses, new_poses, key, size: _Size):
    """R^2 of the turn between two views, `(representations,)`, by a network on both views' features.

    Args:
      seen: `(representations, objects, views, features)`, to learn from.
      new: likewise, of new objects.
      seen_poses: `(objects, views, 4)`.
      new_poses: likewise.
      key: of pairs and parameters.
      size: of the experiment.
    """
    network_key, step_key, test_key = jax.random.split(key, 3)
    made = _probe(2 * seen.shape[-1], size.probe_hidden, network_key)
    params = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (seen.shape[0], *leaf.shape)), made)
    optimiser = optax.adam(1e-3)
    # What is drawn together lies together.
    seen, new = (jnp.moveaxis(one, 0, 2) for one in (seen, new))

    def pairs(key, features, poses, count):
        object_key, view_key = jax.random.split(key)
        objects = jax.random.randint(object_key, (count,), 0, poses.shape[0])
        first, second = jax.random.randint(view_key, (2, count), 0, poses.shape[1])
        both = jnp.concatenate([features[objects, one] for one in (first, second)], axis=-1)
        return jnp.moveaxis(both, 1, 0), pose_latent(poses[objects, first], poses[objects, second])

    def loss(params, both, turns):
        return jnp.sum(jnp.mean((_read(params, both) - turns[None]) ** 2, axis=(1, 2)))

    def step(state, key):
        params, moments = state
        updates, moments = optimiser.update(
            jax.grad(loss)(params, *pairs(key, seen, seen_poses, size.probe_batch)), moments
        )
        return (optax.apply_updates(params, updates), moments), None

    steps = jax.random.split(step_key, size.probe_steps)
    (params, _), _ = jax.lax.scan(step, (params, optimiser.init(params)), steps)
    both, turns = pairs(test_key, new, new_poses, new_poses.shape[0] * new_poses.shape[1])
    return jax.vmap(r2_score_flat, in_axes=(0, None))(_read(params, both), turns)


def _probe(num_in: int, num_hidden: int, key):
    """Weights and biases of one hidden layer and four outputs."""
    first_key, last_key = jax.random.split(key)
    init = jax.nn.initializers.lecun_normal()
    return (
        init(first_key, (num_in, num_hidden)),
        jnp.zeros(num_hidden),
        init(last_key, (num_hidden, _LATENT)),
        jnp.zeros(_LATENT),
    )


def _read(params, both):
    """Of representations side by side, `(representations, pairs, 4)`."""
    first, first_bias, last, last_bias = params
    hidden = jax.nn.relu(both @ first + first_bias[:, None])
    return hidden @ last + last_bias[:, None]


CLAIM = Claim(
    name="sie",
    title="Self-supervised learning of Split Invariant Equivariant representations",
    reference="Garrido, Najman and LeCun, ICML 2023, arXiv:2302.10283",
    statement="A representation whose second half is predicted from view to view by a linear map made from the turn "
    "keeps the pose there; a perceptron in that place ignores the turn, and predicts what it was given.",
    experiment=run,
)
