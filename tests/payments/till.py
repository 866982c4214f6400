"""A place with one room, guests who book it, and a line to the bank that can be cut."""

import contextvars
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import uuid4

import sqlalchemy as sa

from app.accounts.models import Person
from app.booking.cancellation import CancellationPolicy, Tier
from app.booking.holds import hold, release_run_out
from app.booking.models import OfferRow, RateRow, Reservation, UnitRow, VenueRow
from app.booking.prices import StayWish, quote
from app.booking.shop import shop
from app.core import outbox
from app.core.database import db
from app.core.money import Money
from app.core.outbox import Job
from app.core.vault import vault
from app.payments.apply import look
from app.payments.demo import bank
from app.payments.demo.provider import DemoProvider
from app.payments.ledger import SIGNED
from app.payments.models import DEPOSIT, LedgerEntry, Payment, Refund
from app.payments.pay import start_payment
from app.payments.plan import Choice
from app.payments.provider import NotSent, Unknown

A_NIGHT = 10_410  # EUR 104.10
NIGHTS = 3
TOTAL = NIGHTS * A_NIGHT
FIRST_DAY = date(2031, 6, 2)
NAME, EMAIL, PHONE = "Canary Wintergreen", "canary@example.org", "+4930123456"


def open_the_place(*, price=A_NIGHT):
    """Make the venue and its one room, of which there is one."""
    policy = CancellationPolicy((Tier(7, 10_000), Tier(2, 5_000)), grace_hours=0)
    venue = VenueRow(
        id=1,
        name="Haus Rohrdommel",
        texts={"en": {"tagline": "", "story": "", "alt": "", "directions": "By the lagoon."}},
        picture="house.svg",
        zone="Europe/Berlin",
        currency="EUR",
        address=["Am Bodden 1"],
        email="house@example.org",
        phone="+49 30 1",
        cancellation=policy.to_json(),
        check_in="15:00",
        check_out="11:00",
        months_ahead=24,
    )
    room = OfferRow(
        slug="reed-room",
        kind="stay",
        texts={"en": {"name": "Reed Room", "summary": "", "story": "", "alt": ""}},
        picture="reed-room.svg",
        units=1,
        adults_most=2,
        children_most=1,
        guests_most=3,
        nights_least=1,
        nights_most=30,
    )
    room.rates = [RateRow(minor=price)]
    room.unit_rows = [UnitRow(position=1, name="Reed Room")]
    db.session.add_all([venue, room])
    db.session.commit()


def book(*, now, arrive=FIRST_DAY, nights=NIGHTS, language="en"):
    """Hold the room for somebody with a name, and return the reservation."""
    catalogue = shop().catalogue
    wish = StayWish(catalogue.stays[0], arrive, arrive + timedelta(days=nights), adults=2)
    held = hold(catalogue, quote(catalogue, [wish]), language=language, now=now)
    person = Person(id=vault().new_person(), created_at=now)
    db.session.add(person)
    db.session.flush()
    person.name, person.email, person.phone = NAME, EMAIL, PHONE
    reservation = db.session.get(Reservation, held.reservation_id)
    reservation.person_id = person.id
    db.session.commit()
    return reservation


def book_instead(*, now, arrive=FIRST_DAY, nights=NIGHTS):
    """Let somebody else take the same room, once its hold has run out."""
    release_run_out(now=now)
    return book(now=now, arrive=arrive, nights=nights)


def ask_for_deposits(share=3_000, days=14):
    """Let the place offer a deposit of 30 %, and ask for the balance two weeks ahead."""
    venue = db.session.get(VenueRow, 1)
    venue.deposit_bp, venue.balance_days = share, days
    venue.catalogue_version += 1
    db.session.commit()


def pay_deposit(reservation, line, *, now, keep=False, later="pay"):
    """Make a reservation firm by a deposit, and return its attempt; the shop has looked."""
    start_payment(reservation, choice=Choice(DEPOSIT, keep), now=now)
    attempt = attempt_of(reservation)
    pay_at_bank(attempt, now=now, later=later)
    look(line, attempt.provider_ref, now=now)
    return attempt


def attempt_of(reservation):
    """Return the newest attempt to pay a reservation."""
    return attempts_of(reservation)[-1]


def attempts_of(reservation):
    """Return all attempts to pay a reservation, oldest first."""
    query = sa.select(Payment).where(Payment.reservation_id == reservation.id)
    return list(db.session.scalars(query.order_by(Payment.created_at, Payment.changed_at)))


def refunds_of(payment):
    """Return the refunds of a payment, oldest first."""
    query = sa.select(Refund).where(Refund.payment_id == payment.id)
    return list(db.session.scalars(query.order_by(Refund.created_at, Refund.id)))


def ledger_of(payment):
    """Return (kind, what it does to what the provider has of ours) of a payment, oldest first."""
    query = sa.select(LedgerEntry.kind, SIGNED)
    rows = query.where(LedgerEntry.payment_id == payment.id).order_by(LedgerEntry.id)
    return [tuple(row) for row in db.session.execute(rows)]


def begin(reservation, *, now):
    """Go to pay, and return the attempt."""
    start_payment(reservation, now=now)
    return attempt_of(reservation)


def pay_at_bank(payment, *, now, state="paid", later="pay"):
    """Press a button at the bank; the shop isn't told. `later`: what a kept card will do."""
    ref = payment.provider_ref
    db.session.rollback()
    event = bank.settle(ref, state, now=now, later=later)
    assert event is not None, "the bank's page was closed already"
    return event


def at_bank(payment):
    """Return a payment as the bank has it."""
    ref = payment.provider_ref
    db.session.rollback()
    return bank.find(ref)


def back_at_bank(payment):
    """Return what the bank sent back of a payment."""
    ref = payment.provider_ref
    db.session.rollback()
    return bank.refunds_of(ref)


def by_hand(payment, minor, *, now):
    """Let somebody at the bank send money back; the shop isn't asked."""
    ref, key = payment.provider_ref, f"by hand: {uuid4()}"
    db.session.rollback()
    return bank.give_back(ref, Money(minor, "EUR"), key, shop_refund_id=None, now=now)


def bank_says(refund_ref, state):
    """Let a refund have another state at the bank."""
    change = sa.text("UPDATE demo_bank_refund SET state = :state WHERE ref = :ref")
    db.session.rollback()
    with db.engine.begin() as bank_books:
        bank_books.execute(change, {"state": state, "ref": refund_ref})


def mails(reservation):
    """Return the templates of the messages that were to be sent, in order."""
    query = sa.select(Job.payload).where(Job.topic == "mail").order_by(Job.id)
    found = [row for row in db.session.scalars(query) if row["reservation_id"] == reservation.id]
    return [row["template"] for row in found]


def run_jobs(*, now: datetime):
    """Do what is due, and what follows from it."""
    db.session.rollback()
    while outbox.run_due(now=now):
        pass


def outside(call, *args, **kwargs):
    """Do something as another process would: not in the test's own app context or session."""
    db.session.rollback()
    return contextvars.Context().run(call, *args, **kwargs)


class Visitor:
    """Somebody with a browser, who goes where they are sent, one step at a time."""

    def __init__(self, client):
        self.client = client

    def get(self, url, **kwargs):
        """Open an address."""
        return outside(self.client.get, url, **kwargs)

    def press(self, url, **kwargs):
        """Press a button of a page of ours."""
        own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
        return outside(self.client.post, url, headers=own, **kwargs)


class Line(DemoProvider):
    """The demo bank at the end of a line that can be cut, and that counts its calls.

    `cut` before a call: the bank never hears of it. `mute`: it does as it is told,
    and its answer is lost.
    """

    def __init__(self, settings):
        super().__init__(settings)
        self.fault = None
        self.calls = []
        self.before = None  # something that happens while the call is on its way
        self.slow = False  # whether refunds take their time

    @contextmanager
    def broken(self, fault):
        """Break the line within the block."""
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None

    def _through(self, verb, call, **said):
        self.calls.append((verb, said))
        if self.before is not None:
            before, self.before = self.before, None
            before()
        if self.fault == "cut":
            raise NotSent
        answer = call()
        if self.fault == "mute":
            raise Unknown
        return answer

    def start(self, intent, key):
        """Start, if the line holds."""
        call = super().start
        return self._through("start", lambda: call(intent, key), intent=intent, key=key)

    def fetch(self, ref):
        """Fetch, if the line holds."""
        call = super().fetch
        return self._through("fetch", lambda: call(ref), ref=ref)

    def close(self, ref, key):
        """Close, if the line holds."""
        call = super().close
        return self._through("close", lambda: call(ref, key), ref=ref, key=key)

    def refund(self, ref, money, refund_id, key):
        """Refund, if the line holds."""
        call = super().refund
        view = self._through(
            "refund", lambda: call(ref, money, refund_id, key), ref=ref, money=money, key=key
        )
        if self.slow:
            bank_says(view.ref, "pending")
            view = replace(view, state="pending")
        return view

    def charge_saved(self, intent, saved, key):
        """Charge a kept card, if the line holds."""
        call = super().charge_saved
        said = {"intent": intent, "saved": saved, "key": key}
        return self._through("charge", lambda: call(intent, saved, key), **said)

    def forget(self, saved):
        """Forget a kept card, if the line holds."""
        call = super().forget
        return self._through("forget", lambda: call(saved), saved=saved)

    def keys(self, verb):
        """Return the keys with which a verb was called."""
        return [said["key"] for name, said in self.calls if name == verb]
