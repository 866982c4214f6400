"""Whoever's details are opened on the owner's pages can see that they were."""

from datetime import date, timedelta
from email.message import EmailMessage

import pytest
import sqlalchemy as sa

from app.accounts.models import OWNER, READER, STAFF, Account, Reading
from app.accounts.readings import LIST, MAIL, RESERVATION
from app.booking.models import Reservation
from app.core.database import db
from tests.accounts.ways import mails
from tests.owner.guests import book, details, stay
from tests.owner.house import read_of, words

TODAY = date(2031, 5, 5)
ALICE = details("Alice Reed", "alice@example.org")
BO = details("Bo Ek", "bo@example.org")


@pytest.fixture
def alice(place, clock):
    """The reference and the person of a reservation that begins today."""
    return booked(place, clock, "reed-room", ALICE)


def booked(app, clock, room, who):
    with app.app_context():
        reference = book(stay(room, TODAY, TODAY + timedelta(days=2)), now=clock(), who=who)
        query = sa.select(Reservation.person_id).where(Reservation.reference == reference)
        return reference, db.session.scalar(query)


def noted_in_all(app):
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.coalesce(sa.func.sum(Reading.times), 0)))


@pytest.mark.clause("C17")
@pytest.mark.both_databases
def test_a_reservation_that_is_opened_is_noted_for_its_person(place, clock, enters, alice):
    reference, person = alice
    staff = enters(STAFF, "sam@house.example")

    staff.get(f"/owner/reservations/{reference}")
    clock.move(timedelta(minutes=5))
    staff.get(f"/owner/reservations/{reference}")

    assert read_of(place, person) == [(STAFF, RESERVATION, 2)]
    with place.app_context():
        reading = db.session.scalars(sa.select(Reading)).one()
        assert (reading.reader_id, reading.at) == (staff.account_id, clock())


@pytest.mark.clause("C17")
def test_another_day_and_another_reader_are_other_lines(place, clock, enters, alice):
    reference, person = alice
    for role in (READER, STAFF):
        enters(role).get(f"/owner/reservations/{reference}")
        clock.move(timedelta(minutes=1))
    clock.move(timedelta(days=1))
    enters(READER, "again@house.example").get(f"/owner/reservations/{reference}")

    assert read_of(place, person) == [
        (READER, RESERVATION, 1),
        (STAFF, RESERVATION, 1),
        (READER, RESERVATION, 1),
    ]


@pytest.mark.clause("C17")
@pytest.mark.parametrize(
    "page", ["/owner/", "/owner/reservations", "/owner/reservations?status=confirmed"]
)
def test_lists_are_noted_for_those_whose_names_they_show(place, clock, enters, alice, page):
    _, bo = booked(place, clock, "boathouse", BO)
    reader = enters(READER)

    shown = words(reader.get(page))
    reader.get("/owner/reservations?status=cancelled")

    assert "Alice Reed" in shown
    assert "Bo Ek" in shown
    assert read_of(place, alice[1]) == read_of(place, bo) == [(READER, LIST, 1)]


@pytest.mark.clause("C17")
def test_who_is_found_by_their_address_is_noted_and_nobody_else(place, clock, enters, alice):
    _, bo = booked(place, clock, "boathouse", BO)
    reader = enters(READER)

    found = words(reader.post("/owner/reservations", wanted="alice@example.org"))
    reader.post("/owner/reservations", wanted="nobody@example.org")
    led_on = reader.post("/owner/reservations", wanted=alice[0])

    assert "Alice Reed" in found
    assert led_on.status_code == 303
    assert read_of(place, alice[1]) == [(READER, LIST, 1)]
    assert read_of(place, bo) == []


@pytest.mark.clause("C17")
def test_letters_are_noted_for_those_to_whom_they_go(place, clock, enters, alice):
    reference, person = alice
    owner = enters(OWNER)
    mails(place)
    folder = place.extensions["settings"].instance_dir / "mail"
    name = next(folder.glob(f"{reference}-*.eml")).name
    other = EmailMessage()
    other.set_content("from elsewhere")
    (folder / "AAAAAAAA-confirmed-1.eml").write_bytes(other.as_bytes())
    (folder / "notes.eml").write_bytes(other.as_bytes())

    for path in ("", f"/{name}", f"/{name}/download", "/AAAAAAAA-confirmed-1.eml", "/notes.eml"):
        assert owner.get(f"/owner/mail{path}").status_code == 200

    assert sorted(read_of(place, person)) == [(OWNER, LIST, 1), (OWNER, MAIL, 2)]
    assert noted_in_all(place) == 3


@pytest.mark.clause("C17")
def test_a_letter_about_an_account_is_noted_for_its_person(place, clock, enters):
    owner = enters(OWNER)
    owner.post("/owner/people/invite", name="Sam", email="sam@house.example", role=READER)
    mails(place)
    folder = place.extensions["settings"].instance_dir / "mail"
    name = next(folder.glob("account-invite-*.eml")).name

    owner.get(f"/owner/mail/{name}")

    with place.app_context():
        invited = db.session.scalar(sa.select(Account).where(Account.role == READER))
        reading = db.session.scalars(sa.select(Reading)).one()
        assert (reading.what, reading.times) == (MAIL, 1)
        assert reading.person_id == invited.person_id


@pytest.mark.clause("C17")
def test_colleagues_see_that_they_were_looked_up_and_oneself_is_not_noted(place, enters):
    owner, staff = enters(OWNER), enters(STAFF)

    owner.get("/owner/people")

    assert read_of(place, staff.account.person_id) == [(OWNER, LIST, 1)]
    assert read_of(place, owner.account.person_id) == []


@pytest.mark.clause("C17")
def test_nothing_is_noted_where_nothing_is_shown(place, clock, enters, client, alice):
    reference, _ = alice
    owner, guest, weak = enters(OWNER), enters("guest"), enters(STAFF, strong=False)
    path = f"/owner/reservations/{reference}"

    answers = [who.get(path).status_code for who in (client, guest, weak)]
    missing = [
        owner.get(f"/owner/{page}").status_code
        for page in ("reservations/AAAAAAAA", "mail/x.eml", "visits")
    ]
    with place.app_context():
        held = book(stay("boathouse", TODAY, TODAY + timedelta(days=2)), now=clock(), firm=False)
    nobody = owner.get(f"/owner/reservations/{held}").status_code

    assert answers == [303, 404, 303]
    assert missing == [404, 404, 200]
    assert nobody == 200
    assert noted_in_all(place) == 0


@pytest.mark.clause("C17")
def test_what_cannot_be_noted_is_not_shown(place, enters, alice):
    reference, _ = alice
    staff = enters(STAFF)
    with place.app_context():
        Reading.__table__.drop(db.engine)

    for path in ("/owner/", "/owner/reservations", f"/owner/reservations/{reference}"):
        page = staff.get(path)

        assert page.status_code == 500
        assert "Alice" not in page.text


def test_a_form_is_still_sent_by_a_page_that_noted(place, enters, alice):
    reference, _ = alice
    staff = enters(STAFF)
    staff.get(f"/owner/reservations/{reference}")

    answer = staff.post(f"/owner/reservations/{reference}/link")

    assert answer.status_code == 303
