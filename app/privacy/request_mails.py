"""The mails about requests: to whoever asked, and to the house, where nobody is named."""

from datetime import datetime
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app, render_template, url_for

from app.accounts.disclosures import MAIL_ABOUT_RIGHTS
from app.accounts.mailing import post
from app.accounts.models import OWNER, Account, Claim
from app.booking import wording
from app.booking.links import guest_url
from app.booking.models import Reservation
from app.core.database import db
from app.core.languages import DEFAULT, gettext, use_language
from app.core.mail import make_message
from app.core.outbox import handles
from app.core.vault import PersonUnknown
from app.core.worker import every_minute
from app.privacy import clocks, requests
from app.privacy.models import PrivacyRequest
from app.privacy.request_words import kind_word
from app.web.pages import settings, site_here

every_minute(requests.remind)


@handles(requests.MAIL_TO_PERSON)
def send_to_person(payload: dict[str, Any], now: datetime) -> None:
    """Write and send one message to whoever asked; none to somebody who was erased since."""
    request = db.session.get(PrivacyRequest, payload["request_id"])
    if request is None or request.person is None:
        return
    try:
        name, email = request.person.name or "", request.person.email
        message = email and compose(
            request, payload["what"], (name, email), job=payload["job"], now=now
        )
    except PersonUnknown:
        return
    if message:
        what = f"request-{request.id}-{payload['what']}"
        post(
            message,
            person_id=request.person_id,
            what=MAIL_ABOUT_RIGHTS,
            name=f"{what}-{payload['job']}",
            now=now,
        )


def compose(
    request: PrivacyRequest, what: str, to: tuple[str, str], *, job: int, now: datetime
) -> EmailMessage:
    """Return a message of one of the four kinds, in the person's language.

    Raises PersonUnknown after erasure.
    """
    account = _account_of(str(request.person_id))
    reservation = _reservation_of(str(request.person_id))
    source = account or reservation
    language, base = source.language if source else DEFAULT, settings().site_url
    with use_language(language), current_app.test_request_context(base_url=base):
        clock = clocks.clock_of(request.law)
        text = render_template(
            f"mail/rights_{what}.txt",
            site=site_here(),
            name=to[0],
            kind=kind_word(request.kind),
            asked_on=wording.long_day(requests.day_here(request.made_at)),
            term=wording.long_day(requests.term_of(request)),
            answer=request.answer or "",
            complain=gettext(clock.complain),
            url=_where(account, reservation, base),
        )
    return _message(text, f"request.{request.id}.{what}.{job}", to, language, now=now)


@handles(requests.MAIL_TO_HOUSE)
def send_to_house(payload: dict[str, Any], now: datetime) -> None:
    """Tell the house of a request's clock: its number, its kind, its days, and nobody's name."""
    request = db.session.get(PrivacyRequest, payload["request_id"])
    site = site_here()
    if request is None or request.answered_at is not None or not site.email:
        return
    first = sa.select(Account.language).where(Account.role == OWNER).order_by(Account.id).limit(1)
    language, base = db.session.scalar(first) or DEFAULT, settings().site_url
    with use_language(language), current_app.test_request_context(base_url=base):
        text = render_template(
            "mail/rights_house.txt",
            site=site,
            number=request.id,
            kind=kind_word(request.kind),
            left=requests.days_left(request, now=now),
            term=wording.long_day(requests.term_of(request)),
            url=base + url_for("owner.request", request_id=request.id),
        )
    job, to = payload["job"], (site.name, site.email)
    post(
        _message(text, f"request-clock.{job}", to, language, now=now),
        person_id=None,
        what=MAIL_ABOUT_RIGHTS,
        name=f"house-request-{request.id}-{job}",
        now=now,
    )


def _account_of(person_id: str) -> Account | None:
    claimed = sa.select(Claim.account_id).where(Claim.person_id == person_id)
    return db.session.scalar(
        sa.select(Account).where((Account.person_id == person_id) | Account.id.in_(claimed))
    )


def _reservation_of(person_id: str) -> Reservation | None:
    query = sa.select(Reservation).where(Reservation.person_id == person_id)
    return db.session.scalar(query.order_by(Reservation.id.desc()).limit(1))


def _where(account: Account | None, reservation: Reservation | None, base: str) -> str:
    """Return where the person sees their request: signed in, or from their booking's page."""
    if account is not None:
        return base + url_for("privacy.requests", lang=account.language, basket=None)
    return guest_url(reservation, external=True) if reservation is not None else base


def _message(
    text: str, name: str, to: tuple[str, str], language: str, *, now: datetime
) -> EmailMessage:
    site, host = site_here(), urlsplit(settings().site_url).hostname or "localhost"
    return make_message(
        text,
        sender=(site.name, site.email or f"no-reply@{host}"),
        to=to,
        message_id=f"<{name}@{host}>",
        language=language,
        now=now,
    )
