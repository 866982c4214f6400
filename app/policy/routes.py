"""The terms, the privacy policy, their versions, and the list of recipients."""

from datetime import UTC, datetime

from babel.dates import format_date, format_datetime
from flask import Blueprint, abort, current_app, render_template, url_for
from flask.typing import ResponseReturnValue

from app.core.clock import utcnow
from app.core.languages import current_language, current_locale
from app.policy.checks import Beside, beside
from app.policy.documents import IN_FORCE, current, standings, version
from app.policy.models import PRIVACY, TERMS, DocumentVersion
from app.policy.recipients import country_word, listed
from app.policy.sources import SHORT, Rendered, rendered

bp = Blueprint("policy", __name__)

_PAGES = {
    TERMS: ("policy.show_terms", "policy.show_terms_version"),
    PRIVACY: ("policy.show_privacy", "policy.show_privacy_version"),
}


@bp.get("/terms")
def show_terms() -> ResponseReturnValue:
    """Show the terms in force."""
    return _document(current(TERMS, current_language(), now=utcnow()))


@bp.get("/terms/versions/<int(max=9999):number>")
def show_terms_version(number: int) -> ResponseReturnValue:
    """Show one version of the terms, in force or not."""
    return _document(version(TERMS, number, current_language()))


@bp.get("/privacy")
def show_privacy() -> ResponseReturnValue:
    """Show the privacy policy in force, each clause with its controls and live facts."""
    return _document(current(PRIVACY, current_language(), now=utcnow()), live=True)


@bp.get("/privacy/versions/<int(max=9999):number>")
def show_privacy_version(number: int) -> ResponseReturnValue:
    """Show one version of the privacy policy, in force or not."""
    return _document(version(PRIVACY, number, current_language()))


@bp.get("/privacy/recipients")
def show_recipients() -> ResponseReturnValue:
    """List who is sent what, and why."""
    recipients = listed(current_app.extensions["egress"])
    return render_template(
        "policy/recipients.html",
        recipients=recipients,
        moment=_moment(),
        country_word=country_word,
    )


def _document(shown: DocumentVersion | None, *, live: bool = False) -> ResponseReturnValue:
    """Show a version; `live` adds what is true at this moment, outside the digested text."""
    if shown is None:
        abort(404)
    text = rendered(shown.text)
    page, page_of_version = _PAGES[shown.document]
    known = standings(shown.document, now=utcnow())
    state = next(one.state for one in known if one.number == shown.number)
    return render_template(
        "policy/document.html",
        text=text,
        clauses=[head for head in text.headings if head.clause],
        short=SHORT,
        beside=_beside(text) if live else {},
        moment=_moment(),
        day=day_word,
        shown=shown,
        in_force=state == IN_FORCE,
        state=state,
        in_force_url=url_for(page),
        changes_url=url_for("policy.show_changes", document=shown.document, number=shown.number),
        versions=[
            (url_for(page_of_version, number=one.number), one.number, one.effective_at, one.state)
            for one in known
        ],
    )


def _beside(text: Rendered) -> dict[str, Beside]:
    """Return what stands beside each clause that a text is marked with."""
    now = utcnow()
    return {head.clause: beside(head.clause, now=now) for head in text.headings if head.clause}


def _moment() -> str:
    """Return what the clock shows, in UTC, as live facts say when they were read."""
    return format_datetime(utcnow().astimezone(UTC), "long", locale=current_locale())


def day_word(instant: datetime) -> str:
    """Return the day of an instant, in UTC: a version counts for everybody from then on."""
    return format_date(instant.date(), "long", locale=current_locale())
