"""Messages to guests: written when they are sent, in the language of the booking.

A job holds a template's name and an id. The text is made by the worker, under
the person's key, and handed to the relay; the demo writes it to a file that
the demo's owner can read. Sent twice after a crash, it is the same message.
"""

import os
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, render_template

from app.booking.events import reservation_calendar
from app.booking.links import guest_url, pay_url
from app.booking.models import Reservation
from app.booking.shop import shop
from app.booking.summary import promise, summary
from app.config import Settings
from app.core.database import db
from app.core.egress import MAIL_RELAY, Egress
from app.core.languages import use_language
from app.core.outbox import handles
from app.core.vault import PersonUnknown

_WITH_CALENDAR = ("confirmed", "cancelled")


@handles("mail")
def send_mail(payload: dict[str, Any], now: datetime) -> None:
    """Write and send one message. Nothing is sent to somebody who was erased since."""
    reservation = db.session.get(Reservation, payload["reservation_id"])
    if reservation is None or reservation.person is None:
        return
    try:
        message = compose(payload["template"], reservation, job=payload["job"], now=now)
    except PersonUnknown:
        return
    _deliver(message, name=f"{reservation.reference}-{payload['template']}-{payload['job']}")


def compose(template: str, reservation: Reservation, *, job: int, now: datetime) -> EmailMessage:
    """Return a message to the person of a reservation. Raises PersonUnknown after erasure."""
    settings: Settings = current_app.extensions["settings"]
    person = reservation.person
    assert person is not None
    name, email = person.name or "", person.email or ""
    host = urlsplit(settings.site_url).hostname or "localhost"
    with (
        use_language(reservation.language),
        current_app.test_request_context(base_url=settings.site_url),
    ):
        venue = shop().venue
        text = render_template(
            f"mail/{template}.txt",
            reservation=reservation,
            person_name=name,
            url=guest_url(reservation, external=True),
            pay_url=pay_url(reservation),
            summary=summary(reservation),
            promise=promise(reservation, now=now),
            venue=venue,
            directions=shop().text("directions"),
        )
        calendar = (
            reservation_calendar(reservation, now=now) if template in _WITH_CALENDAR else None
        )
    subject, _, body = text.partition("\n")
    message = EmailMessage(policy=SMTP.clone(utf8=not email.rpartition("@")[0].isascii()))
    message["Subject"] = subject.removeprefix("Subject:").strip()
    message["From"] = _mailbox(venue.name, venue.email)
    message["To"] = _mailbox(name, email)
    message["Date"] = format_datetime(now)
    # The same for a second try, so that a mail program shows it once.
    message["Message-ID"] = f"<{reservation.reference}.{template}.{job}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.strip() + "\n")
    if calendar is not None:
        message.add_attachment(
            calendar,
            maintype="text",
            subtype="calendar",
            filename=f"reservation-{reservation.reference}.ics",
        )
    # Last: setting the content drops whatever was said of a content before.
    message["Content-Language"] = reservation.language
    return message


def _mailbox(name: str, email: str) -> Address:
    """Return a person's mailbox for a header.

    A domain of any script is written in ASCII (RFC 5891). A part before the @ can't be;
    such a message goes as UTF-8, to a relay that takes it (SMTPUTF8, RFC 6531).
    """
    if not email.isascii():
        # Lazily: most addresses are plain already, and its tables are large.
        import idna

        local, _, domain = email.rpartition("@")
        return Address(name, local, idna.encode(domain, uts46=True).decode())
    return Address(name, addr_spec=email)


def _deliver(message: EmailMessage, *, name: str) -> None:
    """Hand a message to the relay; without one, the demo keeps it as a file."""
    settings: Settings = current_app.extensions["settings"]
    egress: Egress = current_app.extensions["egress"]
    if MAIL_RELAY.code in egress.recipients():
        with egress.mail_relay() as relay:
            relay.send_message(message)
        return
    folder = settings.instance_dir / "mail"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft, path = folder / f".{name}.draft", folder / f"{name}.eml"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(message.as_bytes())
    draft.replace(path)
