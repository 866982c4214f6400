"""Ways back into an account: by a link in a mail, and away from somebody else."""

from datetime import datetime

from babel.dates import format_datetime
from flask import make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from app.accounts import mail_links
from app.accounts.blueprint import bp, useless_link
from app.accounts.entering import name_pseudonym
from app.accounts.forms import WayInForm
from app.accounts.mail_links import TOLD, WAY_IN, LinkUseless
from app.accounts.models import MailLink
from app.accounts.names import account_named
from app.accounts.registering import count_mail
from app.accounts.routes.arriving import later, step_in
from app.accounts.securing import secure
from app.accounts.sessions import SESSION, current_account
from app.accounts.words import NEWS, device_words
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.languages import current_locale, gettext
from app.core.limits import Limit, TooManyRequests, spend
from app.core.outbox import enqueue
from app.web.forms import EmptyForm
from app.web.network import network
from app.web.pages import private_page

# A hotel's whole Wi-Fi may have forgotten its passwords.
ASKING = Limit("way-in", burst=20, per_hour=30)


@bp.route("/way-in", methods=["GET", "POST"])
@private_page
def way_in() -> ResponseReturnValue:
    """Ask whose account a link is wanted for. The answer is the same if there is none."""
    form = WayInForm()
    if form.validate_on_submit():
        try:
            _ask(form.name.data, now=utcnow())
        except TooManyRequests as error:
            only_read()
            form.form_errors.append(error.say())
            return later(render_template("account/way-in.html", form=form), error)
        return redirect(url_for(".way_in_sent"), 303)
    return render_template("account/way-in.html", form=form), 422 if form.is_submitted() else 200


def _ask(name: str, *, now: datetime) -> None:
    """Have the worker look whether there is an address to write to. Commits."""
    spend(ASKING, network(now), now=now)
    db.session.commit()
    mailed = count_mail(name_pseudonym(name), now=now)
    account = account_named(name)
    if mailed:
        enqueue("account-way-in", {"account_id": account.id if account else None}, now=now)
    db.session.commit()


@bp.get("/way-in/sent")
@private_page
def way_in_sent() -> ResponseReturnValue:
    """Say where to look. Neither the page nor its address says whose mailbox it is."""
    return render_template("account/sent.html", what="way-in")


@bp.get("/way-in/<token>")
@private_page
def way_in_by_link(token: str) -> ResponseReturnValue:
    """Show the button. Opening the page consumes nothing: mail scanners open pages too."""
    try:
        _open_way(token, now=utcnow())
    except LinkUseless:
        return useless_link()
    action = url_for("accounts.way_in_by_link", token=token)
    return render_template("account/enter.html", form=EmptyForm(), action=action, owners=False)


@bp.post("/way-in/<token>")
@private_page
def use_way_in(token: str) -> ResponseReturnValue:
    """Come in by a mailed link, and choose a new password; a second factor is asked for too."""
    now = utcnow()
    try:
        link = _open_way(token, now=now)
        mail_links.use(link, now=now)
    except LinkUseless:
        db.session.rollback()
        return useless_link()
    account = link.account
    mail_links.end(account, WAY_IN)
    return step_in(account, now=now, to=url_for(".change_password"))


def _open_way(token: str, *, now: datetime) -> MailLink:
    """Return the link of an account that may be come in to. Raises LinkUseless."""
    link = mail_links.find(WAY_IN, token, now=now)
    if link.account.suspended_at is not None or link.account.verified_at is None:
        raise LinkUseless
    return link


# -- “This wasn’t me” -------------------------------------------------------------------------


@bp.get("/not-me/<token>")
@private_page
def not_me(token: str) -> ResponseReturnValue:
    """Say what will happen, and show the button that does it."""
    try:
        link = mail_links.find(TOLD, token, now=utcnow())
    except LinkUseless:
        return useless_link()
    account = link.account
    return render_template(
        "account/not-me.html",
        form=EmptyForm(),
        token=token,
        news=gettext(NEWS[link.news]),
        device=device_words(link.detail) if link.news == "signed_in" else "",
        at=format_datetime(link.created_at, "long", locale=current_locale()),
        moves_back=account.person.email != link.to,
        of_the_house=account.of_the_house,
    )


@bp.post("/not-me/<token>")
@private_page
def take_back(token: str) -> ResponseReturnValue:
    """Secure the account. Nobody is signed in by it: the mailbox leads on."""
    now = utcnow()
    try:
        present = current_account()
        account = secure(mail_links.find(TOLD, token, now=now), now=now)
        done = url_for(".secured", house=1 if account.of_the_house else None)
        db.session.commit()
    except (LinkUseless, IntegrityError):
        db.session.rollback()
        return useless_link()
    response = make_response(redirect(done, 303))
    if present is not None and present.id == account.id:
        SESSION.forget(response)
    return response


@bp.get("/secured")
@private_page
def secured() -> ResponseReturnValue:
    """Say what was done and what comes next."""
    return render_template("account/secured.html")
