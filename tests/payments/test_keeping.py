"""What the database defends, whatever a program believes; and no demo where money is real."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app import create_app
from app.booking.models import Reservation
from app.core.database import db
from app.core.money import Money
from app.payments.apply import look
from app.payments.demo.provider import DemoInProduction, DemoProvider
from app.payments.ledger import enter_capture
from app.payments.models import LEDGER_GUARDS, LedgerEntry, LedgerIsAppendOnly, Payment
from app.payments.providers import NoProvider, current_provider
from app.payments.states import OPEN, PAYMENT_STATES, may_move, refund_may_move
from tests.payments.till import TOTAL, begin, ledger_of, pay_at_bank

# -- Production ---------------------------------------------------------------------------


@pytest.fixture
def production(settings):
    """The settings of a site where money is real."""
    return replace(settings, mode="production", site_url="https://example.org")


def test_the_demo_bank_cannot_be_made_in_production(production):
    with pytest.raises(DemoInProduction):
        DemoProvider(production)


def test_in_production_there_is_no_demo_bank_and_no_door_for_its_notices(production):
    app = create_app(production)
    client = app.test_client()

    answers = [
        client.open(path, method=method, base_url="https://example.org").status_code
        for method, path in [("GET", "/demo-bank/x"), ("POST", "/webhooks/demo")]
    ]
    with app.app_context(), pytest.raises(NoProvider):
        current_provider()

    assert answers == [404, 404]


# -- States -------------------------------------------------------------------------------


def test_an_end_is_never_left_but_for_money_that_came():
    ends = set(PAYMENT_STATES) - set(OPEN)

    left = {(here, there) for here in ends for there in PAYMENT_STATES if may_move(here, there)}

    assert left == {(here, "paid") for here in ends - {"paid", "review"}}


def test_nothing_goes_back_to_an_earlier_state():
    order = ["created", "pending", "processing", "paid"]

    for later, here in enumerate(order):
        assert not any(may_move(here, there) for there in order[: later + 1])
    assert not refund_may_move("succeeded", "pending")
    assert not refund_may_move("failed", "succeeded")


# -- Rows ---------------------------------------------------------------------------------


@pytest.fixture
def attempt(app, reservation, clock):
    """A page that is open at the bank."""
    with app.test_request_context():
        return begin(reservation, now=clock())


@pytest.fixture
def payment(attempt, line, clock):
    """A payment that was made."""
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())
    return attempt


def another(attempt, **values):
    """Return a row like an attempt, but for some values."""
    return Payment(
        **{
            "id": str(uuid4()),
            "reservation_id": attempt.reservation_id,
            "provider": attempt.provider,
            "state": "created",
            "amount_minor": TOTAL,
            "currency": "EUR",
            "expires_at": attempt.expires_at,
            "created_at": attempt.created_at,
            "changed_at": attempt.changed_at,
            **values,
        }
    )


@pytest.mark.both_databases
@pytest.mark.parametrize("state", OPEN)
def test_a_reservation_has_one_open_attempt(attempt, state):
    db.session.add(another(attempt, state=state))

    with pytest.raises(sa.exc.IntegrityError):
        db.session.commit()


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "strange"},
        {"state": "failed", "amount_minor": 0},
        {"state": "failed", "captured_minor": -1},
        {"state": "paid", "captured_minor": TOTAL - 1},
        {"state": "review"},
    ],
)
def test_a_row_that_cannot_be_true_is_refused(attempt, wrong):
    db.session.add(another(attempt, **wrong))

    with pytest.raises(sa.exc.IntegrityError):
        db.session.commit()


def test_one_line_for_one_movement(payment, clock):
    enter_capture(payment, payment.provider_ref, Money(TOTAL, "EUR"), now=clock())
    twice = db.session.scalars(sa.select(LedgerEntry)).one()

    db.session.add(
        LedgerEntry(
            source=twice.source,
            payment_id=payment.id,
            kind="capture",
            amount_minor=1,
            currency="EUR",
            at=clock(),
        )
    )

    with pytest.raises(sa.exc.IntegrityError):
        db.session.commit()


@pytest.mark.parametrize(("kind", "amount"), [("capture", -1), ("refund", 1), ("gift", 1)])
def test_a_line_has_the_sign_of_its_kind(payment, clock, kind, amount):
    db.session.add(
        LedgerEntry(
            source="x",
            payment_id=payment.id,
            kind=kind,
            amount_minor=amount,
            currency="EUR",
            at=clock(),
        )
    )

    with pytest.raises(sa.exc.IntegrityError):
        db.session.commit()


def test_a_program_of_ours_cannot_change_the_ledger(payment):
    entry = db.session.scalars(sa.select(LedgerEntry)).one()
    entry.amount_minor = 1

    with pytest.raises(LedgerIsAppendOnly):
        db.session.commit()


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "statement", ["UPDATE ledger_entry SET amount_minor = 1", "DELETE FROM ledger_entry"]
)
def test_no_program_can_change_the_ledger(payment, statement):
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        db.session.execute(sa.text(statement))

    db.session.rollback()
    assert ledger_of(payment) == [("capture", TOTAL)]
    assert set(LEDGER_GUARDS) == {"sqlite", "postgresql"}


@pytest.mark.both_databases
def test_an_unpaid_reservation_takes_its_attempts_along(reservation, attempt):
    db.session.execute(sa.delete(Reservation).where(Reservation.id == reservation.id))
    db.session.commit()

    assert db.session.scalars(sa.select(Payment)).all() == []


@pytest.mark.both_databases
@pytest.mark.clause("C12")
def test_a_reservation_whose_money_moved_cannot_be_deleted(reservation, payment):
    with pytest.raises(sa.exc.IntegrityError):
        db.session.execute(sa.delete(Reservation).where(Reservation.id == reservation.id))


def test_times_are_kept(payment, clock):
    assert payment.paid_at == payment.changed_at == clock()
    assert payment.expires_at == payment.created_at + timedelta(minutes=30)
