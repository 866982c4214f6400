"""Disputes: what a guest's bank questions, written down as the provider has it.

A dispute changes no booking and no places: it is money alone, and the house answers it
at the provider, by a date. It is told so once, by mail, with nothing personal in it.
"""

from datetime import datetime
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app, render_template, url_for

from app.accounts.disclosures import MAIL_ABOUT_BOOKING
from app.accounts.mailing import post
from app.accounts.models import OWNER, Account
from app.booking import wording
from app.booking.shop import shop
from app.core.database import db
from app.core.languages import DEFAULT, use_language
from app.core.mail import make_message
from app.core.outbox import enqueue, handles
from app.payments.dispute_words import provider_word, reason_word, what_helps
from app.payments.ledger import enter_dispute
from app.payments.models import Dispute, Payment
from app.payments.provider import DisputeView
from app.web.pages import settings

# A dispute goes forward through these; of two that are alike, the later look counts.
_STAGE = {"inquiry": 0, "open": 1, "won": 2, "lost": 2}


def record_dispute(payment: Payment, view: DisputeView, *, now: datetime) -> None:
    """Write down how a dispute stands; the payment is locked. The same twice changes nothing.

    What it took and gave back is in the ledger, a line each time. It goes forward only:
    a late look that still says "open" of a decided one is ignored.
    """
    if view.money.currency != payment.currency or view.money.minor <= 0:
        return
    dispute = db.session.scalar(
        sa.select(Dispute).where(Dispute.payment_id == payment.id, Dispute.provider_ref == view.ref)
    )
    if dispute is None:
        dispute = Dispute(
            payment_id=payment.id,
            provider_ref=view.ref,
            state=view.state,
            amount_minor=view.money.minor,
            withdrawn_minor=0,
            refundable=view.refundable,
            reason=view.reason[:60],
            due_at=view.due,
            opened_at=now,
            changed_at=now,
        )
        db.session.add(dispute)
        db.session.flush()
        enqueue("payments.dispute", {"dispute_id": dispute.id}, now=now)
    if _STAGE[view.state] < _STAGE[dispute.state]:
        return
    enter_dispute(payment, dispute, view.withdrawn.minor, now=now)
    if dispute.state != view.state:
        dispute.changed_at = now
    dispute.state = view.state
    dispute.withdrawn_minor = view.withdrawn.minor
    dispute.refundable = view.refundable
    dispute.due_at = view.due
    db.session.flush()


# -- Telling the house --------------------------------------------------------------------


@handles("payments.dispute")
def _tell_the_house(payload: dict[str, Any], now: datetime) -> None:
    dispute = db.session.get(Dispute, payload["dispute_id"])
    if dispute is None:
        return
    post(
        compose(dispute, job=payload["job"], now=now),
        person_id=None,
        what=MAIL_ABOUT_BOOKING,
        name=f"house-dispute-{payload['job']}",
        now=now,
    )


def compose(dispute: Dispute, *, job: int, now: datetime) -> EmailMessage:
    """Return the message to the house: a reference, an amount, what to do and until when."""
    base, language = settings().site_url, _house_language()
    reservation = dispute.payment.reservation
    with use_language(language), current_app.test_request_context(base_url=base):
        venue = shop().venue
        text = render_template(
            "mail/dispute.txt",
            dispute=dispute,
            currency=dispute.payment.currency,
            reference=reservation.reference,
            due=wording.day_and_time(dispute.due_at, venue.zone) if dispute.due_at else "",
            provider=provider_word(dispute.payment.provider),
            reason=reason_word(dispute.reason),
            helps=what_helps(dispute.reason),
            url=base + url_for("owner.reservation", reference=reservation.reference),
            venue=venue,
        )
    return make_message(
        text,
        sender=(venue.name, venue.email),
        to=(venue.name, venue.email),
        message_id=f"<dispute.{job}@{urlsplit(base).hostname or 'localhost'}>",
        language=language,
        now=now,
    )


def _house_language() -> str:
    """Return the language of the first owner: the house itself has none."""
    query = sa.select(Account.language).where(Account.role == OWNER).order_by(Account.id).limit(1)
    return db.session.scalar(query) or DEFAULT
