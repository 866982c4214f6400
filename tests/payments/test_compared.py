"""The page of payments looks at what moved since all was compared, and misses nothing."""

from datetime import date, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from app.booking.models import Night, OfferRow
from app.booking.reservations import cancel, get_for_update
from app.core.database import db
from app.core.worker import tidy
from app.owner.payments import months
from app.payments import compared
from app.payments.apply import look
from app.payments.attempts import lock_payment
from app.payments.audit import audit
from app.payments.compared import Compared, compare_all, compare_moved, last_months, ledger_sums
from app.payments.models import LedgerEntry, Payment, Refund
from app.payments.refunds import request_refund
from tests.payments import till
from tests.payments.till import back_at_bank, bank_says, begin, by_hand, pay_at_bank, run_jobs

pytestmark = pytest.mark.clause("C03")
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)


@pytest.fixture
def paid(app, place, reservation, line, clock):
    """A payment that was there at the last whole comparison, and hasn't moved for long."""
    with app.test_request_context():
        payment = begin(reservation, now=clock())
        pay_at_bank(payment, now=clock())
        look(line, payment.provider_ref, now=clock())
        run_jobs(now=clock())
    clock.move(3 * DAY)
    compare_all(now=clock())
    db.session.commit()
    clock.move(DAY)
    return payment


def codes(found):
    return sorted(one.code for one in found.mismatches)


def both(clock):
    """Return what the page finds, which is what looking at everything finds."""
    db.session.rollback()
    page = compare_moved(now=clock())
    assert page == audit(now=clock())
    return codes(page)


def test_places_to_come_are_proved_each_time_and_past_ones_once_a_day(app, paid, clock, caplog):
    offer = db.session.scalar(sa.select(OfferRow).where(OfferRow.kind == "stay"))
    for days in (-10, 10):
        night = clock().date() + days * DAY
        db.session.add(Night(offer_id=offer.id, night=night, capacity=offer.units, taken=1))
    db.session.commit()

    page, whole = compare_moved(now=clock()), audit(now=clock())

    assert [one.detail[-10:] for one in page.mismatches] == [str(clock().date() + 10 * DAY)]
    assert codes(whole) == ["places", "places"]
    db.session.rollback()
    clock.move(DAY)
    compared.daily(clock())
    assert "places disagree with reservations: 2; see the command prove" in caplog.text


def test_what_stops_agreeing_after_the_comparison_is_seen_at_once(app, paid, line, clock):
    before = both(clock)
    with app.test_request_context():
        refund = request_refund(lock_payment(paid.id), 5_000, reason="owner", now=clock())
        db.session.commit()
        run_jobs(now=clock())
        bank_says(back_at_bank(paid)[0].ref, "failed")
        look(line, paid.provider_ref, now=clock())
    failed = both(clock)
    refund_id = refund.id
    db.session.execute(
        sa.update(Refund)
        .where(Refund.id == refund_id)
        .values(made_good_at=clock(), made_good_by="cash")
    )
    db.session.commit()

    assert (before, failed, both(clock)) == ([], ["refund_failed"], [])


def test_all_that_goes_back_by_hand_and_a_promise_without_a_refund_are_seen(app, paid, line, clock):
    with app.test_request_context():
        by_hand(paid, till.TOTAL, now=clock())
        look(line, paid.provider_ref, now=clock())
        gone = both(clock)
        reservation = get_for_update(paid.reservation_id)
        cancel(reservation, expected_refund=None, now=clock())
        db.session.commit()

    assert gone == ["all_back_but_firm"]
    assert both(clock) == []


def test_a_refund_that_was_refused_at_once_and_moved_no_money_is_seen(paid, clock):
    """A cancelled booking promises all; its refund fails before anything has moved."""
    refund = Refund(
        id=str(uuid4()), payment_id=paid.id, reason="cancelled", state="failed",
        amount_minor=till.TOTAL, created_at=clock(), changed_at=clock(),
    )  # fmt: skip
    db.session.add(refund)
    db.session.execute(
        sa.text("UPDATE reservation SET status = 'cancelled', refund_minor = :all"),
        {"all": till.TOTAL},
    )
    db.session.commit()

    # Its places were never given back: that is found too.
    assert set(both(clock)) == {"less_than_promised", "places", "refund_failed"}


def test_a_ledger_line_of_a_payment_that_rests_is_seen(paid, clock):
    db.session.add(
        LedgerEntry(
            source=f"refund:{uuid4()}", payment_id=paid.id, kind="refund", debit="guests",
            credit="provider", amount_minor=1, currency="EUR", at=clock(),
        )
    )  # fmt: skip
    db.session.commit()

    assert both(clock) == ["ledger"]


def test_what_did_not_agree_stays_listed_until_it_does(paid, clock):
    _tamper(paid, 1)
    compare_all(now=clock())
    db.session.commit()
    clock.move(10 * DAY)
    listed = both(clock)
    _tamper(paid, 0)

    assert listed == ["paid_differs"]
    assert both(clock) == []


def _tamper(payment, more):
    total = till.TOTAL + more
    db.session.execute(sa.text("UPDATE reservation SET paid_minor = :paid"), {"paid": total})
    db.session.commit()


def test_what_was_changed_behind_our_back_is_found_by_the_next_whole_comparison(paid, clock):
    _tamper(paid, 1)
    unseen = codes(compare_moved(now=clock()))
    db.session.rollback()
    tidy(clock())
    tidy(clock())

    assert unseen == []
    assert codes(compare_moved(now=clock())) == ["paid_differs"]
    assert db.session.scalar(sa.select(Compared.at)) == clock()


def test_months_are_the_same_with_and_without_what_was_summed_before(app, paid, line, clock):
    for days in (40, 1, 300, 70):
        with app.test_request_context():
            request_refund(lock_payment(paid.id), 1_000 + days, reason="owner", now=clock())
            db.session.commit()
            run_jobs(now=clock())
        quick = months(BERLIN, now=clock())
        kept = db.session.get(Compared, 1)
        db.session.delete(kept)
        db.session.flush()
        assert quick == months(BERLIN, now=clock())
        db.session.rollback()
        if days == 300:
            compare_all(now=clock())
            db.session.commit()
        clock.move(timedelta(days=days))
    begins = last_months(date(2032, 5, 1))
    assert sum(one.minor for one in ledger_sums(begins, BERLIN)) == till.TOTAL - 4_411


def test_the_page_reads_no_table_from_end_to_end(paid, clock):
    """Of the tables that grow with every payment, each statement uses an index."""
    statements = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if statement.lstrip().startswith(("SELECT", "WITH")):
            statements.append((statement, parameters))

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        compare_moved(now=clock())
        months(BERLIN, now=clock())
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)

    assert len(statements) <= 20
    if db.engine.dialect.name != "sqlite":
        return
    scans = []
    for statement, parameters in statements:
        plan = db.session.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", parameters
        )
        scans += [row[3] for row in plan if row[3].startswith("SCAN")]
    grown = {"payment", "ledger_entry"}
    assert [one for one in scans if one.split()[1] in grown and "INDEX" not in one] == []


def test_of_too_much_that_moved_everything_is_looked_at(paid, clock, monkeypatch):
    _tamper(paid, 1)
    monkeypatch.setattr(compared, "_MOST_MOVED", 0)
    db.session.execute(sa.update(Payment).values(changed_at=clock()))
    db.session.commit()

    assert codes(compare_moved(now=clock())) == ["paid_differs"]
