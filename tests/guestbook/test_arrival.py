"""Before they come, guests have on one sheet where, when and how, and what is good to know."""

import pytest
import sqlalchemy as sa

from app.booking.models import OfferRow
from app.core.database import db
from app.core.languages import LANGUAGES
from tests.house.visitor import key_of, reference_of


@pytest.fixture
def booked(visitor):
    """A reservation's page: from 2 to 5 June 2031."""
    return visitor.book()


def sheet(visitor, page, more=""):
    return visitor.open(f"/reservations/{reference_of(page)}/arrival?key={key_of(page)}{more}")


def write(**texts):
    """Have the house write of the room, in English."""
    row = db.session.scalars(sa.select(OfferRow).where(OfferRow.slug == "reed-room")).one()
    row.texts = {**row.texts, "en": {**row.texts["en"], **texts}}
    db.session.commit()


@pytest.mark.clause("C18")
def test_the_sheet_has_address_times_directions_notes_contact_and_calendar(visitor, booked):
    link = booked.soup.find("a", href=lambda href: href and "/arrival?" in href)

    page = visitor.open(link["href"])

    for said in (
        "Dorfstraße 27",
        "15:00",
        "10:30",
        "3 nights",
        "By train to Stralsund",
        "past the rain barrel",
        "The key is in the door.",
        "+49 171 3920027",
        "post@haus-rohrdommel.example",
        reference_of(booked),
    ):
        assert said in page.words
    calendar = page.soup.find("a", href=lambda href: href and "calendar.ics" in href)
    assert visitor.open(calendar["href"]).header("Content-Type").startswith("text/calendar")


@pytest.mark.clause("C18")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_house_speaks_of_arrival_in_every_language(place, visitor, booked, language):
    with place.app_context():
        rows = db.session.scalars(sa.select(OfferRow)).all()
        texts = {row.slug: row.texts[language] for row in rows}

    page = sheet(visitor, booked, f"&lang={language}")

    assert all(text["directions"] and text["house_notes"] for text in texts.values())
    first = texts["reed-room"]["house_notes"].split("\n\n")[0].split()
    assert " ".join(first) in page.words
    assert len({str(texts[slug]) for slug in texts}) == 5


@pytest.mark.clause("C18")
def test_what_the_house_changes_is_on_the_sheet_at_once_also_of_what_is_not_sold_any_more(
    place, visitor, booked
):
    with place.app_context():
        write(house_notes="The code of the door is 4711.\n\n<b>Bold</b>")
        db.session.execute(sa.update(OfferRow).values(on_sale=False))
        db.session.commit()

    page = sheet(visitor, booked)

    assert "The code of the door is 4711." in page.words
    assert "&lt;b&gt;Bold&lt;/b&gt;" in page.text


@pytest.mark.clause("C18")
def test_after_the_stay_and_before_it_is_firm_nothing_is_told_of_the_house(
    place, visitor, booked, clock
):
    clock.set(clock().replace(month=6, day=5))
    on_the_last_day = sheet(visitor, booked)
    clock.set(clock().replace(month=6, day=6))
    after = sheet(visitor, booked)

    assert "The key is in the door." in on_the_last_day.words
    assert after.status == 200
    assert "key is in the door" not in after.text
    assert "Your stay is over" in after.words
    assert "Before you come" not in visitor.open(booked.url).words


def test_who_cancelled_is_led_back_to_their_reservation(visitor, booked):
    visitor.send(booked.form("/cancel"))

    page = sheet(visitor, booked)

    assert page.status == 303
    assert f"/reservations/{reference_of(booked)}?" in page.header("Location")


def test_two_things_booked_are_told_of_one_after_the_other_each_once(visitor):
    basket = visitor.choose_stay()
    query = "basket=" + basket.form("/hold").url.rpartition("/basket/")[2].partition("/")[0]
    both = visitor.choose_session("sauna", query)
    booked = visitor.pay(visitor.tell(visitor.hold(both)))

    page = sheet(visitor, booked)

    assert page.words.count("past the rain barrel") == 1
    assert page.words.count("The log cabin between the birches") == 1


def test_the_sheet_costs_a_few_statements(visitor, booked, count_queries):
    with count_queries() as sent:
        sheet(visitor, booked)

    assert len(sent) <= 8
