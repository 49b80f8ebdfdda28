"""The registry of scores, and a pool of any widths scored as its models are one by one."""

import numpy as np
import pytest

from jaxinv.ranking import scores as module
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.model_data import model_data
from jaxinv.ranking.scores import SCORES, Inputs, choose_scores, score_pool, takes_class_gram

ROWS, CLASSES, WIDTHS, SOURCES = 60, 3, (5, 8, 3), (4, 7, 2)


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


@pytest.mark.parametrize("name", SCORES)
def test_a_padded_pool_is_scored_as_its_models_alone(name, models, labels):
    scored = score_pool(models.__getitem__, WIDTHS, labels, [name])
    tolerance = 1e-4 if models[0].features.dtype == np.float32 else 1e-9
    results = [alone(model, labels, name) for model in models]
    for score, wanted in zip(scored.scores[name], results, strict=True):
        np.testing.assert_allclose(score, wanted.score, tolerance, tolerance)
    scalars = {field for field, value in results[0]._asdict().items() if np.ndim(value) == 0}
    assert set(scored.diagnostics[name]) == scalars - {"score"}
    assert scored.notes == ()


def test_one_compilation_a_score_and_padded_width(models, labels):
    score_pool(models.__getitem__, WIDTHS[:2], labels, ["lfc"])  # widths 5 and 8 are padded to 8
    before = module._score_batch._cache_size()  # pyright: ignore[reportAttributeAccessIssue]
    score_pool(models[:2][::-1].__getitem__, WIDTHS[:2][::-1], labels, ["lfc"])
    assert module._score_batch._cache_size() == before  # pyright: ignore[reportAttributeAccessIssue]


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


def test_choice_of_scores():
    every = choose_scores(None, source_probabilities=True)
    assert every == tuple(SCORES)
    assert set(every) - set(choose_scores(None, source_probabilities=False)) == {"leep", "nce"}
    assert choose_scores(["tmi", "logme", "tmi"], source_probabilities=False) == ("logme", "tmi")
    with pytest.raises(InputError, match=r"no score 'logmee'\. Did you mean 'logme'\? The scores are: logme, h_score"):
        choose_scores(["logmee"], source_probabilities=False)
    with pytest.raises(InputError, match=r"no score 'zzz'\. The scores"):
        choose_scores(["zzz"], source_probabilities=False)
    with pytest.raises(InputError, match=r"leep needs .* --source-probabilities"):
        choose_scores(["leep"], source_probabilities=False)
    with pytest.raises(InputError, match="none given"):
        choose_scores([], source_probabilities=False)


def test_class_grams_are_taken_if_needed_and_small_or_asked_for():
    size = {"num_classes": 1000, "width": 2048}
    assert takes_class_gram(["transrate"], **size, asked=True)
    assert not takes_class_gram(["transrate"], **size, asked=False)
    assert takes_class_gram(["transrate"], num_classes=10, width=512, asked=False)
    assert not takes_class_gram(["logme", "tmi"], num_classes=10, width=512, asked=True)
