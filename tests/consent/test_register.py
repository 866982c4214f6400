"""No cookie leaves that isn't in the register, whoever set it (D7)."""

import ast
import re
from dataclasses import replace

import pytest
from flask import Response

from app import create_app
from app.accounts.sessions import SESSION
from app.consent.gate import ConsentGate, CookieUndeclared
from app.consent.register import (
    BASKET,
    CHOICE,
    OF_CATEGORY,
    ON_REQUEST,
    REGISTER,
    cookies_of,
)
from app.core.languages import LANGUAGES, use_language
from app.core.languages import gettext as _
from app.web.cookies import OPTIONAL, Category
from tests.architecture.source import ROOT, sources
from tests.house.visitor import Visitor

CLOSED = "HttpOnly; Path=/; SameSite=Lax"
B = f"basket=b; Max-Age=60; {CLOSED}"
S = f"session=s; {CLOSED}"


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
    application = sets(B, f"visits=7; {CLOSED}", S)

    with pytest.raises(CookieUndeclared, match="visits"):
        headers_through(application, settings)
    passed = headers_through(application, replace(settings, testing=False))

    assert passed == [
        ("Set-Cookie", B),
        ("Set-Cookie", S),
        ("X-Kept", "yes"),
    ]


@pytest.mark.clause("C11")
@pytest.mark.parametrize(
    "trick", ["BASKET=b", " visits=7", "visits", "=7", "basket2=b", "__Host-basket=b", "Basket=b"]
)
@pytest.mark.parametrize("header", ["Set-Cookie", "set-cookie", "SET-COOKIE"])
def test_no_spelling_gets_a_cookie_past_the_gate(settings, trick, header):
    def application(_environ, start_response):
        start_response("200 OK", [(header, f"{trick}; Max-Age=60; {CLOSED}")])
        return [b""]

    assert headers_through(application, replace(settings, testing=False)) == []


def test_over_https_only_the_host_bound_names_pass(settings):
    site = replace(settings, testing=False, site_url="https://example.org")

    bound = [f"__Host-{one}; Secure" for one in (B, S)]
    passed = headers_through(sets(f"{B}; Secure", *bound), site)

    assert [value for _, value in passed[:-1]] == bound


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
    assert {BASKET, CHOICE, SESSION} == set(cookies_of(Category.NECESSARY))
    assert len({cookie.name for cookie in REGISTER}) == len(REGISTER)
    for cookie in REGISTER:
        assert cookie.seconds is None or 0 < cookie.seconds <= 395 * 86_400  # 13 months: CNIL
        for language in LANGUAGES:
            with use_language(language):
                said = _(cookie.purpose)
            assert said


@pytest.mark.clause("C09")
def test_each_optional_category_has_one_cookie_for_its_one_purpose():
    for category in OPTIONAL:
        assert cookies_of(category) == (OF_CATEGORY[category],)
        assert OF_CATEGORY[category].needed_for == ""


def test_a_cookie_is_set_so_that_no_script_and_no_other_site_reaches_it(place):
    with place.test_request_context():
        given = Response()
        BASKET.keep(given, "key")

    [said] = given.headers.getlist("Set-Cookie")
    assert "basket=key" in said
    for word in ("HttpOnly", "Path=/", "SameSite=Lax"):
        assert word in said


@pytest.mark.clause("C11")
def test_nothing_but_the_cookies_own_module_sets_one():
    wrong = []

    for source in sources("app"):
        if source.name == "app/web/cookies.py":
            continue
        for node in ast.walk(source.tree):
            names = [getattr(node, "attr", ""), getattr(node, "id", "")]
            text = node.value if isinstance(node, ast.Constant) else ""
            if {"set_cookie", "delete_cookie", "dump_cookie"} & set(names):
                wrong.append(f"{source.at(node)}: sets a cookie past the register")
            sends = isinstance(text, str) and text.lower() == "set-cookie"
            if sends and source.name != "app/consent/gate.py":
                wrong.append(f"{source.at(node)}: writes the header itself")

    assert wrong == []


KEEPING = re.compile(
    r"document\s*(?:\.\s*cookie|\[)|cookieStore|localStorage|sessionStorage|indexedDB|\bcaches\b"
    r"|openDatabase|navigator\s*\.\s*(?:storage|serviceWorker|credentials)|window\s*\.\s*name\b"
    r"|pushManager"
)
AT_A_BUTTON = {
    "push.js": ("static/pages/notices.js", {"navigator.serviceWorker", "pushManager"}),
    "passkey": ("static/pages/passkeys.js", {"navigator.credentials"}),
}
"""What is stored because somebody pressed a button for it, and the one script that asks for it."""


@pytest.mark.clause("C11")
def test_no_script_of_ours_stores_anything_that_no_button_was_pressed_for():
    scripts = sorted((ROOT / "static").rglob("*.js"))
    found = {
        str(path.relative_to(ROOT)): set(uses)
        for path in scripts
        if (uses := KEEPING.findall(path.read_text()))
    }

    assert len(scripts) >= 2
    assert found == dict(AT_A_BUTTON.values())
    assert {one.name for one in ON_REQUEST} == set(AT_A_BUTTON)
    assert KEEPING.search("localStorage.x = 1")
    assert KEEPING.search('document["cookie"]')


@pytest.mark.clause("C11")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["/cookies", "/privacy/storage"])
def test_what_a_button_stores_is_told_with_all_else(visitor, language, path):
    page = visitor.open(f"{path}?lang={language}")

    with use_language(language):
        for stored in ON_REQUEST:
            said = [stored.purpose, stored.kept]
            said += [stored.name, stored.title, stored.reader] if path == "/cookies" else []
            told = [" ".join(_(text).split()) for text in said]
            assert [text for text in told if text not in page.words] == []


@pytest.mark.clause("C11")
def test_no_page_names_a_script_that_stores_but_the_one_with_its_button(place):
    templates = (ROOT / "templates").rglob("*.html")

    named = {
        (str(path.relative_to(ROOT / "templates")), name)
        for path in templates
        for name in ("notices.js", "passkeys.js")
        if f'asset("{name}")' in path.read_text()
    }

    assert named == {
        ("policy/push.html", "notices.js"),
        ("account/_passkey_button.html", "passkeys.js"),
    }
