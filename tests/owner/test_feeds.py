"""The owner sees how each partner’s calendar goes, and settles where it and the house disagree."""

import re
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app.booking import feeds
from app.booking.feeds_in import fetch_and_apply
from app.booking.models import Block, Feed, FeedConflict, OfferRow, UnitRow
from app.booking.rooms import pin, unit_of
from app.booking.shop import shop
from app.core.audit import AuditEntry
from app.core.database import db
from tests.booking.partner import Partner, calendar, event, open_to_this_machine
from tests.house.visitor import Visitor, reference_of
from tests.owner.house import words

JUNE = date(2031, 6, 2)


@pytest.fixture
def partner(place):
    open_to_this_machine(place)
    found = Partner()
    yield found
    found.close()


def room(app):
    """The number of an offer with several rooms, and of its first room."""
    with app.app_context():
        offer = db.session.scalar(sa.select(OfferRow.id).where(OfferRow.slug == "reed-room"))
        query = sa.select(UnitRow.id).where(UnitRow.offer_id == offer).order_by(UnitRow.position)
        return offer, db.session.scalars(query).first()


def add(app, who, partner=None, **more):
    """Add a calendar of a room; return the answer and its number."""
    offer, unit = room(app)
    answer = who.post(
        "/owner/feeds/new",
        channel="Elsewhere",
        what=f"{offer}-{unit}",
        address=partner.url if partner else "",
        **more,
    )
    with app.app_context():
        return answer, db.session.scalar(sa.select(sa.func.max(Feed.id)))


def fetch(app, feed_id):
    with app.app_context():
        return fetch_and_apply(feed_id, now=app.extensions["clock"]())


@pytest.mark.clause("C22")
def test_an_address_is_shown_once_renewed_and_ended(place, enters, client):
    owner = enters("owner", "olga@house.example")

    page, feed_id = add(place, owner, out="y")
    address = re.search(r"http://localhost(/feeds/[\w-]+\.ics)", page.text)[1]
    assert client.get(address).status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    for path in ("/owner/feeds", f"/owner/feeds/{feed_id}"):
        assert address not in owner.get(path).text

    renewed = owner.post(f"/owner/feeds/{feed_id}/give")
    second = re.search(r"http://localhost(/feeds/[\w-]+\.ics)", renewed.text)[1]
    assert [client.get(one).status_code for one in (address, second)] == [404, 200]
    assert owner.post(f"/owner/feeds/{feed_id}/revoke").status_code == 303
    assert client.get(second).status_code == 404
    with place.app_context():
        verbs = list(db.session.scalars(sa.select(AuditEntry.verb).order_by(AuditEntry.position)))
    assert [one for one in verbs if one.startswith("feed.")] == [
        "feed.made",
        "feed.given",
        "feed.revoked",
    ]


def test_only_an_owner_who_proved_it_makes_or_ends_one(place, enters, clock):
    offer, unit = room(place)
    typed = {"channel": "Elsewhere", "what": f"{offer}-{unit}", "out": "y"}

    for role, status in (("reader", 403), ("staff", 403)):
        who = enters(role, f"{role}@house.example")
        assert who.get("/owner/feeds").status_code == 200
        assert who.get("/owner/feeds/new").status_code == status
        assert who.post("/owner/feeds/new", **typed).status_code == status
    owner = enters("owner", "olga@house.example")
    clock.move(timedelta(minutes=12))
    asked = owner.post("/owner/feeds/new", **typed)
    assert asked.status_code == 303
    assert "/account/confirm" in asked.location
    with place.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Feed)) == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"channel": ""}, "who the partner is"),
        ({"what": ""}, "choose what it is of"),
        ({"what": "9999-0"}, "choose"),
        ({"address": "http://elsewhere.example/x.ics"}, "https://"),
        ({"address": "https://a:b@elsewhere.example/x.ics"}, "https://"),
        ({"address": "file:///etc/passwd"}, "https://"),
        ({"out": None, "address": ""}, "give out an address"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_what_was_typed_is_kept(place, enters, changed, said):
    owner = enters("owner", "olga@house.example")
    offer, unit = room(place)
    typed = {"channel": "Elsewhere", "what": f"{offer}-{unit}", "out": "y", "address": ""}
    typed = {name: value for name, value in {**typed, **changed}.items() if value is not None}

    page = owner.post("/owner/feeds/new", **typed)

    assert page.status_code == 422
    assert said in words(page)
    assert f'value="{typed["channel"]}"' in page.text
    with place.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Feed)) == 0


def test_an_offer_of_several_rooms_takes_nothing_in(place, enters, partner):
    owner = enters("owner", "olga@house.example")
    offer, _ = room(place)

    page = owner.post("/owner/feeds/new", channel="E", what=f"{offer}-0", address=partner.url)

    assert page.status_code == 422
    assert "choose the room" in words(page)


@pytest.mark.both_databases
@pytest.mark.clause("C22")
def test_what_a_partner_has_is_fetched_shown_and_given_back(place, enters, partner):
    owner = enters("owner", "olga@house.example")
    partner.content = calendar(event(JUNE, JUNE + timedelta(days=3)))
    answer, feed_id = add(place, owner, partner)
    assert answer.status_code == 303

    done = owner.client.post(
        f"/owner/feeds/{feed_id}/fetch", data={"csrf_token": owner.token}, follow_redirects=True
    )
    assert "It was fetched just now." in words(done)
    assert "3 nights were blocked" in words(done)
    assert "127.0.0.1" in words(done)
    assert "their-secret" not in done.text
    with place.app_context():
        block_id = db.session.scalar(sa.select(Block.id))
        raw = db.session.scalar(sa.select(Feed.in_address))
        assert b"their-secret" not in raw
        assert feeds.address_of(db.session.get(Feed, feed_id)) == partner.url
    assert "Booked elsewhere" in words(owner.get(f"/owner/board/blocks/{block_id}"))

    partner.status = 404
    failed = owner.client.post(
        f"/owner/feeds/{feed_id}/fetch", data={"csrf_token": owner.token}, follow_redirects=True
    )
    assert "couldn’t be fetched" in words(failed)
    assert "Its server says no: 404." in words(failed)
    assert owner.post(f"/owner/feeds/{feed_id}/end").status_code == 303
    with place.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Block)) == 0
    assert "No partner has a calendar yet." in words(owner.get("/owner/feeds"))


@pytest.mark.clause("C22")
def test_a_calendar_that_keeps_failing_and_a_conflict_are_on_the_first_page(
    place, enters, partner, clock
):
    owner = enters("owner", "olga@house.example")
    _, feed_id = add(place, owner, partner)
    assert "partner’s calendar" not in words(owner.get("/owner/"))

    partner.status = 500
    for _ in range(3):
        fetch(place, feed_id)
    assert "A partner’s calendar can’t be fetched." in words(owner.get("/owner/"))
    assert "failing: 1" in words(owner.get("/owner/system"))
    partner.status = 200
    assert fetch(place, feed_id) == ""
    assert "can’t be fetched" not in words(owner.get("/owner/"))


@pytest.mark.clause("C22")
def test_a_conflict_is_explained_and_settled_by_one_press(place, enters, partner):
    reference = reference_of(Visitor(place).book())
    with place.app_context():
        line, unit = db.session.execute(
            sa.text("SELECT line_id, unit_id FROM seating WHERE line_id IS NOT NULL LIMIT 1")
        ).one()
        pin(line, pinned=True)
        offer = db.session.get(UnitRow, unit).offer_id
        made, _ = feeds.make(
            "Elsewhere",
            offer,
            unit,
            address=partner.url,
            out=False,
            now=place.extensions["clock"](),
        )
        feed_id = made.id
        db.session.commit()
    partner.content = calendar(event(JUNE, JUNE + timedelta(days=3)))
    fetch(place, feed_id)
    staff = enters("staff", "sam@house.example")

    assert "somebody booked here" in words(staff.get("/owner/"))
    assert "There is a conflict" in words(staff.get("/owner/feeds"))
    page = staff.get(f"/owner/feeds/{feed_id}")
    assert f"The room has this reservation: {reference}" in words(page)
    with place.app_context():
        conflict_id = db.session.scalar(sa.select(FeedConflict.id))
    done = staff.post(f"/owner/feeds/conflicts/{conflict_id}/move")

    assert done.status_code == 303
    assert "another room" in words(staff.get(done.location))
    with place.app_context():
        assert unit_of(line) != unit
        assert db.session.scalar(sa.select(sa.func.count()).select_from(FeedConflict)) == 0
    assert staff.post(f"/owner/feeds/conflicts/{conflict_id}/dismiss").status_code == 404
    assert "somebody booked here" not in words(staff.get("/owner/"))


def test_an_address_can_be_changed_and_fetching_stopped(place, enters, partner):
    owner = enters("owner", "olga@house.example")
    _, feed_id = add(place, owner, out="y")

    wrong = owner.post(f"/owner/feeds/{feed_id}/address", address="http://10.0.0.1/x.ics")
    assert wrong.status_code == 422
    assert "https://" in words(wrong)
    assert owner.post(f"/owner/feeds/{feed_id}/address", address=partner.url).status_code == 303
    partner.content = calendar(event(JUNE, JUNE + timedelta(days=3)))
    assert fetch(place, feed_id) == ""
    assert owner.post(f"/owner/feeds/{feed_id}/stop").status_code == 303
    with place.app_context():
        assert db.session.get(Feed, feed_id).in_address is None
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Block)) == 0


def test_many_calendars_are_listed_with_few_statements(place, enters, count_queries):
    owner = enters("owner", "olga@house.example")
    with place.app_context():
        offer, unit = room(place)
        now = place.extensions["clock"]()
        for n in range(40):
            feeds.make(f"Partner {n}", offer, unit, address="", out=True, now=now)
        db.session.commit()
        assert shop()
    owner.get("/owner/feeds")

    with count_queries() as sent:
        page = owner.get("/owner/feeds")

    assert words(page).count("they haven’t looked yet") == 40
    assert len(sent) <= 16
