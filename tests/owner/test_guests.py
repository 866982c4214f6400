"""A guest's details are opened one at a time, for a purpose, and the guest can see it."""

import csv
import io
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts import readings
from app.accounts.models import OWNER, READER, STAFF, Reading
from app.accounts.readings import DETAIL, EXPORT, LIST
from app.accounts.words import reading_words
from app.booking.models import Reservation
from app.core.audit import AuditEntry, faults
from app.core.database import db
from app.core.vault import dump_address, vault
from app.owner.guests_export import MOST_A_DAY
from tests.house.canaries import found_under
from tests.owner.guests import book, details, stay
from tests.owner.house import words

TODAY = date(2031, 5, 5)
ADDRESS = {"country": "DE", "street_address": "Zeisigstieg 7", "postal_code": "18439", "city": "X"}
HIDDEN = {
    "email": "alice@example.org",
    "phone": "+493831123456",
    "company": "Kanarienzucht & Söhne",
    "wechat_id": "alice_reed_77",
    "billing_address": "Zeisigstieg 7",
}
ALICE = details("Alice Reed", **{**HIDDEN, "billing_address": ADDRESS})
BO = details("=cmd()", "bo@example.org", phone="+493831654321")
WHY = "A mail about the closed bridge, Kanarienbruecke"


@pytest.fixture
def alice(place, clock):
    """The reference and the person of Alice's reservation."""
    return booked(place, clock, "reed-room", ALICE)


def booked(app, clock, room, who, begins=TODAY):
    with app.app_context():
        reference = book(stay(room, begins, begins + timedelta(days=2)), now=clock(), who=who)
        query = sa.select(Reservation.person_id).where(Reservation.reference == reference)
        return reference, db.session.scalar(query)


def opened_of(app, *persons):
    """Return what was noted of persons beyond their names in a list."""
    with app.app_context():
        shown = [one for one in readings.of_persons(persons) if one.what != LIST]
        return [(o.role, o.what, o.detail, o.purpose, o.reason, o.times) for o in shown]


def trail(app):
    with app.app_context():
        assert list(faults()) == []
        return [
            (one.role, one.verb, one.kind, one.detail)
            for one in db.session.scalars(sa.select(AuditEntry).order_by(AuditEntry.position))
        ]


# -- Finding ----------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_a_guest_is_found_exactly_and_nothing_is_listed(place, clock, enters, alice):
    staff = enters(STAFF)
    booked(place, clock, "boathouse", BO)
    by_mail = staff.post("/owner/guests", wanted="ALICE@example.org")
    by_reference = staff.post("/owner/guests", wanted=f" {alice[0].lower()} ")
    nobody = [
        staff.post("/owner/guests", wanted=text) for text in ("alice@", "ali", "AAAAAAAA", "a@b.cc")
    ]

    assert by_mail.location == by_reference.location == f"/owner/guests/{alice[0]}"
    assert all("Nobody has booked under that" in words(page) for page in nobody)
    assert "Alice" not in staff.get("/owner/guests").text
    assert staff.get("/owner/guests/AAAAAAAA").status_code == 404


@pytest.mark.clause("C17")
def test_all_reservations_of_one_address_are_one_guest(place, clock, enters, alice):
    reference, person = booked(place, clock, "boathouse", ALICE, TODAY + timedelta(days=30))
    other, stranger = booked(place, clock, "lagoon-suite", BO)
    page = enters(READER).get(f"/owner/guests/{alice[0]}")

    assert reference in page.text
    assert alice[0] in page.text
    assert other not in page.text
    for one, noted in ((alice[1], True), (person, True), (stranger, False)):
        with place.app_context():
            assert bool(readings.of_persons([one])) is noted


# -- One detail at a time ---------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_everything_is_hidden_until_it_is_asked_for(enters, alice):
    for role in (READER, STAFF, OWNER):
        page = enters(role).get(f"/owner/guests/{alice[0]}")

        assert "Alice Reed" in words(page)
        for value in HIDDEN.values():
            assert value not in page.text
        assert ("Show the telephone number" in page.text) is (role != READER)
        # What there isn't has no button.
        assert "Show the shipping address" not in page.text


@pytest.mark.clause("C17")
@pytest.mark.both_databases
@pytest.mark.parametrize("detail", [*HIDDEN, "language"])
def test_one_detail_is_shown_on_that_answer_only_and_noted(place, enters, alice, detail):
    reference, person = alice
    staff = enters(STAFF)
    answer = staff.post(f"/owner/guests/{reference}", detail=detail, purpose="arrival")
    later = staff.get(f"/owner/guests/{reference}")

    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    main = str(BeautifulSoup(answer.text, "html.parser").main).replace("&amp;", "&")
    for name, value in HIDDEN.items():
        assert (value in main) is (name == detail), name
    assert HIDDEN.get(detail, ">English<") not in str(BeautifulSoup(later.text, "html.parser").main)
    assert opened_of(place, person) == [(STAFF, DETAIL, detail, "arrival", "", 1)]
    assert trail(place) == [
        (STAFF, "detail-opened", "reservation", {"detail": detail, "purpose": "arrival"})
    ]


@pytest.mark.clause("C17")
@pytest.mark.both_databases
def test_the_guest_reads_what_was_opened_and_what_for(place, clock, enters, alice, instance):
    reference, person = alice
    staff = enters(STAFF)
    for detail, purpose, word in (
        ("phone", "arrival", ""),
        ("phone", "arrival", ""),
        ("phone", "other", "found an umbrella"),
        ("phone", "other", "and a hat"),
        ("phone", "other", "and a hat"),
        ("email", "lost", "not kept where it isn’t asked"),
    ):
        clock.move(timedelta(seconds=1))
        staff.post(f"/owner/guests/{reference}", detail=detail, purpose=purpose, word=word)
    with place.app_context():
        lines = [reading_words(one) for one in readings.of_persons([person]) if one.what == DETAIL]

    who, said = "Somebody of the staff opened", "(“found an umbrella; and a hat”)"
    assert lines == [
        f"{who} your e-mail address, because something was lost or found.",
        f"{who} your telephone number, for another reason {said}, 3 times that day.",
        f"{who} your telephone number, to arrange your arrival, 2 times that day.",
    ]
    if place.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        assert found_under(instance, ("umbrella",)) == []


@pytest.mark.clause("C17")
@pytest.mark.parametrize(
    ("sent", "beside"),
    [
        ({"detail": "phone"}, "purpose"),
        ({"detail": "phone", "purpose": "curiosity"}, "purpose"),
        ({"detail": "phone", "purpose": "other", "word": " "}, "word"),
        ({"purpose": "arrival"}, "detail"),
        ({"detail": "name", "purpose": "arrival"}, "detail"),
        ({"detail": "_phone", "purpose": "arrival"}, "detail"),
    ],
)
def test_without_a_purpose_nothing_is_shown(place, enters, alice, sent, beside):
    answer = enters(STAFF).post(f"/owner/guests/{alice[0]}", **sent)

    assert answer.status_code == 422
    assert f'href="#{beside}"' in answer.text
    for value in HIDDEN.values():
        assert value not in answer.text
    assert opened_of(place, alice[1]) == []
    assert trail(place) == []


@pytest.mark.clause("C17")
def test_who_may_only_read_and_what_is_not_there_open_nothing(place, enters, alice):
    reader = enters(READER).post(f"/owner/guests/{alice[0]}", detail="phone", purpose="arrival")
    staff = enters(STAFF)
    missing = staff.post(f"/owner/guests/{alice[0]}", detail="shipping_address", purpose="arrival")
    with place.app_context():
        vault().destroy([alice[1]])
    erased = staff.post(f"/owner/guests/{alice[0]}", detail="phone", purpose="arrival")

    assert (reader.status_code, missing.status_code, erased.status_code) == (403, 409, 404)
    assert "There is nothing there" in words(missing)
    assert opened_of(place, alice[1]) == []


@pytest.mark.clause("C17")
def test_what_cannot_be_noted_is_not_shown(place, enters, alice):
    staff = enters(STAFF)
    with place.app_context():
        Reading.__table__.drop(db.engine)

    answer = staff.post(f"/owner/guests/{alice[0]}", detail="phone", purpose="arrival")

    assert answer.status_code == 500
    assert HIDDEN["phone"] not in answer.text


def test_a_guest_with_many_reservations_takes_no_more_questions(
    place, clock, enters, alice, count_queries
):
    staff = enters(STAFF)
    staff.get(f"/owner/guests/{alice[0]}")
    with count_queries() as few:
        staff.get(f"/owner/guests/{alice[0]}")
    for number in range(1, 6):
        booked(place, clock, "reed-room", ALICE, TODAY + timedelta(days=3 * number))
    with count_queries() as many:
        staff.get(f"/owner/guests/{alice[0]}")

    assert len(many) == len(few) <= 14


# -- A file of guests -------------------------------------------------------------------------

ASKED = {
    "columns": ["name", "phone"],
    "first": "2031-05-01",
    "last": "2031-05-31",
    "purpose": "letter",
    "reason": WHY,
}


def make_file(somebody, **changed):
    data = {"csrf_token": somebody.token, **ASKED, **changed}
    return somebody.client.post("/owner/guests/export", data=data)


@pytest.mark.clause("C17")
@pytest.mark.both_databases
def test_a_file_is_noted_for_each_in_it_and_holds_what_was_chosen(
    place, clock, enters, alice, instance
):
    bo, bos = booked(place, clock, "boathouse", BO)
    _, later = booked(place, clock, "lagoon-suite", ALICE, date(2031, 6, 1))
    answer = make_file(enters(OWNER))

    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows == [
        ["Reference", "First day", "Name", "Telephone"],
        [alice[0], "2031-05-05", "Alice Reed", "'" + HIDDEN["phone"]],
        [bo, "2031-05-05", "'=cmd()", "'+493831654321"],
    ]
    assert "Content-Length" not in answer.headers
    assert "no-store" in answer.headers["Cache-Control"]
    for person in (alice[1], bos):
        assert opened_of(place, person) == [(OWNER, EXPORT, "", "letter", WHY, 1)]
    assert opened_of(place, later) == []
    assert trail(place)[0][3] == {
        "columns": ["name", "phone"],
        "count": 2,
        "first": "2031-05-01",
        "last": "2031-05-31",
        "purpose": "letter",
    }
    if place.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        assert found_under(instance, ("Kanarienbruecke",)) == []


@pytest.mark.clause("C17")
@pytest.mark.parametrize("name", ["Bo;=1+1", 'Bo;"=1+1"', "Bo; @SUM(A1)", ";=1+1", "Bo;\uff1d1+1"])
def test_no_name_is_a_formula_where_a_semicolon_ends_a_cell(place, clock, enters, name):
    """As it does in the spreadsheets of half of Europe, whatever the file means."""
    booked(place, clock, "boathouse", details(name, "bo@example.org"))

    said = make_file(enters(OWNER), columns=["name"]).data.decode("utf-8-sig")

    [[_, _, kept]] = list(csv.reader(io.StringIO(said)))[1:]
    cells = [cell for row in csv.reader(io.StringIO(said), delimiter=";") for cell in row]
    assert kept.replace("'", "") == name
    assert len(cells) > 2
    assert not [cell for cell in cells if cell.lstrip(' "').startswith(tuple("=+-@\uff1d"))]


@pytest.mark.clause("C17")
@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"reason": ""}, 422),
        ({"reason": "too short"}, 422),
        ({"columns": []}, 422),
        ({"columns": ["password"]}, 422),
        ({"purpose": ""}, 422),
        ({"first": ""}, 422),
        ({"first": "2031-06-01"}, 409),
        ({"last": "2033-06-01"}, 409),
        ({"first": "2031-05-30"}, 409),
    ],
)
def test_without_a_reason_or_a_span_there_is_no_file(place, enters, alice, changed, status):
    answer = make_file(enters(OWNER), **changed)

    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert HIDDEN["phone"] not in answer.text
    assert opened_of(place, alice[1]) == []
    assert trail(place) == []


@pytest.mark.clause("C17")
def test_only_so_many_files_a_day(place, clock, enters, alice):
    owner = enters(OWNER)
    made = [make_file(owner).status_code for _ in range(MOST_A_DAY)]
    refused = make_file(owner)
    clock.move(timedelta(days=1))
    again = make_file(enters(OWNER, "second@house.example"))

    assert made == [200] * MOST_A_DAY
    assert refused.status_code == 409
    assert "enough for a day" in words(refused)
    assert again.status_code == 200


@pytest.mark.clause("C17")
def test_a_file_is_asked_for_again_and_for_owners_only(place, clock, enters, alice):
    owner = enters(OWNER)
    staff = make_file(enters(STAFF))
    clock.move(timedelta(minutes=11))
    opened, pressed = owner.get("/owner/guests/export"), make_file(owner)

    assert staff.status_code == 403
    for answer in (opened, pressed):
        assert answer.location == "/account/confirm?next=/owner/guests/export"
    assert opened_of(place, alice[1]) == []


@pytest.mark.clause("C12")
def test_who_was_erased_is_in_no_file(place, clock, enters, alice):
    bo, _ = booked(place, clock, "boathouse", BO)
    with place.app_context():
        vault().destroy([alice[1]])

    answer = make_file(enters(OWNER))

    assert bo in answer.text
    assert alice[0] not in answer.text
    assert dump_address(ADDRESS) not in answer.text
