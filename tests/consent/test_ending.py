"""Whoever becomes responsible begins without a yes; a no to the former goes on counting (C24)."""

import json

import pytest
import sqlalchemy as sa

from app.accounts import restrictions
from app.accounts.models import Account
from app.booking.models import VenueRow
from app.consent import permissions
from app.consent.ending import end_every_yes
from app.consent.models import AccountRefusal
from app.core.database import db
from app.core.datamap import Purpose
from app.policy import push
from tests.accounts.ways import let_in, make_guest
from tests.consent.answers import A_DAY, GPC, answer, grants, jar, note_something, noted

pytestmark = pytest.mark.clause("C24")

HERE = {
    "endpoint": "https://fcm.googleapis.com/fcm/send/of-a-test",
    "keys": {
        # The example of RFC 8291, section 5.
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6S"
        "RpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    },
}


def hand_over(place, clock):
    """Make somebody else responsible, a day later."""
    clock.move(A_DAY)
    with place.app_context():
        db.session.get_one(VenueRow, 1).controller_since = clock()
        end_every_yes(now=clock())
        db.session.commit()
    clock.move(A_DAY)


def asked_about(client):
    """Return what the banner asks about: "" where there is none, "all", or single categories."""
    page = client.get("/contact").text
    if 'class="asking"' not in page:
        return ""
    found = [one for one in ("preferences", "statistics", "suggestions") if _names(page, one)]
    return " ".join(found) or "all"


def _names(page, category):
    return f'name="about" value="{category}"' in page


@pytest.fixture
def greta(place, clock):
    """The browser of a guest with an account, and her person."""
    account_id = make_guest(place, clock)
    client = let_in(place, clock, place.test_client(), account_id)
    with place.app_context():
        return client, db.session.get_one(Account, account_id).person_id


def test_a_yes_is_asked_again_and_a_no_beside_it_is_not(place, clock):
    client = place.test_client()
    answer(client, "custom", statistics="on", preferences="on")
    client.post("/preferences", data={"manner": "de-AT", "currency": "code", "theme": "dark"})
    note_something(place, clock())
    assert set(jar(client)) == {"choice", "preferences", "statistics"}

    hand_over(place, clock)

    assert noted(place) == 0
    assert asked_about(client) == "preferences statistics"
    assert set(jar(client)) == {"choice"}
    answer(client, "refuse", about=["preferences", "statistics"])
    assert asked_about(client) == ""
    assert grants(place) == []


def test_a_yes_to_everything_is_a_new_question(place, clock):
    client = place.test_client()
    answer(client, "accept")

    hand_over(place, clock)

    assert asked_about(client) == "all"
    assert set(jar(client)) == {"choice"}
    answer(client, "accept")
    assert asked_about(client) == ""
    assert grants(place) == ["statistics", "suggestions"]


@pytest.mark.parametrize("headers", [{}, GPC])
def test_a_no_goes_on_counting_for_as_long_as_it_would_have(place, clock, headers):
    client = place.test_client()
    answer(client, "refuse", headers=headers)
    kept = jar(client)

    hand_over(place, clock)

    assert asked_about(client) == ""
    assert jar(client) == kept


def test_a_refusal_of_an_account_and_an_objection_stay(place, clock, greta):
    client, person_id = greta
    client.get("/contact", headers=GPC)
    with place.app_context():
        restrictions.restrict([person_id], Purpose.SURVEY, restrictions.OBJECT, now=clock())
        db.session.commit()

    hand_over(place, clock)

    with place.app_context():
        assert [one.signal for one in db.session.scalars(sa.select(AccountRefusal))] == ["Sec-GPC"]
        assert restrictions.restricted([person_id], Purpose.SURVEY)


@pytest.mark.clause("C20")
def test_what_somebody_allowed_ends_and_nobody_says_that_they_took_it_back(place, clock, greta):
    client, person_id = greta
    with place.app_context():
        permissions.give(person_id, Purpose.SURVEY, how=permissions.ACCOUNT, now=clock())
        db.session.commit()

    hand_over(place, clock)

    page = let_in(place, clock, client, _account(place)).get("/account/permissions").text
    assert "it ended, because somebody else became responsible for your data." in page
    assert "you took it back" not in page
    with place.app_context():
        assert permissions.permitted([person_id], Purpose.SURVEY) == set()


@pytest.mark.clause("C13")
def test_a_device_that_was_told_is_forgotten(place, clock, greta):
    client, person_id = greta
    with place.app_context():
        found = push.read(json.dumps(HERE))
        push.subscribe(
            person_id, found, device="", language="en", how=permissions.ACCOUNT, now=clock()
        )
        db.session.commit()
        assert len(push.devices([person_id])) == 1

    hand_over(place, clock)

    page = let_in(place, clock, client, _account(place)).get("/account/notices").text
    assert "data-device" not in page
    with place.app_context():
        assert push.devices([person_id]) == []


def _account(place):
    with place.app_context():
        return db.session.scalar(sa.select(Account.id))
