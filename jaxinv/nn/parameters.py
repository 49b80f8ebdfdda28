"""How layers draw their parameters and in which dtype they compute."""

from collections import Counter

import jax
import numpy as np
from flax import nnx
from flax.typing import Initializer
from jax.typing import DTypeLike

from jaxinv.kernels.tensor_products import tensor_product_paths


def parameter(init: Initializer, rngs: nnx.Rngs, shape: tuple[int, ...], dtype: DTypeLike) -> nnx.Param[jax.Array]:
    """A parameter drawn from the stream `params`."""
    return nnx.Param(init(rngs.params(), shape, dtype))


def cast(dtype: DTypeLike | None, *arrays: jax.Array) -> tuple[jax.Array, ...]:
    """The arrays in `dtype`; as they are where it is None."""
    return arrays if dtype is None else tuple(array.astype(dtype) for array in arrays)


def path_factors(lmax1: int, lmax2: int, lmax_out: int, even: bool) -> np.ndarray:
    """`(paths,)`, on drawn path weights: the sum of a degree's paths gets unit variance; 0 for odd ones if `even`."""
    paths = tensor_product_paths(lmax1, lmax2, lmax_out)
    taken = [not even or sum(path) % 2 == 0 for path in paths]
    counts = Counter(path[2] for path, take in zip(paths, taken, strict=True) if take)
    return np.array([counts[path[2]] ** -0.5 if take else 0.0 for path, take in zip(paths, taken, strict=True)])
