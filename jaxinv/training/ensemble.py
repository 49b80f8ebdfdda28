"""Networks of one architecture, stacked on a leading axis M, that train and answer together under one vmap.

A network is an `nnx.Module` with two members: `features(images (B, ...)) -> (B, D)` and `head((B, D)) -> (B, C)`, the
logits; its parameters are its only state. The module is split once; every step is then a plain `jax.jit` over stacked
arrays.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence, Sized
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

Penalty = Callable[[Array, Array, Array], Array]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Ensemble:
    """M networks of one architecture.

    Attributes:
      graphdef: the architecture, which `nnx.merge` turns into a module.
      params: the parameters, each with the leading axis M.
    """

    graphdef: Any = dataclasses.field(metadata={"static": True})
    params: Any

    @property
    def num_networks(self) -> int:
        """M."""
        return jax.tree.leaves(self.params)[0].shape[0]


class Outputs(NamedTuple):
    """What an ensemble says about N images."""

    features: np.ndarray
    """(M, N, D)."""
    logits: np.ndarray
    """(M, N, C)."""


def create_ensemble(make_network: Callable[[nnx.Rngs], nnx.Module], seeds: Sequence[int] | np.ndarray) -> Ensemble:
    """New networks, one a seed; equal seeds give equal networks, wherever they stand.

    Args:
      make_network: builds one network; all its state must be `nnx.Param`.
      seeds: M seeds.
    """

    def initialise(key):
        return nnx.state(make_network(nnx.Rngs(key)), nnx.Param)

    graphdef, _ = nnx.split(nnx.eval_shape(lambda: make_network(nnx.Rngs(0))), nnx.Param)
    return Ensemble(graphdef, jax.jit(jax.vmap(initialise))(jax.vmap(jax.random.key)(jnp.asarray(seeds))))


def mask_logits(logits: Float[Array, "*batch c"], num_classes: Int[ArrayLike, ""]) -> Float[Array, "*batch c"]:
    """Puts the classes from `num_classes` on out of reach, so that a head with c outputs serves fewer classes."""
    within = jnp.broadcast_to(jnp.arange(logits.shape[-1]) < num_classes, logits.shape)
    return jnp.where(within, logits, jnp.finfo(logits.dtype).min / 2)


def train_ensemble(
    ensemble: Ensemble,
    batches: Iterable[tuple[ArrayLike, ArrayLike]],
    *,
    learning_rate: float | Callable[[int], ArrayLike],
    class_counts: Sequence[int] | np.ndarray | None = None,
    penalty: Penalty | None = None,
    penalty_weights: Sequence[float] | np.ndarray | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Ensemble:
    """Trains every network on its own batches by Adam on the cross-entropy.

    Args:
      ensemble: M networks; they are left as they are.
      batches: a step each: images (M, B, ...) and labels (M, B).
      learning_rate: a number, or a function of the step number (an optax schedule is one).
      class_counts: (M,), the number of classes of each network if its head is larger (see `mask_logits`).
      penalty: `penalty(features (B, D), logits (B, C), labels (B,))`, added to the loss of each network. Pass the same
        function object again, rather than a new lambda, to compile once.
      penalty_weights: (M,), what the penalty of each network is multiplied by; default 1.
      progress: called after every step with the number of steps done and their total (None if `batches` has no
        length).

    Returns:
      The trained networks.
    """
    # The step consumes its parameters: the caller keeps its own.
    params = jax.tree.map(jnp.copy, ensemble.params)
    moments = optax.scale_by_adam().init(params)
    counts = None if class_counts is None else jnp.asarray(class_counts)
    weights = jnp.ones(ensemble.num_networks) if penalty_weights is None else jnp.asarray(penalty_weights)
    total = len(batches) if isinstance(batches, Sized) else None
    for step, (images, labels) in enumerate(batches):
        rate = learning_rate(step) if callable(learning_rate) else learning_rate
        params, moments = _step(params, moments, images, labels, counts, weights, rate, ensemble.graphdef, penalty)
        if progress is not None:
            progress(step + 1, total)
    return Ensemble(ensemble.graphdef, params)


@functools.partial(jax.jit, static_argnames=("graphdef", "penalty"), donate_argnames=("params", "moments"))
def _step(params, moments, images, labels, counts, weights, rate, graphdef, penalty):
    def loss(params, images, labels, count, weight):
        network = nnx.merge(graphdef, params)
        features = network.features(images)
        logits = network.head(features)
        if count is not None:
            logits = mask_logits(logits, count)
        value = jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, labels))
        return value if penalty is None else value + weight * penalty(features, logits, labels)

    gradient = jax.vmap(jax.grad(loss), in_axes=(0, 0, 0, None if counts is None else 0, 0))(
        params, images, labels, counts, weights
    )
    # Adam works number by number, so it needs no vmap; only its step count is shared.
    direction, moments = optax.scale_by_adam().update(gradient, moments)
    params = jax.tree.map(lambda p, d: p - jnp.asarray(rate, p.dtype) * d, params, direction)
    return params, moments


def ensemble_outputs(
    ensemble: Ensemble, images: ArrayLike, *, per_network: bool = False, batch_size: int = 256
) -> Outputs:
    """Features and logits of every network, on the host.

    Args:
      ensemble: M networks.
      images: (N, ...), seen by all networks; with `per_network`, (M, N, ...), each network its own.
      per_network: which of the two.
      batch_size: images a network sees at once.
    """
    images = np.asarray(images)
    num_images = images.shape[1 if per_network else 0]
    if num_images == 0:
        raise ValueError(f"images must hold at least one image, got shape {images.shape}")
    size = min(batch_size, num_images)
    chunks = []
    for start in range(0, num_images, size):
        # The last batch starts early, so that one compilation serves all.
        first = min(start, num_images - size)
        rows = slice(first, first + size)
        chunk = _outputs(ensemble, images[:, rows] if per_network else images[rows], per_network)
        chunks.append([np.asarray(part)[:, start - first :] for part in chunk])
    features, logits = (np.concatenate(parts, axis=1) for parts in zip(*chunks, strict=True))
    return Outputs(features, logits)


@functools.partial(jax.jit, static_argnames="per_network")
def _outputs(ensemble, images, per_network):
    def outputs(params, images):
        network = nnx.merge(ensemble.graphdef, params)
        features = network.features(images)
        return features, network.head(features)

    return jax.vmap(outputs, in_axes=(0, 0 if per_network else None))(ensemble.params, images)
