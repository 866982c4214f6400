"""The prompt at the top of a page when a document changes, its button, and the record of both.

Somebody signed in is looked up once in a while and session, a guest when they open a page of
their own. Nobody else costs a statement, and public pages are the same for everybody.
"""

from datetime import timedelta

from flask import Flask, Response, g, has_request_context, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.sessions import current_session
from app.core.clock import utcnow
from app.core.database import db, writing
from app.core.languages import current_language
from app.policy import shown
from app.policy.routes import bp, day_word
from app.policy.shown import Found, Prompt
from app.web.errors import log_error
from app.web.forms import EmptyForm
from app.web.paths import local_path

LOOK_EVERY = timedelta(minutes=10)
"""So long a session isn't looked up again: nobody needs to hear of a month's notice sooner."""
_NOT_IN = frozenset({"owner"})
"""Whoever works here sees it on the owner's page of versions."""


def ask(person_id: str | None) -> None:
    """Say whose own page is being shown to a guest, who has no session."""
    g.shown_to = person_id


def prompts() -> tuple[Prompt, ...]:
    """Return what the page at hand prompts of; templates call it."""
    if not has_request_context() or request.method != "GET" or request.blueprint in _NOT_IN:
        return ()
    if "shown_now" not in g:
        try:
            g.shown_now = _look()
        except SQLAlchemyError as error:
            # A page about an error must not fail once more.
            log_error(error)
            g.shown_now = None
    found: Found | None = g.shown_now
    return found.prompts if found else ()


def _look() -> Found | None:
    now, language = utcnow(), current_language()
    present = current_session()
    if present is not None:
        if present.news_at is not None and now < present.news_at + LOOK_EVERY:
            return None
        return shown.of_account(present.account_id, language, now=now)
    person_id: str | None = g.get("shown_to")
    return shown.of_person(person_id, language, now=now) if person_id else None


def _record(response: Response) -> Response:
    """Write down what a page has prompted of, in a unit of work of its own."""
    found: Found | None = g.get("shown_now")
    if found is None:
        return response
    present = current_session()
    if present is None and not (found.prompts or found.noticed):
        return response
    now = utcnow()
    try:
        with writing():
            shown.record(found, now=now)
            if present is not None:
                shown.note_news(present.row_id, now=now)
            db.session.commit()
    except SQLAlchemyError as error:
        # The page is made; that it was shown is told once more, next time.
        log_error(error)
    return response


@bp.post("/policy/noted")
def note() -> ResponseReturnValue:
    """Record that somebody noticed a new version: nothing more, and never a yes."""
    g.private = True
    back = local_path(request.form.get("next")) or url_for(".show_privacy")
    if EmptyForm().validate_on_submit():
        shown.press(request.form.get("key", ""), now=utcnow())
        db.session.commit()
    return redirect(back, 303)


def init_app(app: Flask) -> None:
    """Give templates `version_prompts()`, and record what they showed."""
    app.jinja_env.globals["version_prompts"] = prompts
    app.jinja_env.globals["noted_form"] = lambda: EmptyForm(formdata=None)
    app.jinja_env.globals["document_day"] = day_word
    app.after_request(_record)
