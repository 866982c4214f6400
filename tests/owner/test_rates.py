"""Prices for weekends and seasons, and the month that comes of them, for new bookings alone."""

from datetime import date

import pytest
import sqlalchemy as sa

from app.accounts.models import OWNER, READER, STAFF
from app.booking.models import OfferRow, RateRow
from app.booking.prices import nightly_price
from app.booking.shop import shop
from app.core.database import db
from app.owner import offers
from tests.house.visitor import Visitor
from tests.owner.house import words
from tests.owner.test_offers import change, id_of, seen


def price(app, slug, day):
    with app.app_context():
        return nightly_price(shop().catalogue.stay(slug), date.fromisoformat(day))


def test_a_season_counts_from_its_first_to_its_last_night_and_the_month_shows_it(place, enters):
    owner, room = enters(OWNER), id_of(place, "reed-room")

    made = change(
        owner, f"/owner/offers/{room}/prices/new", minor="222", first="2031-10-06",
        last="2031-10-08", priority="9",
    )  # fmt: skip
    preview = owner.get(f"/owner/offers/{room}/prices?month=2031-10")
    public = Visitor(place).open("/offers/reed-room?month=2031-10")

    assert made.status_code == 303
    assert [price(place, "reed-room", f"2031-10-0{day}") for day in (5, 6, 8, 9)] == [
        9800, 22200, 22200, 9800,
    ]  # fmt: skip
    assert words(preview).count("€222") == 4  # three nights, and the line of the price
    assert public.words.count("€222") == 3


def test_weekdays_and_priority_decide_which_price_counts(place, enters):
    owner, room = enters(OWNER), id_of(place, "reed-room")

    change(owner, f"/owner/offers/{room}/prices/new", minor="50", weekdays="6", priority="3")

    assert price(place, "reed-room", "2031-10-05") == 5000  # a Sunday
    assert price(place, "reed-room", "2031-10-06") == 9800


@pytest.mark.both_databases
def test_the_price_for_every_other_night_cannot_be_taken_away(place, context):
    row = db.session.execute(sa.select(OfferRow).where(OfferRow.slug == "reed-room")).scalar_one()
    base = next(one for one in row.rates if one.priority == 0)

    with pytest.raises(offers.NoPriceLeft):
        offers.remove_rate(row, base)
    db.session.rollback()
    base = db.session.get(RateRow, base.id)
    base.weekdays = "01"
    with pytest.raises(offers.NoPriceLeft):
        offers.change_rate(base.offer, base)
    db.session.rollback()

    assert shop().catalogue.stay("reed-room") is not None


def test_seasons_that_end_before_they_begin_are_refused_beside_the_field(place, enters):
    owner, room = enters(OWNER), id_of(place, "reed-room")

    answer = change(
        owner, f"/owner/offers/{room}/prices/new", minor="50", first="2031-10-06",
        last="2031-10-01",
    )  # fmt: skip
    page = seen(answer)

    assert page.status == 422
    assert "isn’t before the first" in page.said_beside("last")
    assert page.typed_in("minor") == "50"


def test_prices_are_for_owners_and_everybody_of_the_house_sees_them(place, enters):
    room = id_of(place, "reed-room")
    with place.app_context():
        rate = db.session.get(OfferRow, room).rates[0].id

    for role, status in ((READER, 403), (STAFF, 403), (OWNER, 200)):
        somebody = enters(role)
        assert somebody.get(f"/owner/offers/{room}/prices").status_code == 200
        assert somebody.get(f"/owner/offers/{room}/prices/{rate}").status_code == status
    assert enters(OWNER, "o@x.example").get(f"/owner/offers/999/prices/{rate}").status_code == 404
