"""The mail that says that a download is ready. It has a link, and nothing of what is in it."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app, render_template, url_for

from app.accounts.disclosures import MAIL_ABOUT_RIGHTS
from app.accounts.mailing import post
from app.accounts.models import Account, Person
from app.booking import wording
from app.booking.links import guest_url
from app.booking.models import Reservation
from app.booking.shop import zone_here
from app.core.database import db
from app.core.languages import use_language
from app.core.mail import make_message
from app.core.outbox import handles
from app.core.vault import PersonUnknown
from app.privacy.exporting import MAIL, is_gone
from app.privacy.models import Export
from app.web.pages import Site, settings


@handles(MAIL)
def send_ready(payload: dict[str, Any], now: datetime) -> None:
    """Tell a person that their download is ready; nobody who was erased since, or too late."""
    export = db.session.get(Export, payload["export_id"])
    if export is None or export.expires_at is None or is_gone(export, now=now):
        return
    try:
        person = db.session.get(Person, export.person_id)
        email = person.email if person is not None else None
    except PersonUnknown:
        return
    if not email:
        return
    base, job = settings().site_url, payload["job"]
    with use_language(export.language), current_app.test_request_context(base_url=base):
        site: Site = current_app.extensions["site"]()
        text = render_template(
            "mail/data_ready.txt",
            site=site,
            url=_where(export, base),
            until=wording.day_and_time(export.expires_at, zone_here()),
        )
    host = urlsplit(base).hostname or "localhost"
    message = make_message(
        text,
        sender=(site.name, site.email or f"no-reply@{host}"),
        to=("", email),
        message_id=f"<data.{export.id}.{job}@{host}>",
        language=export.language,
        now=now,
    )
    post(
        message,
        person_id=export.person_id,
        what=MAIL_ABOUT_RIGHTS,
        name=f"data-ready-{job}",
        now=now,
    )


def _where(export: Export, base: str) -> str:
    """Return the page of the download; to a guest that of a reservation, which leads there."""
    account = db.session.scalar(sa.select(Account.id).where(Account.person_id == export.person_id))
    query = sa.select(Reservation).where(Reservation.person_id == export.person_id)
    latest = db.session.scalar(query.order_by(Reservation.id.desc()).limit(1))
    if account is None and latest is not None:
        return guest_url(latest, external=True)
    return base + url_for("privacy.download", lang=export.language, basket=None)
