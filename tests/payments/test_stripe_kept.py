"""A card that Stripe keeps is charged on its day, once, and deleted; one that fails is told (C33).

From the page to the worker, against the stand-in for Stripe; notices come twice, late and
in the wrong order, or not at all.
"""

import pytest
import sqlalchemy as sa

from app.booking.links import checkout_key
from app.booking.models import CONFIRMED
from app.booking.reservations import cancel, get_for_update
from app.core.database import db
from app.core.worker import tidy
from app.payments.charging import AGAIN
from app.payments.models import BALANCE, SavedMeans
from app.payments.plan import NOTICE
from app.payments.reconcile import reconcile
from app.payments.stripe import client as stripe_client
from tests.payments import till
from tests.payments.providers import with_stripe
from tests.payments.stripe_standin import DROP_AFTER, FAIL, StandIn
from tests.payments.test_plan import DUE, REST, SHARE
from tests.payments.test_stripe import agree, ledger_says, tell
from tests.payments.till import TOTAL, attempts_of, mails, run_jobs

pytestmark = pytest.mark.clause("C03")

TWICE, LATE, LOST = "twice", "late and the wrong way round", "lost"


@pytest.fixture
def stripe(clock, monkeypatch):
    """Stripe, as far as we can tell."""
    monkeypatch.setattr(stripe_client, "PAUSE", 0.01)
    monkeypatch.setattr(stripe_client, "ANSWER", 1.0)
    stand_in = StandIn(clock)
    yield stand_in
    stand_in.close()


@pytest.fixture
def settings(settings, stripe):
    """The settings of a site with a key of Stripe's test mode."""
    return with_stripe(settings, stripe)


@pytest.fixture
def place(context):
    """The place, which offers deposits; payments go the way that the site has chosen."""
    till.open_the_place()
    till.ask_for_deposits()
    return context


@pytest.fixture
def keeps(visitor, reservation, stripe, client, clock):
    """Let the guest pay a deposit on Stripe's page and ask that their card is kept."""

    def keep(later, notices=TWICE):
        page = f"/checkout/{checkout_key(reservation)}/pay"
        answer = visitor.press(page, data={"part": "deposit", "keep": "y"})
        assert answer.status_code == 303
        stripe.pay(answer.location.rpartition("/")[2], later=later)
        hear(client, stripe, notices, clock)
        return reservation

    return keep


def hear(client, stripe, notices, clock):
    """Let the site hear, or not, of all that has happened at Stripe so far; then look."""
    db.session.rollback()
    events = list(stripe.events)
    if notices == TWICE:
        assert {tell(client, stripe, event) for event in (*events, *events)} == {200}
    elif notices == LATE:
        reconcile(now=clock())
        assert {tell(client, stripe, event) for event in reversed(events)} == {200}
    reconcile(now=clock())
    run_jobs(now=clock())


def work(clock, at):
    """Let the worker do its minute's round at an instant."""
    clock.set(at)
    db.session.rollback()
    tidy(at)
    run_jobs(now=at)


def balances(reservation):
    db.session.rollback()
    db.session.refresh(reservation)
    return [
        (one.state, one.amount_minor) for one in attempts_of(reservation) if one.part == BALANCE
    ]


def told(reservation):
    return [one for one in mails(reservation) if one.startswith("balance")]


def kept_here():
    return db.session.scalar(sa.select(sa.func.count()).select_from(SavedMeans))


@pytest.mark.parametrize("notices", [TWICE, LATE, LOST])
def test_the_balance_is_charged_on_its_day_and_the_card_is_deleted(
    keeps, client, stripe, clock, notices
):
    firm = keeps("pays", notices)
    before = (firm.status, ledger_says(), len(stripe.means), kept_here())

    work(clock, DUE - NOTICE)
    announced = (told(firm), balances(firm))
    for _ in range(3):
        work(clock, DUE)
        hear(client, stripe, notices, clock)

    assert before == (CONFIRMED, SHARE, 1, 1)
    assert announced == (["balance_saved_notice"], [])
    assert balances(firm) == [("paid", REST)]
    assert (firm.paid_minor, stripe.balance("eur")) == (TOTAL, TOTAL)
    assert told(firm) == ["balance_saved_notice", "balance_paid"]
    assert (stripe.means, kept_here()) == ({}, 0)
    assert len([one for one in stripe.calls if one.method == "DELETE"]) == 1
    assert agree(stripe)


@pytest.mark.parametrize("notices", [TWICE, LATE, LOST])
@pytest.mark.parametrize("later", ["declines", "asks", "asks politely"])
def test_a_card_that_is_not_good_leads_back_to_the_link_by_a_mail(
    keeps, client, visitor, stripe, clock, later, notices
):
    firm = keeps(later, notices)
    work(clock, DUE - NOTICE)
    for _ in range(2):
        work(clock, DUE)
        hear(client, stripe, notices, clock)
    failed = (set(balances(firm)), ledger_says(), told(firm))
    answer = visitor.press(f"/checkout/{checkout_key(firm)}/pay")
    stripe.pay(answer.location.rpartition("/")[2])
    for _ in range(2):
        hear(client, stripe, notices, clock)
        work(clock, DUE + AGAIN)

    assert failed == ({("failed", REST)}, SHARE, ["balance_saved_notice", "balance_failed"])
    assert answer.status_code == 303
    assert balances(firm)[-1] == ("paid", REST)
    assert [state for state, _ in balances(firm)].count("paid") == 1
    assert (firm.paid_minor, stripe.balance("eur")) == (TOTAL, TOTAL)
    assert told(firm)[-1] == "balance_paid"
    assert (stripe.means, kept_here()) == ({}, 0)
    assert agree(stripe)


@pytest.mark.parametrize("notices", [TWICE, LOST])
def test_a_charge_whose_answer_got_lost_is_made_once(keeps, client, stripe, clock, notices):
    firm = keeps("pays", notices)
    work(clock, DUE - NOTICE)
    with stripe.broken(DROP_AFTER, path="/v1/payment_intents", method="POST"):
        work(clock, DUE.replace(minute=1))  # between two reconciliations
    open_still = balances(firm)
    for minutes in (5, 15):
        work(clock, DUE.replace(minute=minutes))
        hear(client, stripe, notices, clock)

    assert open_still == [("created", REST)]
    assert balances(firm) == [("paid", REST)]
    assert stripe.balance("eur") == TOTAL
    assert told(firm) == ["balance_saved_notice", "balance_paid"]
    assert (stripe.means, kept_here()) == ({}, 0)
    assert agree(stripe)


def test_a_cancelled_booking_has_its_card_deleted_and_nothing_charged(
    app, keeps, client, stripe, clock
):
    firm = keeps("pays")
    with app.test_request_context():
        cancel(get_for_update(firm.id), expected_refund=None, now=clock())
        db.session.commit()
    run_jobs(now=clock())
    for at in (DUE - NOTICE, DUE):
        work(clock, at)
        hear(client, stripe, TWICE, clock)

    assert balances(firm) == []
    assert (stripe.means, kept_here()) == ({}, 0)
    assert agree(stripe)


def test_a_card_that_stripe_would_not_delete_is_deleted_later(keeps, stripe, client, clock):
    firm = keeps("pays")
    work(clock, DUE - NOTICE)
    with stripe.broken(FAIL, path="/v1/customers", method="DELETE"):
        work(clock, DUE)
    waiting = (len(stripe.means), kept_here(), balances(firm))
    for hours in (1, 3):
        work(clock, DUE.replace(hour=DUE.hour + hours))

    assert waiting == (1, 1, [("paid", REST)])
    assert (stripe.means, kept_here()) == ({}, 0)
