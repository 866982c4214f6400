"""The owner's list of whom an incident concerns: by name, added to, left out of, told (C15)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.accounts.readings import LIST
from app.continuity import incidents, incidents_errors, incidents_telling
from app.continuity.incidents_models import Incident
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.owner import incidents_pages as shown
from app.owner.incidents_forms import AddForm, LeaveOutForm
from app.owner.incidents_routes import (
    ONE,
    done_words,
    get_incident,
    put_on_trail,
    refused,
)
from app.owner.readings import noted
from app.owner.roles import sensitive
from app.owner.routes import at_place, bp
from app.web.forms import EmptyForm


@bp.get(f"{ONE}/people", endpoint="incident_people")
@sensitive("owner.incidents")
def incident_people(incident_id: int) -> ResponseReturnValue:
    """Show whom it concerns, by name; that their names were shown is noted."""
    return _people(get_incident(incident_id))


# -- Acts upon the list -------------------------------------------------------------------


@bp.post(f"{ONE}/people/add", endpoint="add_to_incident")
@sensitive("owner.incidents")
def add_to_incident(incident_id: int) -> ResponseReturnValue:
    """Put somebody on the list."""
    incident, form, now = get_incident(incident_id), AddForm(), utcnow()
    if not form.validate():
        only_read()
        return _people(incident, add_form=form), 422
    try:
        incidents.add(incident, str(form.who.data), str(form.reason.data), now=now)
    except incidents_errors.NobodyFound as error:
        db.session.rollback()
        only_read()
        form.who.errors = [error.say()]
        return _people(get_incident(incident_id), add_form=form), 422
    except DomainError as error:
        return refused(incident_id, error)
    put_on_trail(incident, "added", now=now)
    return _to_people(incident, "added")


@bp.post(f"{ONE}/people/<int(max=2147483647):row_id>/out", endpoint="leave_out_of_incident")
@sensitive("owner.incidents")
def leave_out_of_incident(incident_id: int, row_id: int) -> ResponseReturnValue:
    """Take somebody off the list, with a reason."""
    form = LeaveOutForm()
    if not form.validate():
        only_read()
        return _people(get_incident(incident_id), out_form=form, out_of=row_id), 422

    def act(incident: Incident, row: Any, now: datetime) -> None:
        incidents.leave_out(incident, row, str(form.reason.data), now=now)

    return _upon(incident_id, row_id, act, "out")


@bp.post(f"{ONE}/people/<int(max=2147483647):row_id>/in", endpoint="take_into_incident")
@sensitive("owner.incidents")
def take_into_incident(incident_id: int, row_id: int) -> ResponseReturnValue:
    """Put somebody back on the list."""

    def act(incident: Incident, row: Any, now: datetime) -> None:
        incidents.take_in(incident, row, now=now)

    return _upon(incident_id, row_id, act, "back")


@bp.post(f"{ONE}/people/<int(max=2147483647):row_id>/told", endpoint="told_of_incident")
@sensitive("owner.incidents")
def told_of_incident(incident_id: int, row_id: int) -> ResponseReturnValue:
    """Note that somebody was told by telephone or letter."""

    def act(incident: Incident, row: Any, now: datetime) -> None:
        incidents_telling.by_hand(incident, row, now=now)

    return _upon(incident_id, row_id, act, "told")


# -- How ----------------------------------------------------------------------------------


def _upon(
    incident_id: int, row_id: int, verb: Callable[[Incident, Any, datetime], None], done: str
) -> ResponseReturnValue:
    incident, now = get_incident(incident_id), utcnow()
    if not EmptyForm().validate_on_submit():
        abort(400)
    row = incidents.row_of(incident, row_id) or abort(404)
    try:
        verb(incident, row, now)
    except DomainError as error:
        return refused(incident_id, error)
    put_on_trail(incident, done, now=now)
    return _to_people(incident, done)


def _to_people(incident: Incident, done: str) -> ResponseReturnValue:
    return redirect(url_for(".incident_people", incident_id=incident.id, done=done), 303)


def _people(incident: Incident, *, out_of: int = 0, **more: Any) -> str:
    asked = request.args.get("page", "1")
    page = int(asked) if asked.isdigit() and 0 < int(asked[:6]) < 100_000 else 1
    found, has_more, names = shown.people_of(incident, page)
    out = request.args.get("out", "")
    wanted = int(out) if out.isdigit() and len(out) < 12 else out_of
    leaving = next((one for one in found if one["row"].id == wanted), None)
    html = render_template(
        "owner/incident_people.html",
        incident=incident,
        found=found,
        leaving=leaving,
        more=has_more,
        page=page,
        gone=incidents.gone(incident),
        done=done_words(),
        at=at_place(),
        empty=EmptyForm(formdata=None),
        **{"add_form": AddForm(formdata=None), "out_form": LeaveOutForm(formdata=None), **more},
    )
    return noted(html, names, LIST)
