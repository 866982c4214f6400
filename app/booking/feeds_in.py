"""Partners' calendars come in: fetched, read, and kept from guests by the verb that blocks rooms.

What a calendar says is compared with what it kept before, night by night: what is new is
blocked, what is gone is given back, and the rest isn't touched, however the partner names,
cuts or merges its events. So names that change with every fetch, and "not available" that
moves on by a day each night, change nothing.

A night of which the partner was told that it is taken, and which it says is taken, is an
echo: our own booking come back. It blocks nothing. A night that can't be blocked is a
conflict; it stays one until the partner takes it back, the house dismisses it, or it can
be blocked after all. What can't be fetched or read changes nothing.
"""

import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import partial

import click
import sqlalchemy as sa
from flask.cli import AppGroup

from app.booking import feeds_out
from app.booking.feeds import EVERY, SLOWEST, Span, address_of, door, nights_of, spans_of
from app.booking.feeds_read import Reading, Unreadable, read
from app.booking.holds import release_run_out
from app.booking.inventory import PlacesTaken
from app.booking.models import DISMISSED, ECHO, OPEN, Block, Feed, FeedConflict, Night
from app.booking.rooms import MOST_NIGHTS, PARTNER, block, reshape, unblock
from app.booking.seating import UnitOccupied
from app.booking.seating_plan import Fragmented, NoSeating
from app.booking.shop import NothingOnOffer, shop
from app.core.calendar_door import NotFetched
from app.core.clock import utcnow
from app.core.database import changed, db, in_one_go
from app.core.worker import every_minute

_TAKEN = (PlacesTaken, UnitOccupied, Fragmented, NoSeating)
_SECONDS_A_MINUTE = 30.0  # the worker has other things to do


# -- When -------------------------------------------------------------------------------------


@every_minute
def import_due(now: datetime) -> None:
    """Fetch the calendars whose time has come, as many as half a minute is enough for."""
    ends = time.monotonic() + _SECONDS_A_MINUTE
    query = sa.select(Feed.id).where(Feed.next_at <= now).order_by(Feed.next_at, Feed.id)
    ids = db.session.scalars(query.limit(100)).all()
    db.session.rollback()
    for feed_id in ids:
        if time.monotonic() > ends:
            break
        # Whoever moves its time on has it: two workers never fetch it together.
        if in_one_go(partial(_lease, feed_id, now=now)):
            fetch_and_apply(feed_id, now=now)


def _lease(feed_id: int, *, now: datetime) -> bool:
    taken = db.session.execute(
        sa.update(Feed).where(Feed.id == feed_id, Feed.next_at <= now).values(next_at=now + EVERY)
    )
    return changed(taken) > 0


def fetch_and_apply(feed_id: int, *, now: datetime) -> str:
    """Fetch one calendar and do what it says; return "", or why it couldn't be, as a code.

    Commits. Nothing is locked while the partner is waited for.
    """
    db.session.rollback()
    feed = db.session.get(Feed, feed_id)
    address = address_of(feed) if feed is not None else None
    here = shop()
    today = now.astimezone(here.venue.zone).date()
    db.session.rollback()
    how = Reading(
        here.venue.zone,
        here.venue.check_in,
        today,
        feeds_out.window(today)[1],
        feeds_out.is_own,
    )
    try:
        # An address that can't be opened any more is no address.
        nights = read(door().fetch(address or ""), how)
    except (NotFetched, Unreadable) as error:
        fault = error.code
        in_one_go(lambda: _note_fault(feed_id, fault, now=now))
        return fault
    release_run_out(now=now)
    in_one_go(lambda: apply(feed_id, nights, today=today, now=now))
    return ""


def _note_fault(feed_id: int, fault: str, *, now: datetime) -> None:
    feed = db.session.get(Feed, feed_id, with_for_update=True, populate_existing=True)
    if feed is not None and feed.in_address is not None:
        feed.failures += 1
        feed.fault, feed.tried_at = fault[:20], now
        feed.next_at = now + min(SLOWEST, EVERY * 2 ** min(feed.failures - 1, 8))


# -- What a calendar does ---------------------------------------------------------------------


def apply(feed_id: int, wanted: set[date], *, today: date, now: datetime) -> None:
    """Keep a unit from guests on the nights that a calendar says, and on no others for its sake.

    `wanted` are nights from `today` on. The caller commits, and does it again after a race.
    """
    feed = db.session.get(Feed, feed_id, with_for_update=True, populate_existing=True)
    if feed is None or feed.in_address is None or feed.unit_id is None:
        return
    had = kept_nights(feed_id, today)
    known = _conflicts(feed_id)
    gone = had - wanted
    _release(feed, gone, today=today, now=now)
    sticky = {night for night, (state, _) in known.items() if state in (OPEN, DISMISSED)}
    echo = (wanted & feeds_out.told_nights(feed)) - had - sticky
    left = {night for night, (state, _) in known.items() if state == DISMISSED} & wanted - had
    missed = _keep(feed, wanted - had - echo - left, today=today, now=now)
    states = dict.fromkeys(missed, OPEN) | dict.fromkeys(echo, ECHO)
    states |= dict.fromkeys(left, DISMISSED)
    _note_conflicts(feed_id, states, known, now=now)
    blocked = len(kept_nights(feed_id, today) - had)
    if blocked or gone:
        feed.changed_at, feed.blocked, feed.released = now, blocked, len(gone)
    feed.good_at = feed.tried_at = now
    feed.failures, feed.fault, feed.next_at = 0, "", now + EVERY
    db.session.flush()


def kept_nights(feed_id: int, today: date) -> set[date]:
    """Return the nights from today on that a calendar keeps from guests."""
    return {night for night in nights_of(_blocks(feed_id, today).values()) if night >= today}


def _blocks(feed_id: int, today: date) -> dict[int, Span]:
    query = sa.select(Block.id, Block.first, Block.until).where(
        Block.feed_id == feed_id, Block.until > today
    )
    return {row.id: (row.first, row.until) for row in db.session.execute(query)}


def _release(feed: Feed, gone: set[date], *, today: date, now: datetime) -> None:
    """Give nights back; what a block keeps besides, it goes on keeping."""
    assert feed.unit_id is not None
    for block_id, span in sorted(_blocks(feed.id, today).items()) if gone else ():
        nights = nights_of([span])
        if nights.isdisjoint(gone):
            continue
        rest = spans_of(nights - gone)
        if not rest:
            unblock(block_id)
            continue
        reshape(block_id, *rest[0], today=today)
        for first, until in rest[1:]:
            block(
                feed.unit_id, first, until, PARTNER, today=today, now=now, feed_id=feed.id
            )  # fmt: skip


def _keep(feed: Feed, nights: set[date], *, today: date, now: datetime) -> set[date]:
    """Keep the unit from guests on these nights; return those on which it can't be."""
    query = sa.select(Night.night).where(
        Night.offer_id == feed.offer_id,
        Night.night >= min(nights, default=today),
        Night.taken >= Night.capacity,
    )
    # Known at once, and mostly the only reason: nobody has to try these one by one.
    missed = nights & set(db.session.scalars(query))
    for first, until in spans_of(nights - missed):
        for ahead in range(0, (until - first).days, MOST_NIGHTS):
            begin = first + timedelta(days=ahead)
            end = min(until, begin + timedelta(days=MOST_NIGHTS))
            missed |= _keep_span(feed, (begin, end), today=today, now=now)
    return missed


def _keep_span(feed: Feed, span: Span, *, today: date, now: datetime) -> set[date]:
    """Block a span, or the parts of it that can be; return the nights that can't."""
    try:
        with db.session.begin_nested():
            place(feed, span, today=today, now=now)
    except _TAKEN:
        pass
    else:
        return set()
    first, until = span
    nights = (until - first).days
    if nights == 1:
        return {first}
    middle = first + timedelta(days=nights // 2)
    return _keep_span(feed, (first, middle), today=today, now=now) | _keep_span(
        feed, (middle, until), today=today, now=now
    )


def place(feed: Feed, span: Span, *, today: date, now: datetime) -> None:
    """Block a span for a calendar, by the block next to it where there is one.

    Raises PlacesTaken, UnitOccupied, Fragmented or NoSeating; then the caller rolls back.
    """
    assert feed.unit_id is not None
    first, until = span
    for block_id, (begin, end) in _blocks(feed.id, today - timedelta(days=1)).items():
        joined = min(begin, first), max(end, until)
        if (end == first or begin == until) and (joined[1] - joined[0]).days <= MOST_NIGHTS:
            reshape(block_id, *joined, today=today)
            return
    block(feed.unit_id, first, until, PARTNER, today=today, now=now, feed_id=feed.id)


# -- Conflicts --------------------------------------------------------------------------------

Known = dict[date, tuple[str, datetime]]


def _conflicts(feed_id: int) -> Known:
    rows = db.session.scalars(sa.select(FeedConflict).where(FeedConflict.feed_id == feed_id))
    return {
        night: (one.state, one.found_at)
        for one in rows
        for night in nights_of([(one.first, one.until)])
    }


def _note_conflicts(feed_id: int, states: dict[date, str], known: Known, *, now: datetime) -> None:
    """Have the conflicts be these; those that stay as they are keep their rows."""
    wanted = {
        (first, until, state)
        for state in (OPEN, DISMISSED, ECHO)
        for first, until in spans_of(night for night, its in states.items() if its == state)
    }
    query = sa.select(FeedConflict).where(FeedConflict.feed_id == feed_id)
    for row in db.session.scalars(query).all():
        key = (row.first, row.until, row.state)
        if key in wanted:
            wanted.discard(key)
        else:
            db.session.delete(row)
    for first, until, state in sorted(wanted):
        since = [at for night in nights_of([(first, until)]) for _, at in _of(known, night)]
        db.session.add(
            FeedConflict(
                feed_id=feed_id, first=first, until=until, state=state,
                found_at=min(since, default=now),
            )
        )  # fmt: skip


def _of(known: Known, night: date) -> Iterable[tuple[str, datetime]]:
    return [known[night]] if night in known else []


# -- By hand ----------------------------------------------------------------------------------

feeds_cli = AppGroup("feeds", help="Partners' calendars.")


@feeds_cli.command("import")
def import_command() -> None:
    """Fetch every partner's calendar now. Exits with 1 if one couldn't be."""
    now, failed = utcnow(), False
    query = sa.select(Feed.id, Feed.channel, Feed.in_host).where(Feed.next_at.is_not(None))
    rows = db.session.execute(query.order_by(Feed.id)).all()
    for feed_id, channel, host in rows:
        try:
            fault = fetch_and_apply(feed_id, now=now)
        except NothingOnOffer:
            fault = "nothing on offer"
        failed = failed or bool(fault)
        click.echo(f"{channel} ({host}): {fault or 'fetched'}")
    click.echo(f"Calendars: {len(rows)}")
    if failed:
        raise SystemExit(1)
