"""The basket: put in, take out, and what its wishes are today."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.booking.catalogue import Catalogue, Extra, SessionOffer, StayOffer
from app.booking.checks import check_session, check_stay
from app.booking.links import new_basket_key
from app.booking.models import Basket, BasketLine
from app.booking.prices import SessionWish, StayWish, Wish
from app.core.database import db, table
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.tokens import digest_of_token
from app.policy import facts

BASKET_LIFE = timedelta(days=2)
"""A basket that nobody touched for so long is deleted."""
facts.declare("basket_kept", BASKET_LIFE)  # the privacy policy says so

MOST_LINES = 20


class BasketFull(DomainError):
    """More wishes than anybody has."""

    message = N_("Your basket is full. Please book what is in it first.")


class OfferGone(DomainError):
    """The owner took the offer off after it was put into the basket."""

    message = N_("This isn’t offered any more. Please take it out.")


def find_basket(key: str, *, now: datetime) -> Basket | None:
    """Return the basket at an address, with its lines, unless it is too old."""
    query = (
        sa.select(Basket)
        .where(Basket.key_digest == digest_of_token(key), Basket.changed_at > now - BASKET_LIFE)
        .options(selectinload(Basket.lines))
    )
    found: Basket | None = db.session.execute(query).scalar_one_or_none()
    return found


@dataclass(frozen=True, slots=True)
class Want:
    """One wish of a basket, as it was read."""

    id: int
    offer_id: int
    arrive: date | None
    depart: date | None
    starts_at: datetime | None
    adults: int
    children: int
    extras: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wants:
    """A basket as it was read: for showing, pricing and holding."""

    id: int
    lines: tuple[Want, ...]


_lines, _baskets = table(BasketLine), table(Basket)
_READ = (
    sa.select(
        _baskets.c.id,
        _lines.c.id,
        _lines.c.offer_id,
        _lines.c.arrive,
        _lines.c.depart,
        _lines.c.starts_at,
        _lines.c.adults,
        _lines.c.children,
        _lines.c.extras,
    )
    .select_from(_baskets.outerjoin(_lines, _lines.c.basket_id == _baskets.c.id))
    .where(
        _baskets.c.key_digest == sa.bindparam("digest"),
        _baskets.c.changed_at > sa.bindparam("oldest"),
    )
    .order_by(_lines.c.id)
)


_COUNT = (
    sa.select(sa.func.count())
    .select_from(_lines.join(_baskets, _baskets.c.id == _lines.c.basket_id))
    .where(_baskets.c.key_digest == sa.bindparam("digest"))
)


def read_basket(key: str, *, now: datetime) -> Wants | None:
    """Return what is in the basket at an address, with one statement."""
    values = {"digest": digest_of_token(key), "oldest": now - BASKET_LIFE}
    rows = db.session.connection().execute(_READ, values).all()
    if not rows:
        return None
    lines = tuple(Want(*row[1:]) for row in rows if row[1] is not None)
    return Wants(int(rows[0][0]), lines)


def count_lines(key: str) -> int:
    """Return how many wishes are in the basket at an address, with one statement."""
    found = db.session.connection().execute(_COUNT, {"digest": digest_of_token(key)})
    return int(found.scalar_one())


def new_basket(*, now: datetime) -> tuple[str, Basket]:
    """Make an empty basket and return its address's key, which is stored nowhere else."""
    key = new_basket_key()
    basket = Basket(key_digest=digest_of_token(key), created_at=now, changed_at=now, lines=[])
    db.session.add(basket)
    return key, basket


def _add(basket: Basket, line: BasketLine, *, now: datetime) -> None:
    """Add a line, unless the very same is there already: a form sent twice adds one."""
    if any(_same(line, other) for other in basket.lines):
        return
    if len(basket.lines) >= MOST_LINES:
        raise BasketFull
    basket.lines.append(line)
    basket.changed_at = now
    db.session.flush()


def _same(one: BasketLine, other: BasketLine) -> bool:
    names = ("offer_id", "arrive", "depart", "starts_at", "adults", "children", "extras")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def add_stay(
    basket: Basket,
    offer: StayOffer,
    arrive: date,
    depart: date,
    adults: int,
    children: int,
    extras: Mapping[Extra, int],
    *,
    now: datetime,
) -> None:
    """Put a stay that was checked into the basket. Raises BasketFull."""
    line = BasketLine(
        offer_id=offer.id,
        arrive=arrive,
        depart=depart,
        starts_at=None,
        adults=adults,
        children=children,
        extras={str(extra.id): count for extra, count in extras.items()},
    )
    _add(basket, line, now=now)


def add_session(
    basket: Basket,
    offer: SessionOffer,
    starts_at: datetime,
    adults: int,
    children: int,
    *,
    now: datetime,
) -> None:
    """Put seats of a session that was checked into the basket. Raises BasketFull."""
    line = BasketLine(
        offer_id=offer.id,
        arrive=None,
        depart=None,
        starts_at=starts_at,
        adults=adults,
        children=children,
        extras={},
    )
    _add(basket, line, now=now)


def remove_line(basket: Basket, line_id: int, *, now: datetime) -> None:
    """Take a wish out; nothing happens where it is gone already."""
    basket.lines[:] = [line for line in basket.lines if line.id != line_id]
    basket.changed_at = now
    db.session.flush()


def wish_of(line: Want, catalogue: Catalogue, *, now: datetime) -> Wish:
    """Return a line as a wish that can be priced, checked against what is offered now.

    Raises OfferGone and whatever `check_stay` or `check_session` refuse.
    """
    extras = _extras(line.extras, catalogue)
    venue = catalogue.venue
    if line.arrive and line.depart:
        stay = catalogue.stays_by_id.get(line.offer_id)
        if stay is None or not stay.on_sale:
            raise OfferGone
        today = now.astimezone(venue.zone).date()
        check_stay(stay, venue, line.arrive, line.depart, line.adults, line.children, today=today)
        return StayWish(stay, line.arrive, line.depart, line.adults, line.children, extras)
    session = catalogue.sessions_by_id.get(line.offer_id)
    if session is None or not session.on_sale or line.starts_at is None:
        raise OfferGone
    check_session(session, venue, line.starts_at, line.adults, line.children, now=now)
    return SessionWish(session, line.starts_at, line.adults, line.children, extras)


def _extras(kept: Mapping[str, Any], catalogue: Catalogue) -> tuple[tuple[Extra, int], ...]:
    known = catalogue.extras_by_id
    return tuple((known[int(key)], count) for key, count in kept.items() if int(key) in known)


def is_old(now: datetime) -> sa.ColumnElement[bool]:
    """Say of a basket that nobody touched it for BASKET_LIFE."""
    return Basket.changed_at <= now - BASKET_LIFE
