"""When an invoice is made, and what it says of a reservation."""

import logging
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.booking.catalogue import Venue
from app.booking.models import CONFIRMED, Reservation
from app.booking.reservations import get_for_update
from app.booking.shop import shop
from app.booking.summary import summary
from app.booking.wording import where
from app.core.database import db, in_one_go
from app.core.errors import DomainError
from app.core.languages import N_, current_locale, use_language
from app.core.outbox import enqueue, handles
from app.core.vault import PersonUnknown, load_address
from app.payments.credit_notes import follow_refunds
from app.payments.models import Invoice
from app.payments.series import (
    INVOICE,
    Body,
    invoices_of,
    number_of,
    payments_of,
    write_paper,
)
from app.payments.vat import Share, by_rate
from app.web.addresses import format_address

log = logging.getLogger(__name__)

# § 33 UStDV: up to 250 euros, tax included, an invoice needs no address of who buys.
SMALL_MINOR, SMALL_CURRENCY = 25_000, "EUR"


class NotPaidYet(DomainError):
    """There is nothing yet that an invoice could be for."""

    message = N_(
        "We make an invoice once all of it is paid. Until then, this receipt shows what was paid."
    )


class AddressNeeded(DomainError):
    """The law asks for an address from a certain amount on."""

    message = N_("For this amount, an invoice needs an address.")


# -- Issuing ------------------------------------------------------------------------------


def may_issue(reservation: Reservation) -> bool:
    """Whether an invoice can be made now: the booking is firm, and all of it is paid.

    A deposit alone gets none. It would take one invoice for each part and another that
    takes them together; the receipt says what was paid until the balance is there, which
    is before the stay. What is kept of a cancelled booking is no price of a supply, so it
    has a receipt too, unless the invoice was issued before: then credit notes correct it.
    """
    return reservation.status == CONFIRMED and 0 < reservation.total_minor <= reservation.paid_minor


def may_go_without_address(reservation: Reservation) -> bool:
    """Whether the sum is so small that the law asks for no address (§ 33 UStDV)."""
    return reservation.currency == SMALL_CURRENCY and reservation.total_minor <= SMALL_MINOR


def issue(
    reservation: Reservation, *, now: datetime, address: dict[str, str] | None = None
) -> Invoice:
    """Return the invoice of a reservation; make it, if there is none yet.

    The reservation is locked by `get_for_update`, and the caller commits: the number is
    taken in the same transaction, so that a rollback takes it back. `address` is one of
    AddressForm.to_dict. Raises NotPaidYet, AddressNeeded, PersonUnknown.
    """
    cause = f"reservation:{reservation.id}"
    known = db.session.scalar(sa.select(Invoice).where(Invoice.cause == cause))
    if known is not None:
        return known
    if not may_issue(reservation):
        raise NotPaidYet
    if address is None and not may_go_without_address(reservation):
        raise AddressNeeded
    venue = shop().venue
    with use_language(reservation.language):
        body = _body_of(reservation, venue, address)
    made = write_paper(reservation, body, cause=cause, zone=venue.zone, now=now)
    # What went back before, as a kindness, is no part of the price either.
    follow_refunds(reservation, made, zone=venue.zone, now=now)
    return made


@handles("payments.papers")
def _papers(payload: dict[str, Any], now: datetime) -> None:
    """Bring the papers of a reservation up to what was paid and went back. Commits."""
    try:
        in_one_go(partial(write_missing, payload["reservation_id"], now=now))
    except PersonUnknown:
        log.warning("no paper for somebody erased: reservation=%s", payload["reservation_id"])


def write_missing(reservation_id: int, *, now: datetime) -> None:
    """Issue what is missing: an invoice for who gave an address, and notes for refunds.

    Running it again adds nothing. The caller commits. Raises PersonUnknown.
    """
    reservation = get_for_update(reservation_id)
    papers = invoices_of(reservation_id)
    if papers:
        follow_refunds(reservation, papers[0], zone=shop().venue.zone, now=now)
    elif may_issue(reservation) and reservation.person is not None:
        address = load_address(reservation.person.billing_address)
        if address:
            made = issue(reservation, address=address, now=now)
            _tell(made, now=now)


def _tell(made: Invoice, *, now: datetime) -> None:
    """Tell who asked for an invoice with their booking that it is there, and where."""
    said = {"paper": number_of(made)}
    mail = {"template": "invoice_ready", "reservation_id": made.reservation_id, "said": said}
    enqueue("mail", mail, now=now)


# -- What an invoice says -----------------------------------------------------------------


def _body_of(reservation: Reservation, venue: Venue, address: dict[str, str] | None) -> Body:
    person = reservation.person
    name = (person.name if person else "") or ""
    company = (person.company if person else "") or ""
    told = summary(reservation).lines
    shares = [Share(line.vat_bp, line.total_minor, line.vat_minor) for line in reservation.lines]
    return {
        "number": "",
        "kind": INVOICE,
        "issued": "",
        "reference": reservation.reference,
        "seller": {
            "name": venue.name,
            "address": list(where(venue)),
            "tax_id": venue.tax_id,
            "email": venue.email,
            "phone": venue.phone,
        },
        "buyer": {
            "name": (address or {}).get("name") or name,
            "company": (address or {}).get("organisation") or company,
            "address": _envelope(name, company, address),
        },
        "supplied": _supplied(reservation, venue.zone),
        "rows": [
            {
                "label": line.label,
                "detail": line.detail,
                "gross_minor": share.gross_minor,
                "vat_bp": share.vat_bp,
            }
            for line, share in zip(told, shares, strict=True)
        ],
        "vat": [list(share) for share in by_rate(shares)],
        "total_minor": reservation.total_minor,
        "payments": [
            {
                "day": (one.paid_at or one.changed_at).astimezone(venue.zone).date().isoformat(),
                "means": one.method_hint or "",
                "minor": one.captured_minor,
            }
            for one in payments_of(reservation)
        ],
        "refers_to": None,
    }


def _envelope(name: str, company: str, address: dict[str, str] | None) -> list[str]:
    """Return who buys as their country writes it on an envelope; without an address, the name."""
    if address is None:
        return [line for line in (company, name) if line]
    # Who the address itself names goes before who booked.
    known = {"name": name, "organisation": company, **address}
    return format_address({key: text for key, text in known.items() if text}, current_locale())


def _supplied(reservation: Reservation, zone: ZoneInfo) -> list[str]:
    days: list[date] = []
    for line in reservation.lines:
        days += [day for day in (line.arrive, line.depart) if day is not None]
        days += [
            moment.astimezone(zone).date()
            for moment in (line.starts_at, line.ends_at)
            if moment is not None
        ]
    days = days or [reservation.first_start.astimezone(zone).date()]
    return [min(days).isoformat(), max(days).isoformat()]
