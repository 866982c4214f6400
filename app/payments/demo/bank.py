"""What happens at the demo bank: its books, moved by connections of its own.

As at a real bank, none of it is part of the shop's transaction. A shop that called it
with a transaction open would wait for itself, and fail: so no lock is ever held during
a call.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core.database import db
from app.core.money import Money
from app.payments.demo.models import OPEN, PAY, BankEvent, BankMeans, BankPayment, BankRefund
from app.payments.provider import Declined, Intent, Rejected
from app.payments.states import CLAIMING, EXPIRED, PAID, PROCESSING, SUCCEEDED

CARD = "Demo ···· 0000"

# What may become of a payment, from where.
_FROM = {PAID: (OPEN, PROCESSING), PROCESSING: (OPEN,), "failed": (OPEN, PROCESSING)}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, and to which payment."""

    id: str
    ref: str


@contextmanager
def books_of_the_bank() -> Iterator[Session]:
    """Open the bank's books, by a connection of its own, and commit at the end."""
    with Session(db.engine, expire_on_commit=False) as books, books.begin():
        yield books


def open_page(intent: Intent, key: str, *, now: datetime) -> BankPayment:
    """Make a payment to be made on the bank's page; the same key gives the same one.

    Raises Rejected where a key comes back with another intent.
    """
    try:
        return _open_page(intent, key, now=now)
    except IntegrityError:  # the same key came twice at the same moment
        return _open_page(intent, key, now=now)


def _open_page(intent: Intent, key: str, *, now: datetime) -> BankPayment:
    with books_of_the_bank() as books:
        known = books.scalar(sa.select(BankPayment).where(BankPayment.call_key == key))
        asked = (intent.payment_id, intent.money.minor, intent.money.currency, intent.save)
        if known is not None:
            said = (known.shop_payment_id, known.amount_minor, known.currency, known.save)
            if asked != said:
                raise Rejected("the key was used for something else")
            return known
        return enter(books, intent, key, OPEN, save=intent.save, now=now)


def enter(
    books: Session, intent: Intent, key: str, state: str, *, now: datetime, **more: Any
) -> BankPayment:
    """Write a payment into the bank's books as the house asked for it, and note that."""
    payment = BankPayment(
        ref=f"db_{secrets.token_urlsafe(16)}",
        call_key=key,
        shop_payment_id=intent.payment_id,
        amount_minor=intent.money.minor,
        currency=intent.money.currency,
        label=intent.label,
        return_url=intent.return_url,
        cancel_url=intent.cancel_url,
        state=state,
        expires_at=intent.expires_at,
        **more,
    )
    books.add(payment)
    books.flush()
    note(books, payment.ref, now=now)
    return payment


def find(ref: str) -> BankPayment | None:
    """Return a payment as the bank has it."""
    with books_of_the_bank() as books:
        return books.get(BankPayment, ref)


def state_of(payment: BankPayment, *, now: datetime) -> str:
    """Return the state of a payment: an open page has an end."""
    return EXPIRED if payment.state == OPEN and payment.expires_at <= now else payment.state


def refunds_of(ref: str) -> list[BankRefund]:
    """Return what was sent back of a payment."""
    with books_of_the_bank() as books:
        query = sa.select(BankRefund).where(BankRefund.payment_ref == ref)
        return list(books.scalars(query.order_by(BankRefund.ref)))


def settle(ref: str, state: str, *, now: datetime, later: str = PAY) -> Event | None:
    """Let a payment become paid, processing or failed; None where it no longer can.

    A card that was to be kept is kept with it; `later` is what it will do when it is charged.
    """
    with books_of_the_bank() as books:
        payment = books.get(BankPayment, ref, with_for_update=True)
        if payment is None or state_of(payment, now=now) not in _FROM[state]:
            return None
        payment.state = state
        if state in (PAID, PROCESSING):
            payment.method_hint = CARD
        if state == PAID and payment.save:
            books.add(
                BankMeans(
                    customer=f"dc_{secrets.token_urlsafe(16)}",
                    method=f"dm_{secrets.token_urlsafe(16)}",
                    payment_ref=ref,
                    later=later,
                )
            )
        return note(books, ref, now=now)


def close(ref: str, *, now: datetime) -> BankPayment | None:
    """Close the page of a payment, if it is open still, and return the payment."""
    with books_of_the_bank() as books:
        payment = books.get(BankPayment, ref, with_for_update=True)
        if payment is not None and payment.state == OPEN:
            payment.state = state_of(payment, now=now) if payment.expires_at <= now else "cancelled"
            note(books, ref, now=now)
        return payment


def give_back(
    ref: str, money: Money, key: str, *, shop_refund_id: str | None, now: datetime
) -> BankRefund:
    """Send money back; the same key sends it once.

    Raises Rejected for an unknown payment, Declined when more would go back than came.
    """
    with books_of_the_bank() as books:
        # The payment first: two refunds of it wait for each other here.
        payment = books.get(BankPayment, ref, with_for_update=True)
        if payment is None:
            raise Rejected("no such payment")
        known = books.scalar(sa.select(BankRefund).where(BankRefund.call_key == key))
        if known is not None:
            if known.amount_minor != money.minor or known.payment_ref != ref:
                raise Rejected("the key was used for something else")
            return known
        if payment.dispute in ("open", "lost"):
            raise Declined("charge_disputed")
        if money.currency != payment.currency or money.minor > left_of(books, payment):
            raise Declined("more_than_was_paid")
        refund = BankRefund(
            ref=f"dr_{secrets.token_urlsafe(16)}",
            call_key=key,
            payment_ref=ref,
            shop_refund_id=shop_refund_id,
            amount_minor=money.minor,
            state=SUCCEEDED,
        )
        books.add(refund)
        note(books, ref, now=now)
        return refund


def left_of(books: Session, payment: BankPayment) -> int:
    """Return what is left of a payment that may be sent back, in minor units."""
    gone = books.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(BankRefund.amount_minor), 0)).where(
            BankRefund.payment_ref == payment.ref, BankRefund.state.in_(CLAIMING)
        )
    )
    return payment.amount_minor - int(gone or 0) if payment.state == PAID else 0


def events_since(since: datetime) -> list[Event]:
    """Return what happened since an instant, oldest first."""
    with books_of_the_bank() as books:
        query = sa.select(BankEvent).where(BankEvent.at >= since)
        found = books.scalars(query.order_by(BankEvent.at, BankEvent.id))
        return [Event(event.id, event.ref) for event in found]


def note(books: Session, ref: str, *, now: datetime) -> Event:
    """Write down that something happened to a payment, for whoever is to be told."""
    event = BankEvent(id=f"de_{secrets.token_urlsafe(16)}", ref=ref, at=now)
    books.add(event)
    return Event(event.id, ref)
