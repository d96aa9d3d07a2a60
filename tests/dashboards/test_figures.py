"""Figures: exact CSV, honest gaps, safe JSON, and plotly.js found without importing plotly."""

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import figures
from dashboards.figures import heat_figure, months_figure, plotly_js_path
from dashboards.messages import messages_in
from dashboards.svg.heat import HourGrid
from dashboards.svg.months import MonthPoint
from domain.errors import NotFoundError
from domain.period import Month

EN = messages_in()
MARCH = MonthPoint(Month(2024, 3), 412_345_678, None, 93_190_123_228, None, 31, 31)
APRIL = MonthPoint(Month(2024, 4), None, None, None, None, 0, 30)
MAY = replace(MARCH, month=Month(2024, 5), exported_micro=120_000_000, avoided_ug_co2e=27_120_000_000, days_measured_count=17)


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a CSV text."""
    return list(csv.DictReader(io.StringIO(text)))


def grid(value_micro: int | None) -> HourGrid:
    """Two days, one hour of which holds the value, the others 1 kWh."""
    day: tuple[int | None, ...] = (1_000_000,) * 24
    return HourGrid(date(2024, 3, 9), (day, (value_micro, *day[1:])))


def test_csv_of_months_is_exact() -> None:
    """Amounts are exact decimals in the unit of their column; what is not measured is empty."""
    first, second, third = rows_of(months_figure([MARCH, APRIL, MAY], EN).csv)
    assert (first["delivered_kwh"], first["gross_location_kg_co2e"]) == ("412.345678", "93.190123228")
    assert (second["delivered_kwh"], second["gross_location_kg_co2e"], second["days_measured"]) == ("", "", "0")
    assert (third["exported_kwh"], third["avoided_kg_co2e"], third["days_expected"]) == ("120", "27.12", "31")


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=30))
def test_csv_of_months_reads_back(amounts_micro: list[int]) -> None:
    """Every amount comes back as it was."""
    points = [replace(MARCH, month=Month(2020, 1).plus(i), delivered_micro=a) for i, a in enumerate(amounts_micro)]
    read = [Fraction(row["delivered_kwh"]) * 1_000_000 for row in rows_of(months_figure(points, EN).csv)]
    assert read == amounts_micro


def test_months_table_tells_gaps_from_zero() -> None:
    """The table says "not measured" where nothing was, and 0 where zero was measured."""
    zero = replace(APRIL, delivered_micro=0, gross_ug_co2e=0, days_measured_count=30)
    table = months_figure([APRIL, zero], EN).table
    assert table.rows[0][1:4] == ("not measured", "not measured", "not measured")
    assert table.rows[1][1:4] == ("0", "not measured", "0")


def test_table_rows_fit_their_header() -> None:
    """Every row has as many cells as the header."""
    for figure in (months_figure([MARCH, APRIL, MAY], EN), heat_figure(grid(None), EN)):
        assert {len(row) for row in figure.table.rows} == {len(figure.table.header)}


def test_months_are_described_in_words() -> None:
    """A screen reader hears highest and lowest."""
    low = replace(MARCH, month=Month(2024, 6), delivered_micro=1_000_000)
    picture = str(months_figure([MARCH, low], EN).wide).replace("\u00a0", " ")
    assert "2 months measured; highest March 2024 with 412 kWh, lowest June 2024 with 1.00 kWh." in picture


def test_gap_is_hatched_and_said() -> None:
    """A month without data carries hatch and words, one with some days only the hatch."""
    whole, absent, part = (str(months_figure([point], EN).wide) for point in (MARCH, APRIL, MAY))
    assert [text.count("url(#months-w-h)") for text in (whole, absent, part)] == [0, 2, 2]
    assert [">not measured</text>" in text for text in (whole, absent, part)] == [False, True, False]


def test_line_is_broken_at_a_gap() -> None:
    """The emission line does not run across a month that is not measured."""
    after = replace(MARCH, month=Month(2024, 5))
    drawn = str(months_figure([MARCH, APRIL, after], EN).wide)
    line = drawn.split('class="line-mass"', maxsplit=1)[0].rsplit('d="', 1)[1]
    assert line.count("M") == 2


def test_legend_follows_the_data() -> None:
    """Exports and gaps stand in the legend only where they are."""
    assert len(months_figure([MARCH], EN).legend) == 2
    assert [entry.mark for entry in months_figure([MARCH, MAY], EN).legend][2:] == ["key-export", "key-avoided", "key-hatch"]


def test_hours_csv_has_every_hour() -> None:
    """One row for each hour; an hour that was not measured is empty, zero is 0."""
    absent, zero = rows_of(heat_figure(grid(None), EN).csv), rows_of(heat_figure(grid(0), EN).csv)
    assert len(absent) == len(zero) == 48
    assert (absent[24]["date"], absent[24]["hour"], absent[24]["electricity_kwh"]) == ("2024-03-10", "0", "")
    assert zero[24]["electricity_kwh"] == "0"


def test_hours_are_heavy_and_months_are_not() -> None:
    """The hour figure is fetched when wanted; the monthly one stands in the page."""
    assert heat_figure(grid(0), EN).is_heavy
    assert not months_figure([MARCH], EN).is_heavy


@pytest.mark.parametrize("figure", [months_figure([MARCH, APRIL, MAY], EN), heat_figure(grid(None), EN)], ids=["months", "hours"])
def test_plotly_json_has_data_and_layout(figure: figures.Figure) -> None:
    """The drawing is JSON with both parts, gaps as null, colours by name."""
    drawing = json.loads(figure.plotly_json)
    assert set(drawing) == {"data", "layout"}
    assert "null" in figure.plotly_json
    assert "var(--data-energy)" in figure.plotly_json


def test_plotly_block_cannot_leave_its_script() -> None:
    """No "<" stands in the block, and it still says the same."""
    figure = replace(months_figure([MARCH], EN), write_plotly=lambda: '{"a":"</script><!--"}')
    assert "<" not in figure.plotly_block
    assert json.loads(figure.plotly_block) == {"a": "</script><!--"}


def test_plotly_js_is_in_the_installed_package() -> None:
    """The file is there, is plotly.js, and its version is the package's."""
    asset = plotly_js_path()
    assert "plotly.js v" in asset.path.read_text(encoding="utf-8")[:400]
    assert asset.version.split(".")[0] == "7"


def test_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the message names the file and the next step."""
    monkeypatch.setattr("dashboards.figures.util.find_spec", dict[str, None]().get)
    with pytest.raises(NotFoundError, match=r"expected plotly.min.js in the installed package plotly; got no package\. Install"):
        plotly_js_path()


def test_figures_do_not_import_plotly() -> None:
    """Drawing figures costs no import of plotly."""
    program = (
        "import sys, dashboards.preview as p, dashboards.messages as m; p.pages(m.messages_in()); print('plotly' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_policy_allows_no_inline_script() -> None:
    """Scripts come from here alone; style has one hash and no "unsafe" word."""
    policy = figures.CONTENT_SECURITY_POLICY
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert policy.count("sha256-") == 1


def test_emissions_stand_by_ring_where_more_than_the_home_is_known() -> None:
    """Legend, table, CSV, picture and drawing have the three rings, and their sum is the month's label."""
    point = replace(MARCH, gross_ug_co2e=300_000_000_000, rings_ug_co2e=(93_000_000_000, 147_000_000_000, 60_000_000_000))
    figure = months_figure([point, replace(MARCH, month=Month(2024, 4), rings_ug_co2e=(93_190_123_228, None, None))], EN)
    assert [entry.mark for entry in figure.legend] == ["key-energy", "key-home", "key-travel", "key-food"]
    assert figure.table.header[3:7] == ("Home, kg CO2e", "Travel, kg CO2e", "Food & things, kg CO2e", "Emissions, kg CO2e")
    assert figure.table.rows[0][3:7] == ("93.0", "147", "60.0", "300")
    assert figure.table.rows[1][3:7] == ("93.2", "not measured", "not measured", "93.2")
    first, second = rows_of(figure.csv)
    assert (first["home_kg_co2e"], first["travel_kg_co2e"], first["food_and_things_kg_co2e"]) == ("93", "147", "60")
    assert (second["home_kg_co2e"], second["travel_kg_co2e"]) == ("93.190123228", "")
    drawn = str(figure.wide)
    assert [drawn.count(f'class="bar-{name}"') for name in ("energy", "home", "travel", "food")] == [2, 2, 1, 1]
    assert "line-mass" not in drawn
    assert ">300</text>" in drawn
    assert "Emissions in all: home 186 kg CO2e, travel 147 kg CO2e, food and things 60.0 kg CO2e." in drawn.replace("\u00a0", " ")
    names = [trace["name"] for trace in json.loads(figure.plotly_json)["data"]]
    assert names == ["Electricity used", "Home", "Travel", "Food & things"]


def test_heights_of_rings_are_their_shares() -> None:
    """Bars by ring stand on each other, as high as their amounts."""
    point = replace(MARCH, gross_ug_co2e=300_000_000_000, rings_ug_co2e=(100_000_000_000, 150_000_000_000, 50_000_000_000))
    drawn = str(months_figure([point], EN).wide)
    found = {
        name: [float(re.search(rf'{field}="([0-9.]+)"', bar)[1]) for field in (" y", "height")]  # type: ignore[index]
        for name in ("home", "travel", "food")
        for bar in re.findall(rf'<rect [^>]*class="bar-{name}"[^>]*>', drawn)
    }
    heights = {name: high + 1 for name, (_, high) in found.items()}
    assert heights["travel"] / heights["home"] == pytest.approx(1.5, rel=0.02)
    assert heights["food"] / heights["home"] == pytest.approx(0.5, rel=0.02)
    assert found["home"][0] > found["travel"][0] > found["food"][0]


def test_without_a_meter_emissions_stand_alone() -> None:
    """Somebody who only travels sees one panel, its months not hatched; a month without anything is."""
    trip = replace(APRIL, gross_ug_co2e=50_000_000_000, rings_ug_co2e=(None, 50_000_000_000, None))
    figure = months_figure([trip, replace(APRIL, month=Month(2024, 5))], EN)
    assert figure.title == "Emissions by month"
    drawn = str(figure.wide)
    assert "Electricity, kWh" not in drawn
    assert drawn.count("url(#months-w-h)") == 1
    assert drawn.count(">not measured</text>") == 1
    assert [entry.mark for entry in figure.legend] == ["key-home", "key-travel", "key-food", "key-hatch"]
    drawing = json.loads(figure.plotly_json)
    assert "yaxis" not in drawing["layout"]
    assert [note["yref"] for note in drawing["layout"]["annotations"]] == ["y2"]


def test_refund_hangs_below_the_line() -> None:
    """A ring below zero is drawn downwards, and the scale reaches it."""
    point = replace(MARCH, gross_ug_co2e=40_000_000_000, rings_ug_co2e=(100_000_000_000, None, -60_000_000_000))
    drawn = str(months_figure([point], EN).wide)
    bars = {name: re.search(rf'<rect [^>]*? y="([0-9.]+)"[^>]*class="bar-{name}"', drawn) for name in ("home", "food")}
    assert bars["home"] is not None
    assert bars["food"] is not None
    assert float(bars["food"][1]) > float(bars["home"][1])
    assert "−100" in drawn or "−50" in drawn
