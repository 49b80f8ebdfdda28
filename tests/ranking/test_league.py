"""The league table: τ as SciPy has it, intervals that cover what they should, and what is left out."""

import json

import numpy as np
import scipy.stats

from jaxinv.ranking.league import leagues, write_json
from jaxinv.ranking.league_markdown import write_markdown
from jaxinv.ranking.results import RankingResult

COUNT = 24


def result(target, *, seed, count=COUNT, truths=("probe",), **more):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(size=count)
    scores = {
        "noise": rng.normal(size=count),
        "truth": 3 * truth,
        "close": truth + 0.1 * rng.normal(size=count),
        "reversed": -truth,
    }
    return RankingResult(
        target=target,
        num_samples=10,
        num_classes=2,
        models=tuple(f"m{i}" for i in range(count)),
        widths=(4,) * count,
        scores=scores | more,
        truths={name: truth for name in truths},
    )


def weighted_tau(scores, accuracies):
    return np.asarray(scipy.stats.weightedtau(scores, accuracies), np.float64)[0]


def test_taus_are_scipys_and_the_order_is_by_their_mean():
    results = [result("a", seed=0), result("b", seed=1)]
    (table,) = leagues(results, resamples=50)
    assert table.targets == ("a", "b")
    assert table.scores[0] == "truth"
    assert table.scores[1] == "close"
    assert table.scores[-1] == "reversed"
    for i, name in enumerate(table.scores):
        peers = [weighted_tau(r.scores[name], r.truths["probe"]) for r in results]
        np.testing.assert_allclose(table.taus[i], peers, atol=1e-6)
        np.testing.assert_allclose(table.means[i], np.mean(peers), atol=1e-6)


def test_intervals_are_the_percentiles_of_joint_resamples():
    results = [result("a", seed=0), result("b", seed=1)]
    (table,) = leagues(results, resamples=40, seed=3)
    draws = np.random.default_rng(3).integers(COUNT, size=(40, COUNT))
    i = table.scores.index("noise")
    taus = np.array(
        [[weighted_tau(r.scores["noise"][rows], r.truths["probe"][rows]) for r in results] for rows in draws]
    )
    np.testing.assert_allclose(table.intervals[i], np.percentile(taus, [2.5, 97.5], axis=0).T, atol=1e-5)
    np.testing.assert_allclose(table.mean_intervals[i], np.percentile(taus.mean(axis=1), [2.5, 97.5]), atol=1e-5)
    assert tuple(table.rank_intervals[0]) == (1, 1)
    assert tuple(table.rank_intervals[-1]) == (4, 4)
    for low, high in (table.mean_intervals[0], table.intervals[0, 0]):
        np.testing.assert_allclose((low, high), 1, atol=1e-6)


def test_huge_and_close_scores_keep_their_order():
    shifted = result("a", seed=0)
    shifted = result("a", seed=0, huge=1e300 * (1 + shifted.truths["probe"]), fine=1e6 + 1e-6 * shifted.truths["probe"])
    (table,) = leagues([shifted, shifted], resamples=2)
    for name in ("huge", "fine"):
        np.testing.assert_allclose(table.means[table.scores.index(name)], 1, atol=1e-6)


def test_missing_values_pools_and_truths():
    gap = np.arange(COUNT, dtype=float)
    gap[3] = np.nan
    results = [
        result("a", seed=0, truths=("probe", "tuned"), gap=gap),
        result("b", seed=1, truths=("probe", "tuned"), gap=np.arange(COUNT, dtype=float)),
        result("a", seed=2, count=9),
        result("b", seed=3, count=9),
        result("alone", seed=4, count=5),
    ]
    tables = leagues(results, resamples=3)
    assert [(table.num_models, table.truth) for table in tables] == [(24, "probe"), (24, "tuned"), (9, "probe")]
    assert tables[0].left_out == ("gap",)
    assert "gap" not in tables[0].scores
    assert leagues(results[:1]) == ()


def test_written_tables_hold_every_number(tmp_path):
    tables = leagues([result("a", seed=0), result("b", seed=1)], resamples=10)
    content = json.loads(write_json(tables, tmp_path / "league.json").read_text())
    (table,) = content["leagues"]
    assert table["scores"] == list(tables[0].scores)
    np.testing.assert_array_equal(table["taus"], tables[0].taus)
    np.testing.assert_array_equal(table["intervals"], tables[0].intervals)
    text = write_markdown(tables, tmp_path / "league.md", remarks=["Seed 0."]).read_text()
    assert "- Seed 0.\n" in text
    assert "## 24 models, probe accuracy" in text
    rows = [line for line in text.splitlines() if line.startswith("| 1 |")]
    assert rows == ["| 1 | `truth` | 1.00 [1.00, 1.00] | [1, 1] | 1.00 [1.00, 1.00] | 1.00 [1.00, 1.00] |"]
    assert "−1.00" in text


def test_equal_seeds_give_equal_tables():
    results = [result("a", seed=0), result("b", seed=1)]
    first, again, other = (leagues(results, resamples=20, seed=seed)[0].intervals for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
