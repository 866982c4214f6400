"""The gate around the application: no cookie leaves that isn't registered and permitted now.

What does leave is exactly as the register has it: out of reach of every script
and every other site, and no longer than its life. The gate stands around the
WSGI application and not in a hook of Flask's, because Flask writes its session's
cookie after all hooks have run. What is permitted, it finds in the request's
environment, where the visitor's own answer was put; where there is none, nothing
optional is.
"""

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from app.config import Settings
from app.consent.frame import GATE
from app.consent.register import REGISTER
from app.web.cookies import Category, Cookie, cookie_name

log = logging.getLogger(__name__)

_SECONDS = re.compile(r"[0-9]{1,9}")
_BLANK = " \t"

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class CookieUndeclared(AssertionError):
    """A cookie was set that the register doesn't know. Raised under test only."""


class CookieNotPermitted(AssertionError):
    """An optional cookie was set without a yes. Raised under test only."""


class CookieUnlike(AssertionError):
    """A cookie was set otherwise than the register has it. Raised under test only."""


class Sent(NamedTuple):
    """A Set-Cookie header, taken apart as a browser does (RFC 6265 §5.2)."""

    name: str
    value: str
    attributes: tuple[tuple[str, str], ...]

    @property
    def age(self) -> int | None:
        """Its Max-Age in seconds; None where it has none that a browser would read."""
        text = dict(self.attributes).get("max-age", "")
        return int(text) if _SECONDS.fullmatch(text) else None

    @property
    def is_taken_back(self) -> bool:
        """Whether it only makes a browser forget."""
        return not self.value and self.age == 0


class ConsentGate:
    """Drops every `Set-Cookie` that isn't declared or permitted; under test it fails instead."""

    def __init__(self, application: WSGI, settings: Settings) -> None:
        self._application = application
        self._testing = settings.testing
        self._https = settings.https
        self._declared = {cookie_name(settings, cookie.name): cookie for cookie in REGISTER}

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Pass a request on, and its response's headers through the register."""

        def gated(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            granted = environ.get(GATE, frozenset())
            passed = [h for h in headers if self._passes(h, granted)]
            return start_response(status, passed, exc_info)

        return self._application(environ, gated)

    def _passes(self, header: tuple[str, str], granted: frozenset[Category]) -> bool:
        if header[0].lower() != "set-cookie":
            return True
        sent = _parsed(header[1])
        refused = self._refused(sent, granted)
        if refused is None:
            return True
        if self._testing:
            raise refused(sent.name)
        log.error("a cookie was dropped: %s %s", refused.__name__, sent.name)
        return False

    def _refused(self, sent: Sent, granted: frozenset[Category]) -> type[AssertionError] | None:
        cookie = self._declared.get(sent.name)
        if cookie is None:
            return CookieUndeclared
        if not self._is_closed(sent) or not _keeps_to_its_life(cookie, sent):
            return CookieUnlike
        allowed = cookie.category == Category.NECESSARY or cookie.category in granted
        return None if allowed or sent.is_taken_back else CookieNotPermitted

    def _is_closed(self, sent: Sent) -> bool:
        """Whether no script reaches it, no other site sends it, and no other host gets it."""
        others = {n: v for n, v in sent.attributes if n not in ("max-age", "expires")}
        wished = {"httponly": "", "samesite": "Lax", "path": "/"}
        if self._https:
            wished["secure"] = ""
        once = len({name for name, _ in sent.attributes}) == len(sent.attributes)
        return once and others == wished


def _parsed(header: str) -> Sent:
    pair, *rest = header.split(";")
    name, equals, value = pair.partition("=")
    pairs = (one.partition("=") for one in rest)
    attributes = tuple((n.strip(_BLANK).lower(), v.strip(_BLANK)) for n, _, v in pairs)
    # Without an equals sign all of it is the value of a cookie without a name.
    return Sent(name.strip(_BLANK) if equals else "", value.strip(_BLANK), attributes)


def _keeps_to_its_life(cookie: Cookie, sent: Sent) -> bool:
    if sent.is_taken_back:
        return True
    if cookie.seconds is None:
        return not {"max-age", "expires"} & {name for name, _ in sent.attributes}
    return sent.age is not None and sent.age <= cookie.seconds
