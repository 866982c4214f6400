"""Invoices and credit notes: numbered without gaps, written once, never changed.

What they say follows § 14 (4) UStG and Directive 2006/112/EC, article 226: who sells and
who buys with their addresses, the seller's tax number, the day of issue, a number that is
given once in a series without gaps, what was supplied and when, and for each rate of
value-added tax the sum before tax, the rate and the tax. A credit note names the invoice
that it corrects (article 219; § 31 (5) UStDV).

A document says what was true when it was issued: all of it is kept as one sealed text,
so that a name or a price that is corrected later never changes it.

*Papers*: invoices and credit notes together. *Cause*: what a paper was made for, once:
"reservation:<id>", "refund:<id>", "refund_reversal:<id>".
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.booking.models import Reservation
from app.core.database import db, table
from app.core.vault import PersonUnknown, vault
from app.payments.models import Invoice, InvoiceNumber, Payment
from app.payments.states import PAID

INVOICE, CREDIT_NOTE, REVERSAL = "invoice", "credit_note", "reversal"
# Money that came too late or twice paid for nothing, so what goes back corrects nothing.
_FOR_NOTHING = ("late", "surplus")


class Row(TypedDict):
    """One line of a paper, in its language; tax is included, `vat_bp` in basis points."""

    label: str
    detail: str
    gross_minor: int
    vat_bp: int


class PaidBy(TypedDict):
    """A payment that the paper mentions: the day (ISO 8601), and brand and last four digits."""

    day: str
    means: str
    minor: int


class Body(TypedDict):
    """What a paper says, as it is sealed. Days are ISO 8601, by the calendar of the place."""

    number: str
    kind: str  # one of the three above
    issued: str
    reference: str
    seller: dict[str, Any]  # name, address (lines), tax_id, email, phone
    buyer: dict[str, Any]  # name, company, address (lines as on an envelope)
    supplied: list[str]  # first and last day
    rows: list[Row]
    vat: list[list[int]]  # rate, sum with tax, tax: one for each rate
    total_minor: int
    payments: list[PaidBy]
    refers_to: list[str] | None  # number and day of the paper that this one corrects


# -- Writing -------------------------------------------------------------------------------


def write_paper(
    reservation: Reservation,
    body: Body,
    *,
    cause: str,
    zone: ZoneInfo,
    now: datetime,
    corrects: Invoice | None = None,
) -> Invoice:
    """Number a paper, seal it and flush it. The caller commits. Raises PersonUnknown."""
    today = now.astimezone(zone).date()
    series = str(today.year)
    number = _next_number(series)
    body["number"], body["issued"] = _number(series, number), today.isoformat()
    made = Invoice(
        series=series,
        number=number,
        kind=CREDIT_NOTE if corrects is not None else INVOICE,
        reservation_id=reservation.id,
        person_id=reservation.person_id,
        # A paper has a key of its own: the law keeps it for years after its person is gone, and
        # a backup from before must not lose it with them.
        paper_id=vault().new_person(),
        corrects=corrects.id if corrects is not None else None,
        cause=cause,
        language=reservation.language,
        currency=reservation.currency,
        total_minor=body["total_minor"],
        issued_at=now,
    )
    made.body = json.dumps(body, ensure_ascii=False, sort_keys=True)
    db.session.add(made)
    db.session.flush()
    return made


def _next_number(series: str) -> int:
    """Take the next number of a year; its row stays locked until the commit."""
    numbers = table(InvoiceNumber)
    taken = db.session.connection().execute(
        sa.update(numbers)
        .where(numbers.c.series == series)
        .values(last=numbers.c.last + 1)
        .returning(numbers.c.last)
    )
    number: int | None = taken.scalar_one_or_none()
    if number is None:
        # The first of its year. Of two at once, one loses the race, and does it again.
        db.session.connection().execute(sa.insert(numbers).values(series=series, last=1))
        return 1
    return number


def _number(series: str, number: int) -> str:
    return f"{series}-{number:06d}"


# -- Finding ------------------------------------------------------------------------------


def read(paper: Invoice) -> Body:
    """Open what a paper says.

    Raises PersonUnknown once its key is gone, or what it said was emptied with its term.
    """
    if paper.body is None:
        raise PersonUnknown(paper.sealed_for)
    body: Body = json.loads(paper.body)
    return body


def number_of(paper: Invoice) -> str:
    """Return a paper's number as it is printed: "2031-000001"."""
    return _number(paper.series, paper.number)


def invoices_of(reservation_id: int) -> Sequence[Invoice]:
    """Return every paper of a reservation, the invoice first; nothing of them is opened."""
    query = sa.select(Invoice).where(Invoice.reservation_id == reservation_id)
    return db.session.scalars(query.order_by(Invoice.id)).all()


def find_paper(reservation_id: int, number: str) -> Invoice | None:
    """Return the paper of that number, if it is one of that reservation's."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{6,9}", number):
        return None
    series, _, digits = number.partition("-")
    query = sa.select(Invoice).where(
        Invoice.series == series,
        Invoice.number == int(digits),
        Invoice.reservation_id == reservation_id,
    )
    found: Invoice | None = db.session.scalar(query)
    return found if found is not None and number_of(found) == number else None


def payments_of(reservation: Reservation) -> list[Payment]:
    """Return the payments that paid for a reservation, with their refunds, oldest first."""
    query = (
        sa.select(Payment)
        .where(Payment.reservation_id == reservation.id, Payment.state == PAID)
        .options(selectinload(Payment.refunds))
        .order_by(Payment.paid_at, Payment.id)
        .execution_options(populate_existing=True)
    )
    return [
        payment
        for payment in db.session.scalars(query)
        if not any(refund.reason in _FOR_NOTHING for refund in payment.refunds)
    ]
