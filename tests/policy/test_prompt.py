"""Whoever is concerned is shown a change once; noticing it is never a yes to anything (C25)."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup

from app.accounts.models import Account
from app.booking.models import Reservation
from app.consent import permissions
from app.consent.models import Entry, Grant, PersonPermission
from app.core.database import db
from app.core.datamap import Purpose
from app.policy.documents import publish_missing
from app.policy.drafts_publishing import withdraw
from app.policy.models import PRIVACY, TERMS, Agreement, VersionNotice
from tests.accounts.ways import let_in, make_guest
from tests.house.visitor import Visitor
from tests.policy.documents_written import SUMMARY, published

pytestmark = pytest.mark.clause("C25")

ASKS = "All right, noted"


@pytest.fixture
def site(place, clock):
    """The demo place, whose owner publishes a new policy in a moment."""
    with place.app_context():
        publish_missing(now=clock())
        db.session.commit()
    return place


@pytest.fixture
def greta(site, clock):
    """A browser in which a guest is signed in, who has her account for a day."""
    account_id = make_guest(site, clock)
    clock.move(timedelta(days=1))
    return let_in(site, clock, site.test_client(), account_id)


def publish(site, clock, **more):
    with site.app_context():
        return published(clock(), **more)


def again(site, clock, client):
    """Sign the account of a browser in anew, as on another visit."""
    with site.app_context():
        account_id = db.session.scalar(sa.select(Account.id).where(Account.role == "guest"))
    return let_in(site, clock, client, account_id)


def notices(site):
    with site.app_context():
        return list(db.session.scalars(sa.select(VersionNotice).order_by(VersionNotice.id)))


def button(page):
    """Return the fields of the prompt's form."""
    form = BeautifulSoup(page.text, "html.parser").select_one('form[action^="/policy/noted"]')
    return {one["name"]: one["value"] for one in form.find_all("input")}


def test_somebody_signed_in_is_shown_it_once_a_version(site, greta, clock):
    quiet = greta.get("/account")
    number, _ = publish(site, clock)
    again(site, clock, greta)

    first, second = greta.get("/account"), greta.get("/account")
    clock.move(timedelta(days=1))
    again(site, clock, greta)
    third = greta.get("/")

    assert ASKS not in quiet.text
    assert ASKS in first.text
    assert SUMMARY["en"] in first.text
    assert f"/privacy/versions/{number}/changes" in first.text
    assert ASKS not in second.text
    assert ASKS not in third.text
    assert [(one.number, one.noticed_at) for one in notices(site)] == [(number, None)]


def test_another_version_is_another_prompt(site, greta, clock):
    publish(site, clock)
    again(site, clock, greta)
    greta.get("/account")
    publish(site, clock, days=60, more="And something else.")
    again(site, clock, greta)

    assert ASKS in greta.get("/account").text


def test_pressing_noted_is_recorded_as_noticed_and_leads_back(site, greta, clock):
    publish(site, clock)
    again(site, clock, greta)
    page = greta.get("/account/profile")

    answer = greta.post("/policy/noted", data=button(page))

    assert answer.status_code == 303
    assert answer.location == "/account/profile"
    assert [(one.noticed_how, one.noticed_at) for one in notices(site)] == [("button", clock())]


def test_going_on_using_the_site_is_noticed_once_it_is_in_force_and_not_before(site, greta, clock):
    _, day = publish(site, clock)
    again(site, clock, greta)
    greta.get("/account")
    clock.move(timedelta(days=2))
    again(site, clock, greta)
    greta.get("/account")
    before = [one.noticed_how for one in notices(site)]
    clock.set(day + timedelta(hours=9))
    again(site, clock, greta)
    greta.get("/account")

    assert before == [""]
    assert [(one.noticed_how, one.noticed_at) for one in notices(site)] == [("use", clock())]


def test_the_same_visit_goes_on_without_being_taken_as_noticed(site, greta, clock):
    _, day = publish(site, clock)
    clock.set(day - timedelta(minutes=10))
    again(site, clock, greta)
    greta.get("/account")
    clock.move(timedelta(minutes=20))
    greta.get("/account")

    assert [one.noticed_how for one in notices(site)] == [""]


def test_who_comes_only_when_it_is_in_force_is_told_that_it_has_changed(site, greta, clock):
    _, day = publish(site, clock)
    clock.set(day + timedelta(days=3))
    again(site, clock, greta)

    assert "has changed on" in greta.get("/account").text


def test_a_version_that_was_taken_back_prompts_nobody(site, greta, clock):
    number, _ = publish(site, clock)
    with site.app_context():
        withdraw(PRIVACY, number, now=clock())
        db.session.commit()
    again(site, clock, greta)

    assert ASKS not in greta.get("/account").text


def test_a_guest_is_shown_it_on_the_page_of_their_reservation(site, clock):
    visitor = Visitor(site)
    reservation = visitor.book()
    publish(site, clock)

    first = visitor.open(reservation.url)
    second = visitor.open(reservation.url)

    assert ASKS in first.text
    assert ASKS not in second.text
    assert len(notices(site)) == 1


def test_a_guest_without_a_session_can_press_the_button(site, clock):
    visitor = Visitor(site)
    reservation = visitor.book()
    publish(site, clock)
    page = visitor.open(reservation.url)

    client = site.test_client()
    answer = client.post("/policy/noted", data=button(page), headers={"Origin": "http://localhost"})

    assert answer.status_code == 303
    assert answer.location.startswith("/reservations/")
    assert [one.noticed_how for one in notices(site)] == ["button"]


@pytest.mark.parametrize("key", ["", "x", "x" * 5000, "é" * 10])
def test_a_key_that_nobody_was_given_notes_nothing(site, greta, clock, key):
    publish(site, clock)
    again(site, clock, greta)
    fields = button(greta.get("/account"))

    answer = greta.post("/policy/noted", data={**fields, "key": key, "next": "//evil.example"})

    assert answer.status_code == 303
    assert answer.location == "/privacy"
    assert [one.noticed_at for one in notices(site)] == [None]


def test_who_agreed_to_it_needs_no_prompt(site, clock):
    visitor = Visitor(site)
    _, day = publish(site, clock)
    clock.set(day + timedelta(days=1))

    visitor.dates = {"arrive": "2031-08-04", "depart": "2031-08-06"}
    reservation = visitor.book()

    assert ASKS not in visitor.open(reservation.url).text


def test_a_visitor_without_a_session_costs_no_statement(site, client, clock, count_queries):
    with count_queries() as before:
        client.get("/terms")
    publish(site, clock)
    with count_queries() as sent:
        page = client.get("/terms")

    assert ASKS not in page.text
    assert "Set-Cookie" not in page.headers
    assert not [one for one in sent if "version_notice" in one]
    assert len(sent) <= len(before)


def test_somebody_signed_in_costs_one_statement_now_and_then(site, greta, clock, count_queries):
    publish(site, clock)
    again(site, clock, greta)
    greta.get("/account")
    with count_queries() as sent:
        greta.get("/account")
        greta.get("/")

    assert not [one for one in sent if "version_notice" in one]


def test_it_is_on_the_persons_own_page(site, greta, clock):
    publish(site, clock)
    again(site, clock, greta)
    greta.get("/account")

    page = greta.get("/account/data")

    assert "Changes of our documents that you were shown" in page.text


def test_the_prompt_says_what_it_is_in_every_language(site, greta, clock):
    publish(site, clock)
    again(site, clock, greta)

    page = greta.get("/account?lang=de")

    assert SUMMARY["de"] in page.text
    assert re.search(r"/privacy/versions/\d+/changes", page.text)


# -- Never a yes ------------------------------------------------------------------------------


def allowed(site):
    """Return everything that anybody said yes to."""
    with site.app_context():
        tables = (PersonPermission, Grant, Entry, Agreement)
        return [db.session.scalar(sa.select(sa.func.count()).select_from(one)) for one in tables]


@pytest.mark.parametrize("document", [PRIVACY, TERMS])
def test_no_optional_purpose_is_ever_switched_on_by_a_new_version(site, greta, clock, document):
    with site.app_context():
        account = db.session.scalar(sa.select(Account).where(Account.role == "guest"))
        person_id = account.person_id
        permissions.give(person_id, Purpose.SURVEY, how="account", now=clock())
        permissions.take_back([person_id], Purpose.SURVEY, now=clock())
        db.session.commit()
    before = allowed(site)
    _, day = publish(site, clock, document=document)

    again(site, clock, greta)
    pages = [greta.get("/account")]
    greta.post("/policy/noted", data=button(pages[0]))
    for days in (1, 20, 10, 1, 30):
        clock.move(timedelta(days=days))
        again(site, clock, greta)
        pages.append(greta.get("/account"))

    assert clock() > day
    assert allowed(site) == before
    with site.app_context():
        assert [permissions.permitted([person_id], purpose) for purpose in Purpose] == [
            set() for _ in Purpose
        ]
    cookies = [cookie for page in pages for cookie in page.headers.getlist("Set-Cookie")]
    assert not [one for one in cookies if "session" not in one]


def test_what_was_recorded_says_how_and_never_that_anybody_agreed(site, greta, clock):
    publish(site, clock)
    again(site, clock, greta)
    greta.post("/policy/noted", data=button(greta.get("/account")))

    with site.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Agreement)) == 0
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Reservation)) == 0
