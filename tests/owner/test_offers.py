"""The house changes what it offers, and never what somebody has reserved."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import OWNER, READER, STAFF
from app.booking.cancellation import CancellationPolicy, Tier
from app.booking.models import (
    ExtraRow,
    Night,
    OfferRow,
    Reservation,
    ReservationLine,
    UnitRow,
    VenueRow,
)
from app.booking.seating import misseated
from app.booking.shop import shop
from app.core import audit
from app.core.audit import AuditEntry
from app.core.database import db
from app.owner import offers
from tests.house.visitor import Page, Sheet, Visitor
from tests.owner.guests import book, details, seats, stay
from tests.owner.house import words

JUNE = date(2031, 6, 2)


def id_of(app, slug):
    with app.app_context():
        return db.session.scalar(sa.select(OfferRow.id).where(OfferRow.slug == slug))


def seen(answer, url="/"):
    return Page(url, answer.status_code, list(answer.headers), answer.data)


def change(who, path, **typed):
    """Open a page of the house, type something into its form, and send it."""
    sheet = Sheet(seen(who.get(path), path).form(path).tag, "")
    return who.post(path, **{**sheet.values, **typed})


def everything_reserved(app):
    """Return all that a reservation says, as it is stored."""
    with app.app_context():
        lines = [tuple(row) for row in db.session.execute(sa.select(ReservationLine.__table__))]
        columns = Reservation.__table__.c
        heads = sa.select(
            columns.reference, columns.total_minor, columns.cancellation, columns.quote_digest
        )
        return repr((lines, [tuple(row) for row in db.session.execute(heads)]))


def version(app):
    with app.app_context():
        return db.session.scalar(sa.select(VenueRow.catalogue_version))


@pytest.fixture
def booked(place, clock):
    """A stay in the Reed Room and a kayak tour, reserved by Ada."""
    ada = details("Ada Lovelace", "ada@example.org")
    with place.app_context():
        start = (
            shop().catalogue.session("kayak-tour").schedule.occurrences(JUNE, JUNE + timedelta(9))
        )
        book(
            stay("reed-room", JUNE, JUNE + timedelta(3)),
            seats("kayak-tour", start[0].starts_at),
            now=clock(),
            who=ada,
        )
    return place


# -- A change is for whoever books from then on ---------------------------------------------------


@pytest.mark.clause("C17")
def test_no_change_of_the_house_touches_a_reservation(booked, enters):
    owner, room, tour = enters(OWNER), id_of(booked, "reed-room"), id_of(booked, "kayak-tour")
    before, first = everything_reserved(booked), version(booked)
    with booked.app_context():
        rate = db.session.get(OfferRow, room).rates[0].id

    answers = [
        change(owner, f"/owner/offers/{room}/texts", en_name="Fen Room", de_name="Moorzimmer"),
        change(owner, f"/owner/offers/{room}/numbers", nights_least="2", vat="19"),
        change(owner, f"/owner/offers/{tour}/numbers", adult_minor="99", minutes="60"),
        change(owner, f"/owner/offers/{room}/prices/{rate}", minor="500"),
        change(owner, "/owner/place/terms", days0="30", share0="10", days1="", share1="",
               days2="", share2="", deposit=""),
        change(owner, "/owner/place", name="Another house", check_in="18:00"),
        change(owner, "/owner/offers/charges/1", minor="77"),
        owner.post(f"/owner/offers/{room}/closed", first="2031-06-01", last="2031-06-30"),
        owner.post(f"/owner/offers/{room}/sale"),
    ]  # fmt: skip

    assert [answer.status_code for answer in answers] == [303] * 9
    assert everything_reserved(booked) == before
    assert version(booked) >= first + 9
    with booked.app_context():
        assert misseated(db.session.connection()) == []
        assert list(audit.faults()) == []
        verbs = db.session.scalars(sa.select(AuditEntry.verb)).all()
        assert {"offer_texts", "offer_numbers", "price", "terms", "place", "closed"} <= set(verbs)


def test_the_price_that_somebody_is_looking_at_is_not_taken_silently(place, enters):
    visitor = Visitor(place)
    basket = visitor.choose_stay()
    owner, room = enters(OWNER), id_of(place, "reed-room")
    with place.app_context():
        base = next(r.id for r in db.session.get(OfferRow, room).rates if len(r.weekdays) == 7
                    and not r.first)  # fmt: skip
        summer = [r.id for r in db.session.get(OfferRow, room).rates if r.first]
    for rate in (base, *summer):
        change(owner, f"/owner/offers/{room}/prices/{rate}", minor="300")

    held = visitor.hold(basket)

    assert held.status == 409
    assert "A price has changed" in held.words


@pytest.mark.clause("C17")
def test_what_is_off_sale_is_found_nowhere_and_its_reservations_stay(booked, enters):
    visitor, owner, room = Visitor(booked), enters(OWNER), id_of(booked, "reed-room")
    basket = visitor.choose_stay()
    owner.post(f"/owner/offers/{room}/sale")

    home, search = visitor.open("/"), visitor.open("/search?arrive=2031-07-02&depart=2031-07-05")
    page = visitor.open("/offers/reed-room")
    put = visitor.ask("POST", "/offers/reed-room/stay", data={"arrive": "2031-06-09"})
    held = visitor.open(basket.url)

    assert "Reed Room" not in home.words + search.words
    assert page.status == put.status == 404
    assert "isn’t on offer at the moment" in page.title
    assert "isn’t offered any more" in held.words
    assert "Ada Lovelace" in words(owner.get("/owner/?day=2031-06-02"))
    owner.post(f"/owner/offers/{room}/sale")
    assert visitor.open("/offers/reed-room").status == 200


def test_deleting_what_was_reserved_is_refused_and_explained(booked, enters):
    owner, room, suite = enters(OWNER), id_of(booked, "reed-room"), id_of(booked, "lagoon-suite")

    refused = owner.post(f"/owner/offers/{room}/delete")
    deleted = owner.post(f"/owner/offers/{suite}/delete")

    assert refused.status_code == 409
    assert "Take it off sale instead" in words(refused)
    assert deleted.status_code == 303
    assert id_of(booked, "reed-room") == room
    assert id_of(booked, "lagoon-suite") is None


# -- Units and seats ------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_fewer_units_than_are_taken_are_refused_and_more_can_be_sold_at_once(place, clock, context):
    for name in ("Ada", "Grace"):
        book(
            stay("reed-room", JUNE, JUNE + timedelta(2)),
            now=clock(),
            who=details(name, f"{name}@example.org"),
        )
    row = db.session.execute(sa.select(OfferRow).where(OfferRow.slug == "reed-room")).scalar_one()
    today = date(2031, 5, 5)

    with pytest.raises(offers.UnitsTaken) as refused:
        offers.change_stay(row, facts(row, ["Bekassine"]), today=today)
    db.session.rollback()
    with pytest.raises(offers.UnitInUse):
        offers.change_stay(row, facts(row, ["Kiebitz", "Blässhuhn"]), today=today)
    db.session.rollback()
    offers.change_stay(row, facts(row, ["Bekassine", "Kiebitz"]), today=today)
    db.session.commit()
    full = counters(row)
    offers.change_stay(
        row, facts(row, ["Bekassine", "Kiebitz", "Rohrsänger", "Kranich"]), today=today
    )
    db.session.commit()
    for name in ("Maria", "Emmy"):
        book(stay("reed-room", JUNE, JUNE + timedelta(2)), now=clock(),
             who=details(name, f"{name}@example.org"))  # fmt: skip

    assert refused.value.values == {"day": JUNE, "taken": 2}
    assert full == {(2, 2)}
    assert counters(row) == {(4, 4)}
    assert misseated(db.session.connection()) == []
    names = {unit.name: unit.position for unit in db.session.scalars(sa.select(UnitRow))}
    assert names["Blässhuhn"] < 0


def facts(row, names):
    return offers.StayFacts(
        names, row.adults_most, row.children_most, row.guests_most, row.nights_least,
        row.nights_most, row.vat_bp, row.position,
    )  # fmt: skip


def counters(row):
    return {
        (night.capacity, night.taken)
        for night in db.session.scalars(sa.select(Night).where(Night.offer_id == row.id))
    }


@pytest.mark.both_databases
def test_fewer_seats_than_are_taken_are_refused(place, clock, context):
    start = shop().catalogue.session("sauna").schedule.occurrences(JUNE, JUNE)[0].starts_at
    book(seats("sauna", start, adults=3), now=clock(), who=details("Ada", "ada@example.org"))
    row = db.session.execute(sa.select(OfferRow).where(OfferRow.slug == "sauna")).scalar_one()

    def have(number):
        values = offers.SessionFacts(
            row.minutes, number, row.cutoff_minutes, row.adult_minor, row.child_minor,
            row.vat_bp, row.position, row.schedule_starts, row.schedule_rules,
        )  # fmt: skip
        offers.change_session(row, values, now=clock())
        db.session.commit()

    with pytest.raises(offers.UnitsTaken):
        have(2)
    db.session.rollback()
    have(3)
    assert shop().catalogue.session("sauna").seats == 3


# -- What is typed --------------------------------------------------------------------------------


def test_an_address_is_made_of_the_name_once_and_kept(place, enters):
    owner = enters(OWNER)
    typed = {
        "name": "Große Stube", "minor": "70,50", "unit_names": "Eins", "guests_most": "2",
        "adults_most": "2", "children_most": "0", "nights_least": "1", "nights_most": "9",
        "vat": "7", "position": "9",
    }  # fmt: skip

    first, second = (owner.post("/owner/offers/stay", **typed) for _ in range(2))
    one = first.location.partition("?")[0]
    change(owner, f"{one}/texts", en_name="Something else")

    with place.app_context():
        slugs = set(db.session.scalars(sa.select(OfferRow.slug)))
    assert (first.status_code, second.status_code) == (303, 303)
    assert {"grosse-stube", "grosse-stube-2"} <= slugs


@pytest.mark.parametrize(
    ("path", "field", "typed", "said"),
    [
        ("numbers", "nights_most", "0", "from 1 to 365"),
        ("numbers", "vat", "seven", "share from 0 to 100"),
        ("numbers", "unit_names", " ", "name at least one"),
        ("texts", "en_name", "n" * 81, "80 characters"),
        ("texts", "de_story", "4111 1111 1111 1111", "card number"),
        ("prices/new", "minor", "a lot", "write the amount"),
        ("closed", "last", "2031-02-30", "February"),
    ],
)
def test_bad_input_is_said_beside_its_field_and_kept(place, enters, path, field, typed, said):
    owner, room = enters(OWNER), id_of(place, "reed-room")
    first = {"first": "2031-02-01"} if path == "closed" else {}

    page = seen(change(owner, f"/owner/offers/{room}/{path}", **{**first, field: typed}))

    assert page.status == 422
    assert said in page.said_beside(field)
    kept = page.typed_in(field)
    assert kept.strip() == ("" if "4111" in typed else typed.strip())


def test_the_owners_words_are_escaped_wherever_they_are_shown(place, enters):
    owner, room = enters(OWNER), id_of(place, "reed-room")
    nasty = "<script>alert(1)</script>{{ 7*7 }} %(name)s"
    for key in ("name", "summary", "story"):
        change(owner, f"/owner/offers/{room}/texts", **{f"en_{key}": nasty})

    pages = [Visitor(place).open(path) for path in ("/", "/offers/reed-room", "/search")]
    own = [owner.get(path) for path in ("/owner/offers", f"/owner/offers/{room}")]

    for text in [page.text for page in pages] + [page.text for page in own]:
        assert "<script>alert" not in text
        assert "{{ 7*7 }} %(name)s" in text


def test_a_timetable_made_with_friendly_fields_is_what_visitors_see(place, enters):
    owner = enters(OWNER)
    tour = id_of(place, "kayak-tour")
    kept = owner.get(f"/owner/offers/{tour}/numbers")
    same = change(owner, f"/owner/offers/{tour}/numbers", seats="9")
    with place.app_context():
        rules = db.session.get(OfferRow, tour).schedule_rules
    changed = change(
        owner, f"/owner/offers/{tour}/numbers", first="2031-06-01", until="2031-06-30",
        weekdays="2", times="8:15, 14:00, 17.15", skipped="2031-06-11",
    )  # fmt: skip
    with place.app_context():
        found = shop().catalogue.session("kayak-tour").schedule.occurrences(JUNE, date(2031, 7, 9))
    again = seen(owner.get(f"/owner/offers/{tour}/numbers"))

    assert "rules that these fields can’t show" in words(kept)
    assert (same.status_code, changed.status_code) == (303, 303)
    assert "BYMONTH" in rules
    assert {f"{one.local:%d %H:%M}" for one in found} == {
        f"{day} {time}" for day in ("04", "18", "25") for time in ("08:15", "14:00", "17:15")
    }
    assert again.typed_in("times") == "08:15, 14:00, 17:15"
    assert again.typed_in("skipped").strip() == "2031-06-11"


def test_an_extra_is_made_added_by_a_visitor_and_taken_off(place, enters):
    owner = enters(OWNER)
    made = change(
        owner, "/owner/offers/extras/new", en_name="Picnic", minor="12", basis="stay", vat="7",
        most="2", with_stays="y",
    )  # fmt: skip
    Visitor(place).choose_stay(extra__picnic="2")
    with place.app_context():
        extra = db.session.execute(
            sa.select(ExtraRow).where(ExtraRow.code == "picnic")
        ).scalar_one()
        shown = extra.minor, extra.offer_kinds
    owner.post(f"/owner/offers/extras/{extra.id}/delete")

    assert made.status_code == 303
    assert shown == (1200, "stay")
    assert "Picnic" not in Visitor(place).open("/offers/reed-room").words


# -- Who may what ---------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_each_role_sees_the_buttons_that_it_may_press(place, enters):
    room = id_of(place, "reed-room")
    pages = {
        role: enters(role).get(f"/owner/offers/{room}").text for role in (READER, STAFF, OWNER)
    }

    for role, text in pages.items():
        assert f"/owner/offers/{room}/preview" in text
        assert (f"/owner/offers/{room}/texts" in text) == (role != READER)
        assert (f"/owner/offers/{room}/closed" in text) == (role != READER)
        assert (f"/owner/offers/{room}/numbers" in text) == (role == OWNER)
        assert (f"/owner/offers/{room}/sale" in text) == (role == OWNER)


def test_the_list_says_what_each_offer_lacks_with_few_statements(place, enters, count_queries):
    owner, room = enters(OWNER), id_of(place, "reed-room")
    change(owner, f"/owner/offers/{room}/texts", fr_summary="")
    owner.get("/owner/offers")

    with count_queries() as sent:
        page = owner.get("/owner/offers")

    assert "Français: sentence" in words(page)
    assert len(sent) <= 9


def test_the_preview_books_nothing_and_is_for_the_house_alone(place, enters, client):
    reader, tour = enters(READER), id_of(place, "sauna")
    start = datetime.fromisoformat("2031-05-06T15:00:00+00:00").isoformat().replace("+", "%2B")

    page = reader.get(f"/owner/offers/{tour}/preview?starts_at={start}")
    stranger = client.get(f"/owner/offers/{tour}/preview")

    assert "This is a preview" in words(page)
    assert "€44.00" in words(page)
    assert "/offers/sauna/session" not in page.text
    assert f"/owner/offers/{tour}/preview?" in page.text
    assert stranger.status_code == 303


def test_a_promise_of_more_sentences_than_the_form_has_at_first_is_kept_whole(place, enters):
    tiers = tuple(Tier(60 - 10 * n, 10_000 - 1_500 * n) for n in range(6))
    promised = CancellationPolicy(tiers, grace_hours=12, grace_start_hours=72)
    with place.app_context():
        db.session.get(VenueRow, 1).cancellation = promised.to_json()
        db.session.commit()
    owner = enters(OWNER)

    answer = change(owner, "/owner/place/terms", grace_hours="24")

    assert answer.status_code == 303
    with place.app_context():
        kept = CancellationPolicy.from_json(db.session.get(VenueRow, 1).cancellation)
    assert kept == replace(promised, grace_hours=24)


def test_who_writes_how_to_find_it_is_told_that_mails_have_it_too(place, enters):
    page = enters(OWNER).get(f"/owner/offers/{id_of(place, 'reed-room')}/texts").text

    assert "It is in mails too." in page
    assert "in no mail: the place for a door’s code" in page
