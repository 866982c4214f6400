"""What somebody with an account allows beyond what a booking needs: switches, off at first."""

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.accounts.claims import persons_of
from app.accounts.sessions import account_required, current_account
from app.consent import permissions
from app.consent.words import permission_lines
from app.core.clock import utcnow
from app.core.database import in_one_go
from app.core.datamap import Purpose
from app.web.forms import EmptyForm

bp = Blueprint("consent_permissions", __name__)


@bp.get("/account/permissions")
@account_required
def show() -> ResponseReturnValue:
    """Show how each switch stands, and every time that it was turned."""
    who = current_account() or abort(404)
    persons = persons_of(who)
    return render_template(
        "consent/permissions.html",
        form=EmptyForm(),
        asked=bool(permissions.permitted(persons, Purpose.SURVEY)),
        lines=permission_lines(permissions.history(persons, Purpose.SURVEY)),
    )


@bp.post("/account/permissions/survey/on")
@account_required
def give_survey() -> ResponseReturnValue:
    """Say yes to being asked after a stay."""
    who, now = current_account() or abort(404), utcnow()
    if not EmptyForm().validate_on_submit():
        abort(400)
    person_id = who.person_id
    in_one_go(lambda: permissions.give(person_id, Purpose.SURVEY, how=permissions.ACCOUNT, now=now))
    return redirect(url_for(".show", _anchor="survey"), 303)


@bp.post("/account/permissions/survey/off")
@account_required
def take_back_survey() -> ResponseReturnValue:
    """Take the yes back, wherever it was given: nothing is sent from this moment on."""
    who, now = current_account() or abort(404), utcnow()
    if not EmptyForm().validate_on_submit():
        abort(400)
    persons = persons_of(who)
    in_one_go(lambda: permissions.take_back(persons, Purpose.SURVEY, now=now))
    return redirect(url_for(".show", _anchor="survey"), 303)
