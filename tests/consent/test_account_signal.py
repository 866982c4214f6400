"""A signal that arrives while somebody is signed in counts for their account, everywhere (C10)."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.models import Account
from app.consent.deciding import refusal_of
from app.consent.models import AccountRefusal
from app.core.database import db
from tests.accounts.ways import sign_in, token_on
from tests.consent.answers import (
    A_DAY,
    GPC,
    OWN,
    choice_in,
    decided,
    faults,
    grants,
    note_something,
    noted,
    records,
)
from tests.consent.test_chain import at_once

pytestmark = pytest.mark.clause("C10")

LATER = timedelta(minutes=5)


@pytest.fixture
def signed_in(place, clock):
    """Make browsers in which the same person is signed in."""
    return lambda: sign_in(place, clock, place.test_client())


def says(client, choice, *, headers=None, **fields):
    """Answer as somebody signed in does: with the session's token."""
    token = token_on(client.get("/owner/"))
    data = {"choice": choice, "csrf_token": token, **fields}
    sent = client.post("/cookies", data=data, headers={**OWN, **(headers or {})})
    assert sent.status_code == 303


def kept(app):
    """Return the signal that counts for the account, or ""."""
    with app.app_context():
        account = db.session.scalar(sa.select(Account.id))
        found = refusal_of(account)
        return found.signal if found else ""


def banner(client, **options):
    """Return what stands in the banner's place."""
    text = client.get("/contact", **options).text
    return "question" if 'class="asking"' in text else "line" if 'class="asked"' in text else ""


@pytest.mark.both_databases
@pytest.mark.parametrize("header", ["Sec-GPC", "DNT"])
def test_a_signal_is_kept_for_the_account_and_counts_in_another_browser(
    place, clock, signed_in, header
):
    one, other = signed_in(), signed_in()
    before = banner(other)

    one.get("/contact", headers={header: "1"})

    assert (before, kept(place), banner(other)) == ("question", header, "line")
    event = records(place)[-1]["event"]
    assert (event["expressed_by"], event["signal"]) == ("signal", header)
    for _ in range(3):
        one.get("/contact", headers={header: "1"})
        other.get("/contact")
    assert len(records(place)) == 1
    assert faults(place, clock()) == []


@pytest.mark.clause("C09")
def test_it_ends_an_earlier_yes_in_another_browser_with_all_that_was_noted(place, clock, signed_in):
    one, other = signed_in(), signed_in()
    says(other, "accept")
    note_something(place, clock())
    clock.move(LATER)

    one.get("/contact", headers=GPC)
    other.get("/contact")

    assert choice_in(place, other, clock()).granted == frozenset()
    assert (grants(place), noted(place)) == ([], 0)
    assert [r["event"]["expressed_by"] for r in records(place)] == ["page", "signal", "signal"]
    assert records(place)[-1]["event"]["signal"] == "Sec-GPC"


def test_it_ends_even_an_earlier_yes_over_another_signal(place, clock, signed_in):
    one, other = signed_in(), place.test_client()
    other.post("/cookies", data={"choice": "accept"}, headers={**OWN, **GPC})
    sign_in(place, clock, other)
    clock.move(LATER)

    one.get("/contact", headers={"DNT": "1"})
    other.get("/contact", headers=GPC)

    assert kept(place) == "DNT"
    assert choice_in(place, other, clock()).granted == frozenset()


@pytest.mark.both_databases
def test_an_explicit_later_yes_ends_it_and_is_recorded_as_doing_so(place, clock, signed_in):
    one, other = signed_in(), signed_in()
    one.get("/contact", headers=GPC)
    clock.move(LATER)

    says(other, "accept")

    event = records(place)[-1]["event"]
    assert (event["signal"], event["over_signal"], event["state"]) == ("Sec-GPC", True, "given")
    assert kept(place) == ""
    assert banner(signed_in()) == "question"


def test_the_browser_that_goes_on_signalling_does_not_undo_that_yes(place, clock, signed_in):
    one, other = signed_in(), signed_in()
    one.get("/contact", headers=GPC)
    clock.move(LATER)
    says(other, "accept")
    clock.move(LATER)

    seen = banner(one, headers=GPC)
    other.get("/contact")

    assert seen == "line"
    assert kept(place) == ""
    assert choice_in(place, other, clock()).granted
    assert sorted(grants(place)) == ["statistics", "suggestions"]


def test_six_months_after_it_was_overruled_a_signal_counts_anew(place, clock, signed_in):
    signed_in().get("/contact", headers=GPC)
    clock.move(LATER)
    says(signed_in(), "accept")

    clock.move(A_DAY * 180)
    signed_in().get("/contact", headers=GPC)
    early = kept(place)
    clock.move(A_DAY * 10)
    signed_in().get("/contact", headers=GPC)

    assert (early, kept(place)) == ("", "Sec-GPC")


def test_an_explicit_no_leaves_it_as_it_is(place, clock, signed_in):
    one, other = signed_in(), signed_in()
    one.get("/contact", headers=GPC)
    clock.move(LATER)

    says(other, "refuse")

    assert kept(place) == "Sec-GPC"


def test_of_two_answers_the_later_counts_also_when_it_was_given_before_signing_in(
    place, clock, signed_in
):
    signed_in().get("/contact", headers=GPC)
    clock.move(LATER)
    fresh = place.test_client()
    fresh.post("/cookies", data={"choice": "accept"}, headers=OWN)

    sign_in(place, clock, fresh)
    fresh.get("/contact")

    assert choice_in(place, fresh, clock()).granted


def test_nothing_is_kept_for_anybody_who_is_not_signed_in(place):
    place.test_client().get("/contact", headers=GPC)

    with place.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(AccountRefusal)) == 0


def test_an_explicit_yes_under_the_signal_keeps_nothing_for_the_account(place, clock):
    client = place.test_client()
    client.post("/cookies", data={"choice": "accept"}, headers={**OWN, **GPC})
    sign_in(place, clock, client)

    client.get("/contact", headers=GPC)

    assert kept(place) == ""
    assert choice_in(place, client, clock()).granted


@pytest.mark.both_databases
def test_two_signals_at_once_are_kept_once(place, settings, clock, signed_in):
    with place.app_context():
        signed_in()
        account = db.session.scalar(sa.select(Account.id))

    def signal(_number):
        decided(clock(), how="signal", signal="DNT", account_id=account, statistics=False)

    def yes(_number):
        decided(clock(), how="page", account_id=account, statistics=True)

    at_once(settings, clock, 4, signal)
    first = kept(place)
    at_once(settings, clock, 4, yes)

    assert (first, kept(place)) == ("DNT", "")
    assert len(records(place)) == 8
    assert faults(place, clock()) == []


@pytest.mark.parametrize("token", ["", "x", None])
def test_who_is_signed_in_answers_with_the_sessions_token_only(place, signed_in, token):
    client = signed_in()
    data = {"choice": "accept"} | ({"csrf_token": token} if token is not None else {})

    page = client.post("/cookies", data=data, headers=OWN)

    assert page.status_code == 400
    assert records(place) == []
