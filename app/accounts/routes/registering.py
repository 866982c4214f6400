"""Opening an account, by oneself or by invitation."""

from functools import partial
from typing import Any

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from app.accounts import mail_links, passwords
from app.accounts.blueprint import bp, useless_link
from app.accounts.entering import NotTheirPassword, check_again
from app.accounts.forms import InvitedForm, OpenForm, RegisterForm
from app.accounts.inviting import accept, find_invitation
from app.accounts.mail_links import LinkUseless
from app.accounts.names import NameTaken, NotAUsername, tidy_username
from app.accounts.passwords import TooBusy, TooCommon, TooShort
from app.accounts.registering import REGISTERING, ask_for_account, count_mail, open_account
from app.accounts.routes.arriving import WAITS, come_in, landing, later
from app.accounts.sessions import current_account
from app.accounts.words import role_word
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.datamap import Kind
from app.core.languages import current_language, gettext
from app.core.limits import spend
from app.core.vault import vault
from app.web.documents import document_links
from app.web.network import network
from app.web.pages import private_page, site_here


@bp.route("/register", methods=["GET", "POST"])
@private_page
def register() -> ResponseReturnValue:
    """Ask for what an account needs. The answer is the same whoever has one already."""
    account = current_account()
    if account is not None:
        return redirect(landing(account), 303)
    form = RegisterForm()
    if form.is_submitted() and all((form.validate(), _fits(form))):
        try:
            _ask(form)
        except WAITS as error:
            only_read()
            form.form_errors.append(error.say())
            return later(_register_page(form), error)
        return redirect(url_for(".register_sent"), 303)
    only_read()
    return _register_page(form), 422 if form.is_submitted() else 200


@bp.get("/register/sent")
@private_page
def register_sent() -> ResponseReturnValue:
    """Say where to look. Neither the page nor its address says whose mailbox it is."""
    return render_template("account/sent.html", what="register")


def _fits(form: RegisterForm) -> bool:
    """Look at what a form's fields can't judge alone; what is wrong stands beside them."""
    email, username = form.email.data or "", form.username.data or ""
    fits = _strong_enough(
        form.password, second_factor=False, known=(site_here().name, email, username)
    )
    if form.username.errors:
        return False
    try:
        form.username.data = tidy_username(username) if username else ""
    except NotAUsername as error:
        form.username.errors = [error.say()]
        return False
    return fits


def _strong_enough(field: Any, *, second_factor: bool, known: tuple[str, ...]) -> bool:
    if field.errors:
        return False
    try:
        passwords.refuse_weak(field.data, second_factor=second_factor, known=known)
    except (TooShort, TooCommon) as error:
        field.errors = [error.say()]
        return False
    return True


def _ask(form: RegisterForm) -> None:
    """Write the request. Hashing comes before anything is written, and always. Commits."""
    now = utcnow()
    spend(REGISTERING, network(now), now=now)
    db.session.commit()
    to = vault().digest(Kind.ACCOUNT_EMAIL, form.email.data).hex()[:32]
    mailed = count_mail(to, now=now)
    hashed = passwords.hash_of(form.password.data)
    if mailed:
        username = form.username.data or None
        ask_for_account(form.email.data, hashed, username, language=current_language(), now=now)
        db.session.commit()


def _register_page(form: RegisterForm) -> str:
    return render_template(
        "account/register.html",
        form=form,
        least=passwords.LEAST_ALONE,
        links=document_links(),
    )


# -- The link in the mail ---------------------------------------------------------------------


@bp.route("/verify/<token>", methods=["GET", "POST"])
@private_page
def verify(token: str) -> ResponseReturnValue:
    """Open an account for whoever has the mailbox and knows the password; then come in.

    Opening the page consumes nothing: mail scanners open pages too.
    """
    form, now = OpenForm(), utcnow()
    try:
        link = mail_links.find(mail_links.VERIFY, token, now=now)
        page = partial(_open_page, form, token=token, username=link.account.username)
        if form.validate_on_submit():
            check_again(link.account, form.password.data, now=now)
            account = open_account(link, now=now)
            return come_in(account, strong=False, now=now, to=url_for("booking.account"))
    except (LinkUseless, IntegrityError):
        db.session.rollback()
        return useless_link()
    except NotTheirPassword:
        only_read()
        form.password.errors = [gettext("That isn’t the password you chose. Please check it.")]
    except WAITS as error:
        only_read()
        form.form_errors.append(error.say())
        return later(page(), error)
    return page(), 422 if form.is_submitted() else 200


def _open_page(form: OpenForm, *, token: str, username: str | None) -> str:
    return render_template("account/verify.html", form=form, token=token, username=username)


@bp.route("/invited/<token>", methods=["GET", "POST"])
@private_page
def invited(token: str) -> ResponseReturnValue:
    """Ask somebody whom the owner invited for a password; a second factor comes next."""
    form, now = InvitedForm(), utcnow()
    try:
        link = find_invitation(token, now=now)
        name, role = link.account.person.name or "", role_word(link.account.role)
        page = partial(_invited_page, form, token=token, name=name, role=role)
        known = (site_here().name, str(link.to), name)
        if form.validate_on_submit() and _strong_enough(
            form.password, second_factor=True, known=known
        ):
            return _accept(token, form.password.data)
    except (LinkUseless, IntegrityError):
        db.session.rollback()
        return useless_link()
    except NameTaken:
        only_read()
        form.form_errors.append(_taken_by_guest())
    except TooBusy as error:
        form.form_errors.append(error.say())
        return later(page(), error)
    return page(), 422 if form.is_submitted() else 200


def _accept(token: str, password: str) -> ResponseReturnValue:
    db.session.rollback()  # hashing must keep nobody waiting
    hashed = passwords.hash_of(password)
    now = utcnow()
    account = accept(find_invitation(token, now=now), hashed, now=now)
    return come_in(account, strong=False, now=now, to=url_for(".security", _anchor="second"))


def _taken_by_guest() -> str:
    # Whoever has the link has the mailbox, so this tells them nothing of somebody else.
    return gettext(
        "A guest’s account has this address already, and nobody can have both. Please ask the "
        "owner to invite you at another address."
    )


def _invited_page(form: InvitedForm, *, token: str, name: str, role: str) -> str:
    return render_template(
        "account/invited.html",
        form=form,
        token=token,
        name=name,
        role=role,
        least=passwords.LEAST_BESIDE,
    )
