"""A third pool, on texts: layers of a pretrained sentence encoder, and counts of words and characters beside them.

Every layer in every pooling is one model, and so is every kind of counts. None is fine-tuned: their only truth is the
linear probe. The encoder's weights come with a package of their own, see `jaxinv.ranking.sentence_encoder`.
"""

import json
import pathlib
from collections.abc import Sequence
from typing import cast

import numpy as np
from rich.console import Console

from jaxinv.ranking import sentence_encoder, text_counts, text_tasks, word_pieces
from jaxinv.ranking.cache import cache_key, cached_arrays
from jaxinv.ranking.frozen_pool import FrozenPool, rank_frozen_pool
from jaxinv.ranking.results import RankingResult
from jaxinv.ranking.sentence_encoder import require_encoder, sentence_layers
from jaxinv.ranking.task_scores import Target
from jaxinv.ranking.text_counts import count_features
from jaxinv.ranking.text_tasks import TextTask

NAME = "texts"


def rank_text_pool(
    *,
    output: pathlib.Path,
    scores: Sequence[str] | None = None,
    seed: int = 0,
    console: Console | None = None,
) -> list[RankingResult]:
    """Scores the models on every target of texts, and compares with their linear probes.

    Args:
      output: folder of the results; the cache is its folder "cache".
      scores: names of scores, by default all; those that need source probabilities are left out.
      seed: of the splits of the targets.
      console: for notices; by default there are none.

    Raises:
      InputError: unknown score.
      MissingPackage: the package of the encoder is not installed.
    """
    require_encoder()
    console = Console(quiet=True) if console is None else console
    cache = output / "cache"

    def notify(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    def features(target: Target) -> dict[str, np.ndarray]:
        task = cast(TextTask, target)
        texts = [str(text) for text in (*task.train_texts, *task.test_texts)]
        code = [pathlib.Path(str(module.__file__)) for module in (sentence_encoder, text_counts, word_pieces)]
        return cached_arrays(
            cache / f"{NAME} {task.name} seed {seed}.npz",
            cache_key(*code, json.dumps(texts), len(task.train_texts)),
            lambda: sentence_layers(texts) | count_features(texts, len(task.train_texts)),
            notify=notify,
        )

    with console.status("Reading texts") as shown:
        pool = FrozenPool(
            name=NAME,
            targets=text_tasks.text_tasks(seed=seed),
            features=features,
            network=lambda model: model.partition(" ")[0],
        )
        return rank_frozen_pool(pool, cache=cache, scores=scores, seed=seed, notify=notify, status=shown.update)
