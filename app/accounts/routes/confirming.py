"""Asking somebody signed in once more who they are, before what is sensitive."""

from typing import NamedTuple

import sqlalchemy as sa
from flask import abort, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.accounts import codes
from app.accounts.blueprint import bp
from app.accounts.codes import WrongCode
from app.accounts.entering import NotTheirPassword, check_again, check_code, keep
from app.accounts.forms import ConfirmForm
from app.accounts.mail_links import tell
from app.accounts.models import Account, Passkey
from app.accounts.routes.arriving import WAITS, later, wished
from app.accounts.sessions import account_required, current_account, renew_present_session
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.languages import gettext


class Proofs(NamedTuple):
    """What an account has that can prove whose it is."""

    password: bool
    code: bool
    passkey: bool


@bp.route("/confirm", methods=["GET", "POST"])
@account_required
def confirm() -> ResponseReturnValue:
    """Take a password or a code, renew the session, and lead back."""
    account, form = current_account() or abort(404), ConfirmForm()
    proofs, house = _proofs_of(account), account.of_the_house
    if form.validate_on_submit():
        try:
            if _show(account, form):
                return _renewed(by_code=not form.password.data)
        except NotTheirPassword as error:
            form.password.errors = [error.say()]
        except WrongCode as error:
            form.code.errors = [error.say()]
        except WAITS as error:
            only_read()
            form.form_errors.append(error.say())
            return later(_page(form, proofs, house=house), error)
    only_read()
    return _page(form, proofs, house=house), 422 if form.is_submitted() else 200


def _show(account: Account, form: ConfirmForm) -> bool:
    """Look at the one proof that was given; tell whether one was.

    Raises NotTheirPassword, WrongCode, TooManyRequests, TooBusy.
    """
    now = utcnow()
    if form.password.data:
        check_again(account, form.password.data, now=now)
    elif form.code.data:
        if check_code(account, form.code.data, now=now):
            tell(account, "recovery_code_used", now=now)
    else:
        form.form_errors.append(gettext("Please enter one of them."))
        return False
    return True


def _renewed(*, by_code: bool) -> ResponseReturnValue:
    """Give the session a new id. A code beside the first factor makes two."""
    token = renew_present_session(now=utcnow(), strong=by_code)
    db.session.commit()
    return keep(make_response(redirect(wished() or url_for(".security"), 303)), token)


def _proofs_of(account: Account) -> Proofs:
    passkeys = sa.select(Passkey.id).where(Passkey.account_id == account.id).limit(1)
    return Proofs(
        password=account.password is not None,
        code=account.totp is not None or codes.codes_left(account) > 0,
        passkey=db.session.scalar(passkeys) is not None,
    )


def _page(form: ConfirmForm, proofs: Proofs, *, house: bool) -> str:
    return render_template(
        "account/confirm.html", form=form, proofs=proofs, of_the_house=house, to=wished()
    )
