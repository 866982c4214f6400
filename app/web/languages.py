"""In which language and manner a request is answered: its address first, then what is
remembered with the visitor's consent, then the browser's wish.

No cookie is needed: what was chosen by an address stays in the site's own links.
"""

from functools import lru_cache

from flask import Flask, g, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from app.core.languages import BY_CODE, DEFAULT, current_language, current_manner, set_language
from app.web import wishes
from app.web.wishes import NOTHING, Wishes


@lru_cache(maxsize=512)
def negotiate(accept_language: str) -> str:
    """Return the best of our languages for an `Accept-Language` header (RFC 9110 §12.5.4).

    Its region is passed over: browsers are set to "en-US" all over the world.
    """
    # Best first. Its own best_match() would pass "de-AT" over for a worse "en".
    for tag, quality in parse_accept_header(accept_language[:500], LanguageAccept):
        code = tag.replace("_", "-").partition("-")[0].lower()
        if quality > 0 and code in BY_CODE:
            return code
    return DEFAULT


def choose_language(remembered: Wishes = NOTHING) -> None:
    """Set language and manner of this request, and carry on what was chosen by its address.

    Called as a request begins, and again once it is known what may be remembered.
    """
    asked = wishes.asked()
    language = asked.language or remembered.language
    if not language:
        language = negotiate(request.headers.get("Accept-Language", ""))
    own_region = remembered.region if remembered.language == language else ""
    region = asked.region if asked.region in BY_CODE[language].regions else own_region
    currency = asked.currency or remembered.currency
    g.theme = asked.theme or remembered.theme
    set_language(language, region, currency_codes=currency == wishes.CODE)

    for name, said, known in (
        (wishes.LANG, asked.language, remembered.language),
        (wishes.REGION, region, own_region),
        (wishes.CURRENCY, asked.currency, remembered.currency),
        (wishes.THEME, asked.theme, remembered.theme),
    ):
        g.carried.pop(name, None)
        if said and said != known:
            g.carried[name] = said


def present() -> Wishes:
    """Return all that the present request goes by, wherever it comes from."""
    manner = current_manner()
    return Wishes(
        manner.language.code,
        manner.region,
        wishes.CODE if manner.currency_codes else wishes.SYMBOL,
        g.theme,
    )


def likely_country() -> str:
    """Guess a country from the browser's languages, for the first choice in a list only."""
    for tag, _ in request.accept_languages:
        _, _, region = tag.replace("_", "-").rpartition("-")
        if len(region) == 2 and region.isalpha() and "-" in tag.replace("_", "-"):
            return str(region.upper())
    return {"zh": "CN", "fr": "FR"}.get(current_language(), "DE")


def page_key() -> tuple[object, ...]:
    """Return what a page depends on here: pages are shared only between the same."""
    return (current_manner(), g.theme, tuple(g.carried.items()))


def init_app(app: Flask) -> None:
    """Let `url_for` hand on what the visitor chose, and templates know their light."""

    @app.url_defaults
    def _carry(endpoint: str, values: dict[str, object]) -> None:
        carried = g.get("carried")
        if carried:
            for name, value in carried.items():
                values.setdefault(name, value)

    @app.context_processor
    def _theme() -> dict[str, str]:
        return {"theme": g.get("theme", "")}
