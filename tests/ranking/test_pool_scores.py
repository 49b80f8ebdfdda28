"""A pool of any widths, scored as its models are one by one."""

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from jaxinv.ranking import pool_scores as module
from jaxinv.ranking.model_data import model_data
from jaxinv.ranking.pool_scores import score_pool
from jaxinv.ranking.registry import SCORES, Inputs

# Two of one width: a score of one model by itself is compiled for every width.
ROWS, CLASSES, WIDTHS, SOURCES = 60, 3, (5, 5, 3), (4, 4, 2)


@pytest.fixture(scope="module")
def labels():
    return np.arange(ROWS, dtype=np.int32) % CLASSES


@pytest.fixture(scope="module")
def models(labels):
    rng = np.random.default_rng(0)
    pool = []
    for i, (width, sources) in enumerate(zip(WIDTHS, SOURCES, strict=True)):
        signal = rng.normal(size=(CLASSES, width))[labels]
        features = (0.3 * i * signal + rng.normal(size=(ROWS, width))).astype(module.jnp.result_type(float))
        probabilities = rng.dirichlet(np.ones(sources), ROWS).astype(features.dtype)
        rows = np.arange(ROWS)
        pool.append(model_data(features, labels, num_classes=CLASSES, rows=rows, source_probabilities=probabilities))
    return pool


def alone(model, labels, name):
    spectrum = module.kernels.scatter_spectrum(model.statistics)
    return SCORES[name].compute(Inputs(model.statistics, spectrum, model.features, model.source_probabilities, labels))


def _columns(results):
    return {field: [getattr(result, field) for result in results] for field in results[0]._fields}


@pytest.mark.parametrize("name", SCORES)
def test_a_padded_pool_is_scored_as_its_models_alone(name, models, labels):
    scored = score_pool(models.__getitem__, WIDTHS, labels, [name], padded_width=8)
    tolerance = 1e-4 if models[0].features.dtype == np.float32 else 1e-9
    results = [alone(model, labels, name) for model in models]
    wanted = np.stack([result.score for result in results])
    over_pool = SCORES[name].over_pool
    if over_pool is not None:
        wanted = over_pool({field: np.stack(values) for field, values in _columns(results).items()})
    np.testing.assert_allclose(scored.scores[name], wanted, tolerance, tolerance)
    scalars = {field for field, value in results[0]._asdict().items() if np.ndim(value) == 0}
    assert set(scored.diagnostics[name]) == scalars - {"score"}
    assert scored.notes == ()


def test_one_compilation_a_score_and_padded_width(models, labels):
    def compiled():
        return module._score_batch._cache_size()  # pyright: ignore[reportAttributeAccessIssue]

    jax.clear_caches()  # of tests before
    before = compiled()
    score_pool(models.__getitem__, WIDTHS, labels, ["nearest_mean"])  # widths 5 and 5 are padded to 8, 3 to 4
    assert compiled() == before + 2
    before = compiled()
    score_pool(models.__getitem__, WIDTHS, labels, ["intra_class_variance"], padded_width=8)
    score_pool(models[::-1].__getitem__, WIDTHS[::-1], labels, ["intra_class_variance"], padded_width=8)
    assert compiled() == before + 1


def test_small_batches_give_the_same_scores_and_load_each_model_once(models, labels, monkeypatch):
    names = ["logme", "leep"]
    whole = score_pool(models.__getitem__, WIDTHS, labels, names)
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    loaded, done = [], []

    def load(i):
        loaded.append(i)
        return models[i]

    single = score_pool(load, WIDTHS, labels, names, advance=done.append)
    assert (sorted(loaded), done) == ([0, 1, 2], [1] * 3)
    for name in names:
        np.testing.assert_allclose(single.scores[name], whole.scores[name], 1e-5)


def test_models_without_class_grams_lack_those_scores_only(models, labels):
    bare = module.dataclasses.replace(
        models[1], statistics=module.dataclasses.replace(models[1].statistics, class_gram=None)
    )
    pool = [models[0], bare]
    scored = score_pool(pool.__getitem__, WIDTHS[:2], labels, ["logme", "transrate"])
    assert np.isfinite(scored.scores["logme"]).all()
    assert np.isfinite(scored.scores["transrate"]).tolist() == [True, False]
    assert scored.notes == (
        "transrate is left out for 1 of 2 models: per-class Grams are large there; ask for it by name to have it.",
    )


@pytest.mark.allow_nans
def test_scores_that_overflow_are_missing_with_a_note(models, labels):
    features = models[0].features.astype(np.float32) * np.float32(1e15)
    huge = model_data(features, labels, num_classes=CLASSES, rows=np.arange(ROWS))
    scored = score_pool([huge].__getitem__, WIDTHS[:1], labels, ["shrinkage_h_score"])
    assert np.isnan(scored.scores["shrinkage_h_score"]).all()
    assert scored.notes[0].startswith("shrinkage_h_score is not finite for every model")


@pytest.mark.skipif(jax.device_count() < 2, reason="needs two devices")
def test_a_pool_shared_by_two_devices_has_the_same_scores(models, labels):
    """Batches of one and of two models, so that a device never has two: see the note on LAPACK in `_score_batch`."""
    mesh = Mesh(np.array(jax.devices()[:2]), ("models",))
    names = ["logme", "lfc", "leep"]
    shared = score_pool(models.__getitem__, WIDTHS, labels, names, mesh=mesh)
    alone = score_pool(models.__getitem__, WIDTHS, labels, names)
    tolerance = 1e-5 if models[0].features.dtype == np.float32 else 1e-10
    for name in names:
        np.testing.assert_allclose(shared.scores[name], alone.scores[name], tolerance)
        assert set(shared.diagnostics[name]) == set(alone.diagnostics[name])


def test_processes_score_their_shares_and_the_last_has_the_whole(models, labels, monkeypatch):
    """As if two processes ran one after the other: the first meets nobody, the second finds what it left."""
    names = ["lfc", "leep"]
    whole = score_pool(models.__getitem__, WIDTHS, labels, names)
    loaded, texts = [], []

    def load(i):
        loaded.append(i)
        return models[i]

    def gather(text):
        texts.append(text)
        return texts

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(module.processes, "gather", gather)
    monkeypatch.setattr(jax, "process_index", lambda: 0)
    first = score_pool(load, WIDTHS, labels, names)
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    second = score_pool(load, WIDTHS, labels, names)
    assert loaded == [2, 0, 1]  # by width
    for name in names:
        assert np.isfinite(first.scores[name]).tolist() == [True, False, True]
        np.testing.assert_allclose(second.scores[name], whole.scores[name], 1e-5)
        assert set(second.diagnostics[name]) == set(whole.diagnostics[name])
