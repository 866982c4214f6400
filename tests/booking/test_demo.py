"""The demo is a whole place in four languages, with made-up guests, and loads only once."""

import csv
import re
import sqlite3
import unicodedata
from collections import Counter
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.accounts.models import Person
from app.booking.checks import check_session, check_stay
from app.booking.demo import DATA, load_demo, load_demo_reservations
from app.booking.models import (
    CONFIRMED,
    ChargeRow,
    ExtraRow,
    Night,
    OfferRow,
    RateRow,
    Reservation,
    ReservationLine,
    UnitRow,
    VenueRow,
)
from app.booking.prices import nightly_price
from app.booking.reservations import prove
from app.booking.shop import shop
from app.core.database import db
from app.core.datamap import Kind
from app.core.languages import LANGUAGES
from app.core.outbox import Job, enqueue, run_due
from app.core.text import clean, e164
from app.core.vault import vault
from app.web.assets import STATIC
from tests.servers import ProgramFailed, run_flask

PARAGRAPHS = {"story": {2, 3}, "directions": {1, 2}, "arrival": {2}, "house_notes": {1, 2}}
# All else is said in one.
TEXTS = {
    VenueRow: {"tagline", "story", "alt", "directions", "arrival"},
    OfferRow: {"name", "summary", "story", "alt", "directions", "house_notes"},
    ExtraRow: {"name", "detail"},
    ChargeRow: {"name", "detail"},
}
RESERVED = re.compile(r"@(?:example\.(?:com|net|org)|[a-z.-]+\.example)$")  # RFC 2606


@pytest.fixture
def place(context, clock):
    """The site with the demo place on it."""
    assert load_demo(now=clock())
    db.session.commit()
    return context


@pytest.fixture
def booked(place, clock):
    """The demo place with its guests; the number of their bookings."""
    number = load_demo_reservations(now=clock())
    db.session.commit()
    return number


def guests():
    """Return the guests of the file, as dictionaries."""
    with (DATA / "guests.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def texts():
    """Yield (table, row, language, {key: text}) of everything the place says."""
    for model in TEXTS:
        for row in db.session.scalars(sa.select(model)):
            assert set(row.texts) == set(LANGUAGES)
            for language, said in row.texts.items():
                yield model, row, language, said


# -- The place ----------------------------------------------------------------------------


@pytest.mark.both_databases
def test_the_place_loads_once(context, clock):
    first = load_demo(now=clock())
    db.session.commit()
    second = load_demo(now=clock())

    assert (first, second) == (True, False)
    counts = [db.session.scalar(sa.select(sa.func.count(model.id))) for model in TEXTS]
    assert counts == [1, 5, 4, 2]


def test_loading_commits_nothing(context, clock):
    load_demo(now=clock())
    load_demo_reservations(now=clock())

    db.session.rollback()

    assert db.session.scalar(sa.select(VenueRow.id)) is None
    assert db.session.scalar(sa.select(Person.id)) is None


def test_the_catalogue_has_what_the_house_offers(place):
    catalogue = shop().catalogue

    assert [offer.slug for offer in catalogue.stays] == ["reed-room", "lagoon-suite", "boathouse"]
    assert [offer.slug for offer in catalogue.sessions] == ["kayak-tour", "sauna"]
    assert {extra.code for extra in catalogue.extras if extra.posted} == {"sea-buckthorn-parcel"}
    assert {charge.kind for charge in catalogue.charges} == {"fee", "tax"}
    for offer in catalogue.stays:
        names = db.session.scalars(sa.select(UnitRow.name).where(UnitRow.offer_id == offer.id))
        assert len(set(names)) == offer.units
        assert offer.nights_least <= offer.nights_most
        assert max(offer.adults_most, offer.children_most) <= offer.guests_most
        assert offer.guests_most <= offer.adults_most + offer.children_most


def test_every_text_is_there_in_every_language(place):
    seen = Counter()
    for model, _row, language, said in texts():
        assert set(said) == TEXTS[model]
        for key, text in said.items():
            # Apart from spaces that mustn't break, as the owner's own form would leave it.
            assert clean(text, lines=True) == text.replace("\u00a0", " "), (language, text)
            assert len(text.split("\n\n")) in PARAGRAPHS.get(key, {1}), (language, text)
            assert "\n" not in text.replace("\n\n", ""), (language, text)
        seen[language] += 1

    assert seen == dict.fromkeys(LANGUAGES, 1 + 5 + 4 + 2)


def test_no_text_was_left_in_another_language(place):
    for model, row, language, said in texts():
        for key in TEXTS[model]:
            others = [row.texts[other][key] for other in LANGUAGES if other != language]
            assert said[key] not in others
            assert bool(re.search("[\u4e00-\u9fff]", said[key])) == (language == "zh")


@pytest.mark.parametrize("signs", ['"', "'", "...", " - ", "!"])
def test_texts_are_set_with_typographic_signs_and_without_a_raised_voice(place, signs):
    wrong = [text for *_, said in texts() for text in said.values() if signs in text]

    assert not wrong


def test_french_signs_keep_to_their_words(place):
    french = [text for *_, language, said in texts() if language == "fr" for text in said.values()]

    assert not [text for text in french if re.search(r"[^\u00a0][;:?»]|«[^\u00a0]| [;:?»]", text)]


def test_chinese_sentences_have_no_gaps_in_them(place):
    chinese = [text for *_, language, said in texts() if language == "zh" for text in said.values()]

    assert not [text for text in chinese if re.search(r"[\u4e00-\u9fff] [\u4e00-\u9fff]", text)]


def test_every_picture_is_drawn(place):
    pictures = [
        *db.session.scalars(sa.select(VenueRow.picture)),
        *db.session.scalars(sa.select(OfferRow.picture)),
    ]

    assert len(set(pictures)) == 6
    assert [name for name in pictures if not (STATIC / "img" / name).is_file()] == []


def test_everything_costs_something(place):
    prices = [
        *db.session.scalars(sa.select(RateRow.minor)),
        *db.session.scalars(sa.select(ExtraRow.minor)),
        *db.session.scalars(sa.select(ChargeRow.minor)),
        *(o.adult_minor for o in shop().catalogue.sessions),
        *(o.child_minor for o in shop().catalogue.sessions),
    ]

    assert all(minor >= 100 for minor in prices)


def test_prices_follow_the_weekend_and_the_seasons(context):
    load_demo(now=datetime.fromisoformat("2026-05-04T08:00+02:00"))
    reed = shop().catalogue.stay("reed-room")

    base, weekend, summer, festive = (
        nightly_price(reed, date.fromisoformat(f"2027-{day}"))
        for day in ("03-09", "03-12", "07-09", "12-28")
    )
    assert base < weekend < summer < festive
    assert nightly_price(reed, date(2027, 3, 14)) == base  # a Sunday
    for year in (2026, 2027, 2028, 2029):
        assert nightly_price(reed, date(year, 6, 1)) == nightly_price(reed, date(year, 8, 31))
        assert nightly_price(reed, date(year, 6, 1)) == summer
        assert nightly_price(reed, date(year + 1, 1, 1)) == festive
    assert nightly_price(reed, date(2027, 1, 4)) == base  # a Monday


def test_sessions_start_when_the_story_says(place):
    catalogue = shop().catalogue
    kayak = catalogue.session("kayak-tour").schedule
    sauna = catalogue.session("sauna").schedule
    for year in (2026, 2031, 2040):
        tours = kayak.occurrences(date(year, 1, 1), date(year, 12, 31))
        rounds = sauna.occurrences(date(year, 7, 1), date(year, 7, 31))

        assert {tour.local.weekday() for tour in tours} == {1, 3, 5, 6}
        assert {f"{tour.local:%H:%M}" for tour in tours} == {"09:30"}
        days = {tour.local.date() for tour in tours}
        every = (date(year, 1, 1) + timedelta(n) for n in range(365))
        missed = {day for day in every if day.weekday() in {1, 3, 5, 6} and day not in days}
        christmas = {date(year, 12, day) for day in (24, 25, 26)}
        assert missed == {day for day in christmas if day.weekday() in {1, 3, 5, 6}}
        assert Counter(f"{one.local:%H:%M}" for one in rounds) == {"17:00": 31, "19:00": 31}


def test_nobody_real_can_be_reached_at_the_place(place):
    venue = shop().venue

    assert RESERVED.search(venue.email)
    assert e164(venue.phone, None).startswith("+491713920")  # kept for films


# -- Its guests ---------------------------------------------------------------------------


@pytest.mark.both_databases
def test_guests_book_once_and_every_counter_is_right(place, clock):
    number = load_demo_reservations(now=clock())
    db.session.commit()
    again = load_demo_reservations(now=clock())

    assert 48 <= number <= 56
    assert again == 0
    assert list(db.session.scalars(sa.select(Reservation.status))) == [CONFIRMED] * number
    assert prove(now=clock()) == []


def test_the_same_instant_gives_the_same_bookings(booked, clock):
    def lines():
        ordered = sa.select(ReservationLine).order_by(ReservationLine.id)
        found = db.session.scalars(ordered).all()
        return [(x.arrive, x.depart, x.starts_at, x.quantity, x.total_minor) for x in found]

    first = lines()
    for table in ("seating", "night", "session_places", "reservation_line", "reservation"):
        db.session.execute(sa.text(f"DELETE FROM {table}"))
    load_demo_reservations(now=clock())

    assert lines() == first


def test_everybody_booked_what_was_on_offer_then(booked, clock):
    catalogue = shop().catalogue
    stays = sa.select(ReservationLine).where(ReservationLine.kind == "stay")
    sessions = sa.select(ReservationLine).where(ReservationLine.kind == "session")
    for line in db.session.scalars(stays):
        then = line.reservation.created_at.astimezone(catalogue.venue.zone).date()
        offer = catalogue.stays_by_id[line.offer_id]
        check_stay(
            offer, catalogue.venue, line.arrive, line.depart, line.adults, line.children, today=then
        )
    for line in db.session.scalars(sessions):
        offer = catalogue.sessions_by_id[line.offer_id]
        then = line.reservation.created_at
        check_session(offer, catalogue.venue, line.starts_at, line.adults, line.children, now=then)

    assert all(
        reservation.created_at < reservation.confirmed_at < clock()
        for reservation in db.session.scalars(sa.select(Reservation))
    )


def test_the_calendars_look_alive(booked, clock):
    today = clock().date()
    starts = db.session.scalars(sa.select(Reservation.first_start))
    arrivals = [(start.date() - today).days for start in starts]
    taken = sa.select(Night.night).join(OfferRow).where(OfferRow.slug == "boathouse")
    full = set(db.session.scalars(taken.where(Night.taken == Night.capacity)))
    gaps = [
        night
        for night in (today + timedelta(n) for n in range(60))
        if night not in full and {night - timedelta(1), night + timedelta(1)} <= full
    ]

    assert sum(-35 <= days < 0 for days in arrivals) >= 8
    assert sum(0 <= days <= 125 for days in arrivals) >= 36
    assert today in full
    assert len(gaps) >= 3


def test_guests_are_found_by_their_address_and_only_opened_by_the_vault(booked):
    known = {guest["email"]: guest for guest in guests()}

    people = db.session.scalars(sa.select(Person)).all()

    assert len(people) == len(known)
    for person in people:
        assert vault().find(Kind.EMAIL, person.email) == [person.id]
        assert person.name == known[person.email]["name"]
        assert person.phone == (known[person.email]["phone"] or None)


@pytest.mark.clause("C14")
def test_the_files_hold_no_guest_in_the_clear(booked, instance):
    raw = b"".join(path.read_bytes() for path in Path(instance).iterdir() if path.is_file())

    assert b"Haus Rohrdommel" in raw
    for guest in guests():
        for value in (guest["name"], guest["email"], guest["phone"]):
            assert not value or value.encode() not in raw


def test_no_guest_is_anybody():
    found = guests()

    assert len({guest["email"] for guest in found}) == len(found) >= 40
    assert {guest["language"] for guest in found} == set(LANGUAGES)
    for guest in found:
        assert RESERVED.search(guest["email"])
        assert guest["name"] == clean(guest["name"])
        if guest["phone"]:
            assert e164(guest["phone"], None) == guest["phone"]
    # A letter's Unicode name begins with its script.
    scripts = {unicodedata.name(guest["name"][0]).split()[0] for guest in found}
    assert len(scripts) >= 10


def test_nobody_gets_a_message_about_the_demo(booked, clock):
    jobs = db.session.scalars(sa.select(Job)).all()

    assert len(jobs) >= booked
    assert all(job.done_at for job in jobs)
    assert run_due(now=clock() + timedelta(days=365)) == 0


def test_messages_about_other_reservations_are_left_alone(place, clock):
    enqueue("mail", {"template": "confirmed", "reservation_id": 10**6}, now=clock())

    load_demo_reservations(now=clock())

    waiting = db.session.scalars(sa.select(Job).where(Job.done_at.is_(None))).all()
    assert [job.payload["reservation_id"] for job in waiting] == [10**6]


# -- The history to replay ----------------------------------------------------------------


def test_the_history_has_rows_that_can_be_booked_and_rows_that_cannot():
    with (DATA / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    nights = [int(r["stays_in_weekend_nights"]) + int(r["stays_in_week_nights"]) for r in rows]
    assert len(rows) == 299
    assert len(rows[0]) == 32
    assert {row["hotel"] for row in rows} == {"Dune Hotel", "Harbour Hotel"}
    assert {row["reservation_status"] for row in rows} == {"Check-Out", "Canceled", "No-Show"}
    assert nights.count(0) == 4
    assert sum(row["adults"] == "0" for row in rows) == 3
    assert sum(float(row["adr"]) < 0 for row in rows) == 2


def test_every_date_of_the_history_exists_and_follows_from_the_others():
    with (DATA / "history.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    for row in rows:
        written = f"{row['arrival_date_day_of_month']} {row['arrival_date_month']}"
        arrive = datetime.strptime(f"{written} {row['arrival_date_year']} Z", "%d %B %Y %z").date()
        nights = int(row["stays_in_weekend_nights"]) + int(row["stays_in_week_nights"])
        ended = date.fromisoformat(row["reservation_status_date"])
        booked = arrive - timedelta(int(row["lead_time"]))
        expected = {
            "Check-Out": ended == arrive + timedelta(nights),
            "No-Show": ended == arrive,
            "Canceled": booked <= ended <= arrive,
        }
        assert expected[row["reservation_status"]], row
        assert (row["is_canceled"] == "0") == (row["reservation_status"] == "Check-Out")


def test_made_up_guests_do_not_go_into_a_production_site(environ, instance):
    production = {
        "SITE_MODE": "production",
        "SITE_URL": "https://haus.example",
        "MAIL_URL": "smtps://house:secret@relay.example:465",
    }

    with pytest.raises(ProgramFailed, match="production"):
        run_flask(environ | production, "demo", "load")

    with closing(sqlite3.connect(instance / "book.db")) as book:
        assert book.execute("SELECT count(*) FROM venue").fetchone() == (0,)
