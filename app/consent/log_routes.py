"""What is noted of a request, the door for clicks, and the pages that show all of it to its owner.

How a line is written once the response has been sent is told in `afterwards`.
"""

from collections.abc import Sequence
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
from app.consent.afterwards import afterwards, is_opened_by_a_person, user_agent
from app.consent.deciding import claim
from app.consent.frame import (
    choose,
    circumstances,
    held_tokens,
    living,
    permission,
)
from app.consent.models import ActivityLine
from app.consent.register import ACTIVITY_MONTHS, CLICKS
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import current_locale
from app.web.agents import classify, is_robot
from app.web.cookies import Category
from app.web.forms import EmptyForm
from app.web.pages import own_address, private_page

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
    noted = request.blueprint not in _NOT_NOTED and is_opened_by_a_person(response)
    allowed = permission(Category.STATISTICS) if noted else None
    if allowed is None or request.url_rule is None:
        return response
    rule, agent, now = request.url_rule.rule, classify(user_agent()), utcnow()
    host = host_of(request.headers.get("Referer", ""), request.host)
    afterwards(
        response,
        lambda engine: note_page(engine, allowed, rule, agent, referring_host=host, now=now),
    )
    return response


@bp.post("/cookies/clicks")
@private_page
def click() -> ResponseReturnValue:
    """Take a click on something that a template marks; refuse what the register doesn't have."""
    name = request.form.get("click", "")
    if name not in CLICKS:
        abort(422)
    response = Response(status=204)
    allowed = permission(Category.STATISTICS)
    if allowed is not None and not is_robot(user_agent()):
        agent, now = classify(user_agent()), utcnow()
        afterwards(response, lambda engine: note_click(engine, allowed, name, agent, now=now))
    return response


@session_begun.connect
def _claim(account: Account, **_: Any) -> None:
    """Say whose the browser's grants are, now that somebody has signed in with it."""
    if has_request_context():
        claim(held_tokens().values(), account.person_id, now=utcnow())


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
    end_everywhere(account.person_id, now=utcnow())
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
        allowed=Category.STATISTICS in living(now=utcnow()),
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
