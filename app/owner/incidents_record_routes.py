"""The owner writes down what happened (C15)."""

from datetime import datetime
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue

from app.accounts.models import OWNER
from app.booking.shop import zone_here
from app.continuity import incidents
from app.continuity.incidents_said import Report, Scope
from app.core.clock import utcnow
from app.core.database import db, only_read
from app.core.errors import DomainError
from app.owner import incidents_pages as shown
from app.owner.incidents_forms import RecordForm
from app.owner.incidents_routes import put_on_trail, to_incident
from app.owner.roles import needs
from app.owner.routes import bp


@bp.get("/incidents/new", endpoint="new_incident")
@needs(OWNER)
def new_incident() -> ResponseReturnValue:
    """Ask what happened."""
    return _new(shown.record_form(empty=True))


@bp.post("/incidents/new", endpoint="record_incident")
@needs(OWNER)
def record_incident() -> ResponseReturnValue:
    """Write it down, and list whom it concerns."""
    form, now = shown.record_form(), utcnow()
    if not form.validate():
        only_read()
        return _new(form), 422
    try:
        incident = incidents.record(_said(form, now=now), now=now)
    except DomainError as error:
        return _beside(form, error)
    put_on_trail(incident, "recorded", now=now, kind=incident.kind)
    return to_incident(incident, "recorded")


def _beside(form: RecordForm, error: DomainError) -> ResponseReturnValue:
    db.session.rollback()
    only_read()
    fields = {"NotInOrder": "noticed_on", "NobodyFound": "who", "NothingNamed": "tables"}
    field: Any = form[fields[type(error).__name__]]
    field.errors = [error.say()]
    return _new(form), 422


def _said(form: RecordForm, *, now: datetime) -> Report:
    noticed_at, began_at, ended_at = form.span(zone_here(), now=now)
    return Report(
        kind=str(form.kind.data),
        noticed_at=noticed_at,
        began_at=began_at,
        ended_at=ended_at,
        scope=Scope(
            tables=form.tables.data or (),
            kinds=form.kinds.data or (),
            accounts=[int(one) for one in form.accounts.data or ()],
            backups=[int(one) for one in form.backups.data or ()],
            mailbox=bool(form.mailbox.data),
            keys=bool(form.keys.data),
            master=bool(form.master.data),
        ),
        note=str(form.note.data or ""),
        who=str(form.who.data or ""),
        rehearsal=bool(form.rehearsal.data),
    )


def _new(form: RecordForm) -> str:
    return render_template("owner/incident_new.html", form=form)
