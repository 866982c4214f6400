"""A no to a use counts from the next request on, on every page of the house."""

import re
from collections import defaultdict
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts import readings, restrictions
from app.accounts.models import OWNER, READER, STAFF, Account, Restriction
from app.booking.models import OfferRow, Reservation, ReservationLine
from app.booking.shop import shop
from app.consent.models import ActivityLine, Grant
from app.core.database import db
from app.core.datamap import Purpose
from app.guestbook import messages, surveys
from app.guestbook.models import Survey
from app.privacy.models import OBJECT, RESTRICT, PrivacyRequest
from tests.accounts.guests import ALICE, Guest
from tests.accounts.ways import let_in, mails
from tests.consent.answers import note_something
from tests.house.canaries import BILLING, PERSON
from tests.house.routes import NOWHERE, gets
from tests.house.visitor import Visitor, address_of, key_of, reference_of
from tests.owner.house import read_of
from tests.privacy.guests import ways_in

# What says who somebody is, or what they said; "DE" and the like are on any page.
WROTE, DIET, WISHED = "Kanarienbrief ans Haus", "Kanariendiät", "Kanarienwunsch"
TOLD = "Kanarienlob für das Haus"
CANARIES = [*PERSON.values(), *(v for v in BILLING.values() if len(v) > 5), WROTE, DIET, WISHED]


@pytest.fixture
def stay(place):
    """The reservation's page of a guest who said everything about themselves, and more."""
    visitor = Visitor(place)
    visitor.dates = {"arrive": "2031-05-05", "depart": "2031-05-08"}
    nights = visitor.choose_stay()
    both = visitor.choose_session(query=f"basket={address_of(nights).rpartition('/')[2]}")
    told = visitor.tell(visitor.hold(both), **PERSON, wants_invoice="y", asks_after="y", **BILLING)
    made = visitor.pay(told)
    at, key = address_of(made), f"?key={key_of(made)}"
    wishes = visitor.open(f"{at}/wishes{key}").form("/wishes")
    visitor.send(wishes, arrival="18:30", diet=DIET, diet_agreed="y", words=WISHED)
    visitor.send(visitor.open(f"{at}/messages{key}").form("/messages"), body=WROTE)
    return made


def limit(visitor, base, **said):
    """Press the button on the page of limits."""
    return visitor.send(visitor.open(f"{base}/limits").form("/limits"), **said)


def owner_pages(app, reference):
    """Return the address of every page of the owner's, found in the URL map."""
    with app.app_context():
        payment = db.session.scalar(sa.text("SELECT id FROM payment"))
        series = db.session.execute(sa.text("SELECT series, number FROM invoice")).first()
        line = db.session.scalar(sa.text("SELECT id FROM reservation_line WHERE kind = 'stay'"))
        seats = db.session.scalar(sa.select(ReservationLine).filter_by(kind="session"))
        start, offer_id = seats.starts_at, seats.offer_id
        slug = db.session.scalar(sa.select(OfferRow.slug).filter_by(id=offer_id))
        folder = app.extensions["settings"].instance_dir / "mail"
        letters = [file.name for file in folder.glob("*.eml")]
    number = f"{series[0]}-{series[1]:06d}" if series else "2031-000001"
    values = {**NOWHERE, "reference": reference, "payment_id": payment}
    values |= {"invoice_number": number, "line_id": str(line)}
    values |= {"slug": slug, "start": f"{start:%Y%m%dT%H%MZ}"}
    found = [f"/owner/board/session?offer={offer_id}&at={start:%Y-%m-%dT%H:%MZ}"]
    for name in letters or ["nothing"]:
        known = defaultdict(lambda: "1", {**values, "name": name})
        found += [one.path for one in gets(app, known) if one.rule.rule.startswith("/owner")]
    return sorted(set(found))


def told(answer):
    """Return which of the guest's own values an answer holds."""
    text = answer.data.decode(errors="ignore")
    return [value for value in CANARIES if value in text]


@pytest.mark.clause("C17")
def test_the_address_on_a_paper_is_for_who_may_open_one_and_noted_as_such(place, stay, enters):
    """Its guest was promised that any detail beside the name is opened singly, for a purpose."""
    reference = reference_of(stay)
    mails(place)
    papers = [path for path in owner_pages(place, reference) if "/invoices/2031-" in path]
    reader, staff = enters(READER), enters(STAFF)

    refused = [reader.get(path).status_code for path in papers]
    listed = reader.get(f"/owner/reservations/{reference}").text
    page, pdf = (staff.get(path) for path in papers)

    assert (len(papers), refused) == (2, [403, 403])
    assert ("2031-000001" in listed, "/invoices/" in listed) == (True, False)
    assert BILLING["billing_street_address"] in page.text
    assert pdf.status_code == 200
    with place.app_context():
        persons = db.session.scalars(sa.select(Reservation.person_id)).all()
        noted = [one for one in readings.of_persons(persons) if one.what == readings.DETAIL]
    assert [(one.role, one.detail, one.purpose, one.times) for one in noted] == [
        (STAFF, "billing_address", "billing", 2)
    ]


@pytest.mark.clause("C26")
@pytest.mark.clause("C17")
def test_no_page_of_the_house_shows_who_asked_to_be_left_alone(place, clock, visitor, stay, enters):
    reference = reference_of(stay)
    base = ways_in(place, visitor, stay).url.partition("?")[0]
    mails(place)
    house = [enters(role) for role in (OWNER, STAFF, READER)]
    pages = owner_pages(place, reference)
    before = {path for who in house for path in pages if told(who.get(path))}

    limit(visitor, base, reservation="not")

    after = {path: found for who in house for path in pages if (found := told(who.get(path)))}
    papers = [path for path in pages if "/invoices/2031-000001" in path]
    assert [owner.get(path).status_code for owner in house for path in papers] == [409] * 4 + [
        403
    ] * 2
    assert len(before) >= 6, before
    assert f"/owner/reservations/{reference}" in before
    assert any("/invoices/" in path for path in before)
    assert any("/mail/" in path for path in before)
    assert {"/owner/", "/owner/reservations", "/owner/mail", "/owner/board"} <= before
    assert f"/owner/guests/{reference}" in before
    assert any("/manifest/" in path for path in before)
    assert any("/board/session?" in path for path in before)
    assert after == {}


@pytest.mark.clause("C26")
def test_the_house_still_sees_reference_dates_and_what_was_booked(place, visitor, stay, enters):
    reference = reference_of(stay)
    base = ways_in(place, visitor, stay).url.partition("?")[0]
    staff = enters(STAFF)
    limit(visitor, base, reservation="not")

    page = staff.get(f"/owner/reservations/{reference}").text

    assert "asked that their details not be used" in page
    assert "Reed Room" in page
    assert reference in staff.get("/owner/").text
    with place.app_context():
        person = db.session.scalar(sa.select(Reservation.person_id))
    assert [line for line in read_of(place, person) if line[1] == "reservation"] == []


@pytest.mark.clause("C26")
def test_the_house_finds_no_way_round_it(place, visitor, stay, enters):
    reference = reference_of(stay)
    base = ways_in(place, visitor, stay).url.partition("?")[0]
    owner = enters(OWNER)
    link = re.search(r"http://localhost/reservations/[^\"]+", owner_page(owner, reference))
    assert link
    limit(visitor, base, reservation="not")

    found = owner.post("/owner/reservations", wanted=PERSON["email"])
    named = owner.post("/owner/reservations", wanted=PERSON["name"])
    guest = owner.post("/owner/guests", wanted=PERSON["email"])
    renewed = owner.post(f"/owner/reservations/{reference}/link")
    opened = owner.post(f"/owner/guests/{reference}", purpose="arrival", detail="phone")
    answered = owner.post(f"/owner/reservations/{reference}/messages", body="Who are you?")

    assert [one.status_code for one in (found, named, guest)] == [200] * 3
    assert not any(reference in one.text for one in (found, named, guest))
    assert (renewed.status_code, opened.status_code, answered.status_code) == (409, 409, 409)
    assert told(opened) == told(answered) == []
    assert "reservations/" + reference + "?key" not in owner_page(owner, reference)


def owner_page(owner, reference):
    return owner.get(f"/owner/reservations/{reference}").text


@pytest.mark.clause("C26")
@pytest.mark.clause("C20")
def test_no_file_and_no_survey_says_who_asked_to_be_left_alone(place, clock, visitor, stay, enters):
    reference = reference_of(stay)
    base = ways_in(place, visitor, stay).url.partition("?")[0]
    with place.app_context():
        surveys.ask_all(shop().venue, now=clock() + timedelta(days=4))
        db.session.commit()
        [asked] = db.session.scalars(sa.select(Survey))
        survey_id, path = asked.id, f"/survey/{surveys.key_of(asked.reservation)}"
    visitor.send(visitor.open(path).form(path), overall="5", words=TOLD)
    owner = enters(OWNER)
    asks = {
        "columns": "name",
        "first": "2031-05-01",
        "last": "2031-05-31",
        "purpose": "letter",
        "reason": "The bridge is closed.",
    }
    file = owner.post("/owner/guests/export", **asks).text
    text = owner.post(f"/owner/surveys/{survey_id}").text
    limit(visitor, base, reservation="not")

    no_file = owner.post("/owner/guests/export", **asks)
    no_text = owner.post(f"/owner/surveys/{survey_id}")

    assert PERSON["name"] in file
    assert TOLD in text
    assert (no_file.status_code, no_text.status_code) == (409, 409)
    assert not any(one in no_file.text + no_text.text for one in (reference, TOLD, PERSON["name"]))


@pytest.mark.clause("C26")
def test_messages_wait_and_are_there_again_when_it_is_lifted(place, visitor, stay, enters):
    base = ways_in(place, visitor, stay).url.partition("?")[0]
    at, key = address_of(stay), f"?key={key_of(stay)}"
    limit(visitor, base, reservation="not")
    with place.app_context():
        waiting = (db.session.scalar(messages.unread_count()), messages.waiting_for_house())

    page = visitor.open(f"{at}/messages{key}")

    assert waiting == (0, [])
    assert WROTE in page.words
    assert 'name="body"' not in page.text
    limit(visitor, base, reservation="used")
    assert 'name="body"' in visitor.open(f"{at}/messages{key}").text
    assert WROTE in owner_page(enters(OWNER), reference_of(stay))


@pytest.mark.clause("C26")
def test_lifting_it_shows_them_again_and_both_are_proved(place, clock, visitor, stay, enters):
    base = ways_in(place, visitor, stay).url.partition("?")[0]
    staff, since = enters(STAFF), clock()
    limit(visitor, base, reservation="not")
    clock.move(timedelta(minutes=5))

    page = limit(visitor, base, reservation="used")

    assert PERSON["name"] in staff.get("/owner/").text
    assert "What you said so far" in page.words
    with place.app_context():
        line = db.session.scalars(sa.select(Restriction)).one()
        assert (line.since, line.ended_at) == (since, clock())
        request = db.session.scalars(sa.select(PrivacyRequest)).one()
        assert (request.kind, request.by_itself, request.granted) == (RESTRICT, True, True)


@pytest.mark.clause("C26")
def test_another_guests_name_stays_where_it_is(place, visitor, stay, enters):
    other = Visitor(place)
    other.dates = {"arrive": "2031-05-05", "depart": "2031-05-07"}
    other.follow(other.pay(other.tell(other.hold(other.choose_stay("boathouse")), name="Bo Ek")))
    base = ways_in(place, visitor, stay).url.partition("?")[0]

    limit(visitor, base, reservation="not")

    assert "Bo Ek" in enters(READER).get("/owner/").text


@pytest.mark.clause("C26")
def test_what_an_account_knows_is_not_filled_in_for_who_said_no(place, clock):
    alice = Guest(place, clock, ALICE)
    details = alice.hold(alice.choose_stay())
    assert details.typed_in("email") == ALICE

    limit(alice, "/account/data", account="not")

    assert alice.open(details.url).typed_in("email") == ""
    limit(alice, "/account/data", account="used")
    assert alice.open(details.url).typed_in("email") == ALICE


# -- Objecting --------------------------------------------------------------------------------


def says_yes(guest):
    """Accept everything that the cookie page asks."""
    page = guest.open("/cookies")
    assert guest.send(page.form("/cookies"), choice="accept", go_on=False).status == 303


def rows(app, model, *where):
    with app.app_context():
        return db.session.scalar(sa.select(sa.func.count()).select_from(model).where(*where))


@pytest.mark.clause("C26")
@pytest.mark.clause("C10")
def test_an_objection_to_statistics_ends_them_at_once_in_every_browser(place, clock):
    alice = Guest(place, clock, ALICE)
    elsewhere = Visitor(place, cookies=True)
    let_in(place, clock, elsewhere.client, alice.account_id)
    says_yes(alice)
    says_yes(elsewhere)
    note_something(place, clock())
    assert rows(place, ActivityLine) == 4

    done = limit(alice, "/account/data", statistics="not")

    assert "counts from now on" in done.words
    assert rows(place, Grant, Grant.category == "statistics") == 0
    assert rows(place, Grant, Grant.category == "suggestions") == 2
    assert rows(place, ActivityLine) == 2  # which were noted under the other yes
    with place.app_context():
        person = db.session.get(Account, alice.account_id).person_id
        assert restrictions.restricted([person], Purpose.STATISTICS) == {person}
        assert db.session.scalars(sa.select(PrivacyRequest)).one().kind == OBJECT


@pytest.mark.clause("C10")
def test_a_later_explicit_yes_counts_and_ends_the_objection(place, clock):
    alice = Guest(place, clock, ALICE)
    limit(alice, "/account/data", statistics="not", suggestions="not")
    clock.move(timedelta(minutes=1))

    says_yes(alice)

    assert rows(place, Grant) == 2
    page = alice.open("/account/data/limits")
    assert rows(place, Restriction, Restriction.ended_at.is_(None)) == 0
    assert "no from" in page.words


@pytest.mark.clause("C10")
def test_a_yes_of_a_browser_ends_where_somebody_signs_in_who_objected(place, clock):
    alice = Guest(place, clock, ALICE)
    limit(alice, "/account/data", statistics="not")
    browser = Visitor(place, cookies=True)
    says_yes(browser)
    assert rows(place, Grant, Grant.category == "statistics") == 1
    sign_in = browser.open("/account/sign-in")
    browser.send(sign_in.form("/sign-in"), name=ALICE, password="three herons in the reeds")

    assert rows(place, Grant, Grant.category == "statistics") == 0
    assert rows(place, Grant, Grant.category == "suggestions") == 1


@pytest.mark.clause("C26")
def test_security_cannot_be_objected_to_and_the_page_says_why(place, clock):
    alice = Guest(place, clock, ALICE)

    page = alice.open("/account/data/limits")

    assert "GDPR, Article 32" in page.words
    forged = alice.ask(
        "POST",
        "/account/data/limits",
        data={**page.form("/limits").values, "security": "not"},
    )
    assert forged.status == 303
    assert rows(place, Restriction) == 0


@pytest.mark.clause("C26")
def test_a_guest_limits_what_is_theirs_and_the_rest_is_said_to_be_a_browsers(place, visitor, stay):
    base = ways_in(place, visitor, stay).url.partition("?")[0]

    page = visitor.open(f"{base}/limits")

    assert set(page.form("/limits").values) == {"reservation"}
    assert "belongs to a browser" in page.words
    answer = visitor.send(page.form("/limits"), reservation="sometimes")
    assert answer.status == 422
