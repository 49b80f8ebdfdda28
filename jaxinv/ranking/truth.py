"""How well the networks of the pool really transfer to a target task, and how invariant they are there."""

import dataclasses
import pathlib
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from rich.console import Console

from jaxinv.data import AUGMENTATIONS, augmentations
from jaxinv.kernels.transferability import sens
from jaxinv.kernels.transferability.meters import sensitivity
from jaxinv.ranking.cache import cache_key, cached_arrays
from jaxinv.ranking.pool import ARCHITECTURES, NUM_OUTPUTS, Pool, cosine_decay, epochs
from jaxinv.ranking.progress import Progress, progress_bar
from jaxinv.ranking.tasks import Task
from jaxinv.training import Ensemble, create_ensemble, ensemble, ensemble_outputs, linear_probe, probe, train_ensemble

LINEAR_PROBE, FINE_TUNED = "linear probe", "fine-tuned"
TRANSFORMATIONS = tuple(name for name in AUGMENTATIONS if name != "none")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TruthSpec:
    """How the networks are fine-tuned: all weights, under a new head. The seed is that of the pool.

    Attributes:
      num_heads: repetitions, with another head and another order; their accuracies are averaged.
      steps: of Adam, with a cosine decay.
      batch_size: images a network sees in a step.
      learning_rate: at the first step.
    """

    num_heads: int = 1
    steps: int = 100
    batch_size: int = 64
    learning_rate: float = 5e-3


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """What was measured on a target task, in the order of `pool.networks`.

    Attributes:
      accuracies: "linear probe" and "fine-tuned", (M,) on the test set.
      sensitivity: (M,) by transformation: `sens` of the features of training images under two draws of it.
    """

    accuracies: dict[str, np.ndarray]
    sensitivity: dict[str, np.ndarray]


def measure_truth(
    pool: Pool, task: Task, spec: TruthSpec, *, cache: pathlib.Path, console: Console | None = None
) -> Truth:
    """Accuracies and sensitivities of the pool on a target task, measured or read from the cache.

    Args:
      pool: the networks.
      task: the target.
      spec: of the fine-tuning.
      cache: folder of the results.
      console: for the progress bar and notices; by default there are none.
    """
    console = Console(quiet=True) if console is None else console

    def cached(what, settings, modules, compute):
        code = [pathlib.Path(str(module.__file__)) for module in modules]
        return cached_arrays(
            cache / f"{what} {task.name} seed {pool.spec.seed}.npz",
            cache_key(pool.key, settings, *code, pathlib.Path(__file__), *task.arrays),
            compute,
            notify=lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True),
        )

    accuracies = cached(
        "truth",
        dataclasses.asdict(spec),
        (ensemble, probe),
        lambda: {
            LINEAR_PROBE: probe_accuracies(pool, task),
            FINE_TUNED: fine_tuned_accuracies(pool, task, spec, console=console),
        },
    )
    # Its kernel is another's, and this is quick: it alone is measured again where that has changed.
    moved = cached("sensitivity", None, (augmentations, sensitivity), lambda: sensitivities(pool, task))
    return Truth(accuracies, moved)


def probe_accuracies(pool: Pool, task: Task) -> np.ndarray:
    """(M,) test accuracies of a linear classifier on the frozen features."""
    accuracies = [
        linear_probe(
            ensemble_outputs(trained, task.train_images).features,
            task.train_labels,
            ensemble_outputs(trained, task.test_images).features,
            task.test_labels,
            num_classes=task.num_classes,
        )
        for trained in pool.ensembles.values()
    ]
    return np.concatenate(accuracies)


def fine_tuned_accuracies(pool: Pool, task: Task, spec: TruthSpec, *, console: Console | None = None) -> np.ndarray:
    """(M,) test accuracies after training all weights on the target under a new head, averaged over heads.

    The head has NUM_OUTPUTS outputs, of which the task uses the first, so that all tasks share their programs.
    """
    console = Console(quiet=True) if console is None else console
    accuracies, seed = [], pool.spec.seed
    with progress_bar(console, f"Fine-tuning on {task.name}") as progress:
        for i, (architecture, trained) in enumerate(pool.ensembles.items()):
            tuned = train_ensemble(
                _with_new_heads(architecture, trained, spec, seed),
                _Batches(task, trained.num_networks, spec, seed),
                learning_rate=cosine_decay(spec.learning_rate, spec.steps),
                class_counts=[task.num_classes] * (spec.num_heads * trained.num_networks),
                progress=_shifted(progress, i * spec.steps, len(pool.ensembles) * spec.steps),
            )
            logits = ensemble_outputs(tuned, task.test_images).logits[..., : task.num_classes]
            predicted = np.argmax(logits, axis=-1)
            right = np.mean(predicted == task.test_labels[None], axis=1)
            accuracies.append(right.reshape(spec.num_heads, -1).mean(axis=0))
    return np.concatenate(accuracies)


def _shifted(progress: Progress, offset: int, total: int) -> Progress:
    return lambda done, _: progress(offset + done, total)


def _with_new_heads(architecture: str, trained: Ensemble, spec: TruthSpec, seed: int) -> Ensemble:
    """Every network `num_heads` times, head after head, so that the first M carry the first heads."""
    seeds = np.random.SeedSequence([seed, 1]).generate_state(spec.num_heads * trained.num_networks)
    fresh = create_ensemble(lambda rngs: ARCHITECTURES[architecture](num_classes=NUM_OUTPUTS, rngs=rngs), seeds)
    body = jax.tree.map(lambda x: jnp.concatenate([x] * spec.num_heads), trained.params)
    return Ensemble(fresh.graphdef, nnx.State({**body, "head": fresh.params["head"]}))


class _Batches:
    """Batches (num_heads * M, B, 16, 16) of the target: one order of the samples for every head."""

    def __init__(self, task: Task, num_networks: int, spec: TruthSpec, seed: int):
        self._task, self._num_networks, self._spec, self._seed = task, num_networks, spec, seed

    def __len__(self) -> int:
        return self._spec.steps

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        spec, task = self._spec, self._task
        orders = [
            epochs(len(task.train_images), spec.steps, spec.batch_size, seed=[self._seed, 2, head])
            for head in range(spec.num_heads)
        ]
        for rows in zip(*orders, strict=True):
            repeated = np.repeat(np.stack(rows), self._num_networks, axis=0)
            yield task.train_images[repeated], task.train_labels[repeated]


def sensitivities(pool: Pool, task: Task) -> dict[str, np.ndarray]:
    """By transformation: (M,) sensitivities of the features of training images under two draws of it."""
    measured = {}
    for i, name in enumerate(TRANSFORMATIONS):
        first, second, roll = jax.random.split(jax.random.fold_in(jax.random.key(pool.spec.seed), i), 3)
        twins = [np.asarray(AUGMENTATIONS[name](jnp.asarray(task.train_images), key)) for key in (first, second)]
        scores = []
        for trained in pool.ensembles.values():
            one, two = (ensemble_outputs(trained, images).features for images in twins)
            scores.append(jax.vmap(sens, in_axes=(0, 0, None))(one, two, roll).score)
        measured[name] = np.concatenate(scores)
    return measured
