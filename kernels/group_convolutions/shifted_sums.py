"""Convolutions of each channel by itself, as a sum of shifted pictures: on a CPU XLA's grouped convolution is slow."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np


def shifted_sums(pictures: jax.Array, kernels: jax.Array, *, strides: Sequence[int], dilation: int = 1) -> jax.Array:
    """`(n, space..., channels)` with `(sizes..., channels)`, or 1 kernel for all, to `(n, space'..., channels)`."""
    *sizes, channels = kernels.shape
    weights = kernels.reshape(-1, *(1,) * len(sizes), channels)
    windows = shifted(pictures, tuple(sizes), strides=strides, dilation=dilation)
    total = jnp.zeros((), pictures.dtype)
    for i, window in enumerate(windows):
        total = total + window * weights[i : i + 1]
    return total


def shifted(
    pictures: jax.Array, sizes: tuple[int, ...], *, strides: Sequence[int], dilation: int = 1
) -> list[jax.Array]:
    """For each place of a kernel, in order, the pixels that it reads."""
    lengths = [length - dilation * (size - 1) for length, size in zip(pictures.shape[1:-1], sizes, strict=True)]
    windows = []
    for place in np.ndindex(*sizes):
        starts = [dilation * offset for offset in place]
        space = zip(starts, lengths, strides, strict=True)
        windows.append(pictures[(slice(None), *(slice(start, start + n, step) for start, n, step in space))])
    return windows
