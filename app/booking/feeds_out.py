"""What partners are told: which nights or times are taken, and nothing else (C22).

Nights next to each other are one event, whoever takes them: where one guest's stay ends and
the next begins is nothing that a partner needs, and a length of stay with its day of arrival
is often enough to recognise somebody. An event's name is a keyed digest of the calendar and
the nights: it says nothing of a reservation, and two partners who lay their calendars beside
each other can't join them by it. Nights that are taken otherwise are another event with
another name, so no event is ever changed: its SEQUENCE stays 0, and its DTSTAMP is the
calendar's own, which tells nobody when somebody booked.
"""

import hmac
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app

from app.booking.availability import free_nights, free_seats
from app.booking.calendars import CalendarEvent, calendar_file
from app.booking.catalogue import Closed, SessionOffer, StayOffer
from app.booking.feeds import Span, nights_of, spans_of
from app.booking.models import (
    HELD,
    Block,
    Feed,
    Reservation,
    ReservationLine,
    Seating,
    SessionPlaces,
)
from app.booking.shop import Shop
from app.config import Settings
from app.core.database import db, table
from app.core.vault import derive

BUSY = "Busy"
MONTHS_AHEAD = 18
_seating, _line, _reservation = table(Seating), table(ReservationLine), table(Reservation)
_block, _feed, _places = table(Block), table(Feed), table(SessionPlaces)

Times = list[tuple[datetime, datetime]]


def window(today: date) -> Span:
    """Return the days that calendars speak of.

    The edges move once a month: a span that reaches over one doesn't change each night.
    What was over before today is left out of what is told all the same.
    """
    return _month(today, -1), _month(today, MONTHS_AHEAD + 1)


def _month(day: date, ahead: int) -> date:
    index = day.year * 12 + day.month - 1 + ahead
    return date(index // 12, index % 12 + 1, 1)


def busy(feed: Feed, here: Shop, *, now: datetime) -> tuple[list[Span], Times]:
    """Return the days and the times that a partner is told are taken, each in their order."""
    zone, catalogue = here.venue.zone, here.catalogue
    today = now.astimezone(zone).date()
    first, last = window(today)
    times: Times = []
    offer: StayOffer | SessionOffer | None = catalogue.stays_by_id.get(feed.offer_id)
    if isinstance(offer, StayOffer):
        taken = _unit_nights if feed.unit_id is not None else _offer_nights
        nights = taken(feed, offer, first, last, now=now)
    else:
        offer, nights = catalogue.sessions_by_id[feed.offer_id], set()
        times = _sold_out(offer, today, last, here, now=now)
    nights |= nights_of(_within(offer.closed, first, last))
    if (closes := here.venue.closes_on) is not None:
        # A place that closes down sells no night from its last day on.
        nights |= nights_of([(max(first, closes), last)])
    return [span for span in spans_of(nights) if span[1] > today], times


def _unit_nights(
    feed: Feed, offer: StayOffer, first: date, last: date, *, now: datetime
) -> set[date]:
    """Return the nights on which somebody has the unit, but for what came from the partner."""
    query = (
        sa.select(_seating.c.night)
        .select_from(_seating)
        .outerjoin(_line, _line.c.id == _seating.c.line_id)
        .outerjoin(_reservation, _reservation.c.id == _line.c.reservation_id)
        .outerjoin(_block, _block.c.id == _seating.c.block_id)
        .outerjoin(_feed, _feed.c.id == _block.c.feed_id)
        .where(
            _seating.c.unit_id == feed.unit_id,
            _seating.c.night >= first,
            _seating.c.night < last,
            sa.or_(_feed.c.channel.is_(None), _feed.c.channel != feed.channel),
            # A hold that ran out has nothing any more, though nobody has tidied it yet.
            sa.or_(
                _reservation.c.status.is_(None),
                _reservation.c.status != HELD,
                _reservation.c.held_until > now,
            ),
        )
    )
    return set(db.session.scalars(query))


def _offer_nights(
    feed: Feed, offer: StayOffer, first: date, last: date, *, now: datetime
) -> set[date]:
    """Return the nights on which no unit is left, but for those that the partner itself has."""
    free = free_nights([offer], first, last, now=now)
    own: dict[date, int] = {}
    query = (
        sa.select(_block.c.first, _block.c.until)
        .join(_feed, _feed.c.id == _block.c.feed_id)
        .where(
            _block.c.offer_id == offer.id,
            _block.c.first < last,
            _block.c.until > first,
            _feed.c.channel == feed.channel,
        )
    )
    for begin, end in db.session.execute(query):
        for night in nights_of([(begin, end)]):
            own[night] = own.get(night, 0) + 1
    return {night for (_, night), left in free.left.items() if left + own.get(night, 0) <= 0}


def _sold_out(offer: SessionOffer, today: date, last: date, here: Shop, *, now: datetime) -> Times:
    """Return the sessions from today on that have no seat left."""
    zone = here.venue.zone
    begin, end = (datetime.combine(day, time(), tzinfo=zone) for day in (today, last))
    free = free_seats([offer], begin, end, now=now)
    length = timedelta(minutes=offer.minutes)
    return [(at, at + length) for (_, at), left in sorted(free.left.items()) if left <= 0]


def _within(closed: Closed, first: date, last: date) -> Iterable[Span]:
    for begin, end in closed:
        if begin < last and first < end:
            yield max(begin, first), min(end, last)


# -- As a file --------------------------------------------------------------------------------


def calendar(feed: Feed, here: Shop, spans: list[Span], times: Times) -> bytes:
    """Return a calendar as a file. The same is the same to the last byte, whenever it is asked."""
    assert feed.out_since is not None
    common: dict[str, Any] = {"sequence": 0, "summary": BUSY, "location": ""}
    events = [
        CalendarEvent(
            uid_local=uid(feed.id, f"{first}/{until}"), arrive=first, depart=until, **common
        )
        for first, until in spans
    ]
    events += [
        CalendarEvent(
            uid_local=uid(feed.id, f"{starts.isoformat()}/{ends.isoformat()}"),
            starts_at=starts, ends_at=ends, zone=here.venue.zone, **common,
        )
        for starts, ends in times
    ]  # fmt: skip
    return calendar_file(events, host=host(), now=feed.out_since)


def host() -> str:
    """Return the host that ends the name of each event."""
    settings: Settings = current_app.extensions["settings"]
    return urlsplit(settings.site_url).hostname or "localhost"


def uid(feed_id: int, span: str) -> str:
    """Return the name of an event: a keyed digest, and another that only we can check it by."""
    name = hmac.digest(_key(), f"name\0{feed_id}\0{span}".encode(), sha256).hex()[:24]
    return f"{name}{_mark(name)}"


def is_own(text: str) -> bool:
    """Whether an event's name is one that we gave, to whichever partner."""
    local = text.strip().partition("@")[0]
    if len(local) != 40 or not local.isascii():
        return False
    return hmac.compare_digest(local[24:], _mark(local[:24]))


def _mark(name: str) -> str:
    return hmac.digest(_key(), f"mark\0{name}".encode(), sha256).hex()[:16]


def _key() -> bytes:
    settings: Settings = current_app.extensions["settings"]
    return derive(settings.secret_key, "reserved: events in partners' calendars")


def note_told(feed: Feed, spans: list[Span], *, now: datetime) -> None:
    """Note what the partner knows from now on. The caller commits."""
    known = [[first.isoformat(), until.isoformat()] for first, until in spans]
    values: dict[str, Any] = {"told_at": now}
    if known != feed.told:
        values["told"] = known
    db.session.execute(sa.update(Feed).where(Feed.id == feed.id).values(values))


def told_nights(feed: Feed) -> set[date]:
    """Return the nights of which the partner was told last that they are taken."""
    return nights_of(
        (date.fromisoformat(first), date.fromisoformat(until)) for first, until in feed.told
    )
