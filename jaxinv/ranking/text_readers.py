"""Layers of the networks that ship with rapidocr-onnxruntime, PP-OCRv4 (Apache-2.0), run by onnxruntime.

One network finds text, one reads it, and one tells whether it stands upside down.
"""

from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from jaxinv.data import MissingPackage, resize
from jaxinv.data.packaged import packaged_file
from jaxinv.ranking.onnx_outputs import with_outputs

BATCH_SIZE = 50


class Network(NamedTuple):
    """An ONNX file, how its pictures look, and the tensors that are taken from it, from the first to the last."""

    file: str
    sha256: str
    size: int
    """Height and width of its input, in pixels."""
    centre: tuple[float, float, float]
    spread: tuple[float, float, float]
    tensors: tuple[str, ...]


NETWORKS: MappingProxyType[str, Network] = MappingProxyType(
    {
        "detection": Network(
            "ch_PP-OCRv4_det_infer.onnx",
            "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
            64,
            (0.485, 0.456, 0.406),
            (0.229, 0.224, 0.225),
            ("conv2d_454.tmp_0", "conv2d_456.tmp_0", "p2o.Mul.111", "p2o.Add.249", "p2o.Add.251", "p2o.Add.253"),
        ),
        "recognition": Network(
            "ch_PP-OCRv4_rec_infer.onnx",
            "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
            48,
            (0.5, 0.5, 0.5),
            (0.5, 0.5, 0.5),
            ("conv2d_189.tmp_0", "conv2d_191.tmp_0", "p2o.Mul.127", "conv2d_208.tmp_0"),
        ),
        "direction": Network(
            "ch_ppocr_mobile_v2.0_cls_infer.onnx",
            "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
            48,
            (0.5, 0.5, 0.5),
            (0.5, 0.5, 0.5),
            ("conv2d_66.tmp_0", "tmp_3", "tmp_6", "tmp_7", "tmp_8", "pool2d_10.tmp_0"),
        ),
    }
)
"""By what they were trained for."""


def text_layers(images: np.ndarray) -> dict[str, np.ndarray]:
    """Layers "text detection 1" to "text direction 6", each averaged over all places.

    Args:
      images: (N, H, W) in [0, 1]. They are enlarged bilinearly, one grey value stands for the three colours, and they
        are centred and scaled as each network was trained.

    Returns:
      (N, D) by layer, D from 88 to 240.

    Raises:
      MissingPackage: onnxruntime or rapidocr-onnxruntime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackage("onnxruntime is not installed: install it with pip install 'jaxinv[onnx]'") from error
    options = onnxruntime.SessionOptions()
    # Threads that wait in a loop would take the processor from everything else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    features = {}
    for name, network in NETWORKS.items():
        content = packaged_file(
            "rapidocr_onnxruntime",
            f"models/{network.file}",
            distribution="rapidocr-onnxruntime",
            known_version="1.4.4",
            sha256=network.sha256,
            extra="onnx",
        )
        model = with_outputs(content, network.tensors)
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        centre, spread = (np.array(v, np.float32).reshape(1, 3, 1, 1) for v in (network.centre, network.spread))
        batches = []
        for start in range(0, len(images), BATCH_SIZE):
            x = resize(images[start : start + BATCH_SIZE], (network.size, network.size))[:, None]
            layers = [np.asarray(y) for y in session.run(network.tensors, {"x": (x - centre) / spread})]
            batches.append([layer.reshape(*layer.shape[:2], -1).mean(axis=2) for layer in layers])
        for i, parts in enumerate(zip(*batches, strict=True), start=1):
            features[f"text {name} {i}"] = np.concatenate(parts)
    return features
