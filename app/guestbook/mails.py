"""The mail that tells the house of a guest's message: a link, and nothing of what it says."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, render_template, url_for

from app.accounts.disclosures import MAIL_ABOUT_BOOKING
from app.accounts.mailing import post
from app.booking.models import Reservation
from app.booking.shop import shop
from app.core.database import db
from app.core.languages import DEFAULT, use_language
from app.core.mail import make_message
from app.core.outbox import handles
from app.guestbook.messages import unread_of
from app.guestbook.models import GUEST
from app.web.pages import settings


@handles("house-mail")
def tell_house(payload: dict[str, Any], now: datetime) -> None:
    """Tell the house of a message, unless somebody has read it meanwhile."""
    reservation = db.session.get(Reservation, payload["reservation_id"])
    if reservation is None or not unread_of([reservation.id], GUEST):
        return
    site_url, venue = settings().site_url, shop().venue
    host = urlsplit(site_url).hostname or "localhost"
    with use_language(DEFAULT), current_app.test_request_context(base_url=site_url):
        path = url_for("owner.reservation", reference=reservation.reference, _anchor="messages")
        text = render_template(
            "mail/message_house.txt", reference=reservation.reference, url=site_url + path
        )
    message = make_message(
        text,
        sender=(venue.name, venue.email),
        to=(venue.name, venue.email),
        message_id=f"<{reservation.reference}.house.{payload['job']}@{host}>",
        language=DEFAULT,
        now=now,
    )
    post(
        message,
        person_id=None,  # it goes to the house, and says nothing of anybody
        what=MAIL_ABOUT_BOOKING,
        name=f"{reservation.reference}-message_house-{payload['job']}",
        now=now,
    )
