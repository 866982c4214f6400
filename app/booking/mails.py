"""Messages to guests: written when they are sent, in the language of the booking.

A job holds a template's name and an id. The text is made by the worker, under
the person's key, and handed to the relay; the demo writes it to a file that
the demo's owner can read. Sent twice after a crash, it is the same message.
"""

from datetime import datetime
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, render_template, url_for

from app.accounts.disclosures import MAIL_ABOUT_BOOKING
from app.accounts.mailing import post
from app.booking import wording
from app.booking.catalogue import Venue
from app.booking.events import reservation_calendar
from app.booking.links import checkout_key, guest_key, guest_url, pay_url
from app.booking.models import ASKED, Reservation
from app.booking.reservations import is_held
from app.booking.shop import shop
from app.booking.standing import coming_back, standing
from app.booking.summary import promise, summary
from app.core.database import db
from app.core.languages import use_language
from app.core.mail import make_message
from app.core.outbox import handles
from app.core.vault import PersonUnknown
from app.web.pages import settings

_WITH_CALENDAR = ("confirmed", "changed", "cancelled")
# These wait in the outbox for a while, and say nothing that is true once all is paid.
_WHILE_OWED = ("balance_due", "balance_failed", "balance_saved_notice")
# A sum that the house asked for makes nobody expected.
_OF_A_SUM = {"confirmed": "asked_paid"}


@handles("mail")
def send_mail(payload: dict[str, Any], now: datetime) -> None:
    """Write and send one message.

    Nothing is sent to somebody who was erased since, or who never gave an address.
    """
    reservation = db.session.get(Reservation, payload["reservation_id"])
    if reservation is None or reservation.person is None or reservation.person._email is None:
        return
    if payload["template"] in _WHILE_OWED and not standing(reservation, now=now).owed_minor:
        return
    template = payload["template"]
    if reservation.kind == ASKED:
        template = _OF_A_SUM.get(template, template)
    if template == "asked" and not is_held(reservation, now=now):
        return  # paid already, or withdrawn
    try:
        message = compose(
            template,
            reservation,
            job=payload["job"],
            said=payload.get("said"),
            now=now,
        )
    except PersonUnknown:
        return
    post(
        message,
        person_id=reservation.person_id,
        what=MAIL_ABOUT_BOOKING,
        name=f"{reservation.reference}-{template}-{payload['job']}",
        now=now,
    )


def compose(
    template: str,
    reservation: Reservation,
    *,
    job: int,
    said: dict[str, Any] | None = None,
    now: datetime,
) -> EmailMessage:
    """Return a message to the person of a reservation. Raises PersonUnknown after erasure.

    `said`: what the message is about, nothing personal, for templates that ask for it.
    """
    site_url = settings().site_url
    person = reservation.person
    assert person is not None
    name, email = person.name or "", person.email or ""
    host = urlsplit(site_url).hostname or "localhost"
    with (
        use_language(reservation.language),
        current_app.test_request_context(base_url=site_url),
    ):
        venue = shop().venue
        text = render_template(
            f"mail/{template}.txt",
            reservation=reservation,
            person_name=name,
            url=guest_url(reservation, external=True),
            pay_url=pay_url(reservation),
            **_addresses(reservation, site_url),
            paper_url=site_url + _paper_path(reservation, said),
            check_url=site_url + url_for("claims.check", lang=reservation.language, basket=None),
            said=said,
            **_money_words(reservation, venue, now=now),
            back=coming_back(reservation) if template == "cancelled" else None,
            summary=summary(reservation),
            promise=promise(reservation, now=now),
            venue=venue,
            directions=shop().text("directions"),
        )
        calendar = (
            reservation_calendar(reservation, now=now) if template in _WITH_CALENDAR else None
        )
    message = make_message(
        text,
        sender=(venue.name, venue.email),
        to=(name, email),
        # The same for a second try, so that a mail program shows it once.
        message_id=f"<{reservation.reference}.{template}.{job}@{host}>",
        language=reservation.language,
        now=now,
    )
    if calendar is not None:
        _attach(message, calendar, reservation)
    return message


def _attach(message: EmailMessage, calendar: bytes, reservation: Reservation) -> None:
    """Put a reservation's calendar file into its mail."""
    message.add_attachment(
        calendar,
        maintype="text",
        subtype="calendar",
        filename=f"reservation-{reservation.reference}.ics",
    )
    # Attaching drops whatever was said of the content before.
    del message["Content-Language"]
    message["Content-Language"] = reservation.language


def _addresses(reservation: Reservation, site_url: str) -> dict[str, str]:
    """Return the addresses of a reservation's checkout and of its thread, each with its key."""
    chosen: dict[str, Any] = {"lang": reservation.language, "basket": None}
    checkout = url_for("booking.checkout", key=checkout_key(reservation), **chosen)
    key, reference = guest_key(reservation), reservation.reference
    thread = url_for("guestbook.thread", reference=reference, key=key, **chosen)
    return {"checkout_url": site_url + checkout, "messages_url": site_url + thread}


def _paper_path(reservation: Reservation, said: dict[str, Any] | None) -> str:
    """Return where the paper opens that a message is about; nothing for other messages."""
    if not said or "paper" not in said:
        return ""
    return url_for(
        "invoices.page",
        reference=reservation.reference,
        invoice_number=said["paper"],
        key=guest_key(reservation),
        lang=reservation.language,
        basket=None,
    )


def _money_words(reservation: Reservation, venue: Venue, *, now: datetime) -> dict[str, Any]:
    """Return what templates say of money: what was paid, what is owed and until when."""
    stands = standing(reservation, now=now)
    return {
        "stands": stands,
        "until": wording.day_and_time(stands.until, venue.zone) if stands.until else "",
        "due_now": reservation.deposit_minor or reservation.total_minor,
        "held_until": wording.day_and_time(reservation.held_until, venue.zone)
        if reservation.held_until
        else "",
        "last_day": wording.last_day(reservation.held_until, venue.zone)
        if reservation.held_until
        else "",
    }
