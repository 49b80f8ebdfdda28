"""The pretrained networks' layers: what they are, and a ranking from them."""

import importlib.util
import sys

import jax
import numpy as np
import pytest

from jaxinv.data import MissingPackage, faces
from jaxinv.ranking import face_detectors, pretrained_pool, text_readers
from jaxinv.ranking.face_detectors import DETECTORS, face_layers, read_weights
from jaxinv.ranking.onnx_outputs import with_outputs
from jaxinv.ranking.pretrained_pool import rank_pretrained_pool
from jaxinv.ranking.tasks import Task
from jaxinv.ranking.text_readers import NETWORKS, text_layers

TEXT_READERS = ("onnxruntime", "rapidocr_onnxruntime")
FACE_DETECTORS = ("mtcnn", "joblib", "lz4")


def need(*packages):
    for package in packages:
        # Not imported: mtcnn would import tensorflow.
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def stripes(count=12):
    """Class = whether the stripes stand or lie."""
    rng = np.random.default_rng(0)
    labels = np.arange(count, dtype=np.int32) % 2
    images = np.zeros((count, 16, 16), np.float32)
    for image, label in zip(images, labels, strict=True):
        first = rng.integers(4)
        (image.T if label else image)[first::4] = rng.uniform(0.5, 1)
    return Task("stripes", 2, images, labels, images, labels)


def test_outputs_are_added_as_protobuf_says():
    added = with_outputs(b"model", ["a", "b" * 200])
    long = b"\x62\xcb\x01\x0a\xc8\x01" + b"b" * 200
    first = b"\x62\x03\x0a\x01a"
    assert added == b"model" + b"\x3a\xd3\x01" + first + long


def check(layers, monkeypatch, module):
    images = stripes(5).train_images
    monkeypatch.setattr(module, "BATCH_SIZE", 3)
    features = layers(images)
    alone = layers(images[3:4])
    for name, values in features.items():
        assert values.shape[0] == 5, name
        assert 64 <= values.shape[1] <= 256
        assert np.isfinite(values).all()
        assert values.std(axis=0).max() > 0
        # One picture does not see another.
        np.testing.assert_allclose(alone[name][0], values[3], rtol=1e-3, atol=1e-4 * np.abs(values).max())
    return features


def test_text_layers(monkeypatch):
    need(*TEXT_READERS)
    features = check(text_layers, monkeypatch, text_readers)
    assert len(features) == sum(len(network.tensors) for network in NETWORKS.values())
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackage, match=r"onnxruntime is not installed.*jaxinv\[onnx\]"):
        text_layers(stripes(5).train_images)


def test_face_layers_see_faces(monkeypatch):
    need(*FACE_DETECTORS, "skimage")
    data = faces()
    layers = face_layers(data.images)
    for name, detector in DETECTORS.items():
        # The class head on our dense layer finds the faces, so that the network is read as it was written.
        kernel, bias = read_weights(detector)[-2:]
        probability = jax.nn.softmax(layers[f"face {name} 2"] @ kernel + bias[None])[:, 1]
        assert np.mean((probability > 0.5) == data.labels) > 0.85
    check(face_layers, monkeypatch, face_detectors)
    monkeypatch.setitem(sys.modules, "lz4", None)
    with pytest.raises(MissingPackage, match=r"lz4 is not installed.*jaxinv\[onnx\]"):
        face_layers(data.images)


def test_every_target_is_ranked_and_features_are_kept(tmp_path, monkeypatch):
    need(*TEXT_READERS, *FACE_DETECTORS, "mlxtend")
    task = stripes()
    monkeypatch.setattr(pretrained_pool, "target_tasks", lambda *, seed: (task,))
    (first,) = rank_pretrained_pool(output=tmp_path, scores=("lfc", "leep"))
    monkeypatch.setattr(pretrained_pool, "text_layers", None)
    (second,) = rank_pretrained_pool(output=tmp_path, scores=("lfc", "leep"))
    assert first.target == "stripes, pretrained layers"
    assert second.models[0] == "text detection 1"
    assert second.attributes["network"].count("text direction") == 6
    assert set(second.scores) == {"lfc"}
    np.testing.assert_array_equal(first.scores["lfc"], second.scores["lfc"])
    assert second.truths["linear probe"].max() == 1
    assert set(second.agreement) == {"linear probe"}
