"""What a person says of themselves, what their account is found by, and who looked at them."""

from datetime import datetime
from itertools import groupby
from typing import Any

from babel.dates import format_date, format_time
from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from app.accounts import mail_links, readings
from app.accounts.blueprint import bp, useless_link
from app.accounts.claims import persons_of
from app.accounts.mail_links import LinkUseless
from app.accounts.models import MailLink
from app.accounts.names import NameTaken, NotAUsername
from app.accounts.profile import (
    SameAddress,
    address_asked_for,
    ask_for_address,
    ask_to_claim,
    change_address,
    claim_by,
    count_name,
    refuse_same,
    save_profile,
)
from app.accounts.profile_forms import AddressChangeForm, ProfileForm, known_of
from app.accounts.registering import MAILS_TO, REGISTERING, count_mail
from app.accounts.routes.arriving import later
from app.accounts.sessions import account_required, current_account, proof_required
from app.accounts.words import reading_words
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.datamap import Kind
from app.core.errors import DomainError
from app.core.languages import current_locale
from app.core.limits import TooManyRequests, spend
from app.core.vault import vault
from app.web.forms import EmptyForm
from app.web.languages import likely_country
from app.web.network import network
from app.web.pages import private_page

# What a form that leads to a page may have done, for the page to say.
_SAVED, _SENT = "saved", "sent"


@bp.route("/profile", methods=["GET", "POST"])
@account_required
def profile() -> ResponseReturnValue:
    """Ask who somebody is, and keep what they say."""
    who = current_account() or abort(404)
    form = ProfileForm(country=likely_country(), data=known_of(who))
    if form.validate_on_submit():
        now = utcnow()
        try:
            count_name(who, form.username.data, now=now)
            save_profile(who, form.values(), now=now)
            db.session.commit()
        except (NameTaken, NotAUsername) as error:
            _refuse(form.username, error)
        except IntegrityError:
            _refuse(form.username, NameTaken())
        except TooManyRequests as error:
            only_read()
            form.form_errors.append(error.say())
            return later(_profile_page(form), error)
        else:
            return redirect(url_for(".profile", done=_SAVED), 303)
    redrawn = request.method == "POST" and not form.errors
    return _profile_page(form), 422 if request.method == "POST" and not redrawn else 200


def _profile_page(form: ProfileForm) -> str:
    who = current_account() or abort(404)
    return render_template(
        "account/profile.html",
        form=form,
        email=who.person.email,
        saved=request.method == "GET" and request.args.get("done") == _SAVED,
    )


def _refuse(field: Any, error: DomainError) -> None:
    """Let go of what would have been written, and say why beside the field."""
    db.session.rollback()
    field.errors = [error.say()]


# -- The address ------------------------------------------------------------------------------


@bp.route("/email", methods=["GET", "POST"])
@proof_required
def change_email() -> ResponseReturnValue:
    """Ask for a new address, and send a link there; the page says the same whoever has it."""
    form = AddressChangeForm()
    if form.validate_on_submit():
        try:
            _ask_for_address(form.email.data, now=utcnow())
        except SameAddress as error:
            _refuse(form.email, error)
        except TooManyRequests as error:
            only_read()
            form.form_errors.append(error.say())
            return later(_email_page(form), error)
        else:
            return redirect(url_for(".change_email", done=_SENT), 303)
    return _email_page(form), 422 if request.method == "POST" else 200


def _ask_for_address(email: str, *, now: datetime) -> None:
    """Have the link mailed, unless the address was written to too often. Commits."""
    who = current_account() or abort(404)
    refuse_same(who, email)
    spend(REGISTERING, network(now), now=now)
    db.session.commit()
    if count_mail(_digest(email), now=now):
        ask_for_address(who, email, now=now)
    db.session.commit()


def _digest(email: str) -> str:
    return vault().digest(Kind.ACCOUNT_EMAIL, email).hex()[:32]


def _email_page(form: AddressChangeForm) -> str:
    who = current_account() or abort(404)
    asked_for = address_asked_for(who, now=utcnow())
    return render_template(
        "account/email.html",
        form=form,
        email=who.person.email,
        asked_for=asked_for.to if asked_for else "",
        sent=request.method == "GET" and request.args.get("done") == _SENT,
    )


@bp.get("/email/<token>")
@account_required
def change_email_by_link(token: str) -> ResponseReturnValue:
    """Show the button. Opening the page consumes nothing: mail scanners open pages too."""
    try:
        link = _own_link(token, now=utcnow())
    except LinkUseless:
        return useless_link()
    return render_template(
        "account/email-link.html",
        form=EmptyForm(),
        token=token,
        former=link.account.person.email,
        fresh=link.to,
    )


@bp.post("/email/<token>")
@account_required
def use_email_link(token: str) -> ResponseReturnValue:
    """Take the address to which the link was mailed."""
    now = utcnow()
    try:
        change_address(_own_link(token, now=now), now=now)
        db.session.commit()
    except (LinkUseless, IntegrityError):
        db.session.rollback()
        return useless_link()
    return redirect(url_for(".profile", done=_SAVED), 303)


def _own_link(token: str, *, now: datetime) -> MailLink:
    """Return the link that the account at hand asked for. Raises LinkUseless.

    Whoever has the mailbox doesn't do: a mistyped address is a stranger's, and whoever
    has the address of an account can get into it.
    """
    who = current_account() or abort(404)
    link = mail_links.find(mail_links.EMAIL, token, now=now)
    if link.account_id != who.id:
        raise LinkUseless
    return link


# -- Earlier bookings -------------------------------------------------------------------------


@bp.post("/claim")
@account_required
def ask_claim() -> ResponseReturnValue:
    """Mail the link that adds the bookings made under the account's address."""
    who, now = current_account() or abort(404), utcnow()
    if not EmptyForm().validate_on_submit():
        abort(400)
    if who.person.email:
        # To their own mailbox: it is no secret that it had enough.
        spend(MAILS_TO, _digest(who.person.email), now=now)
        ask_to_claim(who, now=now)
        db.session.commit()
    return redirect(url_for("booking.account", done="claim"), 303)


@bp.get("/claim/<token>")
@private_page
def claim_by_link(token: str) -> ResponseReturnValue:
    """Show the button. Opening the page consumes nothing: mail scanners open pages too."""
    try:
        mail_links.find(mail_links.CLAIM, token, now=utcnow())
    except LinkUseless:
        return useless_link()
    return render_template("account/claim.html", form=EmptyForm(), token=token)


@bp.post("/claim/<token>")
@private_page
def use_claim_link(token: str) -> ResponseReturnValue:
    """Add the bookings. The link shows whose the address is, in whichever browser."""
    now = utcnow()
    try:
        claim_by(mail_links.find(mail_links.CLAIM, token, now=now), now=now)
        db.session.commit()
    except (LinkUseless, IntegrityError):
        db.session.rollback()
        return useless_link()
    return redirect(url_for("booking.account", done="claimed"), 303)


# -- Who looked -------------------------------------------------------------------------------


@bp.get("/readings", endpoint="readings")
@account_required
def show_readings() -> ResponseReturnValue:
    """Show who of the house opened somebody's details, the newest day first."""
    who = current_account() or abort(404)
    shown = readings.of_persons(persons_of(who))
    return render_template(
        "account/readings.html",
        days=[
            (format_date(day, "long", locale=current_locale()), list(together))
            for day, together in groupby(shown, lambda one: one.day)
        ],
        clock=lambda at: format_time(at, "short", locale=current_locale()),
        sentence=reading_words,
        months=readings.KEPT_MONTHS,
    )
