"""What a payment's provider is told of a guest, noted for that guest to see (C02)."""

from datetime import datetime

from flask import current_app

from app.accounts import disclosures
from app.core.egress import Egress
from app.payments.models import KEEP, Payment


def note_told(payment: Payment, *, now: datetime) -> None:
    """Note that a payment's provider is told of it; nothing where that is none outside.

    Before the call, with the row that it is made from: what was sent is never missing,
    and a call that is repeated counts again. The caller commits.
    """
    egress: Egress = current_app.extensions["egress"]
    # A provider's name is its code in the register of recipients; the demo's has none.
    if payment.provider not in egress.recipients():
        return
    disclosures.note(payment.person_id, payment.provider, disclosures.PAYMENT, now=now)
    if payment.way == KEEP:
        disclosures.note(payment.person_id, payment.provider, disclosures.KEPT_CARD, now=now)
