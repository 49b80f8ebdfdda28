"""Feature files: every layout gives the same rows, every damage gives a message, memory stays bounded."""

import os
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import pytest

from jaxinv.ranking.errors import InputError
from jaxinv.ranking.feature_files import open_matrix

ROWS, COLUMNS = 23, 300  # more columns than one mapped window of a Fortran-ordered file


def matrix(dtype="float32"):
    return np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(dtype)


def write(path, array, layout):
    array = np.asfortranarray(array) if "fortran" in layout else np.ascontiguousarray(array)
    if "npy" in layout:
        np.save(path, array)
    elif "compressed" in layout:
        np.savez_compressed(path, ids=np.arange(ROWS), features=array, other=np.ones((2, 2)))
    else:
        np.savez(path, ids=np.arange(ROWS), features=array, other=np.ones((2, 2)))


def read(path, chunk_rows=5, start=0):
    return np.concatenate(list(open_matrix(path, array_name="features").chunks(chunk_rows, start=start)))


LAYOUTS = [("a.npy", "npy"), ("a.npz", "stored"), ("a.npz", "compressed")]


@pytest.mark.parametrize("order", ["c", "fortran"])
@pytest.mark.parametrize(("name", "layout"), LAYOUTS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_chunks_are_the_rows_of_the_array(tmp_path, name, layout, order, dtype):
    array = matrix(dtype)
    write(tmp_path / name, array, layout + order)
    opened = open_matrix(tmp_path / name, array_name="features")
    assert opened.shape == (ROWS, COLUMNS)
    for chunk_rows, start in ((1, 0), (5, 0), (5, 15), (100, 0), (100, 22)):
        sizes = [len(chunk) for chunk in opened.chunks(chunk_rows, start=start)]
        assert all(size == chunk_rows for size in sizes[:-1])
        np.testing.assert_array_equal(read(tmp_path / name, chunk_rows, start), array[start:])


def test_only_matrix_of_a_npz_is_taken_whatever_its_name(tmp_path):
    np.savez(tmp_path / "a.npz", penultimate=matrix(), labels=np.arange(ROWS))
    np.testing.assert_array_equal(read(tmp_path / "a.npz"), matrix())
    np.savez(tmp_path / "b.npz", one=matrix(), two=matrix())
    with pytest.raises(InputError, match=r"b\.npz.*one \(23, 300\), two \(23, 300\)"):
        open_matrix(tmp_path / "b.npz", array_name="features")


def test_empty_npz_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(InputError, match=r"a\.npz.*nothing"):
        open_matrix(tmp_path / "a.npz", array_name="features")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4), "must be a matrix"),
        (np.zeros((4, 2, 2)), r"got shape \(4, 2, 2\)"),
        (np.zeros((4, 2), int), "float16, float32 or float64, got int64"),
        (np.zeros((4, 2), complex), "got complex128"),
        (np.zeros((4, 2), "V2"), "bfloat16"),
        (np.zeros((4, 2), np.longdouble), "float16, float32 or float64"),
        (np.array([["a", "b"]]), "float16, float32 or float64"),
        (np.zeros((0, 3)), r"empty, shape \(0, 3\)"),
        (np.zeros((3, 0)), r"empty, shape \(3, 0\)"),
    ],
)
@pytest.mark.parametrize(("name", "save"), [("a.npy", np.save), ("a.npz", lambda f, a: np.savez(f, features=a))])
def test_arrays_that_are_no_features_are_refused(tmp_path, array, message, name, save):
    save(tmp_path / name, array)
    with pytest.raises(InputError, match=rf"{name}.*{message}"):
        open_matrix(tmp_path / name, array_name="features")


def test_missing_foreign_and_pickled_files_are_refused(tmp_path):
    (tmp_path / "text.npy").write_text("1,2,3\n")
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "cut.npy").write_bytes(np.lib.format.MAGIC_PREFIX)
    np.save(tmp_path / "object.npy", np.array([[{}]]), allow_pickle=True)
    for name, message in (
        ("nowhere.npy", "no such file"),
        ("", "is a folder"),
        ("text.npy", "neither .npy nor .npz nor"),
        ("empty.npy", "neither .npy nor .npz nor"),
        ("cut.npy", "truncated or damaged"),
        ("object.npy", "got object"),
    ):
        with pytest.raises(InputError, match=message) as error:
            open_matrix(tmp_path / name, array_name="features")
        assert str(tmp_path / name) in str(error.value)


@pytest.mark.parametrize(("name", "layout"), LAYOUTS)
@pytest.mark.parametrize("share", [0.001, 0.5, 0.99])
def test_truncated_files_are_refused(tmp_path, name, layout, share):
    path = tmp_path / name
    write(path, matrix(), layout)
    os.truncate(path, max(4, int(path.stat().st_size * share)))
    with pytest.raises(InputError, match=name):
        read(path)


@pytest.mark.parametrize("order", ["c", "fortran"])
def test_flipped_bits_in_a_compressed_member_are_noticed_before_the_last_chunk(tmp_path, order):
    path = tmp_path / "a.npz"
    write(path, matrix(), "compressed" + order)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("features.npy")
    data[info.header_offset + info.compress_size - 50] ^= 0xFF
    path.write_bytes(data)
    chunks = open_matrix(path, array_name="features").chunks(5)
    rows = 0
    with pytest.raises(InputError, match=r"a\.npz"):  # noqa: PT012, how far it comes is the point
        for chunk in chunks:
            rows += len(chunk)
    assert rows < ROWS


@pytest.mark.parametrize("order", ["C", "F"])
def test_resident_memory_does_not_grow_with_the_file(tmp_path, order):
    """A sparse file of 400 MB is read in a process that may use 100 MB more than at its start."""
    shape = (100_000, 1024) if order == "C" else (1024 * 64, 1536)
    with (tmp_path / "big.npy").open("wb") as file:
        header = {"descr": "<f4", "fortran_order": order == "F", "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 4 * shape[0] * shape[1])
    script = f"""
        import resource
        from jaxinv.ranking.feature_files import open_matrix
        matrix = open_matrix({str(tmp_path / "big.npy")!r}, array_name="features")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        total = sum(chunk.sum(dtype="float64") + len(chunk) for chunk in matrix.chunks(2048))
        print(int(total), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    ).stdout
    total, growth = map(int, answer.split())
    assert total == shape[0]
    kilobytes = 1 if sys.platform == "linux" else 1024
    assert growth / kilobytes < 100 * 1024
