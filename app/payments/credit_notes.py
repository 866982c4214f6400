"""Credit notes for what went back, and what takes them back if it never arrived."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from app.booking.models import Reservation
from app.core.languages import gettext, use_language
from app.payments.models import Invoice, Refund
from app.payments.series import (
    CREDIT_NOTE,
    REVERSAL,
    Body,
    invoices_of,
    payments_of,
    read,
    write_paper,
)
from app.payments.states import FAILED, SUCCEEDED
from app.payments.vat import Share, by_rate, negated, part_of

log = logging.getLogger(__name__)


def follow_refunds(
    reservation: Reservation, invoice: Invoice, *, zone: ZoneInfo, now: datetime
) -> None:
    """Write a credit note for each refund that left, and take back those that came back.

    Running it again adds nothing; the caller commits. Raises PersonUnknown.
    """
    papers = {paper.cause: paper for paper in invoices_of(reservation.id)}
    refunds = [refund for payment in payments_of(reservation) for refund in payment.refunds]
    for refund in sorted(refunds, key=lambda refund: (refund.changed_at, refund.id)):
        cause, reversal = f"refund:{refund.id}", f"refund_reversal:{refund.id}"
        if refund.state == SUCCEEDED and cause not in papers:
            note = _credit(reservation, invoice, papers.values(), refund, zone=zone, now=now)
            if note is not None:
                papers[cause] = note
        elif refund.state == FAILED and cause in papers and reversal not in papers:
            body = _reversal_of(read(papers[cause]), read(invoice), reservation)
            papers[reversal] = write_paper(reservation, body, cause=reversal, zone=zone, now=now)


def _credit(
    reservation: Reservation,
    invoice: Invoice,
    papers: Iterable[Invoice],
    refund: Refund,
    *,
    zone: ZoneInfo,
    now: datetime,
) -> Invoice | None:
    """Write the credit note for a refund; None where all of the invoice was taken back."""
    bodies = [read(paper) for paper in papers]
    # Credit notes are negative, so the sum of all papers is what is left to take back.
    left = by_rate(Share(*share) for body in bodies for share in body["vat"])
    amount = min(refund.amount_minor, sum(share.gross_minor for share in left))
    if amount <= 0:
        log.warning("more went back than was invoiced: refund=%s", refund.id)
        return None
    shares = negated(part_of(left, amount))
    with use_language(reservation.language):
        label = gettext("Given back for reservation %(reference)s", reference=reservation.reference)
    body = _correction(read(invoice), shares, label, kind=CREDIT_NOTE)
    return write_paper(
        reservation, body, cause=f"refund:{refund.id}", corrects=invoice, zone=zone, now=now
    )


def _reversal_of(note: Body, invoice: Body, reservation: Reservation) -> Body:
    """Return what takes a credit note back, because its refund never arrived.

    Nothing that was issued is ever struck out, so it is an invoice for the same sum and
    the same tax, and says which credit note it stands against.
    """
    with use_language(reservation.language):
        label = gettext("Credit note %(number)s taken back", number=note["number"])
    shares = negated(Share(*share) for share in note["vat"])
    body = _correction(invoice, shares, label, kind=REVERSAL)
    body["refers_to"] = [note["number"], note["issued"]]
    return body


def _correction(invoice: Body, shares: Sequence[Share], label: str, *, kind: str) -> Body:
    """Return a body with the seller and buyer of an invoice, one line for each rate."""
    return {
        **invoice,
        "kind": kind,
        "rows": [
            {"label": label, "detail": "", "gross_minor": one.gross_minor, "vat_bp": one.vat_bp}
            for one in shares
        ],
        "vat": [list(share) for share in shares],
        "total_minor": sum(share.gross_minor for share in shares),
        "payments": [],
        "refers_to": [invoice["number"], invoice["issued"]],
    }
