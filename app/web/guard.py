"""Forms from elsewhere: refused by origin, and for somebody signed in by token too.

A visitor who isn't signed in has no session, so no token can be tied to one.
Browsers tell where a form came from: `Sec-Fetch-Site`, or `Origin` on every
POST. A request with neither is no browser's, and carries nobody's rights.
"""

from urllib.parse import urlsplit

from flask import Flask, abort, request, session
from flask_wtf.csrf import validate_csrf
from wtforms.validators import ValidationError

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def came_from_here() -> bool:
    """Tell whether a request was sent by a page of ours, or by no browser at all."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    source = request.headers.get("Origin") or request.headers.get("Referer")
    if source is None:
        return True
    parts = urlsplit(source)
    return f"{parts.scheme}://{parts.netloc}" == request.host_url.rstrip("/")


def init_app(
    app: Flask, *, exempt: frozenset[str], tokenless: frozenset[str] = frozenset()
) -> None:
    """Guard every unsafe request except the endpoints in `exempt` (signed notices).

    Those in `tokenless` are guarded by origin alone, whoever is signed in.
    """

    @app.before_request
    def _guard() -> None:
        if request.method in SAFE or request.endpoint in exempt:
            return
        if not came_from_here():
            abort(403)
        if getattr(session, "is_kept", False) and request.endpoint not in tokenless:
            try:
                validate_csrf(request.form.get("csrf_token"))
            except ValidationError:
                abort(400)
