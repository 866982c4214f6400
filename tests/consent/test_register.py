"""No cookie leaves that isn't in the register, whoever set it (D7)."""

from dataclasses import replace

import pytest
from flask import Response

from app import create_app
from app.accounts.sessions import SESSION_COOKIE
from app.consent.gate import ConsentGate, CookieUndeclared
from app.consent.register import BASKET, REGISTER, SESSION
from app.core.languages import LANGUAGES, use_language
from app.core.languages import gettext as _
from tests.house.visitor import Visitor


def sets(*cookies):
    """Return a WSGI application that sets these cookies."""

    def application(_environ, start_response):
        start_response("200 OK", [("Set-Cookie", c) for c in cookies] + [("X-Kept", "yes")])
        return [b""]

    return application


def headers_through(application, settings):
    caught = []
    gate = ConsentGate(application, settings)
    list(gate({}, lambda status, headers, exc_info=None: caught.extend(headers)))
    return caught


@pytest.mark.clause("C11")
def test_an_undeclared_cookie_fails_a_test_and_is_dropped_on_a_real_site(settings):
    application = sets("basket=b; Path=/", "visits=7; Path=/", "session=s; Path=/")

    with pytest.raises(CookieUndeclared, match="visits"):
        headers_through(application, settings)
    passed = headers_through(application, replace(settings, testing=False))

    assert passed == [
        ("Set-Cookie", "basket=b; Path=/"),
        ("Set-Cookie", "session=s; Path=/"),
        ("X-Kept", "yes"),
    ]


@pytest.mark.clause("C11")
@pytest.mark.parametrize(
    "trick", ["BASKET=b", " visits=7", "visits", "=7", "basket2=b", "__Host-basket=b", "Basket=b"]
)
@pytest.mark.parametrize("header", ["Set-Cookie", "set-cookie", "SET-COOKIE"])
def test_no_spelling_gets_a_cookie_past_the_gate(settings, trick, header):
    def application(_environ, start_response):
        start_response("200 OK", [(header, trick)])
        return [b""]

    assert headers_through(application, replace(settings, testing=False)) == []


def test_over_https_only_the_host_bound_names_pass(settings):
    site = replace(settings, testing=False, site_url="https://example.org")

    passed = headers_through(sets("basket=b", "__Host-basket=b", "__Host-session=s"), site)

    assert [value for _, value in passed[:-1]] == ["__Host-basket=b", "__Host-session=s"]


@pytest.mark.clause("C11")
def test_a_cookie_that_a_view_or_an_extension_sets_is_stopped_at_the_door(settings, place, clock):
    def leaky():
        response = Response("hello")
        response.set_cookie("_ga", "1")
        BASKET.keep(response, "key")
        return response

    strict = create_app(settings, clock=clock)
    real = create_app(replace(settings, testing=False), clock=clock)
    for app in (strict, real):
        app.add_url_rule("/leaky", view_func=leaky)

    with pytest.raises(CookieUndeclared):
        Visitor(strict).open("/leaky")
    page = Visitor(real).open("/leaky")

    assert [value.partition("=")[0] for value in page.all("Set-Cookie")] == ["basket"]


@pytest.mark.clause("C11")
def test_the_register_names_a_life_and_a_purpose_in_every_language(app):
    assert [cookie.name for cookie in REGISTER] == [BASKET.name, SESSION.name]
    assert SESSION.name == SESSION_COOKIE
    for cookie in REGISTER:
        assert cookie.days is None or 0 < cookie.days <= 395  # 13 months at most: CNIL
        for language in LANGUAGES:
            with use_language(language):
                said = _(cookie.purpose)
            assert said


def test_a_cookie_is_set_so_that_no_script_and_no_other_site_reaches_it(place):
    with place.test_request_context():
        given = Response()
        BASKET.keep(given, "key")

    [said] = given.headers.getlist("Set-Cookie")
    assert "basket=key" in said
    for word in ("HttpOnly", "Path=/", "SameSite=Lax"):
        assert word in said
