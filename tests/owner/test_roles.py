"""Each of the owner's pages opens for the roles that it names, and for nobody else."""

import re
from datetime import date, timedelta

import pytest

from app.accounts.models import GUEST, OWNER, READER, STAFF
from app.owner.roles import LEAST_ROLE
from tests.house.routes import NOWHERE, SAFE
from tests.owner.guests import book, details, stay
from tests.owner.house import buttons, words

TODAY = date(2031, 5, 5)
VALUES = {**NOWHERE, "name": "nothing.eml"}
ARGUMENT = re.compile(r"<(?:[^<>]+:)?(\w+)>")
RANK = {GUEST: 0, READER: 1, STAFF: 2, OWNER: 3}
ONLY_SEARCHES = {"owner.find", "owner.find_guest"}


def rules(app):
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("owner.")]


def ways(app):
    """Yield (endpoint, least role, method, path) for each way into the owner's pages."""
    for rule in rules(app):
        path = rule.rule
        for argument in ARGUMENT.findall(path):
            path = ARGUMENT.sub(VALUES[argument], path, count=1)
        least = getattr(app.view_functions[rule.endpoint], LEAST_ROLE)
        for method in sorted(rule.methods - {"OPTIONS"}):
            yield rule.endpoint, least, method, path


@pytest.mark.clause("C17")
def test_every_address_names_the_least_role_and_none_that_changes_something_is_for_readers(place):
    undeclared, too_open = set(), set()
    for rule in rules(place):
        role = getattr(place.view_functions[rule.endpoint], LEAST_ROLE, None)
        if role not in (READER, STAFF, OWNER):
            undeclared.add(rule.endpoint)
        elif rule.methods - SAFE and role == READER:
            too_open.add(rule.endpoint)

    assert undeclared == set()
    assert too_open == ONLY_SEARCHES
    assert len(rules(place)) >= 16


@pytest.mark.clause("C04")
def test_strangers_are_asked_to_sign_in_at_every_address(place, client):
    answers = [(path, client.open(path, method=method)) for _, _, method, path in ways(place)]

    assert all(answer.status_code == 303 for _, answer in answers)
    assert all(answer.location.startswith("/account/sign-in") for _, answer in answers)


@pytest.mark.clause("C04")
def test_guests_find_nothing_at_any_address(place, enters):
    guest = enters("guest", strong=True)

    for endpoint, _, method, path in ways(place):
        answer = guest.client.open(path, method=method, data=sent(guest, method))
        assert answer.status_code == 404, (endpoint, method)


@pytest.mark.clause("C04")
@pytest.mark.parametrize("role", [READER, STAFF, OWNER])
def test_with_one_factor_the_house_sets_up_the_second_first(place, enters, role):
    somebody = enters(role, strong=False)

    for endpoint, _, method, path in ways(place):
        answer = somebody.client.open(path, method=method, data=sent(somebody, method))
        assert answer.status_code == 303, (endpoint, method)
        assert answer.location == "/account/security#second"


@pytest.mark.clause("C17")
@pytest.mark.parametrize("role", [READER, STAFF, OWNER])
def test_a_role_opens_what_it_is_enough_for(place, enters, role):
    somebody = enters(role)

    for endpoint, least, method, path in ways(place):
        answer = somebody.client.open(path, method=method, data=sent(somebody, method))
        case = (endpoint, method, role, answer.status_code)
        if RANK[role] < RANK[least]:
            assert answer.status_code == 403, case
            assert method == "HEAD" or "part of your role" in answer.text, case
        else:
            assert answer.status_code in (200, 303, 404, 422), case
            assert "/account/" not in (answer.location or ""), case


@pytest.mark.parametrize("path", ["/owner/people", "/owner/reservations/NOWHERE1"])
def test_who_is_refused_or_finds_nothing_is_led_back_into_the_house(place, enters, path):
    reader = enters(READER)

    refused = reader.client.get(path).text.split("<main")[1].split("</main>")[0]
    led = re.findall(r'href="([^"]+)"', refused)
    stranger = place.test_client().get("/offers/nowhere").text.split("<main")[1]

    assert led == ["/owner/"]
    assert 'href="/search"' in stranger


def sent(somebody, method):
    return {"csrf_token": somebody.token} if method == "POST" else None


@pytest.mark.clause("C17")
def test_readers_see_no_button_that_they_cannot_use(place, enters, clock):
    with place.app_context():
        ada = details("Ada Lovelace", "ada@example.org")
        reference = book(stay("reed-room", TODAY, TODAY + timedelta(days=2)), now=clock(), who=ada)
    pages = {
        role: enters(role).get(f"/owner/reservations/{reference}")
        for role in (READER, STAFF, OWNER)
    }

    for page in pages.values():
        assert "Ada Lovelace" in words(page)
    # The guest's link would let a reader cancel.
    assert "?key=" not in pages[READER].text
    assert "?key=" in pages[STAFF].text
    assert buttons(pages[READER]) == {"/account/sign-out"}
    assert f"/owner/reservations/{reference}/link" in buttons(pages[STAFF])
    # Letters hold links into other people's accounts.
    for role in (READER, STAFF):
        assert "/owner/people" not in pages[role].text
        assert "/owner/mail" not in pages[role].text
    assert "/owner/people" in pages[OWNER].text
    assert "Your role: may read" in words(pages[READER])


def test_a_form_from_elsewhere_is_not_blamed_on_the_role(enters):
    answer = enters(OWNER).client.post(
        "/owner/reservations", headers={"Origin": "https://x.example"}
    )

    assert answer.status_code == 403
    assert "came from another site" in answer.text


@pytest.mark.clause("C04")
def test_the_house_is_signed_out_after_a_quarter_of_an_hour_and_led_back(enters, clock):
    staff = enters(STAFF)
    clock.move(timedelta(minutes=14))
    before = staff.get("/owner/reservations?status=held")
    clock.move(timedelta(minutes=15))

    after = staff.get("/owner/reservations?status=held")

    assert before.status_code == 200
    assert after.location == "/account/sign-in?next=/owner/reservations?status%3Dheld"


# -- Asked again --------------------------------------------------------------------------------


@pytest.mark.clause("C17")
def test_who_goes_on_reading_lists_says_again_who_they_are(place, enters, clock):
    reader = enters(READER)
    fresh = reader.get("/owner/reservations?page=2")
    clock.move(timedelta(minutes=11))
    first = reader.get("/owner/reservations")
    second = reader.get("/owner/reservations?status=confirmed&page=2")
    nowhere = reader.get("/owner/reservations?page=x")

    assert (fresh.status_code, first.status_code, nowhere.status_code) == (200, 200, 404)
    assert second.status_code == 303
    assert second.location == (
        "/account/confirm?next=/owner/reservations?status%3Dconfirmed%26page%3D2"
    )


@pytest.mark.clause("C04")
def test_the_pages_of_people_ask_again_and_lead_back(place, enters, clock):
    owner, sam = enters(OWNER), enters(STAFF)
    clock.move(timedelta(minutes=11))

    answers = {path: owner.get(path).location for path in ("/owner/people", "/owner/people/invite")}
    pressed = owner.post(f"/owner/people/{sam.account_id}/role", role=OWNER)

    assert answers == {path: f"/account/confirm?next={path}" for path in answers}
    assert pressed.location == "/account/confirm?next=/owner/people"
    assert sam.account.role == STAFF
