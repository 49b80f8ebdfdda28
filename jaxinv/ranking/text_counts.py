"""Features of texts from counts of words and of runs of characters: what sentence encoders have to beat.

References: Deerwester et al. (1990), Indexing by latent semantic analysis; Weinberger et al. (2009), Feature hashing,
  arXiv:0902.2206.
"""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from types import MappingProxyType

import numpy as np

WIDTHS = 64, 256
RUNS = 3, 4, 5  # characters


def words(text: str) -> list[str]:
    """In lower case."""
    return re.findall(r"\w+", text.lower())


def runs(text: str) -> list[str]:
    """All runs of RUNS characters of the words, these with a blank at both ends."""
    padded = [f" {word} " for word in words(text)]
    return [word[i : i + n] for word in padded for n in RUNS for i in range(len(word) - n + 1)]


UNITS: MappingProxyType[str, Callable[[str], list[str]]] = MappingProxyType({"words": words, "characters": runs})


def count_features(texts: Sequence[str], train: int) -> dict[str, np.ndarray]:
    """Models "words hashed 64" to "characters latent 256", each unit in both ways and widths.

    Args:
      texts: N.
      train: the first texts, which the latent directions are learned from.

    Returns:
      (N, width) by model.
    """
    features = {}
    for name, unit in UNITS.items():
        counted = [Counter(unit(text)) for text in texts]
        latent = _latent(counted, train)
        features |= {f"{name} hashed {width}": _hashed(counted, width) for width in WIDTHS}
        features |= {f"{name} latent {width}": latent[:, :width] for width in WIDTHS}
    return features


def _hashed(counted: Sequence[Counter[str]], width: int) -> np.ndarray:
    """Every unit adds the root of its count to one column, with a sign: both are read from its checksum."""
    rows = np.zeros((len(counted), width), np.float32)
    for row, counts in zip(rows, counted, strict=True):
        for unit, count in counts.items():
            value = zlib.crc32(unit.encode())
            row[(value >> 1) % width] += (1 - 2 * (value & 1)) * count**0.5
    return rows


def _latent(counted: Sequence[Counter[str]], train: int) -> np.ndarray:
    """(N, largest width): coordinates along the first right singular vectors of the weighted counts of the first texts.

    A unit's count is 1 + its logarithm, times the logarithm of how rare the unit is; rows have length 1.
    """
    documents = Counter(unit for counts in counted[:train] for unit in counts)
    # What one text alone has says nothing about another.
    columns = {unit: i for i, unit in enumerate(unit for unit, number in documents.items() if number > 1)}
    rarity = np.log(train / np.array([documents[unit] for unit in columns]))
    rows = np.zeros((len(counted), len(columns)))
    for row, counts in zip(rows, counted, strict=True):
        for unit, count in counts.items():
            if unit in columns:
                row[columns[unit]] = 1 + np.log(count)
    rows *= rarity
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    rows /= np.where(length > 0, length, 1.0)
    # From the Gram matrix of the texts, of which there are fewer than units.
    squares, left = np.linalg.eigh(rows[:train] @ rows[:train].T)
    largest = slice(None, -max(WIDTHS) - 1, -1)
    size = np.sqrt(np.maximum(squares[largest], np.finfo(np.float64).eps * squares[-1]))
    return (rows @ (rows[:train].T @ left[:, largest]) / size).astype(np.float32)
