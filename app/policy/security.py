"""How the site is kept safe, in plain words, and where to report a weakness (C14, RFC 9116)."""

from datetime import UTC, datetime, timedelta

from flask import Response, current_app, render_template, url_for
from flask.typing import ResponseReturnValue

from app.core.clock import utcnow
from app.core.languages import LANGUAGES
from app.policy import facts
from app.policy.routes import bp
from app.web.pages import Site, settings

EXPIRES_AFTER = timedelta(days=180)
"""How far ahead a reader may trust the file: less than a year (RFC 9116 §2.5.5)."""
ANSWERED_WITHIN = timedelta(days=5)
"""Until when the house answers somebody who reports a weakness."""

facts.declare("report_answered", ANSWERED_WITHIN)


@bp.get("/security")
def security() -> ResponseReturnValue:
    """Say how what people tell is kept safe, and how to report a weakness."""
    site: Site = current_app.extensions["site"]()
    chosen = settings()
    return render_template(
        "policy/security.html",
        email=site.email,
        https=chosen.https,
        password_memory=round(chosen.password_memory / 1024),
        answered=facts.say("report_answered"),
    )


@bp.get("/.well-known/security.txt")
def security_txt() -> Response:
    """Answer with the contact for reports, as RFC 9116 wants it.

    Its address is the place's own. It expires on a midnight that moves along, so that two
    readers of a day get the same file.
    """
    site: Site = current_app.extensions["site"]()
    base = settings().site_url
    contact = f"mailto:{site.email}" if site.email else base + url_for("booking.contact")
    lines = (
        ("Contact", contact),
        ("Expires", _expires(utcnow()).strftime("%Y-%m-%dT%H:%M:%SZ")),
        ("Preferred-Languages", ", ".join(LANGUAGES)),
        ("Canonical", base + url_for("policy.security_txt")),
        ("Policy", base + url_for("policy.security")),
    )
    body = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return Response(body, content_type="text/plain; charset=utf-8")


def _expires(now: datetime) -> datetime:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + EXPIRES_AFTER
