"""The mail before arrival: once for each firm reservation, unless the guest doesn't want it.

It goes out at nine in the morning, by the clock of the place, so many days before the first
day as the owner chose. Who booked later than that has just had all of it with the
confirmation, and gets none. What is moved is reminded of anew at its own time.
"""

import logging
from datetime import UTC, datetime, time, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import current_app, render_template, url_for
from sqlalchemy import event

from app.accounts.disclosures import MAIL_ABOUT_BOOKING
from app.accounts.mailing import post
from app.booking.links import guest_key, guest_url
from app.booking.models import CONFIRMED, Reservation, VenueRow
from app.booking.reservations import get_for_update
from app.booking.shop import NothingOnOffer, shop
from app.booking.summary import summary
from app.core.database import db, in_one_go
from app.core.languages import use_language
from app.core.mail import make_message
from app.core.outbox import enqueue, handles
from app.core.vault import PersonUnknown
from app.core.worker import every_minute
from app.guestbook.arrival import guides
from app.web.pages import settings

log = logging.getLogger(__name__)

AT = time(9)
_MOST = 200  # in one minute; the next one takes the others


def remind_at(first_start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """Return when the reminder goes out, in UTC: `days` before the first day, at nine there."""
    day = first_start.astimezone(zone).date() - timedelta(days=days)
    return datetime.combine(day, AT, zone).astimezone(UTC)


def reminder_of(reservation: Reservation, *, now: datetime) -> datetime | None:
    """Return when a guest will be reminded; None where no reminder is to come."""
    days, zone = _days(), shop().venue.zone
    if not days or reservation.status != CONFIRMED or reservation.reminded_at is not None:
        return None
    at = remind_at(reservation.first_start, days, zone)
    booked = reservation.confirmed_at or now
    return at if booked < at and now < reservation.first_start else None


def set_reminders(reservation: Reservation, *, wanted: bool) -> None:
    """Write down whether a guest wants to be reminded. The caller commits."""
    reservation.unreminded = not wanted


@event.listens_for(Reservation.first_start, "set", active_history=True)
def _forget_reminder(reservation: Reservation, value: Any, before: Any, _initiator: Any) -> None:
    """Remind of a booking anew that begins at another time than the guest was told."""
    if isinstance(before, datetime) and value != before:
        reservation.reminded_at = None


# -- Due --------------------------------------------------------------------------------------


@every_minute
def remind(now: datetime) -> None:
    """Write the mails that are due before arrival. Commits."""
    try:
        due = _due(now=now)
    except NothingOnOffer:
        due = []
    db.session.rollback()
    for reservation_id in due:
        try:
            in_one_go(partial(_remind, reservation_id, now=now))
        except sa.exc.SQLAlchemyError as error:  # the next one may be fine
            name = type(error).__name__
            log.error("a reminder failed: reservation=%s error=%s", reservation_id, name)  # noqa: TRY400


def _due(*, now: datetime) -> list[int]:
    """Return who is to be reminded by now; the index on the first start leads to those few."""
    days, zone = _days(), shop().venue.zone
    if not days:
        return []
    here = now.astimezone(zone)
    last = here.date() + timedelta(days=days if here.time() >= AT else days - 1)
    query = (
        sa.select(Reservation.id, Reservation.first_start, Reservation.confirmed_at)
        .where(
            Reservation.first_start > now,
            Reservation.first_start < datetime.combine(last + timedelta(days=1), time.min, zone),
            Reservation.status == CONFIRMED,
            Reservation.reminded_at.is_(None),
            ~Reservation.unreminded,
        )
        .order_by(Reservation.first_start, Reservation.id)
    )
    found = [
        row.id
        for row in db.session.execute(query)
        if row.confirmed_at is not None
        and row.confirmed_at < remind_at(row.first_start, days, zone) <= now
    ]
    return found[:_MOST]


def _days() -> int:
    return db.session.scalar(sa.select(VenueRow.remind_days)) or 0


def _remind(reservation_id: int, *, now: datetime) -> None:
    reservation = get_for_update(reservation_id)
    if reservation.reminded_at is None and _is_wanted(reservation, now=now):
        reservation.reminded_at = now
        enqueue("arrival-mail", {"reservation_id": reservation_id}, now=now)


def _is_wanted(reservation: Reservation, *, now: datetime) -> bool:
    firm = reservation.status == CONFIRMED and reservation.first_start > now
    return firm and not reservation.unreminded


# -- Written ----------------------------------------------------------------------------------


@handles("arrival-mail")
def send_arrival_mail(payload: dict[str, Any], now: datetime) -> None:
    """Write and send one reminder, unless it was cancelled, or switched off, since."""
    reservation = db.session.get(Reservation, payload["reservation_id"])
    if reservation is None or reservation.person is None:
        return
    if not _is_wanted(reservation, now=now):
        return
    try:
        if not reservation.person.email:
            return
        message = compose(reservation, job=payload["job"], now=now)
    except PersonUnknown:
        return
    post(
        message,
        person_id=reservation.person_id,
        what=MAIL_ABOUT_BOOKING,
        name=f"{reservation.reference}-arrival-{payload['job']}",
        now=now,
    )


def compose(reservation: Reservation, *, job: int, now: datetime) -> EmailMessage:
    """Return the mail before arrival. Raises PersonUnknown after an erasure.

    Its header lets a mail program offer a button that ends these mails (RFC 2369; by a
    single POST, RFC 8058, where the site has https, which that asks for).
    """
    site_url = settings().site_url
    person = reservation.person
    assert person is not None
    name, email = person.name or "", person.email or ""
    with use_language(reservation.language), current_app.test_request_context(base_url=site_url):
        here = shop()
        off = site_url + _address("arrival.reminders", reservation)
        text = render_template(
            "mail/arrival.txt",
            reservation=reservation,
            person_name=name,
            summary=summary(reservation),
            venue=here.venue,
            directions=here.text("directions"),
            guides=guides(reservation),
            url=guest_url(reservation, external=True),
            arrival_url=site_url + _address("arrival.arrival", reservation),
            wishes_url=site_url + _address("arrival.wishes", reservation),
            off_url=off,
            check_url=site_url + url_for("claims.check", lang=reservation.language, basket=None),
        )
    message = make_message(
        text,
        sender=(here.venue.name, here.venue.email),
        to=(name, email),
        message_id=f"<{reservation.reference}.arrival.{job}@{urlsplit(site_url).hostname}>",
        language=reservation.language,
        now=now,
    )
    message["List-Unsubscribe"] = f"<{off}>"
    if off.startswith("https:"):
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return message


def _address(endpoint: str, reservation: Reservation) -> str:
    return url_for(
        endpoint,
        reference=reservation.reference,
        key=guest_key(reservation),
        lang=reservation.language,
        basket=None,
    )
