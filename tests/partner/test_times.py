"""Times of partner files are read as written, or refused: never as another time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from collateral_partner.tables.canonical import UndecidedColumn
from collateral_partner.tables.errors import InvalidInput
from collateral_partner.times import check_format, read_times

BERLIN, SHANGHAI, HAVANA, APIA = map(ZoneInfo, ("Europe/Berlin", "Asia/Shanghai", "America/Havana", "Pacific/Apia"))


def read(cell, zone=None, *formats):
    """Returns the time of a cell in ISO form, or the reason why it is refused."""
    found = read_times([cell], zone, formats)
    return found.wrong.get(0) or f"{found.instants[0]:%Y-%m-%dT%H:%M:%S.%fZ}".replace(".000000Z", "Z")


@pytest.mark.parametrize(
    ("cell", "zone", "instant"),
    [
        ("2024-05-02T08:15:00Z", None, "2024-05-02T08:15:00Z"),
        ("2024-05-02T08:15:00+08:00", BERLIN, "2024-05-02T00:15:00Z"),
        ("2024-05-02 08:15 +0200", None, "2024-05-02T06:15:00Z"),
        ("2024-05-02 08:15:00 UTC", BERLIN, "2024-05-02T08:15:00Z"),
        ("2024-05-02T08:15:00", SHANGHAI, "2024-05-02T00:15:00Z"),
        ("2024-05-02 08:15:30.25", SHANGHAI, "2024-05-02T00:15:30.250000Z"),
        ("2024年5月2日 08:15", SHANGHAI, "2024-05-02T00:15:00Z"),
        ("2024年5月2日08:15:30", SHANGHAI, "2024-05-02T00:15:30Z"),
        ("2024年5月2日 8时5分30秒", SHANGHAI, "2024-05-02T00:05:30Z"),
        ("2024-05-02 8点15", SHANGHAI, "2024-05-02T00:15:00Z"),
        ("2024年5月2日下午2时", SHANGHAI, "2024-05-02T06:00:00Z"),
        ("2024/5/2 上午12:15", SHANGHAI, "2024-05-01T16:15:00Z"),
        ("2024/5/2 8:15", SHANGHAI, "2024-05-02T00:15:00Z"),
        ("2024/5/2\u30008\uff1a15", SHANGHAI, "2024-05-02T00:15:00Z"),
        ("02.05.2024 08:15", BERLIN, "2024-05-02T06:15:00Z"),
        ("5/13/2024 12:05 am", BERLIN, "2024-05-12T22:05:00Z"),
        ("5/13/2024 12:05 pm", BERLIN, "2024-05-13T10:05:00Z"),
        ("2 May 2024 08:15", BERLIN, "2024-05-02T06:15:00Z"),
        ("2024-05-02", SHANGHAI, "2024-05-01T16:00:00Z"),
        ("20240502", SHANGHAI, "2024-05-01T16:00:00Z"),
        ("2024-03-10", HAVANA, "2024-03-10T05:00:00Z"),
        ("2024-11-03", HAVANA, "2024-11-03T04:00:00Z"),
    ],
)
def test_a_time_is_read_in_its_own_zone_or_the_stated_one(cell, zone, instant):
    assert read(cell, zone) == instant


@pytest.mark.parametrize(
    ("cell", "zone", "rule"),
    [
        ("2024-05-02T08:15:00", None, "got '2024-05-02T08:15:00', want a time with its zone such as"),
        ("2024-05-02", None, "or the zone of local times in --time-zone"),
        ("2024-03-31 02:30", BERLIN, "want a time that exists in Europe/Berlin, where clocks were set forward"),
        ("2024-10-27 02:30", BERLIN, "want 2024-10-27T02:30:00+02:00 or 2024-10-27T02:30:00+01:00: the local time oc"),
        ("2011-12-30", APIA, "want a day that exists in Pacific/Apia"),
        ("2024-02-30 08:00", BERLIN, "want a date such as 2020-01-05 that exists"),
        ("2024-05-02 24:00", BERLIN, "want a time of day that exists"),
        ("2024-05-02 13:00 pm", BERLIN, "want an hour from 1 to 12"),
        ("45414.34", BERLIN, "it may be a spreadsheet's serial number"),
        ("yesterday", BERLIN, "want a time such as 2024-05-02 08:15, or its form in reading.time_format"),
        ("2024-05-02 0815", BERLIN, "want a time such as 2024-05-02 08:15, or its form in reading.time_format"),
        ("2024年5月2日 下午14时15分", SHANGHAI, "want an hour from 1 to 12"),
        ("2024年5月2日 8点半", SHANGHAI, "want a time such as"),
    ],
)
def test_a_time_that_is_no_single_instant_is_refused(cell, zone, rule):
    found = read(cell, zone)

    assert found.startswith(f"got {cell!r}, ")
    assert rule in found


def test_the_other_side_of_a_clock_change_is_read():
    assert read("2024-03-31 01:59", BERLIN) == "2024-03-31T00:59:00Z"
    assert read("2024-03-31 03:00", BERLIN) == "2024-03-31T01:00:00Z"
    assert read("2024-10-27 03:00", BERLIN) == "2024-10-27T02:00:00Z"
    assert read("2024-10-27T02:30:00+01:00", BERLIN) == "2024-10-27T01:30:00Z"


def test_the_order_of_day_and_month_is_that_of_the_column_or_of_the_stated_form():
    with pytest.raises(UndecidedColumn, match="01/02/2024, but day and month cannot be distinguished"):
        read_times(["", "01/02/2024 08:00"], BERLIN)
    column = read_times(["01/02/2024", "13/02/2024"], BERLIN)

    assert column.instants[0] == datetime(2024, 1, 31, 23, tzinfo=UTC)
    assert read("01/02/2024", BERLIN, "%d/%m/%Y") == "2024-01-31T23:00:00Z"
    assert read("01/02/2024", BERLIN, "%m/%d/%Y") == "2024-01-01T23:00:00Z"


def test_a_cell_must_have_one_reading_in_the_stated_forms():
    forms = ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")

    assert read("13/02/2024 08:00", BERLIN, *forms) == "2024-02-13T07:00:00Z"
    assert read("02/02/2024 08:00", BERLIN, *forms) == "2024-02-02T07:00:00Z"
    assert "want one reading in" in read("01/02/2024 08:00", BERLIN, *forms)
    assert "want a time in the form %d/%m/%Y %H:%M or" in read("2024-02-01", BERLIN, *forms)
    assert read("2024-02-01T08:00:00Z", BERLIN, *forms) == "2024-02-01T08:00:00Z"


@pytest.mark.parametrize("form", ["%d.%m.%Y %H:%M", "%Y年%m月%d日", "%y%j", "%d %b %Y %I:%M %p", "%d.%m.%Y %H时%M分"])
def test_a_form_that_states_one_day_is_accepted(form):
    check_format(form)


@pytest.mark.parametrize(
    "form",
    ["", "%H:%M", "%d.%m", "%Y-%m", "%d.%m.%Y %M", "%d.%m.%Y %I:%M", "%c", "%d.%m.%Y %Z", "%d.%m.%Y %y", "%d.%m.%Y %"],
)
def test_a_form_that_leaves_the_day_or_the_hour_open_is_refused(form):
    with pytest.raises(InvalidInput, match=r"reading\.time_format: got"):
        check_format(form)


@given(
    st.integers(946_684_800_000_000, 1_893_456_000_000_000),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tehran"]),
)
def test_every_instant_written_in_local_time_is_read_as_itself_or_refused(microseconds, name):
    zone = ZoneInfo(name)
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    cell = f"{instant.astimezone(zone):%Y-%m-%d %H:%M:%S.%f}"
    found = read_times([cell], zone)

    assert found.instants[0] == instant or "occurs twice" in found.wrong[0]
