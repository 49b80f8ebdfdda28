"""Label files and other columns of numbers: what is read, and what is refused with which advice."""

import numpy as np
import pytest

from jaxinv.ranking.errors import InputError
from jaxinv.ranking.labels import read_column, read_labels

GOOD = np.array([0, 2, 1, 1, 0, 2])


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", ">i4"])
def test_every_format_gives_the_same_labels(tmp_path, dtype):
    np.save(tmp_path / "y.npy", GOOD.astype(dtype))
    np.savez(tmp_path / "y.npz", features=np.ones((6, 2)), labels=GOOD.astype(dtype))
    np.savez(tmp_path / "only.npz", arr=GOOD.astype(dtype))
    (tmp_path / "y.csv").write_text("\ufeff0\r\n2\r\n1\r\n1\r\n0\r\n2\r\n", encoding="utf-8")
    (tmp_path / "y.txt").write_text("0\n2\n 1\n\n1,\n0\n2")
    for name in ("y.npy", "y.npz", "only.npz", "y.csv", "y.txt"):
        labels = read_labels(tmp_path / name)
        np.testing.assert_array_equal(labels.values, GOOD)
        assert (labels.values.dtype, labels.num_classes, labels.notes) == (np.int32, 3, ())


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([0, 1, -1]), "label -1 in row 2 is negative"),
        (np.array([0, 1, 3, 3]), "run to 3 but no row has class 2"),
        (np.array([1, 2, 1, 2]), "no row has class 0"),
        (np.array([1, 1]), "all 2 labels are 1"),
        (np.array([0.0, 1.0]), "must be integers"),
        (np.array([False, True]), "must be integers"),
        (np.array(["cat", "dog"]), r"must be integers.*np\.unique"),
        (np.array([[0], [1]]), "one-dimensional"),
        (np.array([], int), "no labels in it"),
    ],
)
def test_bad_labels_are_refused(tmp_path, array, message):
    np.save(tmp_path / "y.npy", array)
    with pytest.raises(InputError, match=rf"y\.npy.*{message}"):
        read_labels(tmp_path / "y.npy")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cat\ndog\n", r"entry 0, 'cat', is not a number.*np\.unique"),
        ("label\n0\n1\n", "no header"),
        ("0,1\n1,0\n", "'0,1', is not a number"),
        ("0\n1.5\n", "must be integers"),
        ("", "no labels in it"),
        ("99999999999999999999999\n1\n", "must be integers"),
    ],
)
def test_bad_text_is_refused(tmp_path, text, message):
    (tmp_path / "y.csv").write_text(text)
    with pytest.raises(InputError, match=rf"y\.csv.*{message}"):
        read_labels(tmp_path / "y.csv")


def test_missing_truncated_and_foreign_files_are_refused(tmp_path):
    np.save(tmp_path / "y.npy", GOOD)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "y.npy").read_bytes()[:-3])
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    np.savez(tmp_path / "two.npz", a=GOOD, b=GOOD)
    np.save(tmp_path / "object.npy", np.array([{}, {}]), allow_pickle=True)
    for name in ("nowhere.npy", "cut.npy", "picture.png", "cut.npz", "two.npz", "object.npy"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            read_labels(tmp_path / name)


def test_stated_number_of_classes_allows_absent_ones_and_bounds_labels(tmp_path):
    np.save(tmp_path / "y.npy", np.array([0, 1, 3, 3, 1]))
    labels = read_labels(tmp_path / "y.npy", num_classes=6)
    assert labels.num_classes == 6
    assert labels.notes[0] == "3 of 6 classes have no sample."
    with pytest.raises(InputError, match="label 3 in row 2 is out of range for 3 classes"):
        read_labels(tmp_path / "y.npy", num_classes=3)


def test_a_class_with_one_sample_is_a_warning(tmp_path):
    np.save(tmp_path / "y.npy", np.array([0, 1, 1, 2, 0]))
    (note,) = read_labels(tmp_path / "y.npy").notes
    assert note.startswith("Warning: only one sample in class 2:")


def test_columns_of_floats(tmp_path):
    (tmp_path / "truth.txt").write_text("0.5\n1\n")
    assert read_column(tmp_path / "truth.txt", array_name="accuracies").tolist() == [0.5, 1.0]
