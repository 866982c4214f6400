"""No cookie leaves but as the register has it, with a yes where it needs one (C11)."""

import logging
from dataclasses import replace

import pytest
from flask import Response

from app import create_app
from app.consent.frame import GATE
from app.consent.gate import ConsentGate, CookieNotPermitted, CookieUndeclared, CookieUnlike
from app.consent.register import BASKET, CHOICE, REGISTER, STATISTICS
from app.web.cookies import OPTIONAL, Category, cookie_name
from tests.conftest import _let_go
from tests.consent.answers import answer
from tests.house.visitor import Visitor

pytestmark = pytest.mark.clause("C11")

CLOSED = "HttpOnly; Path=/; SameSite=Lax"
MONTHS_13 = 395 * 86_400


def through(header, settings, granted=()):
    """Return what the gate lets out of one Set-Cookie header."""

    def application(_environ, start_response):
        start_response("200 OK", [("Set-Cookie", header), ("X-Kept", "yes")])
        return [b""]

    caught = []
    gate = ConsentGate(application, settings)
    start = lambda status, headers, exc_info=None: caught.extend(headers)  # noqa: E731
    list(gate({GATE: frozenset(granted)}, start))
    assert caught[-1] == ("X-Kept", "yes")
    return [value for name, value in caught if name == "Set-Cookie"]


def stopped(header, settings, error, granted=()):
    """Say whether a header is dropped on a real site and fails a test."""
    with pytest.raises(error):
        through(header, settings, granted)
    return through(header, replace(settings, testing=False), granted) == []


def of_register(cookie, *, seconds=None, more=""):
    age = cookie.seconds if seconds is None else seconds
    life = "" if age is None else f"; Max-Age={age}"
    return f"{cookie.name}=value{life}; {CLOSED}{more}"


def https(settings):
    return replace(settings, site_url="https://localhost")


@pytest.mark.parametrize("cookie", REGISTER, ids=lambda cookie: cookie.name)
def test_each_cookie_of_the_register_passes_as_it_is_declared(settings, cookie):
    header = of_register(cookie)

    assert through(header, settings, OPTIONAL) == [header]
    if cookie.seconds:
        shorter = of_register(cookie, seconds=5)
        assert through(shorter, settings, OPTIONAL) == [shorter]


@pytest.mark.clause("C09")
@pytest.mark.parametrize("cookie", REGISTER, ids=lambda cookie: cookie.name)
def test_an_optional_one_passes_with_its_own_yes_only(settings, cookie):
    others = [category for category in OPTIONAL if category != cookie.category]
    for granted in ((), others):
        if cookie.category == Category.NECESSARY:
            assert through(of_register(cookie), settings, granted)
        else:
            assert stopped(of_register(cookie), settings, CookieNotPermitted, granted)


def test_what_nothing_was_said_about_is_not_permitted(settings):
    def application(_environ, start_response):
        start_response("200 OK", [("Set-Cookie", of_register(STATISTICS))])
        return [b""]

    with pytest.raises(CookieNotPermitted):
        list(ConsentGate(application, settings)({}, lambda *_: None))


@pytest.mark.parametrize("cookie", REGISTER, ids=lambda cookie: cookie.name)
def test_taking_back_is_always_permitted(settings, cookie):
    header = f"{cookie.name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; {CLOSED}"

    assert through(header, settings) == [header]


@pytest.mark.parametrize(
    "life",
    [
        "", "; Expires=Fri, 31 Dec 2060 00:00:00 GMT", "; Max-Age={more}", "; Max-Age=",
        "; Max-Age=-1", "; Max-Age=soon", "; Max-Age=+5", "; Max-Age=5 5", "; Max-Age=5.0",
        "; Max-Age=5; Max-Age=99999999", "; max-age=5; MAX-AGE=99999999", "; Max-Age=\u0665",
        "; Max-Age=99999999999999999999",
    ],
)  # fmt: skip
def test_a_life_that_is_longer_or_not_clear_is_stopped(settings, life):
    life = life.replace("{more}", str(BASKET.seconds + 1))

    assert stopped(f"basket=b{life}; {CLOSED}", settings, CookieUnlike)


@pytest.mark.parametrize("life", ["Max-Age=5", "Expires=Fri, 31 Dec 2060 00:00:00 GMT", "expires="])
def test_one_that_ends_with_the_browser_gets_no_life(settings, life):
    assert stopped(f"session=s; {life}; {CLOSED}", settings, CookieUnlike)


@pytest.mark.parametrize(
    "attributes",
    [
        "Path=/; SameSite=Lax", "HttpOnly; SameSite=Lax", "HttpOnly; Path=/", "",
        "HttpOnly; Path=/; SameSite=None", "HttpOnly; Path=/; SameSite=Strict",
        "HttpOnly; Path=/owner; SameSite=Lax", "HttpOnly; Path=; SameSite=Lax",
        f"{CLOSED}; Domain=localhost", f"{CLOSED}; Partitioned", f"{CLOSED}; Priority=High",
        f"{CLOSED}; Secure", f"{CLOSED}; Path=/", f"{CLOSED}; SameSite=None", f"{CLOSED};",
        "HttpOnly=no; Path=/; SameSite=Lax",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", ["session=s", "session=; Max-Age=0"])
def test_attributes_are_exactly_those_of_the_register(settings, attributes, value):
    assert stopped(f"{value}; {attributes}", settings, CookieUnlike)


@pytest.mark.parametrize("cookie", REGISTER, ids=lambda cookie: cookie.name)
def test_over_https_it_is_secure_and_bound_to_the_host(settings, cookie):
    site = https(settings)
    header = of_register(cookie)

    assert through(f"__Host-{header}; Secure", site, OPTIONAL)
    assert stopped(f"__Host-{header}", site, CookieUnlike, OPTIONAL)
    assert stopped(f"{header}; Secure", site, CookieUndeclared, OPTIONAL)
    assert stopped(f"__Host-{header}; Secure", settings, CookieUndeclared, OPTIONAL)


@pytest.mark.parametrize("header", ["basket", "basket; Path=/", "", "=basket", ";basket=b", "b=1"])
def test_what_a_browser_would_read_otherwise_is_undeclared(settings, header):
    assert stopped(header, settings, CookieUndeclared)


def test_no_value_gets_into_the_log_or_the_error(settings, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "kanarienvogel-secret"

    with pytest.raises(CookieUndeclared) as undeclared:
        through(f"visits={secret}; {CLOSED}", settings)
    with pytest.raises(CookieUndeclared) as nameless:
        through(secret, settings)
    for header in (f"visits={secret}", f"basket={secret}", f"statistics={secret}", secret):
        assert through(header, replace(settings, testing=False)) == []

    assert len(caplog.records) == 4
    for said in (caplog.text, str(undeclared.value), str(nameless.value)):
        assert secret not in said


def test_nothing_is_kept_for_longer_than_thirteen_months():
    assert all(cookie.seconds is None or cookie.seconds <= MONTHS_13 for cookie in REGISTER)


@pytest.mark.parametrize("base", ["http://localhost", "https://localhost"])
def test_what_the_site_really_sends_is_exactly_as_declared(settings, place, clock, base):
    app = create_app(replace(settings, site_url=base), clock=clock)
    client = app.test_client()
    for choice in ("accept", "refuse"):
        page = client.post("/cookies", base_url=base, data={"choice": choice})
        sent = page.headers.getlist("Set-Cookie")
        names = {one.partition("=")[0] for one in sent}
        with app.app_context():
            known = {cookie_name(app.extensions["settings"], cookie.name) for cookie in REGISTER}
        assert page.status_code == 303
        assert len(sent) >= 3
        assert names <= known
        assert all(one.count("Secure") == base.startswith("https") for one in sent)
    _let_go(app)


@pytest.mark.clause("C09")
def test_a_view_that_sets_an_optional_cookie_without_a_yes_is_stopped(settings, place, clock):
    def eager():
        response = Response("hello")
        STATISTICS.keep(response, "t")
        BASKET.keep(response, "b")
        return response

    strict = create_app(settings, clock=clock)
    real = create_app(replace(settings, testing=False), clock=clock)
    for app in (strict, real):
        app.add_url_rule("/eager", view_func=eager)

    with pytest.raises(CookieNotPermitted):
        Visitor(strict).open("/eager")
    for headers in ({}, {"Sec-GPC": "1"}):
        sent = Visitor(real, headers=headers).open("/eager").all("Set-Cookie")
        assert [one.partition("=")[0] for one in sent] == ["basket"]
    yes = strict.test_client()
    answer(yes, "accept")
    names = [o.partition("=")[0] for o in yes.get("/eager").headers.getlist("Set-Cookie")]
    assert names == ["statistics", "basket"]
    signal = yes.get("/cookies/receipt", headers={"Sec-GPC": "1"}).headers.getlist("Set-Cookie")
    assert {one.partition(";")[0] for one in signal if "choice" not in one} == {
        "statistics=",
        "suggestions=",
    }
    assert CHOICE.seconds
    _let_go(strict)
    _let_go(real)
