"""The owner says what a partner may get; guests allow it, and how many is told in safe counts."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import OWNER, READER, STAFF
from app.accounts.readings import PARTNER
from app.core.database import db
from app.guestbook.partners_models import PartnerTerms, PartnerTransfer
from app.owner.trail_words import VERBS
from tests.guestbook.partnering import ALICE, WHEELS, allow, booked, disallow, enter, sweep
from tests.owner.guests import details
from tests.owner.house import read_of, words

TYPED = {
    **{name: WHEELS[name] for name in ("name", "contact", "email", "country", "language", "way")},
    "kinds": ["name", "dates"],
    "days_before": "3",
    "keeps_days": "7",
    "en_why": "So that bicycles stand ready for you.",
}
DAY = date(2031, 5, 20)
SHEET = {"first": "2031-05-19", "last": "2031-05-21"}


def live(app):
    """Return the terms that count now: their numbers and what they let go."""
    with app.app_context():
        query = sa.select(PartnerTerms).where(PartnerTerms.ended_at.is_(None))
        return [(one.id, one.kinds) for one in db.session.scalars(query)]


@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_a_partner_is_entered_changed_and_archived(place, clock, enters):
    owner = enters(OWNER)
    empty = owner.post("/owner/partners/new")
    wrong = owner.post("/owner/partners/new", **{**TYPED, "kinds": ["name", "diet"]})
    made = owner.post("/owner/partners/new", **TYPED)
    first = live(place)
    same = owner.post("/owner/partners/1", **TYPED)
    after_same = live(place)
    changed = owner.post("/owner/partners/1", **{**TYPED, "kinds": ["name"]})
    second = live(place)
    listed = owner.get(made.location)
    unsure = owner.post("/owner/partners/1/archive")
    archived = owner.post("/owner/partners/1/archive", sure="y")

    assert (empty.status_code, wrong.status_code, unsure.status_code) == (422, 422, 422)
    assert first == after_same == [(1, ["name", "dates"])]
    assert second == [(2, ["name"])]
    assert (made.status_code, same.status_code, changed.status_code) == (303, 303, 303)
    assert "Schilfrad" in words(listed)
    assert archived.status_code == 303
    assert live(place) == []
    assert owner.get("/owner/partners/1").status_code == 404
    trail = owner.get("/owner/trail").text
    for verb in ("partner.entered", "partner.changed", "partner.archived"):
        assert VERBS[verb] in trail


def test_only_an_owner_changes_partners(place, clock, enters):
    enter(place, clock)
    staff, reader = enters(STAFF), enters(READER)

    assert reader.get("/owner/partners").status_code == 200
    for path in ("/owner/partners/new", "/owner/partners/1", "/owner/partners/1/archive"):
        assert (staff.get(path).status_code, reader.post(path).status_code) == (403, 403)


@pytest.mark.clause("C08")
@pytest.mark.clause("C21")
def test_fewer_than_five_are_never_told_apart_from_none(place, clock, enters):
    _, terms_id = enter(place, clock)
    owner = enters(OWNER)
    nobody = words(owner.get("/owner/partners"))
    rooms = ("reed-room", "boathouse", "lagoon-suite")
    for number in range(6):
        days = [one + timedelta(days=3 * (number // 3)) for one in (DAY, DAY + timedelta(days=2))]
        who = details(f"Guest {number}", f"guest{number}@post.example")
        _, person = booked(place, clock, who, room=rooms[number % 3], days=days)
        allow(place, clock, person, terms_id)
        if number == 3:
            four = words(owner.get("/owner/partners"))
    six = words(owner.get("/owner/partners"))

    assert nobody == four
    assert "fewer than 5" in four
    assert "5 or more" in six


@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_a_sheet_has_those_who_allow_it_and_is_noted_for_each(place, clock, enters):
    _, terms_id = enter(place, clock, way="paper")
    _, alice = booked(place, clock)
    _, bob = booked(place, clock, details("Bob Zwölfelf", "bob@post.example"), room="boathouse")
    allow(place, clock, alice, terms_id)
    staff = enters(STAFF)
    looked = staff.get("/owner/partners/1/sheet")
    sheet = staff.post("/owner/partners/1/sheet", **SHEET)
    disallow(place, clock, alice, terms_id)
    after = staff.post("/owner/partners/1/sheet", **SHEET)

    assert "Kanarienvogel" not in looked.text
    assert "Alice Kanarienvogel" in words(sheet)
    for never in ("Zwölfelf", ALICE["email"], ALICE["phone"]):
        assert never not in sheet.text
    assert "Kanarienvogel" not in after.text
    assert ("staff", PARTNER, 1) in read_of(place, alice)
    assert read_of(place, bob) == []
    assert sweep(place, clock) == []
    with place.app_context():
        [went] = db.session.scalars(sa.select(PartnerTransfer))
        assert (went.person_id, went.kinds, went.way) == (alice, ["name", "dates"], "paper")
