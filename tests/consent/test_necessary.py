"""What is called necessary is: without the cookie, the function that it names breaks (C11)."""

import pytest

from app.accounts.sessions import SESSION
from app.consent.register import BASKET, CHOICE, REGISTER, cookies_of
from app.core.languages import LANGUAGES, use_language
from app.core.languages import gettext as _
from app.web.cookies import Category
from tests.accounts.ways import is_in, sign_in
from tests.consent.answers import answer
from tests.house.visitor import Visitor, address_of

pytestmark = [pytest.mark.clause("C11"), pytest.mark.clause("C09")]

NECESSARY = cookies_of(Category.NECESSARY)


def not_asked_again(place, clock):
    """Keeping your answer from page to page."""
    client = place.test_client()
    answer(client, "refuse")
    return client, lambda: 'class="asking"' not in client.get("/contact").text


def basket_found_again(place, clock):
    """Finding your basket again from the menu."""
    visitor = Visitor(place, cookies=True)
    basket = visitor.choose_stay()

    def found():
        menu = visitor.follow(visitor.open("/basket"))
        return address_of(menu) == address_of(basket)

    return visitor.client, found


def still_signed_in(place, clock):
    """Staying signed in from page to page."""
    client = sign_in(place, clock, place.test_client())
    return client, lambda: is_in(client)


FUNCTIONS = {
    CHOICE.name: not_asked_again,
    BASKET.name: basket_found_again,
    SESSION.name: still_signed_in,
}
"""A necessary cookie that isn't here, or whose function goes on without it, isn't necessary."""


def test_every_necessary_cookie_has_its_test_and_no_other():
    assert set(FUNCTIONS) == {cookie.name for cookie in NECESSARY}


@pytest.mark.parametrize("cookie", NECESSARY, ids=lambda cookie: cookie.name)
def test_without_it_the_function_that_it_names_breaks(place, clock, cookie):
    client, works = FUNCTIONS[cookie.name](place, clock)
    assert client.get_cookie(cookie.name, domain="localhost")
    before = works()

    client.delete_cookie(cookie.name, domain="localhost")

    assert (before, works()) == (True, False)


@pytest.mark.parametrize("cookie", NECESSARY, ids=lambda cookie: cookie.name)
def test_the_function_is_the_one_that_visitors_are_told(cookie):
    told = (FUNCTIONS[cookie.name].__doc__ or "").rstrip(".").lower()

    assert cookie.needed_for == told


@pytest.mark.parametrize("cookie", NECESSARY, ids=lambda cookie: cookie.name)
def test_no_other_cookie_is_needed_for_it(place, clock, cookie):
    client, works = FUNCTIONS[cookie.name](place, clock)

    for other in REGISTER:
        if other != cookie:
            client.delete_cookie(other.name, domain="localhost")

    assert works()


@pytest.mark.parametrize("language", LANGUAGES)
def test_visitors_are_told_what_breaks_in_their_language(app, language):
    with use_language(language):
        told = [_(cookie.needed_for) for cookie in NECESSARY]

    assert all(told)
