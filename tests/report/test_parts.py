"""What the page is made of: drawings, numbers, names, looks, warnings."""

import math

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from jaxinv.ranking import RankingResult
from jaxinv.report import numbers, plots
from jaxinv.report.flags import find_flags
from jaxinv.report.looks import ACCENT, COLOURS, MARKERS, OTHER, Looks, looks_of
from jaxinv.report.names import measure_name, score_label, score_name, shortened
from jaxinv.report.pictures import Pictures

NAN = math.nan


@pytest.fixture
def ax():
    return Figure().subplots()


def test_scatter_draws_known_points_in_percent_with_their_looks(ax):
    looks = Looks(("#ff0000", "#00ff00", "#0000ff"), ("o", "s", "^"))
    drawn = plots.accuracy_scatter(
        ax, np.array([1.0, NAN, 3.0]), np.array([0.25, 0.5, 0.75]), looks, title="T", label="L"
    )
    assert drawn is ax
    assert [
        (line.get_gid(), *line.get_xydata()[0], line.get_marker(), to_hex(line.get_color())) for line in ax.lines
    ] == [
        ("tip0", 1.0, 25.0, "o", "#ff0000"),
        ("tip2", 3.0, 75.0, "^", "#0000ff"),
    ]
    assert (ax.get_title(loc="center") or ax.get_title(loc="left"), ax.get_xlabel()) == ("T", "L")


def test_bars_go_from_zero_to_the_value_first_on_top(ax):
    plots.agreement_bars(ax, ["logme", "tmi"], np.array([0.5, -0.25]), np.array([[0.2, 0.7], [-0.5, 0.1]]), label="τ")
    assert [bar.get_width() for bar in ax.patches] == [0.5, -0.25]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["LogME", "TMI"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert ax.get_xlim()[0] < -0.5
    segments = ax.collections[0].get_segments()
    np.testing.assert_allclose([segment[:, 0] for segment in segments], [[0.2, 0.7], [-0.5, 0.1]])


def test_sensitivity_map_has_a_number_in_every_cell_and_a_dash_for_nan(ax):
    plots.sensitivity_map(ax, ["a", "b"], {"rotation": np.array([0.25, NAN]), "contrast": np.array([0.5, 1.5])})
    assert [text.get_text() for text in ax.texts] == ["0.25", "0.50", "–", "1.50"]
    np.testing.assert_array_equal(ax.collections[0].get_array().filled(-1), [[0.25, 0.5], [-1, 1.5]])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["rotation", "contrast"]


def test_rank_lines_put_the_best_on_top_and_name_the_marked(ax):
    scores = {"logme": np.array([1.0, 3.0, 2.0]), "tmi": np.array([-1.0, -2.0, NAN])}
    plots.rank_lines(ax, ["a", "b", "c"], scores, marked=[1])
    lines = {line.get_gid(): line.get_ydata() for line in ax.lines}
    np.testing.assert_array_equal(lines["tip0"], [3, 1])
    np.testing.assert_array_equal(lines["tip1"], [1, 2])
    np.testing.assert_array_equal(lines["tip2"], [2, NAN])
    assert [text.get_text() for text in ax.texts] == ["b"]
    assert ax.get_ylim() == (3.5, 0.5)


def test_pictures_have_tips_and_take_the_pages_colours():
    looks = Looks((ACCENT, ACCENT), ("o", "o"))
    picture = Pictures().draw(
        lambda ax: plots.accuracy_scatter(ax, np.ones(2), np.ones(2), looks, title="a<b", label="x"),
        (2, 2),
        'a "picture"',
        ["first & best", "second"],
    )
    assert picture.startswith('<svg role="img" aria-label="a &quot;picture&quot;" viewBox="0 0 144 144"')
    assert "<title>first &amp; best</title>" in picture
    assert "a&lt;b" in picture
    assert "var(--ink)" in picture
    assert ACCENT not in picture
    assert "DejaVu" not in picture


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.5, -0.25, NAN], ["0.500", "−0.250", "–"]),
        ([512.0, 1024.5], ["512", "1,024"]),
        ([3.0, 5.0], ["3", "5"]),
        ([0.001234, 0.004321], ["0.00123", "0.00432"]),
        ([2e9, 1.0], ["2.00e+09", "1.00e+00"]),
        ([-0.0001, 0.9], ["0.000", "0.900"]),
        ([0.25, 0.25], ["0.250", "0.250"]),
        ([0.0, 0.0], ["0", "0"]),
        ([NAN, math.inf], ["–", "–"]),
        ([], []),
    ],
)
def test_columns_of_numbers(values, texts):
    assert numbers.column(values) == texts


def test_single_numbers():
    assert (numbers.percent(0.9245), numbers.percent(NAN), numbers.fixed(-0.5)) == ("92.5%", "–", "−0.50")
    seconds = (0.25, 5.25, 59.99, 75.0, 7260.0, NAN)
    assert [numbers.duration(s) for s in seconds] == ["250 ms", "5.2 s", "60.0 s", "1 min 15 s", "2 h 01 min", "–"]


def test_ranks_share_ties_and_leave_nan():
    np.testing.assert_array_equal(numbers.ranks(np.array([1.0, 3.0, 3.0, NAN, 0.0])), [3, 1.5, 1.5, NAN, 4])


def test_names():
    assert (score_name("h_score"), score_name("my_score")) == ("H-score", "my score")
    assert (score_label("logme"), score_label("lfc")) == ("LogME (nats per sample)", "LFC")
    assert (measure_name("relative_at_3"), measure_name("top_3_recall")) == ("Rel@3", "Top-3 recall")
    assert (measure_name("pearson"), measure_name("some_other")) == ("Pearson r", "Some other")
    assert (shortened("abcdefgh", 8), shortened("abcdefghi", 8)) == ("abcdefgh", "abc…fghi")


def test_colour_shows_the_source_and_marker_the_architecture():
    attributes = {"architecture": ("mlp", "cnn", "mlp"), "same": ("x",) * 3, "source": ("b", "a", "a")}
    looks = looks_of(attributes, 3)
    assert looks.colours == (COLOURS[0], COLOURS[1], COLOURS[1])
    assert looks.markers == (MARKERS[0], MARKERS[1], MARKERS[0])
    assert [(key.attribute, key.text) for key in looks.legend] == [
        ("source", "b"),
        ("source", "a"),
        ("architecture", "mlp"),
        ("architecture", "cnn"),
    ]


def test_looks_without_attributes_and_with_too_many_values():
    assert looks_of({}, 2) == Looks((ACCENT,) * 2, (MARKERS[0],) * 2)
    count = len(COLOURS) + 2
    looks = looks_of({"source": tuple(map(str, range(count)))}, count)
    assert looks.colours == (*COLOURS, OTHER, OTHER)


def test_flags_warn_beyond_their_thresholds_only():
    result = RankingResult(
        target="t",
        num_samples=4,
        num_classes=2,
        models=("a", "b"),
        widths=(3, 3),
        scores={"tmi": np.zeros(2), "logme": np.zeros(2)},
        diagnostics={
            "tmi": {"clamped_fraction": np.array([0.5, 0.51]), "kept": np.ones(2)},
            "logme": {"dropped_classes": np.array([0.0, NAN]), "converged": np.array([0.0, 1.0])},
        },
    )
    found = [(flag.score, flag.diagnostic, flag.models.tolist()) for flag in find_flags(result)]
    assert found == [("tmi", "clamped_fraction", [False, True]), ("logme", "converged", [True, False])]
