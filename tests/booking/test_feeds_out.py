"""A partner is told when something is taken, and nothing else: nobody's name, of nobody.

Every value that the databases hold of a person is opened and looked for in every calendar that
goes out; and what goes out is read again by another reader, and held against RFC 5545.
"""

import re
from datetime import date, datetime, timedelta
from itertools import product

import pytest
import sqlalchemy as sa
from icalendar import Calendar

from app.booking import feeds, feeds_out
from app.booking.holds import hold
from app.booking.models import ClosedRow, Feed, Reservation, UnitRow, VenueRow
from app.booking.rooms import block, unit_of
from app.core.database import Base, db
from app.core.datamap import Personal, declaration
from app.core.vault import SealBroken, opened
from app.policy.recipients import listed
from tests.booking.places import BOAT, NOW, ROOM, TOUR, night, open_house, stay, tour
from tests.booking.test_rooms import book
from tests.house.visitor import EMAIL, NAME, Visitor

TODAY = NOW.date()


def give(offer_id=ROOM, unit_id=None, channel="Elsewhere"):
    """Make a calendar that goes out; return its number and its address."""
    made, token = feeds.make(channel, offer_id, unit_id, address="", out=True, now=NOW)
    feed_id = made.id
    db.session.commit()
    return feed_id, f"/feeds/{token}.ics"


def units():
    return db.session.scalars(sa.select(UnitRow.id).order_by(UnitRow.id)).all()


def told(client, address):
    """What a calendar tells, by another reader: [(start, end)] in their order."""
    answer = client.get(address)
    assert answer.status_code == 200
    events = Calendar.from_ical(answer.data).walk("VEVENT")
    return sorted((one["DTSTART"].dt, one["DTEND"].dt) for one in events)


# -- Nothing of anybody -------------------------------------------------------------------------


def personal_values():
    """Every value that the databases hold of a person, sealed ones opened, that can be read."""
    found = set()
    for mapper in Base.registry.mappers:
        names = [n for n, v in vars(mapper.class_).items() if isinstance(v, opened)]
        columns = [
            attribute.key
            for attribute in mapper.column_attrs
            if isinstance(declaration(attribute.columns[0]), Personal)
        ]
        for row in db.session.scalars(sa.select(mapper.class_)):
            for name in (*names, *columns):
                try:
                    value = getattr(row, name)
                except SealBroken:
                    continue
                found |= set(pieces(value))
    return found


def pieces(value):
    """The texts that a value is made of, as long as they could tell somebody."""
    if isinstance(value, dict):
        for one in value.values():
            yield from pieces(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from pieces(one)
    elif isinstance(value, str):
        yield value
        yield from re.split(r'[\s@,;:"{}\[\]]+', value)


# What stands in a calendar for everybody; a value that is such a word tells nobody.
_COMMON = {"busy", "publish", "confirmed", "gregorian", "reservations", "localhost", "europe"}


@pytest.mark.both_databases
@pytest.mark.clause("C22")
def test_no_value_of_any_person_is_in_any_calendar_that_goes_out(place, client):
    visitor = Visitor(place)
    visitor.book()
    visitor.hold(visitor.choose_stay("lagoon-suite"))
    with place.app_context():
        addresses = [
            give(offer.id, unit)[1]
            for offer, rows in feeds.targets()
            for unit in [None, *(row.id for row in rows)]
        ]
        references = set(db.session.scalars(sa.select(Reservation.reference)))
        values = {one for one in personal_values() if len(one) >= 4} | references
        values = {v for v in values if v.casefold() not in _COMMON}
        db.session.rollback()

    calendars = {address: client.get(address).text.replace("\r\n ", "") for address in addresses}

    assert any("BEGIN:VEVENT" in text for text in calendars.values())
    assert {NAME, EMAIL} <= values
    for address, text in calendars.items():
        lines = [one for one in text.splitlines() if not one.startswith(("UID", "DT", "TZ"))]
        said = "\n".join(lines).casefold()
        assert [one for one in values if one.casefold() in said] == [], address
        names = re.findall(r"UID:(\w+)@", text)
        assert [one for one, n in product(values, names) if len(one) > 5 and one in n] == []


@pytest.mark.clause("C22")
def test_an_event_is_busy_and_has_nothing_that_could_tell_more(context, client):
    house = open_house(units=1)
    book(house, 1, 3)
    db.session.commit()
    _, address = give()

    (event,) = Calendar.from_ical(client.get(address).data).walk("VEVENT")

    assert set(event) == {"UID", "SEQUENCE", "SUMMARY", "DTSTART", "DTEND", "DTSTAMP", "STATUS"}
    assert (str(event["SUMMARY"]), event["SEQUENCE"]) == ("Busy", 0)


@pytest.mark.clause("C22")
def test_two_partners_cannot_join_their_calendars_by_what_events_are_called(context, client):
    house = open_house(units=1)
    book(house, 1, 3)
    db.session.commit()
    addresses = [give(ROOM, None, "One")[1], give(ROOM, units()[0], "Two")[1]]

    one, two = (set(re.findall(r"UID:(.*)\r\n", client.get(at).text)) for at in addresses)

    assert len(one) == len(two) == 1
    assert one.isdisjoint(two)
    assert all(feeds_out.is_own(name) for name in one | two)
    assert not feeds_out.is_own("0" * 40 + "@localhost")


# -- What is taken ------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.clause("C22")
def test_stays_next_to_each_other_blocks_and_closed_days_are_one_time_that_is_taken(
    context, client
):
    house = open_house(units=1)
    book(house, 1, 3)
    book(house, 4, 2)
    block(units()[0], night(6), night(8), "repair", today=TODAY, now=NOW)
    db.session.add(ClosedRow(offer_id=ROOM, first=night(8), until=night(10)))
    db.session.commit()
    addresses = [give(ROOM, units()[0])[1], give(ROOM)[1]]

    for address in addresses:
        assert told(client, address) == [(night(1), night(10))]


@pytest.mark.both_databases
def test_a_rooms_calendar_has_its_own_nights_and_an_offers_those_when_nothing_is_left(
    context, client
):
    house = open_house(units=2)
    one = book(house, 1, 3)
    book(house, 2, 4)
    db.session.commit()
    first = unit_of(one)
    db.session.rollback()
    _, of_room = give(ROOM, first)
    _, of_all = give(ROOM)

    assert told(client, of_room) == [(night(1), night(4))]
    assert told(client, of_all) == [(night(2), night(4))]


@pytest.mark.both_databases
def test_a_hold_that_ran_out_takes_nothing(context, client, clock):
    house = open_house(units=1)
    hold(house, stay(house, 1, 2), language="en", now=NOW)
    db.session.commit()
    addresses = [give(ROOM, units()[0])[1], give(ROOM)[1]]
    assert [told(client, at) for at in addresses] == [[(night(1), night(3))]] * 2

    clock.move(timedelta(days=1))

    assert [told(client, at) for at in addresses] == [[], []]


@pytest.mark.both_databases
def test_what_came_from_a_partner_is_told_to_others_and_never_to_them(context, client):
    open_house(units=2)
    feed_id, of_room = give(ROOM, units()[0], "Elsewhere")
    _, of_all = give(ROOM, None, "Elsewhere")
    _, to_other = give(ROOM, units()[0], "elsewhere 2")
    _, all_to_other = give(ROOM, None, "elsewhere 2")
    for unit, source in zip(units(), (feed_id, None), strict=True):
        block(unit, night(1), night(3), "other", today=TODAY, now=NOW, feed_id=source)
    db.session.commit()

    assert told(client, of_room) == []
    assert told(client, of_all) == []  # of the two rooms, they have one themselves
    assert told(client, to_other) == [(night(1), night(3))]
    assert told(client, all_to_other) == [(night(1), night(3))]


@pytest.mark.both_databases
def test_a_session_is_taken_when_it_has_no_seat_left_by_the_clock_of_the_place(context, client):
    house = open_house(seats=4)
    db.session.get(VenueRow, 1).zone = "Europe/Berlin"
    db.session.get(VenueRow, 1).catalogue_version += 1
    db.session.commit()
    _, address = give(BOAT)
    hold(house, tour(house, 3), language="en", now=NOW)
    db.session.commit()
    assert told(client, address) == []

    hold(house, tour(house, 1), language="en", now=NOW)
    db.session.commit()

    ((starts, ends),) = told(client, address)
    assert (starts, ends) == (TOUR, TOUR + timedelta(hours=1))
    assert starts.tzinfo is not None
    assert "DTSTART;TZID=Europe/Berlin:" in client.get(address).text
    assert "BEGIN:VTIMEZONE" in client.get(address).text


def test_a_calendar_ends_at_its_horizon_and_begins_with_what_is_not_over(context, client, clock):
    open_house(units=1)
    block(units()[0], TODAY, TODAY + timedelta(days=3), "repair", today=TODAY, now=NOW)
    far = date(2032, 12, 1)
    end = far + timedelta(days=9)
    block(units()[0], far - timedelta(days=9), end, "repair", today=TODAY, now=NOW)
    db.session.commit()
    _, address = give(ROOM, units()[0])

    spans = [(TODAY, TODAY + timedelta(days=3)), (far - timedelta(days=9), far)]
    assert told(client, address) == spans
    clock.move(timedelta(days=1))
    assert told(client, address) == spans  # a span that runs isn't cut anew each day
    clock.move(timedelta(days=2))
    assert told(client, address) == spans[1:]


def blank(page):
    """A page without the address that was asked for, which stands in it."""
    return re.sub(r"/feeds/[\w-]+\.ics", "", page)


# -- The address --------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.clause("C22")
def test_an_address_that_is_wrong_and_one_that_has_ended_are_the_same(context, client):
    open_house()
    feed_id, ended = give()
    assert client.get(ended).status_code == 200
    feed = db.session.get_one(Feed, feed_id)
    renewed = f"/feeds/{feeds.give_address(feed, now=NOW)}.ics"
    db.session.commit()
    assert client.get(renewed).status_code == 200
    feeds.revoke(db.session.get_one(Feed, feed_id), now=NOW)
    db.session.commit()

    wrong = client.get("/feeds/" + "A" * 32 + ".ics")
    answers = [client.get(one) for one in (ended, renewed)]

    assert wrong.status_code == 404
    for answer in answers:
        assert answer.status_code == 404
        assert blank(answer.text) == blank(wrong.text)
        assert dict(answer.headers) == dict(wrong.headers)


@pytest.mark.clause("C22")
def test_the_database_does_not_know_the_address(context, client, instance):
    open_house()
    _, address = give()
    client.get(address)
    db.session.remove()

    raw = b"".join(path.read_bytes() for path in instance.glob("*.db*"))

    assert address.encode()[7:-4] not in raw


@pytest.mark.both_databases
def test_who_has_the_newest_already_is_told_so_and_nothing_changes_while_nothing_is_taken(
    context, client, clock
):
    house = open_house(units=1)
    book(house, 1, 3)
    db.session.commit()
    _, address = give()
    first = client.get(address)
    clock.move(timedelta(hours=7))

    again = client.get(address)
    known = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    book(house, 7, 1)
    db.session.commit()
    changed = client.get(address, headers={"If-None-Match": first.headers["ETag"]})

    assert again.data == first.data
    assert (known.status_code, known.data) == (304, b"")
    assert changed.status_code == 200
    old, new = (set(re.findall(r"UID:(.*)\r\n", one.text)) for one in (first, changed))
    assert old < new
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert "Set-Cookie" not in first.headers
    assert first.content_type == "text/calendar; charset=utf-8"


def test_who_looks_too_often_waits_and_so_does_who_guesses(context, client):
    open_house()
    _, address = give()

    looked = [client.get(address).status_code for _ in range(61)]
    guessed = [client.get("/feeds/guess.ics").status_code for _ in range(61)]

    assert looked == [200] * 60 + [429]
    assert guessed == [404] * 60 + [429]


def test_a_look_at_the_headers_alone_tells_nothing(context, client):
    house = open_house(units=1)
    book(house, 1, 3)
    db.session.commit()
    feed_id, address = give()

    client.head(address)
    assert db.session.get_one(Feed, feed_id).told == []
    db.session.rollback()
    client.get(address)
    assert db.session.get_one(Feed, feed_id).told == [["2031-06-02", "2031-06-05"]]


# -- RFC 5545 -----------------------------------------------------------------------------------


def test_the_file_keeps_to_the_standard(context, client):
    house = open_house(units=1, seats=1)
    for n in range(5):
        book(house, n * 3 + 1, 2)
    hold(house, tour(house, 1), language="en", now=NOW)
    db.session.commit()
    for offer in (ROOM, BOAT):
        data = client.get(give(offer)[1]).data

        assert data.endswith(b"END:VCALENDAR\r\n")
        lines = data.split(b"\r\n")
        assert b"\n" not in b"".join(lines)
        assert b"\r" not in b"".join(lines)
        assert max(map(len, lines)) <= 75
        assert lines[:1] == [b"BEGIN:VCALENDAR"]
        read = Calendar.from_ical(data)
        assert (read["VERSION"], bool(read["PRODID"])) == ("2.0", True)
        events = read.walk("VEVENT")
        assert events
        assert len({str(one["UID"]) for one in events}) == len(events)
        for one in events:
            assert one["DTSTAMP"].dt.utcoffset() == timedelta(0)
            assert one["DTSTART"].dt < one["DTEND"].dt
            is_day = not isinstance(one["DTSTART"].dt, datetime)
            assert one["DTSTART"].params.get("VALUE") == ("DATE" if is_day else None)


# -- Large houses, and who gets it --------------------------------------------------------------


def test_a_house_of_three_hundred_rooms_answers_with_few_statements(context, client, count_queries):
    house = open_house(units=300)
    for n in range(40):
        book(house, n % 7, 3)
    db.session.commit()
    addresses = [give(ROOM)[1], give(ROOM, units()[0])[1]]
    client.get(addresses[0])  # the first reads the catalogue

    for address in addresses:
        with count_queries() as sent:
            assert client.get(address).status_code == 200
        assert len([one for one in sent if not one.startswith(("BEGIN", "COMMIT"))]) <= 14


@pytest.mark.clause("C22")
def test_the_list_of_recipients_has_partners_and_that_they_get_nothing_of_you(context, client):
    open_house()
    assert not [one for one in listed(context.extensions["egress"]) if one.clause == "C22"]
    give(ROOM, None, "Elsewhere")

    (one,) = [one for one in listed(context.extensions["egress"]) if one.clause == "C22"]
    db.session.rollback()
    page = client.get("/privacy/recipients").text

    assert "nothing of you" in one.gets
    assert "Elsewhere" in one.name
    assert "Partner calendar: Elsewhere" in page


def test_the_same_partner_is_the_same_however_it_is_written(context):
    open_house()
    give(ROOM, None, "Elsewhere")

    _, _ = give(ROOM, units()[0], "ELSEWHERE")
    with pytest.raises(feeds.FeedExists):
        give(ROOM, None, "elsewhere")

    assert set(db.session.scalars(sa.select(Feed.channel))) == {"Elsewhere"}
