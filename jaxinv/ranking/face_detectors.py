"""Layers of the face detector MTCNN, whose weights ship with the package mtcnn (MIT), run by JAX.

Two of its three networks, with pictures of 24 and of 48 pixels; the first one's layers are narrow.

References: Zhang, Zhang, Li and Qiao (2016), Joint face detection and alignment, arXiv:1604.02878.
"""

import io
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxinv.data import MissingPackage, resize
from jaxinv.data.packaged import packaged_file

BATCH_SIZE = 100


class Detector(NamedTuple):
    """A weight file, the size of the input, and the pooling behind each convolution, None for none."""

    file: str
    sha256: str
    size: int
    pooling: tuple[tuple[int, str] | None, ...]
    """(size of the window, padding); the stride is 2."""


DETECTORS: MappingProxyType[str, Detector] = MappingProxyType(
    {
        "refinement": Detector(
            "rnet.lz4",
            "cb00e6460f3c98b0bfafaba3c0a0ded4bdf6e62cee7174d969e8670d7e757fee",
            24,
            ((3, "SAME"), (3, "VALID"), None),
        ),
        "output": Detector(
            "onet.lz4",
            "94f6ea2f4cf985275ee958cdd762d17b6009348a4fb9d8c6be39ba73ffd22ca3",
            48,
            ((3, "SAME"), (3, "VALID"), (2, "SAME"), None),
        ),
    }
)


def face_layers(images: np.ndarray) -> dict[str, np.ndarray]:
    """The last convolution, averaged over all places, and the dense layer behind it, of each network.

    Args:
      images: (N, H, W) in [0, 1]; they are enlarged bilinearly, and one grey value stands for the three colours.

    Returns:
      (N, D) by layer, "face refinement 1" to "face output 2", D = 64, 128, 128 and 256.

    Raises:
      MissingPackage: mtcnn, or what it needs to be read, is not installed.
    """
    features = {}
    for name, detector in DETECTORS.items():
        weights = read_weights(detector)
        batches = [
            _layers(
                weights, resize(images[start : start + BATCH_SIZE], (detector.size, detector.size)), detector.pooling
            )
            for start in range(0, len(images), BATCH_SIZE)
        ]
        for i, parts in enumerate(zip(*batches, strict=True), start=1):
            features[f"face {name} {i}"] = np.concatenate(parts)
    return features


def read_weights(detector: Detector) -> list[np.ndarray]:
    """Kernel, bias and slope of every convolution and of the dense layer; then kernel and bias of each head.

    The last head gives the logits of "no face" and "face".
    """
    content = packaged_file(
        "mtcnn",
        f"assets/weights/{detector.file}",
        distribution="mtcnn",
        known_version="1.0.0",
        sha256=detector.sha256,
        extra="onnx",
    )
    try:
        import joblib
        import lz4  # noqa: F401, joblib's own message does not say how to install it
    except ImportError as error:
        raise MissingPackage(f"{error.name} is not installed: install it with pip install 'jaxinv[onnx]'") from error
    # A pickle: read only because its digest is known.
    return joblib.load(io.BytesIO(content))


def _layers(weights, images, pooling):
    return [np.asarray(layer) for layer in _forward(weights, images, pooling)]


@jax.jit(static_argnames="pooling")
def _forward(weights, images, pooling):
    x = jnp.repeat(((255 * images - 127.5) / 128)[..., None], 3, axis=-1)
    for i, pool in enumerate(pooling):
        kernel, bias, slope = weights[3 * i : 3 * i + 3]
        x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = _leaky(x + bias[None, None, None], slope[None])
        if pool is not None:
            window, padding = pool
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, window, window, 1), (1, 2, 2, 1), padding)
    kernel, bias, slope = weights[3 * len(pooling) : 3 * len(pooling) + 3]
    flat = x.swapaxes(1, 2).reshape(len(x), -1)  # the weights were made where columns come before rows
    return jnp.mean(x, axis=(1, 2)), _leaky(flat @ kernel + bias[None], slope[None])


def _leaky(x, slope):
    return jnp.maximum(x, 0) + slope * jnp.minimum(x, 0)
