"""Whatever an address asks for as the next page, nobody is led off this site."""

from datetime import timedelta
from urllib.parse import quote, urlsplit

import pytest

from tests.accounts.ways import (
    PASSWORD,
    make_guest,
    make_house,
    sign_in_guest,
    token_on,
)

pytestmark = pytest.mark.clause("C14")

ELSEWHERE = (
    "https://evil.example",
    "https://evil.example/",
    "http://evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:\\\\evil.example",
    "HtTpS://evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "evil.example",
    "evil.example/%2f..",
    "@evil.example",
    "localhost@evil.example",
    "http://localhost@evil.example",
    "http://localhost.evil.example",
    " //evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    "/\x00/evil.example",
    "/\u2044/evil.example",
    "/\uff0fevil.example",
    "。/evil.example",
    "?next=//evil.example",
    "#//evil.example",
    "",
)
HERE = "/owner/reservations?status=held&page=2"


@pytest.fixture
def guest(app, clock):
    """Greta, who has an account."""
    return make_guest(app, clock)


def door(path, wished):
    """Return an address that asks for a next page."""
    return f"{path}?next={quote(wished)}"


def leads_away(answer, home):
    """Say whether an answer leads anywhere but to where nobody asked to be led."""
    return answer.status_code != 303 or answer.location != home


def test_signing_in_leads_nowhere_else(app, clock, guest):
    wrong = []
    for n, wished in enumerate(ELSEWHERE):
        answer = app.test_client().post(
            door("/account/sign-in", wished),
            data={"name": "greta@post.example", "password": PASSWORD, "next": wished},
            environ_overrides={"REMOTE_ADDR": f"203.0.{n}.1"},
        )
        if leads_away(answer, "/account"):
            wrong.append((wished, answer.status_code, answer.location))

    assert len(ELSEWHERE) >= 30
    assert wrong == []


def test_the_second_step_leads_nowhere_else(app, clock):
    staff = make_house(app, clock)
    wrong = []
    for n, wished in enumerate(ELSEWHERE):
        client = app.test_client()
        clock.move(timedelta(minutes=6))  # another code, and another try at codes
        step = client.post(
            door("/account/sign-in", wished),
            data={"name": staff.email, "password": PASSWORD},
            environ_overrides={"REMOTE_ADDR": f"203.0.{n}.1"},
        ).location
        assert urlsplit(step).query == ""
        answer = client.post(door(step, wished), data={"code": staff.code(clock())})
        if leads_away(answer, "/owner/"):
            wrong.append((wished, answer.status_code, answer.location))

    assert wrong == []


def test_the_question_who_it_is_leads_nowhere_else(app, clock, guest, client):
    sign_in_guest(client)
    wrong = []
    for wished in ELSEWHERE:
        clock.move(timedelta(minutes=4))
        path = door("/account/confirm", wished)
        answer = client.post(
            path, data={"csrf_token": token_on(client.get(path)), "password": PASSWORD}
        )
        if leads_away(answer, "/account/security"):
            wrong.append((wished, answer.status_code, answer.location))

    assert wrong == []


def test_who_is_in_is_led_nowhere_else(guest, client):
    sign_in_guest(client)

    answers = [client.get(door("/account/sign-in", wished)) for wished in ELSEWHERE]

    assert {(answer.status_code, answer.location) for answer in answers} == {(303, "/account")}


def test_no_page_of_the_door_has_such_an_address_in_its_form(app, clock, guest, client):
    staff = make_house(app, clock)
    step = sign_in_guest(client, staff.email).location
    for wished in ELSEWHERE:
        for path in ("/account/sign-in", step):
            page = client.get(door(path, wished)).text
            forms = page.split("<main")[1].split("</main>")[0]
            assert 'method="post" action="' + path + '"' in forms, (path, wished)
            assert "evil" not in forms


def test_a_page_of_ours_survives_both_steps(app, clock, client):
    staff = make_house(app, clock, "owner")
    asked = client.get(HERE)
    page = client.get(asked.location)
    action = page.text.split('class="door__form"')[1].split('action="')[1].split('"')[0]
    step = client.post(
        action.replace("&amp;", "&"), data={"name": staff.email, "password": PASSWORD}
    )
    wrong = client.post(step.location, data={"code": "12"})
    action = wrong.text.split('class="door__form"')[1].split('action="')[1].split('"')[0]

    answer = client.post(action.replace("&amp;", "&"), data={"code": staff.code(clock())})

    assert answer.location == HERE


def test_a_card_number_in_an_address_is_carried_nowhere(client):
    page = client.get(door("/account/sign-in", "/search?x=4111111111111111"))

    assert "4111111111111111" not in page.text
