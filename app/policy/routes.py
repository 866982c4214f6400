"""The terms, the privacy policy, their versions, and the list of recipients."""

from datetime import datetime

from babel.dates import format_date
from flask import Blueprint, abort, current_app, render_template, url_for
from flask.typing import ResponseReturnValue

from app.core.languages import current_language, current_locale
from app.policy.documents import current, numbers, version
from app.policy.models import PRIVACY, TERMS, DocumentVersion
from app.policy.recipients import listed
from app.policy.sources import rendered

bp = Blueprint("policy", __name__)

_PAGES = {
    TERMS: ("policy.show_terms", "policy.show_terms_version"),
    PRIVACY: ("policy.show_privacy", "policy.show_privacy_version"),
}


@bp.get("/terms")
def show_terms() -> ResponseReturnValue:
    """Show the terms in force."""
    return _document(current(TERMS, current_language()))


@bp.get("/terms/versions/<int(max=9999):number>")
def show_terms_version(number: int) -> ResponseReturnValue:
    """Show one version of the terms, in force or not."""
    return _document(version(TERMS, number, current_language()))


@bp.get("/privacy")
def show_privacy() -> ResponseReturnValue:
    """Show the privacy policy in force."""
    return _document(current(PRIVACY, current_language()))


@bp.get("/privacy/versions/<int(max=9999):number>")
def show_privacy_version(number: int) -> ResponseReturnValue:
    """Show one version of the privacy policy, in force or not."""
    return _document(version(PRIVACY, number, current_language()))


@bp.get("/privacy/recipients")
def show_recipients() -> ResponseReturnValue:
    """List who is sent what, and why."""
    recipients = listed(current_app.extensions["egress"])
    return render_template("policy/recipients.html", recipients=recipients)


def _document(shown: DocumentVersion | None) -> ResponseReturnValue:
    if shown is None:
        abort(404)
    page, page_of_version = _PAGES[shown.document]
    known = numbers(shown.document)
    return render_template(
        "policy/document.html",
        text=rendered(shown.text),
        day=_day,
        shown=shown,
        in_force=shown.number == known[0][0],
        in_force_url=url_for(page),
        versions=[
            (url_for(page_of_version, number=number), number, since) for number, since in known
        ],
    )


def _day(instant: datetime) -> str:
    """Return the day of an instant, in UTC: a version counts for everybody from then on."""
    return format_date(instant.date(), "long", locale=current_locale())
