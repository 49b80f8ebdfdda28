import pathlib

import numpy as np
import pytest

from jaxinv.ranking.cache import cache_folder, cache_key, cached_arrays

ARRAYS = {"a": np.arange(3.0), "['b']['c']": np.eye(2, dtype=np.float32)}


class Work:
    def __init__(self, error=None):
        self.calls, self.error = 0, error

    def __call__(self):
        self.calls += 1
        if self.error:
            raise self.error
        return ARRAYS


def same(arrays):
    return arrays.keys() == ARRAYS.keys() and all(
        np.array_equal(arrays[name], value) and arrays[name].dtype == value.dtype for name, value in ARRAYS.items()
    )


def test_work_is_done_once(tmp_path):
    work, notices = Work(), []
    for _ in range(2):
        assert same(cached_arrays(tmp_path / "deep" / "x.npz", "key", work, notify=notices.append))
    assert work.calls == 1
    assert not notices


def test_another_key_computes_again_with_a_notice(tmp_path):
    work, notices = Work(), []
    for key in ("key", "other", "other"):
        assert same(cached_arrays(tmp_path / "x.npz", key, work, notify=notices.append))
    assert work.calls == 2
    assert len(notices) == 1
    assert "other settings, data or code" in notices[0]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text", "foreign"])
def test_a_damaged_file_computes_again_with_a_notice(tmp_path, damage):
    path, work, notices = tmp_path / "x.npz", Work(), []
    cached_arrays(path, "key", work, notify=notices.append)
    content = path.read_bytes()
    if damage == "foreign":
        np.savez(path, other=np.zeros(2))
    else:
        half = len(content) // 2
        flipped = content[:half] + bytes(255 - byte for byte in content[half : half + 40]) + content[half + 40 :]
        path.write_bytes({"truncated": content[:-30], "flipped": flipped, "empty": b"", "text": b"hello"}[damage])
    for _ in range(2):
        assert same(cached_arrays(path, "key", work, notify=notices.append))
    assert work.calls == 2
    assert len(notices) == 1
    assert "x.npz is damaged" in notices[0]


def test_killed_work_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "x.npz"
    cached_arrays(path, "key", Work(), notify=print)
    content = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        cached_arrays(path, "new", Work(KeyboardInterrupt()), notify=lambda text: None)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_the_work_is_still_done(tmp_path):
    (tmp_path / "file").write_text("in the way")
    notices = []
    assert same(cached_arrays(tmp_path / "file" / "x.npz", "key", Work(), notify=notices.append))
    assert len(notices) == 1
    assert "cannot be written" in notices[0]


def test_keys_tell_everything_apart(tmp_path):
    file, twin = tmp_path / "code.py", tmp_path / "twin.py"
    file.write_text("x = 1")
    twin.write_text("x = 2")
    parts = [
        (np.zeros(2),), (np.zeros(2, np.float32),), (np.zeros((2, 1)),), (np.ones(2),),
        ({"a": 1},), ({"a": 2},), (file,), (twin,), (b"ab", b"c"), (b"a", b"bc"), (),
    ]  # fmt: skip
    keys = [cache_key(*part) for part in parts]
    assert len(set(keys)) == len(keys)
    assert cache_key({"a": 1, "b": 2}) == cache_key({"b": 2, "a": 1})


def test_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "jaxinv"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == pathlib.Path.home() / ".cache" / "jaxinv"
