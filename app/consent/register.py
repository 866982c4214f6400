"""The register of cookies: what isn't here is never set (D7, C11)."""

from dataclasses import dataclass

from werkzeug.wrappers import Response

from app.accounts.sessions import SESSION_COOKIE
from app.core.languages import N_
from app.web.cookies import cookie_name
from app.web.pages import settings


@dataclass(frozen=True, slots=True)
class Cookie:
    """One declared cookie.

    `days` is its life, None for the browser's session. Every cookie here is
    necessary: it does what the visitor asked for and nothing else.
    """

    name: str
    purpose: str  # a text for people, marked by N_
    days: int | None
    clause: str

    def keep(self, response: Response, value: str) -> None:
        """Set this cookie on a response."""
        response.set_cookie(
            cookie_name(settings(), self.name),
            value,
            max_age=None if self.days is None else self.days * 86400,
            secure=settings().https,
            httponly=True,
            samesite="Lax",
            path="/",
        )


BASKET = Cookie(
    "basket",
    N_("Remembers the address of your basket, so that you find it again from any page"),
    days=2,
    clause="C11",
)
SESSION = Cookie(
    SESSION_COOKIE,
    N_("Keeps you signed in until you sign out"),
    days=None,
    clause="C04",
)
REGISTER = (BASKET, SESSION)
