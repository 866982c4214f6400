"""An account's security: password, codes, recovery codes, and who is signed in with what."""

from datetime import datetime
from typing import Any

from babel.dates import format_date, format_timedelta
from flask import (
    Blueprint,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from app.accounts import codes, credentials, devices, passkeys, passwords
from app.accounts.blueprint import bp
from app.accounts.codes import WrongCode
from app.accounts.credentials import Changed, LastFactor
from app.accounts.entering import keep
from app.accounts.models import Account
from app.accounts.passwords import TooBusy, TooCommon, TooShort
from app.accounts.security_forms import FirstCodeForm, NewPasswordForm, PasskeyForm
from app.accounts.sessions import (
    SESSION,
    account_required,
    current_account,
    current_session,
    end_all,
    proof_required,
)
from app.accounts.tickets import TicketUseless
from app.accounts.words import device_words
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.languages import N_, current_locale, gettext
from app.web.forms import EmptyForm
from app.web.headers import allow_passkeys

# What was done, as the page says it when it is opened again.
DONE = {
    "password_changed": N_("Your password is changed, and all other devices are signed out."),
    "codes_on": N_("From now on, signing in takes a code of your app as well."),
    "codes_off": N_("Your app’s codes are no longer asked for. All other devices are signed out."),
    "passkey_added": N_("The passkey is added. You can sign in with it."),
    "passkey_removed": N_("The passkey is removed. All other devices are signed out."),
    "device_ended": N_("That device is signed out."),
    "others_ended": N_("All other devices are signed out."),
}

well_known = Blueprint("accounts_well_known", __name__)


@well_known.get("/.well-known/change-password")
def lead_to_password() -> ResponseReturnValue:
    """Lead password managers to the page (W3C, A Well-Known URL for Changing Passwords)."""
    return redirect(url_for("accounts.change_password"), 303)


@bp.get("/security")
@account_required
def security() -> ResponseReturnValue:
    """Show what an account is signed in with, and where."""
    return show_security(current_account() or abort(404))


def show_security(who: Account, *, problem: str = "") -> str:
    """Return the page; `problem` says why something that was asked for is not done."""
    now, present = utcnow(), current_session()
    g.page_path = url_for("accounts.security")
    if passkeys.possible():
        allow_passkeys()
    return render_template(
        "account/security.html",
        account=who,
        strong=present is not None and present.strong,
        passkeys=passkeys.of_account(who),
        possible=passkeys.possible(),
        most_passkeys=passkeys.MOST,
        second=codes.has_second_factor(who),
        codes_left=codes.codes_left(who),
        devices=devices.devices_of(who, present=present.row_id if present else None, now=now),
        problem=problem,
        done=gettext(DONE[done]) if (done := request.args.get("done", "")) in DONE else "",
        form=EmptyForm(formdata=None),
        passkey=PasskeyForm(formdata=None),
        device_words=device_words,
        day=_day,
        ago=lambda at: _span(at, now),
        span=lambda at: _span(at, now, direction=False),
    )


def back_to_security(done: str | None = None) -> str:
    """Return the address of the page, where it says what was done."""
    return url_for("accounts.security", done=done)


def settled(done: Changed, what: str) -> ResponseReturnValue:
    """Return the answer to a change that is committed: its codes, this once, or the page."""
    if done.recovery_codes:
        only_read()
        g.page_path = url_for("accounts.security")
        response = make_response(
            render_template("account/recovery-codes.html", codes=done.recovery_codes, what=what)
        )
    else:
        response = make_response(redirect(back_to_security(what), 303))
    return keep(response, done.token)


# -- Password ---------------------------------------------------------------------------------


@bp.route("/security/password", methods=["GET", "POST"])
@proof_required
def change_password() -> ResponseReturnValue:
    """Choose a password."""
    who = current_account() or abort(404)
    form, status = NewPasswordForm(), 200
    if form.validate_on_submit():
        site, password = current_app.extensions["site"]().name, form.password.data
        try:
            done = credentials.choose_password(who, password, site=site, now=utcnow())
        except (TooShort, TooCommon) as error:
            form.password.errors.append(error.say())
        except TooBusy as error:
            form.form_errors.append(error.say())
            status = 503
        else:
            db.session.commit()
            return settled(done, "password_changed")
    only_read()
    if form.errors and status == 200:
        status = 422
    second = codes.has_second_factor(who)
    least = passwords.LEAST_BESIDE if second else passwords.LEAST_ALONE
    return render_template(
        "account/password.html", form=form, account=who, least=least, second=second
    ), status


# -- Codes ------------------------------------------------------------------------------------


@bp.route("/security/codes", methods=["GET", "POST"], endpoint="codes")
@proof_required
def set_up_codes() -> ResponseReturnValue:
    """Say what codes are; then show the secret; then take a first code, and ask for them."""
    who, now = current_account() or abort(404), utcnow()
    if request.method != "POST":
        return render_template(
            "account/codes.html", account=who, secret="", form=EmptyForm(), day=_day, problem=""
        )
    if "ticket" in request.form:
        return _first_code(who, now)
    if not EmptyForm().validate_on_submit():
        abort(400)
    ticket = credentials.begin_codes(who, now=now)
    db.session.commit()
    only_read()
    return _show_secret(who, FirstCodeForm(formdata=None, data={"ticket": ticket})), 200


def _first_code(who: Account, now: datetime) -> ResponseReturnValue:
    form = FirstCodeForm()
    try:
        if form.validate():
            done = credentials.start_codes(who, form.ticket.data, form.code.data, now=now)
            db.session.commit()
            return settled(done, "codes_on")
    except WrongCode as error:
        form.code.errors.append(error.say())
    except TicketUseless as error:
        return _begin_again(who, error.say())
    only_read()
    if not credentials.still_open(who, form.ticket.data, now=now):
        return _begin_again(who, TicketUseless().say())
    return _show_secret(who, form), 422


def _begin_again(who: Account, problem: str) -> ResponseReturnValue:
    only_read()
    form = EmptyForm(formdata=None)
    return render_template(
        "account/codes.html", account=who, secret="", form=form, day=_day, problem=problem
    ), 409


def _show_secret(who: Account, form: FirstCodeForm) -> str:
    secret = codes.secret_for(form.ticket.data)
    site = current_app.extensions["site"]().name
    name = who.username or who.person.email or who.person.name or site
    uri = codes.provisioning_uri(secret, account=name, issuer=site)
    form.code.data = ""
    return render_template(
        "account/codes.html",
        account=who,
        form=form,
        secret=" ".join(secret[n : n + 4] for n in range(0, len(secret), 4)),
        uri=uri,
        picture=_picture(uri),
        problem="",
    )


@bp.post("/security/codes/remove")
@proof_required
def remove_codes() -> ResponseReturnValue:
    """Ask for no more codes."""
    who = current_account() or abort(404)
    if not EmptyForm().validate_on_submit():
        abort(400)
    if who.totp is None:
        return redirect(back_to_security(), 303)
    try:
        done = credentials.stop_codes(who, now=utcnow())
    except LastFactor as error:
        only_read()
        return show_security(who, problem=error.say()), 409
    db.session.commit()
    return settled(done, "codes_off")


@bp.post("/security/recovery-codes")
@proof_required
def recovery_codes() -> ResponseReturnValue:
    """Make new recovery codes and show them, once."""
    who = current_account() or abort(404)
    if not EmptyForm().validate_on_submit():
        abort(400)
    done = credentials.renew_recovery_codes(who, now=utcnow())
    if done is None:
        return redirect(back_to_security(), 303)
    db.session.commit()
    return settled(done, "recovery_codes")


# -- Devices ----------------------------------------------------------------------------------


@bp.post("/security/devices/<int(max=2147483647):row_id>/end")
@proof_required
def end_device(row_id: int) -> ResponseReturnValue:
    """Sign one device out; the one at hand goes as by its own button."""
    who, present = current_account() or abort(404), current_session()
    if not EmptyForm().validate_on_submit():
        abort(400)
    if not devices.end_device(who, row_id):
        abort(404)
    db.session.commit()
    if present is not None and present.row_id == row_id:
        response = make_response(redirect(url_for("accounts.signed_out"), 303))
        SESSION.forget(response)
        return response
    return redirect(url_for("accounts.security", done="device_ended", _anchor="devices"), 303)


@bp.post("/security/devices/end-others")
@proof_required
def end_other_devices() -> ResponseReturnValue:
    """Sign all devices out but the one at hand."""
    who, present = current_account() or abort(404), current_session()
    if not EmptyForm().validate_on_submit():
        abort(400)
    end_all(who, except_row=present.row_id if present else None)
    db.session.commit()
    return redirect(url_for("accounts.security", done="others_ended", _anchor="devices"), 303)


# -- Words and pictures -----------------------------------------------------------------------


def _picture(uri: str) -> Markup:
    """Return a text as a QR code: SVG, black on white by night too, or no camera reads it."""
    import segno  # lazily: only who sets up codes needs it

    svg = segno.make(uri, error="m", micro=False).svg_inline(
        scale=4, border=4, dark="#000", light="#fff", svgclass=None, lineclass=None
    )
    return Markup(svg)  # noqa: S704 (numbers and our own two colours)


def _day(at: datetime) -> str:
    return str(format_date(at, "long", locale=current_locale()))


def _span(at: datetime, now: datetime, *, direction: bool = True) -> str:
    """Return how long ago, or in how long, or (without direction) how long it is."""
    span: Any = at - now
    if abs(span.total_seconds()) < 60:
        return gettext("just now") if direction else gettext("a minute")
    return str(
        format_timedelta(
            span, granularity="minute", add_direction=direction, locale=current_locale()
        )
    )
