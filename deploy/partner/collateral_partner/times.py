"""Reads the times of a column: with their zone, or local times of a stated time zone.

A time is never guessed. Day and month are decided as for every date of a file; a local time that does not exist or
occurs twice, because clocks were changed, is refused. A date without a time of day is the start of that day.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from collateral_partner.tables.dates import WANTED as WANTED_DATE, read_dates
from collateral_partner.tables.errors import InvalidInput
from collateral_partner.tables.schema import CellKind

WANTED_FORM = "a time such as 2024-05-02 08:15, or its form in reading.time_format"
WANTED = "a time with its zone such as 2022-07-01T12:00:00Z"
WANTED_ZONE = f"{WANTED}, or the zone of local times in --time-zone or reading.time_zone"
SHOWN_LETTERS = 40
HALF_DAY_HOURS = 12

CLOCK = re.compile(
    r"""
    (?: T | ,?\ + ) (?P<hour>[0-9]{1,2}) : (?P<minute>[0-9]{2})
    (?: : (?P<second>[0-9]{2}) (?: [.,] (?P<fraction>[0-9]+) )? )?
    (?: \ ? (?P<half>[AaPp]) \.? [Mm] \.? )?
    (?: \ ? (?P<zone> Z | UTC | GMT | [+-][0-9]{2}:?(?:[0-9]{2})? ) )? $
    """,
    re.VERBOSE,
)
"""Time of day after a date, with its zone if it has one."""

CHINESE_CLOCK = re.compile(
    r"""
    (?: \ + | (?<=[日号]) ) (?P<half> [上下]午 )? \ ?
    (?P<hour>[0-9]{1,2})
    (?: [时点] (?: (?P<minute>[0-9]{1,2}) 分? (?: (?P<second>[0-9]{1,2}) 秒 )? )?
      | : (?P<clock_minute>[0-9]{2}) (?: : (?P<clock_second>[0-9]{2}) )? ) $
    """,
    re.VERBOSE,
)
"""Time of day after a date in Chinese: 8时15分, 8点, 下午2:15, and 8:15 directly after the day."""

DAY_CODES = ("%m %d", "%b %d", "%B %d", "%j")
YEAR_CODES = {"%Y", "%y"}
REFUSED_CODES = {"%c", "%x", "%X", "%Z", "%z", "%a", "%A", "%U", "%W", "%w", "%u", "%V", "%G"}
"""Codes that depend on the machine's language, state a zone or decide no day."""


@dataclass
class Times:
    """The times [n] of a column, None where there is none, and the reasons why cells were refused, by their index."""

    instants: list[datetime | None]
    wrong: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Local:
    """A day, and the time of day with its zone, as far as a cell states them."""

    day: date
    clock: time | None = None


_Read = _Local | str
"""What a cell states, or the rule that it violates."""


def read_times(
    cells: Sequence[str], zone: tzinfo | None, formats: Sequence[str] = (), day_zone: tzinfo | None = None
) -> Times:
    """Returns the times of a column [n] in UTC; empty cells stay empty.

    A local time is one of ``zone``, and a day without a time of day starts in ``day_zone``, by default the same one.
    ``formats`` are formats of strptime; without them the usual forms are read. A time in ISO form with its zone is
    always read. Raises UndecidedColumn if day and month cannot be distinguished.
    """
    distinct = dict.fromkeys(cells)
    distinct.pop("", None)
    read: dict[str, datetime | str] = {cell: found for cell in distinct if (found := _iso(_normal(cell)))}
    others = [cell for cell in distinct if cell not in read]
    local = {cell: _in_formats(_normal(cell), formats) for cell in others} if formats else _recognised(others)
    for cell, stated in local.items():
        instant = stated if isinstance(stated, str) else _instant(stated, zone if stated.clock else day_zone or zone)
        read[cell] = f"got {cell[:SHOWN_LETTERS]!r}, {instant}" if isinstance(instant, str) else instant
    times = Times([None] * len(cells))
    for at, cell in enumerate(cells):
        instant = read.get(cell, "")
        if isinstance(instant, datetime):
            times.instants[at] = instant
        elif instant:
            times.wrong[at] = instant
    return times


def check_format(text: str) -> None:
    """Raises InvalidInput if a format does not state one day, or depends on the machine's language."""
    codes = set(re.findall(r"%.", text))
    place, want = "reading.time_format", "the codes of a day such as %d.%m.%Y %H:%M"
    if codes & REFUSED_CODES:
        raise InvalidInput(place, f"{min(codes & REFUSED_CODES)} in {text!r}", want)
    if not any(codes.issuperset(group.split()) for group in DAY_CODES) or len(codes & YEAR_CODES) != 1:
        raise InvalidInput(place, repr(text), want)
    if ("%I" in codes) != ("%p" in codes) or ("%M" in codes and not codes & {"%H", "%I"}):
        raise InvalidInput(place, repr(text), "%H, or %I with %p, before %M")
    try:
        datetime.strptime(datetime(2024, 2, 1, tzinfo=UTC).strftime(text), text).replace(tzinfo=UTC)
    except (ValueError, re.error) as error:
        raise InvalidInput(place, repr(text), f"a format of strptime ({error})") from None


def _normal(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).strip()


def _iso(text: str) -> datetime | None:
    """Returns a time in ISO form with its zone, None for any other text."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None


def _in_formats(text: str, formats: Sequence[str]) -> _Read:
    """Returns the one reading of a text in the formats; several readings are refused."""
    found = set()
    for one in formats:
        try:
            read = datetime.strptime(text, _normal(one)).replace(tzinfo=UTC)
        except ValueError:
            continue
        found.add(_Local(read.date(), read.time() if re.search("%[HI]", one) else None))
    if len(found) == 1:
        return found.pop()
    listed = " or ".join(formats)
    return f"want one reading in {listed}" if found else f"want a time in the form {listed}"


def _recognised(cells: Sequence[str]) -> dict[str, _Read]:
    """Returns what cells in the usual forms state; raises UndecidedColumn if the order of day and month is open."""
    texts = [CHINESE_CLOCK.sub(_with_colons, _normal(cell)) for cell in cells]
    clocks = [CLOCK.search(text) for text in texts]
    days = [text[: clock.start()] if clock else text for text, clock in zip(texts, clocks, strict=True)]
    read = read_dates(days, CellKind.DATE, datetime.now(UTC).date())
    found: dict[str, _Read] = {}
    for at, (cell, day) in enumerate(zip(cells, read.cells, strict=True)):
        if day:
            found[cell] = _with_clock(date.fromisoformat(day), clocks[at])
        else:
            wanted = read.wrong.get(at, WANTED).rpartition("want ")[2]
            found[cell] = f"want {WANTED_FORM if wanted == WANTED_DATE else wanted}"
    return found


def _with_colons(clock: re.Match[str]) -> str:
    """Returns a Chinese time of day in the form of others, such as `` 2:15:00 PM``."""
    minute = clock["minute"] or clock["clock_minute"] or "0"
    second = clock["second"] or clock["clock_second"] or "0"
    half = {"上午": " AM", "下午": " PM", None: ""}[clock["half"]]
    return f" {clock['hour']}:{minute:0>2}:{second:0>2}{half}"


def _with_clock(day: date, clock: re.Match[str] | None) -> _Read:
    if clock is None:
        return _Local(day)
    hour, minute, second = (int(clock[name] or 0) for name in ("hour", "minute", "second"))
    if clock["half"]:
        if not 1 <= hour <= HALF_DAY_HOURS:
            return "want an hour from 1 to 12 before am or pm"
        hour = hour % HALF_DAY_HOURS + HALF_DAY_HOURS * (clock["half"] in "Pp")
    microsecond = int(f"{clock['fraction'] or '0':0<6.6}")
    try:
        return _Local(day, time(hour, minute, second, microsecond, _zone(clock["zone"])))
    except ValueError:
        return "want a time of day that exists, from 00:00 to 23:59:59"


def _zone(text: str | None) -> tzinfo | None:
    """Returns the zone stated in a cell; raises ValueError for an offset of a day or more."""
    if not text:
        return None
    if text[0] not in "+-":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:].lstrip(":") or 0))
    return timezone(-offset if text[0] == "-" else offset)


def _instant(local: _Local, zone: tzinfo | None) -> datetime | str:
    """Returns the instant of a time or of the start of a day, or the rule that it violates."""
    if local.clock is not None and local.clock.tzinfo is not None:
        return datetime.combine(local.day, local.clock).astimezone(UTC)
    if zone is None:
        return f"want {WANTED_ZONE}"
    if local.clock is None:
        start = datetime.combine(local.day, time(), zone).astimezone(UTC)
        return start if start.astimezone(zone).date() == local.day else f"want a day that exists in {zone}"
    first, second = (datetime.combine(local.day, local.clock.replace(fold=fold), zone) for fold in (0, 1))
    instant = first.astimezone(UTC)
    if first.utcoffset() == second.utcoffset():
        return instant
    if instant.astimezone(zone).time() != local.clock:
        return f"want a time that exists in {zone}, where clocks were set forward; or {WANTED}"
    readings = " or ".join(one.isoformat() for one in (first, second))
    return f"want {readings}: the local time occurs twice in {zone}, where clocks were set back"
