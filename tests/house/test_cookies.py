"""Looking around sets no cookie, and everything can be done without a cookie jar (C10, C11)."""

from dataclasses import replace
from http.cookies import SimpleCookie

import pytest

from app import create_app
from tests.house.routes import NOWHERE, gets, lead_somewhere
from tests.house.visitor import Visitor, address_of, reference_of


def cookies_of(page):
    return [*page.all("Set-Cookie")]


@pytest.mark.clause("C09")
@pytest.mark.clause("C11")
def test_opening_any_page_sets_no_cookie(place, visitor):
    values, reservation = lead_somewhere(place, visitor)
    looking = Visitor(place)

    for query in ("", "?lang=de", f"?key={values['guest']}", f"?basket={values['basket']}"):
        for known in (values, {**values, "key": values["basket"]}, NOWHERE):
            for address in gets(place, known, query=query):
                looking.open(address.path)
    looking.open(f"{reservation.url}&lang=zh")
    looking.open("/search?arrive=2031-06-01&depart=2031-06-04&adults=2")
    looking.open("/search?arrive=nonsense")

    assert {page.status for page in looking.seen} >= {200, 303, 404, 422}
    assert {page.url for page in looking.seen if cookies_of(page)} == set()


@pytest.mark.clause("C11")
def test_neither_an_error_nor_a_made_up_cookie_is_answered_with_one(place):
    looking = Visitor(place)
    looking.client = place.test_client()
    for name in ("basket", "session", "unknown"):
        looking.client.set_cookie(name, "made-up", domain="localhost")

    pages = [
        looking.open("/"),
        looking.open("/basket"),
        looking.open("/owner/"),
        looking.open("/no/such/page"),
        looking.ask("DELETE", "/"),
        looking.ask("POST", "/basket/x/hold", data={}, headers={"Origin": "http://evil.example"}),
        looking.ask("POST", "/offers/reed-room/stay", data=b"x" * 1_100_000),
        looking.ask("POST", "/offers/reed-room/stay", data={"arrive": "tomorrow"}),
    ]

    assert [page.status for page in pages] == [200, 200, 303, 404, 405, 403, 413, 422]
    assert [page.url for page in pages if cookies_of(page)] == []


@pytest.mark.clause("C07")
@pytest.mark.clause("C10")
@pytest.mark.clause("C16")
def test_a_basket_is_filled_held_booked_paid_and_cancelled_without_a_cookie_jar(visitor):
    basket = visitor.choose_stay()
    more = visitor.choose_session(query=f"basket={address_of(basket).rpartition('/')[2]}")
    reservation = visitor.pay(visitor.tell(visitor.hold(more)))
    cancelled = visitor.send(reservation.form("/cancel"))

    assert len(more.soup.select("li.line")) == 2
    assert reservation.title.startswith("You are expected")
    assert cancelled.title == "Your reservation is cancelled"
    assert reference_of(cancelled) == reference_of(reservation)


def test_the_basket_is_carried_along_the_links_of_the_site(visitor):
    basket = visitor.choose_stay()

    home = visitor.open(str(basket.soup.select_one(".masthead__name")["href"]))
    search = visitor.send(home.form("/search"), arrive="2031-06-09", depart="2031-06-12")
    offer = visitor.open(str(search.soup.select_one(".result a[href*=arrive]")["href"]))
    more = visitor.send(offer.form("/stay"))

    assert [home.header("Set-Cookie"), search.header("Set-Cookie")] == [None, None]
    assert "Basket (1)" in offer.text
    assert len(more.soup.select("li.line")) == 2


@pytest.mark.clause("C11")
@pytest.mark.parametrize("base", ["http://localhost", "https://localhost"])
def test_the_basket_cookie_is_exactly_as_declared(settings, place, clock, base):
    app = create_app(replace(settings, site_url=base), clock=clock)
    visitor = Visitor(app, base=base)

    visitor.choose_stay()

    [sent] = [value for page in visitor.seen for value in cookies_of(page)]
    [(name, morsel)] = SimpleCookie(sent).items()
    https = base.startswith("https")
    assert name == ("__Host-basket" if https else "basket")
    assert {key: value for key, value in morsel.items() if value and key != "expires"} == {
        "path": "/",
        "max-age": "172800",
        "httponly": True,
        "samesite": "Lax",
        **({"secure": True} if https else {}),
    }


@pytest.mark.clause("C11")
def test_with_a_cookie_jar_the_basket_is_found_again_from_any_page(place):
    visitor = Visitor(place, cookies=True)
    basket = visitor.choose_stay()

    found = visitor.follow(visitor.open("/basket"))
    elsewhere = visitor.open("/contact")

    assert address_of(found) == address_of(basket)
    assert "Basket (1)" in elsewhere.text


def test_a_basket_key_that_is_none_is_not_carried_along(visitor):
    page = visitor.open("/contact?basket=4111%201111%201111%201111")

    assert "4111" not in page.text
