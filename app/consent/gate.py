"""The gate around the application: no cookie leaves that isn't in the register.

It stands around the WSGI application and not in a hook of Flask's, because
Flask writes its session's cookie after all hooks have run.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from app.config import Settings
from app.consent.register import REGISTER
from app.web.cookies import cookie_name

log = logging.getLogger(__name__)

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class CookieUndeclared(AssertionError):
    """A cookie was set that the register doesn't know. Raised under test only."""


class ConsentGate:
    """Drops every `Set-Cookie` that isn't declared; under test it fails instead."""

    def __init__(self, application: WSGI, settings: Settings) -> None:
        self._application = application
        self._testing = settings.testing
        self._declared = {cookie_name(settings, cookie.name) for cookie in REGISTER}

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Pass a request on, and its response's headers through the register."""

        def gated(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [h for h in headers if self._passes(h)], exc_info)

        return self._application(environ, gated)

    def _passes(self, header: tuple[str, str]) -> bool:
        if header[0].lower() != "set-cookie":
            return True
        name = header[1].partition("=")[0].strip()
        if name in self._declared:
            return True
        if self._testing:
            raise CookieUndeclared(name)
        log.error("a cookie that is not in the register was dropped: %s", name)
        return False
