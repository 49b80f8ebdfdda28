"""Tensors of .safetensors files, written by the format's own library."""

import json
import os

import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.ranking.errors import InputError
from jaxinv.ranking.feature_files import open_matrix
from jaxinv.ranking.safetensors_header import read_safetensors_header

MATRIX = np.random.default_rng(0).normal(size=(11, 5))


def save(path, **tensors):
    pytest.importorskip("safetensors.numpy").save_file(tensors, path, metadata={"by": "a test"})


def read(path, name="features", start=0):
    return np.concatenate(list(open_matrix(path, array_name=name).chunks(4, start=start)))


@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16, np.float32, np.float64])
def test_rows_are_those_of_the_tensor(tmp_path, dtype):
    array = MATRIX.astype(dtype)
    save(tmp_path / "a.safetensors", ids=np.arange(11), features=array, other=MATRIX)
    opened = open_matrix(tmp_path / "a.safetensors", array_name="features")
    assert opened.shape == (11, 5)
    assert opened.dtype == dtype
    assert opened.offset is not None  # mapped, not read
    np.testing.assert_array_equal(read(tmp_path / "a.safetensors"), array)
    np.testing.assert_array_equal(read(tmp_path / "a.safetensors", start=8), array[8:])
    # Widening is exact.
    np.testing.assert_array_equal(read(tmp_path / "a.safetensors").astype(np.float64), array.astype(np.float64))


def test_a_tensor_is_taken_by_name(tmp_path):
    path = tmp_path / "a.safetensors"
    save(path, **{"layer.1": MATRIX, "layer.2": 2 * MATRIX})
    np.testing.assert_array_equal(read(f"{path}:layer.2"), 2 * MATRIX)
    with pytest.raises(InputError, match=r"not exactly one matrix.*layer\.1 \(11, 5\).*safetensors:NAME"):
        read(path)
    with pytest.raises(InputError, match=r"no array called 'layer\.3'.*layer\.2"):
        read(f"{path}:layer.3")
    np.savez(tmp_path / "b.npz", one=MATRIX, two=2 * MATRIX)
    np.testing.assert_array_equal(read(f"{tmp_path / 'b.npz'}:two"), 2 * MATRIX)
    np.save(tmp_path / "c.npy", MATRIX)
    with pytest.raises(InputError, match=r"c\.npy: neither \.npz nor \.safetensors"):
        read(f"{tmp_path / 'c.npy'}:two")


def test_tensors_that_are_no_features_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    for tensor, message in (
        (np.arange(6).reshape(2, 3), "must be F16, BF16, F32 or F64, got I64"),
        (np.zeros(3), r"got shape \(3,\)"),
        (np.zeros((0, 3)), r"empty, shape \(0, 3\)"),
    ):
        save(path, features=tensor)
        with pytest.raises(InputError, match=rf"tensor 'features'.*{message}"):
            read(path)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_truncated_files_are_refused(tmp_path, share):
    path = tmp_path / "a.safetensors"
    save(path, features=MATRIX)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(InputError, match=r"a\.safetensors"):
        read(path)


@pytest.mark.parametrize(
    "header",
    [
        b"{]",
        b"[]",
        b"{}" + b" " * 2,
        json.dumps({"features": {"dtype": "F32", "shape": [2, 2]}}).encode(),
        json.dumps({"features": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 15]}}).encode(),
        json.dumps({"features": {"dtype": "F32", "shape": [2, 2], "data_offsets": [-16, 0]}}).encode(),
        json.dumps({"features": {"dtype": "F32", "shape": "ab", "data_offsets": [0, 16]}}).encode(),
    ],
)
def test_damaged_headers_are_refused(tmp_path, header):
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    with pytest.raises(InputError, match=r"a\.safetensors"):
        open_matrix(path, array_name="features")


def test_a_header_of_impossible_size_is_not_read(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes((1 << 60).to_bytes(8, "little") + b"{" + bytes(100))
    with pytest.raises(InputError, match="a header of 1152921504606846976 bytes"):
        read_safetensors_header(path)
