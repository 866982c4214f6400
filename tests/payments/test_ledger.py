"""Whatever happens, the ledger balances, and says of our money what the bank's own books say."""

from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import count

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.booking.models import CONFIRMED
from app.booking.reservations import cancel, get_for_update, prove
from app.core.database import db
from app.core.errors import DomainError
from app.payments.apply import look
from app.payments.attempts import lock_payment
from app.payments.audit import audit
from app.payments.compare import compare
from app.payments.demo.models import BankPayment, BankRefund
from app.payments.models import POSTINGS, LedgerEntry, Payment
from app.payments.notices import hear
from app.payments.pay import start_payment
from app.payments.provider import Declined, Notice, ProviderError
from app.payments.reconcile import reconcile
from app.payments.refunds import request_refund
from app.payments.states import OPEN
from tests.payments import till
from tests.payments.disputing import Questioned

ACCOUNTS = {"provider", "guests", "disputes"}
_nights = count(0, till.NIGHTS)


@pytest.fixture
def line(app, settings):
    """The line to a bank where payments are disputed."""
    line = Questioned(settings)
    app.extensions["payment_providers"] = {"demo": line}
    return line


@pytest.fixture(autouse=True)
def _in_a_request(app, place):
    with app.test_request_context():
        yield


def books():
    """Return what each account has by the ledger: {account: debits less credits}."""
    rows = db.session.execute(
        sa.select(LedgerEntry.debit, LedgerEntry.credit, LedgerEntry.amount_minor)
    ).all()
    found = dict.fromkeys(ACCOUNTS, 0)
    for debit, credit, minor in rows:
        found[debit] += minor
        found[credit] -= minor
    db.session.rollback()
    return found


def bank_has(line):
    """Return what the bank has of ours by its own books: paid, less sent back, less disputed."""
    paid = sa.select(sa.func.coalesce(sa.func.sum(BankPayment.amount_minor), 0)).where(
        BankPayment.state == "paid"
    )
    back = sa.select(sa.func.coalesce(sa.func.sum(BankRefund.amount_minor), 0)).where(
        BankRefund.state == "succeeded"
    )
    left = int(db.session.scalar(paid)) - int(db.session.scalar(back))
    db.session.rollback()
    return left - sum(line.withdrawn(ref) for ref in line.disputes)


class History(RuleBasedStateMachine):
    """Guests book, pay and cancel, the house refunds, banks dispute, and news get lost."""

    def __init__(self, line, clock):
        super().__init__()
        self.line, self.clock = line, clock
        self.reservations, self.payments, self.events = [], [], []
        self.arrive = till.FIRST_DAY + timedelta(days=next(_nights))

    def now(self):
        db.session.rollback()
        return self.clock.move(timedelta(minutes=1))

    def one(self, things, index):
        return things[index % len(things)] if things else None

    def attempt(self, index):
        payment_id = self.one(self.payments, index)
        found = db.session.get(Payment, payment_id) if payment_id else None
        return found if found is not None and found.provider_ref else None

    @rule()
    def book(self):
        if len(self.reservations) < 3:
            with suppress(DomainError):
                found = till.book(now=self.now(), arrive=self.arrive)
                self.reservations.append(found.id)

    @rule(index=st.integers(0, 2))
    def begin(self, index):
        reservation_id = self.one(self.reservations, index)
        if reservation_id is not None:
            with suppress(DomainError):
                now = self.now()
                reservation = get_for_update(reservation_id)
                start_payment(reservation, now=now)
            db.session.rollback()
            query = sa.select(Payment.id).where(Payment.reservation_id == reservation_id)
            self.payments += set(db.session.scalars(query)) - set(self.payments)

    @rule(index=st.integers(0, 2), told=st.booleans())
    def pay(self, index, told):
        """Go to pay and pay, all at once: what guests do most of the time."""
        self.book()
        self.begin(index)
        self.settle(len(self.payments) - 1, "paid")
        if told and self.events:
            self.notice(len(self.events) - 1)

    @rule(index=st.integers(0, 4), state=st.sampled_from(["paid", "paid", "processing", "failed"]))
    def settle(self, index, state):
        payment = self.attempt(index) if self.payments else None
        if payment is not None:
            ref, now = payment.provider_ref, self.now()
            event = till.bank.settle(ref, state, now=now)
            self.events += [event] if event else []

    @rule(index=st.integers(0, 9))
    def notice(self, index):
        event = self.one(self.events, index)
        if event is not None:
            now = self.now()
            with suppress(ProviderError):
                look(self.line, event.ref, now=now)

    @rule(index=st.integers(0, 4), minor=st.integers(1, till.TOTAL // 3))
    def refund(self, index, minor):
        payment = self.attempt(index)
        if payment is not None:
            now, payment_id = self.now(), payment.id
            with suppress(DomainError):
                request_refund(lock_payment(payment_id), minor, reason="owner", now=now)
                db.session.commit()

    @rule(index=st.integers(0, 4), minor=st.integers(1, till.TOTAL // 3))
    def refund_at_the_bank(self, index, minor):
        payment = self.attempt(index)
        if payment is not None:
            with suppress(Declined):
                till.by_hand(payment, minor, now=self.now())

    @rule(index=st.integers(0, 4), which=st.integers(0, 1))
    def refund_comes_back(self, index, which):
        payment = self.attempt(index)
        if payment is not None:
            self.tell(payment)
            for back in till.back_at_bank(payment)[which : which + 1]:
                till.bank_says(back.ref, "failed")

    @rule(
        index=st.integers(0, 4),
        state=st.sampled_from(["inquiry", "open", "won", "lost"]),
        minor=st.integers(1, till.TOTAL),
        told=st.booleans(),
    )
    def dispute(self, index, state, minor, told):
        payment = self.attempt(index)
        if payment is None or till.at_bank(payment).state != "paid":
            return
        order = ["inquiry", "open", "won", "lost"]
        before = self.line.disputes.get(payment.provider_ref, {}).get("dp_1")
        if before is None:
            # A bank never takes more than is there.
            gone = sum(
                one.amount_minor
                for one in till.back_at_bank(payment)
                if one.state in ("succeeded", "pending")
            )
            minor = min(minor, payment.amount_minor - gone)
        else:
            minor = before.money.minor
            if before.state in ("won", "lost") or order.index(state) < order.index(before.state):
                return
        if minor > 0:
            self.line.dispute(payment, state, minor=minor)
            if told:
                self.tell(payment)

    def tell(self, payment):
        """Let us look at a payment as it is at the bank now."""
        ref, now = payment.provider_ref, self.now()
        with suppress(ProviderError):
            look(self.line, ref, now=now)

    @rule(state=st.sampled_from(["won", "lost"]))
    def decide(self, state):
        """Let the banks decide whatever waits, once we know of it."""
        for payment_id in self.payments:
            payment = db.session.get(Payment, payment_id)
            known = self.line.disputes.get(payment.provider_ref if payment else None, {})
            for view in list(known.values()):
                if view.state in ("inquiry", "open"):
                    self.tell(payment)
                    self.line.dispute(payment, state, minor=view.money.minor)

    @rule(index=st.integers(0, 2))
    def cancel(self, index):
        reservation_id = self.one(self.reservations, index)
        if reservation_id is not None:
            now = self.now()
            with suppress(DomainError):
                cancel(get_for_update(reservation_id), expected_refund=None, now=now)
                db.session.commit()

    @rule(fault=st.sampled_from([None, None, "cut", "mute"]))
    def work(self, fault):
        with self.line.broken(fault):
            till.run_jobs(now=self.now())

    @initialize()
    def first(self):
        """Begin with somebody who has paid."""
        self.pay(0, told=True)

    @rule(minutes=st.sampled_from([5, 20, 40, 1500]))
    def wait(self, minutes):
        self.now()
        self.clock.move(timedelta(minutes=minutes))

    @invariant()
    def debits_are_credits(self):
        """Every line moves between two accounts that fit its kind; all accounts come to nothing."""
        db.session.rollback()
        found = books()
        assert sum(found.values()) == 0
        assert found["guests"] <= 0 <= found["disputes"]
        pairs = db.session.execute(
            sa.select(LedgerEntry.kind, LedgerEntry.debit, LedgerEntry.credit).distinct()
        ).all()
        db.session.rollback()
        assert all(POSTINGS[kind] == (debit, credit) for kind, debit, credit in pairs)

    def teardown(self):
        """In the end all is looked at; then the ledger says what the bank says."""
        try:
            self.settle_everything()
            assert books()["provider"] == bank_has(self.line)
            assert compare(now=self.clock()) == []
            assert prove(now=self.clock()) == []
            found = {one.code for one in audit(now=self.clock()).mismatches}
            assert not found & {"ledger", "paid_differs", "places"}, found
        finally:
            self.forget()

    def settle_everything(self):
        for _ in range(2):
            now = self.now()
            reconcile(now=now)
            for payment_id in self.payments:
                payment = db.session.get(Payment, payment_id)
                ref = payment.provider_ref if payment is not None else None
                db.session.rollback()
                if ref is not None:
                    look(self.line, ref, now=now)
            till.run_jobs(now=now + timedelta(hours=3))

    def forget(self):
        """Let the next history begin without what this one left open."""
        db.session.rollback()
        still = sa.update(Payment).where(Payment.state.in_(OPEN)).values(state="failed")
        db.session.execute(still)
        db.session.commit()
        self.clock.move(timedelta(days=3))


def run(line, clock, *, examples, steps):
    """Live through so many histories."""
    run_state_machine_as_test(
        partial(History, line, clock),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        ),
    )


@pytest.mark.clause("C03")
def test_after_any_history_the_ledger_balances_and_equals_the_books_of_the_bank(place, line, clock):
    run(line, clock, examples=40, steps=30)

    assert books()["provider"] == bank_has(line)


@pytest.mark.both_databases
def test_after_a_few_histories_it_does_so_on_both_databases(place, line, clock):
    run(line, clock, examples=6, steps=15)

    assert books()["provider"] == bank_has(line)


def test_the_books_of_a_whole_story_are_these(place, line, clock):
    reservation = till.book(now=clock())
    payment = till.begin(reservation, now=clock())
    event = till.pay_at_bank(payment, now=clock())
    hear(line, Notice(event.id, (event.ref,)), now=clock())
    request_refund(lock_payment(payment.id), 1_000, reason="owner", now=clock())
    db.session.commit()
    till.run_jobs(now=clock())
    line.dispute(payment, "lost", minor=500)
    look(line, payment.provider_ref, now=clock())

    assert db.session.get(type(reservation), reservation.id).status == CONFIRMED
    assert books() == {
        "provider": till.TOTAL - 1_500,
        "guests": 1_000 - till.TOTAL,
        "disputes": 500,
    }
