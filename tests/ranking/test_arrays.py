"""Models given as arrays: the same scores as from files, and no copy on the way."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxinv.ranking import arrays
from jaxinv.ranking.arrays import array_view, rank_arrays
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.rank import rank_files

SCORES = ("lfc", "knn", "leep")


class Exported:
    """An array of another library: nothing of it is known but DLPack."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def pool(rows=70):
    rng = np.random.default_rng(0)
    labels = np.arange(rows) % 3
    features = {
        name: (rng.normal(size=(rows, width)) + labels[:, None] * shift).astype(np.float32)
        for name, width, shift in (("good", 5, 1.0), ("noise", 8, 0.0))
    }
    raw = {name: rng.uniform(0.1, 1, size=(rows, 4)) for name in features}
    return features, labels, {name: values / values.sum(1, keepdims=True) for name, values in raw.items()}


def test_scores_are_those_of_files(tmp_path, monkeypatch):
    features, labels, sources = pool()
    np.save(tmp_path / "y.npy", labels)
    for name in features:
        np.save(tmp_path / f"{name}.npy", features[name])
        np.save(tmp_path / f"{name} p.npy", sources[name])
    files = rank_files(
        [tmp_path / f"{name}.npy" for name in features],
        tmp_path / "y.npy",
        [tmp_path / f"{name} p.npy" for name in features],
        output=tmp_path,
        scores=SCORES,
        max_samples=40,
        chunk_rows=16,
    )
    monkeypatch.setattr(arrays, "default_chunk_rows", lambda width: 16)
    exported = {name: Exported(array) for name, array in features.items()}
    memory = rank_arrays(exported, labels, sources, scores=SCORES, max_samples=40)
    assert memory.models == files.models
    assert memory.widths == files.widths
    assert memory.notes == files.notes
    for name in SCORES:
        np.testing.assert_array_equal(memory.scores[name], files.scores[name])


def test_nothing_is_copied():
    array = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    for view in (array_view(array, ""), array_view(Exported(array), ""), array_view(array.data, "")):
        assert isinstance(view, np.ndarray)
        assert view.ctypes.data == array.ctypes.data
    ours = jnp.asarray(array)
    for given in (ours, Exported(ours)):
        view = array_view(given, "")
        assert isinstance(view, np.ndarray)
        assert view.ctypes.data == ours.unsafe_buffer_pointer()


def test_bfloat16_is_read_by_jax_where_it_lies_and_is_exact():
    features, labels, _ = pool()
    low = {name: jnp.asarray(array, jnp.bfloat16) for name, array in features.items()}
    view = array_view(low["good"], "")
    assert isinstance(view, jax.Array)
    assert view.unsafe_buffer_pointer() == low["good"].unsafe_buffer_pointer()
    wide = {name: np.asarray(array.astype(jnp.float32)) for name, array in low.items()}
    first, second = (rank_arrays(given, labels, scores=("lfc",)).scores["lfc"] for given in (low, wide))
    np.testing.assert_array_equal(first, second)


class Refusing(Exported):
    def __dlpack__(self, **options):
        raise BufferError("it requires a gradient")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": {}}, "no model"),
        ({"features": {"good": np.zeros(3)}}, r"features of good: .*got shape \(3,\)"),
        ({"features": {"good": np.zeros((3, 2))}}, "3 rows for 70 labels"),
        ({"features": {"good": np.zeros((70, 2), int)}}, "got int64"),
        ({"features": {"good": np.full((70, 2), np.nan)}}, "features of good: row 0, column 0 is nan"),
        ({"features": {"good": Refusing(np.zeros((70, 2)))}}, "features of good: .*requires a gradient"),
        ({"labels": np.zeros((70, 2), int)}, r"labels must be \(N,\)"),
        ({"labels": np.zeros(70)}, "must be integers"),
        ({"source_probabilities": {"bad": np.ones((70, 1))}}, "must be of the models good, noise, got bad"),
        ({"scores": ("leep",)}, "leep needs"),
        ({"max_samples": 1}, "max_samples"),
    ],
)
def test_bad_arguments_are_named(change, message):
    features, labels, _ = pool()
    with pytest.raises(InputError, match=message):
        rank_arrays(**({"features": features, "labels": labels, "scores": ("lfc",)} | change))


def test_rows_that_are_no_probabilities_are_named():
    features, labels, sources = pool()
    sources["noise"][50] = 1.0
    with pytest.raises(InputError, match="source_probabilities of noise: row 50 sums to 4"):
        rank_arrays(features, labels, sources, scores=("lfc", "leep"))
