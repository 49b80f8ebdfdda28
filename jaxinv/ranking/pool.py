"""The built-in pool: small networks that differ in architecture, source task and the invariance they were trained for.

Networks of one architecture train together under one vmap, each on its own task. Everything follows from one seed;
the parameters of an architecture are kept in one file, so that a killed run loses one architecture at most.
"""

import dataclasses
import functools
import itertools
import math
import pathlib
import zlib
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from rich.console import Console

from jaxinv.data import AUGMENTATIONS, augmentations
from jaxinv.models import BagOfPatches, ConvNet, Mixer, MultilayerPerceptron, image_networks
from jaxinv.ranking.cache import cache_key, cached_arrays
from jaxinv.ranking.progress import Progress, progress_bar
from jaxinv.ranking.tasks import SOURCE_TASKS, Task
from jaxinv.training import Ensemble, create_ensemble, ensemble, ensemble_outputs, mask_logits, train_ensemble

ARCHITECTURES: MappingProxyType[str, Callable[..., nnx.Module]] = MappingProxyType(
    {
        "perceptron": MultilayerPerceptron,
        "convnet": ConvNet,
        "patches": BagOfPatches,
        "mixer": Mixer,
    }
)
"""By name: `ARCHITECTURES[name](num_classes=..., rngs=...)`."""
_ACCURACY = "source accuracy"
NUM_OUTPUTS = 10
"""Every source task has the same head, of which it uses the first outputs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PoolSpec:
    """All that decides which networks come out: every architecture x invariance x source.

    Attributes:
      seed: of the parameters, the order of the samples, and the augmentations.
      architectures: names in `ARCHITECTURES`.
      sources: names in `jaxinv.ranking.tasks.SOURCE_TASKS`.
      invariances: names in `jaxinv.data.AUGMENTATIONS`: what the training images undergo.
      steps: of Adam, with a cosine decay.
      batch_size: images a network sees in a step.
      learning_rate: at the first step.
    """

    seed: int = 0
    architectures: tuple[str, ...] = tuple(ARCHITECTURES)
    sources: tuple[str, ...] = tuple(SOURCE_TASKS)
    invariances: tuple[str, ...] = tuple(AUGMENTATIONS)
    steps: int = 800
    batch_size: int = 64
    learning_rate: float = 4e-3

    def __post_init__(self):
        for field, known in (
            ("architectures", ARCHITECTURES),
            ("sources", SOURCE_TASKS),
            ("invariances", AUGMENTATIONS),
        ):
            names = getattr(self, field)
            unknown = [name for name in names if name not in known]
            if unknown or not names:
                raise ValueError(f"{field} must be some of {', '.join(known)}, got {', '.join(unknown) or 'none'}")


@dataclasses.dataclass(frozen=True)
class PoolNetwork:
    """One network of the pool: how it came about, and its accuracy on the test set of its own source task."""

    name: str
    architecture: str
    source: str
    invariance: str
    num_source_classes: int
    width: int
    source_accuracy: float


@dataclasses.dataclass(frozen=True, eq=False)
class Pool:
    """The trained networks.

    Attributes:
      spec: what was asked for.
      key: stands for everything that the parameters depend on.
      networks: in the order of the spec: by architecture, then invariance, then source.
      ensembles: by architecture; each holds its networks in the same order.
    """

    spec: PoolSpec
    key: str
    networks: tuple[PoolNetwork, ...]
    ensembles: dict[str, Ensemble]


@dataclasses.dataclass(frozen=True, eq=False)
class Representation:
    """What one network says about N images: features (N, width) and its source class probabilities (N, Cs)."""

    features: np.ndarray
    source_probabilities: np.ndarray


def train_pool(spec: PoolSpec, *, cache: pathlib.Path, console: Console | None = None) -> Pool:
    """The pool of `spec`, trained or read from the cache.

    Args:
      spec: the networks.
      cache: folder of the parameters.
      console: for the progress bar and notices; by default there are none.
    """
    console = Console(quiet=True) if console is None else console
    sources = {name: SOURCE_TASKS[name]() for name in spec.sources}
    code = [pathlib.Path(str(module.__file__)) for module in (image_networks, augmentations, ensemble)]
    key = cache_key(dataclasses.asdict(spec), *code, pathlib.Path(__file__), *_arrays(sources.values()))
    networks, ensembles = [], {}
    for architecture in spec.architectures:
        create = functools.partial(create_ensemble, _maker(architecture), _seeds(spec, architecture))
        blank = jax.eval_shape(create)

        def compute(architecture=architecture, create=create):
            with progress_bar(console, f"Training {architecture}") as progress:
                trained = _train(spec, create(), sources, progress)
            return _flatten(trained) | {_ACCURACY: _source_accuracies(spec, trained, sources)}

        arrays = cached_arrays(
            cache / f"pool {architecture} seed {spec.seed}.npz",
            cache_key(key, architecture),
            compute,
            notify=lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True),
        )
        trained = Ensemble(blank.graphdef, _unflatten(blank.params, arrays))
        ensembles[architecture] = trained
        networks += _describe(spec, architecture, trained, arrays[_ACCURACY], sources)
    return Pool(spec, key, tuple(networks), ensembles)


def represent(pool: Pool, images: np.ndarray) -> tuple[Representation, ...]:
    """What every network of the pool says about (N, 16, 16) images, in the order of `pool.networks`."""
    representations = []
    for architecture, trained in pool.ensembles.items():
        outputs = ensemble_outputs(trained, images)
        members = [network for network in pool.networks if network.architecture == architecture]
        counts = np.array([network.num_source_classes for network in members])
        probabilities = np.asarray(_probabilities(outputs.logits, counts))
        representations += [
            Representation(outputs.features[i], probabilities[i, :, : counts[i]]) for i in range(len(members))
        ]
    return tuple(representations)


@jax.jit
def _probabilities(logits, counts):
    return jax.vmap(lambda logits, count: jax.nn.softmax(mask_logits(logits, count)))(logits, counts)


def _maker(architecture):
    return lambda rngs: ARCHITECTURES[architecture](num_classes=NUM_OUTPUTS, rngs=rngs)


def _members(spec):
    """(invariance, source) of the networks of one architecture."""
    return list(itertools.product(spec.invariances, spec.sources))


def _seed(spec, *names) -> int:
    """A seed that depends on the names alone, not on who else is in the pool."""
    words = [zlib.crc32(name.encode()) for name in names]
    return int(np.random.SeedSequence([spec.seed, *words]).generate_state(1)[0])


def _seeds(spec, architecture):
    return np.array([_seed(spec, architecture, *member) for member in _members(spec)], np.uint32)


class _Batches:
    """Augmented batches (M, B, 16, 16) of the networks of one architecture; the same for every architecture."""

    def __init__(self, spec: PoolSpec, sources: dict[str, Task]):
        self._spec, self._sources = spec, sources

    def __len__(self) -> int:
        return self._spec.steps

    def __iter__(self) -> Iterator[tuple[Any, np.ndarray]]:
        spec, tasks = self._spec, [self._sources[source] for _, source in _members(self._spec)]
        orders = [
            epochs(len(task.train_images), spec.steps, spec.batch_size, seed=_seed(spec, "order", *member))
            for member, task in zip(_members(spec), tasks, strict=True)
        ]
        key = jax.random.key(_seed(spec, "augmentation"))
        for step in range(spec.steps):
            rows = [order[step] for order in orders]
            images = np.stack([task.train_images[r] for task, r in zip(tasks, rows, strict=True)])
            labels = np.stack([task.train_labels[r] for task, r in zip(tasks, rows, strict=True)])
            yield _augment(images, jax.random.fold_in(key, step), invariances=spec.invariances), labels


def epochs(count: int, steps: int, batch_size: int, *, seed: int | list[int]) -> np.ndarray:
    """(steps, batch_size) row numbers: one permutation of `count` rows after another."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([rng.permutation(count) for _ in range(math.ceil(steps * batch_size / count))])
    return rows[: steps * batch_size].reshape(steps, batch_size)


def _augment_all(images, key, *, invariances):
    groups = images.reshape(len(invariances), -1, *images.shape[2:])
    keys = jax.random.split(key, len(invariances))
    augmented = [AUGMENTATIONS[name](x, k) for name, x, k in zip(invariances, groups, keys, strict=True)]
    return jnp.stack(augmented).reshape(images.shape)


_augment = jax.jit(_augment_all, static_argnames=("invariances",))


def _train(spec: PoolSpec, blank: Ensemble, sources: dict[str, Task], progress: Progress) -> Ensemble:
    return train_ensemble(
        blank,
        _Batches(spec, sources),
        learning_rate=cosine_decay(spec.learning_rate, spec.steps),
        class_counts=[sources[source].num_classes for _, source in _members(spec)],
        progress=progress,
    )


def cosine_decay(first: float, steps: int) -> Callable[[int], float]:
    """A learning rate that falls from `first` to 0 along half a cosine."""
    return lambda step: first * (1 + math.cos(math.pi * step / steps)) / 2


def _source_accuracies(spec: PoolSpec, trained: Ensemble, sources: dict[str, Task]) -> np.ndarray:
    """(M,) accuracies, each on the test set of the network's own source."""
    accuracies = {}
    for name, task in sources.items():
        logits = ensemble_outputs(trained, task.test_images).logits[..., : task.num_classes]
        accuracies[name] = np.mean(np.argmax(logits, axis=-1) == task.test_labels[None], axis=1)
    return np.array([accuracies[source][i] for i, (_, source) in enumerate(_members(spec))])


def _describe(spec, architecture, trained, accuracies, sources):
    width = trained.params["head"]["kernel"][...].shape[1]
    return [
        PoolNetwork(
            name=f"{architecture} {source} {invariance}",
            architecture=architecture,
            source=source,
            invariance=invariance,
            num_source_classes=sources[source].num_classes,
            width=width,
            source_accuracy=float(accuracy),
        )
        for (invariance, source), accuracy in zip(_members(spec), accuracies, strict=True)
    ]


def _arrays(tasks):
    return [array for task in tasks for array in task.arrays]


def _flatten(trained: Ensemble) -> dict[str, np.ndarray]:
    paths, _ = jax.tree_util.tree_flatten_with_path(trained.params)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in paths}


def _unflatten(like: Any, arrays: dict[str, np.ndarray]) -> Any:
    return jax.tree_util.tree_map_with_path(lambda path, _: jnp.asarray(arrays[jax.tree_util.keystr(path)]), like)
