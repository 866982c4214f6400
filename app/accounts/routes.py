"""Signing in by a link, and signing out."""

import re

from flask import (
    Blueprint,
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from app.accounts.sessions import (
    SESSION,
    begin_session,
    current_account,
    end_present_session,
)
from app.accounts.signin import ENTERING, LinkUseless, link_is_live, use_link
from app.core.clock import utcnow
from app.core.database import db
from app.core.limits import network_pseudonym, spend
from app.web.forms import EmptyForm
from app.web.pages import private_page

bp = Blueprint("accounts", __name__, url_prefix="/account")

# A path of our own: one slash, then nothing that a browser could read as another host
# ("//", "/\"), and no sign that can't be seen.
_LOCAL = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)


def local_path(wished: str | None) -> str | None:
    """Return `wished` if it is the path of a page on this site, else None."""
    if wished and len(wished) <= 500 and _LOCAL.fullmatch(wished):
        return wished
    return None


@bp.get("/sign-in")
@private_page
def sign_in() -> ResponseReturnValue:
    """Say how to get in; whoever is in already is sent on."""
    if current_account() is not None:
        return redirect(local_path(request.args.get("next")) or url_for("owner.today"), 303)
    return render_template("account/sign-in.html")


@bp.get("/enter/<token>")
@private_page
def enter(token: str) -> ResponseReturnValue:
    """Show the button. Opening the page consumes nothing: mail scanners open pages too."""
    if not link_is_live(token, now=utcnow()):
        return _useless()
    return render_template("account/enter.html", form=EmptyForm(), token=token)


@bp.post("/enter/<token>")
@private_page
def use(token: str) -> ResponseReturnValue:
    """Consume the link, end the session this browser had, and begin a new one."""
    now = utcnow()
    secret: bytes = current_app.extensions["network_secret"]
    spend(ENTERING, network_pseudonym(secret, request.remote_addr or "", now=now), now=now)
    db.session.commit()
    try:
        account = use_link(token, now=now)
    except LinkUseless:
        db.session.rollback()
        return _useless()
    end_present_session()
    begun = begin_session(account, now=now)
    db.session.commit()
    response = make_response(redirect(url_for("owner.today"), 303))
    SESSION.keep(response, begun)
    return response


@bp.post("/sign-out")
@private_page
def sign_out() -> ResponseReturnValue:
    """End the session; without one, there is nothing to end and the answer is the same."""
    if end_present_session():
        db.session.commit()
    response = make_response(redirect(url_for(".signed_out"), 303))
    SESSION.forget(response)
    return response


@bp.get("/signed-out")
@private_page
def signed_out() -> ResponseReturnValue:
    """Say that it is done. The page's stylesheet clears what the browser has stored."""
    return render_template("account/signed-out.html")


@bp.get("/signed-out.css")
def signed_out_style() -> Response:
    """Answer with next to nothing, and have the browser drop its copies of our pages.

    Pages marked no-store come back from the back-forward cache all the same. The header
    empties it when it comes with a file that the signed-out page loads; on that page
    itself, or on the redirect to it, Chromium ignores it.
    """
    response = Response("/* Signed out. */\n", content_type="text/css; charset=utf-8")
    response.headers["Clear-Site-Data"] = '"cache"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _useless() -> ResponseReturnValue:
    return render_template("account/useless-link.html"), 410
