"""No other site can send a form of ours, whoever is signed in (D7)."""

import pytest

from app.consent.log_routes import TOKENLESS
from tests.accounts.ways import sign_in, token_on
from tests.house.routes import NOWHERE, lead_somewhere, unsafe
from tests.house.visitor import Visitor

ELSEWHERE = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://localhost:81"},
    {"Origin": "https://localhost"},
    {"Origin": ""} | {"Referer": "https://evil.example/x"},
    {"Referer": "https://evil.example/http://localhost/"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": ""},
)
HERE = (
    {},
    {"Origin": "http://localhost"},
    {"Referer": "http://localhost/search"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
    {"Sec-Fetch-Site": "none"},
)


@pytest.mark.clause("C14")
def test_a_form_from_elsewhere_is_refused_at_every_address(place, visitor):
    values, _ = lead_somewhere(place, visitor)
    let_in = []

    for known in (values, NOWHERE):
        for address, method in unsafe(place, known):
            for headers in ELSEWHERE:
                page = visitor.ask(method, address.path, data={}, headers=headers)
                if page.status != 403:
                    let_in.append((address.rule.endpoint, page.status, headers))

    assert {endpoint for endpoint, _, _ in let_in} == {"payments.webhook"}
    assert {status for _, status, _ in let_in} <= {400, 404}


@pytest.mark.clause("C14")
@pytest.mark.parametrize("headers", HERE)
def test_a_form_from_here_is_taken(visitor, headers):
    page = visitor.ask(
        "POST",
        "/offers/reed-room/stay",
        data={"arrive": "2031-06-02", "depart": "2031-06-05", "adults": "2"},
        headers=headers,
    )

    assert page.status == 303


@pytest.mark.clause("C14")
def test_nothing_was_changed_by_a_form_from_elsewhere(place, visitor):
    details = visitor.hold(visitor.choose_stay())
    sheet = details.form()
    typed = {**sheet.values, "name": "Mallory", "email": "mallory@evil.example", "agrees": "y"}

    refused = visitor.ask("POST", sheet.url, data=typed, headers={"Origin": "null"})
    again = visitor.open(sheet.url)

    assert refused.status == 403
    assert "came from another site" in refused.title
    assert again.typed_in("name") == ""


@pytest.mark.clause("C14")
def test_the_owner_sends_nothing_without_the_token(place, clock):
    signed_in = sign_in(place, clock, place.test_client())
    token = token_on(signed_in.get("/owner/"))
    let_in = []

    for address, method in unsafe(place, NOWHERE):
        if address.rule.endpoint in ("payments.webhook", *TOKENLESS):
            continue
        for form in ({}, {"csrf_token": ""}, {"csrf_token": token[::-1]}):
            answer = signed_in.open(
                address.path, method=method, data=form, headers={"Origin": "http://localhost"}
            )
            if answer.status_code != 400:
                let_in.append((address.rule.endpoint, answer.status_code, form))
    good = signed_in.post("/account/sign-out", data={"csrf_token": token})

    assert let_in == []
    assert good.status_code == 303


def test_a_token_is_asked_of_nobody_else(place):
    page = Visitor(place).open("/offers/reed-room")

    assert "csrf_token" not in page.text
