"""Signing in by password and second factor or by the command's link, and signing out."""

from datetime import datetime

from flask import (
    Response,
    make_response,
    redirect,
    render_template,
    url_for,
)
from flask.typing import ResponseReturnValue

from app.accounts import tickets
from app.accounts.blueprint import bp, useless_link
from app.accounts.codes import WrongCode
from app.accounts.entering import NotIn, check_code, check_password
from app.accounts.forms import CodeForm, SignInForm
from app.accounts.mail_links import LinkUseless, tell
from app.accounts.models import Ticket
from app.accounts.routes.arriving import WAITS, come_in, landing, later, step_in, wished
from app.accounts.sessions import SESSION, current_account, end_present_session
from app.accounts.signin import ENTERING, link_is_live, use_link
from app.accounts.tickets import TicketUseless
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.limits import spend
from app.web.forms import EmptyForm
from app.web.guard import came_from_here
from app.web.network import network
from app.web.pages import private_page


@bp.route("/sign-in", methods=["GET", "POST"])
@private_page
def sign_in() -> ResponseReturnValue:
    """Ask for a name and a password; whoever is in already is sent on."""
    account, to, now = current_account(), wished(), utcnow()
    if account is not None:
        return redirect(to or landing(account), 303)
    form = SignInForm()
    if form.validate_on_submit():
        try:
            found = check_password(form.name.data, form.password.data, now=now)
            return step_in(found, now=now, to=to)
        except NotIn as error:
            form.form_errors.append(error.say())
        except WAITS as error:
            only_read()
            form.form_errors.append(error.say())
            return later(_door(form, to, wait=True), error)
    only_read()
    return _door(form, to), 422 if form.is_submitted() else 200


def _door(form: SignInForm, to: str | None, *, wait: bool = False) -> str:
    return render_template("account/sign-in.html", form=form, to=to, wait=wait)


# -- The second step --------------------------------------------------------------------------


@bp.route("/sign-in/<ticket>", methods=["GET", "POST"])
@private_page
def second_step(ticket: str) -> ResponseReturnValue:
    """Ask whoever showed the first factor for a code; there is no session until it is right."""
    form, now = CodeForm(), utcnow()
    try:
        begun = _begun(ticket, now=now)
        if form.validate_on_submit():
            tickets.spend_try(begun)
            recovery = check_code(begun.account, form.code.data, now=now)  # type: ignore[arg-type]
            return _finish(begun, recovery=recovery, now=now)
    except WrongCode as error:
        form.code.errors = [error.say()]
    except TicketUseless:
        db.session.rollback()
        return _run_out()
    except WAITS as error:
        only_read()
        form.form_errors.append(error.say())
        return later(_step_page(ticket, form), error)
    only_read()
    try:
        _begun(ticket, now=now)  # the last try may just have been spent
    except TicketUseless:
        return _run_out()
    return _step_page(ticket, form), 422 if form.is_submitted() else 200


def _begun(token: str, *, now: datetime) -> Ticket:
    """Return the ticket of a second step, while the account may still be come in to.

    Raises TicketUseless.
    """
    begun = tickets.find(tickets.SECOND_STEP, token, now=now)
    if begun.account is None or begun.account.suspended_at is not None:
        raise TicketUseless
    return begun


def _finish(begun: Ticket, *, recovery: bool, now: datetime) -> ResponseReturnValue:
    account = begun.account
    if account is None:
        raise TicketUseless
    tickets.close(begun)
    if recovery:
        tell(account, "recovery_code_used", now=now)
    return come_in(account, strong=True, now=now, to=wished())


def _step_page(ticket: str, form: CodeForm) -> str:
    return render_template("account/second-step.html", form=form, ticket=ticket, to=wished())


def _run_out() -> ResponseReturnValue:
    return render_template("account/run-out.html", to=wished()), 410


# -- The command's link -----------------------------------------------------------------------


@bp.get("/enter/<token>")
@private_page
def enter_by_command(token: str) -> ResponseReturnValue:
    """Show the button. Opening the page consumes nothing: mail scanners open pages too."""
    if not link_is_live(token, now=utcnow()):
        return useless_link()
    action = url_for("accounts.use", token=token)
    return render_template("account/enter.html", form=EmptyForm(), action=action, owners=True)


@bp.post("/enter/<token>")
@private_page
def use(token: str) -> ResponseReturnValue:
    """Consume the link, end the session this browser had, and begin a new one."""
    now = utcnow()
    spend(ENTERING, network(now), now=now)
    db.session.commit()
    try:
        account = use_link(token, now=now)
    except LinkUseless:
        db.session.rollback()
        return useless_link()
    return come_in(account, strong=True, now=now, to=url_for("owner.today"))


# -- Signing out ------------------------------------------------------------------------------


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
    itself, or on the redirect to it, Chromium ignores it. What scripts could have stored
    goes too; cookies are left alone, as an answer about cookies is one. A page from elsewhere
    that loads it clears nothing: it would end the messages that somebody asked for.
    """
    response = Response("/* Signed out. */\n", content_type="text/css; charset=utf-8")
    if came_from_here():
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    response.headers["Cache-Control"] = "no-store"
    return response
