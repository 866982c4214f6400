"""What everybody reads of incidents, and what each person reads of their own (C15)."""

from collections.abc import Iterator
from datetime import datetime

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from app.booking.shop import NothingOnOffer, shop
from app.booking.wording import long_day
from app.continuity import incidents
from app.continuity.incidents_clocks import AUTHORITY_HOURS, CHINA_HOURS, law_of
from app.continuity.incidents_models import Incident, IncidentPerson
from app.continuity.incidents_words import PARTS, kinds_words
from app.core.clock import utcnow
from app.core.languages import DEFAULT, current_language, gettext
from app.policy.checks import Line, shows
from app.privacy.subjects import Subject, present
from app.privacy.terms import place
from app.web.pages import private_page

bp = Blueprint("incidents", __name__)


@bp.get("/privacy/incidents")
def show() -> ResponseReturnValue:
    """Tell what is done if something goes wrong, and what did where that is public."""
    now = utcnow()
    try:
        venue = shop().venue
    except NothingOnOffer:
        venue = None
    law = law_of(place().country)
    rehearsed = incidents.last_rehearsed()
    return render_template(
        "incidents/show.html",
        hours=law.authority_hours,
        authority_ground=gettext(law.authority_ground),
        people_ground=gettext(law.people_ground),
        china_hours=CHINA_HOURS if place().country == "CN" else 0,
        usual_hours=AUTHORITY_HOURS,
        public=[(one, day_of(one.began_at), said(one)) for one in incidents.public_ones(now=now)],
        rehearsed=day_of(rehearsed) if rehearsed else "",
        venue=venue,
    )


def day_of(moment: datetime) -> str:
    """Return the day of an instant in the place's calendar, in words."""
    return long_day(moment.astimezone(place().zone).date())


def said(incident: Incident) -> dict[str, str]:
    """Return what the owner wrote, in the reader's language, or else in English."""
    own = incidents.texts_of(incident, current_language())
    english = incidents.texts_of(incident, DEFAULT)
    return {part: own.get(part) or english.get(part, "") for part in PARTS}


@bp.get("/account/incidents", endpoint="mine")
@bp.get("/data/<key>/incidents", endpoint="mine")
@private_page
def mine(key: str | None = None) -> ResponseReturnValue:
    """Show somebody what went wrong with something of theirs."""
    subject = present(key)
    if not isinstance(subject, Subject):
        return subject
    found = incidents.of_persons(subject.person_ids)
    return render_template("incidents/mine.html", subject=subject, found=list(_told(found)))


def _told(rows: list[IncidentPerson]) -> Iterator[dict[str, object]]:
    """Yield each incident once, with the kinds of all the persons that one is."""
    by_incident: dict[int, list[IncidentPerson]] = {}
    for row in rows:
        by_incident.setdefault(row.incident_id, []).append(row)
    for several in by_incident.values():
        incident = several[0].incident
        kinds = sorted({kind for row in several for kind in row.kinds})
        sealed = sorted({kind for row in several for kind in row.sealed_kinds} - set(kinds))
        yield {
            "day": day_of(incident.began_at),
            "kinds": kinds_words(kinds),
            "sealed": kinds_words(sealed),
            "closed": day_of(incident.closed_at) if incident.closed_at else "",
            **said(incident),
        }


def _rehearsed(_now: datetime) -> Iterator[Line]:
    """Say beside the policy's text when it was rehearsed last."""
    at = incidents.last_rehearsed()
    text = (
        gettext("Rehearsed from end to end on %(day)s.", day=day_of(at))
        if at
        else gettext("Not rehearsed on this site yet.")
    )
    yield Line(text, url_for("incidents.show"))


shows("C15", _rehearsed)
