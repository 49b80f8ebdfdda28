"""A pass over a file: equal to the statistics in memory, resumable to the bit, and wary of what lies on the disk."""

import dataclasses
import itertools

import jax
import numpy as np
import pytest

from jaxinv.kernels.transferability import class_statistics
from jaxinv.ranking import streaming
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.feature_files import MatrixFile, open_matrix
from jaxinv.ranking.labels import read_labels
from jaxinv.ranking.model_data import stratified_rows
from jaxinv.ranking.shares import Part
from jaxinv.ranking.streaming import ModelFiles, default_chunk_rows, pass_result

ROWS, WIDTH, CLASSES, CHUNK = 103, 6, 3, 10


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, ROWS)
    features = (rng.normal(size=(ROWS, WIDTH)) + 5 + labels[:, None]).astype(np.float32)
    np.save(tmp_path / "a.npy", features)
    np.save(tmp_path / "p.npy", rng.dirichlet(np.ones(4), ROWS))
    np.save(tmp_path / "y.npy", labels)
    return ModelFiles(
        name="a",
        features=open_matrix(tmp_path / "a.npy", array_name="features"),
        probabilities=open_matrix(tmp_path / "p.npy", array_name="probabilities"),
        labels=read_labels(tmp_path / "y.npy"),
        rows=stratified_rows(labels, 20),
        part=Part(0, ROWS, 0, (jax.devices()[0],)),
        chunk_rows=CHUNK,
        per_class_gram=True,
        state_path=tmp_path / "state" / "a.npz",
    )


def run_pass(files, *, progress=lambda rows: None, notify=lambda text: None):
    """A whole pass, and what it found."""
    for rows in streaming.run_pass(files, notify=notify):
        progress(rows)
    return pass_result([files])


def bits(data):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(vars(data))]


def kill_after(monkeypatch, chunks):
    """Lets every pass die before it reads one more chunk than `chunks`, with its state saved at every chunk."""
    monkeypatch.setattr(streaming, "SAVE_SECONDS", 0.0)
    original = MatrixFile.chunks

    def dying(self, chunk_rows, *, start=0):
        yield from itertools.islice(original(self, chunk_rows, start=start), chunks)
        raise KeyboardInterrupt

    monkeypatch.setattr(MatrixFile, "chunks", dying)


def count_rows(monkeypatch):
    read = []
    original = MatrixFile.chunks

    def counting(self, chunk_rows, *, start=0):
        for chunk in original(self, chunk_rows, start=start):
            read.append(len(chunk) if self.path.name == "a.npy" else 0)
            yield chunk

    monkeypatch.setattr(MatrixFile, "chunks", counting)
    return read


def test_streamed_statistics_are_those_in_memory(files):
    data = run_pass(files)
    features = np.load(files.features.path).astype(streaming.working_dtype())
    labels = files.labels.values
    whole = class_statistics(features, labels, CLASSES, per_class_gram=True, shift=np.asarray(data.statistics.shift))
    tolerance = 2e-5 if features.dtype == np.float32 else 1e-12
    for field in dataclasses.fields(whole):
        np.testing.assert_allclose(
            getattr(data.statistics, field.name), getattr(whole, field.name), tolerance, tolerance * ROWS
        )
    np.testing.assert_array_equal(data.features, features[files.rows])
    assert data.source_probabilities is not None
    np.testing.assert_allclose(data.source_probabilities, np.load(files.probabilities.path)[files.rows], 1e-6)


def test_one_compilation_for_all_chunks_and_a_short_last_one(files):
    run_pass(files)
    before = streaming.kernels.update_shards._cache_size()  # pyright: ignore[reportAttributeAccessIssue]
    run_pass(dataclasses.replace(files, state_path=files.state_path.with_name("b.npz"), rows=files.rows[:5]))
    assert streaming.kernels.update_shards._cache_size() == before  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("chunks", [1, 4, 10])
def test_a_killed_pass_goes_on_where_it_was_and_gives_the_same_bits(files, chunks, monkeypatch):
    unbroken = run_pass(dataclasses.replace(files, state_path=files.state_path.with_name("unbroken.npz")))
    with monkeypatch.context() as patch:
        kill_after(patch, chunks)
        with pytest.raises(KeyboardInterrupt):
            run_pass(files)
    told = []
    read = count_rows(monkeypatch)
    resumed = run_pass(files, progress=told.append)
    assert bits(resumed) == bits(unbroken)
    assert told[0] == chunks * CHUNK
    assert sum(read) == ROWS - chunks * CHUNK


def test_a_finished_pass_is_not_repeated(files, monkeypatch):
    first = run_pass(files)
    read = count_rows(monkeypatch)
    told = []
    assert bits(run_pass(files, progress=told.append, notify=pytest.fail)) == bits(first)
    assert (read, told) == ([], [ROWS])


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def damage_bits(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_foreign(path):
    path.write_text("something else")


def damage_npy(path):
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def damage_empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [damage_cut, damage_bits, damage_foreign, damage_npy, damage_empty])
def test_a_damaged_state_is_told_and_recomputed(files, damage):
    first = run_pass(files)
    damage(files.state_path)
    notices = []
    assert bits(run_pass(files, notify=notices.append)) == bits(first)
    assert len(notices) == 1
    assert str(files.state_path) in notices[0]
    assert "damaged or foreign" in notices[0]


def change_features(files):
    np.save(files.features.path, np.load(files.features.path) + 1)
    return files


def change_labels(files):
    values = files.labels.values.copy()
    values[0] = (values[0] + 1) % CLASSES
    return dataclasses.replace(files, labels=dataclasses.replace(files.labels, values=values))


def change_chunks(files):
    return dataclasses.replace(files, chunk_rows=CHUNK + 1)


def change_sample(files):
    return dataclasses.replace(files, rows=files.rows[:-1])


def change_grams(files):
    return dataclasses.replace(files, per_class_gram=False)


@pytest.mark.parametrize("change", [change_features, change_labels, change_chunks, change_sample, change_grams])
def test_a_state_of_other_input_is_told_and_not_used(files, change, monkeypatch):
    run_pass(files)
    changed = change(files)
    notices = []
    read = count_rows(monkeypatch)
    run_pass(changed, notify=notices.append)
    assert sum(read) == ROWS
    assert "belongs to other files, labels or options" in notices[0]


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        (np.nan, np.float32, r"a\.npy: row 57, column 2 is nan"),
        (-np.inf, np.float16, r"a\.npy: row 57, column 2 is -inf"),
    ],
)
def test_numbers_that_are_not_finite_are_found(files, value, dtype, message):
    features = np.load(files.features.path).astype(dtype)
    features[57, 2] = value
    features[80, 1] = value
    np.save(files.features.path, features)
    reopened = dataclasses.replace(files, features=open_matrix(files.features.path, array_name="features"))
    with pytest.raises(InputError, match=message):
        run_pass(reopened)


@pytest.mark.skipif(streaming.working_dtype() != np.float32, reason="float64 holds it")
def test_numbers_too_large_for_the_working_precision_are_found(files):
    features = np.load(files.features.path).astype(np.float64)
    features[57, 2] = 1e39
    np.save(files.features.path, features)
    reopened = dataclasses.replace(files, features=open_matrix(files.features.path, array_name="features"))
    with pytest.raises(InputError, match=r"row 57, column 2 is 1e\+39\. That is too large for float32"):
        run_pass(reopened)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.5, 0.6, -0.1, 0.0], "row 57, column 2 is -0.1: probabilities cannot be negative"),
        ([0.5, 0.4, 0.0, 0.0], "row 57 sums to 0.9"),
        ([2.0, 0.4, 3.0, 0.0], "softmax"),
        ([np.nan, 0.4, 0.3, 0.0], "row 57, column 0 is nan"),
    ],
)
def test_rows_that_are_no_probabilities_are_found(files, row, message):
    probabilities = np.load(files.probabilities.path)
    probabilities[57] = row
    np.save(files.probabilities.path, probabilities)
    with pytest.raises(InputError, match=rf"p\.npy.*{message}"):
        run_pass(files)


def test_default_chunks_are_powers_of_two_of_bounded_size():
    assert [default_chunk_rows(width) for width in (1, 64, 1024, 2048, 1_000_000)] == [16384, 16384, 2048, 1024, 256]
