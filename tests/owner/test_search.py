"""Reservations are found by what is sealed, exactly, and by dates, state, offer and source."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import READER, STAFF
from app.booking.details import put_details
from app.booking.models import Reservation
from app.core.database import db
from tests.house.canaries import found_under
from tests.owner.guests import book, details, stay
from tests.owner.house import read_of, words

FIRST, DAY = date(2031, 6, 2), timedelta(days=1)
ADA, BO = details("Ada  Lovelace", "ada@example.org"), details("Bo Ek", "bo@example.org")


@pytest.fixture
def books(place, clock):
    """Ada in June, Bo in July; their references."""
    with place.app_context():
        ada = book(stay("reed-room", FIRST, FIRST + 2 * DAY), now=clock(), who=ADA)
        july = FIRST + 30 * DAY
        bo = book(stay("lagoon-suite", july, july + 3 * DAY), now=clock(), who=BO)
    return ada, bo


@pytest.mark.clause("C17")
@pytest.mark.parametrize("typed", ["Ada Lovelace", " ada   LOVELACE ", "\uff21da Lovelace"])
def test_a_whole_name_is_found_however_it_is_typed(enters, books, typed):
    page = words(enters(STAFF).post("/owner/reservations", wanted=typed))

    assert books[0] in page
    assert books[1] not in page


@pytest.mark.clause("C14")
@pytest.mark.parametrize("typed", ["Ada", "Lovelace", "Ada Lovelac"])
def test_a_part_of_a_name_finds_nothing_and_the_page_says_so(enters, books, typed):
    page = words(enters(STAFF).post("/owner/reservations", wanted=typed))

    assert "No reservation was found" in page
    assert "a part of it finds nothing" in page


@pytest.mark.clause("C14")
def test_a_name_lies_open_nowhere_although_it_is_found(books, instance):
    assert found_under(instance, ("Lovelace", "lovelace")) == []


def test_a_name_that_was_corrected_is_found_no_more(place, enters, books, clock):
    with place.app_context():
        query = sa.select(Reservation).where(Reservation.reference == books[0])
        put_details(db.session.scalar(query), {**ADA, "name": "Ada King"}, now=clock())
        db.session.commit()
    staff = enters(STAFF)

    assert books[0] not in words(staff.post("/owner/reservations", wanted="Ada Lovelace"))
    assert books[0] in words(staff.post("/owner/reservations", wanted="ada king"))


@pytest.mark.parametrize(
    ("query", "which"),
    [
        ("arrive_from=2031-06-02&arrive_to=2031-06-02", (True, False)),
        ("arrive_from=2031-06-03", (False, True)),
        ("arrive_to=2031-07-01", (True, False)),
        ("arrive_from=2031-06-01&arrive_to=2031-08-01", (True, True)),
        ("status=cancelled", (False, False)),
        ("source=web", (True, True)),
        ("source=phone", (False, False)),
        ("lang=en", (True, True)),
    ],
)
def test_the_list_is_narrowed_down_by_its_address(enters, books, query, which):
    page = enters(READER).get(f"/owner/reservations?{query}")

    assert page.status_code == 200
    assert tuple(one in words(page) for one in books) == which


def test_the_list_is_narrowed_down_to_one_offer(place, enters, books):
    staff = enters(STAFF)
    page = staff.get("/owner/reservations").text
    number = page.split('name="offer"')[1].split(">Reed Room<")[0].rsplit('value="', 1)[1]
    number = number.split('"')[0]

    shown = words(staff.get(f"/owner/reservations?offer={number}"))

    assert books[0] in shown
    assert books[1] not in shown


@pytest.mark.parametrize(
    "query",
    [
        "arrive_from=tomorrow",
        "offer=999",
        "source=pigeon",
        "arrive_from=2031-06-05&arrive_to=2031-06-01",
    ],
)
def test_what_cannot_be_looked_for_is_said(enters, books, query):
    page = enters(STAFF).get(f"/owner/reservations?{query}")

    assert page.status_code == 422
    assert not any(one in words(page) for one in books)


@pytest.mark.clause("C16")
def test_whose_name_was_found_can_see_that(place, enters, books):
    enters(STAFF).post("/owner/reservations", wanted="Ada Lovelace")

    with place.app_context():
        query = sa.select(Reservation.person_id).where(Reservation.reference == books[0])
        person = db.session.scalar(query)
    assert read_of(place, person) == [("staff", "list", 1)]


def test_a_narrowed_list_costs_no_more_with_more_in_it(place, enters, clock, count_queries):
    staff, costs = enters(STAFF), []
    for month in range(2):
        with place.app_context():
            for week in range(4):
                first = FIRST + (28 * month + 7 * week) * DAY
                who = details(f"Guest {week}", f"g{week}@example.org")
                book(stay("reed-room", first, first + 2 * DAY), now=clock(), who=who)
        staff.get("/owner/reservations?source=web")
        with count_queries() as sent:
            staff.get("/owner/reservations?source=web&arrive_from=2031-06-01")
        costs.append(len(sent))

    assert costs[0] == costs[1] <= 17
