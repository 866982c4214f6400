"""The snapshot of everything on offer, read once for each version of the catalogue.

A page costs one small statement to learn whether its snapshot is still the
present one. Whatever changes an offer raises the version in the same
transaction, so no worker serves an old price for longer than a request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import Flask, current_app, g
from sqlalchemy import event
from sqlalchemy.orm import Session, selectinload

from app.booking import wording
from app.booking.cancellation import CancellationPolicy
from app.booking.catalogue import (
    Basis,
    Catalogue,
    Charge,
    Closed,
    Extra,
    Rate,
    Responsible,
    SessionOffer,
    StayOffer,
    Venue,
    text,
)
from app.booking.models import (
    ChargeRow,
    ClosedRow,
    ExtraRow,
    OfferRow,
    RateRow,
    UnitRow,
    VenueRow,
)
from app.booking.schedule import Schedule
from app.core.clock import utcnow
from app.core.database import connect_to_read, db, reading, table
from app.web.pages import Site

_VERSION = sa.select(table(VenueRow).c.catalogue_version)
_FRESH = timedelta(seconds=3)
_SINCE = sa.select(table(VenueRow).c.controller_since)
_CATALOGUE_ROWS = (VenueRow, OfferRow, UnitRow, RateRow, ClosedRow, ChargeRow, ExtraRow)


class NothingOnOffer(RuntimeError):
    """There is no venue yet: the demo wasn't loaded, and the owner has set up nothing."""


@dataclass(frozen=True, slots=True)
class Shop:
    """A catalogue and what the front page tells of the place."""

    catalogue: Catalogue
    texts: Mapping[str, Mapping[str, str]]
    picture: str

    @property
    def venue(self) -> Venue:
        """The place that is let."""
        return self.catalogue.venue

    def text(self, key: str) -> str:
        """Return one of the venue's texts in the current language."""
        return text(self.texts, key)


def shop() -> Shop:
    """Return the present snapshot, with one statement where it hasn't changed.

    Raises NothingOnOffer on a site without a venue.
    """
    if reading.get() and (seen := g.get("shop")) is not None:
        # A page is made from one snapshot, however often its parts ask for it.
        return cast(Shop, seen)
    version = db.session.connection().execute(_VERSION).scalar()
    if version is None:
        raise NothingOnOffer
    known: Shop | None = current_app.extensions.get("shop")
    if known is None or known.catalogue.version != version:
        known = current_app.extensions["shop"] = _read()
    if reading.get():
        g.shop = known
    return known


def site() -> Site:
    """Return what the frame says of the place, from whichever snapshot was last read.

    An error page asks too, perhaps because the database is what failed.
    """
    known: Shop | None = current_app.extensions.get("shop")
    if known is None:
        try:
            known = shop()
        except (NothingOnOffer, sa.exc.SQLAlchemyError):
            return Site("Reserved")
    venue = known.venue
    responsible = venue.controller.name if venue.controller else ""
    return Site(venue.name, email=venue.email, controller=responsible)


def zone_here() -> ZoneInfo:
    """Return the zone of the place, by whose clock everything is said; UTC where there is none."""
    try:
        return shop().venue.zone
    except NothingOnOffer:
        return ZoneInfo("UTC")


def has_ended() -> bool:
    """Whether the place has closed down: its last day is over, and nothing is to be had."""
    known: Shop | None = current_app.extensions.get("shop")
    return known is not None and known.venue.has_ended(now=utcnow())


def offer_name(slug: str) -> str:
    """Return an offer's name in the current language; its slug where it is no more."""
    found = shop().catalogue.offers_by_slug.get(slug)
    return text(found.texts, "name") if found else slug


def init_app(app: Flask) -> None:
    """Let the features below know the name of the place, and those of its offers."""
    app.extensions["site"] = site
    app.extensions["offer_name"] = offer_name
    app.extensions["controller_since"] = controller_since
    app.extensions["controller_name"] = controller_name
    app.jinja_env.globals["controller_name"] = controller_name
    app.jinja_env.globals["has_ended"] = has_ended
    app.jinja_env.filters["where"] = wording.where


def _read() -> Shop:
    venue = db.session.execute(sa.select(VenueRow)).scalar_one()
    offers = (
        db.session.execute(
            sa.select(OfferRow)
            .options(selectinload(OfferRow.rates))
            .order_by(OfferRow.position, OfferRow.id)
        )
        .scalars()
        .all()
    )
    closed: dict[int, Closed] = {}
    for row in db.session.scalars(sa.select(ClosedRow).order_by(ClosedRow.first)):
        closed[row.offer_id] = (*closed.get(row.offer_id, ()), (row.first, row.until))
    zone = ZoneInfo(venue.zone)
    catalogue = Catalogue(
        version=venue.catalogue_version,
        venue=_venue(venue, zone),
        # A draft without a price for every night can't be shown, let alone booked.
        stays=tuple(
            stay_of(row, closed.get(row.id, ()))
            for row in offers
            if row.kind == "stay" and (row.on_sale or has_price(row))
        ),
        sessions=tuple(
            session_of(row, zone, closed.get(row.id, ())) for row in offers if row.kind == "session"
        ),
        extras=tuple(
            _extra(row)
            for row in db.session.scalars(
                sa.select(ExtraRow).order_by(ExtraRow.position, ExtraRow.id)
            )
        ),
        charges=tuple(
            _charge(row)
            # One that was taken off costs nothing, and isn't asked for.
            for row in db.session.scalars(
                sa.select(ChargeRow).where(ChargeRow.minor > 0).order_by(ChargeRow.id)
            )
        ),
    )
    return Shop(catalogue, venue.texts, venue.picture)


def controller_name() -> str:
    """Return who is responsible at this very moment, whatever this process knew before."""
    try:
        return shop().venue.responsible.name
    except (NothingOnOffer, sa.exc.SQLAlchemyError):
        return site().name


def controller_since() -> datetime | None:
    """Return since when the present controller is responsible; None where nobody was before.

    What visitors said yes to before, they said to somebody else. Pages that are read ask
    the database once in a few seconds: what is noted looks for its grant in any case.
    """
    try:
        if reading.get():
            now, known = utcnow(), current_app.extensions.get("controller_since_read")
            if known is None or not known[0] <= now < known[0] + _FRESH:
                known = (now, shop().venue.controller_since)
                current_app.extensions["controller_since_read"] = known
            return cast("datetime | None", known[1])
        # Not in the unit of work at hand: looking must not take the write lock.
        with connect_to_read(db.engine) as connection:
            return connection.scalar(_SINCE)
    except (NothingOnOffer, sa.exc.SQLAlchemyError):
        return None


def _responsible(row: VenueRow) -> Responsible | None:
    said = row.controller
    if not said:
        return None
    return Responsible(said["name"], tuple(said["address"]), said["email"], said["country"])


def _venue(row: VenueRow, zone: ZoneInfo) -> Venue:
    return Venue(
        name=row.name,
        zone=zone,
        currency=row.currency,
        cancellation=CancellationPolicy.from_json(row.cancellation),
        check_in=time.fromisoformat(row.check_in),
        check_out=time.fromisoformat(row.check_out),
        months_ahead=row.months_ahead,
        address=tuple(row.address),
        country=row.country,
        email=row.email,
        phone=row.phone,
        deposit_bp=row.deposit_bp,
        balance_days=row.balance_days,
        tax_id=row.tax_id,
        controller=_responsible(row),
        controller_since=row.controller_since,
        closes_on=row.closes_on,
        is_closed=row.closed_at is not None,
    )


def rate_of(row: RateRow) -> Rate:
    """Return a rate as the snapshot has it."""
    return Rate(row.minor, frozenset(map(int, row.weekdays)), row.first, row.last, row.priority)


def has_price(row: OfferRow) -> bool:
    """Whether every night of a stay has a price; a session always has one."""
    return row.kind == "session" or any(rate_of(rate).is_base for rate in row.rates)


def stay_of(row: OfferRow, closed: Closed = ()) -> StayOffer:
    """Return a stay as the snapshot has it. Raises NoBaseRate."""
    return StayOffer(
        id=row.id,
        slug=row.slug,
        position=row.position,
        texts=row.texts,
        picture=row.picture,
        units=row.units or 0,
        adults_most=row.adults_most or 0,
        children_most=row.children_most or 0,
        guests_most=row.guests_most or 0,
        nights_least=row.nights_least or 1,
        nights_most=row.nights_most or 1,
        vat_bp=row.vat_bp,
        rates=tuple(rate_of(rate) for rate in sorted(row.rates, key=lambda rate: rate.id)),
        on_sale=row.on_sale,
        closed=closed,
    )


def session_of(row: OfferRow, zone: ZoneInfo, closed: Closed = ()) -> SessionOffer:
    """Return a session as the snapshot has it. Raises BadSchedule."""
    return SessionOffer(
        id=row.id,
        slug=row.slug,
        position=row.position,
        texts=row.texts,
        picture=row.picture,
        minutes=row.minutes or 0,
        seats=row.seats or 0,
        cutoff_minutes=row.cutoff_minutes or 0,
        adult_minor=row.adult_minor or 0,
        child_minor=row.child_minor or 0,
        vat_bp=row.vat_bp,
        schedule=Schedule(
            starts=datetime.fromisoformat(row.schedule_starts or ""),
            rules=row.schedule_rules or "",
            zone=zone,
            minutes=row.minutes or 0,
        ),
        on_sale=row.on_sale,
        closed=closed,
    )


def _extra(row: ExtraRow) -> Extra:
    return Extra(
        id=row.id,
        code=row.code,
        texts=row.texts,
        basis=Basis(row.basis),
        minor=row.minor,
        vat_bp=row.vat_bp,
        posted=row.posted,
        most=row.most,
        offer_kinds=frozenset(row.offer_kinds.split(",")),
    )


def _charge(row: ChargeRow) -> Charge:
    return Charge(
        id=row.id,
        code=row.code,
        texts=row.texts,
        kind="tax" if row.kind == "tax" else "fee",
        basis=Basis(row.basis),
        minor=row.minor,
        vat_bp=row.vat_bp,
    )


@event.listens_for(Session, "before_flush")
def _raise_version(session: Session, _context: Any, _instances: Any) -> None:
    """Raise the catalogue's version with whatever changes an offer."""
    changed = (*session.new, *session.dirty, *session.deleted)
    others = [row for row in changed if isinstance(row, _CATALOGUE_ROWS)]
    if others and not any(isinstance(row, VenueRow) and row in session.new for row in others):
        session.execute(
            sa.update(table(VenueRow)).values(
                catalogue_version=table(VenueRow).c.catalogue_version + 1
            )
        )
