"""What is noted of a request, the door for clicks, and the pages that show all of it to its owner.

A page is noted once its response has been sent: nobody waits for it, and an
answer never fails because of it.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from babel.dates import format_date, format_datetime, format_time
from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    has_request_context,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy.engine import Engine

from app.accounts.models import Account
from app.accounts.sessions import current_account, login_manager, session_begun
from app.consent import glances, words
from app.consent.activity import (
    end_everywhere,
    host_of,
    lines_of,
    note_click,
    note_page,
    own_lines,
)
from app.consent.agents import classify, is_robot
from app.consent.deciding import claim
from app.consent.frame import (
    choose,
    circumstances,
    consent,
    held_tokens,
    permission,
)
from app.consent.models import ActivityLine
from app.consent.register import ACTIVITY_MONTHS, CLICKS
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import current_locale
from app.web.cookies import Category
from app.web.forms import EmptyForm
from app.web.pages import own_address, private_page

log = logging.getLogger(__name__)

bp = Blueprint("consent_log", __name__)

TOKENLESS = frozenset({"consent_log.click"})
"""Endpoints to which our own script posts. The token of a session would have to stand in every
page for it; where a request comes from is checked like everywhere."""

# Machines' doors, the owner's own pages, and a page that is a payment service's in truth.
_NOT_NOTED = frozenset({"assets", "demo_bank", "health", "machines", "owner"})
_MOST_PAGES = 10_000


# -- Noting -----------------------------------------------------------------------------------


@bp.after_app_request
def note_response(response: Response) -> Response:
    """Have a page noted that somebody opened who agreed to statistics."""
    allowed = permission(Category.STATISTICS) if _is_opened_page(response) else None
    if allowed is None or request.url_rule is None:
        return response
    rule, agent, now = request.url_rule.rule, classify(_user_agent()), utcnow()
    host = host_of(request.headers.get("Referer", ""), request.host)
    _afterwards(
        response,
        lambda engine: note_page(engine, allowed, rule, agent, referring_host=host, now=now),
    )
    return response


def _is_opened_page(response: Response) -> bool:
    """Whether this is a page that a person opened, and not a file, a form's answer or a fetch."""
    return (
        request.method == "GET"
        and response.status_code in (200, 304)
        and response.mimetype == "text/html"
        and request.blueprint not in _NOT_NOTED
        # What a browser fetches ahead, or a script for itself, nobody has opened.
        and request.headers.get("Sec-Fetch-Dest", "document") == "document"
        and not request.headers.get("Sec-Purpose", "").startswith("prefetch")
        and not is_robot(_user_agent())
    )


def _user_agent() -> str:
    return request.headers.get("User-Agent", "")


def _afterwards(response: Response, write: Callable[[Engine], object]) -> None:
    """Do `write` once the response has been sent, on a connection of its own."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]

    def written() -> None:
        try:
            with app.app_context():
                engine = db.engine
            write(engine)
        except Exception as error:  # noqa: BLE001 (the page is out; nobody can be told)
            log.error(  # noqa: TRY400 (a trace quotes its message, which may quote a person)
                "a line of the activity log was lost: type=%s", type(error).__name__
            )

    response.call_on_close(written)


@bp.post("/cookies/clicks")
@private_page
def click() -> ResponseReturnValue:
    """Take a click on something that a template marks; refuse what the register doesn't have."""
    name = request.form.get("click", "")
    if name not in CLICKS:
        abort(422)
    response = Response(status=204)
    allowed = permission(Category.STATISTICS)
    if allowed is not None and not is_robot(_user_agent()):
        agent, now = classify(_user_agent()), utcnow()
        _afterwards(response, lambda engine: note_click(engine, allowed, name, agent, now=now))
    return response


@session_begun.connect
def _claim(account: Account, **_: Any) -> None:
    """Say whose the browser's grants are, now that somebody has signed in with it."""
    if has_request_context():
        claim(held_tokens().values(), account.person_id)


# -- Reading ----------------------------------------------------------------------------------


@bp.get("/cookies/log")
@private_page
def log_page() -> ResponseReturnValue:
    """Show a visitor what was noted in this browser, line by line, newest first."""
    page = _page_number()
    allowed = permission(Category.STATISTICS)
    lines, more = own_lines(allowed, page, now=utcnow()) if allowed else ((), False)
    return _show(lines, page, more, of_account=False)


@bp.get("/account/activity")
@private_page
def of_account() -> ResponseReturnValue:
    """Show somebody signed in what was noted in all their browsers."""
    account = current_account()
    if account is None:
        unauthorized: ResponseReturnValue = login_manager.unauthorized()
        return unauthorized
    page = _page_number()
    allowed = permission(Category.STATISTICS)
    lines, more = lines_of(account.person_id, allowed, page, now=utcnow())
    return _show(lines, page, more, of_account=True)


@bp.post("/account/activity")
@private_page
def stop() -> ResponseReturnValue:
    """Delete all of it, and note nothing more in any browser of this person's."""
    account = current_account()
    if account is None:
        unauthorized: ResponseReturnValue = login_manager.unauthorized()
        return unauthorized
    end_everywhere(account.person_id)
    if permission(Category.STATISTICS) is not None:
        choose({Category.STATISTICS: False}, circumstances("page"), now=utcnow())
    db.session.commit()
    return redirect(url_for(".of_account"), 303)


def _page_number() -> int:
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= _MOST_PAGES):
        abort(404)
    return int(text)


def _show(lines: Any, page: int, more: bool, *, of_account: bool) -> str:
    return render_template(
        "consent/log.html",
        days=[(day, list(together)) for day, together in groupby(lines, _day)],
        page=page,
        more=more,
        of_account=of_account,
        allowed=consent().allows(Category.STATISTICS),
        form=EmptyForm(),
        here=own_address(),
        clock=_clock,
        words=words,
        glances=_own_glances(),
        moment=_moment,
        name_of=current_app.extensions.get("offer_name", str),
        months=ACTIVITY_MONTHS,
    )


def _own_glances() -> Sequence[glances.Line]:
    """Return the offers that are noted for suggestions in this browser."""
    allowed = permission(Category.SUGGESTIONS)
    return glances.lines(allowed, now=utcnow()) if allowed else ()


def _moment(at: datetime) -> str:
    return format_datetime(at, "short", locale=current_locale())


def _day(line: ActivityLine) -> str:
    return format_date(line.at, "full", locale=current_locale())


def _clock(line: ActivityLine) -> str:
    return format_time(line.at, "short", locale=current_locale())
