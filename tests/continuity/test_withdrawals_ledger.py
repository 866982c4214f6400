"""The ledger of withdrawals: whole after a crash, kept as long as it is needed, of nobody."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.restrictions import OBJECT, lift, restrict, restricted
from app.booking import feeds
from app.booking.models import Feed, OfferRow
from app.consent.models import PersonPermission
from app.continuity import backups, drill, restore, serving, upgrade
from app.continuity.models import BOOK, KEYS_BACKUP
from app.core import withdrawals
from app.core.database import KEYS, db
from app.core.datamap import Purpose
from app.core.outbox import Job
from app.core.sweeps import named
from app.core.withdrawals import MARGIN, Withdrawal, WithdrawalEntry
from app.guestbook.reviews_models import Review
from app.policy.documents import publish_missing
from tests.continuity.steps import put_by_hand
from tests.continuity.taking_back import (
    HOUR,
    copied,
    ledger,
    made,
    refused,
    say_no,
    say_yes,
    says_yes,
    somebody,
    work,
)
from tests.guestbook.test_reviews import (
    EVERYWHERE,
    agree,
    greta,
    public,
    publish,
)
from tests.house.ground import furnished, place
from tests.house.visitor import Visitor

__all__ = ["copied", "furnished", "greta", "place", "somebody"]


@pytest.mark.both_databases
def test_a_crash_between_the_book_and_the_ledger_is_made_good(
    place, clock, somebody, copied, monkeypatch
):
    bring_back = copied()
    say_no(place, clock, somebody)
    noted = ledger(place)
    with monkeypatch.context() as broken:
        broken.setattr(withdrawals, "_enter", lambda _entries: 1 / 0)
        work(place, clock)  # before the ledger
    before = ledger(place)
    clock.move(HOUR)
    with place.app_context():
        withdrawals.enter({}, clock())
        db.session.rollback()  # after the ledger, before the book knows
    between = ledger(place)
    clock.move(HOUR)
    work(place, clock)
    entered = ledger(place)

    bring_back()

    assert noted == before == (set(), noted[1])
    assert len(noted[1]) == 1
    assert between == entered == (noted[1], noted[1])
    assert not says_yes(place, somebody)
    with place.app_context():
        assert db.session.scalar(sa.select(Withdrawal.entered_at)) is not None
        jobs = sa.select(Job.id).where(Job.topic == withdrawals.TOPIC, Job.done_at.is_(None))
        assert db.session.scalar(jobs) is None


def test_taking_back_waits_for_no_other_database(place, clock, somebody, settings):
    with closing(sqlite3.connect(settings.instance_dir / "keys.db")) as keys:
        keys.execute("BEGIN EXCLUSIVE")

        say_no(place, clock, somebody)

        assert not says_yes(place, somebody)
        keys.rollback()
    work(place, clock)
    assert len(ledger(place)[0]) == 1


@pytest.mark.both_databases
def test_replayed_twice_and_restored_twice_it_is_the_same(place, clock, somebody, copied):
    bring_back = copied()
    say_no(place, clock, somebody)
    first = bring_back()
    with place.app_context():
        once = db.session.scalars(sa.select(PersonPermission)).one()
        again = restore.finish(now=clock())
        twice = db.session.scalars(sa.select(PersonPermission)).one()
    second = bring_back()

    assert (first.withdrawals, again.withdrawals, second.withdrawals) == (1, 0, 1)
    assert (once.ended_at, once.given_at) == (twice.ended_at, twice.given_at)
    assert not says_yes(place, somebody)
    assert ledger(place)[0] == ledger(place)[1]


@pytest.mark.both_databases
def test_numbers_that_are_given_out_again_after_a_restore_do_no_harm(place, clock, copied):
    anna = made(place, clock)
    bring_back = copied()
    say_yes(place, clock, anna)
    with place.app_context():
        number = db.session.scalar(sa.select(PersonPermission.id))
    clock.move(HOUR)
    say_no(place, clock, anna)
    bring_back()
    bert = say_yes(place, clock, made(place, clock, "bert@post.example"))
    say_yes(place, clock, anna)  # once more, and of her own will
    with place.app_context():
        same = db.session.scalar(sa.select(PersonPermission.id).order_by(PersonPermission.id))
        # Even where the book forgot what was carried out in it.
        db.session.execute(sa.delete(Withdrawal))
        db.session.commit()
        report = restore.finish(now=clock())

    assert number == same
    assert report.withdrawals == 1
    assert says_yes(place, bert)
    assert says_yes(place, anna)


@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_a_book_that_was_put_back_by_hand_is_not_served_until_it_is_taken_back(
    place, clock, somebody, settings, newest, tmp_path
):
    with place.app_context():
        backups.create(now=clock())
    clock.move(HOUR)
    say_no(place, clock, somebody)
    work(place, clock)
    allowed = refused(place)
    with place.app_context():
        put_by_hand(newest(), BOOK, settings, tmp_path)

    closed = refused(place)
    page = place.test_client().get("/readyz")
    with place.app_context():
        restore.finish(now=clock())

    assert (allowed, closed) == (None, serving.ALLOWED_AGAIN)
    assert page.status_code == 503
    assert "older than the ledger of what was taken back (1 to replay)" in page.text
    assert refused(place) is None
    assert not says_yes(place, somebody)


@pytest.mark.both_databases(usually="sqlite")
def test_a_keys_database_that_was_put_back_learns_from_the_book_what_was_taken_back(
    place, clock, somebody, copied, settings, newest, tmp_path
):
    bring_back = copied()
    say_no(place, clock, somebody)
    work(place, clock)
    with place.app_context():
        put_by_hand(newest(KEYS_BACKUP), KEYS_BACKUP, settings, tmp_path)
    lost = ledger(place)[0]
    with place.app_context():
        restore.finish(now=clock())

    bring_back()

    assert lost == set()
    assert not says_yes(place, somebody)


@pytest.mark.both_databases(usually="sqlite")
@pytest.mark.parametrize("keys_too", [False, True])
def test_what_no_worker_had_entered_yet_is_taken_from_the_book_that_is_replaced(
    place, clock, somebody, newest, keys_too
):
    with place.app_context():
        backups.create(now=clock())
    clock.move(HOUR)
    say_no(place, clock, somebody)

    with place.app_context():
        keys = newest(KEYS_BACKUP) if keys_too else None
        report = restore.restore(newest(), keys, now=clock())

    assert report.withdrawals == 1
    assert not says_yes(place, somebody)


def test_going_back_to_before_an_upgrade_does_not_bring_back_what_was_taken_back(
    place, clock, somebody
):
    with place.app_context():
        upgrade.upgrade(lambda: publish_missing(now=clock()), now=clock())
    clock.move(HOUR)
    say_no(place, clock, somebody)
    work(place, clock)
    with place.app_context():
        upgrade.rollback(now=clock.move(HOUR))

    assert not says_yes(place, somebody)


@pytest.mark.clause("C12")
@pytest.mark.both_databases
def test_an_entry_goes_once_no_backup_from_before_it_is_left(place, clock, somebody, settings):
    say_no(place, clock, somebody)
    work(place, clock)
    kept, sweep_it = timedelta(days=settings.backup_days) + MARGIN, named("withdrawals")
    clock.move(kept - timedelta(seconds=1))
    with place.app_context():
        sweep_it.carry_out(clock())
    there = ledger(place)
    clock.move(timedelta(seconds=1))
    with place.app_context():
        sweep_it.carry_out(clock())

    assert [len(ids) for ids in there] == [1, 1]
    assert ledger(place) == (set(), set())
    assert refused(place) is None


@pytest.mark.clause("C22")
@pytest.mark.both_databases(usually="sqlite")
def test_an_older_keys_database_does_not_bring_back_an_objection_that_was_lifted(
    place, clock, somebody, settings, newest, tmp_path
):
    with place.app_context():
        restrict([somebody], Purpose.SUGGESTIONS, OBJECT, now=clock())
        db.session.commit()
    work(place, clock)
    with place.app_context():
        backups.create(now=clock())
    clock.move(HOUR)
    with place.app_context():
        lift([somebody], Purpose.SUGGESTIONS, OBJECT, now=clock())
        db.session.commit()
    work(place, clock)
    clock.move(timedelta(days=settings.backup_days) + MARGIN)
    with place.app_context():
        named("withdrawals").carry_out(clock())
        put_by_hand(newest(KEYS_BACKUP), KEYS_BACKUP, settings, tmp_path)
    remembered = ledger(place)

    served = refused(place) is None
    with place.app_context():
        report = restore.finish(now=clock())
        objects = restricted([somebody], Purpose.SUGGESTIONS)

    assert [len(ids) for ids in remembered] == [1, 0]
    assert served
    assert report.withdrawals == 0
    assert not objects
    assert ledger(place) == (set(), set())


def test_an_entry_says_nothing_of_whom_it_is(place, clock, somebody):
    say_no(place, clock, somebody)
    work(place, clock)

    with place.app_context(), db.engines[KEYS].connect() as keys:
        [entry] = keys.execute(sa.select(WithdrawalEntry.__table__)).mappings()
    said = " ".join(map(str, entry.values()))
    assert somebody not in said
    assert "survey" not in said
    assert entry["kind"] == "permission"


@pytest.mark.clause("C11")
@pytest.mark.clause("C12")
def test_the_public_pages_say_how_long_it_is_known_that_there_was_a_no(place, settings):
    visitor, days = Visitor(place), settings.backup_days + MARGIN.days

    for path in ("/privacy/retention", "/privacy/storage"):
        assert f"{days} days: longer than copies of the books are kept" in visitor.open(path).words


@pytest.mark.clause("C21")
def test_the_drill_is_red_when_what_was_taken_back_is_not_carried_out(place, clock, monkeypatch):
    monkeypatch.setitem(withdrawals._carry_out, withdrawals.PERMISSION, lambda _wanted: None)
    with place.app_context():
        run = drill.drill(now=clock())

        assert not run.passed
        assert run.checks["taken_back"] is True
        assert run.checks["still_a_no"] == "it is allowed again"


def test_feeds_and_reviews_of_others_stay_as_they_were(place, clock, greta, copied, somebody):
    agree(place, greta[0])
    publish(place, clock)
    with place.app_context():
        offer = db.session.scalar(sa.select(OfferRow.id))
        _, token = feeds.make("Else", offer, None, address="", out=True, now=clock())
        db.session.commit()
    bring_back = copied()
    say_no(place, clock, somebody)

    bring_back()

    assert public(place) == EVERYWHERE
    assert Visitor(place).open(f"/feeds/{token}.ics").status == 200
    with place.app_context():
        assert db.session.scalar(sa.select(Feed.token_digest)) is not None
        assert db.session.scalar(sa.select(Review.state)) == "shown"
