"""Signing in by a link, and signing out."""

from flask import (
    Response,
    current_app,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from app.accounts.blueprint import bp
from app.accounts.entering import enter, keep
from app.accounts.mail_links import LinkUseless
from app.accounts.sessions import SESSION, current_account, end_present_session
from app.accounts.signin import ENTERING, link_is_live, use_link
from app.core.clock import utcnow
from app.core.database import db
from app.core.limits import network_pseudonym, spend
from app.web.forms import EmptyForm
from app.web.pages import private_page
from app.web.paths import local_path


@bp.get("/sign-in")
@private_page
def sign_in() -> ResponseReturnValue:
    """Say how to get in; whoever is in already is sent on."""
    if current_account() is not None:
        return redirect(local_path(request.args.get("next")) or url_for("owner.today"), 303)
    return render_template("account/sign-in.html")


@bp.get("/enter/<token>")
@private_page
def enter_by_command(token: str) -> ResponseReturnValue:
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
    token = enter(account, strong=True, now=now)
    db.session.commit()
    return keep(make_response(redirect(url_for("owner.today"), 303)), token)


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
