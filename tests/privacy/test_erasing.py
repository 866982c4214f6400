"""Erasing somebody leaves nothing of them but what the law keeps, whatever crashes on the way."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import Account, Person, SessionRow
from app.booking.models import Reservation
from app.booking.reservations import cancel, get_for_update
from app.core import erasures as ledger
from app.core import outbox
from app.core.database import KEYS, db
from app.core.outbox import Job, enqueue
from app.core.vault import PersonKey, PersonUnknown, vault
from app.privacy import archiving, erasing, planning, stores
from app.privacy.erasing import NotPostponed
from app.privacy.erasure_people import OnlyOwner
from app.privacy.models import DONE, POSTPONED, RUNNING, WITHDRAWN, Erasure, PrivacyRequest
from app.privacy.replaying import replay
from app.privacy.subjects import Subject, of_account
from app.privacy.tables import person_tables
from tests.house.canaries import found_under
from tests.payments import till
from tests.payments.conftest import line, place  # noqa: F401 (fixtures)
from tests.privacy.gone import ENDED, IN_CLEAR, somebody

pytestmark = [pytest.mark.clause("C26"), pytest.mark.clause("C12")]


@pytest.fixture
def someone(place, app, clock, line):  # noqa: F811
    """Somebody whose paid stay is over."""
    made = somebody(app, clock, line)
    clock.move(ENDED)
    return made


def run(now):
    """Let the worker do what it does in a minute or two."""
    till.run_jobs(now=now)
    erasing.run_due(now)
    till.run_jobs(now=now)
    db.session.expire_all()


def order(made, now):
    """Ask for it, and return the erasure's number."""
    erasure_id = erasing.ask(made.subject, now=now).id
    db.session.commit()
    return erasure_id


def left_of(person_ids):
    """Return the tables that have rows of these persons."""
    found = [t.name for t in person_tables() if db.session.scalars(t.rows(person_ids)).first()]
    with db.engines[KEYS].connect() as keys:
        if keys.scalar(sa.select(PersonKey.person_id).where(PersonKey.person_id.in_(person_ids))):
            found.append("person_key")
    return found


@pytest.mark.both_databases
@pytest.mark.clause("C14")
def test_everything_goes_and_only_papers_without_a_name_stay(someone, clock):
    before = set(left_of(someone.person_ids))

    erasure_id = order(someone, clock())
    run(clock())

    done = db.session.get(Erasure, erasure_id)
    assert (done.state, done.person_ids, done.person_id) == (DONE, [], None)
    assert {
        "person",
        "account",
        "passkey",
        "claim",
        "reservation",
        "invoice",
        "export_chunk",
        "activity_line",
        "reading",
        "disclosure",
        "agreement",
        "session",
    } <= before
    assert left_of(someone.person_ids) == []
    kept = db.session.get(Reservation, someone.reservation_id)
    assert (kept.person_id, kept.status, kept.total_minor) == (None, "confirmed", till.TOTAL)
    assert kept.archived_at == clock()


def test_the_files_hold_no_byte_of_them(someone, clock, instance):
    db.session.rollback()
    before = {one.rpartition(": ")[2] for one in found_under(instance, IN_CLEAR)}

    order(someone, clock())
    run(clock())
    db.session.rollback()

    assert {"Kanarienbrowser 9", "kanarie.zwoelf@nest.example", "/kanarie/seite"} <= before
    assert found_under(instance, IN_CLEAR) == []


@pytest.mark.both_databases
def test_somebody_else_loses_nothing(someone, place, app, clock, line):  # noqa: F811
    clock.move(timedelta(days=1))
    other = somebody(
        app,
        clock,
        line,
        email="else@post.example",
        name="Ilse",
        arrive=(clock() + timedelta(days=30)).date(),
    )
    before = {t.name: planning.rows_of(t, other.person_ids) for t in person_tables()}

    order(someone, clock())
    run(clock())

    assert {t.name: planning.rows_of(t, other.person_ids) for t in person_tables()} == before
    assert db.session.get(Account, other.account_id).person.email == "else@post.example"


def test_the_ledger_knows_of_it_before_anything_is_destroyed(someone, clock, monkeypatch):
    erasure_id = order(someone, clock())
    seen = []
    store = stores.store("provider")
    spy = stores.Store(
        store.name,
        store.words,
        lambda persons, now: seen.append((ledger.entered(persons), left_of(persons))),
        store.confirmed,
    )
    others = [spy if one is store else one for one in stores.stores()]
    monkeypatch.setattr(stores, "_stores", others)

    erasing.go_on(erasure_id, now=clock())

    entered, had = seen[0]
    assert sorted(entered) == sorted(someone.person_ids)
    assert "person_key" in had
    assert ledger.missing() == []
    chain = ledger.entries()
    assert chain[0].digest == ledger.link_digest(
        1, chain[0].at, "asked", chain[0].person_digest, ledger.ORIGIN
    )


STAGES = [name for name, _ in erasing.stages()]


@pytest.mark.both_databases
@pytest.mark.parametrize("after", [*stores.stores()], ids=lambda one: one.name)
def test_a_crash_in_any_store_and_it_goes_on_to_the_same_end(someone, clock, monkeypatch, after):
    class PulledPlug(RuntimeError):
        pass

    def falls(persons, now):
        after.erase(persons, now)
        raise PulledPlug

    broken = stores.Store(after.name, after.words, falls, after.confirmed)
    whole = list(stores.stores())
    erasure_id = order(someone, clock())
    monkeypatch.setattr(stores, "_stores", [broken if one is after else one for one in whole])
    with pytest.raises(PulledPlug):
        erasing.go_on(erasure_id, now=clock())
    db.session.rollback()
    halfway = db.session.get(Erasure, erasure_id).state
    monkeypatch.setattr(stores, "_stores", whole)

    run(clock())

    done = db.session.get(Erasure, erasure_id)
    assert (halfway, done.state) == (RUNNING, DONE)
    assert left_of(someone.person_ids) == []
    assert done.counts["person"] == 2
    assert done.counts["passkey"] == 1
    assert db.session.get(Reservation, someone.reservation_id).archived_at is not None


@pytest.mark.parametrize("stage", ["commit of " + name for name in STAGES])
def test_a_crash_at_any_commit_and_it_goes_on_to_the_same_end(someone, clock, stage):
    class PulledPlug(BaseException):
        pass

    wanted = stage.removeprefix("commit of ")
    erasure_id = order(someone, clock())

    def plug(session):
        if any(isinstance(one, Erasure) and one.stage == wanted for one in list(session)):
            raise PulledPlug

    sa.event.listen(db.session(), "before_commit", plug)
    with pytest.raises(PulledPlug):
        erasing.go_on(erasure_id, now=clock())
    db.session.remove()

    run(clock())

    assert db.session.get(Erasure, erasure_id).state == DONE
    assert left_of(someone.person_ids) == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Erasure)) == 1


# -- Waiting for a day ----------------------------------------------------------------------


@pytest.mark.both_databases
def test_an_open_stay_postpones_it_to_the_day_after_and_then_it_runs_by_itself(
    place,  # noqa: F811
    app,
    clock,
    line,  # noqa: F811
):
    made = somebody(app, clock, line)
    erasure_id = order(made, clock())
    waits = db.session.get(Erasure, erasure_id)
    last = till.FIRST_DAY + timedelta(days=till.NIGHTS)

    run(clock())
    state, day = waits.state, waits.runs_on
    clock.set(clock().replace(year=2031, month=6, day=5, hour=20))
    run(clock())
    evening = waits.state
    clock.move(timedelta(hours=3))
    run(clock())

    assert (state, day) == (POSTPONED, last + timedelta(days=1))
    assert evening == POSTPONED
    assert waits.state == DONE
    assert left_of(made.person_ids) == []


def test_what_is_open_still_on_the_day_moves_it_and_tells_the_person(
    place,  # noqa: F811
    app,
    clock,
    line,  # noqa: F811
):
    made = somebody(app, clock, line)
    erasure_id = order(made, clock())
    run(clock())
    clock.move(ENDED)
    _refund(made, clock())
    waits = db.session.get(Erasure, erasure_id)
    first = waits.runs_on

    erasing.run_due(clock())
    till.run_jobs(now=clock())

    db.session.expire_all()
    assert waits.state == POSTPONED
    assert waits.runs_on > first
    assert waits.runs_on > clock().date()
    letters = sorted((app.extensions["settings"].instance_dir / "mail").glob("erasure-*"))
    assert [one.name for one in letters] == [
        f"erasure-{erasure_id}-moved.eml",
        f"erasure-{erasure_id}-postponed.eml",
    ]


def _refund(made, now):
    """Let the provider take its time with a refund."""
    db.session.add(
        till.Refund(
            id="slow",
            payment_id=made.payment_id,
            reason="owner",
            state="pending",
            amount_minor=100,
            created_at=now,
            changed_at=now,
        )
    )
    db.session.commit()


def test_a_postponed_one_can_be_withdrawn_once(place, app, clock, line):  # noqa: F811
    made = somebody(app, clock, line)
    erasure = db.session.get(Erasure, order(made, clock()))

    erasing.withdraw(erasure, now=clock())
    db.session.commit()
    clock.move(ENDED)
    run(clock())

    assert erasure.state == WITHDRAWN
    assert "person" in left_of(made.person_ids)
    with pytest.raises(NotPostponed):
        erasing.withdraw(erasure, now=clock())


def test_what_is_only_held_is_let_go_at_once(place, app, clock, line):  # noqa: F811
    reservation = till.book(now=clock())
    person_id, reservation_id = reservation.person_id, reservation.id

    begun = erasing.begin([person_id], ledger.HOUSE, now=clock(), language="en")
    db.session.commit()
    run(clock())

    assert db.session.get(Erasure, begun.id).state == DONE
    assert left_of([person_id]) == []
    assert db.session.get(Reservation, reservation_id) is None
    assert till.book(now=clock()).status == "held"


def test_asked_twice_it_is_asked_once(someone, clock):
    assert order(someone, clock()) == order(someone, clock())


@pytest.mark.both_databases(usually="sqlite")
def test_who_opened_an_account_since_is_erased_with_it(place, app, clock, line):  # noqa: F811
    """They asked as a guest, whose stay is ahead; now they ask as an account, which has it."""
    made = somebody(app, clock, line)
    own, booked = made.person_ids
    as_guest = Subject((booked,), None, None, "key", "en")
    first = erasing.ask(as_guest, now=clock())
    db.session.commit()

    asked = erasing.ask(made.subject, now=clock())
    db.session.commit()

    assert (asked.id, asked.state) == (first.id, POSTPONED)
    assert asked.person_ids == [booked, own]
    clock.move(ENDED)
    run(clock())
    assert asked.state == DONE
    assert left_of(made.person_ids) == []


def test_what_was_booked_since_an_erasure_began_is_erased_as_well_when_it_is_asked_for(
    place,  # noqa: F811
    app,
    clock,
    line,  # noqa: F811
):
    made = somebody(app, clock, line)
    booked = made.person_ids[1]
    clock.move(ENDED)
    running = erasing.begin([booked], ledger.TERM, now=clock(), language="en")
    db.session.commit()

    erasing.begin(made.person_ids, ledger.INACTIVE, now=clock(), language="en")
    db.session.commit()
    run(clock())

    assert running.state == DONE
    assert left_of(made.person_ids) == []


# -- The house ------------------------------------------------------------------------------


def test_the_only_owner_stays(someone, clock):
    account = db.session.get(Account, someone.account_id)
    account.role = "owner"
    db.session.commit()

    with pytest.raises(OnlyOwner):
        erasing.ask(of_account(account), now=clock())


def test_the_access_of_somebody_of_the_house_ends_first(someone, clock):
    account = db.session.get(Account, someone.account_id)
    account.role = "staff"
    db.session.commit()

    erasing.ask(of_account(account), now=clock())

    assert account.role == "guest"


# -- After a restore ------------------------------------------------------------------------


@pytest.mark.both_databases
def test_a_book_from_before_is_brought_up_to_the_ledger(someone, clock):
    positions = ledger.enter(someone.person_ids, ledger.ASKED, now=clock())

    found = replay(positions, now=clock())
    again = replay(positions, now=clock())

    assert (found, again) == (len(someone.person_ids), 0)
    asked = db.session.scalars(sa.select(PrivacyRequest)).all()
    assert [(one._words, one.answered_at is None) for one in asked] == [(None, False)]
    assert left_of(someone.person_ids) == []
    assert ledger.missing() == []


def test_a_book_whose_keys_are_gone_loses_the_words_of_its_invoices(someone, clock):
    positions = ledger.enter(someone.person_ids, ledger.ASKED, now=clock())
    stores.store("keys").erase(someone.person_ids, clock())

    replay(positions, now=clock())

    assert left_of(someone.person_ids) == []
    assert db.session.get(Person, someone.person_ids[0]) is None


def test_a_mail_that_waits_for_somebody_gone_is_never_tried_again(someone, clock):
    db.session.add(
        Job(
            topic="mail",
            payload={"template": "confirmed", "reservation_id": someone.reservation_id},
            created_at=clock(),
            not_before=clock() + timedelta(days=1),
        )
    )
    db.session.commit()

    order(someone, clock())
    run(clock())

    waiting = sa.select(Job.topic).where(Job.done_at.is_(None))
    assert list(db.session.scalars(waiting)) == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SessionRow)) == 0


# -- The provider -----------------------------------------------------------------------------


def test_it_waits_until_the_provider_has_confirmed_that_it_keeps_nothing(
    place,  # noqa: F811
    clock,
    line,  # noqa: F811
):
    till.ask_for_deposits()
    reservation = till.book(now=clock())
    till.pay_deposit(reservation, line, now=clock(), keep=True)
    person_id = reservation.person_id
    clock.set(clock().replace(year=2031, month=6, day=1, hour=20))  # nothing comes back any more
    with line.broken("cut"):
        cancel(get_for_update(reservation.id), expected_refund=None, now=clock())
        db.session.commit()
        begun = erasing.begin([person_id], ledger.HOUSE, now=clock(), language="en").id
        db.session.commit()
        run(clock())
        waits = db.session.get(Erasure, begun)
        then = (waits.state, waits.stage, "person_key" in left_of([person_id]))

    clock.move(timedelta(hours=1))
    run(clock())

    assert then == (RUNNING, "public", True)
    assert waits.state == DONE
    assert left_of([person_id]) == []


def test_whoever_has_no_address_is_erased_without_a_mail(place, clock, instance):  # noqa: F811
    person = Person(id=vault().new_person(), created_at=clock())
    db.session.add(person)
    db.session.commit()

    begun = erasing.begin([person.id], ledger.INACTIVE, now=clock(), language="en").id
    db.session.commit()
    run(clock())

    assert db.session.get(Erasure, begun).state == DONE
    assert not (instance / "mail").exists()


def test_a_table_that_is_added_later_is_emptied_too():
    """What goes is found from the data map, and what stays is a short list."""
    going = {one.name for one in stores._going()}
    last = {one.name for one in stores.LAST}
    kept = archiving.LEFT_BY_ACCOUNTING | {"erasure"}

    assert going | last | kept == {one.name for one in person_tables()}
    assert not going & kept


def test_a_feature_adds_its_store_with_one_line(someone, clock, monkeypatch):
    monkeypatch.setattr(stores, "_stores", list(stores.stores()))
    emptied = []
    stores.register(
        stores.Store("uploads", "Files", lambda p, now: emptied.append(list(p)), lambda p: True)
    )

    order(someone, clock())
    run(clock())

    assert emptied == [someone.person_ids]
    assert [one.name for one in stores.stores()].index("uploads") == 4


def test_whoever_began_it_it_waits_while_something_is_open(place, app, clock, line):  # noqa: F811
    made = somebody(app, clock, line)

    begun = erasing.begin(made.person_ids, ledger.HOUSE, now=clock(), language="en").id
    db.session.commit()
    run(clock())

    waits = db.session.get(Erasure, begun)
    assert (waits.state, waits.stage) == (POSTPONED, "")
    assert ledger.entered(made.person_ids) == {}
    assert "person_key" in left_of(made.person_ids)


def test_a_job_about_somebody_gone_meanwhile_ends_quietly(
    place,  # noqa: F811
    clock,
    monkeypatch,
):
    def _gone(payload, now):
        raise PersonUnknown("nobody")

    monkeypatch.setitem(outbox._handlers, "tests.gone", _gone)
    enqueue("tests.gone", {}, now=clock())
    db.session.commit()
    till.run_jobs(now=clock())

    job = db.session.scalars(sa.select(Job).where(Job.topic == "tests.gone")).one()
    assert (job.done_at, job.attempts) == (clock(), 1)
