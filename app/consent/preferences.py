"""How a visitor likes pages, remembered with their consent: one short word in one cookie.

"de-AT.code.dark" is one of some eighty values there are, and says nothing about
who chose it. Without the consent it is neither kept nor read.
"""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from flask import Flask, Response, g, request

from app.consent.frame import consent
from app.consent.register import PREFERENCES
from app.core.clock import utcnow
from app.core.languages import BY_CODE
from app.web import languages, wishes
from app.web.cookies import Category
from app.web.wishes import CODE, DARK, LIGHT, NOTHING, SYMBOL, Wishes

_AS_THE_DEVICE_SAYS = "auto"


def to_value(wished: Wishes) -> str:
    """Return the cookie's value; what wasn't said is what pages are without it."""
    region = wished.region or BY_CODE[wished.language].regions[0]
    theme = wished.theme or _AS_THE_DEVICE_SAYS
    return f"{wished.language}-{region}.{wished.currency or SYMBOL}.{theme}"


_KNOWN = {
    to_value(wished): wished
    for language in BY_CODE.values()
    for region in language.regions
    for currency in (SYMBOL, CODE)
    for theme in ("", LIGHT, DARK)
    for wished in (Wishes(language.code, region, currency, theme),)
}


def from_value(value: str) -> Wishes:
    """Return what a cookie's value wishes for; nothing where it isn't one of ours."""
    return _KNOWN.get(value, NOTHING)


def remembered() -> Wishes:
    """Return what the present visitor let us remember."""
    if not consent().allows(Category.PREFERENCES):
        return NOTHING
    return from_value(PREFERENCES.value())


def remember(wished: Wishes) -> None:
    """Let the present response carry the cookie. Only where it is allowed: else nothing is done."""
    g.to_remember = wished


def _apply() -> None:
    """Go by what is remembered, and remember a language that was chosen by a link of ours."""
    known = remembered()
    asked = wishes.asked()
    chosen = asked.language and asked.language != known.language and _by_link(asked.language)
    if chosen and consent().allows(Category.PREFERENCES):
        region = asked.region if asked.region in BY_CODE[asked.language].regions else ""
        known = replace(known, language=asked.language, region=region)
        remember(known)
    if known != NOTHING:
        languages.choose_language(known)


def _by_link(language: str) -> bool:
    """Whether a language was chosen on the page before: it was not in that page's own address.

    A link from elsewhere changes nothing that is remembered, and neither does
    going on from where it led.
    """
    if request.method != "GET" or request.headers.get("Sec-Fetch-Site") != "same-origin":
        return False
    before = parse_qs(urlsplit(request.headers.get("Referer", "")).query)
    return before.get(wishes.LANG) != [language]


def _keep(response: Response) -> Response:
    """Set the cookie where something is to be remembered, for as long as the consent counts."""
    said = g.get("consent")
    if said is None or said.choice is None or not said.allows(Category.PREFERENCES):
        return response
    wished: Wishes | None = g.get("to_remember")
    if wished is None and g.get("decided") is not None:
        # Just allowed, or allowed anew: what the visitor has chosen so far stays chosen.
        so_far = wishes.asked() != NOTHING or remembered() != NOTHING
        wished = languages.present() if so_far else None
    if wished is not None:
        seconds = int((said.choice.until - utcnow()).total_seconds())
        PREFERENCES.keep(response, to_value(wished), seconds=seconds)
    return response


def init_app(app: Flask) -> None:
    """Go by what is remembered, once the request's consent has been read."""
    app.before_request(_apply)
    app.after_request(_keep)
