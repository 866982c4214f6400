"""What the owner's figures are made of, read from the book: a fixed number of statements.

Nobody's name is read here, and no row is about one person: the rows are sums by month. A
month with a single booking tells of that booking; but figures are for those who run the
house, who see each booking itself on the pages beside this one. So small counts are not
hidden here, as they are on the page of visits, whose visitors the house doesn't know.

Months are numbers, `year * 12 + month - 1`, so that they can be counted on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.booking.models import (
    CANCELLED,
    CONFIRMED,
    Block,
    ClosedRow,
    Night,
    OfferRow,
    Reservation,
    ReservationLine,
    SessionPlaces,
)
from app.core.database import db, table

_line, _reservation = table(ReservationLine), table(Reservation)
_night, _places, _offer = table(Night), table(SessionPlaces), table(OfferRow)
_block, _closed = table(Block), table(ClosedRow)

_OFFSETS_SINCE, _WEEK = 2000, timedelta(days=7)
_EXTRAS = ("extra", "fee", "discount")


@dataclass(frozen=True, slots=True)
class Months:
    """Months in a row, from `first` up to `end`, which isn't one of them, in a zone."""

    first: int
    end: int
    zone: ZoneInfo

    @property
    def begins(self) -> date:
        """The first day."""
        return first_day(self.first)

    @property
    def ends(self) -> date:
        """The day after the last."""
        return first_day(self.end)

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """When they begin and end by the clock of the place, in UTC."""
        return midnight(self.begins, self.zone), midnight(self.ends, self.zone)


def month_of(day: date) -> int:
    """Return the number of a day's month."""
    return day.year * 12 + day.month - 1


def first_day(month: int) -> date:
    """Return the first day of a month."""
    return date(month // 12, month % 12 + 1, 1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins in a zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


# -- Nights ---------------------------------------------------------------------------------


def offers() -> Sequence[Any]:
    """Return every offer there is, on sale or not: id, slug, kind, units, texts, on_sale."""
    columns = (_offer.c.id, _offer.c.slug, _offer.c.kind, _offer.c.units, _offer.c.texts)
    query = sa.select(*columns, _offer.c.on_sale).order_by(_offer.c.position, _offer.c.id)
    return db.session.execute(query).all()


def stays_in_a_month(months: Months, currency: str) -> Sequence[Any]:
    """Return confirmed stays that arrive and depart in one month, summed.

    By offer, month of arrival, number of nights and whether the price is in `currency`:
    offer_id, month, nights, ours, stays, minor.
    """
    month = _month(_line.c.arrive).label("month")
    ours = (_reservation.c.currency == currency).label("ours")
    nights = _line.c.quantity.label("nights")
    query = (
        _confirmed_stays(months)
        .with_only_columns(
            _line.c.offer_id,
            month,
            nights,
            ours,
            sa.func.count().label("stays"),
            sa.func.sum(_line.c.total_minor).label("minor"),
        )
        .where(_same_month())
        .group_by(_line.c.offer_id, month, nights, ours)
    )
    return db.session.execute(query).all()


def stays_across_months(months: Months, currency: str) -> Sequence[Any]:
    """Return the other confirmed stays one by one: offer_id, arrive, nights, ours, each, nightly.

    Where every night costs the same, `each` says how much, and the prices of the nights
    are left where they are: to read them all is most of what a large book costs.
    """
    even = _line.c.unit_minor * _line.c.quantity == _line.c.total_minor
    query = (
        _confirmed_stays(months)
        .with_only_columns(
            _line.c.offer_id,
            _line.c.arrive,
            _line.c.quantity.label("nights"),
            (_reservation.c.currency == currency).label("ours"),
            sa.case((even, _line.c.unit_minor)).label("each"),
            sa.case((even, sa.null()), else_=_line.c.nightly).label("nightly"),
        )
        .where(~_same_month())
    )
    return db.session.execute(query).all()


def stays_on_closed_days(months: Months) -> Sequence[Any]:
    """Return confirmed stays, whole, in nights on which their offer is closed."""
    met = sa.exists().where(
        _closed.c.offer_id == _line.c.offer_id,
        _closed.c.first < _line.c.depart,
        _closed.c.until > _line.c.arrive,
    )
    columns = (_line.c.offer_id, _line.c.arrive, _line.c.depart)
    return db.session.execute(_confirmed_stays(months).with_only_columns(*columns).where(met)).all()


def blocks(months: Months) -> Sequence[Any]:
    """Return the blocks of units that reach into the months: offer_id, first, until."""
    query = sa.select(_block.c.offer_id, _block.c.first, _block.c.until)
    return db.session.execute(
        query.where(_block.c.first < months.ends, _block.c.until > months.begins)
    ).all()


def closed(months: Months) -> Sequence[Any]:
    """Return the closed days that reach into the months: offer_id, first, until."""
    query = sa.select(_closed.c.offer_id, _closed.c.first, _closed.c.until)
    return db.session.execute(
        query.where(_closed.c.first < months.ends, _closed.c.until > months.begins)
    ).all()


def known_nights() -> Sequence[Any]:
    """Return from which night to which there are counters: offer_id, first, last."""
    first, last = sa.func.min(_night.c.night), sa.func.max(_night.c.night)
    query = sa.select(_night.c.offer_id, first.label("first"), last.label("last"))
    return db.session.execute(query.group_by(_night.c.offer_id)).all()


def other_capacities(months: Months) -> Sequence[Any]:
    """Return nights on which an offer had another number of units than today: few, mostly none.

    offer_id, night, capacity.
    """
    query = (
        sa.select(_night.c.offer_id, _night.c.night, _night.c.capacity)
        .join(_offer, _offer.c.id == _night.c.offer_id)
        .where(
            _night.c.night >= months.begins,
            _night.c.night < months.ends,
            _night.c.capacity != _offer.c.units,
        )
    )
    return db.session.execute(query).all()


def _confirmed_stays(months: Months) -> sa.Select[Any]:
    return (
        sa.select()
        .select_from(_line.join(_reservation, _reservation.c.id == _line.c.reservation_id))
        .where(
            _line.c.kind == "stay",
            _line.c.arrive < months.ends,
            _line.c.depart > months.begins,
            _reservation.c.status == CONFIRMED,
        )
    )


def _same_month() -> sa.ColumnElement[bool]:
    return _month(_line.c.arrive) == _month(_line.c.depart)


# -- Seats ----------------------------------------------------------------------------------


def seats_sold(months: Months, currency: str) -> Sequence[Any]:
    """Return confirmed seats by offer and start: offer_id, starts_at, seats, minor."""
    begins, ends = months.instants
    ours = sa.case((_reservation.c.currency == currency, _line.c.total_minor), else_=0)
    query = (
        sa.select(
            _line.c.offer_id,
            _line.c.starts_at,
            sa.func.sum(_line.c.quantity).label("seats"),
            sa.func.sum(ours).label("minor"),
        )
        .join(_reservation, _reservation.c.id == _line.c.reservation_id)
        .where(
            _line.c.kind == "session",
            _line.c.starts_at >= begins,
            _line.c.starts_at < ends,
            _reservation.c.status == CONFIRMED,
        )
        .group_by(_line.c.offer_id, _line.c.starts_at)
    )
    return db.session.execute(query).all()


def counted_starts(months: Months) -> Sequence[Any]:
    """Return the starts that somebody ever booked: offer_id, starts_at, capacity."""
    begins, ends = months.instants
    query = sa.select(_places.c.offer_id, _places.c.starts_at, _places.c.capacity)
    return db.session.execute(
        query.where(_places.c.starts_at >= begins, _places.c.starts_at < ends)
    ).all()


def known_starts() -> Sequence[Any]:
    """Return from which start to which a session was ever booked: offer_id, first, last."""
    first, last = (
        sa.type_coerce(pick(_places.c.starts_at), _places.c.starts_at.type)
        for pick in (sa.func.min, sa.func.max)
    )
    query = sa.select(_places.c.offer_id, first.label("first"), last.label("last"))
    return db.session.execute(query.group_by(_places.c.offer_id)).all()


# -- Bookings -------------------------------------------------------------------------------


def bookings(months: Months, offer_id: int | None) -> Sequence[Any]:
    """Return how many confirmed bookings begin in each month, were booked so many days before.

    month, days, source, bookings; only those with a line of `offer_id`, if it is given.
    """
    return _before(months, offer_id, CONFIRMED, _reservation.c.created_at)


def cancellations(months: Months, offer_id: int | None) -> Sequence[Any]:
    """Return how many bookings would have begun in each month, cancelled so many days before."""
    return _before(months, offer_id, CANCELLED, _reservation.c.cancelled_at)


def extras(months: Months, currency: str) -> Sequence[Any]:
    """Return extras, fees and discounts of confirmed bookings by month: month, minor."""
    month = _month(_local_day(_reservation.c.first_start, months)).label("month")
    query = (
        sa.select(
            month,
            sa.func.sum(_line.c.total_minor).label("minor"),
        )
        .join(_reservation, _reservation.c.id == _line.c.reservation_id)
        .where(
            _line.c.kind.in_(_EXTRAS),
            _reservation.c.status == CONFIRMED,
            _reservation.c.currency == currency,
            *_begins_in(months),
        )
        .group_by(month)
    )
    return db.session.execute(query).all()


def _before(
    months: Months, offer_id: int | None, status: str, when: sa.ColumnElement[Any]
) -> Sequence[Any]:
    begins = _local_day(_reservation.c.first_start, months)
    days = _days_between(_local_day(when, months), begins).label("days")
    month = _month(begins).label("month")
    query = (
        sa.select(
            month,
            days,
            _reservation.c.source,
            sa.func.count().label("bookings"),
        )
        .where(_reservation.c.status == status, *_begins_in(months))
        .group_by(month, days, _reservation.c.source)
    )
    if offer_id is not None:
        of_it = sa.exists().where(
            _line.c.reservation_id == _reservation.c.id, _line.c.offer_id == offer_id
        )
        query = query.where(of_it)
    return db.session.execute(query).all()


def _begins_in(months: Months) -> tuple[sa.ColumnElement[bool], ...]:
    begins, ends = months.instants
    return _reservation.c.first_start >= begins, _reservation.c.first_start < ends


# -- Days by the clock of the place -----------------------------------------------------------


def _is_sqlite() -> bool:
    return db.session.connection().dialect.name == "sqlite"


def _month(day: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """Return a day's month, such as "2031-06".

    SQLite has days as text, and to cut it takes half as long as to read a date in it.
    """
    if not _is_sqlite():
        return sa.func.to_char(day, "YYYY-MM", type_=sa.String)
    return sa.func.substr(day, 1, 7, type_=sa.String)


def _local_day(instant: sa.ColumnElement[Any], months: Months) -> sa.ColumnElement[Any]:
    """Return the day of an instant by the clock of the place.

    SQLite knows no zones, so it is told the offsets: the last first, which most rows meet.
    """
    if not _is_sqlite():
        return sa.cast(sa.func.timezone(months.zone.key, instant), sa.Date)
    oldest, *later = offsets(months.zone, first_day(months.end).year)
    whens = [(instant >= since, f"{seconds:+d} seconds") for since, seconds in reversed(later)]
    otherwise = f"{oldest[1]:+d} seconds"
    shift = sa.case(*whens, else_=otherwise) if whens else otherwise
    return sa.func.date(instant, shift, type_=sa.Date)


def _days_between(before: sa.ColumnElement[Any], after: sa.ColumnElement[Any]) -> Any:
    """Return how many days lie between two days."""
    if not _is_sqlite():
        return after - before
    return sa.cast(sa.func.julianday(after) - sa.func.julianday(before), sa.Integer)


@lru_cache(maxsize=64)
def offsets(zone: ZoneInfo, year: int) -> tuple[tuple[datetime, int], ...]:
    """Return a zone's offsets in seconds up to the end of a year, each with its first instant.

    They begin with the year 2000, before which nobody booked here.
    """
    day = datetime(_OFFSETS_SINCE, 1, 1, tzinfo=UTC)
    found = [(day, _offset(day, zone))]
    while day.year <= year:
        after = day + _WEEK
        if _offset(after, zone) != found[-1][1]:
            found.append((_change(day, after, zone), _offset(after, zone)))
        day = after
    return tuple(found)


def _offset(instant: datetime, zone: ZoneInfo) -> int:
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the second from which a zone's offset is another, between two instants."""
    old = _offset(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=int((after - before).total_seconds()) // 2)
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after


def days_of(first: date, until: date, months: Months) -> Iterator[date]:
    """Yield the days from one up to another, as far as they are in the months."""
    day, last = max(first, months.begins), min(until, months.ends)
    while day < last:
        yield day
        day += timedelta(days=1)
