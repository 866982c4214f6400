"""Refunds that somebody of the house decides on, with a reason and a note.

What the guest is owed by the policy goes back by itself; this is for everything else.
"""

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from app.core.database import db
from app.core.errors import DomainError
from app.core.languages import N_
from app.core.vault import PersonUnknown
from app.payments.models import Payment, Refund
from app.payments.refunds import count_surplus, is_blocked, refundable, request_refund
from app.payments.states import FAILED

REASONS: Final = ("goodwill", "by_us", "mistake", "agreed", "other")
"""Why the house sends money back; the guest is told in words for each but the last."""


WAYS: Final = ("transfer", "cash", "other")
"""How the house gives back itself what the provider could not."""


class NotFailed(DomainError):
    """Only what the provider could not give back is made good in another way."""

    message = N_("This refund isn’t one that failed, or money has gone back for it since.")


class DisputeForbids(DomainError):
    """The guest's bank has the money, or will have: it would go back twice."""

    message = N_(
        "A dispute about this payment decides where its money goes, so nothing can be sent "
        "back beside it. Please answer the dispute at the payment provider."
    )


class LeftHasChanged(DomainError):
    """Something else went back since the page was drawn."""

    message = N_(
        "Meanwhile something else has changed with this payment, and nothing was sent back. "
        "Please look at what is left now, and decide anew."
    )


def refund_by_hand(
    payment: Payment,
    amount_minor: int,
    *,
    because: str,
    note: str,
    form_id: str,
    seen_left: int,
    now: datetime,
) -> Refund:
    """Ask for a refund of a locked payment, once for each `form_id`; the caller commits.

    `because` is one of REASONS; `seen_left` what the house was told was left, in minor
    units. The same form sent twice gives the same refund. Raises DisputeForbids,
    LeftHasChanged, RefundTooMuch.
    """
    if because not in REASONS:
        raise ValueError(because)
    cause = f"owner:{payment.id}:{form_id}"
    known = db.session.scalar(sa.select(Refund).where(Refund.cause == cause))
    if known is not None:
        return known
    if is_blocked(payment):
        raise DisputeForbids
    if refundable(payment) != seen_left:
        raise LeftHasChanged
    refund = request_refund(payment, amount_minor, reason="owner", cause=cause, now=now)
    refund.because = because
    _keep_note(refund, payment, note)
    db.session.flush()
    return refund


def make_good(refund: Refund, *, by: str, note: str, now: datetime) -> None:
    """Note that a refund which failed was made good outside; its payment is locked.

    The ledger says what moved at the provider, where nothing did, so it stays as it is.
    What was made good can't be given back there once more. `by` is one of WAYS. Doing it
    again changes nothing. Raises NotFailed.
    """
    if by not in WAYS:
        raise ValueError(by)
    if refund.made_good_at is not None:
        return
    # Where so little is left, something else has gone back in its place.
    if refund.state != FAILED or refund.amount_minor > refundable(refund.payment):
        raise NotFailed
    refund.made_good_at, refund.made_good_by = now, by
    count_surplus(refund)
    payment = refund.payment
    if note and payment.person_id is not None:
        refund.person_id = payment.person_id
        try:
            refund.made_good = note
        except PersonUnknown:
            refund.person_id = None
    db.session.flush()


def _keep_note(refund: Refund, payment: Payment, note: str) -> None:
    """Seal the note for the guest; nothing is kept about somebody who was erased."""
    if note and payment.person_id is not None:
        refund.person_id = payment.person_id
        try:
            refund.note = note
        except PersonUnknown:
            refund.person_id = None
