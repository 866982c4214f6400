"""Passkeys: adding and removing one, and coming in, or showing again who one is, with one.

Two steps each: a script asks for a challenge (JSON), has the device answer it, and sends
the answer as an ordinary form.
"""

from datetime import datetime

from flask import (
    abort,
    current_app,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue

from app.accounts import credentials, passkeys, tickets
from app.accounts.blueprint import bp
from app.accounts.credentials import LastFactor
from app.accounts.entering import device_code, keep
from app.accounts.models import Account
from app.accounts.passkeys import PasskeyNotTaken, PasskeyRefused, TooManyPasskeys
from app.accounts.routes.arriving import come_in, wished
from app.accounts.routes.security import back_to_security, settled, show_security
from app.accounts.security_forms import PasskeyForm
from app.accounts.sessions import (
    account_required,
    current_account,
    proof_required,
    renew_present_session,
)
from app.accounts.tickets import TicketUseless
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.core.limits import spend
from app.web.forms import EmptyForm
from app.web.headers import allow_passkeys
from app.web.network import network
from app.web.pages import private_page
from app.web.paths import local_path

# -- On the page of an account's security -----------------------------------------------------


@bp.post("/security/passkeys/options")
@proof_required
def passkey_options() -> ResponseReturnValue:
    """Ask a device for a new passkey."""
    who = current_account() or abort(404)
    if not passkeys.possible():
        abort(404)
    site = current_app.extensions["site"]().name
    name = who.username or who.person.email or who.person.name or site
    question = passkeys.ask_for_new(who, site=site, name=name, now=utcnow())
    db.session.commit()
    return jsonify(question._asdict())


@bp.post("/security/passkeys")
@proof_required
def add_passkey() -> ResponseReturnValue:
    """Keep the passkey that the device made."""
    who = current_account() or abort(404)
    form = PasskeyForm()
    try:
        _look_at(form, PasskeyNotTaken)
        done = credentials.add_passkey(
            who,
            form.ticket.data,
            form.credential.data,
            device=device_code(),
            now=utcnow(),
        )
    except (PasskeyNotTaken, TooManyPasskeys, TicketUseless) as error:
        only_read()
        return show_security(who, problem=error.say()), 409
    db.session.commit()
    return settled(done, "passkey_added")


@bp.post("/security/passkeys/<int(max=2147483647):passkey_id>/remove")
@proof_required
def remove_passkey(passkey_id: int) -> ResponseReturnValue:
    """Remove a passkey."""
    who = current_account() or abort(404)
    if not EmptyForm().validate_on_submit():
        abort(400)
    try:
        done = credentials.remove_passkey(who, passkey_id, now=utcnow())
    except LastFactor as error:
        only_read()
        return show_security(who, problem=error.say()), 409
    if done is None:
        abort(404)
    db.session.commit()
    return settled(done, "passkey_removed")


# -- At the door ------------------------------------------------------------------------------


@bp.app_template_global()
def passkey_form() -> PasskeyForm | None:
    """Return the form behind a passkey button for the page at hand, and let it use passkeys.

    None where there is nothing to press: the site's address isn't one for passkeys, or
    the person who is known by now has none.
    """
    step = str((request.view_args or {}).get("ticket", ""))
    try:
        who = _person_at(step, now=utcnow())
    except TicketUseless:
        return None
    if not passkeys.possible() or (who is not None and not passkeys.has_any(who)):
        return None
    allow_passkeys()
    return PasskeyForm(formdata=None, data={"step": step, "next": wished() or ""})


@bp.post("/sign-in/passkey/options")
@private_page
def passkey_in_options() -> ResponseReturnValue:
    """Ask a device for a proof: of whom the page is about, or of whoever it knows."""
    now = utcnow()
    spend(passkeys.ASKING, network(now), now=now)
    db.session.commit()
    form = PasskeyForm()
    if not form.validate() or not passkeys.possible():
        abort(404)
    question = passkeys.ask(_person_at(form.step.data, now=now), now=now)
    db.session.commit()
    return jsonify(question._asdict())


@bp.post("/sign-in/passkey")
@private_page
def passkey_in() -> ResponseReturnValue:
    """Sign in with a passkey, as both factors, or as the second of somebody with a password."""
    now, form = utcnow(), PasskeyForm()
    try:
        _look_at(form, PasskeyRefused)
        step = form.step.data
        awaited = tickets.find(tickets.SECOND_STEP, step, now=now).account_id if step else None
        who = passkeys.check(form.ticket.data, form.credential.data, account_id=awaited, now=now)
        if step:
            tickets.close(tickets.find(tickets.SECOND_STEP, step, now=now))
    except (PasskeyRefused, TicketUseless) as error:
        return _refused(error, url_for(".sign_in", next=local_path(form.next.data)))
    return come_in(who, strong=True, now=now, to=local_path(form.next.data))


@bp.post("/confirm/passkey")
@account_required
def confirm_by_passkey() -> ResponseReturnValue:
    """Take a passkey of the account that is signed in as proof of who is at hand."""
    now, form, who = utcnow(), PasskeyForm(), current_account() or abort(404)
    try:
        _look_at(form, PasskeyRefused)
        passkeys.check(form.ticket.data, form.credential.data, account_id=who.id, now=now)
    except (PasskeyRefused, TicketUseless) as error:
        return _refused(error, url_for(".confirm", next=local_path(form.next.data)))
    token = renew_present_session(now=now, strong=True)
    db.session.commit()
    there = local_path(form.next.data) or back_to_security()
    return keep(make_response(redirect(there, 303)), token)


def _look_at(form: PasskeyForm, refusal: type[DomainError]) -> None:
    """Raise `refusal` for what no script of ours sends."""
    if not form.validate():
        raise refusal


def _person_at(step: str, *, now: datetime) -> Account | None:
    """Return whom a proof is asked of: who shows the second factor, or is signed in, or nobody.

    Raises TicketUseless.
    """
    if step:
        return tickets.find(tickets.SECOND_STEP, step, now=now).account
    return current_account()


def _refused(error: DomainError, back: str) -> ResponseReturnValue:
    only_read()
    g.page_path = url_for(".sign_in")
    return render_template("account/passkey-refused.html", problem=error.say(), back=back), 422
