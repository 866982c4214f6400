"""On closed days nobody new comes, wherever they look; who has booked already, comes."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import STAFF
from app.booking.checks import ClosedThen, check_session
from app.booking.models import OfferRow, Reservation
from app.booking.shop import shop
from app.core.database import db
from app.owner import offers
from tests.house.visitor import Visitor
from tests.owner.guests import book, details, stay
from tests.owner.house import words
from tests.owner.test_offers import change, id_of, seen

JUNE = date(2031, 6, 2)


def close(app, slug, first, last):
    with app.app_context():
        row = db.session.get(OfferRow, id_of(app, slug))
        offers.close(row, date.fromisoformat(first), date.fromisoformat(last))
        db.session.commit()


@pytest.mark.clause("C17")
@pytest.mark.both_databases
def test_closed_nights_are_free_nowhere_and_the_day_after_they_are(place):
    visitor = Visitor(place)
    basket = visitor.choose_stay()  # 2 to 5 June
    before = visitor.open("/offers/reed-room?month=2031-06")
    close(place, "reed-room", "2031-06-03", "2031-06-04")

    after = visitor.open("/offers/reed-room?month=2031-06")
    search = visitor.open("/search?arrive=2031-06-02&depart=2031-06-05")
    asked = visitor.open("/offers/reed-room?arrive=2031-06-02&depart=2031-06-05")
    held = visitor.open(basket.url)
    free = visitor.choose_stay(arrive="2031-06-05", depart="2031-06-07")
    until = visitor.choose_stay(arrive="2031-06-01", depart="2031-06-03")
    refused = visitor.choose_stay(arrive="2031-06-04", depart="2031-06-06")

    assert "closed" not in before.words
    assert after.words.count("closed") == 2
    assert "We are closed on 3 June 2031" in search.words
    assert "We are closed on 3 June 2031" in asked.words
    assert "We are closed on 3 June 2031" in held.words
    assert free.status == until.status == 200
    assert refused.status == 409


def test_no_session_starts_on_a_closed_day(place, clock):
    close(place, "sauna", "2031-05-06", "2031-05-06")

    page = Visitor(place).open("/offers/sauna?month=2031-05")

    assert "Tuesday, 6 May 2031" not in page.words
    assert "Wednesday, 7 May 2031" in page.words
    with place.app_context():
        sauna = shop().catalogue.session("sauna")
        start = sauna.schedule.occurrences(date(2031, 5, 6), date(2031, 5, 6))[0].starts_at
        with pytest.raises(ClosedThen):
            check_session(sauna, shop().venue, start, 2, 0, now=clock())


@pytest.mark.clause("C17")
def test_who_has_booked_stays_booked(place, clock):
    with place.app_context():
        ada = details("Ada Lovelace", "ada@example.org")
        reference = book(stay("reed-room", JUNE, JUNE + timedelta(3)), now=clock(), who=ada)
    close(place, "reed-room", "2031-06-01", "2031-06-30")

    with place.app_context():
        query = sa.select(Reservation.status).where(Reservation.reference == reference)
        assert db.session.scalar(query) == "confirmed"


def test_staff_close_days_and_open_them_again(place, enters):
    staff, room = enters(STAFF), id_of(place, "reed-room")
    path = f"/owner/offers/{room}/closed"
    closed = change(staff, path, first="2031-06-03", last="2031-06-04")
    shown = staff.get(closed.location)
    form = seen(shown).form("/open")

    opened = staff.post(form.tag["action"])

    assert "Those days are closed now" in words(shown)
    assert "4 June 2031" in words(shown)
    assert opened.status_code == 303
    assert "closed" not in Visitor(place).open("/offers/reed-room?month=2031-06").words


@pytest.mark.parametrize("last", ["2031-06-02", "2035-06-02"])
def test_days_that_make_no_sense_are_refused_beside_the_field(place, enters, last):
    path = f"/owner/offers/{id_of(place, 'reed-room')}/closed"

    page = seen(change(enters(STAFF), path, first="2031-06-03", last=last))

    assert page.status == 422
    assert "two years at most" in page.said_beside("last")
    assert page.typed_in("first") == "2031-06-03"
