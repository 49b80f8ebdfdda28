"""The page of a benchmark run: what loses is on top and red, sweeps have exponents, the roof is where rates put it."""

import dataclasses
import html.parser
import math
import re
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from jaxinv.bench.record import PeerRecord, Record, Time
from jaxinv.bench.report import labels, roofline, sweeps, texts, verdicts, write_report

NASTY = '<b>&"x $a$'
RUN = {
    "device": "H100",
    "python": "3.12.1",
    "jax": "0.10.2",
    "jaxlib": "0.10.3",
    "numpy": "2.3.4",
    "precision": "highest",
    "cpu_cores": 16,
    "time": "2025-11-24T10:00:00+00:00",
    "rates": {"matmul_float32": 5e13, "matmul_tf32": 4e14, "matmul_bfloat16": 8e14, "copy": 2e12},
}
OLDER = RUN | {"time": "2025-11-20T10:00:00+00:00", "jax": "0.9.9", "rates": {}}
RED_MARK = "⚠ "


def time(ms):
    return Time(ms, 0.9 * ms, 1.2 * ms, ms, 9)


def peer(ratio, name="scipy", kind="library", **changes):
    given = {"difference": 1e-6, "tolerance": 1e-5, "threads": None, "import_ms": None}
    return PeerRecord(name, kind, time(2 * ratio), ratio, 0.9 * ratio, 1.05 * ratio, **given | changes)


def record(case="logme", *peers, ms=2.0, **changes):
    given = {
        "family": "transferability",
        "case": case,
        "mode": "forward",
        "dtype": "float32",
        "sizes": {"samples": 5000, "features": 64},
        "axis": None,
        "variant": "fresh",
        "huge_pages": False,
        "repeats": 1,
        "lower_ms": 10.0,
        "compile_ms": 250.0,
        "time": time(ms),
        "xla_flops": None,
        "xla_bytes": None,
        "peak_bytes": None,
        "error": 2e-7,
        "work_flops": 1e9,
        "work_bytes": 1e8,
        "limit_ms": 0.5,
        "peers": peers,
        "busy": 0.03,
        "run": RUN,
    }
    return Record(**given | changes)


def sweep(power, case="class_statistics", **changes):
    return [
        record(
            case,
            peer(3.0, "numpy"),
            ms=1e-4 * n**power,
            sizes={"samples": n, "features": 64},
            axis="samples",
            limit_ms=1e-5 * n,
            **changes,
        )
        for n in (4000, 1000, 2000, 8000)
    ]


class Reader(html.parser.HTMLParser):
    """Checks the nesting of the tags; collects ids, references, tags, texts, cards, captions and table cells."""

    VOID = ("meta", "br")

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.used, self.tags, self.texts, self.tables = [], [], set(), set(), [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self.open.append((tag, dict(attrs).get("class") or ""))

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        for value in given.values():
            self.used |= {a or b for a, b in re.findall(r"^#(.+)$|url\(#([^)]+)\)", value or "")}
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1][1] if self.open else "", data))
        if {"td", "th"} & {tag for tag, _ in self.open}:
            self.tables[-1][-1][-1] += data

    def rows(self, table):
        head, *body = self.tables[table]
        return [dict(zip(head, row, strict=True)) for row in body]

    def of_class(self, kind):
        return [text for name, text in self.texts if name == kind]


def read(records, tmp_path):
    text = write_report(records, tmp_path / "new" / "bench.html").read_text()
    return text, Reader(text)


def cards(text):
    found = re.findall(
        r'<div class="card( bad)?"><p class="label">(.*?)</p><p class="value">(.*?)</p><p>(.*?)</p>', text
    )
    return {label: (value, says, bool(bad)) for bad, label, value, says in found}


def everything():
    return [
        record("logme", peer(1.5), peer(0.5, "sum", "floor"), peer(4.0, "dense", "dense")),
        record("logme", ms=5.0, mode="vjp"),
        record("logme", ms=7.0, mode="forward+vjp"),
        record("logme", ms=1.8, variant="donated"),
        record("tmi", peer(0.8), family="a"),
        record("knn", error=None, run=OLDER),
        *sweep(1.5),
    ]


def test_the_page_is_valid_and_needs_nothing_else(tmp_path):
    text, page = read(everything(), tmp_path)
    assert not page.tags & {"script", "link", "img", "iframe", "object"}
    assert not re.search(r"https?:|@import|\bsrc=|url\((?!#)", text)
    assert len(page.ids) == len(set(page.ids))
    assert page.used
    assert page.used <= set(page.ids)


def test_rows_that_lose_come_first_then_those_that_differ_then_the_rest_by_family_and_case(tmp_path):
    records = [
        record("z_win", peer(2.0), family="a"),
        record("a_win", peer(2.0), family="b"),
        record("differs", peer(2.0, difference=1e-3), family="z"),
        record("loses", peer(2.0, "slow"), peer(0.8, "fast"), family="z"),
        record("alone", family="b"),
    ]
    text, page = read(records, tmp_path)
    rows = page.rows(0)
    assert [row["Case"] for row in rows] == ["loses", "differs", "z_win", "a_win", "alone"]
    assert [row["Ratio"] for row in rows] == [
        "⚠ 0.800× (0.720–0.840)",
        *["2.00× (1.80–2.10)"] * 3,
        "–",
    ]
    assert [row["Difference"].startswith(RED_MARK) for row in rows] == [False, True, False, False, False]
    assert rows[1]["Difference"] == "⚠ 1.0e−03 (≤ 1.0e−05)"
    assert (rows[0]["Fastest library"], rows[0]["Its ms"]) == ("fast", "1.60")
    reasons = re.findall(r"<li>⚠ <b>(.*?)</b>: (.*?)</li>", text)
    assert [name.split()[1] for name, _ in reasons] == ["loses", "differs"]
    assert reasons[0][1].startswith("slower than fast, ratio 0.800×")
    assert reasons[1][1].startswith("the answer differs from that of scipy by 1.0e−03, more than 1.0e−05")
    assert "tr:has(.warned)>*{color:var(--bad)}" in text


def test_a_row_shows_all_that_was_measured(tmp_path):
    _, page = read(
        [record("logme", peer(1.5, threads=1, lower_ms=1000.0, compile_ms=234.0), peer(0.5, "sum", "floor"))], tmp_path
    )
    assert page.rows(0) == [
        {
            "Case": "logme",
            "Ratio": "1.50× (1.35–1.58)",
            "Sizes": "samples\u00a05,000 · features\u00a064",
            "Dtype": "float32",
            "Mode": "forward",
            "Variant": "fresh",
            "Ours, ms": "2.00 (1.80–2.40)",
            "Fastest library": "scipy, 1 thread",
            "Its ms": "3.00",
            "Time over floor": "2.00×",
            "Share of limit": "25.0%",
            "Compile, ms": "260",
            "Its compile, ms": "1,234",
            "Error": "2.0e−07",
            "Difference": "1.0e−06 (≤ 1.0e−05)",
            "Family": "transferability",
        }
    ]


def test_what_is_not_there_is_a_dash(tmp_path):
    text, page = read([record("logme", error=None, run={}, work_flops=0.0)], tmp_path)
    row = page.rows(0)[0]
    empty = {name for name, cell in row.items() if cell == "–"}
    assert empty == {"Ratio", "Fastest library", "Its ms", "Time over floor", "Its compile, ms", "Error", "Difference"}
    assert "Benchmark on –" in text
    assert cards(text)["Ratio to the fastest library"][0] == "–"
    assert "Time against size" not in text
    assert "Roofline" not in text
    assert "<h2>Rows in red</h2>" not in text


def test_an_answer_that_may_differ_by_design_is_a_dash_and_one_without_tolerance_no_warning(tmp_path):
    records = [
        record("design", peer(2.0, difference=None)),
        record("free", peer(2.0, difference=0.5, tolerance=None)),
    ]
    _, page = read(records, tmp_path)
    assert [row["Difference"] for row in page.rows(0)] == ["–", "5.0e−01"]


def test_derivatives_and_variants_cost_relative_to_forward(tmp_path):
    records = [
        record("logme", peer(1.5)),
        record("logme", ms=5.0, mode="vjp"),
        record("logme", peer(0.5), ms=7.0, mode="forward+vjp"),
        record("logme", ms=1.0, variant="donated"),
        record("logme", ms=1.5, huge_pages=True),
        record("logme", ms=9.0, mode="vjp", dtype="bfloat16"),
        record("logme", ms=9.0, axis="samples"),
    ]
    _, page = read(records, tmp_path)
    assert [(row["Variant"], row["Mode"]) for row in page.rows(0)] == [
        ("donated", "forward"),
        ("fresh", "forward"),
        ("fresh, huge pages", "forward"),
    ]
    assert [(row["Dtype"], row["Mode"], row["Variant"], row["Cost over forward"]) for row in page.rows(1)] == [
        ("float32", "forward+vjp", "fresh", "3.50×"),
        ("bfloat16", "vjp", "fresh", "–"),
        ("float32", "forward", "donated", "0.500×"),
        ("float32", "forward", "fresh, huge pages", "0.750×"),
        ("float32", "vjp", "fresh", "2.50×"),
    ]
    assert page.rows(1)[0]["Ratio"].startswith(RED_MARK)


def test_cards_count_rows_against_the_fastest_library(tmp_path):
    records = [
        record("a", peer(4.0), peer(2.0)),
        record("b", peer(4.0), peer(0.5)),
        record("c", peer(8.0)),
        record("d", peer(0.1, "sum", "floor")),
        *sweep(1.0),
    ]
    text, _ = read(records, tmp_path)
    beside = "of 3 rows with a library beside it."
    assert cards(text) == {
        "Rows measured": ("4", "and 4 points of sweeps.", False),
        "Faster than every library": ("2", beside, False),
        "Slower than a library": ("⚠ 1", beside, True),
        "Ratio to the fastest library": (
            "2.00×",
            "Geometric mean over 3 rows, from 0.500× to 8.00×. Above 1 we are faster.",
            False,
        ),
    }
    text, _ = read([record("a", peer(4.0, difference=1.0))], tmp_path)
    assert cards(text)["Slower than a library"] == ("0", "of 1 row with a library beside it.", False)
    assert cards(text)["Answers that differ too much"][0] == "⚠ 1"


@pytest.mark.parametrize(("power", "shown"), [(1.5, "n^1.50"), (1.0, "n^1.00"), (-0.25, "n^−0.25")])
def test_a_sweep_is_titled_with_the_planted_exponent(power, shown, tmp_path):
    text, page = read(sweep(power), tmp_path)
    assert f"<figcaption>class_statistics over samples: {shown}<span" in text
    assert "transferability · features\u00a064 · float32" in page.of_class("quiet")
    assert "ours, samples 8,000: " in text
    assert "numpy, samples 1,000: " in text
    assert page.tables[0][0][0] == "device"


def test_sweeps_are_apart_where_more_than_the_axis_differs():
    wide = [dataclasses.replace(row, sizes=row.sizes | {"features": 512}) for row in sweep(1.0)]
    vjp = [dataclasses.replace(row, mode="vjp") for row in sweep(1.0)]
    found = sweeps.sweeps_of([*vjp, *wide, *sweep(1.0), record("tmi")])
    assert [len(one.records) for one in found] == [4, 4, 4]
    assert [row.sizes["samples"] for row in found[0].records] == [1000, 2000, 4000, 8000]
    assert sorted(sweeps.title(one) for one in found) == [
        "class_statistics over samples: n^1.00",
        "class_statistics over samples: n^1.00",
        "class_statistics vjp over samples: n^1.00",
    ]


def test_two_points_make_a_picture_without_an_exponent(tmp_path):
    text, _ = read(sweep(1.0)[:2], tmp_path)
    assert "<figcaption>class_statistics over samples<span" in text


def test_a_sweep_draws_ours_the_peers_and_a_dashed_limit_in_seconds():
    first, *rest = sweep(1.0)
    (one,) = sweeps.sweeps_of([dataclasses.replace(first, peers=(*first.peers, peer(9.0, "late"))), *rest])
    lines = sweeps.lines_of(one)
    ax = Figure().subplots()
    sweeps.paint(ax, lines, one.axis)
    drawn = {str(line.get_label()): line for line in ax.lines}
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_xlabel()) == ("log", "log", "samples")
    assert np.asarray(drawn["ours"].get_xydata()).tolist() == [
        pytest.approx([n, 1e-7 * n]) for n in (1000, 2000, 4000, 8000)
    ]
    assert np.asarray(drawn["late"].get_xydata()).tolist() == [pytest.approx([4000, 18e-3])]
    assert drawn["limit"].get_linestyle() == "--"
    assert np.asarray(drawn["limit"].get_ydata()).tolist() == pytest.approx(
        [1e-8 * n for n in (1000, 2000, 4000, 8000)]
    )
    assert len({drawn[name].get_color() for name in ("ours", "numpy", "late", "limit")}) == 4
    gids = [line.get_gid() for line in ax.lines if line.get_gid()]
    assert gids == [f"tip{i}" for i in range(9)]
    assert len(sweeps.tips(lines, one.axis)) == 9


def roofline_axes(records, rates):
    points = roofline.points_of(records)
    roofs = roofline.roofs_of(rates, [row.dtype for row in records])
    ax = Figure(figsize=roofline.SIZE).subplots()
    roofline.paint(ax, points, roofs, ["#0072b2"] * len(points), ["o"] * len(points))
    return ax


def test_the_roof_is_bandwidth_up_to_the_matmul_rate_of_the_dtype():
    ax = roofline_axes([record(), record(dtype="bfloat16")], RUN["rates"])
    roofs = [np.asarray(line.get_xydata()) for line in ax.lines if line.get_gid() == "roof"]
    assert [float(np.max(roof[:, 1])) for roof in roofs] == [5e13, 4e14, 8e14]
    for roof, ridge in zip(roofs, (25.0, 200.0, 400.0), strict=True):
        (low, start), (corner, top), (_, end) = roof
        assert corner == pytest.approx(ridge)
        assert start == pytest.approx(2e12 * low)
        assert top == end
    assert [text.get_text() for text in ax.texts][:3] == [
        "float32 matmul, 50 Tflop/s",
        "tf32 matmul, 400 Tflop/s",
        "bfloat16 matmul, 800 Tflop/s",
    ]


def test_a_float64_row_stands_under_its_own_roof_only():
    rates = RUN["rates"] | {"matmul_float64": 1e12}
    assert [roof.name for roof in roofline.roofs_of(rates, ["float64"])] == ["float64"]
    assert roofline.roofs_of({"copy": 1e12}, ["float64"]) == []


def test_points_are_work_over_bytes_and_over_time():
    ax = roofline_axes([record(ms=2.0), record(work_flops=0.0), record(ms=4.0, work_bytes=1e7)], RUN["rates"])
    points = {
        line.get_gid(): np.asarray(line.get_xydata())[0].tolist() for line in ax.lines if line.get_gid() != "roof"
    }
    assert points == {"tip0": pytest.approx([10.0, 5e11]), "tip1": pytest.approx([100.0, 2.5e11])}


def test_the_nearest_and_farthest_rows_are_named_and_the_middle_is_not():
    rows = [record(f"row{i}", ms=1.0 * 1.5**i, work_bytes=1e8 / 2**i) for i in range(11)]
    named = [text.get_text() for text in roofline_axes(rows, RUN["rates"]).texts if "matmul" not in text.get_text()]
    assert set(named) == {f"row{i}" for i in range(11) if i not in (4, 5, 6)}


def test_no_name_lies_on_a_roof_or_its_name():
    """Points just below two roofs that are close to each other, over many decades of rates."""
    rows = [record(f"a row of length {i}", ms=0.02 * 8.0**i, work_bytes=10.0 ** (7 - 0.2 * i)) for i in range(8)]
    ax = roofline_axes(rows, {"copy": 2e12, "matmul_float32": 6e13, "matmul_tf32": 9e13})
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) > 5
    assert not any(boxes[i].overlaps(boxes[j]) for i in range(len(boxes)) for j in range(i))
    paths = [line.get_transform().transform_path(line.get_path()) for line in ax.lines if line.get_gid() == "roof"]
    assert len(paths) == 2
    assert not any(path.intersects_bbox(box, filled=False) for path in paths for box in boxes)


def test_names_do_not_lie_on_each_other_or_outside():
    figure = Figure(figsize=(4, 3))
    ax = figure.subplots()
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    x, y = [0.5, 0.505, 0.99], [0.5, 0.5, 0.5]
    labels.label(ax, x, y, ["first name", "second name", "third name"], [0, 1, 2])
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 3
    assert not any(boxes[i].overlaps(boxes[j]) for i in range(3) for j in range(i))
    assert all(ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 for box in boxes)


def test_the_page_has_the_roofline_with_tips_and_without_other_devices(tmp_path):
    other = record("elsewhere", run=OLDER | {"device": "A100"})
    text, _ = read([record("logme"), other], tmp_path)
    picture = text[text.index("<h2>Roofline") : text.index("<h2>What was run")]
    assert 'aria-label="Roofline: 1 rows under 2 roofs"' in picture
    assert "float32 matmul, 50 Tflop/s" in picture
    tip = "transferability: logme samples=5000 features=64 float32 forward: 500 Gflop/s, 10 flop/B, 25.0% of limit"
    assert f"<title>{tip}</title>" in picture
    assert "Left out: 1 row " in picture
    assert "elsewhere" not in picture


def test_the_newest_run_is_shown_and_older_rows_are_counted(tmp_path):
    records = [record("a", run=OLDER), record("b"), record("c", run=OLDER)]
    for given in (records, records[::-1]):
        text, page = read(given, tmp_path)
        facts = dict(page.tables[-1])
        assert facts == {
            "device": "H100",
            "time": RUN["time"],
            "jax": "0.10.2",
            "jaxlib": "0.10.3",
            "numpy": "2.3.4",
            "python": "3.12.1",
            "matmul precision": "highest",
            "cpu cores": "16",
            "copy rate": "2 TB/s",
            "matmul bfloat16 rate": "800 Tflop/s",
            "matmul float32 rate": "50 Tflop/s",
            "matmul tf32 rate": "400 Tflop/s",
        }
        assert "2 rows of 3 come from older runs." in text
        assert "<li>2025-11-20 on H100 with jax 0.9.9: 2 rows</li>" in text
    assert "older runs" not in read([record("b")], tmp_path)[0]


def test_calls_of_one_day_with_the_same_versions_are_one_run(tmp_path):
    later = RUN | {"time": RUN["time"].replace("T1", "T2"), "rates": RUN["rates"] | {"copy": 3e12}}
    assert later["time"] != RUN["time"]
    assert "older runs" not in read([record("a"), record("b", run=later)], tmp_path)[0]
    upgraded = later | {"jax": "0.11.2"}
    assert "1 row of 2 come from older runs." in read([record("a"), record("b", run=upgraded)], tmp_path)[0]


def test_how_times_were_taken_is_said_with_the_load_of_others(tmp_path):
    text, _ = read([record("a", busy=0.02), record("b", busy=0.04), record("c", busy=0.3)], tmp_path)
    assert "the median of 9 rounds" in text
    assert "others used 4.0% in the median, 30.0% at most" in text


def test_hostile_names_are_there_and_escaped(tmp_path):
    run = RUN | {"device": NASTY, "jax": NASTY}
    hostile = [
        record(NASTY, peer(0.5, NASTY, difference=1.0), family=NASTY, sizes={NASTY: 3}, dtype=NASTY, run=run),
        record(NASTY, mode="vjp", variant=NASTY, run=run | {"time": "1"}),
        *(dataclasses.replace(row, case=NASTY, run=run) for row in sweep(1.0)),
    ]
    text, page = read(hostile, tmp_path)
    assert NASTY not in text
    assert '<b>&"' not in text
    row = page.rows(0)[0]
    assert (row["Case"], row["Fastest library"], row["Dtype"], row["Family"]) == (NASTY,) * 4
    assert f"Benchmark on {NASTY}" in [data for _, data in page.texts]


def test_equal_records_give_equal_bytes_whatever_the_users_style(tmp_path):
    first = write_report(everything(), tmp_path / "1.html").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False, "text.usetex": True}):
        second = write_report(everything(), tmp_path / "2.html").read_bytes()
    assert first == second


def test_no_records_are_an_error_and_what_was_there_stays(tmp_path):
    path = tmp_path / "bench.html"
    path.write_text("old")
    with pytest.raises(ValueError, match="records"):
        write_report([], path)
    assert [found.read_text() for found in tmp_path.iterdir()] == ["old"]


def test_importing_the_report_leaves_matplotlib_alone():
    code = "import sys, jaxinv.bench.report; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_verdicts_of_single_rows():
    even = record("even", peer(1.0))
    assert (verdicts.wins(even), verdicts.loses(even), verdicts.reasons(even)) == (False, False, [])
    tie = record("tie", peer(0.99))
    assert verdicts.reasons(tie) == [
        "slower than scipy, ratio 0.990× (0.891–1.04); the upper quartile reaches 1, so this may be a tie"
    ]
    assert verdicts.floor_ratio(record("f", peer(0.2, "a", "floor"), peer(0.5, "b", "floor"))) == 2.0
    assert verdicts.geometric_mean([record("none")]) is None
    assert verdicts.differs(record("nan", peer(2.0, difference=math.nan)))
    assert verdicts.differs(record("exact", peer(2.0, difference=1e-9, tolerance=0.0)))
    assert not verdicts.differs(record("same", peer(2.0, difference=0.0, tolerance=0.0)))
    near = peer(2.0, "near", difference=1e-3, tolerance=1e-1)
    far = peer(2.0, "far", difference=5e-6, tolerance=1e-6)
    found = verdicts.most_different(record("two", near, far))
    assert found is not None
    assert found.name == "far"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0123456, "0.0123"), (1.5, "1.50"), (12345.6, "12,346"), (2e-6, "2.0e−06"), (0, "0"), (None, "–")],
)
def test_three_digits(value, shown):
    assert texts.significant(value) == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(1e-6, "s", "1 µs"), (0.00123, "s", "1.23 ms"), (999.9, "B", "1 kB"), (4096, "", "4.1k"), (0, "s", "–")],
)
def test_prefixes(value, unit, shown):
    assert texts.si(value, unit) == shown
