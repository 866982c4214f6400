"""People and machines that come at the same moment: one page, one confirmation, one refund."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa

from app.booking.links import checkout_key
from app.booking.models import CONFIRMED
from app.core.database import db
from app.payments.apply import look
from app.payments.attempts import lock_payment
from app.payments.ledger import balance
from app.payments.models import LedgerEntry, Payment
from app.payments.reconcile import reconcile
from app.payments.refunds import RefundTooMuch, request_refund, send_refund
from tests.payments.till import (
    TOTAL,
    begin,
    ledger_of,
    mails,
    pay_at_bank,
    refunds_of,
    run_jobs,
)

pytestmark = pytest.mark.both_databases

AT_ONCE = 8
OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


def together(app, *acts):
    """Do everything at the same moment, each in a thread and an app context of its own."""
    db.session.rollback()
    barrier = Barrier(len(acts))

    def start(act):
        barrier.wait()
        with app.app_context():
            return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(start, acts))


@pytest.fixture
def attempt(app, reservation, clock):
    """A page that is open at the bank."""
    with app.test_request_context():
        return begin(reservation, now=clock())


def test_many_clicks_on_pay_get_one_page(app, reservation):
    url = f"/checkout/{checkout_key(reservation)}/pay"

    answers = together(
        app, *[lambda: app.test_client().post(url, headers=OWN) for _ in range(AT_ONCE)]
    )

    assert [answer.status_code for answer in answers] == [303] * AT_ONCE
    assert len({answer.location for answer in answers}) == 1
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Payment)) == 1


def test_notice_return_and_reconciliation_at_once_confirm_once(
    app, reservation, attempt, line, clock
):
    event = pay_at_bank(attempt, now=clock())
    body = json.dumps({"id": event.id, "ref": event.ref}).encode()
    back = f"/checkout/{checkout_key(reservation)}/return"

    def notice():
        headers = line.sign(body, now=clock())
        return app.test_client().post("/webhooks/demo", data=body, headers=headers).status_code

    def come_back():
        return app.test_client().get(back).status_code

    codes = together(
        app, notice, come_back, lambda: reconcile(now=clock()).failed, notice, come_back
    )

    assert codes == [200, 303, 0, 200, 303]
    assert reservation.status == CONFIRMED
    assert mails(reservation) == ["confirmed"]
    assert ledger_of(attempt) == [("capture", TOTAL)]


def test_refunds_at_once_never_exceed_what_came(app, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())
    payment_id, part = attempt.id, TOTAL * 6 // 10

    def ask():
        try:
            request_refund(lock_payment(payment_id), part, reason="owner", now=clock())
            db.session.commit()
        except RefundTooMuch:
            db.session.rollback()
            return "too much"
        return "asked"

    answers = together(app, *[ask] * AT_ONCE)
    run_jobs(now=clock())

    assert sorted(answers) == ["asked"] + ["too much"] * (AT_ONCE - 1)
    assert balance(attempt) == TOTAL - part


def test_a_refund_that_is_sent_by_many_at_once_goes_once(app, attempt, line, clock):
    pay_at_bank(attempt, now=clock())
    look(line, attempt.provider_ref, now=clock())
    refund = request_refund(lock_payment(attempt.id), 100, reason="owner", now=clock())
    db.session.commit()
    refund_id = refund.id

    together(app, *[lambda: send_refund(refund_id, now=clock())] * 4)

    entries = sa.select(sa.func.count()).select_from(LedgerEntry)
    assert refund.state == "succeeded"
    assert balance(attempt) == TOTAL - 100
    assert db.session.scalar(entries.where(LedgerEntry.kind == "refund")) == 1


def test_two_payments_at_once_for_one_reservation_confirm_once_and_one_goes_back(
    app, reservation, attempt, line, clock
):
    attempt.state = "expired"
    db.session.commit()
    with app.test_request_context():
        second = begin(reservation, now=clock.move(timedelta(minutes=1)))
    for each in (attempt, second):
        pay_at_bank(each, now=clock())
    refs = [attempt.provider_ref, second.provider_ref]

    together(app, *[lambda ref=ref: look(line, ref, now=clock()) for ref in refs * 2])
    run_jobs(now=clock())

    assert reservation.status == CONFIRMED
    assert mails(reservation).count("confirmed") == 1
    assert sorted(balance(each) for each in (attempt, second)) == [0, TOTAL]
    assert sum(len(refunds_of(each)) for each in (attempt, second)) == 1
