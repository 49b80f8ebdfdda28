"""The league section: every score and target once, its picture drawn, names escaped."""

import numpy as np

from jaxinv.ranking import RankingResult
from jaxinv.ranking.league import leagues
from jaxinv.report import write_report


def result(target, seed):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(size=12)
    return RankingResult(
        target=target,
        num_samples=10,
        num_classes=2,
        models=tuple(f"m{i}" for i in range(12)),
        widths=(4,) * 12,
        scores={f"s{i}": truth + i * rng.normal(size=12) for i in range(10)} | {"gap": np.full(12, np.nan)},
        truths={"linear probe": truth},
        agreement={"linear probe": {f"s{i}": {"weighted_kendall_tau": 1 - i / 10} for i in range(10)}},
    )


def test_the_league_comes_first_and_panels_are_few(tmp_path):
    results = [result("<a>", 0), result("b", 1)]
    tables = leagues(results, resamples=5)
    page = write_report(results, tmp_path / "report.html", leagues=tables).read_text()
    section = page[page.index('id="league"') : page.index('id="target-1"')]
    assert page.index('href="#league"') < page.index('href="#target-1"')
    assert "12 models, linear probe accuracy" in section
    assert section.count("<svg") == 1
    assert section.count("<tr>") == 1 + 10
    assert "&lt;a&gt;" in section
    assert "<a>" not in section
    assert "Without a value for some model: gap." in section
    assert "1.00 [1.00, 1.00]" in section
    # Of eleven scores, the eight that agree best are drawn.
    target = page[page.index('id="target-1"') : page.index('id="target-2"')]
    assert "the 8 scores that agree best" in target
    assert target.count("<figure>") == 8 + 1


def test_without_leagues_there_is_no_section(tmp_path):
    assert 'id="league"' not in write_report([result("a", 0)], tmp_path / "report.html").read_text()
