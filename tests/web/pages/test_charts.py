"""Charts hold what they are given, escape texts, and have colours where no style sheet is read."""

import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from collateral_registry.web.pages.charts import cascade as cascade_chart
from collateral_registry.web.pages.charts.bars import Bin, Step, distribution, level_bar, limit_scale, waterfall
from collateral_registry.web.pages.charts.bridge import LEFT, RIGHT, Part, bridge
from collateral_registry.web.pages.charts.cascade import Bar as Row, cascade
from collateral_registry.web.pages.charts.history import Limit, level_areas, ltv_lines, spark
from collateral_registry.web.pages.charts.lines import Line, fall_curve, lines
from collateral_registry.web.pages.charts.months import Column, month_columns
from collateral_registry.web.pages.charts.realised import Bar, Realised, realised_bars
from collateral_registry.web.pages.charts.stacks import Level, Stack, levels, stacks
from collateral_registry.web.pages.charts.svg import ticks

HOSTILE = '"><script>alert(1)</script>&'
DAYS = [date(2022, month, 1) for month in (1, 2, 3)]
LIMITS = [(Decimal("0.9"), HOSTILE), (Decimal(1), "b"), (Decimal("1.1"), "c"), (Decimal("1.2"), "d")]
CHARTS = {
    "levels": level_bar([(4, 1), (1, 2)], HOSTILE),
    "distribution": distribution([Bin("30", 0, 3, 1), Bin("35", 1, 2, 0)], [(1.0, 1)], HOSTILE),
    "waterfall": waterfall([Step(HOSTILE, 10.0, HOSTILE, "wf", is_total=True), Step("b", 3.0, "3", "wf-cut")], HOSTILE),
    "scale": limit_scale(Decimal("1.05"), LIMITS, HOSTILE, HOSTILE),
    "lines": lines(
        [Line(HOSTILE, "lend", list(zip(DAYS, (1.0, 3.0, 2.0), strict=True)), is_filled=True)],
        HOSTILE,
        "{m}/{y}",
        [(DAYS[1], 5.0)],
    ),
    "stacks": stacks([Stack(HOSTILE, [(3.0, "wf"), (-1.0, "f3"), (2.0, "fu")], HOSTILE, 4.0)], HOSTILE),
    "amounts": levels([Level(HOSTILE, 2.0, HOSTILE), Level("b", 0.0, "0")], HOSTILE),
    "months": month_columns([Column(HOSTILE, 3.0, HOSTILE), Column("b", -2.0, "-2"), Column("c", 0.0, "0")], HOSTILE),
    "bridge": bridge([Part(HOSTILE, -3.0, HOSTILE), Part("b", 0.0, "0")], Part("c", -3.0, "-3"), HOSTILE),
    "cascade": cascade([Row("a", 0.0, 5.0, HOSTILE, "wf", is_total=True), Row("b", 5.0, -2.0, "-7", "mark")], HOSTILE),
    "falls": fall_curve([1, 2, 4], 1, HOSTILE),
    "ltv": ltv_lines(
        list(zip(DAYS, (0.8, None, 3.0), strict=True)),
        [Limit(HOSTILE, "limit k1", [(day, 0.9) for day in DAYS])],
        HOSTILE,
        "{m}/{y}",
    ),
    "levels by day": level_areas(DAYS, [(1, 0, 0, 2), (0, 0, 0, 0), (1, 1, 1, 1)], HOSTILE, "{m}/{y}"),
    "trend": spark([0.8, None, 0.9], 1.0, HOSTILE),
    "realised": realised_bars(
        [Realised(HOSTILE, [Bar(HOSTILE, 5.0, HOSTILE, "wf-cut"), Bar("b", 2.0, "2", "mark", 1.0)])], HOSTILE
    ),
}


class _Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        """Notes an element; those that end at once are given to it too."""
        self.found.append((tag, dict(attrs)))


def elements_of(chart):
    """Returns the tag and the attributes of each element of a chart."""
    reader = _Elements()
    reader.feed(chart)
    reader.close()
    return reader.found


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_well_formed_and_hostile_texts_are_texts(name):
    (_, root), *shapes = elements_of(CHARTS[name])

    assert root["aria-label"] == HOSTILE
    assert {tag for tag, _ in shapes} <= {"rect", "line", "circle", "path", "text"}


@pytest.mark.parametrize("name", CHARTS)
def test_every_shape_has_its_colours_as_attributes_too(name):
    for _, attributes in elements_of(CHARTS[name])[1:]:
        assert "fill" in attributes or "stroke" in attributes, attributes
        assert "style" not in attributes


def test_the_steps_of_a_waterfall_have_lengths_in_proportion():
    steps = [
        Step("market", 100.0, "100", "wf", is_total=True),
        Step("cut", 25.0, "25", "wf-cut"),
        Step("lendable", 75.0, "75", "wf", is_total=True),
    ]
    widths = [float(width) for width in re.findall(r'<rect [^>]*?width="([\d.]+)"', waterfall(steps, ""))]

    assert widths == [160, 40, 120]


def test_the_parts_of_a_bridge_begin_where_the_part_before_ended_and_sum_to_the_whole():
    chart = bridge([Part("a", -30.0, ""), Part("b", 10.0, ""), Part("c", 0.0, "")], Part("whole", -20.0, ""), "")
    bars = [(float(x), float(width)) for x, width in re.findall(r'<rect x="([\d.]+)"[^>]*?width="([\d.]+)"', chart)]
    unit = (RIGHT - LEFT) / 30

    assert [round(place) for bar in bars for place in bar] == [
        round(place) for place in (LEFT, 30 * unit, LEFT, 10 * unit, LEFT + 10 * unit, 20 * unit)
    ]


def test_a_cascade_goes_below_zero_and_joins_bars_that_go_on():
    rows = [
        Row("a", 0.0, 30.0, "", "wf", is_total=True),
        Row("b", 30.0, -10.0, "", "mark"),
        Row("c", 0.0, 10.0, "", "f3"),
    ]

    chart, left, right = cascade(rows, ""), cascade_chart.LEFT, cascade_chart.RIGHT

    bars = [(float(x), float(width)) for x, width in re.findall(r'<rect x="([\d.]+)"[^>]*?width="([\d.]+)"', chart)]
    unit = (right - left) / 40
    places = [(left + at * unit, width * unit) for at, width in ((10, 30), (0, 40), (10, 10))]
    assert [round(one) for bar in bars for one in bar] == [round(one) for bar in places for one in bar]
    assert chart.count('class="wf-link"') == 1


@pytest.mark.parametrize(
    ("label", "shown"),
    [("Haircuts and rates", "Haircuts and rates"), ("x" * 30, "x" * 20 + "…"), ("准" * 12, "准" * 9 + "…")],
)
def test_a_label_of_a_cascade_is_cut_to_its_column(label, shown):
    assert f">{shown}</text>" in cascade([Row(label, 0.0, 1.0, "", "wf")], "")


def test_a_line_of_one_value_and_an_empty_book_can_be_drawn():
    assert "<path" in lines([Line("a", "lend", [(DAYS[0], 0.0)])], "", "{m}")
    assert "<path" in fall_curve([0, 0, 0], 1, "")
    assert "<svg" in distribution([], [], "")


@pytest.mark.parametrize("most", [0.002, 0.7, 1, 3, 7, 12, 99, 100, 101, 5_019_853, 4e12])
def test_an_axis_has_few_marks_that_reach_the_largest_value(most):
    marks = ticks(most)

    assert marks[0] == 0
    assert most <= marks[-1] <= 2.6 * most
    assert 2 <= len(marks) <= 6


def test_an_ltv_has_a_gap_where_nothing_was_owed():
    points = list(zip(DAYS, (0.8, None, 0.9), strict=True))
    drawn = [one for one in elements_of(ltv_lines(points, [], "", "{m}")) if one[1].get("class") == "lend"]

    assert len(drawn) == 2


def test_the_worst_level_stands_on_the_axis_and_the_areas_end_at_the_sum():
    areas = {
        attributes["class"]: [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", attributes["d"])]
        for tag, attributes in elements_of(level_areas(DAYS[:2], [(1, 0, 0, 1), (1, 0, 0, 1)], "", "{m}"))
        if tag == "path"
    }

    assert areas.keys() == {"f1", "f4"}
    assert max(areas["f4"]) == 222
    assert max(areas["f1"]) == min(areas["f4"])


def test_a_trend_needs_two_figures():
    assert not spark([0.8, None], 1.0, "")


def test_what_was_realised_and_estimated_have_one_scale_and_hatching_for_what_is_expected():
    sold = Realised("a", [Bar("market", 100.0, "100", "wf-cut"), Bar("net", 50.0, "50", "mark", 25.0)])
    waiting = Realised("b", [Bar("net", 0.0, "0", "mark", 10.0)])
    bars = [
        (float(one["width"]), one["class"])
        for tag, one in elements_of(realised_bars([sold, waiting], ""))
        if tag == "rect"
    ]

    assert bars == [(290, "wf-cut"), (145, "mark"), (72.5, "fu"), (1, "mark"), (29, "fu")]
