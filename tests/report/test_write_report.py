"""The page: complete, valid, self-contained, escaped, deterministic, and the same facts as the ranking."""

import dataclasses
import html.parser
import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest

from jaxinv.ranking import RankingResult
from jaxinv.report import write_report

NASTY = '<b>&"x'
MODELS = (NASTY, "cnn $a$ one", "плоская 网络", "a_very_long_name_of_a_model_that_no_picture_has_room_for")
VOID = {"meta", "br", "hr", "img", "link", "input", "wbr"}


@pytest.fixture
def result():
    return RankingResult(
        target="rotated <digits>",
        num_samples=1600,
        num_classes=10,
        models=MODELS,
        widths=(8, 16, 8, 32),
        attributes={"architecture": ("mlp", "cnn", "cnn", "mlp"), "source": (NASTY, "texture", NASTY, "texture")},
        scores={
            "logme": np.array([0.1, 0.4, 0.2, np.nan]),
            "tmi": np.array([-3.0, -1.0, -2.0, -2.5]),
            "home made": np.full(4, np.nan),
        },
        diagnostics={"tmi": {"clamped_fraction": np.array([0.9, 0.0, 0.2, np.nan])}},
        truths={"linear probe": np.array([0.5, 0.9, 0.75, 0.6]), "fine-tuned": np.array([0.7, 0.95, 0.9, np.nan])},
        agreement={
            "linear probe": {
                "tmi": {"weighted_kendall_tau": 0.5, "relative_at_1": 1.0, "regret": 0.0},
                "logme": {"weighted_kendall_tau": 0.75, "relative_at_1": 0.5, "regret": 0.25},
            },
            "fine-tuned": {},
        },
        sensitivity={"rotation": np.array([0.2, 0.3, 1.4, np.nan]), "contrast": np.array([0.1, 0.2, 0.3, 0.4])},
        environment={"jax": "0.10", "seed": "7"},
        timings={"scores": 1.5, "truth": 75.0},
        notes=("tmi saw <few> samples",),
    )


def own_files(result):
    """The same ranking as from a person's files: nothing but scores is known."""
    return dataclasses.replace(result, truths={}, agreement={}, sensitivity={}, attributes={})


class Reader(html.parser.HTMLParser):
    """Checks the nesting of the tags; collects ids, references, texts, tags, and the rows of the tables."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.used, self.texts, self.tags = [], [], set(), [], set()
        self.tables, self.kinds = [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        given = dict(attrs)
        self.tags.add(tag)
        if "id" in given:
            self.ids.append(given["id"])
        for value in given.values():
            self.used |= set(re.findall(r"^#(.+)$|url\(#([^)]+)\)", value or ""))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append(("", (given.get("class") or "").split()))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if {"td", "th"} & set(self.open):
            text, kinds = self.tables[-1][-1][-1]
            self.tables[-1][-1][-1] = (text + data, kinds)


def read(results, tmp_path):
    path = write_report(results, tmp_path / "new" / "report.html")
    text = path.read_text()
    return text, Reader(text)


@pytest.mark.parametrize("variant", [lambda r: r, own_files], ids=["truths", "own files"])
def test_the_page_is_valid_and_needs_nothing_else(result, variant, tmp_path):
    text, page = read([variant(result)], tmp_path)
    assert not page.tags & {"script", "link", "img", "iframe", "object"}
    assert not re.search(r"https?:|@import|\bsrc=|url\((?!#)", text)
    assert len(page.ids) == len(set(page.ids))
    used = {name for pair in page.used for name in pair if name}
    assert used
    assert used <= set(page.ids)


@pytest.mark.parametrize("variant", [lambda r: r, own_files], ids=["truths", "own files"])
def test_every_text_from_outside_is_there_and_escaped(result, variant, tmp_path):
    text, page = read([variant(result)], tmp_path)
    cells = [cell for table in page.tables for row in table for cell, _ in row]
    assert set(MODELS) <= set(cells)
    assert ">cnn $a$ one</text>" in text
    assert NASTY not in text
    assert "<digits>" not in text
    assert "<few>" not in text
    assert {"0.10", "7", "1.5 s", "1 min 15 s"} <= set(cells)
    assert "tmi saw <few> samples" in page.texts
    assert "1,600 samples, 10 classes" in page.texts


def test_the_ranking_table_is_sorted_by_the_truth_with_the_best_marked_and_dashes(result, tmp_path):
    _, page = read([result], tmp_path)
    head, *rows = page.tables[0]
    titles = [cell for cell, _ in head]
    assert titles[:7] == ["#", "Model", "True: linear probe", "True: fine-tuned", "LogME", "TMI", "home made"]
    assert [row[1][0] for row in rows] == [MODELS[1], MODELS[2], MODELS[3], MODELS[0]]
    assert [row[4][0] for row in rows] == ["0.400", "0.200", "–", "0.100"]
    assert [row[6][0] for row in rows] == ["–"] * 4
    assert ["best" in row[4][1] for row in rows] == [True, False, False, False]
    assert rows[3][5][0] == "⚠ −3.00"
    assert rows[0][5][0] == "−1.00"


def test_own_files_are_sorted_by_logme_with_nan_last(result, tmp_path):
    _, page = read([own_files(result)], tmp_path)
    assert [row[1][0] for row in page.tables[0][1:]] == [MODELS[1], MODELS[2], MODELS[0], MODELS[3]]


def test_the_agreement_table_is_sorted_and_regret_is_better_when_lower(result, tmp_path):
    _, page = read([result], tmp_path)
    table = next(table for table in page.tables if table[0][0][0] == "Score")
    assert [[cell for cell, _ in row] for row in table] == [
        ["Score", "Weighted Kendall τ", "Rel@1", "Regret"],
        ["LogME", "0.75", "50.0%", "25.0%"],
        ["TMI", "0.50", "100.0%", "0.0%"],
    ]
    assert "best" in table[1][1][1]
    assert "best" in table[2][3][1]


def test_intervals_are_shown_where_they_are_given(result, tmp_path):
    result.agreement["linear probe"]["logme"] |= {"weighted_kendall_tau_low": 0.25, "weighted_kendall_tau_high": 0.875}
    text, page = read([result], tmp_path)
    table = next(table for table in page.tables if table[0][0][0] == "Score")
    assert [cell for cell, _ in table[0]] == ["Score", "Weighted Kendall τ", "Rel@1", "Regret"]
    assert table[1][1][0] == "0.75 [0.25, 0.88]"
    assert table[2][1][0] == "0.50"
    assert "(interval 0.25 to 0.88)" in text


def test_the_headline_names_the_winner_the_score_and_its_pick(result, tmp_path):
    result.scores["logme"][1] = -1.0
    text, _ = read([result], tmp_path)
    cards = re.findall(r'<p class="value">(.*?)</p><p>(.*?)</p>', text)
    assert cards[0] == (MODELS[1], "90.0% linear probe accuracy. The pool: median 67.5%, lowest 50.0%.")
    assert cards[1][0] == "LogME"
    assert cards[2] == (MODELS[2], "75.0%, 15.0 points below the best.")


def test_the_headline_of_own_files_counts_the_scores_that_agree(result, tmp_path):
    text, _ = read([own_files(result)], tmp_path)
    assert re.findall(r'<p class="value">(.*?)</p>', text) == [MODELS[1], "2 of 2", MODELS[1]]


def test_one_model_and_one_unavailable_score(tmp_path):
    one = RankingResult(
        target="t",
        num_samples=4,
        num_classes=2,
        models=("only",),
        widths=(3,),
        scores={"knn": np.array([np.nan])},
        truths={"given": np.array([0.5])},
        agreement={"given": {}},
        sensitivity={"rotation": np.array([0.5])},
    )
    for result in (one, own_files(one), dataclasses.replace(one, scores={"knn": np.array([0.5])})):
        _, page = read([result], tmp_path)
        assert page.tables[0][1][1][0] == "only"


def test_an_agreement_that_is_not_known_makes_no_headline(result, tmp_path):
    result.agreement["linear probe"] = {"tmi": {"weighted_kendall_tau": float("nan")}}
    text, _ = read([result], tmp_path)
    assert re.findall(r'<p class="value">(.*?)</p>', text) == [MODELS[1]]


def test_equal_results_give_equal_bytes_whatever_the_users_style(result, tmp_path):
    first = write_report([result, own_files(result)], tmp_path / "1.html").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False, "text.usetex": True}):
        second = write_report([result, own_files(result)], tmp_path / "2.html").read_bytes()
    assert first == second


def test_a_missing_matplotlib_is_named_with_its_extra_and_nothing_is_written(result, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=re.escape("pip install 'jaxinv[plots]'")):
        write_report([result], tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_no_result_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="results"):
        write_report([], tmp_path / "report.html")


def test_importing_the_report_leaves_matplotlib_alone():
    code = "import sys, jaxinv.report; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
