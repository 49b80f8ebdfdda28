"""Scores on targets of several sizes: padding changes none, and they are kept."""

import numpy as np
import pytest

from jaxinv.ranking import task_scores
from jaxinv.ranking.task_scores import cached_scores, padded_shape, score_on_task
from jaxinv.ranking.text_tasks import TextTask

ROWS, CLASSES = 40, 2
# One of every kind that could see padding: by rows, by classes, by width, by samples taken at distances.
NAMES = ("logme", "parc", "pactran_gaussian", "emms", "leep", "h_score", "gbc")


def make_task():
    labels = np.arange(ROWS, dtype=np.int32) % CLASSES
    return TextTask("two", CLASSES, np.array([""] * ROWS), labels, np.array([""] * 5), labels[:5])


def make_features(task, widths=(4, 6)):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(ROWS, width)).astype(np.float32) + task.train_labels[:, None] for width in widths]


def test_padding_to_the_largest_target_changes_no_score():
    task = make_task()
    features = make_features(task)
    raw = np.random.default_rng(1).uniform(0.1, 1, size=(ROWS, 3)).astype(np.float32)
    sources = [raw / raw.sum(axis=1, keepdims=True)] * 2
    plain, padded = (
        score_on_task(task, features, NAMES, shape=shape, source_probabilities=sources)
        for shape in ((ROWS, CLASSES), (ROWS + 30, 5))
    )
    assert tuple(padded.scores) == NAMES
    for name in NAMES:
        np.testing.assert_allclose(padded.scores[name], plain.scores[name], rtol=1e-3, err_msg=name)
    assert np.all(padded.diagnostics["h_score"]["dropped_classes"] == 0)


def test_a_wide_model_beside_it_changes_no_score():
    task = make_task()
    features = make_features(task, (4, 9))
    shape = ROWS, CLASSES
    alone, beside = (score_on_task(task, some, ["lda", "tmi"], shape=shape) for some in (features[:1], features))
    for name in ("lda", "tmi"):
        np.testing.assert_allclose(beside.scores[name][:1], alone.scores[name], rtol=1e-4)


def test_scores_are_kept_for_the_same_features(tmp_path, monkeypatch):
    task, told = make_task(), []
    features = make_features(task)

    def run(features):
        options = {"shape": padded_shape([task]), "notify": told.append}
        return cached_scores(tmp_path / "scores.npz", task, features, ("lfc", "h_score"), **options)

    first = run(features)
    real = task_scores.score_on_task
    monkeypatch.setattr(task_scores, "score_on_task", None)
    again = run(features)
    assert again.notes == first.notes
    for name in ("lfc", "h_score"):
        np.testing.assert_array_equal(again.scores[name], first.scores[name])
        assert set(again.diagnostics[name]) == set(first.diagnostics[name])
        for field, values in first.diagnostics[name].items():
            np.testing.assert_array_equal(again.diagnostics[name][field], values)
    with pytest.raises(TypeError):
        run([2 * features[0], features[1]])
    monkeypatch.setattr(task_scores, "score_on_task", real)
    other = run([features[0] ** 3, features[1]])
    assert other.scores["lfc"][0] != first.scores["lfc"][0]
    assert len(told) == 2
