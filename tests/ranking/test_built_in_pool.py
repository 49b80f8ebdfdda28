"""The built-in pool from training to the table, tiny: two networks, few steps, real digits."""

import numpy as np
import pytest

from jaxinv.ranking import built_in_pool
from jaxinv.ranking.built_in_pool import rank_built_in_pool
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.pool import PoolSpec
from jaxinv.ranking.task_scores import score_on_task
from jaxinv.ranking.tasks import target_tasks
from jaxinv.ranking.truth import FINE_TUNED, LINEAR_PROBE, TruthSpec

SPEC = PoolSpec(architectures=("perceptron",), sources=("mnist", "parity"), invariances=("none",), steps=30)
TRUTH = TruthSpec(num_heads=1, steps=10)
SCORES = ("logme", "leep", "knn")


def few_targets(*, seed):
    """A target of ten classes, and a small one of two."""
    tasks = {task.name: task for task in target_tasks(seed=seed)}
    return tasks["digits"], tasks["faces"]


def test_every_target_is_ranked_and_judged_and_a_second_run_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(built_in_pool, "target_tasks", few_targets)
    first = rank_built_in_pool(output=tmp_path, scores=SCORES, spec=SPEC, truth=TRUTH)
    assert [(r.target, r.num_samples, r.num_classes) for r in first] == [("digits", 600, 10), ("faces", 100, 2)]
    for result in first:
        assert result.models == ("perceptron mnist none", "perceptron parity none")
        assert result.attributes["source"] == ("mnist", "parity")
        assert set(result.truths) == {LINEAR_PROBE, FINE_TUNED}
        assert set(result.agreement[LINEAR_PROBE]) == set(SCORES)
        assert all(np.isfinite(values).all() for values in result.scores.values())
        assert min(result.truths[LINEAR_PROBE]) > 0.2
        assert set(result.sensitivity) == {"rotation", "translation", "contrast"}
    second = rank_built_in_pool(output=tmp_path, scores=SCORES, spec=SPEC, truth=TRUTH)
    for before, after in zip(first, second, strict=True):
        for name in SCORES:
            np.testing.assert_array_equal(before.scores[name], after.scores[name])
        for name in before.truths:
            np.testing.assert_array_equal(before.truths[name], after.truths[name])


def test_padding_to_the_largest_target_changes_no_score(tmp_path):
    task = few_targets(seed=0)[1]
    rng = np.random.default_rng(0)
    features = [rng.normal(size=(100, 4)).astype(np.float32) + task.train_labels[:, None] for _ in range(2)]
    raw = rng.uniform(0.1, 1, size=(100, 3)).astype(np.float32)
    sources = [raw / raw.sum(axis=1, keepdims=True)] * 2
    names = ("logme", "parc", "leep", "knn", "h_score", "gbc")
    plain, padded = (
        score_on_task(task, features, names, shape=shape, source_probabilities=sources)
        for shape in ((100, 2), (130, 10))
    )
    assert tuple(padded.scores) == names
    for name in names:
        np.testing.assert_allclose(padded.scores[name], plain.scores[name], rtol=1e-4)
    assert np.all(padded.diagnostics["h_score"]["dropped_classes"] == 0)


def test_unknown_score_is_refused_before_the_work(tmp_path):
    with pytest.raises(InputError, match="logmee"):
        rank_built_in_pool(output=tmp_path, scores=("logmee",), spec=SPEC, truth=TRUTH)
    assert not list(tmp_path.iterdir())
