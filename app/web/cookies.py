"""Cookies: what one is, and the only way to set one.

A feature makes its cookies here and the register (`app.consent.register`) lists
them all; the gate around the application drops whatever it doesn't list.
"""

from dataclasses import dataclass
from enum import StrEnum

from flask import request
from werkzeug.wrappers import Response

from app.config import Settings
from app.web.pages import settings


class Category(StrEnum):
    """What a stored item is for, which decides who is asked before it is set."""

    NECESSARY = "necessary"
    PREFERENCES = "preferences"
    STATISTICS = "statistics"
    SUGGESTIONS = "suggestions"


OPTIONAL = (Category.PREFERENCES, Category.STATISTICS, Category.SUGGESTIONS)
"""The categories that nothing is done for without a yes, in the order of every page."""


def cookie_name(settings: Settings, name: str) -> str:
    """Return the name under which a cookie is sent.

    `__Host-` (RFC 6265bis §4.1.3.2) makes a browser refuse the cookie unless it is
    Secure, without a domain and for the path "/", so a neighbouring host can't plant it.
    """
    return f"__Host-{name}" if settings.https else name


@dataclass(frozen=True, slots=True)
class Cookie:
    """One declared cookie.

    `seconds` is its longest life, None for as long as the browser runs. A
    necessary one names in `needed_for` what breaks without it: a test drops it
    and looks.
    """

    name: str
    category: Category
    purpose: str  # a text for people, marked by N_
    seconds: int | None
    clause: str
    needed_for: str = ""  # likewise

    def value(self) -> str:
        """Return what the browser sent, or ""."""
        return request.cookies.get(cookie_name(settings(), self.name), "")

    def keep(self, response: Response, value: str, *, seconds: int | None = None) -> None:
        """Set this cookie on a response, for its whole life or for `seconds`, if that is less."""
        longest = self.seconds
        if longest is not None and seconds is not None:
            longest = max(0, min(longest, seconds))
        response.set_cookie(
            cookie_name(settings(), self.name),
            value,
            max_age=longest,
            secure=settings().https,
            httponly=True,
            samesite="Lax",
            path="/",
        )

    def forget(self, response: Response) -> None:
        """Take this cookie back, in the words that a `__Host-` name asks for."""
        response.delete_cookie(
            cookie_name(settings(), self.name),
            secure=settings().https,
            httponly=True,
            samesite="Lax",
            path="/",
        )
