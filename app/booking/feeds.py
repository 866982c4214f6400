"""Partners' calendars: which there are, the address that each was given, and the one it gave.

An outgoing address is random, shown once and kept as a digest. An incoming one may hold a
partner's secret: it is sealed by the site's key, and only its host is ever shown.
"""

import secrets
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import current_app

from app.booking.inventory import ONE_NIGHT
from app.booking.models import Block, Feed, FeedConflict, OfferRow, UnitRow
from app.booking.models.offers import STAY
from app.booking.rooms import reshape, unblock
from app.config import Settings
from app.core import withdrawals
from app.core.calendar_door import PARTNER_CALENDAR, CalendarDoor, NotFetched
from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_, gettext
from app.core.tokens import digest_of_token
from app.core.vault import derive
from app.policy.recipients import Listed, also, name_recipient

EVERY = timedelta(minutes=15)
SLOWEST = timedelta(hours=2)
"""How often a calendar is fetched, and how seldom one that keeps failing."""
LONGEST_CHANNEL = 60
_NONCE = 12
Span = tuple[date, date]
"""Days from the first to the one that is free again."""


class FeedExists(DomainError):
    """That partner has a calendar of the same already."""

    message = N_("There is a calendar of this partner for that already.")


class NothingToExchange(DomainError):
    """A calendar goes out, comes in, or both."""

    message = N_("Please give out an address, or enter the partner’s, or both.")


class NeedsRoom(DomainError):
    """What comes in blocks one room; an offer of several can't say which."""

    message = N_("A calendar that comes in is about one room. Please choose the room.")


class BadAddress(DomainError):
    """No address of a calendar."""

    message = N_("Please give a whole address that begins with https:// and has no password in it.")


# -- Making and ending ------------------------------------------------------------------------


def make(
    channel: str, offer_id: int, unit_id: int | None, *, address: str, out: bool, now: datetime
) -> tuple[Feed, str]:
    """Make a calendar for a partner; return it, and the token of its address ("" for none).

    Raises FeedExists, NothingToExchange, NeedsRoom and BadAddress. The caller commits.
    """
    if not out and not address:
        raise NothingToExchange
    channel = _spelling(channel)
    same = (Feed.channel == channel, Feed.offer_id == offer_id, Feed.unit_id == unit_id)
    if db.session.scalar(sa.select(Feed.id).where(*same)) is not None:
        raise FeedExists
    made = Feed(channel=channel, offer_id=offer_id, unit_id=unit_id, made_at=now, told=[])
    db.session.add(made)
    db.session.flush()
    if address:
        set_address(made, address, now=now)
    return made, (give_address(made, now=now) if out else "")


def _spelling(channel: str) -> str:
    """Return a partner's name as it was first written: what came from them never goes back."""
    for known in db.session.scalars(sa.select(Feed.channel).distinct()):
        if known.casefold() == channel.casefold():
            return str(known)
    return channel


def give_address(feed: Feed, *, now: datetime) -> str:
    """Return the token of a new outgoing address; a former one opens nothing any more."""
    token = secrets.token_urlsafe(24)
    _note_end(feed, now=now)
    feed.token_digest = digest_of_token(token)
    feed.out_since = now.replace(microsecond=0)
    feed.told, feed.told_at = [], None
    return token


def revoke(feed: Feed, *, now: datetime) -> None:
    """End the outgoing address."""
    _note_end(feed, now=now)
    _close(feed)


def _close(feed: Feed) -> None:
    feed.token_digest = feed.out_since = feed.told_at = None
    feed.told = []


def _note_end(feed: Feed, *, now: datetime) -> None:
    ended = [(feed.token_digest,)] if feed.token_digest is not None else []
    withdrawals.note(withdrawals.FEED, ended, now=now)


@withdrawals.carries_out(withdrawals.FEED)
def _close_again(wanted: withdrawals.Wanted) -> None:
    for feed in db.session.scalars(sa.select(Feed).where(Feed.token_digest.is_not(None))).all():
        if feed.token_digest is not None and wanted.since(feed.token_digest) is not None:
            _close(feed)


def by_token(token: str) -> Feed | None:
    """Return the calendar that a token opens."""
    query = sa.select(Feed).where(Feed.token_digest == digest_of_token(token))
    found: Feed | None = db.session.scalar(query)
    return found


def set_address(feed: Feed, address: str, *, now: datetime) -> None:
    """Fetch a calendar from an address from now on.

    Raises NeedsRoom where it isn't of one room, and BadAddress.
    """
    if feed.unit_id is None:
        raise NeedsRoom
    try:
        host = door().check(address)
    except NotFetched as error:
        raise BadAddress from error
    nonce = secrets.token_bytes(_NONCE)
    feed.in_address = nonce + _seal().encrypt(nonce, address.encode(), _bound(feed))
    feed.in_host = host[:253]
    feed.next_at = now
    feed.tried_at = feed.good_at = None
    feed.failures, feed.fault = 0, ""


def address_of(feed: Feed) -> str | None:
    """Return the address that a calendar is fetched from; None where there is none.

    One that was sealed under another site's key is as good as none.
    """
    if feed.in_address is None:
        return None
    nonce, text = feed.in_address[:_NONCE], feed.in_address[_NONCE:]
    try:
        return _seal().decrypt(nonce, text, _bound(feed)).decode()
    except InvalidTag:
        return None


def stop(feed: Feed, *, today: date) -> None:
    """Fetch a calendar no more, and give back what it kept from today on."""
    release_all(feed.id, today=today)
    feed.in_address = feed.next_at = feed.tried_at = feed.good_at = feed.changed_at = None
    feed.in_host = feed.fault = ""
    feed.failures = feed.blocked = feed.released = 0


def end(feed: Feed, *, today: date, now: datetime) -> None:
    """Delete a calendar, and give back what it kept from today on."""
    _note_end(feed, now=now)
    stop(feed, today=today)
    db.session.flush()
    db.session.delete(feed)
    db.session.flush()


def release_all(feed_id: int, *, today: date) -> None:
    """Give back the nights from today on that a calendar keeps, and forget its conflicts."""
    blocks = db.session.scalars(
        sa.select(Block).where(Block.feed_id == feed_id, Block.until > today).order_by(Block.id)
    ).all()
    for one in blocks:
        if one.first < today:
            reshape(one.id, one.first, today, today=today)
        else:
            unblock(one.id)
    db.session.execute(sa.delete(FeedConflict).where(FeedConflict.feed_id == feed_id))


# -- Small things that both ways share --------------------------------------------------------


def door() -> CalendarDoor:
    """Return the door that calendars are fetched through."""
    found: CalendarDoor = current_app.extensions["calendar_door"]
    return found


def _seal() -> AESGCM:
    settings: Settings = current_app.extensions["settings"]
    return AESGCM(derive(settings.master_key, "reserved: addresses of partners' calendars"))


def _bound(feed: Feed) -> bytes:
    return f"feed.in_address\0{feed.id}".encode()


def targets() -> list[tuple[OfferRow, list[UnitRow]]]:
    """Return the offers that a calendar can be of, each with its units."""
    offers = db.session.scalars(sa.select(OfferRow).order_by(OfferRow.position, OfferRow.id)).all()
    rows = db.session.scalars(
        sa.select(UnitRow).where(UnitRow.position >= 0).order_by(UnitRow.position)
    ).all()
    return [
        (one, [row for row in rows if row.offer_id == one.id] if one.kind == STAY else [])
        for one in offers
    ]


def nights_of(spans: Iterable[Span]) -> set[date]:
    """Return the nights of several spans."""
    return {
        date.fromordinal(day)
        for first, until in spans
        for day in range(first.toordinal(), until.toordinal())
    }


def spans_of(nights: Iterable[date]) -> list[Span]:
    """Return nights as spans, those next to each other as one."""
    found: list[Span] = []
    for night in sorted(nights):
        if found and found[-1][1] == night:
            found[-1] = (found[-1][0], night + ONE_NIGHT)
        else:
            found.append((night, night + ONE_NIGHT))
    return found


_KEPT = N_("Nothing of you is there to keep")
_GROUND = N_("nothing of you goes there, so none is needed")
name_recipient(PARTNER_CALENDAR, N_("Partner calendars"), kept=_KEPT, ground=_GROUND)


@also
def recipients() -> list[Listed]:
    """Return the partners that are told, or asked, for the list of who receives data."""
    query = sa.select(Feed.channel, Feed.in_host, Feed.token_digest.is_not(None)).order_by(
        Feed.channel, Feed.in_host
    )
    found: dict[str, set[str]] = {}
    for channel, host, out in db.session.execute(query):
        if out or host:
            found.setdefault(channel, set()).update({host} - {""})
    return [
        Listed(
            name=gettext("Partner calendar: %(partner)s", partner=channel),
            gets=PARTNER_CALENDAR.gets,
            why=PARTNER_CALENDAR.why,
            host=", ".join(sorted(hosts)),
            kept=_KEPT,
            ground=_GROUND,
            clause=PARTNER_CALENDAR.clause,
            code=PARTNER_CALENDAR.code,
        )
        for channel, hosts in found.items()
    ]
