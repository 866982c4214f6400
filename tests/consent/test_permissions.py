"""A yes beyond what a booking needs is off at first, a matter of its own, and ended at once."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.accounts.claims import claim_all
from app.accounts.models import Account, Person
from app.booking.models import Reservation
from app.consent import permissions
from app.consent.models import PersonPermission
from app.core.database import db
from app.core.datamap import Purpose
from app.core.vault import vault
from tests.accounts.ways import let_in, make_guest
from tests.house.visitor import EMAIL, NAME, key_of, reference_of
from tests.owner.house import Somebody, words


def rows(app):
    """Return every yes there ever was: how it was given, and whether it lives."""
    with app.app_context():
        found = db.session.scalars(sa.select(PersonPermission).order_by(PersonPermission.id))
        return [(one.how, one.ended_at is None) for one in found]


def person_in(app, clock):
    with app.app_context():
        person = Person(id=vault().new_person(), created_at=clock())
        db.session.add(person)
        db.session.commit()
        return person.id


@pytest.fixture
def greta(place, clock):
    """A guest with an account, signed in."""
    account_id = make_guest(place, clock, EMAIL)
    return Somebody(place, let_in(place, clock, place.test_client(), account_id), account_id)


# -- The verbs --------------------------------------------------------------------------------


@pytest.mark.clause("C20")
@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_each_yes_and_its_end_are_kept(app, clock):
    someone, other = person_in(app, clock), person_in(app, clock)
    with app.app_context():
        for _ in range(2):
            permissions.give(someone, Purpose.SURVEY, how="account", now=clock())
        given = permissions.permitted([someone, other], Purpose.SURVEY)
        elsewhere = permissions.permitted([someone], Purpose.SURVEY, recipient="friend")
        permissions.take_back([someone, other], Purpose.SURVEY, now=clock.move(timedelta(days=1)))
        ended = permissions.permitted([someone], Purpose.SURVEY)
        permissions.give(someone, Purpose.SURVEY, how="checkout", now=clock.move(timedelta(days=1)))
        history = permissions.history([someone], Purpose.SURVEY)
        hows = [(one.how, one.ended_at is None) for one in history]
        db.session.commit()

    assert (given, elsewhere, ended) == ({someone}, set(), set())
    assert hows == [("checkout", True), ("account", False)]


@pytest.mark.clause("C20")
def test_one_persons_yes_is_nobody_elses(place, clock, visitor):
    visitor.book()
    greta_id = make_guest(place, clock, EMAIL)
    stranger = person_in(place, clock)
    with place.app_context():
        own = db.session.get(Account, greta_id).person_id
        booked = db.session.scalar(sa.select(Reservation.person_id))

        assert set(permissions.same_person(booked)) == {own, booked}
        assert set(permissions.same_person(own)) == {own, booked}
        assert permissions.same_person(stranger) == [stranger]


# -- At checkout ------------------------------------------------------------------------------


@pytest.mark.clause("C20")
@pytest.mark.clause("C21")
def test_at_checkout_it_is_not_ticked_and_not_needed(place, visitor):
    checkout = visitor.hold(visitor.choose_stay())
    box = checkout.soup.find("input", attrs={"name": "asks_after"})

    paid = visitor.pay(visitor.tell(checkout))

    assert not box.has_attr("checked")
    assert not box.has_attr("required")
    assert "You are expected" in paid.title
    assert rows(place) == []


@pytest.mark.clause("C20")
def test_a_yes_at_checkout_changes_no_price_and_is_kept_apart_from_the_terms(place, visitor):
    without = visitor.tell(visitor.hold(visitor.choose_stay()))
    with_it = visitor.tell(visitor.hold(visitor.choose_stay()), asks_after="y")
    refused = visitor.send(
        visitor.hold(visitor.choose_stay()).form(), name=NAME, email=EMAIL, asks_after="y"
    )

    assert refused.status == 422
    assert refused.said_beside("agrees")
    assert with_it.soup.select_one(".quote").text == without.soup.select_one(".quote").text
    assert rows(place) == [("checkout", True)]


@pytest.mark.clause("C21")
def test_whoever_comes_back_to_the_details_can_untick_it(place, visitor):
    checkout = visitor.hold(visitor.choose_stay())
    visitor.tell(checkout, asks_after="y")
    again = visitor.open(checkout.url)

    visitor.send(again.form(), drop="asks_after", agrees="y")

    assert again.soup.find("input", attrs={"name": "asks_after"}).has_attr("checked")
    assert rows(place) == [("checkout", False)]
    later = visitor.open(checkout.url)
    assert not later.soup.find("input", attrs={"name": "asks_after"}).has_attr("checked")


# -- On the page of a reservation -------------------------------------------------------------


@pytest.mark.clause("C20")
@pytest.mark.clause("C21")
@pytest.mark.both_databases
def test_the_switch_on_a_reservation_says_how_it_stands_and_turns(place, visitor):
    page = visitor.book()
    on = visitor.send(page.form("/survey/on"))
    off = visitor.send(on.form("/survey/off"))

    assert "Ask me after my stay how it was: off" in page.words
    assert "Ask me after my stay how it was: on" in on.words
    assert "Ask me after my stay how it was: off" in off.words
    assert "you said yes on the page of a reservation" in off.words
    assert "you took it back" in off.words
    assert rows(place) == [("reservation", False)]


@pytest.mark.clause("C20")
@pytest.mark.clause("C14")
def test_without_the_key_nobody_turns_it(place, visitor):
    page = visitor.book()
    reference, key = reference_of(page), key_of(page)
    for path in (f"/reservations/{reference}/survey/on", "/reservations/AAAAAAAA/survey/on"):
        for query in ("", "?key=", f"?key={key[:-1]}"):
            assert visitor.ask("POST", f"{path}{query}", data={}).status == 404

    assert rows(place) == []


# -- In the account ---------------------------------------------------------------------------


@pytest.mark.clause("C20")
@pytest.mark.clause("C21")
def test_the_account_has_one_switch_for_all_bookings(place, visitor, greta):
    booked = visitor.send(visitor.book().form("/survey/on"))
    with place.app_context():
        account = db.session.get(Account, greta.account_id)
        claim_all(account, now=place.extensions["clock"]())
        db.session.commit()
    shown = greta.get("/account/permissions")
    greta.post("/account/permissions/survey/off")
    off = greta.get("/account/permissions")
    greta.post("/account/permissions/survey/on")

    assert "how it was: on" in words(shown)
    assert "how it was: off" in words(off)
    assert "you took it back" in words(off)
    assert rows(place) == [("reservation", False), ("account", True)]
    assert "how it was: on" in visitor.open(booked.url).words


@pytest.mark.clause("C14")
def test_the_accounts_switch_is_for_who_is_signed_in_with_a_token(place, client, greta):
    for path in ("/account/permissions", "/account/permissions/survey/on"):
        method = "GET" if path.endswith("permissions") else "POST"
        assert client.open(path, method=method).status_code in (302, 303)
    forged = greta.client.post("/account/permissions/survey/on", data={})

    assert forged.status_code == 400
    assert rows(place) == []
