"""The papers in a download: the calendar, the receipts, invoices, and receipts of choices."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from app.accounts.models import Account
from app.booking import wording
from app.booking.calendars import calendar_pieces
from app.booking.events import events_of, host_of_events
from app.booking.models import CANCELLED, CONFIRMED, Reservation, ReservationLine
from app.booking.shop import shop
from app.booking.summary import Summary, summary
from app.consent.chain import find
from app.consent.models import AccountRefusal, Grant
from app.consent.receipts import receipt as consent_receipt
from app.core.database import db
from app.payments.invoice_pdf import pdf_of
from app.payments.invoice_routes import movement_word
from app.payments.models import Invoice, Payment
from app.payments.paper import put_into_words
from app.payments.receipt import Receipt, receipt_of
from app.privacy.export.pages import render
from app.privacy.export.reading import BATCH
from app.web.pages import money, settings


class Sheet(NamedTuple):
    """One receipt."""

    reference: str
    currency: str
    summary: Summary
    receipt: Receipt


def calendar(person_ids: list[str], *, now: datetime) -> Iterator[bytes]:
    """Yield `calendar.ics`: every stay and session that was firm, cancelled ones as cancelled."""
    zone = shop().venue.zone
    starts = ReservationLine.starts_at
    first, last = db.session.execute(
        sa.select(sa.func.min(starts, type_=starts.type), sa.func.max(starts, type_=starts.type))
        .join(ReservationLine.reservation)
        .where(Reservation.person_id.in_(person_ids))
    ).one()
    zones = {zone: (first.year, last.year + 1)} if first and last else {}
    events = (
        (event, reservation.status == CANCELLED)
        for reservation in _reservations(person_ids)
        if reservation.status in (CONFIRMED, CANCELLED)
        for event in events_of(reservation)
    )
    return calendar_pieces(events, host=host_of_events(), now=now, zones=zones)


def receipts(person_ids: list[str]) -> Iterator[str]:
    """Yield `receipts.html`: what was paid for each reservation, a sheet each."""
    venue = shop().venue
    paid = sa.select(Payment.reservation_id).where(
        Payment.person_id.in_(person_ids), Payment.captured_minor > 0
    )
    sheets = (
        Sheet(one.reference, one.currency, summary(one), receipt_of(one, venue.zone))
        for one in _reservations(person_ids, Reservation.id.in_(paid))
    )
    return render(
        "receipts.html",
        venue=venue,
        receipts=sheets,
        word=movement_word,
        day=wording.long_day,
        money=money,
    )


def invoices(person_ids: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield every invoice and credit note: its file's name, and the PDF as it was issued."""
    query = sa.select(Invoice).where(Invoice.person_id.in_(person_ids)).order_by(Invoice.id)
    for batch in db.session.scalars(query.execution_options(yield_per=BATCH)).partitions():
        for paper in batch:
            yield put_into_words(paper).file_name, pdf_of(paper)


def consent_receipts(person_ids: list[str], *, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield the receipts of choices that are known to be the person's: name, and JSON.

    Most choices are nobody's: they are kept in the browser that made them alone.
    """
    grants = sa.select(Grant.receipt_id, Grant.granted_at).where(Grant.person_id.in_(person_ids))
    refusals = (
        sa.select(AccountRefusal.receipt_id, AccountRefusal.at)
        .join(Account)
        .where(Account.person_id.in_(person_ids))
    )
    known: set[str] = set()
    for receipt_id, at in [*db.session.execute(grants), *db.session.execute(refusals)]:
        entry = find(receipt_id, at) if receipt_id not in known else None
        if entry is None:
            continue
        known.add(receipt_id)
        body: dict[str, Any] = json.loads(entry.body or "{}")
        made = consent_receipt(entry, body, site_url=settings().site_url, now=now)
        yield f"choice-{receipt_id}.json", json.dumps(made, ensure_ascii=False, indent=2) + "\n"


def _reservations(person_ids: list[str], *more: sa.ColumnElement[bool]) -> Iterator[Reservation]:
    query = (
        sa.select(Reservation)
        .where(Reservation.person_id.in_(person_ids), *more)
        .options(selectinload(Reservation.lines))
        .order_by(Reservation.id)
        .execution_options(yield_per=BATCH)
    )
    for batch in db.session.scalars(query).partitions():
        yield from batch
