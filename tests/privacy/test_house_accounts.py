"""An account of the house goes after its access ended, once nobody's reading is noted under it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import readings
from app.accounts.models import GUEST, OWNER, STAFF, Account, Person, Reading
from app.accounts.names import account_named, give_address
from app.booking.models import Reservation
from app.core.database import KEYS, db
from app.core.sweeps import DAY, sweeps
from app.core.vault import PersonKey, vault
from app.owner import people
from app.privacy import purging
from app.privacy.tidying import HOUSE_KEPT
from tests.payments import till

pytestmark = [pytest.mark.clause("C12"), pytest.mark.both_databases]
NAME = "kim@house.example"


@pytest.fixture
def place(context):
    """A place with one room."""
    till.open_the_place()
    return context


def opened(role, email, *, now):
    person = Person(id=vault().new_person(), created_at=now)
    account = Account(person=person, role=role, created_at=now, verified_at=now, language="en")
    db.session.add(account)
    account.person_id = person.id
    give_address(account, email)
    db.session.commit()
    return account


@pytest.fixture
def ended(place, clock):
    """Somebody of the staff who looked at a guest on the day on which their access ended."""
    boss = opened(OWNER, "boss@house.example", now=clock())
    kim = opened(STAFF, NAME, now=clock())
    guest = till.book(now=clock())
    readings.note(kim, [guest.person_id], readings.RESERVATION, now=clock())
    people.suspend(kim, by=boss, now=clock())
    # A stay that is paid, and lies ahead for as long as this lasts.
    guest.status, guest.first_start = "confirmed", clock() + timedelta(days=900)
    db.session.commit()
    return kim


def tidy(now):
    failed = [one for one in purging.purge(sweeps(DAY), now=now) if one.failure]
    assert failed == []
    db.session.expire_all()


def accounts():
    return set(db.session.scalars(sa.select(Account.role)))


def has_key(person_id):
    with db.engines[KEYS].connect() as keys:
        return (
            keys.scalar(sa.select(PersonKey.person_id).filter_by(person_id=person_id)) is not None
        )


def test_it_stays_while_its_looks_are_noted_and_goes_then_with_its_person(ended, clock):
    person_id, ends = ended.person_id, clock() + HOUSE_KEPT

    tidy(ends - timedelta(seconds=1))
    before = accounts(), has_key(person_id)
    tidy(ends)

    assert before == ({OWNER, STAFF}, True)
    assert accounts() == {OWNER}
    assert account_named(NAME) is None
    assert not has_key(person_id)
    assert db.session.get(Person, person_id) is None


def test_no_note_of_a_look_of_theirs_is_left_nameless(ended, clock):
    tidy(clock() + HOUSE_KEPT - timedelta(seconds=1))
    noted = list(db.session.scalars(sa.select(Reading.role)))
    tidy(clock() + HOUSE_KEPT + timedelta(days=1))

    assert noted == [STAFF]
    assert list(db.session.scalars(sa.select(Reading.role))) == []


def test_who_is_a_guest_too_keeps_what_they_booked_and_may_open_an_account(ended, clock):
    person_id = ended.person_id
    stay = db.session.scalars(sa.select(Reservation)).one()
    stay.person_id = person_id
    db.session.commit()

    tidy(clock() + HOUSE_KEPT)
    mine = db.session.scalars(sa.select(Reservation)).one()

    assert accounts() == {OWNER}
    assert (mine.person_id, mine.person.email, mine.status) == (person_id, NAME, "confirmed")
    assert has_key(person_id)
    opened(GUEST, NAME, now=clock())


def test_whose_access_has_not_ended_or_is_back_stays(ended, clock):
    people.readmit(ended, now=clock())
    db.session.commit()

    tidy(clock() + 2 * HOUSE_KEPT)

    assert accounts() == {OWNER, STAFF}


def test_the_last_owner_stays_for_a_command_to_let_them_in(ended, clock):
    for account in db.session.scalars(sa.select(Account)):
        account.role, account.suspended_at = OWNER, clock()
    db.session.commit()

    tidy(clock() + 2 * HOUSE_KEPT)

    assert accounts() == {OWNER}
