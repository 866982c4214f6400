"""What happens at the demo bank after a payment: a kept card is charged, a payment questioned.

What a kept card will do when it is charged was chosen on the bank's page, by a button.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa

from app.payments.demo.bank import CARD, Event, books_of_the_bank, enter, left_of, note
from app.payments.demo.models import ASK, DECLINE, DISPUTED, BankMeans, BankPayment
from app.payments.provider import Declined, Intent, NeedsCustomer, Rejected
from app.payments.states import PAID

# How long the house has to answer a question of the guest's bank.
ANSWER_WITHIN = timedelta(days=14)
_FROM = {DISPUTED: (None,), "won": (DISPUTED,), "lost": (DISPUTED,)}


def kept_with(ref: str) -> BankMeans | None:
    """Return the card that was kept with a payment, if it still is."""
    with books_of_the_bank() as books:
        return books.scalar(sa.select(BankMeans).where(BankMeans.payment_ref == ref))


def charge(intent: Intent, customer: str, method: str, key: str, *, now: datetime) -> BankPayment:
    """Charge a kept card; the same key charges it once.

    Raises Rejected for a card that isn't kept, and for a key that was used for something
    else; Declined and NeedsCustomer as was chosen when it was kept.
    """
    with books_of_the_bank() as books:
        # The card first: two charges of it wait for each other here.
        means = books.get(BankMeans, customer, with_for_update=True)
        known = books.scalar(sa.select(BankPayment).where(BankPayment.call_key == key))
        if known is not None:
            asked = intent.payment_id, intent.money.minor, intent.money.currency
            if asked != (known.shop_payment_id, known.amount_minor, known.currency):
                raise Rejected("the key was used for something else")
            return known
        if means is None or means.method != method:
            raise Rejected("no such card")
        if means.later == ASK:
            raise NeedsCustomer("authentication_required")
        if means.later == DECLINE:
            raise Declined("card_declined")
        return enter(books, intent, key, PAID, method_hint=CARD, now=now)


def forget(customer: str) -> None:
    """Forget a kept card; one that isn't kept is forgotten already."""
    with books_of_the_bank() as books:
        books.execute(sa.delete(BankMeans).where(BankMeans.customer == customer))


def question(ref: str, state: str, *, now: datetime) -> Event | None:
    """Let the guest's bank question a payment ("open"), or decide; None where it can't.

    All that wasn't sent back is taken until it is decided; "won" gives it to the house.
    """
    with books_of_the_bank() as books:
        payment = books.get(BankPayment, ref, with_for_update=True)
        if payment is None or payment.state != PAID or payment.dispute not in _FROM[state]:
            return None
        if state == DISPUTED:
            payment.disputed_minor = left_of(books, payment)
            payment.disputed_at = now
            if not payment.disputed_minor:
                return None
        payment.dispute = state
        return note(books, ref, now=now)
