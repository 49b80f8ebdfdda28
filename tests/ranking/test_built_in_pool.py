"""The built-in pool from training to the table, tiny: two networks, few steps, small tasks."""

import numpy as np
import pytest

from jaxinv.ranking import built_in_pool
from jaxinv.ranking import pool as pool_module
from jaxinv.ranking.built_in_pool import rank_built_in_pool
from jaxinv.ranking.errors import InputError
from jaxinv.ranking.pool import PoolSpec
from jaxinv.ranking.truth import FINE_TUNED, LINEAR_PROBE, TruthSpec
from tests.ranking.bars import SOURCES, bars

SPEC = PoolSpec(architectures=("perceptron",), sources=("mnist", "parity"), invariances=("none",), steps=30)
TRUTH = TruthSpec(num_heads=1, steps=10)
SCORES = ("nearest_mean", "leep")


def targets(*, seed):
    """A target of four classes, and a smaller one of two."""
    return bars(num_classes=4, name="four", num=60, seed=seed), bars(num_classes=2, name="two", num=40, seed=seed)


def test_every_target_is_ranked_and_judged_and_a_second_run_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(built_in_pool, "target_tasks", targets)
    monkeypatch.setattr(pool_module, "SOURCE_TASKS", SOURCES)
    first = rank_built_in_pool(output=tmp_path, scores=SCORES, spec=SPEC, truth=TRUTH)
    assert [(r.target, r.num_samples, r.num_classes) for r in first] == [("four", 60, 4), ("two", 40, 2)]
    for result in first:
        assert result.pool == "built-in"
        assert result.models == ("perceptron mnist none", "perceptron parity none")
        assert result.attributes["source"] == ("mnist", "parity")
        assert set(result.truths) == {LINEAR_PROBE, FINE_TUNED}
        assert set(result.agreement[LINEAR_PROBE]) == set(SCORES)
        assert all(np.isfinite(values).all() for values in result.scores.values())
        assert min(result.truths[LINEAR_PROBE]) > 0.4
        assert set(result.sensitivity) == {"rotation", "translation", "contrast"}
    second = rank_built_in_pool(output=tmp_path, scores=SCORES, spec=SPEC, truth=TRUTH)
    for before, after in zip(first, second, strict=True):
        for name in SCORES:
            np.testing.assert_array_equal(before.scores[name], after.scores[name])
        for name in before.truths:
            np.testing.assert_array_equal(before.truths[name], after.truths[name])


def test_unknown_score_is_refused_before_the_work(tmp_path):
    with pytest.raises(InputError, match="logmee"):
        rank_built_in_pool(output=tmp_path, scores=("logmee",), spec=SPEC, truth=TRUTH)
    assert not list(tmp_path.iterdir())
