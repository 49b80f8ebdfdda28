"""Statistics that the devices of a mesh sum apart and reduce once, against those of one device."""

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from jaxinv.kernels import transferability as kernels
from tests.duties import FLOAT, X64, assert_same
from tests.transferability.cases import NUM_CLASSES, labelled_features

EXACT = 1e-10 if X64 else 1e-5
CHUNK = 8


@pytest.fixture(scope="module")
def mesh():
    if jax.device_count() < 2:
        pytest.skip("needs two devices")
    return Mesh(np.array(jax.devices()[:2]), ("data",))


def samples():
    features, labels = labelled_features(np.random.default_rng(0))
    return features.astype(FLOAT), labels


def streamed(mesh, features, labels):
    """Statistics of both devices, before they are reduced; the last chunk is filled up."""
    empty = kernels.init(NUM_CLASSES, features.shape[1], per_class_gram=True, dtype=FLOAT)
    statistics = jax.tree.map(lambda x: np.repeat(np.asarray(x)[None], mesh.size, axis=0), empty)
    for start in range(0, len(labels), CHUNK):
        fill = max(0, start + CHUNK - len(labels))
        statistics = kernels.update_shards(
            statistics,
            np.pad(features[start : start + CHUNK], ((0, fill), (0, 0))),
            np.pad(labels[start : start + CHUNK], (0, fill)),
            sample_weight=np.pad(np.ones(CHUNK - fill, FLOAT), (0, fill)),
            mesh=mesh,
        )
    return statistics


@pytest.mark.parametrize("rows", [31, 25, 1])
def test_shards_reduced_are_the_statistics_of_all_samples(mesh, rows):
    """25 rows leave the second device nothing of the last chunk, one row leaves it nothing at all."""
    features, labels = (array[:rows] for array in samples())
    reduced = kernels.reduce_shards(streamed(mesh, features, labels), mesh=mesh)
    whole = kernels.class_statistics(features, labels, NUM_CLASSES, per_class_gram=True)
    assert_same(kernels.finalise(reduced), kernels.finalise(whole), EXACT)


def test_one_device_alone_has_only_its_own_samples(mesh):
    features, labels = samples()
    statistics = streamed(mesh, features, labels)
    np.testing.assert_array_equal(np.sum(statistics.count, axis=0), np.bincount(labels, minlength=NUM_CLASSES))
    assert (np.sum(statistics.count, axis=1) < len(labels)).all()


def test_a_chunk_that_the_devices_cannot_share_evenly_is_refused(mesh):
    features, labels = samples()
    statistics = streamed(mesh, features, labels)
    with pytest.raises(ValueError, match="evenly divi"):
        kernels.update_shards(statistics, features[:3], labels[:3], sample_weight=np.ones(3, FLOAT), mesh=mesh)
