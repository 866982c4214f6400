"""Error pages, and what is logged of an error: its type and place, never its message.

A message may quote what somebody typed; a stack of files and lines can't.
"""

import logging
import traceback

from flask import Flask, Response, g, make_response, render_template, request, url_for
from werkzeug.exceptions import HTTPException, InternalServerError

from app.core.cards import holds_card_number
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.languages import N_, gettext
from app.core.limits import TooManyRequests
from app.core.unavailable import BUSY, why_unavailable

log = logging.getLogger(__name__)

_TEXTS = {
    400: (
        N_("That request wasn’t complete"),
        N_(
            "Something in it was missing or out of date. "
            "Please go back, reload the page and try again."
        ),
    ),
    403: (
        N_("That form came from another site"),
        N_(
            "To protect you, we only take forms that our own pages sent. "
            "Please open the page here and try again."
        ),
    ),
    404: (
        N_("There is nothing at this address"),
        N_("The link may be old, or a letter of it got lost. Nothing of yours is lost."),
    ),
    405: (
        N_("This address can’t be opened like that"),
        N_("It belongs to a button. Please go back and press it there."),
    ),
    409: (
        N_("That isn’t possible any more"),
        N_("Something has changed since you opened the page. Please go back and look again."),
    ),
    413: (
        N_("That was too much text"),
        N_("Please shorten what you typed and send it again."),
    ),
    422: (
        N_("Please look at what you typed again"),
        N_("Some of it couldn’t be understood."),
    ),
    429: (
        N_("A little too often"),
        N_("Please wait a few minutes and try again. Nothing was changed."),
    ),
    500: (
        N_("Something went wrong on our side"),
        N_(
            "It isn’t your fault. If you were booking, your basket is still there. "
            "Please try again in a moment, or write to us."
        ),
    ),
    503: (
        N_("Not just now: please try again in a minute"),
        N_(
            "At this moment we can’t open our books, so we did nothing by halves. "
            "If you have just paid, that payment isn’t lost."
        ),
    ),
}
_COME_AGAIN = {BUSY: "10"}  # seconds; a minute else
# What is never sent back in a page, by the names of its fields: `secret_fields` has them.
_SECRET = ("password", "code")
_MOST_KEPT = 20_000  # characters of what was typed


def error_page(
    code: int,
    text: str | None = None,
    title: str | None = None,
    again: list[tuple[str, str]] | None = None,
) -> Response:
    """Return the page for an error, in the visitor's language; `title` and `text` are in it.

    `again`: the names and values of a form that can be sent once more, to this very address.
    Where `g.ways_on` says so, other links than a guest's lead on.
    """
    known = code if code in _TEXTS else (400 if code < 500 else 500)
    heading, standard = _TEXTS[known]
    g.private = True
    try:
        links = g.get("ways_on") or [
            (url_for("booking.home"), gettext("To the first page")),
            (url_for("booking.search"), gettext("Search for free dates")),
        ]
        html = render_template(
            "errors/page.html",
            code=code,
            title=title or gettext(heading),
            text=text or gettext(standard),
            links=links,
            again=again,
            again_at=request.full_path.removesuffix("?"),
        )
    except Exception as error:  # noqa: BLE001 (an error page must not fail: plain words then)
        log_error(error)
        html = f"<!doctype html><title>{code}</title><h1>{gettext(heading)}</h1>"
    return make_response(html, code)


def problem(error: DomainError, code: int = 409) -> Response:
    """Return the page that says why something was refused."""
    db.session.rollback()
    return error_page(code, error.say())


def log_error(error: BaseException) -> None:
    """Log an error's type and where it happened; one line of what is only unavailable."""
    kind, rule = type(error).__name__, request.url_rule.rule if request.url_rule else "-"
    if why := why_unavailable(error):
        # No trace: it is no bug, and on a full disk it would be the next to find no room.
        log.error("unavailable: %s type=%s route=%s", why, kind, rule)
        return
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("error: type=%s route=%s\n%s", kind, rule, frames)


def _http_error(error: HTTPException) -> Response:
    response = error.get_response()
    if error.code is None or error.code < 400:
        return make_response(response)
    page = error_page(error.code)
    if error.code == 503:
        page.headers["Retry-After"] = "10"
    if allow := response.headers.get("Allow"):
        page.headers["Allow"] = allow
    return page


def _refused(error: DomainError) -> Response:
    if isinstance(error, TooManyRequests):
        page = problem(error, 429)
        page.headers["Retry-After"] = "300"
        return page
    return problem(error)


def _unexpected(error: Exception) -> Response:
    log_error(error)
    try:
        only_read()  # an error page asks for little, and must not wait for writers itself
    except Exception as second:  # noqa: BLE001 (the database itself may be what failed)
        log_error(second)
    if why := why_unavailable(error):
        g.pop("count_basket", None)  # the frame would ask the database once more
        page = error_page(503, again=_sent_again())
        page.headers["Retry-After"] = _COME_AGAIN.get(why, "60")
        return page
    return error_page(InternalServerError.code)


def _sent_again() -> list[tuple[str, str]] | None:
    """Return what a form said, so that nobody has to type it anew; None where it holds a secret.

    Nor is a card number shown again (C03), and what is more than a form has isn't one of ours.
    """
    if request.method != "POST" or request.mimetype != "application/x-www-form-urlencoded":
        return None
    sent = list(request.form.items(multi=True))
    if any(name in _SECRET or holds_card_number(value) for name, value in sent):
        return None
    return sent if sum(len(value) for _, value in sent) <= _MOST_KEPT else None


def init_app(app: Flask) -> None:
    """Answer every error with a page of ours."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(Exception, _unexpected)
