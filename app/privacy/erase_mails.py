"""The mails about an erasure: that it waits for a day, that the day moved, and the last one."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, render_template

from app.accounts.disclosures import MAIL_ABOUT_RIGHTS
from app.accounts.mailing import post
from app.accounts.models import Person
from app.booking import wording
from app.core.database import db
from app.core.languages import use_language
from app.core.mail import make_message
from app.core.outbox import enqueue, handles
from app.core.vault import PersonUnknown
from app.privacy.erasure_links import address_of
from app.privacy.models import POSTPONED as WAITS
from app.privacy.models import Erasure
from app.web.pages import Site, settings

POSTPONED, MOVED, RUNS = "postponed", "moved", "runs"
_JOB = "privacy.erasure-mail"


def tell(erasure: Erasure, what: str, *, now: datetime) -> None:
    """Have a mail sent about an erasure that waits for its day. The caller commits."""
    enqueue(_JOB, {"erasure_id": erasure.id, "what": what}, now=now)


@handles(_JOB)
def _send(payload: dict[str, Any], now: datetime) -> None:
    erasure = db.session.get(Erasure, payload["erasure_id"])
    if erasure is not None and erasure.state == WAITS:
        send_now(erasure, payload["what"], now=now)


def send_now(erasure: Erasure, what: str, *, now: datetime) -> None:
    """Write a mail to the person and hand it over; nothing to somebody without an address.

    Ends the transaction, so that nobody waits for the relay. Raises what the relay does.
    """
    to = _mailbox(erasure)
    if to is None:
        return
    person_id, name, address = to
    number, language, base = erasure.id, erasure.language, settings().site_url
    host = urlsplit(base).hostname or "localhost"
    with use_language(language), current_app.test_request_context(base_url=base):
        site: Site = current_app.extensions["site"]()
        text = render_template(
            f"mail/erasure_{what}.txt",
            site=site,
            name=name,
            day=wording.long_day(erasure.runs_on) if erasure.runs_on else "",
            url=address_of(erasure),
        )
    day = f"{erasure.runs_on}." if erasure.runs_on else ""
    db.session.commit()
    message = make_message(
        text,
        sender=(site.name, site.email or f"no-reply@{host}"),
        to=(name, address),
        message_id=f"<erasure.{number}.{what}.{day}@{host}>".replace(".@", "@"),
        language=language,
        now=now,
    )
    post(
        message,
        person_id=person_id,
        what=MAIL_ABOUT_RIGHTS,
        name=f"erasure-{number}-{what}",
        now=now,
    )


def _mailbox(erasure: Erasure) -> tuple[str, str, str] | None:
    """Return the first of the persons who has an address: number, name, address."""
    for person_id in erasure.person_ids:
        person = db.session.get(Person, person_id)
        try:
            if person is not None and person.email:
                return person_id, person.name or "", person.email
        except PersonUnknown:
            continue
    return None
