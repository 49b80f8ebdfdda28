"""Random training batches for many networks at once."""

from collections.abc import Iterator, Sequence

import numpy as np


def random_batches(
    images: np.ndarray, labels: np.ndarray, *, limits: Sequence[int], steps: int, batch_size: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draws `steps` batches with replacement, network by network.

    Args:
      images: (M, N, ...); a broadcast view serves.
      labels: (M, N).
      limits: (M,), each network draws from its first so many images.
      steps: batches.
      batch_size: B.
      seed: of the draws.

    Yields:
      Images (M, B, ...) and labels (M, B).
    """
    generator = np.random.default_rng(seed)
    network = np.arange(len(labels))[:, None]
    for _ in range(steps):
        chosen = generator.integers(0, np.asarray(limits)[:, None], (len(labels), batch_size))
        yield images[network, chosen], labels[network, chosen]
