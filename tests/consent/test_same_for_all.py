"""Who refuses gets the same pages, prices and availability, for no more work (C09, C16).

Pages are compared byte by byte, without what asks for consent or shows it; and no page
of somebody who hasn't said yes asks the database anything about consent.
"""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from flask import Flask

from tests.consent.matrix import BY_NAME, State, Visit
from tests.house.visitor import Page, Visitor, key_of, reference_of

pytestmark = pytest.mark.clause("C09")

NIGHTS = "arrive=2031-06-02&depart=2031-06-05&adults=2&children=0"
# Nothing was looked at yet by those who agreed to suggestions, so the order is everybody's.
COMPARED = ("refused", "GPC", "DNT", "withdrawn", "preferences", "statistics", "all")
UNASKED = ("none", "refused", "GPC", "DNT", "withdrawn")
Counter = Callable[[], AbstractContextManager[list[str]]]

# What is there for consent's sake: the question or the line in its place, the button at the
# foot that appears with a yes, and the script that counts clicks of those who agreed to it.
# And a form's own random number, which is another each time that anybody looks.
CONSENT = (
    (rb'(<input type="hidden" name="form_id" value=")[0-9a-f]{32}', rb"\1"),
    (rb'<section class="ask(ing|ed)".*?</section>\n+', b""),
    (
        rb'<script defer src="/static/clicks\.\w+\.js" data-to="/cookies/clicks[^"]*"></script>\n',
        b"",
    ),
    (rb'(<form class="withdraw"[^>]*?) hidden>', rb"\1>"),
)


def without_consent(body: bytes) -> bytes:
    """Return a page without the parts that consent is about."""
    for part, rest in CONSENT:
        body, count = re.subn(part, rest, body, flags=re.DOTALL)
        assert count <= 1, part
    return body


def pages(app: Flask) -> list[str]:
    """Return the addresses from the first page to the confirmation, each open to who has it."""
    guest = Visitor(app)
    check = guest.tell(guest.hold(guest.choose_stay()))
    led_to = [
        guest.choose_stay("lagoon-suite"),
        guest.hold(guest.choose_stay("boathouse")),
        check,
        guest.send(check.form()),
        guest.book(),
    ]
    return [
        *("/", "/search", f"/search?{NIGHTS}", "/search?arrive=nonsense", "/contact", "/terms"),
        *("/offers/reed-room", f"/offers/reed-room?{NIGHTS}", "/offers/kayak-tour"),
        *("/basket", *(page.url for page in led_to), "/account/sign-in", "/no/such/page"),
    ]


@pytest.mark.clause("C10")
@pytest.mark.clause("C16")
def test_pages_are_the_same_to_the_byte(place: Flask) -> None:
    paths = pages(place)
    silent = [seen.response for seen in Visit(place, BY_NAME["none"]).crawl(paths)]
    assert {answer.status_code for answer in silent} == {200, 404, 422}
    assert all(b'class="asking"' in answer.data for answer in silent)
    titles = {re.findall(rb"<h1[^>]*>(.*?)</h1>", answer.data, re.DOTALL)[0] for answer in silent}
    assert len(titles) >= len(paths) - 4

    other = [
        (name, path)
        for name in COMPARED
        for path, one, two in zip(
            paths, silent, Visit(place, BY_NAME[name]).crawl(paths), strict=True
        )
        if without_consent(one.data) != without_consent(two.response.data)
        or one.status_code != two.status
    ]

    assert other == []


def book(app: Flask, state: State) -> list[str]:
    """Go the whole way in a state of consent, cancel, and return what each page said."""
    visitor = Visitor(app, cookies=state.keeps_cookies, headers=state.headers)
    for said in state.answers:
        visitor.follow(visitor.ask("POST", "/cookies", data=said))
    query = "" if state.keeps_cookies else "cookies=none"
    search = visitor.open(f"/search?{NIGHTS}&{query}")
    basket = visitor.choose_stay(query=query)
    details = visitor.hold(basket)
    check = visitor.tell(details)
    reservation = visitor.pay(check)
    later = visitor.open(f"/search?{NIGHTS}&{query}")
    cancelled = visitor.send(reservation.form("/cancel"))
    again = visitor.open(f"/search?{NIGHTS}&{query}")

    def said(page: Page) -> str:
        return page.words.replace(reference_of(reservation), "REFERENCE")

    assert key_of(reservation)
    return [
        said(one) for one in (search, basket, details, check, reservation, later, cancelled, again)
    ]


@pytest.mark.clause("C10")
@pytest.mark.clause("C16")
def test_prices_and_availability_are_the_same_all_the_way(place: Flask) -> None:
    agreeing = book(place, BY_NAME["statistics"])
    assert agreeing[0] != agreeing[5]  # one room fewer
    assert agreeing[0] == agreeing[7]
    assert all("€" in said for said in agreeing)

    refusing = {
        name: book(place, BY_NAME[name])
        for name in ("none", "refused", "GPC", "DNT", "withdrawn", "no jar", "no jar, and a yes")
    }

    assert {name: said == agreeing for name, said in refusing.items()} == dict.fromkeys(
        refusing, True
    )


@pytest.mark.clause("C10")
def test_refusing_costs_no_statement_more_than_agreeing(
    place: Flask, count_queries: Counter
) -> None:
    paths = pages(place)

    def asked(name: str) -> list[tuple[str, list[str]]]:
        visit, found = Visit(place, BY_NAME[name]), []
        for path in (*paths, *paths):  # made anew, and as it was kept
            with count_queries() as sent:
                visit.open(path)
            found.append((path, list(sent)))
        return found

    agreeing = [(path, len(sent)) for path, sent in asked("all")]
    refusing = {name: asked(name) for name in UNASKED}

    counts = {name: [(path, len(sent)) for path, sent in of] for name, of in refusing.items()}
    assert all(found == counts["none"] for found in counts.values())
    assert all(a <= b for (_, a), (_, b) in zip(counts["none"], agreeing, strict=True))
    assert sum(a for _, a in counts["none"]) < sum(b for _, b in agreeing)
    about_consent = {
        (name, path, statement)
        for name, of in refusing.items()
        for path, sent in of
        for statement in sent
        if re.search("consent_|activity_line|glance|account_refusal", statement)
    }
    assert about_consent == set()
