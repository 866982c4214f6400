"""Which language a request is answered in: its address first, then the browser's wish.

No cookie is needed: a language chosen by a link stays in the site's own links.
"""

from functools import lru_cache

from flask import Flask, g, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from app.core.languages import BY_CODE, DEFAULT, set_language


@lru_cache(maxsize=512)
def negotiate(accept_language: str) -> str:
    """Return the best of our languages for an `Accept-Language` header (RFC 9110 §12.5.4)."""
    # Best first. Its own best_match() would pass "de-AT" over for a worse "en".
    for tag, quality in parse_accept_header(accept_language[:500], LanguageAccept):
        code = tag.replace("_", "-").partition("-")[0].lower()
        if quality > 0 and code in BY_CODE:
            return code
    return DEFAULT


def choose_language() -> None:
    """Set the language of this request, and carry one that was chosen by a link."""
    asked = request.args.get("lang", "")
    wished = negotiate(request.headers.get("Accept-Language", ""))
    if asked in BY_CODE:
        g.carried["lang"] = asked
    set_language(asked if asked in BY_CODE else wished)


def init_app(app: Flask) -> None:
    """Let `url_for` hand on what the visitor chose."""

    @app.url_defaults
    def _carry(endpoint: str, values: dict[str, object]) -> None:
        carried = g.get("carried")
        if carried:
            for name, value in carried.items():
                values.setdefault(name, value)
