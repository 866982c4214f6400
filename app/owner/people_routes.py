"""The owner's page of people: who has access, as what, since when; for owners alone."""

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms.fields.choices import SelectChoice

from app.accounts.models import HOUSE, OWNER, READER, STAFF, Account
from app.accounts.readings import LIST
from app.accounts.sessions import current_account
from app.core.clock import utcnow
from app.core.database import db
from app.core.languages import N_, current_language, gettext
from app.core.languages import lazy_gettext as _l
from app.core.limits import TooManyRequests
from app.owner import people
from app.owner.just_done import just_done
from app.owner.readings import noted
from app.owner.roles import sensitive
from app.owner.routes import at_place, bp
from app.owner.trail import record
from app.web.choice_fields import ChoiceField
from app.web.fields import EmailField, TextField
from app.web.forms import EmptyForm, Form

_PEOPLE = "/people"
_ONE = "/people/<int(max=2147483647):account_id>"
_DONE = {
    "invited": N_("The invitation is on its way."),
    "withdrawn": N_("The invitation is withdrawn. Its link opens nothing any more."),
    "role": N_("The role is changed. They are signed out everywhere, and told by mail."),
    "ended": N_("Their access has ended. They are signed out everywhere, and told by mail."),
    "back": N_("They may come in again, and are told by mail."),
}
"""What was just done, by the word in the address that it leads to."""

_BECOMES = {
    READER: N_("Let them only read"),
    STAFF: N_("Make them staff"),
    OWNER: N_("Make them an owner"),
}


class InviteForm(Form):
    """Invite somebody to help run the place."""

    name = TextField(
        _l("Name"),
        required=_l("Please enter their name."),
        most=100,
        why=_l("It stands in the list of people, and in the mail to them."),
        collects=("person.name",),
        autocomplete="off",
    )
    email = EmailField(
        _l("E-mail address"),
        required=_l("Please enter their e-mail address."),
        why=_l("The invitation goes there, and later whatever happens to their account."),
        collects=("person.email",),
        autocomplete="off",
    )
    role = ChoiceField(
        _l("Role"),
        required=_l("Please choose a role."),
        choices=(
            SelectChoice(READER, _l("may read: sees reservations, and changes nothing")),
            SelectChoice(STAFF, _l("staff: looks after reservations")),
            SelectChoice(OWNER, _l("owner: everything, and who else may come in")),
        ),
        why=_l("An owner can change it at any time."),
        collects=(),
    )


class RoleForm(Form):
    """Give somebody another role; each role is a button."""

    role = ChoiceField(
        _l("Role"), required=True, choices=[SelectChoice(role, role) for role in HOUSE], collects=()
    )


@bp.get(_PEOPLE, endpoint="people")
@sensitive("owner.people")
def people_page() -> ResponseReturnValue:
    """List everybody who may open the owner's pages, or was invited to."""
    found = people.members(now=utcnow())
    me = current_account() or abort(404)
    page = render_template(
        "owner/people.html",
        members=found,
        own_id=me.id,
        done=just_done(_DONE),
        becomes={role: gettext(word) for role, word in _BECOMES.items()},
        form=EmptyForm(),
        at=at_place(),
    )
    return noted(page, {one.person_id for one in found} - {me.person_id}, LIST)


@bp.route(f"{_PEOPLE}/invite", methods=["GET", "POST"])
@sensitive("owner.people")
def invite() -> ResponseReturnValue:
    """Ask whom to invite, and mail the invitation."""
    form = InviteForm()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        values = (str(form.name.data), str(form.email.data), str(form.role.data))
        now = utcnow()
        try:
            invited = people.invite(*values, language=current_language(), now=now)
        except people.AlreadyHere as error:
            db.session.rollback()
            form.email.errors = [error.say()]
        except TooManyRequests as error:
            db.session.rollback()
            form.form_errors.append(error.say())
            status = 429
        else:
            record("person.invited", "account", invited.id, now=now, role=invited.role)
            db.session.commit()
            return _done("invited")
    return render_template("owner/invite.html", form=form), status


@bp.post(f"{_ONE}/invite")
@sensitive("owner.people")
def invite_again(account_id: int) -> ResponseReturnValue:
    """Mail an invitation anew; its former link ends."""
    now = utcnow()
    people.invite_again(_member(account_id), now=now)
    record("person.invited_again", "account", account_id, now=now)
    db.session.commit()
    return _done("invited")


@bp.post(f"{_ONE}/withdraw")
@sensitive("owner.people")
def withdraw(account_id: int) -> ResponseReturnValue:
    """Delete an invitation that wasn't accepted."""
    now = utcnow()
    people.withdraw(_member(account_id), now=now)
    record("person.withdrawn", "account", account_id, now=now)
    db.session.commit()
    return _done("withdrawn")


@bp.post(f"{_ONE}/role")
@sensitive("owner.people")
def change_role(account_id: int) -> ResponseReturnValue:
    """Give somebody another role."""
    form = RoleForm()
    account = _member(account_id)
    if not form.validate():
        abort(422)
    now, was = utcnow(), account.role
    people.change_role(account, str(form.role.data), by=_me(), now=now)
    record("person.role", "account", account_id, now=now, was=was, role=account.role)
    db.session.commit()
    return _done("role")


@bp.post(f"{_ONE}/end")
@sensitive("owner.people")
def end_person(account_id: int) -> ResponseReturnValue:
    """End somebody's access."""
    now = utcnow()
    people.suspend(_member(account_id), by=_me(), now=now)
    record("person.ended", "account", account_id, now=now)
    db.session.commit()
    return _done("ended")


@bp.post(f"{_ONE}/readmit")
@sensitive("owner.people")
def readmit(account_id: int) -> ResponseReturnValue:
    """Let somebody in again."""
    now = utcnow()
    people.readmit(_member(account_id), now=now)
    record("person.readmitted", "account", account_id, now=now)
    db.session.commit()
    return _done("back")


def _member(account_id: int) -> Account:
    return people.member(account_id) or abort(404)


def _me() -> Account:
    return current_account() or abort(404)


def _done(what: str) -> ResponseReturnValue:
    return redirect(url_for(".people", done=what), 303)
